//! No false alarm: where all is well, all is well.

use super::bed::{Bed, SHARED};
use super::ollama::{Ollama, Says};
use crate::lab::{LOCAL, Lab};
use crate::support::fake_ollama::Manner;
use crate::sysroot::Mode;

#[test]
fn a_wsl_in_which_all_is_well() {
    let Some(bed) = Bed::healthy() else { return };
    let page = bed.lab.doctor(&[]);
    page.warns(&[]);
    assert_eq!(page.json["overall"], "ok");
    for id in
        ["wsl", "mode", "link", "route", "neighbour", "interop", "win-listen", "win-firewall", "listen-port", "forward"]
    {
        assert_eq!(page.check(id)["status"], "ok", "{:#}", page.check(id));
    }
    for id in
        ["reach", "version", "models", "context", "live-small", "live-stream", "live-large", "codex-target", "proxy"]
    {
        assert_eq!(page.check(id)["status"], "ok", "{:#}", page.check(id));
    }
}

#[test]
fn modes_in_which_localhost_is_windows() {
    for mode in SHARED {
        let Some(lab) = Lab::lan(mode) else { return };
        lab.add_loopback0();
        lab.sysroot.windows("healthy");
        let _ollama = Ollama::on(lab.win.listen(LOCAL), Says::default());
        let page = lab.doctor(&[]);
        page.warns(&[]);
        assert_eq!(page.check("reach")["status"], "ok", "{mode:?}");
        assert_eq!(page.check("live-small")["status"], "ok", "{mode:?}");
    }
}

#[test]
fn another_linux_with_a_named_upstream() {
    let Some(lab) = Lab::lan(Mode::Linux) else { return };
    let _ollama = Ollama::on(lab.win.listen("192.168.1.1:11434"), Says::default());
    let mut forward = lab.forward(&["--translate", "--upstream", "192.168.1.1"]);
    forward.is_ready();
    lab.doctor(&[]).warns(&[]);
    lab.doctor(&["--upstream", "192.168.1.1"]).warns(&[]);
}

#[test]
fn the_demo() {
    let Some(lab) = Lab::lan(Mode::Linux) else { return };
    let mut forward = lab.forward(&["--translate", "--upstream", "demo"]);
    forward.is_ready();
    let page = lab.doctor(&[]);
    page.warns(&[]);
    assert_eq!(page.check("live-tools")["status"], "ok", "{:#}", page.check("live-tools"));
}

/// After Windows has moved, all is well again: nothing of the old place is kept.
#[test]
fn a_network_that_has_changed() {
    let Some(mut bed) = Bed::healthy() else { return };
    bed.lab.new_subnet();
    bed.forward.as_mut().unwrap().wait_for_upstream("172.30.96.1:11434");
    let page = bed.lab.doctor(&["--no-windows"]);
    page.warns(&[]).says("candidates", &["172.30.96.1:11434"]);
}

/// Nothing on Windows is touched, and what is not Ollama gets no more than the question who it is.
#[test]
fn strangers_are_only_asked_who_they_are() {
    let Some(lab) = Lab::nat() else { return };
    lab.sysroot.is_set_up();
    let website = lab.win.serve("0.0.0.0:11434", Manner::Website);
    lab.doctor(&["--no-windows"]);
    assert!(website.heard().iter().all(crate::support::fake_ollama::Heard::is_only_a_probe), "{:?}", website.heard());
}

#[test]
fn single_checks_and_groups() {
    let Some(bed) = Bed::healthy() else { return };
    let page = bed.lab.doctor(&["reach", "codex"]);
    let ids: Vec<&str> = page.json["checks"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"reach") && ids.contains(&"codex-target") && !ids.contains(&"link"), "{ids:?}");
    let (code, _, error) = bed.lab.doctor_says(&["raech"], &[]);
    assert_eq!(code, Some(2));
    assert!(error.contains("E-USAGE") && error.contains("reach"), "{error}");
}

#[test]
fn warnings_count_where_that_is_asked() {
    let Some(bed) = Bed::healthy() else { return };
    let sudo = [("SUDO_USER", "me")];
    assert_eq!(bed.lab.doctor_with(&[], &sudo).code, Some(0));
    assert_eq!(bed.lab.doctor_with(&["--strict"], &sudo).code, Some(1));
}

/// A person reads it: nothing but the page, with its notes first.
#[test]
fn the_page_speaks_both_languages() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab.wsl.ip("link set eth0 down");
    let (_, english, _) = bed.lab.doctor_says(&["--lang", "en", "--no-windows"], &[]);
    let (_, french, _) = bed.lab.doctor_says(&["--no-windows"], &[("LANG", "fr_FR.UTF-8")]);
    assert!(english.contains("eth0 (172.24.3.7/20) is down"), "{english}");
    assert!(french.contains("eth0 (172.24.3.7/20) est inactive"), "{french}");
    for page in [&english, &french] {
        assert!(page.contains("sudo ip link set dev eth0 up"), "{page}");
    }
}
