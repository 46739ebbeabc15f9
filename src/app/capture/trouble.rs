//! Why a command could not do it, in three lines of the reader's language: what, likely, next.

use std::io;

use super::pick::NoPick;
use crate::capture::store::StoreError;
use crate::fault::{Fault, FaultId};
use crate::words;
use crate::words::Words;

/// A fault of which more is known than its id tells: what, likely, next.
pub(in crate::app) fn told(id: FaultId, what: Words, likely: Words, next: Words) -> Fault {
    Fault::new(id, what).advise(likely, next)
}

pub(super) fn usage(what: Words, next: impl Into<String>) -> Fault {
    let likely = words!("a value that does not fit", "une valeur qui ne convient pas");
    told(FaultId::Usage, what, likely, Words::same(next))
}

pub(super) fn not_running(port: Option<u16>) -> Fault {
    let place = port.map(|port| format!(" {port}")).unwrap_or_default();
    let what = match port {
        Some(_) => words!(
            "no ollama-forward of this user runs on port{place}",
            "aucun ollama-forward de cet utilisateur ne tourne sur le port{place}"
        ),
        None => words!("no ollama-forward of this user runs", "aucun ollama-forward de cet utilisateur ne tourne"),
    };
    told(
        FaultId::NotRunning,
        what,
        words!(
            "it was not started, or it runs as another user",
            "il n'a pas été démarré, ou tourne sous un autre utilisateur"
        ),
        Words::same("ollama-forward --translate --capture"),
    )
}

/// More than one runs, and none was named.
pub(super) fn which(ports: &[u16]) -> Fault {
    let list = ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let first = ports.first().copied().unwrap_or_default();
    told(
        FaultId::Usage,
        words!(
            "more than one ollama-forward runs, on ports {list}",
            "plusieurs ollama-forward tournent, sur les ports {list}"
        ),
        words!("none of them was named", "aucun n'a été désigné"),
        words!("add --listen-port {first}", "ajouter --listen-port {first}"),
    )
}

pub(super) fn failed(what: Words, next: impl Into<String>) -> Fault {
    let likely = words!("the message tells", "voir le message");
    told(FaultId::Capture, what, likely, Words::same(next))
}

pub(super) fn io(doing: Words, error: &io::Error) -> Fault {
    let Words { en, fr } = doing;
    failed(words!("cannot {en}: {error}", "impossible de {fr} : {error}"), "ollama-forward capture status")
}

pub(super) fn store(error: &StoreError) -> Fault {
    let Words { en, fr } = error.told();
    let what = words!("what was captured cannot be used: {en}", "captures inutilisables : {fr}");
    match error {
        StoreError::Locked { .. } => told(
            FaultId::Capture,
            what,
            words!("another ollama-forward captures there", "un autre ollama-forward y enregistre"),
            words!(
                "name it with --listen-port, or stop it: ollama-forward capture stop",
                "le désigner par --listen-port, ou l'arrêter : ollama-forward capture stop"
            ),
        ),
        StoreError::Unfit { .. } => told(
            FaultId::Capture,
            what,
            words!(
                "the directory belongs to somebody else, or lies on a disk of Windows",
                "le répertoire appartient à un autre, ou se trouve sur un disque Windows"
            ),
            words!("another directory: --dir DIR", "un autre répertoire : --dir DIR"),
        ),
        StoreError::Unknown(_) => failed(what, "ollama-forward capture list"),
        StoreError::Io { .. } | StoreError::Ended => failed(what, "ollama-forward capture status"),
    }
}

pub(super) fn pick(text: &str, why: &NoPick) -> Fault {
    let list = "ollama-forward capture list --probes";
    match why {
        NoPick::Empty => told(
            FaultId::Capture,
            words!("nothing was captured yet", "rien n'a encore été capturé"),
            words!("capture is off, or no client has come", "la capture est arrêtée, ou aucun client n'est venu"),
            Words::same("ollama-forward capture status"),
        ),
        NoPick::TooFar { have } => {
            let what = words!(
                "there are only {have} exchanges before `{text}`",
                "il n'y a que {have} échanges avant « {text} »"
            );
            failed(what, list)
        }
        NoPick::NoForm => usage(
            words!(
                "`{text}` is no exchange: use an id, a part of at least four digits, `last` or `last~2`",
                "« {text} » ne désigne pas un échange : donner un identifiant, une partie d'au moins quatre chiffres, « last » ou « last~2 »"
            ),
            list,
        ),
        NoPick::Unknown => told(
            FaultId::Capture,
            words!("there is no exchange `{text}`", "il n'y a pas d'échange « {text} »"),
            words!(
                "it was deleted, or is kept in another directory",
                "il a été supprimé, ou se trouve dans un autre répertoire"
            ),
            Words::same(list),
        ),
        NoPick::Ambiguous { first, second } => usage(
            words!(
                "`{text}` is in more than one id, as {first} and {second}",
                "« {text} » figure dans plusieurs identifiants, dont {first} et {second}"
            ),
            list,
        ),
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        store(&error)
    }
}
