use super::super::id::ExchangeId;
use super::super::record::{ErrorNote, NoteCounts, Thread, Times};
use super::*;
use crate::words::Lang;

/// 2026-11-28, 18:00 UTC
const NOW: u64 = 1_795_888_800_000;

fn row() -> Row {
    Row {
        id: "0001a20b4c5d6e7f".parse().ok(),
        session: "20261128-a".to_owned(),
        begun_ms: NOW - 3_600_000,
        state: State::Done,
        api: Api::Responses,
        method: "POST".to_owned(),
        path: "/v1/responses".to_owned(),
        status: Some(404),
        client: "codex_exec/0.169.0".to_owned(),
        model: "Qwen3:14b".to_owned(),
        thread: Thread { session_id: Some("0199A213-81b2".to_owned()), ..Thread::default() },
        called: vec!["exec_command".to_owned()],
        user: Some("Écris un poème".to_owned()),
        ..Row::default()
    }
}

fn query(text: &str) -> Query {
    Query::parse(text, NOW).unwrap_or_else(|bad| panic!("{text}: {bad}"))
}

#[track_caller]
fn of_row(text: &str, expected: Option<bool>) {
    assert_eq!(query(text).matches_row(&row()), expected, "{text}");
}

#[track_caller]
fn is(text: &str, change: impl Fn(&mut Row)) {
    let (mut without, mut with) = (Row { status: Some(200), state: State::Done, ..row() }, row());
    without.thread = Thread::default();
    with.clone_from(&without);
    change(&mut with);
    assert_eq!(query(text).matches_row(&without), Some(false), "{text} of any");
    assert_eq!(query(text).matches_row(&with), Some(true), "{text}");
    assert_eq!(query(&format!("!{text}")).matches_row(&with), Some(false), "not {text}");
    assert_eq!(query(&format!("-{text}")).matches_row(&without), Some(true), "not {text}");
}

#[test]
fn filters_ask_the_row() {
    for text in [
        "",
        "  ",
        "model:qwen",
        "MODEL:QWEN3:14B",
        "model:\"qwen3:14b\" tool:exec_command",
        "tool:exec client:codex path:responses",
        "status:404 status:4xx status:>=400 status:<500 status:400-499 status:<=404 status:>403",
        "session:20261128-a session:0199a213 session:0199A2",
        "state:done api:responses id:0001a20b id:0001A2",
        "before:2026-11-29 after:2026-11-28 after:2h before:30m after:1d after:2026-11-28T16:59",
        "after:2026-11-28T16:59:59Z before:2026-11-28T18:00:01+01:00",
        "-model:llama !status:5xx -is:live",
        "poème ÉCRIS \"écris un\"",
    ] {
        of_row(text, Some(true));
    }
    for text in [
        "model:llama",
        "tool:apply_patch",
        "status:200",
        "status:5xx",
        "status:>404",
        "session:20261128 ",
        "session:99",
        "state:failed",
        "api:chat",
        "id:1a20b",
        "before:2h",
        "after:30m",
        "after:2026-11-29",
        "-model:qwen",
        "-poème",
        "unknown model:llama",
    ] {
        of_row(text, Some(false));
    }
    of_row("unknown", None);
    of_row("-unknown model:qwen", None);
    of_row("poème unknown", None);
    assert!(query(" ").is_empty() && !query("a").is_empty());
}

