//! Does what is between Codex and Ollama suit Codex?

use super::{not_aimed_here, nothing_to_judge};
use crate::bridge::settings::Settings;
use crate::doctor::codex::aim::{By, Way, ways};
use crate::doctor::{Facts, Place, Problem, Remedy, Verdict};
use crate::words;
use crate::words::Words;

/// The ways to start Codex that end at a forward that runs, and whether it translates; else why there is nothing to say.
fn through_forwards(facts: &Facts) -> Result<Vec<(Way<'_>, bool)>, Verdict> {
    if let Some(why) = nothing_to_judge(facts) {
        return Err(Verdict::Skip(why));
    }
    let ways = ways(facts);
    if ways.is_empty() {
        return Err(not_aimed_here());
    }
    let running: Vec<_> =
        ways.into_iter().filter_map(|way| way.translates().map(|translates| (way, translates))).collect();
    if running.is_empty() {
        return Err(Verdict::Skip(words!("no ollama-forward runs there", "aucun ollama-forward n'y tourne")));
    }
    Ok(running)
}

pub(super) fn translate(facts: &Facts) -> Verdict {
    let ways = match through_forwards(facts) {
        Ok(ways) => ways,
        Err(verdict) => return verdict,
    };
    let Some((way, _)) = ways.iter().find(|(_, translates)| !translates) else {
        let listen = forwards(facts);
        return Verdict::Pass(words!("{listen} translates", "{listen} traduit"));
    };
    let command = way.how.command();
    let problem = Problem::new(words!(
        "`{command}` comes to an ollama-forward that does not translate: half of Codex's tools do not work",
        "`{command}` passe par un ollama-forward qui ne traduit pas : la moitié des outils de Codex ne marchent pas"
    ))
    .because(words!(
        "untranslated, Ollama drops Codex's instructions for most models, and ends streams without a word when something fails",
        "sans traduction, Ollama ignore les instructions de Codex avec la plupart des modèles, et interrompt les flux sans un mot en cas d'erreur"
    ));
    let servers = &way.config.mcp_servers;
    let problem = if servers.is_empty() {
        problem
    } else {
        let names = servers.join(", ");
        problem.because(words!(
            "no tool of your MCP servers works: {names} (`unsupported call`)",
            "aucun outil de vos serveurs MCP ne marche : {names} (`unsupported call`)"
        ))
    };
    started_anew(facts, problem).warn()
}

fn forwards(facts: &Facts) -> String {
    let translating = facts.port.forwards.iter().filter(|report| report.translate);
    translating.flat_map(|report| report.listen.iter().map(String::as_str)).collect::<Vec<_>>().join(", ")
}

/// Started by systemd, it comes back by itself: what it is told must stand in its file.
fn started_anew(facts: &Facts, problem: Problem) -> Problem {
    if facts.service.active.known().is_some_and(|state| state == "active") {
        let what = words!(
            "tell the service to translate, and start it anew",
            "demander au service de traduire, et le relancer"
        );
        let commands = [
            "mkdir -p ~/.config/systemd/user/ollama-forward.service.d",
            "printf '[Service]\\nEnvironment=OLLAMA_FORWARD_TRANSLATE=true\\n' > ~/.config/systemd/user/ollama-forward.service.d/translate.conf",
            "systemctl --user daemon-reload",
            "systemctl --user restart ollama-forward.service",
        ];
        let undo = [
            "rm ~/.config/systemd/user/ollama-forward.service.d/translate.conf",
            "systemctl --user daemon-reload",
            "systemctl --user restart ollama-forward.service",
        ];
        return problem.cured_by(Remedy::new(what, Place::Shell, commands).undone_by(undo));
    }
    let what = words!("stop it (Ctrl-C), and start it so", "l'arrêter (Ctrl-C), et le relancer ainsi");
    problem.cured_by(Remedy::shell(what, "ollama-forward --translate"))
}

/// Codex's own limit (measured, `codex-client` 5).
const USUAL_TIMEOUT_MS: u64 = 300_000;

