//! What was kept, once the forward that kept it has ended.

use std::path::PathBuf;
use std::sync::Arc;

use ollama_forward::capture::Pane;
use ollama_forward::capture::record::{Exchange, Message, Row};
use ollama_forward::capture::store::{Library, SessionInfo};
use ollama_forward::capture::understand;
use ollama_forward::capture::view::View;

use crate::fake::Fake;
use crate::place::Place;
use crate::run::{Scene, Version};
use crate::support::forward::Forward;

/// Whoever tests has no gigabyte to spare, and no browser.
pub(crate) const CAPTURE: [&str; 4] = ["--capture", "--inspect=off", "--capture-min-free", "0"];

pub(crate) fn scene(version: Version) -> Scene {
    Scene::with(version, &CAPTURE)
}

pub(crate) fn store(place: &Place) -> PathBuf {
    place.home().join("state/ollama-forward/captures")
}

/// The store, and who was there when it was written.
pub(crate) struct Kept {
    pub(crate) library: Library,
    /// Of the calls of a model, oldest first.
    pub(crate) rows: Vec<Arc<Row>>,
    pub(crate) probes: Vec<Arc<Row>>,
    pub(crate) fake: Fake,
    pub(crate) place: Place,
}

impl Kept {
    /// Stops the forward, so that all is written.
    #[track_caller]
    pub(crate) fn by(scene: Scene) -> Self {
        let Scene { fake, forward, place, .. } = scene;
        Self::of(forward, place, fake)
    }

    #[track_caller]
    pub(crate) fn of(forward: Forward, place: Place, fake: Fake) -> Self {
        let exit = forward.stop();
        exit.with(0);
        assert!(!exit.text().contains("panicked"), "{}", exit.text());
        let library = Library::open(&store(&place)).unwrap();
        let (probes, rows) = library.rows().into_iter().partition(|row| row.probe);
        Self { library, rows, probes, fake, place }
    }

    pub(crate) fn exchange(&self, row: &Row) -> Exchange {
        self.library.exchange(row.id.unwrap()).unwrap()
    }

    /// As the page shows it: against what came before it in its thread.
    pub(crate) fn view(&self, row: &Row) -> View {
        let all = self.library.rows();
        let before = understand::previous(row, all.iter().map(AsRef::as_ref));
        let before = before.map(|before| self.exchange(before));
        understand::view(&self.exchange(row), before.as_ref())
    }

    /// Those that Codex itself has named.
    pub(crate) fn sessions(&self) -> Vec<SessionInfo> {
        self.library.sessions().into_iter().filter(|session| session.client_session.is_some()).collect()
    }
}

#[track_caller]
pub(crate) fn side(exchange: &Exchange, pane: Pane) -> &Message {
    let found = exchange.messages.iter().find(|message| message.pane == pane);
    found.unwrap_or_else(|| panic!("no {pane:?} in {exchange:#?}"))
}

pub(crate) fn text(message: &Message) -> &str {
    std::str::from_utf8(&message.body).unwrap()
}

/// The rows of the calls of a model, when there are as many.
#[track_caller]
pub(crate) fn all<const N: usize>(kept: &Kept) -> [&Row; N] {
    let rows: Vec<&Row> = kept.rows.iter().map(AsRef::as_ref).collect();
    rows.try_into().unwrap_or_else(|rows| panic!("not {N}: {rows:#?}"))
}
