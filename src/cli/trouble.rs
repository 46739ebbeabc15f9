//! What clap finds wrong with a command line, as a [`Fault`]: what, what was likely meant, and where the help is.

use std::net::AddrParseError;
use std::num::ParseIntError;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::fault::{Fault, FaultId};
use crate::words;
use crate::words::Words;

/// The mistake in both languages. It keeps the names of options and commands as they are typed.
pub fn fault(error: &clap::Error) -> Fault {
    Fault::new(FaultId::Usage, what(error)).advise(likely(error), format!("{} --help", command(error)))
}

/// The mistake of a variable, where only the option that it stands for is known.
pub(super) fn of_variable(error: &clap::Error, command: &clap::Command) -> Words {
    let arg = one(error, ContextKind::InvalidArg);
    let long = arg.trim_start_matches('-').split(|c: char| c.is_whitespace() || "=[<".contains(c)).next();
    let variable = command.get_arguments().find(|arg| arg.get_long() == long).and_then(|arg| arg.get_env()?.to_str());
    let Words { en, fr } = what(error);
    match variable {
        Some(name) => words!("{name}: {en}", "{name} : {fr}"),
        None => Words { en, fr },
    }
}

fn what(error: &clap::Error) -> Words {
    #[expect(clippy::wildcard_enum_match_arm, reason = "clap's own, which may grow: those have clap's words")]
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let arg = one(error, ContextKind::InvalidArg);
            words!("unexpected argument `{arg}`", "argument inattendu : « {arg} »")
        }
        ErrorKind::InvalidSubcommand => {
            let name = one(error, ContextKind::InvalidSubcommand);
            words!("there is no command `{name}`", "il n'y a pas de commande « {name} »")
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => missing_command(error),
        ErrorKind::MissingRequiredArgument => {
            let args = all(error, ContextKind::InvalidArg).join(", ");
            words!("something is missing: {args}", "il manque : {args}")
        }
        ErrorKind::InvalidValue => invalid_value(error),
        ErrorKind::ValueValidation => unusable_value(error),
        ErrorKind::ArgumentConflict => conflict(error),
        ErrorKind::NoEquals => {
            let arg = one(error, ContextKind::InvalidArg);
            words!("`{arg}` wants its value behind `=`", "« {arg} » veut sa valeur derrière `=`")
        }
        ErrorKind::TooManyValues => {
            let (arg, value) = (one(error, ContextKind::InvalidArg), one(error, ContextKind::InvalidValue));
            words!("`{value}` is one value too many for `{arg}`", "« {value} » est une valeur de trop pour `{arg}`")
        }
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            let (arg, given) = (one(error, ContextKind::InvalidArg), one(error, ContextKind::ActualNumValues));
            let [least, exact] = [ContextKind::MinValues, ContextKind::ExpectedNumValues].map(|kind| one(error, kind));
            words!(
                "`{arg}` wants {least}{exact} values, and got {given}",
                "`{arg}` demande {least}{exact} valeurs, et en a reçu {given}"
            )
        }
        ErrorKind::InvalidUtf8 => {
            words!("a word of the command line is not UTF-8", "un mot de la ligne de commande n'est pas de l'UTF-8")
        }
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            Words::same(first.trim_start_matches("error: "))
        }
    }
}

fn missing_command(error: &clap::Error) -> Words {
    let (command, known) = (command(error), all(error, ContextKind::ValidSubcommand));
    let known: Vec<_> = known.into_iter().filter(|name| name != "help").collect();
    let known = known.join(", ");
    words!("`{command}` needs a command: {known}", "`{command}` demande une commande : {known}")
}

fn invalid_value(error: &clap::Error) -> Words {
    let (arg, value) = (one(error, ContextKind::InvalidArg), one(error, ContextKind::InvalidValue));
    let known = all(error, ContextKind::ValidValue).join(", ");
    match (value.as_str(), known.as_str()) {
        ("", "") => words!("`{arg}` needs a value", "`{arg}` demande une valeur"),
        ("", _) => words!("`{arg}` needs a value: {known}", "`{arg}` demande une valeur : {known}"),
        (_, "") => words!("`{value}` is no value for `{arg}`", "« {value} » n'est pas une valeur pour `{arg}`"),
        (_, _) => words!(
            "`{value}` is no value for `{arg}`: {known}",
            "« {value} » n'est pas une valeur pour `{arg}` : {known}"
        ),
    }
}

