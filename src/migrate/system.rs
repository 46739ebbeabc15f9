//! What starts the old way by itself: units of systemd, crontabs, and the `[boot]` command of WSL.

use super::command::{self, Variables};
use super::comment::Edit;
use super::{Wanted, Why};

/// A line that starts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: usize,
    pub why: Why,
}

impl Line {
    pub fn edit(&self) -> Edit {
        Edit { lines: self.number..=self.number, is_inside: false }
    }
}

/// The line of a unit (systemd.service(5)) that starts the old way. Continued lines are one, and known by their first.
pub fn of_unit(text: &str, wanted: &Wanted) -> Option<Line> {
    let mut number = 0;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        number += 1;
        let first = number;
        let mut whole = line.trim().to_owned();
        while whole.ends_with('\\')
            && let Some(next) = lines.next()
        {
            number += 1;
            whole.pop();
            whole.push_str(next.trim());
        }
        let Some((key, value)) = whole.split_once('=') else { continue };
        if !["ExecStart", "ExecStartPre", "ExecStartPost"].contains(&key.trim()) {
            continue;
        }
        // What stands before the path says how it is started (systemd.service(5), "Special executable prefixes"); `$$` is `$`.
        let command = value.trim().trim_start_matches(['@', '-', ':', '+', '!', '|']).replace("$$", "$");
        if let Some(why) = command::starts(&command, wanted, &Variables::of(text, wanted.port)) {
            return Some(Line { number: first, why });
        }
    }
    None
}

/// Lines of a user's crontab (crontab(5)) that start it: five fields or `@reboot`, then a command.
pub fn of_crontab(text: &str, wanted: &Wanted) -> Vec<Line> {
    let variables = Variables::of(text, wanted.port);
    let starts = |(at, line): (usize, &str)| {
        let line = line.trim();
        if line.starts_with('#') {
            return None;
        }
        let fields = if line.starts_with('@') { 1 } else { 5 };
        let mut rest = line;
        for _ in 0..fields {
            rest = rest.split_once(char::is_whitespace)?.1.trim_start();
        }
        command::starts(rest, wanted, &variables).map(|why| Line { number: at + 1, why })
    };
    text.lines().enumerate().filter_map(starts).collect()
}

/// The `command` of `[boot]` in `/etc/wsl.conf`, which WSL runs as root.
pub fn of_wsl_conf(text: &str, wanted: &Wanted) -> Option<Line> {
    let mut is_boot = false;
    for (at, line) in text.lines().map(str::trim).enumerate() {
        if line.starts_with('[') {
            is_boot = line.eq_ignore_ascii_case("[boot]");
        } else if is_boot
            && let Some((key, value)) = line.split_once('=')
            && key.trim().eq_ignore_ascii_case("command")
        {
            let value = value.trim();
            let variables = Variables::of(value, wanted.port);
            // The value may stand in quotes as a whole.
            let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
            let why = command::starts(inner, wanted, &variables).or_else(|| command::starts(value, wanted, &variables));
            return why.map(|why| Line { number: at + 1, why });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::command::Tool;

    fn wanted() -> Wanted {
        Wanted { port: 11434, home: "/home/me".into(), scripts: vec!["/home/me/.local/bin/ollama-forward".into()] }
    }

    fn socat(number: usize) -> Line {
        Line { number, why: Why::Starts(Tool::Socat) }
    }

    fn script(number: usize) -> Line {
        Line { number, why: Why::Runs("/home/me/.local/bin/ollama-forward".into()) }
    }

    #[test]
    fn units_that_start_it_are_known() {
        for (text, line) in [
            ("[Service]\nExecStart=/usr/bin/socat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434\n", Some(socat(2))),
            (
                "[Service]\nExecStart=-/bin/sh -c 'exec socat TCP-LISTEN:11434,fork TCP:$$(ip route):11434'\n",
                Some(socat(2)),
            ),
            (
                "[Unit]\n\n[Service]\nExecStart=/usr/bin/socat \\\n  TCP-LISTEN:11434,fork \\\n  TCP:a:1\nRestart=no\n",
                Some(socat(4)),
            ),
            ("[Service]\nExecStart=%h/.local/bin/ollama-forward start\n", Some(script(2))),
            ("[Service]\nExecStart=/home/me/bin/other\nExecStop=/usr/bin/pkill socat\n", None),
            ("[Service]\n#ExecStart=/usr/bin/socat TCP-LISTEN:11434,fork TCP:a:1\n", None),
            ("", None),
        ] {
            assert_eq!(of_unit(text, &wanted()), line, "{text}");
        }
    }

    #[test]
    fn lines_of_a_crontab_are_known() {
        let text = "# m h\nMAILTO=\"\"\n@reboot ~/.local/bin/ollama-forward start\n*/5 * * * * pgrep socat || socat TCP-LISTEN:11434,fork TCP:a:1\n0 4 * * * apt-get update\n#@reboot ~/.local/bin/ollama-forward\n";
        assert_eq!(of_crontab(text, &wanted()), [script(3), socat(4)]);
        assert_eq!(of_crontab("\n@reboot\n", &wanted()), []);
    }

    #[test]
    fn the_command_at_boot_is_known() {
        let boot = |command: &str| format!("[boot]\nsystemd = false\n{command}\n[user]\ncommand = socat\n");
        for (command, line) in [
            ("command = socat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434 &", Some(socat(3))),
            ("command=\"nohup socat TCP-LISTEN:11434,fork TCP:a:1 &\"", Some(socat(3))),
            ("command = service docker start", None),
            ("", None),
        ] {
            assert_eq!(of_wsl_conf(&boot(command), &wanted()), line, "{command}");
        }
    }
}
