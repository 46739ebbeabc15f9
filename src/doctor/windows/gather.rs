//! Asks Windows. Nothing here fails: what Windows does not tell in time is a fact that is not known, with its reason.
//!
//! ```text
//! interop works? ──► PowerShell ──told all──────────────────────────────► Windows
//!                         ├─ fails, or tells too little ──► cheap tools ──► both together
//!                         └─ still silent after `patience` ─► cheap tools beside it, until its own deadline
//! ```

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use super::parse::{first_line, text, windows};
use super::{Windows, cheap, script};
use crate::doctor::Fact;
use crate::doctor::system::Interop;
use crate::gateway::select::wsl_conf;
use crate::gateway::wsl::{SystemText, windows_disks};
use crate::program::{End, run_with_interop};
use crate::words;
use crate::words::Words;

/// What the questions to Windows depend on.
#[derive(Clone, Debug)]
pub struct Ask {
    /// `/` outside tests.
    pub root: PathBuf,
    /// Ollama's port on Windows.
    pub port: u16,
    /// Our own address in the network that we share with Windows.
    pub own_address: Option<Ipv4Addr>,
    pub interop: Fact<Interop>,
}

/// How long Windows may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// `cmd.exe` comes back in under 0.2 s; interop as a whole is known to hang (WSL #7371, #7787).
    proof: Duration,
    /// Half a second for PowerShell itself, and one or two for the modules of its cmdlets; much more beside a virus scanner.
    powershell: Duration,
    /// When the cheap tools are asked, too, so that both together take no more than 12 s.
    patience: Duration,
    /// For each of the cheap tools.
    cheap: Duration,
}

const LIMITS: Limits = Limits {
    proof: Duration::from_secs(3),
    powershell: Duration::from_secs(10),
    patience: Duration::from_secs(8),
    cheap: Duration::from_secs(3),
};

/// The Windows disk, as it is mounted here.
pub(super) struct Disk(PathBuf);

