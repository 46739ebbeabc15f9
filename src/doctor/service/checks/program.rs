//! Is the program that runs the one that is installed?

use std::path::Path;

use super::{no_service, systemctl};
use crate::doctor::program::quoted;
use crate::doctor::service::{Installed, Program, Service, State};
use crate::doctor::{Fact, Facts, Place, Problem, Remedy, Verdict};
use crate::words;
use crate::words::Words;

pub(super) fn of_unit(facts: &Facts) -> Verdict {
    if let Some(verdict) = no_service(facts) {
        return verdict;
    }
    let service = &facts.service;
    let Program { path, state } = match &service.program {
        Fact::Known(Some(program)) => program,
        Fact::Known(None) => return starts_nothing(service),
        Fact::Unknown(why) => return Verdict::Skip(why.clone()),
    };
    let shown = path.display();
    let own = &service.own_version;
    match state {
        State::Missing => {
            let problem = Problem::new(words!(
                "the service starts {shown}, which does not exist",
                "le service lance {shown}, qui n'existe pas"
            ));
            renamed(service, problem).fail()
        }
        State::NotExecutable => {
            let what = words!("make it executable", "le rendre exécutable");
            let problem = Problem::new(words!(
                "the service starts {shown}, which is not executable",
                "le service lance {shown}, qui n'est pas exécutable"
            ));
            problem.cured_by(Remedy::shell(what, format!("chmod +x {}", quoted(&shown.to_string())))).fail()
        }
        State::Runs(None) => {
            let problem = Problem::new(words!(
                "the service starts {shown}, which does not answer `--version` as ollama-forward does",
                "le service lance {shown}, qui ne répond pas à `--version` comme ollama-forward"
            ));
            renamed(service, problem).warn()
        }
        State::Runs(Some(version)) if version != own => {
            let problem = Problem::new(words!(
                "the service starts ollama-forward {version} ({shown}), and this is {own}",
                "le service lance ollama-forward {version} ({shown}), et ceci est la version {own}"
            ));
            renamed(service, problem).warn()
        }
        State::Runs(Some(version)) => Verdict::Pass(Words::same(format!("{shown} {version}"))),
    }
}

fn starts_nothing(service: &Service) -> Verdict {
    let problem = Problem::new(words!("the unit has no `ExecStart`", "l'unité n'a pas d'`ExecStart`"));
    renamed(service, problem).fail()
}

/// The line that names the right program, where one is known, and how it takes effect.
fn renamed(service: &Service, problem: Problem) -> Problem {
    let (Some(Some(unit)), installed) = (service.unit.known(), usable(service)) else { return problem };
    let unit = unit.display().to_string();
    let problem = match installed {
        Some(Installed { path, .. }) => {
            let what = words!(
                "name the installed program there (keep its options)",
                "y indiquer le programme installé (et garder ses options)"
            );
            problem.cured_by(Remedy::new(what, Place::File(unit), [format!("ExecStart={}", path.display())]))
        }
        None => problem.cured_by(Remedy::by_hand(words!(
            "name the program in {unit}: `ExecStart=` and its full path",
            "indiquer le programme dans {unit} : `ExecStart=` et son chemin complet"
        ))),
    };
    let again =
        words!("then let systemd read it, and start it anew", "puis le faire relire par systemd, et le relancer");
    let restart = systemctl(Words::default(), "restart").commands;
    let commands = ["systemctl --user daemon-reload".to_owned()].into_iter().chain(restart);
    problem.cured_by(Remedy::new(again, Place::Shell, commands))
}

/// The installed program, where it is ours, of this version, and not the one that the unit names already.
fn usable(service: &Service) -> Option<&Installed> {
    let installed = service.installed.known()?.as_ref()?;
    let named = service.program.known().and_then(Option::as_ref).map(|program| &program.path);
    (installed.version.as_ref() == Some(&service.own_version) && named != Some(&installed.path)).then_some(installed)
}

pub(super) fn versions(facts: &Facts) -> Verdict {
    let service = &facts.service;
    let own = &service.own_version;
    if let Some(report) = facts.port.forwards.iter().find(|report| report.version != *own) {
        let (running, pid) = (&report.version, report.pid);
        let problem = Problem::new(words!(
            "ollama-forward {running} runs (pid {pid}), and this is {own}",
            "ollama-forward {running} tourne (pid {pid}), et ceci est la version {own}"
        ));
        return started_anew(facts, problem).warn();
    }
    match &service.installed {
        Fact::Unknown(why) => Verdict::Skip(why.clone()),
        Fact::Known(None) => {
            Verdict::Skip(words!("not in PATH; this is {own}", "absent de PATH ; ceci est la version {own}"))
        }
        Fact::Known(Some(Installed { path, hides: Some(own), .. })) => old_script(path, own),
        Fact::Known(Some(Installed { path, version, hides: None })) => {
            of_installed(own, &path.display().to_string(), version.as_deref())
        }
    }
}

