//! An exchange that is under way: what has come of it so far.

use super::clean::Cleaner;
use crate::capture::id::ExchangeId;
use crate::capture::record::{Exchange, Head, Message, Moment, Pane, Piece, State};
use crate::capture::tap::{Opening, What};

#[derive(Debug)]
pub(super) struct Film {
    /// Heads are without secrets; bodies only of the first `clean` messages.
    exchange: Exchange,
    clean: usize,
    /// When it was last heard of.
    last_us: u64,
    cleaner: Cleaner,
}

impl Film {
    pub(super) fn new(id: ExchangeId, session: String, opening: Opening, cleaner: Cleaner) -> Self {
        let mut film = Self { exchange: Exchange::default(), clean: 0, last_us: 0, cleaner };
        film.exchange.id = Some(id);
        film.exchange.session = session;
        film.exchange.begun_ms = opening.begun_ms;
        film.exchange.conn = opening.conn;
        film.exchange.peer = opening.peer;
        film.head(Pane::ClientRequest, 0, opening.head);
        film
    }

    pub(super) fn take(&mut self, at_us: u64, what: What) {
        self.last_us = self.last_us.max(at_us);
        match what {
            What::Opened(_) | What::Closed { .. } => {}
            What::Lane(lane) => self.exchange.lane = lane,
            What::Head { pane, attempt, head } => self.head(pane, attempt, *head),
            // Its end was told before: what follows is not kept any more.
            What::Bytes { pane: Pane::ClientRequest, attempt: 0, bytes } if self.clean > 0 => {
                self.exchange.messages[0].size += bytes.len() as u64;
                self.exchange.incomplete = true;
            }
            What::Bytes { pane, attempt, bytes } => {
                let message = self.message(pane, attempt);
                message.size += bytes.len() as u64;
                message.body.extend_from_slice(&bytes);
                message.pieces.push(Piece { at_us, len: u32::try_from(bytes.len()).unwrap_or(u32::MAX) });
            }
            What::Skipped { pane, attempt, count } => self.message(pane, attempt).size += count,
            What::Ended { pane, attempt } => self.message(pane, attempt).ended_us = Some(at_us),
            What::Moment(what) => self.exchange.moments.push(Moment { at_us, what }),
        }
    }

    fn head(&mut self, pane: Pane, attempt: u16, mut head: Head) {
        let redacted = self.cleaner.head(&mut head);
        let message = self.message(pane, attempt);
        message.head = Some(head);
        message.redacted += redacted;
    }

    /// The first message is always the client's request.
    fn message(&mut self, pane: Pane, attempt: u16) -> &mut Message {
        let messages = &mut self.exchange.messages;
        let known = messages.iter().rposition(|message| message.pane == pane && message.attempt == attempt);
        let at = known.unwrap_or_else(|| {
            messages.push(Message {
                pane,
                attempt,
                head: None,
                body: Vec::new(),
                size: 0,
                pieces: Vec::new(),
                ended_us: None,
                redacted: 0,
            });
            messages.len() - 1
        });
        &mut messages[at]
    }

    /// The client's request is complete: takes its secrets out, once.
    pub(super) fn seal_request(&mut self) {
        if self.clean == 0 {
            self.cleaner.body(&mut self.exchange.messages[0]);
            self.clean = 1;
        }
    }

    /// What may be seen of it now.
    pub(super) fn seen(&self) -> Exchange {
        let mut seen = self.exchange.clone();
        for message in &mut seen.messages[self.clean..] {
            self.cleaner.body(message);
        }
        if !seen.state.is_over() {
            seen.state = (self.cleaner.sense.state)(&seen);
        }
        seen
    }

    /// What is known of it without its bodies.
    pub(super) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// What is kept of it. It stays here, too, until it can be read from the disk.
    pub(super) fn end(&mut self, at_us: u64, state: State, incomplete: bool) -> Exchange {
        for message in &mut self.exchange.messages[self.clean..] {
            self.cleaner.body(message);
        }
        self.clean = self.exchange.messages.len();
        self.exchange.took_us = Some(at_us.max(self.last_us));
        self.exchange.incomplete |= incomplete;
        self.exchange.state = state;
        self.exchange.clone()
    }
}
