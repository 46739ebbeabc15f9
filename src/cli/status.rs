//! What was typed behind `status`. Nothing is computed here; [`crate::app`] does it.

use clap::Args;

use crate::config;

/// What the running forwarder is doing.
#[derive(Debug, Default, Args)]
pub struct Status {
    /// One JSON object, with a schema version
    #[arg(long)]
    pub json: bool,
    /// Only the forwarder whose first listener has this port
    #[arg(long, value_name = "PORT", value_parser = config::parse_port)]
    pub listen_port: Option<u16>,
}
