//! What the run shall be: the options that were typed, checked as the run itself will, and where it keeps what.

use std::env;
use std::path::Path;

use rustix::process::getuid;

use super::desk::{self, Desk};
use crate::app::files;
use crate::cli::run_of;
use crate::cli::service::Install;
use crate::config::Config;
use crate::fault::{Fault, FaultId};
use crate::gateway::wsl::SystemText;
use crate::service::Setup;
use crate::service::quote::posix;
use crate::words;
use crate::words::Words;

pub(super) struct Wanted {
    pub(super) setup: Setup,
    pub(super) config: Config,
}

impl Wanted {
    pub(super) fn of(typed: &Install) -> Result<Self, Fault> {
        let config = config_of(&typed.options)?;
        let program = env::current_exe().ok().and_then(|path| path.to_str().map(str::to_owned));
        let program = program.filter(|path| Path::new(path).is_file()).ok_or_else(|| {
            let what = words!(
                "the path of this very program cannot be found out",
                "le chemin de ce programme lui-même est introuvable"
            );
            let likely =
                words!("it was replaced or moved while it ran", "il a été remplacé ou déplacé pendant qu'il tournait");
            Fault::new(FaultId::Internal, what).advise(likely, "ollama-forward service install")
        })?;
        let mut writes = vec![text(&desk::state_directory()?)?];
        for directory in config.capture.dir.iter().chain(&config.capture.compat) {
            let directory = text(directory)?;
            if !writes.iter().any(|known| Path::new(&directory).starts_with(known)) {
                writes.push(directory);
            }
        }
        let setup = Setup {
            program,
            options: typed.options.clone(),
            writes,
            runtime: other_runtime(),
            is_wsl: SystemText::read(Path::new("/")).is_wsl_kernel(),
            sandbox: !typed.no_sandbox,
        };
        Ok(Self { setup, config })
    }

    /// The command with these flags and the same options, to be typed in a shell.
    pub(super) fn typed(&self, flags: &str) -> String {
        let options: Vec<String> = self.setup.options.iter().map(|option| shell_word(option)).collect();
        let behind = if options.is_empty() { String::new() } else { format!(" -- {}", options.join(" ")) };
        format!("ollama-forward service install {flags}{behind}")
    }

    /// The port by which the run is known.
    pub(super) fn port(&self) -> u16 {
        self.config.listen.first().map_or(crate::config::OLLAMA_PORT, std::net::SocketAddr::port)
    }
}

fn shell_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { posix(text) }
}

/// The configuration of a run with these options, without our environment: a service does not have it.
pub(super) fn config_of(options: &[String]) -> Result<Config, Fault> {
    let run = run_of(options).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        usage(words!("the options of the run: {first}", "les options de l'exécution : {first}"))
    })?;
    if let Some(file) = run.config.as_deref().filter(|file| file.is_relative()) {
        let file = file.display();
        return Err(relative(&format!("--config {file}")));
    }
    let config = run.layer().over(files(run.config.as_deref())?).finish("/".into())?;
    if let Some(directory) = config.capture.dir.as_deref().filter(|directory| directory.is_relative()) {
        let directory = directory.display();
        return Err(relative(&format!("--capture={directory}")));
    }
    Ok(config)
}

fn usage(what: Words) -> Fault {
    let likely = words!(
        "what stands behind `--` is no option of `ollama-forward` itself",
        "ce qui suit `--` n'est pas une option d'`ollama-forward` lui-même"
    );
    Fault::new(FaultId::Usage, what).advise(likely, "ollama-forward --help")
}

fn relative(option: &str) -> Fault {
    let what = words!("{option} needs the full path", "{option} : il faut le chemin complet");
    let likely = words!("a service starts in another directory", "un service démarre dans un autre répertoire");
    Fault::new(FaultId::Usage, what).advise(likely, "ollama-forward service install --help")
}

fn text(path: &Path) -> Result<String, Fault> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        let path = path.display();
        usage(words!(
            "{path} is no text: a unit cannot name it",
            "{path} n'est pas du texte : une unité ne peut pas le nommer"
        ))
    })
}

/// The runtime directory of this shell, where it is not that of systemd (`pam_systemd`), as with older `WSLg`.
fn other_runtime() -> Option<String> {
    let usual = format!("/run/user/{}", getuid().as_raw());
    env::var("XDG_RUNTIME_DIR").ok().filter(|path| path.starts_with('/') && path.trim_end_matches('/') != usual)
}

/// Tells of variables that count here, and will not there.
pub(super) fn tell_of_variables(desk: &Desk) {
    let ours = |name: &String| name.starts_with("OLLAMA_FORWARD_") && name != "OLLAMA_FORWARD_LANG";
    let names: Vec<String> = env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(ours).collect();
    if !names.is_empty() {
        let names = names.join(", ");
        desk.tell(&words!(
            "! Set here, and not seen by a service: {names}. Give options behind `--`, or write them into the configuration.",
            "! Définies ici, mais invisibles pour un service : {names}. Passez des options après `--`, ou écrivez-les dans la configuration."
        ));
    }
}