/// Our own parsers say why in both languages; the others are told apart by what they parse.
fn unusable_value(error: &clap::Error) -> Words {
    let arg = one(error, ContextKind::InvalidArg);
    let source = std::error::Error::source(error);
    let Words { en, fr } = match source {
        Some(why) if why.is::<Words>() => why.downcast_ref::<Words>().cloned().unwrap_or_default(),
        Some(why) if why.is::<ParseIntError>() => words!("use a whole number", "donner un nombre entier"),
        Some(why) if why.is::<AddrParseError>() => words!("use 127.0.0.1:5001", "donner 127.0.0.1:5001"),
        Some(why) if why.to_string() == "value was not a boolean" => words!("use yes or no", "donner yes ou no"),
        Some(why) => Words::same(why.to_string()),
        None => words!("it cannot be used", "elle est inutilisable"),
    };
    let value = one(error, ContextKind::InvalidValue);
    // Most say which value it is.
    if en.contains(&format!("`{value}`")) {
        return words!("{arg}: {en}", "{arg} : {fr}");
    }
    words!("{arg}: `{value}`: {en}", "{arg} : « {value} » : {fr}")
}

fn conflict(error: &clap::Error) -> Words {
    let [arg, command] = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand].map(|kind| one(error, kind));
    let this = if arg.is_empty() { command } else { arg };
    let others = all(error, ContextKind::PriorArg);
    match others.as_slice() {
        [] => {
            words!("`{this}` cannot be used with the others", "« {this} » ne peut pas accompagner les autres arguments")
        }
        [other] if *other == this => {
            words!("`{this}` can be given only once", "« {this} » ne peut être donné qu'une fois")
        }
        others => {
            let others = others.join(", ");
            words!("`{this}` cannot be used with {others}", "« {this} » ne peut pas accompagner {others}")
        }
    }
}

fn likely(error: &clap::Error) -> Words {
    let kinds = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    // The likeliest one comes last.
    let meant = kinds.into_iter().flat_map(|kind| all(error, kind)).last();
    let tips = all(error, ContextKind::Suggested);
    // "'status --json' exists": the option of a command, typed without it.
    let elsewhere = tips.iter().find_map(|tip| tip.strip_suffix("' exists")?.strip_prefix('\'').map(str::to_owned));
    if let Some(meant) = meant.or(elsewhere) {
        return words!("a typing error: did you mean `{meant}`?", "une faute de frappe : serait-ce `{meant}` ?");
    }
    // "to pass 'exec' as a value, use '-- exec'"
    if let Some((_, rest)) = tips.iter().find_map(|tip| tip.split_once("as a value, use '")) {
        let right = rest.trim_end_matches('\'');
        return words!("it is meant for another: `{right}`", "il est destiné à un autre : `{right}`");
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "clap's own, which may grow: those have the id's words")]
    match error.kind() {
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            words!("the command line ends too early", "la ligne de commande s'arrête trop tôt")
        }
        ErrorKind::MissingRequiredArgument | ErrorKind::NoEquals => {
            words!("an argument was left out", "un argument a été oublié")
        }
        ErrorKind::ArgumentConflict => {
            words!("one of them is meant, not both", "un seul des deux est voulu")
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => words!(
            "a typing error, or a variable OLLAMA_FORWARD_…",
            "une faute de frappe, ou une variable OLLAMA_FORWARD_…"
        ),
        _ => FaultId::Usage.likely(),
    }
}

/// The command whose words these were, for its help: that of the usage, as far as names go.
fn command(error: &clap::Error) -> String {
    let usage = one(error, ContextKind::Usage);
    let words = usage.split_whitespace().skip_while(|word| *word != "ollama-forward");
    let is_name =
        |word: &&str| !word.starts_with('-') && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
    let names: Vec<_> = words.take_while(is_name).collect();
    if names.is_empty() { "ollama-forward".to_owned() } else { names.join(" ") }
}

fn one(error: &clap::Error, kind: ContextKind) -> String {
    all(error, kind).join(", ")
}

