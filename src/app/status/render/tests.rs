use std::time::Duration;

use super::*;

use crate::status::ReportedFault;
use crate::words::Lang;

/// All there is to tell.
fn busy() -> Forward {
    let report = Report {
        capture: Some(Capture {
            on: true,
            page: Some("http://127.0.0.1:5001/".into()),
            sessions: 12,
            exchanges: 1,
            bytes: 3_100_000,
            limit: 256 << 20,
            ..Capture::default()
        }),
        exchange: Some(exchange("completed", Some(41))),
        ..Report::example()
    };
    let models = vec![
        Model { name: "gpt-oss:20b".into(), context: Some(32_768), maximum: Some(131_072), believed: Some(258_400) },
        Model { name: "nomic".into(), context: Some(2048), maximum: None, believed: Some(2000) },
    ];
    let asked = Asked { latency: Some(Duration::from_micros(1830)), models: Some(models) };
    Forward { report, log: Vec::new(), asked: Some(asked) }
}

fn exchange(result: &str, tokens_per_s: Option<u64>) -> Exchange {
    Exchange {
        model: "gpt-oss:20b".into(),
        result: result.into(),
        tokens_per_s,
        tokens_out: Some(120),
        ended_ms_ago: 12_000,
    }
}

fn active() -> Service {
    Service { installed: true, active: Some("active".into()) }
}

const EN: Look =
    Look { lang: Lang::En, width: 200, color: false, ascii: false, extent: crate::doctor::render::Extent::Normal };
const FR: Look = Look { lang: Lang::Fr, ..EN };

/// Lines, with the no-break spaces that French needs made plain: they are looked at elsewhere.
#[track_caller]
fn check(lines: &[String], expected: &str) {
    let text = lines.join("\n").replace(['\u{a0}', '\u{202f}'], " ");
    assert_eq!(text, expected, "\n{text}");
}

#[test]
fn the_block_reads_from_clients_to_windows() {
    check(
        &block(&busy(), &active(), &EN),
        "\
forward   127.0.0.1:11434 → 172.24.0.1:11434   up 3 h 12   2 open, 418 done, 1 failed   pid 42   1.2 MB sent, 999 B received
upstream  ✓ up for 1 min   Ollama 0.33.0   1.8 ms
route     default gateway of eth0 (WSL NAT)   WSL nat
model     gpt-oss:20b   context 32 768 loaded of 131 072   ⚠ Codex believes 258 400
model     nomic   context 2 048 loaded
bridge    translates /v1/responses   last: gpt-oss:20b 41 tokens/s, 12 s ago
capture   ✓ on   12 sessions   3.1 MB of 268 MB   http://127.0.0.1:5001/
service   ✓ active
hint      ollama-forward doctor codex-context",
    );
}

#[test]
fn french_has_its_own_words_and_spaces() {
    let lines = block(&busy(), &active(), &FR);
    check(
        &lines,
        "\
relais    127.0.0.1:11434 → 172.24.0.1:11434   lancé depuis 3 h 12   2 ouvertes, 418 terminées, 1 en échec   pid 42   1,2 Mo envoyés, 999 o reçus
cible     ✓ joignable depuis 1 min   Ollama 0.33.0   1,8 ms
route     passerelle par défaut de eth0 (NAT de WSL)   WSL nat
modèle    gpt-oss:20b   contexte 32 768 chargé sur 131 072   ⚠ Codex en suppose 258 400
modèle    nomic   contexte 2 048 chargé
pont      traduit /v1/responses   dernier échange : gpt-oss:20b 41 tokens/s, il y a 12 s
capture   ✓ active   12 sessions   3,1 Mo sur 268 Mo   http://127.0.0.1:5001/
service   ✓ actif
conseil   ollama-forward doctor codex-context",
    );
    let text = lines.join("\n");
    for tied in ["32\u{202f}768", "1,8\u{a0}ms", "3\u{a0}h\u{a0}12", "échange\u{a0}:"] {
        assert!(text.contains(tied), "{tied:?} is not tied together");
    }
}

#[test]
fn ascii_is_ascii_in_both_languages() {
    for look in [EN, FR] {
        let text = block(&busy(), &active(), &Look { ascii: true, ..look }).join("\n");
        assert!(text.is_ascii(), "{text}");
        assert!(text.contains("[ok]") && text.contains("[!!]") && text.contains(" -> "), "{text}");
    }
}

