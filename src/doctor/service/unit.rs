//! Reads the files that decide over the service: units of systemd, and `.wslconfig`. Pure: texts in, values out.

use std::path::{Path, PathBuf};

/// What of a unit names its program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// The last `ExecStart`, which counts.
    Program(PathBuf),
    /// One that only systemd can work out: a relative name, a specifier.
    Unclear(String),
    Nothing,
}

/// The program of a unit: its file and the files of its drop-in directory, in the order in which systemd reads them.
pub(super) fn start(texts: &[String], home: Option<&Path>) -> Start {
    let mut start = Start::Nothing;
    for (section, key, value) in texts.iter().flat_map(|text| entries(text)) {
        if section == "Service" && key == "ExecStart" {
            // An empty one takes back all before it (systemd.service(5)).
            start = if value.is_empty() { Start::Nothing } else { program(&value, home) };
        }
    }
    start
}

fn program(command: &str, home: Option<&Path>) -> Start {
    // What stands before the path says how it is started, not what (systemd.service(5), "Special executable prefixes").
    let command = command.trim_start_matches(['@', '-', ':', '+', '!', '|']);
    let word = match command.chars().next().filter(|quote| matches!(quote, '"' | '\'')) {
        Some(quote) => command[1..].split(quote).next(),
        None => command.split_whitespace().next(),
    };
    let word = word.unwrap_or_default();
    let home = home.map(|home| home.display().to_string()).unwrap_or_default();
    let path = word.replace("%h", &home);
    if path.starts_with('/') && !path.contains(['%', '$']) {
        Start::Program(path.into())
    } else {
        Start::Unclear(word.to_owned())
    }
}

/// Section, key and value of each line; lines that end in a backslash go on in the next one.
fn entries(text: &str) -> Vec<(String, String, String)> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut section = String::new();
    let mut entries = Vec::new();
    for line in joined.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.trim().clone_into(&mut section);
        } else if !line.starts_with(['#', ';'])
            && let Some((key, value)) = line.split_once('=')
        {
            entries.push((section.clone(), key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    entries
}

/// `[wsl2] vmIdleTimeout` of a `.wslconfig`, in milliseconds. None: it says nothing, or nothing that WSL takes.
pub fn vm_idle_timeout(wslconfig: &str) -> Option<i64> {
    let text = wslconfig.trim_start_matches('\u{feff}');
    let found = entries(text)
        .into_iter()
        .rev()
        .find(|(section, key, _)| section.eq_ignore_ascii_case("wsl2") && key.eq_ignore_ascii_case("vmIdleTimeout"));
    let (_, _, value) = found?;
    value.split('#').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn starts(texts: &[&str], expected: &Start) {
        let texts: Vec<_> = texts.iter().map(ToString::to_string).collect();
        assert_eq!(&start(&texts, Some(Path::new("/home/me"))), expected, "{texts:?}");
    }

    fn named(path: &str) -> Start {
        Start::Program(path.into())
    }

    #[test]
    fn the_program_of_a_unit_is_found() {
        starts(&["[Service]\nExecStart=/usr/bin/ollama-forward --translate\n"], &named("/usr/bin/ollama-forward"));
        starts(&["[Service]\nExecStart=%h/.local/bin/ollama-forward"], &named("/home/me/.local/bin/ollama-forward"));
        starts(&["[Service]\nExecStart = -\"/opt/my tools/x\" a"], &named("/opt/my tools/x"));
        starts(&["[Service]\n# ExecStart=/no\nExecStart=\\\n  /usr/bin/x \\\n  -v\n"], &named("/usr/bin/x"));
        starts(&["[Service]\nExecStart=ollama-forward"], &Start::Unclear("ollama-forward".into()));
        starts(&["[Service]\nExecStart=/usr/%i/x"], &Start::Unclear("/usr/%i/x".into()));
        starts(&["[Unit]\nExecStart=/no"], &Start::Nothing);
        starts(&[""], &Start::Nothing);
    }

    #[test]
    fn drop_ins_lie_over_the_unit() {
        let unit = "[Service]\nExecStart=/a\n";
        starts(&[unit, "[Service]\nExecStart=\nExecStart=/b\n"], &named("/b"));
        starts(&[unit, "[Service]\nEnvironment=X=1\n"], &named("/a"));
        starts(&[unit, "[Service]\nExecStart=\n"], &Start::Nothing);
    }

    #[test]
    fn the_idle_timeout_of_the_machine_is_read() {
        for (text, timeout) in [
            ("[wsl2]\nvmIdleTimeout=-1\n", Some(-1)),
            ("\u{feff}[WSL2]\r\nmemory=8GB\r\nvmidletimeout = 30000 # ms\r\n", Some(30_000)),
            ("[wsl2]\nvmIdleTimeout=1\nvmIdleTimeout=2\n", Some(2)),
            ("[wsl2]\n#vmIdleTimeout=-1\n", None),
            ("[experimental]\nvmIdleTimeout=-1\n", None),
            ("[wsl2]\nvmIdleTimeout=never\n", None),
            ("", None),
        ] {
            assert_eq!(vm_idle_timeout(text), timeout, "{text:?}");
        }
    }
}
