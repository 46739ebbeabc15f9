//! Words as the readers of files want them. Pure.

use std::fmt::Write as _;

/// A path in a unit: quoted where it has to be, `%` twice (systemd.unit(5), "Specifiers"; systemd.syntax(7)).
pub fn systemd_path(text: &str) -> String {
    in_unit(&text.replace('%', "%%"))
}

/// An argument of `ExecStart=`, in which `$` begins a variable, too (systemd.service(5), "Command lines").
pub fn systemd_argument(text: &str) -> String {
    in_unit(&text.replace('%', "%%").replace('$', "$$"))
}

fn in_unit(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+$~[]".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_ascii_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// A word of POSIX shells.
pub fn posix(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A word of fish, in whose single quotes a backslash quotes itself and the quote (fish, "Quotes").
pub fn fish(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// Text of an element of XML.
pub fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, argument: &str, path: &str) {
        assert_eq!((systemd_argument(text).as_str(), systemd_path(text).as_str()), (argument, path), "{text:?}");
    }

    #[test]
    fn what_systemd_would_read_as_something_else_is_quoted() {
        check("--translate", "--translate", "--translate");
        check("--listen=127.0.0.1:1", "--listen=127.0.0.1:1", "--listen=127.0.0.1:1");
        check("", r#""""#, r#""""#);
        check("my model", r#""my model""#, r#""my model""#);
        check("100%", "100%%", "100%%");
        check("$HOME/x", "$$HOME/x", "$HOME/x");
        check(";", r#"";""#, r#"";""#);
        check(r#"a"b\c'd"#, r#""a\"b\\c'd""#, r#""a\"b\\c'd""#);
        check("a\nb\u{1}", r#""a\nb\x01""#, r#""a\nb\x01""#);
        check("été", "\"été\"", "\"été\"");
    }

    #[test]
    fn shells_get_one_word() {
        assert_eq!((posix("it's $x"), fish(r"it's \n")), (r"'it'\''s $x'".into(), r"'it\'s \\n'".into()));
        assert_eq!(xml("a<b>&c"), "a&lt;b&gt;&amp;c");
    }
}
