//! The lab behaves as WSL and the kernel do, without any forwarder: else the other tests would prove nothing.

use std::io::ErrorKind;
use std::time::Duration;

use crate::forward::SOON;
use crate::lab::{GATEWAY, LOCAL, Lab};
use crate::relay::{Pump, copied_port, ports_to_copy};
use crate::support::client::Ended;
use crate::support::fake_ollama::Manner;
use crate::sysroot::Mode;

const MOMENT: Duration = Duration::from_millis(500);

#[test]
fn windows_is_the_default_gateway() {
    let Some(lab) = Lab::nat() else { return };
    let ollama = lab.ollama();
    let mut client = lab.wsl.connect(GATEWAY);
    client.get("/api/version");
    let answer = client.answer(SOON);
    assert_eq!((answer.status, answer.ended), (200, Ended::Fin), "{answer:?}");
    assert_eq!(answer.json()["version"], "0.33.0");
    assert_eq!(ollama.heard()[0].at.to_string(), GATEWAY);
}

#[test]
fn a_closed_port_refuses() {
    let Some(lab) = Lab::nat() else { return };
    connecting_fails(&lab, MOMENT, ErrorKind::ConnectionRefused);
}

#[test]
fn a_closed_port_behind_stealth_is_silent() {
    let Some(lab) = Lab::nat() else { return };
    lab.silence_resets();
    connecting_fails(&lab, MOMENT, ErrorKind::TimedOut);
}

#[test]
fn a_firewalled_ollama_is_silent() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.ollama();
    lab.lose_everything();
    connecting_fails(&lab, MOMENT, ErrorKind::TimedOut);
    lab.firewall_off();
    drop(lab.wsl.connect(GATEWAY));
}

#[test]
fn a_route_that_is_replaced_is_another_route() {
    let Some(lab) = Lab::nat() else { return };
    lab.add_gateway("172.24.0.2");
    assert_eq!(lab.defaults(), ["default via 172.24.0.2 dev eth0 proto kernel"]);
}

#[test]
fn a_removed_address_takes_the_default_route_along() {
    let Some(lab) = Lab::nat() else { return };
    lab.wsl.ip("addr del 172.24.3.7/20 dev eth0");
    assert_eq!(lab.defaults(), [""; 0]);
    connecting_fails(&lab, MOMENT, ErrorKind::NetworkUnreachable);
}

#[test]
fn a_link_that_is_down_takes_the_default_route_along() {
    let Some(lab) = Lab::nat() else { return };
    lab.wsl.ip("link set eth0 down");
    lab.wsl.ip("link set eth0 up");
    assert_eq!(lab.defaults(), [""; 0]);
}

#[test]
fn a_sleeping_host_leaves_its_route_behind() {
    let Some(lab) = Lab::nat() else { return };
    lab.win.ip("link set vEth down");
    lab.wsl.wait_for_ip("-4 route show default", |said| {
        said.trim() == "default via 172.24.0.1 dev eth0 proto kernel linkdown"
    });
}

#[test]
fn a_host_that_is_gone_is_unreachable() {
    let Some(lab) = Lab::nat() else { return };
    lab.lose_the_host();
    connecting_fails(&lab, SOON, ErrorKind::HostUnreachable);
}

#[test]
fn a_reset_and_an_end_are_told_apart() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.ollama();
    for (path, ended) in [("/break", Ended::Reset), ("/api/tags", Ended::Fin), ("/think", Ended::Timeout)] {
        let mut client = lab.wsl.connect(GATEWAY);
        client.get(path);
        assert_eq!(client.end(MOMENT).0, ended, "{path}");
    }
}

#[test]
fn a_cut_resets_what_is_open_and_goes_on() {
    let Some(lab) = Lab::nat() else { return };
    let ollama = lab.ollama();
    let mut client = lab.wsl.connect(GATEWAY);
    client.get("/stream");
    client.line("\"n\":1", SOON).unwrap();
    ollama.cut();
    assert_eq!(client.end(SOON).0, Ended::Reset);
    drop(lab.wsl.connect(GATEWAY));
}

#[test]
fn a_dead_portproxy_resets() {
    let Some(lab) = Lab::nat() else { return };
    let _proxy = lab.win.serve("0.0.0.0:11434", Manner::Resets);
    // It may be so quick that already the connect fails.
    match lab.wsl.try_connect(GATEWAY, SOON) {
        Ok(mut client) => assert_eq!(client.end(SOON).0, Ended::Reset),
        Err(e) => assert_eq!(e.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn localhost_is_windows_when_mirrored() {
    let Some(lab) = Lab::lan(Mode::Mirrored) else {
        return;
    };
    lab.add_loopback0();
    let ollama = lab.win.serve("127.0.0.1:11434", Manner::Ollama);
    let route = lab.wsl.ip_says("route get 127.0.0.1 ipproto tcp dport 11434");
    assert!(route.starts_with("127.0.0.1 via 169.254.73.249 dev loopback0 table 127"), "{route}");
    let mut client = lab.wsl.connect("127.0.0.1:11434");
    client.get("/api/version");
    assert_eq!(client.answer(SOON).json()["version"], "0.33.0");
    assert_eq!(ollama.heard().len(), 1);
}

#[test]
fn a_pump_leads_from_windows_back_into_wsl() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.wsl.serve(LOCAL, Manner::Ollama);
    let pump = Pump::start(&lab.win, GATEWAY, &lab.wsl, LOCAL);
    let mut client = lab.wsl.connect(GATEWAY);
    client.get("/api/version");
    let answer = client.answer(SOON);
    assert_eq!((answer.status, answer.ended, pump.count()), (200, Ended::Fin, 1), "{answer:?}");
}

#[test]
fn wslrelay_copies_what_listens_on_localhost() {
    let rows = [
        ("127.0.0.1:11434", Some(11434)),
        ("0.0.0.0:80", Some(80)),
        ("127.0.0.53%lo:53", None),
        ("172.24.3.7:80", None),
        ("*:22", Some(22)),
        ("[::]:22", Some(22)),
        ("[::1]:631", Some(631)),
        ("[::ffff:127.0.0.1]:11434", None),
        ("[fe80::1]:80", None),
    ];
    for (local, port) in rows {
        assert_eq!(copied_port(local), port, "{local}");
    }
}

#[test]
fn wslrelay_sees_a_plain_listener_and_not_a_mapped_one() {
    let Some(lab) = Lab::nat() else { return };
    let _plain = lab.wsl.listen("127.0.0.1:5001");
    let _mapped = lab.wsl.listen("[::ffff:127.0.0.1]:5002");
    assert_eq!(ports_to_copy(&lab.wsl), [5001]);
}

#[track_caller]
fn connecting_fails(lab: &Lab, within: Duration, kind: ErrorKind) {
    match lab.wsl.try_connect(GATEWAY, within) {
        Ok(_) => panic!("connected"),
        Err(e) => assert_eq!(e.kind(), kind, "{e}"),
    }
}
