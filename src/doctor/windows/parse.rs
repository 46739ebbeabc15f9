//! Reads what the script printed. Pure, and patient: a stream of JSON objects, each with some parts, with anything between.
//!
//! PowerShell 5.1 unwraps lists of one, wraps others as `{"value": [...], "Count": 2}`, and prints in the code page of the
//! console when it may not set another; consoles add byte order marks, NULs and CRs. A part that cannot be read is not
//! known, and the others are.

use std::net::Ipv4Addr;

use serde_json::{Map, Value};

use super::rule::Rule;
use super::{Adapter, Listener, PortProxy, Process, Profile, Source, Variable, Windows, may_be_told};
use crate::doctor::Fact;
use crate::words;
use crate::words::Words;

/// The parts that the script tells: the names of its `Tell`.
const PARTS: [&str; 14] = [
    "wslconfig",
    "installed",
    "variables",
    "portproxy",
    "excluded",
    "processes",
    "listen",
    "answers",
    "rules",
    "interfaces",
    "adapters",
    "route",
    "firewall",
    "hyperv",
];

/// What was told; `missing` says why a part is not among it. None: there is nothing of ours in these bytes.
pub(super) fn windows(bytes: &[u8], missing: &Words) -> Option<Windows> {
    let parts = objects(&text(bytes));
    if parts.is_empty() {
        return None;
    }
    let told = Told { parts, missing };
    Some(Windows {
        source: Source::PowerShell,
        listeners: told.list("listen", listener),
        ollama_processes: told.list("processes", process),
        ollama_installed: told.one("installed", flag),
        answers_locally: told.one("answers", flag),
        variables: variables(&told),
        adapters: told.list("adapters", adapter),
        firewall: told.list("firewall", profile),
        rules: rules(&told),
        portproxy: told.list("portproxy", |item| port_proxy(&word(item, "from")?, &word(item, "to")?)),
        excluded: told.list("excluded", range),
        route_to_us: told.one("route", |value| string(value).filter(|name| !name.is_empty())),
        hyperv_loopback: told.one("hyperv", |value| number(value).map(gpo_is_not_false)),
        wslconfig: told.one("wslconfig", string),
    })
}

struct Told<'a> {
    parts: Map<String, Value>,
    missing: &'a Words,
}

impl Told<'_> {
    /// A part whose `null` means that there is none of it. Items that cannot be read are not guessed: the part is not known.
    fn list<T>(&self, part: &str, read: impl Fn(&Value) -> Option<T>) -> Fact<Vec<T>> {
        let value = match self.part(part) {
            Ok(value) => value,
            Err(why) => return Fact::Unknown(why),
        };
        items(value).into_iter().map(read).collect::<Option<_>>().map_or_else(|| unreadable(part), Fact::Known)
    }

    fn one<T>(&self, part: &str, read: impl Fn(&Value) -> Option<T>) -> Fact<T> {
        match self.part(part) {
            Ok(value) => {
                items(value).first().and_then(|value| read(value)).map_or_else(|| unreadable(part), Fact::Known)
            }
            Err(why) => Fact::Unknown(why),
        }
    }

    fn part(&self, part: &str) -> Result<&Value, Words> {
        let value = self.parts.get(part).ok_or_else(|| self.missing.clone())?;
        match self.parts.get(&why_of(part)).and_then(string) {
            Some(why) if value.is_null() => {
                let why = first_line(&why);
                Err(words!("Windows says: {why}", "Windows répond : {why}"))
            }
            Some(_) | None => Ok(value),
        }
    }
}

fn unreadable<T>(part: &str) -> Fact<T> {
    Fact::Unknown(words!(
        "what Windows says of `{part}` cannot be read",
        "ce que Windows dit de `{part}` est illisible"
    ))
}

fn why_of(part: &str) -> String {
    format!("{part}_why")
}

/// The first line that says something, at a length that fits a page.
pub(super) fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if line.chars().count() > 160 { line.chars().take(159).chain(['…']).collect() } else { line.to_owned() }
}

