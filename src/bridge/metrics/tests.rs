use super::*;

const SCENE: Scene<'_> = Scene {
    version: "1.2.3",
    connections: Totals { open: 1, total: 9, failed: 2, refused: 3, sent: 4, received: 5 },
    upstream: UpstreamState::Searching,
    changed: 1_795_243_312.5,
    stored_responses: 6,
    stored_bytes: 7,
};

fn exchange() -> Exchange<'static> {
    Exchange::new(Lane::Responses, Outcome::Completed, Duration::from_secs(3))
}

#[test]
fn exchanges_are_counted_by_their_way_and_their_end() {
    let exchanges = [
        exchange(),
        exchange(),
        Exchange { outcome: Outcome::Abandoned, ..exchange() },
        Exchange::new(Lane::Title, Outcome::Completed, Duration::ZERO),
    ];
    check(&exchanges, "exchanges_total{lane=\"responses\",result=\"completed\"} 2");
    check(&exchanges, "exchanges_total{lane=\"responses\",result=\"abandoned\"} 1");
    check(&exchanges, "exchanges_total{lane=\"title\",result=\"completed\"} 1");
    check(&exchanges, "exchanges_total{lane=\"passed\",result=\"failed\"} 0");
}

#[test]
fn every_way_and_every_end_has_its_place() {
    for (lane, lane_word) in LANES {
        for (outcome, word) in OUTCOMES {
            let row = format!("exchanges_total{{lane=\"{lane_word}\",result=\"{word}\"}} 1");
            check(&[Exchange::new(lane, outcome, Duration::ZERO)], &row);
        }
    }
}

#[test]
fn times_go_into_buckets_that_hold_all_below() {
    let took = |ms| Exchange { first: Some(Duration::from_millis(ms)), ..exchange() };
    let exchanges = [took(50), took(51), took(700_000)];
    for row in [
        "first_token_seconds_bucket{le=\"0.05\"} 1",
        "first_token_seconds_bucket{le=\"0.1\"} 2",
        "first_token_seconds_bucket{le=\"300\"} 2",
        "first_token_seconds_bucket{le=\"+Inf\"} 3",
        "first_token_seconds_sum 700.101",
        "first_token_seconds_count 3",
        "exchange_seconds_bucket{le=\"2.5\"} 0",
        "exchange_seconds_bucket{le=\"5\"} 3",
    ] {
        check(&exchanges, row);
    }
}

#[test]
fn the_gap_is_the_mean_of_an_answer() {
    let spoke = |pieces, ms| Exchange { pieces, speaking: Duration::from_millis(ms), ..exchange() };
    let exchanges = [spoke(0, 0), spoke(1, 0), spoke(101, 2000)];
    check(&exchanges, "piece_gap_seconds_bucket{le=\"0.01\"} 0");
    check(&exchanges, "piece_gap_seconds_bucket{le=\"0.02\"} 1");
    check(&exchanges, "piece_gap_seconds_count 1");
}

#[test]
fn what_passes_through_is_counted_and_not_timed() {
    let exchanges = [Exchange::new(Lane::Passed, Outcome::Completed, Duration::from_secs(1))];
    check(&exchanges, "exchange_seconds_count 0");
}

#[test]
fn tokens_and_incidents_are_summed() {
    let usage = Usage { input: Some(100), cached: Some(40), output: Some(20), reasoning: None };
    let one = Exchange { usage, resumes: 1, retries: 2, heartbeats: 3, ..exchange() };
    for row in [
        "tokens_total{kind=\"input\"} 200",
        "tokens_total{kind=\"cached\"} 80",
        "tokens_total{kind=\"output\"} 40",
        "tokens_total{kind=\"reasoning\"} 0",
        "resumes_total 2",
        "retries_total 4",
        "heartbeats_total 6",
    ] {
        check(&[one, one], row);
    }
}

#[test]
fn repairs_recoveries_and_losses_are_told_by_kind() {
    let one = Exchange {
        repairs: &[Slip::NameCase, Slip::Fence],
        recoveries: &[Family::Hermes, Family::Hermes],
        losses: &["web_search"],
        ..exchange()
    };
    for row in [
        "repairs_total{kind=\"name-case\"} 2",
        "repairs_total{kind=\"json-fence\"} 2",
        "recoveries_total{kind=\"Hermes\"} 4",
        "losses_total{kind=\"web_search\"} 2",
    ] {
        check(&[one, one], row);
    }
}

#[test]
fn the_scene_is_told_as_it_is() {
    for row in [
        "build_info{version=\"1.2.3\"} 1",
        "upstream_state{state=\"up\"} 0",
        "upstream_state{state=\"searching\"} 1",
        "upstream_changed_timestamp_seconds 1795243312.500",
        "connections_open 1",
        "connections_total 9",
        "connections_failed_total 2",
        "connections_refused_total 3",
        "sent_bytes_total 4",
        "received_bytes_total 5",
        "stored_responses 6",
        "stored_bytes 7",
    ] {
        check(&[], row);
    }
}

/// The grammar of the format, as far as we use it.
#[test]
fn the_page_is_well_formed() {
    let metrics = Metrics::default();
    metrics.record(&Exchange { repairs: &[Slip::Fence], first: Some(Duration::from_secs(1)), ..exchange() });
    let page = metrics.render(&Scene { version: "a\"b\\c\n", ..SCENE });
    assert!(page.ends_with('\n') && page.contains(r#"{version="a\"b\\c\n"}"#), "{page}");
    let (mut family, mut seen) = (String::new(), Vec::new());
    for line in page.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", name, help] => {
                assert!(!seen.contains(&name) && help.ends_with('.'), "{line}");
                seen.push(name);
                name.clone_into(&mut family);
            }
            ["#", "TYPE", name, kind] => {
                assert!(name == family && ["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            }
            [name, value] => {
                let bare = name.split('{').next().unwrap();
                let suffix = bare.strip_prefix(&family).unwrap_or("another");
                assert!(["", "_bucket", "_sum", "_count"].contains(&suffix), "{line}");
                assert!(value.parse::<f64>().is_ok(), "{line}");
            }
            _ => panic!("{line}"),
        }
    }
    assert!(seen.len() > 15, "{seen:?}");
}

#[test]
fn bounds_grow_and_fit() {
    for bounds in [FIRST, TOTAL, GAPS] {
        assert!(bounds.is_sorted() && bounds.len() <= histogram::MOST_BOUNDS);
    }
}

#[track_caller]
fn check(exchanges: &[Exchange<'_>], row: &str) {
    let metrics = Metrics::default();
    for exchange in exchanges {
        metrics.record(exchange);
    }
    let page = metrics.render(&SCENE);
    let row = format!("ollama_forward_{row}");
    assert!(page.lines().any(|line| line == row), "{row} is not in:\n{page}");
}