#[test]
fn each_word_of_is_has_its_rule() {
    is("is:error", |row| row.state = State::Failed);
    is("is:error", |row| row.state = State::Refused);
    is("is:error", |row| row.state = State::Lost);
    is("is:error", |row| row.status = Some(400));
    is("is:error", |row| row.error = Some(ErrorNote::default()));
    is("is:slow", |row| row.times = Times { first_token: Some(SLOW_FIRST_TOKEN_US), ..Times::default() });
    is("is:slow", |row| row.times = Times { end: Some(SLOW_TOTAL_US), ..Times::default() });
    is("is:truncated", |row| row.context.level = Level::Cut);
    is("is:aborted", |row| row.state = State::Aborted);
    is("is:retried", |row| row.notes = NoteCounts { retried: 1, ..NoteCounts::default() });
    is("is:retried", |row| row.notes = NoteCounts { resumed: 1, ..NoteCounts::default() });
    is("is:translated", |row| row.lane = Lane::Translated);
    is("is:marked", |row| row.marked = true);
    is("is:stream", |row| row.stream = true);
    is("is:probe", |row| row.probe = true);
    is("is:live", |row| row.state = State::Thinking);
    is("is:incomplete", |row| row.incomplete = true);
    is("is:compaction", |row| row.thread.kind = Some("compaction".to_owned()));
    is("is:subagent", |row| row.thread.kind = Some("subagent".to_owned()));
    is("is:subagent", |row| row.thread.parent_thread_id = Some("x".to_owned()));
    is("is:replay", |row| row.replay_of = Some(ExchangeId::after(None, 1)));
    // Not slow by a hair, and who left has not failed.
    let quick = Times { first_token: Some(SLOW_FIRST_TOKEN_US - 1), end: Some(SLOW_TOTAL_US - 1), ..Times::default() };
    assert_eq!(query("is:slow").matches_row(&Row { times: quick, ..row() }), Some(false));
    assert_eq!(query("is:error").matches_row(&Row { state: State::Aborted, ..row() }), Some(false));
}

#[track_caller]
fn wrong(text: &str, at: usize, english: &str, french: &str) {
    let bad = Query::parse(text, NOW).expect_err(text);
    let french_said = bad.what.of(Lang::Fr).replace('\u{a0}', " ");
    assert_eq!((bad.what.of(Lang::En).as_str(), french_said.as_str(), bad.at), (english, french, at), "{text}");
}

#[test]
fn what_makes_no_sense_is_said_with_what_was_meant() {
    wrong(
        "a modle:qwen",
        2,
        "there is no filter `modle:`; did you mean `model:`? Words with a colon are put in quotes.",
        "il n'y a pas de filtre `modle:` ; vouliez-vous dire `model:` ? Les mots avec deux-points se mettent entre guillemets.",
    );
    wrong(
        "fruit:apple",
        0,
        "there is no filter `fruit:`; there are model: tool: status: session: client: path: state: api: id: is: before: after:. \
         Words with a colon are put in quotes.",
        "il n'y a pas de filtre `fruit:` ; il y a model: tool: status: session: client: path: state: api: id: is: before: \
         after:. Les mots avec deux-points se mettent entre guillemets.",
    );
    wrong(
        "-is:eror",
        4,
        "there is no `is:eror`; did you mean `is:error`?",
        "il n'y a pas de `is:eror` ; vouliez-vous dire `is:error` ?",
    );
    wrong(
        "state:xyzzy",
        6,
        "there is no `state:xyzzy`; after `state:` there are waiting loading prefill thinking answering tool done failed \
         aborted refused lost",
        "il n'y a pas de `state:xyzzy` ; après `state:` il y a waiting loading prefill thinking answering tool done failed \
         aborted refused lost",
    );
    wrong(
        "api:respnses",
        4,
        "there is no `api:respnses`; did you mean `api:responses`?",
        "il n'y a pas de `api:respnses` ; vouliez-vous dire `api:responses` ?",
    );
    wrong(
        "status:4x",
        7,
        "`4x` is no status: 404, 4xx, >=400, <500 or 400-499 are",
        "`4x` n'est pas un statut : 404, 4xx, >=400, <500 ou 400-499 en sont",
    );
    wrong(
        "after:noon",
        6,
        "`noon` is no time: 2026-11-28, 2026-11-28T18:00 or 2h (ago) are",
        "`noon` n'est pas un moment : 2026-11-28, 2026-11-28T18:00 ou 2h (de cela) en sont",
    );
    wrong("a \"b c", 2, "a quote is not closed", "un guillemet n'est pas fermé");
    wrong(
        "is:trunc",
        3,
        "there is no `is:trunc`; did you mean `is:truncated`?",
        "il n'y a pas de `is:trunc` ; vouliez-vous dire `is:truncated` ?",
    );
    assert_eq!(Query::parse(&"a".repeat(1001), NOW).unwrap_err().at, 1000);
}

