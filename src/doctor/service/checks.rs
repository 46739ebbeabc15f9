//! Judges the service. Pure.

use crate::doctor::Check;

pub const CHECKS: &[Check] = &[];
