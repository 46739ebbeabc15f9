//! A record of Ollama's `/api/chat`, as 0.13 to 0.33 write it.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::read::{self, Content, Word};
use super::template::Template;
use super::thoughts::Thoughts;
use super::{CallPiece, Chunk, Done, Reason, Took, Unreadable, Usage};

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(default)]
    done: Option<bool>,
    #[serde(borrow, default)]
    done_reason: Word<'a>,
    #[serde(default, deserialize_with = "read::count")]
    load_duration: Option<u64>,
    #[serde(default, deserialize_with = "read::count")]
    prompt_eval_count: Option<u64>,
    #[serde(default, deserialize_with = "read::count")]
    prompt_eval_duration: Option<u64>,
    #[serde(default, deserialize_with = "read::count")]
    eval_count: Option<u64>,
    #[serde(default, deserialize_with = "read::count")]
    eval_duration: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Content<'a>,
    #[serde(borrow, default)]
    thinking: Word<'a>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<Call<'a>>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, default)]
    id: Word<'a>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Word<'a>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
}

pub(super) fn chunk<'a>(
    line: &'a [u8],
    thoughts: &mut Thoughts,
    template: &mut Template,
) -> Result<Chunk<'a>, Unreadable> {
    if thoughts.over()
        && let Some(chunk) = template.read(line)
    {
        return Ok(chunk);
    }
    match serde_json::from_slice::<Record<'_>>(line) {
        Ok(record) => {
            let chunk = told(record, thoughts);
            if thoughts.over() {
                template.learn(line, &chunk);
            }
            Ok(chunk)
        }
        Err(error) => {
            let mended = read::mended(line).ok_or_else(|| Unreadable::of(line, &error))?;
            let record = serde_json::from_str(&mended).map_err(|error| Unreadable::of(line, &error))?;
            Ok(told(record, thoughts).into_owned())
        }
    }
}

fn told<'a>(record: Record<'a>, thoughts: &mut Thoughts) -> Chunk<'a> {
    let ended = record.done == Some(true);
    let Message { content, thinking, tool_calls } = record.message.unwrap_or_default();
    let calls: Vec<_> = tool_calls.into_iter().flatten().map(call).collect();
    let mut chunk = super::sorted(content, thinking.0, calls, thoughts);
    chunk.error = read::error(record.error);
    if ended {
        super::flush(&mut chunk, thoughts);
        chunk.done = Some(Done {
            reason: reason(record.done_reason.0),
            usage: Usage { input: record.prompt_eval_count, output: record.eval_count, ..Usage::default() },
            took: Took {
                load: record.load_duration.map(Duration::from_nanos),
                prompt: record.prompt_eval_duration.map(Duration::from_nanos),
                generation: record.eval_duration.map(Duration::from_nanos),
            },
        });
    }
    chunk
}

/// Ollama's calls are always whole; its `index` is the parser's, and gpt-oss's parser always says 0.
fn call(call: Call<'_>) -> CallPiece<'_> {
    CallPiece {
        index: None,
        id: call.id.told(),
        name: call.function.name.told(),
        arguments: read::arguments(call.function.arguments),
    }
}

fn reason(word: Cow<'_, str>) -> Reason {
    match word.as_ref() {
        "stop" | "" => Reason::Stop,
        "length" => Reason::Length,
        "load" | "unload" => Reason::Loaded,
        _ => Reason::Other(word.into_owned()),
    }
}
