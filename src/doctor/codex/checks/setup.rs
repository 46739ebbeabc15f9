//! Is Codex here, and does its configuration hold?

use super::nothing_to_judge;
use crate::doctor::codex::{Codex, Config, Profile, Program, Provider};
use crate::doctor::program::quoted;
use crate::doctor::{Fact, Facts, Place, Problem, Remedy, Verdict};
use crate::words;
use crate::words::Words;

/// Profiles are files of their own, `codex -p NAME`, since this version.
const PROFILE_FILES: (u32, u32) = (0, 134);
/// `wire_api = "chat"` is refused: measured with this version and later ones.
const NO_CHAT: (u32, u32) = (0, 98);
/// Providers of Codex's own must not be described anew: measured with this version and later ones; 0.98 took no notice.
const RESERVED: (u32, u32) = (0, 130);

const INSTALL: &str = "npm install -g @openai/codex@latest";

pub(super) fn program(facts: &Facts) -> Verdict {
    match &facts.codex.program {
        Fact::Unknown(why) => Verdict::Skip(why.clone()),
        Fact::Known(None) => Verdict::Skip(words!(
            "no Codex here; ollama-forward serves every client of Ollama (Codex comes with npm: `@openai/codex`)",
            "pas de Codex ici ; ollama-forward sert tous les clients d'Ollama (Codex s'installe avec npm : `@openai/codex`)"
        )),
        Fact::Known(Some(program)) if program.of_windows => of_windows(program),
        Fact::Known(Some(program)) => version(&facts.codex, program),
    }
}

/// Windows' localhost is not ours, and its programs look there.
fn of_windows(program: &Program) -> Verdict {
    let path = program.path.display();
    let problem = Problem::new(words!(
        "`codex` is the one of Windows: from WSL it does not start, or looks for Ollama on Windows' localhost, past ollama-forward",
        "`codex` est celui de Windows : depuis WSL, il ne démarre pas, ou cherche Ollama sur le localhost de Windows, sans passer par ollama-forward"
    ))
    .because(words!("{path} comes first in PATH", "{path} vient en premier dans PATH"));
    let directory = program.behind.as_deref().and_then(|behind| behind.parent());
    let remedy = match directory {
        Some(directory) => Remedy::shell(
            words!("let the Codex of Linux come first", "faire passer le Codex de Linux en premier"),
            format!("export PATH={}:\"$PATH\"", quoted(&directory.display().to_string())),
        ),
        None => Remedy::shell(
            words!(
                "install Codex in WSL, with a Node of WSL (`command -v npm` must not lead to Windows either)",
                "installer Codex dans WSL, avec un Node de WSL (`command -v npm` ne doit pas non plus mener à \
                 Windows)"
            ),
            INSTALL,
        ),
    };
    problem.cured_by(remedy).warn()
}

fn version(codex: &Codex, program: &Program) -> Verdict {
    let path = program.path.display();
    let update = Remedy::shell(
        words!(
            "install the newest one, the way it was installed; with npm",
            "installer la dernière version, par le même moyen qu'à l'origine ; avec npm"
        ),
        INSTALL,
    );
    match (program.version.get(), codex.version()) {
        (Err(why), _) => Problem::new(words!("`codex --version` does not answer", "`codex --version` ne répond pas"))
            .because(why.clone())
            .cured_by(update)
            .warn(),
        (Ok(version), Some(number)) if number < PROFILE_FILES => {
            let problem = Problem::new(words!(
                "Codex {version} is old: it does not know `codex -p NAME` with a file for each profile (since 0.134)",
                "Codex {version} est ancien : il ne connaît pas `codex -p NOM` avec un fichier par profil (depuis 0.134)"
            ));
            problem.because(Words::same(path.to_string())).cured_by(update).warn()
        }
        (Ok(version), _) => Verdict::Pass(Words::same(format!("Codex {version} ({path})"))),
    }
}

