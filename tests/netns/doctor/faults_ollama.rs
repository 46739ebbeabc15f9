//! Ollama answers, and something is wrong with it.

use super::bed::Bed;
use super::ollama::{Quirk, Says};

#[test]
fn a_version_that_codex_refuses() {
    let Some(bed) = Bed::with(Says { version: "0.12.0", ..Says::default() }) else { return };
    bed.lab.doctor(&[]).fails(&["version"]).says("version", &["0.12.0", "0.13.4"]);
}

#[test]
fn no_model_at_all() {
    let Some(bed) = Bed::with(Says { models: Vec::new(), loaded: Vec::new(), ..Says::default() }) else { return };
    let page = bed.lab.doctor(&[]);
    page.says("models", &["ollama pull"]);
    assert!(page.failures().contains(&"models") || page.warnings().contains(&"models"), "{:#}", page.json);
}

#[test]
fn no_model_that_can_use_tools() {
    let says = Says {
        models: vec![("gemma:2b", vec!["completion"])],
        loaded: vec![("gemma:2b", 32_768, 1_000_000_000, 1_000_000_000)],
        ..Says::default()
    };
    let Some(bed) = Bed::with(says) else { return };
    bed.lab.sysroot.codex_config("model = \"gemma:2b\"\nmodel_provider = \"ollama\"\nmodel_context_window = 32768\n");
    let page = bed.lab.doctor(&[]);
    page.says("model-tools", &["gemma:2b", "ollama pull"]);
    assert_ne!(page.check("model-tools")["status"], "ok");
}

/// The classic: the default of a small card, and a task that is cut away without a word.
#[test]
fn a_context_that_is_too_small() {
    let says = Says { loaded: vec![("qwen3:14b", 4096, 9_000_000_000, 9_000_000_000)], ..Says::default() };
    let Some(bed) = Bed::with(says) else { return };
    let page = bed.lab.doctor(&[]);
    assert_eq!(page.failures().first(), Some(&"context"), "{:?}", page.failures());
    page.says("context", &["4096", "qwen3:14b", "OLLAMA_CONTEXT_LENGTH"]);
}

#[test]
fn a_model_that_is_being_loaded() {
    let Some(bed) = Bed::with(Says { quirk: Quirk::Loads, ..Says::default() }) else { return };
    let page = bed.lab.doctor(&[]);
    page.fails(&[]);
    assert_eq!(page.check("context")["status"], "skipped", "{:#}", page.check("context"));
}

#[test]
fn a_model_that_does_not_fit_the_card() {
    let says = Says { loaded: vec![("qwen3:14b", 32_768, 9_000_000_000, 3_000_000_000)], ..Says::default() };
    let Some(bed) = Bed::with(says) else { return };
    bed.lab.doctor(&[]).warns(&["gpu"]).says("gpu", &["qwen3:14b"]);
}

#[test]
fn clocks_that_differ() {
    let Some(bed) = Bed::with(Says { clock_ahead: 3600, ..Says::default() }) else { return };
    bed.lab.doctor(&[]).warns(&["clock"]).says("clock", &["hwclock -s"]);
}

#[test]
fn two_faults_at_once() {
    let says = Says { loaded: vec![("qwen3:14b", 4096, 9_000_000_000, 9_000_000_000)], ..Says::default() };
    let Some(bed) = Bed::with(says) else { return };
    let page = bed.lab.doctor_with(&[], &[("HTTP_PROXY", "http://proxy.corp:8080")]);
    assert_eq!(page.failures(), ["context"]);
    assert!(page.warnings().contains(&"proxy"), "{:?}", page.warnings());
}
