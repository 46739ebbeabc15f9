//! How much a model was given, in bytes of text: what a tokenizer sees of a request, as far as that can be told from outside.

use serde_json::Value;

use super::json::{list, size, text};
use super::user::texts;

/// What a request weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// Bytes of texts, calls, outputs and tools.
    pub text: u64,
    /// Bytes of thoughts since the user spoke last. Templates leave out those before.
    pub thoughts: u64,
    pub images: u32,
}

/// None: it can not be told, as a part of the prompt is kept elsewhere.
pub(super) fn request(body: &Value) -> Option<Weight> {
    let is_elsewhere = text(body, "previous_response_id").is_some()
        || text(body, "conversation").is_some()
        || !list(body, "context").is_empty();
    if is_elsewhere || !body.is_object() {
        return None;
    }
    let mut weight = Weight::default();
    for key in ["instructions", "system", "prompt", "suffix", "input"] {
        weight.text += text(body, key).map_or(0, len);
    }
    weight.images += count(list(body, "images").len());
    for tool in list(body, "tools") {
        weight.text += size(tool);
    }
    for item in list(body, "messages").iter().chain(list(body, "input")) {
        weight.add(item);
    }
    Some(weight)
}

impl Weight {
    fn add(&mut self, item: &Value) {
        match text(item, "type") {
            Some("reasoning") => self.thoughts += thoughts(item),
            Some("message") | None => self.message(item),
            Some(_) => {
                for key in ["name", "namespace", "arguments", "input"] {
                    self.text += text(item, key).map_or(0, len);
                }
                let output = item.get("output").unwrap_or(&Value::Null);
                match output {
                    Value::String(output) => self.text += len(output),
                    Value::Array(parts) => self.parts(parts),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => self.text += size(output),
                }
                for key in ["action", "tools"] {
                    self.text += item.get(key).map_or(0, size);
                }
            }
        }
    }

    fn message(&mut self, message: &Value) {
        if text(message, "role") == Some("user") {
            self.thoughts = 0;
        }
        match message.get("content") {
            Some(Value::Array(parts)) => self.parts(parts),
            Some(_) | None => self.text += texts(message).map(len).sum::<u64>(),
        }
        for key in ["thinking", "reasoning", "reasoning_content"] {
            self.thoughts += text(message, key).map_or(0, len);
        }
        self.images += count(list(message, "images").len());
        for call in list(message, "tool_calls") {
            self.text += size(call.get("function").unwrap_or(call));
        }
    }

    fn parts(&mut self, parts: &[Value]) {
        for part in parts {
            let is_image =
                text(part, "type").is_some_and(|kind| kind.contains("image")) || part.get("image_url").is_some();
            if is_image {
                self.images += 1;
            } else if let Some(text) = part.as_str().or_else(|| text(part, "text")) {
                self.text += len(text);
            }
        }
    }
}

fn thoughts(item: &Value) -> u64 {
    let parts = list(item, "summary").iter().chain(list(item, "content"));
    let told: u64 = parts.filter_map(|part| text(part, "text")).map(len).sum();
    // Ollama has the thought itself there.
    told.max(text(item, "encrypted_content").map_or(0, len))
}

fn len(text: &str) -> u64 {
    text.len() as u64
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    #[track_caller]
    fn check(body: &Value, text: u64, thoughts: u64, images: u32) {
        assert_eq!(request(body), Some(Weight { text, thoughts, images }), "{body}");
    }

    #[test]
    fn every_language_is_weighed_by_its_texts() {
        check(&json!({"input": "four"}), 4, 0, 0);
        check(&json!({"instructions": "four", "input": [{"role": "user", "content": "four"}]}), 8, 0, 0);
        check(&json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "four"}]}]}), 4, 0, 0);
        check(&json!({"messages": [{"role": "assistant", "content": "four", "thinking": "three"}]}), 4, 5, 0);
        check(&json!({"prompt": "four", "system": "four"}), 8, 0, 0);
        check(&json!({"input": [{"type": "function_call_output", "call_id": "c", "output": "four"}]}), 4, 0, 0);
        check(&json!({"input": [{"type": "reasoning", "summary": [{"text": "three"}]}]}), 0, 5, 0);
        check(&json!({"tools": [{"type": "function", "name": "a"}]}), 30, 0, 0);
    }

    #[test]
    fn thoughts_of_earlier_turns_weigh_nothing() {
        let thought = |thinking: &str| json!({"role": "assistant", "content": "", "thinking": thinking});
        check(&json!({"messages": [thought("three"), {"role": "user", "content": "four"}, thought("six")]}), 4, 3, 0);
    }

    #[test]
    fn images_are_counted_and_not_weighed() {
        let image = json!({"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo"});
        check(
            &json!({"input": [{"role": "user", "content": [image, {"type": "input_text", "text": "four"}]}]}),
            4,
            0,
            1,
        );
        check(&json!({"input": [{"type": "function_call_output", "output": [image]}]}), 0, 0, 1);
        check(&json!({"messages": [{"role": "user", "content": "four", "images": ["iVBO", "iVBO"]}]}), 4, 0, 2);
    }

    #[test]
    fn what_is_kept_elsewhere_cannot_be_weighed() {
        assert_eq!(request(&json!({"input": "four", "previous_response_id": "resp_1"})), None);
        assert_eq!(request(&json!({"prompt": "four", "context": [1, 2]})), None);
        assert_eq!(request(&Value::Null), None);
    }
}
