//! One connection, from accept to its closing record.
//!
//! ```text
//! Accepted -> (our own probe? then it is a loop, and over)
//!          -> Reaching --connected--> Relaying [--moves much--> Relaying on the bulk thread] -> Record
//!                      \-no way-----> Refused                                               -> Record
//! ```
//! What is rare or short is boxed, so that a connection that idles, as most do, is small.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::debug;

use super::live::Cut;
use super::reach::reach;
use super::record::{EndedBy, Record};
use super::refuse::refuse;
use super::{Accepted, Shared};
use crate::clock;
use crate::fault::{Fault, FaultId};
use crate::net::options::watch_over;
use crate::net::relay::{Outcome, Parked, Relay, Side, Tempo};

/// While a probe of ours is under way, how long a new client may take to show that it is not that probe.
const LOOP_CHECK: Duration = Duration::from_millis(500);

/// What a connection is until its record is told; telling it is the last thing it does, however it ends.
#[derive(Debug)]
struct Session {
    shared: Arc<Shared>,
    id: u64,
    peer: SocketAddr,
    accepted: Instant,
    upstream: Option<SocketAddr>,
    relay: Option<Relay>,
    /// Boxed, as an open connection has none.
    end: Option<Box<End>>,
}

/// How it ended, once that is known.
#[derive(Debug)]
struct End {
    by: EndedBy,
    why: String,
    id: Option<FaultId>,
}

impl End {
    fn cut(why: Option<Cut>) -> Self {
        let (why, id) = Cut::reason(why);
        Self { by: EndedBy::Us, why: why.into(), id }
    }
}

/// Serves one client. Not an `async fn`: that would keep its arguments beside what is made of them.
pub fn serve(shared: Arc<Shared>, accepted: Accepted) -> impl Future<Output = ()> + Send {
    let Accepted { id, client, peer } = accepted;
    let mut session = Session::open(shared, id, peer);
    async move {
        let Some(relay) = Box::pin(session.begin(client)).await else { return };
        session.relay = Some(relay);
        if session.carry(Tempo::Interactive).await.is_much() {
            Box::pin(session.carry_elsewhere()).await;
        }
    }
}

/// Tells a client that there is no room for it.
pub(super) async fn refuse_at_the_door(shared: Arc<Shared>, accepted: Accepted, fault: Fault) {
    let Accepted { id, client, peer } = accepted;
    shared.ledger.refused();
    Session::open(shared, id, peer).refuse(client, fault).await;
}

impl Session {
    fn open(shared: Arc<Shared>, id: u64, peer: SocketAddr) -> Self {
        shared.ledger.opened();
        Self { shared, id, peer, accepted: clock::now(), upstream: None, relay: None, end: None }
    }

    /// All that comes before the relay. None: it came to nothing, and the client was told.
    async fn begin(&mut self, client: TcpStream) -> Option<Relay> {
        if self.shared.mark.is_under_way() && self.is_our_probe(&client).await {
            self.end = Some(Box::new(End { by: EndedBy::Us, why: "our own probe came back".into(), id: None }));
            return None;
        }
        if !self.peer.ip().is_loopback() {
            // Refused only on a socket that is closed already.
            let _ = watch_over(&client, self.shared.policy.keepalive);
        }
        let deadline = self.accepted + self.shared.limits.wait_for_upstream;
        match reach(&self.shared, deadline, hung_up(&client)).await {
            Ok((upstream, address)) => {
                self.upstream = Some(address);
                Some(self.join(client, upstream))
            }
            Err(fault) => {
                self.refuse(client, fault).await;
                None
            }
        }
    }

    async fn is_our_probe(&self, client: &TcpStream) -> bool {
        let mut head = [0; 512];
        let seen = timeout(LOOP_CHECK, client.peek(&mut head)).await;
        seen.is_ok_and(|seen| seen.is_ok_and(|count| self.shared.mark.recognise(&head[..count])))
    }

    /// Both ends are there.
    fn join(&self, client: TcpStream, upstream: TcpStream) -> Relay {
        let relay = Relay::new(client, upstream);
        if self.upstream.is_some_and(|address| !address.ip().is_loopback())
            && let Some(local) = relay.upstream_local()
        {
            self.shared.live.connected(self.id, local.ip(), relay.upstream_fd());
        }
        relay
    }

    /// Relays on this thread, and notes the end if there was one.
    async fn carry(&mut self, tempo: Tempo) -> Carried {
        let relay = self.relay.as_mut().expect("set before it is carried");
        let outcome = relay.run(tempo, &self.shared.ledger.moved).await;
        self.end = match outcome {
            Outcome::MuchData => return Carried::Much,
            Outcome::Finished { first } => Some(Box::new(End { by: first.into(), why: "closed".into(), id: None })),
            Outcome::Broken { side, error } => Some(Box::new(self.broken(side, &error))),
        };
        Carried::ToItsEnd
    }

