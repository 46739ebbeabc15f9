//! `ollama-forward man`: pages for `man`, made of the command line itself. What they say is [`page`]'s and [`texts`]'; here
//! is where they go.

mod page;
mod texts;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;

use chrono::DateTime;

use self::page::{NAME, Pages};
use super::Ended;
use crate::cli;
use crate::config::nearest_of;
use crate::fault::{Fault, FaultId};
use crate::file::trouble::{Attempt, trouble};
use crate::words;
use crate::words::Lang;

/// Does what was typed.
pub(super) fn man(command: &[String], all: Option<&Path>, lang: Lang) -> Result<Ended, Fault> {
    let tree = cli::command_to_read(lang);
    let pages = Pages::of(&tree);
    let date = date(|name| std::env::var(name).ok());
    match all {
        Some(dir) => write(&pages, dir, &date, lang),
        None => pages.find(&wanted(command)).map_or_else(
            || Err(no_page(&pages, &command.join(" "))),
            |page| Ok(Ended::Printed(page.render(&date, lang))),
        ),
    }
}

/// However it was typed: `capture list`, `capture-list` or the page's own name.
fn wanted(command: &[String]) -> String {
    let joined = command.join("-");
    let name = joined.trim_end_matches(".1");
    let rest = name.strip_prefix(NAME).map_or(name, |rest| rest.trim_start_matches('-'));
    if rest.is_empty() { NAME.to_owned() } else { format!("{NAME}-{rest}") }
}

/// Of the page: none, so that the same program makes the same page, or the one that a build asks for
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
fn date(variable: impl Fn(&str) -> Option<String>) -> String {
    let seconds = variable("SOURCE_DATE_EPOCH").and_then(|text| text.trim().parse().ok());
    let day = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    day.map_or_else(String::new, |day| day.format("%Y-%m-%d").to_string())
}

fn no_page(pages: &Pages<'_>, typed: &str) -> Fault {
    let names: Vec<_> =
        pages.all.iter().map(|page| page.name.trim_start_matches(NAME).trim_start_matches('-')).collect();
    let what = words!("there is no page for `{typed}`", "il n'y a pas de page pour « {typed} »");
    let likely = match nearest_of(names.iter().copied().filter(|name| !name.is_empty()), typed) {
        Some(near) => words!("a typing error: did you mean `{near}`?", "une faute de frappe : serait-ce `{near}` ?"),
        None => words!("no command has that name", "aucune commande ne porte ce nom"),
    };
    Fault::new(FaultId::Usage, what).advise(likely, "ollama-forward --help")
}

/// All pages into one directory, which is made where it is not there. The result is the list of files.
fn write(pages: &Pages<'_>, dir: &Path, date: &str, lang: Lang) -> Result<Ended, Fault> {
    let failed =
        |path: &Path, error: &std::io::Error| Fault::new(FaultId::Internal, trouble(Attempt::Write, path, error));
    fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
    let mut written = String::new();
    for page in &pages.all {
        let path = dir.join(page.file_name());
        fs::write(&path, page.render(date, lang)).map_err(|error| failed(&path, &error))?;
        written.push_str(&path.display().to_string());
        written.push('\n');
    }
    Ok(Ended::Printed(written))
}
