//! Calls whose arguments stand in tags, one each. Nothing is escaped in them as a rule, so a value may hold the very tag
//! that closes it; it ends where the tag is followed by what may follow.

use super::cursor::{Cursor, Parsed, Stop, in_name};
use super::loose;
use super::{Family, Field, Raw, Written};

/// The words of one way to write parameters.
pub(super) struct Dialect {
    /// Up to the key.
    open: &'static str,
    /// After a value.
    close: &'static str,
    /// After the last parameter.
    end: &'static str,
}

/// Qwen3-Coder: `<parameter=cmd>`.
const EQUALS: Dialect = Dialect { open: "<parameter=", close: "</parameter>", end: "</function>" };
/// Claude, `MiniMax`: `<parameter name="cmd">`.
pub(super) const INVOKE: Dialect = Dialect { open: "<parameter name=\"", close: "</parameter>", end: "</invoke>" };
/// `DeepSeek` V3.2 and V4.
pub(super) const DSML: Dialect =
    Dialect { open: "<｜DSML｜parameter name=\"", close: "</｜DSML｜parameter>", end: "</｜DSML｜invoke>" };

/// After `<function=`: parameters in tags, or one JSON object (Llama 3.1).
pub(super) fn function(c: &mut Cursor<'_>) -> Parsed<Raw> {
    let name = c.word(|c| in_name(c) || matches!(c, '"' | '\''))?.trim_matches(['"', '\'']).to_owned();
    c.expect(">")?;
    c.blanks();
    if c.ended() {
        return Err(Stop::Short);
    }
    if c.rest().starts_with('{') {
        let arguments = loose::value(c).map_err(broken)?;
        return Ok(Raw { name, arguments: Written::Json(arguments), family: Family::LlamaCustom });
    }
    let fields = fields(c, &EQUALS)?;
    Ok(Raw { name, arguments: Written::Fields(fields), family: Family::QwenCoder })
}

/// After `<invoke name="`.
pub(super) fn invoke(c: &mut Cursor<'_>, dialect: &Dialect, family: Family) -> Parsed<Raw> {
    let name = c.word(in_name)?.to_owned();
    c.expect("\">")?;
    let fields = fields(c, dialect)?;
    Ok(Raw { name, arguments: Written::Fields(fields), family })
}

fn fields(c: &mut Cursor<'_>, dialect: &Dialect) -> Parsed<Vec<Field>> {
    let mut fields = Vec::new();
    loop {
        c.blanks();
        if c.eat(dialect.end) {
            return Ok(fields);
        }
        if c.eat(dialect.open) {
            fields.push(field(c, dialect)?);
        } else if c.ended() || dialect.end.starts_with(c.rest()) || dialect.open.starts_with(c.rest()) {
            // Cut off between two parameters: what is there is complete.
            return if c.ended() && !fields.is_empty() { Ok(fields) } else { Err(Stop::Short) };
        } else if !fields.is_empty() && c.rest().starts_with("</") {
            return Ok(fields);
        } else {
            return Err(Stop::Broken);
        }
    }
}

/// After the opening words: key, attributes, `>`, value, and its closing tag when there is one.
fn field(c: &mut Cursor<'_>, dialect: &Dialect) -> Parsed<Field> {
    let key = c.word(|c| !matches!(c, '"' | '>' | '<' | '\n')).map_err(broken)?.to_owned();
    let attributes = c.rest().find('>').ok_or(Stop::Short)?;
    let string = match &c.rest()[..attributes] {
        attributes if attributes.contains("string=\"false\"") => Some(false),
        attributes if attributes.contains("string=\"true\"") => Some(true),
        _ => None,
    };
    c.at += attributes + 1;
    let text = c.rest();
    let (end, next) = value_end(text, dialect).ok_or(Stop::Short)?;
    c.at += next;
    Ok(Field { key, text: bare(&text[..end]), string })
}

/// Where a value ends, and where reading goes on.
fn value_end(text: &str, dialect: &Dialect) -> Option<(usize, usize)> {
    let closed = followed(text, dialect.close, |after| {
        after.is_empty()
            || after.starts_with(dialect.open)
            || after.starts_with(dialect.end)
            || after.starts_with("</tool_call>")
    });
    let closed = closed.map(|at| (at, at + dialect.close.len()));
    let next = format!("\n{}", dialect.open);
    let unclosed = text.find(&next).map(|at| (at, at));
    let last = followed(text, dialect.end, |after| after.is_empty() || after.starts_with('<')).map(|at| (at, at));
    [closed, unclosed, last].into_iter().flatten().min()
}

/// The first `mark` after which, blanks apart, stands what `may` follow.
fn followed(text: &str, mark: &str, may: impl Fn(&str) -> bool) -> Option<usize> {
    text.match_indices(mark).map(|(at, _)| at).find(|at| may(text[at + mark.len()..].trim_start()))
}

/// GLM, after `<tool_call>`: a name, then pairs of `<arg_key>` and `<arg_value>`.
pub(super) fn pairs(c: &mut Cursor<'_>) -> Parsed<Raw> {
    let name = c.word(in_name)?.to_owned();
    let mut fields = Vec::new();
    loop {
        c.blanks();
        if c.take("<arg_key>")? {
            let key = c.word(|c| c != '<').map_err(broken)?.trim().to_owned();
            c.expect("</arg_key>").map_err(broken)?;
            c.blanks();
            c.expect("<arg_value>").map_err(broken)?;
            let text = c.rest();
            let end = followed(text, "</arg_value>", |after| {
                after.is_empty() || after.starts_with("<arg_key>") || after.starts_with("</tool_call>")
            });
            let end = end.ok_or(Stop::Short)?;
            c.at += end + "</arg_value>".len();
            fields.push(Field { key, text: bare(&text[..end]), string: None });
            c.blanks();
            if c.ended() {
                break;
            }
        } else if fields.is_empty() && !c.is("</tool_call>")? {
            return Err(Stop::Other);
        } else {
            break;
        }
    }
    Ok(Raw { name, arguments: Written::Fields(fields), family: Family::Glm })
}

/// Something else, once a call was begun, is a broken call.
pub(super) fn broken(stop: Stop) -> Stop {
    match stop {
        Stop::Short => Stop::Short,
        Stop::Other | Stop::Broken => Stop::Broken,
    }
}

/// Without the line ends that only set the tags apart, and without HTML's escapes where all of the value is escaped.
fn bare(text: &str) -> String {
    let text = text.strip_prefix("\r\n").or_else(|| text.strip_prefix('\n')).unwrap_or(text);
    let text = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text);
    unescaped(text).unwrap_or_else(|| text.to_owned())
}

const ENTITIES: [(&str, &str); 6] =
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")];

/// `None` when a raw `<`, `>` or `&` shows that the text was not escaped.
fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['<', '>', '&']) {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let (entity, meant) = ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity))?;
        plain.push_str(meant);
        rest = &rest[entity.len()..];
    }
    plain.push_str(rest);
    Some(plain)
}
