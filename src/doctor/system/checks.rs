//! Judges the system: is this WSL, which mode, is what we need set up. Pure.

use std::path::Path;

use super::{ConfigState, System, Unwritable};
use crate::doctor::network::Target;
use crate::doctor::{Check, Detail, Facts, Fix, Group, Place, Problem, Remedy, Verdict};
use crate::gateway::wsl::{Mode, Need};
use crate::words;
use crate::words::Words;

pub const CHECKS: &[Check] = &[
    Check::new(Group::System, "wsl", || words!("this system", "ce système"), &[], wsl).with(kernel),
    Check::new(Group::System, "mode", || words!("networking mode", "mode réseau"), &["wsl"], mode).with(words_on_mode),
    Check::new(Group::System, "wsl-version", || words!("version of WSL", "version de WSL"), &["wsl"], version),
    Check::new(Group::System, "user", || words!("user", "utilisateur"), &[], user),
    Check::new(Group::System, "files", || words!("our own files", "nos propres fichiers"), &[], files),
    Check::new(Group::System, "config", || words!("our configuration", "notre configuration"), &[], config),
];

/// Below this, mirrored mode, `wslinfo`, and DNS tunneling do not exist (WSL, release notes of 2.0.0).
const OLDEST_WSL: (u32, u32) = (2, 0);

