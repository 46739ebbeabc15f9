//! Which of the ways is in use here: a unit of systemd, a block of a profile, or none.

use std::path::PathBuf;

use super::desk::config_home;
use super::doctor::has_systemd;
use super::login::{self, Login};
use crate::fault::{Fault, FaultId};
use crate::service::UNIT;
use crate::words;

pub(super) enum Way {
    /// With the file of the unit.
    Systemd(PathBuf),
    Login(Login),
    None,
}

/// Where our unit is, when there is one.
pub(super) fn unit_path() -> Result<PathBuf, Fault> {
    Ok(config_home()?.join("systemd/user").join(UNIT))
}

/// A unit counts where systemd runs; where it does not, the block of a profile does.
pub(super) fn find() -> Result<Way, Fault> {
    let unit = unit_path()?;
    let has_unit = unit.symlink_metadata().is_ok();
    if has_unit && has_systemd() {
        return Ok(Way::Systemd(unit));
    }
    if let Some(login) = login::find()? {
        return Ok(Way::Login(login));
    }
    Ok(if has_unit { Way::Systemd(unit) } else { Way::None })
}

/// For commands that need one.
pub(super) fn not_installed() -> Fault {
    let what = words!("there is no service of ollama-forward here", "il n'y a pas de service ollama-forward ici");
    let likely =
        words!("it was not installed, or for another user", "il n'a pas été installé, ou pour un autre utilisateur");
    Fault::new(FaultId::NotRunning, what).advise(likely, "ollama-forward service install -- --translate")
}
