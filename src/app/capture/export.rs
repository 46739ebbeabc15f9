//! `export` and `import`: files that their owner alone can read, whole or not at all, and never over others unasked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use serde_json::json;

use super::pick::are_ids;
use super::read::{last_matching, meant, query, view};
use super::trouble;
use super::{Desk, print_bytes};
use crate::app::Ended;
use crate::capture::export::{self, Exported};
use crate::capture::record::{Exchange, Row};
use crate::capture::store::{Library, StoreError};
use crate::capture::view::View;
use crate::cli::capture::{Export, FormatWord};
use crate::clock;
use crate::control::Request;
use crate::fault::Fault;
use crate::inspect;
use crate::words;
use crate::words::Words;

impl Desk<'_> {
    pub(super) fn export(&self, typed: &Export) -> Result<Ended, Fault> {
        let library = self.place()?.library()?;
        let rows = chosen(&library, &typed.which, self.look.now_ms)?;
        if rows.is_empty() {
            let what = words!(
                "no exchange fits, so there is nothing to export",
                "aucun échange ne convient : rien à exporter"
            );
            return Err(trouble::failed(what, "ollama-forward capture list"));
        }
        let (exchanges, files) = if typed.format == FormatWord::Jsonl {
            lines(&library, &rows, typed)?
        } else {
            document(&exchanges(&library, &rows)?, typed)?
        };
        if files.is_empty() {
            return Ok(Ended::Well);
        }
        let place = files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        let words = words!("{exchanges} exchanges written: {place}", "{exchanges} échanges écrits : {place}");
        self.done(&words, &json!({ "exchanges": exchanges, "files": files }))
    }

    pub(super) fn import(&self, file: &Path) -> Result<Ended, Fault> {
        let place = self.place()?;
        let shown = file.display();
        let cannot = |error: &io::Error| trouble::io(words!("read {shown}", "lire {shown}"), error);
        let mut bytes = Vec::new();
        let mut source = File::open(file).map_err(|error| cannot(&error))?;
        source.read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
        let mut hand = place.hand()?;
        let (mut taken, mut last, mut faults) = (0_u64, None, Vec::new());
        // What is no exchange does not end what follows it.
        for exchange in export::import(&String::from_utf8_lossy(&bytes)) {
            match exchange {
                Ok(exchange) => {
                    last = hand.tell(Request::Import { line: export::line(&exchange) })?.id;
                    taken += 1;
                }
                Err(why) => faults.push(why),
            }
        }
        let left_out = faults.len();
        match faults.into_iter().next() {
            Some(Words { en, fr }) if taken == 0 => {
                let what = words!("nothing of {shown} was taken: {en}", "rien de {shown} n'a été repris : {fr}");
                return Err(trouble::failed(what, "ollama-forward capture export --format jsonl"));
            }
            Some(Words { en, fr }) => self
                .hint(&words!("{left_out} lines were passed over; {en}", "{left_out} lignes ont été ignorées ; {fr}")),
            None => {}
        }
        let words = words!("{taken} exchanges imported", "{taken} échanges importés");
        self.done(&words, &json!({ "exchanges": taken, "left_out": left_out, "last": last }))
    }
}

/// How many were written, and where; nowhere: to standard output.
type Written = (usize, Vec<PathBuf>);

/// One exchange after another: a store may hold more than fits into memory.
fn lines(library: &Library, rows: &[Arc<Row>], typed: &Export) -> Result<Written, Fault> {
    let Some(output) = &typed.output else {
        return Ok((pour(library, rows, &mut print_bytes)?, Vec::new()));
    };
    let path = file_in(output, typed.format);
    let mut count = 0;
    write(&path, typed.force, |file| {
        let mut file = BufWriter::new(file);
        let mut tell = |bytes: &[u8]| file.write_all(bytes).map(|()| true).map_err(|error| cannot_write(&path, &error));
        count = pour(library, rows, &mut tell)?;
        file.flush().map_err(|error| cannot_write(&path, &error))
    })?;
    Ok((count, vec![path]))
}

