//! Connects, within a time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use thiserror::Error;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::options::{SocketPolicy, prepare_upstream};

#[derive(Debug, Error)]
pub enum DialError {
    #[error("cannot connect to {0}")]
    Connect(SocketAddr, #[source] io::Error),
    #[error("no answer from {0}")]
    Timeout(SocketAddr),
    #[error("cannot make a socket")]
    Socket(#[source] io::Error),
}

impl DialError {
    /// The process or the system has no descriptor left; it may have one soon.
    pub fn is_out_of_descriptors(&self) -> bool {
        match self {
            Self::Socket(error) | Self::Connect(_, error) => super::descriptors::is_exhausted(error),
            Self::Timeout(_) => false,
        }
    }
}

/// A name with several addresses is tried side by side, each this much later than the one before it (RFC 8305 uses the same value).
const STAGGER: Duration = Duration::from_millis(250);

/// Connects to one address.
pub async fn dial(address: SocketAddr, limit: Duration, policy: &SocketPolicy) -> Result<TcpStream, DialError> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.map_err(DialError::Socket)?;
    prepare_upstream(&socket, policy).map_err(DialError::Socket)?;
    match timeout(limit, socket.connect(address)).await {
        Ok(connected) => connected.map_err(|error| DialError::Connect(address, error)),
        Err(_) => Err(DialError::Timeout(address)),
    }
}

/// Connects to the first of these addresses that answers, and tells which. The error is that of the first address.
///
/// `addresses` must not be empty.
pub async fn dial_any(
    addresses: &[SocketAddr],
    limit: Duration,
    policy: &SocketPolicy,
) -> Result<(TcpStream, SocketAddr), DialError> {
    if let [only] = addresses {
        return Ok((dial(*only, limit, policy).await?, *only));
    }
    let mut attempts: FuturesUnordered<_> = (0u32..)
        .zip(addresses)
        .map(|(place, &address)| async move {
            sleep(STAGGER * place).await;
            (place, dial(address, limit, policy).await.map(|stream| (stream, address)))
        })
        .collect();
    let mut first: Option<(u32, DialError)> = None;
    while let Some((place, outcome)) = attempts.next().await {
        match outcome {
            Ok(connected) => return Ok(connected),
            Err(error) if first.as_ref().is_none_or(|(earlier, _)| place < *earlier) => first = Some((place, error)),
            Err(_) => {}
        }
    }
    Err(first.expect("there was at least one address").1)
}
