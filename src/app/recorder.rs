//! Capture, as a run has it: begun when it is asked for, at the start or later, with its writer and its page on threads of
//! their own, so that nothing of it stands in the way of a byte. What goes wrong here never ends the run.
//!
//! ```text
//! --capture, --inspect ──► begin ──► writer thread ◄── Tap ◄── bridge
//! capture on|off ────────► switch        └─ Library ──► page thread ◄── a browser
//! control socket ────────► answer        └─ Desk ◄───── orders
//! ```

use std::env;
use std::io::{IsTerminal, stderr};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tracing::{info, warn};

use super::capture::place::capture_dir;
use crate::capture::export;
use crate::capture::settings::Limits;
use crate::capture::store::{Desk, Library, Obeyed, Options, Order, StoreError, Writer};
use crate::capture::{Settings, Tap};
use crate::clock;
use crate::control::{Answer, Request};
use crate::fault::{Fault, FaultId};
use crate::forward::Phase;
use crate::inspect::{self, Door, Parts};
use crate::log;
use crate::net::listen::reachable;
use crate::report::Reporter;
use crate::status::{self, Report};
use crate::words;
use crate::words::{Lang, Words};

/// What can be captured in a run.
pub(super) struct Recorder {
    settings: Settings,
    tap: Tap,
    reporter: Arc<Reporter>,
    phase: watch::Sender<Phase>,
    /// Where a replay goes: our own listener.
    listener: Option<SocketAddr>,
    running: Mutex<Option<Running>>,
}

/// What runs once something is to be captured or shown.
struct Running {
    dir: PathBuf,
    library: Library,
    /// None: another process writes there, and we only show.
    desk: Option<Desk>,
    writer: Option<JoinHandle<()>>,
    page: Option<Page>,
}

/// A page that is served.
struct Page {
    address: SocketAddr,
    door: Door,
    /// Dropped, the page ends.
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Page {
    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Opens the page, once.
    fn link(&self) -> String {
        format!("{}?code={}", self.url(), self.door.code())
    }

    /// A code in a log would be a key for whoever reads the log, so it is shown on a terminal only.
    fn tell(&self) {
        if stderr().is_terminal() {
            info!(page = self.link(), "watch all exchanges");
        } else {
            info!(page = self.url(), next = "ollama-forward capture open", "watch all exchanges");
        }
    }
}

impl Recorder {
    pub(super) fn new(
        settings: Settings,
        tap: Tap,
        reporter: Arc<Reporter>,
        phase: watch::Sender<Phase>,
        listener: Option<SocketAddr>,
    ) -> Arc<Self> {
        Arc::new(Self { settings, tap, reporter, phase, listener, running: Mutex::new(None) })
    }

    /// Begins what the settings ask for.
    ///
    /// # Errors
    /// The page has an address of its own that is taken. All else is only warned of: traffic goes on.
    pub(super) fn begin(self: &Arc<Self>) -> Result<(), Fault> {
        if !self.settings.on && self.settings.inspect.is_none() {
            return Ok(());
        }
        match self.run() {
            Ok(()) => {
                if self.settings.on {
                    self.switch_to(true);
                }
                Ok(())
            }
            Err(fault) if fault.id == FaultId::Capture => {
                warn!(id = %fault.id, why = %fault.what, next = %fault.id.next(), "nothing is captured");
                Ok(())
            }
            Err(fault) => Err(fault),
        }
    }

    /// Starts the writer and the page, where they do not run yet.
    fn run(self: &Arc<Self>) -> Result<(), Fault> {
        let mut running = self.lock();
        if running.is_some() {
            return Ok(());
        }
        let dir = capture_dir(self.settings.dir.as_deref()).ok_or_else(|| {
            Fault::new(
                FaultId::Capture,
                words!(
                    "there is no home directory to keep exchanges in: name one with --capture=DIR",
                    "aucun répertoire personnel où conserver les échanges : en nommer un par --capture=DIR"
                ),
            )
        })?;
        let options = Options {
            limits: self.settings.limits,
            raw_bodies: self.settings.raw_bodies,
            only: self.settings.only.clone(),
            except: self.settings.except.clone(),
            compat: self.settings.compat.clone(),
        };
        // Whoever asks only for the page may look at what another process writes.
        let (library, writer) = match Writer::open(&dir, options) {
            Ok(writer) => (writer.library(), Some(writer)),
            Err(StoreError::Locked { .. }) if !self.settings.on => (Library::open(&dir).map_err(|e| fault(&e))?, None),
            Err(error) => return Err(fault(&error)),
        };
        let desk = writer.as_ref().map(Writer::desk);
        let page = self.settings.inspect.map(|_| self.open_page(&library, desk.clone())).transpose()?;
        let writer = writer.map(|writer| self.start_writer(writer)).transpose()?;
        *running = Some(Running { dir, library, desk, writer, page });
        Ok(())
    }

