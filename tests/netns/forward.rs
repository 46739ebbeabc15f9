//! The program under test, started inside a host.

use std::process::{Command, Stdio};

use crate::host::Host;
use crate::sysroot::Sysroot;

pub(crate) use crate::support::forward::{Forward, SOON};

impl Forward {
    pub(crate) fn start(host: &Host, sysroot: &Sysroot, args: &[&str]) -> Self {
        let home = sysroot.home();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ollama-forward"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("RUST_BACKTRACE", "1")
            .env("HOME", home.join("home"))
            .env("XDG_RUNTIME_DIR", home.join("runtime"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .args(["-v", "--log-format", "json", "--sysroot"])
            .arg(sysroot.path())
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Self::new(host.spawn(command))
    }
}
