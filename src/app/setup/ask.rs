//! Asks what is open, one question after another, and does what belongs to it: a port is looked at, a model asked, a
//! profile shown.

use std::path::Path;

use super::look::{self, Came, Found, Glance};
use super::plan::{Answer, Pick, Question, Service, Talk};
use super::prepare::{is_taken, is_wsl, port_fault};
use super::trial::Tested;
use super::voice::Mark;
use super::work::{codex_args, service_args};
use super::{Desk, Halt, Mode, tell};
use crate::app::ask::Asker;
use crate::config::parse_port;
use crate::doctor::live::choose_model;
use crate::doctor::{Status, render};
use crate::words;
use crate::words::Words;

/// How often a port that cannot be had is asked for again.
const TRIES: usize = 5;
/// How often somebody may look whether a download has ended.
const LOOKS: usize = 100;

impl Desk<'_> {
    /// Until nothing is open. Flags have answered theirs; without a terminal, what is usual is the answer.
    pub(super) fn ask_all(&self, found: &mut Found, talk: &mut Talk) -> Result<Tested, Halt> {
        let (mut tested, mut head) = (Tested::Not, "");
        let (mut wants_trial, mut lacks_models) = (true, talk.seen().models.is_empty());
        // Each round answers a question, and a trial comes between two.
        for _ in 0..=2 * Question::ALL.len() {
            if wants_trial && talk.wants_trial() && !matches!(self.mode, Mode::Plan) {
                wants_trial = false;
                tested = self.try_out(found, talk)?;
            }
            let next = talk.next();
            if lacks_models && !matches!(next, Some(Question::Translate | Question::Port)) {
                lacks_models = false;
                self.tell_no_models(found)?;
                if self.await_models(found)? {
                    let names = look::models(found).into_iter().map(|(name, _)| name).collect();
                    talk.learn(names, choose_model(&found.facts));
                }
                continue;
            }
            let Some(question) = next else { break };
            let answer = match self.mode {
                Mode::Ask(asker) => {
                    let (number, words) = tell::head(question);
                    if number != head {
                        self.voice.head(number, &words)?;
                        head = number;
                    }
                    self.ask(asker, question, found, talk)?
                }
                Mode::Act | Mode::Plan => {
                    self.tell_if_codex_is_missing(question, found)?;
                    self.tell_holder(question, talk)?;
                    talk.usual(question)
                }
            };
            talk.answer(question, answer);
            if question == Question::Model && talk.model().is_none() {
                self.voice.mark(Mark::Idle, &words!("without a model", "sans modèle"))?;
            }
        }
        Ok(tested)
    }

    fn ask(&self, asker: Asker, question: Question, found: &mut Found, talk: &Talk) -> Result<Answer, Halt> {
        let (why, ask) = tell::question(question, talk);
        self.tell_holder(question, talk)?;
        if let Some(outcome) = found.outcome("listen-port").filter(|_| question == Question::Port) {
            self.voice.outcome(outcome)?;
        }
        self.voice.say(&why)?;
        let indented = words_of(&ask);
        match (question, talk.usual(question)) {
            (Question::Port, Answer::Port(usual)) => self.ask_port(asker, &indented, usual, found),
            (Question::Model, Answer::Model(usual)) => ask_model(asker, &indented, &usual, found),
            (Question::Codex, Answer::Yes(usual)) => {
                self.tell_if_codex_is_missing(question, found)?;
                let model = talk.model().unwrap_or_default();
                let can = self.preview(&codex_args(&["--print"], model, &talk.values()))?;
                yes(asker, &indented, usual && can)
            }
            (Question::Service, Answer::Yes(usual)) => {
                // The file may be written at the end only; until then there is nothing for the service to read.
                let config = self.config_for_service().filter(|path| Path::new(path).exists());
                let can = talk.seen().service == Service::Installed
                    || self.preview(&service_args(&["--print", kind(talk)], config.as_deref()))?;
                if is_wsl(found) {
                    self.voice.say(&tell::idle())?;
                }
                yes(asker, &indented, usual && can)
            }
            (
                Question::Translate
                | Question::Port
                | Question::Model
                | Question::Test
                | Question::Codex
                | Question::Capture
                | Question::Service,
                usual,
            ) => yes(asker, &indented, usual == Answer::Yes(true)),
        }
    }

    /// Who holds the port that was to be proposed.
    fn tell_holder(&self, question: Question, talk: &Talk) -> Result<(), Halt> {
        match talk.seen().holder.as_ref().filter(|_| question == Question::Port) {
            Some(holder) => Ok(self.voice.mark(Mark::Odd, holder)?),
            None => Ok(()),
        }
    }

    /// Then no profile is recommended, and this is why.
    fn tell_if_codex_is_missing(&self, question: Question, found: &Found) -> Result<(), Halt> {
        match found.outcome("codex-program").filter(|one| question == Question::Codex && one.status() != Status::Ok) {
            Some(outcome) => Ok(self.voice.outcome(outcome)?),
            None => Ok(()),
        }
    }

    fn ask_port(&self, asker: Asker, ask: &Words, usual: u16, found: &mut Found) -> Result<Answer, Halt> {
        for _ in 0..TRIES {
            let text = asker.text(ask, &usual.to_string())?.ok_or(Halt::Left)?;
            let Ok(port) = parse_port(&text) else {
                let wrong = words!(
                    "`{text}` is no port: a number from 1 to 65535",
                    "« {text} » n'est pas un port : un nombre de 1 à 65535"
                );
                self.voice.mark(Mark::Wrong, &wrong)?;
                continue;
            };
            found.look_at_port(port);
            if !is_taken(found) && !look::is_here(&found.upstream, port) {
                return Ok(Answer::Port(port));
            }
            self.voice.mark(Mark::Wrong, &port_fault(found, port).what)?;
        }
        Err(Halt::Fault(port_fault(found, usual)))
    }

    /// The doctor's own words on that, with what to type on Windows.
    fn tell_no_models(&self, found: &Found) -> Result<(), Halt> {
        let (number, words) = tell::head(Question::Model);
        if let Some(outcome) = found.outcome("models").filter(|one| one.problem().is_some()) {
            self.voice.head(number, &words)?;
            self.voice.outcome(outcome)?;
            for remedy in outcome.problem().map_or(&[][..], |problem| &problem.remedies) {
                self.voice.row("→", 2, &remedy.what)?;
                let lines = remedy.commands.iter().map(|line| (render::sheet::Style::Bold, line.as_str()));
                self.voice.quote(lines)?;
            }
            self.voice.say(&words!(
                "All else can be set up without one; ollama-forward setup adds it later.",
                "Tout le reste peut être mis en place sans modèle ; ollama-forward setup l'ajoute plus tard."
            ))?;
        }
        Ok(())
    }

    /// While somebody downloads one. False: nobody wants to wait for that, or can.
    fn await_models(&self, found: &mut Found) -> Result<bool, Halt> {
        let Mode::Ask(asker) = self.mode else { return Ok(false) };
        if found.came() != Came::Reached {
            return Ok(false);
        }
        let again = words!("  Look again? (n goes on without)", "  Regarder à nouveau ? (n continue sans)");
        for _ in 0..LOOKS {
            if !asker.yes(&again, true)?.ok_or(Halt::Left)? {
                return Ok(false);
            }
            let upstream = found.upstream.clone();
            found.facts.ollama = self.examine(Some(&upstream), Glance::Ollama)?.facts.ollama;
            found.judge();
            if let Some(outcome) = found.outcome("models") {
                self.voice.outcome(outcome)?;
            }
            if !look::models(found).is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// By its number. The last one stands for none.
fn ask_model(asker: Asker, ask: &Words, usual: &Pick, found: &Found) -> Result<Answer, Halt> {
    let models = look::models(found);
    let names = models.iter().map(|(name, _)| render::width(name)).max().unwrap_or_default();
    let option = |(name, Words { en, fr }): &(String, Words)| {
        let name = format!("{name}{}", " ".repeat(names.saturating_sub(render::width(name))));
        words!("{name}  {en}", "{name}  {fr}")
    };
    let mut options: Vec<Words> = models.iter().map(option).collect();
    options.push(words!("go on without a model", "continuer sans modèle"));
    let usual = models.iter().position(|(name, _)| usual.name() == Some(name)).unwrap_or(models.len());
    let chosen = asker.choose(ask, &options, usual)?.ok_or(Halt::Left)?;
    Ok(Answer::Model(Pick::of(models.into_iter().nth(chosen).map(|(name, _)| name))))
}

/// What `service install` calls the way in which it would start.
fn kind(talk: &Talk) -> &'static str {
    match talk.seen().service {
        Service::Systemd | Service::Installed => "systemd",
        Service::Profile => "profile",
    }
}

fn yes(asker: Asker, ask: &Words, usual: bool) -> Result<Answer, Halt> {
    Ok(Answer::Yes(asker.yes(ask, usual)?.ok_or(Halt::Left)?))
}

/// Set in, as the lines above it are.
fn words_of(ask: &Words) -> Words {
    let Words { en, fr } = ask;
    words!("  {en}", "  {fr}")
}
