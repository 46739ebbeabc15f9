//! Signals: the first lets what is open come to its end, the second does not.

use std::io::ErrorKind;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGTERM};

use crate::place::{Lane, Place, Upstream};
use crate::support::client::Ended;
use crate::support::forward::SOON;
use crate::wire::{AT_ONCE, carry, drink, ends, finish, flow, pour};

#[test]
fn with_nothing_open_it_stops_at_once() {
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        let lane = Lane::new();
        let from = Instant::now();
        lane.forward.signal(signal);
        let exit = lane.forward.exit();
        assert!(from.elapsed() < AT_ONCE, "{:?}", from.elapsed());
        let stopped = exit.with(0).log.iter().find(|line| line.message == "stopped").unwrap();
        stopped.has("drained", "0").has("cut", "0");
    }
}

#[test]
fn a_stream_that_is_open_ends_whole() {
    let mut lane = Lane::new();
    let (client, upstream) = lane.pair();
    carry(&client, &upstream, "a question");
    lane.forward.signal(SIGINT);
    lane.forward.wait("stopping").has("open", "1");
    let refused = TcpStream::connect_timeout(&lane.place.address, SOON);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    carry(&upstream, &client, "a long ");
    flow(&upstream, &client, 3_000_000, &[65_537]);
    carry(&client, &upstream, "go on");
    drop(upstream);
    ends(&client, Ended::Fin, AT_ONCE);
    drop(client);
    lane.forward.wait("connection closed").has("received", "3000007").has("sent", "15");
    let exit = lane.forward.exit();
    let stopped = exit.with(0).log.iter().find(|line| line.message == "stopped").unwrap();
    stopped.has("drained", "1").has("cut", "0");
}

#[test]
fn a_second_signal_cuts() {
    let mut lane = Lane::new();
    let (client, upstream) = lane.pair();
    carry(&upstream, &client, "half an ans");
    lane.forward.signal(SIGINT);
    lane.forward.wait("stopping");
    lane.forward.signal(SIGINT);
    ends(&client, Ended::Reset, AT_ONCE);
    ends(&upstream, Ended::Reset, AT_ONCE);
    cut(lane, 1);
}

#[test]
fn the_deadline_of_the_drain_cuts() {
    let mut lane = Lane::with(&["--drain-timeout", "500ms"]);
    let (client, upstream) = lane.pair();
    carry(&upstream, &client, "half an ans");
    let from = Instant::now();
    lane.forward.signal(SIGTERM);
    lane.forward.wait("stopping");
    ends(&client, Ended::Reset, SOON);
    let took = from.elapsed();
    assert!((Duration::from_millis(500)..Duration::from_secs(2)).contains(&took), "{took:?}");
    ends(&upstream, Ended::Reset, AT_ONCE);
    cut(lane, 1);
}

#[test]
fn one_that_had_finished_its_sending_is_cut_with_a_reset_too() {
    let mut lane = Lane::new();
    let (client, upstream) = lane.pair();
    carry(&client, &upstream, "a question");
    finish(&client);
    ends(&upstream, Ended::Fin, AT_ONCE);
    carry(&upstream, &client, "half an ans");
    lane.forward.signal(SIGINT);
    lane.forward.wait("stopping");
    lane.forward.signal(SIGINT);
    ends(&client, Ended::Reset, AT_ONCE);
    cut(lane, 1);
}

#[test]
fn bulk_is_cut_with_a_reset() {
    const STREAMS: usize = 4;
    const ENDLESS: usize = 1 << 34;
    let mut lane = Lane::with(&["--drain-timeout", "0"]);
    let pairs: Vec<_> = (0..STREAMS).map(|_| lane.pair()).collect();
    thread::scope(|scope| {
        let mut readers = Vec::new();
        for (client, upstream) in &pairs {
            scope.spawn(|| pour(upstream, ENDLESS, &[1 << 20]));
            assert_eq!(drink(client, 48 << 20), (48 << 20, None));
            readers.push(scope.spawn(|| until_the_end(client)));
        }
        lane.forward.signal(SIGINT);
        lane.forward.wait("stopping").has("open", &STREAMS.to_string());
        for reader in readers {
            assert_eq!(reader.join().unwrap(), Ended::Reset, "{}", lane.forward.said());
        }
    });
    cut(lane, STREAMS);
}

#[test]
fn one_that_waits_for_an_upstream_is_told_by_a_reset_or_an_answer() {
    let (place, reserved) = (Place::new(), crate::place::Reserved::on("127.0.0.1:0"));
    let mut forward = place.start(&["--upstream", &reserved.address.to_string(), "--drain-timeout", "500ms"]);
    forward.wait("listening");
    let mut client = place.client();
    client.get("/api/version");
    forward.wait("upstream down");
    forward.signal(SIGTERM);
    let answer = client.answer(SOON);
    assert!(answer.ended == Ended::Reset || answer.status == 503, "{answer:?}");
    forward.wait_until("closing record", SOON, |line| line.message.starts_with("connection "));
}

#[test]
fn it_serves_on_when_nobody_reads_what_it_says() {
    let (place, upstream) = (Place::new(), Upstream::on("127.0.0.1:0"));
    let (address, target) = (place.address.to_string(), upstream.address.to_string());
    let mut command = place.command(&[]);
    command.args(["-vv", "--listen", &address, "--upstream", &target]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("listening") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    drop((stderr, child.stdout.take()));
    // The question of who is there.
    drop(upstream.accept());
    for n in 0..200 {
        let client = place.connect();
        let served = upstream.accept();
        carry(&client, &served, &format!("{n}"));
        drop(served);
        ends(&client, Ended::Fin, AT_ONCE);
    }
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().try_into().unwrap()), SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// It says how many were cut, one record each, and exits as an interrupted program does.
#[track_caller]
fn cut(lane: Lane, connections: usize) {
    let exit = lane.forward.exit();
    let stopped = exit.with(130).log.iter().find(|line| line.message == "stopped").unwrap();
    stopped.has("cut", &connections.to_string()).has("drained", "0");
    let records = exit.log.iter().filter(|line| line.message == "connection closed");
    let by_us = records.filter(|line| line.field("ended_by") == "us").count();
    assert_eq!(by_us, connections, "{}", exit.text());
}

fn until_the_end(stream: &TcpStream) -> Ended {
    let mut block = vec![0; 1 << 20];
    loop {
        match std::io::Read::read(&mut &*stream, &mut block) {
            Ok(0) => return Ended::Fin,
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::ConnectionReset => return Ended::Reset,
            Err(e) => panic!("{e}"),
        }
    }
}
