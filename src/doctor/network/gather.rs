//! Finds out which way leads to Windows, and who answers there.
//!
//! ```text
//! target ─┬─ auto ──> candidates of netlink and resolv.conf, and those of slow programs ─┐
//!         ├─ named ─> its addresses ─────────────────────────────────────────────────────┼─> all asked at once ─> Tried
//!         ├─ localhost, where it is Windows ─────────────────────────────────────────────┘
//!         └─ demo ──> nobody is asked
//! ```

use std::fs;
use std::future::{Future, ready};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{timeout, timeout_at};

use super::{Network, Target, Tried, TriedHow};
use crate::clock;
use crate::config::Upstream;
use crate::doctor::Fact;
use crate::gateway::identify::{ANSWER_TIME, DialFault, ProbeMark, identify};
use crate::gateway::select::{Candidate, candidates};
use crate::gateway::wsl::{Mode, Need};
use crate::gateway::{Refusal, Snapshot, late_candidates, look, mtu, neighbours};
use crate::net::options::SocketPolicy;
use crate::{log, words};

/// What has to be told.
#[derive(Clone, Debug)]
pub struct Ask {
    /// `/` outside tests.
    pub root: PathBuf,
    pub upstream: Upstream,
    pub mode: Option<Mode>,
    pub policy: SocketPolicy,
    pub times: Times,
}

impl Ask {
    /// What the user wants to reach.
    pub fn target(&self) -> Target {
        match &self.upstream {
            Upstream::Auto(port) if self.mode.as_ref().is_some_and(|mode| mode.need() == Need::Nothing) => {
                Target::Localhost { port: *port }
            }
            Upstream::Auto(port) => Target::Auto { port: *port },
            Upstream::Demo => Target::Demo,
            Upstream::Address(address) => Target::Named { name: address.to_string() },
            Upstream::Name { host, port } => Target::Named { name: format!("{host}:{port}") },
        }
    }
}

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// For a connection. Longer than the 3.05 s after which the kernel knows that nobody has the address
    /// (`wsl-networking` 2.2): the reason is worth more than the time.
    pub connect: Duration,
    /// For the others, once one has answered.
    pub others: Duration,
    /// For a name.
    pub resolve: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(3300),
            others: Duration::from_millis(500),
            resolve: Duration::from_secs(2),
        }
    }
}

/// A dump is a few system calls; one that takes longer hangs.
const DUMP_TIME: Duration = Duration::from_secs(2);

/// The kernel's network state.
pub async fn snapshot(root: &Path) -> Fact<Snapshot> {
    dumped(look(root)).await
}

/// What netlink says in time, or why it said nothing.
async fn dumped<T>(dump: impl Future<Output = Result<T, crate::gateway::NetlinkError>>) -> Fact<T> {
    match timeout(DUMP_TIME, dump).await {
        Ok(Ok(value)) => Fact::Known(value),
        Ok(Err(error)) => {
            let why = log::chain(&error);
            Fact::Unknown(words!("the kernel did not tell: {why}", "le noyau ne l'a pas dit : {why}"))
        }
        Err(_) => Fact::Unknown(words!("the kernel did not tell in time", "le noyau ne l'a pas dit à temps")),
    }
}

pub async fn gather(ask: &Ask, snapshot: Fact<Snapshot>) -> Network {
    let mut network = Network { snapshot, target: Some(ask.target()), ..Network::default() };
    match &ask.upstream {
        Upstream::Demo => {}
        Upstream::Address(address) => network.tried = try_all(ask, vec![(*address, TriedHow::Named)], nobody()).await,
        Upstream::Name { host, port } => match resolve(host, *port, ask.times.resolve).await {
            Ok(places) => network.tried = try_all(ask, places, nobody()).await,
            Err(why) => network.unresolved = Some(why),
        },
        Upstream::Auto(port) => network.tried = try_auto(ask, *port, network.snapshot.known()).await,
    }
    let link = network.snapshot.known().and_then(|snapshot| Some(snapshot.windows_side().next()?.1.link));
    (network.neighbours, network.mtu) = tokio::join!(dumped(neighbours(&ask.root)), mtu_of(ask, link));
    network
}

