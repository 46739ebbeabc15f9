//! Of which parts a body is made. Written so that what a long conversation costs stays the same each turn: the parts that
//! it shares with an earlier body are told by pointing there.
//!
//! Pure.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::capture::record::Pane;

/// Numbers of parts: `[first, count]`, one after another; or like an earlier body, but for its middle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Recipe {
    Runs(Vec<(u32, u32)>),
    Like(Like),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Like {
    /// Where the line of the index begins that has the earlier body, and which of its bodies that is.
    pub at: u64,
    pub body: u32,
    /// Parts of it that come first, and that come last.
    pub head: u32,
    pub tail: u32,
    /// What stands between them.
    pub runs: Vec<(u32, u32)>,
}

/// A body points to one that points to one …: at most this often, so that reading one stays cheap.
const MOST_STEPS: u8 = 64;
/// Fewer runs are as short as a pointer.
const FEW_RUNS: usize = 5;
/// Bodies that the next one may be like: Codex and its sub-agents take turns.
const REMEMBERED: usize = 16;
/// More parts no body has ([`super::split`]); a damaged index may say otherwise.
const MOST_PARTS: usize = 1 << 20;

/// Bodies that were written last.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Written>);

#[derive(Debug)]
pub(super) struct Written {
    pub pane: Pane,
    pub at: u64,
    pub body: u32,
    pub steps: u8,
    pub parts: Vec<u32>,
}

impl Recent {
    /// The shortest way to tell of these parts, and how many steps that makes.
    pub(super) fn tell(&self, pane: Pane, parts: &[u32]) -> (Recipe, u8) {
        let all = runs(parts);
        let nearest = self
            .0
            .iter()
            .filter(|written| written.pane == pane && written.steps < MOST_STEPS)
            .map(|written| (written, shared(&written.parts, parts)))
            .max_by_key(|(written, (head, tail))| (head + tail, written.at));
        let Some((written, (head, tail))) = nearest.filter(|_| all.len() > FEW_RUNS) else {
            return (Recipe::Runs(all), 0);
        };
        let middle = runs(&parts[head..parts.len() - tail]);
        if middle.len() + FEW_RUNS > all.len() {
            return (Recipe::Runs(all), 0);
        }
        let like = Like { at: written.at, body: written.body, head: count(head), tail: count(tail), runs: middle };
        (Recipe::Like(like), written.steps + 1)
    }

    pub(super) fn remember(&mut self, written: Written) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(written);
    }
}

/// How many parts both begin with, and how many both end with.
fn shared(one: &[u32], other: &[u32]) -> (usize, usize) {
    let head = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let tail = one[head..].iter().rev().zip(other[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    (head, tail)
}

fn count(parts: usize) -> u32 {
    u32::try_from(parts).unwrap_or(u32::MAX)
}

fn runs(parts: &[u32]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for part in parts {
        match runs.last_mut() {
            Some((first, count)) if first.checked_add(*count) == Some(*part) => *count += 1,
            _ => runs.push((*part, 1)),
        }
    }
    runs
}

/// The parts of runs. None: more than there can be.
pub(super) fn expand(runs: &[(u32, u32)]) -> Option<Vec<u32>> {
    let mut parts = Vec::new();
    for (first, count) in runs {
        let end = first.checked_add(*count)?;
        if parts.len() + usize::try_from(*count).ok()? > MOST_PARTS {
            return None;
        }
        parts.extend(*first..end);
    }
    Some(parts)
}

/// The parts of a body that is like another one. None: that one has not so many.
pub(super) fn apply(like: &Like, earlier: &[u32]) -> Option<Vec<u32>> {
    let head = earlier.get(..usize::try_from(like.head).ok()?)?;
    let tail = earlier.get(earlier.len().checked_sub(usize::try_from(like.tail).ok()?)?..)?;
    let middle = expand(&like.runs)?;
    let parts = [head, &middle, tail].concat();
    (parts.len() <= MOST_PARTS).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(at: u64, steps: u8, parts: Vec<u32>) -> Written {
        Written { pane: Pane::ClientRequest, at, body: 0, steps, parts }
    }

    /// Told and understood again, with what was written before.
    fn through(recent: &Recent, earlier: &[u32], parts: &[u32]) -> Vec<u32> {
        match recent.tell(Pane::ClientRequest, parts).0 {
            Recipe::Runs(runs) => expand(&runs).unwrap(),
            Recipe::Like(like) => apply(&like, earlier).unwrap(),
        }
    }

    #[test]
    fn parts_in_a_row_are_one_run() {
        assert_eq!(runs(&[0, 1, 2, 7, 3, 4]), [(0, 3), (7, 1), (3, 2)]);
        assert_eq!(expand(&[(0, 3), (7, 1), (3, 2)]), Some(vec![0, 1, 2, 7, 3, 4]));
    }

    #[test]
    fn a_long_conversation_points_to_its_last_turn() {
        let mut recent = Recent::default();
        let turn = |turns: u32| -> Vec<u32> {
            let history = (0..turns).flat_map(|turn| [turn * 10, turn * 10 + 1]);
            history.chain(5000..5020).collect()
        };
        recent.remember(written(100, 3, turn(40)));
        let (recipe, steps) = recent.tell(Pane::ClientRequest, &turn(41));
        let expected = Like { at: 100, body: 0, head: 80, tail: 20, runs: vec![(400, 2)] };
        assert_eq!((recipe, steps), (Recipe::Like(expected), 4));
        assert_eq!(through(&recent, &turn(40), &turn(41)), turn(41));
        let (other, _) = recent.tell(Pane::UpstreamRequest, &turn(41));
        assert!(matches!(other, Recipe::Runs(_)));
    }

    #[test]
    fn the_way_back_is_not_endless() {
        let mut recent = Recent::default();
        let parts: Vec<u32> = (0..40).map(|part| part * 2).collect();
        recent.remember(written(100, MOST_STEPS, parts.clone()));
        assert!(matches!(recent.tell(Pane::ClientRequest, &parts), (Recipe::Runs(_), 0)));
    }

    #[test]
    fn any_two_bodies_are_told_apart() {
        let mut seed = 3_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..5000 {
            let mut body = || -> Vec<u32> {
                let len = next(30);
                (0..len).map(|_| u32::try_from(next(4) * 2).unwrap()).collect()
            };
            let (one, other) = (body(), body());
            let mut recent = Recent::default();
            recent.remember(written(1, 0, one.clone()));
            assert_eq!(through(&recent, &one, &other), other);
        }
    }

    #[test]
    fn a_damaged_recipe_is_none() {
        assert_eq!(expand(&[(u32::MAX, 2)]), None);
        assert_eq!(expand(&[(0, u32::MAX)]), None);
        let like = Like { at: 0, body: 0, head: 2, tail: 3, runs: vec![] };
        assert_eq!(apply(&like, &[1]), None);
        assert_eq!(apply(&like, &[1, 2]), None);
    }
}
