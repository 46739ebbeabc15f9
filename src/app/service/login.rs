//! The way of the shell's profile: a block that starts a forward in the background at login.
//!
//! The options stand in the block; `start`, whoever types it, reads them there.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::desk::{self, Consent, Desk, config_home, home, state_directory};
use super::wanted::{Wanted, config_of};
use super::way::not_installed;
use crate::app::{Ended, background};
use crate::config::OLLAMA_PORT;
use crate::control::{self, Answer, Request};
use crate::fault::{Fault, FaultId};
use crate::file;
use crate::service::profile::{self, Rest, Shell};
use crate::status;
use crate::words;
use crate::words::Words;

/// A profile with our block.
pub(super) struct Login {
    pub(super) file: PathBuf,
    pub(super) options: Vec<String>,
}

/// The profiles in which our block can be.
fn places() -> Result<Vec<(PathBuf, Shell)>, Fault> {
    let home = home()?;
    let zsh = env::var_os("ZDOTDIR").map_or_else(|| home.clone(), PathBuf::from);
    let posix = [".bash_profile", ".bash_login", ".profile"].map(|name| home.join(name));
    let posix = posix.into_iter().chain([zsh.join(".zprofile")]).map(|file| (file, Shell::Posix));
    Ok(posix.chain([(fish_file()?, Shell::Fish)]).collect())
}

/// fish reads all files of this directory (fish, "Configuration files").
fn fish_file() -> Result<PathBuf, Fault> {
    Ok(config_home()?.join("fish/conf.d/ollama-forward.fish"))
}

/// The profile that the login shell reads. Of its three, bash reads the first that exists (bash(1), "INVOCATION").
pub(super) fn usual_place() -> Result<(PathBuf, Shell), Fault> {
    let shell = env::var_os("SHELL").map(PathBuf::from).unwrap_or_default();
    let name = shell.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let places = places()?;
    let named = |end: &str| places.iter().find(|(file, _)| file.ends_with(end)).cloned();
    let chosen = match name.as_str() {
        "fish" => Some((fish_file()?, Shell::Fish)),
        "zsh" => named(".zprofile"),
        "bash" => places.iter().take(2).find(|(file, _)| file.exists()).cloned(),
        _ => None,
    };
    Ok(chosen.or_else(|| named(".profile")).expect("it is one of the places"))
}

/// The first profile with a block.
pub(super) fn find() -> Result<Option<Login>, Fault> {
    for (file, _) in places()? {
        let text = match fs::read(&file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => continue,
        };
        if let Some(options) = profile::options(&text) {
            return Ok(Some(Login { file, options }));
        }
    }
    Ok(None)
}

/// Shows the block, asks, writes it, and starts the run.
pub(super) fn install(desk: &Desk, wanted: &Wanted, yes: bool) -> Result<Ended, Fault> {
    // One that is there already is changed where it is.
    let (path, shell) = match find()? {
        Some(login) => places()?.into_iter().find(|(file, _)| *file == login.file).unwrap_or(usual_place()?),
        None => usual_place()?,
    };
    let target = file::look(&path).map_err(desk::unwritten)?;
    let old = target.old.as_ref().map(|old| text_of(&path, &old.bytes)).transpose()?;
    let text = profile::with_block(old.as_deref(), &wanted.setup, shell);
    let changes = desk.show_change(&target, &text);
    if let Some(answer) = running(wanted.port())? {
        let pid = answer.pid;
        desk.tell(&words!(
            "Stops ollama-forward {pid}, and starts it anew.",
            "Arrête ollama-forward {pid}, et le relance."
        ));
    } else {
        desk.tell(&words!("Starts it in the background.", "Le démarre en arrière-plan."));
    }
    if desk.agrees(yes, &wanted.typed("--by profile -y"))? == Consent::Declined {
        return Ok(Ended::Well);
    }
    if changes {
        desk.write(&target, &text)?;
    }
    stop_on(wanted.port())?;
    let started = background::start(wanted.port(), &wanted.setup.options)?;
    let (pid, shown) = (started.answer.pid, path.display());
    let at = started.answer.listen.join(", ");
    Ok(desk.done(&words!(
        "ollama-forward {pid} runs at {at}, and starts at each login ({shown})",
        "ollama-forward {pid} tourne sur {at}, et démarre à chaque connexion ({shown})"
    )))
}

/// What is no text is not ours to change: not one byte may be lost.
fn text_of(path: &Path, bytes: &[u8]) -> Result<String, Fault> {
    String::from_utf8(bytes.to_vec()).map_err(|_| {
        let path = path.display();
        desk::unwritten(words!("{path} is no text in UTF-8", "{path} n'est pas du texte en UTF-8"))
    })
}

