//! JSON as models write it. Well-formed JSON is what `serde_json` says; only what it refuses is mended.
//!
//! A mend may add what is missing between values, never change what is in a well-formed string, and never end a string
//! or a number that is cut: half a command must not run. Each byte is read a bounded number of times.

use super::slip::{Slip, note, note_all};
use serde_json::{Map, Value};

/// `serde_json`'s own limit.
const DEEPEST: usize = 128;

/// How often JSON may stand in a JSON string.
const LAYERS: usize = 2;

/// Missing brackets at the end are added: whoever knows that an answer was cut for its length must not ask.
pub fn parse_lenient(text: &str) -> Option<(Value, Vec<Slip>)> {
    layer(text, 0)
}

fn layer(text: &str, above: usize) -> Option<(Value, Vec<Slip>)> {
    let (value, mut slips) = match serde_json::from_str::<Value>(text) {
        Ok(value) => {
            let slips = if repeats_a_key(text, &value) { vec![Slip::DuplicateKey] } else { Vec::new() };
            (value, slips)
        }
        Err(_) => mended(text)?,
    };
    if let Value::String(inner) = &value
        && above < LAYERS
        && inner.trim_start().starts_with('{')
        && let Some((object @ Value::Object(_), more)) = layer(inner, above + 1)
    {
        note(&mut slips, Slip::Encoded);
        note_all(&mut slips, more);
        return Some((object, slips));
    }
    Some((value, slips))
}

/// Codex refuses a key that stands twice; `serde_json` takes the last in silence. Each member has one colon outside of strings.
fn repeats_a_key(text: &str, value: &Value) -> bool {
    let (mut colons, mut quoted, mut escaped) = (0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b':' if !quoted => colons += 1,
            _ => {}
        }
    }
    colons != members(value)
}

fn members(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.len() + map.values().map(members).sum::<usize>(),
        Value::Array(items) => items.iter().map(members).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn mended(text: &str) -> Option<(Value, Vec<Slip>)> {
    let mut slips = Vec::new();
    let mut rest = text;
    if let Some(after) = rest.strip_prefix('\u{feff}') {
        rest = after;
        slips.push(Slip::ByteOrderMark);
    }
    rest = rest.trim();
    if ["", "None", "undefined"].contains(&rest) {
        note(&mut slips, Slip::Empty);
        return Some((Value::Object(Map::new()), slips));
    }
    if let Some(after) = rest.strip_prefix("```") {
        rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).trim_start();
        rest = rest.strip_suffix("```").unwrap_or(rest).trim_end();
        slips.push(Slip::Fence);
    }
    let mut scanner = Scanner { text: rest, at: 0, slips };
    if !rest.starts_with(['{', '[', '"', '\'']) {
        return None;
    }
    let first = scanner.value(0)?;
    scanner.tail(&first)?;
    Some((first, scanner.slips))
}

struct Scanner<'a> {
    text: &'a str,
    /// Always between two characters.
    at: usize,
    slips: Vec<Slip>,
}

