//! Does Ollama answer at the place where it should? Judges what came of each address by the table of `wsl-networking` 2.2:
//! the same symptom means one thing on Windows, another where localhost is Windows, a third at a place that was named.

mod accepted;
mod silent;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::cures::{self, Machine, machine};
use crate::doctor::network::{NeighbourState, Target, Tried, TriedHow};
use crate::doctor::ollama::Api;
use crate::doctor::{Facts, Place, Problem, Remedy, Verdict, figures};
use crate::gateway::Refusal;
use crate::gateway::identify::DialFault;
use crate::gateway::wsl::Need;
use crate::words;
use crate::words::Words;

pub(super) fn judge(facts: &Facts) -> Verdict {
    let network = &facts.network;
    if let Some(Tried { address, answer: Ok(version), took_ms, .. }) = network.answered() {
        let Words { en, fr } = figures::ms(*took_ms);
        return Verdict::Pass(words!(
            "Ollama {version} answers at {address}, in {en}",
            "Ollama {version} répond à {address}, en {fr}"
        ));
    }
    let looped = network.tried.iter().find(|tried| tried.answer == Err(Refusal::Loop));
    let Some(tried) = looped.or(network.best()) else { return nowhere(facts) };
    let Err(refusal) = &tried.answer else { return nowhere(facts) };
    let scene = Scene { facts, tried, address: tried.address, port: tried.address.port(), machine: machine(facts) };
    let problem = match refusal {
        Refusal::Dial(DialFault::Refused) => scene.refused(),
        Refusal::Dial(DialFault::Timeout) => scene.silence(),
        Refusal::Dial(DialFault::Unreachable) => scene.unreachable(),
        Refusal::Dial(DialFault::Reset) | Refusal::Reset => scene.dropped(),
        Refusal::Dial(DialFault::Other(kind)) => scene.other(*kind),
        Refusal::Silent => scene.mute(),
        Refusal::NotOllama(said) => match chat_server(facts, tried) {
            Some(pass) => return pass,
            None => scene.foreign(said),
        },
        Refusal::Loop => scene.loops(),
    };
    scene.with_others(problem).fail()
}

/// Nothing could be tried, which is judged elsewhere.
fn nowhere(facts: &Facts) -> Verdict {
    Verdict::Skip(match &facts.network.target {
        Some(Target::Demo) => words!("the built-in demo stands in for Ollama", "la démo intégrée remplace Ollama"),
        Some(Target::Named { name }) => words!(
            "no address of {name} is known, so none was tried",
            "aucune adresse de {name} n'est connue, donc aucune n'a été essayée"
        ),
        Some(Target::Auto { .. } | Target::Localhost { .. }) | None => words!(
            "no address is known at which Ollama could be, so none was tried",
            "aucune adresse où Ollama pourrait être n'est connue, donc aucune n'a été essayée"
        ),
    })
}

/// A place that the user named may be another server, which serves models as well.
fn chat_server(facts: &Facts, tried: &Tried) -> Option<Verdict> {
    let is_named = tried.how == TriedHow::Named;
    let is_chat = facts.ollama.api.known() == Some(&Api::Chat);
    let count = facts.ollama.models.known().map(Vec::len).filter(|_| is_named && is_chat)?;
    let address = tried.address;
    Some(Verdict::Pass(words!(
        "{address} is not Ollama, but serves models ({count}) at /v1/models, as LM Studio and llama-server do",
        "{address} n'est pas Ollama, mais sert des modèles ({count}) à /v1/models, comme LM Studio et llama-server"
    )))
}

/// Who listens on Ollama's port of Windows, as far as it matters to us.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Listening {
    Unknown,
    Nobody,
    /// On these addresses, none of which is the one that was tried.
    Elsewhere(String),
    /// On the address that was tried, among others.
    Here,
}

/// One address that did not answer, and what is known around it.
struct Scene<'a> {
    facts: &'a Facts,
    tried: &'a Tried,
    address: SocketAddr,
    port: u16,
    machine: Machine,
}

