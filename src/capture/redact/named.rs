//! Secrets that are known by what stands before them: `DB_PASSWORD=…`, `Bearer …`, `https://me:…@host`. Pure.

use super::keys::{jwt, key};
use super::letters::{begins, is_word, run, starts};
use super::scan::Found;

/// Letters of a name that are looked at; longer ones are none of a variable.
const LONGEST_NAME: usize = 64;
/// Letters of a value.
const LONGEST_VALUE: usize = 4096;

/// Letters of a value from which it is taken for a key: by the name in capitals, and by any other.
const LEAST_OF_VARIABLE: usize = 12;
const LEAST_OF_FIELD: usize = 16;
/// Letters of a password, at least.
const LEAST_PASSWORD: usize = 6;

/// How sure a name is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Password,
    /// In capitals, as variables are: `X_KEY`.
    Variable,
    /// As fields of a program are: `api_key`.
    Field,
}

/// `NAME_KEY=value`, from its `=` on, which ends at `after`: the value.
pub(super) fn assigned(text: &[u8], at: usize, after: usize) -> Option<Found> {
    let spaces = text[..at].iter().rev().take(2).take_while(|byte| **byte == b' ').count();
    let name = name_before(&text[..at - spaces])?;
    let certainty = judge(name)?;
    let value = after + text[after..].iter().take(2).take_while(|byte| **byte == b' ').count();
    let slashes = text[value..].iter().take(8).take_while(|byte| **byte == b'\\').count();
    let quote = text.get(value + slashes).copied().filter(|byte| matches!(byte, b'"' | b'\''));
    // A line of a shell or of `.env` has no spaces there; a table of TOML has, and quotes.
    if (spaces > 0 || value > after) && quote.is_none() {
        return None;
    }
    let from = if quote.is_some() { value + slashes + 1 } else { value };
    if key(text, from).or_else(|| jwt(text, from)).is_some() {
        return None;
    }
    let may_have_spaces = quote.is_some() && certainty == Name::Password;
    let run = run(text, from, LONGEST_VALUE, |letter| is_value(letter, may_have_spaces));
    let is_upper = !name.iter().any(u8::is_ascii_lowercase);
    let is_long = match certainty {
        Name::Password => run.letters >= LEAST_PASSWORD && (run.digits > 0 || quote.is_some() || is_upper),
        Name::Variable => run.letters >= LEAST_OF_VARIABLE && run.is_mixed(),
        Name::Field => run.letters >= LEAST_OF_FIELD && run.is_mixed(),
    };
    (is_long && is_literal(text, from, run.end)).then_some(Found { from, until: run.end, kind: kind(certainty) })
}

fn kind(name: Name) -> &'static str {
    match name {
        Name::Password => "password",
        Name::Variable | Name::Field => "env",
    }
}

/// The name that ends here. `\n` before it is a line break, and no part of it.
fn name_before(text: &[u8]) -> Option<&[u8]> {
    let length = text.iter().rev().take(LONGEST_NAME + 1).take_while(|byte| is_word(**byte)).count();
    let (before, mut name) = text.split_at(text.len() - length);
    if before.ends_with(b"\\") {
        let escape = if name.starts_with(b"u") { 5 } else { 1 };
        name = name.get(escape..)?;
    }
    while let Some(rest) = name.strip_prefix(b"-") {
        name = rest;
    }
    (!name.is_empty() && name.len() <= LONGEST_NAME).then_some(name)
}

/// Whether what has this name is a secret.
fn judge(name: &[u8]) -> Option<Name> {
    // What is public, and what only marks a place in a list.
    const NEVER: [&str; 7] = ["public", "publishable", "page", "next", "cursor", "continuation", "cache"];
    const PASSWORDS: [&str; 3] = ["password", "passwd", "passphrase"];
    const FIELDS: [&str; 11] = [
        "api_key",
        "apikey",
        "secret_key",
        "access_key",
        "private_key",
        "encryption_key",
        "auth_key",
        "token",
        "secret",
        "credential",
        "credentials",
    ];
    // Most names end in another letter, and are done with here.
    if !matches!(name.last()?.to_ascii_lowercase(), b'y' | b'n' | b't' | b'd' | b'e' | b's' | b'l') {
        return None;
    }
    let plain: String =
        name.iter().map(|byte| if *byte == b'-' { '_' } else { byte.to_ascii_lowercase() as char }).collect();
    if NEVER.iter().any(|part| plain.split('_').any(|word| word == *part)) {
        return None;
    }
    let is_upper = !name.iter().any(u8::is_ascii_lowercase);
    let is_short = is_upper && (plain.ends_with("_pwd") || plain.ends_with("_pass"));
    if is_short || PASSWORDS.iter().any(|end| plain.ends_with(end)) {
        Some(Name::Password)
    } else if is_upper && (plain.ends_with("_key") || FIELDS.iter().any(|end| plain.ends_with(end))) {
        Some(Name::Variable)
    } else {
        FIELDS.iter().any(|end| plain.ends_with(end)).then_some(Name::Field)
    }
}

