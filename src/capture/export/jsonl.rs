//! Our own form: a line that says what it is, then one for each exchange, with everything that is kept of it. Pure.
//!
//! A body is `body` where it is a text, else `body_base64`; read back, it is the same, byte for byte.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value, json};

use super::super::record::{Exchange, Message, Piece};
use crate::words;
use crate::words::Words;

/// What the first line says.
const FORMAT: &str = "ollama-forward-capture";
const VERSION: u64 = 1;

/// Bytes of a line that is read. Four bodies of the largest size, each letter escaped, and again for another attempt.
const LONGEST_LINE: usize = 512 << 20;
/// Letters of a session's key.
const LONGEST_KEY: usize = 128;

pub(super) fn write<'e>(all: impl IntoIterator<Item = &'e Exchange>) -> String {
    let mut text = json!({ "format": FORMAT, "version": VERSION }).to_string();
    text.push('\n');
    for exchange in all {
        text.push_str(&line(exchange));
        text.push('\n');
    }
    text
}

/// One exchange, without a line break.
pub fn line(exchange: &Exchange) -> String {
    let mut value = serde_json::to_value(exchange).expect("it has texts for keys and no odd numbers");
    let messages = value.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten();
    for (value, message) in messages.zip(&exchange.messages) {
        let (name, body) = match std::str::from_utf8(&message.body) {
            Ok(text) => ("body", text.to_owned()),
            Err(_) => ("body_base64", BASE64_STANDARD.encode(&message.body)),
        };
        if let Value::Object(fields) = value {
            fields.insert(name.to_owned(), Value::String(body));
        }
    }
    value.to_string()
}

/// Each exchange of a file of ours, or why not. A file of another kind is one error.
pub fn import(text: &str) -> Vec<Result<Exchange, Words>> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    if let Err(why) = lines.next().map_or(Err(no_capture()), |(_, first)| check_first(first)) {
        return vec![Err(why)];
    }
    let at_line = |number: usize, Words { en, fr }: Words| {
        let number = number + 1;
        words!("line {number}: {en}", "ligne {number} : {fr}")
    };
    lines.map(|(number, line)| read(line).map_err(|why| at_line(number, why))).collect()
}

fn no_capture() -> Words {
    words!(
        "this is no capture of ollama-forward (`capture export --format jsonl`)",
        "ce n'est pas une capture d'ollama-forward (`capture export --format jsonl`)"
    )
}

fn check_first(line: &str) -> Result<(), Words> {
    let first: Map<String, Value> = serde_json::from_str(line).map_err(|_| no_capture())?;
    if first.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(no_capture());
    }
    match first.get("version").and_then(Value::as_u64) {
        Some(VERSION) => Ok(()),
        Some(other) => Err(words!(
            "this capture has version {other}, and only version {VERSION} is known here",
            "cette capture est en version {other} ; seule la version {VERSION} est connue ici"
        )),
        None => Err(no_capture()),
    }
}

/// One line of ours, without the first one.
pub fn read(line: &str) -> Result<Exchange, Words> {
    if line.len() > LONGEST_LINE {
        let (length, most) = (line.len() >> 20, LONGEST_LINE >> 20);
        return Err(words!(
            "it has {length} MiB, and an exchange has at most {most}",
            "elle fait {length} Mio, et un échange en compte au plus {most}"
        ));
    }
    let mut value: Value = serde_json::from_str(line).map_err(|error| no_exchange(&error))?;
    let bodies = bodies(&mut value)?;
    let mut exchange: Exchange = serde_json::from_value(value).map_err(|error| no_exchange(&error))?;
    for (message, body) in exchange.messages.iter_mut().zip(bodies) {
        message.body = body;
        settle(message);
    }
    let is_key = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if exchange.session.len() > LONGEST_KEY || !exchange.session.chars().all(is_key) {
        return Err(words!("its session has no proper key", "sa session n'a pas de clé valable"));
    }
    Ok(exchange)
}

/// Of the error only where it is: what it cites is private.
fn no_exchange(error: &serde_json::Error) -> Words {
    let column = error.column();
    match column {
        0 => words!("this is no exchange", "ce n'est pas un échange"),
        _ => words!(
            "this is no exchange, from byte {column} on",
            "ce n'est pas un échange, à partir de l'octet {column}"
        ),
    }
}

/// The bodies of all messages, which no other reader knows.
fn bodies(value: &mut Value) -> Result<Vec<Vec<u8>>, Words> {
    let messages = value.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten();
    let body = |message: &mut Value| {
        let fields = message.as_object_mut();
        let taken = fields.map(|fields| (fields.remove("body"), fields.remove("body_base64")));
        match taken {
            Some((Some(Value::String(text)), None)) => Ok(text.into_bytes()),
            Some((None, Some(Value::String(encoded)))) => BASE64_STANDARD
                .decode(encoded)
                .map_err(|_| words!("a body is no base64", "un corps n'est pas en base64")),
            Some((None, None)) => Ok(Vec::new()),
            Some(_) | None => Err(words!("a body is no text", "un corps n'est pas un texte")),
        }
    };
    messages.map(body).collect()
}

/// What others rely on: pieces add up to the body, and there was at least what was kept.
fn settle(message: &mut Message) {
    let length = message.body.len() as u64;
    message.size = message.size.max(length);
    if message.pieces.iter().map(|piece| u64::from(piece.len)).sum::<u64>() != length {
        let at_us = message.ended_us.unwrap_or_default();
        let lengths =
            message.body.chunks(u32::MAX as usize).map(|chunk| u32::try_from(chunk.len()).unwrap_or(u32::MAX));
        message.pieces = lengths.map(|len| Piece { at_us, len }).collect();
    }
}
