//! The bridge between WSL and Windows: an answer survives what happens on the way between them.

use std::thread;
use std::time::Instant;

use crate::client::{Asking, Stream, question};
use crate::fake::{Ollama, Say};
use crate::forward::{Forward, SOON};
use crate::lab::{GATEWAY, LOCAL, Lab, QUICK};

const SECOND: &str = "172.24.0.2:11434";
const FIRST: &[Say] = &[Say::Text("One"), Say::Text(" two"), Say::Hold("rest"), Say::Text(" lost"), Say::Done];
const REST: &[Say] = &[Say::Text(" three"), Say::Text(" four."), Say::Done];
const WHOLE: &str = "One two three four.";
const BRIDGE: &[&str] = &["--translate", "--heartbeat", "200ms"];

impl Lab {
    fn bridge(&self, args: &[&str]) -> Forward {
        self.forward(&[BRIDGE, args].concat())
    }

    fn model(&self, answers: &[&[Say]]) -> Ollama {
        Ollama::on(self.win.listen("0.0.0.0:11434"), answers)
    }

    /// Codex asks.
    #[track_caller]
    fn question(&self) -> Stream {
        let asking = Asking::codex(&question("Count."));
        self.wsl.run(move || asking.send(LOCAL.parse().unwrap()))
    }
}

/// The bridge in the middle of an answer.
fn half(args: &[&str], answers: &[&[Say]]) -> Option<(Lab, Ollama, Forward, Stream)> {
    let lab = Lab::nat()?;
    let ollama = lab.model(answers);
    let mut forward = lab.bridge(args);
    forward.is_ready();
    let mut stream = lab.question();
    stream.until_text("One two");
    Some((lab, ollama, forward, stream))
}

/// The client's one stream is whole, and the model was told where to go on.
#[track_caller]
fn went_on(stream: Stream, ollama: &Ollama, at: &str) {
    stream.whole().completed().says(WHOLE);
    let asks = ollama.asks();
    assert_eq!(asks.len(), 2, "{asks:?}");
    assert_eq!((asks[1].said(), asks[1].at.to_string().as_str()), (Some("One two"), at), "{asks:?}");
}

#[track_caller]
fn beats(stream: &mut Stream, times: usize) {
    for _ in 0..times {
        stream.until_it("a sign of life", |event| event.data["delta"] == "");
    }
}

#[test]
fn an_answer_comes_from_windows() {
    let Some((_lab, ollama, mut forward, mut stream)) = half(&[], &[FIRST]) else { return };
    beats(&mut stream, 2);
    ollama.release("rest");
    stream.whole().completed().says("One two lost");
    forward.wait("connection closed").has("upstream", GATEWAY);
}

/// WSL and Windows get addresses of another network: nothing can arrive at the old ones.
#[test]
fn an_answer_goes_on_at_the_new_address() {
    // Keepalive as it comes, so that it cannot be what notices: 30 s.
    let Some((lab, ollama, mut forward, stream)) = half(&[], &[FIRST, REST]) else { return };
    lab.new_subnet();
    forward.wait_for_upstream("172.30.96.1:11434");
    went_on(stream, &ollama, "172.30.96.1:11434");
    let closed = forward.wait_for_text("\"message\":\"connection ");
    assert_eq!(closed.message, "connection closed", "{}", closed.text);
    closed.has("upstream", "172.30.96.1:11434");
}

/// Windows leaves its address within the network: only the kernel's probes can tell.
#[test]
fn an_answer_goes_on_where_windows_went() {
    let Some((lab, ollama, mut forward, mut stream)) = half(QUICK, &[FIRST, REST]) else { return };
    lab.move_gateway("172.24.0.2");
    forward.wait_for_upstream(SECOND);
    beats(&mut stream, 3);
    went_on(stream, &ollama, SECOND);
}

#[test]
fn a_gateway_that_moves_while_the_old_one_stays_disturbs_no_answer() {
    let Some((lab, ollama, mut forward, stream)) = half(&[], &[FIRST]) else { return };
    lab.add_gateway("172.24.0.2");
    forward.wait("gateway moved").has("from", GATEWAY).has("upstream", SECOND);
    ollama.release("rest");
    stream.whole().completed().says("One two lost");
    assert_eq!(ollama.asks().len(), 1);
}

/// A new answer goes where Windows is now, though a link to the old place idles.
#[test]
fn the_next_answer_goes_to_the_new_place() {
    let Some(lab) = Lab::nat() else { return };
    let ollama = lab.model(&[&[Say::Text("A."), Say::Done], &[Say::Text("B."), Say::Done]]);
    let mut forward = lab.bridge(&[]);
    forward.is_ready();
    lab.question().whole().completed().says("A.");
    lab.add_gateway("172.24.0.2");
    forward.wait("gateway moved");
    lab.question().whole().completed().says("B.");
    let at: Vec<String> = ollama.asks().iter().map(|ask| ask.at.to_string()).collect();
    assert_eq!(at, [GATEWAY, SECOND]);
}

