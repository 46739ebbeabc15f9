//! No answer and no refusal, or no way there at all. Who is to blame depends on what Windows tells, and on whether its card
//! answers on its own level.

use std::net::Ipv4Addr;

use super::super::cures::{self, Machine};
use super::{Listening, Scene, elsewhere_listen};
use crate::doctor::network::NeighbourState;
use crate::doctor::{Place, Problem, Remedy};
use crate::words;
use crate::words::Words;

impl Scene<'_> {
    /// Neither yes nor no.
    pub(super) fn silence(&self) -> Problem {
        let address = self.address;
        let no_reaction = words!("{address} does not react to a connection", "{address} ne réagit pas à une connexion");
        match self.machine {
            Machine::Windows if self.is_shared() => self.silent_localhost(),
            Machine::Windows if self.neighbour() == Some(NeighbourState::Gone) => self.no_neighbour(),
            Machine::Windows => self.silent_windows(),
            Machine::Here => Problem::new(no_reaction)
                .perhaps(words!(
                    "a firewall of this Linux drops connections",
                    "un pare-feu de ce Linux ignore les connexions"
                ))
                .told_apart_by(Remedy::shell(
                    words!("look at the rules", "regarder les règles"),
                    "sudo nft list ruleset",
                ))
                .cured_by(cures::restart(self.machine)),
            Machine::Elsewhere => self
                .misnamed(no_reaction)
                .perhaps(words!(
                    "the firewall of that machine drops connections from here",
                    "le pare-feu de cette machine-là ignore les connexions d'ici"
                ))
                .perhaps(words!(
                    "that machine is off, or not in this network",
                    "cette machine-là est éteinte, ou n'est pas dans ce réseau"
                ))
                .cured_by(elsewhere_listen()),
        }
    }

    /// A closed port of localhost is silent where localhost is Windows: the refusal comes back with a wrong port (WSL #10855).
    fn silent_localhost(&self) -> Problem {
        let (address, port) = (self.address, self.port);
        let firewall =
            words!("the Hyper-V firewall keeps localhost of WSL out", "le pare-feu Hyper-V bloque le localhost de WSL");
        match self.listening() {
            Listening::Nobody => self.not_running().because(words!(
                "in this mode of WSL a closed port does not refuse, it is silent (WSL #10855)",
                "dans ce mode de WSL, un port fermé ne refuse pas, il reste muet (WSL #10855)"
            )),
            Listening::Here | Listening::Elsewhere(_) => Problem::new(words!(
                "Ollama listens on port {port} of Windows, but {address} does not lead there",
                "Ollama écoute sur le port {port} de Windows, mais {address} n'y mène pas"
            ))
            .perhaps(firewall)
            .told_apart_by(self.asks_itself())
            .cured_by(cures::open_loopback())
            .cured_by(cures::shut_wsl_down()),
            Listening::Unknown => Problem::new(words!(
                "{address}, which is Windows here, does not react to a connection",
                "{address}, qui est Windows ici, ne réagit pas à une connexion"
            ))
            .perhaps(words!(
                "Ollama is not running on Windows: in this mode of WSL a closed port is silent (WSL #10855)",
                "Ollama ne tourne pas sous Windows : dans ce mode de WSL, un port fermé reste muet (WSL #10855)"
            ))
            .perhaps(firewall)
            .told_apart_by(self.asks_itself())
            .cured_by(cures::start(self.machine))
            .cured_by(cures::open_loopback()),
        }
    }

    fn silent_windows(&self) -> Problem {
        let (address, port) = (self.address, self.port);
        let prefix = self.facts.network.windows_prefix();
        match self.listening() {
            Listening::Nobody => self
                .not_running()
                .because(words!(
                    "a closed port of Windows does not refuse, it is silent",
                    "un port fermé de Windows ne refuse pas, il reste muet"
                ))
                .cured_by(cures::listen_everywhere(port))
                .cured_by(cures::let_in(port, prefix.as_deref())),
            Listening::Elsewhere(addresses) => {
                self.not_for_wsl(&addresses).cured_by(cures::let_in(port, prefix.as_deref()))
            }
            Listening::Here => self.firewall_or_vpn(prefix.as_deref()),
            Listening::Unknown => {
                let problem = Problem::new(words!(
                    "{address} (Windows) does not react to a connection: neither an answer nor a refusal",
                    "{address} (Windows) ne réagit pas à une connexion : ni réponse, ni refus"
                ));
                self.present(problem)
                    .perhaps(firewall(port))
                    .perhaps(words!(
                        "Ollama is not running, or listens on 127.0.0.1 of Windows only (its default): Windows hides \
                         closed ports, so that looks the same",
                        "Ollama ne tourne pas, ou n'écoute que sur 127.0.0.1 de Windows (son réglage par défaut) : \
                         Windows masque les ports fermés, donc le symptôme est le même"
                    ))
                    .perhaps(vpn())
                    .told_apart_by(self.who_listens())
                    .cured_by(cures::listen_everywhere(port))
                    .cured_by(cures::let_in(port, prefix.as_deref()))
                    .cured_by(cures::outrank_vpn())
            }
        }
    }

    /// Ollama does listen there, so something stands in the way.
    fn firewall_or_vpn(&self, prefix: Option<&str>) -> Problem {
        let (address, port) = (self.address, self.port);
        let problem = self.present(Problem::new(words!(
            "Ollama listens on Windows, but connections to {address} are lost on the way",
            "Ollama écoute sous Windows, mais les connexions à {address} se perdent en chemin"
        )));
        if let Some(card) = self.card_of_a_vpn() {
            return problem
                .because(words!(
                    "Windows would answer WSL through \"{card}\"",
                    "Windows répondrait à WSL par « {card} »"
                ))
                .perhaps(vpn())
                .perhaps(firewall(port))
                .cured_by(cures::outrank_vpn())
                .cured_by(cures::let_in(port, prefix));
        }
        let problem = problem
            .perhaps(firewall(port))
            .perhaps(words!(
                "a rule of the Windows firewall blocks ollama.exe, which outweighs all that allow it",
                "une règle du pare-feu de Windows bloque ollama.exe, et l'emporte sur toutes celles qui l'autorisent"
            ))
            .perhaps(vpn())
            .cured_by(cures::let_in(port, prefix))
            .cured_by(cures::remove_block_rules())
            .cured_by(cures::outrank_vpn());
        match self.facts.network.own_address() {
            Some(ours) => problem.told_apart_by(way_back(ours)),
            None => problem,
        }
    }

    /// The card by which Windows would answer us, where it is none of WSL's.
    fn card_of_a_vpn(&self) -> Option<&str> {
        let card = self.facts.windows.known()?.route_to_us.known()?;
        (!card.contains("WSL")).then_some(card.as_str())
    }

    fn present(&self, problem: Problem) -> Problem {
        let ip = self.address.ip();
        match self.neighbour() {
            Some(NeighbourState::There) => problem.because(words!(
                "Windows itself is there: {ip} answers on the level of the network card (ARP)",
                "Windows lui-même est là : {ip} répond au niveau de la carte réseau (ARP)"
            )),
            Some(NeighbourState::Gone) | None => problem,
        }
    }

    /// No way leads there. With a cold neighbour entry the kernel says so after 3 s, otherwise at once.
    pub(super) fn unreachable(&self) -> Problem {
        let (address, ip) = (self.address, self.address.ip());
        let no_way = words!("no way leads to {address}", "aucune route ne mène à {address}");
        let problem = match self.machine {
            Machine::Windows if self.tried.took_ms >= ARP_MS || self.neighbour() == Some(NeighbourState::Gone) => {
                return self.no_neighbour();
            }
            Machine::Windows => Problem::new(no_way),
            Machine::Here | Machine::Elsewhere => self.misnamed(no_way),
        };
        problem
            .perhaps(words!(
                "there is no route, or a VPN in WSL has taken it",
                "il n'y a pas de route, ou un VPN dans WSL l'a prise"
            ))
            .perhaps(words!("a firewall on the way refuses on its behalf", "un pare-feu en chemin refuse à sa place"))
            .told_apart_by(Remedy::new(
                words!("look at the route that would be taken", "regarder la route qui serait prise"),
                Place::Shell,
                [format!("ip route get {ip}"), "ip -brief address".to_owned()],
            ))
            .cured_by(Remedy::shell(
                words!(
                    "leave the VPN, or name an address that can be reached",
                    "quitter le VPN, ou indiquer une adresse joignable"
                ),
                format!("ollama-forward --upstream HOST:{}", self.port),
            ))
    }

    /// Nobody says that the address is his.
    fn no_neighbour(&self) -> Problem {
        let ip = self.address.ip();
        Problem::new(words!(
            "Windows' side of the WSL network is gone or asleep: nobody answers for {ip}",
            "le côté Windows du réseau WSL a disparu ou est en veille : personne ne répond pour {ip}"
        ))
        .because(words!(
            "the kernel asked for {ip} in its own network (ARP), in vain",
            "le noyau a demandé {ip} dans son propre réseau (ARP), en vain"
        ))
        .told_apart_by(Remedy::shell(
            words!("FAILED or INCOMPLETE confirms it", "FAILED ou INCOMPLETE le confirme"),
            format!("ip neighbour show {ip}"),
        ))
        .cured_by(cures::shut_wsl_down())
    }
}

/// The kernel gives an address up after three questions that nobody answers, one a second.
const ARP_MS: u64 = 2_500;

fn firewall(port: u16) -> Words {
    words!(
        "the Windows firewall drops connections from WSL: no rule lets them in to port {port}",
        "le pare-feu de Windows ignore les connexions de WSL : aucune règle ne les laisse entrer sur le port {port}"
    )
}

fn vpn() -> Words {
    words!("a VPN on Windows has taken the way back to WSL", "un VPN sous Windows a pris la route du retour vers WSL")
}

fn way_back(ours: Ipv4Addr) -> Remedy {
    let what = words!(
        "see by which card Windows would answer WSL: if its name has WSL in it, the firewall is to blame, else a VPN",
        "voir par quelle carte Windows répondrait à WSL : si son nom contient WSL, c'est le pare-feu, sinon un VPN"
    );
    let command = format!("Find-NetRoute -RemoteIPAddress {ours} | Select-Object -First 1 InterfaceAlias");
    Remedy::new(what, Place::PowerShell, [command])
}
