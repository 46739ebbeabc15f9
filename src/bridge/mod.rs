//! The bridge (`--translate`): what stands around [`crate::translate`] and does its input and output.

pub mod settings;
