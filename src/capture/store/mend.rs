//! What a crash has left is put away before anything is read: files under their next name, and files that no index names.

use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use super::index::Brief;
use super::{place, shelf};

/// A first line is some hundred bytes.
const LONGEST_FIRST: u64 = 1 << 20;

/// What the first line of an index is.
enum First {
    /// It names this file of parts.
    Names(String),
    /// It is whole, and damaged: nothing is known.
    Damaged,
    /// There is none: the session was being made, or being removed.
    Missing,
}

/// Only the writer may do this.
pub(super) fn tidy(dir: &Path) -> io::Result<()> {
    for key in shelf::list(dir)?.into_keys() {
        let home = place::session(dir, &key);
        match first(&home)? {
            First::Missing => fs::remove_dir_all(&home)?,
            First::Names(parts) => remove_but(&home, &parts)?,
            First::Damaged => {}
        }
    }
    Ok(())
}

fn first(home: &Path) -> io::Result<First> {
    let file = match place::read(&home.join(place::INDEX)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(First::Missing),
        other => other?,
    };
    let mut line = Vec::new();
    BufReader::new(file.take(LONGEST_FIRST)).read_until(b'\n', &mut line)?;
    if !line.ends_with(b"\n") {
        return Ok(if line.len() as u64 == LONGEST_FIRST { First::Damaged } else { First::Missing });
    }
    Ok(match serde_json::from_slice(&line) {
        Ok(Brief::Session(named)) => First::Names(named.parts),
        Ok(Brief::Begin(_) | Brief::End(_) | Brief::Mark(_)) | Err(_) => First::Damaged,
    })
}

fn remove_but(home: &Path, parts: &str) -> io::Result<()> {
    for entry in fs::read_dir(home)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_left =
            name.to_str().is_some_and(|name| name == place::INDEX_NEW || (place::is_parts_name(name) && name != parts));
        if is_left {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of a session after it was put in order.
    fn tidied(files: &[(&str, &str)]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let home = place::session(dir.path(), "s");
        fs::create_dir_all(&home).unwrap();
        for (name, text) in files {
            fs::write(home.join(name), text).unwrap();
        }
        tidy(dir.path()).unwrap();
        let Ok(entries) = fs::read_dir(&home) else { return vec!["(gone)".into()] };
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    const FIRST: &str =
        "{\"session\":{\"version\":1,\"key\":\"s\",\"client\":\"c\",\"begun_ms\":1,\"parts\":\"parts-2.zst\"}}\n";

    #[test]
    fn what_no_index_names_is_removed() {
        let files =
            [("index.jsonl", FIRST), ("index.jsonl.new", ""), ("parts.zst", ""), ("parts-2.zst", ""), ("n", "")];
        assert_eq!(tidied(&files), ["index.jsonl", "n", "parts-2.zst"]);
    }

    #[test]
    fn a_session_without_a_first_line_is_removed() {
        assert_eq!(tidied(&[("parts.zst", "x")]), ["(gone)"]);
        assert_eq!(tidied(&[("index.jsonl", ""), ("parts.zst", "x")]), ["(gone)"]);
        assert_eq!(tidied(&[("index.jsonl", &FIRST[..40]), ("parts.zst", "x")]), ["(gone)"]);
    }

    #[test]
    fn a_damaged_first_line_removes_nothing() {
        let files = [("index.jsonl", "\0\0\0\nmore\n"), ("parts.zst", ""), ("parts-2.zst", "")];
        assert_eq!(tidied(&files), ["index.jsonl", "parts-2.zst", "parts.zst"]);
    }
}
