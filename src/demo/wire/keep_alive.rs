//! `keep_alive`: how long a model stays loaded after its last use. Pure; it knows no clock, only spans.

use super::{Refusal, malformed};
use serde_json::Value;
use std::time::Duration;

/// Ollama keeps a model this long after its last use.
pub(crate) const DEFAULT: Duration = Duration::from_secs(5 * 60);

/// "For ever" (a negative value), and the longest time that is kept: a date in a hundred years can still be written.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A number of seconds, or a duration as Go writes it: `300`, `"5m"`, `"1h30m"`, `-1`.
pub(crate) fn parse(value: &Value) -> Result<Duration, Refusal> {
    let seconds = match value {
        Value::Number(seconds) => seconds.as_f64(),
        Value::String(text) => go_seconds(text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let seconds = seconds
        .filter(|seconds| seconds.is_finite())
        .ok_or_else(|| malformed(&format!("invalid keep_alive {value}")))?;
    if seconds < 0.0 {
        return Ok(FOREVER);
    }
    Ok(Duration::try_from_secs_f64(seconds).map_or(FOREVER, |kept| kept.min(FOREVER)))
}

fn go_seconds(text: &str) -> Option<f64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    if let Ok(plain) = rest.parse::<f64>() {
        return Some(sign * plain);
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| c.is_ascii_alphabetic())?);
        let (unit, after) = after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        let unit = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * unit;
        rest = after;
    }
    (!text.is_empty()).then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_alive_is_a_number_or_a_duration() {
        let minutes = |minutes: u64| Ok(Duration::from_secs(60 * minutes));
        for (value, kept) in [
            ("0", minutes(0)),
            ("300", minutes(5)),
            ("-1", Ok(FOREVER)),
            (r#""0""#, minutes(0)),
            (r#""0s""#, minutes(0)),
            (r#""5m""#, minutes(5)),
            (r#""1h30m""#, minutes(90)),
            (r#""-1m""#, Ok(FOREVER)),
            (r#""60000ms""#, minutes(1)),
            ("1e300", Ok(FOREVER)),
        ] {
            assert_eq!(parse(&value.parse().unwrap()), kept, "{value}");
        }
        for value in [r#""""#, r#""m""#, r#""5x""#, r#""5 minutes""#, r#""nan""#, "true", "[]"] {
            assert!(parse(&value.parse().unwrap()).is_err(), "{value}");
        }
    }
}
