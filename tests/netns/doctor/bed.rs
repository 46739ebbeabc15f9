//! A WSL in which all is well, for a fault to be put into.

use std::fs;

use super::ollama::{Ollama, Says};
use crate::forward::Forward;
use crate::lab::Lab;
use crate::sysroot::{Mode, Sysroot};

/// NAT mode, Ollama on Windows, a forward that translates, a Codex that is set up for it, and a Windows that tells how it is.
pub(crate) struct Bed {
    pub(crate) lab: Lab,
    pub(crate) ollama: Option<Ollama>,
    pub(crate) forward: Option<Forward>,
}

/// Where Windows' programs are, in the sysroot.
const SYSTEM32: &str = "mnt/c/Windows/System32";
const POWERSHELL: &str = "mnt/c/Windows/System32/WindowsPowerShell/v1.0/powershell.exe";

impl Bed {
    /// `None`: this machine cannot, it has been said.
    #[track_caller]
    pub(crate) fn healthy() -> Option<Self> {
        Self::with(Says::default())
    }

    /// The same, with an Ollama that says this.
    #[track_caller]
    pub(crate) fn with(says: Says) -> Option<Self> {
        let mut bed = Self::without_ollama()?;
        bed.ollama = Some(Ollama::on(bed.lab.win.listen("0.0.0.0:11434"), says));
        bed.start(&["--translate"]);
        Some(bed)
    }

    /// Nothing listens on Windows, and no forward runs yet.
    #[track_caller]
    pub(crate) fn without_ollama() -> Option<Self> {
        let lab = Lab::nat()?;
        lab.sysroot.is_set_up();
        Some(Self { lab, ollama: None, forward: None })
    }

    /// As above, with the forward looking for it; and Windows tells this.
    #[track_caller]
    pub(crate) fn unreachable(windows: &str) -> Option<Self> {
        let mut bed = Self::without_ollama()?;
        bed.lab.sysroot.windows(windows);
        bed.search();
        Some(bed)
    }

    /// Starts the forward and waits until it has found Ollama.
    #[track_caller]
    pub(crate) fn start(&mut self, args: &[&str]) {
        let mut forward = self.lab.forward(args);
        forward.is_ready();
        self.forward = Some(forward);
    }

    /// Starts the forward, which finds nothing.
    #[track_caller]
    pub(crate) fn search(&mut self) {
        let mut forward = self.lab.forward(&["--translate", "--connect-timeout", "300ms"]);
        forward.wait("listening");
        self.forward = Some(forward);
    }
}

impl Sysroot {
    /// What a person has who uses Codex: WSL's programs, Windows' programs, Codex and its configuration.
    pub(crate) fn is_set_up(&self) {
        self.program(
            "usr/bin/wslinfo",
            "case $1 in --networking-mode) printf nat ;; --wsl-version) printf 2.6.1 ;; *) exit 1 ;; esac",
        );
        fs::create_dir_all(self.path().join("run/systemd/system")).unwrap();
        self.windows("healthy");
        self.codex_config("model = \"qwen3:14b\"\nmodel_provider = \"ollama\"\nmodel_context_window = 32768\n");
        self.codex("0.169.0");
    }

    /// `powershell.exe` prints the recorded answer of this name; `cmd.exe` starts.
    pub(crate) fn windows(&self, name: &str) {
        let record = format!("{}/tests/fixtures/windows/{name}", env!("CARGO_MANIFEST_DIR"));
        let record = ["json", "txt"].map(|ext| format!("{record}.{ext}"));
        let record = record.iter().find(|file| fs::exists(file).unwrap()).unwrap_or_else(|| panic!("no {record:?}"));
        self.program(POWERSHELL, &format!("exec cat '{record}'"));
        self.program(&format!("{SYSTEM32}/cmd.exe"), "exit 0");
    }

    pub(crate) fn wsl_conf(&self, text: &str) {
        fs::write(self.path().join("etc/wsl.conf"), text).unwrap();
    }

    /// No Windows program answers any more.
    pub(crate) fn windows_hangs(&self) {
        self.program(POWERSHELL, "exec sleep 60");
    }

    /// `codex` in the PATH says this version.
    pub(crate) fn codex(&self, version: &str) {
        self.own_program("home/bin/codex", &format!("echo codex-cli {version}"));
    }

    pub(crate) fn codex_config(&self, text: &str) {
        let file = self.home().join("home/.codex/config.toml");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
}

/// Modes in which localhost is Windows, for the tests of healthy systems.
pub(crate) const SHARED: [Mode; 3] = [Mode::Mirrored, Mode::Consomme, Mode::VirtioProxy];
