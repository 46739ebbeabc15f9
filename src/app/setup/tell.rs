//! Sentences of setup, and the command lines that it names. Pure.

use super::keys::upstream_word;
use super::plan::{Question, Talk, Values, Way};
use crate::config::{OLLAMA_PORT, Upstream};
use crate::doctor::program::quoted;
use crate::words;
use crate::words::Words;

/// The head of a question's step: its number, and what it is about.
pub(super) fn head(question: Question) -> (&'static str, Words) {
    match question {
        Question::Translate | Question::Port => ("2/7", words!("The forward", "Le relais")),
        Question::Model => ("3/7", words!("A model", "Un modèle")),
        Question::Test => ("4/7", words!("A real question", "Une vraie question")),
        Question::Codex => ("5/7", Words::same("Codex")),
        Question::Capture => ("6/7", words!("Capture", "Capture")),
        Question::Service => ("7/7", words!("Start", "Démarrage")),
    }
}

pub(super) fn first_head() -> (&'static str, Words) {
    ("1/7", words!("Windows and Ollama", "Windows et Ollama"))
}

/// What is asked, with what one has to know to answer.
pub(super) fn question(question: Question, talk: &Talk) -> (Words, Words) {
    match question {
        Question::Translate => (
            words!(
                "Local models call tools in ways of their own, which Codex does not understand. The forward can \
                 translate between them.",
                "Les modèles locaux appellent les outils à leur façon, que Codex ne comprend pas. Le relais peut \
                 traduire entre eux."
            ),
            words!("Translate for Codex?", "Traduire pour Codex ?"),
        ),
        Question::Port => (
            words!(
                "Clients in WSL connect to this port; 11434 is the one that all of them know.",
                "Les clients dans WSL se connectent à ce port ; tous connaissent 11434."
            ),
            words!("Port", "Port"),
        ),
        Question::Model => (
            words!(
                "Codex works with tools, and needs room: 32,768 tokens of context or more.",
                "Codex travaille avec des outils, et demande de la place : au moins 32 768 tokens de contexte."
            ),
            words!("Which one is Codex to use?", "Lequel pour Codex ?"),
        ),
        Question::Test => {
            let model = talk.model().unwrap_or_default();
            (
                words!(
                    "{model} counts to forty, and calls a tool, through the forward. If it is not loaded yet, that comes first.",
                    "{model} compte jusqu'à quarante et appelle un outil, par le relais. S'il n'est pas encore chargé, il l'est d'abord."
                ),
                words!("Ask it?", "Lui demander ?"),
            )
        }
        Question::Codex if talk.has_profile() => (
            words!("The profile ollama-forward is there already.", "Le profil ollama-forward existe déjà."),
            words!("Write it anew?", "Le réécrire ?"),
        ),
        Question::Codex => (
            words!(
                "A profile makes `codex -p ollama-forward` use this model, with its real context. Codex without it stays as it is.",
                "Un profil fait que `codex -p ollama-forward` emploie ce modèle, avec son vrai contexte. Sans lui, Codex reste tel quel."
            ),
            words!("Write it?", "L'écrire ?"),
        ),
        Question::Capture => (
            words!(
                "A page can show every exchange of Codex with the model. Then what both say, so your code too, is kept on \
                 this machine only, readable by you alone, without keys and passwords that can be recognised, for at most \
                 14 days and 256 MB. `ollama-forward capture rm --all` deletes it.",
                "Une page peut montrer chaque échange de Codex avec le modèle. Ce que tous deux disent, donc aussi votre \
                 code, est alors conservé sur cette machine seulement, lisible par vous seul, sans les clés et mots de \
                 passe reconnaissables, au plus 14 jours et 256 Mo. `ollama-forward capture rm --all` l'efface."
            ),
            words!("Capture exchanges?", "Capturer les échanges ?"),
        ),
        Question::Service => service(talk),
    }
}

fn service(talk: &Talk) -> (Words, Words) {
    use super::plan::Service;
    match talk.seen().service {
        Service::Installed => (
            words!("The service is installed already.", "Le service est déjà installé."),
            words!("Install it anew?", "Le réinstaller ?"),
        ),
        Service::Systemd => (
            words!(
                "As a service of your systemd, the forward starts by itself.",
                "Comme service de votre systemd, le relais démarre de lui-même."
            ),
            words!("Install the service?", "Installer le service ?"),
        ),
        Service::Profile => (
            words!(
                "There is no systemd of yours here. A line in the profile of your shell can start the forward at login.",
                "Il n'y a pas ici de systemd à vous. Une ligne dans le profil de votre shell peut lancer le relais à la connexion."
            ),
            words!("Add that line?", "Ajouter cette ligne ?"),
        ),
    }
}

/// What every WSL does with a distribution that nobody uses (WSL, `wsl-config`: instanceIdleTimeout, vmIdleTimeout).
pub(super) fn idle() -> Words {
    words!(
        "WSL stops when its last terminal is closed, 15 to 60 s later, and the forward with it; it is back with the next terminal.",
        "WSL s'arrête 15 à 60 s après la fermeture de son dernier terminal, et le relais avec lui ; il revient avec le terminal suivant."
    )
}

