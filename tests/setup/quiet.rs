//! Without a terminal: the plan, and `--yes`.

use std::fs;
use std::net::TcpListener;

use crate::bed::{Bed, Ollama, PoorOllama, free_port};

#[test]
fn without_a_terminal_the_plan_is_printed_and_nothing_done() {
    let port = free_port().to_string();
    for (lang, head, nothing) in [
        ("en", "This would be done", "Nothing was changed: there is no terminal to ask on."),
        ("fr", "Voici ce qui serait fait", "Rien n'a été modifié, faute de terminal où demander."),
    ] {
        let bed = Bed::new();
        let before = bed.home();
        let args = ["--upstream", "demo", "--listen-port", &port, "--capture=yes", "--service=yes"];
        let said = bed.setup_with(&[("OLLAMA_FORWARD_LANG", lang)], &args);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{}", said.out);
        for text in [
            head,
            nothing,
            "+ upstream = \"demo\"",
            &format!("+ listen_port = {port}"),
            "+ translate = true",
            "+ capture = true",
            "ollama-forward service install --yes",
            &format!("ollama-forward codex --install --yes --model demo:latest --listen-port {port} --upstream demo"),
            &format!("ollama-forward setup --yes --upstream demo --listen-port {port} --capture=yes --service=yes"),
        ] {
            assert!(said.out.contains(text), "{text:?} is missing:\n{}", said.out);
        }
        assert!(!said.out.contains('\u{1b}'), "{}", said.out);
        assert_eq!((bed.home(), bed.calls()), (before, Vec::new()));
    }
}

