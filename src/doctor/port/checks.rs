//! Judges our side of the port. Pure.

use crate::doctor::Check;

pub const CHECKS: &[Check] = &[];
