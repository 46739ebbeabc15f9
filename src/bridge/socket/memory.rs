//! The responses that a socket can go on from, though nobody stores them (`store:false`). They end with the socket. Pure.

use std::collections::VecDeque;

use serde_json::Value;

/// A client goes on from its latest response, and now and then from one before that.
const MOST: usize = 8;
/// In bytes of JSON: what is larger than the largest request could not be sent again, either.
const MOST_BYTES: usize = 32 << 20;

/// Oldest first.
#[derive(Debug, Default)]
pub(super) struct Memory(VecDeque<Kept>);

#[derive(Debug)]
struct Kept {
    id: String,
    /// All that was said up to this response, and in it.
    items: Vec<Value>,
    size: usize,
}

impl Memory {
    pub(super) fn find(&self, id: &str) -> Option<&[Value]> {
        self.0.iter().find(|kept| kept.id == id).map(|kept| kept.items.as_slice())
    }

    /// Takes the place of the oldest ones.
    pub(super) fn keep(&mut self, id: String, items: Vec<Value>) {
        let size = items.iter().map(size).sum();
        self.0.push_back(Kept { id, items, size });
        while self.0.len() > MOST || self.0.iter().map(|kept| kept.size).sum::<usize>() > MOST_BYTES {
            self.0.pop_front();
        }
    }

    pub(super) fn forget(&mut self, id: &str) {
        self.0.retain(|kept| kept.id != id);
    }
}

/// About as long as its JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 3,
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(|(key, value)| key.len() + 4 + size(value)).sum::<usize>() + 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Keeps responses of these sizes, named by their place.
    fn kept(sizes: impl IntoIterator<Item = usize>) -> Memory {
        let mut memory = Memory::default();
        for (place, size) in sizes.into_iter().enumerate() {
            memory.keep(place.to_string(), vec![json!("x".repeat(size))]);
        }
        memory
    }

    #[track_caller]
    fn check(memory: &Memory, ids: &[&str]) {
        let left: Vec<&str> = memory.0.iter().map(|kept| kept.id.as_str()).collect();
        assert_eq!(left, ids);
        assert!(ids.iter().all(|id| memory.find(id).is_some()));
    }

    #[test]
    fn the_latest_are_kept() {
        check(&kept([1; 3]), &["0", "1", "2"]);
        check(&kept([1; MOST + 2]), &["2", "3", "4", "5", "6", "7", "8", "9"]);
    }

    #[test]
    fn large_ones_make_room_for_the_latest() {
        check(&kept([MOST_BYTES / 2, MOST_BYTES / 4, MOST_BYTES / 2]), &["1", "2"]);
        check(&kept([1, MOST_BYTES]), &[]);
    }

    #[test]
    fn what_is_forgotten_is_gone() {
        let mut memory = kept([1; 3]);
        memory.forget("1");
        memory.forget("never");
        assert_eq!(memory.find("1"), None);
        check(&memory, &["0", "2"]);
    }
}
