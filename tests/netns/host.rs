//! One machine: a network namespace, held by a thread that runs what it is sent.
//!
//! Sockets, threads and processes belong to the namespace in which they were made, so that making them is all that has
//! to happen on that thread.

use std::any::Any;
use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket};
use nix::unistd::{getgid, gettid, getuid};
use socket2::SockRef;

use crate::forward::SOON;
use crate::support::client::Client;
use crate::support::fake_ollama::{FakeOllama, Manner};

/// How this process got its namespaces, or why it did not.
static ENTERED: OnceLock<Result<(), String>> = OnceLock::new();

/// Before `main`, because only a process with a single thread may enter a user namespace.
#[ctor::ctor(unsafe)]
fn enter_a_user_namespace() {
    // Root may have all it needs already.
    let entered = unshare(CloneFlags::CLONE_NEWNET).or_else(|_| {
        let (uid, gid) = (getuid(), getgid());
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET)?;
        write_map("setgroups", "deny")?;
        write_map("uid_map", &format!("0 {uid} 1"))?;
        write_map("gid_map", &format!("0 {gid} 1"))
    });
    let entered = entered.map_err(|e: io::Error| format!("no namespaces for this user: {e}"));
    drop(ENTERED.set(entered));
}

fn write_map(file: &str, line: &str) -> io::Result<()> {
    fs::write(format!("/proc/self/{file}"), line)
}

/// Whether this machine can build the lab at all; asked once.
pub(crate) fn available() -> Result<(), String> {
    static AVAILABLE: OnceLock<Result<(), String>> = OnceLock::new();
    AVAILABLE.get_or_init(try_everything).clone()
}

fn try_everything() -> Result<(), String> {
    ENTERED.get().cloned().unwrap_or_else(|| Err("the constructor did not run".into()))?;
    let host = Host::new("probe").map_err(|e| format!("no network namespaces: {e}"))?;
    host.try_tool("ip", &["link", "add", "near", "type", "veth", "peer", "name", "far"], "")?;
    host.try_tool("nft", &["add", "table", "ip", "probe"], "")?;
    host.try_tool("ss", &["-ltnH"], "")?;
    Ok(())
}

type Job = Box<dyn FnOnce() + Send>;

pub(crate) struct Host {
    jobs: mpsc::Sender<Job>,
    /// What `ip link … netns` takes.
    netns: String,
}

impl Host {
    pub(crate) fn new(name: &str) -> io::Result<Self> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (born, birth) = mpsc::channel();
        thread::Builder::new().name(name.into()).spawn(move || {
            let entered = unshare(CloneFlags::CLONE_NEWNET);
            let netns = format!("/proc/{}/task/{}/ns/net", std::process::id(), gettid());
            drop(born.send(entered.map(|()| netns)));
            for job in inbox {
                job();
            }
        })?;
        let netns = birth.recv().expect("the thread answers first of all")?;
        Ok(Self { jobs, netns })
    }

    pub(crate) fn netns(&self) -> &str {
        &self.netns
    }

    /// Runs `job` inside. Nothing that waits belongs here: the host does one thing at a time.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, result) = mpsc::channel::<Result<T, Box<dyn Any + Send>>>();
        let job: Job = Box::new(move || drop(done.send(catch_unwind(AssertUnwindSafe(job)))));
        self.jobs.send(job).expect("a host lives as long as its handle");
        result.recv().expect("every job answers").unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// `ip` with these words.
    #[track_caller]
    pub(crate) fn ip(&self, words: &str) {
        let words: Vec<&str> = words.split_whitespace().collect();
        self.try_tool("ip", &words, "").unwrap_or_else(|e| panic!("{e}"));
    }

    /// Many `ip` commands in one process.
    #[track_caller]
    pub(crate) fn ip_batch(&self, lines: &str) {
        self.try_tool("ip", &["-batch", "-"], lines).unwrap_or_else(|e| panic!("{e}\n{lines}"));
    }

    #[track_caller]
    pub(crate) fn ip_says(&self, words: &str) -> String {
        let words: Vec<&str> = words.split_whitespace().collect();
        self.try_tool("ip", &words, "").unwrap_or_else(|e| panic!("{e}"))
    }

    /// Asks `ip` now, and again whenever links or routes change, until it `says` what is wanted.
    #[track_caller]
    pub(crate) fn wait_for_ip(&self, words: &str, is_it: impl Fn(&str) -> bool) {
        // RTMGRP_LINK | RTMGRP_IPV4_ROUTE
        let events = self.run(|| {
            let socket =
                socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
            bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0x1 | 0x40)).map(|()| socket)
        });
        let events = events.unwrap();
        SockRef::from(&events).set_read_timeout(Some(SOON)).unwrap();
        loop {
            let said = self.ip_says(words);
            if is_it(&said) {
                return;
            }
            let event = recv(events.as_raw_fd(), &mut [0; 8192], MsgFlags::empty());
            assert_ne!(event, Err(Errno::EAGAIN), "ip {words} still says {said:?}");
        }
    }

    #[track_caller]
    pub(crate) fn nft(&self, rules: &str) {
        self.try_tool("nft", &["-f", "-"], rules).unwrap_or_else(|e| panic!("{e}\n{rules}"));
    }

    /// `key` below /proc/sys, with dots or slashes.
    #[track_caller]
    pub(crate) fn sysctl(&self, key: &str, value: &str) {
        let file = format!("/proc/sys/{}", key.replace('.', "/"));
        let value = value.to_owned();
        let written = self.run(move || fs::write(&file, value).map_err(|e| format!("{file}: {e}")));
        written.unwrap_or_else(|e| panic!("{e}"));
    }

    /// What the tool printed, or what was wrong.
    pub(crate) fn try_tool(&self, program: &str, args: &[&str], stdin: &str) -> Result<String, String> {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let text = stdin.to_owned();
        let output = self.run(move || {
            let mut child = command.spawn()?;
            child.stdin.take().expect("piped above").write_all(text.as_bytes())?;
            child.wait_with_output()
        });
        let said = format!("{program} {}", args.join(" "));
        let output = output.map_err(|e| format!("{said}: {e}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(format!("{said}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
    }

    #[track_caller]
    pub(crate) fn spawn(&self, mut command: Command) -> Child {
        self.run(move || command.spawn()).unwrap_or_else(|e| panic!("{e}"))
    }

    #[track_caller]
    pub(crate) fn listen(&self, on: &str) -> TcpListener {
        let on: SocketAddr = on.parse().unwrap();
        self.run(move || TcpListener::bind(on)).unwrap_or_else(|e| panic!("listen on {on}: {e}"))
    }

    /// Ollama, or what is there in its place.
    #[track_caller]
    pub(crate) fn serve(&self, on: &str, manner: Manner) -> FakeOllama {
        FakeOllama::on(self.listen(on), manner)
    }

    #[track_caller]
    pub(crate) fn connect(&self, to: &str) -> Client {
        self.try_connect(to, Duration::from_secs(2)).unwrap_or_else(|e| panic!("connect to {to}: {e}"))
    }

    pub(crate) fn try_connect(&self, to: &str, within: Duration) -> io::Result<Client> {
        let to: SocketAddr = to.parse().unwrap();
        self.run(move || Client::connect(to, within))
    }
}
