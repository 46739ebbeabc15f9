use super::*;

#[track_caller]
fn check(text: &str, redacted: &str) {
    assert_eq!(redact(text), redacted);
    assert_eq!(redact(redacted), redacted, "twice is once");
}

#[track_caller]
fn stays(text: &str) {
    assert_eq!(redact(text), text);
}

/// What must not be left of it.
#[track_caller]
fn hides(text: &str, secrets: &[&str]) {
    let redacted = redact(text);
    for secret in secrets {
        assert!(!redacted.contains(secret), "{secret} is left: {redacted}");
    }
    assert_eq!(redact(&redacted), redacted, "twice is once");
}

#[test]
fn what_a_fault_is_about_stays() {
    for text in [
        "172.24.0.1:11434 answers, 172.24.3.7/20 on eth0, default via 172.24.0.1",
        "127.0.0.1:11434 [::ffff:127.0.0.1]:11434 0.0.0.0 255.255.240.0 ::1 [::]:11434",
        "10.255.255.254 192.168.127.254 169.254.73.249 100.64.0.1 fd7a:115c:a1e0::1 fe80::1",
        "qwen3:14b gpt-oss:20b hf.co/bartowski/Qwen3-14B-GGUF:Q4_K_M sk-tts:1b",
        "Linux 6.6.87.2-microsoft-standard-WSL2, WSL version: 2.6.1.0, Kernel version: 6.6.87.2-1, Ollama 0.33.0",
        "\"wsl_version\": \"2.6.1.0\", Codex 0.169.0, @openai/codex@0.169.0",
        "model_context_window = 32768, max_tokens: 4096, \"tool_output_token_limit\": 10000, 32 768 tokens",
        "model_auto_compact_token_limit = 200000\nstream_idle_timeout_ms = 600000",
        "env_key = \"OPENAI_API_KEY\", requires_openai_auth = true, \"has_key\": false",
        "HTTP_PROXY=http://proxy.example:3128 NO_PROXY=localhost,127.0.0.1,::1",
        "OLLAMA_HOST=0.0.0.0:11434 OLLAMA_CONTEXT_LENGTH=32768 OLLAMA_KEEP_ALIVE=5m",
        "[Environment]::SetEnvironmentVariable('OLLAMA_HOST','0.0.0.0:11434','User')",
        "New-NetFirewallRule -RemoteAddress 172.24.0.0/20 -Profile Any",
        "/usr/local/bin/ollama-forward /root/.codex/config.toml /mnt/c/Windows/System32 C:\\Users\\Public\\x",
        "user@1000.service, ollama-forward.service, app-foo@autostart.service",
        "2026-11-28T15:28:09.123456Z  INFO listening address=127.0.0.1:11434",
        "Ollama asks nobody for a password; the bearer of this message, bearer authentication",
        "ollama_forward::doctor::fact std::io::read [Text.UTF8Encoding]::new",
        "x",
        "",
    ] {
        stays(text);
    }
}

#[test]
fn homes_lose_their_name_and_keep_their_path() {
    check("/home/marie/.codex/config.toml", "/home/USER/.codex/config.toml");
    check("/home/marie: permission denied", "/home/USER: permission denied");
    check("cannot read /home/marie", "cannot read /home/USER");
    check("'/home/jean-luc.p/x'", "'/home/USER/x'");
    check("/mnt/c/Users/Marie/.ollama", "/mnt/c/Users/USER/.ollama");
    check("/mnt/c/Users/Marie Curie/AppData", "/mnt/c/Users/USER/AppData");
    check("C:\\Users\\Marie\\AppData\\Local", "C:\\Users\\USER\\AppData\\Local");
    check("c:\\users\\Marie Curie\\AppData", "c:\\users\\USER\\AppData");
    check("\"C:\\\\Users\\\\Marie Curie\\\\.wslconfig\"", "\"C:\\\\Users\\\\USER\\\\.wslconfig\"");
    check("\"C:\\Users\\Marie Curie\"", "\"C:\\Users\\USER\"");
    check("C:/Users/Élodie/x", "C:/Users/USER/x");
    check("\\\\wsl$\\Ubuntu\\home\\marie\\x", "\\\\wsl$\\Ubuntu\\home\\USER\\x");
    check("\\\\wsl.localhost\\Ubuntu\\home\\marie", "\\\\wsl.localhost\\Ubuntu\\home\\USER");
    check("/mnt/c/Users/bo is not on /mnt/d", "/mnt/c/Users/USER is not on /mnt/d");
    check("file:///home/marie/x", "file:///home/USER/x");
    check("/Users/marie/Library", "/Users/USER/Library");
    stays("/home/<name>/x /home/*/x C:\\Users\\*\\x");
    stays("/home");
}

