//! Names of exchanges: the same for ever, sorted by time, safe in a path and in a link. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One exchange. Written as sixteen hexadecimal digits: milliseconds since 1970, and a count within them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(u64);

/// Bits for exchanges that begin in the same millisecond. 44 bits of time last until the year 2527.
const COUNT_BITS: u32 = 20;

impl ExchangeId {
    /// The first of this millisecond that is not before, or the one after `last`.
    pub fn after(last: Option<Self>, unix_ms: u64) -> Self {
        let first = unix_ms << COUNT_BITS;
        Self(last.map_or(first, |last| first.max(last.0 + 1)))
    }

    /// When it began, in milliseconds since 1970; some more when a millisecond overflowed or the clock was set back.
    pub fn unix_ms(self) -> u64 {
        self.0 >> COUNT_BITS
    }
}

/// Sixteen lower-case hexadecimal digits are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an exchange's id has sixteen digits from 0 to f")]
pub struct NoId;

impl FromStr for ExchangeId {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return Err(NoId);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| NoId)
    }
}

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for ExchangeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ExchangeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_tell_their_time() {
        let first = ExchangeId::after(None, 1_700_000_000_000);
        let second = ExchangeId::after(Some(first), 1_700_000_000_000);
        let set_back = ExchangeId::after(Some(second), 1);
        assert!(first < second && second < set_back);
        assert_eq!(first.unix_ms(), 1_700_000_000_000);
    }

    #[test]
    fn ids_are_read_as_they_are_written() {
        let id = ExchangeId::after(None, 1_764_352_000_123);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "../../etc/passwd",
            "19abc",
            "19ABCDEF00000000",
            "+9abcdef00000000",
            "19abcdef000000000",
            "19abcdef/0000000",
        ] {
            assert_eq!(text.parse::<ExchangeId>(), Err(NoId), "{text}");
        }
    }
}