pub(super) fn idle_timeout(facts: &Facts) -> Verdict {
    let ways = match through_forwards(facts) {
        Ok(ways) => ways,
        Err(verdict) => return verdict,
    };
    let heartbeat = Settings::default().heartbeat.as_secs();
    let short = ways.iter().find_map(|(way, translates)| {
        let provider = way.provider()?;
        let limit = provider.idle_timeout_ms?;
        // Two signs of life, so that one may be late.
        let needed = if *translates { 2 * heartbeat * 1000 } else { USUAL_TIMEOUT_MS };
        (limit < needed).then_some((way, provider, limit, *translates))
    });
    let Some((way, provider, limit, translates)) = short else {
        return Verdict::Pass(if ways.iter().all(|(_, translates)| *translates) {
            words!(
                "the bridge gives a sign of life every {heartbeat} s",
                "le pont donne signe de vie toutes les {heartbeat} s"
            )
        } else {
            words!("at least Codex's own 300 s", "au moins les 300 s de Codex")
        });
    };
    let (command, id) = (way.how.command(), &provider.id);
    let problem = Problem::new(words!(
        "`{command}` gives up after {limit} ms of silence, and Ollama is silent for longer while it reads a prompt or writes a tool call",
        "`{command}` abandonne après {limit} ms de silence, et Ollama se tait plus longtemps quand il lit un prompt ou écrit un appel d'outil"
    ))
    .because(words!(
        "`stream_idle_timeout_ms` of [model_providers.{id}]; the error is `idle timeout waiting for SSE`",
        "`stream_idle_timeout_ms` de [model_providers.{id}] ; l'erreur est `idle timeout waiting for SSE`"
    ));
    let path = way.config.path.as_ref().map_or_else(String::new, |path| path.display().to_string());
    let lines = [format!("[model_providers.{id}]"), format!("stream_idle_timeout_ms = {}", 2 * USUAL_TIMEOUT_MS)];
    let problem =
        problem.cured_by(Remedy::new(words!("be more patient", "être plus patient"), Place::File(path), lines));
    if translates { problem.warn() } else { started_anew(facts, problem).warn() }
}

pub(super) fn websockets(facts: &Facts) -> Verdict {
    let ways = match through_forwards(facts) {
        Ok(ways) => ways,
        Err(verdict) => return verdict,
    };
    let wants = |way: &Way<'_>| {
        way.by == By::OpenAiBaseUrl || way.provider().is_some_and(|provider| provider.supports_websockets)
    };
    let mut wanting = ways.iter().filter(|(way, _)| wants(way)).peekable();
    if wanting.peek().is_none() {
        return Verdict::Pass(words!("not asked for", "non demandé"));
    }
    let Some((way, _)) = wanting.find(|(_, translates)| !translates) else {
        return Verdict::Pass(words!(
            "asked for and refused at once: Codex goes on over HTTP",
            "demandé et refusé aussitôt : Codex continue en HTTP"
        ));
    };
    let command = way.how.command();
    let problem = Problem::new(words!(
        "`{command}` tries a WebSocket first, seven times over about 6 s, before it goes on over HTTP: Ollama knows none",
        "`{command}` essaie d'abord un WebSocket, sept fois en 6 s environ, avant de continuer en HTTP : Ollama n'en connaît pas"
    ));
    let path = way.config.path.as_ref().map_or_else(String::new, |path| path.display().to_string());
    let cured = match way.provider() {
        Some(provider) => {
            let lines = [format!("[model_providers.{}]", provider.id), "supports_websockets = false".to_owned()];
            problem.cured_by(Remedy::new(words!("do without", "s'en passer"), Place::File(path), lines))
        }
        None => problem,
    };
    started_anew(facts, cured).warn()
}

/// What names of chat APIs have room for (`translate::tools`).
const LONGEST_NAME: usize = 64;
/// What Codex puts around the name of a server: `mcp__NAME__`.
const AROUND: usize = "mcp__".len() + "__".len();
/// Tools have names such as `search_repositories`.
const USUAL_TOOL: usize = 20;

