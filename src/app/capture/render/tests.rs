//! Pages as people see them, in both languages.

use serde_json::json;

use super::*;
use crate::capture::ExchangeId;
use crate::capture::record::{
    Api, Context, CutBy, ErrorNote, Head, Lane, Level, Message, NoteKind, Pane, Row, State as At, Times, Tokens,
};
use crate::capture::store::SessionInfo;
use crate::capture::view::{
    Call, Changed, Channel, Diff, Event, Field, Hint, Item, ItemKind, Note, PaneView, Part, Step, Stream, ToolChange,
    View,
};
use crate::control::Answer;
use crate::words::Lang;

/// 2026-11-28 17:42:07 UTC, and a second later.
const THEN: u64 = 1_795_887_727_000;

fn look(lang: Lang, width: usize) -> Look {
    let page = Page { lang, width, ..Page::default() };
    // Paris in winter.
    Look { page, offset: |_| 3600, now_ms: THEN + 1000, all: false }
}

fn en() -> Look {
    look(Lang::En, 120)
}

fn fr() -> Look {
    look(Lang::Fr, 120)
}

fn row(ms: u64) -> Row {
    Row {
        id: Some(ExchangeId::after(None, THEN + ms)),
        begun_ms: THEN + ms,
        state: At::Done,
        status: Some(200),
        api: Api::Responses,
        method: "POST".into(),
        path: "/v1/responses".into(),
        model: "qwen3:8b".into(),
        client: "codex_exec/0.169.0".into(),
        ..Row::default()
    }
}

fn rows() -> Vec<Row> {
    let calls = Row {
        times: Times { first_token: Some(1_200_000), end: Some(4_500_000), ..Times::default() },
        tokens: Tokens { input: Some(7812), output: Some(123), ..Tokens::default() },
        context: Context { used: Some(7935), window: Some(32_768), level: Level::Fits, ..Context::default() },
        called: vec!["shell".into(), "apply_patch".into()],
        ..row(0)
    };
    let cut = Row {
        context: Context { used: Some(4096), window: Some(4096), level: Level::Cut, ..Context::default() },
        text: Some("Done.\nAll tests\tpass\u{1b}[2J now.".into()),
        marked: true,
        ..row(10)
    };
    let failed = Row {
        state: At::Failed,
        status: Some(502),
        error: Some(ErrorNote { id: Some("E-UPSTREAM-REFUSED".into()), text: "nothing listens".into() }),
        begun_ms: THEN - 86_400_000,
        ..row(20)
    };
    let open = Row { state: At::Thinking, status: None, user: Some("write a test".into()), ..row(30) };
    let probe =
        Row { api: Api::Other, method: "GET".into(), path: "/api/version".into(), model: String::new(), ..row(40) };
    vec![calls, cut, failed, open, probe]
}

fn listed(look: &Look) -> String {
    let rows = rows();
    list(&rows.iter().collect::<Vec<_>>(), look)
}

