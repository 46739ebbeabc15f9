//! `status`, `list`, `show`, `diff`, `search`: nothing is changed, and everything is told.

use std::process::Stdio;

use crate::bed::{Bed, FIRST, SECRET, TEXT, said};

#[test]
fn a_list_is_a_table_of_questions_to_models() {
    let bed = Bed::with_exchanges();
    let text = bed.ok(&["list"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "a head, two turns, a failure: {text}");
    assert!(lines[0].starts_with("TIME ") && lines[0].ends_with("WHAT"), "{text}");
    assert!(lines[1].contains("✓ 200") && lines[1].contains("qwen3:8b") && lines[1].ends_with("→ shell"), "{text}");
    assert!(lines[2].ends_with("The silver needle."), "{text}");
    assert!(lines[3].contains("✗ 404") && lines[3].contains("not found"), "{text}");
    assert!(bed.ok(&["list", "--probes"]).contains("GET /api/version"));
    assert!(bed.ok(&["list", "--lang", "fr"]).starts_with("HEURE "));
}

#[test]
fn a_list_can_be_of_some() {
    let bed = Bed::with_exchanges();
    let ids = bed.ids();
    let listed = |args: &[&str]| {
        let value = bed.json(args);
        let rows = value["exchanges"].as_array().unwrap().clone();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&["list"]), [&ids[0][..], &ids[1], &ids[3]]);
    assert_eq!(listed(&["list", "-n", "1"]), [&ids[3][..]]);
    assert_eq!(listed(&["list", "model:qwen"]), [&ids[0][..], &ids[1]]);
    assert_eq!(listed(&["list", "is:error"]), [&ids[3][..]]);
    assert_eq!(listed(&["list", "--session", "01a1fba2-308b-7581-b031-41fc7f413486"]), [&ids[0][..], &ids[1]]);
    assert_eq!(listed(&["list", "--session", "none"]), Vec::<String>::new());
    let sessions = bed.json(&["list", "--sessions"]);
    let of = sessions["sessions"].as_array().unwrap();
    assert!(of.iter().any(|one| one["exchanges"] == 2), "{sessions}");
}

#[test]
fn a_query_that_makes_no_sense_is_a_mistake() {
    let said = Bed::with_exchanges().fails(2, &["list", "is:purple"]);
    assert!(said.starts_with("error[E-USAGE]: ") && said.contains("is:purple"), "{said}");
}

#[test]
fn show_is_a_page_of_the_last_question() {
    let bed = Bed::with_exchanges();
    let text = bed.ok(&["show", "last~1"]);
    for part in ["exchange  ", "✓ 200", "qwen3:8b", "Conversation", "silver.txt", "Answer", "The silver needle."] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(bed.ok(&["show"]).contains("gone:1b"), "`last` is the default");
    let french = bed.ok(&["show", "last~1", "--lang", "fr"]);
    assert!(french.contains("échange ") && french.contains("Réponse"), "{french}");
    assert!(!french.contains("Answer"), "{french}");
}

#[test]
fn an_exchange_is_found_by_its_id_and_by_a_part_of_it() {
    let bed = Bed::with_exchanges();
    let ids = bed.ids();
    for id in &ids {
        let value = bed.json(&["show", id]);
        assert_eq!(value["exchange"]["row"]["id"], id.as_str());
    }
    let unknown = bed.fails(1, &["show", "0123456789abcdef"]);
    assert!(unknown.starts_with("error[E-CAPTURE]: ") && unknown.contains("capture list"), "{unknown}");
    let ambiguous = bed.fails(2, &["show", &ids[0][..6]]);
    assert!(ambiguous.contains(&ids[0]) && ambiguous.contains(&ids[1]), "{ambiguous}");
    assert!(bed.fails(2, &["show", "../../etc/passwd"]).contains("last~2"));
    assert!(bed.fails(1, &["show", "last~9"]).contains("only 3"));
    assert!(bed.fails(1, &["show", "last~9", "--lang", "fr"]).starts_with("erreur[E-CAPTURE]"));
}

#[test]
fn an_empty_store_says_what_to_do() {
    let bed = Bed::empty();
    assert!(bed.fails(1, &["show"]).contains("nothing was captured yet"));
    let list = bed.run(&["list"]);
    assert_eq!((list.code, list.out.len()), (Some(0), 0), "{}", list.err);
    assert!(!bed.store().exists(), "who only looks makes nothing");
}

#[test]
fn a_raw_pane_is_the_bytes_that_went_over_the_wire() {
    let bed = Bed::with_exchanges();
    let raw = |pane: &str| bed.run(&["show", "last~1", "--pane", pane, "--raw"]).out;
    assert_eq!(raw("client_response"), TEXT.as_bytes());
    let first = bed.run(&["show", "last~2", "--raw", "--pane", "client_request"]);
    assert_eq!(first.out, FIRST.as_bytes());
    let pretty = bed.ok(&["show", "last~2", "--pane", "client_request"]);
    assert!(pretty.contains("\n    \"temperature\": 0.2,\n"), "{pretty}");
    assert!(bed.fails(1, &["show", "--pane", "upstream_request"]).contains("upstream_request"), "none was asked");
}

#[test]
fn parts_of_an_exchange_are_shown_alone() {
    let bed = Bed::with_exchanges();
    let heads = bed.ok(&["show", "last~1", "--headers"]);
    assert!(heads.contains("client_request") && heads.contains("POST /api/chat → 127.0.0.1:11434"), "{heads}");
    assert!(heads.contains("authorization: ") && heads.contains("[redacted"), "{heads}");
    let events = bed.ok(&["show", "last~1", "--timeline"]);
    assert!(events.contains("response.output_text.delta") && events.contains("The silver"), "{events}");
    let said = bed.ok(&["show", "last~1", "--conversation"]);
    assert!(said.contains("The silver needle.") && !said.contains("exchange"), "{said}");
    assert!(bed.ok(&["show", "last~1", "--notes"]).contains("Nothing was left out"));
}

