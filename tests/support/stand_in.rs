//! Programs that play others.

use std::path::Path;
use std::process::Command;

/// Writes a program. Another process does it: a child that another test has just forked would hold our descriptor open for
/// writing until its exec, and to run a file that is open for writing is "text file busy" (execve(2)).
#[track_caller]
pub(crate) fn program(path: &Path, text: &str) {
    let made = Command::new("sh")
        .args(["-c", "printf %s \"$2\" >\"$1\" && chmod 755 \"$1\"", "sh"])
        .args([path.as_os_str(), text.as_ref()])
        .status();
    assert!(made.unwrap().success(), "cannot write {}", path.display());
}