pub(super) fn config(facts: &Facts) -> Verdict {
    if let Some(why) = nothing_to_judge(facts) {
        return Verdict::Skip(why);
    }
    let codex = &facts.codex;
    let config = match (codex.config.get(), &codex.home) {
        (_, Some(home)) if codex.home_is_missing => {
            let home = home.display();
            let problem = Problem::new(words!(
                "CODEX_HOME names {home}, which does not exist: Codex does not start",
                "CODEX_HOME désigne {home}, qui n'existe pas : Codex ne démarre pas"
            ));
            let make = words!("make that directory, or unset CODEX_HOME", "créer ce répertoire, ou effacer CODEX_HOME");
            return problem.cured_by(Remedy::shell(make, format!("mkdir -p {}", quoted(&home.to_string())))).fail();
        }
        (Err(why), _) => return Verdict::Skip(why.clone()),
        (Ok(config), _) => config,
    };
    let mut mistakes = mistakes(codex, config);
    mistakes.sort_by_key(|mistake| !mistake.stops);
    let Some(first) = mistakes.first() else {
        return Verdict::Pass(match &config.path {
            Some(path) => Words::same(path.display().to_string()),
            None => words!("no config.toml: as Codex comes", "pas de config.toml : Codex tel quel"),
        });
    };
    let stops = first.stops;
    let problem = together(mistakes);
    if stops { problem.fail() } else { problem.warn() }
}

/// The first mistake is what is wrong, the others are told with it.
fn together(mistakes: Vec<Mistake>) -> Problem {
    let mut problem = Problem::default();
    for mistake in mistakes {
        if problem.what.is_empty() {
            problem.what = mistake.what;
        } else {
            problem = problem.because(mistake.what);
        }
        problem = problem.cured_by(mistake.remedy);
    }
    problem
}

/// Something in a file of Codex that it does not take as it is meant.
pub(super) struct Mistake {
    pub(super) what: Words,
    pub(super) remedy: Remedy,
    /// Codex does not start.
    pub(super) stops: bool,
}

/// All mistakes in a configuration or a profile.
pub(super) fn mistakes(codex: &Codex, config: &Config) -> Vec<Mistake> {
    let Some(path) = config.path.as_ref().map(|path| path.display().to_string()) else { return Vec::new() };
    if let Some(broken) = &config.broken {
        let what = words!(
            "{path} cannot be read, and Codex stops: {broken}",
            "{path} est illisible, et Codex s'arrête : {broken}"
        );
        return vec![Mistake { what, remedy: by_hand(&path), stops: true }];
    }
    let mistyped = config.mistyped.iter().map(|key| {
        let what = words!(
            "`{key}` in {path} is of the wrong type, and Codex stops",
            "`{key}` dans {path} n'est pas du bon type, et Codex s'arrête"
        );
        Mistake { what, remedy: by_hand(&path), stops: true }
    });
    let providers = config.providers.iter().filter_map(|provider| in_provider(codex, provider, &path));
    let at_top = [
        old_profile(codex, config, &path),
        undescribed(codex, config, &path),
        catalog(config, &path),
        stray_timeout(config, &path),
    ];
    mistyped.chain(providers).chain(at_top.into_iter().flatten()).collect()
}

fn by_hand(path: &str) -> Remedy {
    Remedy::by_hand(words!("mend {path}", "corriger {path}"))
}

fn in_file(what: Words, path: &str, lines: impl IntoIterator<Item = String>) -> Remedy {
    Remedy::new(what, Place::File(path.to_owned()), lines)
}

