//! `ollama-forward version`: which build this is, and what has changed.
//!
//! Who builds a release says what it is built from, in two variables: there is no git where people build from a tarball,
//! and a build that asks it gives another binary in each clone.

use std::env::consts::{ARCH, OS};

use chrono::DateTime;
use serde::Serialize;

use super::Ended;
use crate::fault::Fault;
use crate::words;
use crate::words::{Lang, Words};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit, when a release is built.
const COMMIT: Option<&str> = option_env!("OLLAMA_FORWARD_COMMIT");
/// The commit's time, in seconds (reproducible-builds.org: `SOURCE_DATE_EPOCH`).
const EPOCH: Option<&str> = option_env!("SOURCE_DATE_EPOCH");

const CHANGES: &str = include_str!("../changelog.md");
const CHANGES_FR: &str = include_str!("../changelog.fr.md");

/// What `--json` prints.
const SCHEMA_VERSION: u32 = 1;

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Build {
    schema_version: u32,
    version: &'static str,
    commit: Option<String>,
    /// As `2026-11-28`, in UTC.
    date: Option<String>,
    target: String,
    features: Vec<&'static str>,
}

/// Does what was typed.
#[expect(clippy::unnecessary_wraps, reason = "commands may fail")]
pub(super) fn version(json: bool, changes: bool, lang: Lang) -> Result<Ended, Fault> {
    let build = Build::of(COMMIT, EPOCH);
    Ok(Ended::Printed(match (json, changes) {
        (true, _) => serde_json::json!(build).to_string() + "\n",
        (false, true) => changelog(lang).to_owned(),
        (false, false) => build.text().of(lang),
    }))
}

fn changelog(lang: Lang) -> &'static str {
    match lang {
        Lang::En => CHANGES,
        Lang::Fr => CHANGES_FR,
    }
}

impl Build {
    fn of(commit: Option<&str>, epoch: Option<&str>) -> Self {
        let is_known = |text: &&str| !text.trim().is_empty();
        let date = epoch.and_then(|seconds| DateTime::from_timestamp(seconds.trim().parse().ok()?, 0));
        Self {
            schema_version: SCHEMA_VERSION,
            version: VERSION,
            commit: commit.filter(is_known).map(|commit| commit.trim().to_owned()),
            date: date.map(|date| date.format("%Y-%m-%d").to_string()),
            target: target(),
            features: features(),
        }
    }

    fn text(&self) -> Words {
        let Self { version, target, .. } = self;
        let known = [self.commit.as_deref().map(|commit| commit.get(..12).unwrap_or(commit)), self.date.as_deref()];
        let known: Vec<&str> = known.into_iter().flatten().collect();
        let from = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
        let built = if self.features.is_empty() { String::new() } else { format!(", {}", self.features.join(", ")) };
        words!(
            "ollama-forward {version}{from}\nbuilt for {target}{built}\nwhat is new: ollama-forward version --changes\n",
            "ollama-forward {version}{from}\ncompilé pour {target}{built}\nnouveautés : ollama-forward version --changes\n"
        )
    }
}

/// As rustc names it, as far as a program can know: what it was compiled with.
fn target() -> String {
    let libc = if cfg!(target_env = "musl") {
        "musl"
    } else if cfg!(target_env = "gnu") {
        "gnu"
    } else {
        return format!("{ARCH}-unknown-{OS}");
    };
    format!("{ARCH}-unknown-{OS}-{libc}")
}

/// What tells this build from others of its version.
fn features() -> Vec<&'static str> {
    let all = [("static", cfg!(target_feature = "crt-static")), ("debug", cfg!(debug_assertions))];
    all.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headings(text: &str, mark: &str) -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix(mark)).map(str::to_owned).collect()
    }

    #[test]
    fn the_changelog_begins_with_this_version_in_both_languages() {
        for text in [CHANGES, CHANGES_FR] {
            let newest = headings(text, "## ").remove(0);
            let (version, date) = newest.split_once(" - ").unwrap();
            assert_eq!(version, VERSION);
            assert!(date.parse::<chrono::NaiveDate>().is_ok(), "{date}");
        }
    }

    #[test]
    fn the_changelogs_are_of_one_shape() {
        assert_eq!(headings(CHANGES, "## "), headings(CHANGES_FR, "## "));
        assert_eq!(headings(CHANGES, "### ").len(), headings(CHANGES_FR, "### ").len());
        assert_eq!(headings(CHANGES, "- ").len(), headings(CHANGES_FR, "- ").len());
        let mut dates: Vec<_> =
            headings(CHANGES, "## ").iter().map(|line| line.split_once(" - ").unwrap().1.to_owned()).collect();
        let newest_first = dates.clone();
        dates.sort_by(|a, b| b.cmp(a));
        assert_eq!(dates, newest_first);
    }

    #[track_caller]
    fn check(commit: Option<&str>, epoch: Option<&str>, first: &str) {
        let text = Build::of(commit, epoch).text();
        assert_eq!(text.en.lines().next(), Some(format!("ollama-forward {VERSION}{first}").as_str()));
        assert!(text.fr.contains(first));
    }

    #[test]
    fn what_is_known_of_a_build_is_told() {
        check(None, None, "");
        check(Some(" \n"), Some("yesterday"), "");
        check(Some("0123456789abcdef0123456789abcdef01234567"), None, " (0123456789ab)");
        check(Some("abc"), Some("1795824000"), " (abc, 2026-11-28)");
    }

    #[test]
    fn programs_are_told_all_of_it() {
        let json = serde_json::json!(Build::of(Some("0123456789abcdef"), Some("0")));
        assert_eq!((&json["commit"], &json["date"]), (&"0123456789abcdef".into(), &"1970-01-01".into()));
        assert_eq!((json["schema_version"].as_u64(), json["version"].as_str()), (Some(1), Some(VERSION)));
        assert!(json["target"].as_str().unwrap().starts_with(ARCH), "{json}");
        let features = json["features"].as_array().unwrap();
        assert_eq!(features.contains(&"debug".into()), cfg!(debug_assertions), "{json}");
        assert!(serde_json::json!(Build::of(None, None))["commit"].is_null());
    }
}
