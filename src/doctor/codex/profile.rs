//! What to type, and what to write, so that Codex comes here: commands, and the profile for `codex -p ollama-forward`. Pure.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::aim::wanted;
use crate::bridge::catalog::is_same_model;
use crate::config::OLLAMA_PORT;
use crate::doctor::Facts;
use crate::doctor::check::{Fix, Place, Remedy};
use crate::doctor::ollama::Model;
use crate::doctor::program::quoted;
use crate::launch::Setup;
use crate::launch::gates::{Gates, Profiles};
use crate::words;

pub use crate::launch::PROFILE;

/// The model that Codex should ask for: the configured one where it will do, else one in memory, else any; before all, one that
/// can use tools.
pub fn model(facts: &Facts) -> Option<&Model> {
    let models = facts.ollama.models.known()?;
    let configured = facts.codex.config.known().and_then(|config| config.model.as_deref());
    let loaded = facts.ollama.loaded.known().map_or(&[][..], Vec::as_slice);
    let rank = |model: &Model| {
        let is_configured = configured.is_some_and(|name| is_same_model(name, &model.name));
        let is_loaded = loaded.iter().any(|loaded| is_same_model(&loaded.name, &model.name));
        (model.tools == Some(true), is_configured, is_loaded)
    };
    let fits = models.iter().filter(|model| model.tools != Some(false) && model.completion != Some(false));
    // `max_by_key` takes the last of equals, and the first is the one that was used last.
    fits.rev().max_by_key(|model| rank(model))
}

/// The model's context: what it has in memory, else what its Modelfile asks for.
pub fn context(facts: &Facts, model: &str) -> Option<u64> {
    let loaded = facts.ollama.loaded.known().and_then(|all| all.iter().find(|one| is_same_model(&one.name, model)));
    let models = facts.ollama.models.known();
    let asked = || models?.iter().find(|one| is_same_model(&one.name, model))?.num_ctx;
    loaded.and_then(|loaded| loaded.context).or_else(asked)
}

/// A whole profile, as `ollama-forward codex --install` writes it; None where no model that would do is known, or no address.
pub fn text(facts: &Facts) -> Option<String> {
    let model = model(facts)?;
    let context = context(facts, &model.name);
    Some(Setup { model: model.name.clone(), base_url: base_url(facts)?, context, ..Setup::default() }.profile())
}

/// What a provider's `base_url` should be.
pub fn base_url(facts: &Facts) -> Option<String> {
    Some(format!("http://{}/v1", wanted(facts)?))
}

/// The shortest command that brings Codex here.
pub fn oss_command(facts: &Facts) -> String {
    let model = model(facts).map_or("MODEL", |model| model.name.as_str());
    let command = format!("codex --oss --local-provider ollama -m {}", quoted(model));
    match wanted(facts) {
        Some(address) if address == USUAL => command,
        Some(address) if address.ip() == USUAL.ip() => format!("CODEX_OSS_PORT={} {command}", address.port()),
        Some(address) => format!("CODEX_OSS_BASE_URL=http://{address}/v1 {command}"),
        None => command,
    }
}

/// Where `codex --oss` looks by itself.
const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), OLLAMA_PORT);

/// The command alone, for those who want Ollama just this time.
pub fn start(facts: &Facts) -> Remedy {
    Remedy::shell(
        words!("start Codex with a model of Ollama", "lancer Codex avec un modèle d'Ollama"),
        oss_command(facts),
    )
}

