//! The inspector's page in a real browser. What is checked there, and how, is in `drive.mjs`; here it is given the real
//! program, and what it prints is taken for results.
//!
//! Needs what `scripts/get-browser` fetches, its path in `OLLAMA_FORWARD_BROWSER`, and a Chromium; `scripts/test` sees
//! to all. Pictures of the page stay in `page/` below cargo's directory for tests.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "here time is measured, not simulated")]

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::drive::Drive;
use crate::place::{Place, Reserved};
use crate::support::forward::Forward;

mod drive;
#[expect(dead_code, reason = "the rest is for the forwarder's own tests")]
#[path = "../forward/place.rs"]
mod place;
#[expect(dead_code, reason = "the rest is for the other targets")]
#[path = "../support/mod.rs"]
mod support;
#[expect(dead_code, reason = "the rest is for the forwarder's own tests")]
#[path = "../forward/wire.rs"]
mod wire;

/// So many checks have to be good at least: a drive that checks nothing must not pass.
const CHECKS: usize = 20;
/// Longer than the drive allows itself.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
#[ignore = "needs a browser: scripts/get-browser"]
fn the_page_in_a_browser() {
    let bed = Bed::new();
    let pictures = pictures();
    let mut forward = bed.start();
    let drive = Drive::start(&bed, &pictures);
    let (mut good, mut bad) = (0, Vec::new());
    // Past libtest's capture, so that it is seen how far it is; and not in the line that libtest may have begun.
    drop(writeln!(std::io::stderr()));
    while let Some(line) = drive.next(PATIENCE) {
        drop(writeln!(std::io::stderr(), "{line}"));
        if line.starts_with("ok ") {
            good += 1;
        } else if line.starts_with("not ok ") {
            bad.push(line);
        } else if line == "# restart" {
            forward.stop().with(0);
            forward = bed.start();
            // Whole, when it is there.
            fs::write(pictures.join("link.new"), bed.link()).unwrap();
            fs::rename(pictures.join("link.new"), pictures.join("link")).unwrap();
        }
    }
    let code = drive.code();
    let exit = forward.stop();
    let log = || exit.text();
    assert!(bad.is_empty(), "{}\nthe program said:\n{}", bad.join("\n"), log());
    assert_eq!(code, Some(0), "of the drive, which found nothing wrong; the program said:\n{}", log());
    assert!(good >= CHECKS, "{good} checks only; the program said:\n{}", log());
    exit.with(0);
    assert!(!log().contains("panicked"), "{}", log());
}

/// Where the program is: addresses that nobody else takes, a home, and in it a store that is empty at first.
struct Bed {
    place: Place,
    page: Reserved,
    ollama: Reserved,
}

impl Bed {
    fn new() -> Self {
        let any = || Reserved::on("127.0.0.1:0");
        Self { place: Place::new(), page: any(), ollama: any() }
    }

    fn start(&self) -> Forward {
        let (ollama, page) = (self.ollama.address.to_string(), format!("--inspect={}", self.page.address));
        let mut forward = self.place.start(&["--upstream", &ollama, "--translate", "--capture", &page]);
        forward.wait("watch all exchanges");
        forward
    }

    /// Opens the page; it holds for one use.
    #[track_caller]
    fn link(&self) -> String {
        let output = self.place.command(&[]).args(["capture", "open", "--print"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let link = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        assert!(link.starts_with(&format!("http://{}/", self.page.address)), "{link:?} is no link to the page");
        link
    }
}

fn pictures() -> PathBuf {
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    drop(fs::remove_dir_all(&pictures));
    pictures
}

/// What `scripts/get-browser` prints.
fn modules() -> OsString {
    std::env::var_os("OLLAMA_FORWARD_BROWSER").expect("OLLAMA_FORWARD_BROWSER is what scripts/get-browser prints")
}
