//! Crowds, slow readers, leavers, signals and nonsense: the process stays small, and every answer has an end.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal::SIGTERM;
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::client::{Answer, Asking, question};
use crate::fake::Fake;
use crate::load_raw::{Raw, speaks, whole};
use crate::place::Place;
use crate::script::{Reply, Shape};
use crate::support::client::Ended;
use crate::support::forward::{Forward, SOON};
use crate::support::skip::say_skipped;
use crate::wire::MOMENT;

/// Links that may idle for a few seconds after their answer.
const IDLE: usize = 8;

#[test]
fn two_hundred_answers_at_a_time() {
    const MANY: usize = 200;
    let mut bed = Bed::new();
    warm_up(&mut bed);
    let (descriptors, memory) = (descriptors(&bed.forward), resident_kib(&bed.forward));
    for _ in 0..MANY {
        bed.fake.reply_by(|ask| {
            let asked = ask.last()["content"].as_str().unwrap().to_owned();
            Reply::new().text("You").hold("all are here").pieces(&format!(" said: {asked}"), 3).done()
        });
    }
    std::thread::scope(|scope| {
        for number in 0..MANY {
            let address = bed.address();
            scope.spawn(move || {
                let text = format!("number {number}.");
                let mut stream = Asking::codex(&question(&text)).send(address);
                stream.until_text("You");
                stream.whole().completed().says(&format!("You said: {text}"));
            });
        }
        bed.fake.ask(MANY);
        let grown = resident_kib(&bed.forward).saturating_sub(memory);
        // Some 60 KiB a request in flight: its own, the upstream's, and the buffers of two connections.
        assert!(grown < 24 << 10, "{grown} KiB more");
        bed.fake.release("all are here");
    });
    for _ in 0..MANY {
        bed.forward.wait("connection closed");
    }
    let open = self::descriptors(&bed.forward);
    assert!(open <= descriptors + IDLE, "{open} descriptors, {descriptors} before");
}

#[test]
fn who_leaves_at_any_moment_leaves_nothing_behind() {
    const MANY: usize = 100;
    let mut bed = Bed::new();
    warm_up(&mut bed);
    let (descriptors, memory) = (descriptors(&bed.forward), resident_kib(&bed.forward));
    // Always the same chance (Knuth's constants).
    let mut chance: u32 = 1;
    for number in 0..MANY {
        chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let reply = Reply::new().thinking("Hm, let me think.").pieces(&"word ".repeat(40), 5);
        bed.fake.will(reply.call("exec_command", json!({"cmd": "ls"})).stall());
        // Each asks something else: the same would find what the one before had left.
        let mut stream = bed.ask(&format!("Tell me {number}."));
        for _ in 0..chance >> 26 {
            if stream.try_next(Duration::from_millis(50)).is_err() {
                break;
            }
        }
        bed.fake.ask(number + 1);
        drop(stream);
    }
    for number in 0..MANY {
        bed.fake.left(number + 1);
        bed.forward.wait("connection closed");
    }
    let open = self::descriptors(&bed.forward);
    assert!(open <= descriptors + IDLE, "{open} descriptors, {descriptors} before");
    let grown = resident_kib(&bed.forward).saturating_sub(memory);
    assert!(grown < 4096, "{grown} KiB more");
}

/// What nobody reads is not read either: it waits at the upstream.
#[test]
fn a_client_that_does_not_read_stops_the_model() {
    const PIECES: usize = 1200;
    let mut bed = Bed::new();
    warm_up(&mut bed);
    let memory = resident_kib(&bed.forward);
    let piece = "sesquipedalian ".repeat(4096);
    bed.fake.will((0..PIECES).fold(Reply::new(), |reply, _| reply.text(&piece)).stall());
    let stream = Asking::codex(&question("Write a library.")).open(bed.address());
    bed.fake.ask(1);
    let moved = rests(&bed);
    assert!(moved < PIECES * piece.len() / 2, "{moved} bytes went on");
    let grown = resident_kib(&bed.forward).saturating_sub(memory);
    assert!(grown < 24 << 10, "{grown} KiB more for {moved} bytes");
    drop(stream);
    bed.fake.left(1);
}

