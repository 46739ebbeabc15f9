//! What follows each opener, and what may stand between calls and after the last.

use super::cursor::{Cursor, Parsed, Stop, in_name};
use super::opener::{self, Found};
use super::xml::{self, DSML, INVOKE, broken};
use super::{Declared, Family, Raw, Written, gather, loose, python};

/// Reads the calls that follow a mark.
pub(super) type Body = fn(&mut Cursor<'_>) -> Parsed<Vec<Raw>>;

/// What follows the last call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Nothing,
    /// From here.
    Text(usize),
}

/// Closing tags, ends of turns, and brackets too many. They are not looked for, only passed over: where a call ends,
/// its body has told.
const CLOSERS: &[&str] = &[
    "</tool_call>",
    "</tool_calls>",
    "</function>",
    "</function_call>",
    "</function_calls>",
    "</invoke>",
    "</seed:tool_call>",
    "</minimax:tool_call>",
    "</｜DSML｜function_calls>",
    "</｜DSML｜tool_calls>",
    "<｜tool▁call▁end｜>",
    "<｜tool▁calls▁end｜>",
    "<｜end▁of▁sentence｜>",
    "<|tool_call_end|>",
    "<|tool_calls_section_end|>",
    "<tool_call|>",
    "<end_function_call>",
    "<|/tool_call|>",
    "<|END_ACTION|>",
    "</TOOLCALL>",
    "<|tools_suffix|>",
    "[/TOOL_CALLS]",
    "<|call|>",
    "<|end|>",
    "<|return|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<end_of_turn>",
    "</s>",
    "Observation:",
    "```",
    ";",
    ",",
    "]",
    "}",
];

/// The calls from `at` on, where an opener stands.
pub(super) fn blocks(text: &str, at: usize, declared: &[Declared]) -> Parsed<(Vec<Raw>, After)> {
    let mut c = Cursor::new(text, at);
    let mut calls = Vec::new();
    loop {
        match opener::at(text, c.at, declared) {
            Found::Full(found) => {
                c.at = found.after;
                let more = (found.body)(&mut c).map_err(|stop| match stop {
                    Stop::Other if !calls.is_empty() => Stop::Broken,
                    stop @ (Stop::Other | Stop::Short | Stop::Broken) => stop,
                })?;
                calls.extend(more);
            }
            Found::Partial(_) => return Err(Stop::Short),
            Found::No => return Ok((calls, After::Text(c.at))),
        }
        closers(&mut c);
        let rest = c.rest();
        let partly = CLOSERS.iter().any(|closer| closer.starts_with(rest));
        if rest.is_empty() || partly && matches!(opener::at(text, c.at, declared), Found::No) {
            return Ok((calls, After::Nothing));
        }
    }
}

fn closers(c: &mut Cursor<'_>) {
    c.blanks();
    while CLOSERS.iter().any(|closer| c.eat(closer)) {
        c.blanks();
    }
}

/// Reads with `one` as long as `mark` follows.
fn each(c: &mut Cursor<'_>, mark: &str, one: impl Fn(&mut Cursor<'_>) -> Parsed<Raw>) -> Parsed<Vec<Raw>> {
    c.blanks();
    c.expect(mark)?;
    let mut calls = vec![one(c)?];
    loop {
        let before = *c;
        c.blanks();
        if c.ended() || !c.take(mark)? {
            *c = before;
            return Ok(calls);
        }
        calls.push(one(c)?);
    }
}

pub(super) fn tool_call(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    c.blanks();
    while c.take("<tool_call>")? {
        c.blanks();
    }
    if c.take("```json")? || c.eat("```") || gather::starts(c)? {
        return gather::marked(c, Family::Hermes);
    }
    if c.is("<function=")? {
        return each(c, "<function=", xml::function);
    }
    if c.is("<invoke name=\"")? {
        return invokes(c, Family::Invoke);
    }
    Ok(vec![xml::pairs(c)?])
}

pub(super) fn function(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    Ok(vec![xml::function(c)?])
}

