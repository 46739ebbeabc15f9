//! What is to be done, shown as a whole before any of it is, and then done.
//!
//! ```text
//! answers ─► Work: a file, command lines ─► shown ─► confirmed ─► configuration ─► service ─► Codex
//!                                                       each whole or not at all; Ctrl-C is heard between them
//! ```
//! The configuration comes first, as the others read it, and Codex last: the forward that it asks for its context runs then.

use std::io;

use tokio::sync::watch::Receiver;

use super::keys::edited;
use super::plan::{Deeds, Talk, Values};
use super::tell::{command, place_options};
use super::voice::Mark;
use super::{Desk, Halt};
use crate::app::watch_signals;
use crate::clock;
use crate::doctor::fix::diff::{self, Change};
use crate::doctor::render::sheet::Style;
use crate::fault::{Fault, FaultId};
use crate::file::{self, Target};
use crate::forward::Phase;
use crate::program::End;
use crate::words;
use crate::words::Words;

/// All that is to be done.
pub(super) struct Work {
    config: Option<(Target, String)>,
    service: Option<Vec<String>>,
    codex: Option<Vec<String>>,
}

/// Options behind the command, as they are typed.
fn words_of(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// `codex` with what says which model, and where the forward is.
pub(super) fn codex_args(verb: &[&str], model: &str, values: &Values) -> Vec<String> {
    let model = words_of(&["--yes", "--model", model]);
    [words_of(&["codex"]), words_of(verb), model, place_options(values)].concat()
}

/// `service install`, with the file of the configuration where the service would not find it by itself.
pub(super) fn service_args(verb: &[&str], config: Option<&str>) -> Vec<String> {
    let config = config.map(|path| words_of(&["--", "--config", path])).unwrap_or_default();
    [words_of(&["service", "install"]), words_of(verb), config].concat()
}

impl Work {
    pub(super) fn is_empty(&self) -> bool {
        self.config.is_none() && self.service.is_none() && self.codex.is_none()
    }

    pub(super) fn has_service(&self) -> bool {
        self.service.is_some()
    }

    pub(super) fn has_codex(&self) -> bool {
        self.codex.is_some()
    }

    pub(super) fn has_config(&self) -> bool {
        self.config.is_some()
    }
}

impl Desk<'_> {
    /// What the answers come to here and now.
    pub(super) fn work(&self, deeds: &Deeds, talk: &Talk) -> Result<Work, Halt> {
        let config = match &deeds.config {
            Some(wanted) => self.config_work(&talk.seen().now, wanted)?,
            None => None,
        };
        let values = deeds.config.as_ref().unwrap_or(&talk.seen().now);
        let service = deeds.service.then(|| service_args(&["--yes"], self.config_for_service().as_deref()));
        let codex = deeds.codex.as_ref().map(|model| codex_args(&["--install"], model, values));
        Ok(Work { config, service, codex })
    }

    fn config_work(&self, is: &Values, wanted: &Values) -> Result<Option<(Target, String)>, Halt> {
        let refused = |what: Words| Fault::new(FaultId::Config, what);
        let target = file::look(&self.files.path).map_err(refused)?;
        let old = target.old.as_ref().map(|old| String::from_utf8_lossy(&old.bytes).into_owned());
        let text = edited(old.as_deref(), is, wanted).map_err(refused)?;
        Ok(text.map(|text| (target, text)))
    }

    /// The file, where the user's systemd would look elsewhere: it starts with an environment of its own.
    pub(super) fn config_for_service(&self) -> Option<String> {
        let usual = std::env::home_dir()?.join(".config/ollama-forward/config.toml");
        (usual != self.files.path).then(|| self.files.path.display().to_string())
    }

    /// What will be done, before it is.
    pub(super) fn show(&self, work: &Work, whether: &Words) -> io::Result<()> {
        let voice = &self.voice;
        voice.head("", whether)?;
        if let Some((target, text)) = &work.config {
            let path = target.path.display();
            voice.say(&match target.old {
                Some(_) => words!(
                    "change {path}; what stood there is kept beside it",
                    "modifier {path} ; l'ancien texte est conservé à côté"
                ),
                None => words!("write a new file, {path}", "écrire un nouveau fichier, {path}"),
            })?;
            let old = target.old.as_ref().map(|old| String::from_utf8_lossy(&old.bytes).into_owned());
            let lines = diff::of(&old.unwrap_or_default(), text).into_iter().map(shown);
            let lines: Vec<(Style, String)> = lines.collect();
            voice.quote(lines.iter().map(|(style, line)| (*style, line.as_str())))?;
        }
        for args in [&work.service, &work.codex].into_iter().flatten() {
            voice.say(&words!("run", "lancer"))?;
            voice.quote([(Style::Bold, command(args).as_str())])?;
        }
        Ok(())
    }

    /// Does it. From here on Ctrl-C is heard between the steps only, as each is whole.
    pub(super) fn carry_out(&self, work: &Work) -> Result<(), Halt> {
        let phase = watch_signals().map_err(|error| Fault::new(FaultId::Internal, error.to_string()))?;
        let mut phase = phase.subscribe();
        let mut done: Vec<Words> = Vec::new();
        self.voice.part()?;
        if let Some((target, text)) = &work.config {
            let path = target.path.display();
            match target.write(text, clock::wall()) {
                Ok(kept) => {
                    let written = words!("written: {path}", "écrit : {path}");
                    self.voice.mark(Mark::Well, &written)?;
                    if let Some(kept) = kept {
                        let kept = kept.display();
                        self.voice
                            .say(&words!("  what stood there is now {kept}", "  l'ancien texte est dans {kept}"))?;
                    }
                    done.push(words!("{path} is written", "{path} est écrit"));
                }
                Err(why) => return Err(Halt::Fault(broken(&why, &done, "ollama-forward setup"))),
            }
        }
        for args in [&work.service, &work.codex].into_iter().flatten() {
            self.step(args, &mut phase, &mut done)?;
        }
        Ok(())
    }

    fn step(&self, args: &[String], phase: &mut Receiver<Phase>, done: &mut Vec<Words>) -> Result<(), Halt> {
        let line = command(args);
        if *phase.borrow() > Phase::Run {
            self.voice.mark(Mark::Odd, &so_far(done))?;
            self.voice.say(&words!("To go on: {line}", "Pour continuer : {line}"))?;
            return Err(Halt::Cut);
        }
        self.voice.mark(Mark::Idle, &Words::same(line.clone()))?;
        let came = self.carry(args, phase)?;
        if came.well {
            self.voice.mark(Mark::Well, &words!("done", "fait"))?;
            done.push(words!("`{line}` is done", "`{line}` est fait"));
            return Ok(());
        }
        let what = match came.end {
            End::Exit(Some(code)) => {
                words!("`{line}` failed with exit code {code}", "`{line}` a échoué avec le code {code}")
            }
            End::Exit(None) => words!("`{line}` was killed", "`{line}` a été tué"),
            End::Late => words!("`{line}` did not end in time", "`{line}` ne s'est pas terminé à temps"),
        };
        Err(Halt::Fault(broken(&what, done, &line)))
    }
}

