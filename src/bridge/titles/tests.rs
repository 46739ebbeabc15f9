use super::*;

/// As Codex 0.169 has it.
const INSTRUCTIONS: &str = "Generate a concise, single-line task title of at most 36 characters and under five words where \
    possible. Start with an imperative verb. Capitalize only the first word unless the user's language, proper nouns, \
    acronyms, or code terms require otherwise. Preserve ticket references exactly. Write in the user's language. Do not use \
    quotes, markdown, or trailing punctuation. Do not answer the request.";

const MARK: &str = r#"{"request_kind":"turn","thread_source":"thread_title","sandbox":"seccomp"}"#;

fn request(prompt: &str) -> Value {
    let context = "<environment_context>\n  <timezone>Etc/UTC</timezone>\n</environment_context>";
    let message = |role: &str, text: &str| json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]});
    let title = json!({"type": "string", "minLength": 1, "maxLength": 36});
    let schema =
        json!({"type": "object", "properties": {"title": title}, "required": ["title"], "additionalProperties": false});
    json!({
        "model": "qwen3:14b",
        "tools": [],
        "input": [message("developer", "You are a coding agent"), message("user", context), message("user", prompt)],
        "text": {"format": {"type": "json_schema", "strict": true, "name": "codex_output_schema", "schema": schema}},
        "client_metadata": {"x-codex-turn-metadata": MARK},
    })
}

