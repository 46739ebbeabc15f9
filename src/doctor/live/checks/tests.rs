use crate::doctor::Facts;
use crate::doctor::check::Status;
use crate::doctor::fact::Fact;
use crate::doctor::live::{self, Large, Small, Stream, Through, Tools};
use crate::doctor::ollama::checks::bed::{forward_translates, mirrored, named, named_elsewhere, working};
use crate::doctor::proof::{self, check, check_without};
use crate::words;
use crate::words::Words;

fn tested() -> Facts {
    Facts { live: live::healthy(), ..working() }
}

fn streamed(stream: Stream) -> Facts {
    let mut facts = tested();
    facts.live.stream = Fact::Known(stream);
    facts
}

/// A model that spoke for two seconds, word by word.
fn spoken() -> Stream {
    Stream {
        model: Some("qwen3:14b".into()),
        first_ms: 1_200,
        pieces: 64,
        bytes: 9_000,
        longest_gap_ms: 80,
        took_ms: 3_200,
        spoke_ms: Some(2_000),
        whole: true,
        error: None,
    }
}

fn large(large: Large) -> Facts {
    let mut facts = tested();
    facts.live.large = Fact::Known(large);
    facts
}

const STUCK: Large = Large { sent: 262_144, took_ms: 3_000, stalled: true, error: None };

fn tools(tools: Tools) -> Facts {
    let mut facts = tested();
    facts.live.tools = Fact::Known(tools);
    facts
}

#[test]
fn where_all_is_well_every_test_passes() {
    check("live-small", &tested(), Status::Ok, &["through the forward at 127.0.0.1:11434 takes 1.2 ms"]);
    check("live-stream", &tested(), Status::Ok, &["the list of models came whole (1.4 kB)", "--stream-test"]);
    check("live-large", &tested(), Status::Ok, &["a request of 262 kB passes, in 9 ms"]);
    check("live-tools", &tested(), Status::Ok, &["through the bridge and back", "demo"]);
    let way = proof::details("live-small", &tested());
    assert_eq!(way, [("the test went through".into(), "the forward that runs, 127.0.0.1:11434".into())]);
}

#[test]
fn what_was_not_tested_is_skipped_with_its_reason() {
    for id in ["live-small", "live-stream", "live-large", "live-tools"] {
        check(id, &working(), Status::Skipped, &["not asked"]);
    }
    let mut facts = tested();
    facts.live.tools = Fact::Unknown(words!("without --translate", "sans --translate"));
    check("live-tools", &facts, Status::Skipped, &["without --translate"]);
}

#[test]
fn a_small_request_that_fails_blames_the_forward() {
    let mut facts = forward_translates(tested(), false);
    facts.live.small = Fact::Known(Small { took_us: 9, error: Some(Words::same("HTTP 503: E-NO-WINDOWS")) });
    let says = [
        "fails, though Ollama answers",
        "HTTP 503: E-NO-WINDOWS",
        "the forward goes to 172.24.0.1:11434",
        "ollama-forward status",
    ];
    check("live-small", &facts, Status::Failure, &says);
    for through in [Through::Started(([127, 0, 0, 1], 4000).into()), Through::Direct(([127, 0, 0, 1], 11434).into())] {
        facts.live.through = Some(through);
        check("live-small", &facts, Status::Failure, &["firewall inside WSL", "ollama-forward doctor reach live"]);
        check_without("live-small", &facts, &["ollama-forward status"]);
    }
}

#[test]
fn a_small_request_that_takes_seconds_is_a_warning() {
    let mut facts = tested();
    facts.live.small = Fact::Known(Small { took_us: 1_500_000, error: None });
    check("live-small", &facts, Status::Warning, &["takes 1.5 s", "packets are lost", "nstat"]);
}

#[test]
fn words_that_come_one_by_one_are_well() {
    let says = ["qwen3:14b streams: first word after 1.2 s, then 64 pieces at most 80 ms apart"];
    check("live-stream", &streamed(spoken()), Status::Ok, &says);
    // Too short to tell.
    let brief = Stream { spoke_ms: Some(90), took_ms: 1_200, pieces: 1, ..spoken() };
    check("live-stream", &streamed(brief), Status::Ok, &[]);
    // A server that does not count.
    let uncounted = Stream { spoke_ms: None, took_ms: 1_200, pieces: 1, ..spoken() };
    check("live-stream", &streamed(uncounted), Status::Ok, &[]);
    let names: Vec<String> = proof::details("live-stream", &tested()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["first piece", "longest silence", "in all", "pieces", "size"]);
}

