//! The doctor's page as people meet it, and the object as programs do: made-up outcomes, drawn in many ways.
//!
//! The pages are golden files, `tests/fixtures/doctor/*`. After a change that is meant:
//! `GOLDEN=write cargo test --test doctor_page`, and read them: they are to be a pleasure.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use ollama_forward::doctor::network::{Tried, TriedHow};
use ollama_forward::doctor::render::{Extent, Frame, Look, json, list, page};
use ollama_forward::doctor::{Check, Fact, Facts, Outcome, Status, judge};
use ollama_forward::gateway::Refusal;
use ollama_forward::gateway::identify::DialFault;
use ollama_forward::gateway::select::How;
use ollama_forward::gateway::wsl::Mode;
use ollama_forward::words::Lang;

#[path = "doctor_page/tables.rs"]
mod tables;

use tables::{HEALTHY, MANY, SILENT, UNKNOWN};

const EN: Look = Look { lang: Lang::En, width: 80, color: false, ascii: false, extent: Extent::Normal };
const FR: Look = Look { lang: Lang::Fr, ..EN };

/// Name of the golden file, the table, and how it is drawn.
const PAGES: &[(&str, &[Check], Look)] = &[
    ("healthy.en.80", HEALTHY, EN),
    ("healthy.fr.60", HEALTHY, Look { width: 60, ..FR }),
    ("healthy.all.en.120.color", HEALTHY, Look { width: 120, color: true, extent: Extent::All, ..EN }),
    ("healthy.summary.fr.80", HEALTHY, Look { extent: Extent::Summary, ..FR }),
    ("silent.en.60", SILENT, Look { width: 60, ..EN }),
    ("silent.en.80", SILENT, EN),
    ("silent.en.120", SILENT, Look { width: 120, ..EN }),
    ("silent.en.80.color", SILENT, Look { color: true, ..EN }),
    ("silent.fr.80", SILENT, FR),
    ("silent.all.fr.80", SILENT, Look { extent: Extent::All, ..FR }),
    ("silent.ascii.fr.80", SILENT, Look { ascii: true, ..FR }),
    ("silent.summary.en.80", SILENT, Look { extent: Extent::Summary, ..EN }),
    ("many.en.80", MANY, EN),
    ("many.fr.60", MANY, Look { width: 60, ..FR }),
    ("many.all.en.80", MANY, Look { extent: Extent::All, ..EN }),
    ("many.ascii.en.80.color", MANY, Look { ascii: true, color: true, ..EN }),
    ("many.summary.fr.80", MANY, Look { extent: Extent::Summary, ..FR }),
    ("unknown.en.80", UNKNOWN, EN),
    ("unknown.all.fr.80", UNKNOWN, Look { extent: Extent::All, ..FR }),
];

#[test]
fn pages_are_as_they_were() {
    for (name, table, look) in PAGES {
        golden(&format!("{name}.txt"), &drawn(table, look));
    }
}

#[test]
fn objects_are_as_they_were() {
    for (name, table, lang) in
        [("healthy.en", HEALTHY, Lang::En), ("many.en", MANY, Lang::En), ("many.fr", MANY, Lang::Fr)]
    {
        let facts = facts(table);
        let text = json::object(&judge(table, &facts), &facts, &frame(), lang);
        assert!(!text.contains('\n'), "{name} is not one line");
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        golden(&format!("{name}.json"), &(serde_json::to_string_pretty(&object).unwrap() + "\n"));
    }
}

#[test]
fn the_list_is_as_it_was() {
    let table: Vec<&'static Check> = MANY.iter().collect();
    golden("list.en.txt", &list::text(&table, &EN));
    golden("list.fr.60.txt", &list::text(&table, &Look { width: 60, ..FR }));
    let object: serde_json::Value = serde_json::from_str(&list::object(&table, Lang::Fr)).unwrap();
    assert_eq!(object["schema_version"], 1);
    let row = &object["checks"][2];
    assert_eq!((&row["id"], &row["group"], &row["needs"][0]), (&"reach".into(), &"network".into(), &"route".into()));
    assert_eq!(object["checks"].as_array().unwrap().len(), MANY.len());
}

#[test]
fn keys_and_words_for_programs_are_the_same_in_every_language() {
    let facts = facts(MANY);
    let [en, fr] = [Lang::En, Lang::Fr].map(|lang| -> serde_json::Value {
        serde_json::from_str(&json::object(&judge(MANY, &facts), &facts, &frame(), lang)).unwrap()
    });
    for path in ["/overall", "/exit_code", "/counts", "/notes", "/mode", "/upstream", "/took_ms"] {
        assert_eq!(en.pointer(path).unwrap(), fr.pointer(path).unwrap(), "{path}");
    }
    let rows = |object: &serde_json::Value| object["checks"].as_array().unwrap().clone();
    for (en, fr) in rows(&en).iter().zip(&rows(&fr)) {
        for key in ["id", "group", "status", "waits_for"] {
            assert_eq!(en[key], fr[key], "{key} of {}", en["id"]);
        }
        for (en, fr) in en["remedies"].as_array().unwrap().iter().zip(fr["remedies"].as_array().unwrap()) {
            for key in ["where", "file", "commands", "undo", "fixable"] {
                assert_eq!(en[key], fr[key], "{key} of {en}");
            }
        }
    }
}

