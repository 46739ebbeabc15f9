//! A call as a model wrote it, made into one that Codex will run; or why that cannot be. Pure.
//!
//! ```text
//! name ──► name::resolve ──► json::parse_lenient ──► arguments::fit ──► codex::mend ──► Call
//!               └ unknown ──► alias: `bash`, `apply_patch` … ──┘
//! ```
//! What is well-formed is never changed, what could mean two things is never guessed, and every mend is a [`Slip`].
//! What Codex refuses was found by running 0.98 to 0.169.

mod alias;
pub mod arguments;
pub mod codex;
pub mod json;
mod keys;
pub mod name;
mod nameless;
mod shell;
mod slip;
mod value;

pub(in crate::translate) use arguments::required;
pub use nameless::for_arguments;
pub use slip::Slip;

use super::{Call, Declared};
use arguments::Unfit;
use name::Resolved;
use serde_json::Value;
use slip::note_all;
use std::fmt;

/// Why a call cannot be made. Its display is a sentence for the model, which may then write a better one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    UnknownTool(String),
    BadJson,
    NotAnObject,
    /// A required key.
    Missing(String),
    /// A call of `apply_patch` without a patch.
    NoPatch,
}

pub fn repair(name: &str, arguments: &str, declared: &[Declared]) -> Result<(Call, Vec<Slip>), Broken> {
    let (tool, given, mut slips, habit) = match name::resolve(name, declared) {
        Resolved::Known(tool, mut slips) => {
            let given = alias::declared_patch(read(arguments, tool, &mut slips)?, tool, &mut slips);
            (tool, given, slips, false)
        }
        Resolved::Unknown(bare, mut slips) => {
            let unknown = || Err(Broken::UnknownTool(bare.clone()));
            let meant = alias::meant(&bare, arguments, declared).unwrap_or_else(unknown)?;
            note_all(&mut slips, meant.slips);
            (meant.tool, Value::Object(meant.arguments), slips, true)
        }
    };
    let (mut fitted, more) = arguments::fit(given, &tool.parameters).map_err(Broken::from)?;
    note_all(&mut slips, more);
    if habit {
        // Another tool's keys; Codex would ignore them.
        let before = fitted.len();
        fitted.retain(|key, _| tool.parameters["properties"].get(key).is_some());
        note_all(&mut slips, if fitted.len() < before { vec![Slip::KeyDropped] } else { Vec::new() });
    }
    note_all(&mut slips, codex::mend(&mut fitted, &tool.parameters));
    Ok((Call { name: tool.name.clone(), arguments: fitted }, slips))
}

/// The declared tool that `name` means, by itself or by habit.
pub fn resolve<'a>(name: &str, declared: &'a [Declared]) -> Option<&'a Declared> {
    match name::resolve(name, declared) {
        Resolved::Known(tool, _) => Some(tool),
        Resolved::Unknown(bare, _) => alias::tool(&bare, declared),
    }
}

fn read(arguments: &str, tool: &Declared, slips: &mut Vec<Slip>) -> Result<Value, Broken> {
    if let Some((value, more)) = json::parse_lenient(arguments) {
        note_all(slips, more);
        return Ok(value);
    }
    // gpt-oss sometimes writes `ls -R` where `{"cmd":"ls -R"}` belongs. `fit` finds the key, when there can be only one.
    let bare = bare_text(arguments).or_else(|| shell::patch_of(arguments)).ok_or(Broken::BadJson)?;
    let bare = Value::String(bare.to_owned());
    let meant =
        arguments::sole_key(&tool.parameters).is_some_and(|(key, wanted)| value::would_take(key, wanted, &bare));
    if meant { Ok(bare) } else { Err(Broken::BadJson) }
}

/// One line that does not even try to be JSON.
fn bare_text(arguments: &str) -> Option<&str> {
    let text = arguments.trim();
    let tries = text.starts_with(['{', '[', '"', '\'', '`', '<', '}', ']', ':', '\u{feff}']);
    (!text.is_empty() && !tries && !text.contains(['\n', '\r'])).then_some(text)
}

impl From<Unfit> for Broken {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::NotAnObject => Self::NotAnObject,
            Unfit::Missing(key) => Self::Missing(key),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A name that is longer than any tool's is no name.
            Self::UnknownTool(name) => {
                write!(f, "there is no tool named `{}`", name.chars().take(64).collect::<String>())
            }
            Self::BadJson => f.write_str("the arguments are not valid JSON; write them as one JSON object"),
            Self::NotAnObject => f.write_str("the arguments must be one JSON object"),
            Self::Missing(key) => write!(f, "the required argument `{key}` is missing"),
            Self::NoPatch => {
                f.write_str("there is no patch; it must start with `*** Begin Patch` and end with `*** End Patch`")
            }
        }
    }
}

impl std::error::Error for Broken {}

#[cfg(test)]
mod tests;