fn in_provider(codex: &Codex, provider: &Provider, path: &str) -> Option<Mistake> {
    let id = &provider.id;
    // Where the version is not known, it is most likely a new one.
    let since = |(major, minor)| codex.is_at_least(major, minor) != Some(false);
    let reserved = ["ollama", "lmstudio", "openai"].contains(&id.as_str());
    if reserved && since(RESERVED) {
        let what = words!(
            "[model_providers.{id}] in {path} stops Codex: that name is Codex's own",
            "[model_providers.{id}] dans {path} arrête Codex : ce nom lui appartient"
        );
        let rename =
            words!("give the table another name, and use that", "donner un autre nom à cette table, et l'utiliser");
        let lines = [format!("model_provider = \"my-{id}\""), format!("[model_providers.my-{id}]")];
        return Some(Mistake { what, remedy: in_file(rename, path, lines), stops: true });
    }
    if provider.wire_api.as_deref() == Some("chat") && since(NO_CHAT) {
        let what = words!(
            "`wire_api = \"chat\"` of [model_providers.{id}] in {path} stops Codex, even where that provider is not used",
            "`wire_api = \"chat\"` de [model_providers.{id}] dans {path} arrête Codex, même si ce fournisseur ne sert pas"
        );
        let set = words!("set it so", "le régler ainsi");
        let lines = [format!("[model_providers.{id}]"), "wire_api = \"responses\"".to_owned()];
        return Some(Mistake { what, remedy: in_file(set, path, lines), stops: true });
    }
    if provider.name.is_none() && !reserved && id != "amazon-bedrock" {
        let what = words!(
            "[model_providers.{id}] in {path} has no `name`, and Codex stops",
            "[model_providers.{id}] dans {path} n'a pas de `name`, et Codex s'arrête"
        );
        let lines = [format!("[model_providers.{id}]"), format!("name = \"{id}\"")];
        return Some(Mistake { what, remedy: in_file(words!("add it", "l'ajouter"), path, lines), stops: true });
    }
    None
}

fn old_profile(codex: &Codex, config: &Config, path: &str) -> Option<Mistake> {
    let name = config.profile.as_deref()?;
    let (major, minor) = PROFILE_FILES;
    if codex.is_at_least(major, minor) == Some(false) {
        return None;
    }
    let what = words!(
        "`profile = \"{name}\"` in {path} stops Codex since 0.134",
        "`profile = \"{name}\"` dans {path} arrête Codex depuis 0.134"
    );
    let file =
        codex.profile_path(name).map_or_else(|| format!("{name}.config.toml"), |file| file.display().to_string());
    let remedy = if config.old_profiles.iter().any(|old| old == name) {
        words!(
            "delete this line, move what stands below [profiles.{name}] to {file}, and start `codex -p {name}`",
            "supprimer cette ligne, déplacer ce qui suit [profiles.{name}] dans {file}, et lancer `codex -p {name}`"
        )
    } else {
        words!(
            "delete this line, and start `codex -p {name}`, which reads {file}",
            "supprimer cette ligne, et lancer `codex -p {name}`, qui lit {file}"
        )
    };
    Some(Mistake { what, remedy: Remedy::by_hand(remedy), stops: true })
}

/// Providers that Codex brings (measured, `codex-client` 1 and `capture-and-ux` 3.6).
const BUILT_IN: [&str; 4] = ["openai", "ollama", "lmstudio", "amazon-bedrock"];

fn undescribed(codex: &Codex, config: &Config, path: &str) -> Option<Mistake> {
    // A profile may use what the main file describes.
    let main = codex.config.known();
    let is_described = |id: &str| {
        BUILT_IN.contains(&id) || config.provider(id).is_some() || main.is_some_and(|main| main.provider(id).is_some())
    };
    let named = [("model_provider", &config.model_provider, true), ("oss_provider", &config.oss_provider, false)];
    let (key, id, stops) = named.into_iter().find_map(|(key, id, stops)| {
        let id = id.as_deref().filter(|id| !is_described(id))?;
        Some((key, id, stops))
    })?;
    let what = words!(
        "`{key} = \"{id}\"` in {path} names a provider that nothing describes, and Codex stops",
        "`{key} = \"{id}\"` dans {path} nomme un fournisseur que rien ne décrit, et Codex s'arrête"
    );
    let set = words!("name the built-in one", "nommer celui qui est intégré");
    Some(Mistake { what, remedy: in_file(set, path, [format!("{key} = \"ollama\"")]), stops })
}

