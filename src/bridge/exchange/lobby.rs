//! Where questions wait whose client has left while the upstream loads the model. Ollama throws a load away when its client
//! leaves, and begins it again for the retry (0.24 and 0.33): a model that takes longer to load than a client waits would
//! never be there. So the question stays for as long as the load takes, and a client that asks the same again gets it.
//!
//! ```text
//! client leaves ──► sent, and loading? ──no──► dropped at once: the model stops
//!                       └─yes──► waits ──┬─ the same is asked again: goes on where it was
//!                                        ├─ the answer begins: dropped, the model is loaded now
//!                                        └─ too long: dropped
//! ```

use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::info;

use super::super::{Bridge, learnt};
use super::open::Asking;
use crate::clock;

/// Ollama gives a load up after 5 min without progress (`OLLAMA_LOAD_TIMEOUT`); a slow disk may make progress for longer.
const LONGEST: Duration = Duration::from_secs(20 * 60);
const LOOK: Duration = Duration::from_secs(60);
/// Each is a whole request in memory.
const MOST: usize = 4;

#[derive(Default)]
pub(crate) struct Lobby {
    waiting: Mutex<Vec<Waiting>>,
    news: Notify,
}

struct Waiting {
    key: u64,
    model: String,
    since: Instant,
    asking: Asking,
    /// Until it is known that the model is being loaded.
    is_loading: Option<Pin<Box<dyn Future<Output = bool> + Send>>>,
}

/// Two requests with the same bytes are the same question.
fn key(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

impl Lobby {
    /// Keeps a question whose client has left. One that the upstream has not got is not asked for nobody.
    pub(super) fn keep(&self, bridge: &Arc<Bridge>, model: &str, asking: Asking) {
        let Some(key) = asking.sent().map(|sent| key(&sent.body)) else { return };
        let mut waiting = self.lock();
        if waiting.len() == MOST {
            waiting.remove(0);
        }
        let (asked, name) = (Arc::clone(bridge), model.to_owned());
        let is_loading: Pin<Box<dyn Future<Output = bool> + Send>> =
            Box::pin(async move { learnt::is_loading(&asked, &name).await });
        let (model, since) = (model.to_owned(), clock::now());
        waiting.push(Waiting { key, model, since, asking, is_loading: Some(is_loading) });
        drop(waiting);
        self.news.notify_one();
    }

    /// The same question, which was asked before and waits.
    pub(super) fn take(&self, body: &[u8]) -> Option<Asking> {
        let mut waiting = self.lock();
        if waiting.is_empty() {
            return None;
        }
        let key = key(body);
        let place = waiting.iter().position(|one| one.key == key)?;
        let taken = waiting.remove(place);
        info!(model = taken.model, "the load goes on for the same request");
        Some(taken.asking)
    }

    /// Drives what waits. Runs until dropped.
    pub(crate) async fn run(&self) {
        loop {
            let mut news = std::pin::pin!(self.news.notified());
            let driven = poll_fn(|cx| {
                self.lock().retain_mut(|one| one.poll(cx).is_pending());
                news.as_mut().poll(cx)
            });
            // Whoever waits too long is seen at the next look.
            let _ = timeout(LOOK, driven).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Ready: it need not wait any more.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(is_loading) = &mut self.is_loading
            && let Poll::Ready(loading) = is_loading.as_mut().poll(cx)
        {
            self.is_loading = None;
            if !loading {
                return Poll::Ready(());
            }
            info!(model = self.model, "the client left while the model loads; the load goes on");
        }
        let is_old = clock::now().duration_since(self.since) > LONGEST;
        if is_old || self.asking.poll(cx).is_ready() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl fmt::Debug for Lobby {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lobby").field("waiting", &self.lock().len()).finish_non_exhaustive()
    }
}
