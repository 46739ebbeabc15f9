//! Capture, as a run has it: begun when it is asked for, at the start or later, with its writer and its page on threads of
//! their own, so that nothing of it stands in the way of a byte. What goes wrong here never ends the run.
//!
//! ```text
//! --capture, --inspect ──► begin ──► writer thread ◄── Tap ◄── bridge
//! capture on|off ────────► switch        └─ Library ──► page thread ◄── a browser
//! control socket ────────► answer        └─ Desk ◄───── orders
//! ```

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tracing::{info, warn};

use super::capture::place::capture_dir;
use crate::capture::export;
use crate::capture::settings::{INSPECT, Limits};
use crate::capture::store::{Desk, Library, Obeyed, Options, Order, StoreError, Writer};
use crate::capture::{Settings, Tap};
use crate::clock;
use crate::control::{Answer, Request};
use crate::fault::{Fault, FaultId};
use crate::forward::Phase;
use crate::inspect::{self, Door, Parts};
use crate::log;
use crate::net::listen::bind;
use crate::report::Reporter;
use crate::status::{self, Report};
use crate::words::Lang;

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
                warn!(id = %fault.id, why = fault.what, next = fault.id.next(), "nothing is captured");
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
            Fault::new(FaultId::Capture, "there is no home directory to keep exchanges in: name one with --capture=DIR")
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
        let page = self.settings.inspect.map(|address| self.open_page(address, &library, desk.clone())).transpose()?;
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
        spawned.map_err(|error| Fault::new(FaultId::Capture, format!("cannot start the writer: {error}")))
    }

    fn open_page(self: &Arc<Self>, address: SocketAddr, library: &Library, desk: Option<Desk>) -> Result<Page, Fault> {
        let internal = |what: &str, why: &str| Fault::new(FaultId::Capture, format!("{what}: {why}"));
        let secret = clock::secret().map_err(|error| internal("no random numbers", &error.to_string()))?;
        let (door, parts) = (Door::new(secret), self.parts(library, desk));
        let (stop, stopped) = oneshot::channel();
        let (tell, bound) = mpsc::channel();
        let wish = (address, self.settings.inspect_was_named);
        let (served, name) = (door.clone(), thread::Builder::new().name("inspect".into()));
        let thread = name.spawn(move || serve_page(wish, &tell, parts, served, stopped));
        let thread = thread.map_err(|error| internal("cannot start the page", &error.to_string()))?;
        let address = bound.recv().map_err(|_| internal("cannot start the page", "its thread ended"))??;
        if !address.ip().is_loopback() {
            warn!(%address, "other machines can reach the page; it wants its token");
        }
        tell_page(address, &door);
        Ok(Page { address, door, stop, thread })
    }

    fn parts(self: &Arc<Self>, library: &Library, desk: Option<Desk>) -> Parts {
        let (switch, reporter) = (Arc::downgrade(self), Arc::clone(&self.reporter));
        Parts {
            library: library.clone(),
            desk,
            tap: Some(self.tap.clone()),
            switch: Some(Arc::new(move |on| {
                if let Some(recorder) = switch.upgrade() {
                    recorder.switch_to(on);
                }
            })),
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
            Err(fault) => Answer { error: Some(fault.what), ..self.about() },
        }
    }

    fn obey(self: &Arc<Self>, request: Request) -> Result<Answer, Fault> {
        let order = match request {
            Request::About => return Ok(self.about()),
            Request::Capture { on } => {
                if on {
                    self.run()?;
                    if self.lock().as_ref().is_some_and(|running| running.desk.is_none()) {
                        return Err(Fault::new(FaultId::Capture, "another process writes in this directory"));
                    }
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
        self.run()?;
        let desk = self.lock().as_ref().and_then(|running| running.desk.clone());
        let desk = desk.ok_or_else(|| Fault::new(FaultId::Capture, "another process writes in this directory"))?;
        let Obeyed { exchanges, bytes, id } = desk.ask(order).map_err(|error| fault(&error))?;
        Ok(Answer { exchanges, bytes, id, ..self.about() })
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
            *page = Some(self.open_page(INSPECT, library, desk.clone())?);
        }
        let page = page.as_ref().expect("it was opened just now");
        let link = format!("http://{}/?code={}", page.address, page.door.code());
        drop(running);
        Ok(Answer { link: Some(link), ..self.about() })
    }

    /// How things are.
    pub(super) fn about(&self) -> Answer {
        let report = self.reporter.report(clock::now());
        let answer = Answer {
            on: self.tap.is_on(),
            missed: self.tap.missed(),
            listen: report.listen,
            upstream: report.upstream,
            translate: report.translate,
            pid: report.pid,
            ..Answer::default()
        };
        let running = self.lock();
        let Some(running) = running.as_ref() else { return answer };
        let usage = running.library.usage();
        Answer {
            dir: Some(running.dir.clone()),
            trouble: running.library.trouble(),
            page: running.page.as_ref().map(|page| format!("http://{}/", page.address)),
            exchanges: usage.exchanges,
            bytes: usage.bytes,
            limit: usage.limit,
            ..answer
        }
    }

    /// What the whole run is doing.
    pub(super) fn report(&self) -> Report {
        let running = self.lock();
        let capture = running.as_ref().map(|Running { library, page, .. }| {
            let usage = library.usage();
            status::Capture {
                on: self.tap.is_on(),
                page: page.as_ref().map(|page| format!("http://{}/", page.address)),
                sessions: usage.sessions,
                exchanges: usage.exchanges,
                bytes: usage.bytes,
                limit: usage.limit,
                missed: self.tap.missed() + usage.missed,
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

/// A listener on all addresses is reached on this machine's own.
fn reachable(listener: SocketAddr) -> SocketAddr {
    if listener.ip().is_unspecified() { SocketAddr::new(Ipv4Addr::LOCALHOST.into(), listener.port()) } else { listener }
}

/// The page's thread: binds, tells where, and serves until it is stopped.
fn serve_page(
    (address, was_named): (SocketAddr, bool),
    tell: &mpsc::Sender<Result<SocketAddr, Fault>>,
    parts: Parts,
    door: Door,
    stopped: oneshot::Receiver<()>,
) {
    stand_back();
    let runtime = match Builder::new_current_thread().enable_all().max_blocking_threads(4).build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let fault = Fault::new(FaultId::Capture, format!("cannot start the page: {error}"));
            return drop(tell.send(Err(fault)));
        }
    };
    runtime.block_on(async move {
        // A browser on Windows has to reach it: not hidden from there.
        let bound = match bind(address, false) {
            Err(_) if !was_named => bind(SocketAddr::new(address.ip(), 0), false),
            bound => bound,
        };
        let listener = match bound {
            Ok(listener) => listener,
            Err(error) => return drop(tell.send(Err(super::bind_fault(&error)))),
        };
        drop(tell.send(Ok(listener.address)));
        tokio::select! {
            () = inspect::serve(listener, parts, door) => {}
            _ = stopped => {}
        }
    });
    runtime.shutdown_background();
}

/// A code in a log would be a key for whoever reads the log, so it is shown on a terminal only.
fn tell_page(address: SocketAddr, door: &Door) {
    use std::io::IsTerminal;
    if std::io::stderr().is_terminal() {
        info!(page = %format_args!("http://{address}/?code={}", door.code()), "watch all exchanges");
    } else {
        info!(page = %format_args!("http://{address}/"), next = "ollama-forward capture open", "watch all exchanges");
    }
}

fn import(line: &str) -> Result<Order, Fault> {
    let exchange = export::read(line).map_err(|why| Fault::new(FaultId::Usage, why.of(Lang::En)))?;
    Ok(Order::Import(Box::new(exchange)))
}

fn fault(error: &StoreError) -> Fault {
    Fault::new(FaultId::Capture, log::chain(error))
}
