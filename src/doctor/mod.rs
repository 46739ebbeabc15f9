//! What is wrong, why, and which command cures it. Facts are gathered side by side, each with its own deadline; pure functions
//! judge them; what they say is rendered for people or for programs.
//!
//! ```text
//! plan ──► gather: system, network ──► ollama ──► live      (I/O, one deadline each)
//!                  port, codex, service, windows
//!             └──► Facts ──► TABLE, judged in its order ──► outcomes ──► render: text or JSON
//!                                                               ├──► fix (asks first)
//!                                                               └──► bugreport (redacted, sent nowhere)
//! ```
//! Each area is a folder of its own: `mod.rs` says what is known of it (plain data), `gather.rs` finds it out, `checks.rs`
//! judges it. A check may look at all facts; whatever gathers knows only its own. `program` asks other programs for them.

pub mod bugreport;
pub mod check;
pub mod codex;
pub mod fact;
#[cfg(test)]
pub(crate) mod fake;
pub mod figures;
pub mod fix;
pub mod gather;
pub mod http;
pub mod live;
pub mod network;
pub mod ollama;
pub mod port;
pub mod program;
#[cfg(test)]
mod proof;
pub mod render;
pub mod service;
pub mod system;
pub mod windows;

use serde::Serialize;

pub use check::{Check, Detail, Fix, Group, Outcome, Place, Problem, Remedy, Status, Verdict, judge};
pub use fact::Fact;

/// Everything that one run of the doctor has learnt.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Facts {
    pub system: system::System,
    pub network: network::Network,
    pub windows: Fact<windows::Windows>,
    pub port: port::Port,
    pub ollama: ollama::Ollama,
    pub live: live::Live,
    pub codex: codex::Codex,
    pub service: service::Service,
}

/// Every check, in the order in which they are judged and shown: what others need comes first.
pub fn table() -> impl Iterator<Item = &'static Check> {
    let areas = [
        system::checks::CHECKS,
        network::checks::CHECKS,
        windows::checks::CHECKS,
        port::checks::CHECKS,
        ollama::checks::CHECKS,
        live::checks::CHECKS,
        codex::checks::CHECKS,
        service::checks::CHECKS,
    ];
    areas.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_needs_come_first() {
        let mut seen: Vec<&str> = Vec::new();
        for check in table() {
            assert!(!seen.contains(&check.id), "{} stands there twice", check.id);
            for need in check.needs {
                assert!(seen.contains(need), "{} needs {need}, which is not judged before it", check.id);
            }
            seen.push(check.id);
        }
    }

    #[test]
    fn groups_stand_together_and_in_the_order_of_the_page() {
        let groups: Vec<Group> = table().map(|check| check.group).collect();
        assert!(groups.is_sorted(), "{groups:?}");
    }

    #[test]
    fn no_id_is_the_name_of_a_group() {
        for check in table() {
            assert!(Group::ALL.iter().all(|group| group.word() != check.id), "{}", check.id);
        }
    }
}
