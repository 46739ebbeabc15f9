//! Another `ollama-forward` that a shell would find before this one, such as the old script of that name.

use std::env;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tracing::warn;

use crate::config::OLLAMA_PORT;
use crate::migrate::script;

/// What hides this program.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shadow {
    /// A script that forwards by itself.
    OldScript(PathBuf),
    /// Another program of that name.
    Other(PathBuf),
}

/// Says so, once, with what cures it. By its full path: the bare name would start the other one.
pub(super) fn warn_of_shadow() {
    let (Some(path), Ok(own)) = (env::var_os("PATH"), env::current_exe()) else { return };
    let directories: Vec<PathBuf> = env::split_paths(&path).filter(|directory| directory.is_absolute()).collect();
    let next = format!("{} setup --from-socat", own.display());
    match find(&directories, &own) {
        Some(Shadow::OldScript(path)) => {
            warn!(path = %path.display(), %next, "an old script named ollama-forward is in PATH: a shell may start it instead");
        }
        Some(Shadow::Other(path)) => {
            warn!(path = %path.display(), %next, "another ollama-forward stands before this one in PATH");
        }
        None => {}
    }
}

/// An old script counts wherever it is the first of that name; another program only where it hides us.
fn find(directories: &[PathBuf], own: &Path) -> Option<Shadow> {
    let is_program =
        |path: &PathBuf| path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    // One by one: where the first is this one, as is usual, the directories of Windows' disks behind it are not looked into.
    let mut named = directories.iter().map(|directory| directory.join("ollama-forward")).filter(is_program);
    let first = named.next()?;
    if is_old_script(&first) {
        return Some(Shadow::OldScript(first));
    }
    let is_own = |path: &PathBuf| match (path.metadata(), own.metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()) || one.len() == other.len(),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
    };
    // A copy of the same size is the same build, as far as anybody will notice.
    (!is_own(&first) && named.any(|path| is_own(&path))).then_some(Shadow::Other(first))
}

fn is_old_script(path: &Path) -> bool {
    if !path.metadata().is_ok_and(|meta| meta.len() <= script::LARGEST) {
        return false;
    }
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(script::LARGEST).read_to_end(&mut bytes));
    read.is_ok() && script::recognise(&bytes, OLLAMA_PORT).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bed(tempfile::TempDir);

    impl Bed {
        fn program(&self, directory: &str, text: &str) -> PathBuf {
            let directory = self.0.path().join(directory);
            fs::create_dir_all(&directory).unwrap();
            let path = directory.join("ollama-forward");
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            path
        }

        #[track_caller]
        fn check(&self, directories: &[&str], own: &Path, shadow: Option<&Shadow>) {
            let directories: Vec<PathBuf> = directories.iter().map(|name| self.0.path().join(name)).collect();
            assert_eq!(find(&directories, own).as_ref(), shadow, "{directories:?}");
        }
    }

    #[test]
    fn what_hides_this_program_is_found() {
        let bed = Bed(tempfile::tempdir().unwrap());
        let script = bed.program("script", "#!/bin/sh\nexec socat TCP-LISTEN:11434,fork TCP:a:11434\n");
        let (own, other) = (bed.program("own", "ours"), bed.program("other", "another one"));
        bed.program("copy", "ours");
        bed.check(&["script", "own"], &own, Some(&Shadow::OldScript(script.clone())));
        bed.check(&["script"], &own, Some(&Shadow::OldScript(script)));
        bed.check(&["other", "own"], &own, Some(&Shadow::Other(other)));
        bed.check(&["own", "script"], &own, None);
        bed.check(&["copy", "own"], &own, None);
        bed.check(&["other"], &own, None);
        bed.check(&["missing"], &own, None);
    }
}
