//! Why an upstream gave no answer, and what a client is to make of it.

/// An answer that did not come, or not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: Kind,
    /// One clear sentence for the person in front of the client, with what to do about it.
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Asking again would bring the same.
    Permanent,
    /// Asking again may go well.
    Transient,
    /// The prompt is longer than the context. In tokens, where known.
    Overflow { used: Option<u64>, available: Option<u64> },
    /// The upstream does not have this model.
    NoModel,
    /// The upstream's queue is full: worth waiting for.
    Busy,
    /// The upstream could not parse the model's call; its arguments, where the error tells them.
    BadCall { arguments: Option<String> },
    /// The model cannot use tools, as the upstream has it.
    NoTools,
    /// The model cannot think, as the upstream has it.
    NoThinking,
}

impl Failure {
    /// For `error.code` of a failed response (codex-client section 5).
    pub fn code(&self) -> &'static str {
        match self.kind {
            Kind::Overflow { .. } => "context_length_exceeded",
            Kind::Transient | Kind::Busy => "server_error",
            Kind::Permanent | Kind::NoModel | Kind::BadCall { .. } | Kind::NoTools | Kind::NoThinking => {
                "invalid_prompt"
            }
        }
    }
}