fn catalog(config: &Config, path: &str) -> Option<Mistake> {
    let catalog = config.catalog.as_ref()?;
    let broken = catalog.broken.as_deref()?;
    let file = catalog.path.display();
    let what = words!(
        "the catalogue {file}, named in {path}, cannot be read, and Codex stops: {broken}",
        "le catalogue {file}, nommé dans {path}, est illisible, et Codex s'arrête : {broken}"
    );
    let remedy =
        words!("delete the line `model_catalog_json` in {path}", "supprimer la ligne `model_catalog_json` dans {path}");
    Some(Mistake { what, remedy: Remedy::by_hand(remedy), stops: true })
}

fn stray_timeout(config: &Config, path: &str) -> Option<Mistake> {
    if !config.stray_idle_timeout {
        return None;
    }
    let what = words!(
        "`stream_idle_timeout_ms` in {path} has no effect: it counts inside of a provider only",
        "`stream_idle_timeout_ms` dans {path} reste sans effet : il ne vaut que dans un fournisseur"
    );
    let remedy = words!(
        "move it into the table of the provider, or delete it; with `ollama-forward --translate` it is not needed",
        "le déplacer dans la table du fournisseur, ou le supprimer ; avec `ollama-forward --translate`, il est \
         inutile"
    );
    Some(Mistake { what, remedy: Remedy::by_hand(remedy), stops: false })
}

