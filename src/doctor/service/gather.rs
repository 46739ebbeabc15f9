//! Finds the service.
