//! What can go wrong, by name: a stable id, what it means, the likely causes and the next command. Knows nothing of how
//! a fault is found or shown.

use std::fmt;

use crate::words;
use crate::words::{Lang, Words};

/// Something that failed, ready to be shown: to a client in a 503, in a log line, on the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub id: FaultId,
    /// One sentence that names operation and object.
    pub what: Words,
    /// What is likely here and what to type next, where more is known than the id tells.
    pub advice: Option<Box<Advice>>,
}

/// What takes the place of [`FaultId::likely`] and [`FaultId::next`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    pub likely: Words,
    pub next: Words,
}

impl Fault {
    pub fn new(id: FaultId, what: impl Into<Words>) -> Self {
        Self { id, what: what.into(), advice: None }
    }

    /// The same, where more is known than its id tells.
    #[must_use]
    pub fn advise(self, likely: impl Into<Words>, next: impl Into<Words>) -> Self {
        Self { advice: Some(Box::new(Advice { likely: likely.into(), next: next.into() })), ..self }
    }

    /// What a terminal is shown: `error[ID]: what`, the likeliest cause, and what to type next.
    pub fn text(&self, lang: Lang) -> String {
        let id = self.id;
        let (likely, next) = match &self.advice {
            Some(advice) => (advice.likely.of(lang), advice.next.of(lang)),
            None => (id.likely().of(lang), id.next().of(lang)),
        };
        let what = self.what.of(lang);
        match lang {
            Lang::En => format!("error[{id}]: {what}\n  likely: {likely}\n  next:   {next}\n"),
            Lang::Fr => format!("erreur[{id}]\u{a0}: {what}\n  cause\u{a0}:   {likely}\n  ensuite\u{a0}: {next}\n"),
        }
    }
}

/// In English: for logs, and for programs.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)
    }
}

impl std::error::Error for Fault {}

macro_rules! fault_ids {
    ($($name:ident $id:literal: $title:expr, $likely:expr, $next:expr;)*) => {
        /// The stable names of faults. Scripts may match on them; they are never translated.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultId { $(#[doc = concat!("`", $id, "`")] $name,)* }

        impl FaultId {
            /// Every id, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }
            /// What it means, in one line.
            pub fn title(self) -> Words {
                match self { $(Self::$name => $title.into(),)* }
            }
            /// The likeliest causes, the first one first.
            pub fn likely(self) -> Words {
                match self { $(Self::$name => $likely.into(),)* }
            }
            /// What to type or do next.
            pub fn next(self) -> Words {
                match self { $(Self::$name => $next.into(),)* }
            }
        }
    };
}

