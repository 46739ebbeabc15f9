//! An old way to Ollama: found in texts, and taken out of them so that it can be put back byte for byte. Pure.
//!
//! ```text
//! a text ──► lex: simple commands ──► command: does one of them forward the port?
//!              ├─ script   a file that does nothing else
//!              ├─ shell    lines of ~/.bashrc and the like: aliases, variables, starts
//!              └─ system   units of systemd, crontabs, wsl.conf
//! lines ─────► comment: out, with a mark; and in again
//! ```
//! What is looked for are the recipes that people paste for WSL: `socat TCP-LISTEN:11434,fork TCP:$gateway:11434` and its
//! cousins, with what starts them. In doubt nothing is recognised: a line that stays does less harm than one that is lost.

pub mod command;
pub mod comment;
mod lex;
pub mod script;
pub mod shell;
pub mod system;

use std::path::{Path, PathBuf};

use crate::words;
use crate::words::Words;

use command::Tool;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The port that clients connect to.
    pub port: u16,
    pub home: PathBuf,
    /// Scripts that were recognised already: what starts them is a part of it.
    pub scripts: Vec<PathBuf>,
}

/// Why something is a part of the old way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It starts a forwarder.
    Starts(Tool),
    /// It starts a script that does.
    Runs(PathBuf),
    /// An alias or a function that does either.
    Named(String),
    /// A variable that sends clients straight to Windows, past any forward.
    Variable(String),
}

impl Why {
    pub fn words(&self) -> Words {
        match self {
            Self::Starts(tool) => {
                let tool = tool.name();
                words!("starts a forward by {tool}", "démarre un relais par {tool}")
            }
            Self::Runs(script) => {
                let script = script.display();
                words!("starts {script}", "démarre {script}")
            }
            Self::Named(name) => {
                words!("`{name}`, a name for the old forward", "`{name}`, un nom pour l'ancien relais")
            }
            Self::Variable(name) => {
                words!("{name} leads past the forward, to Windows", "{name} contourne le relais, vers Windows")
            }
        }
    }
}

impl Wanted {
    /// A path as people write it in a file of theirs.
    fn full(&self, word: &str) -> PathBuf {
        let below = ["~/", "$HOME/", "${HOME}/", "%h/"].iter().find_map(|start| word.strip_prefix(start));
        below.map_or_else(|| PathBuf::from(word), |rest| self.home.join(rest))
    }

    /// The script that this word of a command names, by its path or, where `PATH` leads to it, by its name.
    fn script_named(&self, word: &str) -> Option<&Path> {
        let full = self.full(word);
        let is_meant =
            |script: &&PathBuf| **script == full || !word.contains('/') && script.file_name() == Some(word.as_ref());
        self.scripts.iter().find(is_meant).map(PathBuf::as_path)
    }
}
