//! When things happened in an exchange, and how fast they went.

use crate::capture::record::{Exchange, Happened, Lane, Message, Pane, Times, Tokens};

use super::answer::{Answer, Firsts, Usage};
use super::sides::Sides;

/// `said` is what the model said in the end; `before` are the firsts of attempts before that.
pub(super) fn times(exchange: &Exchange, sides: &Sides<'_>, said: &Answer, before: Option<Firsts>) -> Times {
    let moments = exchange.moments.iter();
    let connected =
        moments.filter(|moment| matches!(moment.what, Happened::Connected { .. })).map(|moment| moment.at_us);
    // Where the upstream said nothing, what the bridge told the client is no answer of it.
    let is_own = exchange.lane == Lane::Translated && sides.said.is_some_and(|said| said.pane == Pane::ClientResponse);
    let firsts = if is_own { Firsts::default() } else { said.firsts };
    let firsts = before.map_or(firsts, |before| firsts.or_earlier(before));
    let end = || sides.got.and_then(|got| got.ended_us).filter(|_| exchange.state.is_over());
    Times {
        connected: connected.min(),
        head: sides.said.filter(|_| !is_own).and_then(|said| said.head.as_ref()).map(|head| head.at_us),
        first_event: firsts.event,
        first_token: firsts.token,
        first_text: firsts.text,
        first_tool: firsts.tool,
        end: exchange.took_us.or_else(end),
        load: said.usage.load,
        prompt: said.usage.prompt,
        generation: said.usage.generation,
    }
}

/// `said`: of the model. `got`: of the client, where the model does not count.
pub(super) fn tokens(exchange: &Exchange, sides: &Sides<'_>, said: &Answer, got: &Answer) -> Tokens {
    let told = finished(exchange);
    let (one, other) = (said.usage, got.usage);
    let known = Usage {
        input: one.input.or(other.input).or(told.0),
        output: one.output.or(other.output).or(told.1),
        cached: one.cached.or(other.cached),
        reasoning: one.reasoning.or(other.reasoning),
        ..one
    };
    let by_upstream = (rate(known.input, one.prompt), rate(known.output, one.generation));
    let exact = by_upstream.0.is_some() || by_upstream.1.is_some();
    let (prompt_rate, decode_rate) = if exact { by_upstream } else { by_us(exchange, sides, said, known) };
    Tokens {
        input: known.input,
        cached: known.cached,
        output: known.output,
        reasoning: known.reasoning,
        prompt_rate,
        decode_rate,
        exact,
    }
}

/// As our own clock saw it. A model that had to be loaded says nothing of its prompt.
fn by_us(exchange: &Exchange, sides: &Sides<'_>, said: &Answer, usage: Usage) -> (Option<f64>, Option<f64>) {
    let (Some(first), Some(last)) = (said.firsts.token, said.firsts.last) else { return (None, None) };
    let loads = exchange.moments.iter().any(|moment| matches!(moment.what, Happened::Loading));
    let asked = sides.told.map_or(0, |told| told.ended_us.unwrap_or_else(|| begun(told)));
    let fresh = usage.input.map(|input| input.saturating_sub(usage.cached.unwrap_or(0)));
    let prompt = rate(fresh.filter(|_| !loads), Some(first.saturating_sub(asked)));
    // The first token is there when its time begins.
    let decode = rate(usage.output.map(|output| output.saturating_sub(1)), Some(last.saturating_sub(first)));
    (prompt, decode)
}

fn begun(message: &Message) -> u64 {
    message.head.as_ref().map_or(0, |head| head.at_us)
}

/// A second. None: nothing was counted, or in no time.
#[expect(clippy::cast_precision_loss, reason = "a rate is about")]
fn rate(count: Option<u64>, took_us: Option<u64>) -> Option<f64> {
    let (count, took_us) = (count.filter(|count| *count > 0)?, took_us.filter(|took| *took > 0)?);
    Some((count as f64 * 1e8 / took_us as f64).round() / 100.0)
}

/// The bridge's own count. Of what failed it is a guess, from which nothing must be learnt.
fn finished(exchange: &Exchange) -> (Option<u64>, Option<u64>) {
    let told = |what: &Happened| {
        let Happened::Finished { result, input, output, .. } = what else { return None };
        (result != "failed").then_some((*input, *output))
    };
    exchange.moments.iter().rev().find_map(|moment| told(&moment.what)).unwrap_or_default()
}

/// Attempts before the last, of what the model said.
pub(super) fn attempts_before<'e>(exchange: &'e Exchange, last: &'e Message) -> impl Iterator<Item = &'e Message> {
    let is_of = |message: &&Message| message.pane == Pane::UpstreamResponse && last.pane == Pane::UpstreamResponse;
    exchange.messages.iter().filter(is_of).filter(|message| message.attempt < last.attempt)
}
