//! `mark`, `rm`, `prune`, and what needs a forwarder where there is none.

use crate::bed::{Bed, FIRST, TEXT, responses};

#[test]
fn what_needs_a_forwarder_says_that_none_runs() {
    let bed = Bed::with_exchanges();
    for args in [&["on"][..], &["off"], &["stop"], &["replay"], &["on", "--listen-port", "1"]] {
        let said = bed.fails(3, args);
        assert!(said.starts_with("error[E-NOT-RUNNING]: "), "{args:?}: {said}");
        assert!(said.contains("\n  likely: ") && said.ends_with("ollama-forward --translate --capture\n"), "{said}");
    }
    let french = bed.fails(3, &["on", "--lang", "fr"]);
    assert!(french.starts_with("erreur[E-NOT-RUNNING]") && french.contains("aucun ollama-forward"), "{french}");
}

#[test]
fn commands_are_printed_also_when_nothing_runs() {
    let bed = Bed::empty();
    let text = bed.ok(&["print-cmds", "--listen-port", "11500"]);
    for part in [
        "CODEX_OSS_BASE_URL=http://127.0.0.1:11500/v1 codex --oss",
        "HTTP_PROXY=http://127.0.0.1:11500 NO_PROXY= codex exec --oss",
        "curl -i http://127.0.0.1:11500/api/version",
        "nothing runs there yet",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn a_mark_and_a_comment_stay() {
    let bed = Bed::with_exchanges();
    let row = |bed: &Bed| bed.json(&["show", "last~1"])["exchange"]["row"].clone();
    bed.ok(&["mark", "last~1"]);
    bed.ok(&["mark", "last~1", "--comment", "look at this"]);
    assert_eq!((&row(&bed)["marked"], &row(&bed)["comment"]), (&true.into(), &"look at this".into()));
    assert!(bed.ok(&["show", "last~1"]).contains("look at this"));
    assert!(bed.ok(&["list"]).contains("★ The silver needle."));
    bed.ok(&["mark", "last~1", "--off", "--comment", ""]);
    assert_eq!(row(&bed)["marked"], false);
    assert!(!bed.ok(&["show", "last~1"]).contains("look at this"));
}

#[test]
fn deleting_wants_a_yes() {
    let bed = Bed::with_exchanges();
    for args in [&["rm", "last"][..], &["rm", "--all"], &["rm", "last", "--lang", "fr"]] {
        let said = bed.fails(2, args);
        assert!(said.contains("-y"), "{said}");
    }
    assert_eq!(bed.ids().len(), 4, "nothing has gone");
    assert_eq!(bed.run(&["rm"]).code, Some(2), "what?");
    assert_eq!(bed.run(&["rm", "last", "--all", "-y"]).code, Some(2), "which of these?");
}

#[test]
fn exchanges_sessions_and_all_are_deleted() {
    let bed = Bed::with_exchanges();
    let ids = bed.ids();
    assert!(bed.ok(&["rm", "last", "-y"]).starts_with("1 exchange deleted, "));
    assert_eq!(bed.ids(), ids[..3]);
    let done = bed.json(&["rm", "--session", "01a1fba2-308b-7581-b031-41fc7f413486", "-y"]);
    assert_eq!(done["exchanges"], 2, "{done}");
    assert_eq!(bed.ids(), ids[2..3]);
    assert!(bed.fails(1, &["rm", "--session", "none", "-y"]).contains("--sessions"));
    bed.ok(&["rm", "--all", "-y"]);
    assert!(bed.ids().is_empty());
}

#[test]
fn pruning_goes_down_to_what_was_asked_for() {
    let bed = Bed::with_exchanges();
    assert_eq!(bed.json(&["prune"])["exchanges"], 0, "all of it is young and small");
    let done = bed.json(&["prune", "--max-age", "0s"]);
    assert_eq!(done["exchanges"], 4, "{done}");
    bed.write(|tap| {
        responses(tap, FIRST, TEXT);
        responses(tap, FIRST, TEXT);
    });
    let last = bed.ids().pop();
    assert_eq!(bed.json(&["prune", "--max-size", "1"])["exchanges"], 1, "the last one stays");
    assert_eq!(bed.ids().pop(), last);
    assert_eq!(bed.run(&["prune", "--max-age", "soon"]).code, Some(2));
}
