//! Every key of a configuration file: what it is by default, how its variable and its option are called, and what it does.
//! One table, of which the template of `config init` is made and by which `config show` tells what holds.

use crate::words;
use crate::words::{Lang, Words};

use Kind::{List, Switch, Word};
use Section::{Capture, Listen, Log, Translate, Upstream};
use Usual::{As, Is, Open};

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub usual: Usual,
    pub section: Section,
    /// What it does, in a line.
    pub about: fn() -> Words,
}

/// How a variable says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Yes or no, in the words of clap's boolish values.
    Switch,
    /// Several, separated by commas.
    List,
    /// A word or a number.
    Word,
}

/// What holds where nobody says anything.
#[derive(Clone, Copy, Debug)]
pub enum Usual {
    /// This, as TOML has it.
    Is(&'static str),
    /// Nothing that could be written down: an example, and what holds instead.
    Open { example: &'static str, instead: fn() -> Words },
    /// The same as this key, which is the better name.
    As(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Listen,
    Upstream,
    Translate,
    Capture,
    Log,
}

impl Section {
    const ALL: [Self; 5] = [Self::Listen, Self::Upstream, Self::Translate, Self::Capture, Self::Log];

    fn title(self) -> Words {
        match self {
            Self::Listen => words!("Clients", "Clients"),
            Self::Upstream => words!("The way to Ollama", "Le chemin vers Ollama"),
            Self::Translate => words!(
                "Codex with local models (all but the first two need translate)",
                "Codex avec des modèles locaux (tout sauf les deux premières clés demande translate)"
            ),
            Self::Capture => words!("What is kept of exchanges", "Ce qui est gardé des échanges"),
            Self::Log => words!("What is told meanwhile", "Ce qui est dit en chemin"),
        }
    }
}

impl Key {
    const fn new(section: Section, name: &'static str, kind: Kind, usual: Usual, about: fn() -> Words) -> Self {
        Self { name, kind, usual, section, about }
    }

    /// `OLLAMA_FORWARD_…`. None: only its better name has one.
    pub fn variable(&self) -> Option<String> {
        match self.usual {
            As(_) => None,
            Is(_) | Open { .. } => Some(format!("{VARIABLE_START}{}", self.name.to_ascii_uppercase())),
        }
    }

    /// `--…`
    pub fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }
}

/// With what all variables of ours begin.
pub const VARIABLE_START: &str = "OLLAMA_FORWARD_";

pub fn find(name: &str) -> Option<&'static Key> {
    TABLE.iter().find(|key| key.name == name)
}

/// In the order of the template. Defaults are those of [`super::Layer::finish`]; a test compares them.
pub const TABLE: [Key; 35] = [
    Key::new(Listen, "listen", List, Is(r#"["127.0.0.1"]"#), || {
        words!(
            "Where clients connect: ADDR or ADDR:PORT, several in [ ]. Anything but loopback lets others use your Ollama",
            "Où les clients se connectent : ADRESSE ou ADRESSE:PORT, plusieurs entre [ ]. Hors loopback, d'autres peuvent utiliser votre Ollama"
        )
    }),
    Key::new(Listen, "listen_port", Word, Is("11434"), || {
        words!("The port of listeners that name none", "Le port des adresses d'écoute qui n'en nomment pas")
    }),
    Key::new(Listen, "max_connections", Word, Is("4096"), || {
        words!(
            "Connections at a time; more are refused with a reason",
            "Connexions simultanées ; au-delà, refus motivé"
        )
    }),
    Key::new(Listen, "drain_timeout", Word, Is(r#""10s""#), || {
        words!(
            "After Ctrl-C, how long open connections may take to end",
            "Après Ctrl-C, délai laissé aux connexions ouvertes"
        )
    }),
    Key::new(Listen, "any_host", Switch, Is("false"), || {
        words!(
            "With translate or capture: serve clients whatever Host they name (pages of strangers could then reach your models)",
            "Avec translate ou capture : servir les clients quel que soit le Host nommé (des pages inconnues pourraient alors atteindre vos modèles)"
        )
    }),
    Key::new(Upstream, "upstream", Word, Is(r#""auto""#), || {
        words!(
            "Where to forward to: auto (finds Windows), HOST, HOST:PORT, http://HOST:PORT, or demo",
            "Vers où relayer : auto (trouve Windows), HÔTE, HÔTE:PORT, http://HÔTE:PORT, ou demo"
        )
    }),
    Key::new(Upstream, "ollama_url", Word, As("upstream"), || {
        words!(
            "Another name for upstream, which counts where both stand",
            "Un autre nom d'upstream, qui l'emporte si les deux y sont"
        )
    }),
    Key::new(Upstream, "connect_timeout", Word, Is(r#""1.5s""#), || {
        words!("One attempt to connect to the upstream", "Une tentative de connexion à Ollama")
    }),
    Key::new(Upstream, "wait_for_upstream", Word, Is(r#""15s""#), || {
        words!(
            "How long a client may wait for an upstream that is not there",
            "Combien de temps un client attend quand Ollama est injoignable"
        )
    }),
    Key::new(Upstream, "keepalive", Word, Is(r#""15/5/3""#), || {
        words!(
            "TCP keepalive to the upstream: seconds of silence, seconds between probes, probes",
            "TCP keepalive vers Ollama : secondes de silence, secondes entre sondes, sondes"
        )
    }),
    Key::new(Upstream, "user_timeout", Word, Is(r#""30s""#), || {
        words!(
            "How long sent data may stay unacknowledged; 0 for the kernel's own time",
            "Combien de temps des données envoyées peuvent rester sans accusé ; 0 pour le délai du noyau"
        )
    }),
    Key::new(Translate, "translate", Switch, Is("false"), || {
        words!(
            "Let Codex and other clients of the Responses API use local models",
            "Permettre à Codex et aux autres clients de l'API Responses d'utiliser des modèles locaux"
        )
    }),
    Key::new(Translate, "upstream_api", Word, Is(r#""auto""#), || {
        words!(
            "How the upstream is spoken to: auto, ollama (/api/chat), or chat (/v1/chat/completions)",
            "Comment parler au serveur : auto, ollama (/api/chat), ou chat (/v1/chat/completions)"
        )
    }),
    Key::new(Translate, "tools", Word, Is(r#""compact""#), || {
        words!(
            "How the model is told of tools: compact, or full, as the client declares them",
            "Comment décrire les outils au modèle : compact, ou full, tels que le client les déclare"
        )
    }),
    Key::new(
        Translate,
        "num_ctx",
        Word,
        Open { example: "32768", instead: || words!("the model's own", "celui du modèle") },
        || words!("Context length, in tokens, of every request", "Longueur de contexte, en tokens, de chaque requête"),
    ),
    Key::new(Translate, "max_body_size", Word, Is(r#""32MiB""#), || {
        words!(
            "Larger requests are refused, packed or unpacked",
            "Au-delà, les requêtes sont refusées, compressées ou non"
        )
    }),
    Key::new(Translate, "resume_window", Word, Is(r#""60s""#), || {
        words!(
            "How long an answer that broke off may wait to be continued, 0 for not at all",
            "Combien de temps une réponse interrompue peut attendre d'être reprise, 0 pour ne pas attendre"
        )
    }),
    Key::new(Translate, "titles", Word, Is(r#""local""#), || {
        words!(
            "Titles of Codex's threads: local (made of your words at once), or model",
            "Titres des fils de Codex : local (tirés de vos mots, tout de suite), ou model"
        )
    }),
    Key::new(Translate, "subagents", Word, Is(r#""parent""#), || {
        words!(
            "The model of sub-agents that ask for a model of OpenAI: parent, or as-given",
            "Le modèle des sous-agents qui en demandent un d'OpenAI : parent, ou as-given"
        )
    }),
    Key::new(Translate, "stored_responses", Word, Is("64"), || {
        words!(
            "Responses kept in memory for later requests to refer to, 0 for none",
            "Réponses gardées en mémoire pour que des requêtes y renvoient, 0 pour aucune"
        )
    }),
    Key::new(Capture, "capture", Word, Is("false"), || {
        words!(
            "Keep all exchanges: true, or a directory for them; they are shown on a page of this machine",
            "Garder tous les échanges : true, ou un répertoire ; ils s'affichent sur une page de cette machine"
        )
    }),
    Key::new(
        Capture,
        "inspect",
        Word,
        Open {
            example: r#""127.0.0.1:5001""#,
            instead: || {
                words!("127.0.0.1:5001 with capture, else no page", "127.0.0.1:5001 avec capture, sinon pas de page")
            },
        },
        || words!("Where the page is; off for none", "Où se trouve la page ; off pour aucune"),
    ),
    Key::new(Capture, "capture_max_size", Word, Is(r#""256MiB""#), || {
        words!(
            "All exchanges together; the oldest sessions go first",
            "Tous les échanges ensemble ; les sessions les plus anciennes partent d'abord"
        )
    }),
    Key::new(Capture, "capture_max_age", Word, Is(r#""14d""#), || {
        words!("Older sessions go", "Les sessions plus anciennes partent")
    }),
    Key::new(Capture, "capture_max_body", Word, Is(r#""16MiB""#), || {
        words!("What is kept of one body; the rest is counted", "Ce qui est gardé d'un corps ; le reste est compté")
    }),
    Key::new(Capture, "capture_min_free", Word, Is(r#""1GiB""#), || {
        words!(
            "Capture pauses when the disk has less free space",
            "La capture s'arrête quand le disque a moins d'espace libre"
        )
    }),
    Key::new(Capture, "capture_raw", Switch, Is("false"), || {
        words!(
            "Keep keys and passwords in bodies as they are; those in headers are taken out always",
            "Garder clés et mots de passe des corps tels quels ; ceux des en-têtes sont toujours retirés"
        )
    }),
    Key::new(Capture, "capture_only", List, Is("[]"), || {
        words!(
            "Only exchanges with one of these in their path, model or client",
            "Seulement les échanges qui ont l'un de ces mots dans leur chemin, modèle ou client"
        )
    }),
    Key::new(Capture, "capture_except", List, Is("[]"), || {
        words!(
            "No exchanges with one of these in their path, model or client",
            "Aucun échange qui a l'un de ces mots dans son chemin, modèle ou client"
        )
    }),
    Key::new(
        Capture,
        "capture_compat",
        Word,
        Open { example: r#""/home/me/codex_capture""#, instead: || words!("none", "aucun") },
        || {
            words!(
                "Keep the four files of codex_capture in this directory, too",
                "Garder aussi dans ce répertoire les quatre fichiers de codex_capture"
            )
        },
    ),
    Key::new(Log, "quiet", Switch, Is("false"), || {
        words!("Only warnings and errors", "Seulement avertissements et erreurs")
    }),
    Key::new(Log, "debug", Switch, Is("false"), || {
        words!(
            "A line a connection; with translate also a block for each exchange",
            "Une ligne par connexion ; avec translate, aussi un bloc par échange"
        )
    }),
    Key::new(Log, "log_format", Word, Is(r#""text""#), || {
        words!("text, or json: one object a line", "text, ou json : un objet par ligne")
    }),
    Key::new(Log, "color", Word, Is(r#""auto""#), || words!("auto, always or never", "auto, always ou never")),
    Key::new(Log, "live", Word, Is(r#""auto""#), || {
        words!(
            "a line below the log on a terminal: auto or never",
            "une ligne d'état sous le journal, dans un terminal : auto ou never"
        )
    }),
];

/// A file with every key, all of them commented out.
pub fn template(version: &str, lang: Lang) -> String {
    let head = words!(
        "Configuration of ollama-forward {version}. A key counts once its # is taken away.\nStronger than this file: variables (OLLAMA_FORWARD_LISTEN_PORT=11435), then options (--listen-port 11435).\nollama-forward config check: whether it can be used.  ollama-forward config show --origin: what holds, and why.",
        "Configuration d'ollama-forward {version}. Une clé compte dès que son # est retiré.\nPlus forts que ce fichier : les variables (OLLAMA_FORWARD_LISTEN_PORT=11435), puis les options (--listen-port 11435).\nollama-forward config check : est-il utilisable ?  ollama-forward config show --origin : ce qui vaut, et pourquoi."
    );
    let mut parts: Vec<String> = head.of(lang).lines().map(|line| format!("# {line}\n")).collect();
    for section in Section::ALL {
        parts.push(format!("\n## {}\n", section.title().of(lang)));
        parts.extend(TABLE.iter().filter(|key| key.section == section).map(|key| entry(key, lang)));
    }
    parts.concat()
}

/// What a key does, and its line.
fn entry(key: &Key, lang: Lang) -> String {
    let (about, name) = ((key.about)().of(lang), key.name);
    match key.usual {
        Is(value) => format!("\n# {about}.\n# {name} = {value}\n"),
        Open { example, instead } => {
            let Words { en, fr } = instead();
            let usual = words!("By default: {en}", "Par défaut : {fr}").of(lang);
            format!("\n# {about}. {usual}.\n# {name} = {example}\n")
        }
        As(other) => {
            let value = find(other).map_or("", |key| match key.usual {
                Is(value) => value,
                Open { .. } | As(_) => "",
            });
            format!("\n# {about}.\n# {name} = {value}\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Layer, parse_file};

    /// The template with these of its keys in force.
    fn in_force(lang: Lang, wants: impl Fn(&Key) -> bool) -> String {
        let text = template("0", lang);
        let line = |line: &str| {
            let Some((name, _)) = line.strip_prefix("# ").and_then(|rest| rest.split_once(" = ")) else {
                return line.into();
            };
            let key = find(name).unwrap_or_else(|| panic!("{line}: no key"));
            if wants(key) { line[2..].to_owned() } else { line.to_owned() }
        };
        text.lines().map(line).collect::<Vec<String>>().join("\n")
    }

    #[test]
    fn the_template_changes_nothing_and_can_be_used() {
        for lang in [Lang::En, Lang::Fr] {
            assert_eq!(parse_file("template", &template("0", lang)).unwrap(), Layer::default());
            let all = in_force(lang, |_| true);
            assert!(parse_file("template", &all).is_ok(), "{all}");
            assert_eq!(all.lines().filter(|line| !line.starts_with('#') && line.contains(" = ")).count(), TABLE.len());
        }
    }

    #[test]
    fn defaults_are_those_of_a_run() {
        let text = in_force(Lang::En, |key| matches!(key.usual, Is(_)));
        let layer = parse_file("template", &text).unwrap();
        assert_eq!(format!("{:?}", layer.log.settings()), format!("{:?}", Layer::default().log.settings()));
        assert_eq!(layer.finish("/".into()).unwrap(), Layer::default().finish("/".into()).unwrap());
    }

    #[test]
    fn every_key_stands_once_and_says_something_in_both_languages() {
        for (at, key) in TABLE.iter().enumerate() {
            assert!(TABLE[..at].iter().all(|other| other.name != key.name), "{}", key.name);
            let Words { en, fr } = (key.about)();
            assert!(!en.is_empty() && !fr.is_empty() && !en.ends_with('.') && !fr.ends_with('.'), "{en} {fr}");
        }
    }
}