/// The options by which `codex` and `service` know where they are, as far as they are not the usual ones.
pub(super) fn place_options(values: &Values) -> Vec<String> {
    let mut options = Vec::new();
    if values.port != OLLAMA_PORT {
        options.extend(["--listen-port".to_owned(), values.port.to_string()]);
    }
    if values.upstream != Upstream::Auto(OLLAMA_PORT) {
        options.extend(["--upstream".to_owned(), upstream_word(&values.upstream)]);
    }
    options
}

/// What to type from now on: command, and what it does.
pub(super) fn to_remember(talk: &Talk, has_profile: bool, has_service: bool) -> Vec<(String, Words)> {
    let codex = if has_profile { "codex -p ollama-forward" } else { "ollama-forward codex" };
    let with = match talk.model() {
        Some(model) => words!("Codex with {model}", "Codex avec {model}"),
        None => words!("Codex with a model of Ollama", "Codex avec un modèle d'Ollama"),
    };
    let doctor = (
        "ollama-forward doctor".to_owned(),
        words!("what is wrong, when something is", "ce qui ne va pas, le cas échéant"),
    );
    if !talk.forwards() {
        let port = match talk.seen().way {
            Way::Localhost(port) => port,
            Way::Forward | Way::Demo => talk.port(),
        };
        return vec![
            ("codex --oss".to_owned(), with),
            (format!("curl http://localhost:{port}/api/version"), words!("does Ollama answer?", "Ollama répond-il ?")),
            doctor,
        ];
    }
    let forward = if has_service {
        ("ollama-forward status".to_owned(), words!("what the forward is doing", "ce que fait le relais"))
    } else {
        (
            "ollama-forward".to_owned(),
            words!("the forward, in a terminal of its own", "le relais, dans un terminal à lui"),
        )
    };
    vec![forward, (codex.to_owned(), with), doctor]
}

/// A command line of ours.
pub(super) fn command(args: &[String]) -> String {
    let words: Vec<String> = args.iter().map(|word| quoted(word)).collect();
    format!("ollama-forward {}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Answer, Choices, Pick, Profile, Seen, Service};
    use super::*;

    fn talk(way: Way) -> Talk {
        let now = Values { upstream: Upstream::Auto(11434), port: 11434, translate: false, capture: false };
        let seen = Seen {
            way,
            upstream: now.upstream.clone(),
            now,
            translate_is_set: false,
            port_is_fixed: false,
            port: 11434,
            holder: None,
            models: vec!["qwen3:14b".into()],
            best: None,
            has_codex: true,
            profile: Profile::Missing,
            service: Service::Systemd,
        };
        let mut talk = Talk::new(seen, Choices::default());
        talk.answer(Question::Model, Answer::Model(Pick::Named("qwen3:14b".into())));
        talk
    }

    #[track_caller]
    fn check(way: Way, profile: bool, service: bool, commands: [&str; 3]) {
        let told = to_remember(&talk(way), profile, service);
        assert_eq!(told.iter().map(|(command, _)| command.as_str()).collect::<Vec<_>>(), commands);
    }

    #[test]
    fn there_are_three_commands_to_remember() {
        check(Way::Forward, true, true, ["ollama-forward status", "codex -p ollama-forward", "ollama-forward doctor"]);
        check(Way::Demo, false, false, ["ollama-forward", "ollama-forward codex", "ollama-forward doctor"]);
        let direct = ["codex --oss", "curl http://localhost:11434/api/version", "ollama-forward doctor"];
        check(Way::Localhost(11434), false, false, direct);
    }

    #[test]
    fn every_question_is_told_in_both_languages() {
        for question in Question::ALL {
            let talk = talk(Way::Forward);
            let (why, ask) = super::question(question, &talk);
            for words in [why, ask, head(question).1] {
                assert!(!words.en.is_empty() && !words.fr.is_empty(), "{question:?}");
            }
        }
    }

    #[test]
    fn the_sentence_on_capture_holds_its_limits() {
        let limits = crate::capture::settings::Limits::default();
        assert_eq!(
            (limits.age.as_secs(), limits.size),
            (14 * 24 * 60 * 60, 256 << 20),
            "the sentence says 14 days, 256 MB"
        );
    }

    #[test]
    fn commands_can_be_pasted() {
        let args = ["codex", "--model", "it's mine"].map(str::to_owned);
        assert_eq!(command(&args), r"ollama-forward codex --model 'it'\''s mine'");
    }

    #[test]
    fn only_what_is_unusual_is_named() {
        let usual = Values { upstream: Upstream::Auto(11434), port: 11434, translate: true, capture: true };
        assert!(place_options(&usual).is_empty());
        let other = Values { upstream: Upstream::Demo, port: 7, ..usual };
        assert_eq!(place_options(&other), ["--listen-port", "7", "--upstream", "demo"]);
    }
}
