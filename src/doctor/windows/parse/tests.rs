use super::*;
use crate::doctor::windows::{Binding, healthy};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../../tests/fixtures/windows/", $name))
    };
}

#[track_caller]
fn read(bytes: &[u8]) -> Windows {
    windows(bytes, &words!("cut off", "coupé")).unwrap()
}

/// How many of the thirteen facts are known.
fn known(windows: &Windows) -> usize {
    let Windows {
        source: _, listeners, ollama_processes, ollama_installed, answers_locally, variables, adapters, ..
    } = windows;
    let Windows { firewall, rules, portproxy, excluded, route_to_us, hyperv_loopback, wslconfig, .. } = windows;
    [
        listeners.known().is_some(),
        ollama_processes.known().is_some(),
        ollama_installed.known().is_some(),
        answers_locally.known().is_some(),
        variables.known().is_some(),
        adapters.known().is_some(),
        firewall.known().is_some(),
        rules.known().is_some(),
        portproxy.known().is_some(),
        excluded.known().is_some(),
        route_to_us.known().is_some(),
        hyperv_loopback.known().is_some(),
        wslconfig.known().is_some(),
    ]
    .into_iter()
    .filter(|known| *known)
    .count()
}

#[track_caller]
fn check(bytes: &[u8], expected: usize) {
    assert_eq!(known(&read(bytes)), expected);
}

#[test]
fn each_fixture_is_read_as_far_as_it_tells() {
    check(fixture!("healthy.json"), 13);
    check(fixture!("loopback_only.json"), 13);
    check(fixture!("block_rule.json"), 13);
    check(fixture!("company_policy.json"), 13);
    check(fixture!("no_rule.json"), 13);
    check(fixture!("portproxy_loop.json"), 13);
    check(fixture!("portproxy_stale.json"), 13);
    check(fixture!("wslrelay_owner.json"), 13);
    check(fixture!("excluded_range.json"), 13);
    check(fixture!("vpn_capture.json"), 13);
    check(fixture!("not_running.json"), 13);
    check(fixture!("app_stopped.json"), 13);
    check(fixture!("app_switch.json"), 13);
    check(fixture!("dead_interface.json"), 13);
    check(fixture!("hyperv_loopback.json"), 12);
    check(fixture!("french.json"), 11);
    check(fixture!("german.json"), 11);
    check(fixture!("constrained.json"), 8);
    check(fixture!("odd.json"), 8);
    check(fixture!("partial.json"), 7);
}

#[test]
fn all_of_a_healthy_windows_is_read() {
    let windows = healthy();
    let listener = &windows.listeners.known().unwrap()[0];
    assert_eq!((listener.address.as_str(), listener.port, listener.pid), ("0.0.0.0", 11434, 9120));
    assert!(listener.is_any() && listener.is_ollama() && listener.path.as_deref().unwrap().ends_with("ollama.exe"));
    assert_eq!(windows.ollama_processes.known().unwrap()[0].name, "ollama app");
    assert_eq!(windows.excluded.known().unwrap(), &[(5357, 5357), (50000, 50059)]);
    assert_eq!(windows.portproxy.known().unwrap(), &[]);
    let adapter = &windows.adapters.known().unwrap()[0];
    assert_eq!((adapter.address, adapter.prefix), ([172, 24, 0, 1].into(), 20));
    assert_eq!(windows.route_to_us.known().unwrap(), &adapter.name);
    let public = windows.firewall.known().unwrap().iter().find(|profile| profile.name == "Public").unwrap();
    assert!(public.enabled && public.blocks_inbound && public.allows_local_rules && !public.shields_up);
    assert!(public.exempt.is_empty());
    assert_eq!(windows.rules.known().unwrap()[0].id, "ollama-forward-11434");
    assert_eq!(windows.wslconfig.known().unwrap(), "[wsl2]\nmemory=24GB\n");
    assert_eq!((windows.answers_locally, windows.hyperv_loopback), (Fact::Known(true), Fact::Known(true)));
}

#[test]
fn utf16_says_the_same_with_and_without_its_mark() {
    let marked = fixture!("utf16.json");
    assert_eq!(read(marked), healthy());
    assert_eq!(read(&marked[2..]), healthy());
}