#[test]
fn an_answer_survives_a_short_cut_of_the_link() {
    let Some((lab, ollama, _forward, mut stream)) = half(&[], &[FIRST]) else {
        return;
    };
    lab.win.ip("link set vEth down");
    beats(&mut stream, 3);
    lab.win.ip("link set vEth up");
    ollama.release("rest");
    stream.whole().completed().says("One two lost");
    assert_eq!(ollama.asks().len(), 1);
}

/// Longer than the connection survives.
#[test]
fn an_answer_survives_a_long_cut_of_the_link() {
    let Some((lab, ollama, mut forward, mut stream)) = half(QUICK, &[FIRST, REST]) else { return };
    lab.lose_everything();
    forward.wait("upstream broke, asked to go on");
    beats(&mut stream, 5);
    lab.firewall_off();
    went_on(stream, &ollama, GATEWAY);
}

#[test]
fn an_answer_that_stays_cut_off_is_given_up() {
    let Some((lab, _ollama, mut forward, mut stream)) = half(&[QUICK, &["--resume-window", "2s"]].concat(), &[FIRST])
    else {
        return;
    };
    lab.lose_everything();
    forward.wait("upstream broke, asked to go on");
    let from = Instant::now();
    beats(&mut stream, 3);
    stream.whole().has_failed("server_error", &["Next:"]);
    // The attempt that began in time may end.
    assert!((1.5..4.0).contains(&from.elapsed().as_secs_f64()), "{:?}", from.elapsed());
    forward.wait("connection failed").has("upstream", GATEWAY);
}

#[test]
fn an_answer_survives_a_restart_of_windows() {
    let Some((lab, ollama, mut forward, mut stream)) = half(QUICK, &[FIRST]) else { return };
    drop(ollama);
    forward.wait("upstream down");
    beats(&mut stream, 3);
    let ollama = lab.model(&[REST]);
    stream.whole().completed().says(WHOLE);
    assert_eq!(ollama.ask(0).said(), Some("One two"));
}

/// Closed ports of Windows are silent.
#[test]
fn an_answer_survives_a_restart_that_nobody_tells_of() {
    let Some((lab, ollama, mut forward, mut stream)) = half(QUICK, &[FIRST]) else { return };
    lab.silence_resets();
    drop(ollama);
    forward.wait("upstream down");
    beats(&mut stream, 3);
    lab.firewall_off();
    let ollama = lab.model(&[REST]);
    stream.whole().completed().says(WHOLE);
    assert_eq!(ollama.ask(0).said(), Some("One two"));
}

#[test]
fn an_ollama_that_comes_late_is_waited_for() {
    let Some(lab) = Lab::nat() else { return };
    let mut forward = lab.bridge(&["--wait-for-upstream", "30s"]);
    forward.wait("searching for Ollama on Windows");
    let mut stream = lab.question();
    for _ in 0..4 {
        stream.until("response.in_progress");
    }
    let ollama = lab.model(&[REST]);
    stream.whole().completed().says(" three four.");
    assert_eq!(ollama.ask(0).at.to_string(), GATEWAY);
    assert_eq!(forward.stop().with(0).count("connection failed"), 0);
}

#[test]
fn an_ollama_that_never_comes_is_a_failure_with_its_cause() {
    let Some(lab) = Lab::nat() else { return };
    let mut forward = lab.bridge(QUICK);
    forward.wait("searching for Ollama on Windows");
    let from = Instant::now();
    let answer = lab.question().whole();
    assert!(answer.count("response.in_progress") > 4, "{answer:?}");
    answer.has_failed("server_error", &["172.24.0.1:11434", "Likely:", "Next:"]);
    assert!((1.9..4.0).contains(&from.elapsed().as_secs_f64()), "{:?}", from.elapsed());
    forward.wait("connection failed").has("upstream", "none");
}

#[test]
fn all_answers_under_way_go_on() {
    const MANY: usize = 8;
    let Some(lab) = Lab::nat() else { return };
    let answers: Vec<&[Say]> = (0..MANY).map(|_| FIRST).chain((0..MANY).map(|_| REST)).collect();
    let ollama = lab.model(&answers);
    let mut forward = lab.bridge(&[]);
    forward.is_ready();
    let mut streams: Vec<Stream> = (0..MANY).map(|_| lab.question()).collect();
    for stream in &mut streams {
        stream.until_text("One two");
    }
    lab.new_subnet();
    thread::scope(|scope| {
        for stream in streams {
            scope.spawn(|| stream.whole().completed().says(WHOLE));
        }
    });
    assert_eq!(ollama.asks().len(), 2 * MANY);
    forward.wait_until("closed", SOON, |line| line.message == "connection closed");
}
