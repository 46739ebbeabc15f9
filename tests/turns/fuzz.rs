//! The bodies of the fuzzer (`tests/fuzz`) on what is recorded, and on that with some damage.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bodies::{BODIES, Body};

/// Damaged inputs for each body, which take some seconds; `INPUTS=100000 SEED=2` tries others.
const INPUTS: usize = 200;

#[test]
fn request() {
    check("request", &requests());
}

#[test]
fn decoder_answer() {
    check("decoder_answer", &answers());
}

#[test]
fn recover() {
    let rows = files("tests/fixtures/recovery").into_iter().flat_map(|table| rows_of(&table));
    check("recover", &rows.collect::<Vec<_>>());
}

#[test]
fn repair() {
    let calls = files("tests/fixtures/recovery").into_iter().flat_map(|table| {
        let table = String::from_utf8(table).unwrap();
        let calls = table.lines().filter_map(|line| line.strip_prefix("§ > "));
        calls.map(|call| call.replacen(' ', "\n", 1).into_bytes()).collect::<Vec<_>>()
    });
    check("repair", &calls.collect::<Vec<_>>());
}

#[test]
fn unpack_parse() {
    let packed = requests().into_iter().flat_map(|bytes| {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(vec![1], flate2::Compression::fast());
        gzip.write_all(&bytes).unwrap();
        let zstd = zstd::encode_all(&bytes[..], 1).unwrap();
        [gzip.finish().unwrap(), [&[3], &zstd[..]].concat()]
    });
    check("unpack_parse", &packed.collect::<Vec<_>>());
}

#[test]
fn tools() {
    check("tools", &requests());
}

#[test]
fn every_body_has_a_target_and_a_test() {
    let manifest = fs::read_to_string(path("tests/fuzz/Cargo.toml")).unwrap();
    for (name, _) in BODIES {
        assert!(manifest.contains(&format!("\nname = \"{name}\"\n")), "{name}");
        assert!(include_str!("fuzz.rs").contains(&format!("check(\"{name}\"")), "{name}");
    }
}

#[track_caller]
fn check(name: &str, corpus: &[Vec<u8>]) {
    let (_, body): &(&str, Body) = BODIES.iter().find(|(known, _)| *known == name).unwrap();
    assert!(!corpus.is_empty());
    for input in corpus {
        tried(name, *body, input);
    }
    let given = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let mut dice = Dice::new(given("SEED").unwrap_or(11));
    for _ in 0..given("INPUTS").map_or(INPUTS, |inputs| usize::try_from(inputs).unwrap()) {
        let mut input = corpus[dice.below(corpus.len())].clone();
        let other = &corpus[dice.below(corpus.len())];
        for _ in 0..=dice.below(3) {
            damage(&mut input, other, &mut dice);
        }
        tried(name, *body, &input);
    }
}

/// Tells which input it was.
fn tried(name: &str, body: Body, input: &[u8]) {
    let outcome = std::panic::catch_unwind(|| body(input));
    assert!(outcome.is_ok(), "{name}: {:?}", String::from_utf8_lossy(input));
}

fn path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

fn files(below: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(path(below)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let texts = paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "txt" || ending == "json"));
    texts.map(|path| fs::read(path).unwrap()).collect()
}

fn requests() -> Vec<Vec<u8>> {
    let mut all = files("tests/fixtures/codex/requests");
    all.retain(|bytes| bytes.len() < 13_000);
    all.extend(turns("request.json").into_iter().filter(|bytes| bytes.len() < 6_000));
    all
}

/// The files of this name in all folders of turns.
fn turns(name: &str) -> Vec<Vec<u8>> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(path("tests/fixtures/turns")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.iter().filter_map(|folder| fs::read(folder.join(name)).ok()).collect()
}

fn answers() -> Vec<Vec<u8>> {
    let of = |api: u8, name: &str| -> Vec<Vec<u8>> {
        turns(name).into_iter().flat_map(|body| [0, 2].map(|client| [&[api | client, 7], &body[..]].concat())).collect()
    };
    [of(0, "upstream.ndjson"), of(1, "upstream.sse")].concat()
}

fn rows_of(table: &[u8]) -> Vec<Vec<u8>> {
    std::str::from_utf8(table).unwrap().split("§ ").map(|row| row.as_bytes().to_vec()).collect()
}

/// xorshift64*
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let rolled = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(rolled).unwrap() % limit.max(1)
    }
}

/// Bytes gone, changed, said twice, or taken from another input; or, where it is JSON, a node put in the place of another.
fn damage(input: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let (from, length) = (dice.below(input.len()), dice.below(40));
    let to = (from + length).min(input.len());
    let start = dice.below(other.len());
    let piece = other[start..(start + length).min(other.len())].to_vec();
    match dice.below(8) {
        0 => drop(input.drain(from..to)),
        1 => drop(input.splice(from..from, piece)),
        2 => drop(input.splice(from..to, piece)),
        3 => input.truncate(from),
        4 if !input.is_empty() => input[from] = *b"\"{}[]\\\n<|`:,0\x1e\xff "[dice.below(16)..].first().unwrap(),
        _ => transplant(input, other, dice),
    }
}

fn transplant(input: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let (Ok(mut value), Ok(other)) = (serde_json::from_slice::<Value>(input), serde_json::from_slice::<Value>(other))
    else {
        return;
    };
    let mut donors = Vec::new();
    nodes(&other, &mut donors);
    let donor = donors[dice.below(donors.len())].clone();
    let mut count = Vec::new();
    nodes(&value, &mut count);
    let mut target = dice.below(count.len());
    replace(&mut value, &mut target, &donor);
    *input = value.to_string().into_bytes();
}

fn nodes<'v>(value: &'v Value, into: &mut Vec<&'v Value>) {
    into.push(value);
    match value {
        Value::Array(all) => all.iter().for_each(|one| nodes(one, into)),
        Value::Object(all) => all.values().for_each(|one| nodes(one, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn replace(value: &mut Value, left: &mut usize, donor: &Value) {
    if *left == 0 {
        *value = donor.clone();
        *left = usize::MAX;
        return;
    }
    *left = left.saturating_sub(1);
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| replace(one, left, donor)),
        Value::Object(all) => all.values_mut().for_each(|one| replace(one, left, donor)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
