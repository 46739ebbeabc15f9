//! The file of parts. It only grows; what is in it never changes.
//!
//! ```text
//! parts.zst  ──►  ( skippable frame: Header | zstd frame: the parts, one after another )*
//! Header     ──►  "ofp1"  first:u32  count:u32  raw:u32  packed:u32  ( len:u32 hash:16 )*  check:8      little endian
//! ```
//! Parts that were kept together are packed together, as they are often alike. To `zstd -dc` the headers are nothing, so it gives
//! all parts in a row. `check` and zstd's own checksum tell a block that is whole from one that a crash has torn.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Error, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

/// Half of a SHA-256: two different parts have the same one of these with no probability that matters.
pub(super) type Hash = [u8; 16];

/// One of the sixteen numbers that begin a skippable frame (RFC 8878, 3.1.2).
const SKIPPABLE: [u8; 4] = 0x184D_2A5F_u32.to_le_bytes();
const TAG: [u8; 4] = *b"ofp1";
/// Up to the list of parts, the frame's own eight bytes included.
const FIXED: usize = 28;
const ENTRY: usize = 20;
const CHECK: usize = 8;
/// Parts of one block. Larger blocks cost more to read one part of.
const FULL: usize = 1 << 20;
/// No part is larger than a body may be set to be, and a damaged header may not ask for all memory.
const MOST_RAW: u32 = 1 << 30;
const MOST_ENTRIES: u32 = 1 << 20;
/// Unpacked blocks that are kept for the next part: more than most exchanges are made of.
const MOST_HELD: usize = 64 << 20;
/// zstd's default: what Codex repeats is stored once anyway, and the writer has other things to do.
const LEVEL: i32 = 3;

pub(super) fn hash(bytes: &[u8]) -> Hash {
    let digest = Sha256::digest(bytes);
    let mut hash = [0; 16];
    hash.copy_from_slice(&digest[..16]);
    hash
}

/// Packs blocks. Its memory is used again for each.
pub(super) struct Packer(Compressor<'static>);

impl Packer {
    pub(super) fn new() -> io::Result<Self> {
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Self(compressor))
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packer")
    }
}

/// Parts that are to be written together.
#[derive(Debug)]
pub(super) struct Batch {
    first: u32,
    parts: Vec<(Hash, Vec<u8>)>,
    numbers: HashMap<Hash, u32>,
}

impl Batch {
    /// `first`: the number of its first part.
    pub(super) fn new(first: u32) -> Self {
        Self { first, parts: Vec::new(), numbers: HashMap::new() }
    }

    /// The number of a part that is not in the file yet.
    pub(super) fn add(&mut self, hash: Hash, bytes: &[u8]) -> u32 {
        let next = self.next();
        *self.numbers.entry(hash).or_insert_with(|| {
            self.parts.push((hash, bytes.to_owned()));
            next
        })
    }

    pub(super) fn next(&self) -> u32 {
        self.first + u32::try_from(self.parts.len()).expect("parts are fewer than bytes")
    }

    /// The blocks, as they stand in the file.
    pub(super) fn pack(&self, packer: &mut Packer) -> io::Result<Vec<u8>> {
        let mut file = Vec::new();
        let mut from = 0;
        while from < self.parts.len() {
            let mut until = from;
            let mut raw = Vec::new();
            while until < self.parts.len() && (raw.is_empty() || raw.len() + self.parts[until].1.len() <= FULL) {
                raw.extend_from_slice(&self.parts[until].1);
                until += 1;
            }
            let first = self.first + u32::try_from(from).expect("parts are fewer than bytes");
            block(first, &self.parts[from..until], &raw, packer, &mut file)?;
            from = until;
        }
        Ok(file)
    }
}

fn block(first: u32, parts: &[(Hash, Vec<u8>)], raw: &[u8], packer: &mut Packer, file: &mut Vec<u8>) -> io::Result<()> {
    let frame = packer.0.compress(raw)?;
    let narrow =
        |len: usize| u32::try_from(len).map_err(|_| Error::new(ErrorKind::FileTooLarge, "a part is too large"));
    let start = file.len();
    file.extend_from_slice(&SKIPPABLE);
    file.extend_from_slice(&narrow(FIXED - 8 + parts.len() * ENTRY + CHECK)?.to_le_bytes());
    file.extend_from_slice(&TAG);
    for number in [first, narrow(parts.len())?, narrow(raw.len())?, narrow(frame.len())?] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    for (hash, bytes) in parts {
        file.extend_from_slice(&narrow(bytes.len())?.to_le_bytes());
        file.extend_from_slice(hash);
    }
    let check = hash(&file[start..]);
    file.extend_from_slice(&check[..CHECK]);
    file.extend_from_slice(&frame);
    Ok(())
}

