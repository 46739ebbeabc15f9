//! What an upstream's words mean. The words are Ollama's from 0.13 to 0.33, LM Studio's, llama-server's and vLLM's.

use super::told::{Told, clean};
use super::{Failure, Kind};
use crate::translate::recover::arguments_in_error;

/// A cause that any of these words tells, in small letters.
struct Cause {
    words: &'static [&'static str],
    kind: Kind,
    /// Begins with what happened; `{model}` and `{told}` stand for these.
    message: &'static str,
}

/// The first that fits counts.
const CAUSES: &[Cause] = &[
    Cause {
        words: &["does not support tools"],
        kind: Kind::NoTools,
        message: "`{model}` cannot use tools, so that it cannot act as an agent; choose a model that `ollama show` lists \
                  with the capability `tools`.",
    },
    Cause {
        words: &["requires --jinja"],
        kind: Kind::NoTools,
        message: "The upstream has loaded `{model}` without its chat template, so that it takes no tools; unload it with \
                  `ollama stop {model}`, or start llama-server with `--jinja`.",
    },
    Cause {
        words: &["requires --enable-auto-tool-choice"],
        kind: Kind::NoTools,
        message: "vLLM takes no tools as it was started; give it `--enable-auto-tool-choice` and `--tool-call-parser`.",
    },
    Cause {
        words: &["does not support thinking", "think value"],
        kind: Kind::NoThinking,
        message: "`{model}` cannot think as it was asked to; set `model_reasoning_effort = \"none\"`, or choose another model.",
    },
    Cause {
        words: &["does not support chat", "does not support generate", "this model only supports embeddings"],
        kind: Kind::Permanent,
        message: "`{model}` is no chat model (perhaps it makes embeddings); choose another.",
    },
    Cause {
        words: &["no user query found"],
        kind: Kind::Permanent,
        message: "The template of `{model}` found no user's message, mostly because the context is too small for the \
                  conversation; raise OLLAMA_CONTEXT_LENGTH on Windows, or begin a new conversation.",
    },
    Cause {
        words: &["no models loaded"],
        kind: Kind::NoModel,
        message: "LM Studio has no model loaded; load `{model}` there, or with `lms load`.",
    },
    Cause {
        words: &["server busy", "maximum pending requests", "overloaded"],
        kind: Kind::Busy,
        message: "The upstream's queue is full; other requests have to end first.",
    },
    Cause {
        words: &["loading model", "model is loading", "loading the model"],
        kind: Kind::Busy,
        message: "The upstream is still loading `{model}`.",
    },
    Cause {
        words: &["timed out waiting for", "load timeout"],
        kind: Kind::Permanent,
        message: "Loading `{model}` made no progress for so long that the upstream gave up; a smaller model may load, or \
                  set OLLAMA_LOAD_TIMEOUT on Windows to more than 5m.",
    },
    Cause {
        words: &[
            "out of memory",
            "more system memory",
            "cudamalloc failed",
            "unable to allocate",
            "failed to allocate",
            "not enough memory",
            "insufficient memory",
            "insufficient system resources",
        ],
        kind: Kind::Permanent,
        message: "There is not enough memory for `{model}` and its context ({told}); choose a smaller model or context, or \
                  unload others with `ollama stop`.",
    },
    Cause {
        words: &[
            "runner has unexpectedly stopped",
            "process has terminated",
            "runner terminated",
            "runner process no longer",
        ],
        kind: Kind::Transient,
        message: "The upstream's engine stopped while `{model}` answered ({told}); Ollama's server log on Windows says why.",
    },
    Cause {
        words: &["request canceled", "request cancelled", "context canceled"],
        kind: Kind::Transient,
        message: "The upstream gave the request up, as if the client had gone.",
    },
];

/// The model's call could not be parsed. Only where an answer was being made: a 400 of the same words means the request.
const BAD_CALLS: &[&str] = &[
    "failed to parse json",
    "invalid character",
    "unexpected end of json",
    "xml syntax error",
    "expected element",
    "failed to parse input at pos",
    "failed to parse tool call",
    "error parsing tool",
    "tool call parsing",
    "unknown tool",
];

const OVERFLOWS: &[&str] = &[
    "exceed_context_size",
    "context_length_exceeded",
    "exceeds the available context size",
    "exceeds the context length",
    "exceeded max context length",
    "maximum context length",
    "context size has been exceeded",
    "greater than the context length",
    "context the overflows",
    "exceeds the model's context",
    "exceeds the context window",
    "longer than the maximum model length",
];

pub(super) fn judge(status: Option<u16>, told: &Told, model: &str) -> Failure {
    let small = format!("{} {}", told.text, told.words.join(" ")).to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| small.contains(word));
    let model = &clean(model);
    if told.page {
        return page(status);
    }
    let answering = status.is_none_or(|status| status >= 500);
    if small.contains("error parsing tool call") || answering && says(BAD_CALLS) {
        return bad_call(told, model);
    }
    if says(OVERFLOWS) {
        return overflow(told, &small);
    }
    if let Some(cause) = CAUSES.iter().find(|cause| says(cause.words)) {
        let message = cause.message.replace("{model}", model).replace("{told}", &told.quote());
        return Failure { kind: cause.kind.clone(), message };
    }
    let missing = says(&["not found", "does not exist", "not exist"]) && small.contains("model");
    if missing || says(&["model_not_found"]) {
        return Failure::no_model_told(model);
    }
    by_status(status, told, &small)
}

