//! Names of users and hosts: in paths of homes, and wherever else they stand as words. Pure.

use super::{begins, replace, run};

/// What stands where the name of a user was.
pub(super) const USER: &str = "USER";
const HOST: &str = "HOST";

/// What the system itself says of its names.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub users: Vec<String>,
    pub hosts: Vec<String>,
}

/// In lower case.
#[derive(Debug)]
pub(super) struct Names {
    users: Vec<String>,
    hosts: Vec<String>,
}

/// Names that tell nothing, and words that a report needs.
const COMMON: [&str; 38] = [
    "admin",
    "administrator",
    "alpine",
    "arch",
    "bridge",
    "codex",
    "config",
    "container",
    "debian",
    "default",
    "desktop",
    "doctor",
    "fedora",
    "forward",
    "gateway",
    "guest",
    "home",
    "linux",
    "linuxbrew",
    "localhost",
    "model",
    "network",
    "nobody",
    "ollama",
    "owner",
    "port",
    "public",
    "root",
    "server",
    "service",
    "system",
    "test",
    "ubuntu",
    "user",
    "users",
    "windows",
    "wsl",
    "yours",
];
/// A shorter one is too often a part of something else. As a user of a process and in a path it goes all the same.
const SHORTEST: usize = 4;
/// Longer than names of users may be on Windows (20) with some words of a full name.
const LONGEST: usize = 40;
/// Homes on Windows that are nobody's.
const NOBODY: [&str; 5] = ["public", "default", "default user", "all users", "user"];

impl Names {
    pub(super) fn new(known: &Known) -> Self {
        let tellable = |names: &[String]| -> Vec<String> {
            names.iter().map(|name| name.trim().to_lowercase()).filter(|name| is_telling(name)).collect()
        };
        Self { users: tellable(&known.users), hosts: tellable(&known.hosts) }
    }

    pub(super) fn learn(&mut self, text: &str) {
        for (at, _) in text.match_indices(['/', '\\']) {
            let (before, rest) = (&text[..=at], &text[at + 1..]);
            let Some((start, name)) = home(before, rest) else { continue };
            let name = name.to_lowercase();
            // Not the page `home` of some address.
            let is_path = is_root(before) || rest[..start].to_lowercase().starts_with("users");
            if is_path && is_telling(&name) && !self.users.contains(&name) {
                self.users.push(name);
            }
        }
    }

    pub(super) fn remove(&self, text: &str) -> String {
        let text = replace(text, |before, rest| {
            let (start, name) = home(before, rest)?;
            Some((start + name.len(), format!("{}{USER}", &rest[..start])))
        });
        replace(&text, |before, rest| {
            if !begins(before, is_word) {
                return None;
            }
            let found = |names: &[String]| names.iter().find_map(|name| starts_with_word(rest, name));
            let user = found(&self.users).map(|length| (length, USER.to_owned()));
            let host = || found(&self.hosts).or_else(|| windows_host(rest)).map(|length| (length, HOST.to_owned()));
            user.or_else(host)
        })
    }
}

fn is_telling(name: &str) -> bool {
    name.chars().count() >= SHORTEST && !is_common(name)
}

/// Whether it tells nothing of who sits there: `root`, `ollama`.
pub(super) fn is_common(name: &str) -> bool {
    COMMON.contains(&name)
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Whether this slash begins a path: it is not within one, nor within an address.
fn is_root(before: &str) -> bool {
    let before = before.trim_end_matches(['/', '\\']);
    before.is_empty() || before.ends_with(|letter: char| letter.is_whitespace() || "\"'`=:(,<[".contains(letter))
}

/// Behind a slash: `home/NAME`, `Users\NAME`, `Users\\NAME`. Where in it the name begins, and the name.
fn home<'a>(before: &str, rest: &'a str) -> Option<(usize, &'a str)> {
    if !before.ends_with(['/', '\\']) {
        return None;
    }
    let word = run(rest, |letter| letter.is_ascii_alphabetic());
    let on_windows = word.eq_ignore_ascii_case("users");
    let slashes = run(&rest[word.len()..], |letter| letter == '/' || letter == '\\');
    if slashes.is_empty() || !(on_windows || word == "home") {
        return None;
    }
    let start = word.len() + slashes.len();
    let name = name(&rest[start..], on_windows);
    let is_name = name.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    (is_name && name != USER && !(on_windows && NOBODY.contains(&name.to_lowercase().as_str())))
        .then_some((start, name))
}

/// A name on Windows may have spaces, where the path goes on behind it.
fn name(text: &str, on_windows: bool) -> &str {
    let ends = |letter: char| letter.is_control() || "/\\\"'`:,;()<>|[]{}=*?".contains(letter);
    let word = run(text, |letter| !ends(letter) && !letter.is_whitespace());
    let whole = run(text, |letter| !ends(letter));
    let goes_on = text[whole.len()..].starts_with(['/', '\\', '"', '\'']) && !whole.ends_with(' ');
    if on_windows && goes_on && whole.len() <= LONGEST { whole } else { word }
}

/// How long the name at the beginning of this is, when it stands there as a word.
fn starts_with_word(rest: &str, name: &str) -> Option<usize> {
    let mut letters = rest.char_indices();
    for wanted in name.chars() {
        let (_, letter) = letters.next()?;
        if !letter.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    let length = letters.next().map_or(rest.len(), |(at, _)| at);
    (!rest[length..].starts_with(is_word)).then_some(length)
}

/// The names that Windows gives to machines by itself.
fn windows_host(rest: &str) -> Option<usize> {
    let start = ["DESKTOP-", "LAPTOP-", "WIN-"].into_iter().find(|start| rest.starts_with(start))?;
    let end = run(&rest[start.len()..], |letter| letter.is_ascii_uppercase() || letter.is_ascii_digit());
    ((7..=11).contains(&end.len()) && !rest[start.len() + end.len()..].starts_with(is_word))
        .then_some(start.len() + end.len())
}
