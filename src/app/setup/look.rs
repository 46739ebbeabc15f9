//! Looks around with the doctor's eyes, and says what it sees in the doctor's words.
//!
//! ```text
//! examine (quick: without Windows) ─┬─ Ollama answers ──────────────► on
//!                                   ├─ only the user knows where ──► asked for, again
//!                                   └─ it does not ─► examine (with Windows) ─► notes ─► wait
//! ```

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::task::JoinSet;

use super::keys::upstream_word;
use super::tell;
use super::voice::Mark;
use super::{Desk, Halt, Mode, wait};
use crate::app::doctor::{Signals, examine, runtime};
use crate::app::start_demo;
use crate::cli::Asked;
use crate::config::{Layer, Upstream};
use crate::doctor::http::Place;
use crate::doctor::network::{Target, tried};
use crate::doctor::{Check, Facts, Group, Outcome, Status, judge, ollama, port, render, table};
use crate::fault::{Fault, FaultId};
use crate::gateway::wsl::{Mode as Networking, Need};
use crate::net::options::SocketPolicy;
use crate::words;
use crate::words::Words;

/// What the doctor has found.
pub(super) struct Found {
    pub(super) facts: Facts,
    pub(super) outcomes: Vec<Outcome>,
    /// Where Ollama was looked for.
    pub(super) upstream: Upstream,
}

/// What that means for setup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// Ollama, or something that serves models, answers; or the demo stands in for it.
    Reached,
    /// Only the user knows where Ollama is.
    Unnamed,
    /// In this configuration of WSL, nothing leads to Windows.
    Impossible,
    /// It should be there, and is not.
    Missing,
}

/// How thoroughly to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glance {
    /// At Ollama only, for who waits for it.
    Ollama,
    /// At all that setup wants to know, but Windows, which takes seconds to answer.
    Here,
    /// At all, and at Windows.
    Windows,
}

impl Glance {
    fn groups(self) -> &'static [Group] {
        match self {
            Self::Ollama => &[Group::System, Group::Network, Group::Ollama],
            Self::Here => &[Group::System, Group::Network, Group::Port, Group::Ollama, Group::Codex, Group::Service],
            Self::Windows => &[
                Group::System,
                Group::Network,
                Group::Windows,
                Group::Port,
                Group::Ollama,
                Group::Codex,
                Group::Service,
            ],
        }
    }
}

impl Found {
    pub(super) fn came(&self) -> Came {
        let facts = &self.facts;
        let by_itself = matches!(self.upstream, Upstream::Auto(_));
        match facts.system.need() {
            Some(Need::Named) if by_itself => Came::Unnamed,
            Some(Need::Impossible) if by_itself => Came::Impossible,
            Some(Need::Forward | Need::Nothing | Need::Named | Need::Impossible) | None
                if facts.ollama.api.known().is_some() =>
            {
                Came::Reached
            }
            Some(Need::Forward | Need::Nothing | Need::Named | Need::Impossible) | None => Came::Missing,
        }
    }

    pub(super) fn outcome(&self, id: &str) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.check.id == id)
    }

    /// Judges anew, after some of the facts have changed.
    pub(super) fn judge(&mut self) {
        self.outcomes = judge(table(), &self.facts);
    }

    /// Looks who holds this port, and whether that is one of ours.
    pub(super) fn look_at_port(&mut self, port: u16) {
        let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
        let ask = port::gather::Ask { listen, directory: crate::status::directory() };
        self.facts.port = port::gather::gather(&ask);
        self.judge();
    }

    /// What stands between us and Ollama.
    fn problems(&self) -> Vec<Outcome> {
        let matters = |group: Group| match group {
            Group::System | Group::Network | Group::Windows | Group::Ollama => true,
            Group::Port | Group::Live | Group::Codex | Group::Service => false,
        };
        let all = judge(table(), &self.facts).into_iter();
        all.filter(|one| matters(one.check.group) && one.status() == Status::Failure).collect()
    }

    /// Why Ollama cannot be reached, as a fault.
    pub(super) fn fault(&self) -> Fault {
        let missing = self.facts.network.best().and_then(|tried| tried.answer.as_ref().err().zip(Some(tried.address)));
        let id = missing.map_or(FaultId::NoWindows, |(refusal, address)| refusal.fault(address).id);
        let problem = self.problems().into_iter().find_map(|one| Some(one.problem()?.what.clone()));
        Fault::new(id, problem.unwrap_or_else(|| words!("Ollama was not found", "Ollama est introuvable")))
    }
}

/// How often the user may name an upstream that makes no sense.
const TRIES: usize = 5;

