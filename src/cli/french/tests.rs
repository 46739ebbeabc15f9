use std::collections::BTreeSet;

use clap::{ArgAction, Command, CommandFactory};

use super::super::{Cli, command_to_read};
use super::*;

/// Texts that are the same in both languages, as they hold only names.
const SAME: &[&str] = &[
    "English",
    "Français",
    "/api/chat",
    "HTTP Archive 1.2",
    "`~/.bashrc`",
    "`~/.zshrc`",
    "`~/.config/fish/config.fish`",
    "The shell",
];

/// The English command line as clap builds it, with all that it adds.
fn english() -> Command {
    command_to_read(Lang::En)
}

/// Every command that is shown, with the names that lead to it; not `help`, which repeats them all.
fn commands(command: &Command, above: &str, seen: &mut Vec<(String, Command)>) {
    seen.push((above.to_owned(), command.clone()));
    for below in command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help") {
        let path = format!("{above} {}", below.get_name());
        commands(below, path.trim(), seen);
    }
}

fn all(command: &Command) -> Vec<(String, Command)> {
    let mut seen = Vec::new();
    commands(command, "", &mut seen);
    seen
}

fn is_claps(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version)
}

#[test]
fn every_command_and_every_argument_has_a_french_text_of_its_own() {
    let mut missing = Vec::new();
    let mut looked_at = 0;
    for (path, command) in all(&english()) {
        let place: Vec<_> = path.split(' ').filter(|name| !name.is_empty()).collect();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        match page(&path) {
            None => missing.push(format!("command `{path}`: {about}")),
            Some(page) if page.about == about || about.is_empty() => missing.push(format!("command `{path}`: {about}")),
            Some(page) if page.after.is_empty() != command.get_after_help().is_none() => {
                missing.push(format!("what stands below `{path}`"));
            }
            Some(_) => {}
        }
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set() && !is_claps(arg)) {
            looked_at += 1;
            if let Some(heading) = arg.get_help_heading().filter(|name| HEADINGS.iter().all(|(known, _)| known != name))
            {
                missing.push(format!("the heading {heading}"));
            }
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let french = text(&place, arg.get_id().as_str());
            if help.is_empty() || french.is_none_or(|french| french == help) {
                missing.push(format!("`{path}` {}: {help}", arg.get_id()));
            }
        }
    }
    assert!(looked_at > 100, "the arguments were not found");
    assert!(missing.is_empty(), "without a French text:\n{}", missing.join("\n"));
}

#[test]
fn every_value_that_explains_itself_does_so_in_french() {
    let mut missing = Vec::new();
    for (path, command) in all(&english()) {
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            for value in arg.get_possible_values() {
                let Some(english) = value.get_help().map(ToString::to_string) else { continue };
                let french = values::french(arg.get_id().as_str(), value.clone());
                let french = french.get_help().map(ToString::to_string).unwrap_or_default();
                if french == english && !SAME.contains(&english.as_str()) {
                    missing.push(format!("`{path}` {}: {}: {english}", arg.get_id(), value.get_name()));
                }
            }
        }
    }
    missing.dedup();
    assert!(missing.is_empty(), "without a French text:\n{}", missing.join("\n"));
}

#[test]
fn the_tables_name_nothing_that_does_not_exist() {
    let all = all(&english());
    let mut paths = BTreeSet::new();
    for page in pages() {
        assert!(paths.insert(page.path), "`{}` stands there twice", page.path);
        let (_, command) =
            all.iter().find(|(path, _)| path == page.path).unwrap_or_else(|| panic!("no `{}`", page.path));
        for (id, _) in page.args {
            assert!(command.get_arguments().any(|arg| arg.get_id() == id), "`{}` has no {id}", page.path);
        }
    }
    for (id, name, _) in values::VALUES {
        let exists = |command: &Command| {
            let mut args = command.get_arguments().filter(|arg| arg.get_id() == id);
            args.any(|arg| arg.get_possible_values().iter().any(|value| value.get_name() == *name))
        };
        assert!(all.iter().any(|(_, command)| exists(command)), "no {id} takes {name}");
    }
}

#[test]
fn the_examples_are_the_same_commands() {
    for (path, command) in all(&english()) {
        let Some(english) = command.get_after_help().map(ToString::to_string) else { continue };
        let french = page(&path).map_or("", |page| page.after);
        assert_eq!(examples(&english), examples(french), "`{path}`");
        assert!(!examples(french).is_empty(), "`{path}`: no examples were found");
        // The remarks begin in the same column.
        assert_eq!(columns(&english), columns(french), "`{path}`");
    }
}

/// The commands: what is indented, up to two blanks.
fn examples(text: &str) -> Vec<&str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("  "));
    lines.map(|line| line.split("  ").next().unwrap_or_default()).collect()
}

fn columns(text: &str) -> Vec<Option<usize>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("  "));
    lines.map(|line| line.find("  ").map(|at| line.len() - line[at..].trim_start().len())).collect()
}

/// Bytes that are written in English: what a French help must not hold.
const ENGLISH: &[&str] =
    &["Usage: ", "Options:", "Commands:", "Arguments:", "[default", "ossible values", "Print ", "<COMMAND>"];

#[test]
fn help_is_all_french() {
    for (path, _) in all(&english()) {
        for flag in ["-h", "--help"] {
            let words = std::iter::once("ollama-forward").chain(path.split(' ').filter(|name| !name.is_empty()));
            let typed = words.chain([flag]);
            let help = crate::cli::command(Lang::Fr).try_get_matches_from(typed).unwrap_err().to_string();
            for english in ENGLISH {
                assert!(!help.contains(english), "`{path}` {flag} says {english}:\n{help}");
            }
            assert!(help.contains("Usage\u{a0}: ollama-forward"), "`{path}` {flag}:\n{help}");
        }
    }
}

#[test]
fn both_languages_take_the_same_command_line() {
    let shape = |command: &Command| {
        let args = |command: &Command| command.get_arguments().map(ToString::to_string).collect::<Vec<_>>();
        all(command).iter().map(|(path, command)| (path.clone(), args(command))).collect::<Vec<_>>()
    };
    let mut english = Cli::command();
    english.build();
    assert_eq!(shape(&english), shape(&crate::cli::command(Lang::Fr)));
}

#[track_caller]
fn asks_for(words: &[&str], lang: Lang) {
    let words: Vec<_> = std::iter::once(&"ollama-forward").chain(words).map(Into::into).collect();
    assert_eq!(crate::cli::asked_language(&words), lang, "{words:?}");
}

#[test]
fn the_language_is_known_before_anything_is_parsed() {
    asks_for(&["--lang", "fr", "--nonsense"], Lang::Fr);
    asks_for(&["status", "--lang=fr"], Lang::Fr);
    asks_for(&["--lang=fr", "--lang", "en"], Lang::Fr);
    asks_for(&["--lang=en"], Lang::En);
    let words = |words: &[&str]| words.iter().map(Into::into).collect::<Vec<std::ffi::OsString>>();
    let (kept, lang) =
        crate::cli::without_language(words(&["x", "--lang", "fr", "status", "--json", "--", "--lang=en"]));
    assert_eq!((kept, lang), (words(&["x", "status", "--json", "--", "--lang=en"]), Some(Lang::Fr)));
    let (kept, lang) = crate::cli::without_language(words(&["x", "--lang", "de"]));
    assert_eq!((kept, lang), (words(&["x", "--lang", "de"]), None));
    // Behind `--` are the words of another program; what the environment says is the same with and without them.
    asks_for(&["codex", "--", "--lang", "fr"], crate::cli::asked_language(&[]));
}