    /// Hands the whole session to the bulk thread and waits there for its end.
    async fn carry_elsewhere(mut self) {
        let relay = self.relay.take().expect("set before it is carried");
        let (shared, sent, received) = (Arc::clone(&self.shared), relay.sent(), relay.received());
        let parked = match relay.park() {
            Ok(parked) => parked,
            Err(error) => {
                let why = format!("cannot move to the bulk thread after {sent}/{received} bytes: {error}");
                self.end = Some(Box::new(End { by: EndedBy::Us, why, id: Some(FaultId::Internal) }));
                return;
            }
        };
        match shared.bulk.run(self.carry_parked(parked)) {
            Ok(done) => drop(done.await),
            // The session went down with its work, and told its record.
            Err(error) => debug!(%error, "bulk thread not started"),
        }
    }

    /// The rest of a session, on the bulk thread.
    async fn carry_parked(mut self, parked: Parked) {
        match parked.resume() {
            Ok(relay) => {
                self.relay = Some(relay);
                self.carry(Tempo::Bulk).await;
            }
            Err(error) => {
                let why = format!("cannot move to the bulk thread: {error}");
                self.end = Some(Box::new(End { by: EndedBy::Us, why, id: Some(FaultId::Internal) }));
            }
        }
    }

    fn broken(&self, side: Side, error: &io::Error) -> End {
        let first_end = self.relay.as_ref().and_then(Relay::first_end);
        match side {
            Side::Downstream => End { by: EndedBy::Client, why: reason(error), id: None },
            // The client had hung up already: that the upstream then drops the rest is how a cancelled request looks.
            Side::Upstream if first_end == Some(Side::Downstream) => {
                End { by: EndedBy::Client, why: format!("closed; then the upstream: {}", reason(error)), id: None }
            }
            Side::Upstream => {
                let id = if error.kind() == io::ErrorKind::ConnectionReset {
                    FaultId::UpstreamReset
                } else {
                    FaultId::UpstreamLost
                };
                End { by: EndedBy::Upstream, why: reason(error), id: Some(id) }
            }
        }
    }

    async fn refuse(&mut self, client: TcpStream, fault: Fault) {
        self.end = Some(Box::new(End { by: EndedBy::Us, why: fault.what.en.clone(), id: Some(fault.id) }));
        refuse(client, &fault).await;
    }
}

/// How [`Session::carry`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carried {
    ToItsEnd,
    Much,
}

impl Carried {
    fn is_much(self) -> bool {
        self == Self::Much
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Before the sockets are closed: see `Live`.
        let cut = self.shared.live.remove(self.id);
        let end = self.end.take().map_or_else(|| End::cut(cut), |end| *end);
        self.shared.ledger.ended(end.id.is_some());
        let record = Record {
            conn: self.id,
            peer: self.peer,
            upstream: self.upstream,
            sent: self.relay.as_ref().map_or(0, Relay::sent),
            received: self.relay.as_ref().map_or(0, Relay::received),
            requests: None,
            resumes: None,
            took: clock::now().duration_since(self.accepted),
            ended_by: end.by,
            why: end.why,
            id: end.id,
        };
        record.tell();
    }
}

impl From<Side> for EndedBy {
    fn from(side: Side) -> Self {
        match side {
            Side::Downstream => Self::Client,
            Side::Upstream => Self::Upstream,
        }
    }
}

/// Returns when the client has closed its side, or all of it.
async fn hung_up(client: &TcpStream) {
    // Of all interests, this one alone is told of the end of the stream but not of data that waits to be read.
    match client.ready(Interest::PRIORITY).await {
        Ok(ready) if !ready.is_read_closed() => std::future::pending().await,
        Ok(_) | Err(_) => {}
    }
}

/// An error in the words of the connection's end.
fn reason(error: &io::Error) -> String {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest of the system's errors speak for themselves")]
    match error.kind() {
        io::ErrorKind::ConnectionReset => "reset".into(),
        io::ErrorKind::BrokenPipe => "gone while we were writing".into(),
        io::ErrorKind::TimedOut => "no sign of life (keepalive or user timeout)".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what `function` returns, without calling it.
    fn size_of_future<F, Future>(_function: F) -> usize
    where
        F: Fn(Arc<Shared>, Accepted) -> Future,
    {
        size_of::<Future>()
    }

    #[test]
    fn an_idle_connection_is_small() {
        let size = size_of_future(serve);
        assert!(size <= 416, "{size} bytes a connection: box what is rare");
    }
}
