//! When Codex has ended: which session it was, and how to go on with it through us.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::desk::Desk;
use super::forward::typed_as;
use super::machine::Machine;
use crate::doctor::program::quoted;
use crate::launch::args::Verb;
use crate::launch::rollout::{Session, session};
use crate::launch::{PROFILE, command};
use crate::words;

/// The first line holds Codex's instructions, too: 22 kB.
const LONGEST_LINE: u64 = 1 << 20;
/// Years of sessions. With more than this, `--last` has to do.
const MOST_ENTRIES: usize = 50_000;
/// `sessions/YYYY/MM/DD/`
const DEPTH: usize = 4;

/// The session that was written last, if that was since then, and through us.
pub(super) fn newest(home: &Path, since: SystemTime) -> Option<Session> {
    let mut files = Vec::new();
    let mut left = MOST_ENTRIES;
    collect(&home.join("sessions"), DEPTH, &mut left, &mut files);
    files.retain(|(time, _)| *time >= since);
    files.sort_by(|a, b| b.cmp(a));
    let sessions = files.iter().filter_map(|(_, path)| session(&first_line(path)?));
    // An older Codex does not tell the provider.
    sessions.into_iter().find(|it| !it.is_child && it.provider.as_deref().is_none_or(|by| by == PROFILE))
}

/// All files below, with the time of their last change.
fn collect(directory: &Path, depth: usize, left: &mut usize, files: &mut Vec<(SystemTime, PathBuf)>) {
    let Some(deeper) = depth.checked_sub(1) else { return };
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Some(fewer) = left.checked_sub(1) else { return };
        *left = fewer;
        let path = entry.path();
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => collect(&path, deeper, left, files),
            Ok(meta) if meta.is_file() && path.extension().is_some_and(|it| it == "jsonl") => {
                files.extend(meta.modified().ok().map(|time| (time, path)));
            }
            Ok(_) | Err(_) => {}
        }
    }
}

fn first_line(path: &Path) -> Option<String> {
    let mut line = String::new();
    BufReader::new(File::open(path).ok()?.take(LONGEST_LINE)).read_line(&mut line).ok()?;
    Some(line)
}

/// How to go on.
pub(super) fn tell(desk: &Desk<'_>, machine: &Machine, verb: Verb, session: Option<&Session>) {
    if verb == Verb::Other {
        return;
    }
    let typed = desk.typed;
    let own: Vec<String> = [
        typed.upstream.as_ref().map(|upstream| format!("--upstream={}", typed_as(upstream))),
        typed.listen_port.map(|port| format!("--listen-port={port}")),
        typed.instructions.map(|how| format!("--instructions={}", how.word())),
        typed.offline.then(|| "--offline".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let words = command::resume(&own, verb, session.map(|session| session.id.as_str()));
    let line = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    desk.hint(&match session {
        Some(_) => words!("to go on with this session: {line}", "pour reprendre cette session : {line}"),
        None => words!("to go on with the last session: {line}", "pour reprendre la dernière session : {line}"),
    });
    if machine.goes_to_cloud() {
        desk.hint(&words!(
            "a plain `codex resume` would send it to a hosted service",
            "un simple `codex resume` l'enverrait à un service en ligne"
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A session's file, changed so many seconds after the beginning.
    fn write(home: &Path, name: &str, payload: &str, at: u64) {
        let path = home.join("sessions/2026/11/28").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("{{\"type\":\"session_meta\",\"payload\":{payload}}}\n{{}}\n")).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(at)).unwrap();
    }

    #[test]
    fn the_session_is_the_last_one_that_went_through_us() {
        let home = tempfile::tempdir().unwrap();
        let since = |at| SystemTime::UNIX_EPOCH + Duration::from_secs(at);
        assert_eq!(newest(home.path(), since(0)), None);
        write(home.path(), "a.jsonl", r#"{"id":"a","source":"exec","model_provider":"ollama-forward"}"#, 10);
        write(home.path(), "b.jsonl", r#"{"id":"b","source":{"subagent":"x"},"model_provider":"ollama-forward"}"#, 11);
        write(home.path(), "c.jsonl", r#"{"id":"c","source":"cli","model_provider":"openai"}"#, 12);
        write(home.path(), "d.txt", r#"{"id":"d"}"#, 13);
        assert_eq!(newest(home.path(), since(5)).map(|session| session.id).as_deref(), Some("a"));
        assert_eq!(newest(home.path(), since(11)), None, "that was before");
    }
}
