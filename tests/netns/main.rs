//! The forwarder between a WSL and a Windows made of network namespaces (`wsl` and `win`, joined by a veth pair).
//!
//! Needs user namespaces or root, `ip` and `nft`; without them every test says `SKIP netns <test>: <reason>` on stderr.
//! The lab is in `host`, `lab`, `loopback0`, `sysroot`, `forward` and `relay`; `itself` tests the lab; `bridge` has
//! a client and an Ollama of its own, as it reads what passes; the rest are the scenarios.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "here time is measured, not simulated")]

#[expect(dead_code, reason = "the rest is for the bridge on loopback")]
#[path = "../bridge/client.rs"]
mod client;
#[path = "bridge_fake.rs"]
mod fake;
mod forward;
#[path = "../bridge/grammar.rs"]
mod grammar;
mod host;
mod lab;
mod loopback0;
mod relay;
#[path = "../support/mod.rs"]
mod support;
mod sysroot;

mod bridge;
mod doctor;
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