#[test]
fn a_list_has_a_line_an_exchange() {
    assert_eq!(
        listed(&look(Lang::En, 140)),
        "\
TIME                 ID                STATUS      MODEL      TTFT   TOOK     IN  OUT  CONTEXT  WHAT
18:42:07             1a22340019800000  ✓ 200       qwen3:8b  1.2 s  4.5 s  7 812  123     24 %  → shell, apply_patch
18:42:07             1a2234001a200000  ✓ 200       qwen3:8b                              ✗ cut  ★ Done. All tests pass�[2J now.
2026-11-27 18:42:07  1a2234001ac00000  ✗ 502       qwen3:8b                                     nothing listens
18:42:07             1a2234001b600000  ● thinking  qwen3:8b                                     write a test
18:42:07             1a2234001c000000  ✓ 200                                                    GET /api/version
"
    );
}

#[test]
fn a_narrow_terminal_gets_fewer_columns_and_no_wrapped_line() {
    for (lang, least) in [(Lang::En, 57), (Lang::Fr, 62)] {
        for columns in least..160 {
            let text = listed(&look(lang, columns));
            assert!(text.lines().all(|line| width(line) <= columns), "{columns}:\n{text}");
            assert_eq!(text.lines().count(), 6, "{columns}:\n{text}");
            assert!(text.contains(&rows()[0].id.unwrap().to_string()), "{columns}:\n{text}");
        }
    }
    assert!(listed(&look(Lang::En, 60)).lines().next().unwrap().ends_with("STATUS      WHAT"));
}

#[test]
fn a_list_speaks_french_and_ascii() {
    let french = listed(&look(Lang::Fr, 140));
    assert!(french.starts_with("HEURE "), "{french}");
    assert!(french.contains("1,2 s") && french.contains("✗ coupé") && french.contains("● réflexion"), "{french}");
    let mut ascii = look(Lang::Fr, 140);
    ascii.page.ascii = true;
    let text = listed(&ascii);
    assert!(text.contains("[ok] 200") && text.contains("[xx] coupe") && text.contains("[..] reflexion"), "{text}");
    assert!(text.contains("-> shell") && text.contains("* Done."), "{text}");
}

#[test]
fn colours_are_never_the_only_sign() {
    let mut coloured = look(Lang::En, 140);
    coloured.page.color = true;
    let text = listed(&coloured);
    assert!(text.contains("\u{1b}[32m✓ 200\u{1b}[0m") && text.contains("\u{1b}[31m✗ 502\u{1b}[0m"), "{text}");
    let mut plain = String::new();
    for piece in text.split('\u{1b}') {
        plain.push_str(piece.split_once('m').filter(|_| piece.starts_with('[')).map_or(piece, |(_, rest)| rest));
    }
    let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(trimmed(&plain), trimmed(&listed(&look(Lang::En, 140))));
}

#[test]
fn a_line_of_tail_is_one_of_the_list() {
    let id = rows()[0].id.unwrap();
    assert_eq!(
        line(&rows()[0], &en()),
        format!("18:42:07  {id}  ✓ 200      qwen3:8b          1.2 s    4.5 s    24 %    → shell, apply_patch\n")
    );
    for row in rows() {
        assert!(width(line(&row, &look(Lang::En, 120)).trim_end()) <= 120);
    }
}

#[test]
fn hits_and_sessions_are_tables() {
    let row = row(0);
    let text = hits(&[Hit { row: &row, excerpt: "… the\nneedle here".into() }], &en());
    let id = row.id.unwrap();
    assert_eq!(
        text,
        format!("TIME      ID                MODEL     WHERE\n18:42:07  {id}  qwen3:8b  … the needle here\n")
    );
    let session = SessionInfo {
        key: "s-1".into(),
        client: "codex".into(),
        title: Some("fix it".into()),
        last_ms: THEN,
        exchanges: 1234,
        bytes: 3_100_000,
        ..SessionInfo::default()
    };
    assert_eq!(
        sessions(std::slice::from_ref(&session), &en()),
        "LAST      KEY  EXCHANGES    SIZE  CLIENT  TITLE\n18:42:07  s-1      1 234  3.1 MB  codex   fix it\n"
    );
    assert!(sessions(&[session], &fr()).contains("3,1 Mo"));
}

fn view() -> View {
    let message = |role: &str, text: &str, new: bool, at: &str| Item {
        role: role.into(),
        parts: vec![Part::Text { text: text.into() }],
        new,
        at: at.into(),
        ..Item::default()
    };
    let call = |name: &str, call: Call| Item {
        kind: ItemKind::Call,
        name: Some(name.into()),
        call: Some(call),
        at: "output[1]".into(),
        from_us: Some(2_000_000),
        until_us: Some(3_000_000),
        ..Item::default()
    };
    let command = Call::Command {
        command: "ls -la\necho 2".into(),
        workdir: Some("/src".into()),
        timeout_ms: None,
        why: Some("to look".into()),
    };
    View {
        row: Row {
            lane: Lane::Translated,
            sent: 39_500,
            received: 1200,
            tools: 12,
            tokens: Tokens {
                input: Some(32_000),
                output: Some(700),
                prompt_rate: Some(1234.5),
                decode_rate: Some(35.26),
                exact: false,
                ..Tokens::default()
            },
            times: Times {
                connected: Some(900),
                first_token: Some(1_200_000),
                end: Some(4_500_000),
                load: Some(800_000),
                ..Times::default()
            },
            ..row(0)
        },
        context: Context {
            used: Some(32_700),
            window: Some(32_768),
            maximum: Some(40_960),
            believed: Some(258_400),
            estimated: Some(41_000),
            level: Level::Cut,
            why: Some(CutBy::Estimate),
        },
        conversation: vec![
            message("developer", "old rules", false, "input[0]"),
            message("user", "Fix it.\n\u{1b}]0;evil\u{7}", true, "input[1]"),
        ],
        answer: vec![
            Item { kind: ItemKind::Reasoning, parts: vec![Part::Text { text: "hm".into() }], ..Item::default() },
            call("shell", command),
            message("assistant", "Fixed.", false, "output[2]"),
        ],
        notes: vec![Note { kind: NoteKind::Dropped, at: Some("tools[3]".into()), text: "web_search".into() }],
        hints: vec![Hint { id: "cut", command: Some("ollama-forward doctor context".into()) }],
        ..View::default()
    }
}

#[test]
fn a_page_tells_all_of_an_exchange() {
    let id = view().row.id.unwrap();
    assert_eq!(
        page(&view(), &en()),
        format!(
            "\
exchange    {id}   18:42:07   POST /v1/responses   ✓ 200
client      codex_exec/0.169.0
model       qwen3:8b   translated
context     ██████████   32 700 of 32 768 tokens, 99 %   model made for 40 960   client believes 258 400
            ✗ Ollama has left out the beginning, and said nothing (the request is about 41 000 tokens)
            → raise the context: OLLAMA_CONTEXT_LENGTH on Windows, or --num-ctx with --translate
times       connected 900 µs   first token 1.2 s   end 4.5 s
Ollama      load 800 ms
tokens      in 32 000   out 700   prompt ≈ 1234 tok/s   answer ≈ 35.3 tok/s
size        39.5 kB asked, 1.2 kB answered, 12 tools offered
next        → what fills the context, and what cures it: ollama-forward doctor context

Translation   1
  left out  tools[3] web_search

Conversation   1 new of 2 (--all shows the others)
  user   input[1]
    Fix it.
    �]0;evil�

Answer
  thought
    hm
  call   shell   output[1]   2 s – 3 s
    $ ls -la
      echo 2
    in /src
    why to look
  assistant   output[2]
    Fixed.
"
        )
    );
}

