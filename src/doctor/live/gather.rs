//! Tests the forward.
