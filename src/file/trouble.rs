//! What the system refuses, in one sentence. Pure.

use std::io::{Error, ErrorKind};
use std::path::Path;

use crate::words;
use crate::words::Words;

/// What was tried, as far as sentences tell it apart.
#[derive(Clone, Copy, Debug)]
pub enum Attempt {
    Read,
    Write,
    Remove,
}

pub fn trouble(attempt: Attempt, path: &Path, error: &Error) -> Words {
    let path = path.display();
    let why = why(error);
    let Words { en, fr } = &why;
    match attempt {
        Attempt::Read => words!("cannot read {path}: {en}", "impossible de lire {path} : {fr}"),
        Attempt::Write => words!("cannot write {path}: {en}", "impossible d'écrire {path} : {fr}"),
        Attempt::Remove => words!("cannot remove {path}: {en}", "impossible de supprimer {path} : {fr}"),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "of the rest, the system's own words say more")]
fn why(error: &Error) -> Words {
    match error.kind() {
        ErrorKind::PermissionDenied => words!("permission denied", "permission refusée"),
        ErrorKind::ReadOnlyFilesystem => words!("the disk is read-only", "le disque est en lecture seule"),
        ErrorKind::StorageFull => words!("the disk is full", "le disque est plein"),
        ErrorKind::QuotaExceeded => words!("your share of the disk is used up", "votre quota de disque est épuisé"),
        ErrorKind::NotADirectory => {
            words!("a part of this path is a file", "une partie de ce chemin est un fichier")
        }
        ErrorKind::NotFound => words!("it is not there", "il n'existe pas"),
        _ => Words::same(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(errno: i32, en: &str, fr: &str) {
        let said = trouble(Attempt::Write, Path::new("/x"), &Error::from_raw_os_error(errno));
        assert_eq!((said.en.as_str(), said.fr.as_str()), (en, fr));
    }

    /// Numbers of linux/errno.h.
    #[test]
    fn the_common_ones_have_sentences() {
        check(13, "cannot write /x: permission denied", "impossible d'écrire /x : permission refusée");
        check(
            20,
            "cannot write /x: a part of this path is a file",
            "impossible d'écrire /x : une partie de ce chemin est un fichier",
        );
        check(28, "cannot write /x: the disk is full", "impossible d'écrire /x : le disque est plein");
        check(30, "cannot write /x: the disk is read-only", "impossible d'écrire /x : le disque est en lecture seule");
        check(
            122,
            "cannot write /x: your share of the disk is used up",
            "impossible d'écrire /x : votre quota de disque est épuisé",
        );
        check(
            5,
            "cannot write /x: Input/output error (os error 5)",
            "impossible d'écrire /x : Input/output error (os error 5)",
        );
    }
}