#[test]
fn a_name_that_a_home_told_goes_everywhere() {
    check(
        "/home/marie/x, user marie, Marie@laptop, /tmp/marie-1000, marieland, marie_x",
        "/home/USER/x, user USER, USER@laptop, /tmp/USER-1000, marieland, marie_x",
    );
    check("C:\\Users\\Marie Curie\\x belongs to Marie Curie", "C:\\Users\\USER\\x belongs to USER");
    // Words that a report needs, and short ones, go from the path only.
    check("/home/ollama/x: ollama", "/home/USER/x: ollama");
    check("/home/max/x: max", "/home/USER/x: max");
    // The page of a site is nobody's home.
    check("http://proxy.example/home/page1, page1", "http://proxy.example/home/USER, page1");
}

#[test]
fn names_that_the_system_told_go() {
    let known = Known { users: vec!["marie".into(), "root".into()], hosts: vec!["atelier\n".into(), "Ubuntu".into()] };
    let mut redactor = Redactor::new(&known);
    assert_eq!(
        redactor.redact("marie@ATELIER: root, Ubuntu, atelier.lan, ateliers"),
        "USER@HOST: root, Ubuntu, HOST.lan, ateliers"
    );
    check("Windows calls itself DESKTOP-4F2K9QX, not DESKTOP-1", "Windows calls itself HOST, not DESKTOP-1");
}

#[test]
fn secrets_go_by_their_name() {
    check("api_key = \"abc def\"", "api_key = \"[removed]\"");
    check("OPENAI_API_KEY=abc123", "OPENAI_API_KEY=[removed]");
    check("export GITHUB_TOKEN='abc' X=1", "export GITHUB_TOKEN='[removed]' X=1");
    check("{\"apiKey\":\"a\\\"b\",\"model\":\"m\"}", "{\"apiKey\":\"[removed]\",\"model\":\"m\"}");
    check("{\"text\":\"api_key = \\\"abc\\\" and more\"}", "{\"text\":\"api_key = \\\"[removed]\\\" and more\"}");
    check("experimental_bearer_token = \"abc\"", "experimental_bearer_token = \"[removed]\"");
    check("client-secret: abc, x: y", "client-secret: [removed], x: y");
    check("server --api-key abc123 --port 11434", "server --api-key [removed] --port 11434");
    check("server --token=abc123 -v", "server --token=[removed] -v");
    check("args = [\"--api-key\", \"abc\", \"-v\"]", "args = [\"--api-key\", \"[removed]\", \"-v\"]");
    check("api_keys = [\n  \"abc\",\n  \"def\",\n]\nmodel = \"m\"", "api_keys = [removed]\nmodel = \"m\"");
    check("password = \"\"\"\nabc\n\"\"\"\nmodel = 1", "password = \"\"\"[removed]\"\"\"\nmodel = 1");
    check("Environment=\"DB_PASSWORD=a b\"\nExecStart=/x", "Environment=\"DB_PASSWORD=[removed]\"\nExecStart=/x");
    check("DATABASE_PASSWORD: hunter2", "DATABASE_PASSWORD: [removed]");
    check("proxy_auth = \"me:pw\"", "proxy_auth = \"[removed]\"");
    check("password = \"never closed\nmodel = 1", "password = \"[removed]\nmodel = 1");
    check("GET /v1?key=abc&model=m&token=def", "GET /v1?key=[removed]&model=m&token=[removed]");
    stays("password = \"\"");
    stays("The key: not a secret. Registry key NatGatewayIpAddress");
}

#[test]
fn headers_go_to_the_end_of_their_line() {
    check("Authorization: Bearer abc def\nHost: x", "Authorization: [removed]\nHost: x");
    check("curl -H \"Authorization: Basic dXNlcjpwYXNz\" x", "curl -H \"Authorization: [removed]\" x");
    check("Cookie: a=1; b=2", "Cookie: [removed]");
    check("X-Api-Key: abc", "X-Api-Key: [removed]");
    check("sent Bearer abcdef123456 to", "sent Bearer [removed] to");
    check("http_headers = { X = \"1\", Y = \"2\" }", "http_headers = [removed]");
}

#[test]
fn what_other_programs_are_handed_goes_whatever_its_name() {
    check(
        "[mcp_servers.files]\ncommand = \"npx\"\nenv = { HOME_PAGE = \"x\" }\n[mcp_servers.files.env]\nPLACE = \"y\" \n\n[tui]\nz = 1",
        "[mcp_servers.files]\ncommand = \"npx\"\nenv = [removed]\n[mcp_servers.files.env]\nPLACE = \"[removed]\"\n\n[tui]\nz = 1",
    );
    check("[a.http_headers]\nx = 1\n\n== Log ==\na = b", "[a.http_headers]\nx = \"[removed]\"\n\n== Log ==\na = b");
}

#[test]
fn secrets_go_by_their_shape() {
    for secret in [
        "sk-proj-abcDEF123456789",
        "ghp_abcdefghijklmnopqrst1234567890",
        "github_pat_11ABCDEFG0abcdefghijkl",
        "glpat-abcdefghij12345",
        "xoxb-123456789012-abcdef",
        "hf_abcdefghijklmnopqrstuvwx",
        "AKIAIOSFODNN7EXAMPLE",
        "AIzaSyA1234567890abcdefghijklmnopqrs",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    ] {
        check(&format!("given {secret}, went on"), "given [key], went on");
        hides(&format!("x={secret}&y"), &[secret]);
    }
    let block = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----";
    check(&format!("a\n{block}\nb"), "a\n[private key]\nb");
    check(&format!("\"{}\"", block.replace('\n', "\\n")), "\"[private key]\"");
    hides("-----BEGIN RSA PRIVATE KEY-----\ncut off here", &["cut off"]);
    stays("-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----");
}

