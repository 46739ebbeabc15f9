//! The files that a shell reads when it starts: which of their lines belong to the old way.
//!
//! ```text
//! line*  ──►  statement = lines that go on (\, ||, &&, |)  ──►  recognised?  ──►  Comment | Inside | ByHand
//!              └─ here-documents are data, and blocks (if … fi, f() { … }) are counted
//! ```
//! Only whole statements are taken out, and inside a block something has to remain, so that what was a script before is
//! one after it. A function of the old name goes as a whole.

use std::ops::RangeInclusive;

use super::command::{self, Variables};
use super::comment::Edit;
use super::{Wanted, Why, lex};

/// Lines that belong to the old way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// From 1.
    pub lines: RangeInclusive<usize>,
    pub why: Why,
    pub how: How,
}

/// How they can be taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Comment,
    /// They stand inside a block, in which a command has to remain.
    Inside,
    /// They cannot be cut out of what stands around them.
    ByHand,
}

impl Found {
    /// None: by hand.
    pub fn edit(&self) -> Option<Edit> {
        let is_inside = match self.how {
            How::Comment => false,
            How::Inside => true,
            How::ByHand => return None,
        };
        Some(Edit { lines: self.lines.clone(), is_inside })
    }
}

/// The program whose name the old way may have taken.
const NAME: &str = "ollama-forward";

/// All of them, from the top.
pub fn find(text: &str, wanted: &Wanted) -> Vec<Found> {
    let variables = Variables::of(text, wanted.port);
    let statements = statements(text);
    let mut found = Vec::new();
    let mut depth = Depth::default();
    let mut rest = statements.as_slice();
    while let Some((statement, after)) = rest.split_first() {
        rest = after;
        let is_definition = defines(&statement.text);
        if is_definition
            && let Some((function, after)) = function(statement, after)
            && command::starts(body(&function.text), wanted, &variables).is_some()
        {
            let how = if depth.is_none() { How::Comment } else { How::ByHand };
            found.push(Found { lines: function.lines, why: Why::Named(NAME.into()), how });
            rest = after;
            continue;
        }
        let change = Depth::change(&statement.text);
        let text = if is_definition { body(&statement.text) } else { &statement.text };
        if let Some(why) = recognise(text, wanted, &variables) {
            let how = if !change.is_none() || !lex::is_whole(&statement.text) {
                How::ByHand
            } else if depth.is_none() {
                How::Comment
            } else {
                How::Inside
            };
            found.push(Found { lines: statement.lines.clone(), why, how });
        }
        depth = depth.then(change);
    }
    found
}

/// How many blocks and how many parentheses are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Depth {
    blocks: i32,
    parentheses: i32,
}

impl Depth {
    /// How many more are open after it than before it.
    fn change(statement: &str) -> Self {
        // With `()`, the brace is what opens a function; without, it may have none, as in fish.
        let has_brace = statement.contains("()");
        let blocks = lex::commands(statement).iter().map(|words| blocks(words, has_brace)).sum();
        Self { blocks, parentheses: lex::parentheses(statement) }
    }

    fn is_none(self) -> bool {
        self == Self::default()
    }

    /// `start)` of a case closes nothing that was opened.
    fn then(self, change: Self) -> Self {
        Self {
            blocks: (self.blocks + change.blocks).max(0),
            parentheses: (self.parentheses + change.parentheses).max(0),
        }
    }
}

#[derive(Clone, Debug)]
struct Statement {
    lines: RangeInclusive<usize>,
    text: String,
}

/// Lines, and what goes on in the next one is one of them. Here-documents are left out.
fn statements(text: &str) -> Vec<Statement> {
    let mut statements: Vec<Statement> = Vec::new();
    let mut goes_on = false;
    let mut end: Option<String> = None;
    for (at, line) in text.lines().enumerate() {
        if let Some(word) = &end {
            if line.trim_start_matches('\t') == word {
                end = None;
            }
            continue;
        }
        match statements.last_mut().filter(|_| goes_on) {
            Some(open) => {
                open.lines = *open.lines.start()..=at + 1;
                open.text.push('\n');
                open.text.push_str(line);
            }
            None => statements.push(Statement { lines: at + 1..=at + 1, text: line.to_owned() }),
        }
        let code = line.trim_end();
        let is_comment = code.trim_start().starts_with('#');
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        goes_on = !is_comment && (backslashes % 2 == 1 || ["||", "&&", "|"].iter().any(|end| code.ends_with(end)));
        end = here_document(line).filter(|_| !is_comment);
    }
    statements
}

/// The word that ends the here-document which begins in this line (POSIX, "Here-Document").
fn here_document(line: &str) -> Option<String> {
    let (before, after) = line.split_once("<<")?;
    if after.starts_with('<') || before.ends_with('<') || !lex::is_whole(before) {
        return None;
    }
    let word = after.trim_start_matches('-').trim_start();
    let word: String = word.chars().take_while(|c| !c.is_whitespace() && !";|&)>".contains(*c)).collect();
    let word = word.replace(['\'', '"', '\\'], "");
    (!word.is_empty()).then_some(word)
}

fn blocks(words: &[String], has_brace: bool) -> i32 {
    let transparent = ["then", "do", "else", "!", "and", "or", "not"];
    let mut words = words.iter().map(String::as_str).skip_while(|word| transparent.contains(word));
    match words.next() {
        Some("if" | "case" | "while" | "until" | "for" | "select" | "{" | "switch" | "begin") => 1,
        Some("function") => i32::from(!has_brace),
        Some("fi" | "esac" | "done" | "}" | "end") => -1,
        Some(_) | None => 0,
    }
}

