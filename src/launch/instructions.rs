//! How much the model is told of Codex's ways, and what that costs.

use clap::ValueEnum;

use super::gates::Gates;
use crate::words;
use crate::words::Words;

/// What a model of Ollama is told of Codex's ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Instructions {
    /// All that Codex says to models that it does not know: up to 5200 tokens
    #[default]
    Full,
    /// Only the rules that its tools need: about 300 tokens
    Compact,
    /// Nothing: 0 tokens. What the tools are for, the model has to guess
    None,
}

/// What Codex tells a model that it does not know: 20 771 bytes in 0.98 and 0.130, 16 979 in 0.169.
const FULL_BYTES: usize = 20_771;
/// English of this kind, by the tokenizers of qwen3 and gpt-oss.
const BYTES_A_TOKEN: usize = 4;

/// The rules without which Codex's tools do not work. A patch goes through `exec_command`, as the tool that Codex's own
/// text speaks of is not declared to local models; Codex recognises it there, and applies it itself.
pub const COMPACT: &str = "\
You are a coding agent in a terminal. You share a workspace with the user, and work until the task is done.

- Act by calling tools. Use only tools that are declared, by their exact names, and give all arguments as one JSON object.
- `exec_command` runs a shell command: {\"cmd\": \"rg -n TODO src\"}. Read files with sed or cat, search with rg, list with ls.
- There is no tool `apply_patch`. Edit files by running a patch with `exec_command`, in exactly this form:

apply_patch <<'EOF'
*** Begin Patch
*** Update File: src/example.txt
@@
 a line that stays
-a line that goes
+a line that comes
*** Add File: src/new.txt
+its first line
*** Delete File: src/old.txt
*** End Patch
EOF

- Paths are relative to the workspace. Look at a file before you change it, and change no more than the task needs.
- After a change, run the tests or the program. When a command fails, read its output and try another way.
- Never say that something is done before a tool has shown it. Never undo changes that are not yours.
- When all is done, say in a few lines what you changed and where.
";

impl Instructions {
    /// Of what is asked for, what this Codex can be given.
    #[must_use]
    pub fn possible(self, gates: &Gates) -> Self {
        match self {
            // A file of instructions must not be empty, so only a catalogue can say nothing.
            Self::None if !gates.catalogue => Self::Full,
            Self::Full | Self::Compact | Self::None => self,
        }
    }

    /// What stands in place of Codex's own. None: its own stay.
    pub fn text(self) -> Option<&'static str> {
        match self {
            Self::Full => None,
            Self::Compact => Some(COMPACT),
            Self::None => Some(""),
        }
    }

    /// As it is typed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Compact => "compact",
            Self::None => "none",
        }
    }

    /// In each request, about.
    pub fn tokens(self) -> usize {
        let bytes = self.text().map_or(FULL_BYTES, str::len);
        // To hundreds: tokenizers differ by more than that.
        bytes.div_ceil(BYTES_A_TOKEN * 100) * 100
    }

    /// What it costs, and what that means.
    pub fn cost(self) -> Words {
        let tokens = self.tokens();
        match self {
            Self::Full => words!(
                "full: Codex's own instructions, up to {tokens} tokens of each request; they leave no room for a catalogue",
                "full : les instructions de Codex lui-même, jusqu'à {tokens} tokens par requête ; elles ne laissent pas de place à un catalogue"
            ),
            Self::Compact => words!(
                "compact: only the rules that its tools need, about {tokens} tokens of each request",
                "compact : seulement les règles dont ses outils ont besoin, environ {tokens} tokens par requête"
            ),
            Self::None => words!(
                "none: no instructions, {tokens} tokens; the model has to guess what the tools are for",
                "none : aucune instruction, {tokens} token ; le modèle doit deviner à quoi servent les outils"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_less_costs_less() {
        assert_eq!(Instructions::None.tokens(), 0);
        assert!(Instructions::Compact.tokens() * 5 < Instructions::Full.tokens());
        assert!(COMPACT.len() < FULL_BYTES / 8, "{}", COMPACT.len());
    }

    #[test]
    fn a_codex_without_catalogues_cannot_be_told_nothing() {
        let old = Gates::of(Some((0, 98)));
        assert_eq!(Instructions::None.possible(&old), Instructions::Full);
        assert_eq!(Instructions::Compact.possible(&old), Instructions::Compact);
        assert_eq!(Instructions::None.possible(&Gates::of(None)), Instructions::None);
    }

    #[test]
    fn the_short_text_shows_how_a_patch_is_run() {
        assert!(COMPACT.contains("apply_patch <<'EOF'\n*** Begin Patch\n") && COMPACT.contains("exec_command"));
    }
}