/// UTF-8 or UTF-16, with whatever else there is: what is no letter becomes U+FFFD.
pub(super) fn text(bytes: &[u8]) -> String {
    let units = |from: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| from([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    let odd_nuls = bytes.iter().skip(1).step_by(2).filter(|byte| **byte == 0).count();
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => units(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => units(u16::from_be_bytes, rest),
        // Mostly ASCII in UTF-16: each second byte is NUL.
        _ if bytes.len() > 8 && odd_nuls > bytes.len() / 4 => units(u16::from_le_bytes, bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    text.chars().filter(|letter| !matches!(letter, '\0' | '\r' | '\u{feff}')).collect()
}

/// Beginnings of objects that are tried: more are garbage.
const TRIES: usize = 4096;

/// All parts of all objects in the text. An object that breaks off, or that is none, is passed over.
fn objects(text: &str) -> Map<String, Value> {
    // A console may have broken long lines; line ends mean nothing between the words of JSON, and cannot be inside of them.
    let text = text.replace('\n', "");
    let mut parts = Map::new();
    let mut rest = text.as_str();
    for _ in 0..TRIES {
        let Some(start) = rest.find('{') else { break };
        rest = &rest[start..];
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Map<String, Value>>();
        let read = if let Some(Ok(object)) = stream.next() {
            let ours = |name: &str| PARTS.iter().any(|part| name == *part || name == why_of(part));
            parts.extend(object.into_iter().filter(|(name, _)| ours(name)));
            stream.byte_offset()
        } else {
            1
        };
        rest = &rest[read..];
    }
    parts
}

/// The items of a list that PowerShell may have unwrapped or wrapped.
fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        Value::Object(object) => match object.get("value") {
            Some(Value::Array(items)) if object.contains_key("Count") => items.iter().collect(),
            Some(_) | None => vec![value],
        },
        Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![value],
    }
}

/// Text, also where PowerShell has hung properties on it; numbers as they are written.
fn string(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(object) => object.get("value")?.as_str().map(str::to_owned),
        Value::Null | Value::Bool(_) | Value::Array(_) => None,
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(flag) => Some(u64::from(*flag)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Never a localized word: `Vrai` is not known.
fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        Value::String(_) | Value::Number(_) => match number(value)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn word(item: &Value, name: &str) -> Option<String> {
    string(item.get(name)?)
}

/// Empty text means that Windows did not tell.
fn optional(item: &Value, name: &str) -> Option<String> {
    word(item, name).filter(|text| !text.is_empty())
}

fn count<T: TryFrom<u64>>(item: &Value, name: &str) -> Option<T> {
    number(item.get(name)?)?.try_into().ok()
}

/// `GpoBoolean`: 0 false, 1 true, 2 not configured, which leaves the default: true, for all that is asked here.
fn gpo_is_not_false(value: u64) -> bool {
    value != 0
}

fn listener(item: &Value) -> Option<Listener> {
    Some(Listener {
        address: word(item, "address")?,
        port: count(item, "port")?,
        pid: count(item, "pid")?,
        program: word(item, "program").unwrap_or_default(),
        path: optional(item, "path"),
    })
}

fn process(item: &Value) -> Option<Process> {
    Some(Process { pid: count(item, "pid")?, name: word(item, "name")?, path: optional(item, "path") })
}

fn variable(item: &Value) -> Option<Variable> {
    Some(Variable { name: word(item, "name")?, value: word(item, "value")?, of_machine: flag(item.get("machine")?)? })
}

fn variables(told: &Told<'_>) -> Fact<Vec<Variable>> {
    match told.list("variables", variable) {
        Fact::Known(variables) => {
            Fact::Known(variables.into_iter().filter(|variable| may_be_told(&variable.name)).collect())
        }
        Fact::Unknown(why) => Fact::Unknown(why),
    }
}

fn adapter(item: &Value) -> Option<Adapter> {
    Some(Adapter {
        name: word(item, "name")?,
        address: word(item, "address")?.parse::<Ipv4Addr>().ok()?,
        prefix: count(item, "prefix")?,
    })
}

fn profile(item: &Value) -> Option<Profile> {
    /// `Action`: 2 allow, 4 block, 0 not configured, which blocks.
    const ALLOW: u64 = 2;
    let exempt = item.get("exempt").map(items).unwrap_or_default().into_iter().filter_map(string);
    Some(Profile {
        name: word(item, "name")?,
        enabled: gpo_is_not_false(count(item, "enabled")?),
        blocks_inbound: count::<u64>(item, "inbound")? != ALLOW,
        shields_up: !gpo_is_not_false(count(item, "allows")?),
        allows_local_rules: gpo_is_not_false(count(item, "merges")?),
        exempt: exempt.filter(|alias| alias != "NotConfigured").collect(),
    })
}

fn rules(told: &Told<'_>) -> Fact<Vec<Rule>> {
    let read = |item: &Value| {
        let policy = item.get("policy").and_then(flag).unwrap_or(false);
        Some(Rule::parse(&word(item, "id")?, policy, &word(item, "text")?))
    };
    let mut rules = match told.list("rules", read) {
        // What is no rule for us was told all the same.
        Fact::Known(rules) => rules.into_iter().flatten().collect::<Vec<_>>(),
        Fact::Unknown(why) => return Fact::Unknown(why),
    };
    let adapters = told.list("interfaces", |item| Some((word(item, "id")?, word(item, "name")?)));
    if let Fact::Known(adapters) = adapters {
        rules.iter_mut().flat_map(|rule| &mut rule.interfaces).for_each(|binding| binding.settle(&adapters));
    }
    Fact::Known(rules)
}

/// `0.0.0.0/11434` and `127.0.0.1/11434`, as the registry has a line of `netsh interface portproxy`.
pub(super) fn port_proxy(from: &str, to: &str) -> Option<PortProxy> {
    let (listen_address, listen_port) = from.split_once('/')?;
    let (connect_address, connect_port) = to.split_once('/')?;
    Some(PortProxy {
        listen_address: listen_address.trim().to_owned(),
        listen_port: listen_port.trim().parse().ok()?,
        connect_address: connect_address.trim().to_owned(),
        connect_port: connect_port.trim().parse().ok()?,
    })
}

/// `11400-11499`
fn range(value: &Value) -> Option<(u16, u16)> {
    let text = string(value)?;
    let (first, last) = text.split_once('-')?;
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

#[cfg(test)]
mod tests;