/// Bytes that have gone to clients, once nobody works any more.
#[track_caller]
fn rests(bed: &Bed) -> usize {
    let until = Instant::now() + SOON;
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let moment = TcpStream::connect(nobody.local_addr().unwrap()).unwrap();
    moment.set_read_timeout(Some(MOMENT)).unwrap();
    loop {
        let before = cpu_ticks(&bed.forward);
        assert!((&moment).read(&mut [0]).is_err());
        // Ten milliseconds each.
        if cpu_ticks(&bed.forward) <= before + 1 {
            return bed.place.report()["bytes"]["received"].as_u64().unwrap().try_into().unwrap();
        }
        assert!(Instant::now() < until, "it goes on");
    }
}

/// User and system time together (`man 5 proc`, `/proc/PID/stat`, fields 14 and 15).
fn cpu_ticks(forward: &Forward) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", forward.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn an_answer_in_single_bytes_is_the_same() {
    for shape in [Shape::V0_33, Shape::OpenAi] {
        let bed = Bed::shaped(shape, &[]);
        let reply = Reply::new().thinking("Hm — ça va.").text("Fünf Bücher, 5 €.");
        bed.fake.will(reply.call("exec_command", json!({"cmd": "ls é"})).done().bytewise());
        let answer = bed.answer("Hello?").completed();
        assert_eq!(answer.thoughts(), "Hm — ça va.");
        answer.says("Fünf Bücher, 5 €.").calls_only("exec_command", &json!({"cmd": "ls é"}));
    }
}

#[test]
fn a_stop_lets_a_running_answer_end() {
    let mut bed = Bed::with(&["--heartbeat", "50ms"]);
    bed.fake.will(Reply::new().text("One").hold("stopping").text(" two.").done());
    let mut stream = bed.ask("Count.");
    stream.until_text("One");
    bed.forward.signal(SIGTERM);
    bed.forward.wait("stopping").has("open", "1");
    // Until the end somebody is there.
    stream.until_it("a sign of life", |event| event.delta().is_empty());
    bed.fake.release("stopping");
    stream.whole().completed().says("One two.");
    let exit = bed.forward.exit();
    let stopped = exit.with(0).log.iter().find(|line| line.message == "stopped").unwrap();
    stopped.has("drained", "1").has("cut", "0");
}

/// It can even be continued.
#[test]
fn an_answer_that_breaks_while_we_stop_is_whole_all_the_same() {
    let mut bed = Bed::of(Reply::new().text("One").hold("stopping").reset());
    bed.fake.will(Reply::new().text(" two.").done());
    let mut stream = bed.ask("Count.");
    stream.until_text("One");
    bed.forward.signal(SIGTERM);
    bed.forward.wait("stopping");
    bed.fake.release("stopping");
    stream.whole().completed().says("One two.");
    bed.forward.exit().with(0);
}

#[test]
fn a_second_signal_cuts() {
    let mut bed = Bed::of(Reply::new().text("One").stall());
    let mut stream = bed.ask("Count.");
    stream.until_text("One");
    bed.forward.signal(SIGTERM);
    bed.forward.wait("stopping");
    bed.forward.signal(SIGTERM);
    assert_eq!(stream.try_next(SOON).unwrap_err(), Ended::Reset);
    bed.fake.left(0);
    let exit = bed.forward.exit();
    exit.log.iter().find(|line| line.message == "stopped").unwrap().has("cut", "1");
}

#[test]
fn nonsense_is_a_failure_that_says_so() {
    let ok = |body: &str| format!("HTTP/1.1 200 OK\r\n\r\n{body}").into_bytes();
    let endless = "x-more: y\r\n".repeat(40_000);
    let rows: [(&str, Vec<u8>, &[&str]); 7] = [
        ("another protocol", b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(), &["does not speak HTTP"]),
        ("noise", vec![0xff; 70_000], &["does not speak HTTP"]),
        ("endless headers", format!("HTTP/1.1 200 OK\r\n{endless}\r\n").into_bytes(), &["does not speak HTTP"]),
        ("a page", ok("<!DOCTYPE html>\n<html>sign in</html>"), &["web page"]),
        ("a page with a status", whole("403 Forbidden", "<html>no</html>"), &["web page", "403"]),
        (
            "a redirect",
            b"HTTP/1.1 302 Found\r\nlocation: http://portal/\r\ncontent-length: 0\r\n\r\n".to_vec(),
            &["302"],
        ),
        ("words", ok("hello\nhello\n"), &["cannot be read"]),
    ];
    for (name, answer, words) in rows {
        let said = answer.clone();
        let (raw, from) = (Raw::new(move |_| said.clone()), Instant::now());
        let failed = asked(&raw, &[]);
        assert_eq!(failed.end, "response.failed", "{name}");
        let message = failed.response["error"]["message"].as_str().unwrap();
        assert!(words.iter().all(|word| message.contains(word)), "{name}: {message}");
        assert!(from.elapsed() < Duration::from_secs(5), "{name}: {:?}", from.elapsed());
        assert!(raw.asked() <= 2, "{name}: asked {} times", raw.asked());
    }
}