/// One block of the file.
#[derive(Debug)]
struct Block {
    /// Where its zstd frame is.
    at: u64,
    packed: u32,
    raw: u32,
    first: u32,
    /// Where each part ends in what is unpacked.
    ends: Vec<u32>,
}

/// Where each part is. Made by reading the headers only.
#[derive(Debug, Default)]
pub(super) struct Table {
    blocks: Vec<Block>,
    /// All before this has been read.
    end: u64,
}

impl Table {
    /// Takes in blocks that were added to the file, and tells of each part. What is no whole block is left out.
    pub(super) fn extend(&mut self, file: &File, mut each: impl FnMut(Hash, u32)) -> io::Result<()> {
        let len = file.metadata()?.len();
        let mut at = self.end;
        while at < len {
            match header(file, at, len)? {
                Some((block, hashes)) => {
                    at = block.at + u64::from(block.packed);
                    self.end = at;
                    if block.first >= self.next() {
                        hashes.into_iter().zip(block.first..).for_each(|(hash, part)| each(hash, part));
                        self.blocks.push(block);
                    }
                }
                // A torn end, or a damaged middle: then there is one behind it.
                None => match resync(file, at + 1, len)? {
                    Some(found) => at = found,
                    None => return Ok(()),
                },
            }
        }
        Ok(())
    }

    /// The end of the last whole block.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The number of the next part.
    pub(super) fn next(&self) -> u32 {
        self.blocks
            .last()
            .map_or(0, |block| block.first + u32::try_from(block.ends.len()).expect("entries are bounded"))
    }

    fn find(&self, part: u32) -> Option<(usize, Range<usize>)> {
        let at = self.blocks.partition_point(|block| block.first <= part).checked_sub(1)?;
        let block = &self.blocks[at];
        let within = usize::try_from(part - block.first).ok()?;
        let end = *block.ends.get(within)?;
        let start = within.checked_sub(1).map_or(0, |before| block.ends[before]);
        Some((at, usize::try_from(start).ok()?..usize::try_from(end).ok()?))
    }
}

/// A header and its hashes, when the whole block is there.
fn header(file: &File, at: u64, len: u64) -> io::Result<Option<(Block, Vec<Hash>)>> {
    let room = len - at;
    if room < (FIXED + CHECK) as u64 {
        return Ok(None);
    }
    let mut fixed = [0; FIXED];
    file.read_exact_at(&mut fixed, at)?;
    let number = |from: usize| u32::from_le_bytes([fixed[from], fixed[from + 1], fixed[from + 2], fixed[from + 3]]);
    let [first, count, raw, packed] = [number(12), number(16), number(20), number(24)];
    if fixed[..4] != SKIPPABLE || fixed[8..12] != TAG || count == 0 || count > MOST_ENTRIES || raw > MOST_RAW {
        return Ok(None);
    }
    let size = FIXED as u64 + u64::from(count) * ENTRY as u64 + CHECK as u64;
    if first.checked_add(count).is_none() || u64::from(number(4)) + 8 != size || size + u64::from(packed) > room {
        return Ok(None);
    }
    let mut rest = vec![0; usize::try_from(size).unwrap_or(usize::MAX) - FIXED];
    file.read_exact_at(&mut rest, at + FIXED as u64)?;
    let (entries, check) = rest.split_at(rest.len() - CHECK);
    if hash(&[&fixed, entries].concat())[..CHECK] != *check {
        return Ok(None);
    }
    let mut end = 0_u32;
    let mut ends = Vec::with_capacity(entries.len() / ENTRY);
    let mut hashes = Vec::with_capacity(entries.len() / ENTRY);
    for entry in entries.chunks_exact(ENTRY) {
        end = end.saturating_add(u32::from_le_bytes([entry[0], entry[1], entry[2], entry[3]]));
        ends.push(end);
        let mut hash = [0; 16];
        hash.copy_from_slice(&entry[4..]);
        hashes.push(hash);
    }
    let block = Block { at: at + size, packed, raw, first, ends };
    Ok((end == raw).then_some((block, hashes)))
}

/// The next place at which a block may begin.
fn resync(file: &File, from: u64, len: u64) -> io::Result<Option<u64>> {
    const STEP: usize = 1 << 16;
    let finder = memchr::memmem::Finder::new(&SKIPPABLE);
    let mut window = vec![0; STEP + SKIPPABLE.len()];
    let mut at = from;
    while at < len {
        let room = usize::try_from(len - at).unwrap_or(usize::MAX).min(window.len());
        file.read_exact_at(&mut window[..room], at)?;
        if let Some(found) = finder.find(&window[..room]) {
            return Ok(Some(at + found as u64));
        }
        at += STEP as u64;
    }
    Ok(None)
}

/// Reads parts. Blocks that were unpacked are kept while it lives.
pub(super) struct Parts<'f> {
    file: &'f File,
    table: &'f Table,
    unpacked: HashMap<usize, Arc<[u8]>>,
    /// Bytes of those.
    held: usize,
    unpacker: Decompressor<'static>,
}

