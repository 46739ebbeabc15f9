//! `ollama-forward setup`: from nothing to a working Codex, with questions.
//!
//! ```text
//! find (look, wait) ─► questions (plan) ─┬─► shown ─► confirmed ─► carried out (work) ─► three commands to remember
//!                        └ trial, previews  └─ no terminal, no --yes: shown, and that is all
//! ```
//! Nothing is written before the last question has an answer. Until then Ctrl-C ends us by its default, and there is
//! nothing to undo: what was started to look around lives in this process.

mod ask;
mod files;
mod keys;
mod look;
mod migrate;
mod own;
mod plan;
mod prepare;
mod tell;
mod trial;
mod voice;
mod wait;
mod work;

use std::io::{self, IsTerminal, Write, stderr, stdout};

use directories::ProjectDirs;

use self::files::Files;
use self::look::{Came, Found};
use self::plan::{Choices, Pick, Profile, Service, Talk};
use self::trial::Tested;
use self::voice::{Mark, Voice};
use self::work::Work;
use super::Ended;
use super::ask::Asker;
use crate::cli::Run;
use crate::cli::setup::Setup;
use crate::fault::{Fault, FaultId};
use crate::log::{self, Color};
use crate::words;
use crate::words::Lang;

/// Who answers.
enum Mode {
    /// Whoever sits at the terminal.
    Ask(Asker),
    /// `--yes`: what is recommended, and what flags say.
    Act,
    /// Nobody: what would be done is the result.
    Plan,
}

/// Why it ended before its end.
enum Halt {
    Fault(Fault),
    /// The input has ended, with nothing changed.
    Left,
    /// The last question was answered by no.
    Declined,
    /// Ctrl-C, between two steps.
    Cut,
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Self {
        let what = words!("cannot speak with the terminal: {error}", "impossible de parler au terminal : {error}");
        Self::Fault(Fault::new(FaultId::Internal, what))
    }
}

/// All that does not change from the first question to the last.
struct Desk<'a> {
    run: &'a Run,
    typed: &'a Setup,
    files: Files,
    given: Choices,
    mode: Mode,
    voice: Voice,
}

/// The exit code of who does not want it.
const DECLINED: u8 = 1;
/// 128 + SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;

/// Does what was typed.
pub(super) fn setup(run: &Run, typed: &Setup, lang: Lang) -> Result<Ended, Fault> {
    if typed.from_socat {
        return migrate::migrate(typed, lang);
    }
    let desk = Desk::new(run, typed, lang)?;
    match desk.go() {
        Ok(ended) => Ok(ended),
        Err(Halt::Fault(fault)) => Err(fault),
        Err(Halt::Left) => Ok(desk.nothing_changed(INTERRUPTED)),
        Err(Halt::Declined) => Ok(desk.nothing_changed(DECLINED)),
        Err(Halt::Cut) => Ok(Ended::Told(INTERRUPTED)),
    }
}

/// One line for who runs the program for the first time: neither a configuration nor a state of ours is there.
pub(super) fn hint(run: &Run, lang: Lang) {
    let Some(dirs) = ProjectDirs::from("", "", "ollama-forward") else { return };
    let known = [Some(dirs.config_dir()), dirs.state_dir()].into_iter().flatten().any(std::path::Path::exists);
    if known || run.quiet || run.config.is_some() || !stderr().is_terminal() {
        return;
    }
    let words = words!(
        "First time? `ollama-forward setup` asks what it needs, and sets up Codex, too.",
        "Première fois ? `ollama-forward setup` demande ce qu'il faut, et prépare aussi Codex."
    );
    // A terminal that is gone is no reason not to run.
    let _ = writeln!(stderr(), "{}", words.of(lang));
}

impl<'a> Desk<'a> {
    fn new(run: &'a Run, typed: &'a Setup, lang: Lang) -> Result<Self, Fault> {
        let look = super::doctor::look_of(lang);
        let asker = if typed.yes { None } else { Asker::new(&look) };
        let is_plan = !typed.yes && asker.is_none();
        let on_terminal = if is_plan { stdout().is_terminal() } else { stderr().is_terminal() };
        let look = crate::doctor::render::Look { color: log::use_color(Color::Auto, on_terminal), ..look };
        let mode = match asker {
            Some(asker) => Mode::Ask(asker),
            None if typed.yes => Mode::Act,
            None => Mode::Plan,
        };
        let voice = if is_plan { Voice::kept(look) } else { Voice::aloud(look) };
        let files = Files::read(run.config.as_deref())?;
        let given = Choices {
            translate: typed.translate.or(run.bridge.translate),
            port: typed.listen_port.or(run.listen_port),
            // Whether there is such a model is known later.
            model: typed.model.clone().map(Pick::Named),
            test: typed.test,
            codex: typed.codex,
            capture: typed.capture,
            service: typed.service,
        };
        Ok(Self { run, typed, files, given, mode, voice })
    }

