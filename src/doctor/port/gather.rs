//! Finds out who has the port.
