//! `ollama-forward completions`: what a shell may offer, from the command line itself and from tables that only we know.

use clap::builder::PossibleValue;
use clap::{Arg, Command};
use clap_complete::{Shell, generate};

use crate::cli;
use crate::doctor::{Group, table};
use crate::fault::FaultId;
use crate::words::Lang;

/// The script for this shell, with its descriptions in this language.
pub(super) fn script(shell: Shell, lang: Lang) -> String {
    let command = cli::command_to_read(lang).mut_subcommands(|command| match command.get_name() {
        "explain" => offering(command, "id", &ids(lang)),
        "doctor" => offering(command, "checks", &checks(lang)),
        _ => command,
    });
    let mut script = Vec::new();
    generate(shell, &mut command.clone(), "ollama-forward", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let script = without_hidden(&command, &script);
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "clap_complete's own, which may grow: those are left as they are"
    )]
    match shell {
        Shell::Bash => for_bash(&script),
        Shell::Fish => for_fish(&command, &script),
        _ => script,
    }
}

/// Scripts name hidden commands, too: one a line in zsh and fish, among others in bash.
fn without_hidden(command: &Command, script: &str) -> String {
    let mut hidden = Vec::new();
    collect_hidden(command, &mut hidden);
    let offers = |line: &str, name: &str| {
        let long = name.trim_start_matches('-');
        let starts = [format!("'{name}:"), format!("'{name}=["), format!("'{name}[")];
        let holds = [format!(" -f -a \"{name}\""), format!(" -l {long} ")];
        starts.iter().any(|start| line.starts_with(start)) || holds.iter().any(|part| line.contains(part))
    };
    let kept = script.lines().filter(|line| !hidden.iter().any(|name| offers(line, name)));
    let out = |line: &str| hidden.iter().fold(line.to_owned(), |line, name| without_word(&line, name)) + "\n";
    kept.map(out).collect()
}

fn collect_hidden(command: &Command, hidden: &mut Vec<String>) {
    let options = command.get_arguments().filter(|arg| arg.is_hide_set()).filter_map(Arg::get_long);
    hidden.extend(options.map(|long| format!("--{long}")));
    for below in command.get_subcommands() {
        if below.is_hide_set() {
            hidden.push(below.get_name().to_owned());
        }
        collect_hidden(below, hidden);
    }
}

/// From the list of words that bash offers.
fn without_word(line: &str, name: &str) -> String {
    if line.trim_start().starts_with("opts=\"") { line.replace(&format!(" {name} "), " ") } else { line.to_owned() }
}

/// `clap_complete` 4.6 writes the hyphen of our name in two ways, so that no command would have its options.
fn for_bash(script: &str) -> String {
    script.replace("ollama__subcmd__forward", "ollama__forward")
}

/// What `clap_complete` 4.6 leaves out for fish: an option of the program that still wants its value is no failure of
/// `argparse`, but the very thing to complete; and positional arguments have values, too.
fn for_fish(command: &Command, script: &str) -> String {
    let mut script = script.replacen("    or return\n", "    or return 0\n", 1);
    for below in command.get_subcommands() {
        let values = below.get_positionals().flat_map(Arg::get_possible_values).filter(|value| !value.is_hide_set());
        for value in values {
            let (name, place) = (value.get_name(), below.get_name());
            let about =
                value.get_help().map(ToString::to_string).unwrap_or_default().replace('\\', "").replace('\'', "\\'");
            let line = format!(
                "complete -c ollama-forward -n \"__fish_ollama_forward_using_subcommand {place}\" -f -a \"{name}\" -d '{about}'\n"
            );
            script.push_str(&line);
        }
    }
    script
}

/// In place: the command is built, and knows its arguments by their number.
fn offering(command: Command, id: &str, values: &[PossibleValue]) -> Command {
    command.mut_args(|arg: Arg| if arg.get_id() == id { arg.value_parser(values.to_vec()) } else { arg })
}

fn ids(lang: Lang) -> Vec<PossibleValue> {
    FaultId::ALL.iter().map(|id| PossibleValue::new(id.as_str()).help(id.title().of(lang))).collect()
}

/// Of the doctor: its groups, and each check by itself.
fn checks(lang: Lang) -> Vec<PossibleValue> {
    let groups = Group::ALL.into_iter().map(|group| PossibleValue::new(group.word()));
    let checks = table().map(|check| PossibleValue::new(check.id).help((check.title)().of(lang)));
    groups.chain(checks).collect()
}
