//! What could not be carried over: where it stood, and why.

use std::fmt;

use crate::translate::tools;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Such as `input[3].content[0]`.
    pub at: String,
    pub why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    Tool(tools::Why),
    /// An item, a part or a field of this kind means nothing to a chat model.
    NoEquivalent(String),
    /// Not of the form that the API has it in.
    Malformed,
    /// A role that nobody here knows: told as the user's.
    Role(String),
    /// Thoughts that no answer and no call followed.
    ThoughtsAlone,
    /// A summary that another server has sealed.
    Sealed,
    /// Only a user's message can hold an image.
    ImageOfRole,
    /// The model cannot see.
    Blind,
    /// An image that would have to be fetched first.
    ImageElsewhere,
    /// Neither `data:…;base64,…` nor an address.
    ImageBroken,
    /// A file that is not text, or not here.
    File,
    /// The model cannot think.
    Thoughtless,
    /// This family thinks at least a little.
    AlwaysThinks,
    /// Said in words: the grammar that would enforce it would forbid tool calls.
    ToldOnly,
    /// `tool_choice` names what the model is not offered.
    ChoiceOfNothing,
}

impl Why {
    /// Stable: metrics and tests know kinds by it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Tool(_) => "tool",
            Self::NoEquivalent(_) => "no-equivalent",
            Self::Malformed => "malformed",
            Self::Role(_) => "role",
            Self::ThoughtsAlone => "thoughts-alone",
            Self::Sealed => "sealed",
            Self::ImageOfRole | Self::ImageElsewhere | Self::ImageBroken | Self::Blind => "image",
            Self::File => "file",
            Self::Thoughtless | Self::AlwaysThinks => "thinking",
            Self::ToldOnly => "told-only",
            Self::ChoiceOfNothing => "tool-choice",
        }
    }
}

impl Loss {
    pub(super) fn at(at: impl Into<String>, why: Why) -> Self {
        Self { at: at.into(), why }
    }
}

impl From<tools::Note> for Loss {
    fn from(note: tools::Note) -> Self {
        Self { at: note.at, why: Why::Tool(note.why) }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.at;
        match &self.why {
            Why::Tool(why) => write!(f, "{}", tools::Note { at: at.clone(), why: why.clone() }),
            Why::NoEquivalent(what) => write!(f, "{at}: `{what}` has no equivalent, left out"),
            Why::Malformed => write!(f, "{at}: not of the expected form, left out"),
            Why::Role(role) => write!(f, "{at}: unknown role `{role}`, told as the user's"),
            Why::ThoughtsAlone => write!(f, "{at}: thoughts that nothing followed, left out"),
            Why::Sealed => write!(f, "{at}: a summary sealed by another server, left out"),
            Why::ImageOfRole => write!(f, "{at}: only a user's message can hold an image, left out"),
            Why::Blind => write!(f, "{at}: the model cannot see images, left out"),
            Why::ImageElsewhere => write!(f, "{at}: an image that is not in the request, left out"),
            Why::ImageBroken => write!(f, "{at}: no readable image, left out"),
            Why::File => write!(f, "{at}: a file that is not text, or not in the request, left out"),
            Why::Thoughtless => write!(f, "{at}: the model cannot think, left out"),
            Why::AlwaysThinks => write!(f, "{at}: the model always thinks, asked to think little"),
            Why::ToldOnly => write!(f, "{at}: asked for in words, as its grammar would forbid tool calls"),
            Why::ChoiceOfNothing => write!(f, "{at}: names what the model is not offered, left out"),
        }
    }
}