impl Scene<'_> {
    /// Localhost is Windows here.
    fn is_shared(&self) -> bool {
        self.facts.system.need() == Some(Need::Nothing) || self.tried.how == TriedHow::Localhost
    }

    fn listening(&self) -> Listening {
        let windows = self.facts.windows.known();
        let Some(listeners) = windows.and_then(|windows| windows.listeners.known()) else { return Listening::Unknown };
        let is_here = |address: &str| {
            address.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified() || ip == self.address.ip().to_canonical())
        };
        if listeners.iter().any(|listener| is_here(&listener.address)) {
            return Listening::Here;
        }
        let addresses: Vec<&str> = listeners.iter().map(|listener| listener.address.as_str()).collect();
        if addresses.is_empty() { Listening::Nobody } else { Listening::Elsewhere(addresses.join(", ")) }
    }

    fn neighbour(&self) -> Option<NeighbourState> {
        let IpAddr::V4(ip) = self.address.ip() else { return None };
        let neighbours = self.facts.network.neighbours.known()?;
        neighbours.iter().find(|neighbour| neighbour.ip == ip).map(|neighbour| neighbour.state)
    }

    /// The machine says "no": there is no listener, and no firewall that would keep silent.
    fn refused(&self) -> Problem {
        let address = self.address;
        match self.machine {
            Machine::Windows if self.is_shared() => Problem::new(words!(
                "Ollama is not running on Windows: nothing listens on {address}",
                "Ollama ne tourne pas sous Windows : rien n'écoute sur {address}"
            ))
            .cured_by(cures::start(self.machine)),
            Machine::Windows => self.refused_by_windows(),
            Machine::Here => Problem::new(words!(
                "nothing listens on {address} of this Linux",
                "rien n'écoute sur {address} de ce Linux"
            ))
            .cured_by(cures::start(self.machine))
            .cured_by(name_it(self.port)),
            Machine::Elsewhere => self
                .misnamed(words!("{address} refuses connections", "{address} refuse les connexions"))
                .perhaps(words!(
                    "Ollama is not running there, or listens on its 127.0.0.1 only",
                    "Ollama n'y tourne pas, ou n'y écoute que sur son 127.0.0.1"
                ))
                .cured_by(elsewhere_listen()),
        }
    }

    fn refused_by_windows(&self) -> Problem {
        let (address, ip, port) = (self.address, self.address.ip(), self.port);
        let problem = Problem::new(words!(
            "Windows refuses connections at {address}: nothing listens there",
            "Windows refuse les connexions à {address} : rien n'y écoute"
        ));
        match self.listening() {
            Listening::Elsewhere(addresses) => self.not_for_wsl(&addresses),
            Listening::Nobody => self.not_running(),
            Listening::Here => problem
                .perhaps(words!(
                    "another firewall than that of Windows rejects what comes from WSL, as Ollama does listen",
                    "un autre pare-feu que celui de Windows rejette ce qui vient de WSL, car Ollama écoute bien"
                ))
                .told_apart_by(self.asks_itself())
                .cured_by(Remedy::by_hand(words!(
                    "in that firewall, allow TCP port {port} from the network of WSL",
                    "dans ce pare-feu, autoriser le port TCP {port} depuis le réseau de WSL"
                ))),
            Listening::Unknown => problem
                .perhaps(words!(
                    "Ollama listens on 127.0.0.1 of Windows only (its default), not on {ip}",
                    "Ollama n'écoute que sur 127.0.0.1 de Windows (son réglage par défaut), pas sur {ip}"
                ))
                .perhaps(words!(
                    "Ollama is not running, or on another port than {port}",
                    "Ollama ne tourne pas, ou utilise un autre port que {port}"
                ))
                .told_apart_by(self.who_listens())
                .cured_by(cures::listen_everywhere(port))
                .cured_by(cures::start(self.machine)),
        }
    }

    /// Windows has told that nobody listens.
    fn not_running(&self) -> Problem {
        let (address, port) = (self.address, self.port);
        Problem::new(words!("Ollama is not running on Windows", "Ollama ne tourne pas sous Windows"))
            .because(words!(
                "Windows lists no listener on port {port}, and {address} does not answer",
                "Windows n'indique aucun programme à l'écoute sur le port {port}, et {address} ne répond pas"
            ))
            .cured_by(cures::start(self.machine))
    }

    /// Windows has told where it listens, which is where WSL cannot reach it.
    fn not_for_wsl(&self, addresses: &str) -> Problem {
        let (address, port) = (self.address, self.port);
        Problem::new(words!(
            "Ollama listens on {addresses} of Windows only, where WSL cannot reach it in this mode",
            "Ollama n'écoute que sur {addresses} de Windows, que WSL ne peut pas atteindre dans ce mode"
        ))
        .because(words!(
            "Windows lists these listeners on port {port}: {addresses}; {address} does not answer",
            "sur le port {port}, Windows indique une écoute sur {addresses} ; {address} ne répond pas"
        ))
        .cured_by(cures::listen_everywhere(port))
    }

    /// The system did not even try.
    fn other(&self, kind: io::ErrorKind) -> Problem {
        let address = self.address;
        Problem::new(words!(
            "the system cannot connect to {address}: {kind}",
            "le système ne peut pas se connecter à {address} : {kind}"
        ))
        .perhaps(words!("a firewall inside WSL forbids it", "un pare-feu dans WSL l'interdit"))
        .perhaps(words!("the system is out of ports or descriptors", "le système n'a plus de ports ou de descripteurs"))
        .told_apart_by(Remedy::new(
            words!(
                "look at the rules of the firewall, and at how many sockets are open",
                "regarder les règles du pare-feu, et combien de sockets sont ouverts"
            ),
            Place::Shell,
            ["sudo nft list ruleset", "ss -s"],
        ))
        .cured_by(Remedy::by_hand(words!(
            "allow it in that firewall, or end the program that holds so many connections",
            "l'autoriser dans ce pare-feu, ou arrêter le programme qui garde tant de connexions"
        )))
    }

    /// A place that was named may be the wrong one.
    fn misnamed(&self, what: Words) -> Problem {
        Problem::new(what)
            .perhaps(words!(
                "a typing error in the address or the port that was named",
                "une faute de frappe dans l'adresse ou le port indiqué"
            ))
            .told_apart_by(self.curl())
            .cured_by(name_it(self.port))
    }

    /// What came of the other addresses.
    fn with_others(&self, mut problem: Problem) -> Problem {
        let others = self.facts.network.tried.iter().filter(|tried| tried.address != self.address);
        for other in others {
            let (address, Words { en, fr }) = (other.address, other.outcome());
            let words = words!("{address} was tried, too: {en}", "{address} a été essayée aussi : {fr}");
            problem.evidence.push(words);
        }
        problem
    }

    fn who_listens(&self) -> Remedy {
        let port = self.port;
        let what = words!(
            "see who listens on port {port} (nobody: start Ollama; only 127.0.0.1: have it listen beyond; 0.0.0.0 or \
             :: : the firewall or a VPN; wslrelay or svchost: a loop or a portproxy)",
            "voir qui écoute sur le port {port} (personne : démarrer Ollama ; seulement 127.0.0.1 : le faire écouter \
             au-delà ; 0.0.0.0 ou :: : le pare-feu ou un VPN ; wslrelay ou svchost : une boucle ou un portproxy)"
        );
        Remedy::new(what, Place::PowerShell, [listeners(port)])
    }

    /// Whether Ollama answers Windows itself.
    fn asks_itself(&self) -> Remedy {
        let what = words!(
            "ask on Windows itself: if it answers there, the way is to blame, else Ollama is",
            "demander sous Windows même : s'il y répond, c'est le chemin qui est en cause, sinon c'est Ollama"
        );
        Remedy::new(what, Place::PowerShell, [format!("curl.exe -m 3 http://127.0.0.1:{}/api/version", self.port)])
    }

    fn curl(&self) -> Remedy {
        Remedy::shell(
            words!("Ollama answers this with its version", "Ollama y répond par sa version"),
            format!("curl -i -m 3 http://{}/api/version", self.address),
        )
    }
}

fn listeners(port: u16) -> String {
    format!(
        "Get-NetTCPConnection -LocalPort {port} -State Listen -EA SilentlyContinue | \
         ForEach-Object {{ \"$($_.LocalAddress) $((Get-Process -Id $_.OwningProcess).ProcessName)\" }}"
    )
}

fn name_it(port: u16) -> Remedy {
    let what = words!("name the right place", "indiquer le bon endroit");
    Remedy::shell(what, format!("ollama-forward --upstream HOST:{port}"))
}

fn elsewhere_listen() -> Remedy {
    Remedy::by_hand(words!(
        "on that machine, start Ollama with OLLAMA_HOST=0.0.0.0, and let this one through its firewall",
        "sur cette machine-là, démarrer Ollama avec OLLAMA_HOST=0.0.0.0, et laisser passer celle-ci par son pare-feu"
    ))
    .opens(words!(
        "Ollama asks nobody for a password: whoever reaches that port can use it",
        "Ollama ne demande de mot de passe à personne : quiconque atteint ce port peut l'utiliser"
    ))
}
