//! Judges what Windows told. Pure.

use crate::doctor::Check;

pub const CHECKS: &[Check] = &[];