/// `ollama-forward() …` or `function ollama-forward …`
fn defines(statement: &str) -> bool {
    let line = statement.trim_start();
    let after = line.strip_prefix("function").map_or(line, str::trim_start);
    let is_function = after.len() < line.len();
    after.strip_prefix(NAME).is_some_and(|rest| {
        let rest = rest.trim_start();
        rest.starts_with("()") || is_function && (rest.is_empty() || rest.starts_with(['{', '-', ';']))
    })
}

/// What stands behind the head of a function.
fn body(function: &str) -> &str {
    function.split_once(['{', '\n']).map_or("", |(_, body)| body)
}

/// The function that begins with this statement, as one, and what follows it. None: it does not end.
fn function<'a>(first: &Statement, rest: &'a [Statement]) -> Option<(Statement, &'a [Statement])> {
    let mut whole = first.clone();
    let mut open = Depth::change(&first.text).blocks;
    // The brace may stand in the next line.
    let mut has_begun = open > 0 || first.text.contains('}');
    let mut taken = 0;
    while open > 0 || !has_begun {
        let next = rest.get(taken)?;
        taken += 1;
        open += Depth::change(&next.text).blocks;
        has_begun |= open > 0;
        whole.lines = *whole.lines.start()..=*next.lines.end();
        whole.text.push('\n');
        whole.text.push_str(&next.text);
        if !has_begun && !next.text.trim().is_empty() {
            return None;
        }
    }
    Some((whole, &rest[taken..]))
}

fn recognise(statement: &str, wanted: &Wanted, variables: &Variables) -> Option<Why> {
    let started = command::starts(statement, wanted, variables).map(|why| match alias_of(statement) {
        Some(name) => Why::Named(name),
        None => why,
    });
    started.or_else(|| variable(statement, wanted, variables))
}

fn alias_of(statement: &str) -> Option<String> {
    let words = lex::commands(statement).into_iter().next()?;
    let name = words.strip_prefix(&["alias".to_owned()])?.iter().find(|word| !word.starts_with('-'))?;
    Some(name.split('=').next().unwrap_or(name).to_owned())
}

/// Variables that tell clients where Ollama is (Ollama `envconfig`; Codex `CODEX_OSS_BASE_URL`; SDKs of `OpenAI`).
const ADDRESSES: [&str; 6] =
    ["OLLAMA_HOST", "OLLAMA_BASE_URL", "OLLAMA_API_BASE", "OLLAMA_URL", "CODEX_OSS_BASE_URL", "OPENAI_BASE_URL"];

/// One of them that is set to Windows' address, as it was once or as it is worked out.
fn variable(statement: &str, wanted: &Wanted, variables: &Variables) -> Option<Why> {
    let commands = lex::commands(statement);
    let of_fish = |words: &[String]| {
        let mut rest = words.strip_prefix(&["set".to_owned()])?.iter().filter(|word| !word.starts_with('-'));
        Some((rest.next()?.clone(), rest.next().cloned().unwrap_or_default()))
    };
    let set = commands.iter().find_map(|words| {
        let rest =
            words.iter().skip_while(|word| ["export", "typeset", "declare", "-x", "-gx"].contains(&word.as_str()));
        let assigned =
            rest.map_while(|word| command::assignment(word)).map(|(name, value)| (name.into(), value.into()));
        // Before a command they are for that command alone.
        let is_alone = words.last().is_some_and(|word| command::assignment(word).is_some());
        let assigned: Vec<(String, String)> = assigned.chain(of_fish(words)).collect();
        let is_fish = words.first().is_some_and(|word| word == "set");
        assigned.into_iter().find(|(name, _)| (is_alone || is_fish) && ADDRESSES.contains(&name.as_str()))
    });
    let (name, value) = set?;
    let value = variables.expand(&value);
    // In fish, a substitution is cut off by its parenthesis: it stands in the statement.
    let is_worked_out = works_out_gateway(&value) || !value.contains('$') && works_out_gateway(statement);
    (is_worked_out || names_wsl_address(&value)).then_some(())?;
    leads_to_ollama(&value, wanted.port).then_some(Why::Variable(name))
}

/// The two ways in which people look Windows up.
fn works_out_gateway(text: &str) -> bool {
    ["ip route", "ip r ", "ip -4 route", "ip -4 r", "route -n", "/etc/resolv.conf"]
        .iter()
        .any(|part| text.contains(part))
}

/// 172.16.0.0/12, from which WSL takes its networks as a rule (Windows' HNS); others are other machines.
fn names_wsl_address(value: &str) -> bool {
    let mut words = value.split(|c: char| !c.is_ascii_digit() && c != '.');
    words.any(|word| {
        word.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.octets()[0] == 172 && ip.octets()[1] & 0xf0 == 16)
    })
}

/// Ollama's port (Ollama, `envconfig`), which is that of Windows whatever ours is.
const OLLAMA_PORT: u16 = 11434;

/// The last `:NUMBER` of an address is a port; without one it is the usual one.
fn leads_to_ollama(value: &str, port: u16) -> bool {
    let mut ports = value.rsplit(':').filter_map(|part| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        let ends = part[digits.len()..].is_empty() || part[digits.len()..].starts_with(['/', '"', '\'']);
        digits.parse::<u16>().ok().filter(|_| ends)
    });
    ports.next().is_none_or(|named| [OLLAMA_PORT, port].contains(&named))
}

#[cfg(test)]
mod tests;
