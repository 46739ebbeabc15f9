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

impl Failure {
    pub fn from_status(status: u16, body: &[u8], model: &str) -> Self {
        let text = String::from_utf8_lossy(body);
        let kind = match status { 404 => Kind::NoModel, 500.. => Kind::Transient, _ => Kind::Permanent };
        let _ = model;
        Self { kind, message: text.into_owned() }
    }
    pub fn from_line(text: &str, _model: &str) -> Self { Self { kind: Kind::Transient, message: text.to_owned() } }
    pub fn no_model(model: &str, there: &[String]) -> Self { Self { kind: Kind::NoModel, message: format!("{model} {there:?}") } }
    pub fn may_pass(&self) -> bool { self.kind == Kind::Transient }
    pub fn http_status(&self) -> u16 { 502 }
}
