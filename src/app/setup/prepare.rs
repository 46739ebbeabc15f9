//! What the questions have to know: what is set up already, which models there are, and a port that can be had.

use super::look::{self, Found};
use super::plan::{Choices, Pick, Profile, Seen, Service, Way};
use super::{Desk, Halt, Mode};
use crate::bridge::catalog::is_same_model;
use crate::config::{OLLAMA_PORT, Upstream, nearest_of};
use crate::doctor::Status;
use crate::doctor::live::choose_model;
use crate::doctor::network::Target;
use crate::fault::{Fault, FaultId};
use crate::gateway::wsl::Need;
use crate::words;
use crate::words::Words;

impl Desk<'_> {
    /// A port that `listen` names is changed by hand.
    pub(super) fn check_port_is_free_to_choose(&self) -> Result<(), Fault> {
        let is = self.files.values().port;
        match self.given.port {
            Some(port) if self.files.port_is_fixed() && port != is => {
                let path = self.files.path.display();
                let what = words!(
                    "`listen` of the configuration names port {is}, so --listen-port {port} would change nothing",
                    "`listen` de la configuration désigne le port {is} : --listen-port {port} n'y changerait rien"
                );
                let likely = words!("{path} was written by hand", "{path} a été écrit à la main");
                Err(Fault::new(FaultId::Config, what)
                    .advise(likely, words!("change `listen` in {path}", "modifier `listen` dans {path}")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What the questions have to know, and the answers that were typed.
    pub(super) fn prepare(&self, found: &mut Found) -> Result<(Seen, Choices), Halt> {
        let now = self.files.values();
        let way = way(found);
        let taken = match &way {
            Way::Localhost(port) => Some(*port),
            Way::Forward | Way::Demo => None,
        };
        let (port, holder) = self.propose_port(found, taken)?;
        let mut given = self.given.clone();
        given.model = self.given_model(found)?;
        let codex = &found.facts.codex;
        let ours = codex.profiles.iter().find(|profile| profile.name == PROFILE);
        // Versions of Codex before 0.134 have it in their own configuration.
        let old = codex.config.known().is_some_and(|config| config.old_profiles.iter().any(|name| name == PROFILE));
        let profile = match ours {
            Some(ours) => Profile::There(ours.config.model.clone()),
            None if old => Profile::There(None),
            None => Profile::Missing,
        };
        let seen = Seen {
            way,
            upstream: found.upstream.clone(),
            translate_is_set: self.files.layer.bridge.translate.is_some(),
            port_is_fixed: self.files.port_is_fixed(),
            port,
            holder,
            models: look::models(found).into_iter().map(|(name, _)| name).collect(),
            best: choose_model(&found.facts),
            has_codex: codex.program.known().is_some_and(|one| one.as_ref().is_some_and(|one| !one.of_windows)),
            profile,
            service: self.service(found)?,
            now,
        };
        Ok((seen, given))
    }

    /// A line of a profile is known to `service status` alone; it ends well where a service runs.
    fn service(&self, found: &Found) -> Result<Service, Halt> {
        let service = &found.facts.service;
        let has_unit = service.unit.known().is_some_and(Option::is_some);
        Ok(if has_unit || self.is_well(&["service", "status"])? {
            Service::Installed
        } else if service.user_bus.known() == Some(&true) {
            Service::Systemd
        } else {
            Service::Profile
        })
    }

    /// The model of the flag, as Ollama calls it; None: there is no flag.
    fn given_model(&self, found: &Found) -> Result<Option<Pick>, Fault> {
        let Some(Pick::Named(name)) = &self.given.model else { return Ok(None) };
        let models = look::models(found);
        if models.is_empty() {
            // Ollama does not answer, or has none: that is told, and no profile is written for a name that nobody knows.
            return Ok(Some(Pick::Without));
        }
        if let Some((known, _)) = models.iter().find(|(known, _)| is_same_model(name, known)) {
            return Ok(Some(Pick::Named(known.clone())));
        }
        let nearest = nearest_of(models.iter().map(|(name, _)| name.as_str()), name);
        let names: Vec<&str> = models.iter().map(|(name, _)| name.as_str()).collect();
        let (names, pull) = (names.join(", "), format!("ollama pull {name}"));
        let what =
            words!("Ollama has no model {name}; it has: {names}", "Ollama n'a pas de modèle {name} ; il a : {names}");
        let likely = words!(
            "a typing error, or it was never downloaded",
            "une faute de frappe, ou il n'a jamais été téléchargé"
        );
        let next = match nearest {
            Some(near) => words!(
                "ollama-forward setup --model {near}   (or on Windows: {pull})",
                "ollama-forward setup --model {near}   (ou sous Windows : {pull})"
            ),
            None => words!("on Windows: {pull}", "sous Windows : {pull}"),
        };
        Err(Fault::new(FaultId::Usage, what).advise(likely, next))
    }

    /// The port that is asked for, or a free one in its place, and who holds the one that was asked for. A port that was
    /// typed is not replaced.
    fn propose_port(&self, found: &mut Found, taken: Option<u16>) -> Result<(u16, Option<Words>), Halt> {
        let first = self.given.port.unwrap_or(self.files.values().port);
        let (mut port, mut holder) = (first, None);
        for _ in 0..PORTS {
            let is_upstream = taken == Some(port) || look::is_here(&found.upstream, port);
            found.look_at_port(port);
            if self.files.port_is_fixed() || !is_upstream && !is_taken(found) {
                return Ok((port, holder));
            }
            let fault = port_fault(found, port);
            if self.given.port.is_some() && !matches!(self.mode, Mode::Plan) {
                return Err(Halt::Fault(fault));
            }
            holder = holder.or(Some(fault.what));
            port = next_port(port);
        }
        found.look_at_port(first);
        Err(Halt::Fault(port_fault(found, first)))
    }
}

/// The name of our profile for Codex (`codex -p ollama-forward`).
const PROFILE: &str = "ollama-forward";
/// Ports that are tried before giving up.
const PORTS: usize = 10;

/// The port after this one; after Ollama's own, the one that the doctor proposes.
pub(super) fn next_port(port: u16) -> u16 {
    port.checked_add(1).unwrap_or(OLLAMA_PORT)
}

/// The kernel is the one that Windows starts for WSL, whatever runs on it.
pub(super) fn is_wsl(found: &Found) -> bool {
    found.facts.system.kernel.known().is_some_and(|release| release.to_ascii_lowercase().contains("microsoft"))
}

/// Somebody else listens there.
pub(super) fn is_taken(found: &Found) -> bool {
    found.outcome("listen-port").is_some_and(|one| match one.status() {
        Status::Warning | Status::Failure => true,
        Status::Ok | Status::Skipped => false,
    })
}

pub(super) fn port_fault(found: &Found, port: u16) -> Fault {
    let other = format!("ollama-forward setup --listen-port {}", next_port(port));
    let Some(problem) = found.outcome("listen-port").and_then(|one| one.problem()) else {
        let what = words!("port {port} is where Ollama itself is", "le port {port} est celui d'Ollama lui-même");
        let likely = words!("Ollama runs on this machine", "Ollama tourne sur cette machine");
        return Fault::new(FaultId::PortTaken, what).advise(likely, other);
    };
    let likely = problem.remedies.first().map(|remedy| remedy.what.clone()).unwrap_or_default();
    let stop = problem.remedies.first().and_then(|remedy| remedy.commands.first());
    let next = stop.map_or(other.clone(), |stop| format!("{stop}   (or: {other})"));
    Fault::new(FaultId::PortTaken, problem.what.clone()).advise(likely, next)
}

fn way(found: &Found) -> Way {
    match (&found.facts.network.target, &found.upstream) {
        (Some(Target::Demo), _) | (_, Upstream::Demo) => Way::Demo,
        (_, Upstream::Auto(port)) if found.facts.system.need() == Some(Need::Nothing) => Way::Localhost(*port),
        (Some(Target::Auto { .. } | Target::Localhost { .. } | Target::Named { .. }) | None, _) => Way::Forward,
    }
}