fault_ids! {
    Usage "E-USAGE":
        words!("the command line does not fit", "la ligne de commande ne convient pas"),
        words!("a flag or a value that does not exist", "une option ou une valeur qui n'existe pas"),
        "ollama-forward --help";
    Config "E-CONFIG":
        words!("the configuration cannot be used", "la configuration est inutilisable"),
        words!(
            "a key that does not exist, or a value of the wrong kind",
            "une clé qui n'existe pas, ou une valeur du mauvais type"
        ),
        words!(
            "correct the file that is named, or pass --config FILE",
            "corriger le fichier indiqué, ou donner --config FILE"
        );
    PortTaken "E-PORT-TAKEN":
        words!("another program listens on the port", "un autre programme écoute sur le port"),
        words!(
            "an Ollama inside WSL, an old socat script, or an ollama-forward that already runs",
            "un Ollama installé dans WSL, un ancien script socat, ou un ollama-forward déjà lancé"
        ),
        words!(
            "stop that program, or choose another port: ollama-forward --listen-port 11435",
            "arrêter ce programme, ou choisir un autre port : ollama-forward --listen-port 11435"
        );
    ListenAddress "E-LISTEN-ADDRESS":
        words!(
            "the address to listen on is not one of this machine",
            "l'adresse d'écoute n'appartient pas à cette machine"
        ),
        words!("a typing error, or an interface that is down", "une faute de frappe, ou une interface inactive"),
        words!("list your addresses with: ip -brief address", "lister les adresses : ip -brief address");
    ListenDenied "E-LISTEN-DENIED":
        words!("the system does not allow listening there", "le système interdit d'écouter à cet endroit"),
        words!("ports below 1024 need a privilege", "les ports inférieurs à 1024 demandent un privilège"),
        words!(
            "choose a port above 1023: ollama-forward --listen-port 11434",
            "choisir un port supérieur à 1023 : ollama-forward --listen-port 11434"
        );
    NeedsUpstream "E-NEEDS-UPSTREAM":
        words!(
            "Windows cannot be found automatically here",
            "Windows ne peut pas être trouvé automatiquement ici"
        ),
        words!(
            "this is not WSL2 in NAT mode, so nothing says where Ollama is",
            "ce n'est pas WSL2 en mode NAT : rien n'indique où se trouve Ollama"
        ),
        words!(
            "name it: ollama-forward --upstream HOST:11434   (or try: --upstream demo)",
            "l'indiquer : ollama-forward --upstream HOST:11434   (ou, pour essayer : --upstream demo)"
        );
    NoLocalhostForwarding "E-NO-LOCALHOST-FORWARDING":
        words!(
            "WSL runs in consomme (virtioproxy) mode with localhost forwarding off",
            "WSL est en mode consomme (virtioproxy), sans redirection de localhost"
        ),
        words!(
            "localhostForwarding=false in .wslconfig: then Windows cannot be reached from WSL at all",
            "localhostForwarding=false dans .wslconfig : Windows est alors inaccessible depuis WSL"
        ),
        words!(
            "in %UserProfile%\\.wslconfig, section [wsl2], set localhostForwarding=true, then: wsl --shutdown",
            "dans %UserProfile%\\.wslconfig, section [wsl2], mettre localhostForwarding=true, puis : wsl --shutdown"
        );
    NoWindows "E-NO-WINDOWS":
        words!("no address of Windows is known", "aucune adresse de Windows n'est connue"),
        words!(
            "no network or no default route yet, or a VPN took the default route",
            "pas encore de réseau ou de route par défaut, ou un VPN a pris la route par défaut"
        ),
        words!(
            "ollama-forward doctor   or name Windows yourself: ollama-forward --upstream HOST",
            "ollama-forward doctor   ou désigner Windows : ollama-forward --upstream HOST"
        );
    UpstreamRefused "E-UPSTREAM-REFUSED":
        words!(
            "Windows answers, but nothing listens on the port",
            "Windows répond, mais rien n'écoute sur le port"
        ),
        words!(
            "Ollama is not running, or listens on 127.0.0.1 of Windows only",
            "Ollama n'est pas lancé, ou n'écoute que sur 127.0.0.1 de Windows"
        ),
        words!(
            "start Ollama on Windows with OLLAMA_HOST=0.0.0.0 (Settings: Expose Ollama to the network), or ask: ollama-forward doctor",
            "lancer Ollama sous Windows avec OLLAMA_HOST=0.0.0.0 (Settings : Expose Ollama to the network), ou demander : ollama-forward doctor"
        );
    UpstreamTimeout "E-UPSTREAM-TIMEOUT":
        words!("the upstream does not answer at all", "la cible ne répond pas du tout"),
        words!(
            "the Windows firewall drops it, or nothing listens there (Windows hides closed ports, so both look alike), or a VPN took the route",
            "le pare-feu de Windows bloque, ou rien n'écoute (Windows cache ses ports fermés : les deux se ressemblent), ou un VPN a pris la route"
        ),
        words!(
            "ollama-forward doctor   tells which of these it is, and what cures it",
            "ollama-forward doctor   dit laquelle de ces causes est la bonne, et le remède"
        );
    UpstreamUnreachable "E-UPSTREAM-UNREACHABLE":
        words!("there is no way to the upstream", "aucun chemin ne mène à la cible"),
        words!(
            "no route, interface down, or the host adapter is gone or asleep",
            "pas de route, interface inactive, ou carte réseau de l'hôte absente ou en veille"
        ),
        words!(
            "ollama-forward doctor   or by hand: ip route; ip neigh   and if eth0 is dead, in Windows: wsl --shutdown",
            "ollama-forward doctor   ou à la main : ip route; ip neigh   et si eth0 ne répond plus, sous Windows : wsl --shutdown"
        );
    UpstreamName "E-UPSTREAM-NAME":
        words!("the name of the upstream cannot be resolved", "le nom de la cible ne peut pas être résolu"),
        words!(
            "a typing error, or DNS does not work yet",
            "une faute de frappe, ou un DNS qui ne répond pas encore"
        ),
        words!(
            "try: getent hosts NAME   or give an address",
            "essayer : getent hosts NOM   ou donner une adresse"
        );
    UpstreamNotOllama "E-UPSTREAM-NOT-OLLAMA":
        words!("something answers there, but it is not Ollama", "quelque chose répond, mais ce n'est pas Ollama"),
        words!(
            "another program or a captive portal holds the port",
            "un autre programme ou un portail captif tient le port"
        ),
        words!(
            "look at its answer: curl -i http://HOST:11434/api/version",
            "regarder sa réponse : curl -i http://HOST:11434/api/version"
        );
    UpstreamReset "E-UPSTREAM-RESET":
        words!(
            "the upstream accepts a connection and resets it",
            "la cible accepte la connexion, puis la coupe"
        ),
        words!(
            "a portproxy on Windows whose target is dead",
            "un portproxy de Windows dont la destination ne répond plus"
        ),
        words!(
            "ollama-forward doctor   or on Windows: netsh interface portproxy show all   and delete the line for the port",
            "ollama-forward doctor   ou sous Windows : netsh interface portproxy show all   puis supprimer la ligne de ce port"
        );
    UpstreamSilent "E-UPSTREAM-SILENT":
        words!(
            "the upstream accepts a connection and says nothing",
            "la cible accepte la connexion, puis se tait"
        ),
        words!(
            "it hangs, or it is a program that waits for something else than HTTP",
            "elle est bloquée, ou c'est un programme qui attend autre chose que du HTTP"
        ),
        words!(
            "restart Ollama on Windows, then: curl http://HOST:11434/api/version",
            "relancer Ollama sous Windows, puis : curl http://HOST:11434/api/version"
        );
    UpstreamLost "E-UPSTREAM-LOST":
        words!(
            "a connection to the upstream died on the way",
            "une connexion à la cible s'est perdue en route"
        ),
        words!(
            "the laptop slept, the network changed, or Windows forgot the connection",
            "mise en veille, changement de réseau, ou connexion oubliée par Windows"
        ),
        words!(
            "send the request again; if it happens while nothing slept, see: ollama-forward status",
            "renvoyer la requête ; si cela arrive sans mise en veille, voir : ollama-forward status"
        );
    UpstreamLoop "E-UPSTREAM-LOOP":
        words!("the upstream leads back to this forwarder", "la cible ramène à ce relais"),
        words!(
            "it is this forwarder's own address, or wslrelay or a portproxy on Windows sends the port back into WSL",
            "c'est l'adresse du relais lui-même, ou bien wslrelay ou un portproxy de Windows renvoie le port vers WSL"
        ),
        words!(
            "name another upstream or --listen-port, or on Windows: netsh interface portproxy show all   and delete the line for the port",
            "donner une autre cible ou un autre --listen-port, ou sous Windows : netsh interface portproxy show all   puis supprimer la ligne de ce port"
        );
    TooManyConnections "E-TOO-MANY-CONNECTIONS":
        words!("more connections are open than allowed", "plus de connexions ouvertes que permis"),
        words!(
            "a client that leaks connections, or a limit that is too low",
            "un client qui ne ferme pas ses connexions, ou une limite trop basse"
        ),
        "ollama-forward --max-connections N";
    OutOfDescriptors "E-OUT-OF-DESCRIPTORS":
        words!(
            "the process may not open more files or sockets",
            "le processus ne peut plus ouvrir ni fichier ni socket"
        ),
        words!("the limit of open files is low", "la limite de fichiers ouverts est basse"),
        words!("raise it before starting: ulimit -n 16384", "la relever avant de démarrer : ulimit -n 16384");
    Stopping "E-STOPPING":
        words!("the forwarder is stopping", "le relais est en train de s'arrêter"),
        words!("it was asked to stop", "son arrêt a été demandé"),
        words!("start it again: ollama-forward", "le redémarrer : ollama-forward");
    NotRunning "E-NOT-RUNNING":
        words!("no forwarder is running", "aucun relais ne tourne"),
        words!(
            "it was not started, or it runs as another user",
            "il n'a pas été démarré, ou tourne sous un autre utilisateur"
        ),
        words!("start it: ollama-forward", "le démarrer : ollama-forward");
    Capture "E-CAPTURE":
        words!("exchanges cannot be kept", "les échanges ne peuvent pas être conservés"),
        words!(
            "another ollama-forward keeps its own in the same directory, the disk is full, or the directory is not only yours",
            "un autre ollama-forward écrit dans le même répertoire, le disque est plein, ou le répertoire est ouvert à d'autres"
        ),
        words!(
            "choose another directory: ollama-forward --capture=DIR   or see: ollama-forward capture status",
            "choisir un autre répertoire : ollama-forward --capture=DIR   ou voir : ollama-forward capture status"
        );
    NoCodex "E-NO-CODEX":
        words!("Codex cannot be started", "Codex ne peut pas être lancé"),
        words!(
            "it is not installed in this Linux, or its configuration does not hold",
            "il n'est pas installé dans ce Linux, ou sa configuration est inutilisable"
        ),
        words!(
            "npm install -g @openai/codex@latest   or ask: ollama-forward doctor codex",
            "npm install -g @openai/codex@latest   ou demander : ollama-forward doctor codex"
        );
    NoModel "E-NO-MODEL":
        words!("there is no model that Codex could use", "aucun modèle n'est utilisable par Codex"),
        words!(
            "none was pulled yet, or none of them can use tools",
            "aucun n'a encore été téléchargé, ou aucun ne sait utiliser d'outils"
        ),
        words!("on Windows: ollama pull qwen3:14b", "sous Windows : ollama pull qwen3:14b");
    Internal "E-INTERNAL":
        words!("an operation of the system failed", "une opération du système a échoué"),
        words!("the message tells which one", "le message dit laquelle"),
        words!(
            "run again with -v and look at the lines before the error",
            "relancer avec -v et lire les lignes qui précèdent l'erreur"
        );
}

