//! When the pieces of a stream came, in few bytes: differences, in as many bytes as each needs (LEB128). Pure.

use crate::capture::record::Piece;

/// A piece is at least two bytes here; a damaged part cannot ask for more memory than it has itself.
pub(super) fn encode(pieces: &[Piece]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(pieces.len() * 4);
    let mut before = 0;
    for piece in pieces {
        // Pieces of one body are in order; a clock that went back costs the truth of one time, not the order.
        number(&mut bytes, piece.at_us.saturating_sub(before));
        number(&mut bytes, u64::from(piece.len));
        before = piece.at_us.max(before);
    }
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Vec<Piece> {
    let mut rest = bytes;
    let mut pieces = Vec::new();
    let mut at_us = 0_u64;
    while let (Some(after), Some(len)) = (read(&mut rest), read(&mut rest)) {
        at_us = at_us.saturating_add(after);
        pieces.push(Piece { at_us, len: u32::try_from(len).unwrap_or(u32::MAX) });
    }
    pieces
}

fn number(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(low_bits(value) | 0x80);
        value >>= 7;
    }
    bytes.push(low_bits(value));
}

fn low_bits(value: u64) -> u8 {
    u8::try_from(value & 0x7f).expect("seven bits fit")
}

fn read(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, more) = rest.split_first()?;
        *rest = more;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_as_they_were() {
        let times = [0, 0, 127, 128, 5_000_000, u64::MAX];
        let lens = [0, 1, u32::MAX, 300, 7, 16 << 20];
        let pieces: Vec<Piece> = times.into_iter().zip(lens).map(|(at_us, len)| Piece { at_us, len }).collect();
        assert_eq!(decode(&encode(&pieces)), pieces);
    }

    #[test]
    fn damaged_bytes_give_what_can_be_read() {
        assert_eq!(decode(&[5, 2, 0x80]), [Piece { at_us: 5, len: 2 }]);
        assert_eq!(decode(&[0xff; 40]), []);
    }
}
