//! What can go wrong, by name: a stable id, what it means, the likely causes and the next command. Knows nothing of how
//! a fault is found or shown.

use std::fmt;

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
    ($($name:ident $id:literal: $title:literal, $likely:literal, $next:literal;)*) => {
        /// The stable names of faults. Scripts may match on them; they are never translated.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultId { $(#[doc = $title] $name,)* }

        impl FaultId {
            /// Every id, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }
            /// What it means, in one line.
            pub fn title(self) -> Words {
                match self { $(Self::$name => Words::same($title),)* }
            }
            /// The likeliest causes, the first one first.
            pub fn likely(self) -> Words {
                match self { $(Self::$name => Words::same($likely),)* }
            }
            /// What to type or do next.
            pub fn next(self) -> Words {
                match self { $(Self::$name => Words::same($next),)* }
            }
        }
    };
}

fault_ids! {
    Usage "E-USAGE": "the command line does not fit",
        "a flag or a value that does not exist", "ollama-forward --help";
    Config "E-CONFIG": "the configuration cannot be used",
        "a key that does not exist, or a value of the wrong kind", "correct the file that is named, or pass --config FILE";
    PortTaken "E-PORT-TAKEN": "another program listens on the port",
        "an Ollama inside WSL, an old socat script, or an ollama-forward that already runs",
        "stop that program, or choose another port: ollama-forward --listen-port 11435";
    ListenAddress "E-LISTEN-ADDRESS": "the address to listen on is not one of this machine",
        "a typing error, or an interface that is down", "list your addresses with: ip -brief address";
    ListenDenied "E-LISTEN-DENIED": "the system does not allow listening there",
        "ports below 1024 need a privilege", "choose a port above 1023: ollama-forward --listen-port 11434";
    NeedsUpstream "E-NEEDS-UPSTREAM": "Windows cannot be found automatically here",
        "this is not WSL2 in NAT mode, so nothing says where Ollama is",
        "name it: ollama-forward --upstream HOST:11434   (or try: --upstream demo)";
    NoLocalhostForwarding "E-NO-LOCALHOST-FORWARDING": "WSL runs in consomme (virtioproxy) mode with localhost forwarding off",
        "localhostForwarding=false in .wslconfig: then Windows cannot be reached from WSL at all",
        "in %UserProfile%\\.wslconfig, section [wsl2], set localhostForwarding=true, then: wsl --shutdown";
    NoWindows "E-NO-WINDOWS": "no address of Windows is known",
        "no network or no default route yet, or a VPN took the default route",
        "ollama-forward doctor   or name Windows yourself: ollama-forward --upstream HOST";
    UpstreamRefused "E-UPSTREAM-REFUSED": "Windows answers, but nothing listens on the port",
        "Ollama is not running, or listens on 127.0.0.1 of Windows only",
        "start Ollama on Windows with OLLAMA_HOST=0.0.0.0 (Settings: Expose Ollama to the network), or ask: ollama-forward doctor";
    UpstreamTimeout "E-UPSTREAM-TIMEOUT": "the upstream does not answer at all",
        "the Windows firewall drops it, or nothing listens there (Windows hides closed ports, so both look alike), or a VPN took the route",
        "ollama-forward doctor   tells which of these it is, and what cures it";
    UpstreamUnreachable "E-UPSTREAM-UNREACHABLE": "there is no way to the upstream",
        "no route, interface down, or the host adapter is gone or asleep",
        "ollama-forward doctor   or by hand: ip route; ip neigh   and if eth0 is dead, in Windows: wsl --shutdown";
    UpstreamName "E-UPSTREAM-NAME": "the name of the upstream cannot be resolved",
        "a typing error, or DNS does not work yet", "try: getent hosts NAME   or give an address";
    UpstreamNotOllama "E-UPSTREAM-NOT-OLLAMA": "something answers there, but it is not Ollama",
        "another program or a captive portal holds the port",
        "look at its answer: curl -i http://HOST:11434/api/version";
    UpstreamReset "E-UPSTREAM-RESET": "the upstream accepts a connection and resets it",
        "a portproxy on Windows whose target is dead",
        "ollama-forward doctor   or on Windows: netsh interface portproxy show all   and delete the line for the port";
    UpstreamSilent "E-UPSTREAM-SILENT": "the upstream accepts a connection and says nothing",
        "it hangs, or it is a program that waits for something else than HTTP",
        "restart Ollama on Windows, then: curl http://HOST:11434/api/version";
    UpstreamLost "E-UPSTREAM-LOST": "a connection to the upstream died on the way",
        "the laptop slept, the network changed, or Windows forgot the connection",
        "send the request again; if it happens while nothing slept, see: ollama-forward status";
    UpstreamLoop "E-UPSTREAM-LOOP": "the upstream leads back to this forwarder",
        "it is this forwarder's own address, or wslrelay or a portproxy on Windows sends the port back into WSL",
        "name another upstream or --listen-port, or on Windows: netsh interface portproxy show all   and delete the line for the port";
    TooManyConnections "E-TOO-MANY-CONNECTIONS": "more connections are open than allowed",
        "a client that leaks connections, or a limit that is too low", "ollama-forward --max-connections N";
    OutOfDescriptors "E-OUT-OF-DESCRIPTORS": "the process may not open more files or sockets",
        "the limit of open files is low", "raise it before starting: ulimit -n 16384";
    Stopping "E-STOPPING": "the forwarder is stopping",
        "it was asked to stop", "start it again: ollama-forward";
    NotRunning "E-NOT-RUNNING": "no forwarder is running",
        "it was not started, or it runs as another user", "start it: ollama-forward";
    Capture "E-CAPTURE": "exchanges cannot be kept",
        "another ollama-forward keeps its own in the same directory, the disk is full, or the directory is not only yours",
        "choose another directory: ollama-forward --capture=DIR   or see: ollama-forward capture status";
    Internal "E-INTERNAL": "an operation of the system failed",
        "the message tells which one", "run again with -v and look at the lines before the error";
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
}
