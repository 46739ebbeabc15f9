//! A server on loopback that answers as a test has it: well, badly, slowly or never. It remembers the heads of requests.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// 200 and this JSON.
    Json(String),
    /// These bytes, and the end of the connection.
    Raw(Vec<u8>),
    /// These bytes, and then nothing; the connection stays.
    RawThenNothing(Vec<u8>),
    /// Chunks, each this long after the one before; then its end, or the connection's.
    Slowly { pieces: Vec<Vec<u8>>, pause: Duration, breaks: bool },
    /// The body of the request is read, and nothing is said.
    Never,
    /// Not even the body of the request is read.
    Deaf,
}

impl Reply {
    pub(crate) fn json(body: impl std::fmt::Display) -> Self {
        Self::Json(format!("{body}"))
    }

    pub(crate) fn raw(bytes: &str) -> Self {
        Self::Raw(bytes.into())
    }

    /// Another status than 200.
    pub(crate) fn status(line: &str, body: &str) -> Self {
        Self::raw(&format!("HTTP/1.1 {line}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    }
}

/// Ends with all its connections when it is dropped.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    _running: JoinSet<()>,
}

impl Fake {
    /// The same for every request.
    pub(crate) fn always(reply: Reply) -> Self {
        Self::new(move |_| reply.clone())
    }

    /// `answer` gets the head of a request, such as `GET /api/version HTTP/1.1…`, and its body if it was read.
    pub(crate) fn new(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let (answer, remembered) = (Arc::new(answer), Arc::clone(&heard));
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, heard) = (Arc::clone(&answer), Arc::clone(&remembered));
                // An error is the client's leaving, which is its own affair.
                connections.spawn(async move { drop(converse(stream, &*answer, &heard).await) });
            }
        });
        Self { address, heard, _running: running }
    }

    /// Heads and bodies of the requests so far.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn converse(
    mut stream: TcpStream,
    answer: &(dyn Fn(&str) -> Reply + Send + Sync),
    requests: &Mutex<Vec<String>>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        if matches!(answer(&head), Reply::Deaf) {
            requests.lock().unwrap().push(head);
            return std::future::pending().await;
        }
        let length = head.to_ascii_lowercase();
        let length = length.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse().ok());
        let whole = end + length.unwrap_or(0);
        while buffer.len() < whole {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let request = String::from_utf8_lossy(&buffer[..whole]).into_owned();
        buffer.drain(..whole);
        let reply = answer(&request);
        requests.lock().unwrap().push(request);
        if !give(&mut stream, reply).await? {
            return Ok(());
        }
    }
}

/// Whether the connection goes on.
async fn give(stream: &mut TcpStream, reply: Reply) -> io::Result<bool> {
    match reply {
        Reply::Json(body) => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
            stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await?;
            Ok(true)
        }
        Reply::Raw(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await?;
            Ok(false)
        }
        Reply::RawThenNothing(bytes) => {
            stream.write_all(&bytes).await?;
            std::future::pending().await
        }
        Reply::Slowly { pieces, pause, breaks } => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
            for piece in pieces {
                tokio::time::sleep(pause).await;
                let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
                stream.write_all(&chunk).await?;
            }
            if breaks {
                stream.shutdown().await?;
                return Ok(false);
            }
            stream.write_all(b"0\r\n\r\n").await?;
            Ok(true)
        }
        Reply::Never | Reply::Deaf => std::future::pending().await,
    }
}
