//! `ollama-forward service`, with a systemd of a user that this test has started, and with profiles of shells.
//!
//! The systemd runs in a mount namespace and a control group of its own, with `/run` and a home that go with it; it needs
//! root. Where it cannot run, its tests say `SKIP service <test>: <reason>`. Networks are only loopback.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "here time is measured, not simulated")]

mod by_profile;
mod by_systemd;
mod client;
#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/stand_in.rs"]
mod stand_in;
mod systemd;
mod texts;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// The one object that it printed, which has a version.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        let value: serde_json::Value = serde_json::from_str(&self.out).unwrap();
        assert_eq!((self.out.lines().count(), &value["schema_version"]), (1, &1.into()), "{self:?}");
        value
    }
}

pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Looks again and again, for a bounded time.
pub(crate) fn until(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if holds() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    holds()
}
