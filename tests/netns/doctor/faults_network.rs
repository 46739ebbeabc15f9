//! Faults of the way: cards, routes, neighbours, who answers.

use super::bed::Bed;
use super::ollama::{Ollama, Says};
use crate::lab::Lab;
use crate::support::fake_ollama::Manner;
use crate::sysroot::{Mode, Sysroot};

#[test]
fn a_card_that_is_down() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab.wsl.ip("link set eth0 down");
    let page = bed.lab.doctor(&[]);
    page.fails(&["link"]).says("link", &["eth0", "is down", "sudo ip link set dev eth0 up", "wsl --shutdown"]);
    page.waits("route", "link").waits("neighbour", "link").waits("reach", "link").waits("live-small", "link");
}

/// Windows' side of the switch is gone or asleep.
#[test]
fn a_card_without_a_carrier() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab.win.ip("link set vEth down");
    bed.lab.wsl.wait_for_ip("link show eth0", |said| said.contains("NO-CARRIER"));
    bed.lab.doctor(&[]).fails(&["link"]).says("link", &["eth0", "asleep", "wsl --shutdown"]).waits("reach", "link");
}

#[test]
fn a_card_without_an_address() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab.wsl.ip("addr flush dev eth0");
    bed.lab.doctor(&[]).fails(&["link"]).says("link", &["eth0 has no IPv4 address"]).waits("reach", "link");
}

/// Windows has an address that only the route told.
#[test]
fn a_missing_route() {
    let Some(bed) = Bed::without_ollama() else { return };
    bed.lab.win.ip_batch("addr flush dev vEth\naddr add 172.24.0.5/20 dev vEth\n");
    let _ollama = Ollama::on(bed.lab.win.listen("0.0.0.0:11434"), Says::default());
    bed.lab.wsl.ip("route del default");
    bed.lab.wsl.sysctl("net.ipv4.neigh.eth0.retrans_time_ms", "100");
    let page = bed.lab.doctor(&[]);
    page.fails(&["route"]).says("route", &["no usable default route", "sudo ip route add default via"]);
    page.waits("neighbour", "route").waits("reach", "route");
}

#[test]
fn a_missing_route_that_does_no_harm() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab.wsl.ip("route del default");
    bed.lab.doctor(&[]).warns(&["route"]);
}

#[test]
fn a_host_that_has_gone() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab.lose_the_host();
    let page = bed.lab.doctor(&[]);
    page.fails(&["neighbour"]).says("neighbour", &["172.24.0.1", "eth0", "wsl --shutdown", "Get-NetIPAddress"]);
    page.waits("reach", "neighbour");
}

#[test]
fn a_vpn_that_took_the_default_route() {
    let Some(bed) = Bed::healthy() else { return };
    bed.lab.wsl.ip_batch(
        "link add tun0 type veth peer name far0\nlink set tun0 up\nlink set far0 up\naddr add 10.8.0.6/24 dev tun0\n\
         route replace default via 10.8.0.1 dev tun0\n",
    );
    let page = bed.lab.doctor(&[]);
    page.warns(&[]).says("route", &["tun0", "172.24.0.1:11434"]);
}

#[test]
fn another_program_in_the_place_of_ollama() {
    let Some(bed) = Bed::unreachable("healthy") else { return };
    let _website = bed.lab.win.serve("0.0.0.0:11434", Manner::Website);
    bed.lab.doctor(&[]).fails(&["reach"]).says("reach", &["172.24.0.1:11434", "curl"]);
}

#[test]
fn an_ollama_that_says_nothing() {
    let Some(bed) = Bed::unreachable("healthy") else { return };
    let _mute = bed.lab.win.serve("0.0.0.0:11434", Manner::Mute);
    bed.lab.doctor(&[]).fails(&["reach"]).says("reach", &["172.24.0.1:11434", "says nothing"]);
}

#[test]
fn a_named_upstream_that_cannot_be_resolved() {
    let Some(lab) = Lab::nat() else { return };
    lab.sysroot.is_set_up();
    let page = lab.doctor(&["--upstream", "no-such-name.invalid"]);
    page.fails(&["target"]).says("target", &["no-such-name.invalid", "getent hosts"]).waits("reach", "target");
}

#[test]
fn a_named_upstream_that_is_the_router() {
    let Some(lab) = Lab::lan(Mode::Bridged) else { return };
    let _router = lab.win.serve("192.168.1.1:11434", Manner::Website);
    let page = lab.doctor(&["--upstream", "192.168.1.1"]);
    page.fails(&["router"]).says("router", &["192.168.1.1", "router"]);
}

#[test]
fn a_system_that_is_not_wsl() {
    let Some(lab) = Lab::lan(Mode::Linux) else { return };
    lab.doctor(&[]).fails(&["wsl"]).says("wsl", &["not WSL", "ollama-forward --upstream HOST"]).waits("reach", "wsl");
}

#[test]
fn a_container() {
    let Some(lab) = Lab::lan(Mode::Container) else { return };
    lab.doctor(&[]).fails(&["wsl"]).says("wsl", &["container", "host.docker.internal"]);
}

#[test]
fn bridged_mode() {
    let Some(lab) = Lab::lan(Mode::Bridged) else { return };
    lab.doctor(&[]).fails(&["mode"]).says("mode", &["bridged", "networkingMode=mirrored"]).waits("reach", "mode");
}

#[test]
fn a_localhost_that_stays_inside() {
    let Some(lab) = Lab::lan(Mode::Consomme) else { return };
    lab.doctor(&[]).fails(&["mode"]).says("mode", &["localhostForwarding=true", "wsl --shutdown"]);
}

/// There a closed port is silent, and the firewall is not to blame (WSL #10855).
#[test]
fn mirrored_mode_while_ollama_is_down() {
    let Some(lab) = Lab::lan(Mode::Mirrored) else { return };
    lab.add_loopback0();
    lab.silence_resets();
    let page = lab.doctor(&[]);
    page.fails(&["reach"]).says("reach", &["127.0.0.1:11434", "not running"]);
    let causes = page.check("reach")["causes"].to_string();
    assert!(causes.find("not running") < causes.find("irewall"), "{causes}");
}

#[test]
fn a_large_packet_that_gets_lost() {
    let says = Says { quirk: super::ollama::Quirk::LosesLargeBodies, ..Says::default() };
    let Some(bed) = Bed::with(says) else { return };
    bed.lab.doctor(&[]).fails(&["live-large"]).says("live-large", &["MTU", "eth0"]);
}

#[test]
fn a_list_that_breaks_off() {
    let says = Says { quirk: super::ollama::Quirk::BreaksOff, ..Says::default() };
    let Some(bed) = Bed::with(says) else { return };
    let page = bed.lab.doctor(&[]);
    assert!(page.failures().contains(&"live-stream"), "{:?}", page.failures());
}

/// Nothing is known, so nothing is claimed.
#[test]
fn a_system_that_tells_nothing() {
    let Some(lab) = Lab::nat() else { return };
    std::fs::remove_dir_all(lab.sysroot.path()).unwrap();
    std::fs::create_dir(lab.sysroot.path()).unwrap();
    let page = lab.doctor(&["--no-windows"]);
    assert!(page.failures().len() <= 1, "{:?}", page.failures());
    assert!(page.stderr.is_empty(), "{}", page.stderr);
}

#[test]
fn wslinfo_that_hangs() {
    let Some(bed) = Bed::healthy() else { return };
    Sysroot::wslinfo_hangs(&bed.lab.sysroot);
    let page = bed.lab.doctor(&[]);
    page.warns(&[]);
    assert_eq!(page.check("wsl-version")["status"], "skipped");
}
