//! A record of `/v1/chat/completions`: Ollama, LM Studio, llama-server, vLLM. What these write is in no one's
//! specification; each field here was seen at one of them.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::calls::{self, Calls};
use super::events::{Data, END, Events};
use super::lines::Lines;
use super::read::{self, Content, First, Word};
use super::template::Template;
use super::thoughts::Thoughts;
use super::{Chunk, Done, Reason, Took, Unreadable, Usage};

/// It is moved for each word of an answer, so that what is rare stands in boxes.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    object: Word<'a>,
    #[serde(borrow, default)]
    model: Option<Word<'a>>,
    #[serde(borrow, default)]
    choices: First<Choice<'a>>,
    #[serde(default)]
    usage: Option<Box<Counts>>,
    #[serde(default)]
    timings: Option<Box<Timings>>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    /// vLLM's errors of before 2025 stand in the record itself.
    #[serde(borrow, default)]
    message: Word<'a>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Option<Message<'a>>,
    /// In an answer that is no stream.
    #[serde(borrow, default)]
    message: Option<Box<Message<'a>>>,
    #[serde(borrow, default)]
    finish_reason: Word<'a>,
}

#[derive(Default, Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Content<'a>,
    #[serde(borrow, default)]
    refusal: Word<'a>,
    /// Ollama, vLLM since 0.11.
    #[serde(borrow, default)]
    reasoning: Word<'a>,
    /// LM Studio, llama-server, vLLM.
    #[serde(borrow, default)]
    reasoning_content: Word<'a>,
    #[serde(borrow, default)]
    thinking: Word<'a>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<calls::Written<'a>>>,
    #[serde(borrow, default)]
    function_call: Option<Box<calls::Function<'a>>>,
}

#[derive(Deserialize)]
struct Counts {
    #[serde(default, deserialize_with = "read::count")]
    prompt_tokens: Option<u64>,
    #[serde(default, deserialize_with = "read::count")]
    completion_tokens: Option<u64>,
    #[serde(default, rename = "prompt_tokens_details")]
    of_prompt: Option<Details>,
    #[serde(default, rename = "completion_tokens_details")]
    of_completion: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default, deserialize_with = "read::count")]
    cached_tokens: Option<u64>,
    #[serde(default, deserialize_with = "read::count")]
    reasoning_tokens: Option<u64>,
}

/// llama-server's. `prompt_n` is without what came from the cache.
#[derive(Deserialize)]
struct Timings {
    #[serde(default, deserialize_with = "read::count")]
    cache_n: Option<u64>,
    #[serde(default, deserialize_with = "read::count")]
    prompt_n: Option<u64>,
    #[serde(default)]
    prompt_ms: Option<f64>,
    #[serde(default, deserialize_with = "read::count")]
    predicted_n: Option<u64>,
    #[serde(default)]
    predicted_ms: Option<f64>,
}

impl Record<'_> {
    /// Whether it says nothing but what its chunk does.
    fn is_plain(&self) -> bool {
        let finish = self.choices.0.as_ref().is_some_and(|choice| !choice.finish_reason.0.is_empty());
        !finish && self.usage.is_none() && self.timings.is_none()
    }
}

/// What the answer's end will tell, and what its records say of each other.
#[derive(Debug, Default)]
pub(super) struct Reader {
    events: Events,
    answer: Answer,
}

#[derive(Debug, Default)]
struct Answer {
    reason: Option<Reason>,
    usage: Usage,
    counted: Usage,
    took: Took,
    calls: Calls,
    names: Names,
    course: Course,
}

/// Ollama's sign of an error that it does not tell: a record without the model's name, after others that had it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Names {
    #[default]
    None,
    Given,
    Lost,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Course {
    #[default]
    Going,
    Failed,
    Over,
}

impl Reader {
    pub(super) fn next_record(&mut self, lines: &mut Lines) -> Option<Result<Data, Unreadable>> {
        self.events.next_event(lines)
    }

    pub(super) fn last_record(&mut self, lines: &mut Lines) -> Option<Result<Data, Unreadable>> {
        self.events.last_event(lines)
    }

    pub(super) fn chunk<'a>(
        &'a mut self,
        lines: &'a Lines,
        data: &Data,
        thoughts: &mut Thoughts,
        template: &mut Template,
    ) -> Result<Chunk<'a>, Unreadable> {
        let Self { events, answer } = self;
        let data = events.get(lines, data);
        if answer.course == Course::Over {
            return Ok(Chunk::default());
        }
        if data.trim_ascii() == END {
            return Ok(answer.end(true, thoughts).unwrap_or_default());
        }
        if thoughts.over()
            && let Some(chunk) = template.read(data)
        {
            return Ok(chunk);
        }
        match serde_json::from_slice::<Record<'_>>(data) {
            Ok(record) => {
                let plain = record.is_plain();
                let chunk = answer.told(record, thoughts);
                if plain && thoughts.over() {
                    template.learn(data, &chunk);
                }
                Ok(chunk)
            }
            Err(error) => {
                let mended = read::mended(data).ok_or_else(|| Unreadable::of(data, &error))?;
                let record = serde_json::from_str(&mended).map_err(|error| Unreadable::of(data, &error))?;
                Ok(answer.told(record, thoughts).into_owned())
            }
        }
    }

    /// The body has ended.
    pub(super) fn end(&mut self, thoughts: &mut Thoughts) -> Option<Chunk<'static>> {
        self.answer.end(false, thoughts)
    }
}

