//! Reads a query, and says what is wrong with one. Pure.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use super::super::record::{Api, State};
use super::find::Needle;
use super::{BadQuery, Is, Term, What};
use crate::words;
use crate::words::Words;

/// Bytes of a query. Nobody types more; each byte may be looked for at each byte of a body.
const LONGEST: usize = 1000;

const FILTERS: [&str; 12] =
    ["model", "tool", "status", "session", "client", "path", "state", "api", "id", "is", "before", "after"];

const STATES: [State; 11] = [
    State::Waiting,
    State::Loading,
    State::Prefill,
    State::Thinking,
    State::Answering,
    State::Tool,
    State::Done,
    State::Failed,
    State::Aborted,
    State::Refused,
    State::Lost,
];

const APIS: [(&str, Api); 5] = [
    ("responses", Api::Responses),
    ("chat", Api::Chat),
    ("ollama_chat", Api::OllamaChat),
    ("ollama_generate", Api::OllamaGenerate),
    ("other", Api::Other),
];

pub(super) fn parse(text: &str, now_ms: u64) -> Result<Vec<Term>, BadQuery> {
    if text.len() > LONGEST {
        let what = words!("a query has at most {LONGEST} bytes", "une recherche a au plus {LONGEST} octets");
        return Err(BadQuery { what, at: LONGEST });
    }
    let mut terms = Vec::new();
    let mut at = 0;
    while let Some(length) = text[at..].find(|letter: char| !letter.is_whitespace()) {
        at += length;
        let (term, end) = term(text, at, now_ms)?;
        terms.extend(term);
        at = end;
    }
    Ok(terms)
}

/// The term that begins here, and where it ends.
fn term(text: &str, from: usize, now_ms: u64) -> Result<(Option<Term>, usize), BadQuery> {
    let rest = &text[from..];
    let has_more = rest.chars().nth(1).is_some_and(|letter| !letter.is_whitespace());
    let not = has_more && rest.starts_with(['-', '!']);
    let start = from + usize::from(not);
    let name = filter_name(&text[start..]);
    let begin = name.map_or(start, |name| start + name.len() + 1);
    let (value, end) = value(text, begin)?;
    let what = match name {
        // A word that ends in a colon, and an address, are words.
        Some(_) if value.is_empty() || value.starts_with("//") => What::Words(Needle::new(&text[start..end])),
        Some(name) => filter(name, value, now_ms)
            .map_err(|(what, is_name)| BadQuery { what, at: if is_name { start } else { begin } })?,
        None if value.is_empty() => return Ok((None, end)),
        None => What::Words(Needle::new(value)),
    };
    Ok((Some(Term { not, what }), end))
}

