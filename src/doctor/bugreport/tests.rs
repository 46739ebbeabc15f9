use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::gather::{Places, gather};
use super::save::save;
use super::*;
use crate::doctor::check::no_details;
use crate::doctor::system::ConfigState;
use crate::doctor::{Check, Fact, Group, Problem, Remedy, codex, judge, port};
use crate::program::tests::script;
use crate::status::{Answer, Bytes, Connections, Report, State, StatusSocket};
use crate::words::Lang;

/// 2026-11-28 15:28:09 UTC.
fn at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_879_689)
}

fn frame() -> Frame {
    Frame { version: "0.2.0".into(), took: Duration::from_secs(2), strict: false, partial: false }
}

static TABLE: &[Check] = &[Check {
    id: "proxy",
    group: Group::Codex,
    title: || words!("proxy variables", "variables de proxy"),
    needs: &[],
    judge: |_| {
        Problem::new(words!("/home/marie/.bashrc sets a proxy", "/home/marie/.bashrc définit un proxy"))
            .cured_by(Remedy::shell(words!("unset it", "l'enlever"), "unset HTTP_PROXY"))
            .fail()
    },
    details: no_details,
}];

fn facts() -> Facts {
    let mut facts = Facts::default();
    facts.codex.environment.no_proxy = vec![("NO_PROXY".into(), "localhost,8.8.8.8".into())];
    facts.port.holders = Fact::Known(vec![port::Holder {
        port: 11434,
        address: "127.0.0.1:11434".into(),
        user: "marie".into(),
        pid: Some(812),
        name: Some("ollama".into()),
        command: Some("/usr/bin/ollama --token abc".into()),
    }]);
    facts
}

fn sources() -> Sources {
    Sources {
        at: at(),
        files: vec![
            (PathBuf::from("/home/marie/.codex/config.toml"), Ok("model = \"qwen3:14b\"\napi_key = \"abc\"\n".into())),
            (PathBuf::from("/etc/wsl.conf"), Err("Permission denied (os error 13)".into())),
        ],
        logs: vec![(
            11434,
            vec!["INFO forwarding to upstream=172.24.0.1:11434".into(), "WARN \u{1b}[31m8.8.8.8\u{7}".into()],
        )],
        journal: Some(vec![]),
        known: Known { users: vec![], hosts: vec!["atelier".into()] },
    }
}

fn report() -> BugReport {
    let facts = facts();
    assemble(&facts, &judge(TABLE, &facts), &sources(), &frame())
}

#[test]
fn it_holds_all_that_was_learnt() {
    let text = report().text();
    assert!(
        text.starts_with("ollama-forward bug report\nmade 2026-11-28 15:28:09 UTC by ollama-forward 0.2.0\n"),
        "{text}"
    );
    for part in [
        "\n== Checks ==\nollama-forward 0.2.0 · ",
        "1 ✗ proxy  /home/USER/.bashrc sets a proxy\n",
        "      unset HTTP_PROXY\n",
        "\n== Facts ==\n{\n",
        "\"localhost,[public-ip-1]\"",
        "\"command\": \"/usr/bin/ollama --token [removed]\"",
        "\"user\": \"USER\"",
        "\n== File /home/USER/.codex/config.toml ==\nmodel = \"qwen3:14b\"\napi_key = \"[removed]\"\n\n==",
        "\n== File /etc/wsl.conf ==\n(not read: Permission denied (os error 13))\n",
        "\n== Log of the forward on port 11434 ==\nINFO forwarding to upstream=172.24.0.1:11434\n",
        "WARN [public-ip-1]\u{fffd}\n",
        "\n== Journal of the service ==\n(the journal told nothing)\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    for gone in ["marie", "abc", "8.8.8.8"] {
        assert!(!text.contains(gone), "{gone} is in:\n{text}");
    }
}

#[test]
fn without_forward_and_service_it_says_so() {
    let facts = Facts::default();
    let sources = Sources { logs: vec![], journal: None, files: vec![], ..sources() };
    let report = assemble(&facts, &[], &sources, &frame());
    let titles: Vec<&str> = report.sections.iter().map(|section| section.title.as_str()).collect();
    assert_eq!(titles, ["Checks", "Facts", "Log"]);
    assert_eq!(report.sections[2].body, "(no forward runs)");
}

#[test]
fn what_is_in_it_is_listed_for_review() {
    let report = report();
    let look = Look { lang: Lang::En, ..Look::default() };
    let said = review(&report, Path::new("/tmp/report.txt"), &look);
    let lines = |title: &str| report.sections.iter().find(|section| section.title == title).unwrap().lines();
    assert!(said.starts_with("Written, for you only: /tmp/report.txt\n\n"), "{said}");
    let width = lines("Facts").to_string().len();
    assert!(said.contains(&format!("  {} lines  Facts\n", lines("Facts"))), "{said}");
    assert!(said.contains(&format!("  {:>width$} lines  File /home/USER/.codex/config.toml\n", 2)), "{said}");
    assert!(said.contains(&format!("  {:>width$} line   Journal of the service\n", 1)), "{said}");
    assert!(said.replace('\n', " ").contains("Read it before you share it. It was not sent anywhere."), "{said}");
    let said = review(&report, Path::new("/tmp/report.txt"), &Look { lang: Lang::Fr, ..look });
    assert!(said.contains(" lignes  Facts\n") && said.replace('\n', " ").contains("envoyé nulle part."), "{said}");
}

