//! Windows copies WSL's listeners to its own 127.0.0.1. Ours must not be copied; if a loop arises all the same, it ends.

use crate::forward::SOON;
use crate::lab::{GATEWAY, LOCAL, Lab};
use crate::relay::{Pump, ports_to_copy};
use crate::support::client::Ended;
use crate::sysroot::{Mode, Sysroot};

/// Half of what `--max-connections` allows: then it was not that limit which ended the loop.
const FEW: usize = 2048;

#[test]
fn windows_does_not_see_our_listener() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.ollama();
    let mut forward = lab.forward(&[]);
    forward.is_ready();
    assert_eq!(ports_to_copy(&lab.wsl), [0; 0]);
    assert_eq!(lab.get("/api/tags").status, 200);
    let _plain = lab.wsl.listen("127.0.0.1:5001");
    assert_eq!(ports_to_copy(&lab.wsl), [5001]);
}

#[test]
fn nor_without_ipv6() {
    let Some(lab) = Lab::nat() else { return };
    lab.wsl.sysctl("net.ipv6.conf.all.disable_ipv6", "1");
    let _ollama = lab.ollama();
    let mut forward = lab.forward(&[]);
    forward.is_ready();
    assert_eq!(ports_to_copy(&lab.wsl), [0; 0]);
    assert_eq!(lab.get("/api/tags").status, 200);
}

#[test]
fn outside_of_wsl_the_listener_is_a_plain_one() {
    let Some(mut lab) = Lab::nat() else { return };
    lab.sysroot = Sysroot::new(Mode::Linux);
    let _ollama = lab.ollama();
    let mut forward = lab.forward(&["--upstream", GATEWAY]);
    forward.is_ready();
    assert_eq!(ports_to_copy(&lab.wsl), [11434]);
}

/// wslrelay would have copied a plain listener; a portproxy leads to the copy. The probe comes back as a client.
#[test]
fn a_loop_is_not_taken_for_ollama() {
    let Some(lab) = Lab::nat() else { return };
    let pump = Pump::start(&lab.win, GATEWAY, &lab.wsl, LOCAL);
    let mut forward = lab.forward(&["--wait-for-upstream", "2s"]);
    forward.wait_for_text("E-UPSTREAM-LOOP");
    let answer = lab.get("/api/tags");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(pump.count() < 50, "{} connections; it said:\n{}", pump.count(), forward.said());
    let exit = forward.stop();
    exit.with(0);
    assert_eq!(exit.count("forwarding to"), 0);
}

#[test]
fn a_loop_through_a_named_upstream_ends() {
    let Some(lab) = Lab::nat() else { return };
    let pump = Pump::start(&lab.win, GATEWAY, &lab.wsl, LOCAL);
    let mut forward = lab.forward(&["--upstream", GATEWAY, "--wait-for-upstream", "2s"]);
    forward.wait("listening");
    // It may have ended already.
    if let Ok(mut client) = lab.wsl.try_connect(LOCAL, SOON) {
        client.get("/api/tags");
        assert_ne!(client.end(SOON).0, Ended::Timeout);
    }
    forward.exit().with(2).says("error[E-UPSTREAM-LOOP]");
    assert!(pump.count() < FEW, "{} connections", pump.count());
}

#[test]
fn a_loop_that_comes_later_ends() {
    let Some(lab) = Lab::nat() else { return };
    let ollama = lab.ollama();
    let mut forward = lab.forward(&["--wait-for-upstream", "2s"]);
    forward.is_ready();
    drop(ollama);
    let pump = Pump::start(&lab.win, GATEWAY, &lab.wsl, LOCAL);
    let mut client = lab.wsl.connect(LOCAL);
    client.get("/api/tags");
    forward.wait_for_text("E-UPSTREAM-LOOP");
    assert_ne!(client.end(SOON).0, Ended::Timeout);
    assert!(pump.count() < FEW, "{} connections; it said:\n{}", pump.count(), forward.said());
}

#[test]
fn its_own_address_is_no_upstream() {
    let Some(lab) = Lab::nat() else { return };
    lab.forward(&["--upstream", LOCAL]).exit().with(2).says("error[E-UPSTREAM-LOOP]");
}
