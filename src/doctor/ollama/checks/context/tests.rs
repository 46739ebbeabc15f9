use crate::doctor::Facts;
use crate::doctor::check::Status;
use crate::doctor::fact::Fact;
use crate::doctor::ollama::checks::bed::{
    codex_is_missing, codex_uses, forward_translates, model, named_elsewhere, windows_variables, working,
};
use crate::doctor::ollama::{Api, Loaded, Model};
use crate::doctor::proof::{self, check, check_without};
use crate::words;

fn loaded(name: &str, context: u64) -> Loaded {
    Loaded { name: name.into(), context: Some(context), size: Some(10_000_000_000), size_vram: Some(10_000_000_000) }
}

fn with(all: &[Loaded]) -> Facts {
    let mut facts = working();
    facts.ollama.loaded = Fact::Known(all.to_vec());
    facts
}

fn has_models(mut facts: Facts, models: &[Model]) -> Facts {
    facts.ollama.models = Fact::Known(models.to_vec());
    facts
}

const SILENTLY: &str = "cuts the oldest messages off without a word";
const CLEARLY: &str = "Codex is told that its request does not fit";

#[test]
fn room_enough_is_well() {
    check("context", &working(), Status::Ok, &["qwen3:14b is loaded with a context of 32768 tokens"]);
}

#[test]
fn the_default_of_4096_is_cut_off_without_a_word() {
    let facts = with(&[loaded("qwen3:14b", 4096)]);
    let says = [
        "only 4096 tokens",
        "about 10000 tokens",
        SILENTLY,
        "[Environment]::SetEnvironmentVariable('OLLAMA_CONTEXT_LENGTH','32768','User')",
        "Get-Process 'ollama app','ollama'",
        "undo> [Environment]::SetEnvironmentVariable('OLLAMA_CONTEXT_LENGTH',$null,'User')",
        "Settings, Context length",
        "'FROM qwen3:14b','PARAMETER num_ctx 32768'",
        "ollama create qwen3-14b-32k -f $env:TEMP\\Modelfile",
        "ollama-forward --translate --num-ctx 32768",
    ];
    check("context", &forward_translates(facts.clone(), false), Status::Failure, &says);
    check_without("context", &forward_translates(facts.clone(), false), &[CLEARLY]);
    check("context", &facts, Status::Failure, &[SILENTLY, CLEARLY]);
    check("context", &codex_is_missing(facts), Status::Warning, &["only 4096 tokens"]);
}

#[test]
fn with_the_bridge_it_is_told_clearly() {
    let facts = forward_translates(with(&[loaded("qwen3:14b", 8192)]), true);
    check("context", &facts, Status::Failure, &["only 8192 tokens", CLEARLY]);
    check_without("context", &facts, &[SILENTLY]);
}

#[test]
fn some_room_is_a_warning() {
    let facts = with(&[loaded("qwen3:14b", 16_384)]);
    check("context", &facts, Status::Warning, &["only 16384 tokens", "little room", "'OLLAMA_CONTEXT_LENGTH','32768'"]);
    check_without("context", &facts, &[SILENTLY]);
}

#[test]
fn a_modelfile_that_decides_is_named() {
    let small = Model { num_ctx: Some(8192), ..model("coder:latest") };
    let facts = has_models(with(&[loaded("coder:latest", 8192)]), &[small]);
    let says = ["its Modelfile says num_ctx 8192", "ollama create coder-32k", "--num-ctx 32768"];
    check("context", &facts, Status::Failure, &says);
    check_without("context", &facts, &["SetEnvironmentVariable"]);
}

#[test]
fn a_model_that_was_trained_for_little_cannot_be_given_more() {
    let small = Model { trained_context: Some(8192), ..model("llama3:8b") };
    let facts = has_models(with(&[loaded("llama3:8b", 8192)]), &[small]);
    check("context", &facts, Status::Failure, &["was trained for 8192 tokens", "ollama pull qwen3:14b"]);
    check_without("context", &facts, &["SetEnvironmentVariable", "--num-ctx"]);
}

#[test]
fn a_variable_that_does_not_hold_is_explained() {
    let variables = [("OLLAMA_CONTEXT_LENGTH", "65536", false)];
    let facts = windows_variables(with(&[loaded("qwen3:14b", 4096)]), &variables);
    let says = [
        "OLLAMA_CONTEXT_LENGTH is 65536 on Windows, but does not hold",
        "not started again",
        "slider",
        "Start-Process",
    ];
    check("context", &facts, Status::Failure, &says);
    check_without("context", &facts, &["SetEnvironmentVariable('OLLAMA_CONTEXT_LENGTH','32768'"]);
}

