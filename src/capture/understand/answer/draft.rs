//! The items of an answer while they grow: each begins with what is known of it, gets more, and may be replaced by what it
//! is in the end.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What is added to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    Text,
    Refusal,
    /// Of a thought: its summary, or itself.
    Summary,
    Thought,
    /// Of a call: JSON, or what a custom tool takes.
    Arguments,
    Input,
}

#[derive(Debug)]
pub(super) struct Growing {
    /// An item of the Responses API.
    value: Value,
    /// What was said, and in which part of the item.
    spoken: Vec<(Voice, u64, String)>,
    from_us: Option<u64>,
    until_us: Option<u64>,
    is_done: bool,
}

/// An item, and when it began and ended.
pub(super) type Timed = (Value, Option<u64>, Option<u64>);

#[derive(Debug, Default)]
pub(super) struct Draft {
    items: Vec<Growing>,
    by_id: BTreeMap<String, usize>,
    /// The last item that was begun with it: Ollama uses one for two (0.13 to 0.33).
    by_index: BTreeMap<u64, usize>,
    /// Calls of a chat, by choice and index.
    calls: BTreeMap<(u64, u64), usize>,
    /// The item that a chat is at, and its choice.
    at: Option<(usize, u64, Voice)>,
}

/// What names an item in an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'k> {
    pub id: Option<&'k str>,
    pub index: Option<u64>,
}

impl Draft {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn begin(&mut self, key: Key<'_>, value: Value, at_us: Option<u64>) -> usize {
        let place = self.items.len();
        self.items.push(Growing { value, spoken: Vec::new(), from_us: at_us, until_us: at_us, is_done: false });
        if let Some(id) = key.id {
            self.by_id.insert(id.to_owned(), place);
        }
        if let Some(index) = key.index {
            self.by_index.insert(index, place);
        }
        place
    }

    fn find(&self, key: Key<'_>) -> Option<usize> {
        let by_id = key.id.and_then(|id| self.by_id.get(id));
        // An id that nobody knows belongs to an item without one, or to one that nobody began.
        let fits = |place: &&usize| key.id.is_none() || self.items[**place].value.get("id").is_none();
        let by_index = || self.by_index.get(&key.index?).filter(fits);
        by_id.or_else(by_index).copied()
    }

    /// The next words of an item, which begins where it was not begun.
    pub(super) fn grow(&mut self, key: Key<'_>, part: u64, voice: Voice, text: &str, at_us: Option<u64>) {
        let place = self.find(key).unwrap_or_else(|| self.begin(key, voice.begins(), at_us));
        self.items[place].say(part, voice, text, at_us);
    }

    /// What an item is in the end. Gives whether nothing of it was said before.
    pub(super) fn done(&mut self, key: Key<'_>, value: Value, at_us: Option<u64>) -> bool {
        let place = self.find(key).unwrap_or_else(|| self.begin(key, Value::Null, at_us));
        let item = &mut self.items[place];
        let is_news = item.spoken.is_empty();
        item.value = value;
        item.is_done = true;
        item.until_us = at_us;
        is_news
    }

    /// The next words of a chat, which has no names for its items.
    pub(super) fn speak(&mut self, choice: u64, voice: Voice, text: &str, at_us: Option<u64>) {
        let place = match self.at {
            Some((place, of, last)) if of == choice && last == voice => place,
            Some(_) | None => self.begin(Key { id: None, index: None }, voice.begins(), at_us),
        };
        self.at = Some((place, choice, voice));
        self.items[place].say(0, voice, text, at_us);
    }