impl Failure {
    /// Where nobody asked which models there are.
    fn no_model_told(model: &str) -> Self {
        let message = format!(
            "The upstream has no model `{model}`. Get it with `ollama pull {model}`, or choose another with `-m`."
        );
        Self { kind: Kind::NoModel, message }
    }
}

/// Never quoted: these errors hold what the model wrote.
fn bad_call(told: &Told, model: &str) -> Failure {
    let message =
        format!("`{model}` called a tool in a form that the upstream could not read; asking again may go well.");
    let arguments = arguments_in_error(&told.text).map(str::to_owned);
    Failure { kind: Kind::BadCall { arguments }, message }
}

fn overflow(told: &Told, small: &str) -> Failure {
    let after = |words: &[&str]| words.iter().find_map(|word| number(small.split_once(word)?.1));
    let used = told.used.or_else(|| {
        after(&[
            "request (",
            "in the messages, ",
            "you requested ",
            "your request has ",
            "prompt contains ",
            "keep the first ",
        ])
    });
    // vLLM counts what it was asked to write, too, but tells the prompt's share in brackets.
    let used = small.split_once(" in the messages").and_then(|(before, _)| last_number(before)).or(used);
    let available = told.available.or_else(|| {
        after(&[
            "available context size (",
            "maximum context length is ",
            "maximum context length of ",
            "context length of only ",
            "context length is only ",
        ])
    });
    let sizes = match (used, available) {
        (Some(used), Some(available)) => {
            format!("The prompt ({used} tokens) is longer than the model's context ({available} tokens)")
        }
        (Some(used), None) => format!("The prompt ({used} tokens) is longer than the model's context"),
        (None, Some(available)) => format!("The prompt is longer than the model's context ({available} tokens)"),
        (None, None) => "The prompt is longer than the model's context".to_owned(),
    };
    let cure = "set OLLAMA_CONTEXT_LENGTH on Windows and restart Ollama there, or use --num-ctx here; or shorten the conversation";
    Failure { kind: Kind::Overflow { used, available }, message: format!("{sizes}: {cure}.") }
}

fn number(text: &str) -> Option<u64> {
    let digits: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(|c| *c != ',').collect();
    digits.parse().ok()
}

fn last_number(text: &str) -> Option<u64> {
    let start = text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    text[start..].parse().ok()
}

pub(super) fn page(status: Option<u16>) -> Failure {
    let kind = match status {
        Some(502..=504) => Kind::Transient,
        Some(_) | None => Kind::Permanent,
    };
    let status = status.map(|status| format!(" (status {status})")).unwrap_or_default();
    let message = format!(
        "The upstream answered with a web page{status}: something between here and it answers in its place, as a proxy or \
         a Wi-Fi sign-in does; see `ollama-forward status`."
    );
    Failure { kind, message }
}

fn by_status(status: Option<u16>, told: &Told, small: &str) -> Failure {
    let quote = told.quote();
    let said = if quote.is_empty() { "without a word".to_owned() } else { format!("“{quote}”") };
    let failure = |kind: Kind, message: String| Failure { kind, message };
    match status {
        None => failure(Kind::Transient, format!("The upstream broke off: {said}.")),
        Some(401) => failure(
            Kind::Permanent,
            format!("The upstream wants a sign-in ({said}); a cloud model needs `ollama signin` on Windows."),
        ),
        Some(403) if quote.is_empty() => failure(
            Kind::Permanent,
            "Ollama refused the address that it was called by (403); set OLLAMA_HOST=0.0.0.0 on Windows and restart Ollama."
                .to_owned(),
        ),
        Some(403) => failure(Kind::Permanent, format!("The upstream refused the request: {said}.")),
        Some(404 | 405) => failure(
            Kind::Permanent,
            format!("The upstream does not know this API ({said}); see `--upstream-api`, or update Ollama."),
        ),
        Some(413) => failure(
            Kind::Permanent,
            "The request is too large for the upstream; shorten the conversation, or leave images out.".to_owned(),
        ),
        Some(429) => failure(Kind::Busy, format!("The upstream takes no more requests for now: {said}.")),
        Some(503) => failure(Kind::Busy, format!("The upstream is not ready: {said}.")),
        Some(408 | 499) => failure(Kind::Transient, format!("The upstream gave the request up: {said}.")),
        Some(status @ 300..=399) => {
            failure(Kind::Permanent, format!("The upstream sends elsewhere (status {status}); check its address."))
        }
        Some(400..=499) => failure(Kind::Permanent, format!("The upstream does not accept the request: {said}.")),
        Some(status) => {
            // What the server's own code trips over, it will trip over again.
            let kind = if small.contains("template") || small.contains("unmarshal") { Kind::Permanent } else { Kind::Transient };
            failure(kind, format!("The upstream failed (status {status}): {said}."))
        }
    }
}
