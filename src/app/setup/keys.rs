//! The keys of our own configuration file, changed one by one. Pure.
//!
//! The file is the user's: its comments, its order and all that is not asked about stay as they are. That is what
//! `toml_edit` is for; `toml` alone could only write it anew.

use toml_edit::{DocumentMut, Item, Value};

use super::plan::Values;
use crate::config::Upstream;
use crate::words;
use crate::words::Words;

/// What stands at the top of a file that was not there before.
const HEAD: &str = "# Written by `ollama-forward setup`. Every option of `ollama-forward --help` can stand here.\n\n";

/// The text with which a run will be as it is `wanted`. None: it is so already.
///
/// Only keys that differ are written, so a new file holds what differs from the defaults.
pub(super) fn edited(old: Option<&str>, is: &Values, wanted: &Values) -> Result<Option<String>, Words> {
    if is == wanted {
        return Ok(None);
    }
    let old = old.unwrap_or(HEAD);
    let mut file: DocumentMut = old.parse().map_err(|error: toml_edit::TomlError| {
        let why = error.message();
        words!("the configuration cannot be read: {why}", "la configuration est illisible : {why}")
    })?;
    // Comments that no key follows would end up behind what is added.
    let above = if file.is_empty() { old } else { "" };
    if file.is_empty() {
        file = DocumentMut::new();
    }
    if is.upstream != wanted.upstream {
        let old_name = file.contains_key("ollama_url") && !file.contains_key("upstream");
        let key = if old_name { "ollama_url" } else { "upstream" };
        set(&mut file, key, upstream_word(&wanted.upstream).into());
    }
    if is.port != wanted.port {
        set(&mut file, "listen_port", i64::from(wanted.port).into());
    }
    if is.translate != wanted.translate {
        set(&mut file, "translate", wanted.translate.into());
    }
    if is.capture != wanted.capture {
        set(&mut file, "capture", wanted.capture.into());
    }
    let apart = if above.is_empty() || above.ends_with('\n') { "" } else { "\n" };
    Ok(Some(format!("{above}{apart}{file}")))
}

/// What is written around an old value, such as a comment behind it, stays.
fn set(file: &mut DocumentMut, key: &str, mut value: Value) {
    match file.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            file.insert(key, Item::Value(value));
        }
    }
}

/// As it is typed behind `--upstream`.
pub(super) fn upstream_word(upstream: &Upstream) -> String {
    match upstream {
        Upstream::Auto(crate::config::OLLAMA_PORT) => "auto".to_owned(),
        Upstream::Auto(port) => format!("auto:{port}"),
        Upstream::Demo => "demo".to_owned(),
        Upstream::Address(address) => address.to_string(),
        Upstream::Name { host, port } => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::config::parse_file;

    fn usual() -> Values {
        Values { upstream: Upstream::Auto(11434), port: 11434, translate: false, capture: false }
    }

    fn wanted() -> Values {
        Values { upstream: "pc".parse().unwrap(), port: 11435, translate: true, capture: true }
    }

    #[track_caller]
    fn check(old: Option<&str>, is: &Values, wanted: &Values, new: Option<&str>) {
        let text = edited(old, is, wanted).unwrap();
        assert_eq!(text.as_deref(), new);
        if let Some(text) = text {
            parse_file("config.toml", &text).unwrap();
        }
    }

    #[test]
    fn a_new_file_holds_what_differs_from_the_defaults() {
        let translates = Values { translate: true, ..usual() };
        check(None, &usual(), &translates, Some(&format!("{HEAD}translate = true\n")));
        check(
            None,
            &usual(),
            &wanted(),
            Some(&format!("{HEAD}upstream = \"pc:11434\"\nlisten_port = 11435\ntranslate = true\ncapture = true\n")),
        );
    }

    #[test]
    fn what_is_so_already_is_left_alone() {
        check(None, &usual(), &usual(), None);
        check(Some("# mine\ntranslate=true # yes\n"), &wanted(), &wanted(), None);
    }

    #[test]
    fn comments_order_and_other_keys_stay() {
        let old = "# mine\nmax_connections = 7 # few\n\ntranslate   =   false  # not yet\nlisten_port = 12000\n";
        let is = Values { port: 12000, ..usual() };
        let new = "# mine\nmax_connections = 7 # few\n\ntranslate   =   true  # not yet\nlisten_port = 12000\n";
        check(Some(old), &is, &Values { translate: true, ..is.clone() }, Some(new));
    }

    #[test]
    fn the_key_that_is_there_is_the_one_that_changes() {
        let is = Values { upstream: "old".parse().unwrap(), ..usual() };
        let wanted = Values { upstream: Upstream::Auto(11434), ..usual() };
        check(Some("ollama_url = \"old\"\n"), &is, &wanted, Some("ollama_url = \"auto\"\n"));
        check(Some("upstream = 'old'\n"), &is, &wanted, Some("upstream = \"auto\"\n"));
    }

    #[test]
    fn a_file_that_ends_in_a_comment_keeps_it() {
        let new = Values { translate: true, ..usual() };
        check(Some("# only a remark\n"), &usual(), &new, Some("# only a remark\ntranslate = true\n"));
        check(Some("# no end of line"), &usual(), &new, Some("# no end of line\ntranslate = true\n"));
        check(Some("quiet = true\n# the end\n"), &usual(), &new, Some("quiet = true\ntranslate = true\n# the end\n"));
    }

    #[test]
    fn every_upstream_is_read_back_as_it_was() {
        for word in ["auto", "auto:11500", "demo", "10.0.0.1:11434", "[::1]:7", "pc:11434"] {
            let upstream: Upstream = word.parse().unwrap();
            assert_eq!(upstream_word(&upstream), word);
        }
    }
}