#[test]
fn where_only_the_user_knows_the_plan_asks_for_a_name() {
    let bed = Bed::new();
    let said = bed.setup(&[]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(
        said.out.contains("this Linux is not WSL") && said.out.contains("setup --yes --upstream HOST"),
        "{}",
        said.out
    );
    let said = bed.setup(&["--yes"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{}", said.err);
    assert!(said.err.contains("error[E-NEEDS-UPSTREAM]") && said.err.contains("--upstream demo"), "{}", said.err);
    assert!(bed.home().is_empty());
}

#[test]
fn yes_does_what_is_recommended_and_a_second_run_nothing() {
    let bed = Bed::new();
    let port = free_port().to_string();
    let args = ["--yes", "--upstream", "demo", "--listen-port", &port];
    let said = bed.setup(&args);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("demo:latest streams") && said.err.contains("called a tool"), "{}", said.err);
    assert!(
        said.out.contains("Three commands to remember") && said.out.contains("codex -p ollama-forward"),
        "{}",
        said.out
    );
    let written = bed.config_text();
    assert!(
        written.ends_with(&format!("\nupstream = \"demo\"\nlisten_port = {port}\ntranslate = true\n")),
        "{written}"
    );
    let install = format!("en codex --install --yes --model demo:latest --listen-port {port} --upstream demo");
    assert_eq!(bed.calls(), [install], "no service for a stand-in");
    // As `codex --install` would have left it.
    fs::create_dir_all(bed.path("home/.codex")).unwrap();
    fs::write(bed.path("home/.codex/ollama-forward.config.toml"), "model = \"demo:latest\"\n").unwrap();
    let before = bed.home();
    let said = bed.setup(&["--yes"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("it is all so already"), "{}", said.err);
    assert_eq!((bed.home(), bed.calls().len()), (before, 1));
}

#[test]
fn flags_and_variables_answer_questions() {
    let bed = Bed::new();
    let port = free_port().to_string();
    let variables = [
        ("OLLAMA_FORWARD_SETUP_TRANSLATE", "no"),
        ("OLLAMA_FORWARD_SETUP_CAPTURE", "yes"),
        ("OLLAMA_FORWARD_SETUP_SERVICE", "yes"),
        ("OLLAMA_FORWARD_SETUP_CODEX", "no"),
        ("OLLAMA_FORWARD_SETUP_TEST", "no"),
        ("OLLAMA_FORWARD_UPSTREAM", "demo"),
        ("OLLAMA_FORWARD_LISTEN_PORT", &port),
        ("OLLAMA_FORWARD_LANG", "fr"),
    ];
    let said = bed.setup_with(&variables, &["--yes"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(!said.err.contains("en flux"), "it was not to be asked anything: {}", said.err);
    assert!(said.out.contains("Trois commandes à retenir"), "{}", said.out);
    assert!(bed.config_text().ends_with(&format!("listen_port = {port}\ncapture = true\n")), "{}", bed.config_text());
    assert_eq!(bed.calls(), ["fr service install --yes"]);
    // A flag is stronger than its variable.
    let said = bed.setup_with(&variables, &["--yes", "--service=no", "--capture=no"]);
    assert_eq!((said.code, bed.calls().len()), (Some(0), 1), "{}", said.err);
    assert!(bed.config_text().contains("capture = false"), "{}", bed.config_text());
}

#[test]
fn a_file_of_the_users_keeps_what_is_not_asked_about() {
    let bed = Bed::new();
    let port = free_port();
    let old = format!("# mine\nlisten_port = {port} # not 11434\nmax_connections = 7\nupstream = \"demo\"\n");
    bed.write_config(&old);
    let said = bed.setup(&["--yes", "--codex=no", "--test=no"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(bed.config_text(), format!("{old}translate = true\n"));
    let kept: Vec<_> = bed.home().into_iter().filter(|(path, _)| path.to_string_lossy().contains(".bak-")).collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].1, old.as_bytes());
}

#[test]
fn a_configuration_that_cannot_be_read_is_left_alone() {
    let bed = Bed::new();
    bed.write_config("listen_prot = 1\n");
    let said = bed.setup(&["--yes", "--upstream", "demo"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("did you mean `listen_port`") && said.err.contains("doctor --fix"), "{}", said.err);
    assert_eq!(bed.config_text(), "listen_prot = 1\n");
}

#[test]
fn a_failure_in_the_middle_says_what_was_done() {
    let bed = Bed::new();
    bed.fails_at("service install");
    let port = free_port().to_string();
    let said = bed.setup(&["--yes", "--upstream", "demo", "--listen-port", &port, "--service=yes", "--test=no"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    for text in [
        "it cannot",
        "`ollama-forward service install --yes` failed with exit code 3; before that: ",
        "config.toml is written",
        "next:   ollama-forward service install --yes",
    ] {
        assert!(said.err.contains(text), "{text:?} is missing:\n{}", said.err);
    }
    assert_eq!(bed.calls(), ["en service install --yes"], "nothing comes after it");
    assert!(bed.config_text().contains("translate = true"));
}

#[test]
fn an_ollama_that_does_not_answer_ends_it_before_anything_is_changed() {
    let bed = Bed::new();
    let upstream = format!("127.0.0.1:{}", free_port());
    let said = bed.setup(&["--yes", "--upstream", &upstream, "--listen-port", &free_port().to_string()]);
    assert_eq!((said.code, said.out.as_str()), (Some(4), ""), "{}", said.err);
    assert!(said.err.contains("E-UPSTREAM-REFUSED") && bed.home().is_empty(), "{}", said.err);
}

#[test]
fn a_port_that_was_typed_and_is_taken_is_told_with_its_holder() {
    let bed = Bed::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let said = bed.setup(&["--yes", "--upstream", "demo", "--listen-port", &port.to_string()]);
    assert_eq!(said.code, Some(5), "{}", said.err);
    assert!(said.err.contains(&format!("port {port} is taken by ")) && said.err.contains("kill "), "{}", said.err);
    // One that the configuration names is replaced by a free one.
    bed.write_config(&format!("listen_port = {port}\n"));
    let said = bed.setup(&["--yes", "--upstream", "demo", "--codex=no", "--test=no"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(!bed.config_text().contains(&format!("listen_port = {port}\n")), "{}", bed.config_text());
}

#[test]
fn a_model_that_is_not_there_is_refused_with_those_that_are() {
    let bed = Bed::new();
    let port = free_port().to_string();
    let said = bed.setup(&["--yes", "--upstream", "demo", "--listen-port", &port, "--model", "demmo"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("Ollama has no model demmo; it has: demo") && bed.home().is_empty(), "{}", said.err);
    assert!(said.err.contains("--model demo"), "{}", said.err);
}

#[test]
fn without_any_model_it_says_how_to_get_one_and_goes_on() {
    let bed = Bed::new();
    let ollama = PoorOllama::with(r#"{"models":[]}"#);
    let said = bed.setup(&["--yes", "--upstream", &ollama.upstream, "--listen-port", &free_port().to_string()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("Ollama has no model yet") && said.err.contains("ollama pull qwen3:14b"), "{}", said.err);
    assert!(bed.config_text().contains("translate = true") && bed.calls().is_empty(), "{}", said.err);
}

#[test]
fn a_model_that_does_not_answer_is_told_and_the_rest_set_up() {
    let bed = Bed::new();
    let ollama = PoorOllama::with(r#"{"models":[{"name":"broken:1b"}]}"#);
    let said = bed.setup(&["--yes", "--upstream", &ollama.upstream, "--listen-port", &free_port().to_string()]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("✗ ") && said.err.contains("the model cannot be loaded"), "{}", said.err);
    assert!(said.out.contains("Three commands to remember") && bed.calls().len() == 1, "{}", said.err);
}

#[test]
fn where_localhost_is_windows_the_forward_goes_beside_it() {
    let bed = Bed::new();
    // WSL1 spells it so.
    bed.system("4.4.0-19041-Microsoft");
    let windows = free_port();
    let _ollama = Ollama::on(windows);
    let upstream = format!("auto:{windows}");
    let said =
        bed.setup(&["--yes", "--upstream", &upstream, "--service=no", "--listen-port", &free_port().to_string()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(bed.config_text().contains(&format!("upstream = \"127.0.0.1:{windows}\"\n")), "{}", bed.config_text());
    assert_eq!(bed.calls().len(), 1, "{:?}", bed.calls());
    // Who wants no translation needs nothing of us.
    let bed = Bed::new();
    bed.system("4.4.0-19041-Microsoft");
    let said = bed.setup(&["--yes", "--upstream", &upstream, "--translate=no"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("codex --oss") && bed.home().is_empty() && bed.calls().is_empty(), "{}", said.out);
}

#[test]
fn a_wrong_flag_is_told_in_its_words() {
    let bed = Bed::new();
    for args in [&["--capture=perhaps"][..], &["--listen-port", "0"], &["--upstream", "https://x"], &["--modle", "x"]] {
        let said = bed.setup(args);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{args:?}: {}", said.err);
        assert!(said.err.starts_with("error[E-USAGE]: "), "{}", said.err);
    }
}
