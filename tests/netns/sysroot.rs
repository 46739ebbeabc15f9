//! The files by which a program in WSL learns where it is, below a directory of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Nat,
    Mirrored,
    Consomme,
    /// What consomme was called before WSL 2.9.
    VirtioProxy,
    Bridged,
    None,
    Wsl1,
    /// A container on WSL's kernel.
    Container,
    /// No WSL at all.
    Linux,
}

impl Mode {
    fn osrelease(self) -> &'static str {
        match self {
            Self::Linux => "6.18.4-generic\n",
            Self::Wsl1 => "4.4.0-26100-Microsoft\n",
            Self::Nat
            | Self::Mirrored
            | Self::Consomme
            | Self::VirtioProxy
            | Self::Bridged
            | Self::None
            | Self::Container => "6.6.87.2-microsoft-standard-WSL2\n",
        }
    }

    /// What `wslinfo --networking-mode -n` prints, where there is such a program.
    fn wslinfo(self) -> Option<&'static str> {
        match self {
            Self::Nat => Some("nat"),
            Self::Mirrored => Some("mirrored"),
            Self::Consomme => Some("consomme"),
            Self::VirtioProxy => Some("virtioproxy"),
            Self::Bridged => Some("bridged"),
            Self::None => Some("none"),
            Self::Wsl1 => Some("wsl1"),
            Self::Container | Self::Linux => None,
        }
    }
}

/// Also the user's home: one temporary directory for all that a run may read or leave behind.
pub(crate) struct Sysroot {
    dir: TempDir,
}

impl Sysroot {
    pub(crate) fn new(mode: Mode) -> Self {
        let sysroot = Self { dir: tempfile::tempdir().unwrap() };
        for dir in ["home", "runtime", "config"] {
            fs::create_dir(sysroot.dir.path().join(dir)).unwrap();
        }
        sysroot.file("proc/sys/kernel/osrelease", mode.osrelease());
        sysroot.file("etc/resolv.conf", "nameserver 10.255.255.254\n");
        match mode {
            Mode::Linux => sysroot.file("proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1\n"),
            Mode::Wsl1 => sysroot.file("proc/cmdline", "BOOT_IMAGE=/kernel init=/init\n"),
            Mode::Nat
            | Mode::Mirrored
            | Mode::Consomme
            | Mode::VirtioProxy
            | Mode::Bridged
            | Mode::None
            | Mode::Container => {
                sysroot.file("proc/cmdline", "initrd=\\initrd.img WSL_ROOT_INIT=1 panic=-1 nr_cpus=2\n");
            }
        }
        match mode {
            Mode::Linux => {}
            Mode::Container => sysroot.file(".dockerenv", ""),
            Mode::Nat
            | Mode::Mirrored
            | Mode::Consomme
            | Mode::VirtioProxy
            | Mode::Bridged
            | Mode::None
            | Mode::Wsl1 => {
                fs::create_dir_all(sysroot.path().join("run/WSL")).unwrap();
                sysroot.file("proc/sys/fs/binfmt_misc/WSLInterop", "enabled\n");
            }
        }
        if let Some(word) = mode.wslinfo() {
            sysroot.program("usr/bin/wslinfo", &format!("[ \"$1\" = --networking-mode ] && printf {word}"));
        }
        sysroot
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    pub(crate) fn home(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn resolv_conf(&self, nameserver: &str) {
        self.file("etc/resolv.conf", &format!("nameserver {nameserver}\n"));
    }

    /// WSL's own word on the mode does not come: not installed, …
    pub(crate) fn wslinfo_is_missing(&self) {
        fs::remove_file(self.path().join("usr/bin/wslinfo")).unwrap();
    }

    /// … or stuck, as all interop is at times.
    pub(crate) fn wslinfo_hangs(&self) {
        self.program("usr/bin/wslinfo", "exec sleep 60");
    }

    /// A kernel that somebody built for WSL and named after himself.
    pub(crate) fn custom_kernel(&self) {
        self.file("proc/sys/kernel/osrelease", "6.12.1-mine\n");
    }

    /// Windows' registry tells which gateway WSL was given; printed as reg.exe does, with CRLF.
    pub(crate) fn registry_gateway(&self, address: &str) {
        self.program(
            "mnt/c/Windows/System32/reg.exe",
            &format!(
                "echo >>\"$0.runs\"
                 case \"$*\" in
                 *NatGatewayIpAddress*)
                   printf '\\r\\nHKEY_LOCAL_MACHINE\\\\Software\\\\Microsoft\\\\Windows\\\\CurrentVersion\\\\Lxss\\r\\n'
                   printf '    NatGatewayIpAddress    REG_SZ    {address}\\r\\n\\r\\n' ;;
                 *) printf 'ERROR: The system was unable to find the specified registry key or value.\\r\\n' >&2; exit 1 ;;
                 esac"
            ),
        );
    }

    /// How often that program was started.
    pub(crate) fn registry_questions(&self) -> usize {
        let runs = fs::read_to_string(self.path().join("mnt/c/Windows/System32/reg.exe.runs"));
        runs.map_or(0, |runs| runs.lines().count())
    }

    fn file(&self, name: &str, text: &str) {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// A program of WSL, or of Windows.
    pub(crate) fn program(&self, name: &str, script: &str) {
        write_program(&self.path().join(name), script);
    }

    /// A program of the user's own, in his home.
    pub(crate) fn own_program(&self, name: &str, script: &str) {
        write_program(&self.home().join(name), script);
    }
}

/// Another process writes it: a child that some other test has just forked would hold our descriptor open for writing until
/// its exec, and to run a file that is open for writing is "text file busy".
fn write_program(file: &Path, script: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let made = Command::new("sh")
        .args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$2\" >\"$1\" && chmod 755 \"$1\"", "sh"])
        .args([file.as_os_str(), script.as_ref()])
        .status();
    assert!(made.unwrap().success(), "cannot write {}", file.display());
}
