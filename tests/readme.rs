//! Two READMEs, one truth: the French one has the headings and the commands of the English one, and neither speaks of an
//! option that does not exist.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::process::Command;

const ENGLISH: &str = include_str!("../README.md");
const FRENCH: &str = include_str!("../README.fr.md");

#[test]
fn both_have_the_same_outline() {
    let levels =
        |text| lines(text).filter(|line| line.kind == Kind::Heading).map(|line| level(line.text)).collect::<Vec<_>>();
    assert_eq!(levels(ENGLISH), levels(FRENCH));
    assert!(levels(ENGLISH).len() > 10, "the headings were not found");
}

#[test]
fn both_have_the_same_code_blocks() {
    let code = |text| lines(text).filter(|line| line.kind == Kind::Code).map(|line| line.text).collect::<Vec<_>>();
    assert_eq!(code(ENGLISH), code(FRENCH));
    assert!(code(ENGLISH).len() > 20, "the blocks were not found");
}

#[test]
fn both_tables_of_options_and_of_codes_have_the_same_rows() {
    let first_cells = |text| {
        let rows = lines(text).filter(|line| line.text.starts_with("| `-") || line.text.starts_with("| `E-"));
        rows.map(|line| line.text.split('`').nth(1).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(first_cells(ENGLISH), first_cells(FRENCH));
    assert!(first_cells(ENGLISH).contains(&"--upstream WHERE"), "the rows were not found");
}

#[test]
fn every_option_exists() {
    let run = said(&["--help"]);
    let commands: BTreeMap<String, String> =
        names(&run).into_iter().map(|name| (name.clone(), help_of(&name))).collect();
    let anywhere: String = commands.values().chain([&run]).cloned().collect();
    for text in [ENGLISH, FRENCH] {
        for (command, option) in options(text) {
            let (own, behind) = command.split_once(" -- ").unwrap_or((command, ""));
            let name = own.split_whitespace().nth(1).unwrap_or_default();
            let is_behind = behind.split_whitespace().any(|word| word.starts_with(option));
            let help = match commands.get(name) {
                // Behind `--` stand Codex's own words, and for the service those of a run.
                Some(_) if is_behind && name == "codex" => continue,
                Some(_) if is_behind => &run,
                Some(help) => help,
                // Without the command, the text around it says whose it is.
                None if command.starts_with("--") => &anywhere,
                None => &run,
            };
            let known = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == option);
            assert!(known, "{option} of {command:?} is not in:\n{help}");
        }
    }
    assert!(options(ENGLISH).len() > 15, "the options were not found");
}

/// The help of `capture` and of all its commands.
/// The help of a command, with that of its commands.
fn help_of(name: &str) -> String {
    let own = said(&[name, "--help"]);
    names(&own).iter().map(|inner| said(&[name, inner, "--help"])).chain([own.clone()]).collect()
}

/// The commands that a help lists.
fn names(help: &str) -> Vec<String> {
    let commands = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let names = commands.take_while(|line| !line.is_empty()).filter_map(|line| {
        // What goes on in a second line stands further right.
        let line = line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?;
        line.split_whitespace().next().filter(|name| *name != "help").map(str::to_owned)
    });
    names.collect()
}

#[test]
fn every_default_is_the_one_of_the_help() {
    let help = said(&["--help"]).split_whitespace().collect::<Vec<_>>().join(" ");
    let rows = [ENGLISH, FRENCH].into_iter().flat_map(str::lines).filter(|line| line.starts_with("| `--"));
    // Code and what stands between it; a default that is not code is a sentence.
    let cells = rows.map(|row| row.split('`').collect::<Vec<_>>());
    let defaults: Vec<_> = cells.filter(|cells| cells[2] == " | ").map(|cells| (cells[1], cells[3])).collect();
    assert!(defaults.len() > 15, "the rows were not found");
    for (option, default) in defaults {
        let name = option.split(' ').next().unwrap();
        let described = help.split_once(&format!("{name} <")).unwrap_or_else(|| panic!("no {name}")).1;
        let found = described.split_once("[default: ").map(|(_, rest)| rest.split(']').next().unwrap());
        assert_eq!(found, Some(default), "{option}");
    }
}

/// What `explain` prints in the README is what it prints.
#[test]
fn the_explanation_shown_is_the_real_one() {
    assert!(ENGLISH.contains(&said(&["explain", "E-PORT-TAKEN"])));
}

#[test]
fn every_error_id_is_explained() {
    let catalogue = said(&["explain"]);
    for text in [ENGLISH, FRENCH] {
        for id in words(text).filter(|word| word.starts_with("E-")) {
            assert!(catalogue.contains(id), "{id} is not in:\n{catalogue}");
        }
    }
}

#[test]
fn french_punctuation_does_not_begin_a_line() {
    for line in lines(FRENCH).filter(|line| line.kind != Kind::Code) {
        // Every second piece is code.
        for prose in line.text.split('`').step_by(2) {
            for sign in [" :", " ;", " ?", " !", " »", "« "] {
                assert!(!prose.contains(sign), "a breaking space at {sign:?} in: {}", line.text);
            }
        }
    }
}

#[test]
fn every_link_within_leads_to_a_heading() {
    for text in [ENGLISH, FRENCH] {
        let headings = lines(text).filter(|line| line.kind == Kind::Heading).map(|line| anchor(line.text));
        let headings: Vec<_> = headings.collect();
        let links: Vec<_> = text.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
        assert!(links.len() > 5, "the links were not found");
        for link in links {
            assert!(headings.iter().any(|heading| heading == link), "#{link} is none of {headings:?}");
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Heading,
    Code,
    Prose,
}

struct Line {
    kind: Kind,
    text: &'static str,
}

/// The fences belong to the code: they name its language.
fn lines(text: &'static str) -> impl Iterator<Item = Line> {
    let mut fenced = false;
    text.lines().map(move |text| {
        let fence = text.starts_with("```");
        let kind = match (fenced || fence, level(text)) {
            (true, _) => Kind::Code,
            (false, 1..) => Kind::Heading,
            (false, 0) => Kind::Prose,
        };
        fenced ^= fence;
        Line { kind, text }
    })
}

fn level(text: &str) -> usize {
    let hashes = text.bytes().take_while(|b| *b == b'#').count();
    if text[hashes..].starts_with(' ') { hashes } else { 0 }
}

/// As GitHub makes them: small letters, digits and hyphens, a hyphen for each blank.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    words.replace(' ', "-").chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
}

/// Each long option with the command that it is given to: in commands of ours, and in code that begins with it.
fn options(text: &'static str) -> Vec<(&'static str, &'static str)> {
    let blocks = lines(text).filter(|line| line.kind == Kind::Code).map(|line| line.text.trim_start_matches("$ "));
    let spans =
        lines(text).filter(|line| line.kind == Kind::Prose).flat_map(|line| line.text.split('`').skip(1).step_by(2));
    let commands = blocks.chain(spans).filter(|code| code.starts_with("ollama-forward") || code.starts_with("--"));
    let options = |command: &'static str| {
        let long = command
            .split(|c: char| c.is_whitespace() || c == '=' || c == '[')
            .filter(|word| word.len() > 2 && word.starts_with("--"));
        long.map(move |option| (command, option))
    };
    // Those of scripts/install.sh, which the program need not know.
    commands.flat_map(options).filter(|(_, option)| !["--uninstall"].contains(option)).collect()
}

fn words(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
}

#[track_caller]
fn said(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ollama-forward"))
        .env("OLLAMA_FORWARD_LANG", "en")
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
