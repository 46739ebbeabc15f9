//! Which Codex there is. What is wrong with it is told as the doctor tells it.

use std::path::{Path, PathBuf};

use directories::BaseDirs;

use super::desk::Desk;
use crate::doctor::codex::aim::{Aim, plain};
use crate::doctor::codex::gather::{Ask, gather};
use crate::doctor::codex::{Codex, Config};
use crate::doctor::{Fact, Facts, Problem, Verdict, table};
use crate::fault::{Fault, FaultId};
use crate::gateway::wsl::{Need, SystemText};
use crate::gateway::{Follower, Snapshot};
use crate::launch::Gates;
use crate::words;
use crate::words::Words;

/// A Codex that can be started.
pub(super) struct Machine {
    pub(super) program: PathBuf,
    pub(super) version: Option<String>,
    pub(super) gates: Gates,
    pub(super) home: Option<PathBuf>,
    pub(super) facts: Codex,
    /// What this mode of WSL means for a forward.
    pub(super) need: Option<Need>,
}

/// Finds it, or says why there is none.
pub(super) async fn look(_desk: &Desk<'_>) -> Result<Machine, Fault> {
    let facts = facts().await;
    let program = match &facts.program {
        Fact::Known(Some(program)) if !program.of_windows => program.clone(),
        Fact::Known(Some(_)) => return Err(by_doctor("codex-program", &facts).unwrap_or_else(missing)),
        Fact::Known(None) => return Err(missing()),
        Fact::Unknown(why) => return Err(Fault::new(FaultId::NoCodex, why.clone())),
    };
    if let Some(fault) = by_doctor("codex-config", &facts) {
        return Err(fault);
    }
    let gates = Gates::of(facts.version());
    let version = program.version.known().cloned();
    Ok(Machine { program: program.path, version, gates, home: facts.home.clone(), facts, need: need().await })
}

/// Only WSL has modes; without netlink, its texts alone have to do.
async fn need() -> Option<Need> {
    let root = Path::new("/");
    let text = SystemText::read(root);
    if !text.is_wsl_kernel() {
        return None;
    }
    let text = text.with_wslinfo(root).await;
    let mode = match Follower::start(root.to_owned()).await {
        Ok((_, snapshots)) => text.mode(&snapshots.borrow()),
        Err(_) => text.mode(&Snapshot::default()),
    };
    Some(mode.need())
}

/// Also where there is none that could be started.
pub(super) async fn facts() -> Codex {
    let home = BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    gather(&Ask { root: PathBuf::from("/"), home, variable: Box::new(|name| std::env::var_os(name)) }).await
}

fn missing() -> Fault {
    Fault::new(FaultId::NoCodex, words!("there is no `codex` in PATH", "il n'y a pas de `codex` dans PATH"))
}

/// What the doctor says of it, where that keeps Codex from starting.
fn by_doctor(id: &str, codex: &Codex) -> Option<Fault> {
    let facts = Facts { codex: codex.clone(), ..Facts::default() };
    let check = table().find(|check| check.id == id)?;
    let problem = match (check.judge)(&facts) {
        Verdict::Fail(problem) => problem,
        Verdict::Warn(problem) if id == "codex-program" => problem,
        Verdict::Warn(_) | Verdict::Pass(_) | Verdict::Skip(_) => return None,
    };
    let Problem { what, evidence, remedies, .. } = *problem;
    let next = remedies.into_iter().next().map(|remedy| match remedy.commands.as_slice() {
        [] => remedy.what,
        commands => Words::same(commands.join("\n          ")),
    });
    let fault = Fault::new(FaultId::NoCodex, what);
    let likely = evidence.into_iter().next().unwrap_or_else(|| FaultId::NoCodex.likely());
    Some(fault.advise(likely, next.unwrap_or_else(|| Words::same("ollama-forward doctor codex"))))
}

impl Machine {
    /// The directory of its files.
    pub(super) fn home(&self) -> Result<&Path, Fault> {
        self.home.as_deref().ok_or_else(|| {
            let what = words!("there is no home directory", "il n'y a pas de répertoire personnel");
            Fault::new(FaultId::NoCodex, what)
                .advise(words!("HOME is not set", "HOME n'est pas défini"), "export HOME=…")
        })
    }

    pub(super) fn config(&self) -> Option<&Config> {
        self.facts.config.known()
    }

    /// A plain `codex` talks to a hosted service.
    pub(super) fn goes_to_cloud(&self) -> bool {
        let config = self.config().cloned().unwrap_or_default();
        matches!(plain(&config, &self.facts.environment), Aim::Cloud(_))
    }
}