fn wsl(facts: &Facts) -> Verdict {
    let mode = match facts.system.mode.get() {
        Ok(mode) => mode,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let where_to = || {
        Remedy::shell(words!("name the machine with Ollama", "indiquer la machine où tourne Ollama"), upstream("HOST"))
    };
    match (mode, wants_windows(facts)) {
        (Mode::Linux, true) => Problem::new(words!(
            "this Linux is not WSL, so there is no Windows to find",
            "ce Linux n'est pas WSL : il n'y a pas de Windows à trouver"
        ))
        .cured_by(where_to())
        .fail(),
        (Mode::Container, true) => Problem::new(words!(
            "this is a container, whose gateway is not Windows",
            "ceci est un conteneur, et sa passerelle n'est pas Windows"
        ))
        .cured_by(Remedy::shell(words!("with Docker Desktop", "avec Docker Desktop"), upstream("host.docker.internal")))
        .cured_by(where_to())
        .fail(),
        (Mode::Linux, false) => {
            Verdict::Pass(words!("not WSL; the upstream is named", "pas WSL ; la cible est indiquée"))
        }
        (Mode::Container, false) => {
            Verdict::Pass(words!("a container; the upstream is named", "un conteneur ; la cible est indiquée"))
        }
        (Mode::Wsl1, _) => {
            Verdict::Pass(words!("WSL1: localhost is that of Windows", "WSL1 : localhost est celui de Windows"))
        }
        (
            Mode::Nat
            | Mode::Mirrored
            | Mode::Consomme
            | Mode::LocalhostShared
            | Mode::LocalhostForwardingOff
            | Mode::Bridged
            | Mode::None
            | Mode::Unknown(_),
            _,
        ) => Verdict::Pass(Words::same("WSL2")),
    }
}

/// The upstream is whatever Windows turns out to be.
fn wants_windows(facts: &Facts) -> bool {
    match facts.network.target {
        Some(Target::Named { .. } | Target::Demo) => false,
        Some(Target::Auto { .. } | Target::Localhost { .. }) | None => true,
    }
}

fn upstream(host: &str) -> String {
    format!("ollama-forward --upstream {host}")
}

fn kernel(facts: &Facts) -> Vec<Detail> {
    let System { kernel, has_systemd, .. } = &facts.system;
    let value = |fact: Result<Words, &Words>| fact.unwrap_or_else(Clone::clone);
    let systemd = has_systemd.get().map(|has| if *has { words!("yes", "oui") } else { words!("no", "non") });
    vec![
        Detail { name: words!("kernel", "noyau"), value: value(kernel.get().map(Words::same)) },
        Detail { name: Words::same("systemd"), value: value(systemd) },
    ]
}

fn mode(facts: &Facts) -> Verdict {
    let mode = match facts.system.mode.get() {
        Ok(mode) => mode,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let word = mode.word();
    match mode.need() {
        Need::Forward => Verdict::Pass(words!(
            "{word}: Windows is behind an address of its own",
            "{word} : Windows est derrière une adresse à lui"
        )),
        Need::Nothing if *mode == Mode::LocalhostShared && facts.system.wslinfo.known().is_some() => {
            disagreement(facts)
        }
        Need::Nothing => Verdict::Pass(words!(
            "{word}: localhost reaches Windows, nothing has to be forwarded",
            "{word} : localhost mène à Windows, il n'y a rien à relayer"
        )),
        Need::Impossible => localhost_forwarding_off(word),
        Need::Named if !wants_windows(facts) => {
            Verdict::Pass(words!("{word}; the upstream is named", "{word} ; la cible est indiquée"))
        }
        Need::Named => Problem::new(words!(
            "in WSL's mode `{word}` nothing tells where Windows is",
            "dans le mode `{word}` de WSL, rien ne dit où est Windows"
        ))
        .cured_by(Remedy::shell(words!("name it", "l'indiquer"), upstream("HOST")))
        .cured_by(other_mode())
        .fail(),
    }
}

/// The kernel is believed: it is what carries the packets.
fn disagreement(facts: &Facts) -> Verdict {
    let said = facts.system.wslinfo.known().map_or("", String::as_str);
    Problem::new(words!(
        "wslinfo says `{said}`, but the kernel sends localhost to Windows: nothing has to be forwarded",
        "wslinfo dit `{said}`, mais le noyau envoie localhost vers Windows : il n'y a rien à relayer"
    ))
    .perhaps(words!("the mode was changed, and WSL not started anew", "le mode a été changé sans redémarrer WSL"))
    .cured_by(restart_wsl())
    .warn()
}

fn localhost_forwarding_off(word: &str) -> Verdict {
    Problem::new(words!(
        "WSL runs in {word} mode, but its localhost does not lead to Windows, and its gateway is a router",
        "WSL est en mode {word}, mais son localhost ne mène pas à Windows, et sa passerelle est un routeur"
    ))
    .because(words!(
        "the kernel keeps 127.0.0.1 to itself: localhostForwarding=false in .wslconfig does that",
        "le noyau garde 127.0.0.1 pour lui : c'est l'effet de localhostForwarding=false dans .wslconfig"
    ))
    .cured_by(Remedy::new(
        words!("let localhost lead to Windows", "laisser localhost mener à Windows"),
        Place::File(r"%UserProfile%\.wslconfig".into()),
        ["[wsl2]", "localhostForwarding=true"],
    ))
    .cured_by(restart_wsl())
    .fail()
}

fn other_mode() -> Remedy {
    Remedy::new(
        words!(
            "or use mirrored mode (Windows 11 22H2 or newer)",
            "ou passer au mode mirrored (à partir de Windows 11 22H2)"
        ),
        Place::File(r"%UserProfile%\.wslconfig".into()),
        ["[wsl2]", "networkingMode=mirrored"],
    )
}

/// Ends every distribution: what was not saved there is lost, so it is said.
pub(in crate::doctor) fn restart_wsl() -> Remedy {
    Remedy::new(
        words!(
            "then restart WSL (this ends all that runs in it), and open a new terminal",
            "puis redémarrer WSL (tout ce qui y tourne est arrêté), et ouvrir un nouveau terminal"
        ),
        Place::PowerShell,
        ["wsl --shutdown"],
    )
}

fn words_on_mode(facts: &Facts) -> Vec<Detail> {
    let said = match facts.system.wslinfo.get() {
        Ok(said) => Words::same(said),
        Err(why) => why.clone(),
    };
    vec![Detail { name: Words::same("wslinfo"), value: said }]
}

fn version(facts: &Facts) -> Verdict {
    let version = match facts.system.wsl_version.get() {
        Ok(version) => version,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    let mut parts = version.split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < OLDEST_WSL => Problem::new(words!(
            "WSL {version} is old: mirrored mode and wslinfo came with 2.0",
            "WSL {version} est ancien : le mode mirrored et wslinfo sont arrivés avec la version 2.0"
        ))
        .cured_by(Remedy::new(words!("update it", "le mettre à jour"), Place::PowerShell, ["wsl --update"]))
        .warn(),
        (Some(Ok(_)), Some(Ok(_))) => Verdict::Pass(Words::same(format!("WSL {version}"))),
        _ => {
            Verdict::Skip(words!("`{version}` is no version that we know", "`{version}` n'est pas une version connue"))
        }
    }
}

fn user(facts: &Facts) -> Verdict {
    if facts.system.by_sudo {
        return Problem::new(words!(
            "the doctor runs by sudo, so it sees root's environment, root's Codex and root's forwards, not yours",
            "le docteur tourne par sudo : il voit l'environnement de root, son Codex et ses relais, pas les vôtres"
        ))
        .cured_by(Remedy::shell(words!("run it as yourself", "le lancer sous votre compte"), "ollama-forward doctor"))
        .warn();
    }
    Verdict::Pass(if facts.system.is_root {
        words!("root", "root")
    } else {
        words!("not root, as it should be", "pas root, comme il convient")
    })
}

fn files(facts: &Facts) -> Verdict {
    let Some(Unwritable { path, why }) = facts.system.unwritable.first() else {
        return Verdict::Pass(words!("can be written", "peuvent être écrits"));
    };
    let (place, others) = (path.display(), facts.system.unwritable.len() - 1);
    let mut problem = Problem::new(words!(
        "nothing can be written to {place}: {why}",
        "impossible d'écrire dans {place} : {why}"
    ))
    .because(words!(
        "`status` and `doctor` then cannot ask a running forward, and no setting can be kept; forwarding itself works",
        "`status` et `doctor` ne peuvent alors interroger aucun relais, et aucun réglage n'est gardé ; le relais lui-même fonctionne"
    ));
    if others > 0 {
        problem = problem.because(words!(
            "{others} more of our directories",
            "et {others} de plus parmi nos \
                                                                              répertoires"
        ));
    }
    problem
        .cured_by(Remedy::shell(
            words!(
                "look at who owns it, and whether the disk is full or read-only",
                "voir à qui il est, et si le disque est plein ou en lecture seule"
            ),
            format!("ls -ld {place}; df -h {place}"),
        ))
        .warn()
}

fn config(facts: &Facts) -> Verdict {
    match facts.system.config.get() {
        Err(why) => Verdict::Skip(why.clone()),
        Ok(ConfigState::Valid(files)) if files.is_empty() => {
            Verdict::Pass(words!("no file, the defaults hold", "aucun fichier, les valeurs par défaut s'appliquent"))
        }
        Ok(ConfigState::Valid(files)) => {
            let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            Verdict::Pass(Words::same(names.join(", ")))
        }
        Ok(ConfigState::Invalid { what, mended }) => {
            let Words { en, fr } = what;
            let problem =
                Problem::new(words!("ollama-forward cannot start: {en}", "ollama-forward ne peut pas démarrer : {fr}"));
            let problem = match mended {
                Some((path, text)) => problem.cured_by(write_anew(path, text)),
                None => problem,
            };
            problem
                .cured_by(Remedy::by_hand(words!(
                    "correct the file, the variable or the option that is named; `ollama-forward --help` lists them",
                    "corriger le fichier, la variable ou l'option en cause ; `ollama-forward --help` les donne toutes"
                )))
                .fail()
        }
    }
}

fn write_anew(path: &Path, text: &str) -> Remedy {
    let lines = text.lines().filter(|line| !line.is_empty());
    Remedy::new(
        words!(
            "write it as it was most likely meant; a line that cannot be used becomes a comment",
            "l'écrire comme il était sans doute voulu ; une ligne inutilisable devient un commentaire"
        ),
        Place::File(path.display().to_string()),
        lines,
    )
    .fixed_by(Fix::WriteConfig { path: path.to_owned(), text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::path::PathBuf;

    use crate::doctor::proof::check_odd;
    use crate::doctor::{Fact, Status, judge, network};

    fn healthy() -> Facts {
        Facts { system: super::super::healthy(), network: network::healthy(), ..Facts::default() }
    }

    /// What the checks of this area say: of those that are not well, the id, the verdict, and what it says.
    #[track_caller]
    fn check(facts: &Facts, expected: &[(&str, Status, &str)]) {
        check_odd(&judge(CHECKS, facts), expected);
    }

    fn in_mode(mode: Mode) -> Facts {
        let mut facts = healthy();
        facts.system.mode = Fact::Known(mode);
        facts
    }

    #[test]
    fn a_healthy_system_is_well() {
        check(&healthy(), &[]);
    }

    #[test]
    fn modes_in_which_localhost_is_windows_are_well() {
        for mode in [Mode::Mirrored, Mode::Consomme, Mode::Wsl1] {
            check(&in_mode(mode), &[]);
        }
        let mut facts = in_mode(Mode::LocalhostShared);
        facts.system.wslinfo = Fact::default();
        check(&facts, &[]);
    }

    #[test]
    fn a_mode_of_which_wslinfo_says_something_else_is_told() {
        check(&in_mode(Mode::LocalhostShared), &[("mode", Status::Warning, "wslinfo says `nat`")]);
    }

    #[test]
    fn where_windows_cannot_be_found_it_has_to_be_named() {
        check(&in_mode(Mode::Linux), &[("wsl", Status::Failure, "--upstream HOST")]);
        check(&in_mode(Mode::Container), &[("wsl", Status::Failure, "host.docker.internal")]);
        check(&in_mode(Mode::Bridged), &[("mode", Status::Failure, "--upstream HOST")]);
        check(&in_mode(Mode::None), &[("mode", Status::Failure, "networkingMode=mirrored")]);
        check(&in_mode(Mode::Unknown("warp".into())), &[("mode", Status::Failure, "`warp`")]);
    }

    #[test]
    fn a_named_upstream_is_well_anywhere() {
        for mode in [Mode::Linux, Mode::Container, Mode::Bridged] {
            let mut facts = in_mode(mode);
            facts.network.target = Some(Target::Named { name: "pc:11434".into() });
            check(&facts, &[]);
        }
    }

    #[test]
    fn a_localhost_that_stays_inside_is_told_with_its_setting() {
        check(&in_mode(Mode::LocalhostForwardingOff), &[("mode", Status::Failure, "localhostForwarding=true")]);
    }

    #[test]
    fn an_old_wsl_is_told() {
        let mut facts = healthy();
        facts.system.wsl_version = Fact::Known("1.2.5.0".into());
        check(&facts, &[("wsl-version", Status::Warning, "wsl --update")]);
        facts.system.wsl_version = Fact::Known("soon".into());
        check(&facts, &[("wsl-version", Status::Skipped, "soon")]);
    }

    #[test]
    fn what_hides_the_users_own_settings_is_told() {
        let mut facts = healthy();
        facts.system.by_sudo = true;
        check(&facts, &[("user", Status::Warning, "sudo")]);
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_told_with_its_reason() {
        let mut facts = healthy();
        let path = "/run/user/1000/ollama-forward".into();
        facts.system.unwritable = vec![Unwritable { path, why: "Read-only file system (os error 30)".into() }];
        check(&facts, &[("files", Status::Warning, "Read-only file system")]);
    }

    #[test]
    fn a_configuration_that_cannot_be_used_is_told_with_its_place() {
        let mut facts = healthy();
        let what = "config.toml: unknown key `upstrem`, did you mean `upstream`?";
        let path: PathBuf = "/home/me/.config/ollama-forward/config.toml".into();
        let mended = Some((path.clone(), "upstream = \"auto\"\n".to_owned()));
        facts.system.config = Fact::Known(ConfigState::Invalid { what: what.into(), mended });
        check(&facts, &[("config", Status::Failure, what)]);
        let outcomes = judge(CHECKS, &facts);
        let problem = outcomes.iter().find_map(|outcome| outcome.problem()).unwrap();
        let text = "upstream = \"auto\"\n".to_owned();
        assert_eq!(problem.remedies[0].fix, Some(Fix::WriteConfig { path, text }));
    }

    #[test]
    fn what_is_not_known_is_no_failure() {
        let odd = judge(CHECKS, &Facts::default());
        assert!(odd.iter().all(|outcome| outcome.status() != Status::Failure && outcome.status() != Status::Warning));
    }
}
