//! Many connections: one after the other, all at once, and more than are allowed.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::place::{Lane, skip};
use crate::support::client::Ended;
use crate::support::forward::SOON;
use crate::wire::{AT_ONCE, MOMENT, carry, ends, hear, say};

#[test]
fn five_hundred_one_after_the_other() {
    let lane = Lane::new();
    for n in 0..500 {
        let (client, upstream) = lane.pair();
        carry(&client, &upstream, &format!("question {n}"));
        carry(&upstream, &client, &format!("answer {n}"));
        drop(upstream);
        ends(&client, Ended::Fin, SOON);
    }
    let exit = lane.forward.stop();
    assert_eq!(exit.with(0).count("connection closed"), 500);
}

#[test]
fn a_thousand_at_once_and_each_gets_its_own_answer() {
    const MANY: usize = 1000;
    if !may_open(2 * MANY + 100) {
        return skip("ulimit -Hn is below 2100");
    }
    let lane = Lane::new();
    let clients: Vec<_> = (0..MANY)
        .map(|n| {
            let client = lane.place.connect();
            say(&client, format!("{n:04}"));
            client
        })
        .collect();
    let upstreams: Vec<_> = (0..MANY).map(|_| lane.upstream.accept()).collect();
    assert_eq!(lane.place.report()["connections"]["open"], MANY);
    // The last one first.
    for upstream in upstreams.iter().rev() {
        let mut question = [0; 4];
        std::io::Read::read_exact(&mut &*upstream, &mut question).unwrap();
        say(upstream, question);
    }
    drop(upstreams);
    for (n, client) in clients.iter().enumerate() {
        hear(client, format!("{n:04}"));
        ends(client, Ended::Fin, SOON);
    }
    drop(clients);
    let exit = lane.forward.stop();
    assert_eq!(exit.with(0).count("connection closed"), MANY);
}

#[test]
fn one_more_than_allowed_is_told_so() {
    let mut lane = Lane::with(&["--max-connections", "2"]);
    let (first, second) = (lane.pair(), lane.pair());
    let mut third = lane.place.client();
    third.get("/api/tags");
    let answer = third.answer(SOON);
    answer.is_unavailable(&["E-TOO-MANY-CONNECTIONS"]);
    assert!(answer.after < AT_ONCE, "{answer:?}");
    let other = lane.place.connect();
    say(&other, "SSH-2.0-not-http\r\n");
    ends(&other, Ended::Reset, AT_ONCE);
    for _ in 0..2 {
        lane.forward.wait("connection failed").has("id", "E-TOO-MANY-CONNECTIONS").has("ended_by", "us");
    }
    // Those who were there before are not disturbed.
    for (client, upstream) in [&first, &second] {
        carry(client, upstream, "still there?");
        carry(upstream, client, "still there.");
    }
    let connections = lane.place.report()["connections"].take();
    assert_eq!((&connections["open"], &connections["refused"]), (&2.into(), &2.into()), "{connections}");
    drop((first, second));
    let exit = lane.forward.stop();
    assert_eq!(exit.with(0).count("connection failed"), 2, "{}", exit.text());
}

#[test]
fn a_place_that_is_free_again_is_given_away() {
    let mut lane = Lane::with(&["--max-connections", "2"]);
    let (_kept, (client, upstream)) = (lane.pair(), lane.pair());
    drop((client, upstream));
    lane.forward.wait("connection closed");
    let (client, upstream) = lane.pair();
    carry(&client, &upstream, "room for one more");
}

#[test]
fn one_that_was_refused_takes_nobodys_place() {
    let mut lane = Lane::with(&["--max-connections", "2"]);
    let (_kept, (client, upstream)) = (lane.pair(), lane.pair());
    // It has its answer, and does not hang up.
    let refused = lane.place.connect();
    say(&refused, "GET / HTTP/1.1\r\n\r\n");
    hear(&refused, "HTTP/1.1 503 ");
    drop((client, upstream));
    lane.forward.wait("connection closed");
    let (client, upstream) = lane.pair();
    carry(&client, &upstream, "room for one more");
}

#[test]
fn a_crowd_before_a_named_ollama_disturbs_nobody() {
    let (place, ollama, mut forward) = crate::place::before(crate::support::fake_ollama::Manner::Ollama, &[]);
    forward.wait("upstream is Ollama");
    let mut streams: Vec<_> = (0..70).map(|_| place.client()).collect();
    for stream in &mut streams {
        stream.get("/stream");
    }
    for stream in &mut streams {
        stream.line("\"n\":1", SOON).unwrap();
    }
    assert_eq!(streams[0].end(MOMENT).0, Ended::Timeout);
    drop(streams);
    drop(ollama);
    assert_eq!(forward.stop().count("connection closed"), 70);
}

/// Raises the limit of this process; what it starts inherits it.
fn may_open(descriptors: usize) -> bool {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).is_ok() && limit.maximum.is_none_or(|most| most >= descriptors as u64)
}