pub(super) fn granite(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    let mut calls = gather::marked(c, Family::Granite3)?;
    // Phi-4-mini uses the same mark, and closes it.
    if c.rest().trim_start().starts_with("<|/tool_call|>") {
        for call in &mut calls {
            call.family = Family::Functools;
        }
    }
    Ok(calls)
}

fn invokes(c: &mut Cursor<'_>, family: Family) -> Parsed<Vec<Raw>> {
    each(c, "<invoke name=\"", |c| xml::invoke(c, &INVOKE, family))
}

pub(super) fn invoke(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    Ok(vec![xml::invoke(c, &INVOKE, Family::Invoke)?])
}

pub(super) fn minimax(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    invokes(c, Family::MiniMax)
}

pub(super) fn function_calls(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    c.blanks();
    if c.is("<invoke name=\"")? {
        return invokes(c, Family::Invoke);
    }
    if c.rest().starts_with('{') {
        return gather::marked(c, Family::Hermes);
    }
    lfm2(c)
}

pub(super) fn dsml(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    each(c, "<｜DSML｜invoke name=\"", |c| xml::invoke(c, &DSML, Family::Dsml))
}

pub(super) fn python_tag(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    c.blanks();
    if gather::starts(c)? { gather::marked(c, Family::LlamaJson) } else { python::calls(c, Family::LlamaCustom) }
}

pub(super) fn mistral(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    c.blanks();
    if gather::starts(c)? { gather::marked(c, Family::MistralList) } else { mistral_args(c) }
}

/// `name[CALL_ID]id[ARGS]{…}`, the id being optional.
pub(super) fn mistral_args(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    let name = c.word(in_name)?;
    if c.take("[CALL_ID]")? {
        c.word(in_name)?;
    }
    c.expect("[ARGS]")?;
    object(c, name, Family::MistralArgs).map(|call| vec![call])
}

/// The arguments of `name`: one object.
fn object(c: &mut Cursor<'_>, name: &str, family: Family) -> Parsed<Raw> {
    c.blanks();
    if c.ended() {
        return Err(Stop::Short);
    }
    let arguments = loose::value(c).map_err(broken)?;
    Ok(Raw { name: name.trim().to_owned(), arguments: Written::Json(arguments), family })
}

pub(super) fn deepseek_list(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    c.blanks();
    c.expect("<｜tool▁call▁begin｜>")?;
    deepseek(c)
}

/// V3 and R1 write the type, then name and a code fence; V3.1 writes the name only.
pub(super) fn deepseek(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    c.blanks();
    let first = c.word(in_name)?;
    c.expect("<｜tool▁sep｜>")?;
    c.blanks();
    if c.ended() {
        return Err(Stop::Short);
    }
    if c.rest().starts_with('{') {
        return Ok(vec![object(c, first, Family::DeepSeek)?]);
    }
    let name = c.word(in_name)?;
    c.blanks();
    if c.take("```")? {
        c.take("json")?;
    }
    Ok(vec![object(c, name, Family::DeepSeekFenced)?])
}

/// What gpt-oss puts between the recipient and the arguments, in any order.
const HARMONY_WORDS: [&str; 6] = ["<|constrain|>", "<|channel|>", "<|message|>", "commentary", "json", "code"];

pub(super) fn harmony(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    let name = c.word(in_name)?;
    loop {
        c.blanks();
        if gather::starts(c)? {
            return Ok(vec![object(c, name, Family::Harmony)?]);
        }
        if !HARMONY_WORDS.iter().any(|word| c.eat(word)) {
            let partly = HARMONY_WORDS.iter().any(|word| word.starts_with(c.rest()));
            return Err(if partly { Stop::Short } else { Stop::Other });
        }
    }
}

pub(super) fn gemma(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    braced(c, Family::Gemma4)
}

pub(super) fn function_gemma(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    braced(c, Family::FunctionGemma)
}

/// `call:name{key:value}`.
fn braced(c: &mut Cursor<'_>, family: Family) -> Parsed<Vec<Raw>> {
    c.blanks();
    c.expect("call:")?;
    let name = c.word(in_name)?;
    Ok(vec![object(c, name, family)?])
}

