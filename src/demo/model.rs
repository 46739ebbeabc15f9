//! The scripted model: a conversation in, pieces out. Pure: it knows no HTTP, no JSON shape of any API, no clock and no dice.
//!
//! ```text
//! answer  ──►  Thinking*  ( Text+ | Call )      cut after `limit` pieces; Text is JSON when a form is asked for
//! ```
//!
//! It never claims to be a language model: every prose answer says that it is the demo.

use super::tools::{self, Call, Tool};
use serde_json::Value;

#[derive(Debug, Default)]
pub(crate) struct Conversation {
    pub(crate) turns: Vec<Turn>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) thinks: bool,
    /// The most pieces an answer may have (`num_predict`, `max_tokens`).
    pub(crate) limit: Option<usize>,
    /// A JSON schema that the answer is to fit, or `Null` for any JSON.
    pub(crate) form: Option<Value>,
}

#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) role: Role,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) ended: Ended,
    /// Words of the conversation, where a model would count tokens.
    pub(crate) prompt_count: usize,
}

/// What a model gives out at a time: a word with the blank before it, or a whole call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Thinking(String),
    Text(String),
    Call(Call),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ended {
    Stop,
    Length,
}

/// `serial` differs from one answer to the next; the ids of calls are made of it.
pub(crate) fn answer(conversation: &Conversation, serial: u64) -> Answer {
    let mut pieces = Vec::new();
    if conversation.thinks {
        pieces.extend(words(THINKING).into_iter().map(Piece::Thinking));
    }
    match (&conversation.form, call(conversation, serial)) {
        // A form leaves a model no way to call.
        (Some(form), _) => {
            let filled = tools::filled(form, users_words(conversation)).to_string();
            pieces.extend(words(&filled).into_iter().map(Piece::Text));
        }
        (None, Some(call)) => pieces.push(Piece::Call(call)),
        (None, None) => pieces.extend(words(&prose(conversation)).into_iter().map(Piece::Text)),
    }
    let ended = match conversation.limit {
        Some(limit) if limit < pieces.len() => {
            pieces.truncate(limit);
            Ended::Length
        }
        Some(_) | None => Ended::Stop,
    };
    let prompt_count = conversation.turns.iter().map(|turn| words(&turn.text).len()).sum();
    Answer { pieces, ended, prompt_count }
}

const THINKING: &str =
    "A demo does not think. It looks for a word such as “list” or “run”, and for a tool to do it with.";

/// A call answers a user only: a tool's result is answered in prose, so that no agent goes round in circles.
fn call(conversation: &Conversation, serial: u64) -> Option<Call> {
    let last = conversation.turns.last()?;
    if last.role != Role::User {
        return None;
    }
    tools::call(&conversation.tools, &last.text, serial)
}

fn prose(conversation: &Conversation) -> String {
    match conversation.turns.last() {
        Some(Turn { role: Role::Tool, text }) => about_result(text),
        Some(_) | None => about_user(conversation),
    }
}

/// Codex tells what a command printed below five lines of its own (0.130 to 0.169).
const CODEX_OUTPUT: &str = "\nOutput:\n";

fn about_result(result: &str) -> String {
    let result = result.split_once(CODEX_OUTPUT).map_or(result, |(_, printed)| printed);
    let first: Vec<String> = result.lines().take(LINES_QUOTED).map(|line| clip(line, LINE_CHARS)).collect();
    if first.is_empty() {
        return format!("{I_AM} The tool ran, and its result is empty.");
    }
    let more = match result.lines().count() - first.len() {
        0 => String::new(),
        more => format!("\n({more} more lines)"),
    };
    format!("{I_AM} The tool ran, and its result begins:\n\n{}{more}", first.join("\n"))
}

fn users_words(conversation: &Conversation) -> &str {
    conversation.turns.iter().rfind(|turn| turn.role == Role::User).map_or("", |turn| turn.text.trim())
}

fn about_user(conversation: &Conversation) -> String {
    let said = match users_words(conversation) {
        "" => "You said nothing.".to_owned(),
        words => format!("You said: “{}”.", shortened(words)),
    };
    let can = if conversation.tools.is_empty() {
        ""
    } else {
        " Ask me to list files or to run a `command`, and I call one of your tools."
    };
    format!("{I_AM} {said}{can} For real answers, run ollama-forward without --upstream demo.")
}

const I_AM: &str = "This is the demo built into ollama-forward, not a language model.";
const LINES_QUOTED: usize = 5;
const LINE_CHARS: usize = 200;
const SAID_CHARS: usize = 160;

/// In one line, cut at [`SAID_CHARS`].
pub(crate) fn shortened(text: &str) -> String {
    clip(&text.split_whitespace().collect::<Vec<_>>().join(" "), SAID_CHARS)
}

fn clip(line: &str, limit: usize) -> String {
    match line.char_indices().nth(limit) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line.to_owned(),
    }
}

