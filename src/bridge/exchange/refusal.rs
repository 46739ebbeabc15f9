//! What is not answered, and why: the error envelope of the API.

use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::{Body, respond};
use crate::translate::failure::{Failure, Kind};
use crate::translate::request;

/// What cannot be answered, in the API's own envelope.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
    pub param: Option<String>,
    /// The envelope's `type`.
    kind: &'static str,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let kind = if status == StatusCode::NOT_FOUND { "not_found_error" } else { "invalid_request_error" };
        Self { status, code, message: message.into(), param: None, kind }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    pub(crate) fn at(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    /// The value of `error`.
    pub(crate) fn error(&self) -> Value {
        json!({"message": self.message, "type": self.kind, "param": self.param, "code": self.code})
    }

    pub(super) fn into_response(self) -> Response<Body> {
        respond::json(self.status, &json!({"error": self.error()}))
    }
}

impl From<&Failure> for Refusal {
    fn from(failure: &Failure) -> Self {
        let status = StatusCode::from_u16(failure.http_status()).unwrap_or(StatusCode::BAD_GATEWAY);
        let code = if failure.kind == Kind::NoModel { "model_not_found" } else { failure.code() };
        Self { kind: failure.kind_of_error(), ..Self::new(status, code, failure.message.clone()) }
    }
}

impl From<request::Refused> for Refusal {
    fn from(refused: request::Refused) -> Self {
        let refusal = Self::bad(refused.message);
        match refused.param {
            Some(param) => refusal.at(param),
            None => refusal,
        }
    }
}
