use std::collections::BTreeSet;

use super::*;

#[track_caller]
fn finds(typed: &[&str], name: &str) {
    let typed: Vec<_> = typed.iter().map(|word| (*word).to_owned()).collect();
    assert_eq!(wanted(&typed), name, "{typed:?}");
}

#[test]
fn a_page_is_found_however_it_is_named() {
    finds(&[], "ollama-forward");
    finds(&["ollama-forward"], "ollama-forward");
    finds(&["capture-list"], "ollama-forward-capture-list");
    finds(&["capture", "list"], "ollama-forward-capture-list");
    finds(&["ollama-forward-capture-list.1"], "ollama-forward-capture-list");
    finds(&["capture", "print-cmds"], "ollama-forward-capture-print-cmds");
}

#[test]
fn a_name_that_is_no_command_is_refused_with_the_nearest_one() {
    let fault = man(&["capture".into(), "lst".into()], None, Lang::En).unwrap_err();
    assert_eq!(fault.id, FaultId::Usage);
    assert!(fault.text(Lang::En).contains("did you mean `capture-list`?"), "{}", fault.text(Lang::En));
}

#[test]
fn the_date_is_the_one_of_the_build_or_none() {
    for (epoch, expected) in
        [(None, ""), (Some("0"), "1970-01-01"), (Some("1700000000"), "2023-11-14"), (Some("x"), "")]
    {
        let variable = |name: &str| (name == "SOURCE_DATE_EPOCH").then(|| epoch.map(str::to_owned)).flatten();
        assert_eq!(date(variable), expected, "{epoch:?}");
    }
}

#[test]
fn every_page_has_its_sections_in_either_language() {
    let english =
        ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"];
    let french = [
        "NOM",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "CODE DE SORTIE",
        "ENVIRONNEMENT",
        "FICHIERS",
        "EXEMPLES",
        "VOIR AUSSI",
    ];
    let mut count = BTreeSet::new();
    for (lang, sections) in [(Lang::En, english), (Lang::Fr, french)] {
        let tree = cli::command_to_read(lang);
        let pages = Pages::of(&tree);
        count.insert(pages.all.len());
        for page in &pages.all {
            let text = page.render("", lang);
            let mut from = 0;
            for section in sections {
                let quoted = if section.contains(' ') { format!("\"{section}\"") } else { section.to_owned() };
                let heading = format!("\n.SH {quoted}\n");
                let at = text[from..].find(&heading);
                let at = at.unwrap_or_else(|| panic!("{}: {section} is missing or misplaced:\n{text}", page.name));
                let body = &text[from + at + heading.len()..];
                assert!(!body.is_empty() && !body.starts_with(".SH"), "{}: {section} is empty", page.name);
                from += at + 1;
            }
            assert!(text.is_ascii(), "{}", page.name);
            assert_eq!(text, page.render("", lang), "the same every time");
        }
    }
    assert!(count.len() == 1 && count.iter().all(|pages| *pages > 30), "{count:?}");
}

#[test]
fn every_page_that_is_pointed_to_exists() {
    let tree = cli::command_to_read(Lang::En);
    let pages = Pages::of(&tree);
    for page in &pages.all {
        let text = page.render("", Lang::En).replace("\\-", "-");
        let (_, others) = text.split_once(".SH \"SEE ALSO\"\n").unwrap();
        let names = others.split("\\fB").skip(1).map(|rest| rest.split("\\fR").next().unwrap());
        for name in names {
            assert!(pages.find(name).is_some(), "{} points to {name}", page.name);
        }
    }
}
