//! Puts exchanges together again, from the lines of an index and the parts.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Error, ErrorKind};
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use super::block::Parts;
use super::index::{self, Body, Told};
use super::pieces;
use super::recipe::{self, Recipe};
use crate::capture::record::Exchange;

/// Longer lines are none of ours: a row is some kilobytes, a recipe at most some megabytes.
const LONGEST_LINE: usize = 64 << 20;
const STEP: usize = 8 << 10;

/// Where an exchange's lines begin in the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub begin: Option<u64>,
    pub end: Option<u64>,
}

impl Lines {
    pub(super) fn iter(self) -> impl Iterator<Item = u64> {
        [self.begin, self.end].into_iter().flatten()
    }
}

pub(super) struct Reader<'f> {
    index: &'f File,
    pub parts: Parts<'f>,
    lines: HashMap<u64, Rc<Told>>,
}

fn damaged(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

impl<'f> Reader<'f> {
    pub(super) fn new(index: &'f File, parts: Parts<'f>) -> Self {
        Self { index, parts, lines: HashMap::new() }
    }

    pub(super) fn exchange(&mut self, lines: Lines) -> io::Result<Exchange> {
        let mut exchange: Option<Exchange> = None;
        for at in lines.iter() {
            let mut found = self.told(at)?;
            if let Some(begun) = exchange {
                found.messages.splice(0..0, begun.messages);
            }
            exchange = Some(found);
        }
        exchange.ok_or_else(|| damaged("an exchange without lines"))
    }

    /// What one line tells.
    fn told(&mut self, at: u64) -> io::Result<Exchange> {
        let told = self.line(at)?;
        let meta = self.parts.join(&[told.meta])?;
        let mut exchange: Exchange =
            serde_json::from_slice(&meta).map_err(|_| damaged("a part that is no exchange"))?;
        if exchange.messages.len() != told.bodies.len() {
            return Err(damaged("messages without bodies"));
        }
        for (message, body) in exchange.messages.iter_mut().zip(&told.bodies) {
            let parts = self.parts_of(at, body)?;
            message.body = self.parts.join(&parts)?;
            if let Some(times) = body.times {
                message.pieces = pieces::decode(&self.parts.join(&[times])?);
            }
        }
        Ok(exchange)
    }

    /// The line that begins here.
    pub(super) fn line(&mut self, at: u64) -> io::Result<Rc<Told>> {
        if let Some(told) = self.lines.get(&at) {
            return Ok(Rc::clone(told));
        }
        let mut line = Vec::new();
        loop {
            let from = line.len();
            line.resize(from + STEP.max(from), 0);
            let read = read_some_at(self.index, &mut line[from..], at + from as u64)?;
            line.truncate(from + read);
            if let Some(end) = memchr::memchr(b'\n', &line[from..]) {
                line.truncate(from + end + 1);
                break;
            }
            if read == 0 || line.len() > LONGEST_LINE {
                return Err(damaged("a line without an end"));
            }
        }
        let told = Rc::new(index::told(&line).ok_or_else(|| damaged("a line that cannot be read"))?);
        self.lines.insert(at, Rc::clone(&told));
        Ok(told)
    }

    /// The parts of a body of the line that begins at `at`.
    pub(super) fn parts_of(&mut self, at: u64, body: &Body) -> io::Result<Vec<u32>> {
        let (mut at, mut of) = (at, body.of.clone());
        let mut steps = Vec::new();
        let mut parts = loop {
            match of {
                Recipe::Runs(runs) => break recipe::expand(&runs),
                // It always points back, so it ends.
                Recipe::Like(like) if like.at < at => {
                    let earlier = self.line(like.at)?;
                    let body = usize::try_from(like.body).ok().and_then(|body| earlier.bodies.get(body));
                    of = body.ok_or_else(|| damaged("a body that is missing"))?.of.clone();
                    at = like.at;
                    steps.push(like);
                }
                Recipe::Like(_) => return Err(damaged("a body that points forward")),
            }
        };
        for like in steps.iter().rev() {
            parts = parts.and_then(|parts| recipe::apply(like, &parts));
        }
        parts.ok_or_else(|| damaged("a body with parts that cannot be"))
    }
}

fn read_some_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, at) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