#[test]
fn no_line_is_wider_than_the_terminal_and_what_is_cut_says_so() {
    for lang in [Lang::En, Lang::Fr] {
        for ascii in [false, true] {
            for columns in [8, 10, 12, 40, 80, 200] {
                let look = Look { lang, ascii, width: columns, ..EN };
                let whole = block(&busy(), &active(), &Look { width: usize::MAX, ..look });
                let more = if ascii { "..." } else { "…" };
                for (line, whole) in block(&busy(), &active(), &look).iter().zip(whole) {
                    let taken = crate::doctor::render::width(line);
                    assert!(taken <= columns, "{taken} > {columns}: {line}");
                    assert!(*line == whole || line.ends_with(more), "{line:?} of {whole:?}");
                }
            }
        }
    }
    check(
        &block(&busy(), &active(), &Look { width: 40, ..EN })[..3],
        "\
forward   127.0.0.1:11434 → 172.24.0.1:…
upstream  ✓ up for 1 min   Ollama 0.33.…
route     default gateway of eth0 (WSL…",
    );
}

#[test]
fn colour_adds_nothing_but_colour() {
    let look = Look { width: 80, ..EN };
    let plain = block(&busy(), &active(), &look);
    let coloured = block(&busy(), &active(), &Look { color: true, ..look });
    assert!(coloured[1].contains("\x1b[32m✓ up for 1 min\x1b[0m"), "{coloured:?}");
    for (line, plain) in coloured.iter().zip(&plain) {
        let mut text = String::new();
        for piece in line.split('\x1b') {
            let after = piece.strip_prefix('[').and_then(|order| order.split_once('m')).map(|(_, after)| after);
            text.push_str(after.unwrap_or(piece));
        }
        assert_eq!(&text, plain);
        assert!(!line.contains("\x1b[") || line.matches("\x1b[0m").count() * 2 == line.matches('\x1b').count());
    }
}

/// The line with this label, of a forwarder that was changed.
#[track_caller]
fn line(label: (&str, &str), change: impl Fn(&mut Forward), service: &Service, en: Option<&str>, fr: Option<&str>) {
    for (look, label, expected) in [(EN, label.0, en), (FR, label.1, fr)] {
        let mut forward = busy();
        change(&mut forward);
        let lines = block(&forward, service, &look);
        let found = lines.iter().find(|line| line.split(' ').next() == Some(label));
        let text = found.map(|line| line[label.len()..].trim_start().replace(['\u{a0}', '\u{202f}'], " "));
        assert_eq!(text.as_deref(), expected);
    }
}

#[test]
fn an_upstream_that_is_not_there_is_told_with_its_reason() {
    let down = |forward: &mut Forward| {
        forward.report.state = State::Down;
        forward.report.ollama = None;
        forward.asked = None;
        forward.report.error = Some(ReportedFault {
            id: "E-UPSTREAM-REFUSED".into(),
            message: "172.24.0.1:11434 refuses connections".into(),
            next: String::new(),
        });
    };
    let none = Service::default();
    line(("upstream", "cible"), down, &none, Some("✗ down for 1 min"), Some("✗ injoignable depuis 1 min"));
    let title = FaultId::UpstreamRefused.title().of(Lang::Fr).replace('\u{a0}', " ");
    line(
        ("error", "erreur"),
        down,
        &none,
        Some("E-UPSTREAM-REFUSED: 172.24.0.1:11434 refuses connections"),
        Some(&format!("E-UPSTREAM-REFUSED : {title}")),
    );
    line(("hint", "conseil"), down, &none, Some("ollama-forward doctor"), Some("ollama-forward doctor"));
    line(("model", "modèle"), down, &none, None, None);
}

#[test]
fn an_upstream_that_is_silent_is_no_longer_well() {
    let silent = |forward: &mut Forward| forward.asked = Some(Asked::default());
    line(
        ("upstream", "cible"),
        silent,
        &active(),
        Some("✓ up for 1 min   Ollama 0.33.0   ⚠ no answer within 1 s"),
        Some("✓ joignable depuis 1 min   Ollama 0.33.0   ⚠ pas de réponse en 1 s"),
    );
    line(("model", "modèle"), silent, &active(), Some("⚠ no answer within 1 s"), Some("⚠ pas de réponse en 1 s"));
}

#[test]
fn models_are_counted_where_there_are_many() {
    let none = |forward: &mut Forward| forward.asked.as_mut().unwrap().models = Some(Vec::new());
    line(("model", "modèle"), none, &active(), Some("none loaded"), Some("aucun chargé"));
    let mut many = busy();
    many.asked.as_mut().unwrap().models = Some(vec![Model { name: "m".into(), ..Model::default() }; 6]);
    let lines = block(&many, &active(), &EN);
    let of_models: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("model     ")).collect();
    assert_eq!(of_models, ["m", "m", "m", "m", "and 2 more"]);
}

