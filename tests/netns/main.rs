//! The forwarder between a WSL and a Windows made of network namespaces (`wsl` and `win`, joined by a veth pair).
//!
//! Needs user namespaces or root, `ip` and `nft`; without them every test says `SKIP netns <test>: <reason>` on stderr.
//! The lab is in `host`, `lab`, `loopback0`, `sysroot`, `forward` and `relay`; `itself` tests the lab; the rest are the scenarios.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "here time is measured, not simulated")]

mod forward;
mod host;
mod lab;
mod loopback0;
mod relay;
#[path = "../support/mod.rs"]
mod support;
mod sysroot;

mod failing;
mod follow;
mod found;
mod itself;
mod loops;
mod modes;
mod restarts;
mod strangers;
mod streams;
mod vpn;