#[test]
fn a_card_that_is_full_already_is_told() {
    let full = Loaded { size_vram: Some(6_000_000_000), ..loaded("qwen3:14b", 4096) };
    check("context", &with(&[full]), Status::Failure, &["holds 6 GB of 10 GB already"]);
}

#[test]
fn the_model_that_codex_is_set_to_counts_and_models_for_embeddings_do_not() {
    let embedding = Model { completion: Some(false), ..model("nomic-embed-text") };
    let models = [model("qwen3:14b"), model("gemma3"), embedding];
    let both = [loaded("nomic-embed-text", 2048), loaded("gemma3", 4096), loaded("qwen3:14b", 32_768)];
    let facts = has_models(with(&both), &models);
    check("context", &facts, Status::Ok, &["qwen3:14b"]);
    check("context", &codex_uses(facts.clone(), "gemma3:latest"), Status::Failure, &["gemma3 is loaded", "only 4096"]);
    check("context", &codex_uses(facts, "gpt-5.2"), Status::Ok, &["qwen3:14b"]);
    let alone = has_models(with(&[loaded("nomic-embed-text", 2048)]), &models);
    check("context", &alone, Status::Skipped, &["no model is loaded now"]);
    check("context", &codex_uses(alone, "qwen3:14b"), Status::Skipped, &["qwen3:14b is not loaded now"]);
}

#[test]
fn while_nothing_is_loaded_it_is_said_what_would_be_used() {
    let measures = "ollama-forward doctor --stream-test";
    let facts = with(&[]);
    check("context", &facts, Status::Skipped, &["4096 tokens on graphics cards below 23 GiB", measures]);
    let set = |value| windows_variables(facts.clone(), &[("OLLAMA_CONTEXT_LENGTH", value, false)]);
    check(
        "context",
        &set("32768"),
        Status::Skipped,
        &[
            "qwen3:14b is not loaded now; its context would be 32768 tokens (OLLAMA_CONTEXT_LENGTH on Windows)",
            measures,
        ],
    );
    check("context", &set("8192"), Status::Warning, &["only 8192 tokens", SILENTLY, measures]);
    // The trained length limits all settings.
    check("context", &set("1000000"), Status::Skipped, &["40960 tokens"]);
    let modelfile = has_models(facts, &[Model { num_ctx: Some(16_384), ..model("qwen3:14b") }]);
    check("context", &modelfile, Status::Warning, &["only 16384 tokens (num_ctx in its Modelfile)", "--num-ctx 32768"]);
}

#[test]
fn ollama_elsewhere_is_set_elsewhere() {
    let mut facts = named_elsewhere(with(&[loaded("qwen3:14b", 4096)]));
    facts.network.tried[0].answer = Ok("0.33.0".into());
    let says =
        ["start it with OLLAMA_CONTEXT_LENGTH=32768", "curl http://192.168.1.20:11434/api/create", "qwen3-14b-32k"];
    check("context", &facts, Status::Failure, &says);
    check_without("context", &facts, &["[powershell]"]);
}

#[test]
fn what_is_not_told_is_no_failure() {
    let mut facts = working();
    facts.ollama.loaded = Fact::Unknown(words!("a model is being loaded", "un modèle se charge"));
    check("context", &facts, Status::Skipped, &["a model is being loaded"]);
    check("gpu", &facts, Status::Skipped, &["a model is being loaded"]);
    let old = Loaded { context: None, ..loaded("qwen3:14b", 0) };
    check("context", &with(&[old]), Status::Skipped, &["does not tell the context of qwen3:14b"]);
    facts.ollama.api = Fact::Known(Api::Chat);
    check("context", &facts, Status::Skipped, &["is not Ollama"]);
}

#[test]
fn a_model_on_the_card_is_well_and_one_beside_it_is_slow() {
    check("gpu", &working(), Status::Ok, &["all of qwen3:14b is on the graphics card (14.3 GB)"]);
    let half = Loaded { size_vram: Some(7_500_000_000), ..loaded("qwen3:14b", 32_768) };
    check("gpu", &with(&[half]), Status::Warning, &["25 % of qwen3:14b (10 GB) do not fit", "smaller model"]);
    let none = Loaded { size_vram: Some(0), ..loaded("qwen3:14b", 32_768) };
    check("gpu", &with(&[none]), Status::Warning, &["runs on the processor", "driver"]);
    // The demo has no weights at all.
    let demo = Loaded { size: Some(0), size_vram: Some(0), ..loaded("demo", 32_768) };
    check("gpu", &with(&[demo]), Status::Skipped, &["does not tell"]);
    check("gpu", &with(&[]), Status::Skipped, &["no model is loaded"]);
}

#[test]
fn every_model_in_memory_is_a_line() {
    let lines = proof::details("context", &working());
    assert_eq!(lines, [("qwen3:14b".into(), "32768 tokens, 14.3 GB in memory".into())]);
}