pub(super) fn command_a(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    gather::marked(c, Family::CommandA)
}

pub(super) fn functools(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    c.at -= "[".len();
    gather::marked(c, Family::Functools)
}

pub(super) fn functionary(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    let name = c.word(in_name)?;
    c.expect("\n")?;
    c.blanks();
    if !gather::starts(c)? {
        return Err(Stop::Other);
    }
    Ok(vec![object(c, name, Family::Functionary)?])
}

pub(super) fn kimi_list(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    c.blanks();
    c.expect("<|tool_call_begin|>")?;
    kimi(c)
}

pub(super) fn kimi(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    c.blanks();
    let name = c.word(in_name)?;
    c.blanks();
    c.expect("<|tool_call_argument_begin|>")?;
    Ok(vec![object(c, name, Family::Kimi)?])
}

pub(super) fn lfm2(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    python::calls(c, Family::Lfm2)
}

pub(super) fn nemotron(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    gather::marked(c, Family::Nemotron)
}

pub(super) fn apertus(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    gather::keyed(c, Family::Nemotron)
}

/// After `Action:`: a list (Command R), or a name and `Action Input:` (`ReAct`).
pub(super) fn action(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    c.blanks();
    if c.take("```")? {
        c.take("json")?;
        return gather::marked(c, Family::CommandR);
    }
    if gather::starts(c)? {
        return gather::marked(c, Family::CommandR);
    }
    let name = c.word(in_name)?;
    c.blanks();
    c.expect("Action Input:")?;
    c.blanks();
    if c.take("```")? {
        c.take("json")?;
    }
    Ok(vec![object(c, name, Family::ReAct)?])
}

/// Back to the mark: it belongs to the patch.
pub(super) fn patch(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    const END: &str = "\n*** End Patch";
    let begin = c.text[..c.at].rfind("*** Begin Patch").ok_or(Stop::Other)?;
    // The line end before the end mark may be the one after the first mark.
    c.at -= "\n".len();
    let end = c.rest().find(END).ok_or(Stop::Short)?;
    c.at += end + END.len();
    let text = c.text[begin..c.at].to_owned();
    Ok(vec![Raw { name: String::new(), arguments: Written::Patch(text), family: Family::Codex }])
}

/// Languages under which models print calls.
const LANGUAGES: [&str; 10] =
    ["", "json", "tool_code", "tool_call", "tool_calls", "tool", "xml", "patch", "diff", "function_call"];

/// A code fence, which must hold nothing but calls; other fences are given up at their first word.
pub(super) fn fence(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    let rest = c.rest();
    let Some(end) = rest.find(|c: char| !c.is_alphanumeric() && c != '_') else {
        let partly = LANGUAGES.iter().any(|language| language.starts_with(rest));
        return Err(if partly { Stop::Short } else { Stop::Other });
    };
    let language = &rest[..end];
    if !LANGUAGES.contains(&language) {
        return Err(Stop::Other);
    }
    c.at += end;
    c.blanks();
    if c.ended() {
        return Err(Stop::Short);
    }
    if language == "tool_code" {
        return python::calls(c, Family::Gemma3);
    }
    if gather::starts(c)? && !c.rest().starts_with("[T") {
        return gather::bare(c);
    }
    match opener::at(c.text, c.at, &[]) {
        Found::Full(found) if !c.rest().starts_with("```") => {
            c.at = found.after;
            (found.body)(c)
        }
        Found::Partial(_) => Err(Stop::Short),
        Found::Full(_) | Found::No => Err(Stop::Other),
    }
}

pub(super) fn bare_object(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    c.at -= "{".len();
    gather::bare(c)
}

/// After `[`: objects, or Llama's list of Python calls.
pub(super) fn bare_list(c: &mut Cursor<'_>) -> Parsed<Vec<Raw>> {
    let inner = c.rest().trim_start();
    if inner.is_empty() {
        return Err(Stop::Short);
    }
    if inner.starts_with('{') {
        c.at -= "[".len();
        return gather::bare(c);
    }
    python::list(c, Family::LlamaPython)
}
