//! `ollama-forward status`.

use super::Ended;
use crate::cli::status::Status;
use crate::fault::{Fault, FaultId};
use crate::status;
use crate::words;
use crate::words::Lang;

/// Does what was typed.
pub(super) fn status(typed: &Status, _lang: Lang) -> Result<Ended, Fault> {
    let port = typed.listen_port;
    let reports = status::directory().map(|directory| status::ask(&directory, port)).unwrap_or_default();
    match (typed.json, reports.as_slice()) {
        (true, []) => Ok(Ended::NoneRunning(status::to_json(&[]) + "\n")),
        (false, []) => {
            let place = port.map_or_else(String::new, |port| format!(" {port}"));
            let what = match port {
                Some(_) => words!(
                    "no ollama-forward of this user runs on port{place}",
                    "aucun ollama-forward de cet utilisateur ne tourne sur le port{place}"
                ),
                None => {
                    words!("no ollama-forward of this user runs", "aucun ollama-forward de cet utilisateur ne tourne")
                }
            };
            Err(Fault::new(FaultId::NotRunning, what))
        }
        (true, all) => Ok(Ended::Printed(status::to_json(all) + "\n")),
        (false, all) => Ok(Ended::Printed(all.iter().map(status::to_text).collect::<Vec<_>>().join("\n"))),
    }
}
