//! A request's body: out of its wrapping, and into JSON. Bounded before and after: what unpacks to more than the limit is
//! given up there, not after it has filled the memory.

use std::borrow::Cow;
use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use serde_json::Value;
use serde_json::error::Category;
use thiserror::Error;
use zstd::stream::read::Decoder;

/// What a 415 may carry in `accept-encoding` (RFC 7694).
pub const ACCEPTED: &str = "gzip, deflate, zstd, identity";

/// Wrapped more often than this, a body is no request any more.
const MOST_CODINGS: usize = 4;

/// What RFC 8878 wants every decoder of zstd to hold.
const LEAST_WINDOW: usize = 8 << 20;
/// The most that the decoder can be told (zstd.h, `ZSTD_WINDOWLOG_MAX`).
const MOST_WINDOW_LOG: u32 = 31;

/// A body that cannot be read. No sentence carries anything of its content.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum UnpackError {
    #[error("the request is larger than {} (--max-body-size)", bytes(*.limit))]
    TooLarge { limit: usize },
    #[error("the request is larger than {} when unpacked (--max-body-size)", bytes(*.limit))]
    TooLargeUnpacked { limit: usize },
    #[error("content-encoding `{0}` is not supported, these are: {ACCEPTED}")]
    Unknown(String),
    #[error("content-encoding names more than {MOST_CODINGS} codings, one is enough")]
    TooMany,
    #[error("the request is not what its content-encoding says: it is no {coding}, or not whole")]
    Broken { coding: &'static str },
}

impl UnpackError {
    pub fn status(&self) -> u16 {
        match self {
            Self::TooLarge { .. } | Self::TooLargeUnpacked { .. } => 413,
            Self::Unknown(_) | Self::TooMany => 415,
            Self::Broken { .. } => 400,
        }
    }
}

/// As people write sizes.
fn bytes(size: usize) -> String {
    match size {
        size if size >= 1 << 20 && size.is_multiple_of(1 << 20) => format!("{} MiB", size >> 20),
        size => format!("{size} bytes"),
    }
}

#[derive(Clone, Copy)]
enum Coding {
    Gzip,
    Deflate,
    Zstd,
}

/// The body as it was before it was packed. `encoding` is the header `content-encoding`; where there are several, joined
/// by commas.
pub fn unpack(encoding: Option<&str>, mut body: Bytes, limit: usize) -> Result<Bytes, UnpackError> {
    let codings = codings(encoding.unwrap_or_default())?;
    if body.len() > limit {
        return Err(UnpackError::TooLarge { limit });
    }
    // They are named in the order in which they were applied (RFC 9110, 8.4).
    for coding in codings.into_iter().rev() {
        let unpacked = match coding {
            Coding::Gzip => read(MultiGzDecoder::new(&body[..]), limit),
            Coding::Deflate if has_zlib_header(&body) => read(ZlibDecoder::new(&body[..]), limit),
            // Without the header that the standard asks for; some clients leave it out (RFC 9110, 8.4.1.2).
            Coding::Deflate => read(DeflateDecoder::new(&body[..]), limit),
            Coding::Zstd => unzstd(&body, limit),
        };
        body = unpacked.map_err(|end| match end {
            End::Limit => UnpackError::TooLargeUnpacked { limit },
            End::Broken => UnpackError::Broken { coding: coding.name() },
        })?;
    }
    Ok(body)
}

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }
}

fn codings(encoding: &str) -> Result<Vec<Coding>, UnpackError> {
    let mut codings = Vec::new();
    for name in encoding.split(',').map(|name| name.trim().to_ascii_lowercase()) {
        codings.push(match name.as_str() {
            "" | "identity" => continue,
            "gzip" | "x-gzip" => Coding::Gzip,
            "deflate" => Coding::Deflate,
            "zstd" => Coding::Zstd,
            _ => return Err(UnpackError::Unknown(name.chars().filter(char::is_ascii_graphic).take(32).collect())),
        });
    }
    if codings.len() > MOST_CODINGS { Err(UnpackError::TooMany) } else { Ok(codings) }
}

/// Why there is no more.
enum End {
    Limit,
    Broken,
}

