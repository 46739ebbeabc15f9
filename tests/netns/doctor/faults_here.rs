//! Faults on our own side: the port, our files, Codex and its surroundings.

use std::fs;
use std::os::unix::net::UnixListener;

use super::bed::Bed;

#[test]
fn a_port_that_somebody_else_has() {
    let Some(bed) = Bed::without_ollama() else { return };
    let _ollama = super::ollama::Ollama::on(bed.lab.win.listen("0.0.0.0:11434"), super::ollama::Says::default());
    let _other = bed.lab.wsl.listen("127.0.0.1:11434");
    let page = bed.lab.doctor(&[]);
    page.fails(&["listen-port"]);
    page.says("listen-port", &["11434", &format!("kill {}", std::process::id()), "--listen-port 11435"]);
    page.waits("forward", "listen-port");
}

#[test]
fn no_forward_at_all() {
    let Some(bed) = Bed::without_ollama() else { return };
    let _ollama = super::ollama::Ollama::on(bed.lab.win.listen("0.0.0.0:11434"), super::ollama::Says::default());
    let page = bed.lab.doctor(&[]);
    page.warns(&["forward"]).says("forward", &["ollama-forward --translate"]);
    // One of its own was started for the test.
    assert_eq!(page.check("live-small")["status"], "ok", "{:#}", page.check("live-small"));
    let page = bed.lab.doctor(&["--translate"]);
    assert_eq!(page.check("live-tools")["status"], "ok", "{:#}", page.check("live-tools"));
}

#[test]
fn a_socket_that_a_dead_forward_left() {
    let Some(bed) = Bed::healthy() else { return };
    let socket = bed.lab.sysroot.home().join("runtime/ollama-forward/11999.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let page = bed.lab.doctor(&[]);
    page.warns(&["stale-socket"]).says("stale-socket", &["11999.sock"]);

    let (code, said, _) = bed.lab.doctor_says(&["--fix", "--yes"], &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("11999.sock"), "{said}");
    assert!(!socket.exists(), "{said}");
    bed.lab.doctor(&[]).warns(&[]);
}

/// Without a terminal to ask on, and without leave, nothing is done.
#[test]
fn what_was_not_agreed_to_is_not_done() {
    let Some(bed) = Bed::healthy() else { return };
    let socket = bed.lab.sysroot.home().join("runtime/ollama-forward/11999.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let (_, said, error) = bed.lab.doctor_says(&["--fix"], &[]);
    assert!(socket.exists(), "{said}{error}");
    assert!(format!("{said}{error}").contains("--yes"), "{said}{error}");
}

#[test]
fn a_configuration_that_cannot_be_used() {
    let Some(bed) = Bed::healthy() else { return };
    let file = bed.lab.sysroot.home().join("config/ollama-forward/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "upstrem = \"auto\"\n").unwrap();
    let page = bed.lab.doctor(&[]);
    page.fails(&["config"]).says("config", &["config.toml", "upstrem", "did you mean `upstream`?"]);
    assert_eq!(page.check("config")["remedies"][0]["fixable"], true, "{:#}", page.check("config"));

    let (_, said, _) = bed.lab.doctor_says(&["--fix", "--yes"], &[]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "upstream = \"auto\"\n", "{said}");
    let kept = fs::read_dir(file.parent().unwrap()).unwrap().flatten().map(|entry| entry.path());
    let kept: Vec<_> = kept.filter(|path| *path != file).collect();
    assert_eq!(fs::read_to_string(&kept[0]).unwrap(), "upstrem = \"auto\"\n", "the old one is kept: {kept:?}");
    bed.lab.doctor(&[]).warns(&[]);
}

#[test]
fn a_variable_that_makes_no_sense() {
    let Some(bed) = Bed::healthy() else { return };
    let page = bed.lab.doctor_with(&[], &[("OLLAMA_FORWARD_LISTEN_PORT", "http")]);
    assert_eq!(page.failures().first(), Some(&"config"), "{:?}", page.failures());
    page.says("config", &["--listen-port", "http"]);
}

#[test]
fn sudo() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab.doctor_with(&[], &[("SUDO_USER", "me")]).warns(&["user"]);
}

#[test]
fn a_proxy_that_takes_localhost_too() {
    let Some(bed) = Bed::healthy() else { return };
    let proxy = ("HTTP_PROXY", "http://proxy.corp:8080");
    let page = bed.lab.doctor_with(&[], &[proxy]);
    page.warns(&["proxy"]).says("proxy", &["HTTP_PROXY", "export NO_PROXY=", "localhost", "127.0.0.1"]);
    bed.lab.doctor_with(&[], &[proxy, ("NO_PROXY", "localhost,127.0.0.1,::1")]).warns(&[]);
}

#[test]
fn an_ollama_host_that_is_no_address_for_clients() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab.doctor_with(&[], &[("OLLAMA_HOST", "0.0.0.0")]).warns(&["ollama-host"]);
}