impl Answer {
    fn told<'a>(&mut self, record: Record<'a>, thoughts: &mut Thoughts) -> Chunk<'a> {
        self.count(record.usage, record.timings);
        let error = if record.object.0 == "error" && record.error.is_none() {
            Some(record.message.0)
        } else {
            read::error(record.error)
        };
        if error.is_some() {
            self.course = Course::Failed;
        }
        match (record.model, self.names) {
            (Some(Word(name)), Names::Given) if name.is_empty() => self.names = Names::Lost,
            (Some(Word(name)), Names::None) if !name.is_empty() => self.names = Names::Given,
            (Some(_) | None, Names::None | Names::Given | Names::Lost) => {}
        }
        let Some(choice) = record.choices.0 else { return Chunk { error, ..Chunk::default() } };
        if let Some(word) = choice.finish_reason.told() {
            self.reason = Some(reason(word));
        }
        let whole = choice.message.is_some();
        let Some(message) = choice.delta.or(choice.message.map(|message| *message)) else {
            return Chunk { error, ..Chunk::default() };
        };
        let pieces = self.calls.pieces(message.tool_calls, message.function_call.map(|function| *function), whole);
        // Some servers write the same thought in two fields.
        let thinking = [message.reasoning_content, message.reasoning, message.thinking].into_iter();
        let thinking = thinking.map(|field| field.0).find(|text| !text.is_empty()).unwrap_or_default();
        let mut content = message.content;
        read::append(&mut content.text, message.refusal.0);
        let mut chunk = super::sorted(content, thinking, pieces, thoughts);
        chunk.error = error;
        chunk
    }

    /// Counts are of the whole answer so far, wherever they stand.
    fn count(&mut self, counts: Option<Box<Counts>>, timings: Option<Box<Timings>>) {
        if let Some(tokens) = counts {
            let details = |details: Option<Details>| {
                details.map_or((None, None), |details| (details.cached_tokens, details.reasoning_tokens))
            };
            let usage = &mut self.usage;
            usage.input = tokens.prompt_tokens.or(usage.input);
            usage.output = tokens.completion_tokens.or(usage.output);
            usage.cached = details(tokens.of_prompt).0.or(usage.cached);
            usage.reasoning = details(tokens.of_completion).1.or(usage.reasoning);
        }
        if let Some(timings) = timings {
            let read = timings.prompt_n.map(|read| read.saturating_add(timings.cache_n.unwrap_or_default()));
            self.counted =
                Usage { input: read, cached: timings.cache_n, output: timings.predicted_n, ..Usage::default() };
            self.took.prompt = timings.prompt_ms.and_then(milliseconds);
            self.took.generation = timings.predicted_ms.and_then(milliseconds);
        }
    }

    /// `told`: the server said that this is the end. None: it is not, the body was cut off.
    fn end(&mut self, told: bool, thoughts: &mut Thoughts) -> Option<Chunk<'static>> {
        let course = std::mem::replace(&mut self.course, Course::Over);
        if course == Course::Over {
            return None;
        }
        let held = super::last(thoughts);
        if course == Course::Failed {
            return held;
        }
        let reason = self.reason.take().or_else(|| told.then_some(Reason::Stop));
        let mut chunk = held.unwrap_or_default();
        match reason {
            Some(reason) => chunk.done = Some(Done { reason, usage: self.usage(), took: self.took }),
            None if self.names == Names::Lost => {
                chunk.error = Some(Cow::Borrowed("the upstream gave up in mid-answer, and did not say why"));
            }
            None => return (chunk != Chunk::default()).then_some(chunk),
        }
        Some(chunk)
    }

    fn usage(&self) -> Usage {
        Usage {
            input: self.usage.input.or(self.counted.input),
            cached: self.usage.cached.or(self.counted.cached),
            output: self.usage.output.or(self.counted.output),
            reasoning: self.usage.reasoning,
        }
    }
}

fn reason(word: Cow<'_, str>) -> Reason {
    match word.as_ref() {
        "stop" | "tool_calls" | "function_call" | "eos" | "eosFound" | "stop_sequence" => Reason::Stop,
        "length" | "max_tokens" => Reason::Length,
        _ => Reason::Other(word.into_owned()),
    }
}

fn milliseconds(count: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(count / 1000.0).ok()
}
