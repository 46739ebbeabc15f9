//! News, as a page gets them.

use bytes::Bytes;
use ollama_forward::capture::Pane;
use ollama_forward::capture::record::Head;
use ollama_forward::capture::tap::Ending;
use serde_json::{Value, json};

use super::bed::{Bed, Page};

fn is_over(row: &Value) -> bool {
    row["state"] == "done"
}

#[test]
fn a_page_sees_an_exchange_from_its_request_to_its_end() {
    let bed = Bed::new();
    let mut page = Page::open(&bed, None);
    let hello = page.next().unwrap();
    assert_eq!((hello.name.as_str(), &hello.data["lang"]), ("hello", &json!("fr")));
    let reel = bed.begin("qwen3", "hello");
    let id = json!(reel.id());
    let first = page.row(|row| row["id"] == id && row["model"] == "qwen3");
    assert!(!is_over(&first.data));
    assert!(first.id > hello.id);
    reel.head(Pane::ClientResponse, 0, Head { status: Some(200), ..Head::default() });
    reel.bytes(Pane::ClientResponse, 0, &Bytes::from_static(b"{}"));
    reel.ended(Pane::ClientResponse, 0);
    reel.ends(Ending::Done);
    drop(reel);
    let last = page.row(is_over);
    assert_eq!(last.data["id"], id);
    assert!(last.id > first.id);
}

#[test]
fn a_page_learns_of_what_is_gone_and_of_the_state() {
    let bed = Bed::new();
    let id = bed.played("qwen3", "hello", "world");
    let mut page = Page::open(&bed, None);
    page.until("hello");
    bed.post("/api/v1/capture", &json!({ "on": false }));
    // What the writer says of itself may come before it.
    while page.until("state").data["capture"]["on"] != false {}
    bed.ask("DELETE", &format!("/api/v1/exchanges/{id}"), &[], "");
    assert_eq!(page.until("gone").data, json!({ "id": id }));
}

#[test]
fn a_page_that_comes_back_gets_what_it_missed() {
    let bed = Bed::new();
    let mut page = Page::open(&bed, None);
    let seen = page.until("hello").id.unwrap();
    drop(page);
    let (one, other) = (bed.played("qwen3", "first", "yes"), bed.played("qwen3", "second", "no"));
    let mut page = Page::open(&bed, Some(&seen.to_string()));
    assert_eq!(page.until("hello").id, None);
    let first = page.row(is_over);
    assert_eq!(first.data["id"], json!(one));
    let second = page.row(is_over);
    assert_eq!(second.data["id"], json!(other));
    let mut again = Page::open(&bed, Some(&first.id.unwrap().to_string()));
    assert_eq!(again.row(is_over).data["id"], json!(other));
}

#[test]
fn a_page_of_another_run_reads_its_list_anew() {
    let bed = Bed::new();
    for last_id in ["5", "18446744073709551615", "99999999999999999999999", "nonsense", "-1"] {
        let mut page = Page::open(&bed, Some(last_id));
        assert_eq!(page.next().unwrap().name, "hello", "{last_id}");
        assert_eq!(page.next().unwrap().name, "reset", "{last_id}");
    }
}

#[test]
fn a_page_that_does_not_read_misses_nothing_that_still_holds() {
    let bed = Bed::new();
    let mut page = Page::open(&bed, None);
    page.until("hello");
    let reel = bed.begin("qwen3", "hello");
    reel.head(Pane::ClientResponse, 0, Head { status: Some(200), ..Head::default() });
    for _ in 0..2000 {
        reel.bytes(Pane::ClientResponse, 0, &Bytes::from_static(b"data: {\"choices\":[]}\n\n"));
    }
    reel.ended(Pane::ClientResponse, 0);
    reel.ends(Ending::Done);
    drop(reel);
    let last = page.row(is_over);
    assert_eq!(last.data["received"], 2000 * 22);
}

#[test]
fn hostile_words_do_not_leave_their_event() {
    let bed = Bed::new();
    let mut page = Page::open(&bed, None);
    page.until("hello");
    let words = "a\n\nevent: gone\ndata: {}\n\n\r\u{2028}</script>";
    bed.played("qwen3", words, "world");
    let row = page.row(is_over);
    assert_eq!(row.data["user"], words.trim_end());
}

#[test]
fn the_feed_ends_with_the_server() {
    let mut bed = Bed::new();
    let mut page = Page::open(&bed, None);
    page.until("hello");
    bed.stop();
    while let Some(event) = page.next() {
        assert_ne!(event.name, "hello");
    }
}

#[test]
fn the_head_of_the_feed_can_be_asked_for() {
    let bed = Bed::new();
    let reply = bed.ask("HEAD", "/api/v1/events", &[], "");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/event-stream")));
}