/// `model` of `model:x`. A letter by itself is a drive, and what has digits a model.
fn filter_name(text: &str) -> Option<&str> {
    let (name, _) = text.split_once(':')?;
    (name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')).then_some(name)
}

/// A word, or what stands between quotes.
fn value(text: &str, from: usize) -> Result<(&str, usize), BadQuery> {
    let rest = &text[from..];
    if let Some(inner) = rest.strip_prefix('"') {
        let what = || words!("a quote is not closed", "un guillemet n'est pas fermé");
        let length = inner.find('"').ok_or_else(|| BadQuery { what: what(), at: from })?;
        return Ok((&inner[..length], from + length + 2));
    }
    let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
    Ok((&rest[..length], from + length))
}

/// The error tells whether it is the name that is wrong.
fn filter(name: &str, value: &str, now_ms: u64) -> Result<What, (Words, bool)> {
    let needle = || Needle::new(value);
    let lower = value.to_lowercase();
    let in_value = |what: Words| (what, false);
    Ok(match name.to_ascii_lowercase().as_str() {
        "model" => What::Model(needle()),
        "tool" => What::Tool(needle()),
        "client" => What::Client(needle()),
        "path" => What::Path(needle()),
        "session" => What::Session(lower),
        "id" => What::Id(lower),
        "status" => status(&lower).ok_or_else(|| in_value(no_status(value)))?,
        "state" => {
            let state = STATES.into_iter().find(|state| state.word() == lower);
            What::State(state.ok_or_else(|| in_value(unknown("state", value, STATES.map(State::word).as_slice())))?)
        }
        "api" => {
            let api = APIS.into_iter().find(|(word, _)| *word == lower.replace('-', "_"));
            What::Api(api.ok_or_else(|| in_value(unknown("api", value, &APIS.map(|(word, _)| word))))?.1)
        }
        "is" => {
            let is = Is::ALL.into_iter().find(|(word, _)| *word == lower);
            What::Is(is.ok_or_else(|| in_value(unknown("is", value, &Is::ALL.map(|(word, _)| word))))?.1)
        }
        "before" => What::Before(time(value, now_ms).ok_or_else(|| in_value(no_time(value)))?),
        "after" => What::After(time(value, now_ms).ok_or_else(|| in_value(no_time(value)))?),
        _ => return Err((no_filter(name), true)),
    })
}

fn no_filter(name: &str) -> Words {
    let Words { en, fr } = if let Some(near) = nearest(name, &FILTERS) {
        words!("did you mean `{near}:`?", "vouliez-vous dire `{near}:` ?")
    } else {
        let all = FILTERS.map(|filter| format!("{filter}:")).join(" ");
        words!("there are {all}.", "il y a {all}.")
    };
    words!(
        "there is no filter `{name}:`; {en} Words with a colon are put in quotes.",
        "il n'y a pas de filtre `{name}:` ; {fr} Les mots avec deux-points se mettent entre guillemets."
    )
}

fn unknown(filter: &str, value: &str, all: &[&str]) -> Words {
    if let Some(near) = nearest(value, all) {
        return words!(
            "there is no `{filter}:{value}`; did you mean `{filter}:{near}`?",
            "il n'y a pas de `{filter}:{value}` ; vouliez-vous dire `{filter}:{near}` ?"
        );
    }
    let all = all.join(" ");
    words!(
        "there is no `{filter}:{value}`; after `{filter}:` there are {all}",
        "il n'y a pas de `{filter}:{value}` ; après `{filter}:` il y a {all}"
    )
}

/// The one that was meant: it was not typed to its end, or a third of its letters are wrong.
fn nearest<'a>(word: &str, all: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let begun = all.iter().copied().find(|known| word.len() > 2 && known.starts_with(&word));
    let distance = |known: &&str| strsim::damerau_levenshtein(&word, known);
    let near = all.iter().copied().min_by_key(distance);
    begun.or_else(|| near.filter(|near| distance(near) <= near.len().div_ceil(3)))
}

/// `404`, `4xx`, `>=400`, `<500`, `400-499`
fn status(text: &str) -> Option<What> {
    let number = |text: &str| text.parse::<u16>().ok().filter(|status| (100..=999).contains(status));
    let range = if let Some(rest) = text.strip_prefix(">=") {
        (number(rest)?, u16::MAX)
    } else if let Some(rest) = text.strip_prefix("<=") {
        (0, number(rest)?)
    } else if let Some(rest) = text.strip_prefix('>') {
        (number(rest)? + 1, u16::MAX)
    } else if let Some(rest) = text.strip_prefix('<') {
        (0, number(rest)? - 1)
    } else if let Some(class) = text.strip_suffix("xx") {
        let from = number(&format!("{class}00"))?;
        (from, from + 99)
    } else if let Some((from, until)) = text.split_once('-') {
        (number(from)?, number(until)?)
    } else {
        (number(text)?, number(text)?)
    };
    Some(What::Status(range.0, range.1))
}

fn no_status(value: &str) -> Words {
    words!(
        "`{value}` is no status: 404, 4xx, >=400, <500 or 400-499 are",
        "`{value}` n'est pas un statut : 404, 4xx, >=400, <500 ou 400-499 en sont"
    )
}

/// `2026-11-28`, `2026-11-28T18:00`, with seconds and a zone if need be; `30s`, `30m`, `2h`, `7d`, `2w` ago.
fn time(text: &str, now_ms: u64) -> Option<u64> {
    const UNITS: [(char, u64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 7 * 86_400)];
    let unit = UNITS.into_iter().find_map(|(letter, seconds)| Some((text.strip_suffix(letter)?, seconds)));
    if let Some((count, seconds)) = unit {
        let count: u64 = count.parse().ok()?;
        return Some(now_ms.saturating_sub(count.saturating_mul(seconds).saturating_mul(1000)));
    }
    let local = |format: &str| NaiveDateTime::parse_from_str(text, format).ok();
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let moment = DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis());
    let moment = moment.or_else(|| {
        let time = date().or_else(|| local("%Y-%m-%dT%H:%M")).or_else(|| local("%Y-%m-%dT%H:%M:%S"))?;
        Some(time.and_utc().timestamp_millis())
    })?;
    u64::try_from(moment).ok()
}

fn no_time(value: &str) -> Words {
    words!(
        "`{value}` is no time: 2026-11-28, 2026-11-28T18:00 or 2h (ago) are",
        "`{value}` n'est pas un moment : 2026-11-28, 2026-11-28T18:00 ou 2h (de cela) en sont"
    )
}
