//! Where localhost is Windows already, nothing is forwarded; where Windows cannot be guessed, it has to be named.

use crate::lab::{GATEWAY, LOCAL, Lab, QUICK};
use crate::relay::ports_to_copy;
use crate::support::client::Ended;
use crate::support::fake_ollama::Manner;
use crate::sysroot::{Mode, Sysroot};

const ROUTER: &str = "192.168.1.1:11434";

#[test]
fn mirrored() {
    localhost_is_windows(Mode::Mirrored);
}

#[test]
fn consomme() {
    localhost_is_windows(Mode::Consomme);
}

#[test]
fn virtioproxy() {
    localhost_is_windows(Mode::VirtioProxy);
}

#[test]
fn mirrored_while_ollama_is_down() {
    let Some(lab) = Lab::lan(Mode::Mirrored) else {
        return;
    };
    lab.add_loopback0();
    // There a closed port is not refused: the answer gets lost (WSL #10855).
    lab.silence_resets();
    let exit = lab.forward(&[]).exit();
    exit.with(0).says("nothing to forward");
    assert_eq!(exit.count("listening"), 0);
}

#[test]
fn consomme_without_localhost_forwarding() {
    let Some(lab) = Lab::lan(Mode::Consomme) else {
        return;
    };
    let router = lab.win.serve(ROUTER, Manner::Website);
    let exit = lab.forward(&[]).exit();
    exit.with(1).says("error[E-NO-LOCALHOST-FORWARDING]").says("localhostForwarding");
    assert_eq!((exit.count("listening"), router.heard().len()), (0, 0));
}

#[test]
fn wsl1() {
    let Some(lab) = Lab::lan(Mode::Wsl1) else {
        return;
    };
    lab.forward(&[]).exit().with(0).says("nothing to forward");
}

#[test]
fn bridged() {
    upstream_is_needed(Mode::Bridged);
}

#[test]
fn no_network() {
    upstream_is_needed(Mode::None);
}

#[test]
fn plain_linux() {
    upstream_is_needed(Mode::Linux);
}

#[test]
fn a_container() {
    upstream_is_needed(Mode::Container);
}

#[test]
fn nat_without_wslinfo() {
    is_nat(Sysroot::wslinfo_is_missing);
}

#[test]
fn nat_with_a_wslinfo_that_hangs() {
    is_nat(Sysroot::wslinfo_hangs);
}

#[test]
fn nat_with_a_custom_kernel() {
    is_nat(Sysroot::custom_kernel);
}

#[test]
fn mirrored_without_wslinfo() {
    let Some(lab) = Lab::lan(Mode::Mirrored) else {
        return;
    };
    lab.sysroot.wslinfo_is_missing();
    lab.add_loopback0();
    let _ollama = lab.win.serve(LOCAL, Manner::Ollama);
    lab.forward(&[]).exit().with(0).says("nothing to forward");
}

#[test]
fn a_named_upstream_is_used_in_any_mode() {
    let Some(lab) = Lab::lan(Mode::Bridged) else {
        return;
    };
    let _ollama = lab.ollama();
    let mut forward = lab.forward(&["--upstream", "192.168.1.1"]);
    forward.is_ready().has("upstream", ROUTER);
    let answer = lab.get("/api/tags");
    assert_eq!((answer.status, answer.ended), (200, Ended::Fin));
}

#[test]
fn the_mode_changes_while_it_runs() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.ollama();
    let mut forward = lab.forward(QUICK);
    forward.is_ready();
    lab.add_loopback0();
    let exit = forward.exit();
    exit.with(0).says("nothing to forward");
    // What listens there now is Windows.
    assert_eq!(lab.get("/api/tags").status, 200);
}

#[track_caller]
fn is_nat(change: impl Fn(&Sysroot)) {
    let Some(lab) = Lab::nat() else { return };
    change(&lab.sysroot);
    let _ollama = lab.ollama();
    let mut forward = lab.forward(&[]);
    forward.is_ready().has("upstream", GATEWAY);
    // Recognised as WSL, so hidden from Windows.
    assert_eq!(ports_to_copy(&lab.wsl), [0; 0]);
}

#[track_caller]
fn localhost_is_windows(mode: Mode) {
    let Some(lab) = Lab::lan(mode) else { return };
    lab.add_loopback0();
    let _ollama = lab.win.serve(LOCAL, Manner::Ollama);
    let router = lab.win.serve(ROUTER, Manner::Website);
    let exit = lab.forward(&[]).exit();
    exit.with(0).says("nothing to forward");
    assert_eq!((exit.count("listening"), router.heard().len()), (0, 0), "{}", exit.text());
    assert_eq!(lab.get("/api/tags").status, 200);
}

#[track_caller]
fn upstream_is_needed(mode: Mode) {
    let Some(lab) = Lab::lan(mode) else { return };
    let router = lab.win.serve(ROUTER, Manner::Website);
    if mode == Mode::None {
        lab.wsl.ip("link del eth0");
    }
    let exit = lab.forward(&[]).exit();
    exit.with(2).says("error[E-NEEDS-UPSTREAM]").says("--upstream");
    assert_eq!((exit.count("listening"), router.heard().len()), (0, 0));
}