async fn try_auto(ask: &Ask, port: u16, snapshot: Option<&Snapshot>) -> Vec<Tried> {
    match ask.mode.as_ref().map(Mode::need) {
        Some(Need::Nothing) => {
            try_all(ask, vec![((Ipv4Addr::LOCALHOST, port).into(), TriedHow::Localhost)], nobody()).await
        }
        // Nobody may be asked who was not named: the gateway is a router there.
        Some(Need::Named | Need::Impossible) => Vec::new(),
        Some(Need::Forward) | None => {
            let resolv_conf = fs::read_to_string(ask.root.join("etc/resolv.conf")).unwrap_or_default();
            let first = snapshot.map(|snapshot| candidates(snapshot, &resolv_conf)).unwrap_or_default();
            let place = move |one: Candidate| (SocketAddr::from((one.ip, port)), TriedHow::Candidate(one.how));
            let late = async { late_candidates(&ask.root).await.into_iter().map(place).collect() };
            try_all(ask, first.into_iter().map(place).collect(), late).await
        }
    }
}

/// No more candidates will come.
fn nobody() -> impl Future<Output = Vec<Place>> {
    ready(Vec::new())
}

async fn resolve(host: &str, port: u16, limit: Duration) -> Result<Vec<(SocketAddr, TriedHow)>, String> {
    match timeout(limit, tokio::net::lookup_host((host, port))).await {
        Ok(Ok(addresses)) => Ok(addresses.map(|address| (address, TriedHow::Named)).collect()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer from the resolver within {limit:?}")),
    }
}

type Place = (SocketAddr, TriedHow);

/// Asks all of them at once; and, where none has answered, those that `late` comes to.
async fn try_all(ask: &Ask, places: Vec<Place>, late: impl Future<Output = Vec<Place>>) -> Vec<Tried> {
    let (first, late) = (pin!(round(ask, &places)), pin!(late));
    let (mut tried, mut more) = match select(first, late).await {
        Either::Left((tried, _)) if tried.iter().any(|one| one.answer.is_ok()) => return tried,
        Either::Left((tried, late)) => (tried, late.await),
        Either::Right((more, first)) => (first.await, more),
    };
    more.retain(|(address, _)| !places.iter().any(|(known, _)| known == address));
    tried.extend(round(ask, &more).await);
    tried
}

/// All of them, in their order. Once one has answered, the others have little time left.
async fn round(ask: &Ask, places: &[Place]) -> Vec<Tried> {
    let mark = ProbeMark::default();
    let mut asked: FuturesUnordered<_> = places.iter().map(|place| try_one(ask, place, &mark)).collect();
    let mut until = clock::now() + ask.times.connect + ANSWER_TIME;
    let mut tried = Vec::new();
    while let Ok(Some(one)) = timeout_at(until.into(), asked.next()).await {
        if one.answer.is_ok() {
            until = until.min(clock::now() + ask.times.others);
        }
        tried.push(one);
    }
    let in_order = places.iter().map(|place| {
        let answered = tried.iter().find(|one| one.address == place.0).cloned();
        answered.unwrap_or_else(|| place_tried(place, Err(Refusal::Dial(DialFault::Timeout)), ask.times.others))
    });
    in_order.collect()
}

async fn try_one(ask: &Ask, place: &Place, mark: &ProbeMark) -> Tried {
    let from = clock::now();
    let answer = identify(place.0, ask.times.connect, &ask.policy, mark).await;
    place_tried(place, answer.map(|identity| identity.version), clock::now().saturating_duration_since(from))
}

fn place_tried((address, how): &Place, answer: Result<String, Refusal>, took: Duration) -> Tried {
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Tried { address: *address, how: how.clone(), answer, took_ms }
}

async fn mtu_of(ask: &Ask, link: Option<u32>) -> Fact<u32> {
    let unknown = || Fact::Unknown(words!("no card leads to Windows", "aucune carte ne mène à Windows"));
    let Some(link) = link else { return unknown() };
    match dumped(mtu(&ask.root, link)).await {
        Fact::Known(Some(mtu)) => Fact::Known(mtu),
        Fact::Known(None) => unknown(),
        Fact::Unknown(why) => Fact::Unknown(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn ask(upstream: Upstream) -> Ask {
        let times = Times { connect: Duration::from_secs(2), others: Duration::from_millis(20), ..Times::default() };
        Ask { root: "/nowhere".into(), upstream, mode: Some(Mode::Nat), policy: SocketPolicy::default(), times }
    }

    /// Answers everybody with this, once.
    async fn server(answer: &'static str) -> (SocketAddr, impl Future<Output = ()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let _ = client.read(&mut [0; 1024]).await;
            client.write_all(answer.as_bytes()).await.unwrap();
        };
        (address, serve)
    }

    const OLLAMA: &str = "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"version\":\"0.33.0\"}";

    #[tokio::test]
    async fn a_named_address_is_asked_and_nobody_else() {
        let (address, serve) = server(OLLAMA).await;
        let asked = ask(Upstream::Address(address));
        let (network, ()) = tokio::join!(gather(&asked, Fact::default()), serve);
        let tried: Vec<_> = network.tried.iter().map(|one| (one.address, &one.how, one.answer.clone())).collect();
        assert_eq!(tried, [(address, &TriedHow::Named, Ok("0.33.0".into()))]);
        assert_eq!(network.target, Some(Target::Named { name: address.to_string() }));
        assert_eq!(network.answered().map(|one| one.address), Some(address));
    }

    #[tokio::test]
    async fn a_named_address_that_refuses_is_the_end_of_it() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let network = gather(&ask(Upstream::Address(closed)), Fact::default()).await;
        let answers: Vec<_> = network.tried.iter().map(|one| (one.address, one.answer.clone())).collect();
        assert_eq!(answers, [(closed, Err(Refusal::Dial(DialFault::Refused)))]);
    }

    #[tokio::test]
    async fn who_is_silent_is_not_waited_for_once_another_has_answered() {
        let (address, serve) = server(OLLAMA).await;
        let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = mute.local_addr().unwrap();
        let places = vec![(silent, TriedHow::Named), (address, TriedHow::Named)];
        let asked = ask(Upstream::Demo);
        let (tried, ()) = tokio::join!(try_all(&asked, places, nobody()), serve);
        let answers: Vec<_> = tried.iter().map(|one| (one.address, one.answer.is_ok())).collect();
        assert_eq!(answers, [(silent, false), (address, true)], "in the order in which they were named");
    }

    #[tokio::test]
    async fn slow_candidates_are_asked_where_the_quick_ones_have_failed() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let (address, serve) = server(OLLAMA).await;
        let late = async { vec![(closed, TriedHow::Named), (address, TriedHow::Localhost)] };
        let asked = ask(Upstream::Demo);
        let (tried, ()) = tokio::join!(try_all(&asked, vec![(closed, TriedHow::Named)], late), serve);
        let answers: Vec<_> = tried.iter().map(|one| (one.address, one.answer.is_ok())).collect();
        assert_eq!(answers, [(closed, false), (address, true)], "each address once");
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_told() {
        let asked = ask(Upstream::Name { host: "no such host".into(), port: 11434 });
        let network = gather(&asked, Fact::default()).await;
        assert!(network.unresolved.is_some() && network.tried.is_empty());
    }

    #[tokio::test]
    async fn where_the_gateway_is_a_router_nobody_is_asked() {
        for mode in [Mode::Bridged, Mode::LocalhostForwardingOff, Mode::Linux] {
            let asked = Ask { mode: Some(mode), ..ask(Upstream::Auto(11434)) };
            assert_eq!(
                gather(&asked, Fact::Known(super::super::healthy().snapshot.known().unwrap().clone())).await.tried,
                []
            );
        }
    }
}
