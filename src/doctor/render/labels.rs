//! The words of the page that no check brings. Pure.

use std::time::Duration;

use super::{Counts, Look};
use crate::doctor::network::Target;
use crate::doctor::{Facts, Group, Place, Status};
use crate::gateway::wsl::Mode;
use crate::words;
use crate::words::{Lang, Words};

/// What stands before a line, in signs or in letters.
pub(super) fn sign(status: Status, look: &Look) -> &'static str {
    match (status, look.ascii) {
        (Status::Ok, false) => "✓",
        (Status::Warning, false) => "⚠",
        (Status::Failure, false) => "✗",
        (Status::Skipped, false) => "○",
        (Status::Ok, true) => "[ok]",
        (Status::Warning, true) => "[!!]",
        (Status::Failure, true) => "[xx]",
        (Status::Skipped, true) => "[--]",
    }
}

/// What separates the parts of a line.
pub(super) fn between(look: &Look) -> &'static str {
    if look.ascii { " | " } else { " · " }
}

pub(super) fn group(group: Group) -> Words {
    match group {
        Group::System => words!("This system", "Ce système"),
        Group::Network => words!("The way to Windows", "Le chemin vers Windows"),
        Group::Windows => Words::same("Windows"),
        Group::Port => words!("The port on this side", "Le port de ce côté"),
        Group::Ollama => Words::same("Ollama"),
        Group::Live => words!("A live test", "Un essai réel"),
        Group::Codex => Words::same("Codex"),
        Group::Service => words!("The service", "Le service"),
    }
}

/// The labels in front of the parts of a note.
pub(super) struct Labels {
    pub(super) because: &'static str,
    pub(super) likely: &'static str,
    pub(super) test: &'static str,
    pub(super) fix: &'static str,
    pub(super) opens: &'static str,
    pub(super) undo: &'static str,
    pub(super) or: &'static str,
    /// The column in which they stand: the longest of them, a number included, and two spaces.
    pub(super) column: usize,
}

pub(super) fn labels(lang: Lang) -> Labels {
    match lang {
        Lang::En => Labels {
            because: "because",
            likely: "likely",
            test: "test",
            fix: "fix",
            opens: "opens",
            undo: "undo",
            or: "or",
            column: 9,
        },
        Lang::Fr => Labels {
            because: "indices",
            likely: "causes",
            test: "test",
            fix: "remède",
            opens: "ouvre",
            undo: "annuler",
            or: "ou",
            column: 10,
        },
    }
}

/// Where something is typed. Nothing for what is done by hand.
pub(super) fn place(place: &Place, facts: &Facts) -> Option<Words> {
    Some(match place {
        Place::Shell if is_wsl(facts) => words!("in a shell in WSL:", "dans un terminal de WSL :"),
        Place::Shell => words!("in a shell:", "dans un terminal :"),
        Place::PowerShell => words!("in PowerShell on Windows:", "dans PowerShell sous Windows :"),
        Place::Admin => words!(
            "in PowerShell on Windows, as administrator:",
            "dans PowerShell sous Windows, en tant qu'administrateur :"
        ),
        Place::File(path) => words!("in the file {path}:", "dans le fichier {path} :"),
        Place::Hand => return None,
    })
}

/// Where no mode is known it is WSL: that is what this program is for.
fn is_wsl(facts: &Facts) -> bool {
    !matches!(facts.system.mode.known(), Some(Mode::Linux | Mode::Container))
}

pub(super) fn mode(facts: &Facts) -> Words {
    match facts.system.mode.known() {
        None => words!("WSL's mode unknown", "mode de WSL inconnu"),
        Some(Mode::Linux) => words!("Linux, not WSL", "Linux, hors de WSL"),
        Some(Mode::Container) => words!("a container", "un conteneur"),
        Some(Mode::Wsl1) => Words::same("WSL1"),
        Some(
            mode @ (Mode::Nat
            | Mode::Mirrored
            | Mode::Consomme
            | Mode::LocalhostShared
            | Mode::LocalhostForwardingOff
            | Mode::Bridged
            | Mode::None
            | Mode::Unknown(_)),
        ) => Words::same(format!("WSL {}", mode.word())),
    }
}

