//! Finds out which system this is.
