//! `version`

use crate::bed::Bed;

#[test]
fn a_build_tells_what_it_is() {
    let bed = Bed::new();
    let text = bed.ok(&["version"]);
    assert!(text.starts_with(concat!("ollama-forward ", env!("CARGO_PKG_VERSION"))), "{text}");
    let json = bed.json(&["version", "--json"]);
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert!(json["target"].as_str().unwrap().contains("linux"), "{json}");
    assert!(bed.ok(&["version", "--lang", "fr"]).contains("compilé pour"));
}

#[test]
fn changes_are_told_in_both_languages() {
    let bed = Bed::new();
    let heading = concat!("## ", env!("CARGO_PKG_VERSION"), " - ");
    assert!(bed.ok(&["version", "--changes"]).contains(heading));
    assert!(bed.ok(&["version", "--changes", "--lang", "fr"]).starts_with("# Changements"));
    let said = bed.run(&["version", "--changes", "--json"]);
    assert_eq!(said.code, Some(2), "{said:?}");
}
