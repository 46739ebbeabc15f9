//! Bare sockets: bytes that show where they belong, and how a connection ended.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

pub(crate) use crate::support::client::Ended;
use crate::support::forward::SOON;

/// For what has to happen at once, on a machine that is busy with other tests.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(1);
/// For what has to happen not at all.
pub(crate) const MOMENT: Duration = Duration::from_millis(300);

pub(crate) fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&to, SOON).unwrap();
    prepare(&stream);
    stream
}

/// No operation takes for ever, and nothing is held back.
pub(crate) fn prepare(stream: &TcpStream) {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.set_write_timeout(Some(SOON)).unwrap();
}

#[track_caller]
pub(crate) fn say(mut stream: &TcpStream, bytes: impl AsRef<[u8]>) {
    stream.write_all(bytes.as_ref()).unwrap();
}

/// What was said arrives, to the letter; what follows it is left.
#[track_caller]
pub(crate) fn hear(mut stream: &TcpStream, bytes: impl AsRef<[u8]>) {
    let bytes = bytes.as_ref();
    let mut heard = vec![0; bytes.len()];
    match stream.read_exact(&mut heard) {
        Ok(()) => assert_eq!(String::from_utf8_lossy(&heard), String::from_utf8_lossy(bytes)),
        Err(e) => panic!("instead of {:?}: {e}", String::from_utf8_lossy(bytes)),
    }
}

/// Said at one end, heard at the other.
#[track_caller]
pub(crate) fn carry(from: &TcpStream, to: &TcpStream, bytes: &str) {
    say(from, bytes);
    hear(to, bytes);
}

/// The head of an HTTP message.
#[track_caller]
pub(crate) fn head(mut stream: &TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Nothing more will be said.
pub(crate) fn finish(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).unwrap();
}

/// As when a program is killed while it is talking.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

/// All that still comes, and how it ends.
pub(crate) fn rest(mut stream: &TcpStream, within: Duration) -> (Vec<u8>, Ended) {
    stream.set_read_timeout(Some(within)).unwrap();
    let mut bytes = Vec::new();
    let ended = match stream.read_to_end(&mut bytes) {
        Ok(_) => Ended::Fin,
        Err(e) => ended_by(e.kind()),
    };
    (bytes, ended)
}

/// It ends like this, and nothing comes before that.
#[track_caller]
pub(crate) fn ends(stream: &TcpStream, how: Ended, within: Duration) {
    let (bytes, ended) = rest(stream, within);
    assert_eq!((String::from_utf8_lossy(&bytes), ended), ("".into(), how));
}

#[expect(clippy::wildcard_enum_match_arm, reason = "io::ErrorKind is not ours and grows")]
fn ended_by(kind: ErrorKind) -> Ended {
    match kind {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Ended::Reset,
        ErrorKind::WouldBlock => Ended::Timeout,
        other => panic!("an end that these tests do not know: {other}"),
    }
}

/// Noise of a length that divides nothing: no byte that is lost, doubled or swapped goes unseen.
static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut x = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x.to_le_bytes()[3]
    };
    std::iter::repeat_with(&mut next).take(1_048_573).collect()
});

fn noise(at: usize, most: usize) -> &'static [u8] {
    let from = at % NOISE.len();
    &NOISE[from..NOISE.len().min(from + most)]
}

/// Writes `total` bytes of noise in pieces of these sizes, over and over. Returns how many were taken, and why not all.
pub(crate) fn pour(mut stream: &TcpStream, total: usize, sizes: &[usize]) -> (usize, Option<Ended>) {
    let mut poured = 0;
    for size in sizes.iter().cycle() {
        let piece = noise(poured, (*size).min(total - poured));
        if piece.is_empty() {
            break;
        }
        let mut taken = 0;
        while taken < piece.len() {
            match stream.write(&piece[taken..]) {
                Ok(count) => taken += count,
                Err(e) => return (poured + taken, Some(ended_by(e.kind()))),
            }
        }
        poured += taken;
    }
    (poured, None)
}

/// Reads `total` bytes of noise, or to the end. Returns how many came, and why not all; panics when one of them is wrong.
#[track_caller]
pub(crate) fn drink(mut stream: &TcpStream, total: usize) -> (usize, Option<Ended>) {
    let mut block = vec![0; 256 << 10];
    let mut drunk = 0;
    while drunk < total {
        let most = block.len().min(total - drunk);
        let block = match stream.read(&mut block[..most]) {
            Ok(0) => return (drunk, Some(Ended::Fin)),
            Ok(count) => &block[..count],
            Err(e) => return (drunk, Some(ended_by(e.kind()))),
        };
        let mut checked = 0;
        while checked < block.len() {
            let right = noise(drunk + checked, block.len() - checked);
            assert!(block[checked..].starts_with(right), "a wrong byte after {}", drunk + checked);
            checked += right.len();
        }
        drunk += checked;
    }
    (drunk, None)
}

/// All of it arrives; neither side ends.
#[track_caller]
pub(crate) fn flow(from: &TcpStream, to: &TcpStream, total: usize, sizes: &[usize]) {
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(pour(from, total, sizes), (total, None)));
        assert_eq!(drink(to, total), (total, None));
    });
}
