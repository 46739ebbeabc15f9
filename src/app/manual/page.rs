//! One page, in roff. Pure.
//!
//! ```text
//! NAME SYNOPSIS DESCRIPTION COMMANDS ARGUMENTS OPTIONS EXIT-STATUS ENVIRONMENT FILES EXAMPLES NOTES SEE-ALSO
//! ```
//! clap has a maker of pages (`clap_mangen`), but its headings and half of its sentences are English only; the roff below is
//! by the same library, `roff`.

use std::fmt::Write as _;

use clap::builder::PossibleValue;
use clap::{Arg, Command};
use roff::{Inline, Roff, bold, italic, roman};

use super::texts;
use crate::words;
use crate::words::{Lang, Words};

/// Of the program, and what the names of all pages begin with.
pub(super) const NAME: &str = "ollama-forward";

/// Every page there is: of the program, and of each command that is shown.
pub(super) struct Pages<'c> {
    pub(super) all: Vec<Page<'c>>,
}

pub(super) struct Page<'c> {
    /// Such as `ollama-forward-capture-list`.
    pub(super) name: String,
    command: &'c Command,
    /// The commands above it, the program first, and the names that lead to it: none for the program.
    above: Vec<&'c Command>,
    path: Vec<&'c str>,
}

impl<'c> Pages<'c> {
    pub(super) fn of(program: &'c Command) -> Self {
        let mut all = Vec::new();
        collect(program, &[], &[], &mut all);
        Self { all }
    }

    pub(super) fn find(&self, name: &str) -> Option<&Page<'c>> {
        self.all.iter().find(|page| page.name == name)
    }
}

fn collect<'c>(command: &'c Command, above: &[&'c Command], path: &[&'c str], all: &mut Vec<Page<'c>>) {
    let name = [&[NAME], path].concat().join("-");
    all.push(Page { name, command, above: above.to_vec(), path: path.to_vec() });
    for below in shown(command) {
        collect(below, &[above, &[command]].concat(), &[path, &[below.get_name()]].concat(), all);
    }
}

/// `help` repeats them all.
fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help")
}

