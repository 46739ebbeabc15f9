use serde_json::{Value, json};

use super::*;

/// Random bytes, the same in each run (xorshift).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most as u64).expect("it is small")
    }
}

fn without(text: &str) -> String {
    body(text.as_bytes(), None)
        .map_or_else(|| text.to_owned(), |redacted| String::from_utf8(redacted.body).expect("what was text is text"))
}

#[track_caller]
fn check(text: &str, redacted: &str) {
    assert_eq!(without(text), redacted, "as it is");
    assert_eq!(without(redacted), redacted, "twice is once");
    // Inside of JSON, and of JSON in JSON, as the arguments of a call are.
    let once = json!({ "text": text }).to_string();
    let within: Value = serde_json::from_str(&without(&once)).expect("JSON stays JSON");
    assert_eq!(within["text"], redacted, "in JSON");
    let twice = json!({ "arguments": once }).to_string();
    let within: Value = serde_json::from_str(&without(&twice)).expect("JSON stays JSON");
    let within: Value = serde_json::from_str(within["arguments"].as_str().unwrap()).expect("JSON in JSON stays JSON");
    assert_eq!(within["text"], redacted, "in JSON in JSON");
}

#[track_caller]
fn stays(text: &str) {
    check(text, text);
}

#[test]
fn keys_go_by_their_beginning_and_their_length() {
    for (secret, kind) in [
        ("sk-abcdefghijklmnopqrstT3BlbkFJabcdefghijklmnopqrst", "openai"),
        ("sk-0123456789abcdef0123456789abcdef", "openai"),
        ("sk-proj-abcDEF123456789-_abcDEF123456789abcDEF", "openai"),
        ("sk-svcacct-abcDEF123456789abcDEF", "openai"),
        ("sk-ant-api03-abcdefghijKLMNOP_1234567890-abcdefAA", "anthropic"),
        ("sk-or-v1-0123456789abcdef0123456789abcdef", "openrouter"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "github"),
        ("gho_abcdefghijklmnopqrstuvwxyz0123456789", "github"),
        ("ghu_abcdefghijklmnopqrstuvwxyz0123456789", "github"),
        ("ghs_abcdefghijklmnopqrstuvwxyz0123456789", "github"),
        ("ghr_abcdefghijklmnopqrstuvwxyz0123456789", "github"),
        ("github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz", "github"),
        ("AKIAIOSFODNN7EXAMPLE", "aws"),
        ("ASIAIOSFODNN7EXAMPLE", "aws"),
        ("AIzaSyA1234567890abcdefghijklmnopqrst-_", "google"),
        ("xoxb-123456789012-123456789012-abcdefABCDEF", "slack"),
        ("xoxp-123456789012-abcdef", "slack"),
        ("glpat-abcdefghij1234567890", "gitlab"),
        ("npm_abcdefghijklmnopqrstuvwxyz0123456789", "npm"),
        ("hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "huggingface"),
        ("sk_live_abcdefghijklmnop12345678", "stripe"),
        ("rk_live_abcdefghijklmnop12345678", "stripe"),
        ("gsk_abcdefghijklmnop1234567890", "groq"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N", "jwt"),
    ] {
        let mark = format!("[redacted:{kind}]");
        check(secret, &mark);
        check(&format!("given {secret}, went on"), &format!("given {mark}, went on"));
        check(&format!("a\n{secret}\nb\t{secret}."), &format!("a\n{mark}\nb\t{mark}."));
        check(&format!("(\"{secret}\") '{secret}' <{secret}> C:\\{secret}"), &{
            // Behind a backslash, `n` and `r` may be the half of an escape.
            let behind = if secret.starts_with(['n', 'r']) { secret } else { &mark };
            format!("(\"{mark}\") '{mark}' <{mark}> C:\\{behind}")
        });
        check(&format!("x={secret}&y {secret}{secret}"), &{
            // Two in a row are one word: of its maker's kind where no length is set.
            let tail = without(&format!("{secret}{secret}"));
            format!("x={mark}&y {tail}")
        });
    }
}

#[test]
fn what_only_begins_like_a_key_stays() {
    for text in [
        "",
        "sk-fading-circle-container-with-a-long-name sk-cube-grid-2 sk-tts:1b task-12345678901234567890abcdef",
        "ask-abcdefghijklmnopqrst1234567890 risk-0123456789abcdef0123456789",
        "ghp_short xghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "AKIA AKIAIOSFODNN7EXAMPL AKIAIOSFODNN7EXAMPLES ASIAPACIFICREGIONALX",
        "npm_config_registry npm_package_dependencies_something_long_enough hf_hub_download_with_a_long_name_2",
        "eyJhbGciOiJIUzI1NiJ9 eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0",
        "550e8400-e29b-41d4-a716-446655440000 da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "the bearer of this message; Bearer authentication; a bearer token; Basic authentication; basic understanding",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUabcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH\n-----END CERTIFICATE-----",
        "look for -----BEGIN PRIVATE KEY----- and then for -----END PRIVATE KEY----- in it",
        "MAX_TOKENS=4096 max_output_tokens=32768 TOKEN_COUNT=123456789012a model_auto_compact_token_limit=200000",
        "OPENAI_API_KEY=$OPENAI_API_KEY API_KEY=${API_KEY_1234} API_KEY=<your key> API_KEY=your-key-here-12345 API_KEY=%KEY1%",
        "api_key=os.environ[\"OPENAI_API_KEY_2\"] token = get_token_from_cache_2() password=password, password=user_password",
        "PUBLIC_KEY=abcdef1234567890abcdef NEXT_PUBLIC_API_KEY=abcdef1234567890 next_page_token=abcdef1234567890abcdef",
        "SSH_PRIVATE_KEY=/home/me/.ssh/id_ed25519 key=value1234567890abcdef x==y1234567890abcdef CACHE_KEY=abcdef1234567890",
        "if password == \"hunter22hunter\" { } assert!(token != expected)",
        "http://localhost:11434/v1 https://example.com/@user http://me@host/ postgres://${USER}:${PASS}@${HOST}/db a://b:@c",
        "std::io::read user@host:path Text.UTF8Encoding]::new",
        "env_key = \"OPENAI_API_KEY\", \"prompt_cache_key\": \"0199a213-81b2-7800-8aa0-bf13ad5e5b0c\"",
    ] {
        stays(text);
    }
}

#[test]
fn values_go_by_the_name_before_them() {
    check("OPENAI_API_KEY=abcdef123456", "OPENAI_API_KEY=[redacted:env]");
    check("export GITHUB_TOKEN='abcdef123456' X=1", "export GITHUB_TOKEN='[redacted:env]' X=1");
    check("A=1\nSESSION_SECRET=abc/def+123456==\nB=2", "A=1\nSESSION_SECRET=[redacted:env]\nB=2");
    check("DB_PASSWORD=hunter\r\nDB_USER=me", "DB_PASSWORD=[redacted:password]\r\nDB_USER=me");
    check("Environment=\"DB_PASSWORD=a b c d e\"", "Environment=\"DB_PASSWORD=a b c d e\"");
    check("password = \"correct horse battery\"\nx = 1", "password = \"[redacted:password]\"\nx = 1");
    check("PGPASSWORD=pässwörd1 psql", "PGPASSWORD=[redacted:password] psql");
    check("api_key = \"abcdefgh12345678\"", "api_key = \"[redacted:env]\"");
    check("?api_key=abcdefgh12345678&model=m", "?api_key=[redacted:env]&model=m");
    check("serve --api-key=abcdefgh12345678 -v", "serve --api-key=[redacted:env] -v");
    check(
        "OPENAI_API_KEY=sk-proj-abcDEF123456789abcDEF GH_TOKEN=\"ghp_abcdefghijklmnopqrstuvwxyz\"",
        "OPENAI_API_KEY=[redacted:openai] GH_TOKEN=\"[redacted:github]\"",
    );
    let aws = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    check(&format!("aws_secret_access_key = {aws}\n"), "aws_secret_access_key = [redacted:aws]\n");
    check(&format!("\"SecretAccessKey\": \"{aws}\","), "\"SecretAccessKey\": \"[redacted:aws]\",");
    stays("aws_secret_access_key: the forty letters that Amazon has given you");
}

#[test]
fn credentials_of_headers_and_addresses_go() {
    check("-H 'Authorization: Bearer abcdefgh12345678' x", "-H 'Authorization: Bearer [redacted:bearer]' x");
    check("authorization: bearer  abc.def-123/4567=", "authorization: bearer  [redacted:bearer]");
    check("Authorization: Bearer ghp_abcdefghijklmnopqrstuvwxyz", "Authorization: Bearer [redacted:github]");
    check("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [redacted:basic]");
    check("https://user:pass@host/x", "https://user:[redacted:password]@host/x");
    check("redis://:hunter2@10.0.0.1:6379", "redis://:[redacted:password]@10.0.0.1:6379");
    check("git clone https://x:p@ss@host.example", "git clone https://x:[redacted:password]@host.example");
}

#[test]
fn private_keys_go_whole() {
    let line = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2g+/=";
    let block = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{line}\n{line}\nAAA=\n-----END OPENSSH PRIVATE KEY-----");
    check(&format!("a\n{block}\nb"), "a\n[redacted:private-key]\nb");
    check(&block.replace('\n', "\r\n"), "[redacted:private-key]");
    check(&block.replace('\n', "\n   12\t"), "[redacted:private-key]");
    check(&format!("{block} {block}"), "[redacted:private-key] [redacted:private-key]");
    check(
        &format!("-----BEGIN RSA PRIVATE KEY-----\n{line}\n{line}\nabc= and more"),
        "[redacted:private-key] and more",
    );
    check(&format!("-----BEGIN PRIVATE KEY-----\n{line}"), "[redacted:private-key]");
    stays("-----BEGIN PRIVATE KEY-----\nand nothing that looks like one");
}

/// As other programs write JSON: Go has `\u003d`, PHP `\/`, and anybody may have any.
#[test]
fn escapes_hide_nothing() {
    let raw = |text: &str, redacted: &str| {
        assert_eq!(without(text), redacted);
        assert!(serde_json::from_str::<Value>(&without(text)).is_ok(), "{text}");
    };
    raw(r#"{"a":"API_KEY\u003dabcdef123456"}"#, r#"{"a":"API_KEY\u003d[redacted:env]"}"#);
    raw(r#"{"a":"\u003cAKIAIOSFODNN7EXAMPLE\u003e"}"#, r#"{"a":"\u003c[redacted:aws]\u003e"}"#);
    raw(r#"{"a":"\u0073k-proj-abcDEF1234\u002d56789abcDEF"}"#, r#"{"a":"[redacted:openai]"}"#);
    raw(r#"{"a":"\\u0073k-proj-abcDEF123456789abcDEF"}"#, r#"{"a":"[redacted:openai]"}"#);
    raw(r#"{"a":"S_SECRET=abc\/def\u002b12345\u003d\n"}"#, r#"{"a":"S_SECRET=[redacted:env]\n"}"#);
    raw(
        r#"{"a":"https:\/\/me:pw\/@host:\/\/me:pw@host"}"#,
        r#"{"a":"https:\/\/me:pw\/@host:\/\/me:[redacted:password]@host"}"#,
    );
    raw(
        r#"{"a":"x\npm_abcdefghijklmnopqrstuvwxyz0123456789"}"#,
        r#"{"a":"x\npm_abcdefghijklmnopqrstuvwxyz0123456789"}"#,
    );
    raw(r#"{"a":"API_KEY=","b":"abcdefgh12345678"}"#, r#"{"a":"API_KEY=","b":"abcdefgh12345678"}"#);
    raw(r#"["DB_PASSWORD=", 123456789, "x"]"#, r#"["DB_PASSWORD=", 123456789, "x"]"#);
}

#[test]
fn edits_tell_what_went_where() {
    let text = b"a AKIAIOSFODNN7EXAMPLE b https://u:pw@h";
    let redacted = body(text, None).unwrap();
    assert_eq!(redacted.secrets, 2);
    assert_eq!(redacted.edits, [Edit { from: 2, len: 20, by: 14 }, Edit { from: 35, len: 2, by: 19 }]);
    assert_eq!(redacted.body, b"a [redacted:aws] b https://u:[redacted:password]@h");
    assert_eq!(body(b"nothing", None), None);
    assert_eq!(body(text, Some("image/png")), None);
}

/// A stream of such records, each with a piece; what is left in the pieces, and that each record is JSON.
#[track_caller]
fn streamed(record: impl Fn(&str) -> String, pieces: &[&str], left: &[&str]) {
    let text: String = pieces.iter().map(|piece| record(piece)).collect();
    let expected: String = left.iter().map(|piece| record(piece)).collect();
    assert_eq!(without(&text), expected);
    for line in expected.lines().filter(|line| !line.is_empty() && !line.starts_with("event:")) {
        assert!(serde_json::from_str::<Value>(line.trim_start_matches("data:")).is_ok(), "{line}");
    }
}

fn responses(delta: &str) -> String {
    let data = json!({ "type": "response.output_text.delta", "item_id": "msg_1", "delta": delta });
    format!("event: response.output_text.delta\ndata: {data}\n\n")
}

fn chat(content: &str) -> String {
    let data = json!({ "id": "c", "choices": [{ "index": 0, "delta": { "role": "assistant", "content": content } }] });
    format!("data: {data}\n\n")
}

/// The first of a call says more than the others.
fn call(arguments: &str) -> String {
    let mut call = json!({ "index": 0, "function": { "arguments": arguments } });
    if arguments.starts_with('{') {
        call["type"] = json!("function");
    }
    format!("data: {}\n\n", json!({ "choices": [{ "delta": { "tool_calls": [call] } }] }))
}

fn ollama(thinking: &str) -> String {
    json!({ "model": "m", "message": { "role": "assistant", "content": "", "thinking": thinking }, "done": false })
        .to_string()
        + "\n"
}

#[test]
fn what_a_stream_has_cut_into_pieces_is_found() {
    let pieces = ["use s", "k", "-proj-", "abcDEF", "1234567", "89abcDEF", " \"now\"", "."];
    let left = ["use [redacted:openai]", "", "", "", "", "", " \"now\"", "."];
    streamed(responses, &pieces, &left);
    streamed(chat, &pieces, &left);
    streamed(ollama, &pieces, &left);
    streamed(call, &["{\"a\":\"AKIA", "IOSFODNN7", "EXAMPLE\"}"], &["{\"a\":\"[redacted:aws]", "", "\"}"]);
    // The first piece looks like a whole key; its end must go with it.
    streamed(responses, &["a sk-proj-abcDEF123456789abcDEF", "ghi123 b"], &["a [redacted:openai]", " b"]);
    // So may one in the middle.
    let token = "AKIAIOSFODNN7EXAMPLE";
    streamed(chat, &["x DB_PASSWORD=abc/", token, "/x y"], &["x DB_PASSWORD=[redacted:password]", "", " y"]);
    streamed(
        ollama,
        &["-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIE", "IMC4CAQAwBQYDK2VwBCIEIMC4CAQAwBQYDK2Vw\n", "é -----"],
        &["[redacted:private-key]", "\n", "é -----"],
    );
    streamed(responses, &["no ", "secret ", "at all: sk-", " proj"], &["no ", "secret ", "at all: sk-", " proj"]);
}

#[test]
fn pieces_of_different_texts_are_not_joined() {
    let of = |kind: &str, delta: &str| format!("data: {}\n\n", json!({ "type": kind, "delta": delta }));
    let text = of("a", "AKIAIOSF") + &of("b", "ODNN7EXAMPLE") + &of("a", "ODNN7EXAMPLE");
    let expected = of("a", "[redacted:aws]") + &of("b", "ODNN7EXAMPLE") + &of("a", "");
    assert_eq!(without(&text), expected);
    // Two items at the same time.
    let of = |item: &str, delta: &str| format!("data: {}\n", json!({ "type": "a", "item_id": item, "delta": delta }));
    let text = of("1", "AKIAIOSF") + &of("2", "say ") + &of("1", "ODNN7EXAMPLE");
    assert_eq!(without(&text), of("1", "[redacted:aws]") + &of("2", "say ") + &of("1", ""));
}

#[test]
fn headers_lose_their_credentials_and_keep_their_scheme() {
    let mut all: Vec<(String, String)> = [
        ("Authorization", "Bearer abc"),
        ("proxy-authorization", "Basic dXNlcjpwYXNz"),
        ("authorization", "abc"),
        ("Cookie", "a=b c=d"),
        ("set-cookie", "a=b"),
        ("X-Goog-Api-Key", "abc"),
        ("apikey", "abc"),
        ("x-auth-token", "abc"),
        ("x-client-secret", "abc"),
        ("x-password", "abc"),
        ("referer", "http://u:pw@h/"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    assert_eq!(headers(&mut all), 11);
    let values: Vec<&str> = all.iter().map(|(_, value)| value.as_str()).collect();
    let mut expected = vec!["Bearer [redacted]", "Basic [redacted]"];
    expected.extend([REDACTED; 8]);
    expected.push("http://u:[redacted:password]@h/");
    assert_eq!(values, expected);
    assert_eq!(headers(&mut all), 0, "twice is once");
}

#[test]
fn headers_that_tell_nothing_secret_stay() {
    let mut all: Vec<(String, String)> = [
        ("content-length", "12"),
        ("x-ratelimit-remaining-tokens", "149984"),
        ("x-ratelimit-reset-tokens", "6ms"),
        ("openai-max-token", "1"),
        ("x-codex-turn-metadata", r#"{"turn_id":"0199a213-81b2-7800-8aa0-bf13ad5e5b0c","window_number":0}"#),
        ("x-codex-window-id", "0199a213-81b2-7800-8aa0-bf13ad5e5b0c"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("session-id", "0199a213-81b2-7800-8aa0-bf13ad5e5b0c"),
        ("authorization", ""),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let before = all.clone();
    assert_eq!(headers(&mut all), 0);
    assert_eq!(all, before);
}

#[test]
fn targets_lose_the_secrets_of_their_query() {
    for (with, without) in [
        ("/v1?api_key=abc&model=m", Some("/v1?api_key=[redacted]&model=m")),
        ("/v1?model=m&token=abc&key=d", Some("/v1?model=m&token=[redacted]&key=[redacted]")),
        ("/v1?X-Amz-Signature=abc", Some("/v1?X-Amz-Signature=[redacted]")),
        ("http://u:pw@h/v1?accessToken=x", Some("http://u:[redacted:password]@h/v1?accessToken=[redacted]")),
        ("/AKIAIOSFODNN7EXAMPLE/x", Some("/[redacted:aws]/x")),
        ("/v1/models", None),
        ("/v1?max_tokens=5&page_token=x&monkey=1&token=", None),
        ("/v1?key=[redacted]", None),
    ] {
        assert_eq!(target(with).as_deref(), without, "{with}");
    }
}

/// Whatever it is cut or mixed into, nothing breaks: no panic, edits in order, JSON stays JSON, twice is once or less.
#[test]
fn no_bytes_are_too_odd() {
    const PIECES: [&str; 34] = [
        "sk-",
        "proj-",
        "abcDEF123456789abcDEF",
        "ghp_",
        "AKIA",
        "IOSFODNN7EXAMPLE",
        "=",
        "API_KEY=",
        "PASSWORD=",
        "\"",
        "\\",
        "\\\"",
        "\\u003d",
        "\\u00",
        "\\\\",
        "/",
        "://",
        "u:p@h",
        "Bearer ",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "eyJhbGciOiJIUzI1NiJ9",
        ".",
        "\n",
        "\\n",
        "é",
        "日",
        " ",
        "data: {\"delta\":\"",
        "\"}\n",
        "{",
        "'",
        "aws_secret_access_key",
        "[redacted:env]",
    ];
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..1000 {
        let text: String = (0..=dice.below(12)).map(|_| PIECES[dice.below(PIECES.len())]).collect();
        let json = json!({ "a": text, "b": [text, 1] }).to_string();
        for whole in [text.clone(), json.clone()] {
            let mut bytes = whole.into_bytes();
            bytes.truncate(bytes.len() - dice.below(3).min(bytes.len()));
            let Some(redacted) = body(&bytes, None) else { continue };
            let mut at = 0;
            let mut length = bytes.len();
            for edit in &redacted.edits {
                assert!(edit.from >= at && edit.from + edit.len <= bytes.len(), "{text:?}");
                at = edit.from + edit.len;
                length = length + edit.by - edit.len;
            }
            assert_eq!(length, redacted.body.len());
            assert!(std::str::from_utf8(&redacted.body).is_ok() || std::str::from_utf8(&bytes).is_err(), "{text:?}");
        }
        if let Some(redacted) = body(json.as_bytes(), None) {
            assert!(serde_json::from_slice::<Value>(&redacted.body).is_ok(), "{json}");
        }
        let stream: String = text.chars().map(|letter| responses(&letter.to_string())).collect();
        for line in without(&stream).lines().filter_map(|line| line.strip_prefix("data: ")) {
            assert!(serde_json::from_str::<Value>(line).is_ok(), "{text:?}: {line}");
        }
    }
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..dice.below(200)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
        let _ = body(&bytes, None);
    }
}

/// Each kind of beginning, many times over: were one of them looked at again and again, this would not end.
#[test]
fn the_time_grows_with_the_text_only() {
    for piece in [
        "eyJa.",
        "eyJ",
        "sk-",
        "-----BEGIN PRIVATE KEY-----",
        "-",
        "=",
        "a=",
        "://",
        "\\",
        "\\u0073",
        "A_KEY=\"",
        "\"",
        "{\"delta\":\"a\"}\n",
    ] {
        let text = piece.repeat((1 << 18) / piece.len());
        let _ = body(text.as_bytes(), None);
    }
}
