//! Judges Codex. Pure.

use crate::doctor::Check;

pub const CHECKS: &[Check] = &[];
