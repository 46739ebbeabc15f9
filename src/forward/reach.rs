//! Finds a way to the upstream, and keeps trying while somebody waits for it. Nothing has gone there yet, so trying again is
//! always safe.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::{sleep, sleep_until};

use super::Shared;
use super::target::Target;
use crate::fault::{Fault, FaultId};
use crate::gateway::identify::Refusal;
use crate::net::dial::dial_any;

/// Between attempts to connect: doubles from the first value up to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Connects to the upstream, trying until `deadline`, or until `given_up` says that nobody waits any more. The first attempt
/// is the usual one; what follows it is rare and kept apart.
pub async fn reach(
    shared: &Shared,
    deadline: Instant,
    given_up: impl Future<Output = ()>,
) -> Result<(TcpStream, SocketAddr), Fault> {
    match attempt(shared).await {
        Ok(connected) => Ok(connected),
        Err(fault) if fault.id == FaultId::UpstreamLoop => Err(fault),
        Err(fault) => Box::pin(keep_trying(shared, deadline, given_up, fault)).await,
    }
}

async fn keep_trying(
    shared: &Shared,
    deadline: Instant,
    given_up: impl Future<Output = ()>,
    mut fault: Fault,
) -> Result<(TcpStream, SocketAddr), Fault> {
    let deadline = sleep_until(deadline.into());
    tokio::pin!(deadline, given_up);
    let _waiting = match &shared.target {
        Target::Gateway(watch) => Some(watch.wait()),
        Target::Address(_) | Target::Name(_) => None,
    };
    let mut news = shared.target.news();
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::select! {
            biased;
            () = &mut given_up => return Err(fault),
            () = &mut deadline => return Err(fault),
            () = news.wait() => pause = FIRST_PAUSE,
            () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
        tokio::select! {
            biased;
            () = &mut given_up => return Err(fault),
            // An attempt that began in time may end: it takes no longer than the time to connect.
            outcome = attempt(shared) => match outcome {
                Ok(connected) => return Ok(connected),
                Err(error) => fault = error,
            },
        }
    }
}

async fn attempt(shared: &Shared) -> Result<(TcpStream, SocketAddr), Fault> {
    let addresses = shared.target.addresses().await?;
    let dialled = dial_any(addresses.as_slice(), shared.limits.connect_time, &shared.policy).await;
    let fault = match dialled {
        Ok((stream, upstream)) => {
            shared.health.reached(upstream);
            return Ok((stream, upstream));
        }
        Err(error) if error.is_out_of_descriptors() => {
            return Err(Fault::new(FaultId::OutOfDescriptors, crate::log::chain(&error)));
        }
        Err(error) => Refusal::Dial((&error).into()).fault(&shared.target),
    };
    shared.health.missed(&shared.target, &fault);
    shared.target.distrust().await;
    Err(fault)
}
