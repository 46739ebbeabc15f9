//! Which declared tool a written name means. Codex matches names exactly, so that a blank too many already ends in
//! `unsupported call` (0.169). Never guesses between two.

use super::slip::{Slip, note};
use crate::translate::Declared;

/// What models put before a name: gpt-oss and Kimi `functions.`, Gemini's habit `default_api.`.
const PREFIXES: &[&str] = &["functions.", "functions:", "function.", "tools.", "tool.", "default_api."];

/// What is longer is no name: APIs take 64 characters; the rest is room for tokens.
const LONGEST: usize = 512;

#[derive(Clone, Debug, PartialEq)]
pub enum Resolved<'a> {
    Known(&'a Declared, Vec<Slip>),
    /// The name without its wrapping, which may still be a known habit.
    Unknown(String, Vec<Slip>),
}

pub fn resolve<'a>(written: &str, declared: &'a [Declared]) -> Resolved<'a> {
    if let Some(tool) = exact(written, declared) {
        return Resolved::Known(tool, Vec::new());
    }
    if written.len() > LONGEST {
        return Resolved::Unknown(written.to_owned(), Vec::new());
    }
    let mut slips = Vec::new();
    let bare = unwrapped(written, &mut slips);
    let found = exact(bare, declared)
        .map(|tool| (tool, None))
        .or_else(|| Some((only(declared, |name| name.eq_ignore_ascii_case(bare))?, Some(Slip::NameCase))))
        .or_else(|| Some((only(declared, |name| form(name) == form(bare))?, Some(Slip::NameForm))))
        .or_else(|| Some((member(bare, declared)?, Some(Slip::NameMember))))
        .or_else(|| Some((last(bare, declared)?, Some(Slip::NamePrefix))))
        .filter(|_| !form(bare).is_empty());
    match found {
        Some((tool, slip)) => {
            slips.extend(slip);
            Resolved::Known(tool, slips)
        }
        None => Resolved::Unknown(bare.to_owned(), slips),
    }
}

fn exact<'a>(name: &str, declared: &'a [Declared]) -> Option<&'a Declared> {
    declared.iter().find(|tool| tool.name == name)
}

fn only(declared: &[Declared], fits: impl Fn(&str) -> bool) -> Option<&Declared> {
    let mut found = declared.iter().filter(|tool| fits(&tool.name));
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Takes off what is not part of any name.
fn unwrapped<'a>(written: &'a str, slips: &mut Vec<Slip>) -> &'a str {
    let mut name = without_tokens(written);
    if name.len() != written.len() {
        note(slips, Slip::NameTokens);
    }
    let trimmed = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'));
    // Blanks that only stood between name and tokens are no second slip.
    if trimmed.len() != name.len() && name.len() == written.len() {
        note(slips, Slip::NameTrimmed);
    }
    name = trimmed;
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| without_prefix(name, prefix)) {
        name = rest;
        note(slips, Slip::NamePrefix);
    }
    if let Some((before, count)) = name.rsplit_once(':')
        && !count.is_empty()
        && count.bytes().all(|byte| byte.is_ascii_digit())
    {
        name = before;
        note(slips, Slip::NameCounter);
    }
    name
}

fn without_prefix<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = name.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// `exec_command<|channel|>commentary` and `<|channel|>commentary to=functions.exec_command <|constrain|>json`, as Ollama
/// passes them on from gpt-oss; `DeepSeek` writes its bars wide.
fn without_tokens(written: &str) -> &str {
    let addressed = match written.rfind("to=") {
        Some(at) if written[..at].ends_with([' ', '>']) || at == 0 => {
            written[at + 3..].split(char::is_whitespace).next().unwrap_or_default()
        }
        Some(_) | None => written,
    };
    let mut name = addressed.trim_start();
    while let Some((_, rest)) = token_start(name).filter(|at| *at == 0).and_then(|_| name.split_once('>')) {
        name = rest;
    }
    let name = &name[..token_start(name).unwrap_or(name.len())];
    // Nothing else was wrong: leave the blanks to the caller, whose slip they are.
    if name.trim() == written.trim() { written } else { name }
}

fn token_start(text: &str) -> Option<usize> {
    ["<|", "<｜"].iter().filter_map(|token| text.find(token)).min()
}

/// One spelling for all separators: `mcp__x.y`, `mcp.x.y` and `mcp__x__y` are `mcp_x_y`.
fn form(name: &str) -> String {
    let mut form = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_alphanumeric() {
            form.extend(character.to_lowercase());
        } else if !form.is_empty() && !form.ends_with('_') {
            form.push('_');
        }
    }
    form.truncate(form.trim_end_matches('_').len());
    form
}

/// A member without its namespace, when just one declared name ends so. One bare word must be a whole member
/// (`add` of `mcp__tiny__add`), or `command` would be `exec_command`.
fn member<'a>(written: &str, declared: &'a [Declared]) -> Option<&'a Declared> {
    let written = form(written);
    let ending = format!("_{written}");
    let tool = only(declared, |name| form(name).ends_with(&ending))?;
    let whole = tool.name.rsplit_once("__").is_some_and(|(_, member)| form(member) == written);
    (whole || written.contains('_')).then_some(tool)
}

