//! The command as it is typed: what is asked for, what is refused, and what the exit code says.

use std::fs::File;
use std::os::unix::net::UnixListener;
use std::process::Stdio;

use crate::bed::{Bed, finish};

#[test]
fn the_list_names_every_check_once() {
    let bed = Bed::new();
    let list = bed.run(&["doctor", "--list"]);
    let object = bed.run(&["doctor", "--list", "--json"]).json();
    let ids: Vec<&str> =
        object["checks"].as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap()).collect();
    assert!(ids.len() > 50, "{ids:?}");
    for id in &ids {
        let rows = list.out.lines().filter(|line| line.split_whitespace().next() == Some(id)).count();
        assert_eq!(rows, 1, "{id} in:\n{}", list.out);
    }
    assert_eq!((list.code, &object["schema_version"]), (Some(0), &1.into()));
}

#[test]
fn an_unknown_check_is_a_mistake_with_a_suggestion() {
    let said = Bed::new().run(&["doctor", "raech"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("error[E-USAGE]") && said.err.contains("did you mean `reach`?"), "{said:?}");
}

#[test]
fn options_that_exclude_each_other_are_a_mistake() {
    let bed = Bed::new();
    for args in [["--all", "--summary"], ["--json", "--all"], ["--json", "--fix"], ["--list", "--fix"]] {
        let said = bed.run(&[&["doctor"], &args[..]].concat());
        assert_eq!(said.code, Some(2), "{args:?}: {said:?}");
    }
    assert_eq!(bed.run(&["doctor", "--yes"]).code, Some(2), "--yes needs --fix");
}

/// What is wrong with a variable is a finding, not the end of the doctor.
#[test]
fn a_variable_that_makes_no_sense_is_a_finding() {
    let bed = Bed::new();
    let mut command = bed.command(&["doctor", "--json"]);
    command.env("OLLAMA_FORWARD_LISTEN_PORT", "http");
    let said = finish(command);
    assert_eq!((said.code, &said.check("config")["status"]), (Some(1), &"failure".into()), "{said:?}");
    let mut command = bed.command(&["doctor", "--jsn"]);
    command.env("OLLAMA_FORWARD_LISTEN_PORT", "http");
    assert_eq!(finish(command).code, Some(2), "what was typed wrong stays a mistake");
}

#[test]
fn the_exit_code_tells_failures_and_with_strict_warnings_too() {
    let bed = Bed::new();
    // Warnings only: nobody serves the port.
    let said = bed.run(&["doctor", "--json", "port"]);
    assert_eq!((said.code, &said.json()["overall"]), (Some(0), &"warning".into()), "{said:?}");
    assert_eq!(bed.run(&["doctor", "--strict", "port"]).code, Some(1));
    bed.file("home/.config/ollama-forward/config.toml", "no = \"such key\"\n");
    assert_eq!(bed.run(&["doctor", "config"]).code, Some(1));
}

#[test]
fn ascii_is_ascii() {
    let bed = Bed::new();
    for lang in ["en", "fr"] {
        for extent in ["--all", "--summary", "--ascii"] {
            let mut args = vec!["doctor", "--ascii", "--lang", lang];
            if extent != "--ascii" {
                args.push(extent);
            }
            let said = bed.run(&args);
            assert!(said.out.is_ascii() && said.out.contains('['), "{said:?}");
        }
    }
}

#[test]
fn the_environment_chooses_the_language() {
    let bed = Bed::new();
    for (variables, word) in [
        (&[("LANG", "fr_FR.UTF-8")][..], "Ce système"),
        (&[("LANG", "fr_FR.UTF-8"), ("OLLAMA_FORWARD_LANG", "en")], "This system"),
        (&[], "This system"),
    ] {
        let mut command = bed.command(&["doctor"]);
        command.envs(variables.iter().copied());
        let said = finish(command);
        assert!(said.out.contains(word), "{variables:?}: {said:?}");
    }
}

#[test]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_none() {
    let bed = Bed::new();
    let mut command = bed.command(&["doctor", "--json", "system"]);
    command.stdout(Stdio::from(File::options().write(true).open("/dev/full").unwrap()));
    let said = finish(command);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("cannot write to standard output"), "{said:?}");

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = bed.command(&["doctor", "--list"]);
    command.stdout(writer);
    let said = finish(command);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
}

#[test]
fn a_socket_of_the_dead_is_removed_when_that_is_agreed_to() {
    let bed = Bed::new();
    bed.file("runtime/ollama-forward/note", "");
    let socket = bed.path("runtime/ollama-forward/11999.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let told = bed.run(&["doctor", "--fix", "stale-socket"]);
    assert!(socket.exists() && told.out.contains("--yes"), "{told:?}");
    let done = bed.run(&["doctor", "--fix", "--yes", "stale-socket"]);
    assert!(!socket.exists() && done.out.contains("11999.sock"), "{done:?}");
}