    /// A piece of a call of a chat. `whole`: it never comes in pieces.
    pub(super) fn call(&mut self, spot: (u64, u64), call: &Piece<'_>, at_us: Option<u64>) {
        self.at = None;
        let known =
            self.calls.get(&spot).copied().filter(|place| !call.is_whole && self.items[*place].goes_on(call.id));
        let place = known.unwrap_or_else(|| {
            let value = match call.voice {
                Voice::Input => json!({"type": "custom_tool_call"}),
                Voice::Text | Voice::Refusal | Voice::Summary | Voice::Thought | Voice::Arguments => {
                    json!({"type": "function_call"})
                }
            };
            self.begin(Key { id: None, index: None }, value, at_us)
        });
        self.calls.insert(spot, place);
        let item = &mut self.items[place];
        for (key, told) in [("call_id", call.id), ("name", call.name)] {
            if let (Some(told), Value::Object(fields)) = (told, &mut item.value) {
                fields.insert(key.to_owned(), told.into());
            }
        }
        item.say(0, call.voice, call.arguments, at_us);
    }

    /// Something that is an item as it stands.
    pub(super) fn push(&mut self, value: Value, at_us: Option<u64>) {
        let place = self.begin(Key { id: None, index: None }, value, at_us);
        self.items[place].is_done = true;
    }

    /// How the item that came last ended.
    pub(super) fn status(&mut self, status: &str) {
        if let Some(Value::Object(last)) = self.items.last_mut().map(|item| &mut item.value) {
            last.insert("status".to_owned(), status.into());
        }
    }

    pub(super) fn finish(self) -> Vec<Timed> {
        let finish = |item: Growing| {
            let times = (item.from_us, item.until_us);
            (if item.is_done { item.value } else { item.told() }, times.0, times.1)
        };
        self.items.into_iter().map(finish).collect()
    }
}

/// A piece of a call.
#[derive(Debug)]
pub(super) struct Piece<'p> {
    pub id: Option<&'p str>,
    pub name: Option<&'p str>,
    pub arguments: &'p str,
    pub voice: Voice,
    pub is_whole: bool,
}

impl Voice {
    /// The item that one begins who speaks like this.
    fn begins(self) -> Value {
        match self {
            Self::Text | Self::Refusal => json!({"type": "message", "role": "assistant"}),
            Self::Summary | Self::Thought => json!({"type": "reasoning"}),
            Self::Arguments => json!({"type": "function_call"}),
            Self::Input => json!({"type": "custom_tool_call"}),
        }
    }
}

impl Growing {
    fn say(&mut self, part: u64, voice: Voice, text: &str, at_us: Option<u64>) {
        self.until_us = at_us;
        match self.spoken.last_mut() {
            Some((last, of, said)) if *last == voice && *of == part => said.push_str(text),
            Some(_) | None => self.spoken.push((voice, part, text.to_owned())),
        }
    }

    /// A call with another id is another call, even at the same index (Ollama with gpt-oss).
    fn goes_on(&self, id: Option<&str>) -> bool {
        let own = self.value["call_id"].as_str();
        id.is_none() || own.is_none() || id == own
    }

    /// The item as it was told in pieces.
    fn told(self) -> Value {
        let Self { mut value, spoken, .. } = self;
        // Somebody may have begun with what is no item.
        if !value.is_object() {
            return value;
        }
        let (mut content, mut summary) = (Vec::new(), Vec::new());
        let (mut arguments, mut input) = (String::new(), String::new());
        for (voice, _, text) in spoken {
            match voice {
                Voice::Text => content.push(json!({"type": "output_text", "text": text})),
                Voice::Refusal => content.push(json!({"type": "refusal", "refusal": text})),
                Voice::Summary => summary.push(json!({"type": "summary_text", "text": text})),
                Voice::Thought => content.push(json!({"type": "reasoning_text", "text": text})),
                Voice::Arguments => arguments.push_str(&text),
                Voice::Input => input.push_str(&text),
            }
        }
        for (key, parts) in [("content", content), ("summary", summary)] {
            if !parts.is_empty() {
                value[key] = parts.into();
            }
        }
        for (key, text) in [("arguments", arguments), ("input", input)] {
            if !text.is_empty() {
                value[key] = text.into();
            }
        }
        value
    }
}
