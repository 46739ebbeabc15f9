//! Responses that a later request may refer to (`previous_response_id`, `GET` and `DELETE /v1/responses/{id}`), in memory
//! only. Bounded by count and by bytes: the oldest is forgotten first.
//!
//! ```text
//! id ──► response object
//!    └─► turn ──previous──► turn ──previous──► turn       each holds what it added, all share what came before
//! ```
//! What is forgotten is the id. A conversation that goes on keeps its beginning, as its turns hold on to each other.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use serde_json::Value;
use thiserror::Error;

/// In bytes: some fifty conversations with images, or a few thousand without.
pub const MOST_BYTES: usize = 64 << 20;

/// How many ids are remembered only to say what became of them.
const MOST_GONE: usize = 256;

/// Why there is no such response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Unknown,
    Forgotten,
    Deleted,
    /// None are kept (`--stored-responses 0`).
    Off,
}

#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}", self.sentence())]
pub struct Missing {
    pub id: String,
    pub why: Why,
}

impl Missing {
    fn sentence(&self) -> String {
        let id: String = self.id.chars().filter(|c| !c.is_control()).take(80).collect();
        match self.why {
            Why::Unknown => {
                format!(
                    "response `{id}` is not known here: it was never stored, or ollama-forward was started anew since"
                )
            }
            Why::Forgotten => {
                format!("response `{id}` was forgotten to make room: only the latest are kept (--stored-responses)")
            }
            Why::Deleted => format!("response `{id}` was deleted"),
            Why::Off => format!("response `{id}` is not here: responses are not stored (--stored-responses 0)"),
        }
    }
}

/// All that was said up to a response. Cheap to clone, and stays whole when the store forgets.
#[derive(Clone, Debug)]
pub struct Conversation(Arc<Turn>);

#[derive(Debug)]
struct Turn {
    items: Vec<Value>,
    previous: Option<Arc<Turn>>,
    /// What `held` counts of it.
    size: usize,
    held: Arc<AtomicUsize>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.held.fetch_sub(self.size, Ordering::Relaxed);
        // One after the other: a conversation of many turns must not become as many nested calls.
        let mut next = self.previous.take();
        while let Some(mut turn) = next.and_then(Arc::into_inner) {
            next = turn.previous.take();
        }
    }
}

impl Conversation {
    /// Input and output items, oldest first.
    pub fn items(&self) -> Vec<&Value> {
        let mut turns = vec![&self.0];
        while let Some(previous) = &turns[turns.len() - 1].previous {
            turns.push(previous);
        }
        turns.into_iter().rev().flat_map(|turn| &turn.items).collect()
    }
}

#[derive(Debug)]
struct Stored {
    response: Bytes,
    /// How many of the turn's items are input.
    inputs: usize,
    conversation: Conversation,
}

/// The responses of this run.
#[derive(Debug)]
pub struct Store {
    most: usize,
    most_bytes: usize,
    stored: HashMap<Arc<str>, Stored>,
    /// Oldest first; holds exactly the keys of `stored`.
    order: VecDeque<Arc<str>>,
    /// Bytes of response objects, and of the turns that anyone still holds.
    held: Arc<AtomicUsize>,
    gone: VecDeque<(Arc<str>, Why)>,
}

impl Store {
    pub fn new(most: usize, most_bytes: usize) -> Self {
        Self {
            most,
            most_bytes,
            stored: HashMap::new(),
            order: VecDeque::new(),
            held: Arc::default(),
            gone: VecDeque::new(),
        }
    }

    /// Stores what a request brought and what it was answered; `previous` is what it referred to.
    pub fn put(
        &mut self,
        id: &str,
        response: impl Into<Bytes>,
        input: Vec<Value>,
        output: Vec<Value>,
        previous: Option<&Conversation>,
    ) {
        if self.most == 0 {
            return;
        }
        self.remove(id);
        self.gone.retain(|(gone, _)| &**gone != id);
        let (id, response, inputs): (Arc<str>, Bytes, usize) = (id.into(), response.into(), input.len());
        let mut items = input;
        items.extend(output);
        let size = items.iter().map(size_of_value).sum();
        self.held.fetch_add(size + response.len(), Ordering::Relaxed);
        let previous = previous.map(|Conversation(turn)| Arc::clone(turn));
        let conversation = Conversation(Arc::new(Turn { items, previous, size, held: Arc::clone(&self.held) }));
        self.stored.insert(Arc::clone(&id), Stored { response, inputs, conversation });
        self.order.push_back(id);
        while self.order.len() > self.most || self.bytes() > self.most_bytes {
            let Some(oldest) = self.order.front().cloned() else { break };
            self.remove(&oldest);
            self.remember(oldest, Why::Forgotten);
        }
    }

