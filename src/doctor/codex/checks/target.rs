//! Does Codex come here?

use super::nothing_to_judge;
use crate::doctor::codex::Config;
use crate::doctor::codex::aim::{Aim, By, Spot, oss, plain, spot, wanted};
use crate::doctor::codex::profile::{PROFILE, base_url, install, oss_command, start};
use crate::doctor::codex::url::Url;
use crate::doctor::{Facts, Place, Problem, Remedy, Verdict};
use crate::words;

/// `CODEX_OSS_BASE_URL` and `CODEX_OSS_PORT`: for the providers that Codex brings, and stronger than its configuration.
pub(super) fn oss_url(facts: &Facts) -> Verdict {
    if let Some(why) = nothing_to_judge(facts) {
        return Verdict::Skip(why);
    }
    let environment = &facts.codex.environment;
    let (url, port) = (environment.codex_oss_base_url.as_deref(), environment.codex_oss_port.as_deref());
    let names = match (url, port) {
        (None, None) => return Verdict::Pass(words!("not set", "non définies")),
        (Some(_), Some(_)) => "CODEX_OSS_BASE_URL CODEX_OSS_PORT",
        (Some(_), None) => "CODEX_OSS_BASE_URL",
        (None, Some(_)) => "CODEX_OSS_PORT",
    };
    let unset = Remedy::shell(
        words!(
            "unset it here, and where it is set (such as ~/.bashrc)",
            "l'effacer ici, et là où elle est définie (par exemple ~/.bashrc)"
        ),
        format!("unset {names}"),
    );
    let problem = match (url, port) {
        (Some(url), _) => bad_url(facts, url),
        (None, Some(port)) => bad_port(facts, port),
        (None, None) => None,
    };
    match (problem, url, port) {
        (Some(problem), Some(_), Some(_)) => problem
            .because(words!(
                "CODEX_OSS_BASE_URL outweighs CODEX_OSS_PORT, which is set, too",
                "CODEX_OSS_BASE_URL l'emporte sur CODEX_OSS_PORT, qui est définie aussi"
            ))
            .cured_by(unset)
            .warn(),
        (Some(problem), ..) => problem.cured_by(unset).warn(),
        (None, Some(url), _) => Verdict::Pass(words!("{url}: ollama-forward", "{url} : ollama-forward")),
        (None, None, port) => {
            let port = port.unwrap_or_default();
            Verdict::Pass(words!("port {port}: ollama-forward", "port {port} : ollama-forward"))
        }
    }
}

fn bad_url(facts: &Facts, text: &str) -> Option<Problem> {
    let Some(url) = Url::parse(text) else {
        return Some(Problem::new(words!(
            "CODEX_OSS_BASE_URL={text} is no address",
            "CODEX_OSS_BASE_URL={text} n'est pas une adresse"
        )));
    };
    match spot(facts, &url) {
        Spot::Forward(_) | Spot::WindowsItself if url.has_v1() => None,
        Spot::Forward(_) | Spot::WindowsItself => Some(Problem::new(words!(
            "CODEX_OSS_BASE_URL={text} lacks `/v1`: Codex asks for /responses, which Ollama does not know",
            "il manque `/v1` à CODEX_OSS_BASE_URL={text} : Codex demande /responses, qu'Ollama ne connaît pas"
        ))),
        Spot::PastForward | Spot::OtherPort | Spot::Elsewhere => {
            let here = here(facts);
            Some(Problem::new(words!(
                "CODEX_OSS_BASE_URL sends Codex to {text}, not to ollama-forward{here}",
                "CODEX_OSS_BASE_URL envoie Codex à {text}, et non à ollama-forward{here}"
            )))
        }
    }
}