/// Names of servers become part of the names of their tools. Those of the tools are known to the servers only.
pub(super) fn mcp(facts: &Facts) -> Verdict {
    if let Some(why) = nothing_to_judge(facts) {
        return Verdict::Skip(why);
    }
    let config = match facts.codex.config.get() {
        Ok(config) => config,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let names = &config.mcp_servers;
    if names.is_empty() {
        return Verdict::Skip(words!("no MCP servers", "pas de serveurs MCP"));
    }
    let path = config.path.as_ref().map_or_else(String::new, |path| path.display().to_string());
    if let Some(name) = names.iter().find(|name| !is_taken(facts, name)) {
        let problem = Problem::new(words!(
            "Codex leaves out the MCP server `{name}` without a word: it takes letters of ASCII, digits, `_` and `-` in a name",
            "Codex écarte sans un mot le serveur MCP `{name}` : il accepte les lettres ASCII, les chiffres, `_` et `-` dans un nom"
        ));
        return problem.cured_by(renamed(path, &clean(name))).warn();
    }
    if let Some(name) = names.iter().find(|name| name.len() + AROUND + USUAL_TOOL > LONGEST_NAME) {
        let problem = Problem::new(words!(
            "the name of the MCP server `{name}` is so long that names of its tools are cut: models mix them up",
            "le nom du serveur MCP `{name}` est si long que ceux de ses outils sont coupés : les modèles les confondent"
        ));
        let short: String = clean(name).chars().take(USUAL_TOOL).collect();
        return problem.cured_by(renamed(path, &short)).warn();
    }
    let list = names.join(", ");
    let translating = ways(facts).iter().any(|way| way.translates() == Some(true));
    if translating {
        Verdict::Pass(words!("{list}: their tools work", "{list} : leurs outils marchent"))
    } else {
        Verdict::Skip(words!(
            "{list}: their tools need `ollama-forward --translate`",
            "{list} : leurs outils demandent `ollama-forward --translate`"
        ))
    }
}

/// Newer versions take a point, too (measured with 0.130 and 0.169).
fn is_taken(facts: &Facts, name: &str) -> bool {
    let takes_points = facts.codex.is_at_least(0, 169) != Some(false);
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-' || (c == '.' && takes_points))
}

fn clean(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn renamed(path: String, name: &str) -> Remedy {
    let what: Words = words!("give its table another name", "donner un autre nom à sa table");
    Remedy::new(what, Place::File(path), [format!("[mcp_servers.{name}]")])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{passes, skips, warns};
    use super::*;
    use crate::doctor::Fact;
    use crate::doctor::codex::machine;
    use crate::gateway::wsl::Mode;

    const START: &str = "ollama-forward --translate";

    fn untranslated(config: &str) -> Facts {
        let mut facts = machine::healthy();
        facts.port.forwards[0].translate = false;
        machine::config(&mut facts, config);
        facts.service.active = Fact::Known("inactive".into());
        facts
    }

    #[test]
    fn a_forward_that_does_not_translate_warns() {
        let facts = untranslated("model_provider = \"ollama\"");
        warns("codex-translate", &facts, "`codex` comes to an ollama-forward that does not translate", &[START]);
        // `codex --oss` would come here, too.
        let facts = untranslated("model = \"gpt-6\"\n[mcp_servers.docs]\ncommand = \"x\"");
        warns("codex-translate", &facts, "`codex --oss` comes to", &[START]);
        let Verdict::Warn(problem) = translate(&facts) else { panic!() };
        assert!(problem.evidence[1].en.contains("MCP servers works: docs"), "{}", problem.evidence[1]);
    }

    #[test]
    fn a_service_is_told_in_its_own_file() {
        let mut facts = untranslated("model_provider = \"ollama\"");
        facts.service.active = Fact::Known("active".into());
        let Verdict::Warn(problem) = translate(&facts) else { panic!() };
        let remedy = &problem.remedies[0];
        assert_eq!(remedy.commands[3], "systemctl --user restart ollama-forward.service");
        assert!(remedy.commands[1].contains("OLLAMA_FORWARD_TRANSLATE=true"), "{:?}", remedy.commands);
        assert_eq!(remedy.undo.len(), 3);
    }

    #[test]
    fn without_a_forward_there_is_nothing_to_say_of_it() {
        for id in ["codex-translate", "codex-timeout", "codex-websockets"] {
            let mut facts = machine::healthy();
            facts.port.forwards.clear();
            skips(id, &facts, "no ollama-forward runs there");
            facts.system.mode = Fact::Known(Mode::Mirrored);
            skips(id, &facts, "no ollama-forward runs there");
            machine::config(&mut facts, "oss_provider = \"lmstudio\"");
            skips(id, &facts, "Codex does not come here");
        }
    }

    fn provider(line: &str) -> String {
        format!(
            "model_provider = \"x\"\n[model_providers.x]\nname = \"x\"\nbase_url = \"http://localhost:11434/v1\"\n{line}"
        )
    }

    #[test]
    fn a_patience_that_is_too_short_warns() {
        let set = ["[model_providers.x]", "stream_idle_timeout_ms = 600000"];
        let both = [&set[..], &[START]].concat();
        let facts = untranslated(&provider("stream_idle_timeout_ms = 60000"));
        warns("codex-timeout", &facts, "`codex` gives up after 60000 ms of silence", &both);
        for line in ["stream_idle_timeout_ms = 300000", "stream_idle_timeout_ms = 3600000", ""] {
            passes("codex-timeout", &untranslated(&provider(line)), "at least Codex's own 300 s");
        }
        let mut facts = machine::healthy();
        machine::config(&mut facts, &provider("stream_idle_timeout_ms = 60000"));
        passes("codex-timeout", &facts, "sign of life every 10 s");
        machine::config(&mut facts, &provider("stream_idle_timeout_ms = 5000"));
        warns("codex-timeout", &facts, "after 5000 ms", &set);
    }

    #[test]
    fn a_websocket_costs_time_where_nobody_refuses_it() {
        passes("codex-websockets", &machine::healthy(), "not asked for");
        let text = provider("supports_websockets = true");
        let lines = ["[model_providers.x]", "supports_websockets = false", START];
        warns("codex-websockets", &untranslated(&text), "seven times over about 6 s", &lines);
        let url = "openai_base_url = \"http://localhost:11434/v1\"";
        warns("codex-websockets", &untranslated(url), "tries a WebSocket first", &[START]);
        let mut facts = machine::healthy();
        machine::config(&mut facts, &text);
        passes("codex-websockets", &facts, "refused at once");
    }

    #[track_caller]
    fn server(name: &str, version: &str, expected: Result<&str, (&str, &str)>) {
        let mut facts = machine::healthy();
        machine::version(&mut facts, version);
        machine::config(&mut facts, &format!("[mcp_servers.\"{name}\"]\ncommand = \"x\""));
        match expected {
            Ok(says) => passes("codex-mcp", &facts, says),
            Err((says, line)) => warns("codex-mcp", &facts, says, &[line]),
        }
    }

    #[test]
    fn names_of_mcp_servers_are_those_that_codex_takes() {
        server("docs", "0.169.0", Ok("docs: their tools work"));
        server("my-docs", "0.130.0", Ok("my-docs"));
        server("my.docs", "0.169.0", Ok("my.docs"));
        server("my.docs", "0.130.0", Err(("leaves out the MCP server `my.docs`", "[mcp_servers.my_docs]")));
        server("my docs", "0.169.0", Err(("leaves out", "[mcp_servers.my_docs]")));
        server("données", "0.169.0", Err(("`données`", "[mcp_servers.donn_es]")));
        let long = "a".repeat(38);
        server(&long, "0.169.0", Err(("so long", "[mcp_servers.aaaaaaaaaaaaaaaaaaaa]")));
        server(&long[1..], "0.169.0", Ok("aaa"));
    }

    #[test]
    fn mcp_needs_the_bridge() {
        let facts = untranslated("[mcp_servers.docs]\ncommand = \"x\"");
        skips("codex-mcp", &facts, "docs: their tools need `ollama-forward --translate`");
        skips("codex-mcp", &machine::healthy(), "no MCP servers");
    }
}
