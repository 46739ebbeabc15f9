//! After a break, a model is asked to go on from what it has said. Most do; some begin their sentence anew. This drops
//! what is said a second time.
//!
//! ```text
//! Comparing ──differs at once──► Passing          it goes on
//!     ├──────said all of it again──► Passing      it began anew, and has arrived where it broke
//!     └──────differs later──► Strayed             it began anew, in other words
//! ```

/// Fewer equal bytes than this at the start of two texts mean nothing: many sentences begin with "I will".
const CHANCE: usize = 24;

#[derive(Debug, Default)]
pub(super) enum Again {
    #[default]
    Passing,
    Comparing {
        /// What was said before the break.
        said: String,
        /// How much of it was said again.
        equal: usize,
    },
    Strayed,
}

/// The model has begun anew, in other words than those that the client has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strayed;

impl Again {
    pub(super) fn after(said: String) -> Self {
        if said.is_empty() { Self::Passing } else { Self::Comparing { said, equal: 0 } }
    }

    /// Takes the next piece; gives what is new, in up to two parts.
    pub(super) fn feed<'a>(&mut self, piece: &'a str) -> Result<(String, &'a str), Strayed> {
        let Self::Comparing { said, equal } = self else {
            return if matches!(self, Self::Strayed) { Err(Strayed) } else { Ok((String::new(), piece)) };
        };
        let rest = &said[*equal..];
        let same = common(rest, piece);
        if same == piece.len() && same < rest.len() {
            *equal += same;
            return Ok((String::new(), ""));
        }
        if same == rest.len() {
            *self = Self::Passing;
            return Ok((String::new(), &piece[same..]));
        }
        if *equal + same >= CHANCE.min(said.len()) {
            *self = Self::Strayed;
            return Err(Strayed);
        }
        // The few bytes that were alike are part of the continuation.
        let held = said[..*equal].to_owned();
        *self = Self::Passing;
        Ok((held, piece))
    }

    /// At the end: what was held because it was alike so far, and is new after all.
    pub(super) fn finish(&mut self) -> String {
        match std::mem::take(self) {
            Self::Comparing { said, equal } if equal < CHANCE => said[..equal].to_owned(),
            Self::Comparing { .. } | Self::Passing | Self::Strayed => String::new(),
        }
    }
}

/// The length of the common start, in whole characters.
fn common(a: &str, b: &str) -> usize {
    a.char_indices().zip(b.chars()).find(|((_, a), b)| a != b).map_or(a.len().min(b.len()), |((at, _), _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client sees after `said`, when the model says these pieces after the break. None: it strayed.
    #[track_caller]
    fn check(said: &str, pieces: &[&str], seen: Option<&str>) {
        let mut again = Again::after(said.to_owned());
        let mut all = String::new();
        for piece in pieces {
            match again.feed(piece) {
                Ok((first, rest)) => all.extend([first.as_str(), rest]),
                Err(Strayed) => return assert_eq!(None, seen, "{said:?} {pieces:?}"),
            }
        }
        all.push_str(&again.finish());
        assert_eq!(Some(all.as_str()), seen, "{said:?} {pieces:?}");
    }

    #[test]
    fn a_model_that_goes_on_is_passed_through() {
        check("I will look", &[" at", " it."], Some(" at it."));
        check("I will look", &["I", "t is done"], Some("It is done"));
        check("I will look", &["I", " w"], Some("I w"));
        check("", &["a"], Some("a"));
        check("naïve é", &["né", "!"], Some("né!"));
    }

    #[test]
    fn a_model_that_begins_anew_is_heard_from_where_it_broke() {
        check("I will look", &["I will", " look at", " it."], Some(" at it."));
        check("I will look", &["I will look", " at it."], Some(" at it."));
        check("I will look", &["I will look at it."], Some(" at it."));
        check("déjà vu", &["d", "é", "jà v", "u, encore"], Some(", encore"));
    }

    #[test]
    fn a_model_that_begins_anew_in_other_words_has_strayed() {
        check("Let me first look at the whole directory.", &["Let me first look at the file."], None);
        check("Let me first look at the whole directory.", &["Let me first look", " at the", " file."], None);
    }
}
