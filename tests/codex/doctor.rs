//! What the doctor says of Codex holds for the real one: it is found, and the profile that `--fix` writes is accepted.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use ollama_forward::doctor::codex::gather::{Ask, gather};
use ollama_forward::doctor::codex::profile_text;
use ollama_forward::doctor::ollama::{Loaded, Model};
use ollama_forward::doctor::{Fact, Facts};

use crate::lab::{LOCAL, Lab};
use crate::stand_in::{MODEL, StandIn};
use crate::{Codex, check_turns};

fn program() -> PathBuf {
    let program = std::env::var_os("OLLAMA_FORWARD_CODEX");
    program.expect("OLLAMA_FORWARD_CODEX must name what scripts/get-codex prints").into()
}

#[tokio::test]
#[ignore = "needs Codex: scripts/get-codex"]
async fn the_real_codex_is_found_with_its_version() {
    let home = tempfile::tempdir().unwrap();
    let path = OsString::from(program().parent().unwrap());
    let variable = move |name: &str| (name == "PATH").then(|| path.clone());
    let ask = Ask { root: "/".into(), home: Some(home.path().to_owned()), variable: Box::new(variable) };
    let codex = gather(&ask).await;
    let found = codex.program.known().unwrap().as_ref().unwrap();
    assert_eq!(found.path, program());
    let said = Command::new(program()).arg("--version").stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert_eq!(found.version, Fact::Known(said.trim().strip_prefix("codex-cli ").unwrap().into()));
}

/// With no more than `-p ollama-forward`, and with the context that is there.
#[test]
#[ignore = "needs Codex: scripts/get-codex"]
fn the_profile_brings_the_real_codex_to_the_forward() {
    let Some(lab) = Lab::nat() else { return };
    let ollama = StandIn::serve(lab.win.listen("0.0.0.0:11434"));
    let mut forward = lab.forward(&[]);
    forward.is_ready();

    let mut facts = Facts::default();
    facts.port.listen = vec![LOCAL.parse().unwrap()];
    facts.ollama.models = Fact::Known(vec![Model { name: MODEL.into(), tools: Some(true), ..Model::default() }]);
    let loaded = Loaded { name: MODEL.into(), context: Some(32_768), size: None, size_vram: None };
    facts.ollama.loaded = Fact::Known(vec![loaded]);
    let text = profile_text(&facts).unwrap();
    assert!(text.contains("model_context_window = 32768\n"), "{text}");
    fs::write(Codex::home(&lab).join("ollama-forward.config.toml"), text).unwrap();

    Codex::start_with(&lab, &["-p", "ollama-forward"]).check_whole();
    let turns = ollama.turns();
    check_turns(&turns, &["172.24.0.1", "172.24.0.1"]);
    assert_eq!(turns[0].body["model"], MODEL);
    forward.stop().with(0);
}
