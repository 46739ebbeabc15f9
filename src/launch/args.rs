//! What stands behind `--` is Codex's own, but for what would take Codex elsewhere: that is refused, with what to type instead.

use super::PROFILE;
use crate::words;
use crate::words::Words;

/// An argument that contradicts us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub argument: String,
    pub why: Words,
    pub next: Words,
}

/// Options of Codex that take a value as the word behind them (0.169, `codex --help` and `codex exec --help`).
const WITH_VALUE: &[&str] = &[
    "-c",
    "--config",
    "-C",
    "--cd",
    "-s",
    "--sandbox",
    "-a",
    "--ask-for-approval",
    "-i",
    "--image",
    "--enable",
    "--disable",
    "--add-dir",
    "--color",
    "--output-schema",
    "-o",
    "--output-last-message",
    "--remote",
];

/// The first argument that would undo what the launcher does.
pub fn refused(args: &[String]) -> Option<Refusal> {
    let mut at = 0;
    while let Some(word) = args.get(at).filter(|word| *word != "--") {
        let value = args.get(at + 1).map(String::as_str);
        if let Some(refusal) = of_word(word, value) {
            return Some(refusal);
        }
        at += if WITH_VALUE.contains(&word.as_str()) { 2 } else { 1 };
    }
    None
}

fn of_word(word: &str, value: Option<&str>) -> Option<Refusal> {
    let is = |short: &str, long: &str| {
        word == long
            || word.strip_prefix(long).is_some_and(|rest| rest.starts_with('='))
            || (word.starts_with(short) && !word.starts_with("--"))
    };
    if is("-m", "--model") {
        return Some(refusal(
            word,
            words!("the model is chosen before Codex starts", "le modèle est choisi avant le lancement de Codex"),
            "ollama-forward codex --model MODEL -- …",
        ));
    }
    if is("-p", "--profile") {
        return Some(refusal(
            word,
            words!(
                "a profile may name another provider, so that nothing would come here",
                "un profil peut désigner un autre fournisseur : plus rien ne passerait par ici"
            ),
            format!("ollama-forward codex --install   and then: codex -p {PROFILE}"),
        ));
    }
    if word == "--oss" || word == "--local-provider" || word.starts_with("--local-provider=") {
        return Some(refusal(
            word,
            words!(
                "it names a provider, and the one of ollama-forward is set already",
                "il désigne un fournisseur, et celui d'ollama-forward est déjà réglé"
            ),
            "ollama-forward codex -- …   without it",
        ));
    }
    if is("-c", "--config") {
        let attached = word.strip_prefix("--config=").or_else(|| word.strip_prefix("-c"));
        let pair = attached.filter(|text| !text.is_empty() && word != "--config").or(value)?;
        return of_pair(word, pair.trim_start_matches('='));
    }
    None
}

/// `KEY=VALUE` behind `-c`.
fn of_pair(word: &str, pair: &str) -> Option<Refusal> {
    let key = pair.split('=').next().unwrap_or_default().trim();
    let bare: String = key.chars().filter(|letter| !matches!(letter, '"' | '\'' | ' ')).collect();
    let argument = if word.len() > pair.len() { word.to_owned() } else { format!("{word} {pair}") };
    match bare.as_str() {
        "model" => Some(refusal(
            &argument,
            words!("the model is chosen before Codex starts", "le modèle est choisi avant le lancement de Codex"),
            "ollama-forward codex --model MODEL -- …",
        )),
        "model_provider" | "model_providers" | "oss_provider" | "openai_base_url" | "profile" => {
            Some(elsewhere(&argument))
        }
        key if key.starts_with(&format!("model_providers.{PROFILE}")) => Some(elsewhere(&argument)),
        _ => None,
    }
}

fn elsewhere(argument: &str) -> Refusal {
    refusal(
        argument,
        words!("it would send Codex past ollama-forward", "Codex ne passerait plus par ollama-forward"),
        "codex …   without ollama-forward, for another provider",
    )
}

fn refusal(argument: &str, why: Words, next: impl Into<String>) -> Refusal {
    let next = next.into();
    let fr = next.replace("   and then: ", "   puis : ").replace("   without it", "   sans lui").replace(
        "   without ollama-forward, for another provider",
        "   sans ollama-forward, pour un autre fournisseur",
    );
    Refusal { argument: argument.to_owned(), why, next: Words { en: next, fr } }
}

