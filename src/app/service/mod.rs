//! `ollama-forward service`: a forward that starts with the system, and is then forgotten.
//!
//! ```text
//! typed ─► wanted: what the run shall be, checked now rather than at the next start
//!          desk: who is asked and told ─► install ─┬─► unit     systemd of the user
//!                                                  └─► login    a block of the shell's profile, and the background
//!          way: which of these is there ─► steer: start, stop, restart, logs   show: status   remove: uninstall
//! ```

mod desk;
mod doctor;
mod install;
mod login;
mod manager;
mod remove;
mod show;
mod steer;
mod wanted;
mod way;

use self::desk::Desk;
use super::Ended;
use crate::cli::service::{Service, ServiceCommand};
use crate::fault::Fault;
use crate::words::Lang;

/// Does what was typed.
pub(super) fn service(typed: &Service, lang: Lang) -> Result<Ended, Fault> {
    let desk = Desk::new(lang)?;
    match &typed.command {
        ServiceCommand::Install(install) => install::install(&desk, install),
        ServiceCommand::Uninstall { yes } => remove::uninstall(&desk, *yes),
        ServiceCommand::Start => steer::start(&desk),
        ServiceCommand::Stop => steer::stop(&desk),
        ServiceCommand::Restart => steer::restart(&desk),
        ServiceCommand::Status { json } => show::status(&desk, *json),
        ServiceCommand::Logs { follow, lines } => steer::logs(&desk, *follow, lines.unwrap_or(LINES)),
    }
}

/// What `logs` shows, unless somebody wants another number.
const LINES: u32 = 50;
