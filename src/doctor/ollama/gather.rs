//! Asks Ollama.