/// What Codex is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A conversation on the terminal.
    Talk,
    /// `exec`: one task, without questions.
    Exec,
    /// Neither, such as `login`, `--version`: no session comes of it.
    Other,
}

/// Words that make a session, and how.
const VERBS: &[(&str, Verb)] = &[("exec", Verb::Exec), ("e", Verb::Exec), ("resume", Verb::Talk), ("fork", Verb::Talk)];
/// Words that do something else (0.169, `codex --help`).
const OTHERS: &[&str] = &[
    "review",
    "login",
    "logout",
    "mcp",
    "mcp-server",
    "app-server",
    "completion",
    "update",
    "doctor",
    "sandbox",
    "debug",
    "apply",
    "a",
    "cloud",
    "features",
    "help",
    "plugin",
    "remote-control",
    "exec-server",
    "archive",
    "unarchive",
    "delete",
];

/// What the arguments ask Codex to do. A first word that is no verb is a prompt.
pub fn verb(args: &[String]) -> Verb {
    let mut at = 0;
    let mut verb = Verb::Talk;
    while let Some(word) = args.get(at).filter(|word| *word != "--") {
        if ["--help", "-h", "--version", "-V", "--ephemeral"].contains(&word.as_str()) {
            return Verb::Other;
        }
        if !word.starts_with('-') && verb == Verb::Talk {
            if OTHERS.contains(&word.as_str()) {
                return Verb::Other;
            }
            let known = VERBS.iter().find(|(name, _)| name == word);
            verb = known.map_or(verb, |(_, verb)| *verb);
            if known.is_none() {
                return verb;
            }
        }
        at += if WITH_VALUE.contains(&word.as_str()) { 2 } else { 1 };
    }
    verb
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(line: &str) -> Vec<String> {
        line.split('|').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    #[track_caller]
    fn refuses(line: &str, argument: &str) {
        let refusal = refused(&words_of(line));
        assert_eq!(refusal.map(|refusal| refusal.argument).as_deref(), Some(argument), "{line}");
    }

    #[test]
    fn what_would_go_elsewhere_is_refused_by_its_name() {
        refuses("-m|x", "-m");
        refuses("-mx", "-mx");
        refuses("exec|--model=x|hi", "--model=x");
        refuses("exec|-p|work|hi", "-p");
        refuses("--profile|work", "--profile");
        refuses("--oss", "--oss");
        refuses("exec|--local-provider=ollama", "--local-provider=ollama");
        refuses("-c|model_provider=\"openai\"", "-c model_provider=\"openai\"");
        refuses("-cmodel_provider=x", "-cmodel_provider=x");
        refuses("--config|model = \"x\"", "--config model = \"x\"");
        refuses("--config=model=x", "--config=model=x");
        refuses("-c|model_providers.ollama-forward.base_url=x", "-c model_providers.ollama-forward.base_url=x");
        refuses("exec|-c|profile=x", "-c profile=x");
    }

    #[test]
    fn all_else_is_codexs_own() {
        for line in [
            "",
            "exec|say -m|hello",
            "resume|--last",
            "-c|model_reasoning_effort=\"low\"|exec|hi",
            "-c|model_context_window=4096",
            "-c|model_providers.other.name=x",
            "exec|--|-m",
            "-C|-m",
            "exec|-s|danger-full-access|--json|-",
        ] {
            assert_eq!(refused(&words_of(line)), None, "{line}");
        }
    }

    #[test]
    fn what_to_type_is_told_in_both_languages() {
        let refusal = refused(&words_of("-p|x")).unwrap();
        assert!(refusal.next.en.contains("and then: codex -p ollama-forward"), "{}", refusal.next.en);
        assert!(refusal.next.fr.contains("puis : codex -p ollama-forward"), "{}", refusal.next.fr);
    }

    #[test]
    fn it_is_known_what_codex_is_asked_to_do() {
        for (line, expected) in [
            ("", Verb::Talk),
            ("fix the tests", Verb::Talk),
            ("resume|--last", Verb::Talk),
            ("exec|hi", Verb::Exec),
            ("-c|a=b|exec|hi", Verb::Exec),
            ("-s|read-only|e|resume|--last", Verb::Exec),
            ("login", Verb::Other),
            ("--version", Verb::Other),
            ("exec|--help", Verb::Other),
            ("exec|--ephemeral|hi", Verb::Other),
            ("tell me|login", Verb::Talk),
        ] {
            assert_eq!(verb(&words_of(line)), expected, "{line}");
        }
    }
}