fn bad_port(facts: &Facts, text: &str) -> Option<Problem> {
    let Ok(port) = text.parse::<u16>() else {
        return Some(Problem::new(words!(
            "CODEX_OSS_PORT={text} is no port: Codex takes no notice of it",
            "CODEX_OSS_PORT={text} n'est pas un port : Codex n'en tient pas compte"
        )));
    };
    let url = Url { host: "localhost".into(), port, path: "/v1".into() };
    match spot(facts, &url) {
        Spot::Forward(_) | Spot::WindowsItself => None,
        Spot::PastForward | Spot::OtherPort | Spot::Elsewhere => {
            let here = here(facts);
            Some(Problem::new(words!(
                "CODEX_OSS_PORT sends Codex to port {port}, not to ollama-forward{here}",
                "CODEX_OSS_PORT envoie Codex au port {port}, et non à ollama-forward{here}"
            )))
        }
    }
}

/// ` (127.0.0.1:11434)`
pub(super) fn here(facts: &Facts) -> String {
    wanted(facts).map_or_else(String::new, |address| format!(" ({address})"))
}

pub(super) fn target(facts: &Facts) -> Verdict {
    if let Some(why) = nothing_to_judge(facts) {
        return Verdict::Skip(why);
    }
    let codex = &facts.codex;
    let config = match codex.config.get() {
        Ok(config) => config,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    match plain(config, &codex.environment) {
        // A provider of the user's own choice in the cloud is no mistake; what counts then is `codex --oss`.
        Aim::Cloud(_) => by_oss(facts, config),
        Aim::At { by, .. } if by.is_variable() => by_variable(&by),
        Aim::At { url, by } => at(facts, config, &url, &by),
        Aim::Undescribed(id) => {
            Verdict::Skip(words!("nothing describes the provider `{id}`", "rien ne décrit le fournisseur `{id}`"))
        }
    }
}

fn by_variable(by: &By) -> Verdict {
    let name = if *by == By::OssPort { "CODEX_OSS_PORT" } else { "CODEX_OSS_BASE_URL" };
    Verdict::Skip(words!("{name} decides: see `codex-oss-url`", "{name} en décide : voir `codex-oss-url`"))
}

/// Where `codex` alone goes elsewhere on purpose.
fn by_oss(facts: &Facts, config: &Config) -> Verdict {
    let command = oss_command(facts);
    let Aim::At { url, by } = oss(config, &facts.codex.environment) else {
        return Verdict::Pass(words!(
            "`codex` goes to the cloud; for Ollama: `{command}`",
            "`codex` s'adresse à un service en ligne ; pour Ollama : `{command}`"
        ));
    };
    if by.is_variable() {
        return by_variable(&by);
    }
    let spot = Url::parse(&url).map(|url| spot(facts, &url));
    match spot {
        Some(Spot::Forward(_) | Spot::WindowsItself) => Verdict::Pass(words!(
            "`codex` goes to OpenAI, `codex --oss` comes here: `{command}`",
            "`codex` va chez OpenAI, `codex --oss` passe par ici : `{command}`"
        )),
        Some(Spot::PastForward | Spot::OtherPort | Spot::Elsewhere) | None => {
            let here = here(facts);
            let problem = Problem::new(words!(
                "`codex --oss` sends to {url}, not to ollama-forward{here}",
                "`codex --oss` envoie à {url}, et non à ollama-forward{here}"
            ));
            cured(problem.cured_by(start(facts)), install(facts)).warn()
        }
    }
}

fn at(facts: &Facts, config: &Config, text: &str, by: &By) -> Verdict {
    let Some(url) = Url::parse(text) else {
        let problem = Problem::new(words!(
            "`codex` is to send to `{text}`, which is no address",
            "`codex` doit envoyer à `{text}`, qui n'est pas une adresse"
        ));
        return cured(problem, aimed_here(facts, config, by)).fail();
    };
    let spot = spot(facts, &url);
    match spot {
        Spot::Forward(report) if !url.has_v1() => {
            let problem = Problem::new(words!(
                "`codex` sends to {text}: without `/v1` it asks for /responses, which Ollama does not know",
                "`codex` envoie à {text} : sans `/v1`, il demande /responses, qu'Ollama ne connaît pas"
            ));
            let problem = cured(problem, aimed_here(facts, config, by));
            // The bridge answers there, too.
            if report.is_some_and(|report| report.translate) { problem.warn() } else { problem.fail() }
        }
        Spot::Forward(_) => {
            Verdict::Pass(words!("`codex` sends to {text}: ollama-forward", "`codex` envoie à {text} : ollama-forward"))
        }
        Spot::WindowsItself => Verdict::Pass(words!(
            "`codex` sends to {text}: localhost is Windows here, nothing needs to be forwarded",
            "`codex` envoie à {text} : localhost est Windows ici, rien n'est à relayer"
        )),
        Spot::PastForward | Spot::OtherPort | Spot::Elsewhere => {
            cured(elsewhere(facts, text, by, spot), aimed_here(facts, config, by)).warn()
        }
    }
}

fn elsewhere(facts: &Facts, text: &str, by: &By, spot: Spot<'_>) -> Problem {
    let here = here(facts);
    let problem = match spot {
        Spot::PastForward => Problem::new(words!(
            "`codex` sends to Windows' address {text}, past ollama-forward{here}: when that address changes, Codex no longer finds Ollama",
            "`codex` envoie à l'adresse de Windows, {text}, sans passer par ollama-forward{here} : quand elle change, Codex ne trouve plus Ollama"
        )),
        Spot::Forward(_) | Spot::WindowsItself | Spot::OtherPort | Spot::Elsewhere => Problem::new(words!(
            "`codex` sends to {text}, not to ollama-forward{here}",
            "`codex` envoie à {text}, et non à ollama-forward{here}"
        )),
    };
    match by {
        By::Provider(id) => problem.because(words!(
            "`base_url` of [model_providers.{id}] says so",
            "c'est `base_url` de [model_providers.{id}] qui le dit"
        )),
        By::OpenAiBaseUrl => problem.because(words!("`openai_base_url` says so", "c'est `openai_base_url` qui le dit")),
        By::BuiltIn | By::OssBaseUrl | By::OssPort => problem,
    }
}

/// The lines that bring a provider here, or else a profile that does.
pub(super) fn aimed_here(facts: &Facts, config: &Config, by: &By) -> Vec<Remedy> {
    let (Some(path), Some(url)) = (&config.path, base_url(facts)) else { return install(facts) };
    let lines = match by {
        By::Provider(id) => vec![format!("[model_providers.{id}]"), format!("base_url = \"{url}\"")],
        By::OpenAiBaseUrl => vec![format!("openai_base_url = \"{url}\"")],
        By::BuiltIn => vec![
            format!("model_provider = \"{PROFILE}\""),
            format!("[model_providers.{PROFILE}]"),
            format!("name = \"Ollama ({PROFILE})\""),
            format!("base_url = \"{url}\""),
            "wire_api = \"responses\"".to_owned(),
        ],
        By::OssBaseUrl | By::OssPort => return Vec::new(),
    };
    let what =
        words!("send it to ollama-forward: change these lines", "l'envoyer à ollama-forward : changer ces lignes");
    let mut remedies = vec![Remedy::new(what, Place::File(path.display().to_string()), lines)];
    remedies.extend(install(facts));
    remedies
}

pub(super) fn cured(problem: Problem, remedies: Vec<Remedy>) -> Problem {
    remedies.into_iter().fold(problem, Problem::cured_by)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{fails, passes, skips, warns};
    use super::*;
    use crate::doctor::codex::machine;
    use crate::doctor::{Fact, network};
    use crate::gateway::wsl::Mode;

    const COMMAND: &str = "codex --oss --local-provider ollama -m qwen3:14b";
    const WITH_PROFILE: &str = "codex -p ollama-forward";

    /// What the profile says, line by line, and the command that reads it.
    pub(in super::super) fn and_profile<'a>(before: &[&'a str], text: &'a str) -> Vec<&'a str> {
        [before, &text.trim_end().lines().collect::<Vec<_>>(), &[WITH_PROFILE]].concat()
    }

    pub(in super::super) fn text(facts: &Facts) -> String {
        crate::doctor::codex::profile::text(facts).unwrap()
    }

    #[track_caller]
    fn variables(url: Option<&str>, port: Option<&str>, expected: Result<&str, (&str, &str)>) {
        let mut facts = machine::healthy();
        facts.codex.environment.codex_oss_base_url = url.map(Into::into);
        facts.codex.environment.codex_oss_port = port.map(Into::into);
        match expected {
            Ok(says) => passes("codex-oss-url", &facts, says),
            Err((says, unset)) => {
                warns("codex-oss-url", &facts, says, &[unset]);
                skips("codex-target", &facts, "see `codex-oss-url`");
            }
        }
    }

    #[test]
    fn variables_may_lead_astray() {
        variables(None, None, Ok("not set"));
        variables(Some("http://127.0.0.1:11434/v1/"), None, Ok("http://127.0.0.1:11434/v1/: ollama-forward"));
        variables(None, Some("11434"), Ok("port 11434"));
        let here = "not to ollama-forward (127.0.0.1:11434)";
        for url in ["http://localhost:1234/v1", "http://172.24.0.1:11434/v1", "https://api.example.com/v1"] {
            variables(Some(url), None, Err((here, "unset CODEX_OSS_BASE_URL")));
        }
        variables(Some("http://localhost:11434"), None, Err(("lacks `/v1`", "unset CODEX_OSS_BASE_URL")));
        variables(Some("localhost:11434/v1"), None, Err(("is no address", "unset CODEX_OSS_BASE_URL")));
        variables(None, Some("1234"), Err(("to port 1234, not", "unset CODEX_OSS_PORT")));
        let both = "unset CODEX_OSS_BASE_URL CODEX_OSS_PORT";
        variables(Some("http://localhost:1/v1"), Some("11434"), Err(("to http://localhost:1/v1", both)));
    }

    #[test]
    fn a_port_that_is_none_is_not_heard() {
        let mut facts = machine::healthy();
        facts.codex.environment.codex_oss_port = Some("many".into());
        warns("codex-oss-url", &facts, "CODEX_OSS_PORT=many is no port", &["unset CODEX_OSS_PORT"]);
        passes("codex-target", &facts, "http://localhost:11434/v1");
    }

    #[test]
    fn a_variable_that_wins_says_so() {
        let mut facts = machine::healthy();
        facts.codex.environment.codex_oss_base_url = Some("http://localhost:1/v1".into());
        facts.codex.environment.codex_oss_port = Some("11434".into());
        let Verdict::Warn(problem) = oss_url(&facts) else { panic!() };
        assert!(problem.evidence[0].en.contains("outweighs CODEX_OSS_PORT"), "{}", problem.evidence[0]);
    }

    #[test]
    fn codex_may_go_to_openai_when_it_wants() {
        let mut facts = machine::healthy();
        machine::config(&mut facts, "model = \"gpt-6\"");
        passes("codex-target", &facts, &format!("`codex --oss` comes here: `{COMMAND}`"));
        machine::config(&mut facts, "model_provider = \"x\"\n[model_providers.x]\nname = \"x\"");
        passes("codex-target", &facts, COMMAND);
        facts.codex.config = Fact::Known(Config::default());
        passes("codex-target", &facts, COMMAND);
    }

    #[test]
    fn a_forward_on_another_port_is_not_found_by_itself() {
        let mut facts = machine::healthy();
        machine::listen(&mut facts, "127.0.0.1:11435");
        let text = text(&facts);
        let command = format!("CODEX_OSS_PORT=11435 {COMMAND}");
        let says = "to http://localhost:11434/v1, not to ollama-forward (127.0.0.1:11435)";
        machine::config(&mut facts, "model = \"gpt-6\"");
        warns("codex-target", &facts, says, &and_profile(&[&command], &text));
        machine::config(&mut facts, "model_provider = \"ollama\"");
        let lines = [
            "model_provider = \"ollama-forward\"",
            "[model_providers.ollama-forward]",
            "name = \"Ollama (ollama-forward)\"",
            "base_url = \"http://127.0.0.1:11435/v1\"",
            "wire_api = \"responses\"",
        ];
        warns("codex-target", &facts, says, &and_profile(&lines, &text));
    }

    #[track_caller]
    fn provider(base_url: &str) -> Facts {
        let mut facts = machine::healthy();
        let text = format!("model_provider = \"x\"\n[model_providers.x]\nname = \"x\"\nbase_url = \"{base_url}\"");
        machine::config(&mut facts, &text);
        facts
    }

    #[test]
    fn a_provider_of_ones_own_may_go_elsewhere() {
        for url in ["http://127.0.0.1:11434/v1", "http://localhost:11434/v1/", "http://0.0.0.0:11434/v1"] {
            passes("codex-target", &provider(url), &format!("`codex` sends to {url}: ollama-forward"));
        }
        let lines = ["[model_providers.x]", "base_url = \"http://127.0.0.1:11434/v1\""];
        for (url, says) in [
            ("http://172.24.0.1:11434/v1", "Windows' address http://172.24.0.1:11434/v1, past ollama-forward"),
            ("http://127.0.0.1:8080/v1", "to http://127.0.0.1:8080/v1, not to ollama-forward (127.0.0.1:11434)"),
            ("https://ollama.example.com/v1", "to https://ollama.example.com/v1, not"),
        ] {
            let facts = provider(url);
            warns("codex-target", &facts, says, &and_profile(&lines, &text(&facts)));
        }
        let facts = provider("localhost");
        fails("codex-target", &facts, "which is no address", &and_profile(&lines, &text(&facts)));
    }

    #[test]
    fn an_address_that_was_tried_is_windows() {
        let mut facts = provider("http://10.0.0.9:11434/v1");
        facts.network.tried = vec![network::Tried {
            address: "10.0.0.9:11434".parse().unwrap(),
            how: network::TriedHow::Named,
            answer: Ok("0.33.0".into()),
            took_ms: 1,
        }];
        let lines = ["[model_providers.x]", "base_url = \"http://127.0.0.1:11434/v1\""];
        warns("codex-target", &facts, "past ollama-forward", &and_profile(&lines, &text(&facts)));
    }

    #[test]
    fn an_address_without_v1_works_only_through_the_bridge() {
        let mut facts = provider("http://localhost:11434");
        let lines = ["[model_providers.x]", "base_url = \"http://127.0.0.1:11434/v1\""];
        let text = text(&facts);
        warns("codex-target", &facts, "without `/v1`", &and_profile(&lines, &text));
        facts.port.forwards[0].translate = false;
        fails("codex-target", &facts, "without `/v1`", &and_profile(&lines, &text));
    }

    #[test]
    fn where_localhost_is_windows_nothing_is_forwarded() {
        let mut facts = machine::healthy();
        facts.system.mode = Fact::Known(Mode::Mirrored);
        facts.port.forwards.clear();
        passes("codex-target", &facts, "localhost is Windows here");
        // A bridge on a port of its own is what Codex should use then.
        let mut facts = machine::healthy();
        facts.system.mode = Fact::Known(Mode::Mirrored);
        machine::listen(&mut facts, "127.0.0.1:11435");
        passes("codex-target", &facts, "localhost is Windows here");
        assert_eq!(base_url(&facts).as_deref(), Some("http://127.0.0.1:11435/v1"));
    }
}