impl<'f> Parts<'f> {
    pub(super) fn new(file: &'f File, table: &'f Table) -> io::Result<Self> {
        Ok(Self { file, table, unpacked: HashMap::new(), held: 0, unpacker: Decompressor::new()? })
    }

    /// These parts, one after another.
    pub(super) fn join(&mut self, parts: &[u32]) -> io::Result<Vec<u8>> {
        let mut joined = Vec::new();
        for part in parts {
            let missing = || Error::new(ErrorKind::InvalidData, "a part is missing");
            let (block, range) = self.table.find(*part).ok_or_else(missing)?;
            let raw = self.unpack(block)?;
            joined.extend_from_slice(raw.get(range).ok_or_else(missing)?);
        }
        Ok(joined)
    }

    fn unpack(&mut self, at: usize) -> io::Result<Arc<[u8]>> {
        if let Some(raw) = self.unpacked.get(&at) {
            return Ok(Arc::clone(raw));
        }
        let block = &self.table.blocks[at];
        let mut packed = vec![0; usize::try_from(block.packed).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut packed, block.at)?;
        let raw = self.unpacker.decompress(&packed, usize::try_from(block.raw).unwrap_or(usize::MAX))?;
        let raw: Arc<[u8]> = raw.into();
        if self.held > MOST_HELD {
            self.unpacked.clear();
            self.held = 0;
        }
        self.held += raw.len();
        self.unpacked.insert(at, Arc::clone(&raw));
        Ok(raw)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn packed(first: u32, parts: &[&[u8]]) -> Vec<u8> {
        let mut batch = Batch::new(first);
        for part in parts {
            batch.add(hash(part), part);
        }
        batch.pack(&mut Packer::new().unwrap()).unwrap()
    }

    /// What can be read: each part by its number.
    fn read(bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let file = file(bytes);
        let mut table = Table::default();
        let mut numbers = Vec::new();
        table.extend(&file, |_, part| numbers.push(part)).unwrap();
        let mut parts = Parts::new(&file, &table).unwrap();
        numbers.into_iter().map(|part| (part, parts.join(&[part]).unwrap())).collect()
    }

    fn numbered(from: u32, parts: &[&[u8]]) -> Vec<(u32, Vec<u8>)> {
        (from..).zip(parts.iter().map(|part| part.to_vec())).collect()
    }

    #[test]
    fn parts_come_back_by_their_numbers() {
        let large = vec![b'a'; FULL];
        let parts: [&[u8]; 4] = [b"one", b"two", &large, b"three"];
        assert_eq!(read(&packed(7, &parts)), numbered(7, &parts));
    }

    #[test]
    fn zstd_reads_the_file_as_it_is() {
        let both = [packed(0, &[b"one", b"two"]), packed(2, &[b"three"])].concat();
        assert_eq!(zstd::stream::decode_all(&both[..]).unwrap(), b"onetwothree");
    }

    #[test]
    fn a_torn_end_is_left_out_wherever_it_is_torn() {
        let (whole, last) = (packed(0, &[b"one"]), packed(1, &[b"two", b"three"]));
        for kept in 0..last.len() {
            let torn = [&whole[..], &last[..kept]].concat();
            assert_eq!(read(&torn), numbered(0, &[b"one"]), "{kept}");
            let zeroed = [&torn[..], &vec![0; last.len() - kept]].concat();
            // What zstd packed may end in a zero itself: then nothing is torn, or only zstd's checksum tells.
            let mut table = Table::default();
            table.extend(&file(&zeroed), |_, _| ()).unwrap();
            assert!(table.end() >= whole.len() as u64, "{kept}");
        }
    }

    #[test]
    fn damage_in_the_middle_costs_its_block_only() {
        let (one, two, three) = (packed(0, &[b"one"]), packed(1, &[b"two"]), packed(2, &[b"three"]));
        let mut bytes = [&one[..], &two, &three].concat();
        for at in one.len()..one.len() + FIXED {
            bytes[at] ^= 0x55;
            let read = read(&bytes);
            assert_eq!(read.first(), Some(&(0, b"one".to_vec())), "{at}");
            assert_eq!(read.last(), Some(&(2, b"three".to_vec())), "{at}");
            bytes[at] ^= 0x55;
        }
    }

    #[test]
    fn a_part_that_is_missing_is_an_error() {
        let file = file(&packed(3, &[b"one"]));
        let mut table = Table::default();
        table.extend(&file, |_, _| ()).unwrap();
        let mut parts = Parts::new(&file, &table).unwrap();
        for missing in [0, 2, 4, u32::MAX] {
            assert_eq!(parts.join(&[missing]).unwrap_err().kind(), ErrorKind::InvalidData, "{missing}");
        }
    }
}
