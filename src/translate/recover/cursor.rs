//! A place in a text, and the three ways in which reading on can stop.

/// Why a reader stopped before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The text ended where more could have followed.
    Short,
    /// Something else stands here.
    Other,
    /// A call was begun, and no further text can complete it.
    Broken,
}

pub(super) type Parsed<T> = Result<T, Stop>;

#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str, at: usize) -> Self {
        Self { text, at }
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn ended(&self) -> bool {
        self.at == self.text.len()
    }

    pub(super) fn eat(&mut self, mark: &str) -> bool {
        let stands = self.rest().starts_with(mark);
        if stands {
            self.at += mark.len();
        }
        stands
    }

    pub(super) fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Whether `mark` stands here; short when the text ends within it.
    pub(super) fn is(&self, mark: &str) -> Parsed<bool> {
        match self.rest() {
            rest if rest.starts_with(mark) => Ok(true),
            rest if mark.starts_with(rest) => Err(Stop::Short),
            _ => Ok(false),
        }
    }

    /// As [`Self::eat`], but short when the text ends within `mark`.
    pub(super) fn take(&mut self, mark: &str) -> Parsed<bool> {
        let stands = self.is(mark)?;
        if stands {
            self.at += mark.len();
        }
        Ok(stands)
    }

    pub(super) fn expect(&mut self, mark: &str) -> Parsed<()> {
        if self.take(mark)? { Ok(()) } else { Err(Stop::Other) }
    }

    /// The characters up to the first that is not `allowed`; there must be one, and something must follow.
    pub(super) fn word(&mut self, allowed: fn(char) -> bool) -> Parsed<&'t str> {
        let rest = self.rest();
        let end = rest.find(|c| !allowed(c)).ok_or(Stop::Short)?;
        if end == 0 {
            return Err(Stop::Other);
        }
        self.at += end;
        Ok(&rest[..end])
    }

    pub(super) fn step(&mut self) -> Parsed<char> {
        let c = self.rest().chars().next().ok_or(Stop::Short)?;
        self.at += c.len_utf8();
        Ok(c)
    }
}

/// Characters of a function's name, with the prefixes that models put before it (`functions.`, `ns::`, `mcp/`).
pub(super) fn in_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/')
}

/// Characters of an unquoted key.
pub(super) fn in_key(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}