/// The mistakes of one profile, told together.
pub(super) fn in_profile(codex: &Codex, profile: &Profile) -> Option<Problem> {
    let mistakes = mistakes(codex, &profile.config);
    (!mistakes.is_empty()).then(|| together(mistakes))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fails, passes, skips, warns};
    use super::*;
    use crate::doctor::codex::{Catalog, machine};

    #[test]
    fn codex_itself_may_be_missing_old_or_mute() {
        let mut facts = machine::healthy();
        facts.codex.program = Fact::Known(None);
        skips("codex-program", &facts, "ollama-forward serves every client");
        facts.codex.program = Fact::Unknown(words!("PATH is not set", "PATH n'est pas définie"));
        skips("codex-program", &facts, "PATH is not set");
        let mut facts = machine::healthy();
        machine::version(&mut facts, "0.130.0");
        warns("codex-program", &facts, "Codex 0.130.0 is old", &["npm install -g @openai/codex@latest"]);
        for version in ["0.134.0", "0.134.0-alpha.1", "1.0.0", "2.0", "new"] {
            machine::version(&mut facts, version);
            passes("codex-program", &facts, version);
        }
        let Fact::Known(Some(program)) = &mut facts.codex.program else { panic!() };
        program.version = Fact::Unknown(words!("env: node: No such file", "env : node : introuvable"));
        warns("codex-program", &facts, "does not answer", &["npm install -g @openai/codex@latest"]);
    }

    #[test]
    fn the_codex_of_windows_is_not_the_one_to_use() {
        let mut facts = machine::healthy();
        let mut windows = Program {
            path: "/mnt/c/Users/me/AppData/Roaming/npm/codex".into(),
            version: Fact::default(),
            of_windows: true,
            behind: None,
        };
        facts.codex.program = Fact::Known(Some(windows.clone()));
        warns("codex-program", &facts, "is the one of Windows", &["npm install -g @openai/codex@latest"]);
        skips("codex-config", &facts, "belongs to Windows");
        windows.behind = Some("/home/me/my bin/codex".into());
        facts.codex.program = Fact::Known(Some(windows));
        warns("codex-program", &facts, "is the one of Windows", &["export PATH='/home/me/my bin':\"$PATH\""]);
    }

    #[track_caller]
    fn stops(config: &str, says: &str, commands: &[&str]) {
        let mut facts = machine::healthy();
        machine::config(&mut facts, config);
        fails("codex-config", &facts, says, commands);
    }

    #[test]
    fn what_stops_codex_fails() {
        stops("model = \"a\nb = 1", "cannot be read, and Codex stops: line 1", &[]);
        stops(
            "model_context_window = \"32768\"",
            "`model_context_window` in /home/me/.codex/config.toml is of the wrong type",
            &[],
        );
        stops(
            "[model_providers.x]\nname = \"x\"\nwire_api = \"chat\"",
            "`wire_api = \"chat\"` of [model_providers.x]",
            &["[model_providers.x]", "wire_api = \"responses\""],
        );
        for id in ["ollama", "lmstudio", "openai"] {
            stops(
                &format!("[model_providers.{id}]\nname = \"x\""),
                "stops Codex: that name is Codex's own",
                &[&format!("model_provider = \"my-{id}\""), &format!("[model_providers.my-{id}]")],
            );
        }
        stops(
            "[model_providers.x]\nbase_url = \"http://a\"",
            "has no `name`",
            &["[model_providers.x]", "name = \"x\""],
        );
        stops("model_provider = \"nope\"", "names a provider that nothing describes", &["model_provider = \"ollama\""]);
        stops("model_provider = \"ollama-chat\"", "ollama-chat", &["model_provider = \"ollama\""]);
        stops("profile = \"x\"\n[profiles.x]\nmodel = \"a\"", "`profile = \"x\"`", &[]);
    }

    #[test]
    fn what_only_has_no_effect_warns() {
        let mut facts = machine::healthy();
        machine::config(&mut facts, "stream_idle_timeout_ms = 5");
        warns("codex-config", &facts, "has no effect", &[]);
        machine::config(&mut facts, "oss_provider = \"nope\"");
        warns("codex-config", &facts, "`oss_provider = \"nope\"`", &["oss_provider = \"ollama\""]);
    }

    #[test]
    fn the_worst_comes_first_and_the_rest_with_it() {
        let mut facts = machine::healthy();
        machine::config(&mut facts, "stream_idle_timeout_ms = 5\nmodel_provider = \"nope\"");
        let Verdict::Fail(problem) = config(&facts) else { panic!() };
        assert!(problem.what.en.contains("nope"), "{}", problem.what);
        assert!(problem.evidence[0].en.contains("stream_idle_timeout_ms"), "{}", problem.evidence[0]);
        assert_eq!(problem.remedies.len(), 2);
    }

    #[test]
    fn older_versions_took_more() {
        let mut facts = machine::healthy();
        machine::version(&mut facts, "0.98.0");
        machine::config(
            &mut facts,
            "profile = \"x\"\n[profiles.x]\nmodel = \"a\"\n[model_providers.ollama]\nname = \"x\"",
        );
        passes("codex-config", &facts, "config.toml");
        machine::version(&mut facts, "0.80.0");
        machine::config(&mut facts, "[model_providers.x]\nname = \"x\"\nwire_api = \"chat\"");
        passes("codex-config", &facts, "config.toml");
    }

    #[test]
    fn files_that_are_missing_are_named() {
        let mut facts = machine::healthy();
        let Fact::Known(config) = &mut facts.codex.config else { panic!() };
        config.catalog = Some(Catalog { path: "/c.json".into(), broken: Some("no such file".into()), windows: vec![] });
        fails("codex-config", &facts, "the catalogue /c.json, named in /home/me/.codex/config.toml", &[]);
        facts.codex.home_is_missing = true;
        fails("codex-config", &facts, "CODEX_HOME names /home/me/.codex", &["mkdir -p /home/me/.codex"]);
        let mut facts = machine::healthy();
        facts.codex.config = Fact::Known(Config::default());
        passes("codex-config", &facts, "no config.toml");
        facts.codex.config = Fact::default();
        skips("codex-config", &facts, "not asked");
    }
}
