//! The bridge (`--translate`): what stands around [`crate::translate`] and does its input and output.

pub mod catalog;
pub mod metrics;
pub mod models;
pub mod settings;
pub mod store;
pub mod titles;
pub mod unpack;
