//! Fewer descriptors than clients: the rest wait, and nobody is turned away.

use crate::place::Lane;
use crate::pressure::cpu_ticks;
use crate::support::client::Ended;
use crate::wire::{MOMENT, carry, ends, hear, say};

/// The hard limit, so that the forwarder cannot raise it.
const FEW: &[&str] = &["sh", "-c", "ulimit -n 40 && exec \"$0\" \"$@\""];

#[test]
fn who_does_not_fit_waits_and_is_served_in_the_end() {
    const CLIENTS: usize = 30;
    let mut lane = Lane::by(FEW, &[]);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let client = lane.place.connect();
            say(&client, format!("client {n}"));
            client
        })
        .collect();
    lane.forward.wait_for_text("E-OUT-OF-DESCRIPTORS");
    let cpu = cpu_ticks(&lane.forward);
    ends(&clients[CLIENTS - 1], Ended::Timeout, MOMENT);
    let spent = cpu_ticks(&lane.forward) - cpu;
    assert!(spent < 10, "it spins: {spent} ticks of 10 ms");
    for (n, client) in clients.into_iter().enumerate() {
        let upstream = lane.upstream.accept();
        hear(&upstream, format!("client {n}"));
        carry(&upstream, &client, &format!("answer {n}"));
    }
    let (client, upstream) = lane.pair();
    carry(&client, &upstream, "and afterwards");
    drop((client, upstream));
    let exit = lane.forward.stop();
    assert_eq!(exit.with(0).count("connection failed"), 0, "{}", exit.text());
    assert_eq!(exit.count("connection closed"), CLIENTS + 1, "{}", exit.text());
}

#[test]
fn bulk_needs_no_descriptor_that_is_not_there() {
    let lane = Lane::by(FEW, &[]);
    let (client, upstream) = lane.pair();
    let mut crowd = Vec::new();
    for n in 0..3 {
        let (client, upstream) = lane.pair();
        carry(&client, &upstream, &format!("{n}"));
        crowd.push((client, upstream));
    }
    crate::wire::flow(&upstream, &client, 32 << 20, &[262_144]);
    drop((client, upstream, crowd));
    assert_eq!(lane.forward.stop().with(0).count("connection closed"), 4);
}