/// The profile and the command that reads it. Nothing where no model is known. Where profiles are tables in a file of the
/// user's, `codex --install` adds them: it is the shorter cure.
pub fn install(facts: &Facts) -> Vec<Remedy> {
    let codex = &facts.codex;
    let (Some(path), Some(text)) = (codex.profile_path(PROFILE), text(facts)) else { return Vec::new() };
    if Gates::of(codex.version()).profiles == Profiles::Tables {
        let add = words!(
            "add a profile for Codex that has it all (it shows it, and asks)",
            "ajouter un profil pour Codex où tout est réglé (montré d'abord, puis demandé)"
        );
        return vec![Remedy::shell(add, "ollama-forward codex --install")];
    }
    let place = Place::File(path.display().to_string());
    let write = Remedy::new(
        words!("write a profile for Codex that has it all", "écrire un profil pour Codex où tout est réglé"),
        place,
        text.trim_end().lines(),
    );
    let start = words!(
        "start Codex with this profile; to go on later: `codex -p {PROFILE} resume --last`",
        "lancer Codex avec ce profil ; pour reprendre plus tard : `codex -p {PROFILE} resume --last`"
    );
    vec![write.fixed_by(Fix::WriteCodexProfile { path, text }), Remedy::shell(start, format!("codex -p {PROFILE}"))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Fact;
    use crate::doctor::codex::{machine, read};
    use crate::doctor::ollama::Loaded;

    #[test]
    fn the_profile_is_what_codex_accepts() {
        let facts = machine::healthy();
        let expected = "model = \"qwen3:14b\"\nmodel_provider = \"ollama-forward\"\nmodel_context_window = 32768\n\n\
                        [model_providers.ollama-forward]\nname = \"Ollama (ollama-forward)\"\n\
                        base_url = \"http://127.0.0.1:11434/v1\"\nwire_api = \"responses\"\n\
                        stream_idle_timeout_ms = 600000\nexperimental_bearer_token = \"ollama\"\n";
        assert_eq!(text(&facts).as_deref(), Some(expected));
        let config = read::config(expected);
        assert_eq!((config.broken, config.mistyped), (None, vec![]));
        let [write, start] = install(&facts).try_into().unwrap();
        let path = "/home/me/.codex/ollama-forward.config.toml";
        assert_eq!(write.place, Place::File(path.into()));
        assert_eq!(write.commands.join("\n") + "\n", expected);
        assert_eq!(write.fix, Some(Fix::WriteCodexProfile { path: path.into(), text: expected.into() }));
        assert_eq!(start.commands, ["codex -p ollama-forward"]);
    }

    #[test]
    fn a_context_that_is_not_known_is_left_out() {
        let mut facts = machine::healthy();
        facts.ollama.loaded = Fact::Known(vec![]);
        let said = text(&facts).unwrap();
        assert!(!said.contains("model_context_window"), "{said}");
        machine::model(&mut facts, "qwen3:14b").num_ctx = Some(8192);
        let said = text(&facts).unwrap();
        assert!(said.contains("model_context_window = 8192\n"), "{said}");
    }

    #[test]
    fn there_is_no_profile_without_a_model_and_another_way_for_an_old_codex() {
        let mut facts = machine::healthy();
        machine::version(&mut facts, "0.130.0");
        let [add] = install(&facts).try_into().unwrap();
        assert_eq!((add.commands, add.fix), (vec!["ollama-forward codex --install".to_owned()], None));
        let mut facts = machine::healthy();
        facts.ollama.models = Fact::default();
        assert_eq!((text(&facts), install(&facts)), (None, vec![]));
        assert_eq!(oss_command(&facts), "codex --oss --local-provider ollama -m MODEL");
    }

    #[track_caller]
    fn takes(models: &[(&str, Option<bool>)], configured: Option<&str>, loaded: &[&str], expected: Option<&str>) {
        let mut facts = machine::healthy();
        let all = models.iter().map(|(name, tools)| Model { name: (*name).into(), tools: *tools, ..Model::default() });
        facts.ollama.models = Fact::Known(all.collect());
        let loaded =
            loaded.iter().map(|name| Loaded { name: (*name).into(), context: None, size: None, size_vram: None });
        facts.ollama.loaded = Fact::Known(loaded.collect());
        machine::config(&mut facts, &configured.map_or(String::new(), |name| format!("model = \"{name}\"")));
        assert_eq!(model(&facts).map(|model| model.name.as_str()), expected);
    }

    #[test]
    fn the_model_is_one_that_can_use_tools() {
        let (yes, no) = (Some(true), Some(false));
        takes(&[("a", no), ("b", yes), ("c", yes)], None, &[], Some("b"));
        takes(&[("a", yes), ("b", yes)], None, &["b"], Some("b"));
        takes(&[("a", yes), ("b", yes), ("c", yes)], Some("c"), &["b"], Some("c"));
        takes(&[("a", yes), ("b", no)], Some("b"), &["b"], Some("a"));
        takes(&[("a", None), ("b", no)], None, &["b"], Some("a"));
        takes(&[("a", None), ("b", yes)], Some("a"), &["a"], Some("b"));
        takes(&[("a", no)], Some("a"), &["a"], None);
    }

    #[test]
    fn commands_lead_to_the_forward_wherever_it_listens() {
        let mut facts = machine::healthy();
        let usual = "codex --oss --local-provider ollama -m qwen3:14b";
        for (listen, prefix) in [
            ("127.0.0.1:11434", ""),
            ("0.0.0.0:11434", ""),
            ("127.0.0.1:11435", "CODEX_OSS_PORT=11435 "),
            ("127.0.0.2:11434", "CODEX_OSS_BASE_URL=http://127.0.0.2:11434/v1 "),
        ] {
            machine::listen(&mut facts, listen);
            assert_eq!(oss_command(&facts), format!("{prefix}{usual}"), "{listen}");
        }
    }
}
