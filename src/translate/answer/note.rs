//! What was mended, recovered or left in one answer, in words for the log line, the metrics and the inspector. No contents.

use std::fmt;

use crate::translate::recover::{Family, Why};
use crate::translate::repair::{Broken, Slip};

#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// A call was mended before the client saw it.
    Repaired { tool: String, slips: Vec<Slip> },
    /// Calls that the model printed as text.
    Recovered { family: Family, calls: usize },
    /// It looked like a printed call, and stayed text.
    Left(Why),
    /// A call that no client can run, passed on so that the client tells the model.
    Unfit { tool: String, why: Broken },
    /// The same call as text and as a call: the text was dropped.
    Twice { tool: String },
    /// A call out of the upstream's error text.
    FromError,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repaired { tool, slips } => {
                let words: Vec<&str> = slips.iter().map(|slip| slip.word()).collect();
                write!(f, "repaired {tool} ({})", words.join(", "))
            }
            Self::Recovered { family, calls } => write!(f, "recovered {calls} printed as text ({family:?})"),
            Self::Left(why) => write!(f, "left as text ({})", word(why)),
            Self::Unfit { tool, why } => {
                write!(f, "passed on {} though {why}", tool.chars().take(64).collect::<String>())
            }
            Self::Twice { tool } => write!(f, "{tool} was printed, too"),
            Self::FromError => f.write_str("recovered a call from the upstream's error"),
        }
    }
}

fn word(why: &Why) -> &'static str {
    match why {
        Why::Quoted => "quoted",
        Why::TextAfter => "text after it",
        Why::Unfinished => "unfinished",
        Why::Broken => "unreadable",
        Why::UnknownName(_) => "unknown name",
        Why::MissingArgument { .. } => "missing argument",
        Why::AlreadyShown => "partly shown",
    }
}
