//! What more than one test target uses: the program with its log, an Ollama that can misbehave, and a client that tells
//! how an answer ended.

pub(crate) mod client;
pub(crate) mod fake_ollama;
pub(crate) mod forward;
pub(crate) mod skip;
