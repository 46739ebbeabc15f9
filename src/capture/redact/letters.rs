//! Letters of a text that may stand in JSON, and in JSON inside of JSON: `/`, `\/` and `\\u002f` are the same letter. Pure.

/// Backslashes before one letter that are looked at: JSON in JSON in JSON has seven.
const MOST_SLASHES: usize = 8;

/// The letter that begins here, and how many bytes it takes. Escapes that end a word (`\n`, `\"`) are a backslash.
pub(super) fn letter(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let first = *text.get(at)?;
    if first != b'\\' {
        return Some((first, 1));
    }
    let slashes = text[at..].iter().take(MOST_SLASHES).take_while(|byte| **byte == b'\\').count();
    let end = at + slashes;
    let escaped = match text.get(end)? {
        b'/' => Some((b'/', slashes + 1)),
        b'u' => text.get(end + 1..end + 5).and_then(ascii).map(|letter| (letter, slashes + 5)),
        _ => None,
    };
    Some(escaped.unwrap_or((b'\\', 1)))
}

/// Of four hexadecimal digits: a visible letter that needs no escape itself.
fn ascii(digits: &[u8]) -> Option<u8> {
    let digits = digits.strip_prefix(b"00")?;
    let value = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    let letter = u8::from_str_radix(value, 16).ok()?;
    (letter.is_ascii_graphic() && letter != b'"' && letter != b'\\').then_some(letter)
}

/// Whether these letters stand here, and where they end. They are lower case when `fold`.
pub(super) fn starts(text: &[u8], at: usize, start: &str, fold: bool) -> Option<usize> {
    let mut end = at;
    for expected in start.bytes() {
        let (letter, width) = letter(text, end)?;
        if letter != expected && !(fold && letter.to_ascii_lowercase() == expected) {
            return None;
        }
        end += width;
    }
    Some(end)
}

/// Some letters in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    /// Where it ends, in bytes of the text.
    pub end: usize,
    pub letters: usize,
    pub digits: usize,
    pub alphas: usize,
    /// The longest stretch without `-`, `_` or the like, and whether it has both digits and letters.
    pub random: usize,
}

impl Run {
    /// Digits and letters, as no word of a sentence has them.
    pub(super) fn is_mixed(&self) -> bool {
        self.digits > 0 && self.alphas > 0
    }
}

/// The letters of this kind from here, at most so many.
pub(super) fn run(text: &[u8], from: usize, most: usize, is_part: impl Fn(u8) -> bool) -> Run {
    let mut run = Run { end: from, ..Run::default() };
    let (mut stretch, mut digits, mut alphas) = (0, false, false);
    while run.letters < most {
        let Some((letter, width)) = letter(text, run.end).filter(|(letter, _)| is_part(*letter)) else { break };
        run.end += width;
        run.letters += 1;
        if letter.is_ascii_alphanumeric() {
            stretch += 1;
            digits |= letter.is_ascii_digit();
            alphas |= letter.is_ascii_alphabetic();
            run.digits += usize::from(letter.is_ascii_digit());
            run.alphas += usize::from(letter.is_ascii_alphabetic());
            if digits && alphas {
                run.random = run.random.max(stretch);
            }
        } else {
            (stretch, digits, alphas) = (0, false, false);
        }
    }
    run
}

/// Whether a word may begin here: what is before is none of its letters, or the end of an escape (`\n`, `\u003c`).
pub(super) fn begins(text: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else { return true };
    let escape = |letters: usize| at.checked_sub(letters + 1).is_some_and(|slash| text[slash] == b'\\');
    match text[before] {
        // `\npm_…` is a line break and no name.
        b'\\' => !matches!(text.get(at), Some(b'n' | b'r' | b't' | b'b' | b'f' | b'u')),
        b'n' | b'r' | b't' | b'b' | b'f' if escape(1) => true,
        byte if is_word(byte) => {
            escape(5) && text[at - 5] == b'u' && text[at - 4..at].iter().all(u8::is_ascii_hexdigit)
        }
        _ => true,
    }
}

/// Letters of names and of most keys.
pub(super) fn is_word(letter: u8) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'-')
}