#[test]
fn an_answer_that_comes_all_at_once_was_held_back() {
    let held = Stream { first_ms: 3_190, took_ms: 3_200, pieces: 1, ..spoken() };
    let says = [
        "came all at once",
        "the model spoke for 2 s, and all of it came within 10 ms",
        "antivirus",
        "curl -N http://172.24.0.1:11434/api/generate",
    ];
    check("live-stream", &streamed(held), Status::Warning, &says);
}

#[test]
fn an_answer_that_ends_early_is_a_failure() {
    let early = Stream { whole: false, pieces: 7, ..spoken() };
    let says = ["ended early, after 7 pieces", "without the last record", "server.log", "--stream-test=qwen3:14b"];
    check("live-stream", &streamed(early.clone()), Status::Failure, &says);
    let broke = Stream { error: Some(Words::same("the connection broke off")), ..early.clone() };
    check("live-stream", &streamed(broke), Status::Failure, &["the connection broke off"]);
    let never = Stream { pieces: 0, error: Some(Words::same("HTTP 404: model not found")), ..early };
    check("live-stream", &streamed(never), Status::Failure, &["did not come", "HTTP 404: model not found"]);
    let list = Stream { whole: false, ..Stream::default() };
    check("live-stream", &streamed(list), Status::Failure, &["the list of models", "did not come"]);
    check_without("live-stream", &streamed(Stream::default()), &["the model's process", "--stream-test="]);
}

#[test]
fn long_silences_in_an_answer_are_a_warning() {
    let slow = Stream { longest_gap_ms: 12_000, took_ms: 40_000, ..spoken() };
    check("live-stream", &streamed(slow), Status::Warning, &["silent for up to 12 s", "smaller model"]);
}

#[test]
fn a_large_request_that_gets_stuck_is_a_matter_of_packet_size() {
    let says = [
        "a request of 262 kB gets stuck, while a small one passes",
        "eth0 sends packets of up to 1500 bytes",
        "a VPN on Windows carries smaller ones than eth0 sends",
        "Get-NetIPInterface",
        "> sudo ip link set dev eth0 mtu 1350",
        "undo> sudo ip link set dev eth0 mtu 1500",
        "> command = ip link set dev eth0 mtu 1350",
        "networkingMode=mirrored",
    ];
    check("live-large", &large(STUCK), Status::Failure, &says);
    check("live-large", &named_elsewhere(large(STUCK)), Status::Failure, &["mtu 1350"]);
    let mut small = large(STUCK);
    small.network.mtu = Fact::Known(1350);
    check(
        "live-large",
        &small,
        Status::Failure,
        &["> sudo ip link set dev eth0 mtu 1280", "undo> sudo ip link set dev eth0 mtu 1350"],
    );
}

#[test]
fn on_localhost_no_card_limits_packets() {
    let here = named(large(STUCK), ([127, 0, 0, 1], 11500).into());
    for facts in [mirrored(large(STUCK)), here] {
        check("live-large", &facts, Status::Failure, &["gets stuck", "Ollama hangs"]);
        check_without("live-large", &facts, &["mtu", "MTU"]);
    }
}

#[test]
fn a_large_request_that_fails_otherwise_is_told() {
    let facts = large(Large { stalled: false, error: Some(Words::same("HTTP 502")), ..STUCK });
    check("live-large", &facts, Status::Failure, &["fails, while a small one passes", "HTTP 502", "antivirus"]);
}

#[test]
fn a_model_that_uses_the_tool_is_well_and_one_that_does_not_is_a_warning() {
    let used = Tools { model: Some("qwen3:14b".into()), called: true, answered: true, instead: None };
    check("live-tools", &tools(used.clone()), Status::Ok, &["qwen3:14b called a tool through the bridge"]);
    let text = Tools { called: false, answered: false, instead: Some(Words::same("no text")), ..used.clone() };
    check(
        "live-tools",
        &tools(text),
        Status::Warning,
        &["did not call the tool", "instead came: no text", "model-tools"],
    );
    let unused = Tools { answered: false, ..used };
    check("live-tools", &tools(unused), Status::Warning, &["did not use its result"]);
}

#[test]
fn a_tool_call_of_the_demo_that_is_lost_is_our_own_fault() {
    for (called, answered) in [(false, false), (true, false)] {
        let lost = Tools { model: None, called, answered, instead: Some(Words::same("HTTP 500")) };
        check("live-tools", &tools(lost), Status::Failure, &["a fault of ollama-forward itself", "HTTP 500"]);
    }
}