/// Takes the block out, and stops the run.
pub(super) fn uninstall(desk: &Desk, login: &Login, yes: bool) -> Result<Ended, Fault> {
    let target = file::look(&login.file).map_err(desk::unwritten)?;
    let old = target.old.as_ref().map(|old| text_of(&login.file, &old.bytes)).transpose()?;
    let rest = old.as_deref().and_then(profile::without_block).ok_or_else(not_installed)?;
    let path = target.path.display();
    match &rest {
        Rest::Text(text) => {
            desk.show_change(&target, text);
        }
        Rest::NoFile => desk.tell(&words!("Removes {path}.", "Supprime {path}.")),
    }
    let port = port_of(login)?;
    if let Some(answer) = running(port)? {
        let pid = answer.pid;
        desk.tell(&words!("Stops ollama-forward {pid}.", "Arrête ollama-forward {pid}."));
    }
    if desk.agrees(yes, "ollama-forward service uninstall -y")? == Consent::Declined {
        return Ok(Ended::Well);
    }
    match &rest {
        Rest::Text(text) => desk.write(&target, text)?,
        Rest::NoFile => fs::remove_file(&target.path).map_err(|error| {
            desk::unwritten(words!("cannot remove {path}: {error}", "impossible de supprimer {path} : {error}"))
        })?,
    }
    stop_on(port)?;
    Ok(desk.done(&words!(
        "The service is removed. Configuration and captures stay where they are.",
        "Le service est supprimé. La configuration et les captures restent en place."
    )))
}

/// `start`. Terminals that open at the same time must not start two.
pub(super) fn start(desk: &Desk, login: &Login) -> Result<Ended, Fault> {
    let _turn = Turn::take()?;
    let port = port_of(login)?;
    let answer = match running(port)? {
        Some(answer) => answer,
        None => background::start(port, &login.options)?.answer,
    };
    let (pid, at) = (answer.pid, answer.listen.join(", "));
    Ok(desk.done(&words!("ollama-forward {pid} runs at {at}", "ollama-forward {pid} tourne sur {at}")))
}

pub(super) fn stop(desk: &Desk, login: &Login) -> Result<Ended, Fault> {
    let pid = stop_on(port_of(login)?)?.ok_or_else(not_running)?;
    Ok(desk.done(&words!("ollama-forward {pid} has ended", "ollama-forward {pid} est terminé")))
}

/// Nobody holds the sockets between the two: that is told.
pub(super) fn restart(desk: &Desk, login: &Login) -> Result<Ended, Fault> {
    if let Some(pid) = stop_on(port_of(login)?)? {
        desk.tell(&words!(
            "ollama-forward {pid} has ended. Until the next one listens, connections are refused: only systemd keeps them waiting.",
            "ollama-forward {pid} est terminé. Jusqu'au prochain, les connexions sont refusées : seul systemd les fait patienter."
        ));
    }
    start(desk, login)
}

fn not_running() -> Fault {
    let what = words!("the service does not run", "le service ne tourne pas");
    let likely = words!("it was stopped, or has ended", "il a été arrêté, ou s'est terminé");
    Fault::new(FaultId::NotRunning, what).advise(likely, "ollama-forward service start")
}

pub(super) fn port_of(login: &Login) -> Result<u16, Fault> {
    let config = config_of(&login.options)?;
    Ok(config.listen.first().map_or(OLLAMA_PORT, std::net::SocketAddr::port))
}

/// The forward of this user on this port.
pub(super) fn running(port: u16) -> Result<Option<Answer>, Fault> {
    let Some(directory) = status::directory() else { return Ok(None) };
    control::ask(&directory, Some(port), &Request::About).map_err(|error| {
        let what = words!(
            "the forward on port {port} does not answer: {error}",
            "le relais du port {port} ne répond pas : {error}"
        );
        Fault::new(FaultId::Internal, what)
    })
}

/// Has the forward on this port drain, and waits for its end. None: there was none.
pub(super) fn stop_on(port: u16) -> Result<Option<u32>, Fault> {
    let Some(answer) = running(port)? else { return Ok(None) };
    if let Some(directory) = status::directory() {
        // It may have ended by itself meanwhile.
        drop(control::ask(&directory, Some(port), &Request::Stop));
    }
    background::await_end(port, answer.pid)?;
    Ok(Some(answer.pid))
}

/// Held by one `start` at a time; the next one then finds the forward that it has started.
struct Turn {
    _file: fs::File,
}

impl Turn {
    fn take() -> Result<Self, Fault> {
        let failed = |error: std::io::Error| {
            let Words { en, fr } = words!("cannot take turns", "impossible d'attendre son tour");
            Fault::new(FaultId::Internal, words!("{en}: {error}", "{fr} : {error}"))
        };
        let directory = state_directory()?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed)?;
        let path = directory.join("service.lock");
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(failed)?;
        flock(&file, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        Ok(Self { _file: file })
    }
}

/// The log of the run in the background.
pub(super) fn log_of(login: &Login) -> Result<PathBuf, Fault> {
    let path = state_directory()?.join(format!("forward-{}.log", port_of(login)?));
    match path.symlink_metadata() {
        Ok(_) => Ok(path),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let what = words!("it has no log yet: it has not run", "il n'a pas encore de journal : il n'a pas tourné");
            Err(Fault::new(FaultId::NotRunning, what)
                .advise(words!("it was not started", "il n'a pas été démarré"), "ollama-forward service start"))
        }
        Err(error) => {
            let shown = path.display();
            Err(Fault::new(
                FaultId::Internal,
                words!("cannot read {shown}: {error}", "impossible de lire {shown} : {error}"),
            ))
        }
    }
}
