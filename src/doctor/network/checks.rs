//! Judges the way to Windows. Pure.

use crate::doctor::Check;

pub const CHECKS: &[Check] = &[];