    fn start_writer(&self, writer: Writer) -> Result<JoinHandle<()>, Fault> {
        let closes = CloseAtEnd(self.tap.clone());
        let spawned = thread::Builder::new().name("capture".into()).spawn(move || {
            stand_back();
            writer.run(&closes.0);
        });
        spawned.map_err(|error| {
            let what = words!("cannot start the writer: {error}", "impossible de démarrer l'écriture : {error}");
            Fault::new(FaultId::Capture, what)
        })
    }

    fn open_page(self: &Arc<Self>, library: &Library, desk: Option<Desk>) -> Result<Page, Fault> {
        let secret = clock::secret().map_err(|error| {
            Fault::new(FaultId::Capture, words!("no random numbers: {error}", "pas de nombres aléatoires : {error}"))
        })?;
        let (door, parts) = (Door::new(secret), self.parts(library, desk));
        let (stop, stopped) = oneshot::channel();
        let (tell, bound) = mpsc::channel();
        let named = self.settings.inspect.filter(|_| self.settings.inspect_was_named);
        let (served, name) = (door.clone(), thread::Builder::new().name("inspect".into()));
        let thread = name.spawn(move || serve_page(named, &tell, parts, served, stopped));
        let thread = thread.map_err(|error| no_page(&error))?;
        let address = bound.recv().map_err(|error| no_page(&error))??;
        if !address.ip().is_loopback() {
            warn!(%address, "other machines can reach the page; it wants its token");
        }
        let page = Page { address, door, stop, thread };
        page.tell();
        Ok(page)
    }

    fn parts(self: &Arc<Self>, library: &Library, desk: Option<Desk>) -> Parts {
        let (weak, reporter) = (Arc::downgrade(self), Arc::clone(&self.reporter));
        let switch: Arc<dyn Fn(bool) + Send + Sync> = Arc::new(move |on| {
            if let Some(recorder) = weak.upgrade() {
                recorder.switch_to(on);
            }
        });
        Parts {
            library: library.clone(),
            // Without a writer, what is captured would only wait.
            switch: desk.is_some().then_some(switch),
            desk,
            tap: Some(self.tap.clone()),
            forward: Arc::new(move || serde_json::to_value(reporter.report(clock::now())).unwrap_or_default()),
            replay_to: self.listener.map(reachable),
            lang: Lang::of_environment(|name| env::var(name).ok()),
        }
    }

    /// Turns capture on or off; what runs for it stays.
    fn switch_to(&self, on: bool) {
        if on != self.tap.is_on() {
            info!(on, "capture");
        }
        self.tap.switch(on, self.settings.limits.body);
    }

    /// Obeys what came over the control socket. Blocks.
    pub(super) fn answer(self: &Arc<Self>, request: Request) -> Answer {
        match self.obey(request) {
            Ok(answer) => answer,
            Err(fault) => Answer { error: Some(fault.what.en), ..self.about() },
        }
    }

    fn obey(self: &Arc<Self>, request: Request) -> Result<Answer, Fault> {
        let order = match request {
            Request::About => return Ok(self.about()),
            Request::Capture { on } => {
                if on {
                    self.desk()?;
                }
                self.switch_to(on);
                return Ok(self.about());
            }
            Request::Link => return self.link(),
            Request::Stop => {
                self.phase.send_modify(|phase| *phase = (*phase).max(Phase::Drain));
                return Ok(self.about());
            }
            Request::Mark { id, marked, comment } => Order::Mark { id, marked, comment },
            Request::Remove { ids } => Order::Remove(ids),
            Request::RemoveSession { key } => Order::RemoveSession(key),
            Request::RemoveAll => Order::RemoveAll,
            Request::Prune { size, age_s } => Order::Prune(self.limits(size, age_s)),
            Request::Import { line } => import(&line)?,
        };
        let Obeyed { exchanges, bytes, id } = self.desk()?.ask(order).map_err(|error| fault(&error))?;
        Ok(Answer { exchanges, bytes, id, ..self.about() })
    }

    /// The writer of this run, which is started where it does not run yet.
    fn desk(self: &Arc<Self>) -> Result<Desk, Fault> {
        self.run()?;
        let desk = self.lock().as_ref().and_then(|running| running.desk.clone());
        desk.ok_or_else(|| {
            let what =
                words!("another process writes in this directory", "un autre processus écrit dans ce répertoire");
            Fault::new(FaultId::Capture, what)
        })
    }