#[test]
fn a_secret_is_seen_nowhere() {
    let bed = Bed::with_exchanges();
    let secret = SECRET.strip_prefix("Bearer ").unwrap();
    for args in [
        &["show", "last~1", "--headers"][..],
        &["show", "last~1", "--json"],
        &["list", "--json"],
        &["search", "very-secret-bearer"],
        &["export"],
        &["export", "--format", "har"],
        &["export", "--format", "curl"],
        &["export", "--format", "html"],
        &["export", "--format", "codex-capture"],
        &["replay", "last~1", "--print"],
    ] {
        let said = bed.run(args);
        let all = format!("{}{}", String::from_utf8_lossy(&said.out), said.err);
        assert!(!all.contains(secret), "{args:?}: {all}");
    }
}

#[test]
fn a_diff_tells_what_is_new() {
    let bed = Bed::with_exchanges();
    let text = bed.ok(&["diff", "last~1"]);
    for part in ["Added", "silver.txt", "temperature: 0.2 → 0.7"] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let ids = bed.ids();
    let value = bed.json(&["diff", &ids[1], &ids[0]]);
    assert_eq!((&value["diff"]["from"], &value["diff"]["to"]), (&ids[0].as_str().into(), &ids[1].as_str().into()));
    assert!(bed.fails(1, &["diff", "last~2"]).contains("no exchange before"));
}

#[test]
fn words_are_found_wherever_they_stand() {
    let bed = Bed::with_exchanges();
    let ids = bed.ids();
    let text = bed.ok(&["search", "silver.txt"]);
    assert!(text.lines().count() == 2 && text.contains(&ids[1]) && text.contains("silver.txt"), "{text}");
    let hits = bed.json(&["search", "needle"]);
    let found: Vec<_> = hits["hits"].as_array().unwrap().iter().map(|hit| hit["exchange"]["id"].clone()).collect();
    assert_eq!(found, [ids[1].as_str(), ids[0].as_str()], "newest first: {hits}");
    assert!(hits["hits"][0]["excerpt"].as_str().unwrap().contains("needle"), "{hits}");
    let none = bed.run(&["search", "gold"]);
    assert_eq!((none.code, none.out.len()), (Some(0), 0));
    assert!(none.err.contains("nothing"), "{}", none.err);
}

#[test]
fn status_tells_where_and_how_much_without_a_forwarder() {
    let bed = Bed::with_exchanges();
    for args in [&["status"][..], &[]] {
        let said = bed.run(args);
        let text = String::from_utf8(said.out).unwrap();
        assert_eq!(said.code, Some(3), "{}", said.err);
        for part in
            ["off: no forwarder runs", "4 exchanges in", "captures", "gone:1b", "ollama-forward --translate --capture"]
        {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
    }
    let json = bed.run(&["status", "--json"]);
    let value: serde_json::Value = serde_json::from_slice(&json.out).unwrap();
    assert_eq!(json.code, Some(3));
    assert_eq!((&value["running"], &value["exchanges"]), (&false.into(), &4.into()), "{value}");
    assert_eq!(value["latest"]["model"], "gone:1b");
}

#[test]
fn the_place_is_the_option_then_the_variables_then_the_state_directory() {
    let bed = Bed::with_exchanges();
    let empty = bed.path("elsewhere");
    let listed = |args: &[&str], env: &[(&str, &std::path::Path)]| {
        let mut command = bed.command(&[&["list", "--json"], args].concat());
        command.envs(env.iter().copied());
        let value: serde_json::Value = serde_json::from_slice(&said(&mut command).out).unwrap();
        value["exchanges"].as_array().unwrap().len()
    };
    let (store, empty) = (bed.store(), empty.as_path());
    assert_eq!(listed(&[], &[]), 3);
    assert_eq!(listed(&["--dir", empty.to_str().unwrap()], &[]), 0);
    for name in ["CODEX_CAPTURE_DIR", "OLLAMA_FORWARD_CAPTURE_DIR", "OLLAMA_FORWARD_CAPTURE"] {
        assert_eq!(listed(&[], &[(name, empty)]), 0, "{name}");
        assert_eq!(listed(&["--dir", store.to_str().unwrap()], &[(name, empty)]), 3, "{name}");
    }
    assert_eq!(listed(&[], &[("CODEX_CAPTURE_DIR", empty), ("OLLAMA_FORWARD_CAPTURE_DIR", &store)]), 3);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let bed = Bed::with_exchanges();
    for args in [
        &["list"][..],
        &["list", "--json"],
        &["show"],
        &["show", "last~1", "--pane", "client_response", "--raw"],
        &["diff", "last~1"],
        &["search", "needle"],
        &["export"],
        &["replay", "last~1", "--print"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = bed.command(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{args:?}: {output:?}");
    }
}

#[test]
fn colours_are_there_when_asked_for() {
    let bed = Bed::with_exchanges();
    assert!(!bed.ok(&["list"]).contains('\u{1b}'), "a pipe has none");
    assert!(bed.ok(&["list", "--color", "always"]).contains("\u{1b}[32m✓ 200"));
    let mut command = bed.command(&["list"]);
    command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    assert!(!said(&mut command).out.contains(&0x1b));
}
