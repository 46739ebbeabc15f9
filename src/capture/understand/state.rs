//! Where an exchange is now. Asked several times a second while an answer grows, so only its end is looked at.

use crate::capture::record::{Exchange, Happened, Lane, Message, Pane, State};
use crate::capture::view::Channel;

use super::answer;
use super::form::Form;
use super::frames::{Frame, Frames};
use super::sides::Sides;

/// So much of a stream's end is looked at: thousands of tokens.
const TAIL: usize = 64 << 10;
/// A body's form shows in how it begins.
const START: usize = 4 << 10;

/// Where an exchange that is under way is now.
pub fn state(exchange: &Exchange) -> State {
    if exchange.state.is_over() {
        return exchange.state;
    }
    let sides = Sides::of(exchange);
    // The bridge speaks to the client before the model does; and what was said before it was asked again is over.
    let said = sides.said.filter(|said| exchange.lane != Lane::Translated || said.pane == Pane::UpstreamResponse);
    let asked_again = sides.told.filter(|told| told.pane == Pane::UpstreamRequest).map_or(0, |told| told.attempt);
    let said = said.filter(|said| said.pane != Pane::UpstreamResponse || said.attempt >= asked_again);
    if let Some(state) = said.and_then(speaking) {
        return state;
    }
    if said.is_some_and(|said| said.head.is_some()) {
        return State::Prefill;
    }
    if exchange.moments.iter().any(|moment| matches!(moment.what, Happened::Loading)) {
        return State::Loading;
    }
    let is_connected = exchange.moments.iter().any(|moment| matches!(moment.what, Happened::Connected { .. }));
    let has_it = |message: &Message| message.ended_us.is_some();
    if is_connected && sides.told.is_some_and(has_it) { State::Prefill } else { State::Waiting }
}

/// What the last words are. None: there are none yet.
fn speaking(message: &Message) -> Option<State> {
    let start = Message { body: message.body[..message.body.len().min(START)].to_vec(), ..message.without_body() };
    let form = Form::of(&start);
    let channel = match form {
        Form::Empty => return None,
        Form::Sse | Form::Ndjson => last_channel(&message.body, form),
        Form::Json | Form::Text | Form::Binary => Some(Channel::Content),
    };
    match channel? {
        Channel::None => None,
        Channel::Reasoning => Some(State::Thinking),
        Channel::Content | Channel::Error => Some(State::Answering),
        Channel::Tool => Some(State::Tool),
    }
}

fn last_channel(body: &[u8], form: Form) -> Option<Channel> {
    let from = body.len().saturating_sub(TAIL);
    // The first event may be cut.
    let begin =
        if from == 0 { 0 } else { memchr::memchr(b'\n', &body[from..]).map_or(body.len(), |end| from + end + 1) };
    let frames: Vec<Frame<'_>> = Frames::new(&body[begin..], form).collect();
    let said = frames.iter().rev().map(answer::channel).find(|channel| *channel != Channel::None);
    // An event that is larger than all that is looked at: a call, or an answer in one piece.
    said.or_else(|| (from > 0 && frames.is_empty()).then_some(Channel::Content))
}