#[test]
fn passwords_in_addresses_go_and_hosts_stay() {
    check("http://me:pw@proxy.example:3128/x", "http://[removed]@proxy.example:3128/x");
    check("https://token@172.24.0.1:11434", "https://[removed]@172.24.0.1:11434");
    check("HTTP_PROXY=http://a:b@c@proxy:1", "HTTP_PROXY=http://[removed]@proxy:1");
    stays("http://172.24.0.1:11434/v1/responses?user=@x");
}

#[test]
fn mail_and_identifiers_of_users_go() {
    check("Marie <marie.curie+wsl@example.org>.", "Marie <[e-mail]>.");
    check("élodie@exemple.fr, x", "[e-mail], x");
    check("owner S-1-5-21-1004336348-1177238915-682003330-1001", "owner [sid]");
    stays("S-1-5-18 git@host user@wsl");
}

#[test]
fn public_addresses_are_numbered() {
    check(
        "93.184.216.34:443, 8.8.8.8, 93.184.216.34/32 and 2a01:cb00:1::5, [2606:4700::1111]:53",
        "[public-ip-1]:443, [public-ip-2], [public-ip-1]/32 and [public-ip-3], [[public-ip-4]]:53",
    );
    check("8.8.8.8-8.8.4.4", "[public-ip-1]-[public-ip-2]");
    check("::ffff:8.8.8.8", "::ffff:[public-ip-1]");
    check("nameserver 8.8.8.8.", "nameserver [public-ip-1].");
    let mut redactor = Redactor::new(&Known::default());
    assert_eq!(redactor.redact("8.8.8.8"), "[public-ip-1]");
    assert_eq!(redactor.redact("1.1.1.1 8.8.8.8"), "[public-ip-2] [public-ip-1]", "the same in all parts of a report");
    stays("1.2.3, 1.2.3.4.5, 300.1.2.3, 8.8.8.8x, v8.8.8.8, 192.0.2.1, 2001:db8::1, ff02::1, 224.0.0.1");
}

#[test]
fn colours_hide_nothing() {
    check("\u{1b}[31m8.8.8.8\u{1b}[0m \u{1b}[1;33msk-abcdefghijkl\u{1b}[m", "[public-ip-1] [key]");
    check("\\u001b[2m8.8.8.8\\u001b[0m", "[public-ip-1]");
    stays("\u{1b}7 [31m");
}

#[test]
fn of_a_card_only_the_maker_stays() {
    check("link/ether 00:15:5d:4a:1c:07 brd ff:ff:ff:ff:ff:ff", "link/ether 00:15:5d:xx:xx:xx brd ff:ff:ff:xx:xx:xx");
    check("00-15-5D-4A-1C-07", "00-15-5D-xx-xx-xx");
    check("fe80::215:5dff:fe4a:1c07/64", "[link-local]/64");
    stays("00:15:5d:4a:1c 00:15:5d:4a:1c:07:08 12:34:56");
}

#[test]
fn values_that_belong_to_a_name_beside_them_go() {
    let mut value = serde_json::json!({
        "variables": [
            {"name": "OLLAMA_HOST", "value": "0.0.0.0"},
            {"name": "OLLAMA_API_KEY", "value": "abc", "of_machine": false},
        ],
        "holders": [{"user": "max", "pid": 812}, {"user": "ollama"}],
        "env_key": "OPENAI_API_KEY",
        "api_key": "abc",
        "max_tokens": 5,
    });
    scrub(&mut value);
    assert_eq!(
        value,
        serde_json::json!({
            "variables": [
                {"name": "OLLAMA_HOST", "value": "0.0.0.0"},
                {"name": "OLLAMA_API_KEY", "value": "[removed]", "of_machine": false},
            ],
            "holders": [{"user": "USER", "pid": 812}, {"user": "ollama"}],
            "env_key": "OPENAI_API_KEY",
            "api_key": "[removed]",
            "max_tokens": 5,
        })
    );
}

/// Whatever a text is cut or mixed into, nothing breaks.
#[test]
fn no_text_is_too_odd() {
    let pieces = [
        "/home/",
        "\\Users\\",
        "api_key=",
        "\"",
        "'",
        "\\",
        "\"\"\"",
        "[",
        "{",
        "é",
        "日",
        "\n",
        "@",
        "://",
        "8.8.8.8",
        ":",
        "-",
        "Bearer ",
        "00:15:5d:4a:1c:07",
        "-----BEGIN X PRIVATE KEY-----",
        "eyJ",
        "=",
        " ",
        "password",
        "::",
    ];
    for first in pieces {
        for second in pieces {
            for third in pieces {
                let text = format!("{first}{second}{third}");
                let once = redact(&text);
                assert_eq!(redact(&once), once, "{text:?}");
            }
        }
    }
}