impl<'a> Scanner<'a> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth >= DEEPEST {
            return None;
        }
        self.skip_blanks();
        match self.peek()? {
            b'{' => self.object(depth).map(Value::Object),
            b'[' => self.array(depth).map(Value::Array),
            quote @ (b'"' | b'\'') => self.string(quote).map(Value::String),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Map<String, Value>> {
        self.at += 1;
        let mut members = Map::new();
        loop {
            self.skip_blanks();
            if self.eat(b'}') {
                if !members.is_empty() {
                    self.note(Slip::TrailingComma);
                }
                return Some(members);
            }
            let key = self.key()?;
            self.skip_blanks();
            if !self.eat(b':') {
                return None;
            }
            let value = self.value(depth + 1)?;
            if members.insert(key, value).is_some() {
                self.note(Slip::DuplicateKey);
            }
            if self.is_over(b'}')? {
                return Some(members);
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Vec<Value>> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_blanks();
            if self.eat(b']') {
                if !items.is_empty() {
                    self.note(Slip::TrailingComma);
                }
                return Some(items);
            }
            items.push(self.value(depth + 1)?);
            if self.is_over(b']')? {
                return Some(items);
            }
        }
    }

    /// After a whole member or item: does the bracket end here? At the end of the text, every open bracket does.
    fn is_over(&mut self, close: u8) -> Option<bool> {
        self.skip_blanks();
        match self.peek() {
            None => {
                self.note(Slip::Unclosed);
                Some(true)
            }
            Some(b',') => {
                self.at += 1;
                Some(false)
            }
            Some(byte) => (byte == close).then(|| {
                self.at += 1;
                true
            }),
        }
    }

    fn key(&mut self) -> Option<String> {
        if let quote @ (b'"' | b'\'') = self.peek()? {
            return self.string(quote);
        }
        let rest = self.rest();
        let length = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '$'))).unwrap_or(rest.len());
        let key = &rest[..length];
        if !key.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return None;
        }
        self.at += length;
        self.note(Slip::BareKey);
        Some(key.to_owned())
    }

    /// A number, or one of the words.
    fn word(&mut self) -> Option<Value> {
        let rest = self.rest();
        let length = rest.find(|c: char| c.is_whitespace() || ",:{}[]\"'".contains(c)).unwrap_or(rest.len());
        let word = &rest[..length];
        self.at += length;
        let python = match word {
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            "None" => Value::Null,
            _ => {
                let value = serde_json::from_str::<Value>(word).ok()?;
                // 10 at the very end may have been 100.
                return (!value.is_number() || length < rest.len()).then_some(value);
            }
        };
        self.note(Slip::PythonWord);
        Some(python)
    }

    fn string(&mut self, quote: u8) -> Option<String> {
        self.at += 1;
        if quote == b'\'' {
            self.note(Slip::SingleQuotes);
        }
        let mut string = String::new();
        loop {
            let rest = self.rest();
            let length = rest.bytes().position(|byte| byte == quote || byte == b'\\' || byte < b' ')?;
            string.push_str(&rest[..length]);
            self.at += length;
            match rest.as_bytes()[length] {
                b'\\' => self.escape(&mut string)?,
                byte if byte == quote => {
                    self.at += 1;
                    return Some(string);
                }
                control => {
                    self.at += 1;
                    string.push(char::from(control));
                    self.note(Slip::ControlCharacter);
                }
            }
        }
    }

    /// A backslash that escapes nothing is meant as one: `\.` in a pattern, `\$` for a shell.
    fn escape(&mut self, string: &mut String) -> Option<()> {
        let mut after = self.rest()[1..].chars();
        let next = after.next()?;
        let meant = match next {
            '"' | '\\' | '/' => next,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                self.unicode(string);
                return Some(());
            }
            other => {
                self.note(Slip::Escape);
                // Python and JavaScript write \' for a quote; between two quotes it is the shell's '\''.
                let shells = string.ends_with('\'') && after.next() == Some('\'');
                if other != '\'' || shells {
                    string.push('\\');
                }
                other
            }
        };
        string.push(meant);
        self.at += 1 + next.len_utf8();
        Some(())
    }

    fn unicode(&mut self, string: &mut String) {
        let Some(unit) = self.hex(self.at + 2) else {
            self.note(Slip::Escape);
            string.push_str("\\u");
            self.at += 2;
            return;
        };
        self.at += 6;
        let mut point = unit;
        if (0xd800..0xdc00).contains(&unit)
            && self.rest().starts_with("\\u")
            && let Some(low) = self.hex(self.at + 2).filter(|low| (0xdc00..0xe000).contains(low))
        {
            point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            self.at += 6;
        }
        string.push(char::from_u32(point).unwrap_or_else(|| {
            self.note(Slip::Escape);
            char::REPLACEMENT_CHARACTER
        }));
    }

    fn hex(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok()
    }

    /// What may follow a whole object: its like, brackets, a closing tag, words; nothing that may be part of the call.
    fn tail(&mut self, first: &Value) -> Option<()> {
        let mut closed = false;
        loop {
            self.skip_blanks();
            let rest = self.rest();
            match self.peek() {
                None => return Some(()),
                Some(_) if first.is_string() => return None,
                Some(b'{' | b'[') => {
                    if self.value(0)? != *first {
                        return None;
                    }
                    self.note(Slip::Twice);
                }
                Some(b'}' | b']' | b')' | b',' | b';') => {
                    self.at += 1;
                    closed = true;
                    self.note(Slip::TrailingText);
                }
                Some(_) => {
                    let suspect = rest.contains(['{', '[', '"']) || (closed && rest.contains(':'));
                    self.note(Slip::TrailingText);
                    return (!suspect).then_some(());
                }
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn note(&mut self, slip: Slip) {
        note(&mut self.slips, slip);
    }
}

#[cfg(test)]
mod tests;
