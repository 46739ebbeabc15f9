//! A short name for the launcher, as a line of a shell's configuration.

use clap::ValueEnum;

/// Whose configuration the line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// `~/.bashrc`
    Bash,
    /// `~/.zshrc`
    Zsh,
    /// `~/.config/fish/config.fish`
    Fish,
}

impl Shell {
    /// Of a path such as `/usr/bin/zsh`; those that are not known read what bash reads.
    pub fn of_path(path: &str) -> Self {
        match path.rsplit('/').next().unwrap_or_default() {
            "zsh" => Self::Zsh,
            "fish" => Self::Fish,
            _ => Self::Bash,
        }
    }

    /// The file that an interactive shell reads.
    pub fn file(self) -> &'static str {
        match self {
            Self::Bash => "~/.bashrc",
            Self::Zsh => "~/.zshrc",
            Self::Fish => "~/.config/fish/config.fish",
        }
    }

    /// `oc` alone talks; what stands behind it is Codex's own: `oc exec "fix the tests"`.
    pub fn line(self) -> &'static str {
        match self {
            Self::Bash | Self::Zsh => "alias oc='ollama-forward codex --'\n",
            Self::Fish => "alias oc 'ollama-forward codex --'\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_gets_its_own_line() {
        for (path, shell) in
            [("/bin/bash", Shell::Bash), ("/usr/bin/zsh", Shell::Zsh), ("fish", Shell::Fish), ("", Shell::Bash)]
        {
            assert_eq!(Shell::of_path(path), shell, "{path}");
        }
        assert!(Shell::Fish.line().starts_with("alias oc 'ollama-forward codex --'"));
        assert!(Shell::Zsh.line().starts_with("alias oc='"));
    }
}