    fn limits(&self, size: Option<u64>, age_s: Option<u64>) -> Option<Limits> {
        (size.is_some() || age_s.is_some()).then(|| {
            let usual = self.settings.limits;
            let age = age_s.map_or(usual.age, std::time::Duration::from_secs);
            Limits { size: size.unwrap_or(usual.size), age, ..usual }
        })
    }

    /// A link that opens the page, once. Starts the page where there is none.
    fn link(self: &Arc<Self>) -> Result<Answer, Fault> {
        self.run()?;
        let mut running = self.lock();
        let Running { library, desk, page, .. } = running.as_mut().expect("it runs since the line above");
        if page.is_none() {
            *page = Some(self.open_page(library, desk.clone())?);
        }
        let page = page.as_ref().expect("it was opened just now");
        let link = Some(page.link());
        drop(running);
        Ok(Answer { link, ..self.about() })
    }

    /// How things are.
    fn about(&self) -> Answer {
        let Report { pid, listen, upstream, translate, capture, .. } = self.report();
        let dir = self.lock().as_ref().map(|running| running.dir.clone());
        let status::Capture { on, page, exchanges, bytes, limit, missed, trouble, .. } = capture.unwrap_or_default();
        let answer = Answer { on, dir, trouble, page, exchanges, bytes, limit, missed, ..Answer::default() };
        Answer { listen, upstream, translate, pid, ..answer }
    }

    /// What the whole run is doing.
    pub(super) fn report(&self) -> Report {
        let running = self.lock();
        let capture = running.as_ref().map(|Running { library, page, .. }| {
            let usage = library.usage();
            status::Capture {
                on: self.tap.is_on(),
                page: page.as_ref().map(Page::url),
                sessions: usage.sessions,
                exchanges: usage.exchanges,
                bytes: usage.bytes,
                limit: usage.limit,
                // The writer counts what the tap has left out, too.
                missed: usage.missed,
                trouble: library.trouble(),
            }
        });
        Report { capture, ..self.reporter.report(clock::now()) }
    }

    /// Ends all of it; what was captured is written first. Blocks for a moment.
    pub(super) fn end(&self) {
        let Some(running) = self.lock().take() else { return };
        self.tap.close();
        if let Some(Page { stop, thread, .. }) = running.page {
            drop(stop);
            // A thread that panicked has said so already.
            drop(thread.join());
        }
        if let Some(writer) = running.writer {
            drop(writer.join());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where processors are short, the traffic goes first, and what capture cannot take in it counts. Without the right to it,
/// capture runs like the rest.
fn stand_back() {
    /// A thread of the usual kind gets nine times as much as one of this (`sched(7)`).
    const NICE: i32 = 10;
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
}

/// A writer that is no more must not leave a queue behind that only fills.
struct CloseAtEnd(Tap);

impl Drop for CloseAtEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The page's thread: binds, tells where, and serves until it is stopped.
fn serve_page(
    named: Option<SocketAddr>,
    tell: &mpsc::Sender<Result<SocketAddr, Fault>>,
    parts: Parts,
    door: Door,
    stopped: oneshot::Receiver<()>,
) {
    stand_back();
    let runtime = match Builder::new_current_thread().enable_all().max_blocking_threads(4).build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return drop(tell.send(Err(no_page(&error))));
        }
    };
    runtime.block_on(async move {
        let listener = match inspect::listen(named) {
            Ok(listener) => listener,
            Err(error) => {
                let Fault { id, what: Words { en, fr }, .. } = super::bind_fault(&error);
                let what = words!(
                    "the page of --capture: {en}; choose another place: --inspect=127.0.0.1:5002",
                    "la page de --capture : {fr} ; choisir un autre endroit : --inspect=127.0.0.1:5002"
                );
                return drop(tell.send(Err(Fault::new(id, what))));
            }
        };
        drop(tell.send(Ok(listener.address)));
        let (library, reads_only) = (parts.library.clone(), parts.desk.is_none());
        let failed = |error: &StoreError| warn!(error = %log::chain(error), "captured exchanges cannot be read");
        tokio::select! {
            () = inspect::serve(listener, parts, door) => {}
            () = inspect::follow(library, failed), if reads_only => {}
            _ = stopped => {}
        }
    });
    runtime.shutdown_background();
}

fn no_page(error: &dyn std::error::Error) -> Fault {
    let what = words!("cannot start the page: {error}", "impossible de démarrer la page : {error}");
    Fault::new(FaultId::Capture, what)
}

fn import(line: &str) -> Result<Order, Fault> {
    let exchange = export::read(line).map_err(|why| Fault::new(FaultId::Usage, why))?;
    Ok(Order::Import(Box::new(exchange)))
}

fn fault(error: &StoreError) -> Fault {
    Fault::new(FaultId::Capture, error.told())
}
