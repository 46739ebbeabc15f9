//! What was mended, as words for notes. No slip carries contents.

use std::fmt;

/// One kind of mend. A call lists each kind once, however often it was needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slip {
    /// Blanks or quotes around the name.
    NameTrimmed,
    /// Upper or lower case.
    NameCase,
    /// `functions.` and the like.
    NamePrefix,
    /// Control tokens of the chat format in the name.
    NameTokens,
    /// `:0`, the count of calls that Kimi appends.
    NameCounter,
    /// Other separators: `mcp__x.y` for `mcp__x__y`.
    NameForm,
    /// The bare member of a namespace.
    NameMember,
    /// A habit from training: `bash` for `exec_command`.
    NameHabit,
    /// A byte order mark before the JSON.
    ByteOrderMark,
    /// A markdown fence around the JSON.
    Fence,
    /// No text, or null, instead of an object.
    Empty,
    /// A raw control character in a string.
    ControlCharacter,
    /// An escape that JSON does not know.
    Escape,
    /// A comma before a closing bracket.
    TrailingComma,
    /// Something after the end.
    TrailingText,
    /// The same object twice or more.
    Twice,
    /// Strings in single quotes.
    SingleQuotes,
    /// `True`, `False`, `None`.
    PythonWord,
    /// A key without quotes.
    BareKey,
    /// The last brackets are missing.
    Unclosed,
    /// JSON in a JSON string.
    Encoded,
    /// A key twice; the last one counts.
    DuplicateKey,
    /// A bare value was put under the only required key, or into the array that was asked for.
    Wrapped,
    /// The object stood in an array.
    Unwrapped,
    /// A key has its declared name again.
    KeyRenamed,
    /// A key that the tool does not declare was left out.
    KeyDropped,
    /// A number was text, or had a useless fraction.
    Number,
    /// A truth value was text.
    Boolean,
    /// A number or truth value where text is declared.
    Text,
    /// Words of a command became one line.
    Joined,
    /// One of the declared words, spelled otherwise.
    Word,
    /// An optional value that the tool would refuse was left out.
    ValueDropped,
    /// A patch became the command line that Codex understands as a patch.
    Patch,
}

impl Slip {
    /// Stable: notes, statistics and tests know slips by it.
    pub fn word(self) -> &'static str {
        match self {
            Self::NameTrimmed => "name-trimmed",
            Self::NameCase => "name-case",
            Self::NamePrefix => "name-prefix",
            Self::NameTokens => "name-tokens",
            Self::NameCounter => "name-counter",
            Self::NameForm => "name-form",
            Self::NameMember => "name-member",
            Self::NameHabit => "name-habit",
            Self::ByteOrderMark => "json-bom",
            Self::Fence => "json-fence",
            Self::Empty => "json-empty",
            Self::ControlCharacter => "json-control",
            Self::Escape => "json-escape",
            Self::TrailingComma => "json-comma",
            Self::TrailingText => "json-trailing",
            Self::Twice => "json-twice",
            Self::SingleQuotes => "json-quotes",
            Self::PythonWord => "json-python",
            Self::BareKey => "json-bare-key",
            Self::Unclosed => "json-unclosed",
            Self::Encoded => "json-encoded",
            Self::DuplicateKey => "json-duplicate",
            Self::Wrapped => "value-wrapped",
            Self::Unwrapped => "value-unwrapped",
            Self::KeyRenamed => "key-renamed",
            Self::KeyDropped => "key-dropped",
            Self::Number => "value-number",
            Self::Boolean => "value-boolean",
            Self::Text => "value-text",
            Self::Joined => "value-joined",
            Self::Word => "value-word",
            Self::ValueDropped => "value-dropped",
            Self::Patch => "patch",
        }
    }
}

impl fmt::Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Adds a kind that is not there yet.
pub(super) fn note(slips: &mut Vec<Slip>, slip: Slip) {
    if !slips.contains(&slip) {
        slips.push(slip);
    }
}

pub(super) fn note_all(slips: &mut Vec<Slip>, more: Vec<Slip>) {
    for slip in more {
        note(slips, slip);
    }
}
