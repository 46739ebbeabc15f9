//! Who may look: whoever has this start's token. A browser gets it for a code that works once, so that no secret stays in
//! its history; a program sends it with each request.
//!
//! Loopback alone keeps nobody out: in WSL, programs of Windows reach it, too.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::guard::is_same;
use crate::clock;

/// Time to click on a link.
const CODE_TIME: Duration = Duration::from_secs(5 * 60);
/// Links that are open at a time; the oldest gives way.
const MOST_CODES: usize = 16;
/// Digits of a code: 128 bits, which cannot be guessed, and a link that fits a line.
const CODE_DIGITS: usize = 32;

/// Whoever may look. One for each start; clones are the same door.
#[derive(Clone)]
pub struct Door {
    inner: Arc<Inner>,
}

struct Inner {
    token: String,
    /// The oldest first.
    codes: Mutex<VecDeque<(String, Instant)>>,
}

impl Door {
    /// With a secret of this start, in hexadecimal.
    pub fn new(secret: String) -> Self {
        Self { inner: Arc::new(Inner { token: secret, codes: Mutex::default() }) }
    }

    /// A new code that opens the door once, within five minutes. Empty, which opens nothing, should the kernel have no
    /// randomness any more.
    pub fn code(&self) -> String {
        let code = clock::secret().map(|secret| secret[..CODE_DIGITS].to_owned()).unwrap_or_default();
        self.issue(code.clone(), clock::now());
        code
    }

    /// The token for programs (`Authorization: Bearer …`).
    pub fn token(&self) -> String {
        self.inner.token.clone()
    }

    fn issue(&self, code: String, now: Instant) {
        let mut codes = self.inner.codes.lock().unwrap_or_else(PoisonError::into_inner);
        if codes.len() >= MOST_CODES {
            codes.pop_front();
        }
        codes.push_back((code, now));
    }

    /// Whether this code opens the door now. It does not a second time.
    pub(super) fn admits(&self, code: &str, now: Instant) -> bool {
        let mut codes = self.inner.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|(_, issued)| now.saturating_duration_since(*issued) < CODE_TIME);
        let before = codes.len();
        codes.retain(|(known, _)| !is_same(known, code));
        codes.len() < before
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> Door {
        Door::new("5ec2e7".into())
    }

    #[test]
    fn a_code_opens_once() {
        let (door, now) = (door(), clock::now());
        let code = door.code();
        assert_eq!(code.len(), CODE_DIGITS);
        assert!(!door.admits("", now));
        assert!(!door.admits(&code[1..], now));
        assert!(door.clone().admits(&code, now));
        assert!(!door.admits(&code, now));
    }

    #[test]
    fn a_code_opens_for_five_minutes() {
        let (door, now) = (door(), clock::now());
        for (code, after, opens) in [("a", CODE_TIME / 2, true), ("b", CODE_TIME, false)] {
            door.issue(code.into(), now);
            assert_eq!(door.admits(code, now + after), opens, "{code}");
        }
    }

    #[test]
    fn the_oldest_of_many_codes_gives_way() {
        let (door, now) = (door(), clock::now());
        for code in 0..=MOST_CODES {
            door.issue(code.to_string(), now);
        }
        assert!(!door.admits("0", now));
        assert!(door.admits("1", now));
    }

    #[test]
    fn a_code_that_could_not_be_made_opens_nothing() {
        let (door, now) = (door(), clock::now());
        door.issue(String::new(), now);
        assert!(!door.admits("", now));
    }

    #[test]
    fn codes_differ_and_are_not_the_token() {
        let door = door();
        assert_ne!(door.code(), door.code());
        assert!(!door.admits(&door.token(), clock::now()));
    }

    #[test]
    fn secrets_are_not_told_when_it_is_printed() {
        assert!(!format!("{:?}", door()).contains("5ec2e7"));
    }
}
