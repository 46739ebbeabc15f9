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

/// What begins at `at`. Mistral's calls can lack their mark, so that the declared name begins them.
pub(super) fn at(text: &str, at: usize, declared: &[Declared]) -> Found {
    let rest = &text[at..];
    let mut partial = None;
    for &(mark, place, body) in MARKS {
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
    for tail in ["[ARGS]", "[CALL_ID]"] {
        for tool in declared {
            let Some(after) = rest.strip_prefix(&tool.name) else {
                if tool.name.starts_with(rest) {
                    partial = partial.or(Some(Place::Line));
                }
                continue;
            };
            if after.starts_with(tail) {
                return Found::Full(Opener { place: Place::Line, after: at, body: forms::mistral_args });
            }
            if tail.starts_with(after) {
                partial = partial.or(Some(Place::Line));
            }
        }
    }
    partial.map_or(Found::No, Found::Partial)
}

/// The next character's place.
pub(super) fn next(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(1, char::len_utf8)
}

/// Ends of sentences and of tags. After a letter, a quotation mark or a colon, a mark may be only spoken of.
const BEFORE_A_MARK: [char; 8] = ['.', '!', '?', '…', '。', '！', '？', '>'];

/// Whether a mark counts at `at`. Asks only for what stands before, so that it never changes its mind.
pub(super) fn placed(text: &str, at: usize, place: Place) -> bool {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..at].trim();
    let free = line.is_empty()
        || line.ends_with("|>")
        || THOUGHTS.iter().any(|(_, end)| line.ends_with(end))
        || place == Place::Sentence && line.ends_with(BEFORE_A_MARK);
    let quoted = line.starts_with('>') || line.matches('`').count() % 2 == 1;
    free && !quoted && !fenced(&text[..start]) && !thinking(&text[..at])
}

/// Whether a code fence is open. One with a language never closes another.
fn fenced(before: &str) -> bool {
    let fences = before.lines().filter_map(|line| line.trim_start().strip_prefix("```"));
    fences.fold(false, |open, language| !open || !language.trim().is_empty())
}

const THOUGHTS: [(&str, &str); 4] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
];

/// Whether thoughts were begun at the start of a line, and not ended.
fn thinking(before: &str) -> bool {
    THOUGHTS.iter().any(|(begin, end)| {
        let last = before.rmatch_indices(begin).map(|(at, _)| at).find(|at| {
            let line = before[..*at].rsplit('\n').next().unwrap_or_default();
            line.trim().is_empty()
        });
        last.is_some_and(|last| !before[last..].contains(end))
    })
}

/// The end of thoughts whose beginning was not printed.
pub(super) fn thoughts_end(text: &str, from: usize) -> Option<usize> {
    THOUGHTS.iter().filter_map(|(_, end)| Some(from + text[from..].find(end)? + end.len())).min()
}