impl Desk<'_> {
    /// The first step: until Ollama answers, or somebody does not want to wait for it.
    pub(super) fn find(&self, upstream: Option<Upstream>) -> Result<Found, Halt> {
        let (number, words) = tell::first_head();
        self.voice.head(number, &words)?;
        let mut upstream = upstream;
        for _ in 0..TRIES {
            let found = self.examine(upstream.as_ref(), Glance::Here)?;
            self.tell_found(&found)?;
            match (found.came(), &self.mode) {
                (Came::Reached, _) | (Came::Unnamed | Came::Impossible | Came::Missing, Mode::Plan) => {
                    return Ok(found);
                }
                (Came::Unnamed, Mode::Ask(asker)) => {
                    self.tell_problems(&found)?;
                    upstream = Some(self.ask_upstream(*asker)?);
                }
                (Came::Unnamed, Mode::Act) => return Err(Halt::Fault(unnamed(&found))),
                (Came::Impossible, Mode::Ask(_) | Mode::Act) => return Err(Halt::Fault(impossible())),
                (Came::Missing, Mode::Act) => return Err(Halt::Fault(found.fault())),
                (Came::Missing, Mode::Ask(_)) => return self.wait_for(found.upstream),
            }
        }
        Err(Halt::Fault(Fault::new(FaultId::NeedsUpstream, no_place())))
    }

    fn wait_for(&self, upstream: Upstream) -> Result<Found, Halt> {
        let upstream = Some(upstream);
        let full = self.examine(upstream.as_ref(), Glance::Windows)?;
        if full.came() == Came::Reached {
            self.tell_found(&full)?;
            return Ok(full);
        }
        self.tell_problems(&full)?;
        match wait::until_reached(self, full)? {
            wait::Waited::Reached => {
                let found = self.examine(upstream.as_ref(), Glance::Here)?;
                self.tell_found(&found)?;
                Ok(found)
            }
            wait::Waited::Skipped(found) => {
                self.voice.mark(
                    Mark::Idle,
                    &words!(
                        "without Ollama: no model can be chosen, and nothing tried",
                        "sans Ollama : ni choix d'un modèle, ni essai"
                    ),
                )?;
                Ok(*found)
            }
        }
    }

    /// Looks around.
    pub(super) fn examine(&self, upstream: Option<&Upstream>, glance: Glance) -> Result<Found, Halt> {
        let is = upstream.cloned().unwrap_or_else(|| self.files.values().upstream);
        let asked = Asked {
            upstream: upstream.cloned(),
            listen_port: Some(self.first_port(&is)),
            no_windows: glance != Glance::Windows,
            sysroot: self.typed.sysroot.clone(),
            ..Asked::default()
        };
        let chosen: Vec<&'static Check> = table().filter(|check| glance.groups().contains(&check.group)).collect();
        // Ctrl-C ends us at once: nothing has been begun.
        let seen = examine(self.run, &asked, &chosen, &self.voice.look, Signals::Default)?;
        let seen = seen.ok_or(Halt::Left)?;
        let mut found = Found { facts: seen.facts, outcomes: seen.outcomes, upstream: is };
        let is_demo = found.facts.network.target == Some(Target::Demo);
        if is_demo && found.facts.port.forward().is_none() {
            found.facts.ollama = runtime()?.block_on(ask_the_demo())?;
            found.judge();
        }
        Ok(found)
    }

    /// Where our forward would listen, unless that leads to the upstream itself.
    fn first_port(&self, upstream: &Upstream) -> u16 {
        let port = self.given.port.unwrap_or(self.files.values().port);
        if self.files.port_is_fixed() || !is_here(upstream, port) { port } else { super::prepare::next_port(port) }
    }

    /// Says what was found: the way, each address that was tried with its time, and what answered.
    fn tell_found(&self, found: &Found) -> io::Result<()> {
        let voice = &self.voice;
        // What is wrong with it is told in full, with what cures it, further down.
        if let Some(outcome) = found.outcome("mode").filter(|one| one.status() == Status::Ok) {
            voice.outcome(outcome)?;
        }
        for detail in tried::details(&found.facts) {
            let name = detail.name.of(voice.look.lang);
            voice.row(&name, render::width(&name) + 2, &detail.value)?;
        }
        if found.facts.network.target == Some(Target::Demo) {
            return voice.mark(
                Mark::Odd,
                &words!(
                    "the built-in demo stands in for Ollama: no model answers, its words are a script",
                    "la démo intégrée remplace Ollama : aucun modèle ne répond, ses mots sont écrits d'avance"
                ),
            );
        }
        let reached = found.came() == Came::Reached;
        for id in ["reach", "version", "model-tools", "context"] {
            let Some(outcome) = found.outcome(id) else { continue };
            let matters = id == "reach" || outcome.problem().is_some();
            if reached && matters && outcome.status() != Status::Skipped {
                voice.outcome(outcome)?;
            }
        }
        Ok(())
    }

    /// In the doctor's words, with what cures it.
    pub(super) fn tell_problems(&self, found: &Found) -> io::Result<()> {
        let text = self.problems_text(found);
        self.voice.part()?;
        self.voice.text(&text)?;
        self.voice.part()
    }

    pub(super) fn problems_text(&self, found: &Found) -> String {
        render::problems(&found.problems(), &found.facts, &self.voice.look)
    }

    fn ask_upstream(&self, asker: crate::app::ask::Asker) -> Result<Upstream, Halt> {
        let question = words!(
            "  Where is Ollama? HOST or HOST:PORT; demo for the built-in demo; nothing to stop",
            "  Où est Ollama ? HÔTE ou HÔTE:PORT ; demo pour la démo intégrée ; rien pour arrêter"
        );
        for _ in 0..TRIES {
            let text = asker.text(&question, "")?.ok_or(Halt::Left)?;
            if text.is_empty() {
                return Err(Halt::Fault(Fault::new(FaultId::NeedsUpstream, no_place())));
            }
            match text.parse::<Upstream>() {
                Ok(upstream) if !matches!(upstream, Upstream::Auto(_)) && self.can_forward_to(&upstream) => {
                    return Ok(upstream);
                }
                Ok(_) | Err(_) => self.voice.mark(
                    Mark::Wrong,
                    &words!(
                        "`{text}` is no place to forward to: HOST, HOST:PORT or http://HOST:PORT",
                        "« {text} » n'est pas une cible : HÔTE, HÔTE:PORT ou http://HÔTE:PORT"
                    ),
                )?,
            }
        }
        Err(Halt::Fault(Fault::new(FaultId::NeedsUpstream, no_place())))
    }

    /// Whether a run could forward there.
    fn can_forward_to(&self, upstream: &Upstream) -> bool {
        let layer = Layer {
            upstream: Some(upstream.clone()),
            listen_port: Some(self.first_port(upstream)),
            ..Layer::default()
        };
        layer.over(self.files.layer.clone()).finish("/".into()).is_ok()
    }
}

