//! What the steps look like: the plan before, and what was done.

use super::Machine;
use super::act::Came;
use super::find::Step;
use crate::doctor::program::quoted;
use crate::doctor::render::{Look, clean_line, to_ascii};
use crate::words;
use crate::words::Words;

/// A line of a file is shown up to here: what it is, is at its beginning.
const SHOWN: usize = 100;

/// Where something was found.
pub(super) fn place(step: &Step) -> String {
    match step {
        Step::Unit { path, line, .. } => format!("{}:{}", path.display(), line.number),
        Step::Lines { file, found, .. } => format!("{}:{}", file.display(), found.lines.start()),
        Step::Cron { line, .. } => format!("crontab -l:{}", line.number),
        Step::Script { path, script, .. } => format!("{}:{}", path.display(), script.line),
        Step::Process { pids, .. } => {
            format!("pid {}", pids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        Step::ByHand { place, .. } => place.clone(),
    }
}

/// What would be done.
pub(super) fn what(step: &Step) -> Words {
    match step {
        Step::Unit { .. } => words!("stop it, and move its file aside", "l'arrêter, et mettre son fichier de côté"),
        Step::Lines { found, .. } if found.lines.clone().count() > 1 => {
            let count = found.lines.clone().count();
            words!("comment {count} lines out", "mettre {count} lignes en commentaire")
        }
        Step::Lines { .. } | Step::Cron { .. } => words!("comment it out", "mettre la ligne en commentaire"),
        Step::Script { replace: true, .. } => words!(
            "move it aside, and put this program in its place",
            "le mettre de côté, et mettre ce programme à sa place"
        ),
        Step::Script { replace: false, .. } => words!("move it aside", "le mettre de côté"),
        Step::Process { .. } => {
            words!("end it; open connections may finish", "y mettre fin ; les connexions ouvertes peuvent s'achever")
        }
        Step::ByHand { cure: Words { en, fr }, .. } => words!("by hand: {en}", "à la main : {fr}"),
    }
}

fn why(step: &Step) -> Words {
    match step {
        Step::Unit { line, .. } | Step::Cron { line, .. } => line.why.words(),
        Step::Lines { found, .. } => found.why.words(),
        Step::Script { script, .. } => {
            let tool = script.tool.name();
            words!("starts a forward by {tool}", "démarre un relais par {tool}")
        }
        Step::Process { tool, .. } => {
            let tool = tool.name();
            words!("a forward by {tool} that runs", "un relais par {tool} en marche")
        }
        Step::ByHand { why, .. } => why.clone(),
    }
}

fn text(step: &Step) -> &str {
    match step {
        Step::Unit { text, .. }
        | Step::Lines { text, .. }
        | Step::Cron { text, .. }
        | Step::Script { text, .. }
        | Step::ByHand { text, .. }
        | Step::Process { command: text, .. } => text,
    }
}

pub(super) fn plan(steps: &[Step], machine: &Machine, look: &Look) -> String {
    let port = machine.port;
    let head = words!(
        "The old way to port {port}, and what would be done about it:",
        "L'ancien chemin vers le port {port}, et ce qui en serait fait :"
    );
    let shown = |(at, step): (usize, &Step)| {
        let (place, text) = (at_home(&place(step), machine), cut(&clean_line(text(step))));
        let (why, what) = (why(step).of(look.lang), at_home(&what(step).of(look.lang), machine));
        let number = at + 1;
        format!("\n{number:>3}  {place}\n     {text}\n     {why} → {what}\n")
    };
    let steps: String = steps.iter().enumerate().map(shown).collect();
    let page = format!("{}\n{steps}\n", head.of(look.lang));
    if look.ascii { to_ascii(&page) } else { page }
}

/// What to type to have it done. By the full path: the bare name may still be that of the old script.
pub(super) fn nothing_done(machine: &Machine, options: &str) -> Words {
    let program = quoted(&machine.program.display().to_string());
    words!(
        "Nothing was done, as there is no terminal to ask on. To do it: {program} setup {options} --yes\n",
        "Rien n'a été fait, faute de terminal où demander. Pour le faire : {program} setup {options} --yes\n"
    )
}

pub(super) fn done(came: &[Came<'_>], machine: &Machine, look: &Look) -> String {
    let line = |(step, result): &Came<'_>| {
        let (sign, words) = match result {
            Ok(words) => (if look.ascii { "[ok]" } else { "✓" }, words.clone()),
            Err(Words { en, fr }) => {
                let place = place(step);
                let words = words!("{place}: not done: {en}", "{place} : pas fait : {fr}");
                (if look.ascii { "[xx]" } else { "✗" }, words)
            }
        };
        format!("{sign} {}\n", at_home(&words.of(look.lang), machine))
    };
    let lines: String = came.iter().map(line).collect();
    let program = quoted(&machine.program.display().to_string());
    let closing = words!(
        "\nIn terminals that are open, old aliases and variables live on: open a new one.\nto undo all of it:  {program} setup --from-socat --undo\nnow:                {program} setup\n",
        "\nDans les terminaux ouverts, les anciens alias et variables restent : en ouvrir un nouveau.\npour tout annuler :  {program} setup --from-socat --undo\nmaintenant :         {program} setup\n"
    );
    let page = lines + &closing.of(look.lang);
    if look.ascii { to_ascii(&page) } else { page }
}

/// As people write paths below their home.
pub(super) fn at_home(text: &str, machine: &Machine) -> String {
    let home = machine.home.display().to_string();
    if home.len() > 1 { text.replace(&format!("{home}/"), "~/") } else { text.to_owned() }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN - 1).collect::<String>() + "…"
}