#[test]
fn what_only_looks_like_a_filter_is_a_word() {
    let texts: &[&[u8]] = &[b"Error: see http://x/y C:\\x qwen3:14b at 10:30 - or !"];
    for text in ["Error:", "http://x", "C:\\x", "qwen3:14b", "10:30", "-", "!", "\"see http\""] {
        assert!(query(text).matches(&Row::default(), texts).is_some(), "{text}");
    }
}

#[track_caller]
fn found(text: &str, body: &str, excerpt: Option<&str>) {
    let said = query(text).matches(&Row::default(), &[b"nothing", body.as_bytes()]);
    assert_eq!(said.as_deref(), excerpt, "{text} in {body}");
}

#[test]
fn words_are_found_whatever_their_case() {
    found("hello", "say HELLO there", Some("say HELLO there"));
    found("ÉTÉ", "un été", Some("un été"));
    found("οδος", "ΟΔΟΣ", Some("ΟΔΟΣ"));
    found("straße", "STRASSE", None);
    found("hello there", "there, hello", Some("there, hello"));
    found("\"hello there\"", "there, hello", None);
    found("\"hello there\"", "Hello\nthere", Some("Hello there"));
    found("hello -there", "hello there", None);
    found("hello -them", "hello there", Some("hello there"));
    found("-them", "hello there", Some(""));
    found("model:x", "x", None);
}

#[test]
fn words_are_found_where_json_has_escaped_them() {
    found("\"say now\"", r#"{"a":"say\nnow"}"#, Some(r#"{"a":"say now"}"#));
    found("été", r#"{"a":"un \u00e9t\u00C9"}"#, Some(r#"{"a":"un étÉ"}"#));
    found("été", r#"{"arguments":"{\"a\":\"\\u00e9t\\u00e9\"}"}"#, Some(r#"{"arguments":"{"a":"été"}"}"#));
    found("<b>", r#"["\u003cb\u003e"]"#, Some(r#"["<b>"]"#));
    found("/tmp/x", r#"["\/tmp\/x"]"#, Some(r#"["/tmp/x"]"#));
    found("C:\\Users\\me", r#"["C:\\Users\\me"]"#, Some(r#"["C:\Users\me"]"#));
    found("a\\nb", r#"["a\nb"]"#, Some(r#"["a b"]"#));
    found("😀", r#"["\ud83d\ude00"]"#, Some(r#"["😀"]"#));
    found("\"{'a': 1\"", "{'a':\t1", Some("{'a': 1"));
}

#[test]
fn an_excerpt_is_a_line_around_the_hit() {
    let body = format!("{}needle{}", "é ".repeat(100), " ü".repeat(100));
    let excerpt = query("needle").matches(&Row::default(), &[body.as_bytes()]).unwrap();
    assert_eq!(excerpt, format!("…{}needle{}…", "é ".repeat(20), " ü".repeat(40)));
    // The row's own words count, too.
    assert_eq!(query("poème").matches(&row(), &[]).as_deref(), Some("Écris un poème"));
}

/// Whatever is asked of whatever bytes, nothing breaks.
#[test]
fn no_query_and_no_body_is_too_odd() {
    const PIECES: [&str; 22] = [
        "a", "-", "!", ":", "\"", "is:", "error", "status:", ">=", "é", " ", "\\", "u", "00e9", "d83d", "\\u", "2h",
        "<", "xx", "model:", "\u{2028}", "65535",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut dice = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    for _ in 0..5000 {
        let text: String = (0..=dice(6)).map(|_| PIECES[dice(PIECES.len())]).collect();
        let mut body: Vec<u8> = (0..dice(60)).flat_map(|_| PIECES[dice(PIECES.len())].bytes()).collect();
        for _ in 0..dice(3) {
            body.push(u8::try_from(dice(256)).unwrap());
        }
        let Ok(query) = Query::parse(&text, NOW) else { continue };
        let _ = (query.matches_row(&row()), query.matches(&row(), &[&body]));
    }
}
