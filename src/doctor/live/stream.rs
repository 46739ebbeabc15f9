//! A streamed answer, listened to: when the first piece comes, how long the silences are, and whether it comes to its end.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, timeout_at};

use super::Stream;
use super::gather::Progress;
use crate::bridge::catalog::parse_tags;
use crate::clock;
use crate::doctor::http::{Answer, Broke, Place, Question, begin};
use crate::doctor::ollama::Api;
use crate::words::Words;

/// Enough to see that words come one by one, and few enough for a slow machine.
const WORDS: u32 = 64;
const PROMPT: &str = "Count from one to forty in words.";
/// A few words, or a list of models: this is no test of endurance.
const MOST: u64 = 4 << 20;

/// What is listened to.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// The list of models.
    List(Api),
    /// A few words of this model. No context is asked for, so that a loaded model is not loaded anew.
    Chat(Api, String),
}

impl Source {
    fn model(&self) -> Option<&str> {
        match self {
            Self::List(_) => None,
            Self::Chat(_, model) => Some(model),
        }
    }

    fn question(&self) -> Question {
        let messages = json!([{ "role": "user", "content": PROMPT }]);
        match self {
            Self::List(Api::Ollama) => Question::get("/api/tags"),
            Self::List(Api::Chat) => Question::get("/v1/models"),
            Self::Chat(Api::Ollama, model) => {
                let options = json!({ "num_predict": WORDS });
                let body = json!({ "model": model, "stream": true, "messages": messages, "options": options });
                Question::post("/api/chat", body.to_string())
            }
            Self::Chat(Api::Chat, model) => {
                let body = json!({ "model": model, "stream": true, "messages": messages, "max_tokens": WORDS });
                Question::post("/v1/chat/completions", body.to_string())
            }
        }
    }

    /// What the end of the answer tells: whether it is the end, and for how long the model spoke.
    fn end(&self, text: &[u8]) -> Result<(bool, Option<u64>), Words> {
        match self {
            Self::List(_) => Ok((parse_tags(text).is_some(), None)),
            Self::Chat(Api::Ollama, _) => {
                let last = lines(text).next_back().and_then(|line| serde_json::from_slice::<Value>(line).ok());
                let last = last.unwrap_or_default();
                if let Some(error) = last["error"].as_str() {
                    return Err(Words::same(error));
                }
                let spoke = last["eval_duration"].as_u64().map(|ns| ns / 1_000_000);
                Ok((last["done"] == true, spoke))
            }
            Self::Chat(Api::Chat, _) => Ok((lines(text).next_back() == Some(b"data: [DONE]"), None)),
        }
    }
}

fn lines(text: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
}

/// Asks and listens, at most until this time has passed. While nothing comes, `progress` hears of it each second.
pub(super) async fn listen(
    place: &Place,
    source: &Source,
    within: Duration,
    progress: &(dyn Fn(Progress) + Sync),
) -> Stream {
    let begun = clock::now();
    let spoke = AtomicBool::new(false);
    let mut ear = Ear { begun, last: None, spoke: &spoke, text: Vec::new(), heard: Stream::default() };
    let outcome = tokio::select! {
        outcome = timeout_at((begun + within).into(), ear.hear(place, source)) => outcome,
        never = tell(begun, &spoke, progress) => match never {},
    };
    let outcome = outcome.unwrap_or(Err(Broke::Silent(within).words(place.address)));
    ear.finish(source, outcome)
}

/// Tells once a second how long it takes.
async fn tell(begun: Instant, spoke: &AtomicBool, progress: &(dyn Fn(Progress) + Sync)) -> Infallible {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // The first tick comes at once.
    seconds.tick().await;
    loop {
        seconds.tick().await;
        let since = clock::now().duration_since(begun);
        progress(if spoke.load(Ordering::Relaxed) { Progress::Speaking(since) } else { Progress::Waiting(since) });
    }
}

/// What has been heard so far; kept when the rest does not come.
struct Ear<'a> {
    begun: Instant,
    /// When the last piece came.
    last: Option<Instant>,
    spoke: &'a AtomicBool,
    text: Vec<u8>,
    heard: Stream,
}

