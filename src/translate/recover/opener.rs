//! Where a printed call can begin: the marks, and the places at which they count.

use super::Declared;
use super::forms::{self, Body};

/// Where a mark counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At the start of a line.
    Line,
    /// There, and after the end of a sentence or of another tag.
    Sentence,
}

#[derive(Clone, Copy)]
pub(super) struct Opener {
    pub(super) place: Place,
    /// Where the body begins.
    pub(super) after: usize,
    pub(super) body: Body,
}

pub(super) enum Found {
    Full(Opener),
    /// The text ends within a mark.
    Partial(Place),
    No,
}

/// Every mark, where it counts, and how what follows is read.
const MARKS: &[(&str, Place, Body)] = &[
    ("<tool_call>", Place::Sentence, forms::tool_call),
    ("<tool_calls>", Place::Sentence, forms::tool_call),
    ("<seed:tool_call>", Place::Sentence, forms::tool_call),
    ("<function=", Place::Sentence, forms::function),
    ("<function_call>", Place::Sentence, forms::granite),
    ("<function_calls>", Place::Sentence, forms::function_calls),
    ("<invoke name=\"", Place::Sentence, forms::invoke),
    ("<minimax:tool_call>", Place::Sentence, forms::minimax),
    ("<｜DSML｜function_calls>", Place::Sentence, forms::dsml),
    ("<｜DSML｜tool_calls>", Place::Sentence, forms::dsml),
    ("<|python_tag|>", Place::Sentence, forms::python_tag),
    ("[TOOL_CALLS]", Place::Sentence, forms::mistral),
    ("<｜tool▁calls▁begin｜>", Place::Sentence, forms::deepseek_list),
    ("<｜tool▁call▁begin｜>", Place::Sentence, forms::deepseek),
    ("<|start|>assistant<|channel|>commentary to=", Place::Sentence, forms::harmony),
    ("<|start|>assistant to=", Place::Sentence, forms::harmony),
    ("<|channel|>commentary to=", Place::Sentence, forms::harmony),
    ("commentary to=", Place::Line, forms::harmony),
    ("<|tool_call>", Place::Sentence, forms::gemma),
    ("<start_function_call>", Place::Sentence, forms::function_gemma),
    ("<|tool_call|>", Place::Sentence, forms::granite),
    ("<|START_ACTION|>", Place::Sentence, forms::command_a),
    ("functools[", Place::Line, forms::functools),
    (">>>", Place::Line, forms::functionary),
    ("<|tool_calls_section_begin|>", Place::Sentence, forms::kimi_list),
    ("<|tool_call_begin|>", Place::Sentence, forms::kimi),
    ("<|tool_call_start|>", Place::Sentence, forms::lfm2),
    ("<TOOLCALL>", Place::Sentence, forms::nemotron),
    ("<|tools_prefix|>", Place::Sentence, forms::apertus),
    ("Action:", Place::Line, forms::action),
    ("*** Begin Patch\n", Place::Line, forms::patch),
    ("*** Begin Patch\r\n", Place::Line, forms::patch),
    ("```", Place::Line, forms::fence),
    ("{", Place::Line, forms::bare_object),
    ("[", Place::Line, forms::bare_list),
];

/// Which bytes can begin a mark, or a declared name.
#[derive(Clone, Debug)]
pub(super) struct Starts([Option<Place>; 256]);

impl Starts {
    pub(super) fn new(declared: &[Declared]) -> Self {
        let mut starts = [None; 256];
        let names = declared.iter().map(|tool| (tool.name.as_str(), Place::Line));
        for (word, place) in names.chain(MARKS.iter().map(|(mark, place, _)| (*mark, *place))) {
            if let Some(first) = word.bytes().next() {
                let start = &mut starts[usize::from(first)];
                if *start != Some(Place::Sentence) {
                    *start = Some(place);
                }
            }
        }
        Self(starts)
    }

    /// The first place from `from` on at which something may begin, and the most places in which it would count.
    pub(super) fn next(&self, text: &str, from: usize) -> Option<(usize, Place)> {
        let bytes = text.as_bytes().get(from..)?.iter();
        (from..).zip(bytes).find_map(|(at, byte)| Some((at, self.0[usize::from(*byte)]?)))
    }
}

/// What begins at `at`. Mistral's calls can lack their mark, so that the declared name begins them.
pub(super) fn at(text: &str, at: usize, declared: &[Declared]) -> Found {
    let rest = &text[at..];
    let Some(first) = rest.as_bytes().first() else { return Found::Partial(Place::Sentence) };
    let begins = |word: &str| word.as_bytes().first() == Some(first);
    let mut partial = None;
    for &(mark, place, body) in MARKS.iter().filter(|(mark, ..)| begins(mark)) {
        if rest.starts_with(mark) {
            // `[` may yet become `[TOOL_CALLS]`, which counts in more places.
            if let Some(Place::Sentence) = partial {
                break;
            }
            return Found::Full(Opener { place, after: at + mark.len(), body });
        }
        if mark.starts_with(rest) && partial != Some(Place::Sentence) {
            partial = Some(place);
        }
    }
    for tool in declared.iter().filter(|tool| begins(&tool.name)) {
        let Some(after) = rest.strip_prefix(&tool.name) else {
            if tool.name.starts_with(rest) {
                partial = partial.or(Some(Place::Line));
            }
            continue;
        };
        if ["[ARGS]", "[CALL_ID]"].iter().any(|tail| after.starts_with(tail)) {
            return Found::Full(Opener { place: Place::Line, after: at, body: forms::mistral_args });
        }
        if ["[ARGS]", "[CALL_ID]"].iter().any(|tail| tail.starts_with(after)) {
            partial = partial.or(Some(Place::Line));
        }
    }
    partial.map_or(Found::No, Found::Partial)
}