#[test]
fn strict_lets_a_warning_count() {
    let facts = facts(HEALTHY);
    let warned: Vec<Outcome> = judge(MANY, &facts).into_iter().filter(|outcome| outcome.check.id == "proxy").collect();
    let code = |strict| -> serde_json::Value {
        let frame = Frame { strict, ..frame() };
        let object: serde_json::Value = serde_json::from_str(&json::object(&warned, &facts, &frame, Lang::En)).unwrap();
        assert_eq!(object["overall"], "warning");
        object["exit_code"].clone()
    };
    assert_eq!((code(false), code(true)), (0.into(), 1.into()));
}

/// Every table, in every look.
fn every_page(mut look_at: impl FnMut(&'static [Check], &Look, &str)) {
    for table in [HEALTHY, SILENT, MANY, UNKNOWN] {
        for lang in [Lang::En, Lang::Fr] {
            for width in [60, 80, 120] {
                for (color, ascii) in [(false, false), (true, false), (false, true), (true, true)] {
                    for extent in [Extent::Normal, Extent::All, Extent::Summary] {
                        let look = Look { lang, width, color, ascii, extent };
                        look_at(table, &look, &drawn(table, &look));
                    }
                }
            }
        }
    }
}

#[test]
fn nothing_to_paste_is_broken_or_changed() {
    every_page(|table, look, page| {
        if look.extent == Extent::Summary {
            return;
        }
        let page = plain(page);
        for outcome in judge(table, &facts(table)) {
            let Some(problem) = outcome.problem() else { continue };
            for remedy in problem.test.iter().chain(&problem.remedies) {
                for command in remedy.commands.iter().chain(&remedy.undo).flat_map(|command| command.lines()) {
                    let whole = page.lines().any(|line| line == command || line == format!("      {command}"));
                    assert!(whole, "{look:?} lacks {command}:\n{page}");
                }
            }
        }
    });
}

#[test]
fn lines_fit_and_have_no_trailing_spaces() {
    every_page(|table, look, page| {
        let commands: Vec<String> = judge(table, &facts(table))
            .iter()
            .filter_map(Outcome::problem)
            .flat_map(|problem| problem.test.iter().chain(&problem.remedies))
            .flat_map(|remedy| remedy.commands.iter().chain(&remedy.undo).cloned())
            .collect();
        assert!(!page.contains("\n\n\n") && !page.starts_with('\n') && page.ends_with('\n'), "{look:?}:\n{page}");
        for line in plain(page).lines() {
            assert_eq!(line, line.trim_end_matches(' '), "{look:?}");
            let is_command = commands.iter().any(|command| command.lines().any(|command| line.trim() == command));
            // A path, an address.
            let has_long_word = line.split(' ').any(|word| word.chars().count() > look.width / 2);
            assert!(is_command || has_long_word || line.chars().count() <= look.width, "{look:?} is wider: {line}");
        }
    });
}

#[test]
fn colour_says_nothing_that_the_text_does_not() {
    every_page(|table, look, page| {
        if look.color {
            assert_eq!(plain(page), drawn(table, &Look { color: false, ..*look }), "{look:?}");
            assert!(page.contains('\u{1b}'), "{look:?} has no colour");
        } else {
            assert!(!page.contains('\u{1b}'), "{look:?}:\n{page}");
        }
    });
}

#[test]
fn in_ascii_nothing_else_is_left() {
    every_page(|_, look, page| {
        assert!(!look.ascii || page.is_ascii(), "{look:?}:\n{page}");
    });
}

#[test]
fn what_waits_is_counted_once_and_named_where_its_root_is() {
    let page = drawn(SILENT, &EN);
    assert!(page.contains("○ 5 more wait for reach\n"), "{page}");
    assert!(page.contains("4 ok · 1 failure · 6 skipped\n"), "{page}");
    assert!(!page.contains("waits for"), "{page}");
}

/// Without colours.
fn plain(page: &str) -> String {
    let mut parts = page.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').expect("only colours").1)
}

fn drawn(table: &'static [Check], look: &Look) -> String {
    let facts = facts(table);
    page(&judge(table, &facts), &facts, &frame(), look)
}

fn frame() -> Frame {
    Frame { version: "0.2.0".into(), took: Duration::from_millis(3_240), strict: false, partial: false }
}

/// What the header tells goes with what the checks tell.
fn facts(table: &'static [Check]) -> Facts {
    let mut facts = Facts::default();
    let outcomes = judge(table, &facts);
    let reached = outcomes.iter().find(|outcome| outcome.check.id == "reach").map(Outcome::status);
    let answer = match reached {
        None => return facts,
        Some(Status::Failure) => Err(Refusal::Dial(DialFault::Timeout)),
        Some(Status::Ok | Status::Warning | Status::Skipped) => Ok("0.33.0".to_owned()),
    };
    facts.system.mode = Fact::Known(Mode::Nat);
    let how = TriedHow::Candidate(How::DefaultGateway { link: "eth0".into() });
    facts.network.tried = vec![Tried { address: "172.24.0.1:11434".parse().unwrap(), how, answer, took_ms: 3 }];
    facts
}

#[track_caller]
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/doctor").join(name);
    if std::env::var_os("GOLDEN").is_some_and(|word| word == "write") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        return fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{name} is no more as it was (see the head of this file), but:\n{text}");
}