#[test]
fn a_service_is_told_in_each_of_its_states() {
    let service = |active: &str| Service { installed: true, active: Some(active.into()) };
    let check = |service: &Service, en: &str, fr: &str| {
        line(("service", "service"), |_| {}, service, Some(en), Some(fr));
    };
    check(&Service::default(), "○ not installed", "○ non installé");
    check(&service("active"), "✓ active", "✓ actif");
    check(&service("inactive"), "○ installed, not active", "○ installé, inactif");
    check(&service("failed"), "✗ failed", "✗ en échec");
    let odd = "⚠ installed, systemd says: reloading";
    check(&service("reloading"), odd, "⚠ installé, systemd dit : reloading");
    let silent = Service { installed: true, active: None };
    check(&silent, "⚠ installed, systemd does not answer", "⚠ installé, systemd ne répond pas");
}

#[test]
fn whoever_is_captured_can_see_it() {
    let check = |change: fn(&mut Option<Capture>), en: &str, fr: &str| {
        line(("capture", "capture"), |forward| change(&mut forward.report.capture), &active(), Some(en), Some(fr));
    };
    check(|capture| *capture = None, "○ off", "○ inactive");
    check(
        |capture| {
            let was = capture.take().unwrap();
            *capture = Some(Capture { on: false, page: None, sessions: 1, bytes: 0, missed: 3, ..was });
        },
        "○ off   1 session   0 B of 268 MB   ⚠ 3 missed",
        "○ inactive   1 session   0 o sur 268 Mo   ⚠ 3 manquées",
    );
    let full = |forward: &mut Forward| {
        forward.report.capture.as_mut().unwrap().trouble = Some("the disk is full".into());
        forward.asked = None;
    };
    line(("why", "pourquoi"), full, &active(), Some("the disk is full"), Some("the disk is full"));
    let hint = Some("ollama-forward capture status");
    line(("hint", "conseil"), full, &active(), hint, hint);
}

#[test]
fn a_route_is_told_in_the_readers_language() {
    let check = |found: &str, fr: &str| assert_eq!(how(found), Words { en: found.into(), fr: fr.into() });
    check("first address of eth1's network", "première adresse du réseau de eth1");
    check("host.docker.internal", "host.docker.internal");
    check("named", "désignée par vous");
    check("demo", "démonstration");
}

#[test]
fn the_line_below_a_log_leaves_the_last_column_free() {
    let report = busy().report;
    check(
        &[live(&report, false, &EN)],
        "✓ up   127.0.0.1:11434 → 172.24.0.1:11434   2 open, 418 done, 1 failed   gpt-oss:20b 41 tokens/s   capture on, 1 exchange",
    );
    check(
        &[live(&report, true, &Look { width: 80, ..FR })],
        "⚠ arrêt en cours   127.0.0.1:11434 → 172.24.0.1:11434   2 ouvertes, 418 termin…",
    );
    for columns in [1, 2, 40, 80, 120] {
        let line = live(&report, false, &Look { width: columns, ..EN });
        assert!(crate::doctor::render::width(&line) < columns.max(2), "{line}");
    }
}

#[test]
fn an_exchange_that_failed_is_not_called_fast() {
    let told = |exchange: Exchange| speed(&exchange).en;
    assert_eq!(told(exchange("failed", Some(41))), "gpt-oss:20b failed");
    assert_eq!(told(exchange("completed", None)), "gpt-oss:20b");
}

#[test]
fn nothing_that_changes_by_itself_is_in_a_line_of_changes() {
    let earlier = busy().report;
    let mut later = earlier.clone();
    later.uptime_ms += 60_000;
    later.changed_ms_ago += 60_000;
    later.bytes.sent += 1;
    later.exchange.as_mut().unwrap().ended_ms_ago += 60_000;
    assert_eq!(change(&earlier, &EN), change(&later, &EN));
    later.connections.open += 1;
    later.connections.total += 1;
    assert_ne!(change(&earlier, &EN), change(&later, &EN));
}

#[test]
fn names_cannot_move_the_cursor() {
    let name = |forward: &mut Forward| {
        forward.asked.as_mut().unwrap().models = Some(vec![Model { name: "a\x1b[2J\nb".into(), ..Model::default() }]);
    };
    let shown = Some("a\u{fffd}[2J b");
    line(("model", "modèle"), name, &active(), shown, shown);
}

#[test]
fn a_line_of_the_log_has_its_time_of_day() {
    let line = "2026-11-28T21:40:03.123456+01:00  INFO exchange id=3 model=\"m\"";
    assert_eq!(log_line(line, &EN), "21:40:03 INFO exchange id=3 model=\"m\"");
    assert_eq!(log_line(line, &Look { width: 20, ..EN }), "21:40:03 INFO excha…");
    assert_eq!(log_line("odd", &EN), "odd");
}
