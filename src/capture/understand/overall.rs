//! All that can be said of an exchange.

use std::collections::BTreeMap;

use crate::capture::record::{Exchange, Happened, Level, Message, NoteKind, Pane, Row};
use crate::capture::view::{Item, ItemKind, Note, PaneView, Share, Stream, Tool, View};

use super::answer::{self, Answer};
use super::form::{Form, header};
use super::request::{BYTES_A_TOKEN, Request, tokens};
use super::row::Read;
use super::sides::Sides;
use super::{diff, hints};

/// Events that are listed of one stream. More of them nobody reads, and a page has to hold them; their texts are in the
/// answer all the same.
const MOST_EVENTS: usize = 5000;

/// All of it. `previous` is the one before it in its thread, for what is new. Neighbours that come later are not known here.
pub fn view(exchange: &Exchange, previous: Option<&Exchange>) -> View {
    let read = Read::new(exchange, MOST_EVENTS);
    let mut row = read.row();
    let judged = exchange.row.as_deref().filter(|_| exchange.state.is_over());
    if let Some(judged) = judged.filter(|judged| judged.context.level != Level::Unknown) {
        row.context = judged.context.clone();
    }
    let before = previous.map(|previous| Request::read(Sides::of(previous).asked));
    let bytes_a_token = bytes_a_token(&row);
    let mut conversation = read.request.conversation();
    mark_new(&mut conversation, before.as_ref());
    let mut tools = read.request.tools(bytes_a_token);
    mark_changed(&mut tools, before.as_ref());
    let answer = read.got.items.clone();
    count_calls(&mut tools, conversation.iter().chain(&answer));
    let upstream_answer = read.translated().map(|said| said.items.clone()).unwrap_or_default();
    View {
        panes: exchange.messages.iter().map(pane).collect(),
        shares: shares(&conversation, &tools, bytes_a_token),
        parameters: read.request.parameters(),
        times: row.times,
        context: row.context.clone(),
        notes: notes(exchange),
        moments: exchange.moments.clone(),
        previous: previous.and_then(|previous| previous.id),
        next: None,
        hints: hints::of(&row),
        streams: streams(exchange, read),
        conversation,
        answer,
        upstream_answer,
        tools,
        row,
    }
}

fn pane(message: &Message) -> PaneView {
    let told = message.head.as_ref().and_then(|head| header(head, "content-type"));
    PaneView {
        pane: message.pane,
        attempt: message.attempt,
        head: message.head.clone(),
        size: message.size,
        kept: message.body.len() as u64,
        content_type: told.map(str::to_owned),
        form: Form::of(message).word(),
        ended_us: message.ended_us,
        redacted: message.redacted,
    }
}

/// By this request's own figures, where they are believable.
#[expect(clippy::cast_precision_loss, reason = "it is about")]
fn bytes_a_token(row: &Row) -> f64 {
    let input = row.tokens.input.filter(|input| *input > 0 && row.images == 0 && row.prompt_bytes > 0);
    let rate = input.map(|input| (row.prompt_bytes + row.thought_bytes) as f64 / input as f64);
    rate.filter(|rate| (1.0..=8.0).contains(rate)).unwrap_or(BYTES_A_TOKEN)
}

fn mark_new(conversation: &mut [Item], before: Option<&Request>) {
    let known = before.map_or(0, |before| diff::same_start(&before.conversation(), conversation));
    for item in &mut conversation[known..] {
        item.new = true;
    }
}

fn mark_changed(tools: &mut [Tool], before: Option<&Request>) {
    let Some(before) = before else { return };
    let old = before.tools(BYTES_A_TOKEN);
    let old: BTreeMap<&str, &Tool> = old.iter().map(|tool| (tool.name.as_str(), tool)).collect();
    for tool in tools {
        tool.changed = match old.get(tool.name.as_str()) {
            None => Some("new"),
            Some(old) if !diff::is_same_tool(old, tool) => Some("changed"),
            Some(_) => None,
        };
    }
}

fn count_calls<'i>(tools: &mut [Tool], items: impl Iterator<Item = &'i Item>) {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for name in items.filter(|item| item.kind == ItemKind::Call).filter_map(|item| item.name.as_deref()) {
        *counts.entry(name).or_default() += 1;
    }
    for tool in tools {
        tool.called = counts.get(tool.name.as_str()).copied().unwrap_or(0);
    }
}

/// Each item is in one share: what is new is no history any more.
fn shares(conversation: &[Item], tools: &[Tool], bytes_a_token: f64) -> Vec<Share> {
    let of_tools = tools.iter().map(|tool| tool.bytes).sum();
    let sum = |part: &str| conversation.iter().filter(|item| share(item) == part).map(|item| item.bytes).sum();
    let all = [
        ("instructions", sum("instructions")),
        ("tools", of_tools),
        ("history", sum("history")),
        ("tool_output", sum("tool_output")),
        ("new", sum("new")),
    ];
    all.map(|(part, bytes)| Share { part, bytes, tokens: tokens(bytes, bytes_a_token) }).into()
}

fn share(item: &Item) -> &'static str {
    match (item.role.as_str(), item.kind) {
        ("system" | "developer", _) => "instructions",
        _ if item.new => "new",
        (_, ItemKind::Output) => "tool_output",
        (
            _,
            ItemKind::Message
            | ItemKind::Reasoning
            | ItemKind::Call
            | ItemKind::Compaction
            | ItemKind::Refusal
            | ItemKind::Other,
        ) => "history",
    }
}

fn notes(exchange: &Exchange) -> Vec<Note> {
    let note = |what: &Happened| match what {
        Happened::Note { kind, at, text } => Some(Note { kind: *kind, at: at.clone(), text: text.clone() }),
        Happened::Resumed { why } | Happened::Again { why } => {
            Some(Note { kind: NoteKind::Other, at: None, text: why.clone() })
        }
        Happened::Connected { .. }
        | Happened::Loading
        | Happened::Heartbeat
        | Happened::Model { .. }
        | Happened::Finished { .. }
        | Happened::Fault { .. } => None,
    };
    exchange.moments.iter().filter_map(|moment| note(&moment.what)).collect()
}

/// Those that were read anyway, and those of earlier attempts.
fn streams(exchange: &Exchange, read: Read<'_>) -> Vec<Stream> {
    let is_answer = |message: &&Message| matches!(message.pane, Pane::UpstreamResponse | Pane::ClientResponse);
    let (got, said) = (read.sides.got, read.sides.said);
    let (mut of_got, mut of_said) = (Some(read.got), read.said);
    let same = |message: &Message, other: Option<&Message>| other.is_some_and(|other| std::ptr::eq(message, other));
    let mut streams = Vec::new();
    for message in exchange.messages.iter().filter(is_answer).filter(|message| Form::of(message).is_stream()) {
        let known = if same(message, got) {
            of_got.take()
        } else if same(message, said) {
            of_said.take()
        } else {
            None
        };
        let Answer { form, events, left_out, .. } = known.unwrap_or_else(|| answer::read(Some(message), MOST_EVENTS));
        let (pane, attempt) = (Some(message.pane), message.attempt);
        streams.push(Stream { pane, attempt, form: form.word(), events, left_out });
    }
    streams
}
