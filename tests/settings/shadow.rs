//! Another `ollama-forward` that a shell would find first: a run says so, and the doctor.

use std::process::Stdio;

use crate::bed::{Bed, free_port, heard};

const OLD: &str = "#!/bin/sh\nexec socat TCP-LISTEN:11434,fork,reuseaddr TCP:172.24.0.1:11434\n";

/// Lines of a run, up to `until`; it is ended then.
#[track_caller]
fn log_of_a_run(bed: &Bed, until: &str) -> Vec<String> {
    let port = free_port().to_string();
    let mut command = bed.command(&["--upstream", "demo", "--listen-port", &port]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let seen = heard(child.stderr.take().unwrap(), until);
    child.kill().unwrap();
    child.wait().unwrap();
    seen
}

#[test]
fn a_run_warns_once_of_an_old_script_of_its_name() {
    let bed = Bed::new();
    let script = bed.script(".local/bin/ollama-forward", OLD);
    let log = log_of_a_run(&bed, "forwarding to");
    let warnings: Vec<_> = log.iter().filter(|line| line.contains("--from-socat")).collect();
    let [warning] = warnings.as_slice() else { panic!("{log:?}") };
    assert!(warning.contains("WARN") && warning.contains(&script.display().to_string()), "{warning}");
    assert!(warning.contains(&format!("{} setup --from-socat", env!("CARGO_BIN_EXE_ollama-forward"))), "{warning}");
}

#[test]
fn a_run_says_nothing_where_nothing_hides_it() {
    let bed = Bed::new();
    bed.script(
        ".local/bin/ollama-forward",
        &format!("#!/bin/sh\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_ollama-forward")),
    );
    let log = log_of_a_run(&bed, "forwarding to");
    assert!(!log.iter().any(|line| line.contains("--from-socat")), "{log:?}");
}

#[test]
fn the_doctor_names_the_script_and_does_not_start_it() {
    let bed = Bed::new();
    let script = bed.script(".local/bin/ollama-forward", &OLD.replace("exec", "touch \"$0.ran\"; exec"));
    let port = free_port().to_string();
    let said = bed.run(&["doctor", "binary", "--no-windows", "--upstream", "demo", "--listen-port", &port]);
    assert!(said.out.contains("old script"), "{said:?}");
    assert!(said.out.contains("setup --from-socat"), "{said:?}");
    assert!(!script.with_extension("ran").exists());
}