/// A failure in the middle: what was done before it stays, and what to type to go on.
fn broken(what: &Words, done: &[Words], next: &str) -> Fault {
    let Words { en, fr } = what;
    let before = so_far(done);
    let (before_en, before_fr) = (before.en, before.fr);
    let likely = words!("its own lines above say why", "ses propres lignes, ci-dessus, disent pourquoi");
    Fault::new(FaultId::Internal, words!("{en}; {before_en}", "{fr} ; {before_fr}")).advise(likely, next)
}

fn so_far(done: &[Words]) -> Words {
    if done.is_empty() {
        return words!("nothing was changed", "rien n'a été modifié");
    }
    let all = |of: fn(&Words) -> &str| done.iter().map(of).collect::<Vec<_>>().join(", ");
    let (en, fr) = (all(|words| &words.en), all(|words| &words.fr));
    words!("before that: {en}", "avant cela : {fr}")
}

fn shown(change: Change) -> (Style, String) {
    match change {
        Change::Same(line) => (Style::Plain, format!("  {line}")),
        Change::Gone(line) => (Style::Red, format!("- {line}")),
        Change::New(line) => (Style::Green, format!("+ {line}")),
        Change::Skipped => (Style::Dim, "  …".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Upstream;
    use crate::words::Lang;

    #[test]
    fn commands_name_what_is_not_usual() {
        let usual = Values { upstream: Upstream::Auto(11434), port: 11434, translate: true, capture: false };
        assert_eq!(command(&codex_args(&["--install"], "m", &usual)), "ollama-forward codex --install --yes --model m");
        let other = Values { port: 11435, upstream: Upstream::Demo, ..usual };
        assert_eq!(
            command(&codex_args(&["--print"], "m", &other)),
            "ollama-forward codex --print --yes --model m --listen-port 11435 --upstream demo"
        );
        assert_eq!(command(&service_args(&["--yes"], None)), "ollama-forward service install --yes");
        assert_eq!(
            command(&service_args(&["--print"], Some("/x/c.toml"))),
            "ollama-forward service install --print -- --config /x/c.toml"
        );
    }

    #[test]
    fn a_failure_says_what_was_done_before_it() {
        let fault =
            broken(&words!("it broke", "panne"), &[words!("a is written", "a est écrit")], "ollama-forward codex");
        let text = fault.text(Lang::En);
        assert!(text.contains("it broke; before that: a is written") && text.contains("next:   ollama-forward codex"));
        assert!(broken(&words!("it broke", "panne"), &[], "x").what.en.contains("nothing was changed"));
    }
}
