//! Requests and answers of real programs, as they came, have nothing in them that is taken for a secret.

use std::fs;
use std::path::{Path, PathBuf};

use ollama_forward::capture::redact;

#[test]
fn real_traffic_is_left_alone() {
    let mut folders: Vec<PathBuf> = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            assert_eq!(redact::body(&bytes, None), None, "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}
