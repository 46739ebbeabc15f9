//! `ollama-forward status`: asked once, or again and again.
//!
//! ```text
//! gather ──► scene ─┬─► render ──► a block, once                (status)
//!                   │      ├─────► the same on a screen          (--watch, on a terminal: screen, watch)
//!                   │      └─────► a line whenever it changes    (--watch, into a pipe)
//!                   └─► an object, once or again and again       (--json)
//! ```

mod gather;
pub(super) mod render;
mod scene;
mod screen;
mod watch;

use std::io::{IsTerminal, stdout};
use std::time::Duration;

use self::scene::Scene;
use super::Ended;
use super::doctor::{look_of, runtime};
use crate::cli::status::Status;
use crate::doctor::render::Look;
use crate::fault::{Fault, FaultId};
use crate::log::{self, Color};
use crate::words;
use crate::words::{Lang, Words};

/// Of `--watch` without a time: soon enough for somebody who looks on, and nothing for the machine.
const EVERY: Duration = Duration::from_secs(2);

/// Does what was typed.
pub(super) fn status(typed: &Status, lang: Lang) -> Result<Ended, Fault> {
    let look = look(typed, lang);
    if let Some(every) = typed.watch {
        return watch::watch(typed, every.unwrap_or(EVERY), &look);
    }
    let runtime = runtime()?;
    let scene = runtime.block_on(gather::gather(typed.listen_port));
    // A file or a name that does not answer may hang for seconds; nobody waits for it any more.
    runtime.shutdown_background();
    match (typed.json, scene.forwards.is_empty()) {
        (true, true) => Ok(Ended::NoneRunning(scene.to_json() + "\n")),
        (true, false) => Ok(Ended::Printed(scene.to_json() + "\n")),
        (false, true) => Err(Fault::new(FaultId::NotRunning, none_runs(typed.listen_port))),
        (false, false) => Ok(Ended::Printed(page(&scene, &look))),
    }
}

fn none_runs(port: Option<u16>) -> Words {
    match port {
        Some(port) => words!(
            "no ollama-forward of this user runs on port {port}",
            "aucun ollama-forward de cet utilisateur ne tourne sur le port {port}"
        ),
        None => words!("no ollama-forward of this user runs", "aucun ollama-forward de cet utilisateur ne tourne"),
    }
}

fn page(scene: &Scene, look: &Look) -> String {
    let blocks = scene.forwards.iter().map(|forward| render::block(forward, &scene.service, look).join("\n") + "\n");
    blocks.collect::<Vec<_>>().join("\n")
}

/// In a pipe there is no edge to cut at.
fn look(typed: &Status, lang: Lang) -> Look {
    let (look, on_terminal) = (look_of(lang), stdout().is_terminal());
    let color = log::use_color(typed.color.unwrap_or(Color::Auto), on_terminal);
    let width = if on_terminal { look.width } else { usize::MAX };
    Look { color, width, ascii: typed.ascii || look.ascii, ..look }
}