impl FaultId {
    /// The id that people typed, in any case, with or without its `E-`.
    pub fn from_text(text: &str) -> Option<Self> {
        let upper = text.trim().to_ascii_uppercase();
        Self::ALL.iter().copied().find(|id| id.as_str() == upper || id.as_str().strip_prefix("E-") == Some(&upper))
    }

    /// The exit code of a process that ends because of this. Codes are documented in both READMEs.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage
            | Self::Config
            | Self::ListenAddress
            | Self::ListenDenied
            | Self::NeedsUpstream
            | Self::UpstreamLoop => 2,
            Self::NotRunning => 3,
            Self::NoWindows
            | Self::UpstreamRefused
            | Self::UpstreamTimeout
            | Self::UpstreamUnreachable
            | Self::UpstreamName
            | Self::UpstreamNotOllama
            | Self::UpstreamReset
            | Self::UpstreamSilent
            | Self::UpstreamLost => 4,
            Self::PortTaken => 5,
            Self::NoLocalhostForwarding
            | Self::TooManyConnections
            | Self::OutOfDescriptors
            | Self::Stopping
            | Self::Capture
            | Self::NoCodex
            | Self::NoModel
            | Self::Internal => 1,
        }
    }
}

impl fmt::Display for FaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text of `ollama-forward explain ID`.
pub fn explanation(id: FaultId, lang: Lang) -> String {
    let [title, likely, next] = [id.title(), id.likely(), id.next()].map(|words| words.of(lang));
    let code = id.exit_code();
    match lang {
        Lang::En => format!("{id}: {title}\n  likely: {likely}\n  next:   {next}\n  exit:   {code}\n"),
        Lang::Fr => {
            format!(
                "{id}\u{a0}: {title}\n  cause\u{a0}:   {likely}\n  ensuite\u{a0}: {next}\n  sortie\u{a0}:  {code}\n"
            )
        }
    }
}

