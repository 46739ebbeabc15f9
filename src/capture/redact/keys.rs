//! Keys that are known by their beginning: who gives them out, and what follows. Pure.
//!
//! Lengths are a little below what is given out today, so that a key that a program has cut is found, too; they are far
//! above what a word or a name in a program has.

use super::letters::{begins, is_word, run, starts};

/// What keys of one kind look like.
struct Shape {
    start: &'static str,
    kind: &'static str,
    letters: Letters,
    /// Letters behind the beginning.
    least: usize,
    most: usize,
    proof: Proof,
    /// Letters of the whole from which it is better taken for one, where a word too few does no harm.
    likely: usize,
}

/// Of what it is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Letters {
    /// `A-Z a-z 0-9`
    Plain,
    /// The same with `_` and `-`.
    Word,
    /// `A-Z 0-9`
    Upper,
}

/// What it must have beside its length.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    None,
    /// Digits and letters.
    Mixed,
    /// A long stretch of digits and letters: `sk-` begins names of styles, too.
    Random,
}

/// No key is longer; a run that goes on behind it is none.
const LONGEST: usize = 1024;
/// The least stretch of [`Proof::Random`].
const RANDOM: usize = 16;

const fn shape(
    start: &'static str,
    kind: &'static str,
    letters: Letters,
    least: usize,
    proof: Proof,
    likely: usize,
) -> Shape {
    Shape { start, kind, letters, least, most: LONGEST, proof, likely }
}

const fn exact(
    start: &'static str,
    kind: &'static str,
    letters: Letters,
    length: usize,
    proof: Proof,
    likely: usize,
) -> Shape {
    Shape { start, kind, letters, least: length, most: length, proof, likely }
}

/// The longer beginning first.
const SHAPES: [Shape; 31] = [
    shape("sk-ant-", "anthropic", Letters::Word, 20, Proof::Mixed, 12),
    shape("sk-or-v1-", "openrouter", Letters::Word, 20, Proof::Mixed, 12),
    shape("sk-proj-", "openai", Letters::Word, 20, Proof::Mixed, 12),
    shape("sk-svcacct-", "openai", Letters::Word, 20, Proof::Mixed, 12),
    shape("sk-admin-", "openai", Letters::Word, 20, Proof::Mixed, 12),
    shape("sk-", "openai", Letters::Word, 20, Proof::Random, 12),
    shape("sk_live_", "stripe", Letters::Plain, 16, Proof::None, 16),
    shape("sk_test_", "stripe", Letters::Plain, 16, Proof::Mixed, 16),
    shape("rk_live_", "stripe", Letters::Plain, 16, Proof::None, 16),
    shape("rk_test_", "stripe", Letters::Plain, 16, Proof::Mixed, 16),
    shape("ghp_", "github", Letters::Plain, 20, Proof::None, 20),
    shape("gho_", "github", Letters::Plain, 20, Proof::None, 20),
    shape("ghu_", "github", Letters::Plain, 20, Proof::None, 20),
    shape("ghs_", "github", Letters::Word, 20, Proof::Mixed, 20),
    shape("ghr_", "github", Letters::Plain, 20, Proof::None, 20),
    shape("github_pat_", "github", Letters::Word, 20, Proof::None, 20),
    shape("glpat-", "gitlab", Letters::Word, 15, Proof::Mixed, 15),
    shape("gsk_", "groq", Letters::Plain, 20, Proof::Mixed, 20),
    exact("AKIA", "aws", Letters::Upper, 16, Proof::None, 20),
    exact("ASIA", "aws", Letters::Upper, 16, Proof::Mixed, 20),
    exact("AIza", "google", Letters::Word, 35, Proof::Mixed, 30),
    shape("xoxa-", "slack", Letters::Word, 10, Proof::Mixed, 15),
    shape("xoxb-", "slack", Letters::Word, 10, Proof::Mixed, 15),
    shape("xoxp-", "slack", Letters::Word, 10, Proof::Mixed, 15),
    shape("xoxr-", "slack", Letters::Word, 10, Proof::Mixed, 15),
    shape("xoxs-", "slack", Letters::Word, 10, Proof::Mixed, 15),
    shape("xapp-", "slack", Letters::Word, 20, Proof::Mixed, 15),
    shape("npm_", "npm", Letters::Plain, 30, Proof::None, 20),
    shape("nvapi-", "nvidia", Letters::Word, 20, Proof::Mixed, 20),
    shape("hf_", "huggingface", Letters::Plain, 20, Proof::None, 20),
    shape("tvly-", "tavily", Letters::Word, 20, Proof::Mixed, 20),
];

/// The two letters with which any of them begins; [`super::scan`] looks at nothing else.
pub(super) const STARTS: [[u8; 2]; 15] = [
    *b"sk", *b"rk", *b"gh", *b"gi", *b"gl", *b"gs", *b"AK", *b"AS", *b"AI", *b"xo", *b"xa", *b"np", *b"nv", *b"hf",
    *b"tv",
];

/// For reports that are sent away: each beginning, and the letters of the whole from which it has to go.
pub(super) fn beginnings() -> impl Iterator<Item = (&'static str, usize)> {
    SHAPES.iter().map(|shape| (shape.start, shape.likely))
}

/// A key that begins here: where it ends, and whose it is.
pub(super) fn key(text: &[u8], at: usize) -> Option<(usize, &'static str)> {
    if !begins(text, at) {
        return None;
    }
    SHAPES.iter().find_map(|shape| {
        let from = starts(text, at, shape.start, false)?;
        let run = run(text, from, LONGEST + 1, |letter| match shape.letters {
            Letters::Plain => letter.is_ascii_alphanumeric(),
            Letters::Word => is_word(letter),
            Letters::Upper => letter.is_ascii_uppercase() || letter.is_ascii_digit(),
        });
        let goes_on = text.get(run.end).is_some_and(u8::is_ascii_alphanumeric);
        let is_proven = match shape.proof {
            Proof::None => true,
            Proof::Mixed => run.is_mixed(),
            Proof::Random => run.random >= RANDOM,
        };
        ((shape.least..=shape.most).contains(&run.letters) && is_proven && !goes_on).then_some((run.end, shape.kind))
    })
}

/// Letters of each part of a token, at least.
const JWT_PART: usize = 10;
/// Letters of each part of a token, at most; what is longer is no token of a header.
const JWT_MOST: usize = 8192;

/// A JSON Web Token (RFC 7519): three parts, of which two are JSON objects in base64.
pub(super) fn jwt(text: &[u8], at: usize) -> Option<(usize, &'static str)> {
    if !begins(text, at) {
        return None;
    }
    let part = |at: usize, start: &str| {
        let from = starts(text, at, start, false)?;
        let run = run(text, from, JWT_MOST, is_word);
        (run.letters >= JWT_PART).then_some(run.end)
    };
    let header = part(at, "eyJ")?;
    let claims = part(starts(text, header, ".", false)?, "eyJ")?;
    let signature = part(starts(text, claims, ".", false)?, "")?;
    Some((signature, "jwt"))
}
