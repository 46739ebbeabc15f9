//! Collects what a report needs beside the facts: configuration files, the last lines of the log, the journal.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use directories::ProjectDirs;

use super::Sources;
use super::redact::Known;
use crate::doctor::Facts;
use crate::doctor::system::ConfigState;
use crate::program::{Program, Ran};
use crate::status;

/// Where to look.
#[derive(Clone, Debug)]
pub struct Places {
    /// `/` outside tests.
    pub root: PathBuf,
    /// The user's configuration of ours, whether it exists or not.
    pub config: Option<PathBuf>,
    /// The directory of the status sockets.
    pub sockets: Option<PathBuf>,
    /// Names of the user, as the environment tells them.
    pub users: Vec<String>,
}

impl Places {
    /// Those of this user and this system.
    pub fn of_environment(root: PathBuf, variable: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            root,
            config: ProjectDirs::from("", "", "ollama-forward").map(|dirs| dirs.config_dir().join("config.toml")),
            sockets: status::directory(),
            users: ["USER", "LOGNAME", "SUDO_USER"].into_iter().filter_map(variable).collect(),
        }
    }
}

/// Never fails: what cannot be had is not there, or its text says why.
pub async fn gather(facts: &Facts, places: &Places, at: SystemTime) -> Sources {
    let host = fs::read_to_string(places.root.join("proc/sys/kernel/hostname"));
    Sources {
        at,
        files: files(facts, places),
        logs: logs(facts, places).await,
        journal: journal(facts, &places.root).await,
        known: Known { users: places.users.clone(), hosts: host.into_iter().collect() },
    }
}

/// Our configuration, that of Codex, the service's unit, and what WSL is told about this distribution.
fn files(facts: &Facts, places: &Places) -> Vec<(PathBuf, Result<String, String>)> {
    let mut paths: Vec<PathBuf> = places.config.iter().cloned().collect();
    paths.push(places.root.join("etc/ollama-forward/config.toml"));
    if let Some(ConfigState::Valid(more)) = facts.system.config.known() {
        paths.extend(more.iter().cloned());
    }
    let profiles = facts.codex.profiles.iter().map(|profile| &profile.config);
    paths.extend(facts.codex.config.known().into_iter().chain(profiles).filter_map(|config| config.path.clone()));
    paths.extend(facts.service.unit.known().into_iter().flatten().cloned());
    paths.push(places.root.join("etc/wsl.conf"));
    let mut files: Vec<(PathBuf, Result<String, String>)> = Vec::new();
    for path in paths {
        if files.iter().all(|(known, _)| *known != path)
            && let Some(text) = read(&path)
        {
            files.push((path, text));
        }
    }
    files
}

/// Such files are a few kB; of a larger one the beginning says enough.
const LARGEST: u64 = 64 << 10;

/// None: there is no such file.
fn read(path: &Path) -> Option<Result<String, String>> {
    let text = fs::metadata(path).and_then(|meta| {
        // A pipe would keep us waiting.
        if !meta.is_file() {
            return Ok("(no file)".to_owned());
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    });
    match text {
        Ok(text) => Some(Ok(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(Err(error.to_string())),
    }
}

/// Of each forward that runs. A forward that hangs costs its deadline, in a thread of its own.
async fn logs(facts: &Facts, places: &Places) -> Vec<(u16, Vec<String>)> {
    let Some(sockets) = &places.sockets else { return Vec::new() };
    let mut logs = Vec::new();
    for report in &facts.port.forwards {
        let address: Option<SocketAddr> = report.listen.first().and_then(|listen| listen.parse().ok());
        let Some(port) = address.map(|address| address.port()) else { continue };
        let sockets = sockets.clone();
        let lines = tokio::task::spawn_blocking(move || status::log_lines(&sockets, port)).await;
        logs.push((port, lines.unwrap_or_default()));
    }
    logs
}

/// The journal of a user is read in tens of milliseconds, unless its disk sleeps.
const JOURNAL_TIME: Duration = Duration::from_secs(3);
/// The last lines of the service; without the name of the machine in each.
const JOURNAL: [&str; 9] =
    ["--user", "-u", "ollama-forward", "-n", "200", "--no-pager", "--quiet", "--no-hostname", "--output=short-iso"];

/// Only where there is a service.
async fn journal(facts: &Facts, root: &Path) -> Option<Vec<String>> {
    facts.service.unit.known()?.as_ref()?;
    let program = ["usr/bin/journalctl", "bin/journalctl"].into_iter().map(|path| root.join(path));
    let program = program.into_iter().find(|path| path.exists());
    let Some(program) = program else { return Some(Vec::new()) };
    let ran = Program { directory: Some(root), ..Program::new(&program, &JOURNAL, JOURNAL_TIME) }.run().await;
    let text = ran.ok().and_then(Ran::told).unwrap_or_default();
    Some(text.lines().map(str::to_owned).collect())
}