impl Page<'_> {
    pub(super) fn file_name(&self) -> String {
        format!("{}.1", self.name)
    }

    /// The whole of it. Letters beyond ASCII are named, so that every formatter shows them, whatever it takes bytes for.
    pub(super) fn render(&self, date: &str, lang: Lang) -> String {
        let mut page = Writer { roff: Roff::new(), lang };
        let source = format!("{NAME} {}", env!("CARGO_PKG_VERSION"));
        let manual = words!("Manual of ollama-forward", "Manuel d'ollama-forward").of(lang);
        page.roff.control("TH", [self.name.to_uppercase().as_str(), "1", date, &source, &manual]);
        self.name_and_synopsis(&mut page);
        self.description(&mut page);
        self.commands(&mut page);
        self.arguments(&mut page);
        self.exit_status(&mut page);
        self.environment(&mut page);
        self.files(&mut page);
        self.examples(&mut page);
        self.see_also(&mut page);
        named(&page.roff.render())
    }

    fn about(&self) -> String {
        self.command.get_about().map(ToString::to_string).unwrap_or_default()
    }

    fn name_and_synopsis(&self, page: &mut Writer) {
        page.section(&words!("NAME", "NOM"));
        page.text(&format!("{} - {}", self.name, self.about()));
        page.section(&Words::same("SYNOPSIS"));
        let typed = [&[NAME], self.path.as_slice()].concat().join(" ");
        let usage = self.command.clone().render_usage().to_string();
        let forms = usage.lines().filter_map(|line| line.split_once(&typed)).map(|(_, rest)| rest);
        for (at, form) in forms.enumerate() {
            if at > 0 {
                page.roff.control("br", []);
            }
            page.roff.text([bold(typed.as_str()), roman(form)]);
        }
    }

    fn description(&self, page: &mut Writer) {
        page.section(&Words::same("DESCRIPTION"));
        let long = self.command.get_long_about().or(self.command.get_about());
        page.text(&format!("{}.", long.map(ToString::to_string).unwrap_or_default().trim_end_matches('.')));
        for paragraph in texts::description(&self.path.join(" ")) {
            page.roff.control("PP", []);
            page.text(&paragraph.of(page.lang));
        }
    }

    fn commands(&self, page: &mut Writer) {
        if shown(self.command).next().is_none() {
            return;
        }
        page.section(&words!("COMMANDS", "COMMANDES"));
        for below in shown(self.command) {
            page.roff.control("TP", []);
            page.roff.text([bold(format!("{}-{}", self.name, below.get_name())), roman("(1)")]);
            page.text(&below.get_about().map(ToString::to_string).unwrap_or_default());
        }
    }

    /// In the groups in which `--help` shows them; those without a name first.
    fn arguments(&self, page: &mut Writer) {
        let visible: Vec<_> = self.command.get_arguments().filter(|arg| !arg.is_hide_set()).collect();
        let (positional, options): (Vec<_>, Vec<_>) = visible.into_iter().partition(|arg| arg.is_positional());
        if !positional.is_empty() {
            page.section(&Words::same("ARGUMENTS"));
            for arg in positional {
                page.argument(arg);
            }
        }
        page.section(&Words::same("OPTIONS"));
        let group =
            |arg: &Arg| arg.get_help_heading().map(str::trim).filter(|name| *name != "Options").map(str::to_owned);
        let mut groups: Vec<Option<String>> = Vec::new();
        for arg in &options {
            if !groups.contains(&group(arg)) {
                groups.push(group(arg));
            }
        }
        groups.sort_by_key(Option::is_some);
        for one in groups {
            if let Some(name) = &one {
                page.roff.control("SS", [name.as_str()]);
            }
            for arg in options.iter().filter(|arg| group(arg) == one) {
                page.argument(arg);
            }
        }
    }

    fn exit_status(&self, page: &mut Writer) {
        page.section(&words!("EXIT STATUS", "CODE DE SORTIE"));
        for (code, meaning) in texts::exit_status(&self.path.join(" ")) {
            page.entry([bold(code)], &meaning);
        }
    }

    fn environment(&self, page: &mut Writer) {
        page.section(&words!("ENVIRONMENT", "ENVIRONNEMENT"));
        for arg in self.command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            let (Some(variable), Some(option)) = (arg.get_env().and_then(|name| name.to_str()), arg.get_long()) else {
                continue;
            };
            page.entry([bold(variable)], &words!("The same as --{option}.", "Équivaut à --{option}."));
        }
        for (variable, meaning) in texts::environment(&self.path.join(" ")) {
            page.entry([bold(variable)], &meaning);
        }
    }

    fn files(&self, page: &mut Writer) {
        page.section(&words!("FILES", "FICHIERS"));
        for (file, meaning) in texts::files(&self.path.join(" ")) {
            page.entry([italic(file)], &meaning);
        }
    }

    /// What stands below the options in `--help`: commands with their remarks, and then what else is to be said.
    fn examples(&self, page: &mut Writer) {
        let below = self.command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = || below.lines().skip(1);
        page.section(&words!("EXAMPLES", "EXEMPLES"));
        for (command, remark) in self.examples_of(&below, page.lang) {
            page.roff.control("TP", []);
            page.roff.text([bold(command)]);
            page.text(&remark);
        }
        let notes: Vec<_> = lines().filter(|line| !line.is_empty() && !line.starts_with("  ")).collect();
        if !notes.is_empty() {
            page.section(&Words::same("NOTES"));
            for (at, line) in notes.into_iter().enumerate() {
                if at > 0 && line.starts_with(|letter: char| letter.is_uppercase()) {
                    page.roff.control("PP", []);
                }
                page.text(line);
            }
        }
    }

    /// Its own; else those of the commands above that are about it; else the command as it is.
    fn examples_of(&self, below: &str, lang: Lang) -> Vec<(String, String)> {
        let split = |line: &str| {
            let (command, remark) = line.split_once("  ").unwrap_or((line, ""));
            (command.to_owned(), remark.trim_start().to_owned())
        };
        let all = |text: &str| text.lines().filter_map(|line| line.strip_prefix("  ")).map(split).collect::<Vec<_>>();
        if !below.is_empty() {
            return all(below);
        }
        let more = texts::examples(&self.path.join(" "));
        let more = more.into_iter().map(|(command, remark)| (command.to_owned(), remark.of(lang)));
        let typed = [&[NAME], self.path.as_slice()].concat().join(" ");
        let is_about_it = |command: &str| command == typed || command.starts_with(&format!("{typed} "));
        let of_others = self
            .above
            .iter()
            .flat_map(|above| all(&above.get_after_help().map(ToString::to_string).unwrap_or_default()));
        let mut found: Vec<_> = of_others.filter(|(command, _)| is_about_it(command)).chain(more).collect();
        if found.is_empty() {
            found.push((typed, self.about()));
        }
        found
    }

    fn see_also(&self, page: &mut Writer) {
        page.section(&words!("SEE ALSO", "VOIR AUSSI"));
        let above = (0..self.path.len()).map(|depth| [&[NAME], &self.path[..depth]].concat().join("-"));
        let below = shown(self.command).map(|below| format!("{}-{}", self.name, below.get_name()));
        let mut others: Vec<String> = above.chain(below).collect();
        for name in texts::see_also(&self.path.join(" ")) {
            let name = format!("{NAME}-{name}");
            if !others.contains(&name) {
                others.push(name);
            }
        }
        let mut line = Vec::new();
        for (at, name) in others.into_iter().enumerate() {
            line.push(roman(if at == 0 { "" } else { ", " }));
            line.push(bold(name));
            line.push(roman("(1)"));
        }
        page.roff.text(line);
    }
}