    /// The response object, as it was told.
    pub fn get(&self, id: &str) -> Result<Bytes, Missing> {
        self.find(id).map(|stored| stored.response.clone())
    }

    /// What the response's own request brought.
    pub fn input_items(&self, id: &str) -> Result<&[Value], Missing> {
        self.find(id).map(|stored| &stored.conversation.0.items[..stored.inputs])
    }

    /// All that was said up to this response, and in it.
    pub fn conversation(&self, id: &str) -> Result<Conversation, Missing> {
        self.find(id).map(|stored| stored.conversation.clone())
    }

    /// Later responses of the conversation keep what they were built on.
    pub fn delete(&mut self, id: &str) -> Result<(), Missing> {
        self.find(id)?;
        self.remove(id);
        self.remember(id.into(), Why::Deleted);
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// What it all takes, by estimate.
    pub fn bytes(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn find(&self, id: &str) -> Result<&Stored, Missing> {
        self.stored.get(id).ok_or_else(|| {
            let gone = self.gone.iter().find(|(gone, _)| &**gone == id);
            let why = if self.most == 0 { Why::Off } else { gone.map_or(Why::Unknown, |(_, why)| *why) };
            Missing { id: id.to_owned(), why }
        })
    }

    fn remove(&mut self, id: &str) {
        if let Some(stored) = self.stored.remove(id) {
            self.held.fetch_sub(stored.response.len(), Ordering::Relaxed);
            self.order.retain(|other| &**other != id);
        }
    }

    fn remember(&mut self, id: Arc<str>, why: Why) {
        if self.gone.len() == MOST_GONE {
            self.gone.pop_front();
        }
        self.gone.push_back((id, why));
    }
}

/// What a value takes in memory, roughly: its texts, and the places for what it holds.
fn size_of_value(value: &Value) -> usize {
    /// Two words of bookkeeping from the allocator.
    const ALLOCATION: usize = 16;
    let within = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len() + ALLOCATION,
        Value::Array(items) => items.iter().map(size_of_value).sum::<usize>() + ALLOCATION,
        Value::Object(fields) => {
            let field =
                |(key, value): (&String, &Value)| key.len() + size_of::<String>() + ALLOCATION + size_of_value(value);
            fields.iter().map(field).sum::<usize>() + ALLOCATION
        }
    };
    size_of::<Value>() + within
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A store, and turns `1`, `2`, … of one conversation in it.
    fn talk(most: usize, turns: usize) -> Store {
        let mut store = Store::new(most, MOST_BYTES);
        let mut previous = None;
        for turn in 1..=turns {
            let id = turn.to_string();
            store.put(
                &id,
                format!("response {id}"),
                vec![json!(format!("q{id}"))],
                vec![json!(format!("a{id}"))],
                previous.as_ref(),
            );
            previous = store.conversation(&id).ok();
        }
        store
    }

    #[test]
    fn a_conversation_is_all_turns_in_order() {
        let store = talk(64, 3);
        said(&store, "1", Ok("q1 a1"));
        said(&store, "3", Ok("q1 a1 q2 a2 q3 a3"));
        assert_eq!(store.get("2").unwrap(), "response 2");
        assert_eq!(store.input_items("2").unwrap(), [json!("q2")]);
    }

    #[test]
    fn a_conversation_may_branch() {
        let mut store = talk(64, 2);
        let first = store.conversation("1").unwrap();
        store.put("other", "", vec![json!("q")], Vec::new(), Some(&first));
        said(&store, "other", Ok("q1 a1 q"));
        said(&store, "2", Ok("q1 a1 q2 a2"));
    }

    #[test]
    fn the_oldest_ids_go_and_what_is_built_on_them_stays() {
        let store = talk(2, 5);
        assert_eq!(store.len(), 2);
        said(&store, "3", Err(Why::Forgotten));
        said(&store, "5", Ok("q1 a1 q2 a2 q3 a3 q4 a4 q5 a5"));
    }

    #[test]
    fn one_that_was_found_stays_whole_when_it_is_forgotten() {
        let mut store = talk(1, 1);
        let first = store.conversation("1").unwrap();
        store.put("other", "", Vec::new(), Vec::new(), None);
        said(&store, "1", Err(Why::Forgotten));
        store.put("2", "", vec![json!("q2")], Vec::new(), Some(&first));
        said(&store, "2", Ok("q1 a1 q2"));
    }

    #[test]
    fn each_way_of_not_being_there_has_its_sentence() {
        let mut store = talk(1, 2);
        store.delete("2").unwrap();
        said(&store, "1", Err(Why::Forgotten));
        said(&store, "2", Err(Why::Deleted));
        said(&store, "3", Err(Why::Unknown));
        said(&talk(0, 2), "1", Err(Why::Off));
        for (why, says) in [
            (Why::Unknown, "response `x` is not known here"),
            (Why::Forgotten, "response `x` was forgotten to make room"),
            (Why::Deleted, "response `x` was deleted"),
            (Why::Off, "(--stored-responses 0)"),
        ] {
            let sentence = Missing { id: "x".into(), why }.to_string();
            assert!(sentence.contains(says), "{sentence}");
        }
    }

    #[test]
    fn what_is_deleted_is_deleted_once() {
        let mut store = talk(64, 3);
        assert_eq!(store.delete("2"), Ok(()));
        assert_eq!(store.delete("2").unwrap_err().why, Why::Deleted);
        assert_eq!(store.delete("9").unwrap_err().why, Why::Unknown);
        said(&store, "3", Ok("q1 a1 q2 a2 q3 a3"));
    }

    #[test]
    fn an_id_may_come_back() {
        let mut store = talk(64, 1);
        store.delete("1").unwrap();
        for answer in ["first", "second"] {
            store.put("1", "", Vec::new(), vec![json!(answer)], None);
            said(&store, "1", Ok(answer));
        }
        assert_eq!(store.len(), 1);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut store = Store::new(64, 10_000);
        for turn in 0..20 {
            store.put(&turn.to_string(), "", vec![json!("x".repeat(3000))], Vec::new(), None);
        }
        assert_eq!(store.len(), 3);
        assert!(store.bytes() <= 10_000, "{}", store.bytes());
        store.put("too much", "x".repeat(10_001), Vec::new(), Vec::new(), None);
        assert!(store.is_empty());
        said(&store, "too much", Err(Why::Forgotten));
    }

    #[test]
    fn turns_count_as_long_as_anyone_holds_them() {
        let mut store = talk(64, 3);
        let all = store.bytes();
        store.delete("1").unwrap();
        assert_eq!(store.bytes(), all - "response 1".len(), "turn 3 stands on turn 1");
        let held = store.conversation("3").unwrap();
        store.delete("2").unwrap();
        store.delete("3").unwrap();
        assert!(store.bytes() > 0);
        drop(held);
        assert_eq!(store.bytes(), 0);
    }

    #[test]
    fn a_very_long_conversation_ends_well() {
        let store = talk(1, 100_000);
        assert_eq!(store.conversation("100000").unwrap().items().len(), 200_000);
        drop(store);
    }

    #[test]
    fn few_of_those_that_went_are_remembered() {
        let store = talk(1, MOST_GONE + 2);
        said(&store, "1", Err(Why::Unknown));
        said(&store, "2", Err(Why::Forgotten));
    }

    #[track_caller]
    fn said(store: &Store, id: &str, expected: Result<&str, Why>) {
        let conversation = store.conversation(id);
        let found = conversation
            .as_ref()
            .map(|all| all.items().into_iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "));
        assert_eq!(found.as_deref().map_err(|missing| missing.why), expected, "{id}");
        assert_eq!(store.get(id).is_ok(), expected.is_ok(), "{id}");
    }
}
