//! One real question to the model, through the forward and, where it is wanted, the bridge: that of the doctor's
//! `--stream-test`, at the port or at a forward of our own that ends with it.

use std::sync::Mutex;

use super::look::Found;
use super::plan::{Talk, Way};
use super::voice::Mark;
use super::{Desk, Halt, Mode};
use crate::app::doctor::runtime;
use crate::bridge::settings::Settings;
use crate::config::Config;
use crate::doctor::live::gather::{Ask, Progress, Times, Via, gather};
use crate::doctor::network::Target;
use crate::doctor::ollama::Api;
use crate::doctor::{Status, figures, ollama};
use crate::net::options::SocketPolicy;
use crate::words;
use crate::words::Words;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tested {
    Not,
    Well,
    Failed,
}

impl Desk<'_> {
    /// Has the chosen model speak, and tells how it did.
    pub(super) fn try_out(&self, found: &mut Found, talk: &Talk) -> Result<Tested, Halt> {
        let Some(ask) = self.trial(found, talk) else { return Ok(Tested::Not) };
        let model = talk.model().unwrap_or_default().to_owned();
        let looks_on = !matches!(self.mode, Mode::Plan);
        // The last thing that was said is not said twice.
        let last: Mutex<Option<u64>> = Mutex::default();
        let progress = |progress: Progress| {
            let (Words { en, fr }, seconds) = told(progress, &model);
            let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if looks_on && last.replace(seconds) != Some(seconds) {
                self.voice.passing(&words!("  {en}", "  {fr}"));
            }
        };
        found.facts.live = runtime()?.block_on(gather(&ask, &progress));
        self.voice.wipe();
        if let Some(place) = self.place(found) {
            // What is in memory after the answer is what counts.
            let asked = ollama::gather::Ask { place, times: ollama::gather::Times::default() };
            found.facts.ollama.loaded = runtime()?.block_on(ollama::gather::loaded(&asked));
        }
        found.judge();
        self.tell_trial(found)
    }

    fn tell_trial(&self, found: &Found) -> Result<Tested, Halt> {
        let mut tested = Tested::Well;
        for id in ["live-small", "live-stream", "live-tools", "context"] {
            let Some(outcome) = found.outcome(id) else { continue };
            match outcome.status() {
                Status::Skipped => continue,
                // That a small request passes is told by the answer.
                Status::Ok if id == "live-small" => continue,
                Status::Failure if id != "context" => tested = Tested::Failed,
                Status::Ok | Status::Warning | Status::Failure => {}
            }
            self.voice.outcome(outcome)?;
            let Some(problem) = outcome.problem() else { continue };
            for evidence in &problem.evidence {
                self.voice.row("", 0, evidence)?;
            }
            if let Some(remedy) = problem.remedies.first() {
                self.voice.row("→", 2, &remedy.what)?;
                let lines = remedy.commands.iter().flat_map(|command| command.lines());
                self.voice.quote(lines.map(|line| (crate::doctor::render::sheet::Style::Bold, line)))?;
            }
        }
        if tested == Tested::Failed {
            self.voice.mark(
                Mark::Odd,
                &words!("the rest can be set up all the same", "le reste peut être mis en place malgré tout"),
            )?;
        }
        Ok(tested)
    }

    /// None: nothing is there that could be asked.
    fn trial(&self, found: &Found, talk: &Talk) -> Option<Ask> {
        let config: Config = self.files.layer.clone().finish("/".into()).ok()?;
        let via = via(found, talk)?;
        let wanted = talk.translates().then_some(Settings { translate: true, ..config.bridge });
        Some(Ask {
            via,
            api: found.facts.ollama.api.known().copied().unwrap_or(Api::Ollama),
            translate: wanted,
            model: talk.model().map(str::to_owned),
            policy: config.policy,
            connect_time: config.connect_time,
            hide_from_windows: super::prepare::is_wsl(found),
            times: Times::default(),
        })
    }

    fn place(&self, found: &Found) -> Option<crate::doctor::http::Place> {
        let address = found.facts.network.answered()?.address;
        let policy =
            self.files.layer.clone().finish("/".into()).map_or_else(|_| SocketPolicy::default(), |is| is.policy);
        Some(crate::doctor::http::Place::found(address, policy))
    }
}

/// The forward that runs on the port, where it is as it is to be; else one of our own.
fn via(found: &Found, talk: &Talk) -> Option<Via> {
    let network = &found.facts.network;
    let is_demo = network.target == Some(Target::Demo);
    if let Some(report) = found.facts.port.forward().filter(|report| report.translate == talk.translates()) {
        let address = report.listen.first()?.parse().ok()?;
        return Some(Via::Running { address, translates: report.translate, upstream_is_demo: report.how == "demo" });
    }
    if is_demo {
        return Some(Via::OwnDemo);
    }
    let address = network.answered().or_else(|| network.best())?.address;
    match talk.seen().way {
        Way::Localhost(_) if !talk.forwards() => Some(Via::Direct(address)),
        Way::Localhost(_) | Way::Forward | Way::Demo => Some(Via::Own(address)),
    }
}

fn told(progress: Progress, model: &str) -> (Words, u64) {
    match progress {
        Progress::Waiting(since) => {
            let Words { en, fr } = figures::time(since);
            let words = words!("{en}: {model} is being loaded, or reads", "{fr} : {model} se charge, ou lit");
            (words, since.as_secs())
        }
        Progress::Speaking(since) => {
            let Words { en, fr } = figures::time(since);
            (words!("{en}: {model} speaks", "{fr} : {model} parle"), since.as_secs())
        }
    }
}
