//! Is this command a forwarder of the port? What is looked at are words, as a shell or the kernel has them.

use super::{Wanted, Why, lex};

/// What forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    Socat,
    Ncat,
    Simpleproxy,
    Redir,
    Python,
}

impl Tool {
    pub fn name(self) -> &'static str {
        match self {
            Self::Socat => "socat",
            Self::Ncat => "ncat",
            Self::Simpleproxy => "simpleproxy",
            Self::Redir => "redir",
            Self::Python => "Python",
        }
    }
}

/// Whether a process with these words forwards `port`. A Python script is known by its text only: [`python_script`].
pub fn of_process(words: &[String], port: u16) -> Option<Tool> {
    forwards(words, |word| word.parse() == Ok(port))
}

/// The script that these words have Python or a shell run.
pub fn interpreted(words: &[String]) -> Option<&str> {
    let (program, rest) = words.split_first()?;
    let name = base(program);
    let is_known = name.starts_with("python") || SHELLS.contains(&name);
    let script = rest.iter().find(|word| !word.starts_with('-'))?;
    // `-c` has no script, but its text.
    let is_text = rest.iter().take_while(|word| *word != script).any(|word| word.ends_with('c'));
    (is_known && !is_text).then_some(script.as_str())
}

const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "fish"];

/// What a Python program that forwards has in it: it listens, it connects, and it names the port.
pub fn python_script(text: &str, port: u16) -> bool {
    const LISTENS: [&str; 5] = [".bind(", "start_server(", "create_server(", "HTTPServer(", "TCPServer("];
    const CONNECTS: [&str; 9] = [
        ".connect(",
        ".connect_ex(",
        "create_connection(",
        "open_connection(",
        "urlopen(",
        "HTTPConnection(",
        "requests.",
        "httpx.",
        "ClientSession(",
    ];
    let has = |all: &[&str]| all.iter().any(|part| text.contains(part));
    has(&LISTENS) && has(&CONNECTS) && mentions(text, port)
}

/// The number, and not a part of another one.
pub(super) fn mentions(text: &str, port: u16) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part.parse() == Ok(port))
}

/// Prefixes of a command, and words of the shell's grammar before one.
const PREFIXES: [&str; 24] = [
    "nohup", "setsid", "exec", "command", "builtin", "env", "time", "nice", "ionice", "stdbuf", "sudo", "doas", "if",
    "elif", "while", "until", "then", "do", "else", "!", "{", "and", "or", "not",
];

/// Programs that name others, and do not start them.
const SPEAKERS: [&str; 22] = [
    "pgrep", "pkill", "killall", "kill", "echo", "printf", "grep", "egrep", "rg", "ps", "awk", "sed", "which", "type",
    "apt", "apt-get", "man", "test", "[", "[[", "cat", "logger",
];

/// The assignments of a text, for `$PORT` and its like.
#[derive(Debug, Default)]
pub(super) struct Variables {
    known: Vec<(String, String)>,
    /// The text names the port somewhere: what cannot be worked out may be that.
    names_port: bool,
}

impl Variables {
    pub(super) fn of(text: &str, port: u16) -> Self {
        let mut known = Vec::new();
        for words in lex::commands(text) {
            let rest =
                words.iter().skip_while(|word| ["export", "local", "readonly", "declare"].contains(&word.as_str()));
            known.extend(
                rest.map_while(|word| assignment(word)).map(|(name, value)| (name.to_owned(), value.to_owned())),
            );
            // fish: `set -gx NAME VALUE`
            let mut of_fish = words.iter().skip(1).filter(|word| !word.starts_with('-'));
            if let ("set", Some(name), Some(value)) =
                (words.first().map_or("", String::as_str), of_fish.next(), of_fish.next())
            {
                known.push((name.clone(), value.clone()));
            }
        }
        Self { known, names_port: mentions(text, port) }
    }

    /// The text with the values of what is known. What is known by others is looked up, too, but not for ever.
    pub(super) fn expand(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..4 {
            let expanded = self.expand_once(&text);
            if expanded == text {
                break;
            }
            text = expanded;
        }
        text
    }

    fn expand_once(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let (all, name, usual) = reference(&rest[at..]);
            let value = self.known.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str());
            // One that names itself would grow for ever.
            let value = value.filter(|value| !value.contains(&format!("${name}")));
            out.push_str(value.or(usual).unwrap_or(all));
            rest = &rest[at + all.len()..];
        }
        out + rest
    }
}