/// By its full path: the bare name would start the script.
fn old_script(path: &Path, own: &Path) -> Verdict {
    let path = path.display();
    let problem = Problem::new(words!(
        "`ollama-forward` in PATH is an old script, which forwards in its own way: {path}",
        "`ollama-forward` dans PATH est un ancien script, qui relaie à sa façon : {path}"
    ));
    let what = words!(
        "see what it would take to replace it, and agree",
        "voir ce qu'il faudrait pour le remplacer, et accepter"
    );
    let command = format!("{} setup --from-socat", quoted(&own.display().to_string()));
    problem.cured_by(Remedy::shell(what, command)).warn()
}

fn of_installed(own: &str, path: &str, version: Option<&str>) -> Verdict {
    let problem = match version {
        Some(version) if version == own => return Verdict::Pass(Words::same(format!("{own} ({path})"))),
        Some(version) => Problem::new(words!(
            "`ollama-forward` in PATH is {version} ({path}), and this is {own}",
            "`ollama-forward` dans PATH est la version {version} ({path}), et ceci est la version {own}"
        )),
        None => Problem::new(words!(
            "`ollama-forward` in PATH is another program: {path}",
            "`ollama-forward` dans PATH est un autre programme : {path}"
        )),
    };
    let what = words!("see which there are, and remove the wrong one", "voir lesquels il y a, et supprimer le mauvais");
    problem.cured_by(Remedy::shell(what, "type -a ollama-forward")).warn()
}

fn started_anew(facts: &Facts, problem: Problem) -> Problem {
    if facts.service.active.known().is_some_and(|state| state == "active") {
        let what = words!("start the service anew", "relancer le service");
        return problem.cured_by(systemctl(what, "restart"));
    }
    problem.cured_by(Remedy::by_hand(words!(
        "stop it (Ctrl-C where it runs), and start it again",
        "l'arrêter (Ctrl-C là où il tourne), et le relancer"
    )))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fails, passes, skips, warns};
    use super::*;
    use crate::doctor::codex::machine;

    const AGAIN: [&str; 2] = ["systemctl --user daemon-reload", "systemctl --user restart ollama-forward.service"];

    fn starting(path: &str, state: State) -> Facts {
        let mut facts = machine::healthy();
        facts.service.program = Fact::Known(Some(Program { path: path.into(), state }));
        facts
    }

    #[test]
    fn the_program_of_the_unit_must_be_the_installed_one() {
        let line = ["ExecStart=/home/me/.local/bin/ollama-forward", AGAIN[0], AGAIN[1]];
        fails(
            "service-program",
            &starting("/old/forward", State::Missing),
            "/old/forward, which does not exist",
            &line,
        );
        let facts = starting("/old/my forward", State::NotExecutable);
        fails("service-program", &facts, "is not executable", &["chmod +x '/old/my forward'"]);
        let facts = starting("/old/forward", State::Runs(Some("0.0.1".into())));
        warns("service-program", &facts, "ollama-forward 0.0.1 (/old/forward), and this is", &line);
        let facts = starting("/usr/bin/socat", State::Runs(None));
        warns("service-program", &facts, "does not answer `--version`", &line);
        let mut facts = machine::healthy();
        facts.service.program = Fact::Known(None);
        fails("service-program", &facts, "has no `ExecStart`", &line);
    }

    #[test]
    fn a_program_that_is_nowhere_else_is_named_by_hand() {
        let mut facts = starting("/old/forward", State::Missing);
        facts.service.installed = Fact::Known(None);
        fails("service-program", &facts, "does not exist", &AGAIN);
        facts.service.program = Fact::Unknown(words!("only systemd knows", "seul systemd le sait"));
        skips("service-program", &facts, "only systemd knows");
    }

    #[test]
    fn what_runs_and_what_is_installed_must_be_equal() {
        let mut facts = machine::healthy();
        facts.port.forwards[0].version = "0.0.1".into();
        warns("binary", &facts, "ollama-forward 0.0.1 runs (pid 42), and this is", &AGAIN[1..]);
        facts.service.active = Fact::Known("inactive".into());
        warns("binary", &facts, "0.0.1 runs", &[]);
        let installed = |version: Option<&str>| Installed {
            path: "/usr/bin/x".into(),
            version: version.map(Into::into),
            hides: None,
        };
        for (version, says) in
            [(Some("0.0.1"), "in PATH is 0.0.1 (/usr/bin/x), and this is"), (None, "another program: /usr/bin/x")]
        {
            let mut facts = machine::healthy();
            facts.service.installed = Fact::Known(Some(installed(version)));
            warns("binary", &facts, says, &["type -a ollama-forward"]);
        }
    }

    #[test]
    fn an_old_script_in_the_path_is_replaced_by_this_program() {
        let mut facts = machine::healthy();
        let old =
            Installed { path: "/home/me/bin/ollama-forward".into(), version: None, hides: Some("/opt/my of".into()) };
        facts.service.installed = Fact::Known(Some(old));
        warns("binary", &facts, "an old script, which forwards", &["'/opt/my of' setup --from-socat"]);
    }

    #[test]
    fn a_program_that_is_not_in_the_path_is_no_fault() {
        let mut facts = machine::healthy();
        passes("binary", &facts, "(/home/me/.local/bin/ollama-forward)");
        facts.service.installed = Fact::Known(None);
        skips("binary", &facts, "not in PATH");
    }
}
