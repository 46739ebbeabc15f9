//! Judges Ollama. Pure.

use crate::doctor::Check;

pub const CHECKS: &[Check] = &[];
