//! The files of `codex_capture`, for scripts that read those: three are always the latest exchange, one grows.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::place;

/// The file that grows.
const HISTORY: &str = "history.jsonl";

/// A reader never meets half a file: each is written beside its place, and put there in one step.
pub(super) fn write(dir: &Path, files: &[(&'static str, Vec<u8>)]) -> io::Result<()> {
    place::make(dir)?;
    for (name, bytes) in files {
        let path = dir.join(name);
        if *name == HISTORY {
            place::append(&path)?.write_all(bytes)?;
            continue;
        }
        let new = dir.join(format!(".{name}.new"));
        let written = place::create_empty(&new).and_then(|mut file| file.write_all(bytes));
        if let Err(error) = written.and_then(|()| fs::rename(&new, &path)) {
            drop(fs::remove_file(&new));
            return Err(error);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_latest_is_replaced_and_the_history_grows() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("captures");
        for turn in ["1", "2"] {
            let files = [("latest.json", turn.as_bytes().to_vec()), (HISTORY, format!("{turn}\n").into_bytes())];
            write(&dir, &files).unwrap();
        }
        assert_eq!(fs::read_to_string(dir.join("latest.json")).unwrap(), "2");
        assert_eq!(fs::read_to_string(dir.join(HISTORY)).unwrap(), "1\n2\n");
        let mut names = Vec::new();
        for entry in fs::read_dir(&dir).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            names.push(entry.file_name());
        }
        assert_eq!(names.len(), 2, "{names:?}");
    }
}