/// `tell` says whether anybody still wants more.
fn pour(
    library: &Library,
    rows: &[Arc<Row>],
    tell: &mut dyn FnMut(&[u8]) -> Result<bool, Fault>,
) -> Result<usize, Fault> {
    let mut count = 0;
    let mut is_wanted = tell(text(FormatWord::Jsonl, &[]).as_bytes())?;
    for id in rows.iter().filter_map(|row| row.id) {
        if !is_wanted {
            break;
        }
        match library.exchange(id) {
            Ok(exchange) => {
                is_wanted = tell((export::line(&exchange) + "\n").as_bytes())?;
                count += 1;
            }
            // It was deleted meanwhile.
            Err(StoreError::Unknown(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(count)
}

/// A form that has all of them in one.
fn document(all: &[(Exchange, View)], typed: &Export) -> Result<Written, Fault> {
    let exported: Vec<Exported<'_>> = all.iter().map(|(exchange, view)| Exported { exchange, view }).collect();
    let count = exported.len();
    let Some(output) = &typed.output else {
        return print_bytes(text(typed.format, &exported).as_bytes()).map(|_| (count, Vec::new()));
    };
    if typed.format == FormatWord::CodexCapture {
        return Ok((count, four_files(output, &exported, typed.force)?));
    }
    let path = file_in(output, typed.format);
    write_bytes(&path, text(typed.format, &exported).as_bytes(), typed.force)?;
    Ok((count, vec![path]))
}

/// Ids when all words are such, else a query; everything where nothing was said.
fn chosen(library: &Library, words: &[String], now_ms: u64) -> Result<Vec<Arc<Row>>, Fault> {
    let rows = library.rows();
    if are_ids(words, &rows.iter().map(AsRef::as_ref)) {
        let ids = words.iter().map(|word| meant(word, library).map(|(id, _)| id)).collect::<Result<Vec<_>, _>>()?;
        return Ok(rows.into_iter().filter(|row| row.id.is_some_and(|id| ids.contains(&id))).collect());
    }
    let found = last_matching(library, rows, &query(words, now_ms)?, usize::MAX)?;
    Ok(found.into_iter().map(|(row, _)| row).collect())
}

fn exchanges(library: &Library, rows: &[Arc<Row>]) -> Result<Vec<(Exchange, View)>, Fault> {
    let all = library.rows();
    let mut found = Vec::with_capacity(rows.len());
    for id in rows.iter().filter_map(|row| row.id) {
        match library.exchange(id) {
            Ok(exchange) => {
                let view = view(&exchange, &all, library);
                found.push((exchange, view));
            }
            // It was deleted meanwhile.
            Err(StoreError::Unknown(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

fn text(format: FormatWord, all: &[Exported<'_>]) -> String {
    let page = if format == FormatWord::Html { inspect::one_file() } else { String::new() };
    export::export(format.format(), &page, all)
}

/// A directory gets a file with a name of its own.
fn file_in(output: &Path, format: FormatWord) -> PathBuf {
    let is_directory = output.is_dir() || output.as_os_str().as_encoded_bytes().ends_with(b"/");
    if !is_directory {
        return output.to_owned();
    }
    let stamp = DateTime::<Utc>::from(clock::wall()).format("%Y%m%d-%H%M%S");
    output.join(format!("ollama-forward-capture-{stamp}.{}", format.extension()))
}

/// As `codex_capture` leaves them: the latest exchange in three files, all of them in the history.
fn four_files(directory: &Path, all: &[Exported<'_>], force: bool) -> Result<Vec<PathBuf>, Fault> {
    let shown = directory.display();
    let mut make = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(make.recursive(true), 0o700);
    make.create(directory).map_err(|error| trouble::io(words!("make {shown}", "créer {shown}"), &error))?;
    let history = text(FormatWord::CodexCapture, all);
    // What is no call of a model leaves no trace there.
    let last = all.iter().rev().map(|one| export::compat(*one)).find(|files| !files.is_empty()).unwrap_or_default();
    let files: Vec<(PathBuf, Vec<u8>)> = last
        .into_iter()
        .map(|(name, content)| {
            let content = if name == HISTORY { history.clone().into_bytes() } else { content };
            (directory.join(name), content)
        })
        .collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| !force && path.symlink_metadata().is_ok()) {
        return Err(exists(path));
    }
    for (path, content) in &files {
        write_bytes(path, content, force)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

const HISTORY: &str = "history.jsonl";

fn exists(path: &Path) -> Fault {
    let path = path.display();
    trouble::told(
        crate::fault::FaultId::Usage,
        words!("{path} exists already, and stays as it is", "{path} existe déjà et reste en l'état"),
        words!("it was exported before", "un export précédent"),
        words!("another name, or --force", "un autre nom, ou --force"),
    )
}

fn write_bytes(path: &Path, bytes: &[u8], force: bool) -> Result<(), Fault> {
    write(path, force, |file| file.write_all(bytes).map_err(|error| cannot_write(path, &error)))
}

fn cannot_write(path: &Path, error: &io::Error) -> Fault {
    let shown = path.display();
    trouble::io(words!("write {shown}", "écrire {shown}"), error)
}

/// Beside it, then in its place: nothing half-written is ever seen, and what somebody else puts there meanwhile stays.
fn write(path: &Path, force: bool, pour: impl FnOnce(&mut File) -> Result<(), Fault>) -> Result<(), Fault> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", clock::nonce()));
    let placed = || {
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside);
        let mut file = created.map_err(|error| cannot_write(path, &error))?;
        pour(&mut file)?;
        let placed =
            file.sync_all().and_then(|()| if force { fs::rename(&beside, path) } else { place(&beside, path) });
        placed.map_err(|error| {
            let is_taken = error.kind() == ErrorKind::AlreadyExists;
            if is_taken { exists(path) } else { cannot_write(path, &error) }
        })
    };
    let placed = placed();
    if placed.is_err() {
        drop(fs::remove_file(&beside));
    }
    placed
}

/// A rename that takes no other's place.
fn place(beside: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, beside, CWD, path, RenameFlags::NOREPLACE) {
        // Disks of Windows, for one, cannot do it in one step.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if path.symlink_metadata().is_err() => {
            fs::rename(beside, path)
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Err(ErrorKind::AlreadyExists.into()),
        placed => Ok(placed?),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_file_is_its_owners_alone_and_takes_no_others_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("all.jsonl");
        write_bytes(&path, b"one", false).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(write_bytes(&path, b"two", false).unwrap_err().id, crate::fault::FaultId::Usage);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write_bytes(&path, b"two", true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_directory_gets_a_name_that_tells_when() {
        let directory = tempfile::tempdir().unwrap();
        let path = file_in(directory.path(), FormatWord::Har);
        assert!(path.display().to_string().contains("/ollama-forward-capture-20"), "{path:?}");
        assert_eq!(path.extension().unwrap(), "har");
        assert_eq!(file_in(Path::new("all.har"), FormatWord::Har), Path::new("all.har"));
        assert!(file_in(Path::new("new/"), FormatWord::Har).starts_with("new"));
    }
}
