//! Command lines out of words, and patches as Codex understands them.

use serde_json::Value;

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";

/// The words of a command; numbers count as words.
pub(super) fn words(items: &[Value]) -> Option<Vec<String>> {
    items
        .iter()
        .map(|item| match item {
            Value::String(word) => Some(word.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        })
        .collect()
}

/// `["bash","-lc","ls"]` is `ls`: the tool starts a shell itself.
pub(super) fn command_line(argv: &[String]) -> Option<String> {
    match argv {
        [] => None,
        [line] => Some(line.clone()),
        [tool, text] if is_apply_patch(tool) && patch_of(text).is_some() => patch_of(text).map(heredoc),
        [shell, flag, script] if is_shell(shell) && runs_script(flag) => Some(script.clone()),
        [shell, login, flag, script] if is_shell(shell) && login == "-l" && flag == "-c" => Some(script.clone()),
        words => Some(joined(words)),
    }
}

pub(super) fn joined(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// Only what any login shell understands alike.
fn is_shell(word: &str) -> bool {
    matches!(word.rsplit('/').next(), Some("bash" | "sh"))
}

fn runs_script(flag: &str) -> bool {
    matches!(flag, "-c" | "-lc" | "-cl" | "-ic" | "-lic" | "-ilc")
}

pub(super) fn is_apply_patch(word: &str) -> bool {
    matches!(word.trim(), "apply_patch" | "applypatch")
}

fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A text that is a patch and nothing else. A missing end is for Codex to complain of.
pub(super) fn patch_of(text: &str) -> Option<&str> {
    let patch = text.trim();
    if !patch.starts_with(BEGIN) {
        return None;
    }
    match patch.rfind(END) {
        Some(at) if patch[at + END.len()..].trim().is_empty() => Some(&patch[..at + END.len()]),
        Some(_) => None,
        None => Some(patch),
    }
}

/// The one form that every Codex from 0.98 to 0.169 applies itself, without a shell. The end word never occurs in the patch.
pub(super) fn heredoc(patch: &str) -> String {
    let mut end = "EOF".to_owned();
    if patch.contains(&end) {
        let longest = patch.split(|c| c != '_').map(str::len).max().unwrap_or_default();
        end.push_str(&"_".repeat(longest + 1));
    }
    format!("apply_patch <<'{end}'\n{patch}\n{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_a_line() {
        for (argv, line) in [
            (&["bash", "-lc", "ls | wc"][..], "ls | wc"),
            (&["/bin/sh", "-c", "ls"], "ls"),
            (&["bash", "-l", "-c", "ls"], "ls"),
            (&["ls -la"], "ls -la"),
            (&["git", "commit", "-m", "it's"], r"git commit -m 'it'\''s'"),
            (&["echo", "", "$HOME", "a b"], "echo '' '$HOME' 'a b'"),
            (&["zsh", "-c", "a b"], "zsh -c 'a b'"),
            (&["bash", "-lc", "a", "b c"], "bash -lc a 'b c'"),
            (&["bash", "x.sh"], "bash x.sh"),
        ] {
            let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(command_line(&argv).as_deref(), Some(line));
        }
        assert_eq!(command_line(&[]), None);
    }

    #[test]
    fn the_end_word_is_not_in_the_patch() {
        assert_eq!(heredoc("*** Begin Patch"), "apply_patch <<'EOF'\n*** Begin Patch\nEOF");
        for patch in ["+EOF", "+EOF_", "EOF_ EOF__", "+x <<EOF___\n+EOF___"] {
            let line = heredoc(patch);
            let end = line.lines().last().unwrap();
            assert!(!patch.contains(end), "{line}");
            assert!(line.starts_with(&format!("apply_patch <<'{end}'\n")), "{line}");
        }
    }

    #[test]
    fn a_patch_is_a_patch_alone() {
        let patch = "*** Begin Patch\n*** Delete File: a\n*** End Patch";
        assert_eq!(patch_of(&format!("\n{patch}\n")), Some(patch));
        assert_eq!(patch_of(&format!("{patch}\nand more")), None);
        assert_eq!(patch_of("cat <<EOF\n*** Begin Patch"), None);
        assert_eq!(patch_of("*** Begin Patch\n+cut"), Some("*** Begin Patch\n+cut"));
    }
}
