//! `start`, `stop`, `print-cmds`: a forwarder that captures, in the background.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use super::place::{ask, no_home};
use super::render::{self, Recipe};
use super::trouble;
use super::{Desk, print, print_object};
use crate::app::Ended;
use crate::app::background::{self, Started};
use crate::cli::capture::{Mode, Start};
use crate::config::OLLAMA_PORT;
use crate::control::{self, Answer, Request};
use crate::fault::{Fault, FaultId};
use crate::net::listen::reachable;
use crate::status;
use crate::words;
use crate::words::Words;

/// What is to run in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) mode: Mode,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) upstream: Option<String>,
    pub(super) page: u16,
    pub(super) translate: bool,
    pub(super) dir: Option<PathBuf>,
}

impl Plan {
    pub(super) fn of(typed: &Start, desk: &Desk<'_>) -> Self {
        Self {
            mode: typed.mode,
            host: typed.listen_host.clone(),
            port: typed.port.or(desk.common.listen_port).unwrap_or(OLLAMA_PORT),
            upstream: typed.upstream.clone(),
            page: typed.webapp_port,
            translate: typed.translate,
            dir: desk.common.dir.clone(),
        }
    }

    /// The words of the run.
    pub(super) fn args(&self) -> Vec<String> {
        let host = if self.host.contains(':') && !self.host.starts_with('[') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        let mut args = vec![format!("--listen={host}:{}", self.port)];
        args.push(match &self.dir {
            Some(dir) => format!("--capture={}", std::path::absolute(dir).unwrap_or_else(|_| dir.clone()).display()),
            None => "--capture".to_owned(),
        });
        args.push(format!("--inspect=127.0.0.1:{}", self.page));
        args.extend(self.upstream.iter().map(|upstream| format!("--upstream={upstream}")));
        if self.translate {
            args.push("--translate".to_owned());
        }
        args
    }
}

impl Desk<'_> {
    pub(super) fn start(&self, typed: &Start) -> Result<Ended, Fault> {
        self.begin(&Plan::of(typed, self))?;
        self.print_commands_of(Some(Plan::of(typed, self).port))
    }

    /// Starts it, unless the same runs already.
    pub(super) fn begin(&self, plan: &Plan) -> Result<Answer, Fault> {
        let directory = status::directory().ok_or_else(no_home)?;
        let port = plan.port;
        if let Ok(Some(answer)) = control::ask(&directory, Some(port), &Request::About) {
            return self.runs_already(plan, answer);
        }
        let Started { answer, log } = background::start(port, &plan.args())?;
        let (pid, shown) = (answer.pid, log.display());
        // Both words of the reference tool mean the same here.
        let (Mode::Reverse | Mode::Forward) = plan.mode;
        let both = words!(
            "started, process {pid}; port {port} serves clients that name it, and those that have it as HTTP_PROXY; log: {shown}",
            "démarré, processus {pid} ; le port {port} sert les clients qui le désignent et ceux qui l'ont comme HTTP_PROXY ; journal : {shown}"
        );
        self.hint(&both);
        Ok(answer)
    }

    fn runs_already(&self, plan: &Plan, answer: Answer) -> Result<Answer, Fault> {
        let (pid, port) = (answer.pid, plan.port);
        let is_same = answer.on && (!plan.translate || answer.translate);
        if is_same {
            self.hint(&words!(
                "ollama-forward {pid} captures on port {port} already",
                "ollama-forward {pid} capture déjà sur le port {port}"
            ));
            return Ok(answer);
        }
        let (likely, next) = if answer.on {
            (
                words!("it captures, and does not translate", "il capture, mais ne traduit pas"),
                "ollama-forward capture stop",
            )
        } else {
            (words!("it runs, and capture is off", "il tourne, et la capture est arrêtée"), "ollama-forward capture on")
        };
        Err(trouble::told(
            FaultId::PortTaken,
            words!(
                "port {port} belongs to ollama-forward {pid} already",
                "le port {port} appartient déjà à ollama-forward {pid}"
            ),
            likely,
            Words::same(next),
        ))
    }

    pub(super) fn stop(&self) -> Result<Ended, Fault> {
        let directory = status::directory().ok_or_else(no_home)?;
        let port = self.common.listen_port;
        let running = match (port, control::running(&directory).as_slice()) {
            (Some(port), _) => Some(port),
            (None, [only]) => Some(*only),
            (None, _) => None,
        };
        let answer = ask(port, &Request::Stop)?;
        let pid = answer.pid;
        if let Some(port) = running {
            background::await_end(port, pid)?;
        }
        self.done(
            &words!("ollama-forward {pid} has ended", "ollama-forward {pid} est terminé"),
            &json!({ "stopped": pid }),
        )
    }

    pub(super) fn print_commands(&self) -> Result<Ended, Fault> {
        self.print_commands_of(self.common.listen_port)
    }

    /// Of the forwarder on this port, or of the only one.
    pub(super) fn print_commands_of(&self, port: Option<u16>) -> Result<Ended, Fault> {
        let answer = match ask(port, &Request::About) {
            Ok(answer) => Some(answer),
            Err(trouble) if trouble.id == FaultId::NotRunning => None,
            Err(trouble) => return Err(trouble),
        };
        let recipe = recipe(answer.as_ref(), port.unwrap_or(OLLAMA_PORT));
        if self.common.json {
            let commands: BTreeMap<&str, String> = recipe.lines().into_iter().collect();
            return print_object(&json!({ "forward": recipe, "commands": commands }));
        }
        print(&render::commands(&recipe, &self.look))
    }
}

fn recipe(answer: Option<&Answer>, port: u16) -> Recipe {
    let first = answer.and_then(|answer| answer.listen.first()).and_then(|text| text.parse().ok()).map(reachable);
    Recipe {
        address: first.map_or_else(|| format!("127.0.0.1:{port}"), |address| address.to_string()),
        page: answer.and_then(|answer| answer.page.clone()),
        running: answer.is_some(),
        on: answer.is_some_and(|answer| answer.on),
        translate: answer.is_some_and(|answer| answer.translate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            mode: Mode::Reverse,
            host: "127.0.0.1".into(),
            port: 11434,
            upstream: None,
            page: 5001,
            translate: false,
            dir: None,
        }
    }

    #[test]
    fn a_plan_becomes_the_words_of_a_run() {
        assert_eq!(plan().args(), ["--listen=127.0.0.1:11434", "--capture", "--inspect=127.0.0.1:5001"]);
        let more = Plan {
            host: "::1".into(),
            upstream: Some("demo".into()),
            translate: true,
            dir: Some("/captures".into()),
            ..plan()
        };
        assert_eq!(
            more.args(),
            [
                "--listen=[::1]:11434",
                "--capture=/captures",
                "--inspect=127.0.0.1:5001",
                "--upstream=demo",
                "--translate"
            ]
        );
    }

    #[test]
    fn commands_are_of_the_forwarder_that_runs() {
        let answer = Answer { listen: vec!["0.0.0.0:11500".into()], on: true, ..Answer::default() };
        assert_eq!(recipe(Some(&answer), 1).address, "127.0.0.1:11500");
        assert_eq!(recipe(None, 11434).address, "127.0.0.1:11434");
    }
}
