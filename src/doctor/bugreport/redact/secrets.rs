//! Keys, tokens and passwords: by the name they stand behind, by their shape, and in addresses. Pure.

use super::{begins, replace, run};
use crate::capture::redact;

/// What stands where something was.
pub(super) const REMOVED: &str = "[removed]";

pub(super) fn remove(text: &str) -> String {
    let text = replace(text, |_, rest| private_key(rest));
    let text = tables(&text);
    let text = replace(&text, field);
    let text = replace(&text, |_, rest| credentials(rest));
    replace(&text, |before, rest| bearer(before, rest).or_else(|| shape(before, rest)))
}

/// A block of PEM (RFC 7468), also where its lines are escaped.
fn private_key(rest: &str) -> Option<(usize, String)> {
    let label = rest.strip_prefix("-----BEGIN ")?;
    let label = &label[..label.find("-----")?];
    if !label.ends_with("PRIVATE KEY") || label.len() > 40 {
        return None;
    }
    let end = rest.find("-----END ").map_or(rest.len(), |end| {
        let tail = &rest[end + "-----END ".len()..];
        end + "-----END ".len() + tail.find("-----").map_or(tail.len(), |dashes| dashes + "-----".len())
    });
    Some((end, "[private key]".to_owned()))
}

/// Tables whose values go, whatever their names: what is handed to other programs and servers.
const TABLES: [&str; 4] = ["env", "http_headers", "headers", "query_params"];

/// `[mcp_servers.files.env]` and the lines below it, to the next table or to the next heading of the report.
fn tables(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.split('\n') {
        let bare = line.trim();
        if bare.starts_with('[') || bare.starts_with("== ") {
            let last = bare.trim_matches(['[', ']']).rsplit('.').next().unwrap_or_default();
            inside = bare.starts_with('[') && bare.ends_with(']') && TABLES.contains(&last.trim_matches(['"', '\'']));
        }
        match line.split_once('=') {
            Some((name, _)) if inside => lines.push(format!("{name}= \"{REMOVED}\"")),
            Some(_) | None => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

/// Letters of a name in TOML, JSON, a shell, a command line or a header.
fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-')
}

/// `apiKey`, `Api-Key`, `--api-key`: `api_key`.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    let mut before = '_';
    for letter in name.trim_matches('-').chars() {
        if letter.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            plain.push('_');
        }
        plain.push(if letter == '-' { '_' } else { letter.to_ascii_lowercase() });
        before = letter;
    }
    plain
}

/// Whether what has this name is a secret. Numbers of tokens are the point of many a report: `max_tokens`,
/// `tool_output_token_limit` and the like are none. `env_key` names a variable.
pub(super) fn is_secret(name: &str) -> bool {
    const ANYWHERE: [&str; 8] =
        ["secret", "password", "passwd", "passphrase", "credential", "authorization", "cookie", "access_key"];
    const AT_THE_END: [&str; 8] = ["_key", "apikey", "_keys", "apikeys", "token", "_pat", "_auth", "authkey"];
    let name = plain(name);
    name != "env_key"
        && (name == "auth"
            || ANYWHERE.iter().any(|part| name.contains(part))
            || AT_THE_END.iter().any(|end| name.ends_with(end)))
}

/// `name = value`, `"name": "value"`, `name=value`, `--name value`: the value goes.
fn field(before: &str, rest: &str) -> Option<(usize, String)> {
    if !begins(before, is_name) {
        return None;
    }
    let name = run(rest, is_name);
    let in_query = name == "key" && before.ends_with(['?', '&']);
    let is_table = TABLES.contains(&plain(name).as_str());
    if !(is_secret(name) || in_query || is_table) {
        return None;
    }
    let at = name.len() + separator(name, &rest[name.len()..])?;
    let value = &rest[at..];
    if is_table && !value.starts_with('{') {
        return None;
    }
    let (open, length) = extent(before, name, &rest[name.len()..at], value);
    let kept = ["true", "false", "null", "none", "None", REMOVED, ""];
    if kept.contains(&value[open..open + length].trim()) {
        return None;
    }
    Some((at + open + length, format!("{}{REMOVED}", &rest[..at + open])))
}

/// How long what stands between a name and its value is: `": "`, ` = `, `=`, a space behind a flag.
fn separator(name: &str, rest: &str) -> Option<usize> {
    let slashes = run(rest, |letter| letter == '\\').len();
    let quote = usize::from(rest[slashes..].starts_with(['"', '\'']));
    let quoted = if quote == 1 { slashes + quote } else { 0 };
    let is_space = |letter| letter == ' ' || letter == '\t';
    let space = quoted + run(&rest[quoted..], is_space).len();
    match rest[space..].chars().next() {
        Some('=' | ':') => {
            let sign = if rest[space..].starts_with("=>") { 2 } else { 1 };
            Some(space + sign + run(&rest[space + sign..], is_space).len())
        }
        // The next item of a list.
        Some(',') if name.starts_with('-') && quoted > 0 => {
            Some(space + 1 + run(&rest[space + 1..], |letter| is_space(letter) || letter == '\n').len())
        }
        Some(_) if name.starts_with('-') && space > quoted => Some(space),
        Some(_) | None => None,
    }
}