#[test]
fn a_line_without_end_is_not_read_to_its_end() {
    let raw = Raw::new(|_| {
        let mut endless = b"HTTP/1.1 200 OK\r\n\r\n{\"message\":{\"content\":\"".to_vec();
        endless.resize(66 << 20, b'x');
        endless
    });
    asked(&raw, &[]).has_failed("server_error", &["line without end"]);
}

/// As a portproxy on Windows does in the place of an Ollama that is just starting.
#[test]
fn who_hangs_up_at_first_is_asked_again_for_a_while() {
    let raw = Raw::new(|number| if number < 4 { Vec::new() } else { speaks("Hi.") });
    asked(&raw, &[]).completed().says("Hi.");
    assert_eq!(raw.asked(), 5);
}

#[test]
fn who_always_hangs_up_is_given_up_in_time() {
    let (raw, from) = (Raw::new(|_| Vec::new()), Instant::now());
    asked(&raw, &["--wait-for-upstream", "1s"]).has_failed("server_error", &["broke off before it answered", "Next:"]);
    assert!(from.elapsed() < Duration::from_secs(5), "{:?}", from.elapsed());
    assert!(raw.asked() > 2);
}

/// LM Studio answers whatever path it does not know with 200.
#[test]
fn what_an_upstream_speaks_is_not_judged_by_a_status() {
    let stream =
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hi.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let unknown = r#"{"error":"Unexpected endpoint or method. (GET /api/version)"}"#;
    let raw = Raw::saying(move |_| whole("200 OK", unknown), move |_| whole("200 OK", stream));
    answer_of(&raw, &[]).completed().says("Hi.");
}

