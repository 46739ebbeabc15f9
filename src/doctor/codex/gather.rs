//! Finds Codex, and reads how it is set up.