/// The text of `ollama-forward explain`: every id with its meaning.
pub fn catalogue(lang: Lang) -> String {
    let line = |id: &FaultId| format!("{:<27}{}\n", id.as_str(), id.title().of(lang));
    let lines: Vec<String> = FaultId::ALL.iter().map(line).collect();
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_however_it_is_typed() {
        for text in ["E-PORT-TAKEN", "e-port-taken", " port-taken "] {
            assert_eq!(FaultId::from_text(text), Some(FaultId::PortTaken), "{text}");
        }
        assert_eq!(FaultId::from_text("E-NOPE"), None);
    }

    #[test]
    fn ids_are_unique_and_every_one_says_what_to_do() {
        let mut seen: Vec<&str> = FaultId::ALL.iter().map(|id| id.as_str()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), FaultId::ALL.len());
        for id in FaultId::ALL {
            assert!(!id.likely().is_empty() && !id.next().is_empty(), "{id}");
        }
    }

    /// Those whose next step is a command and nothing else.
    const COMMANDS: [FaultId; 2] = [FaultId::Usage, FaultId::TooManyConnections];

    #[test]
    fn every_fault_is_told_in_both_languages() {
        for id in FaultId::ALL {
            for words in [id.title(), id.likely(), id.next()] {
                assert!(!words.en.is_empty() && !words.fr.is_empty(), "{id}");
                let is_command = words == id.next() && COMMANDS.contains(id);
                assert_eq!(words.en == words.fr, is_command, "{id}: {words:?}");
            }
        }
    }

    #[test]
    fn the_commands_of_a_cure_are_the_same_in_both_languages() {
        let commands = |text: &str| {
            let words = text.split_whitespace().map(|word| word.trim_end_matches([',', ';', ')']).to_owned());
            words.filter(|word| word.starts_with("--") || word.contains('=') || word == "doctor").collect::<Vec<_>>()
        };
        for id in FaultId::ALL {
            let Words { en, fr } = id.next();
            assert_eq!(commands(&en), commands(&fr), "{id}");
        }
    }
}
