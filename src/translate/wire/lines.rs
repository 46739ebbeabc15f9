//! Lines out of frames that are cut anywhere. A line that lies whole in one frame is not copied.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;
use memchr::{memchr, memchr2};

use super::Unreadable;

/// No record of an answer comes near it; what grows past it is no answer.
pub(super) const LONGEST: usize = 64 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// NDJSON. A carriage return before it is a blank.
    Newline,
    /// Server-sent events: also a carriage return, alone or before a newline.
    Either,
}

#[derive(Debug)]
pub(super) struct Lines {
    ends: Ends,
    frames: VecDeque<Bytes>,
    /// Up to here the first frame was read.
    at: usize,
    /// The beginning of a line whose end is not there yet; or, when `spent`, the line that was given last.
    cut: Vec<u8>,
    spent: bool,
    /// A newline that comes next belongs to the end that was read.
    after_return: bool,
    read: Read,
}

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// A byte order mark may come.
    Nothing,
    Lines,
    /// A line was too long: nothing after it can be trusted.
    Lost,
}

/// Where a line lies, until the next is asked for.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Frame(Range<usize>),
    Cut(Range<usize>),
}

impl Place {
    /// Without its first `count` bytes.
    pub(super) fn after(self, count: usize) -> Self {
        match self {
            Self::Frame(range) => Self::Frame(range.start + count..range.end),
            Self::Cut(range) => Self::Cut(range.start + count..range.end),
        }
    }
}

impl Lines {
    pub(super) fn new(ends: Ends) -> Self {
        Self {
            ends,
            frames: VecDeque::with_capacity(1),
            at: 0,
            cut: Vec::new(),
            spent: false,
            after_return: false,
            read: Read::Nothing,
        }
    }

    pub(super) fn feed(&mut self, bytes: Bytes) {
        if self.read != Read::Lost {
            self.frames.push_back(bytes);
        }
    }

    pub(super) fn get(&self, place: &Place) -> &[u8] {
        match place {
            Place::Frame(range) => self.frames.front().map_or(&[], |frame| &frame[range.clone()]),
            Place::Cut(range) => &self.cut[range.clone()],
        }
    }

    pub(super) fn next_line(&mut self) -> Option<Result<Place, Unreadable>> {
        if self.spent {
            self.cut.clear();
            self.spent = false;
        }
        loop {
            let frame = self.frames.front()?;
            if self.after_return && self.at < frame.len() {
                self.after_return = false;
                self.at += usize::from(frame[self.at] == b'\n');
            }
            let rest = &frame[self.at..];
            let Some(length) = end_in(rest, self.ends) else {
                self.cut.extend_from_slice(rest);
                self.frames.pop_front();
                self.at = 0;
                if self.cut.len() > LONGEST {
                    (self.read, self.cut) = (Read::Lost, Vec::new());
                    self.frames.clear();
                    return Some(Err(Unreadable::TooLong));
                }
                continue;
            };
            let start = self.at;
            self.after_return = rest[length] == b'\r';
            self.at = start + length + 1;
            if self.cut.is_empty() {
                let mark = self.first_mark(start..start + length);
                return Some(Ok(Place::Frame(start + mark..start + length)));
            }
            self.cut.extend_from_slice(&rest[..length]);
            return Some(Ok(self.whole_cut()));
        }
    }

    /// What stands after the last end of a line, when the body has ended.
    pub(super) fn rest(&mut self) -> Option<Place> {
        (!self.cut.is_empty() && !self.spent).then(|| self.whole_cut())
    }

    /// Takes an empty line that is known to follow the one that was given last, whose place stays valid.
    pub(super) fn take_blank(&mut self) -> bool {
        let Some(rest) = self.frames.front().map(|frame| &frame[self.at..]) else { return false };
        let second = usize::from(self.after_return && rest.first() == Some(&b'\n'));
        let Some(end) = rest.get(second).filter(|byte| **byte == b'\n' || **byte == b'\r' && self.ends == Ends::Either)
        else {
            return false;
        };
        self.after_return = *end == b'\r';
        self.at += second + 1;
        true
    }

    fn whole_cut(&mut self) -> Place {
        self.spent = true;
        let first = std::mem::replace(&mut self.read, Read::Lines) == Read::Nothing;
        let mark = if first && self.cut.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        Place::Cut(mark..self.cut.len())
    }

    fn first_mark(&mut self, line: Range<usize>) -> usize {
        let first = std::mem::replace(&mut self.read, Read::Lines) == Read::Nothing;
        let marked = first && self.frames.front().is_some_and(|frame| frame[line].starts_with(BYTE_ORDER_MARK));
        if marked { BYTE_ORDER_MARK.len() } else { 0 }
    }
}

fn end_in(bytes: &[u8], ends: Ends) -> Option<usize> {
    match ends {
        Ends::Newline => memchr(b'\n', bytes),
        Ends::Either => memchr2(b'\n', b'\r', bytes),
    }
}