fn is_value(letter: u8, may_have_spaces: bool) -> bool {
    match letter {
        b' ' => may_have_spaces,
        b'"' | b'\'' | b'`' | b'\\' | b'<' | b'>' | b'(' | b')' | b'{' | b'}' | b'[' | b']' | b',' | b';' | b'&'
        | b'|' => false,
        _ => letter.is_ascii_graphic() || letter >= 0x80,
    }
}

/// Whether it is a value itself, and neither a place for one nor the name of another.
fn is_literal(text: &[u8], from: usize, until: usize) -> bool {
    const PLACES: [&str; 11] = [
        "your",
        "xxx",
        "...",
        "changeme",
        "change-me",
        "example",
        "placeholder",
        "redacted",
        "process.env",
        "os.environ",
        "env.",
    ];
    const FILES: [&str; 8] = ["~/", "./", "/home/", "/etc/", "/run/", "/var/", "/root/", "/mnt/"];
    let value = text[from..until].to_ascii_lowercase();
    let is_place = PLACES.iter().chain(&FILES).any(|place| value.starts_with(place.as_bytes()));
    let is_reference =
        matches!(value.first(), Some(b'$' | b'%' | b'*' | b':' | b'=' | b'.')) || value.starts_with(b"@{");
    let is_call = matches!(text.get(until), Some(b'(' | b'[' | b'{'));
    let is_path_of_names = value.iter().any(|byte| matches!(byte, b'.' | b'_'))
        && value.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'.' | b'_'));
    !(is_place || is_reference || is_call || is_path_of_names)
}

/// The names behind which Amazon's secret stands: forty letters that nothing marks. Lower case.
const AWS_NAMES: [&str; 2] = ["aws_secret_access_key", "secretaccesskey"];
const AWS_LENGTH: usize = 40;

/// `aws_secret_access_key = …`, `"SecretAccessKey": "…"`
pub(super) fn aws(text: &[u8], at: usize) -> Option<Found> {
    let end = AWS_NAMES.iter().find_map(|name| starts(text, at, name, true))?;
    let is_between = |byte: &u8| matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b':' | b'=' | b'\t');
    let from = end + text[end..].iter().take(12).take_while(|byte| is_between(byte)).count();
    let is_part = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'/' | b'+');
    let run = run(text, from, AWS_LENGTH + 1, is_part);
    (from > end && run.letters == AWS_LENGTH).then_some(Found { from, until: run.end, kind: "aws" })
}

/// Letters of a token (RFC 6750) from which it is none of a sentence.
const LEAST_BEARER: usize = 16;
/// `Basic` is a word of many a sentence: this must stand before it, so near.
const BEFORE_BASIC: (&[u8], usize) = (b"authorization", 24);

/// `Bearer …`, and `Authorization: Basic …`: what follows the scheme.
pub(super) fn scheme(text: &[u8], at: usize) -> Option<Found> {
    let is_bearer = starts(text, at, "bearer ", true);
    let end = is_bearer.or_else(|| starts(text, at, "basic ", true).filter(|_| is_after_authorization(text, at)))?;
    let from = end + text[end..].iter().take(4).take_while(|byte| **byte == b' ').count();
    if !begins(text, at) || key(text, from).or_else(|| jwt(text, from)).is_some() {
        return None;
    }
    let is_part = |letter: u8| is_word(letter) || matches!(letter, b'.' | b'~' | b'+' | b'/' | b'=');
    let run = run(text, from, LONGEST_VALUE, is_part);
    let is_token = match is_bearer {
        Some(_) => run.letters >= LEAST_BEARER && run.is_mixed(),
        None => run.letters >= 8,
    };
    let kind = if is_bearer.is_some() { "bearer" } else { "basic" };
    (is_token && is_literal(text, from, run.end)).then_some(Found { from, until: run.end, kind })
}

fn is_after_authorization(text: &[u8], at: usize) -> bool {
    let (word, near) = BEFORE_BASIC;
    text[at.saturating_sub(near)..at].windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// Letters of what stands between `://` and the path.
const LONGEST_AUTHORITY: usize = 512;

/// `https://me:password@host`, from its `://` on: the password.
pub(super) fn address(text: &[u8], at: usize) -> Option<Found> {
    let from = starts(text, at, "://", false)?;
    let is_part = |letter: u8| {
        letter.is_ascii_graphic()
            && !matches!(letter, b'/' | b'?' | b'#' | b'"' | b'\'' | b'\\' | b'<' | b'>' | b'`' | b'(' | b')' | b',')
    };
    let authority = &text[from..run(text, from, LONGEST_AUTHORITY, is_part).end];
    let user = memchr::memrchr(b'@', authority)?;
    let colon = memchr::memchr(b':', &authority[..user])?;
    let (password, host) = (&authority[colon + 1..user], &authority[user + 1..]);
    let is_place = matches!(password.first(), None | Some(b'$' | b'{' | b'%' | b'*' | b'['));
    (!is_place && !host.is_empty()).then_some(Found { from: from + colon + 1, until: from + user, kind: "password" })
}
