//! What a page says beyond the command line's own texts: exit codes, files, variables, where else to look. Pure.

use crate::words;
use crate::words::Words;

type Entries = Vec<(&'static str, Words)>;

/// The first word of a path tells whose part it is.
fn part(path: &str) -> &str {
    path.split(' ').next().unwrap_or_default()
}

/// More than one line can say.
pub(super) fn description(path: &str) -> Vec<Words> {
    match path {
        "" => vec![
            words!(
                "Without a command it forwards, in the foreground, until Ctrl-C: it listens on localhost:11434, asks each address that could be Windows whether Ollama answers there, and carries bytes to the one that does. When the network changes, it looks again; a client that comes meanwhile waits.",
                "Sans commande, il relaie, au premier plan, jusqu'à Ctrl-C : il écoute sur localhost:11434, demande à chaque adresse qui pourrait être Windows si Ollama y répond, et transporte les octets vers celle qui répond. Quand le réseau change, il cherche de nouveau ; un client qui arrive entre-temps attend."
            ),
            words!(
                "With --translate, requests of the Responses API, which Codex speaks, become requests of the chat API, which local models are good at, and answers come back as events of the Responses API. With --capture, every exchange is kept on this machine and shown on a page.",
                "Avec --translate, les requêtes de l'API Responses, celle de Codex, deviennent des requêtes de l'API de chat, que les modèles locaux maîtrisent, et les réponses reviennent sous forme d'événements de l'API Responses. Avec --capture, chaque échange est gardé sur cette machine et montré sur une page."
            ),
            words!(
                "An option wins over its variable, a variable over the user's file, that over the file of the system.",
                "Une option l'emporte sur sa variable, une variable sur le fichier de l'utilisateur, celui-ci sur le fichier du système."
            ),
        ],
        "doctor" => vec![words!(
            "It starts no forwarder and changes nothing, unless --fix asks it to. What is wrong comes first, with what shows it, the likely causes, and commands that cure it, on the Windows side too.",
            "Il ne démarre aucun relais et ne change rien, sauf si --fix le lui demande. Ce qui ne va pas vient en premier, avec les indices, les causes probables et les commandes qui y remédient, côté Windows aussi."
        )],
        "capture" => vec![words!(
            "What was captured stays on this machine, readable by its user only. Keys and passwords are taken out before anything is written.",
            "Ce qui est capturé reste sur cette machine, lisible par son seul utilisateur. Clés et mots de passe sont retirés avant toute écriture."
        )],
        "bugreport" => vec![words!(
            "Names of users and machines, addresses and keys are replaced. The report is a file, which is sent to nobody.",
            "Les noms d'utilisateurs et de machines, les adresses et les clés sont remplacés. Le rapport est un fichier, qui n'est envoyé à personne."
        )],
        "man" => vec![words!(
            "The pages are made of the command line itself. With SOURCE_DATE_EPOCH they bear that date, else none.",
            "Les pages sont tirées de la ligne de commande elle-même. Avec SOURCE_DATE_EPOCH elles portent cette date, sinon aucune."
        )],
        "completions" => vec![words!(
            "Names of commands and options, values where there are a few, and files where files are meant.",
            "Noms de commandes et d'options, valeurs quand il y en a peu, et fichiers là où un fichier est attendu."
        )],
        _ => Vec::new(),
    }
}

/// The codes that a command may end with.
pub(super) fn exit_status(path: &str) -> Entries {
    let mut codes = vec![
        ("0", words!("All is well.", "Tout va bien.")),
        (
            "1",
            match part(path) {
                "doctor" => words!(
                    "Something does not work; with --strict also: there is a warning.",
                    "Quelque chose ne marche pas ; avec --strict, aussi : il y a un avertissement."
                ),
                _ => words!("It failed; the message says why.", "Échec ; le message dit pourquoi."),
            },
        ),
        (
            "2",
            words!(
                "The command line or the configuration does not fit.",
                "La ligne de commande ou la configuration ne convient pas."
            ),
        ),
    ];
    let not_running = || ("3", words!("No forwarder runs.", "Aucun relais ne tourne."));
    let unreachable = || ("4", words!("Ollama cannot be reached.", "Ollama est injoignable."));
    let taken = || ("5", words!("The port belongs to another program.", "Le port appartient à un autre programme."));
    let interrupted = || ("130", words!("Interrupted by Ctrl-C.", "Interrompu par Ctrl-C."));
    match part(path) {
        "" => codes.extend([
            not_running(),
            unreachable(),
            taken(),
            (
                "130",
                words!(
                    "Interrupted, and some connections had to be cut.",
                    "Interrompu, et des connexions ont dû être coupées."
                ),
            ),
        ]),
        "status" | "service" => codes.push(not_running()),
        "capture" => codes.extend([not_running(), unreachable(), taken(), interrupted()]),
        "setup" => codes.extend([unreachable(), taken(), interrupted()]),
        "doctor" | "bugreport" => codes.push(interrupted()),
        "codex" => codes.extend([
            unreachable(),
            taken(),
            interrupted(),
            (
                "*",
                words!(
                    "Once Codex was started, its own exit code.",
                    "Une fois Codex lancé, son propre code de sortie."
                ),
            ),
        ]),
        _ => {}
    }
    codes
}

/// Variables that belong to no option.
pub(super) fn environment(path: &str) -> Entries {
    let mut all = vec![(
        "LC_ALL, LC_MESSAGES, LANG",
        words!(
            "The language of what is told, where neither --lang nor OLLAMA_FORWARD_LANG says: French for fr, else English.",
            "La langue des messages, si ni --lang ni OLLAMA_FORWARD_LANG ne le disent : le français pour fr, sinon l'anglais."
        ),
    )];
    let colour = || {
        (
            "NO_COLOR, CLICOLOR_FORCE",
            words!(
                "No colours, or colours also where there is no terminal.",
                "Pas de couleurs, ou des couleurs même hors d'un terminal."
            ),
        )
    };
    match part(path) {
        "" | "status" | "doctor" | "capture" => all.push(colour()),
        "codex" => all.push((
            "CODEX_HOME",
            words!(
                "Where Codex keeps its configuration, instead of ~/.codex.",
                "Où Codex tient sa configuration, au lieu de ~/.codex."
            ),
        )),
        "man" => all.push((
            "SOURCE_DATE_EPOCH",
            words!("The date of the pages, in seconds since 1970.", "La date des pages, en secondes depuis 1970."),
        )),
        _ => {}
    }
    if path == "capture replay" {
        all.push(("VISUAL, EDITOR", words!("The editor that --edit starts.", "L'éditeur que --edit lance.")));
    }
    all
}

/// The places are those of the XDG base directories, where nobody has moved them.
pub(super) fn files(path: &str) -> Entries {
    let configuration = || {
        [
            (
                "~/.config/ollama-forward/config.toml",
                words!(
                    "The user's configuration, below $XDG_CONFIG_HOME.",
                    "La configuration de l'utilisateur, sous $XDG_CONFIG_HOME."
                ),
            ),
            (
                "/etc/ollama-forward/config.toml",
                words!("The configuration of the system.", "La configuration du système."),
            ),
        ]
    };
    let captures = || {
        (
            "~/.local/state/ollama-forward/captures/",
            words!("What was captured, below $XDG_STATE_HOME.", "Ce qui a été capturé, sous $XDG_STATE_HOME."),
        )
    };
    let sockets = || {
        (
            "$XDG_RUNTIME_DIR/ollama-forward/",
            words!(
                "The sockets by which commands find the running forwarder.",
                "Les sockets par lesquels les commandes trouvent le relais en cours."
            ),
        )
    };
    let logs = || {
        (
            "~/.local/state/ollama-forward/forward-PORT.log",
            words!(
                "The end of what a forwarder in the background has said.",
                "La fin de ce qu'a dit un relais en arrière-plan."
            ),
        )
    };
    match part(path) {
        "" => configuration().into_iter().chain([captures(), logs(), sockets()]).collect(),
        "capture" => vec![captures(), logs(), sockets()],
        "status" => vec![sockets()],
        "codex" => vec![
            (
                "~/.codex/ollama-forward.config.toml",
                words!(
                    "The profile that --install writes, below $CODEX_HOME.",
                    "Le profil qu'écrit --install, sous $CODEX_HOME."
                ),
            ),
            sockets(),
        ],
        "service" => vec![(
            "~/.config/systemd/user/ollama-forward.service",
            words!("The unit, below $XDG_CONFIG_HOME.", "L'unité, sous $XDG_CONFIG_HOME."),
        )],
        "completions" => vec![
            (
                "~/.local/share/bash-completion/completions/ollama-forward",
                words!("Where bash looks for it.", "Où bash la cherche."),
            ),
            (
                "~/.local/share/fish/vendor_completions.d/ollama-forward.fish",
                words!("Where fish looks for it.", "Où fish la cherche."),
            ),
        ],
        "man" => vec![(
            "~/.local/share/man/man1/",
            words!("Where man looks for the user's pages.", "Où man cherche les pages de l'utilisateur."),
        )],
        _ => configuration().into_iter().collect(),
    }
}

/// For commands whose help has none of its own.
pub(super) fn examples(path: &str) -> Entries {
    match path {
        "status" => vec![
            ("ollama-forward status", words!("What it is doing.", "Ce qu'il fait.")),
            ("ollama-forward status --json", words!("The same, for programs.", "La même chose, pour les programmes.")),
            ("ollama-forward status --watch", words!("Again and again.", "Encore et encore.")),
        ],
        "bugreport" => vec![(
            "ollama-forward bugreport --output report.txt",
            words!("Write it there, to be looked through.", "L'écrire là, pour le relire."),
        )],
        "explain" => vec![
            ("ollama-forward explain", words!("Every id there is.", "Tous les identifiants.")),
            ("ollama-forward explain port-taken", words!("More on one of them.", "En savoir plus sur l'un d'eux.")),
        ],
        "completions" => vec![
            (
                "ollama-forward completions bash > ~/.local/share/bash-completion/completions/ollama-forward",
                words!("For bash.", "Pour bash."),
            ),
            (
                "ollama-forward completions fish > ~/.config/fish/completions/ollama-forward.fish",
                words!("For fish.", "Pour fish."),
            ),
            (
                "ollama-forward completions zsh > ~/.zfunc/_ollama-forward",
                words!(
                    "For zsh, where ~/.zshrc says: fpath+=(~/.zfunc); autoload -U compinit; compinit",
                    "Pour zsh, si ~/.zshrc contient : fpath+=(~/.zfunc); autoload -U compinit; compinit"
                ),
            ),
        ],
        "man" => vec![
            ("ollama-forward man | man -l -", words!("Read it.", "La lire.")),
            (
                "ollama-forward man --all ~/.local/share/man/man1",
                words!("Then `man ollama-forward-doctor` finds it.", "Puis `man ollama-forward-doctor` la trouve."),
            ),
        ],
        "capture search" => vec![(
            "ollama-forward capture search apply_patch",
            words!("Where this word stands.", "Où se trouve ce mot."),
        )],
        "capture import" => vec![(
            "ollama-forward capture import exchanges.jsonl",
            words!("Exchanges of another machine.", "Les échanges d'une autre machine."),
        )],
        "capture rm" => vec![
            ("ollama-forward capture rm last", words!("The last exchange.", "Le dernier échange.")),
            ("ollama-forward capture rm --all --yes", words!("All, unasked.", "Tout, sans demander.")),
        ],
        "version" => vec![("ollama-forward version --json", words!("For programs.", "Pour les programmes."))],
        _ => Vec::new(),
    }
}

/// Other commands that belong to the same matter.
pub(super) fn see_also(path: &str) -> &'static [&'static str] {
    match part(path) {
        "codex" => &["setup", "doctor", "capture"],
        "setup" => &["codex", "service", "config", "doctor"],
        "status" => &["doctor", "capture-status", "service-status"],
        "doctor" => &["bugreport", "explain", "status"],
        "bugreport" | "config" | "explain" => &["doctor"],
        "service" => &["status", "config"],
        "capture" => &["status"],
        _ => &[],
    }
}
