//! The command line's own texts in French: help, headings, defaults, values. What the texts say stands in the tables
//! beside this file, by command and by argument; here they are put in the place of the English ones.
//!
//! clap writes a few words of its own. Where it lets them be replaced they are; where not, they are switched off and
//! written into the texts: `[par défaut : …]`, `[valeurs possibles : …]`.

mod capture;
mod commands;
mod values;

#[cfg(test)]
mod tests;

use clap::builder::PossibleValue;
use clap::builder::styling::Styles;
use clap::{Arg, ArgAction, Command};

use crate::words::{Lang, Words};

/// What one command says of itself.
pub(super) struct Page {
    /// The names that lead to it, such as `capture list`; none for the program.
    path: &'static str,
    about: &'static str,
    /// Below the options; empty where there is nothing.
    after: &'static str,
    /// Each argument by its id. Those that a command shares with the commands above it stand only there.
    args: &'static [(&'static str, &'static str)],
}

/// The names of groups of options. clap puts a colon behind each, so they end in the space before it.
const HEADINGS: &[(&str, &str)] = &[
    ("Options with --translate", "Options avec --translate\u{a0}"),
    ("Options with --capture", "Options avec --capture\u{a0}"),
];
const ARGUMENTS: &str = "Arguments\u{a0}";
const OPTIONS: &str = "Options\u{a0}";
const COMMANDS: &str = "Commandes\u{a0}";
/// What clap itself says.
const COMMAND: &str = "COMMANDE";
/// The command that clap adds.
const HELP_NAME: &str = "help";
const HELP_COMMAND: &str = "Afficher cette aide, ou celle d'une commande";
const HELP_OF: &str = "La commande dont l'aide est demandée";
const HELP: &str = "Afficher l'aide";
const HELP_SHORT: &str = "Afficher l'aide (--help : plus de détails)";
const HELP_LONG: &str = "Afficher l'aide (-h : résumé)";
const VERSION: &str = "Afficher la version";

fn pages() -> impl Iterator<Item = &'static Page> {
    commands::PAGES.iter().chain(capture::PAGES)
}

fn page(path: &str) -> Option<&'static Page> {
    pages().find(|page| page.path == path)
}

/// As it is shown: with the spaces of French typography.
fn set(text: &str) -> String {
    Words { en: String::new(), fr: text.to_owned() }.of(Lang::Fr)
}

/// What the texts are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// To be parsed with, and for `--help`.
    Help,
    /// For scripts of completion and for manuals, which write values and defaults by themselves.
    Reading,
}

/// The same command line, in French.
pub(super) fn command(mut command: Command, purpose: For) -> Command {
    // What clap adds by itself (help, version, what is global) must be there to be replaced.
    command.build();
    translated(command, &[], purpose)
}

fn translated(command: Command, above: &[&str], purpose: For) -> Command {
    // Below `help`, names of commands are only names.
    let named: Vec<_> = above.iter().copied().filter(|name| *name != HELP_NAME).collect();
    let (path, is_help) = (named.join(" "), named.len() < above.len());
    let styles = command.get_styles().clone();
    let command = match page(&path) {
        _ if above.last() == Some(&HELP_NAME) => command.about(set(HELP_COMMAND)),
        Some(page) => said(command, page),
        None => command,
    };
    let command = command
        .help_template(template(&styles))
        .subcommand_help_heading(COMMANDS)
        .subcommand_value_name(COMMAND)
        .mut_args(|arg| argument(arg, above, is_help, purpose))
        .mut_subcommands(|below| {
            let name = below.get_name().to_owned();
            translated(below, &[above, &[name.as_str()]].concat(), purpose)
        });
    realigned(command)
}

fn said(command: Command, Page { about, after, .. }: &Page) -> Command {
    let has_long = command.get_long_about().is_some();
    let command = command.about(set(about));
    let command = if has_long { command.long_about(set(about)) } else { command };
    if after.is_empty() { command } else { command.after_help(set(after)) }
}

/// clap's own, with a French heading.
fn template(styles: &Styles) -> String {
    let usage = styles.get_usage();
    format!(
        "{{before-help}}{{about-with-newline}}\n{usage}Usage\u{a0}:{usage:#} {{usage}}\n\n{{all-args}}{{after-help}}"
    )
}