/// Cuts before each run of blanks; together the words are the text again.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if c.is_whitespace() && word.ends_with(|last: char| !last.is_whitespace()) {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_carry_the_blank_before_them() {
        assert_eq!(words("one two\n\nthree "), ["one", " two", "\n\nthree", " "]);
    }

    #[test]
    fn words_together_are_the_text_exactly() {
        for text in ["", " ", "a", " a  b ", "é\t\u{a0}ü\r\n…", "\n\n"] {
            assert_eq!(words(text).concat(), text);
        }
    }

    #[test]
    fn prose_says_that_it_is_the_demo_and_what_was_said() {
        check(&[(Role::System, "be brief"), (Role::User, "hello there")], &[], &["demo", "“hello there”"]);
    }

    #[test]
    fn a_long_message_is_shortened() {
        let long = "word ".repeat(100);
        let text = text(&answer(&conversation(&[(Role::User, &long)], &[]), 0));
        assert!(text.contains("…”"), "{text}");
        assert!(!text.contains(&long), "{text}");
    }

    #[test]
    fn nobody_spoke_and_it_still_answers() {
        check(&[], &[], &["You said nothing."]);
    }

    #[test]
    fn without_tools_a_request_to_run_gets_prose() {
        check(&[(Role::User, "run `ls`")], &[], &["You said: “run `ls`”."]);
    }

    #[test]
    fn a_request_to_run_gets_one_call() {
        let answer = answer(&conversation(&[(Role::User, "run `pwd`")], &["exec_command"]), 7);
        let [Piece::Call(call)] = &answer.pieces[..] else {
            panic!("{answer:?}");
        };
        assert_eq!(call.arguments["cmd"], "pwd");
    }

    #[test]
    fn a_form_is_filled_even_where_a_call_is_asked_for() {
        let mut asked = conversation(&[(Role::User, "run `pwd`")], &["exec_command"]);
        asked.form =
            Some(json!({"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}));
        assert_eq!(text(&answer(&asked, 0)), r#"{"title":"run `pwd`"}"#);
        asked.form = Some(Value::Null);
        assert_eq!(text(&answer(&asked, 0)), r#"{"answer":"run `pwd`"}"#);
    }

    #[test]
    fn a_tools_result_is_quoted_and_never_calls_again() {
        let turns = [(Role::User, "run `ls`"), (Role::Assistant, ""), (Role::Tool, "run\nls\nlist")];
        check(&turns, &["exec_command"], &["run\nls\nlist"]);
    }

    #[test]
    fn a_long_result_is_quoted_from_its_start() {
        check(&[(Role::Tool, "1\n2\n3\n4\n5\n6\n7")], &[], &["1\n2\n3\n4\n5\n(2 more lines)"]);
    }

    #[test]
    fn an_empty_result_is_said_to_be_empty() {
        check(&[(Role::Tool, "")], &[], &["result is empty"]);
    }

    #[test]
    fn it_thinks_first_and_only_when_asked() {
        let mut asked = conversation(&[(Role::User, "hi")], &[]);
        assert!(!answer(&asked, 0).pieces.iter().any(|piece| matches!(piece, Piece::Thinking(_))));
        asked.thinks = true;
        let pieces = answer(&asked, 0).pieces;
        let (thinking, rest) = pieces.split_at(words(THINKING).len());
        assert!(thinking.iter().all(|piece| matches!(piece, Piece::Thinking(_))));
        assert!(rest.iter().all(|piece| matches!(piece, Piece::Text(_))));
    }

    #[test]
    fn a_limit_cuts_and_says_so() {
        let mut asked = conversation(&[(Role::User, "hi")], &[]);
        let whole = answer(&asked, 0);
        assert_eq!(whole.ended, Ended::Stop);
        asked.limit = Some(whole.pieces.len());
        assert_eq!(answer(&asked, 0).ended, Ended::Stop);
        asked.limit = Some(2);
        let cut = answer(&asked, 0);
        assert_eq!((cut.ended, &cut.pieces[..]), (Ended::Length, &whole.pieces[..2]));
    }

    #[test]
    fn the_prompt_is_counted_in_words() {
        let asked = conversation(&[(Role::System, "one two"), (Role::User, "three")], &[]);
        assert_eq!(answer(&asked, 0).prompt_count, 3);
    }

    #[track_caller]
    fn check(turns: &[(Role, &str)], tools: &[&str], says: &[&str]) {
        let text = text(&answer(&conversation(turns, tools), 0));
        for part in says {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
    }

    fn conversation(turns: &[(Role, &str)], tools: &[&str]) -> Conversation {
        let turns = turns.iter().map(|&(role, text)| Turn { role, text: text.to_owned() }).collect();
        let tools = tools.iter().map(|&name| Tool { name: name.to_owned(), parameters: Value::Null }).collect();
        Conversation { turns, tools, ..Conversation::default() }
    }

    #[track_caller]
    fn text(answer: &Answer) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            other @ (Piece::Thinking(_) | Piece::Call(_)) => panic!("not prose: {other:?}"),
        };
        answer.pieces.iter().map(text).collect()
    }
}
