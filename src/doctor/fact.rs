//! What could be learnt, or why not. A fact that is missing is never guessed, and never an error of the doctor's own.

use serde::{Serialize, Serializer};

use crate::words;
use crate::words::Words;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<T> {
    Known(T),
    /// Why it is not known.
    Unknown(Words),
}

impl<T> Default for Fact<T> {
    fn default() -> Self {
        Self::Unknown(words!("not asked", "pas demandé"))
    }
}

impl<T> Fact<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Known(value) => Fact::Known(change(value)),
            Self::Unknown(why) => Fact::Unknown(why),
        }
    }

    /// The value, or the reason why there is none.
    pub fn get(&self) -> Result<&T, &Words> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Unknown(why) => Err(why),
        }
    }
}

/// The value itself, or `{"unknown": "why"}`.
impl<T: Serialize> Serialize for Fact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Unknown<'a> {
            unknown: &'a Words,
        }
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Unknown(unknown) => Unknown { unknown }.serialize(serializer),
        }
    }
}