#[test]
fn a_page_speaks_french() {
    let id = view().row.id.unwrap();
    let text = page(&view(), &fr());
    let head: Vec<&str> = text.lines().take(11).collect();
    assert_eq!(
        head,
        [
            format!("échange     {id}   18:42:07   POST /v1/responses   ✓ 200").as_str(),
            "client      codex_exec/0.169.0",
            "modèle      qwen3:8b   traduit",
            "contexte    ██████████   32 700 tokens sur 32 768, 99 %   modèle prévu pour 40 960   le client suppose 258 400",
            "            ✗ Ollama a coupé le début sans rien dire (la requête fait environ 41 000 tokens)",
            "            → augmenter le contexte\u{a0}: OLLAMA_CONTEXT_LENGTH sous Windows, ou --num-ctx avec --translate",
            "temps       connexion 900 µs   premier token 1,2 s   fin 4,5 s",
            "Ollama      chargement 800 ms",
            "tokens      entrée 32 000   sortie 700   lecture ≈ 1234 tokens/s   réponse ≈ 35,3 tokens/s",
            "taille      39,5 ko de requête, 1,2 ko de réponse, 12 outils proposés",
            "ensuite     → ce qui remplit le contexte, et le remède\u{a0}: ollama-forward doctor context",
        ]
    );
    for english in ["Answer", "thought", "left out", "why"] {
        assert!(!text.contains(english), "{english} is in:\n{text}");
    }
}

#[test]
fn all_shows_the_history_and_cuts_nothing() {
    let long = (0..100).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
    let mut view = view();
    view.conversation[1].parts = vec![Part::Text { text: long }];
    let text = conversation(&view, &en());
    assert!(!text.contains("old rules") && text.contains("… 70 more lines (--all)") && !text.contains("line 99"));
    let text = conversation(&view, &Look { all: true, ..en() });
    assert!(text.contains("old rules") && text.contains("line 99") && !text.contains("--all"), "{text}");
}

