//! Sockets, without policy: listen, dial, relay. Knows nothing of gateways, HTTP or configuration.

pub mod descriptors;
pub mod dial;
pub mod inherit;
pub mod listen;
pub mod options;
pub mod owner;
pub mod relay;
mod splice;
mod way;
