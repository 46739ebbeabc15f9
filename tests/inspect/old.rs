//! The routes of `codex_capture`.

use serde_json::json;

use super::bed::Bed;

#[test]
fn old_addresses_lead_to_the_page() {
    let bed = Bed::new();
    let (one, other) = (bed.played("qwen3", "first", "yes"), bed.played("qwen3", "second", "no"));
    for (number, id) in [(0, one), (1, other)] {
        let reply = bed.get(&format!("/capture/{number}"));
        assert_eq!((reply.status, reply.header("location")), (303, Some(format!("/#/x/{id}").as_str())));
    }
    assert_eq!(bed.get("/capture/2").status, 404);
    assert_eq!(bed.get("/capture/x").status, 400);
}

#[test]
fn old_files_are_those_of_the_latest_exchange() {
    let bed = Bed::new();
    for path in ["/raw/latest.json", "/raw/request", "/raw/response"] {
        assert_eq!(bed.get(path).status, 404, "{path}");
    }
    let one = bed.played("qwen3", "first", "yes");
    bed.played("llama3", "second", "no");
    let latest = bed.json("/raw/latest.json");
    assert_eq!(latest["summary"]["model"], "llama3");
    assert_eq!(latest["request"]["method"], "POST");
    assert_eq!(bed.json("/raw/request")["messages"][0]["content"], "second");
    assert!(bed.get("/raw/response").text().contains("\"no\""));
    assert_eq!(bed.json(&format!("/raw/request?id={one}"))["messages"][0]["content"], "first");
}

#[test]
fn old_scripts_see_when_something_changed() {
    let bed = Bed::new();
    assert_eq!(bed.json("/api/last-updated"), json!({ "mtime": 0.0 }));
    let id = bed.played("qwen3", "first", "yes");
    let mtime = bed.json("/api/last-updated")["mtime"].as_f64().unwrap();
    let begun = bed.library.row(id).unwrap().begun_ms;
    assert!(mtime >= f64::from(u32::try_from(begun / 1000).unwrap()));
}