/// `$NAME`, `${NAME}` or `${NAME:-usual}` at the start of `text`: all of it, its name, and what it is otherwise.
fn reference(text: &str) -> (&str, &str, Option<&str>) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some(inner) = text.strip_prefix("${")
        && let Some(end) = inner.find('}')
    {
        let inner = &inner[..end];
        let all = &text[..end + 3];
        let (name, usual) = inner.split_once(":-").or_else(|| inner.split_once('-')).unzip();
        return (all, name.unwrap_or(inner), usual);
    }
    let length = text[1..].find(|c| !is_name(c)).unwrap_or(text.len() - 1);
    (&text[..=length], &text[1..=length], None)
}

/// `NAME=VALUE`
pub(super) fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && !name.starts_with(|c: char| c.is_ascii_digit())).then_some((name, value))
}

/// What this shell text starts, if it is a part of the old way.
pub(super) fn starts(text: &str, wanted: &Wanted, variables: &Variables) -> Option<Why> {
    starts_within(text, wanted, variables, 3)
}

/// Commands in quotes (`bash -c "…"`, `alias x='…'`) are read like others, `depth` times.
fn starts_within(text: &str, wanted: &Wanted, variables: &Variables, depth: usize) -> Option<Why> {
    lex::commands(text).iter().find_map(|words| {
        let words: Vec<String> = words.iter().map(|word| variables.expand(word)).collect();
        let (program, rest) = program(&words)?;
        let asks = words.windows(2).any(|pair| pair[0] == "command" && pair[1].eq_ignore_ascii_case("-v"));
        if asks || SPEAKERS.contains(&base(program)) {
            return None;
        }
        let is_port = |word: &str| word.parse() == Ok(wanted.port) || word.contains('$') && variables.names_port;
        let tool = (0..words.len()).find_map(|at| forwards(&words[at..], is_port));
        let within = || {
            let inner = words.iter().filter(|word| depth > 0 && word.contains(char::is_whitespace));
            inner.map(|word| assignment_of_alias(word)).find_map(|word| {
                if is_python_text(&words, word, wanted.port) {
                    return Some(Why::Starts(Tool::Python));
                }
                starts_within(word, wanted, variables, depth - 1)
            })
        };
        tool.map(Why::Starts).or_else(|| script(program, rest, wanted)).or_else(within)
    })
}

fn is_python_text(words: &[String], text: &str, port: u16) -> bool {
    words.iter().any(|word| base(word).starts_with("python")) && python_script(text, port)
}

/// The value, where a word is `name=command with words`.
fn assignment_of_alias(word: &str) -> &str {
    word.split_once('=').filter(|(name, _)| !name.contains(char::is_whitespace)).map_or(word, |(_, value)| value)
}

/// The program of a simple command, and its words.
fn program(words: &[String]) -> Option<(&str, &[String])> {
    let at = words.iter().position(|word| {
        !PREFIXES.contains(&word.as_str()) && assignment(word).is_none() && !word.starts_with(['-', '>', '<'])
    })?;
    Some((&words[at], &words[at + 1..]))
}

/// The known script that a command starts, by itself or through its interpreter; `alias x=SCRIPT` counts as that.
fn script(program: &str, rest: &[String], wanted: &Wanted) -> Option<Why> {
    let first = rest.iter().find(|word| !word.starts_with('-'));
    let word = match base(program) {
        "source" | "." => first?,
        "alias" => return first.and_then(|word| alias_of_script(word, rest, wanted)),
        name if SHELLS.contains(&name) || name.starts_with("python") => first?,
        // Only ours has completions.
        _ if first.is_some_and(|word| word == "completions") => return None,
        _ => program,
    };
    wanted.script_named(word).map(|path| Why::Runs(path.to_owned()))
}

/// `alias x=SCRIPT`, or in fish `alias x SCRIPT`; one of several words is read as a command elsewhere.
fn alias_of_script(word: &str, rest: &[String], wanted: &Wanted) -> Option<Why> {
    let value = match word.split_once('=') {
        Some((_, value)) => value,
        None => rest.last()?,
    };
    wanted.script_named(value.split_whitespace().next()?).map(|path| Why::Runs(path.to_owned()))
}

