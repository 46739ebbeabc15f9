//! Takes secrets out before anything is written: those of headers by their names, those of bodies by their shape. Pure.
//!
//! A key that stays can be used by whoever reads the file; a word that goes by mistake makes a capture a lie. So what is
//! taken has to look like a key and like nothing else: it has its maker's beginning, length and letters, or stands behind a
//! name that says what it is. What `doctor bugreport` sends away is judged more strictly, in `doctor::bugreport::redact`.
//!
//! A mark has no letter that JSON escapes, and takes whole letters only: what was JSON stays JSON.

mod keys;
mod letters;
mod named;
mod pem;
mod scan;
mod stream;
#[cfg(test)]
mod tests;

/// What stands where a header's or a parameter's value was.
pub const REDACTED: &str = "[redacted]";

/// What was taken out of a body: bytes `from..from + len` of the original became `by` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    pub from: usize,
    pub len: usize,
    pub by: usize,
}

/// A body without secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    pub body: Vec<u8>,
    /// In order; none overlaps another. A secret that came in pieces has one for each.
    pub edits: Vec<Edit>,
    /// Secrets that were found.
    pub secrets: u32,
}

/// Bytes that go. `kind`: a secret begins here; else it has begun in an earlier piece of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    from: usize,
    until: usize,
    kind: Option<&'static str>,
}

/// Values of headers that are secret become `[redacted]`. Gives how many.
pub fn headers(headers: &mut [(String, String)]) -> u32 {
    let mut count = 0;
    for (name, value) in headers {
        let without = if is_secret_header(name) { without_credentials(name, value) } else { text(value) };
        if let Some(without) = without {
            *value = without;
            count += 1;
        }
    }
    count
}

/// Whether what has this name is for nobody else. Numbers of tokens are none: `x-ratelimit-remaining-tokens`.
fn is_secret_header(name: &str) -> bool {
    const NAMES: [&str; 5] = ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-amz-signature"];
    const PARTS: [&str; 7] = ["api-key", "apikey", "api_key", "auth-key", "secret", "password", "passwd"];
    let name = name.to_ascii_lowercase();
    let is_token = || {
        let words = || name.split(['-', '_']);
        let counts =
            words().any(|word| matches!(word, "ratelimit" | "limit" | "count" | "usage" | "max" | "remaining"));
        words().any(|word| word.ends_with("token")) && !counts
    };
    NAMES.contains(&name.as_str()) || PARTS.iter().any(|part| name.contains(part)) || is_token()
}

/// The scheme stays, as it tells what kind of secret was there.
fn without_credentials(name: &str, value: &str) -> Option<String> {
    let has_scheme = name.to_ascii_lowercase().ends_with("authorization");
    let (scheme, rest) = match value.split_once(' ') {
        Some((scheme, rest)) if has_scheme && scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            (&value[..=scheme.len()], rest)
        }
        Some(_) | None => ("", value),
    };
    (!rest.trim().is_empty() && rest != REDACTED).then(|| format!("{scheme}{REDACTED}"))
}

/// Without the secrets that can be told by their shape, if there are any.
fn text(value: &str) -> Option<String> {
    let redacted = body(value.as_bytes(), None)?;
    Some(String::from_utf8_lossy(&redacted.body).into_owned())
}

/// None: there are no secrets in it. Of a stream, those that came in pieces go, too.
pub fn body(body: &[u8], content_type: Option<&str>) -> Option<Redacted> {
    const NO_TEXT: [&str; 4] = ["image/", "audio/", "video/", "font/"];
    if content_type.is_some_and(|kind| NO_TEXT.iter().any(|no_text| kind.starts_with(no_text))) {
        return None;
    }
    let whole = scan::scan(body).into_iter();
    let whole = whole.map(|found| Piece { from: found.from, until: found.until, kind: Some(found.kind) });
    let mut pieces = stream::stream(body);
    pieces.extend(whole);
    pieces.sort_by_key(|piece| (piece.from, piece.kind.is_none()));
    let pieces = merged(pieces);
    (!pieces.is_empty()).then(|| replaced(body, &pieces))
}

/// What overlaps becomes one. What a stream's pieces say counts for what was found in one of them, as they see more of it:
/// a piece in the middle of a secret may look like one by itself.
fn merged(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut done: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match done.last_mut() {
            Some(last) if piece.from < last.until => {
                last.until = last.until.max(piece.until);
                if last.from == piece.from && piece.kind.is_none() {
                    last.kind = None;
                }
            }
            Some(_) | None => done.push(piece),
        }
    }
    done
}

fn replaced(body: &[u8], pieces: &[Piece]) -> Redacted {
    let mut redacted = Redacted { body: Vec::with_capacity(body.len()), edits: Vec::new(), secrets: 0 };
    let mut at = 0;
    for piece in pieces {
        redacted.body.extend_from_slice(&body[at..piece.from]);
        let before = redacted.body.len();
        if let Some(kind) = piece.kind {
            redacted.body.extend_from_slice(b"[redacted:");
            redacted.body.extend_from_slice(kind.as_bytes());
            redacted.body.push(b']');
            redacted.secrets += 1;
        }
        let by = redacted.body.len() - before;
        redacted.edits.push(Edit { from: piece.from, len: piece.until - piece.from, by });
        at = piece.until;
    }
    redacted.body.extend_from_slice(&body[at..]);
    redacted
}

/// Beginnings of keys, the longer ones first, and the letters of a whole from which it is better taken out: for texts in
/// which a word too few does no harm (`doctor bugreport`).
pub fn beginnings() -> impl Iterator<Item = (&'static str, usize)> {
    keys::beginnings()
}

/// A request target without secrets in its query. None: there are none.
pub fn target(target: &str) -> Option<String> {
    let parts = target.split_once('?');
    let query = parts.and_then(|(_, query)| {
        let parameters: Vec<_> = query.split('&').map(|parameter| (parameter, without_value(parameter))).collect();
        parameters.iter().any(|(_, without)| without.is_some()).then(|| {
            let texts: Vec<String> = parameters
                .into_iter()
                .map(|(parameter, without)| without.unwrap_or_else(|| parameter.into()))
                .collect();
            texts.join("&")
        })
    });
    let named = parts.zip(query).map(|((path, _), query)| format!("{path}?{query}"));
    let shaped = text(named.as_deref().unwrap_or(target));
    shaped.or(named)
}

/// `name=[redacted]`, if what has this name is a secret.
fn without_value(parameter: &str) -> Option<String> {
    const NAMES: [&str; 10] =
        ["key", "auth", "apikey", "token", "secret", "password", "passwd", "signature", "sig", "credential"];
    let (name, value) = parameter.split_once('=')?;
    let plain = name.to_ascii_lowercase();
    let last = plain.rsplit(['-', '_', '.']).next().unwrap_or_default();
    let is_named = NAMES.contains(&last) || plain.ends_with("apikey") || plain.ends_with("token");
    let is_secret = is_named && !plain.contains("page");
    (is_secret && !value.is_empty() && value != REDACTED).then(|| format!("{name}={REDACTED}"))
}