/// Who answers in the place of an Ollama that is just starting does not decide what it speaks.
#[test]
fn a_proxy_that_is_in_between_is_not_what_is_behind_it() {
    let page = "<html>bad gateway</html>";
    let version = move |number| match number {
        0..3 => whole("502 Bad Gateway", page),
        _ => whole("200 OK", r#"{"version":"0.33.0"}"#),
    };
    let raw = Raw::saying(version, |_| speaks("Hi."));
    answer_of(&raw, &[]).completed().says("Hi.");
}

/// The forwarder sees another /etc/hosts, in a mount namespace of its own.
const OTHER_HOSTS: &str = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";

#[test]
fn an_answer_goes_on_where_its_name_leads_now() {
    let (place, fake) = (Place::new(), Fake::new());
    let hosts = place.home().join("hosts");
    fs::write(&hosts, "127.0.0.1 windows.test\n").unwrap();
    let wrapper = ["unshare", "-rm", "sh", "-c", OTHER_HOSTS, hosts.to_str().unwrap()];
    let mut trial = Command::new(wrapper[0]);
    trial.args(&wrapper[1..]).arg("true").stderr(Stdio::null());
    if !trial.status().is_ok_and(|status| status.success()) {
        return say_skipped("bridge", "`unshare -rm` cannot give a process another /etc/hosts here");
    }
    let port = fake.address.port();
    let upstream = format!("http://windows.test:{port}");
    let mut forward = place.start_by(&wrapper, &["--translate", "--upstream", &upstream]);
    forward.is_ready();
    fake.will(Reply::new().text("One").stall());
    let mut stream = Asking::codex(&question("Count.")).send(place.address);
    stream.until_text("One");
    let new = Raw::at(([127, 0, 0, 7], port).into(), |_| speaks(" two."));
    fs::write(&hosts, "127.0.0.7 windows.test\n").unwrap();
    fake.down();
    stream.whole().completed().says("One two.");
    assert_eq!(new.asked(), 1);
    forward.wait("connection closed").has("upstream", &new.address.to_string());
}

/// The wait is as long as it was said, not twice.
#[test]
fn an_upstream_that_never_comes_is_given_up_in_time() {
    let bed = Bed::with(&["--wait-for-upstream", "1s", "--heartbeat", "100ms"]);
    bed.fake.down();
    let from = Instant::now();
    let answer = bed.answer("Hello?");
    assert!(answer.count("response.in_progress") > 5, "{answer:?}");
    answer.has_failed("server_error", &["refuses", "Likely:", "Next:"]);
    assert!((1.0..1.9).contains(&from.elapsed().as_secs_f64()), "{:?}", from.elapsed());
}

#[test]
fn an_upstream_that_stays_away_is_given_up_in_time() {
    let bed = Bed::with(&["--resume-window", "1s"]);
    bed.fake.will(Reply::new().text("One").stall());
    let mut stream = bed.ask("Count.");
    stream.until_text("One");
    bed.fake.down();
    let from = Instant::now();
    stream.whole().has_failed("server_error", &["Next:"]);
    assert!((1.0..2.4).contains(&from.elapsed().as_secs_f64()), "{:?}", from.elapsed());
}

#[test]
fn the_closing_record_says_where_an_answer_came_from() {
    let mut bed = Bed::of(Reply::new().text("Hi.").done());
    bed.answer("Hello?").completed();
    bed.forward.wait("connection closed").has("upstream", &bed.fake.address.to_string()).has("requests", "1");
    assert_eq!(bed.place.report()["connections"]["failed"], 0);
}

#[test]
fn an_exchange_that_failed_for_its_upstream_is_counted() {
    let mut bed = Bed::with(&["--wait-for-upstream", "100ms", "--resume-window", "100ms"]);
    let upstream = bed.fake.address.to_string();
    bed.fake.will(Reply::new().text("One").stall());
    let mut stream = bed.ask("Count.");
    stream.until_text("One");
    bed.fake.down();
    stream.whole().has_failed("server_error", &[]);
    bed.forward.wait("connection failed").has("upstream", &upstream).has("id", "E-UPSTREAM-REFUSED");
    bed.answer("Hello?").has_failed("server_error", &[]);
    bed.forward.wait("connection failed").has("upstream", "none").has("id", "E-UPSTREAM-REFUSED");
    assert_eq!(bed.place.report()["connections"]["failed"], 2);
}

/// What the model or its server says is no failure of the connection.
#[test]
fn an_exchange_that_failed_for_its_question_is_not() {
    let mut bed = Bed::of(Reply::status(400, "invalid options"));
    bed.answer("Hello?").has_failed("invalid_prompt", &[]);
    bed.forward.wait("connection closed").has("upstream", &bed.fake.address.to_string());
}

/// A request is never taken for whole before it is.
#[test]
fn who_leaves_in_the_middle_of_a_request_is_not_asked_for() {
    let mut bed = Bed::new();
    let mut half = TcpStream::connect(bed.address()).unwrap();
    half.write_all(b"POST /v1/responses HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{\"model\":")
        .unwrap();
    drop(half);
    bed.forward.wait("connection closed");
    assert!(bed.fake.asks().is_empty());
}

/// The whole answer of this upstream.
#[track_caller]
fn asked(raw: &Raw, args: &[&str]) -> Answer {
    answer_of(raw, &[&["--upstream-api", "ollama"], args].concat())
}

#[track_caller]
fn answer_of(raw: &Raw, args: &[&str]) -> Answer {
    let (place, upstream) = (Place::new(), raw.address.to_string());
    let mut forward = place.start(&[&["--translate", "--upstream", &upstream], args].concat());
    forward.is_ready();
    let body: Value = question("Hello?");
    Asking::codex(&body).send(place.address).whole()
}

/// What is made once is made.
#[track_caller]
fn warm_up(bed: &mut Bed) {
    bed.fake.will(Reply::new().text("Hi.").done());
    bed.answer("Hello?").completed();
    bed.forward.wait("connection closed");
}

fn descriptors(forward: &Forward) -> usize {
    fs::read_dir(format!("/proc/{}/fd", forward.pid())).unwrap().count()
}

fn resident_kib(forward: &Forward) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", forward.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