/// Where there are several forms of use, the second one stands below the first: French headings are longer by a space.
fn realigned(mut command: Command) -> Command {
    let usage = command.render_usage().ansi().to_string();
    match usage.split_once("ollama-forward") {
        Some((before, forms)) if forms.contains('\n') => {
            // The colours of the name have begun before it.
            let style = before.rfind('\u{1b}').map_or("", |at| &before[at..]);
            command.override_usage(format!("{style}ollama-forward{}", forms.replace("\n       ", "\n        ")))
        }
        Some(_) | None => command,
    }
}

fn argument(arg: Arg, above: &[&str], is_help: bool, purpose: For) -> Arg {
    let heading = match arg.get_help_heading() {
        Some(english) => HEADINGS.iter().find(|(known, _)| *known == english).map_or(OPTIONS, |(_, french)| french),
        None if arg.is_positional() => ARGUMENTS,
        None => OPTIONS,
    };
    let is_long = arg.get_long_help().is_some();
    let help = match (arg.get_action(), is_help) {
        (ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong, _) if is_long => HELP_SHORT,
        (ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong, _) => HELP,
        (ArgAction::Version, _) => VERSION,
        (_, true) => HELP_OF,
        (_, false) => text(above, arg.get_id().as_str()).unwrap_or_default(),
    };
    let arg = arg.help_heading(heading);
    let arg = if is_long { arg.long_help(set(HELP_LONG)) } else { arg };
    if help.is_empty() {
        return arg;
    }
    match purpose {
        For::Help => with_specifics(arg, help),
        For::Reading => with_values(arg.help(set(help))),
    }
}

/// The text of an argument: its command's own, or that of the nearest one above it.
fn text(above: &[&str], id: &str) -> Option<&'static str> {
    (0..=above.len()).rev().find_map(|depth| {
        let page = page(&above[..depth].join(" "))?;
        page.args.iter().find(|(known, _)| *known == id).map(|(_, text)| *text)
    })
}

/// The help of an argument, with its default and its values.
fn with_specifics(arg: Arg, help: &str) -> Arg {
    let mut behind = Vec::new();
    if shows_default(&arg) {
        let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        behind.push(set(&format!("[par défaut : {}]", defaults.join(" "))));
    }
    let values = french_values(&arg);
    let (mut short, mut long) = (behind.clone(), behind);
    if !values.is_empty() {
        let names: Vec<_> = values.iter().map(PossibleValue::get_name).collect();
        short.push(set(&format!("[valeurs possibles : {}]", names.join(", "))));
        if values.iter().any(|value| value.get_help().is_some()) {
            long.insert(0, list(&values));
        } else {
            long.push(short.last().cloned().unwrap_or_default());
        }
    }
    let help = set(help);
    let told = |specifics: &[String], space: &str| [std::slice::from_ref(&help), specifics].concat().join(space);
    let needs_long = long != short;
    let arg = arg.help(told(&short, " ")).hide_default_value(true).hide_possible_values(true);
    if needs_long { arg.long_help(told(&long, "\n\n")) } else { arg }
}

fn shows_default(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_hide_default_value_set() && !arg.get_default_values().is_empty()
}

/// As clap has it: one a line, their texts below each other.
fn list(values: &[PossibleValue]) -> String {
    let longest = values.iter().map(|value| value.get_name().len()).max().unwrap_or_default();
    let line = |value: &PossibleValue| match value.get_help() {
        Some(help) => format!("\n- {:<width$} {help}", format!("{}\u{a0}:", value.get_name()), width = longest + 2),
        None => format!("\n- {}", value.get_name()),
    };
    set("Valeurs possibles :") + &values.iter().map(line).collect::<String>()
}

/// The values of an argument that takes one of a few, those that are shown.
fn french_values(arg: &Arg) -> Vec<PossibleValue> {
    // A switch takes true or false, which nobody types.
    if !arg.get_num_args().is_some_and(|number| number.takes_values()) {
        return Vec::new();
    }
    let visible = arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
    visible.map(|value| values::french(arg.get_id().as_str(), value)).collect()
}

/// For what only reads: the values themselves in French.
fn with_values(arg: Arg) -> Arg {
    let values = french_values(&arg);
    if values.is_empty() { arg } else { arg.value_parser(values) }
}
