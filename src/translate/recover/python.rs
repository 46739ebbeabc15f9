//! Calls in Python's syntax: `f(a="x", b=[1, 2])`, alone or in a list. Keywords only: what an unnamed argument means
//! could only be guessed.

use super::cursor::{Cursor, Parsed, Stop, in_key, in_name};
use super::loose;
use super::{Family, Raw, Written};
use serde_json::{Map, Value};

/// A list of calls, or calls one after the other.
pub(super) fn calls(c: &mut Cursor<'_>, family: Family) -> Parsed<Vec<Raw>> {
    c.blanks();
    if c.take("[")? {
        return list(c, family);
    }
    let mut calls = vec![call(c, family)?];
    while another(*c)? {
        c.blanks();
        calls.push(call(c, family)?);
    }
    Ok(calls)
}

/// Whether a name and its bracket follow.
fn another(mut c: Cursor<'_>) -> Parsed<bool> {
    c.blanks();
    if c.ended() {
        return Ok(false);
    }
    match c.word(in_name) {
        Ok(_) => Ok(c.eat("(")),
        Err(Stop::Short) => Err(Stop::Short),
        Err(Stop::Other | Stop::Broken) => Ok(false),
    }
}

/// After `[`.
pub(super) fn list(c: &mut Cursor<'_>, family: Family) -> Parsed<Vec<Raw>> {
    let mut calls = Vec::new();
    loop {
        c.blanks();
        calls.push(call(c, family)?);
        c.blanks();
        let more = c.eat(",");
        c.blanks();
        if c.take("]")? {
            return Ok(calls);
        }
        if !more {
            return Err(Stop::Other);
        }
    }
}

/// One call. Gemma wraps it into `print(…)`, Llama writes `name.call(…)`.
fn call(c: &mut Cursor<'_>, family: Family) -> Parsed<Raw> {
    let printed = c.eat("print(");
    let name = c.word(in_name)?;
    c.expect("(")?;
    let mut arguments = Map::new();
    loop {
        c.blanks();
        if c.take(")")? {
            break;
        }
        let key = c.word(in_key)?.to_owned();
        c.blanks();
        c.expect("=")?;
        arguments.insert(key, loose::value(c)?);
        c.blanks();
        if !c.eat(",") {
            c.expect(")")?;
            break;
        }
    }
    if printed {
        c.expect(")")?;
    }
    let name = name.strip_suffix(".call").unwrap_or(name).to_owned();
    Ok(Raw { name, arguments: Written::Json(Value::Object(arguments)), family })
}
