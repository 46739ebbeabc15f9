//! What helps, where something is wrong: an id that the page has words for, and a command.

use crate::capture::record::{Level, Row};
use crate::capture::view::Hint;
use crate::fault::FaultId;

/// Microseconds. A large model from a disk takes half of that.
const SLOW_LOAD: u64 = 60_000_000;
/// Tokens a second: slower than one reads. A model that does not fit into the graphics card is as slow.
const SLOW_DECODE: f64 = 4.0;

/// The exit code of all faults that mean: the upstream is not reached.
const UNREACHABLE: u8 = 4;

/// What Ollama and its engine say (0.13 to 0.33), and what helps.
const SAID: &[(&str, &str, &str)] = &[
    ("exceeds the available context size", "overflow", "ollama-forward doctor context"),
    ("exceeds the context length", "overflow", "ollama-forward doctor context"),
    ("does not support tools", "no_tools", "ollama-forward doctor model-tools"),
    ("maximum pending requests exceeded", "queue", "ollama-forward doctor queue"),
];

pub(super) fn of(row: &Row) -> Vec<Hint> {
    let mut hints = Vec::new();
    let mut add = |id: &'static str, command: &str| {
        hints.push(Hint { id, command: Some(command.to_owned()).filter(|command| !command.is_empty()) });
    };
    match row.context.level {
        Level::Cut => add("cut", "ollama-forward doctor context"),
        Level::Near => add("near", "ollama-forward doctor context"),
        Level::Unknown | Level::Fits => {}
    }
    if let (Some(believed), Some(window)) = (row.context.believed, row.context.window)
        && believed > window
    {
        add("believed", "ollama-forward doctor codex-context");
    }
    if row.times.load.is_some_and(|load| load > SLOW_LOAD) {
        add("slow_load", "ollama-forward doctor gpu");
    }
    if row.tokens.decode_rate.is_some_and(|rate| rate < SLOW_DECODE) {
        add("slow", "ollama-forward doctor gpu");
    }
    if let Some(error) = &row.error {
        match error.id.as_deref().and_then(FaultId::from_text) {
            Some(FaultId::UpstreamRefused) => add("refused", "ollama-forward doctor"),
            Some(id) if id.exit_code() == UNREACHABLE || id == FaultId::UpstreamLoop => {
                add("unreachable", "ollama-forward doctor");
            }
            Some(_) | None => {}
        }
        if let Some((_, id, command)) = SAID.iter().find(|(words, ..)| error.text.contains(words)) {
            add(id, command);
        }
        if row.status == Some(404) && error.text.contains("model") && error.text.contains("not found") {
            add("no_model", &pull(&row.model).unwrap_or_default());
        }
    }
    hints
}

/// The name comes from outside, and goes into a shell.
fn pull(model: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    let is_name = !model.is_empty() && model.len() <= 128 && !model.starts_with('-') && model.bytes().all(is_plain);
    is_name.then(|| format!("ollama pull {model}"))
}