#[test]
fn a_codex_that_is_sent_elsewhere_by_its_environment() {
    let Some(bed) = Bed::healthy() else { return };
    let page = bed.lab.doctor_with(&[], &[("CODEX_OSS_BASE_URL", "http://127.0.0.1:9999/v1")]);
    page.warns(&["codex-oss-url"]).says("codex-oss-url", &["9999", "11434"]);
}

#[test]
fn a_codex_that_is_sent_elsewhere_by_its_configuration() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab.sysroot.codex_config(
        "model = \"qwen3:14b\"\nmodel_provider = \"other\"\nmodel_context_window = 32768\n[model_providers.other]\n\
         name = \"other\"\nbase_url = \"http://127.0.0.1:9999/v1\"\nwire_api = \"responses\"\n",
    );
    let page = bed.lab.doctor(&[]);
    page.fails(&[]).says("codex-target", &["9999"]);
    assert!(page.warnings().contains(&"codex-target"), "{:?}", page.warnings());
}

#[test]
fn a_configuration_that_codex_refuses() {
    let Some(bed) = Bed::healthy() else { return };
    for (text, why) in [
        (
            "[model_providers.x]\nname = \"x\"\nbase_url = \"http://localhost:11434/v1\"\nwire_api = \"chat\"\n",
            "wire_api",
        ),
        ("[model_providers.ollama]\nname = \"x\"\nbase_url = \"http://localhost:11434/v1\"\n", "ollama"),
        ("model = \"qwen3:14b\n", "config.toml"),
    ] {
        bed.lab.sysroot.codex_config(text);
        let page = bed.lab.doctor(&[]);
        assert_eq!(page.failures(), ["codex-config"], "{why}");
        page.says("codex-config", &[why]);
    }
}

#[test]
fn a_codex_that_believes_in_a_larger_context() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab.sysroot.codex_config("model = \"qwen3:14b\"\nmodel_provider = \"ollama\"\n");
    let page = bed.lab.doctor(&[]);
    page.fails(&[]).says("codex-context", &["258", "model_context_window = 32768"]);
    assert!(page.warnings().contains(&"codex-context"), "{:?}", page.warnings());
}

#[test]
fn a_model_that_ollama_does_not_have() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab
        .sysroot
        .codex_config("model = \"gpt-oss:20b\"\nmodel_provider = \"ollama\"\nmodel_context_window = 32768\n");
    let page = bed.lab.doctor(&[]);
    page.fails(&[]).says("codex-model", &["gpt-oss:20b", "qwen3:14b"]);
    assert!(page.warnings().contains(&"codex-model"), "{:?}", page.warnings());
}

#[test]
fn a_forward_that_does_not_translate_for_codex() {
    let Some(mut bed) = Bed::without_ollama() else { return };
    bed.ollama = Some(super::ollama::Ollama::on(bed.lab.win.listen("0.0.0.0:11434"), super::ollama::Says::default()));
    bed.start(&[]);
    let page = bed.lab.doctor(&[]);
    page.fails(&[]).says("codex-translate", &["ollama-forward --translate"]);
    assert!(page.warnings().contains(&"codex-translate"), "{:?}", page.warnings());
}
