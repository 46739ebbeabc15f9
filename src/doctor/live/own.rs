//! A forward, a bridge and a demo of our own, in this process and on loopback, for the time of a test.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::bridge::settings::Settings;
use crate::bridge::{self, Bridge, Known};
use crate::capture::Tap;
use crate::clock;
use crate::demo;
use crate::forward::{self, Limits, Phase, Shared, Target};
use crate::gateway::ProbeMark;
use crate::net::listen::{BindError, Listener, bind};
use crate::net::options::SocketPolicy;

/// How a forward of our own is to be.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub upstream: SocketAddr,
    /// None: bytes are forwarded as they are.
    pub bridge: Option<Settings>,
    pub policy: SocketPolicy,
    pub connect_time: Duration,
    pub hide_from_windows: bool,
}

/// Runs until [`Own::stop`]. Dropped before, it ends without having told its connections.
pub(super) struct Own {
    pub address: SocketAddr,
    phase: watch::Sender<Phase>,
    running: JoinSet<()>,
}

/// More than the test itself opens.
const MOST_CONNECTIONS: usize = 64;
/// Whatever is open is cut, so this is for a busy machine.
const STOP_TIME: Duration = Duration::from_secs(1);

impl Own {
    pub(super) fn start(plan: Plan) -> Result<Self, BindError> {
        let listener = listen(plan.hide_from_windows)?;
        let address = listener.address;
        let limits = Limits {
            connect_time: plan.connect_time,
            // The upstream has just answered.
            wait_for_upstream: plan.connect_time,
            max_connections: MOST_CONNECTIONS,
            connections_that_fit: MOST_CONNECTIONS,
        };
        let shared = Shared::new(Target::Address(plan.upstream), limits, plan.policy, ProbeMark::default());
        let (phase, told) = watch::channel(Phase::Run);
        let mut running = JoinSet::new();
        match plan.bridge {
            Some(settings) => {
                let bridge =
                    Bridge::new(Arc::clone(&shared), Known::new(vec![address], None), settings, Tap::default());
                let (kept, stop) = (Arc::clone(&bridge), phase.subscribe());
                running.spawn(async move {
                    let serve = move |accepted| bridge::serve(Arc::clone(&bridge), accepted, stop.clone());
                    let run = forward::run(vec![listener], shared, told, Duration::ZERO, serve);
                    tokio::select! {
                        _ = run => {}
                        () = kept.keep_house() => {}
                    }
                });
            }
            None => {
                running.spawn(async move {
                    let kept = Arc::clone(&shared);
                    let serve = move |accepted| forward::serve(Arc::clone(&kept), accepted);
                    forward::run(vec![listener], shared, told, Duration::ZERO, serve).await;
                });
            }
        }
        Ok(Self { address, phase, running })
    }

    /// Ends it, and all that it still carries.
    pub(super) async fn stop(mut self) {
        self.phase.send_replace(Phase::Cut);
        // What does not end by then ends with its set.
        let _ = timeout(STOP_TIME, self.running.join_next()).await;
    }
}

/// A demo of our own, which ends when it is dropped.
pub(super) struct OwnDemo {
    pub address: SocketAddr,
    _running: JoinSet<()>,
}

/// Fast, yet slow enough that one sees it stream.
const PACE: demo::Pace = demo::Pace { piece: Duration::from_millis(10) };

impl OwnDemo {
    pub(super) fn start(hide_from_windows: bool) -> Result<Self, BindError> {
        let listener = listen(hide_from_windows)?;
        let address = listener.address;
        let mut running = JoinSet::new();
        running.spawn(async move {
            // It only fails when it cannot accept, which its clients notice.
            let _ = demo::serve(listener.into_tokio(), PACE, clock::wall).await;
        });
        Ok(Self { address, _running: running })
    }
}

fn listen(hide_from_windows: bool) -> Result<Listener, BindError> {
    bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), hide_from_windows)
}