/// Where in it the value begins, behind its quotes, and how long it is.
fn extent(before: &str, name: &str, separator: &str, value: &str) -> (usize, usize) {
    let line = value.find(['\n', '\r']).unwrap_or(value.len());
    for quotes in ["\"\"\"", "'''"] {
        if let Some(inner) = value.strip_prefix(quotes) {
            return (3, inner.find(quotes).unwrap_or(inner.len()));
        }
    }
    let slashes = run(value, |letter| letter == '\\').len();
    match value[slashes..].chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let open = slashes + 1;
            (open, closing(&value[open..line.max(open)], quote, slashes).unwrap_or(line.saturating_sub(open)))
        }
        Some('[' | '{') if slashes == 0 => (0, bracketed(value).unwrap_or(line)),
        Some(_) | None => (0, bare(before, name, separator, &value[..line])),
    }
}

/// Letters of a list or table that are looked at. What is longer was never closed, and only its first line goes.
const LONGEST: usize = 4000;

/// A list or a table with its brackets, over several lines, too.
fn bracketed(value: &str) -> Option<usize> {
    let mut depth = 0;
    value.char_indices().take(LONGEST).find_map(|(at, letter)| {
        match letter {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at + 1)
    })
}

/// Where a text ends that began with a quote behind so many backslashes.
fn closing(text: &str, quote: char, slashes: usize) -> Option<usize> {
    text.match_indices(quote).find_map(|(at, _)| {
        let before = at - text[..at].trim_end_matches('\\').len();
        (before == slashes).then(|| at - before)
    })
}

/// Without quotes: a word. In a header the rest of the line; inside of quotes that began before the name, up to them.
fn bare(before: &str, name: &str, separator: &str, line: &str) -> usize {
    let quote = before.chars().next_back().filter(|letter| matches!(letter, '"' | '\''));
    if let Some(quote) = quote.filter(|quote| !separator.contains(*quote)) {
        return line.find(quote).map_or(line.len(), |end| line[..end].trim_end_matches('\\').len());
    }
    let name = plain(name);
    if name.contains("authorization") || name.contains("cookie") {
        return line.find(['"', '\'']).map_or(line.len(), |end| line[..end].trim_end_matches('\\').len());
    }
    run(line, |letter| !letter.is_whitespace() && !"\"',;)}]&\\".contains(letter)).len()
}

/// `http://user:password@host`, of which the host stays.
fn credentials(rest: &str) -> Option<(usize, String)> {
    let authority =
        run(rest.strip_prefix("://")?, |letter| !letter.is_whitespace() && !"/\\\"'<>`,(){}".contains(letter));
    let at = authority.rfind('@')?;
    (at > 0 && &authority[..at] != REMOVED).then(|| ("://".len() + at, format!("://{REMOVED}")))
}

/// `Bearer` and a word that no sentence has.
fn bearer(before: &str, rest: &str) -> Option<(usize, String)> {
    let word = rest.get(.."bearer ".len()).filter(|word| word.eq_ignore_ascii_case("bearer "))?;
    let space = run(&rest[word.len()..], |letter| letter == ' ').len() + word.len();
    let token = run(&rest[space..], |letter| letter.is_ascii_alphanumeric() || "._~+/=-".contains(letter));
    let is_token = token.len() >= 8 && token.contains(|letter: char| letter.is_ascii_digit()) || token.len() >= 20;
    (begins(before, char::is_alphanumeric) && is_token)
        .then(|| (space + token.len(), format!("{}{REMOVED}", &rest[..space])))
}

/// Beginnings of keys, and the least length of a whole one, beside those that `capture` knows: whoever names his keys as
/// Stripe does, JSON Web Tokens, public keys of SSH (which Ollama signs in with).
const SHAPES: [(&str, usize); 3] = [("sk_", 16), ("eyJ", 30), ("AAAA", 60)];

fn shape(before: &str, rest: &str) -> Option<(usize, String)> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let (_, least) = redact::beginnings().chain(SHAPES).find(|(start, _)| rest.starts_with(start))?;
    if !begins(before, is_part) {
        return None;
    }
    let word = run(rest, |letter| is_part(letter) || "./+=".contains(letter)).trim_end_matches(['.', '/']);
    (word.len() >= least).then(|| (word.len(), "[key]".to_owned()))
}
