//! The property list for launchd, for those who run the bridge on macOS. Pure.

use super::Setup;
use super::quote::xml;

/// The name under which launchd knows it.
const LABEL: &str = "ollama-forward";

/// The whole file, with what to do with it. `home`: of whom it is for.
pub fn property_list(setup: &Setup, home: &str) -> String {
    let words = [&setup.program].into_iter().chain(&setup.options);
    let words: Vec<String> = words.map(|word| format!("        <string>{}</string>\n", xml(word))).collect();
    let words = words.concat();
    let log = format!("{home}/Library/Logs/{LABEL}.log");
    let instructions = instructions(&log);
    let log = xml(&log);
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
{instructions}<plist version="1.0">
<dict>
    <key>Label</key>
    <string>{LABEL}</string>
    <key>ProgramArguments</key>
    <array>
{words}    </array>
    <key>RunAtLoad</key>
    <true/>
    <key>KeepAlive</key>
    <dict>
        <key>SuccessfulExit</key>
        <false/>
    </dict>
    <key>ThrottleInterval</key>
    <integer>5</integer>
    <key>Umask</key>
    <integer>63</integer>
    <key>StandardErrorPath</key>
    <string>{log}</string>
</dict>
</plist>
"#
    )
}

/// What to do with it, in a comment, in which two dashes may not stand together (XML 1.0, 2.5).
fn instructions(log: &str) -> String {
    let log = log.replace("--", "- -");
    format!(
        "<!--\n\
         \x20 Save it as ~/Library/LaunchAgents/{LABEL}.plist, and check it:\n\
         \x20   plutil -lint ~/Library/LaunchAgents/{LABEL}.plist\n\
         \x20 Start it, now and at each login:\n\
         \x20   launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/{LABEL}.plist\n\
         \x20 See whether it runs, and why not:\n\
         \x20   launchctl print gui/$(id -u)/{LABEL}\n\
         \x20   cat {log}\n\
         \x20 Stop it for good:\n\
         \x20   launchctl bootout gui/$(id -u)/{LABEL}\n\
         \x20 Ollama for macOS has port 11434 itself: have this one listen elsewhere, with the options\n\
         \x20 listen-port 11435 and upstream 127.0.0.1.\n\
         -->\n"
    )
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn each_word_is_an_element_of_its_own() {
        let setup = Setup { options: vec!["--upstream".into(), "a&b<c".into()], ..example() };
        let text = property_list(&setup, "/Users/me");
        assert!(text.contains("<string>/home/me/.local/bin/ollama-forward</string>"), "{text}");
        assert!(text.contains("<string>--upstream</string>\n        <string>a&amp;b&lt;c</string>"), "{text}");
    }

    #[test]
    fn its_comment_ends_where_it_should() {
        let text = property_list(&example(), "/Users/a--b-->c");
        let comment = text.split_once("<!--").unwrap().1.split_once("-->").unwrap().0;
        assert!(!comment.replace("-lint", "").contains("--"), "{comment}");
        assert!(comment.contains("bootout"), "{comment}");
    }
}