/// Whether these words, the first of which is the program, forward a port that is the one.
fn forwards(words: &[String], is_port: impl Fn(&str) -> bool) -> Option<Tool> {
    let (program, rest) = words.split_first()?;
    let name = base(program);
    match name {
        "socat" | "socat1" | "socat2" => rest.iter().any(|word| listens(word, &is_port)).then_some(Tool::Socat),
        "nc" | "ncat" | "netcat" | "nc.openbsd" | "nc.traditional" => {
            let is_flag =
                |word: &&String, letter| word.starts_with('-') && !word.starts_with("--") && word.contains(letter);
            let listens = rest.iter().any(|word| is_flag(&word, 'l') || word == "--listen");
            let runs = rest.iter().any(|word| is_flag(&word, 'c') || is_flag(&word, 'e') || word.ends_with("-exec"));
            (listens && runs && rest.iter().any(|word| is_port(word))).then_some(Tool::Ncat)
        }
        "simpleproxy" => {
            let at = rest.iter().position(|word| word.starts_with("-L"))?;
            let value =
                rest[at].strip_prefix("-L").filter(|value| !value.is_empty()).or(rest.get(at + 1).map(String::as_str));
            is_port(value?.rsplit(':').next()?).then_some(Tool::Simpleproxy)
        }
        "redir" => {
            let first = rest.iter().find(|word| !word.starts_with('-') || word.starts_with("--lport="))?;
            is_port(first.rsplit([':', '=']).next()?).then_some(Tool::Redir)
        }
        _ => {
            let is_code = name.starts_with("python") && rest.first().is_some_and(|word| word == "-c");
            let code = rest.get(1).filter(|_| is_code)?;
            let port = code.split(|c: char| !c.is_ascii_digit()).find(|part| is_port(part))?;
            python_script(code, port.parse().ok()?).then_some(Tool::Python)
        }
    }
}

/// An address of socat that listens on the port (socat(1), "TCP-LISTEN": names and their short forms, in any case).
fn listens(word: &str, is_port: impl Fn(&str) -> bool) -> bool {
    let Some((kind, rest)) = word.split_once(':') else { return false };
    let kinds = ["TCP-LISTEN", "TCP-L", "TCP4-LISTEN", "TCP4-L", "TCP6-LISTEN", "TCP6-L"];
    kinds.iter().any(|known| kind.eq_ignore_ascii_case(known)) && is_port(rest.split(',').next().unwrap_or_default())
}