/// One byte past the limit is enough to know.
fn read(packed: impl Read, limit: usize) -> Result<Bytes, End> {
    let mut unpacked = Vec::new();
    let room = limit.saturating_add(1);
    packed.take(room as u64).read_to_end(&mut unpacked).map_err(|_| End::Broken)?;
    if unpacked.len() > limit { Err(End::Limit) } else { Ok(unpacked.into()) }
}

fn has_zlib_header(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31))
}

/// Frame after frame, with what may be skipped between them.
fn unzstd(packed: &[u8], limit: usize) -> Result<Bytes, End> {
    // An empty body is no frame.
    if packed.is_empty() {
        return Err(End::Broken);
    }
    let mut decoder = Decoder::with_buffer(packed).map_err(|_| End::Broken)?;
    // A frame may ask for a window of gigabytes; what it unpacks to is bounded, and so is its window.
    let window = limit.max(LEAST_WINDOW).next_power_of_two().ilog2().min(MOST_WINDOW_LOG);
    decoder.window_log_max(window).map_err(|_| End::Broken)?;
    read(decoder, limit)
}

/// A body that is no JSON, or more of it than is good.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ParseError {
    #[error("the request is empty, JSON is expected")]
    Empty,
    #[error("the request is not UTF-8: byte {at} is wrong")]
    NotUtf8 { at: usize },
    #[error("the request is no JSON: {what} in line {line}, column {column}")]
    Malformed { what: Cow<'static, str>, line: usize, column: usize },
    #[error("the request is nested deeper than 128 levels, in line {line}, column {column}")]
    TooDeep { line: usize, column: usize },
}

/// Reads JSON. Depth is bounded by `serde_json`, to 128 levels.
pub fn parse(body: &[u8]) -> Result<Value, ParseError> {
    // Notepad puts a byte order mark before what it saves.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|error| ParseError::NotUtf8 { at: error.valid_up_to() })?;
    if text.trim_ascii().is_empty() {
        return Err(ParseError::Empty);
    }
    serde_json::from_str(text).map_err(|error| judge(&error))
}