#[test]
fn it_is_saved_for_its_owner_and_replaces_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = save("all\n", None, directory.path(), at()).unwrap();
    assert_eq!(path, directory.path().join("ollama-forward-bugreport-20261128-152809.txt"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let again = save("more\n", None, directory.path(), at()).unwrap_err();
    assert!(again.en.ends_with("exists already, and stays as it is"), "{again}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "all\n");
    let named = directory.path().join("mine.txt");
    assert_eq!(save("all\n", Some(&named), Path::new("/nowhere"), at()).unwrap(), named);
    let missing = directory.path().join("no/such/place.txt");
    let refused = save("all\n", Some(&missing), directory.path(), at()).unwrap_err();
    assert!(refused.en.starts_with("cannot write "), "{refused}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

/// A system with all there can be.
fn system() -> (tempfile::TempDir, Places, Facts) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_owned();
    let put = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    let config = put("home/config.toml", "translate = true\n");
    put("etc/wsl.conf", "[boot]\nsystemd=true\n");
    put("proc/sys/kernel/hostname", "atelier\n");
    script(&root.join("usr/bin/journalctl"), "echo \"$*\"; echo second");
    let mut facts = Facts::default();
    facts.system.config = Fact::Known(ConfigState::Valid(vec![config.clone()]));
    let codex = codex::Config { path: Some(put("codex/config.toml", "model = 1\n")), ..codex::Config::default() };
    let profile = codex::Config { path: Some(root.join("codex/gone.config.toml")), ..codex::Config::default() };
    facts.codex.config = Fact::Known(codex);
    facts.codex.profiles = vec![codex::Profile { name: "gone".into(), config: profile }];
    facts.service.unit = Fact::Known(Some(put("unit/ollama-forward.service", "[Service]\n")));
    let places = Places { root, config: Some(config), sockets: None, users: vec!["marie".into()] };
    (directory, places, facts)
}

#[tokio::test]
async fn files_and_journal_are_collected_once_each() {
    let (directory, places, facts) = system();
    let sources = gather(&facts, &places, at()).await;
    let files: Vec<(String, String)> = sources
        .files
        .iter()
        .map(|(path, text)| {
            let path = path.strip_prefix(directory.path()).unwrap().display().to_string();
            (path, text.clone().unwrap())
        })
        .collect();
    let expected = [
        ("home/config.toml", "translate = true\n"),
        ("codex/config.toml", "model = 1\n"),
        ("unit/ollama-forward.service", "[Service]\n"),
        ("etc/wsl.conf", "[boot]\nsystemd=true\n"),
    ];
    assert_eq!(files, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    let journal = sources.journal.unwrap();
    assert!(journal[0].starts_with("--user -u ollama-forward -n 200 "), "{journal:?}");
    assert_eq!(journal[1], "second");
    assert_eq!((sources.known.hosts, sources.known.users), (vec!["atelier\n".to_owned()], vec!["marie".to_owned()]));
}

#[tokio::test]
async fn what_is_not_there_is_no_trouble() {
    let root = tempfile::tempdir().unwrap();
    let places = Places { root: root.path().to_owned(), config: None, sockets: None, users: vec![] };
    let sources = gather(&Facts::default(), &places, at()).await;
    assert_eq!((sources.files.len(), sources.logs.len(), sources.journal), (0, 0, None));
}

#[tokio::test]
async fn a_journal_that_hangs_costs_its_deadline_only() {
    let (directory, places, facts) = system();
    fs::write(directory.path().join("usr/bin/journalctl"), "#!/bin/sh\nexec sleep 60\n").unwrap();
    let began = crate::clock::now();
    let sources = gather(&facts, &places, at()).await;
    assert_eq!(sources.journal, Some(vec![]));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_running_forward_is_asked_for_its_lines() {
    let (directory, mut places, mut facts) = system();
    let report = Report {
        pid: 1,
        version: "0.2.0".into(),
        listen: vec!["127.0.0.1:11434".into()],
        translate: false,
        mode: None,
        upstream: None,
        state: State::Up,
        how: String::new(),
        ollama: None,
        error: None,
        uptime_ms: 0,
        changed_ms_ago: 0,
        connections: Connections { open: 0, total: 0, failed: 0, refused: 0 },
        bytes: Bytes { sent: 0, received: 0 },
        capture: None,
        exchange: None,
    };
    let gone = Report { listen: vec!["127.0.0.1:11435".into()], ..report.clone() };
    facts.port.forwards = vec![report.clone(), gone];
    facts.service.unit = Fact::Known(None);
    let sockets = directory.path().join("sockets");
    let socket = StatusSocket::open(&sockets, 11434).unwrap();
    places.sockets = Some(sockets);
    let answer = || Answer { report: report.clone(), log: vec!["INFO one".into()] };
    let sources = tokio::select! {
        () = socket.serve(answer) => unreachable!("serves until dropped"),
        sources = gather(&facts, &places, at()) => sources,
    };
    assert_eq!(sources.logs, [(11434, vec!["INFO one".to_owned()]), (11435, vec![])]);
    assert_eq!(sources.journal, None, "there is no service");
}