    fn go(&self) -> Result<Ended, Halt> {
        self.check_port_is_free_to_choose()?;
        let upstream = self.typed.upstream.clone().or_else(|| self.run.upstream.clone());
        let mut found = self.find(upstream)?;
        let (seen, given) = self.prepare(&mut found)?;
        let mut talk = Talk::new(seen, given);
        let tested = self.ask_all(&mut found, &mut talk)?;
        let work = self.work(&talk.deeds(), &talk)?;
        if let Mode::Plan = self.mode {
            return Ok(Ended::Printed(self.plan(&found, &talk, &work)?));
        }
        if work.is_empty() {
            self.voice.part()?;
            self.voice.mark(
                Mark::Well,
                &words!("it is all so already: nothing to change", "tout est déjà ainsi : rien à modifier"),
            )?;
        } else {
            self.show(&work, &words!("This will be done", "Voici ce qui sera fait"))?;
            self.confirm()?;
            self.carry_out(&work)?;
        }
        let text = self.closing(&talk, &work, &found)?;
        Ok(if tested == Tested::Failed { Ended::Found(text) } else { Ended::Printed(text) })
    }

    /// One question for all of it.
    fn confirm(&self) -> Result<(), Halt> {
        let Mode::Ask(asker) = self.mode else { return Ok(()) };
        self.voice.part()?;
        match asker.yes(&words!("  Do it?", "  Le faire ?"), true)? {
            Some(true) => Ok(()),
            Some(false) => Err(Halt::Declined),
            None => Err(Halt::Left),
        }
    }

    fn nothing_changed(&self, code: u8) -> Ended {
        // There may be nobody left to read it.
        let _ = self.voice.mark(Mark::Idle, &words!("nothing was changed", "rien n'a été modifié"));
        Ended::Told(code)
    }

    /// What would be done, and how to have it done.
    fn plan(&self, found: &Found, talk: &Talk, work: &Work) -> Result<String, Halt> {
        let can_be = match found.came() {
            Came::Reached => true,
            Came::Missing => {
                self.tell_problems(found)?;
                true
            }
            Came::Unnamed | Came::Impossible => {
                self.tell_problems(found)?;
                false
            }
        };
        if !can_be {
            self.voice.mark(
                Mark::Idle,
                &words!("nothing can be set up before that", "rien ne peut être mis en place avant cela"),
            )?;
        } else if work.is_empty() {
            self.voice.mark(
                Mark::Well,
                &words!("it is all so already: nothing to change", "tout est déjà ainsi : rien à modifier"),
            )?;
        } else {
            self.show(work, &words!("This would be done", "Voici ce qui serait fait"))?;
        }
        self.voice.part()?;
        self.voice.say(&words!(
            "Nothing was changed: there is no terminal to ask on. Without questions:",
            "Rien n'a été modifié, faute de terminal où demander. Sans questions :"
        ))?;
        let mut args = vec!["setup".to_owned(), "--yes".to_owned()];
        args.extend(self.typed_flags(talk, found.came() == Came::Unnamed));
        let line = tell::command(&args);
        self.voice.quote([(crate::doctor::render::sheet::Style::Bold, line.as_str())])?;
        Ok(self.voice.finish())
    }

    /// The flags that answer what was answered by flags or variables, so that the line does the same.
    fn typed_flags(&self, talk: &Talk, needs_name: bool) -> Vec<String> {
        let mut flags = Vec::new();
        match self.typed.upstream.as_ref().or(self.run.upstream.as_ref()) {
            Some(upstream) => flags.extend(look::upstream_flag(upstream)),
            None if needs_name => flags.extend(["--upstream".to_owned(), "HOST".to_owned()]),
            None => {}
        }
        if let Some(port) = self.given.port {
            flags.extend(["--listen-port".to_owned(), port.to_string()]);
        }
        if let Some(model) = talk.model().filter(|_| self.given.model.is_some()) {
            flags.extend(["--model".to_owned(), model.to_owned()]);
        }
        let given = &self.given;
        for (name, value) in [
            ("translate", given.translate),
            ("test", given.test),
            ("codex", given.codex),
            ("capture", given.capture),
            ("service", given.service),
        ] {
            if let Some(yes) = value {
                flags.push(format!("--{name}={}", if yes { "yes" } else { "no" }));
            }
        }
        flags
    }

    /// The result: what to type from now on.
    fn closing(&self, talk: &Talk, work: &Work, found: &Found) -> Result<String, Halt> {
        let installed = talk.seen().service == Service::Installed;
        if installed && work.has_config() && !work.has_service() {
            self.voice.say(&words!(
                "The service has the old settings until it is restarted: ollama-forward service restart",
                "Le service garde les anciens réglages jusqu'à son redémarrage : ollama-forward service restart"
            ))?;
        } else if found.facts.port.forward().is_some() && work.has_config() && !work.has_service() {
            self.voice.say(&words!(
                "The forward that runs has the old settings: end it with Ctrl-C, and start it again.",
                "Le relais en marche garde les anciens réglages : l'arrêter par Ctrl-C, puis le relancer."
            ))?;
        }
        self.voice.part()?;
        let has_profile = work.has_codex() || talk.seen().profile != Profile::Missing;
        let rows = tell::to_remember(talk, has_profile, installed || work.has_service());
        let width = rows.iter().map(|(command, _)| command.len()).max().unwrap_or_default() + 2;
        let out = Voice::kept(crate::doctor::render::Look {
            color: log::use_color(Color::Auto, stdout().is_terminal()),
            ..self.voice.look
        });
        out.head("", &words!("Three commands to remember", "Trois commandes à retenir"))?;
        for (command, words) in rows {
            out.row(&command, width, &words)?;
        }
        Ok(out.finish())
    }
}