fn judge(error: &serde_json::Error) -> ParseError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    match error.classify() {
        Category::Eof => ParseError::Malformed { what: "it ends too soon,".into(), line, column },
        _ if what == "recursion limit exceeded" => ParseError::TooDeep { line, column },
        Category::Syntax | Category::Data | Category::Io => {
            ParseError::Malformed { what: what.to_owned().into(), line, column }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    const TEXT: &[u8] = br#"{"model":"qwen3:14b","input":"hello hello hello hello"}"#;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn raw_deflate(text: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        ::zstd::encode_all(text, 1).unwrap()
    }

    #[test]
    fn every_coding_is_undone() {
        check(None, TEXT.into());
        check(Some(""), TEXT.into());
        check(Some("identity"), TEXT.into());
        check(Some("gzip"), gzip(TEXT));
        check(Some("X-GZIP"), gzip(TEXT));
        check(Some("deflate"), zlib(TEXT));
        check(Some("deflate"), raw_deflate(TEXT));
        check(Some("zstd"), zstd(TEXT));
    }

    #[test]
    fn what_was_applied_last_is_undone_first() {
        check(Some("gzip, zstd"), zstd(&gzip(TEXT)));
        check(Some("zstd,gzip , identity"), gzip(&zstd(TEXT)));
    }

    #[test]
    fn a_body_in_several_members_is_one_body() {
        let (one, two) = TEXT.split_at(20);
        check(Some("gzip"), [gzip(one), gzip(two)].concat());
        check(Some("zstd"), [zstd(one), zstd(two)].concat());
        let note = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        check(Some("zstd"), [note.clone(), zstd(one), note, zstd(two)].concat());
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let zeros = vec![0; 4 << 20];
        for (coding, packed) in [("gzip", gzip(&zeros)), ("deflate", zlib(&zeros)), ("zstd", zstd(&zeros))] {
            let error = UnpackError::TooLargeUnpacked { limit: 1 << 20 };
            refused(Some(coding), packed, 1 << 20, &error, 413, "larger than 1 MiB when unpacked (--max-body-size)");
        }
        let twice = gzip(&gzip(&zeros));
        refused(Some("gzip, gzip"), twice, 1 << 20, &UnpackError::TooLargeUnpacked { limit: 1 << 20 }, 413, "1 MiB");
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        for (coding, packed) in [(None, TEXT.to_vec()), (Some("gzip"), gzip(TEXT)), (Some("zstd"), zstd(TEXT))] {
            let limit = TEXT.len().max(packed.len());
            assert!(unpack(coding, packed.into(), limit).is_ok(), "{coding:?}");
        }
        let limit = TEXT.len() - 1;
        refused(None, TEXT.into(), limit, &UnpackError::TooLarge { limit }, 413, "larger than 54 bytes");
    }

    #[test]
    fn an_unknown_coding_learns_those_that_work() {
        for (header, coding) in [("br", "br"), ("gzip, br", "br"), ("Compress", "compress"), ("\u{1}x y", "xy")] {
            let error = UnpackError::Unknown(coding.into());
            refused(Some(header), TEXT.into(), 100, &error, 415, "these are: gzip, deflate, zstd, identity");
        }
        refused(Some("gzip,gzip,gzip,gzip,gzip"), TEXT.into(), 100, &UnpackError::TooMany, 415, "more than 4");
    }

    #[test]
    fn what_is_not_what_it_says_is_broken() {
        for (coding, packed) in [("gzip", gzip(TEXT)), ("deflate", zlib(TEXT)), ("zstd", zstd(TEXT))] {
            let error = UnpackError::Broken { coding };
            let cut = packed[..packed.len() - 9].to_vec();
            for body in [cut, b"{\"model\":1}".to_vec(), Vec::new()] {
                refused(Some(coding), body, 100, &error, 400, coding);
            }
        }
        let huge_window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00];
        refused(Some("zstd"), huge_window.into(), 100, &UnpackError::Broken { coding: "zstd" }, 400, "zstd");
        let cut_note = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1];
        refused(Some("zstd"), cut_note.into(), 100, &UnpackError::Broken { coding: "zstd" }, 400, "zstd");
    }

    #[test]
    fn json_is_read() {
        assert_eq!(parse(br#" {"a":[1,"\u00e9"]} "#).unwrap(), serde_json::json!({"a": [1, "é"]}));
        assert_eq!(parse(b"\xef\xbb\xbf{}").unwrap(), serde_json::json!({}));
    }

    #[test]
    fn what_is_no_json_is_told_by_its_place_and_not_by_its_content() {
        said(b"", "the request is empty, JSON is expected");
        said(b" \n", "the request is empty, JSON is expected");
        said(b"{\"a\":\"\xff\"}", "the request is not UTF-8: byte 6 is wrong");
        said(b"{\n  secret\n}", "the request is no JSON: key must be a string in line 2, column 3");
        said(b"{\"a\":\"secret", "the request is no JSON: it ends too soon, in line 1, column 12");
        said(b"{\"a\":\"secret\"} x", "the request is no JSON: trailing characters in line 1, column 16");
        said(b"{\"a\":\"\\ud800\"}", "the request is no JSON: unexpected end of hex escape in line 1, column 13");
        said(b"1e999", "the request is no JSON: number out of range in line 1, column 5");
    }

    #[test]
    fn what_is_nested_too_deep_is_told_so() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(nested(127).as_bytes()).is_ok());
        said(nested(128).as_bytes(), "the request is nested deeper than 128 levels, in line 1, column 128");
        said(nested(1 << 20).as_bytes(), "the request is nested deeper than 128 levels, in line 1, column 128");
    }

    #[track_caller]
    fn check(encoding: Option<&str>, packed: Vec<u8>) {
        assert_eq!(unpack(encoding, packed.into(), 1000).as_deref(), Ok(TEXT), "{encoding:?}");
    }

    #[track_caller]
    fn refused(encoding: Option<&str>, body: Vec<u8>, limit: usize, error: &UnpackError, status: u16, says: &str) {
        let found = unpack(encoding, body.into(), limit).unwrap_err();
        assert_eq!((&found, found.status()), (error, status), "{encoding:?}");
        assert!(found.to_string().contains(says), "{found}");
    }

    #[track_caller]
    fn said(body: &[u8], sentence: &str) {
        assert_eq!(parse(body).unwrap_err().to_string(), sentence);
    }
}
