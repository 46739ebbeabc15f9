//! A script that does nothing but forward the port.

use super::command::{self, Tool, Variables};
use super::{Wanted, Why};

/// Where and by what it forwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    pub tool: Tool,
    /// The line that starts it, from 1.
    pub line: usize,
}

/// The largest script that is read: what people paste is a few hundred lines at most.
pub const LARGEST: u64 = 64 << 10;

/// None: it is no script, or none that forwards.
pub fn recognise(bytes: &[u8], port: u16) -> Option<Script> {
    let text = str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
    if is_python(text) {
        let line = text.lines().position(|line| command::mentions(line, port))?;
        return command::python_script(text, port).then_some(Script { tool: Tool::Python, line: line + 1 });
    }
    let wanted = Wanted { port, home: "/".into(), scripts: Vec::new() };
    let variables = Variables::of(text, port);
    let starts = |text: &str| match command::starts(text, &wanted, &variables) {
        Some(Why::Starts(tool)) => Some(tool),
        Some(Why::Runs(_) | Why::Named(_) | Why::Variable(_)) | None => None,
    };
    let tool = starts(text)?;
    // A command that goes on over several lines is known by none of them alone.
    let line = text.lines().position(|line| starts(line).is_some());
    let line = line.or_else(|| text.lines().position(|line| line.contains(tool.name())));
    Some(Script { tool, line: line.map_or(1, |line| line + 1) })
}

fn is_python(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.starts_with("#!") && line.contains("python"))
}

/// Whether the file is for this alone, by its name: others may do more than what was recognised in them.
pub fn is_named_for_it(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["ollama", "socat", "11434"].iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(Tool, usize)>) {
        let found = recognise(text.as_bytes(), 11434).map(|script| (script.tool, script.line));
        assert_eq!(found, expected, "{text}");
    }

    /// With commands, a file of its pid, and a log, as they are passed around.
    const LONG: &str = "#!/usr/bin/env bash
set -euo pipefail
PORT=11434
PID_FILE=/tmp/ollama-forward.pid
WIN=$(ip route show default | awk '{print $3; exit}')
command -v socat >/dev/null || { echo 'apt install socat'; exit 1; }
case \"${1:-start}\" in
  start)
    [ -f \"$PID_FILE\" ] && kill -0 \"$(cat \"$PID_FILE\")\" 2>/dev/null && exit 0
    nohup socat \\
      TCP-LISTEN:${PORT},bind=127.0.0.1,reuseaddr,fork \\
      TCP:${WIN}:${PORT} >/tmp/ollama-forward.log 2>&1 &
    echo $! > \"$PID_FILE\"
    ;;
  stop) kill \"$(cat \"$PID_FILE\")\" ;;
esac
";

    const PROXY: &str = "#!/usr/bin/env python3
import asyncio, subprocess
async def pipe(reader, writer): ...
async def handle(r, w):
    up, down = await asyncio.open_connection(HOST, 11434)
asyncio.run(asyncio.start_server(handle, '127.0.0.1', 11434))
";

    #[test]
    fn scripts_of_the_old_kind_are_known() {
        check("#!/bin/sh\nexec socat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434\n", Some((Tool::Socat, 2)));
        check("socat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434\r\n", Some((Tool::Socat, 1)));
        check(LONG, Some((Tool::Socat, 6)));
        check(PROXY, Some((Tool::Python, 5)));
    }

    #[test]
    fn other_programs_are_not() {
        for text in [
            "#!/bin/sh\nexec /opt/ollama-forward \"$@\"\n",
            "#!/bin/sh\npkill -f 'socat TCP-LISTEN:11434'\n",
            "#!/usr/bin/env python3\nimport requests\nrequests.get('http://localhost:11434')\n",
            "#!/bin/sh\nexec socat TCP-LISTEN:8080,fork TCP:172.24.0.1:80\n",
            "\u{7f}ELF\0socat TCP-LISTEN:11434,fork TCP:a:1",
            "",
        ] {
            check(text, None);
        }
        assert_eq!(recognise(b"\xff\xfesocat TCP-LISTEN:11434 TCP:a:1", 11434), None);
    }

    #[test]
    fn files_of_other_purposes_are_told_by_their_name() {
        assert!(
            is_named_for_it("ollama-forward") && is_named_for_it("start_Ollama.sh") && is_named_for_it("socat-wsl")
        );
        assert!(!is_named_for_it("morning.sh"));
    }
}
