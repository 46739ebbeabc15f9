//! `open`: the page in a browser. Where no forwarder runs, it is served from here, until Ctrl-C.

use std::io::{Write, stderr};
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::json;

use super::place::{Place, ask};
use super::read::meant;
use super::trouble;
use super::{Desk, Named, print, print_object};
use crate::app::doctor::runtime;
use crate::app::{Ended, watch_signals};
use crate::capture::ExchangeId;
use crate::capture::Tap;
use crate::capture::store::{Desk as WriterDesk, Library, StoreError, Writer};
use crate::cli::capture::Open;
use crate::clock;
use crate::control::Request;
use crate::fault::Fault;
use crate::forward::Phase;
use crate::inspect::{self, Door, Parts};
use crate::net::listen::Listener;
use crate::program::{on_path, start_apart};
use crate::words;
use crate::words::Words;

impl Desk<'_> {
    pub(super) fn open(&self, typed: &Open) -> Result<Ended, Fault> {
        let place = self.place()?;
        let id = typed.id.as_deref().map(|text| meant(text, &place.library()?).map(|(id, _)| id)).transpose()?;
        if place.running.is_none() && typed.inspect.is_none() && self.several_run() {
            // Says which there are.
            ask(self.common.listen_port, &Request::About)?;
        }
        if place.running.is_none() || typed.inspect.is_some() {
            return self.serve(typed, &place, id);
        }
        let answer = ask(self.common.listen_port, &Request::Link)?;
        let link = answer.link.ok_or_else(|| {
            trouble::failed(
                words!("the running ollama-forward has no page", "le relais en cours n'a pas de page"),
                "ollama-forward --translate --capture",
            )
        })?;
        self.give(&at_exchange(&link, id), typed.print)
    }

    fn several_run(&self) -> bool {
        self.common.listen_port.is_none()
            && crate::status::directory().is_some_and(|directory| crate::control::running(&directory).len() > 1)
    }

    /// Prints the link, and opens it.
    pub(super) fn give(&self, link: &str, only_print: bool) -> Result<Ended, Fault> {
        if self.common.json {
            print_object(&Named("link", &link))?;
        } else {
            print(&format!("{link}\n"))?;
        }
        if !only_print && !browse(link) {
            self.hint(&words!(
                "no browser was found: open the link yourself, it is good once, for five minutes",
                "aucun navigateur trouvé : ouvrir le lien soi-même, il vaut une fois, pendant cinq minutes"
            ));
        }
        Ok(Ended::Well)
    }

    fn serve(&self, typed: &Open, place: &Place, id: Option<ExchangeId>) -> Result<Ended, Fault> {
        let (library, writer) = match place.writer() {
            Ok(writer) => (writer.library(), Some(writer)),
            // Somebody writes there whom we cannot ask: the page only shows.
            Err(StoreError::Locked { .. }) => (place.library()?, None),
            Err(error) => return Err(error.into()),
        };
        let secret =
            clock::secret().map_err(|error| trouble::io(words!("draw a secret", "tirer un secret"), &error))?;
        let door = Door::new(secret);
        let desk = writer.as_ref().map(Writer::desk);
        let tap = Tap::default();
        // Orders of the page are carried out by a writer that runs.
        let thread = writer.map(|writer| {
            let tap = tap.clone();
            std::thread::Builder::new().name("capture".into()).spawn(move || writer.run(&tap))
        });
        let served = self.serve_until_told(typed, (library, desk), &door, id);
        tap.close();
        if let Some(Ok(thread)) = thread {
            // A thread that panicked has said so already.
            drop(thread.join());
        }
        served
    }

    fn serve_until_told(
        &self,
        typed: &Open,
        (library, desk): (Library, Option<WriterDesk>),
        door: &Door,
        id: Option<ExchangeId>,
    ) -> Result<Ended, Fault> {
        let internal = |what: Words| trouble::failed(what, "ollama-forward capture status");
        let runtime = runtime().map_err(|fault| internal(fault.what))?;
        let phase = watch_signals().map_err(|error| internal(Words::same(error.to_string())))?;
        let refreshed = library.clone();
        let reads_only = desk.is_none();
        let parts = Parts {
            library,
            desk,
            tap: None,
            switch: None,
            forward: Arc::new(|| json!({ "running": false })),
            replay_to: None,
            lang: self.lang(),
        };
        let ended = runtime.block_on(async {
            let listener = self.listen(typed.inspect)?;
            let link = format!("http://{}/?code={}", listener.address, door.code());
            self.give(&at_exchange(&link, id), typed.print)?;
            self.hint(&words!("the page is served until Ctrl-C", "la page est servie jusqu'à Ctrl-C"));
            let mut phase = phase.subscribe();
            tokio::select! {
                () = inspect::serve(listener, parts, door.clone()) => {}
                () = inspect::follow(refreshed, tell_error), if reads_only => {}
                _ = phase.wait_for(|phase| *phase > Phase::Run) => {}
            }
            Ok(Ended::Well)
        });
        runtime.shutdown_background();
        ended
    }

    /// Where it was asked for; the usual place may be taken, and then any other will do.
    fn listen(&self, named: Option<SocketAddr>) -> Result<Listener, Fault> {
        let listener = inspect::listen(named).map_err(|error| {
            let fault = crate::app::bind_fault(&error);
            let (likely, next) = (fault.id.likely(), "ollama-forward capture open --inspect 127.0.0.1:5002");
            trouble::told(fault.id, fault.what, likely, Words::same(next))
        })?;
        if !listener.address.ip().is_loopback() {
            let address = listener.address;
            self.hint(&words!(
                "other machines can reach {address}; the page wants its token",
                "d'autres machines atteignent {address} ; la page exige son jeton"
            ));
        }
        Ok(listener)
    }
}

fn tell_error(error: &StoreError) {
    let _ = writeln!(stderr(), "{}", crate::log::chain(error));
}

/// The page shows the exchange that its fragment names.
fn at_exchange(link: &str, id: Option<ExchangeId>) -> String {
    id.map_or_else(|| link.to_owned(), |id| format!("{link}#/x/{id}"))
}

/// Hands a link to a browser: of Windows first, as that is where people have theirs. False: there is none.
fn browse(link: &str) -> bool {
    on_path(&["wslview", "explorer.exe", "xdg-open"]).is_some_and(|program| start_apart(&program, &[link]).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_can_name_an_exchange() {
        let id = ExchangeId::after(None, 1);
        assert_eq!(at_exchange("http://127.0.0.1:5001/?code=a", None), "http://127.0.0.1:5001/?code=a");
        assert_eq!(at_exchange("http://h/?code=a", Some(id)), format!("http://h/?code=a#/x/{id}"));
    }
}