fn all(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::StyledStr(text)) => vec![text.to_string()],
        Some(ContextValue::StyledStrs(texts)) => texts.iter().map(ToString::to_string).collect(),
        Some(ContextValue::Number(number)) => vec![number.to_string()],
        Some(_) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command as command_line;
    use crate::words::Lang;

    /// What is said of a command line in each language: the first lines, which name the same.
    #[track_caller]
    fn check(words: &[&str], english: &str, french: &str) {
        for (lang, expected) in [(Lang::En, english), (Lang::Fr, french)] {
            let typed = std::iter::once("ollama-forward").chain(words.iter().copied());
            let error = command_line(lang).try_get_matches_from(typed).expect_err("this is a mistake");
            let fault = fault(&error);
            assert_eq!(fault.id, FaultId::Usage);
            let said = fault.text(lang).replace('\u{a0}', " ");
            let lines: Vec<_> = said.lines().collect();
            assert_eq!(lines.len(), 3, "{said}");
            let shown = lines.iter().map(|line| line.split_once(": ").map_or("", |(_, rest)| rest.trim_start()));
            assert_eq!(shown.collect::<Vec<_>>().join(" | "), expected, "{said}");
        }
    }

    #[test]
    fn what_does_not_exist_is_named_with_what_was_likely_meant() {
        check(
            &["--lissten", "127.0.0.1"],
            "unexpected argument `--lissten` | a typing error: did you mean `--listen`? | ollama-forward --help",
            "argument inattendu : « --lissten » | une faute de frappe : serait-ce `--listen` ? | ollama-forward --help",
        );
        check(
            &["statsu"],
            "there is no command `statsu` | a typing error: did you mean `status`? | ollama-forward --help",
            "il n'y a pas de commande « statsu » | une faute de frappe : serait-ce `status` ? | ollama-forward --help",
        );
        check(
            &["capture", "list", "--sesion", "x"],
            "unexpected argument `--sesion` | a typing error: did you mean `--session`? | ollama-forward capture list --help",
            "argument inattendu : « --sesion » | une faute de frappe : serait-ce `--session` ? | ollama-forward capture list --help",
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        check(
            &["completions"],
            "something is missing: <SHELL> | an argument was left out | ollama-forward completions --help",
            "il manque : <SHELL> | un argument a été oublié | ollama-forward completions --help",
        );
        check(
            &["--listen-port"],
            "`--listen-port <PORT>` needs a value | a typing error, or a variable OLLAMA_FORWARD_… | ollama-forward --help",
            "`--listen-port <PORT>` demande une valeur | une faute de frappe, ou une variable OLLAMA_FORWARD_… | ollama-forward --help",
        );
        check(
            &["config"],
            "`ollama-forward config` needs a command: init, show, path, check | the command line ends too early | ollama-forward config --help",
            "`ollama-forward config` demande une commande : init, show, path, check | la ligne de commande s'arrête trop tôt | ollama-forward config --help",
        );
    }

    #[test]
    fn a_value_that_does_not_fit_is_told_with_what_would() {
        let doubt = "a typing error, or a variable OLLAMA_FORWARD_…";
        let doute = "une faute de frappe, ou une variable OLLAMA_FORWARD_…";
        check(
            &["--color", "green"],
            &format!("`green` is no value for `--color <WHEN>`: auto, always, never | {doubt} | ollama-forward --help"),
            &format!(
                "« green » n'est pas une valeur pour `--color <WHEN>` : auto, always, never | {doute} | ollama-forward --help"
            ),
        );
        check(
            &["--listen-port", "0"],
            &format!(
                "--listen-port <PORT>: port 0 is no port to find again: use a number from 1 to 65535 | {doubt} | ollama-forward --help"
            )
            .replace("--listen-port <PORT>: port", "--listen-port <PORT>: `0`: port"),
            &format!(
                "--listen-port <PORT> : « 0 » : le port 0 ne se retrouve pas : donner un nombre de 1 à 65535 | {doute} | ollama-forward --help"
            ),
        );
        check(
            &["capture", "list", "-n", "many"],
            &format!("--number <N>: `many`: use a whole number | {doubt} | ollama-forward --help"),
            &format!("--number <N> : « many » : donner un nombre entier | {doute} | ollama-forward --help"),
        );
    }

    #[test]
    fn what_excludes_each_other_is_named() {
        check(
            &["--quiet", "--verbose"],
            "`--quiet` cannot be used with --verbose... | one of them is meant, not both | ollama-forward --help",
            "« --quiet » ne peut pas accompagner --verbose... | un seul des deux est voulu | ollama-forward --help",
        );
    }
}
