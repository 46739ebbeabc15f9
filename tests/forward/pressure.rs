//! Who does not read stops the one who writes, and costs nothing but the kernel's buffers.

use std::fs;
use std::net::TcpStream;

use crate::place::Lane;
use crate::support::client::Ended;
use crate::support::forward::Forward;
use crate::wire::{AT_ONCE, MOMENT, drink, ends, finish, pour};

/// More than all buffers on the way together.
const ENDLESS: usize = 1 << 30;
/// What is spliced, and what is copied.
const BULK: &[usize] = &[65_536];
const WORDS: &[usize] = &[1461, 7, 4099];

#[test]
fn a_client_that_does_not_read_stops_the_upstream() {
    check_download(BULK);
}

#[test]
fn a_client_that_does_not_read_small_words_stops_the_upstream() {
    check_download(WORDS);
}

#[test]
fn an_upstream_that_does_not_read_stops_the_client() {
    check_upload(BULK);
}

#[test]
fn an_upstream_that_does_not_read_small_words_stops_the_client() {
    check_upload(WORDS);
}

#[test]
fn one_that_is_stuck_holds_up_nobody_else() {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    stuck(&lane, &upstream, "received", BULK);
    let (other, others) = lane.pair();
    crate::wire::flow(&others, &other, 5_000_000, &[65_537]);
    assert_eq!(drink(&client, 1_000_000), (1_000_000, None));
}

#[track_caller]
fn check_download(sizes: &[usize]) {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    let stuck = stuck(&lane, &upstream, "received", sizes);
    finish(&upstream);
    assert_eq!(drink(&client, usize::MAX), (stuck, Some(Ended::Fin)));
    drop(client);
    ends(&upstream, Ended::Fin, AT_ONCE);
    lane.closed().has("received", &stuck.to_string()).has("sent", "0");
}

#[track_caller]
fn check_upload(sizes: &[usize]) {
    let lane = Lane::new();
    let (client, upstream) = lane.pair();
    let stuck = stuck(&lane, &client, "sent", sizes);
    finish(&client);
    assert_eq!(drink(&upstream, usize::MAX), (stuck, Some(Ended::Fin)));
    drop(upstream);
    ends(&client, Ended::Fin, AT_ONCE);
    lane.closed().has("sent", &stuck.to_string()).has("received", "0");
}

/// Writes until nothing more is taken, and makes sure that the forwarder rests. Returns how much was taken.
#[track_caller]
fn stuck(lane: &Lane, from: &TcpStream, way: &str, sizes: &[usize]) -> usize {
    let memory = resident_kib(&lane.forward);
    from.set_write_timeout(Some(MOMENT)).unwrap();
    let (poured, ended) = pour(from, ENDLESS, sizes);
    assert_eq!(ended, Some(Ended::Timeout), "after {poured} bytes");
    let moved = lane.place.report()["bytes"][way].as_u64().unwrap();
    let cpu = cpu_ticks(&lane.forward);
    ends_not(from);
    assert_eq!(lane.place.report()["bytes"][way].as_u64(), Some(moved), "it goes on reading");
    assert!(moved <= poured as u64, "{moved} of {poured}");
    // Two status requests and a third of a second: 10 ms each.
    let spent = cpu_ticks(&lane.forward) - cpu;
    assert!(spent < 10, "it spins: {spent} ticks");
    let grown = resident_kib(&lane.forward).saturating_sub(memory);
    assert!(grown < 4096, "{grown} KiB more, for {poured} bytes");
    poured
}

/// A moment in which nothing happens.
#[track_caller]
fn ends_not(stream: &TcpStream) {
    ends(stream, Ended::Timeout, MOMENT);
}

fn resident_kib(forward: &Forward) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", forward.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// User and system time together (`man 5 proc`, `/proc/PID/stat`, fields 14 and 15).
pub(crate) fn cpu_ticks(forward: &Forward) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", forward.pid())).unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let fields: Vec<&str> = after_name.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