impl Ear<'_> {
    async fn hear(&mut self, place: &Place, source: &Source) -> Result<(), Words> {
        let broke = |broke: Broke| broke.words(place.address);
        let mut answer: Answer = begin(place, &source.question()).await.map_err(broke)?;
        let status = answer.status;
        while let Some(piece) = answer.next().await {
            self.take(&piece.map_err(broke)?);
            if self.heard.bytes > MOST {
                return Err(broke(Broke::TooLong));
            }
        }
        if status == StatusCode::OK { Ok(()) } else { Err(refusal(status, &self.text)) }
    }

    fn take(&mut self, piece: &[u8]) {
        let now = clock::now();
        self.spoke.store(true, Ordering::Relaxed);
        match self.last {
            None => self.heard.first_ms = ms(now - self.begun),
            Some(last) => self.heard.longest_gap_ms = self.heard.longest_gap_ms.max(ms(now - last)),
        }
        self.last = Some(now);
        self.heard.pieces += 1;
        self.heard.bytes += piece.len() as u64;
        self.text.extend_from_slice(piece);
    }

    fn finish(self, source: &Source, outcome: Result<(), Words>) -> Stream {
        let took_ms = ms(self.last.unwrap_or_else(clock::now) - self.begun);
        let ended = outcome.and_then(|()| source.end(&self.text));
        let (whole, spoke_ms, error) = match ended {
            Ok((whole, spoke_ms)) => (whole, spoke_ms, None),
            Err(error) => (false, None, Some(error)),
        };
        Stream { model: source.model().map(str::to_owned), took_ms, spoke_ms, whole, error, ..self.heard }
    }
}

/// What a server says with another status than 200, in its own words where it has some.
pub(super) fn refusal(status: StatusCode, body: &[u8]) -> Words {
    let status = status.as_u16();
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = said["error"].as_str().or_else(|| said["error"]["message"].as_str());
    Words::same(match message {
        Some(message) => format!("HTTP {status}: {}", clip(message)),
        None => format!("HTTP {status}"),
    })
}

/// In one line and not too long: a server may say anything.
pub(super) fn clip(text: &str) -> String {
    const LONGEST: usize = 300;
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    let more = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
    format!("{}{more}", line.trim())
}

pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::Mutex;

    use crate::doctor::fake::{Fake, Reply};
    use crate::net::options::SocketPolicy;

    const LONG: Duration = Duration::from_secs(10);

    async fn heard(reply: Reply, source: &Source, within: Duration) -> (Stream, Vec<String>) {
        let fake = Fake::always(reply);
        let place = Place::named(fake.address, SocketPolicy::default());
        (listen(&place, source, within, &|_| {}).await, fake.heard())
    }

    fn chat(api: Api) -> Source {
        Source::Chat(api, "qwen3".into())
    }

    fn record(done: bool) -> Vec<u8> {
        let end = json!({"done": true, "done_reason": "stop", "eval_count": 9, "eval_duration": 2_000_000_000_u64});
        let word = json!({"message": {"role": "assistant", "content": "one "}, "done": false});
        format!("{}\n", if done { end } else { word }).into_bytes()
    }

    fn slowly(pieces: Vec<Vec<u8>>, breaks: bool) -> Reply {
        Reply::Slowly { pieces, pause: Duration::from_millis(30), breaks }
    }

    #[tokio::test]
    async fn words_that_come_one_by_one_are_so_many_pieces() {
        let pieces = vec![record(false), record(false), record(false), record(true)];
        let (stream, asked) = heard(slowly(pieces, false), &chat(Api::Ollama), LONG).await;
        assert_eq!((stream.pieces, stream.whole, stream.error.clone()), (4, true, None), "{stream:?}");
        assert_eq!((stream.model.as_deref(), stream.spoke_ms), (Some("qwen3"), Some(2000)));
        assert!(stream.first_ms >= 30 && stream.longest_gap_ms >= 30 && stream.took_ms >= 120, "{stream:?}");
        assert!(asked[0].starts_with("POST /api/chat "), "{asked:?}");
        assert!(asked[0].contains(r#""num_predict":64"#) && !asked[0].contains("num_ctx"), "{asked:?}");
    }

    #[tokio::test]
    async fn an_answer_that_was_held_back_comes_in_one_piece() {
        let all = [record(false), record(false), record(true)].concat();
        let (stream, _) = heard(slowly(vec![all], false), &chat(Api::Ollama), LONG).await;
        assert_eq!((stream.pieces, stream.spoke_ms, stream.whole), (1, Some(2000), true));
        assert_eq!(stream.longest_gap_ms, 0);
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_not_whole() {
        let (stream, _) = heard(slowly(vec![record(false), record(false)], true), &chat(Api::Ollama), LONG).await;
        assert_eq!((stream.pieces, stream.whole), (2, false));
        assert!(stream.error.unwrap().en.contains("broke off before the answer was whole"));
    }

    #[tokio::test]
    async fn an_answer_that_ends_politely_and_early_is_not_whole_either() {
        let (stream, _) = heard(slowly(vec![record(false)], false), &chat(Api::Ollama), LONG).await;
        assert_eq!((stream.pieces, stream.whole, stream.error), (1, false, None));
    }

    #[tokio::test]
    async fn an_error_in_the_middle_is_told() {
        let pieces = vec![record(false), b"{\"error\":\"the runner has stopped\"}\n".to_vec()];
        let (stream, _) = heard(slowly(pieces, false), &chat(Api::Ollama), LONG).await;
        assert_eq!((stream.whole, stream.error), (false, Some(Words::same("the runner has stopped"))));
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_the_servers_words() {
        let refused = Reply::status("404 Not Found", r#"{"error":"model 'qwen3' not found"}"#);
        let (stream, _) = heard(refused, &chat(Api::Ollama), LONG).await;
        assert_eq!(stream.error, Some(Words::same("HTTP 404: model 'qwen3' not found")));
        let (stream, _) = heard(Reply::status("502 Bad Gateway", "<html>"), &chat(Api::Ollama), LONG).await;
        assert_eq!(stream.error, Some(Words::same("HTTP 502")));
    }

    #[tokio::test]
    async fn silence_ends_with_its_deadline_and_keeps_what_was_heard() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";
        let within = Duration::from_millis(150);
        let (stream, _) = heard(Reply::RawThenNothing(head.into()), &chat(Api::Ollama), within).await;
        assert_eq!((stream.pieces, stream.bytes, stream.whole), (1, 3, false));
        assert!(stream.error.unwrap().en.contains("no whole answer within 150 ms"));
    }

    #[tokio::test]
    async fn who_waits_hears_of_it() {
        let told = Mutex::new(Vec::new());
        let fake = Fake::always(Reply::Never);
        let place = Place::named(fake.address, SocketPolicy::default());
        let progress = |progress| told.lock().unwrap().push(progress);
        listen(&place, &chat(Api::Ollama), Duration::from_millis(1200), &progress).await;
        let told = told.into_inner().unwrap();
        assert!(matches!(told[..], [Progress::Waiting(since)] if since >= Duration::from_secs(1)), "{told:?}");
    }

    #[tokio::test]
    async fn another_server_is_asked_in_its_own_way() {
        let pieces = vec![b"data: {\"choices\":[]}\n\n".to_vec(), b"data: [DONE]\n\n".to_vec()];
        let (stream, asked) = heard(slowly(pieces, false), &chat(Api::Chat), LONG).await;
        assert_eq!((stream.pieces, stream.whole), (2, true));
        assert!(asked[0].starts_with("POST /v1/chat/completions "), "{asked:?}");
        let (stream, _) = heard(slowly(vec![b"data: {}\n\n".to_vec()], false), &chat(Api::Chat), LONG).await;
        assert!(!stream.whole);
    }

    #[tokio::test]
    async fn a_list_of_models_is_whole_when_it_is_one() {
        for (api, path, body) in
            [(Api::Ollama, "GET /api/tags ", r#"{"models":[]}"#), (Api::Chat, "GET /v1/models ", r#"{"data":[]}"#)]
        {
            let (stream, asked) = heard(Reply::json(body), &Source::List(api), LONG).await;
            assert_eq!((stream.model, stream.whole, stream.error), (None, true, None));
            assert!(asked[0].starts_with(path), "{asked:?}");
        }
        let (stream, _) = heard(Reply::json("garbage"), &Source::List(Api::Ollama), LONG).await;
        assert!(!stream.whole);
    }

    #[test]
    fn what_a_server_says_is_shown_in_one_line() {
        assert_eq!(clip("a\nb\u{1b}[31m"), "a b [31m");
        assert_eq!(clip(&"x".repeat(400)).chars().count(), 301);
    }
}