impl Disk {
    fn of(root: &Path) -> Self {
        Self(windows_disks(root).join("c"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A full path, as the `PATH` may lack Windows (`appendWindowsPath=false`, sudo).
    pub(super) fn system32(&self, name: &str) -> PathBuf {
        self.0.join("Windows/System32").join(name)
    }
}

/// Whether Windows programs can be started here.
pub async fn interop(root: &Path) -> Fact<Interop> {
    interop_within(root, &LIMITS).await
}

async fn interop_within(root: &Path, limits: &Limits) -> Fact<Interop> {
    if let Some(why) = without_windows(&SystemText::read(root)) {
        return Fact::Unknown(why);
    }
    let conf = fs::read_to_string(root.join("etc/wsl.conf")).unwrap_or_default();
    if wsl_conf(&conf, "interop", "enabled").is_some_and(|value| value.eq_ignore_ascii_case("false")) {
        return Fact::Known(Interop::SwitchedOff);
    }
    if registered(root) == Some(false) {
        return Fact::Known(Interop::Unregistered);
    }
    Fact::Known(proof(&Disk::of(root), limits.proof).await)
}

/// Why there is no Windows that this system could start programs of.
fn without_windows(system: &SystemText) -> Option<Words> {
    // WSL1 writes `Microsoft`, and has no init of its own.
    let wsl1 = system.osrelease.contains("Microsoft");
    if !system.is_wsl_kernel() {
        Some(words!(
            "this is not WSL: there is no Windows to ask",
            "ce n'est pas WSL : il n'y a pas de Windows à interroger"
        ))
    } else if system.container_mark || !(system.run_wsl || wsl1) {
        Some(words!(
            "in a container, Windows programs cannot be started",
            "dans un conteneur, les programmes Windows ne peuvent pas être lancés"
        ))
    } else {
        None
    }
}

/// Whether the kernel hands Windows programs to WSL: `WSLInterop`, or `WSLInterop-late` where systemd is in charge. None
/// where the kernel does not let us see.
fn registered(root: &Path) -> Option<bool> {
    let entries = fs::read_dir(root.join("proc/sys/fs/binfmt_misc")).ok()?;
    let ours = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("WSLInterop"));
    let enabled = |path: PathBuf| fs::read_to_string(path).is_ok_and(|text| text.lines().next() == Some("enabled"));
    Some(ours.map(|entry| entry.path()).any(enabled))
}

/// Starts the smallest program that every Windows has.
async fn proof(disk: &Disk, limit: Duration) -> Interop {
    let program = disk.system32("cmd.exe");
    if !disk.path().is_dir() {
        let disk = disk.path().display();
        return Interop::Broken(format!("the Windows disk is not mounted at {disk}"));
    }
    match run_with_interop(&program, &["/c", "exit", "0"], disk.path(), limit).await {
        Ok(ran) => match ran.end {
            End::Exit(Some(0)) => Interop::Works,
            End::Late => Interop::Hangs,
            End::Exit(code) => {
                let said = first_line(&text(&ran.errors));
                let code = code.map_or_else(|| "a signal".to_owned(), |code| format!("code {code}"));
                Interop::Broken(if said.is_empty() { format!("cmd.exe ended with {code}") } else { said })
            }
        },
        Err(error) if is_exec_format(&error) => Interop::Unregistered,
        Err(error) => Interop::Broken(format!("{}: {error}", program.display())),
    }
}

/// "Exec format error": no handler for Windows programs.
fn is_exec_format(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error())
}

/// Asks Windows for all that matters here. Needs to know whether interop works; takes 12 s at most.
pub async fn gather(ask: &Ask) -> Fact<Windows> {
    gather_within(ask, &LIMITS).await
}

async fn gather_within(ask: &Ask, limits: &Limits) -> Fact<Windows> {
    match ask.interop.get() {
        Ok(Interop::Works) => {}
        Ok(Interop::SwitchedOff | Interop::Unregistered | Interop::Hangs | Interop::Broken(_)) => {
            return Fact::Unknown(words!(
                "Windows could not be asked: its programs do not start here (`interop`)",
                "Windows n'a pas pu être interrogé : ses programmes ne démarrent pas ici (`interop`)"
            ));
        }
        Err(why) => return Fact::Unknown(why.clone()),
    }
    let disk = Disk::of(&ask.root);
    let mut powershell = pin!(powershell(ask, &disk, limits.powershell));
    let (told, cheap) = match timeout(limits.patience, &mut powershell).await {
        Ok(Ok(told)) if !told.lacks_basics() => return Fact::Known(told),
        Ok(told) => (told, cheap::ask(&disk, ask.port, limits.cheap).await),
        Err(_) => tokio::join!(powershell, cheap::ask(&disk, ask.port, limits.cheap)),
    };
    together(told, cheap)
}

fn together(told: Result<Windows, Words>, cheap: Windows) -> Fact<Windows> {
    match told {
        Ok(told) => Fact::Known(told.filled_by(cheap)),
        Err(why) if cheap.knows_nothing() => Fact::Unknown(why),
        Err(why) => Fact::Known(cheap.because(&why)),
    }
}

/// What PowerShell told until it ended, or had to end.
async fn powershell(ask: &Ask, disk: &Disk, limit: Duration) -> Result<Windows, Words> {
    let program = disk.system32("WindowsPowerShell/v1.0/powershell.exe");
    let encoded = script::encoded(ask.port, ask.own_address);
    let args: Vec<&str> = script::ARGS.into_iter().chain([encoded.as_str()]).collect();
    let ran = run_with_interop(&program, &args, disk.path(), limit).await.map_err(|error| {
        let program = program.display();
        words!("{program} does not start: {error}", "{program} ne démarre pas : {error}")
    })?;
    let missing = match ran.end {
        End::Late => {
            let seconds = limit.as_secs_f32();
            words!("PowerShell did not tell within {seconds} s", "PowerShell ne l'a pas dit en {seconds} s")
        }
        End::Exit(_) => words!("PowerShell did not tell", "PowerShell ne l'a pas dit"),
    };
    windows(&ran.output, &missing).ok_or_else(|| {
        let said = [&ran.errors, &ran.output].map(|bytes| first_line(&text(bytes)));
        let said = said.into_iter().find(|said| !said.is_empty());
        match said {
            Some(said) => {
                words!("PowerShell told nothing readable: {said}", "PowerShell n'a rien dit de lisible : {said}")
            }
            None => missing,
        }
    })
}

#[cfg(test)]
mod tests;
