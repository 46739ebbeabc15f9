//! What the values of an option mean, where it takes one of a few.

use clap::builder::PossibleValue;

/// Id of the argument, value, text. Values that say what they are have none, in English neither.
pub(super) const VALUES: &[(&str, &str, &str)] = &[
    ("lang", "en", "English"),
    ("lang", "fr", "Français"),
    ("color", "auto", "Sur un terminal, sauf si NO_COLOR est défini"),
    ("live", "auto", "Sur un terminal qui peut l'afficher, sauf si le journal est en JSON ou en mode -q"),
    ("alias", "bash", "~/.bashrc"),
    ("alias", "zsh", "~/.zshrc"),
    ("alias", "fish", "~/.config/fish/config.fish"),
    ("log_format", "json", "Un objet par ligne"),
    ("upstream_api", "auto", "Demander à la cible ce qu'elle est"),
    ("upstream_api", "ollama", "/api/chat"),
    ("upstream_api", "chat", "/v1/chat/completions : LM Studio, llama-server, vLLM"),
    ("tools", "compact", "Courts, comme il les faut aux modèles locaux"),
    ("tools", "full", "Tels que le client les déclare"),
    ("titles", "local", "Tirés aussitôt des mots de l'utilisateur"),
    ("titles", "model", "Demandés au modèle, ce qui fait attendre l'utilisateur"),
    ("subagents", "parent", "Le modèle de l'agent qui les a lancés"),
    ("subagents", "as-given", "Le modèle qu'ils nomment, présent ou non"),
    ("instructions", "full", "Tout ce que Codex dit à ses propres modèles"),
    ("instructions", "compact", "Les règles nécessaires aux outils, dix fois plus court"),
    ("instructions", "none", "Rien"),
    ("format", "jsonl", "Le nôtre, à réimporter"),
    ("format", "codex-capture", "Les quatre fichiers de codex_capture"),
    ("format", "har", "HTTP Archive 1.2"),
    ("format", "curl", "Des commandes qui renvoient les requêtes"),
    ("format", "html", "Une page, en un seul fichier"),
    ("print", "systemd", "Une unité systemd de l'utilisateur"),
    ("print", "profile", "Une ligne du profil du shell de connexion"),
    ("print", "launchd", "Une liste de propriétés de macOS"),
    ("by", "systemd", "Une unité systemd de l'utilisateur"),
    ("by", "profile", "Une ligne du profil du shell de connexion"),
    ("by", "launchd", "Une liste de propriétés de macOS"),
];

/// The value with its text in French.
pub(super) fn french(argument: &str, value: PossibleValue) -> PossibleValue {
    let known = VALUES.iter().find(|(id, name, _)| *id == argument && *name == value.get_name());
    match known {
        Some((_, _, text)) => value.help(super::set(text)),
        None => value,
    }
}
