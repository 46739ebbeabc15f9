//! The addresses that were tried, in words. Pure.

use super::{Tried, TriedHow};
use crate::doctor::{Detail, Facts, figures};
use crate::gateway::Refusal;
use crate::gateway::identify::DialFault;
use crate::gateway::select::How;
use crate::words;
use crate::words::Words;

/// Every address, why it was tried, and what came of it.
pub fn details(facts: &Facts) -> Vec<Detail> {
    let detail = |tried: &Tried| {
        let (how, outcome, time) = (tried.how.words(), tried.outcome(), figures::ms(tried.took_ms));
        let name = Words::same(tried.address.to_string());
        let en = format!("{} – {}, {}", how.en, outcome.en, time.en);
        let fr = format!("{} – {}, {}", how.fr, outcome.fr, time.fr);
        Detail { name, value: Words { en, fr } }
    };
    facts.network.tried.iter().map(detail).collect()
}

impl Tried {
    /// What came of it, in a few words.
    pub fn outcome(&self) -> Words {
        match &self.answer {
            Ok(version) => Words::same(format!("Ollama {version}")),
            Err(Refusal::Dial(DialFault::Refused)) => words!("refused", "refus"),
            Err(Refusal::Dial(DialFault::Timeout)) => Words::same("silence"),
            Err(Refusal::Dial(DialFault::Unreachable)) => words!("no way there", "aucune route"),
            Err(Refusal::Dial(DialFault::Other(kind))) => Words::same(kind.to_string()),
            Err(Refusal::Dial(DialFault::Reset) | Refusal::Reset) => {
                words!("accepted and dropped", "acceptée puis coupée")
            }
            Err(Refusal::Silent) => words!("accepted, no word", "acceptée, aucun mot"),
            Err(Refusal::NotOllama(said)) => words!("not Ollama: {said}", "pas Ollama : {said}"),
            Err(Refusal::Loop) => words!("leads back to us", "ramène à nous"),
        }
    }
}

impl TriedHow {
    /// Why it was tried, in a few words.
    pub fn words(&self) -> Words {
        match self {
            Self::Candidate(How::DefaultGateway { link }) => {
                words!("default gateway of {link}", "passerelle par défaut de {link}")
            }
            Self::Candidate(How::Vpnkit) => words!("Windows behind wsl-vpnkit", "Windows derrière wsl-vpnkit"),
            Self::Candidate(How::FirstHost { link }) => {
                words!("first address of {link}'s network", "première adresse du réseau de {link}")
            }
            Self::Candidate(How::Nameserver) => {
                words!("nameserver of /etc/resolv.conf", "serveur de noms de /etc/resolv.conf")
            }
            Self::Candidate(How::Registry) => {
                words!("gateway in the Windows registry", "passerelle du registre de Windows")
            }
            Self::Candidate(How::HostDockerInternal) => Words::same("host.docker.internal"),
            Self::Named => words!("named by you", "indiquée par vous"),
            Self::Localhost => words!("localhost, which is Windows here", "localhost, qui est Windows ici"),
        }
    }
}
