//! Judges the system. Pure.

use crate::doctor::Check;

pub const CHECKS: &[Check] = &[];