/// Behind a prefix that nobody knows: `my.tools/exec_command`. Here the last word must be a whole declared name.
fn last<'a>(written: &str, declared: &'a [Declared]) -> Option<&'a Declared> {
    let (_, last) = written.rsplit_once(['.', ':', '/'])?;
    exact(last, declared).or_else(|| only(declared, |name| name.eq_ignore_ascii_case(last)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TOOLS: &[&str] = &[
        "exec_command",
        "write_stdin",
        "view_image",
        "mcp__tiny__add",
        "mcp__tiny__get_sum",
        "multi_agent_v1__spawn_agent",
    ];

    #[test]
    fn an_exact_name_needs_no_mend() {
        for name in TOOLS {
            check(TOOLS, name, Some(name), &[]);
        }
    }

    /// codex-client section 6: all of these are `unsupported call` in Codex 0.169.
    #[test]
    fn names_are_mended() {
        for (written, slips) in [
            ("exec_command ", &[Slip::NameTrimmed][..]),
            ("`exec_command`", &[Slip::NameTrimmed]),
            ("Exec_Command", &[Slip::NameCase]),
            ("functions.exec_command", &[Slip::NamePrefix]),
            ("functions:exec_command", &[Slip::NamePrefix]),
            ("tools.exec_command", &[Slip::NamePrefix]),
            ("functions.exec_command:0", &[Slip::NamePrefix, Slip::NameCounter]),
            ("exec_command<|channel|>commentary", &[Slip::NameTokens]),
            ("exec_command<|channel|>json", &[Slip::NameTokens]),
            ("exec_command <|constrain|>json", &[Slip::NameTokens]),
            ("functions.exec_command<|channel|>commentary", &[Slip::NameTokens, Slip::NamePrefix]),
            (
                "<|channel|>commentary to=functions.exec_command <|constrain|>json",
                &[Slip::NameTokens, Slip::NamePrefix],
            ),
            ("commentary to=functions.exec_command json", &[Slip::NameTokens, Slip::NamePrefix]),
            ("exec_command<｜tool▁sep｜>", &[Slip::NameTokens]),
            ("exec-command", &[Slip::NameForm]),
            ("my.tools/exec_command", &[Slip::NamePrefix]),
            ("ns::Exec_Command", &[Slip::NamePrefix]),
        ] {
            check(TOOLS, written, Some("exec_command"), slips);
        }
    }

    #[test]
    fn members_are_found_in_every_form() {
        for (written, name, slip) in [
            ("mcp__tiny.add", "mcp__tiny__add", Slip::NameForm),
            ("mcp.tiny.add", "mcp__tiny__add", Slip::NameForm),
            ("mcp_tiny_add", "mcp__tiny__add", Slip::NameForm),
            ("tiny.add", "mcp__tiny__add", Slip::NameMember),
            ("add", "mcp__tiny__add", Slip::NameMember),
            ("get_sum", "mcp__tiny__get_sum", Slip::NameMember),
            ("multi_agent_v1.spawn_agent", "multi_agent_v1__spawn_agent", Slip::NameForm),
            ("spawn_agent", "multi_agent_v1__spawn_agent", Slip::NameMember),
        ] {
            check(TOOLS, written, Some(name), &[slip]);
        }
        check(&["agents_spawn_agent"], "spawn_agent", Some("agents_spawn_agent"), &[Slip::NameMember]);
    }

    #[test]
    fn nothing_is_guessed() {
        for written in
            ["", " ", "<|channel|>commentary", "command", "stdin", "sum", "shell", "update_plan", "exec", "_", ":0"]
        {
            check(TOOLS, written, None, &[]);
        }
        check(&["a__add", "b__add"], "add", None, &[]);
        check(&["a__add", "b_add"], "add", None, &[]);
        check(&["Run", "run"], "RUN", None, &[]);
        check(&["a__b_c", "a_b__c"], "a.b.c", None, &[]);
        check(&[], "exec_command", None, &[]);
    }

    #[test]
    fn an_unknown_name_loses_its_wrapping() {
        let unknown = resolve("functions.container.exec<|channel|>commentary", &[]);
        assert_eq!(unknown, Resolved::Unknown("container.exec".to_owned(), vec![Slip::NameTokens, Slip::NamePrefix]));
    }

    #[track_caller]
    fn check(tools: &[&str], written: &str, expected: Option<&str>, slips: &[Slip]) {
        let declared: Vec<Declared> =
            tools.iter().map(|name| Declared { name: (*name).to_owned(), parameters: json!({}) }).collect();
        match (resolve(written, &declared), expected) {
            (Resolved::Known(tool, found), Some(name)) => {
                assert_eq!((tool.name.as_str(), &found[..]), (name, slips), "{written}");
            }
            (Resolved::Unknown(..), None) => {}
            (other, _) => panic!("{written}: {other:?}"),
        }
    }
}