#[test]
fn marks_nuls_and_carriage_returns_are_nothing() {
    let plain = String::from_utf8_lossy(fixture!("healthy.json")).into_owned();
    let noisy = format!("\u{feff}\0{}\0", plain.replace('\n', "\r\n"));
    assert_eq!(read(noisy.as_bytes()), healthy());
}

#[test]
fn lines_that_a_console_broke_are_whole_again() {
    let broken: String = String::from_utf8_lossy(fixture!("healthy.json"))
        .chars()
        .enumerate()
        .flat_map(|(at, letter)| (at % 80 == 79).then_some("\r\n".chars()).into_iter().flatten().chain([letter]))
        .collect();
    assert_eq!(read(broken.as_bytes()), healthy());
}

#[test]
fn the_code_page_of_the_console_costs_letters_and_no_facts() {
    let (garbled, clean) = (read(fixture!("cp850.json")), read(fixture!("french.json")));
    assert_eq!(known(&garbled), known(&clean));
    assert_eq!(garbled.rules.known().unwrap()[1].name, "R\u{fffd}gle pour le d\u{fffd}veloppement");
    assert_eq!((garbled.portproxy, garbled.firewall), (clean.portproxy, clean.firewall));
}

#[test]
fn a_cmdlet_that_fails_takes_its_own_part_and_tells_why() {
    let why = read(fixture!("german.json")).hyperv_loopback.get().unwrap_err().clone();
    assert!(why.en.starts_with("Windows says: Die Benennung") && why.fr.starts_with("Windows répond : "), "{why:?}");
    assert_eq!(read(fixture!("partial.json")).firewall, Fact::Unknown(words!("cut off", "coupé")));
}

#[test]
fn the_shapes_of_powershell_5_are_read() {
    let windows = read(fixture!("odd.json"));
    let listeners = windows.listeners.known().unwrap();
    assert_eq!((listeners.len(), listeners[0].port, listeners[1].path.as_deref()), (2, 11434, None));
    assert_eq!(windows.variables.known().unwrap()[0].value, "0.0.0.0");
    assert_eq!(windows.firewall.known().unwrap()[0].exempt, ["vEthernet (WSL (Hyper-V firewall))"]);
    assert_eq!((windows.ollama_installed, windows.hyperv_loopback), (Fact::Known(true), Fact::Known(true)));
}

#[test]
fn localized_words_are_never_guessed() {
    let windows =
        read(br#"{"installed":"Vrai","answers":"Wahr","listen":[{"address":"127.0.0.1","port":"viele","pid":1}]}"#);
    assert_eq!(known(&windows), 0);
    assert!(windows.listeners.get().unwrap_err().en.contains("`listen`"));
}

#[test]
fn garbage_is_nothing() {
    for bytes in [&fixture!("garbage.txt")[..], b"", b"{}", b"{{{{{{", &[0xff; 64], b"[1,2]", br#"{"other":1}"#] {
        assert_eq!(windows(bytes, &Words::default()), None);
    }
    assert_eq!(windows("{".repeat(100_000).as_bytes(), &Words::default()), None);
}

#[test]
fn bindings_of_rules_are_settled_by_the_list_of_adapters() {
    let bound = |bytes| read(bytes).rules.known().unwrap()[0].interfaces.clone();
    assert!(matches!(bound(fixture!("dead_interface.json"))[..], [Binding::Gone(_)]));
    let without_list = String::from_utf8_lossy(fixture!("dead_interface.json")).replace("\"interfaces\"", "\"x\"");
    assert!(matches!(bound(without_list.as_bytes())[..], [Binding::Unknown(_)]));
}

#[test]
fn secrets_are_not_kept_even_when_they_are_told() {
    let windows = read(
        br#"{"variables":[{"name":"OLLAMA_API_KEY","value":"s","machine":false},{"name":"OLLAMA_KEEP_ALIVE","value":"1h","machine":false}]}"#,
    );
    let names: Vec<_> = windows.variables.known().unwrap().iter().map(|variable| variable.name.as_str()).collect();
    assert_eq!(names, ["OLLAMA_KEEP_ALIVE"]);
}

#[test]
fn long_words_of_windows_are_cut_to_a_line() {
    assert_eq!(first_line("\n  too bad \nmore"), "too bad");
    assert_eq!(first_line(&"é".repeat(400)).chars().count(), 160);
}
