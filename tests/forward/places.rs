//! Where it listens and where it forwards to, and what it says of a place that cannot be had.

use std::fs;
use std::net::{SocketAddr, TcpListener};

use crate::place::{Place, Reserved};
use crate::support::fake_ollama::{FakeOllama, Manner};
use crate::support::forward::SOON;
use crate::wire::connect;

#[test]
fn an_upstream_with_an_ipv6_address() {
    let (place, ollama, address) = ollama("[::1]:0");
    let mut forward = place.start(&["--upstream", &address.to_string()]);
    forward.wait("forwarding to").has("upstream", &address.to_string()).has("how", "named");
    place.serves();
    assert_eq!(ollama.wait_for("host: localhost", SOON).at, address);
    forward.wait("connection closed").has("upstream", &address.to_string());
}

#[test]
fn several_listeners() {
    let (place, _ollama, upstream) = ollama("127.0.0.1:0");
    let others = [Reserved::on("127.0.0.2:0"), Reserved::on("[::1]:0")].map(|reserved| (reserved.address, reserved));
    let [second, third] = [others[0].0.to_string(), others[1].0.to_string()];
    let both = format!("{second},{third}");
    for args in [&["--listen", &second, "--listen", &third][..], &["--listen", &both]] {
        let mut forward = place.start(&[args, &["--upstream", &upstream.to_string()]].concat());
        for address in [place.address.to_string(), second.clone(), third.clone()] {
            forward.wait("listening").has("address", &address);
        }
        for address in [place.address, others[0].0, others[1].0] {
            let mut client = crate::support::client::Client::connect(address, SOON).unwrap();
            client.get("/api/version");
            assert_eq!(client.answer(SOON).status, 200, "{address}");
        }
        assert_eq!(place.report()["listen"].as_array().map(Vec::len), Some(3));
        forward.stop().with(0);
    }
}

#[test]
fn one_listener_that_cannot_be_had_and_there_is_none() {
    let (place, _ollama, upstream) = ollama("127.0.0.1:0");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let exit = place.start(&["--upstream", &upstream.to_string(), "--listen", &address]).exit();
    exit.with(5).says(&address);
    assert_eq!(exit.count("listening"), 0, "{}", exit.text());
}

#[test]
fn an_upstream_that_is_the_listener() {
    let place = Place::new();
    for upstream in [place.address.to_string(), format!("http://{}/", place.address)] {
        let exit = place.start(&["--upstream", &upstream]).exit();
        exit.with(2).says("error[E-UPSTREAM-LOOP]: ").says(&place.address.to_string());
        assert_eq!(exit.count("listening"), 0, "{}", exit.text());
    }
}

#[test]
fn a_name_that_is_the_listener() {
    let place = Place::new();
    let upstream = format!("localhost:{}", place.address.port());
    place.start(&["--upstream", &upstream]).exit().with(2).says("error[E-UPSTREAM-LOOP]: ");
}

#[test]
fn a_second_start_names_the_first() {
    let (place, _ollama, upstream) = ollama("127.0.0.1:0");
    let upstream = upstream.to_string();
    let mut first = place.start(&["--upstream", &upstream]);
    first.wait("listening");
    let second = place.start(&["--upstream", &upstream]).exit();
    second.with(5).says(&format!("error[E-PORT-TAKEN]: cannot listen on {}: ", place.address));
    second.says(&format!("taken by ollama-forward (pid {}, user ", first.pid()));
    place.serves();
    assert_eq!(place.report()["pid"], first.pid().as_raw(), "the first one's status is still there");
    first.stop().with(0);
}

#[test]
fn a_listener_of_another_program_is_named() {
    let (place, taken) = (Place::new(), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = taken.local_addr().unwrap().to_string();
    let exit = place.start(&["--upstream", "127.0.0.1:9", "--listen", &address]).exit();
    let name = fs::read_to_string("/proc/self/comm").unwrap();
    exit.with(5).says(&format!("taken by {} (pid {}, user ", name.trim(), std::process::id()));
}

#[test]
fn an_address_of_another_machine() {
    let exit = Place::new().start(&["--upstream", "127.0.0.1:9", "--listen", "192.0.2.1:11434"]).exit();
    exit.with(2).says("error[E-LISTEN-ADDRESS]: cannot listen on 192.0.2.1:11434");
}

#[test]
fn in_wsl_the_listener_is_hidden_from_windows() {
    let (place, _ollama, upstream) = ollama("127.0.0.1:0");
    let root = place.home().join("root");
    fs::create_dir_all(root.join("proc/sys/kernel")).unwrap();
    fs::write(root.join("proc/sys/kernel/osrelease"), "6.6.87.2-microsoft-standard-WSL2\n").unwrap();
    let mut forward = place.start(&["--upstream", &upstream.to_string(), "--sysroot", root.to_str().unwrap()]);
    forward.wait("listening").has("address", &place.address.to_string());
    assert_eq!((listens("tcp", place.address), listens("tcp6", place.address)), (false, true));
    place.serves();
    let client = connect(place.address);
    let peer = client.local_addr().unwrap();
    drop(client);
    // The client as people know it, and not in the form of the socket.
    forward.wait_for_text(&format!("\"peer\":\"{peer}\""));
    forward.stop().with(0);
}

#[test]
fn elsewhere_the_listener_is_plain() {
    let (place, _ollama, upstream) = ollama("127.0.0.1:0");
    let mut forward = place.start(&["--upstream", &upstream.to_string(), "--sysroot", place.home().to_str().unwrap()]);
    forward.wait("listening");
    assert_eq!((listens("tcp", place.address), listens("tcp6", place.address)), (true, false));
}

fn ollama(address: &str) -> (Place, FakeOllama, SocketAddr) {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    (Place::new(), FakeOllama::on(listener, Manner::Ollama), address)
}

/// Whether this table of the kernel has a listener on the port (`man 5 proc`: state 0A).
fn listens(table: &str, address: SocketAddr) -> bool {
    let table = fs::read_to_string(format!("/proc/net/{table}")).unwrap();
    let port = format!(":{:04X}", address.port());
    table.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[1].ends_with(&port) && fields[3] == "0A"
    })
}
