//! A block in the profile of a shell, which starts a forward at login where no systemd does. Pure.
//!
//! ```text
//! text of the user ‹line's end› begin ─ options ─ command ─ end  (more text of the user)
//! ```
//! Taken out again, what remains is what was there, byte for byte.

use super::Setup;
use super::quote::{fish, posix};

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// sh, bash, zsh, and what reads `~/.profile`.
    Posix,
    Fish,
}

const BEGIN: &str = "# >>> ollama-forward service >>>";
/// Instead, in a file that was made for it: that goes with its block.
const BEGIN_NEW: &str = "# >>> ollama-forward service, in a file of its own >>>";
const END: &str = "# <<< ollama-forward service <<<\n";
const OPTIONS: &str = "# options: ";

/// The block of a setup. It says nothing and waits for nobody: a login must not take longer, or fail.
fn block(setup: &Setup, shell: Shell, begin: &str) -> String {
    let options = serde_json::to_string(&setup.options).expect("texts are plain data");
    let command = match shell {
        Shell::Posix => {
            let program = posix(&setup.program);
            format!("if [ -x {program} ]; then\n    ({program} service start </dev/null >/dev/null 2>&1 &)\nfi\n")
        }
        Shell::Fish => {
            let program = fish(&setup.program);
            format!(
                "if status is-login; and test -x {program}\n    \
                 {program} service start </dev/null >/dev/null 2>&1 &\n    disown\nend\n"
            )
        }
    };
    format!(
        "{begin}\n# Starts it in the background, unless it runs. `ollama-forward service uninstall` takes this out.\n\
         {OPTIONS}{options}\n{command}{END}"
    )
}

/// The text with the block of this setup: in the place of an older one, or at its end. None for `old`: there is no file.
pub fn with_block(old: Option<&str>, setup: &Setup, shell: Shell) -> String {
    let Some(old) = old else { return block(setup, shell, BEGIN_NEW) };
    match find(old) {
        Some(found) => {
            let begin = if found.is_own_file { BEGIN_NEW } else { BEGIN };
            [&old[..found.from], &block(setup, shell, begin), &old[found.to..]].concat()
        }
        // An empty line before it, or the end of a last line that has none: it goes with the block.
        None if old.is_empty() => block(setup, shell, BEGIN),
        None => [old, "\n", &block(setup, shell, BEGIN)].concat(),
    }
}

/// What remains without the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    Text(String),
    /// The file was made for the block, and nobody has written anything else into it.
    NoFile,
}

/// None: there is no block.
pub fn without_block(text: &str) -> Option<Rest> {
    let found = find(text)?;
    let (before, after) = (&text[..found.from], &text[found.to..]);
    // What was written behind the block must not be joined to a line before it.
    let before = match before.strip_suffix('\n') {
        Some(rest) if after.is_empty() || rest.ends_with('\n') || rest.is_empty() => rest,
        Some(_) | None => before,
    };
    let rest = [before, after].concat();
    Some(if rest.is_empty() && found.is_own_file { Rest::NoFile } else { Rest::Text(rest) })
}

/// The options of the block. None: there is none.
pub fn options(text: &str) -> Option<Vec<String>> {
    let found = find(text)?;
    let line = text[found.from..found.to].lines().find_map(|line| line.strip_prefix(OPTIONS));
    Some(line.and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default())
}

struct Found {
    from: usize,
    to: usize,
    is_own_file: bool,
}

/// The block, where it has both ends, and each at the start of a line.
fn find(text: &str) -> Option<Found> {
    let mut at = 0;
    let mut begun = None;
    for line in text.split_inclusive('\n') {
        let plain = line.trim_end_matches(['\r', '\n']);
        if plain == BEGIN || plain == BEGIN_NEW {
            begun = Some((at, plain == BEGIN_NEW));
        } else if plain == END.trim_end()
            && let Some((from, is_own_file)) = begun
        {
            return Some(Found { from, to: at + line.len(), is_own_file });
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[track_caller]
    fn goes_as_it_came(text: &str) {
        let with = with_block(Some(text), &example(), Shell::Posix);
        assert!(with.starts_with(text) && with.ends_with(END), "{with:?}");
        assert_eq!(without_block(&with), Some(Rest::Text(text.to_owned())));
    }

    #[test]
    fn a_block_goes_as_it_came() {
        for text in ["", "\n", "export A=1\n", "no end of line", "a\n\n", "a\r\n", "é", "\n\n\n"] {
            goes_as_it_came(text);
        }
    }

    #[test]
    fn what_was_written_behind_it_stays_a_line_of_its_own() {
        for (before, rest) in [("a\n", "a\nb\n"), ("a", "a\nb\n"), ("", "b\n")] {
            let with = with_block(Some(before), &example(), Shell::Posix) + "b\n";
            assert_eq!(without_block(&with), Some(Rest::Text(rest.to_owned())), "{before:?}");
        }
    }

    #[test]
    fn a_file_that_was_made_for_it_goes_with_it() {
        let with = with_block(None, &example(), Shell::Fish);
        assert_eq!(without_block(&with), Some(Rest::NoFile));
        assert_eq!(without_block(&(with + "set x 1\n")), Some(Rest::Text("set x 1\n".into())));
    }

    #[test]
    fn an_older_block_is_replaced_where_it_stands() {
        let first = with_block(Some("a\n"), &example(), Shell::Posix) + "b\n";
        let other = Setup { options: vec!["--it's".into(), "x y".into()], ..example() };
        let second = with_block(Some(&first), &other, Shell::Posix);
        assert_eq!(options(&second), Some(other.options));
        assert_eq!(second.matches(BEGIN).count(), 1);
        assert_eq!(without_block(&second), without_block(&first));
    }

    #[test]
    fn half_a_block_is_none() {
        for text in ["", "x", BEGIN, END, "# <<< ollama-forward service <<<\n# >>> ollama-forward service >>>\n"] {
            assert_eq!((without_block(text), options(text)), (None, None), "{text:?}");
        }
    }

    #[test]
    fn it_waits_for_nobody_and_says_nothing() {
        let setup = Setup { program: "/opt/it's/x".into(), ..example() };
        let posix = with_block(None, &setup, Shell::Posix);
        assert!(posix.contains(r"    ('/opt/it'\''s/x' service start </dev/null >/dev/null 2>&1 &)"), "{posix}");
        let fish = with_block(None, &setup, Shell::Fish);
        assert!(fish.contains(r"    '/opt/it\'s/x' service start </dev/null >/dev/null 2>&1 &"), "{fish}");
    }
}
