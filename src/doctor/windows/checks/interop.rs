//! Whether Windows programs start here. Nothing of the forward needs them: without them the doctor sees less.

use crate::doctor::system::Interop;
use crate::doctor::{Facts, Place, Problem, Remedy, Verdict};
use crate::words;
use crate::words::Words;

pub(super) fn judge(facts: &Facts) -> Verdict {
    let interop = match facts.system.interop.get() {
        Ok(interop) => interop,
        Err(why) => return Verdict::Skip(why.clone()),
    };
    match interop {
        Interop::Works => {
            Verdict::Pass(words!("Windows programs start from here", "les programmes Windows démarrent d'ici"))
        }
        Interop::SwitchedOff => switched_off(facts),
        Interop::Unregistered => unregistered(facts),
        Interop::Hangs => hangs(),
        Interop::Broken(why) => broken(why),
    }
}

/// By somebody's own wish: no complaint as long as all is well.
fn switched_off(facts: &Facts) -> Verdict {
    if facts.network.answered().is_some() {
        return Verdict::Skip(words!(
            "interop is switched off in /etc/wsl.conf; nothing here needs it",
            "l'interopérabilité est désactivée dans /etc/wsl.conf ; rien ici n'en a besoin"
        ));
    }
    let what = words!(
        "interop is switched off in /etc/wsl.conf, so the doctor cannot look at Windows",
        "l'interopérabilité est désactivée dans /etc/wsl.conf : le docteur ne peut pas examiner Windows"
    );
    let on = words!("switch it on", "l'activer");
    let on = Remedy::new(on, Place::File("/etc/wsl.conf".to_owned()), ["[interop]", "enabled=true"])
        .undone_by(["[interop]", "enabled=false"]);
    Problem::new(what).cured_by(on).cured_by(shut_down()).warn()
}

fn unregistered(facts: &Facts) -> Verdict {
    let what = words!(
        "the kernel does not know Windows programs any more, so the doctor cannot look at Windows",
        "le noyau ne connaît plus les programmes Windows : le docteur ne peut pas examiner Windows"
    );
    let evidence = words!(
        "no WSLInterop in /proc/sys/fs/binfmt_misc is enabled",
        "aucun WSLInterop de /proc/sys/fs/binfmt_misc n'est actif"
    );
    let cause = words!(
        "systemd-binfmt, or a package with handlers of its own, has removed it",
        "systemd-binfmt, ou un paquet qui apporte ses propres gestionnaires, l'a retiré"
    );
    let again = words!("register it again", "l'enregistrer à nouveau");
    let again = if facts.system.has_systemd.known() == Some(&true) {
        let file = "/etc/binfmt.d/WSLInterop.conf";
        Remedy::shell(
            again,
            format!("echo :WSLInterop:M::MZ::/init:PF | sudo tee {file} && sudo systemctl restart systemd-binfmt"),
        )
        .undone_by([format!("sudo rm {file} && sudo systemctl restart systemd-binfmt")])
    } else {
        Remedy::shell(again, "echo :WSLInterop:M::MZ::/init:PF | sudo tee /proc/sys/fs/binfmt_misc/register")
            .undone_by(["echo -1 | sudo tee /proc/sys/fs/binfmt_misc/WSLInterop"])
    };
    Problem::new(what).because(evidence).perhaps(cause).cured_by(again).cured_by(shut_down()).warn()
}

fn hangs() -> Verdict {
    let what = words!(
        "Windows programs hang when they are started here, so the doctor cannot look at Windows",
        "les programmes Windows restent bloqués quand on les lance d'ici : le docteur ne peut pas examiner Windows"
    );
    let evidence = words!("cmd.exe did not come back within 3 s", "cmd.exe n'a pas rendu la main en 3 s");
    Problem::new(what).because(evidence).cured_by(shut_down()).warn()
}

fn broken(why: &str) -> Verdict {
    let what = words!(
        "Windows programs do not start here, so the doctor cannot look at Windows",
        "les programmes Windows ne démarrent pas d'ici : le docteur ne peut pas examiner Windows"
    );
    let disk = words!(
        "the Windows disk is not mounted ([automount] in /etc/wsl.conf)",
        "le disque de Windows n'est pas monté ([automount] dans /etc/wsl.conf)"
    );
    let lost = words!("WSL has lost its connection to Windows", "WSL a perdu sa connexion à Windows");
    let test = words!("try the smallest Windows program", "essayer le plus petit programme Windows");
    Problem::new(what)
        .because(Words::same(why))
        .perhaps(lost)
        .perhaps(disk)
        .told_apart_by(Remedy::shell(test, "cd /mnt/c && /mnt/c/Windows/System32/cmd.exe /c ver"))
        .cured_by(shut_down())
        .warn()
}

fn shut_down() -> Remedy {
    let what = words!(
        "then, or otherwise, restart WSL (this ends all that runs in it)",
        "puis, ou à défaut, redémarrer WSL (tout ce qui y tourne est arrêté)"
    );
    Remedy::new(what, Place::PowerShell, ["wsl --shutdown"])
}