fn base(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        let scripts = vec!["/home/me/.local/bin/ollama-forward".into(), "/home/me/bin/proxy.py".into()];
        Wanted { port: 11434, home: "/home/me".into(), scripts }
    }

    #[track_caller]
    fn check(text: &str, why: Option<&Why>) {
        assert_eq!(starts(text, &wanted(), &Variables::of(text, 11434)).as_ref(), why, "{text}");
    }

    #[track_caller]
    fn tool(text: &str, tool: Tool) {
        check(text, Some(&Why::Starts(tool)));
    }

    #[test]
    fn the_recipes_that_people_paste_are_known() {
        tool("socat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434", Tool::Socat);
        tool(
            "nohup socat TCP-LISTEN:11434,fork,reuseaddr TCP:$(ip route show default | awk '{print $3}'):11434 >/dev/null 2>&1 &",
            Tool::Socat,
        );
        tool("sudo -E /usr/bin/socat -d -d tcp4-l:11434,bind=127.0.0.1,fork tcp4:172.24.0.1:11434", Tool::Socat);
        tool(
            "PORT=11434\nHOST=$(grep nameserver /etc/resolv.conf | awk '{print $2}')\nsocat TCP-LISTEN:$PORT,fork TCP:$HOST:$PORT",
            Tool::Socat,
        );
        tool("PORT=${1:-11434}; exec socat \"TCP-LISTEN:${PORT},fork,reuseaddr\" \"TCP:$HOST:${PORT}\"", Tool::Socat);
        tool("# 11434\nsocat TCP-LISTEN:$1,fork TCP:$2:$1", Tool::Socat);
        tool("pgrep socat >/dev/null || (setsid socat TCP-LISTEN:11434,fork TCP:win:11434 &)", Tool::Socat);
        tool("if ! pgrep -f socat; then socat TCP-LISTEN:11434,fork TCP:win:11434 & fi", Tool::Socat);
        tool("bash -c 'socat TCP-LISTEN:11434,fork TCP:win:11434'", Tool::Socat);
        tool("alias ollama-proxy='nohup socat TCP-LISTEN:11434,fork TCP:win:11434 &'", Tool::Socat);
        tool("tmux new-session -d -s o \"socat TCP-LISTEN:11434,fork TCP:win:11434\"", Tool::Socat);
        tool("start-stop-daemon --start --exec /usr/bin/socat -- TCP-LISTEN:11434,fork TCP:win:11434", Tool::Socat);
        tool("ncat --sh-exec \"ncat win 11434\" -l 11434 --keep-open", Tool::Ncat);
        tool("simpleproxy -L 127.0.0.1:11434 -R win:11434", Tool::Simpleproxy);
        tool("redir :11434 172.24.0.1:11434", Tool::Redir);
        tool("redir --lport=11434 --caddr=win --cport=11434", Tool::Redir);
    }

    #[test]
    fn what_names_it_or_has_another_port_is_none() {
        for text in [
            "pkill -f 'socat TCP-LISTEN:11434'",
            "echo socat TCP-LISTEN:11434,fork TCP:win:11434",
            "# socat TCP-LISTEN:11434,fork TCP:win:11434",
            "command -v socat || sudo apt-get install -y socat",
            "socat TCP-LISTEN:8080,fork TCP:win:11434",
            "socat TCP-LISTEN:114345,fork TCP:win:11434",
            "socat - TCP:win:11434",
            "socat UNIX-LISTEN:/tmp/11434,fork TCP:win:11434",
            "P=8080; socat TCP-LISTEN:$P,fork TCP:win:11434",
            "nc -l 11434",
            "ssh -L 11434:localhost:11434 me@there",
            "/opt/bin/ollama-forward --translate",
            "curl http://localhost:11434/api/version",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn what_starts_a_known_script_is_a_part_of_it() {
        let runs = |path: &str| Some(Why::Runs(path.into()));
        let old = "/home/me/.local/bin/ollama-forward";
        check("ollama-forward start &", runs(old).as_ref());
        check("~/.local/bin/ollama-forward >/dev/null 2>&1 &", runs(old).as_ref());
        check("bash \"$HOME/.local/bin/ollama-forward\" &", runs(old).as_ref());
        check("alias llm=~/.local/bin/ollama-forward", runs(old).as_ref());
        check("alias llm='ollama-forward start'", runs(old).as_ref());
        check("nohup python3 -u /home/me/bin/proxy.py &", runs("/home/me/bin/proxy.py").as_ref());
        check("command -v ollama-forward >/dev/null || echo none", None);
        check("source <(ollama-forward completions bash)", None);
        check("vim ~/.local/bin/ollama-forward", None);
        check("export PATH=~/.local/bin:$PATH", None);
    }

    #[test]
    fn processes_are_known_by_their_words() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of_process(&words("/usr/bin/socat TCP-LISTEN:11434,fork TCP:a:1"), 11434), Some(Tool::Socat));
        assert_eq!(of_process(&words("socat TCP-LISTEN:11435,fork TCP:a:11434"), 11434), None);
        assert_eq!(of_process(&words("ollama serve"), 11434), None);
        assert_eq!(interpreted(&words("python3 -u /x/proxy.py 11434")), Some("/x/proxy.py"));
        assert_eq!(interpreted(&words("/bin/bash /x/ollama-forward start")), Some("/x/ollama-forward"));
        assert_eq!((interpreted(&words("bash -c x")), interpreted(&words("socat /x"))), (None, None));
    }

    #[test]
    fn a_python_program_forwards_when_it_listens_and_connects() {
        let proxy = "import socket\nPORT = 11434\ns.bind(('127.0.0.1', PORT))\nu.connect((host, PORT))\n";
        assert!(python_script(proxy, 11434) && !python_script(proxy, 11435));
        assert!(!python_script("requests.get('http://localhost:11434/api/tags')", 11434));
    }

    #[test]
    fn variables_that_name_themselves_end() {
        let variables = Variables::of("A=$A:1\nB=$C\nC=$B\nset -gx D 5", 1);
        assert_eq!(
            (variables.expand("$A ${D}x").as_str(), variables.expand("$E ${E:-7} $").as_str()),
            ("$A 5x", "$E 7 $")
        );
        assert!(variables.expand("$B").starts_with('$'));
    }
}
