//! Finds out which system this is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::{ConfigState, System, Unwritable};
use crate::doctor::Fact;
use crate::gateway::Snapshot;
use crate::gateway::wsl::{SystemText, wslinfo};
use crate::words;

/// What has to be told.
#[derive(Clone, Debug)]
pub struct Ask {
    /// `/` outside tests.
    pub root: PathBuf,
    pub config: Fact<ConfigState>,
    /// Directories that we write to.
    pub writes: Vec<PathBuf>,
    /// `SUDO_USER` is set.
    pub by_sudo: bool,
}

/// Everything but [`System::interop`], which only a Windows program can tell.
pub async fn gather(ask: &Ask, text: &SystemText, network: &Fact<Snapshot>) -> System {
    let kernel = text.osrelease.trim();
    let unreadable = || words!("/proc/sys/kernel/osrelease cannot be read", "/proc/sys/kernel/osrelease est illisible");
    System {
        kernel: if kernel.is_empty() { Fact::Unknown(unreadable()) } else { Fact::Known(kernel.to_owned()) },
        mode: match (kernel.is_empty() && !text.is_wsl_kernel(), network) {
            (true, _) => Fact::Unknown(unreadable()),
            // Without netlink the texts alone have to do.
            (false, network) => Fact::Known(text.mode(network.known().unwrap_or(&Snapshot::default()))),
        },
        wslinfo: word_of(text.wslinfo.as_deref()),
        wsl_version: wsl_version(&ask.root, text).await,
        interop: Fact::default(),
        has_systemd: Fact::Known(ask.root.join("run/systemd/system").is_dir()),
        is_root: geteuid().is_root(),
        by_sudo: ask.by_sudo,
        unwritable: ask.writes.iter().filter_map(|path| unwritable(path)).collect(),
        config: ask.config.clone(),
    }
}

fn word_of(said: Option<&str>) -> Fact<String> {
    match said.map(str::trim).filter(|said| !said.is_empty()) {
        Some(said) => Fact::Known(said.to_owned()),
        None => Fact::Unknown(words!("wslinfo is missing or did not answer", "wslinfo est absent ou n'a pas répondu")),
    }
}

async fn wsl_version(root: &Path, text: &SystemText) -> Fact<String> {
    if !text.is_wsl_kernel() {
        return Fact::Unknown(words!("this is not WSL", "ce n'est pas WSL"));
    }
    word_of(wslinfo(root, "--wsl-version").await.as_deref())
}

/// Why nothing can be written there: asked of the nearest place that exists.
fn unwritable(path: &Path) -> Option<Unwritable> {
    let (nearest, meta) = path.ancestors().find_map(|ancestor| Some((ancestor, fs::metadata(ancestor).ok()?)))?;
    let refused =
        if meta.is_dir() { access(nearest, Access::WRITE_OK | Access::EXEC_OK).err() } else { Some(Errno::NOTDIR) };
    let why = io::Error::from(refused?).to_string();
    Some(Unwritable { path: path.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::system::Interop;
    use crate::gateway::wsl::Mode;

    fn ask(root: &Path) -> Ask {
        Ask {
            root: root.to_owned(),
            config: Fact::Known(ConfigState::Valid(Vec::new())),
            writes: vec![root.join("home/me/.config/ollama-forward")],
            by_sudo: false,
        }
    }

    fn nat() -> SystemText {
        SystemText {
            osrelease: "6.6.87.2-microsoft-standard-WSL2\n".into(),
            run_wsl: true,
            wslinfo: Some("nat".into()),
            ..SystemText::default()
        }
    }

    #[tokio::test]
    async fn the_texts_are_told_as_facts() {
        let root = tempfile::tempdir().unwrap();
        let system = gather(&ask(root.path()), &nat(), &Fact::default()).await;
        assert_eq!(system.kernel, Fact::Known("6.6.87.2-microsoft-standard-WSL2".into()));
        assert_eq!((system.mode, system.wslinfo), (Fact::Known(Mode::Nat), Fact::Known("nat".into())));
        assert_eq!(system.has_systemd, Fact::Known(false));
        assert!(system.wsl_version.known().is_none(), "there is no wslinfo");
        assert_eq!(system.interop.known(), None::<&Interop>);
        assert_eq!(system.unwritable, []);
    }

    #[tokio::test]
    async fn without_proc_nothing_is_guessed() {
        let root = tempfile::tempdir().unwrap();
        let system = gather(&ask(root.path()), &SystemText::default(), &Fact::default()).await;
        assert_eq!((system.kernel.known(), system.mode.known()), (None, None));
    }

    #[test]
    fn a_file_in_the_place_of_a_directory_is_told() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("home");
        fs::write(&file, "").unwrap();
        let found = unwritable(&file.join(".config/ollama-forward")).unwrap();
        assert!(found.why.starts_with("Not a directory"), "{found:?}");
        assert_eq!(unwritable(&root.path().join("new/.config")), None);
    }
}