/// Where Ollama is, or where it should be.
pub(super) fn upstream(facts: &Facts) -> Words {
    let network = &facts.network;
    if let Some(tried) = network.answered() {
        let version = tried.answer.as_deref().unwrap_or_default();
        return Words::same(format!("Ollama {version}, {}", tried.address));
    }
    if network.target == Some(Target::Demo) {
        return words!("the built-in demo", "la démo intégrée");
    }
    match network.best() {
        Some(tried) => {
            let address = tried.address;
            words!("no Ollama at {address}", "pas d'Ollama à {address}")
        }
        None => words!("Ollama not found", "Ollama introuvable"),
    }
}

/// With the accuracy that means something.
pub(super) fn duration(took: Duration, lang: Lang) -> String {
    let tenths = (took.as_millis() + 50) / 100;
    let (space, comma) = match lang {
        Lang::En => (' ', '.'),
        Lang::Fr => ('\u{a0}', ','),
    };
    match tenths {
        0..600 => format!("{}{comma}{}{space}s", tenths / 10, tenths % 10),
        _ => format!("{}{space}min {:02}{space}s", tenths / 600, tenths / 10 % 60),
    }
}

/// `18 ok · 2 warnings · 1 failure · 9 skipped`, and nothing of what there is none.
pub(super) fn counts(counts: Counts, look: &Look) -> String {
    let Counts { ok, warning, failure, skipped } = counts;
    let parts = [
        (ok, words!("{ok} ok", "{ok} ok")),
        (warning, plural(warning, ("warning", "warnings"), ("avertissement", "avertissements"))),
        (failure, plural(failure, ("failure", "failures"), ("échec", "échecs"))),
        (skipped, plural(skipped, ("skipped", "skipped"), ("ignoré", "ignorés"))),
    ];
    let said: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words.of(look.lang)).collect();
    said.join(between(look))
}

/// Both languages count from two up as many, and English zero, too; but nobody counts nothing here.
pub(super) fn plural(count: usize, en: (&str, &str), fr: (&str, &str)) -> Words {
    let (en, fr) = if count < 2 { (en.0, fr.0) } else { (en.1, fr.1) };
    words!("{count} {en}", "{count} {fr}")
}

/// `○ 9 more wait for route`
pub(super) fn waiting(count: usize, root: &str) -> Words {
    if count == 1 {
        words!("1 more waits for {root}", "1 autre attend {root}")
    } else {
        words!("{count} more wait for {root}", "{count} autres attendent {root}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_exact_as_they_mean_something() {
        for (ms, en, fr) in [
            (0, "0.0 s", "0,0\u{a0}s"),
            (1_249, "1.2 s", "1,2\u{a0}s"),
            (1_250, "1.3 s", "1,3\u{a0}s"),
            (59_949, "59.9 s", "59,9\u{a0}s"),
            (59_950, "1 min 00 s", "1\u{a0}min 00\u{a0}s"),
            (125_000, "2 min 05 s", "2\u{a0}min 05\u{a0}s"),
        ] {
            let took = Duration::from_millis(ms);
            assert_eq!((duration(took, Lang::En).as_str(), duration(took, Lang::Fr).as_str()), (en, fr));
        }
    }

    #[test]
    fn counts_name_only_what_there_is() {
        let look = Look::default();
        let fr = Look { lang: Lang::Fr, ..look };
        let all = Counts { ok: 18, warning: 2, failure: 1, skipped: 9 };
        assert_eq!(counts(all, &look), "18 ok · 2 warnings · 1 failure · 9 skipped");
        assert_eq!(counts(all, &fr), "18 ok · 2 avertissements · 1 échec · 9 ignorés");
        assert_eq!(counts(Counts { ok: 1, ..Counts::default() }, &look), "1 ok");
    }
}
