//! Calls that a local model printed as text, because neither it nor Ollama used the channel made for them. Recognised
//! are the ways of writing of 29 model families, each from the models' chat templates and from what they were seen to
//! write; [`Family`] names them, `tests/fixtures/recovery` has one example of each variant.
//!
//! A call runs a command on somebody's machine, so in doubt a text stays text: a printed call counts only as the end of
//! the message (blanks and closing tags apart), outside of quotes, code fences with more text, and thoughts; its name
//! must be declared and its arguments an object with all required keys. Whether the model was stopped by its length
//! limit, or also made a structured call, the caller knows and asks first.
//!
//! ```text
//! message  = prose block*             block = opener body closers      openers and bodies: `opener`, `forms`
//! body     = JSON | Python call | tags with one parameter each | patch          `loose`, `python`, `xml`
//! ```
//! [`Holdback`] does the same for a stream, and tells what can be shown meanwhile.

mod accept;
mod before;
mod cursor;
mod forms;
mod gather;
mod holdback;
mod loose;
mod opener;
mod python;
mod xml;

pub use holdback::{End, Holdback};

use super::Declared;
use before::Before;
use cursor::Stop;
use forms::After;
use opener::{Found, Place, Starts};
use serde_json::{Map, Value};

#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Nothing that looks like a call.
    Text,
    /// Calls, in order; `before` is the prose before the first, to be shown.
    Calls { before: String, calls: Vec<Printed> },
    /// It looks like a call, but must stay text.
    Left(Why),
}

/// A call as it was printed, checked by name and required keys; the types of its values are not.
#[derive(Clone, Debug, PartialEq)]
pub struct Printed {
    /// As declared, however the model spelled it.
    pub name: String,
    pub arguments: Map<String, Value>,
    pub family: Family,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// In backticks, in a quotation, in a sentence, in a code fence with other text, or in the model's thoughts.
    Quoted,
    /// The message goes on after it.
    TextAfter,
    /// It ends before its arguments do.
    Unfinished,
    /// Its arguments cannot be read.
    Broken,
    UnknownName(String),
    MissingArgument {
        name: String,
        key: String,
    },
    /// A part of it was shown as text.
    AlreadyShown,
}

/// Who writes calls in this way. Some write in several, and some ways are shared; the first is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Hermes,
    BareJson,
    QwenCoder,
    LlamaJson,
    LlamaCustom,
    LlamaPython,
    MistralList,
    MistralArgs,
    DeepSeekFenced,
    DeepSeek,
    Dsml,
    Harmony,
    Gemma3,
    Gemma4,
    FunctionGemma,
    Granite3,
    CommandR,
    CommandA,
    Functools,
    Functionary,
    Glm,
    Kimi,
    MiniMax,
    Invoke,
    Lfm2,
    Nemotron,
    GenericJson,
    ReAct,
    Codex,
}

/// A call before it is checked.
#[derive(Clone, Debug, PartialEq)]
struct Raw {
    name: String,
    arguments: Written,
    family: Family,
}

#[derive(Clone, Debug, PartialEq)]
enum Written {
    Json(Value),
    /// Texts, whose types the schema tells.
    Fields(Vec<Field>),
    /// Text of a patch, from `*** Begin Patch` to `*** End Patch`. It has no name.
    Patch(String),
}

#[derive(Clone, Debug, PartialEq)]
struct Field {
    key: String,
    text: String,
    /// Whether it is a string, where the model says so.
    string: Option<bool>,
}

/// What a whole message means.
pub fn recover(text: &str, declared: &[Declared]) -> Verdict {
    if declared.is_empty() {
        return Verdict::Text;
    }
    let (starts, mut before) = (Starts::new(declared), Before::default());
    let (mut from, mut otherwise) = (0, Verdict::Text);
    while let Some((at, _)) = starts.next(text, from) {
        from = at + 1;
        match opener::at(text, at, declared) {
            Found::Full(found) => {
                before.advance(text, at);
                // The last fence of a text ends what another began; a call may follow it.
                if before.is_fenced() && text[at..].strip_prefix("```").is_some_and(|rest| !rest.contains("```")) {
                    continue;
                }
                let placed = before.placed(text, found.place);
                match (forms::blocks(text, at, declared), placed) {
                    (Ok((raw, After::Nothing)), true) => return judged(&text[..at], raw, declared),
                    (Ok((_, After::Nothing)), false) => return Verdict::Left(Why::Quoted),
                    (Ok((_, After::Text(end))), _) => {
                        // What is quoted is passed over whole: a line in it may look like a call of its own.
                        let passed = if placed { before::thoughts_end(text, end) } else { Some(end) };
                        let Some(end) = passed else { return Verdict::Left(Why::TextAfter) };
                        (from, otherwise) = (end, Verdict::Left(Why::Quoted));
                    }
                    (Err(Stop::Short), true) => return Verdict::Left(Why::Unfinished),
                    (Err(Stop::Broken), true) => return Verdict::Left(Why::Broken),
                    (Err(_), false) if found.place == Place::Sentence => otherwise = Verdict::Left(Why::Quoted),
                    (Err(_), _) => {}
                }
            }
            Found::Partial(_) | Found::No => {}
        }
    }
    otherwise
}

fn judged(before: &str, raw: Vec<Raw>, declared: &[Declared]) -> Verdict {
    match raw.into_iter().map(|raw| accept::accept(raw, declared)).collect() {
        Ok(calls) => Verdict::Calls { before: before.to_owned(), calls },
        Err(why) => Verdict::Left(why),
    }
}

/// The arguments that Ollama's harmony parser could not read, out of its error text, which reads (seen with 0.33)
/// `error parsing tool call: raw='…', err=…`. The arguments may hold quotes themselves.
pub fn arguments_in_error(error: &str) -> Option<&str> {
    let (_, raw) = error.split_once("error parsing tool call: raw='")?;
    let (raw, _) = raw.rsplit_once("', err=")?;
    Some(raw)
}

#[cfg(test)]
mod tests;
