//! A VPN inside WSL has the default route: it is not the way to Windows any more.

use crate::forward::SOON;
use crate::lab::{GATEWAY, Lab};
use crate::support::fake_ollama::Manner;

const VPNKIT: &str = "192.168.127.254:11434";

#[test]
fn wsl_vpnkit_knows_windows_by_an_address_of_its_own() {
    let Some(lab) = Lab::nat() else { return };
    vpnkit(&lab);
    let _ollama = lab.win.serve(VPNKIT, Manner::Ollama);
    lab.forward(&[]).is_ready().has("upstream", VPNKIT);
    assert_eq!(lab.defaults()[0], "default via 192.168.127.1 dev wsltap metric 50");
}

#[test]
fn wsl_vpnkit_ends() {
    let Some(lab) = Lab::nat() else { return };
    vpnkit(&lab);
    let tunnelled = lab.win.serve(VPNKIT, Manner::Ollama);
    let mut forward = lab.forward(&[]);
    forward.is_ready().has("upstream", VPNKIT);
    let _ollama = lab.win.serve(GATEWAY, Manner::Ollama);
    let mut old = lab.stream();
    lab.wsl.ip("link del wsltap");
    forward.wait("gateway moved").has("from", VPNKIT).has("upstream", GATEWAY);
    assert_eq!(old.end(SOON).0, crate::support::client::Ended::Reset);
    assert_eq!(lab.get("/api/tags").status, 200);
    drop(tunnelled);
}

#[test]
fn another_vpn_leaves_windows_at_the_first_address_of_eth0() {
    let Some(lab) = Lab::nat() else { return };
    let exit_node = tun(&lab);
    let _ollama = lab.win.serve(GATEWAY, Manner::Ollama);
    let mut forward = lab.forward(&[]);
    forward.is_ready().has("upstream", GATEWAY);
    assert_eq!(lab.get("/api/tags").status, 200);
    lab.wsl.ip("link del tun0");
    lab.wsl.ip("route add default via 172.24.0.1 dev eth0");
    assert_eq!(lab.get("/api/tags").status, 200);
    let exit = forward.stop();
    exit.with(0);
    assert_eq!((exit.count("gateway lost"), exit.count("connection failed")), (0, 0), "{}", exit.text());
    assert_eq!(exit_node.heard().len(), 0);
}

#[test]
fn a_vpn_comes_while_it_runs() {
    let Some(lab) = Lab::nat() else { return };
    let _ollama = lab.win.serve(GATEWAY, Manner::Ollama);
    let mut forward = lab.forward(&[]);
    forward.is_ready().has("upstream", GATEWAY);
    let mut old = lab.stream();
    let exit_node = tun(&lab);
    assert_eq!(lab.get("/api/tags").status, 200);
    old.line("\"n\":9", SOON).unwrap();
    drop(old);
    let exit = forward.stop();
    assert_eq!(exit.count("gateway lost"), 0, "{}", exit.text());
    assert_eq!(exit_node.heard().len(), 0);
}

/// wsl-vpnkit's own link and its default route before all others; Windows is .254 there.
fn vpnkit(lab: &Lab) {
    lab.win.ip(&format!("link add gvproxy type veth peer name wsltap netns {}", lab.wsl.netns()));
    lab.win.ip_batch(
        "link set gvproxy up\naddr add 192.168.127.1/24 dev gvproxy\naddr add 192.168.127.254/24 dev gvproxy\n",
    );
    lab.wsl.ip_batch(
        "link set wsltap up\naddr add 192.168.127.2/24 dev wsltap\nroute del default\n\
         route add default via 192.168.127.1 dev wsltap metric 50\nroute add default via 172.24.0.1 dev eth0 metric 100\n",
    );
}

/// Any other: the default route leaves through a link that is not Hyper-V's. Something listens at its far end, too.
fn tun(lab: &Lab) -> crate::support::fake_ollama::FakeOllama {
    lab.win.ip(&format!("link add exitnode type veth peer name tun0 netns {}", lab.wsl.netns()));
    lab.win.ip_batch("link set exitnode up\naddr add 10.8.0.1/24 dev exitnode\n");
    let exit_node = lab.win.serve("10.8.0.1:11434", Manner::Ollama);
    lab.wsl.ip_batch("link set tun0 up\naddr add 10.8.0.2/24 dev tun0\nroute replace default via 10.8.0.1 dev tun0\n");
    exit_node
}
