//! Something accepts the connection: a forwarding of Windows that leads nowhere, a server that hangs, another program, or we
//! ourselves.

use super::super::cures::{self, Machine};
use super::{Scene, listeners, name_it};
use crate::doctor::{Place, Problem, Remedy};
use crate::words;

impl Scene<'_> {
    /// Accepted, and dropped without a byte: the trait of a portproxy.
    pub(super) fn dropped(&self) -> Problem {
        let (address, port) = (self.address, self.port);
        let problem = Problem::new(words!(
            "{address} accepts connections and drops them at once",
            "{address} accepte les connexions et les coupe aussitôt"
        ));
        if self.machine != Machine::Windows {
            return problem
                .perhaps(words!(
                    "a proxy stands there, and its server is gone",
                    "un proxy se trouve là, et son serveur a disparu"
                ))
                .perhaps(words!(
                    "it is a program that wants TLS, or no HTTP at all",
                    "c'est un programme qui attend TLS, ou autre chose que HTTP"
                ))
                .told_apart_by(self.curl())
                .cured_by(cures::start(self.machine));
        }
        let test = words!(
            "a line for port {port} tells the first cause, none the second",
            "une ligne pour le port {port} désigne la première cause, aucune la seconde"
        );
        let (problem, listen_address) = self.with_portproxy(problem);
        problem
            .perhaps(words!(
                "a portproxy of Windows whose target is dead: Ollama is not running behind it",
                "un portproxy de Windows dont la cible est morte : Ollama ne tourne pas derrière lui"
            ))
            .perhaps(words!(
                "wslrelay, which holds the port for a program of WSL that has ended",
                "wslrelay, qui occupe le port pour un programme de WSL qui a pris fin"
            ))
            .told_apart_by(Remedy::new(test, Place::PowerShell, ["netsh interface portproxy show all"]))
            .cured_by(cures::start(self.machine))
            .cured_by(cures::delete_portproxy(&listen_address, port))
            .cured_by(cures::listen_everywhere(port))
    }

    /// Says what Windows lists for this port; gives the address that its portproxy listens on.
    fn with_portproxy(&self, problem: Problem) -> (Problem, String) {
        let lines = self.facts.windows.known().and_then(|windows| windows.portproxy.known());
        let line = lines.and_then(|lines| lines.iter().find(|line| line.listen_port == self.port));
        let Some(line) = line else { return (problem, self.address.ip().to_string()) };
        let (from, to) = (&line.listen_address, &line.connect_address);
        let (port, target) = (line.listen_port, line.connect_port);
        let problem = problem.because(words!(
            "Windows forwards {from}:{port} to {to}:{target} (portproxy)",
            "Windows fait suivre {from}:{port} vers {to}:{target} (portproxy)"
        ));
        (problem, from.clone())
    }

    /// Accepted, and not a byte said.
    pub(super) fn mute(&self) -> Problem {
        let address = self.address;
        let problem = Problem::new(words!(
            "{address} accepts connections and says nothing",
            "{address} accepte les connexions et ne dit rien"
        ))
        .perhaps(words!("Ollama hangs", "Ollama est bloqué"));
        let problem = match self.machine {
            Machine::Windows => self
                .with_portproxy(problem)
                .0
                .perhaps(words!(
                    "a portproxy of Windows leads to an address that is silent",
                    "un portproxy de Windows mène à une adresse muette"
                ))
                .told_apart_by(self.asks_itself()),
            Machine::Here | Machine::Elsewhere => problem
                .perhaps(words!(
                    "it is a program that waits for something else than HTTP",
                    "c'est un programme qui attend autre chose que HTTP"
                ))
                .told_apart_by(self.curl()),
        };
        problem.cured_by(cures::restart(self.machine))
    }

    /// Somebody else.
    pub(super) fn foreign(&self, said: &str) -> Problem {
        let (address, port) = (self.address, self.port);
        let problem = Problem::new(words!(
            "something answers at {address}, but it is not Ollama",
            "quelque chose répond à {address}, mais ce n'est pas Ollama"
        ))
        .because(words!("it says: {said}", "sa réponse : {said}"))
        .told_apart_by(self.curl());
        match self.machine {
            Machine::Windows => problem
                .perhaps(words!(
                    "another program holds port {port} of Windows",
                    "un autre programme occupe le port {port} de Windows"
                ))
                .perhaps(words!(
                    "the network shows a login page until somebody has logged in",
                    "le réseau affiche une page de connexion tant que personne ne s'est identifié"
                ))
                .cured_by(Remedy::new(
                    words!(
                        "find the program that holds the port, and end it",
                        "trouver le programme qui occupe le port, et l'arrêter"
                    ),
                    Place::PowerShell,
                    [listeners(port)],
                ))
                .cured_by(cures::start(self.machine)),
            Machine::Here | Machine::Elsewhere => problem
                .perhaps(words!(
                    "a typing error in the address or the port that was named",
                    "une faute de frappe dans l'adresse ou le port indiqué"
                ))
                .perhaps(words!(
                    "a proxy before Ollama refuses, or does not reach it",
                    "un proxy placé devant Ollama refuse, ou ne l'atteint pas"
                ))
                .cured_by(name_it(port)),
        }
    }

    /// Our own question came back to us.
    pub(super) fn loops(&self) -> Problem {
        let (address, port) = (self.address, self.port);
        let problem = Problem::new(words!(
            "{address} leads back to ollama-forward itself: connections run in a circle",
            "{address} ramène à ollama-forward lui-même : les connexions tournent en rond"
        ));
        if self.machine != Machine::Windows {
            return problem
                .perhaps(words!(
                    "the address that was named is one of this machine",
                    "l'adresse indiquée est une adresse de cette machine"
                ))
                .cured_by(name_it(port));
        }
        let (problem, listen_address) = self.with_portproxy(problem);
        problem
            .perhaps(words!(
                "a portproxy of Windows sends port {port} back into WSL",
                "un portproxy de Windows renvoie le port {port} dans WSL"
            ))
            .perhaps(words!(
                "wslrelay has copied a listener of WSL to Windows",
                "wslrelay a recopié sous Windows un port à l'écoute dans WSL"
            ))
            .told_apart_by(self.who_listens())
            .cured_by(cures::delete_portproxy(&listen_address, port))
            .cured_by(Remedy::shell(
                words!("or listen on another port", "ou écouter sur un autre port"),
                "ollama-forward --listen-port 11435",
            ))
    }
}