#[test]
fn the_request_of_codex_is_answered_in_its_form() {
    let prompt = format!(
        "{INSTRUCTIONS}\n\nUser prompt:\nPlease fix the \"login\" bug in `src/auth.rs` because\nit crashes.\n\nUser prompt:\nx"
    );
    let asked = find(&request(&prompt), None).unwrap();
    assert_eq!(answer(&asked).unwrap(), r#"{"title":"Fix the login bug in auth.rs"}"#);
}

#[test]
fn a_request_for_a_title_is_known_by_its_mark_or_its_form() {
    let plain = || request("list the files");
    recognised(&plain(), None, true);
    let mut unmarked = plain();
    unmarked["client_metadata"] = Value::Null;
    recognised(&unmarked, None, true);
    recognised(&unmarked, Some(MARK), true);
    unmarked["text"]["format"]["name"] = json!("my_schema");
    recognised(&unmarked, None, false);
    recognised(&unmarked, Some(MARK), true);
    recognised(&unmarked, Some(r#"{"thread_source":"user"}"#), false);
    recognised(&unmarked, Some("not json"), false);
}

#[test]
fn what_only_a_model_can_fill_is_not_answered() {
    let mut two = request("list the files");
    two["text"]["format"]["schema"]["properties"]["icon"] = json!({"type": "string"});
    recognised(&two, None, false);
    let mut number = request("list the files");
    number["text"]["format"]["schema"]["properties"]["title"] = json!({"type": "integer"});
    recognised(&number, None, false);
}

#[test]
fn a_turn_with_the_users_own_schema_is_no_request_for_a_title() {
    let mut turn = request("list the files");
    turn["client_metadata"] = json!({"x-codex-turn-metadata": r#"{"thread_source":"user"}"#});
    turn["tools"] = json!([{"type": "function", "name": "exec_command"}]);
    recognised(&turn, None, false);
}

#[test]
fn without_a_schema_the_title_is_the_text() {
    let mut free = request("list the files");
    free["text"] = Value::Null;
    assert_eq!(answer(&find(&free, None).unwrap()).unwrap(), "List the files");
}

#[test]
fn bounds_of_the_schema_hold() {
    let mut short = request("list the files");
    short["text"]["format"]["schema"]["properties"]["title"] = json!({"type": "string", "maxLength": 8});
    assert_eq!(answer(&find(&short, None).unwrap()).unwrap(), r#"{"title":"List"}"#);
    short["text"]["format"]["schema"]["properties"]["title"] =
        json!({"type": "string", "minLength": 20, "maxLength": 30});
    assert_eq!(answer(&find(&short, None).unwrap()), None);
}

#[test]
fn the_users_words_are_found() {
    for prompt in [
        format!("{INSTRUCTIONS}\n\nUser prompt:\nlist the files"),
        format!("{INSTRUCTIONS}\r\n\r\nuser message:\r\nlist the files\r\n"),
        format!("{INSTRUCTIONS}\n\n<user_prompt>\nlist the files\n</user_prompt>"),
        format!("{INSTRUCTIONS}\n\nlist the files"),
        "list the files".to_owned(),
    ] {
        words(&request(&prompt), Some("list the files"));
    }
    let mut earlier = request(INSTRUCTIONS);
    let all = earlier["input"].as_array_mut().unwrap();
    all.insert(2, json!({"role": "user", "content": "list the files"}));
    words(&earlier, Some("list the files"));
    earlier["input"] = json!("list the files");
    words(&earlier, Some("list the files"));
}

#[test]
fn without_words_of_the_user_a_model_is_asked() {
    words(&request(INSTRUCTIONS), None);
    let mut empty = request("");
    words(&empty, None);
    empty["input"] = json!([]);
    words(&empty, None);
}

#[test]
fn a_title_says_what_is_wanted() {
    titled("list the files", "List the files");
    titled("Hi! Could you please rename the function?", "Rename the function");
    titled("Hello,\n\ncan you add a test for the parser", "Add a test for the parser");
    titled("Bonjour, peux-tu corriger le bug d'affichage de la page d'accueil ?", "Corriger le bug d'affichage");
    titled("s'il te plaît ajoute un test", "Ajoute un test");
    titled("hi", "Hi");
    titled("highlight the current line", "Highlight the current line");
    titled("can you", "Can you");
}

#[test]
fn a_title_is_whole_words_without_a_loose_end() {
    titled("Fix the login bug in auth.rs because it crashes on empty passwords", "Fix the login bug in auth.rs");
    titled("Explain to me how the translation of the requests works", "Explain to me how the translation");
    titled(
        "Implement ABC-123: the upload must be resumed (after a reset of the connection)",
        "Implement ABC-123: the upload must",
    );
    titled("Donaudampfschifffahrtsgesellschaftskapitän", "Donaudampfschifffahrtsgesellschaftsk");
    titled(
        "ファイルを一覧表示してください。それから、テストを実行してください。そしてコミットしてください。",
        "ファイルを一覧表示してください",
    );
}

#[test]
fn a_line_that_goes_on_in_the_next_is_one_line() {
    titled("Make the parser\nfaster", "Make the parser faster");
    titled("Make the parser\n- faster", "Make the parser");
    titled("Make the parser\n\nfaster", "Make the parser");
}

#[test]
fn a_title_is_the_first_sentence() {
    titled("Run the tests. Then fix them.", "Run the tests");
    titled("Why? It fails", "Why? It fails");
    titled("bump to v1.2.3 now", "Bump to v1.2.3 now");
    titled("What is this?!", "What is this");
}

#[test]
fn a_title_has_no_quotes_and_no_markdown() {
    titled("## Task\n\n- do it", "Task");
    titled("1. **Refactor** the _store_ module", "Refactor the store module");
    titled("- [ ] “smart” 'quotes' and `code`", "Smart quotes and code");
    titled("> don't panic", "Don't panic");
    titled("see [the docs](https://example.org/a) first", "See the docs first");
    titled("[Image #1] what is shown here?", "What is shown here");
    titled("```rust\nfn main() {}\n```\nexplain this code", "Explain this code");
    titled("```\ncargo build\n```", "Cargo build");
    titled("call a[0](x", "Call a[0]");
}

#[test]
fn a_title_names_files_without_their_way() {
    titled("fix /home/me/project/src/main.rs", "Fix main.rs");
    titled("open C:\\Users\\me\\notes.txt, please", "Open notes.txt, please");
    titled("look at @src/net/dial.rs and ./build/", "Look at dial.rs and build");
    titled("summarise https://example.org/long/path?x=1", "Summarise example.org");
    titled("TCP/IP and/or UDP", "TCP/IP and/or UDP");
    titled("compare (src/a.rs, src/b.rs)", "Compare (a.rs, b.rs)");
}

#[test]
fn code_keeps_its_spelling() {
    titled("main.rs does not compile", "main.rs does not compile");
    titled("snake_case it", "snake_case it");
    titled("iPhone layout is broken", "iPhone layout is broken");
    titled("éviter la boucle", "Éviter la boucle");
}

#[test]
fn what_has_no_words_is_a_new_thread() {
    for said in ["", "???", "\n\n", "\u{202e}", "🙂", "```\n```"] {
        titled(said, UNTITLED);
    }
}

#[test]
fn any_text_gives_a_title_that_fits() {
    let pieces = [
        "a", " ", "\n", "“", "```", "](", "[", "(", "é", "🙂", "/", ".", "- ", "1. ", "please ", "\u{0}", "ß", "://",
        "漢。", "'", "@",
    ];
    for a in pieces {
        for b in pieces {
            for c in ["a", " ", "\n", "[", "漢。"] {
                for text in [[a, b, c].concat(), [c, a, b].concat().repeat(15)] {
                    for most in [1, 36] {
                        let title = title(&text, most);
                        let length = title.chars().count();
                        assert!((1..=most).contains(&length), "{text:?} gives {title:?}");
                        assert!(!title.contains(['\n', '"', '`']) && title.trim() == title, "{text:?} gives {title:?}");
                    }
                }
            }
        }
    }
}

#[track_caller]
fn recognised(request: &Value, header: Option<&str>, expected: bool) {
    assert_eq!(find(request, header).is_some(), expected, "{request}");
}

#[track_caller]
fn words(request: &Value, expected: Option<&str>) {
    assert_eq!(find(request, None).map(|asked| asked.words).as_deref(), expected, "{request}");
}

#[track_caller]
fn titled(said: &str, expected: &str) {
    assert_eq!(title(said, MOST), expected, "{said:?}");
}
