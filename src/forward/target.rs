//! Where connections go: an upstream that the user named, or the gateway that is being followed.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::clock;
use crate::fault::{Fault, FaultId};
use crate::gateway::{GatewayWatch, Whereabouts};
use crate::net::listen::leads_to;

#[derive(Debug)]
pub enum Target {
    /// Used as given; any TCP service.
    Address(SocketAddr),
    Name(Name),
    Gateway(GatewayWatch),
}

/// A host name, looked up anew when the last look is old: names move.
#[derive(Debug)]
pub struct Name {
    pub host: String,
    pub port: u16,
    /// Our own listeners: a name must not lead back to them.
    pub listeners: Vec<SocketAddr>,
    cache: Mutex<Option<(Instant, Arc<[SocketAddr]>)>>,
}

/// A burst of connections shares one lookup; a name that moved is noticed within this.
const FRESH: Duration = Duration::from_secs(1);
/// The resolver's own default is 5 s a server.
const LOOKUP_TIME: Duration = Duration::from_secs(5);

/// The addresses to try now.
#[derive(Debug)]
pub(super) enum Addresses {
    One(SocketAddr),
    Several(Arc<[SocketAddr]>),
}

impl Addresses {
    pub(super) fn as_slice(&self) -> &[SocketAddr] {
        match self {
            Self::One(address) => std::slice::from_ref(address),
            Self::Several(addresses) => addresses,
        }
    }
}

impl Target {
    /// Where a connection should go now, or why nowhere.
    pub(super) async fn addresses(&self) -> Result<Addresses, Fault> {
        match self {
            Self::Address(address) => Ok(Addresses::One(*address)),
            Self::Name(name) => name.look_up().await.map(Addresses::Several),
            Self::Gateway(watch) => match watch.current() {
                Whereabouts::Found(gateway) => Ok(Addresses::One(gateway.address)),
                Whereabouts::Searching(fault) => Err((*fault).clone()),
                Whereabouts::NotNeeded(_) => {
                    Err(Fault::new(FaultId::Stopping, "localhost reaches Windows by itself now"))
                }
            },
        }
    }

    /// Whether a connection to `address`, made a few seconds ago, goes where one made now would go.
    pub fn leads_to(&self, address: SocketAddr) -> bool {
        match self {
            Self::Address(ours) => *ours == address,
            // A name is looked up anew soon enough.
            Self::Name(_) => true,
            Self::Gateway(watch) => match watch.current() {
                Whereabouts::Found(gateway) => gateway.address == address,
                Whereabouts::Searching(_) | Whereabouts::NotNeeded(_) => false,
            },
        }
    }

    /// What a request's `Host` names, when it goes to `address`. An upstream that was found is Ollama, which may be bound to
    /// loopback and then wants a local name.
    pub(crate) fn host_header(&self, address: SocketAddr) -> String {
        match self {
            Self::Address(_) => address.to_string(),
            Self::Name(name) => format!("{}:{}", name.host, name.port),
            Self::Gateway(_) => format!("localhost:{}", address.port()),
        }
    }

    /// What changes from now on.
    pub(super) fn news(&self) -> News {
        match self {
            Self::Address(_) | Self::Name(_) => News(None),
            Self::Gateway(watch) => News(Some(watch.from_now_on())),
        }
    }

    /// The addresses given were no good: do not rely on them again.
    pub(super) async fn distrust(&self) {
        match self {
            Self::Address(_) => {}
            Self::Name(name) => *name.cache.lock().await = None,
            Self::Gateway(watch) => watch.ask(),
        }
    }
}

/// Changes of where connections go.
#[derive(Debug)]
pub(super) struct News(Option<GatewayWatch>);

impl News {
    /// Waits until connections should go elsewhere than before; for ever where that cannot change.
    pub(super) async fn wait(&mut self) {
        match &mut self.0 {
            Some(watch) => drop(watch.changed().await),
            None => std::future::pending().await,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => write!(f, "{}:{}", name.host, name.port),
            Self::Gateway(watch) => match watch.current() {
                Whereabouts::Found(gateway) => gateway.address.fmt(f),
                Whereabouts::Searching(_) | Whereabouts::NotNeeded(_) => f.write_str("Windows"),
            },
        }
    }
}

impl Name {
    pub fn new(host: String, port: u16, listeners: Vec<SocketAddr>) -> Self {
        Self { host, port, listeners, cache: Mutex::new(None) }
    }

    async fn look_up(&self) -> Result<Arc<[SocketAddr]>, Fault> {
        let mut cache = self.cache.lock().await;
        let now = clock::now();
        if let Some((when, addresses)) = &*cache
            && now.duration_since(*when) < FRESH
        {
            return Ok(Arc::clone(addresses));
        }
        let looked_up = timeout(LOOKUP_TIME, tokio::net::lookup_host((self.host.as_str(), self.port))).await;
        let fault =
            |why: &dyn fmt::Display| Fault::new(FaultId::UpstreamName, format!("cannot resolve {}: {why}", self.host));
        let found: Vec<SocketAddr> = match looked_up {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(error)) => return Err(fault(&error)),
            Err(_) => return Err(fault(&"no answer from the resolver")),
        };
        let elsewhere: Arc<[SocketAddr]> = found.iter().copied().filter(|address| !self.is_our_own(*address)).collect();
        if elsewhere.is_empty() {
            return Err(if found.is_empty() {
                fault(&"it has no address")
            } else {
                Fault::new(FaultId::UpstreamLoop, format!("{} is this forwarder itself", self.host))
            });
        }
        *cache = Some((now, Arc::clone(&elsewhere)));
        Ok(elsewhere)
    }

    fn is_our_own(&self, address: SocketAddr) -> bool {
        self.listeners.iter().any(|listener| leads_to(address, *listener))
    }
}
