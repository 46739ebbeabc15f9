//! Do the profiles beside the configuration come here?

use std::path::Path;

use super::nothing_to_judge;
use super::setup::in_profile;
use super::target::{aimed_here, cured, here};
use crate::doctor::codex::Profile;
use crate::doctor::codex::aim::{Aim, Spot, plain, spot};
use crate::doctor::codex::profile::{PROFILE, install};
use crate::doctor::codex::url::Url;
use crate::doctor::program::quoted;
use crate::doctor::{Facts, Fix, Problem, Remedy, Verdict};
use crate::words;
use crate::words::Words;

pub(super) fn judge(facts: &Facts) -> Verdict {
    if let Some(why) = nothing_to_judge(facts) {
        return Verdict::Skip(why);
    }
    let codex = &facts.codex;
    let names: Vec<_> = codex.profiles.iter().map(|profile| profile.name.as_str()).collect();
    if names.is_empty() {
        return Verdict::Skip(words!("no profiles", "pas de profils"));
    }
    let mut problems = codex.profiles.iter().filter_map(|profile| of_profile(facts, profile));
    let Some(first) = problems.next() else {
        let names = names.join(", ");
        return Verdict::Pass(Words::same(names));
    };
    // Each is told, the first with its evidence.
    problems
        .fold(first, |problem, next| {
            let problem = problem.because(next.what);
            cured(problem, next.remedies)
        })
        .warn()
}

fn of_profile(facts: &Facts, profile: &Profile) -> Option<Problem> {
    let codex = &facts.codex;
    if let Some(problem) = in_profile(codex, profile) {
        return Some(cured(problem, renewed(facts, profile)));
    }
    let merged = codex.config.known().map(|config| profile.config.over(config));
    let merged = merged.as_ref().unwrap_or(&profile.config);
    // What a variable decides is told where variables are; what goes to the cloud was meant to.
    let Aim::At { url, by } = plain(merged, &codex.environment) else { return None };
    let spot = Url::parse(&url).map(|url| (spot(facts, &url), url.has_v1()));
    let name = &profile.name;
    let here = here(facts);
    let problem = match spot {
        _ if by.is_variable() => return None,
        Some((Spot::Forward(_) | Spot::WindowsItself, true)) => return None,
        Some((Spot::Forward(_) | Spot::WindowsItself, false)) => Problem::new(words!(
            "`codex -p {name}` sends to {url}, which lacks `/v1`",
            "`codex -p {name}` envoie à {url}, à qui il manque `/v1`"
        )),
        Some((Spot::PastForward | Spot::OtherPort | Spot::Elsewhere, _)) | None if name == OF_OLLAMA => {
            Problem::new(words!(
                "the profile that `ollama launch codex` left behind sends to {url}, not to ollama-forward{here}",
                "le profil laissé par `ollama launch codex` envoie à {url}, et non à ollama-forward{here}"
            ))
        }
        Some((Spot::PastForward | Spot::OtherPort | Spot::Elsewhere, _)) | None => Problem::new(words!(
            "`codex -p {name}` sends to {url}, not to ollama-forward{here}",
            "`codex -p {name}` envoie à {url}, et non à ollama-forward{here}"
        )),
    };
    let lines = || aimed_here(facts, &profile.config, &by).into_iter().take(1).collect();
    let renewed = renewed(facts, profile);
    Some(cured(problem, if renewed.is_empty() { lines() } else { renewed }))
}

/// The profile that `ollama launch codex` writes (`capture-and-ux` 3.6).
const OF_OLLAMA: &str = "ollama-launch";

/// For profiles that programs have written: ours is written anew, Ollama's may go.
fn renewed(facts: &Facts, profile: &Profile) -> Vec<Remedy> {
    let path = profile.config.path.as_ref().map(|path| quoted(&path.display().to_string()));
    match (profile.name.as_str(), path) {
        (PROFILE, _) => install(facts),
        (OF_OLLAMA, Some(path)) => {
            let what = words!(
                "delete it; `ollama launch codex` writes it anew",
                "le supprimer ; `ollama launch codex` le réécrit"
            );
            let mut remedies = vec![Remedy::shell(what, format!("rm {path}"))];
            remedies.extend(install(facts).into_iter().filter(|remedy| is_new(facts, remedy)));
            remedies
        }
        _ => Vec::new(),
    }
}

/// Whether a remedy brings something that is not there.
fn is_new(facts: &Facts, remedy: &Remedy) -> bool {
    let there = |path: &Path| facts.codex.profiles.iter().any(|profile| profile.config.path.as_deref() == Some(path));
    match &remedy.fix {
        Some(Fix::WriteCodexProfile { path, .. }) => !there(path),
        Some(Fix::RemoveSocket(_) | Fix::WriteConfig { .. }) | None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::target::tests::{and_profile, text};
    use super::super::tests::{passes, skips, warns};
    use crate::doctor::codex::machine;

    #[test]
    fn profiles_that_go_elsewhere_are_named() {
        let mut facts = machine::healthy();
        skips("codex-profile", &facts, "no profiles");
        machine::profile(&mut facts, "work", "model = \"gpt-6\"\nmodel_provider = \"openai\"");
        machine::profile(&mut facts, "local", "model_provider = \"ollama\"");
        passes("codex-profile", &facts, "work, local");
        let old =
            "model_provider = \"x\"\n[model_providers.x]\nname = \"x\"\nbase_url = \"http://172.30.0.1:11434/v1\"";
        machine::profile(&mut facts, "old", old);
        let says = "`codex -p old` sends to http://172.30.0.1:11434/v1, not to ollama-forward (127.0.0.1:11434)";
        warns("codex-profile", &facts, says, &["[model_providers.x]", "base_url = \"http://127.0.0.1:11434/v1\""]);
    }

    #[test]
    fn our_own_profile_is_written_anew() {
        let mut facts = machine::healthy();
        let old = text(&facts);
        machine::profile(&mut facts, "ollama-forward", &old);
        passes("codex-profile", &facts, "ollama-forward");
        machine::listen(&mut facts, "127.0.0.1:11435");
        let text = text(&facts);
        warns("codex-profile", &facts, "`codex -p ollama-forward` sends to", &and_profile(&[], &text));
        facts.codex.profiles.clear();
        machine::profile(&mut facts, "ollama-forward", "model = \"a");
        warns("codex-profile", &facts, "ollama-forward.config.toml cannot be read", &and_profile(&[], &text));
    }

    #[test]
    fn what_ollama_launch_left_behind_may_go() {
        let mut facts = machine::healthy();
        let old = "model_provider = \"ollama-launch\"\n[model_providers.ollama-launch]\nname = \"Ollama\"\n\
                   base_url = \"http://172.30.0.1:11434/v1/\"\nwire_api = \"responses\"";
        machine::profile(&mut facts, "ollama-launch", old);
        let text = text(&facts);
        let rm = ["rm /home/me/.codex/ollama-launch.config.toml"];
        warns("codex-profile", &facts, "that `ollama launch codex` left behind", &and_profile(&rm, &text));
    }
}
