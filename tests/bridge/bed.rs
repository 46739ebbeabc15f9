//! The bridge before a stand-in for Ollama, on loopback.

use std::net::SocketAddr;

use serde_json::Value;

use crate::client::{Answer, Asking, Stream, question};
use crate::fake::Fake;
use crate::place::Place;
use crate::script::{Reply, Shape};
use crate::support::forward::Forward;

pub(crate) struct Bed {
    pub(crate) forward: Forward,
    pub(crate) fake: Fake,
    pub(crate) place: Place,
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// Before an upstream that gives this one answer.
    pub(crate) fn of(reply: Reply) -> Self {
        let bed = Self::new();
        bed.fake.will(reply);
        bed
    }

    pub(crate) fn with(args: &[&str]) -> Self {
        Self::before(Fake::new(), args)
    }

    pub(crate) fn shaped(shape: Shape, args: &[&str]) -> Self {
        Self::before(Fake::shaped(shape), args)
    }

    pub(crate) fn before(fake: Fake, args: &[&str]) -> Self {
        let place = Place::new();
        let upstream = fake.address.to_string();
        let mut forward = place.start(&[&["--translate", "--upstream", &upstream], args].concat());
        forward.is_ready();
        Self { forward, fake, place }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.place.address
    }

    #[track_caller]
    pub(crate) fn send(&self, asking: &Asking) -> Stream {
        asking.send(self.address())
    }

    /// Codex asks, with a shell among its tools.
    #[track_caller]
    pub(crate) fn ask(&self, text: &str) -> Stream {
        self.post(&question(text))
    }

    /// Codex asks this.
    #[track_caller]
    pub(crate) fn post(&self, body: &Value) -> Stream {
        self.send(&Asking::codex(body))
    }

    /// The whole answer to Codex's question.
    #[track_caller]
    pub(crate) fn answer(&self, text: &str) -> Answer {
        self.ask(text).whole()
    }
}
