//! `wizard`: asks for what `start` needs, starts, and opens the page.

use std::io::{IsTerminal, stdin};

use super::Desk;
use super::start::Plan;
use super::trouble;
use crate::app::Ended;
use crate::cli::capture::{Mode, Start};
use crate::config::parse_port;
use crate::control::Request;
use crate::fault::{Fault, FaultId};
use crate::words;
use crate::words::Words;

/// What is asked. An empty answer is the default.
struct Questions<'d, 'c> {
    desk: &'d Desk<'c>,
}

impl Desk<'_> {
    pub(super) fn wizard(&self) -> Result<Ended, Fault> {
        if !stdin().is_terminal() {
            return Err(trouble::told(
                FaultId::Usage,
                words!(
                    "the wizard asks, and there is no terminal to ask on",
                    "l'assistant pose des questions, et il n'y a pas de terminal"
                ),
                words!("its input is a file or a pipe", "son entrée est un fichier ou un tube"),
                Words::same(
                    "ollama-forward capture start --listen-host 127.0.0.1 --port 11434 --upstream auto --webapp-port 5001 --translate",
                ),
            ));
        }
        let usual = Plan::of(&Start { listen_host: "127.0.0.1".into(), webapp_port: 5001, ..Start::default() }, self);
        let plan = Questions { desk: self }.all(usual)?;
        self.begin(&plan)?;
        let shown = self.print_commands_of(Some(plan.port))?;
        let answer = super::place::ask(Some(plan.port), &Request::Link)?;
        match answer.link {
            Some(link) => self.give(&link, false),
            None => Ok(shown),
        }
    }
}

impl Questions<'_, '_> {
    fn all(&self, usual: Plan) -> Result<Plan, Fault> {
        let host =
            self.text(&words!("Address on which clients connect", "Adresse d'écoute pour les clients"), &usual.host)?;
        let port = self.port(&words!("Port on which clients connect", "Port d'écoute pour les clients"), usual.port)?;
        let mode = self.mode()?;
        let upstream = self.text(
            &words!("Where Ollama is (auto finds Windows)", "Où se trouve Ollama (auto trouve Windows)"),
            "auto",
        )?;
        let page = self.port(&words!("Port of the page", "Port de la page"), usual.page)?;
        let translate = self.yes(&words!("Translate for Codex?", "Traduire pour Codex ?"))?;
        Ok(Plan { host, port, mode, upstream: Some(upstream), page, translate, ..usual })
    }

    fn text(&self, question: &Words, usual: &str) -> Result<String, Fault> {
        let Words { en, fr } = question;
        let answer = self.desk.ask(&words!("{en} [{usual}]:", "{fr} [{usual}] :"))?.ok_or_else(gave_up)?;
        Ok(if answer.is_empty() { usual.to_owned() } else { answer })
    }

    /// A bad one ends it, as it does in the reference tool (C40).
    fn port(&self, question: &Words, usual: u16) -> Result<u16, Fault> {
        let text = self.text(question, &usual.to_string())?;
        parse_port(&text).map_err(|_| {
            let what = words!(
                "`{text}` is no port: use a number from 1 to 65535",
                "« {text} » n'est pas un port : donner un nombre de 1 à 65535"
            );
            trouble::usage(what, "ollama-forward capture wizard")
        })
    }

    fn mode(&self) -> Result<Mode, Fault> {
        let question = words!(
            "Mode, reverse or forward (one port does both)",
            "Mode, reverse ou forward (un seul port fait les deux)"
        );
        let text = self.text(&question, "reverse")?;
        match text.as_str() {
            "reverse" => Ok(Mode::Reverse),
            "forward" => Ok(Mode::Forward),
            _ => {
                let what = words!(
                    "`{text}` is no mode: use reverse or forward",
                    "« {text} » n'est pas un mode : donner reverse ou forward"
                );
                Err(trouble::usage(what, "ollama-forward capture wizard"))
            }
        }
    }

    fn yes(&self, question: &Words) -> Result<bool, Fault> {
        let Words { en, fr } = question;
        let answer = self.desk.ask(&words!("{en} [Y/n]", "{fr} [O/n]"))?.ok_or_else(gave_up)?;
        Ok(answer.is_empty() || Desk::agrees(&answer))
    }
}

/// The end of the input, in the middle of it.
fn gave_up() -> Fault {
    trouble::usage(
        words!(
            "not all was answered, so nothing was started",
            "toutes les réponses n'ont pas été données : rien n'a été démarré"
        ),
        "ollama-forward capture wizard",
    )
}
