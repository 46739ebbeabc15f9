//! Which call a fragment belongs to. Servers number calls, or name them, or neither; a name and an id are given once.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::CallPiece;
use super::read::{self, Word};

#[derive(Deserialize)]
pub(super) struct Written<'a> {
    #[serde(default, deserialize_with = "read::count")]
    index: Option<u64>,
    #[serde(borrow, default)]
    id: Word<'a>,
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Default, Deserialize)]
pub(super) struct Function<'a> {
    #[serde(borrow, default)]
    name: Word<'a>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
}

/// The calls of an answer, in the order of their beginnings.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Known>);

#[derive(Debug)]
struct Known {
    index: Option<u64>,
    id: Option<String>,
    named: bool,
}

impl Calls {
    pub(super) fn pieces<'a>(
        &mut self,
        written: Option<Vec<Written<'a>>>,
        legacy: Option<Function<'a>>,
        whole: bool,
    ) -> Vec<CallPiece<'a>> {
        let legacy = legacy.map(|function| Written { index: None, id: Word::default(), function: Some(function) });
        written.into_iter().flatten().chain(legacy).map(|call| self.piece(call, whole)).collect()
    }

    fn piece<'a>(&mut self, call: Written<'a>, whole: bool) -> CallPiece<'a> {
        let function = call.function.unwrap_or_default();
        let name = function.name.told();
        let id = call.id.told();
        let arguments = read::arguments(function.arguments);
        if whole {
            return CallPiece { index: None, id, name, arguments };
        }
        let at = self.of(call.index, id.as_deref(), name.is_some());
        let known = &mut self.0[at];
        let id = id.filter(|_| known.id.is_none());
        if let Some(id) = &id {
            known.id = Some(id.clone().into_owned());
        }
        let name = name.filter(|_| !known.named);
        known.named |= name.is_some();
        CallPiece { index: u32::try_from(at).ok(), id, name, arguments }
    }

    fn of(&mut self, index: Option<u64>, id: Option<&str>, named: bool) -> usize {
        // Some servers give every call the index 0, but each an id and a name of its own.
        let another = |known: &Known| named && known.named && id.is_some() && known.id.as_deref() != id;
        let found = match (index, id) {
            (Some(_), _) => {
                let at = self.0.iter().rposition(|known| known.index == index);
                at.filter(|at| !another(&self.0[*at]))
            }
            (None, Some(_)) => self.0.iter().rposition(|known| known.id.as_deref() == id),
            (None, None) if named => None,
            (None, None) => self.0.len().checked_sub(1),
        };
        found.unwrap_or_else(|| {
            self.0.push(Known { index, id: None, named: false });
            self.0.len() - 1
        })
    }
}
