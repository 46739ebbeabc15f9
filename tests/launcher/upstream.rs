//! What stands between a forward and the demo, and remembers each request as it came.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::host::Host;
use crate::scene::DEMO;

/// For a connection on loopback.
const SOON: Duration = Duration::from_secs(5);

/// One request.
#[derive(Debug)]
pub(crate) struct Ask {
    /// `POST /v1/responses HTTP/1.1` and the headers, as they came.
    pub(crate) head: String,
    /// Null where it is no JSON.
    pub(crate) body: Value,
}

pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    /// Of each connection, all that its client has sent.
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Recorder {
    /// `models`: what is told of them, if it is not to be what the demo tells.
    pub(crate) fn on(host: &Host, models: &'static [&'static str]) -> Self {
        let listener = host.run(|| TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let (dial, inbox) = std::sync::mpsc::channel::<(TcpStream, usize)>();
        let told = Arc::clone(&heard);
        // Sockets belong to the machine on which they were made: the threads that make them have to be there.
        host.run(move || {
            thread::spawn(move || {
                for (near, number) in inbox {
                    let told = Arc::clone(&told);
                    thread::spawn(move || drop(join(near, number, models, &told)));
                }
            });
        });
        let all = Arc::clone(&heard);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let number = {
                    let mut all = locked(&all);
                    all.push(Vec::new());
                    all.len() - 1
                };
                if dial.send((near, number)).is_err() {
                    return;
                }
            }
        });
        Self { address, heard }
    }

    /// All that was asked at `path`.
    pub(crate) fn asks(&self, path: &str) -> Vec<Ask> {
        let all = locked(&self.heard);
        let asks = all.iter().flat_map(|bytes| asks_of(bytes));
        asks.filter(|ask| ask.head.split_whitespace().nth(1) == Some(path)).collect()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Both ways, until both ends are done.
fn join(near: TcpStream, number: usize, models: &[&str], heard: &Arc<Mutex<Vec<Vec<u8>>>>) -> io::Result<()> {
    let far = TcpStream::connect_timeout(&DEMO.parse().expect("an address"), SOON)?;
    let (mut from, mut to) = (far.try_clone()?, near.try_clone()?);
    let back = thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut near, mut far, mut block) = (near, far, [0; 16 << 10]);
    while let Ok(size @ 1..) = near.read(&mut block) {
        locked(heard)[number].extend(&block[..size]);
        // Nobody asks again before there is an answer: a request is the beginning of what is read.
        if !models.is_empty() && block[..size].starts_with(b"GET /api/tags ") {
            near.write_all(tags(models).as_bytes())?;
            break;
        }
        far.write_all(&block[..size])?;
    }
    let _ = far.shutdown(Shutdown::Write);
    drop(back.join());
    Ok(())
}

/// An answer to `GET /api/tags`, the last one of its connection.
fn tags(models: &[&str]) -> String {
    let model =
        |name: &&str| json!({"name": name, "model": name, "size": 0, "digest": "0", "details": {"family": "demo"}});
    let body = json!({"models": models.iter().map(model).collect::<Vec<_>>()}).to_string();
    let size = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// The requests of one connection; each body has its length told.
fn asks_of(mut bytes: &[u8]) -> Vec<Ask> {
    let mut asks = Vec::new();
    while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let body = &bytes[end + 4..];
        let size = length.unwrap_or(0).min(body.len());
        asks.push(Ask { head, body: serde_json::from_slice(&body[..size]).unwrap_or_default() });
        bytes = &body[size..];
    }
    asks
}

#[test]
fn requests_are_told_apart() {
    let asks = asks_of(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 7\r\n\r\n{\"a\":1}GET /c HTTP/1.1\r\n\r\n");
    let told: Vec<_> = asks.iter().map(|ask| (ask.head.lines().next().unwrap(), ask.body["a"].as_u64())).collect();
    assert_eq!(told, [("GET /a HTTP/1.1", None), ("POST /b HTTP/1.1", Some(1)), ("GET /c HTTP/1.1", None)]);
}
