//! Base64 as data URLs have it: the standard alphabet, padded.

/// Go's decoder, which reads Ollama's images, takes this and line ends, nothing else.
pub(super) fn is_valid(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    // All bytes are looked at, as that is several to a clock tick: images are large.
    let alphabet = body.bytes().fold(true, |all, byte| all & (value(byte).is_some() | matches!(byte, b'\r' | b'\n')));
    let lines = body.bytes().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
    !body.is_empty() && alphabet && text.len() - body.len() <= 2 && (text.len() - lines).is_multiple_of(4)
}

pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    if !is_valid(text) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for six in text.bytes().filter_map(value) {
        bits = (bits << 6) | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).expect("masked to eight bits"));
        }
    }
    Some(bytes)
}

fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, is_valid};

    #[test]
    fn texts_come_back() {
        for (text, bytes) in [("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFyIMO8Lg==", "foobar ü.")] {
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(decode("Zm9v\r\nYmFy").as_deref(), Some(&b"foobar"[..]));
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in ["", "Zg", "Zg=", "Z===", "Zm9v!AAA", "Zm-_", "Zm 9v", "=Zm9"] {
            assert!(!is_valid(text), "{text}");
        }
    }
}
