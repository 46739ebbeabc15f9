//! `ollama-forward` brings clients in WSL2 to Ollama on Windows.

pub mod clock;
pub mod demo;
pub mod fault;
pub mod forward;
pub mod gateway;
pub mod log;
pub mod net;
