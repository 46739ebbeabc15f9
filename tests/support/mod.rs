//! What more than one test target uses: an Ollama that can misbehave, and a client that tells how an answer ended.

pub(crate) mod client;
pub(crate) mod fake_ollama;
