use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::capture::store::Library;
use crate::net::listen::bind;
use crate::words::Lang;

const LONG: Duration = Duration::from_secs(60);

fn parts() -> Parts {
    let dir = tempfile::tempdir().unwrap();
    Parts {
        library: Library::open(dir.path()).unwrap(),
        desk: None,
        tap: None,
        switch: None,
        forward: Arc::new(|| Value::Null),
        replay_to: None,
        lang: Lang::En,
    }
}

/// What `client` sees while the server runs within `limits`.
async fn check<T>(limits: Limits, client: impl AsyncFnOnce(std::net::SocketAddr) -> T) -> T {
    let listener = bind("127.0.0.1:0".parse().unwrap(), false).unwrap();
    let address = listener.address;
    let served = serve_within(limits, listener, parts(), Door::new("0".into()));
    tokio::select! {
        () = served => unreachable!("it serves until it is dropped"),
        seen = tokio::time::timeout(LONG, client(address)) => seen.unwrap(),
    }
}

#[tokio::test]
async fn half_a_head_loses_its_place() {
    let limits = Limits { connections: 10, head: Duration::from_millis(20) };
    for said in ["", "GET / HTTP/1.1\r\nhost: ", "GET / HTTP/1.1\r\nhost: a\r\n\r\n"] {
        let rest = check(limits, async |address| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(said.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
            rest
        });
        let was_answered = rest.await.starts_with(b"HTTP/1.1 403");
        assert_eq!(was_answered, said.ends_with("\r\n\r\n"), "{said}");
    }
}

#[tokio::test]
async fn one_too_many_is_closed_and_the_others_stay() {
    let limits = Limits { connections: 2, head: LONG };
    check(limits, async |address| {
        let mut known = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
        let mut other = TcpStream::connect(address).await.unwrap();
        let mut nothing = Vec::new();
        // A reset is an end, too.
        let _ = other.read_to_end(&mut nothing).await;
        assert_eq!(nothing, b"");
        for stream in &mut known {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            let mut first = [0; 12];
            stream.read_exact(&mut first).await.unwrap();
            assert_eq!(&first, b"HTTP/1.1 403");
        }
    })
    .await;
}
