//! JSON as models write it. Beyond the standard (RFC 8259): raw line ends in strings, unknown escapes (`\.` stays as it
//! is), single and triple quotes, Python's `True`, `False` and `None`, trailing commas, bare keys, and the string marks
//! of Gemma 4 (`<|"|>`) and `FunctionGemma` (`<escape>`). The end of a value is found by reading it, never by a tag.

use super::cursor::{Cursor, Parsed, Stop, in_key};
use serde_json::{Map, Value};

/// Deeper values are not arguments; the bound keeps the stack small.
const DEEPEST: usize = 64;

/// Longest first: a triple quote begins as an empty string does.
const QUOTES: [&str; 4] = ["\"\"\"", "'''", "\"", "'"];

/// Marks that open and close a string in which nothing is escaped.
const PLAIN_QUOTES: [&str; 2] = ["<|\"|>", "<escape>"];

pub(super) fn value(c: &mut Cursor<'_>) -> Parsed<Value> {
    nested(c, 0)
}

/// The value that `text` is, but for closing brackets too many.
pub(super) fn whole(text: &str) -> Option<Value> {
    // A number or a word ends where something else follows.
    let padded = format!("{text}\n");
    let mut c = Cursor::new(&padded, 0);
    let value = value(&mut c).ok()?;
    let ends = c.rest().chars().all(|c| c.is_whitespace() || matches!(c, ']' | '}'));
    ends.then_some(value)
}

fn nested(c: &mut Cursor<'_>, depth: usize) -> Parsed<Value> {
    c.blanks();
    if depth > DEEPEST {
        return Err(Stop::Other);
    }
    match c.rest().chars().next().ok_or(Stop::Short)? {
        '{' => object(c, depth).map(Value::Object),
        '[' => array(c, depth).map(Value::Array),
        '"' | '\'' | '<' => string(c).map(Value::String),
        '-' | '0'..='9' => number(c),
        _ => literal(c),
    }
}

fn object(c: &mut Cursor<'_>, depth: usize) -> Parsed<Map<String, Value>> {
    c.expect("{")?;
    let mut object = Map::new();
    loop {
        c.blanks();
        if c.eat("}") {
            return Ok(object);
        }
        let key = key(c)?;
        c.blanks();
        c.expect(":")?;
        let value = nested(c, depth + 1)?;
        object.insert(key, value);
        c.blanks();
        if !c.eat(",") {
            c.expect("}")?;
            return Ok(object);
        }
    }
}

fn array(c: &mut Cursor<'_>, depth: usize) -> Parsed<Vec<Value>> {
    c.expect("[")?;
    let mut items = Vec::new();
    loop {
        c.blanks();
        if c.eat("]") {
            return Ok(items);
        }
        items.push(nested(c, depth + 1)?);
        c.blanks();
        if !c.eat(",") {
            c.expect("]")?;
            return Ok(items);
        }
    }
}

pub(super) fn key(c: &mut Cursor<'_>) -> Parsed<String> {
    match c.rest().chars().next().ok_or(Stop::Short)? {
        '"' | '\'' | '<' => string(c),
        _ => c.word(in_key).map(str::to_owned),
    }
}

fn string(c: &mut Cursor<'_>) -> Parsed<String> {
    if let Some(quote) = QUOTES.iter().find(|quote| c.eat(quote)) {
        return quoted(c, quote);
    }
    for quote in PLAIN_QUOTES {
        if c.take(quote)? {
            let end = c.rest().find(quote).ok_or(Stop::Short)?;
            let text = c.rest()[..end].to_owned();
            c.at += end + quote.len();
            return Ok(text);
        }
    }
    Err(Stop::Other)
}

fn quoted(c: &mut Cursor<'_>, quote: &str) -> Parsed<String> {
    let mut text = String::new();
    while !c.eat(quote) {
        match c.step()? {
            '\\' => escape(c, &mut text)?,
            plain => text.push(plain),
        }
    }
    Ok(text)
}

fn escape(c: &mut Cursor<'_>, text: &mut String) -> Parsed<()> {
    let meant = match c.step()? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => return unicode(c, text),
        known @ ('"' | '\'' | '\\' | '/') => known,
        unknown => {
            text.push('\\');
            unknown
        }
    };
    text.push(meant);
    Ok(())
}

/// What follows `\u`. Halves of a pair that stand alone become U+FFFD.
fn unicode(c: &mut Cursor<'_>, text: &mut String) -> Parsed<()> {
    let Some(first) = hex4(c)? else {
        text.push_str("\\u");
        return Ok(());
    };
    let mut units = vec![first];
    if (0xD800..0xDC00).contains(&first) && c.take("\\u")? {
        match hex4(c)? {
            Some(second) => units.push(second),
            None => return Err(Stop::Other),
        }
    }
    text.push_str(&String::from_utf16_lossy(&units));
    Ok(())
}

fn hex4(c: &mut Cursor<'_>) -> Parsed<Option<u16>> {
    let digits = c.rest().bytes().take(4).take_while(u8::is_ascii_hexdigit).count();
    if digits < 4 {
        return if digits == c.rest().len() { Err(Stop::Short) } else { Ok(None) };
    }
    let unit = u16::from_str_radix(&c.rest()[..4], 16).map_err(|_| Stop::Other)?;
    c.at += 4;
    Ok(Some(unit))
}

fn number(c: &mut Cursor<'_>) -> Parsed<Value> {
    let digits = c.word(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E'))?;
    serde_json::from_str(digits).map_err(|_| Stop::Other)
}

fn literal(c: &mut Cursor<'_>) -> Parsed<Value> {
    match c.word(char::is_alphabetic)? {
        "true" | "True" => Ok(Value::Bool(true)),
        "false" | "False" => Ok(Value::Bool(false)),
        "null" | "None" => Ok(Value::Null),
        _ => Err(Stop::Other),
    }
}