/// Models and their properties, each in a few words.
pub(super) fn models(found: &Found) -> Vec<(String, Words)> {
    let Some(models) = found.facts.ollama.models.known() else { return Vec::new() };
    let details = found.outcome("models").map(|one| (one.check.details)(&found.facts)).unwrap_or_default();
    let loaded = found.facts.ollama.loaded.known().map_or(&[][..], Vec::as_slice);
    let about = |name: &str| {
        let known = details.iter().find(|detail| detail.name.en == name).map(|detail| detail.value.clone());
        let context = loaded.iter().find(|one| one.name == name).and_then(|one| one.context);
        match (known.unwrap_or_default(), context) {
            (known, None) => known,
            (Words { en, fr }, Some(tokens)) => {
                words!("{en}, loaded with {tokens} tokens", "{fr}, chargé avec {tokens} tokens")
            }
        }
    };
    let talking = models.iter().filter(|model| model.talks());
    talking.map(|model| (model.name.clone(), about(&model.name))).collect()
}

/// A listener on this port of ours would be the upstream.
pub(super) fn is_here(upstream: &Upstream, port: u16) -> bool {
    match upstream {
        Upstream::Address(address) => address.port() == port && is_loopback(address.ip()),
        Upstream::Name { host, port: there } => *there == port && host == "localhost",
        Upstream::Auto(_) | Upstream::Demo => false,
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

/// What the demo has, from one of our own that ends with the question.
async fn ask_the_demo() -> Result<ollama::Ollama, Fault> {
    let mut parts = JoinSet::new();
    let address = start_demo(false, &mut parts)
        .map_err(|error| Fault::new(FaultId::Internal, format!("cannot start the demo: {error}")))?;
    let place = Place::found(address, SocketPolicy::default());
    let ask = ollama::gather::Ask { place, times: ollama::gather::Times::default() };
    Ok(ollama::gather::gather(&ask).await)
}

fn no_place() -> Words {
    words!("no place was named at which Ollama could be", "aucun endroit n'a été indiqué où Ollama pourrait être")
}

fn unnamed(found: &Found) -> Fault {
    let mode = found.facts.system.mode.known().map_or("unknown", Networking::word).to_owned();
    let what = words!(
        "nothing says where Ollama is: this system is `{mode}`, not WSL2 in NAT mode",
        "rien ne dit où est Ollama : ce système est `{mode}`, et non WSL2 en mode NAT"
    );
    let likely = words!("Windows can only be found from WSL2", "Windows ne se trouve que depuis WSL2");
    Fault::new(FaultId::NeedsUpstream, what)
        .advise(likely, "ollama-forward setup --upstream HOST   (or: --upstream demo)")
}

fn impossible() -> Fault {
    Fault::new(
        FaultId::NoLocalhostForwarding,
        words!(
            "WSL's localhost does not lead to Windows in this mode, and its gateway is not Windows",
            "dans ce mode, le localhost de WSL ne mène pas à Windows, et sa passerelle n'est pas Windows"
        ),
    )
}

/// The command line that names this upstream.
pub(super) fn upstream_flag(upstream: &Upstream) -> [String; 2] {
    ["--upstream".to_owned(), upstream_word(upstream)]
}
