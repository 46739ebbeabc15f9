//! Where exchanges are, and who writes there: the running forwarder, or we ourselves.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use directories::ProjectDirs;

use super::trouble;
use crate::capture::export;
use crate::capture::sentences::told;
use crate::capture::settings::{Limits, Settings};
use crate::capture::store::{Library, Obeyed, Options, Order, StoreError, Writer};
use crate::cli::capture::Common;
use crate::control::{self, Answer, Request};
use crate::fault::Fault;
use crate::status;
use crate::words;
use crate::words::Words;

/// Where exchanges are kept: where somebody said, where `codex_capture` would keep them, or in the state directory. None:
/// there is no home.
pub(in crate::app) fn capture_dir(named: Option<&Path>) -> Option<PathBuf> {
    let chosen = named.map(Path::to_owned).or_else(of_codex_capture).or_else(|| {
        let dirs = ProjectDirs::from("", "", "ollama-forward")?;
        Some(dirs.state_dir()?.join("captures"))
    })?;
    // So that a daemon and a command mean the same wherever they were started.
    Some(std::path::absolute(&chosen).unwrap_or(chosen))
}

/// The variable of the reference tool (C05).
fn of_codex_capture() -> Option<PathBuf> {
    env::var_os("CODEX_CAPTURE_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from)
}

/// What there is to look at and to talk to.
pub(super) struct Place {
    pub(super) dir: PathBuf,
    /// What the running forwarder says of itself, where one runs (and no other, or it was named).
    pub(super) running: Option<Answer>,
    port: Option<u16>,
    /// Of a writer of our own.
    limits: Limits,
}

impl Place {
    /// `configured`: how a run would keep them, by the environment and the files.
    pub(super) fn find(common: &Common, configured: &Settings) -> Result<Self, Fault> {
        let running = match status::directory() {
            // A forwarder that does not answer is told of where it is needed.
            Some(directory) => control::ask(&directory, common.listen_port, &Request::About).ok().flatten(),
            None => None,
        };
        let told = running.as_ref().and_then(|answer| answer.dir.as_deref());
        let named = common.dir.as_deref().or(told).or(configured.dir.as_deref());
        let dir = capture_dir(named).ok_or_else(no_home)?;
        Ok(Self { dir, running, port: common.listen_port, limits: configured.limits })
    }

    pub(super) fn library(&self) -> Result<Library, Fault> {
        Ok(Library::open(&self.dir)?)
    }

    /// A writer of our own; it fails where somebody else writes.
    pub(super) fn writer(&self) -> Result<Writer, StoreError> {
        Writer::open(&self.dir, Options { limits: self.limits, ..Options::default() })
    }

    /// The running forwarder writes into this directory.
    fn is_written(&self) -> bool {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let told = self.running.as_ref().and_then(|answer| answer.dir.as_deref());
        told.is_some_and(|told| real(told) == real(&self.dir))
    }

    /// Whoever can change what is kept there.
    pub(super) fn hand(&self) -> Result<Hand, Fault> {
        if self.is_written() {
            return Ok(Hand::Running(self.port));
        }
        Ok(Hand::Own(Box::new(self.writer()?)))
    }
}

pub(super) fn no_home() -> Fault {
    trouble::failed(
        words!(
            "there is no home directory to keep anything in",
            "il n'y a pas de répertoire personnel où conserver quoi que ce soit"
        ),
        "--dir DIR",
    )
}

/// Asks the running forwarder; it is a mistake when none runs, or more than one.
pub(super) fn ask(port: Option<u16>, request: &Request) -> Result<Answer, Fault> {
    let Some(directory) = status::directory() else { return Err(trouble::not_running(port)) };
    let asked = control::ask(&directory, port, request);
    match asked {
        Ok(Some(Answer { error: Some(why), .. })) => {
            let Words { en, fr } = told(&why);
            Err(trouble::failed(
                words!("the running ollama-forward says: {en}", "le relais en cours répond : {fr}"),
                "ollama-forward capture status",
            ))
        }
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => match control::running(&directory).as_slice() {
            ports @ [_, _, ..] if port.is_none() => Err(trouble::which(ports)),
            _ => Err(trouble::not_running(port)),
        },
        Err(error) => {
            Err(trouble::io(words!("talk to the running ollama-forward", "parler au relais en cours"), &error))
        }
    }
}

/// Who changes what is kept.
pub(super) enum Hand {
    Running(Option<u16>),
    Own(Box<Writer>),
}

impl Hand {
    /// One of the requests that [`order_of`] knows.
    pub(super) fn tell(&mut self, request: Request) -> Result<Obeyed, Fault> {
        match self {
            Self::Own(writer) => match order_of(request) {
                Some(Ok(order)) => Ok(writer.obey(order)?),
                Some(Err(why)) => Err(trouble::failed(why, "ollama-forward capture import FILE")),
                None => unreachable!("only what changes the store is told to a writer"),
            },
            Self::Running(port) => {
                let answer = ask(*port, &request)?;
                Ok(Obeyed { exchanges: answer.exchanges, bytes: answer.bytes, id: answer.id })
            }
        }
    }
}

/// A request that changes what is kept, as an order for a writer: ours, or the one of a running forwarder. None: it is
/// something else. An import that holds no exchange says why.
fn order_of(request: Request) -> Option<Result<Order, Words>> {
    Some(Ok(match request {
        Request::Mark { id, marked, comment } => Order::Mark { id, marked, comment },
        Request::Remove { ids } => Order::Remove(ids),
        Request::RemoveSession { key } => Order::RemoveSession(key),
        Request::RemoveAll => Order::RemoveAll,
        Request::Prune { size: None, age_s: None } => Order::Prune(None),
        Request::Prune { size, age_s } => {
            let mut limits = Limits::default();
            limits.size = size.unwrap_or(limits.size);
            limits.age = age_s.map_or(limits.age, Duration::from_secs);
            Order::Prune(Some(limits))
        }
        Request::Import { line } => return Some(export::read(&line).map(|one| Order::Import(Box::new(one)))),
        Request::Capture { .. } | Request::About | Request::Link | Request::Stop => return None,
    }))
}
