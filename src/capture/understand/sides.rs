//! The sides of an exchange that count: of each pane the last attempt.

use crate::capture::record::{Exchange, Message, Pane};

/// Who said what, in the end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sides<'e> {
    /// What the client asked.
    pub asked: Option<&'e Message>,
    /// What the model was asked, in its own words.
    pub told: Option<&'e Message>,
    /// What the model said.
    pub said: Option<&'e Message>,
    /// What the client got.
    pub got: Option<&'e Message>,
}

impl<'e> Sides<'e> {
    pub(super) fn of(exchange: &'e Exchange) -> Self {
        let last = |pane: Pane| {
            let attempts = exchange.messages.iter().filter(|message| message.pane == pane);
            attempts.max_by_key(|message| message.attempt)
        };
        let (asked, got) = (last(Pane::ClientRequest), last(Pane::ClientResponse));
        let (told, said) = (last(Pane::UpstreamRequest), last(Pane::UpstreamResponse));
        Self { asked, told: told.or(asked), said: said.or(got), got: got.or(said) }
    }

    /// The model's words are another body than the client's.
    pub(super) fn is_translated(&self) -> bool {
        match (self.said, self.got) {
            (Some(said), Some(got)) => said.pane != got.pane,
            (None, _) | (_, None) => false,
        }
    }
}

/// A part of it was not kept.
pub(super) fn is_cut(message: &Message) -> bool {
    message.size > message.body.len() as u64
}
