//! Asks Windows.