/// A page under way.
struct Writer {
    roff: Roff,
    lang: Lang,
}

impl Writer {
    fn section(&mut self, name: &Words) {
        self.roff.control("SH", [name.of(self.lang).as_str()]);
    }

    fn text(&mut self, text: &str) {
        // An empty line would be a gap.
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.roff.text([roman(line)]);
        }
    }

    fn entry(&mut self, head: [Inline; 1], meaning: &Words) {
        self.roff.control("TP", []);
        self.roff.text(head);
        self.text(&meaning.of(self.lang));
    }

    fn argument(&mut self, arg: &Arg) {
        self.roff.control("TP", []);
        self.roff.text(head(arg));
        self.text(&arg.get_help().map(ToString::to_string).unwrap_or_default());
        if arg.get_action().takes_values() && !arg.get_default_values().is_empty() {
            let values: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
            let values = values.join(" ");
            self.text(&words!("[default: {values}]", "[par défaut : {values}]").of(self.lang));
        }
        self.values(arg);
    }

    /// Of a switch they are true and false, which nobody types.
    fn values(&mut self, arg: &Arg) {
        let takes_one = arg.get_num_args().is_some_and(|number| number.takes_values());
        let values: Vec<_> = arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set()).collect();
        if !takes_one || values.is_empty() {
            return;
        }
        if values.iter().all(|value| value.get_help().is_none()) {
            let names = values.iter().map(PossibleValue::get_name).collect::<Vec<_>>().join(", ");
            self.roff.control("br", []);
            self.text(&words!("Values: {names}.", "Valeurs : {names}.").of(self.lang));
            return;
        }
        self.roff.control("RS", []);
        for value in values {
            self.roff.control("TP", []);
            self.roff.text([bold(value.get_name())]);
            let help = value.get_help().map(ToString::to_string).unwrap_or_default();
            // Without a text, the name would take the next one's.
            if help.is_empty() {
                self.roff.control("br", [])
            } else {
                self.roff.text([roman(help)])
            };
        }
        self.roff.control("RE", []);
    }
}

/// `-n, --number N`, or the name of what needs none.
fn head(arg: &Arg) -> Vec<Inline> {
    let names = arg.get_value_names().unwrap_or_default().join(" ");
    if arg.is_positional() {
        return vec![italic(if names.is_empty() { arg.get_id().as_str().to_uppercase() } else { names })];
    }
    let short = arg.get_short().map(|letter| format!("-{letter}"));
    let long = arg.get_long().map(|name| format!("--{name}"));
    let aliases = arg.get_visible_aliases().unwrap_or_default().into_iter().map(|name| format!("--{name}"));
    let mut head = Vec::new();
    for name in short.into_iter().chain(long).chain(aliases) {
        if !head.is_empty() {
            head.push(roman(", "));
        }
        head.push(bold(name));
    }
    let range = arg.get_num_args().unwrap_or_default();
    if range.takes_values() && !names.is_empty() {
        let (before, after) = match (range.min_values() == 0, arg.is_require_equals_set()) {
            (true, true) => ("[=", "]"),
            (true, false) => (" [", "]"),
            (false, true) => ("=", ""),
            (false, false) => (" ", ""),
        };
        head.extend([roman(before), italic(names), roman(after)]);
    }
    head
}

/// Letters of French as `groff_char(7)` names them; `lexgrog`, which reads the line of NAME for `apropos`, knows these only.
const NAMED: &[(char, &str)] = &[
    ('\u{a0}', "\\~"),
    ('à', "\\[`a]"),
    ('â', "\\[^a]"),
    ('ç', "\\[,c]"),
    ('è', "\\[`e]"),
    ('é', "\\['e]"),
    ('ê', "\\[^e]"),
    ('ë', "\\[:e]"),
    ('î', "\\[^i]"),
    ('ï', "\\[:i]"),
    ('ô', "\\[^o]"),
    ('ù', "\\[`u]"),
    ('û', "\\[^u]"),
    ('œ', "\\[oe]"),
    ('À', "\\[`A]"),
    ('É', "\\['E]"),
    ('Ê', "\\[^E]"),
];

/// Letters beyond ASCII as groff and mandoc name them: by name, or by number.
fn named(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match NAMED.iter().find(|(known, _)| *known == letter) {
            Some((_, name)) => out.push_str(name),
            None if letter.is_ascii() => out.push(letter),
            // To a text, which takes all.
            None => drop(write!(out, "\\[u{:04X}]", u32::from(letter))),
        }
    }
    out
}
