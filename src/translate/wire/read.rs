//! Pieces of JSON that servers write in more than one way, read without a copy where nothing is escaped.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_json::value::RawValue;

/// A string, nothing, or a list of parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Content<'a> {
    pub(super) text: Cow<'a, str>,
    /// Rare, and boxed to be small.
    pub(super) thinking: Option<Box<str>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of parts")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Content { text: Cow::Borrowed(text), thinking: None })
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Content { text: Cow::Owned(text.to_owned()), thinking: None })
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Content::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let mut whole = Content::default();
        while let Some(part) = parts.next_element::<Content<'de>>()? {
            append(&mut whole.text, part.text);
            think(&mut whole.thinking, part.thinking);
        }
        Ok(whole)
    }

    /// `{"type":"text","text":"…"}`, or Mistral's `{"type":"thinking","thinking":[…]}`.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut part = Content::default();
        while let Some(key) = members.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                "text" | "content" | "refusal" => append(&mut part.text, members.next_value::<Content<'de>>()?.text),
                "thinking" => {
                    let thought = members.next_value::<Content<'de>>()?.text;
                    think(&mut part.thinking, Some(Box::from(thought)));
                }
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(part)
    }
}

/// A string, or nothing. (`Option<Cow<str>>` would copy each: serde borrows only a bare `Cow`.)
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Word<'a>(pub(super) Cow<'a, str>);

impl<'a> Word<'a> {
    /// None where it is empty.
    pub(super) fn told(self) -> Option<Cow<'a, str>> {
        Some(self.0).filter(|word| !word.is_empty())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordVisitor)
    }
}

struct WordVisitor;

impl<'de> Visitor<'de> for WordVisitor {
    type Value = Word<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Word(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Word(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Word::default())
    }

    /// LM Studio's and some proxies' ids are numbers.
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Word(Cow::Owned(number.to_string())))
    }
}

/// Without a copy where one of them is empty.
pub(super) fn append<'a>(text: &mut Cow<'a, str>, more: Cow<'a, str>) {
    if text.is_empty() {
        *text = more;
    } else if !more.is_empty() {
        text.to_mut().push_str(&more);
    }
}

fn think(thinking: &mut Option<Box<str>>, more: Option<Box<str>>) {
    *thinking = match (thinking.take(), more) {
        (Some(before), Some(more)) => Some(Box::from([before, more].concat())),
        (before, more) => before.or(more),
    };
}

/// The first of a list, which is all that is ever asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct First<T>(pub(super) Option<T>);

impl<T> Default for First<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FirstVisitor(PhantomData))
    }
}

struct FirstVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FirstVisitor<T> {
    type Value = First<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(First(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let first = items.next_element()?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(First(first))
    }
}

/// A whole number, or nothing that could be used as one.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<Number>::deserialize(deserializer)?.and_then(|number| number.as_u64()))
}

/// Arguments as JSON text: those in a string, and those that are an object, byte for byte.
pub(super) fn arguments(raw: Option<&RawValue>) -> Cow<'_, str> {
    match raw.map_or("null", RawValue::get) {
        "null" => Cow::default(),
        text if text.starts_with('"') => string(text).unwrap_or(Cow::Borrowed(text)),
        json => Cow::Borrowed(json),
    }
}

/// An error as its text, or as the JSON that it is.
pub(super) fn error(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let text = raw?.get();
    if text == "null" { None } else { Some(string(text).unwrap_or(Cow::Borrowed(text))) }
}

fn string(text: &str) -> Option<Cow<'_, str>> {
    let Content { text, .. } = text.starts_with('"').then(|| serde_json::from_str(text).ok()).flatten()?;
    Some(text)
}

/// A record as JSON that Rust can read: halves of a surrogate pair (LM Studio can cut one in two) and bytes that are no
/// UTF-8 become U+FFFD. None: that was not what is wrong with it.
pub(super) fn mended(record: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(record);
    let mut mended = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('\\') {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match (surrogate(rest), rest.get(6..).and_then(surrogate)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => 12,
            (Some(_), _) => {
                mended.push('\u{fffd}');
                rest = &rest[6..];
                continue;
            }
            // The backslash, and the character that it escapes.
            (None, _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        mended.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    mended.push_str(rest);
    (mended.as_bytes() != record).then_some(mended)
}

fn surrogate(text: &str) -> Option<u16> {
    let unit = u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()?;
    (0xD800..0xE000).contains(&unit).then_some(unit)
}