#[test]
fn calls_of_all_kinds_are_shown() {
    let item = |call: Call| Item { kind: ItemKind::Call, call: Some(call), ..Item::default() };
    let view = View {
        answer: vec![
            item(Call::Patch { patch: "*** Begin Patch\n-old\n+new\n\n*** End Patch".into() }),
            item(Call::Plan {
                explanation: Some("first".into()),
                steps: vec![
                    Step { step: "a".into(), status: "completed".into() },
                    Step { step: "b".into(), status: "in_progress".into() },
                    Step { step: "c".into(), status: "pending".into() },
                ],
            }),
            item(Call::Tool { arguments: json!({"x": 1}) }),
            Item {
                output: Some(vec![Part::Image { url: "data:image/png;base64,xx".into(), bytes: 2 }]),
                ..item(Call::Tool { arguments: json!("not json") })
            },
        ],
        ..View::default()
    };
    let text = conversation(&view, &en());
    for part in [
        "    *** Begin Patch\n    -old\n    +new\n",
        "    first\n    [x] a\n    [>] b\n    [ ] c\n",
        "    {\n      \"x\": 1\n    }\n",
        "    not json\n    came back\n      image, 2 B, data:image/png\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn heads_and_events_are_told() {
    let pane = PaneView {
        pane: Pane::UpstreamRequest,
        attempt: 1,
        head: Some(Head {
            at_us: 1500,
            method: Some("POST".into()),
            target: Some("/api/chat".into()),
            to: Some("172.24.0.1:11434".into()),
            version: "HTTP/1.1".into(),
            headers: vec![("authorization".into(), "[redacted]".into())],
            ..Head::default()
        }),
        size: 2000,
        kept: 1000,
        content_type: None,
        form: "json",
        ended_us: None,
        redacted: 1,
    };
    let event = |at_us, channel, text: &str| Event {
        at_us,
        name: "delta".into(),
        channel,
        text: text.into(),
        ..Event::default()
    };
    let stream = Stream {
        pane: Some(Pane::ClientResponse),
        form: "sse",
        events: vec![event(1_200_000, Channel::Content, "Hé\n"), event(1_300_000, Channel::Reasoning, "")],
        left_out: 3,
        ..Stream::default()
    };
    let view = View { panes: vec![pane], streams: vec![stream], ..View::default() };
    assert_eq!(
        heads(&view, &en()),
        "upstream_request #2   2 kB   json\n  POST /api/chat HTTP/1.1 → 172.24.0.1:11434   1.5 ms\n  \
         authorization: [redacted]\n  only 1 kB of the body were kept\n  1 secrets were taken out\n"
    );
    assert_eq!(
        timeline(&view, &en()),
        "client_response   sse, 5\n   AT  EVENT  CHANNEL    TEXT\n1.2 s  delta  content    Hé\n1.3 s  delta  reasoning\n\
         … 3 more events\n"
    );
    assert_eq!(timeline(&View::default(), &fr()), "La réponse n'était pas un flux.\n");
    assert_eq!(notes(&View::default(), &fr()), "Rien n'a été omis, renommé ni réparé.\n");
}

#[test]
fn a_pane_is_shown_in_the_order_in_which_it_was_sent() {
    let message = Message {
        pane: Pane::ClientRequest,
        attempt: 0,
        head: None,
        body: b"{\"z\":1,\"a\":\"\xc3\xa9\"}".to_vec(),
        size: 14,
        pieces: Vec::new(),
        ended_us: None,
        redacted: 0,
    };
    assert_eq!(pane(&[&message], &en()), "client_request   14 B\n\n  {\n    \"z\": 1,\n    \"a\": \"é\"\n  }\n");
    let binary = Message { body: b"\xff\x1b[31m".to_vec(), ..message };
    assert!(!pane(&[&binary], &en()).contains('\u{1b}'));
}

#[test]
fn a_diff_tells_new_items_first() {
    let item = |text: &str| Item {
        role: "user".into(),
        parts: vec![Part::Text { text: text.into() }],
        at: "input[3]".into(),
        ..Item::default()
    };
    let field = Field { path: "temperature".into(), before: None, after: Some(json!(0.7)) };
    let differs = Diff {
        same: 3,
        added: vec![item("more")],
        changed: vec![Changed {
            at: "input[1]".into(),
            lines: vec![" same".into(), "-old".into(), "+new".into()],
            ..Changed::default()
        }],
        tools: vec![ToolChange { name: "shell".into(), how: "changed", fields: vec![field.clone()] }],
        fields: vec![field],
        ..Diff::default()
    };
    assert_eq!(
        diff(&differs, &en()),
        "from\nto\nthe same    3 items at the beginning\n\nAdded   1\n  user   input[3]\n    more\n\nChanged   1\n  input[1]\n     \
         same\n    -old\n    +new\n\nTools   1\n  ~ shell\n      temperature: – → 0.7\n\nFields   1\n  temperature: – → 0.7\n"
    );
    assert!(diff(&Diff::default(), &fr()).ends_with("Aucune différence.\n"));
}

#[test]
fn the_state_tells_what_to_do_next() {
    let kept = || State {
        dir: "/captures".into(),
        bytes: 3_100_000,
        limit: 268_435_456,
        exchanges: 418,
        sessions: 12,
        ..State::default()
    };
    assert_eq!(
        state(&kept(), &en()),
        "capture     ○ off: no forwarder runs\ndirectory   /captures\nkept        418 exchanges in 12 sessions, 3.1 MB of 268 MB\n\
         next        ollama-forward --translate --capture\n"
    );
    let answer = Answer {
        on: true,
        page: Some("http://127.0.0.1:5001/".into()),
        listen: vec!["127.0.0.1:11434".into()],
        pid: 42,
        missed: 2,
        trouble: Some("the disk is full".into()),
        ..Answer::default()
    };
    let running = State { latest: Some(row(0)), ..kept() }.told_by(&answer);
    let id = row(0).id.unwrap();
    assert_eq!(
        state(&running, &fr()),
        format!(
            "capture     ✓ active   127.0.0.1:11434   pid 42\nproblème    ✗ the disk is full\npage        http://127.0.0.1:5001/\n\
             répertoire  /captures\nconservé    418 échanges dans 12 sessions, 3,1 Mo sur 268 Mo\n\
             manqué      ⚠ 2\u{a0}: trop de données à la fois\ndernier     18:42:07   qwen3:8b   ✓ 200   {id}\n"
        )
    );
}

#[test]
fn commands_are_ready_to_be_pasted() {
    let recipe = Recipe {
        address: "127.0.0.1:11500".into(),
        page: Some("http://127.0.0.1:5001/".into()),
        running: true,
        on: true,
        translate: true,
    };
    assert_eq!(
        commands(&recipe, &en()),
        "\
one task    CODEX_OSS_BASE_URL=http://127.0.0.1:11500/v1 codex exec --oss \"say hello\"
to talk     CODEX_OSS_BASE_URL=http://127.0.0.1:11500/v1 codex --oss
as a proxy  HTTP_PROXY=http://127.0.0.1:11500 NO_PROXY= codex exec --oss \"say hello\"
check       curl -i http://127.0.0.1:11500/api/version
page        http://127.0.0.1:5001/
"
    );
    for (recipe, hint) in [
        (Recipe { running: false, ..recipe.clone() }, "rien n'y tourne encore"),
        (Recipe { on: false, ..recipe.clone() }, "capture arrêtée"),
        (Recipe { translate: false, ..recipe }, "sans --translate"),
    ] {
        assert!(commands(&recipe, &fr()).contains(hint), "{hint}");
    }
}

#[test]
fn nothing_that_was_captured_gives_the_terminal_orders() {
    let evil = "\u{1b}[2J\u{7}\u{202e}\r\u{9b}x\u{0}";
    let mut view = view();
    view.row.model = evil.into();
    view.row.client = evil.into();
    view.row.path = evil.into();
    view.row.comment = Some(evil.into());
    view.row.error = Some(ErrorNote { id: Some(evil.into()), text: evil.into() });
    view.row.user = Some(evil.into());
    view.notes[0].text = evil.into();
    view.conversation[1].parts = vec![Part::Text { text: evil.into() }, Part::Json { value: json!({ evil: evil }) }];
    view.answer[1].name = Some(evil.into());
    view.answer[1].call = Some(Call::Tool { arguments: json!(evil) });
    let look = Look { all: true, ..en() };
    let row = &view.row.clone();
    for text in [
        page(&view, &look),
        heads(&view, &look),
        line(row, &look),
        list(&[row], &look),
        hits(&[Hit { row, excerpt: evil.into() }], &look),
    ] {
        let is_order = |letter: char| letter.is_control() && letter != '\n' || letter == '\u{202e}';
        assert!(!text.chars().any(is_order), "{text:?}");
    }
}
