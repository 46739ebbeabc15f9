//! A model that is not there: pulled by Ollama, at somebody's word, with one calm line that tells how far it is.

use std::io::{Write, stderr};
use std::time::Duration;

use serde_json::{Value, json};

use super::desk::Desk;
use super::forward::Forward;
use super::upstream::{OK, place, reason};
use crate::clock;
use crate::doctor::figures;
use crate::doctor::http::{Question, begin};
use crate::doctor::render::clean_line;
use crate::fault::{Fault, FaultId};
use crate::words;
use crate::words::Words;

/// To the beginning of the line, and nothing on it (ECMA-48, EL).
const WIPE: &str = "\r\x1b[K";
/// Faster than this, nobody reads.
const DRAW_EVERY: Duration = Duration::from_millis(250);
/// A line of the answer has some hundred bytes.
const LONGEST_LINE: usize = 64 << 10;

/// The command for those who cannot be asked.
pub(super) fn by_hand(model: &str) -> Words {
    words!(
        "on Windows: ollama pull {model}   or here, on a terminal: ollama-forward codex --model {model}",
        "sous Windows : ollama pull {model}   ou ici, sur un terminal : ollama-forward codex --model {model}"
    )
}

/// Has Ollama pull it, to the end.
pub(super) async fn pull(desk: &Desk<'_>, forward: &Forward, model: &str) -> Result<(), Fault> {
    let question = Question::post("/api/pull", json!({ "model": model, "stream": true }).to_string());
    let lost = |broke: crate::doctor::http::Broke| Fault::new(FaultId::UpstreamLost, broke.words(forward.address));
    let mut answer = begin(&place(forward), &question).await.map_err(lost)?;
    let is_well = answer.status.as_u16() == OK;
    let (mut waiting, mut drawn) = (Vec::new(), None);
    let mut progress = Progress::default();
    while let Some(piece) = answer.next().await {
        waiting.extend_from_slice(&piece.map_err(lost)?);
        if !is_well || waiting.len() > LONGEST_LINE {
            break;
        }
        while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = waiting.drain(..=end).collect();
            progress.hear(&line);
        }
        let now = clock::now();
        if drawn.is_none_or(|drawn| now.saturating_duration_since(drawn) >= DRAW_EVERY) {
            drawn = Some(now);
            let _ = write!(stderr(), "{WIPE}{}", desk.shown(&progress.words(model)));
        }
    }
    let _ = write!(stderr(), "{WIPE}");
    progress.hear(&waiting);
    match (is_well, progress) {
        (true, Progress { done: true, .. }) => {
            desk.hint(&words!("pulled {model}", "{model} téléchargé"));
            Ok(())
        }
        (true, Progress { error: Some(why), .. }) => Err(failed(model, &why)),
        (true, _) => Err(failed(model, "the answer broke off")),
        (false, _) => Err(failed(model, &reason(&answer.status.to_string(), &waiting))),
    }
}

fn failed(model: &str, why: &str) -> Fault {
    let what = words!("Ollama cannot pull {model}: {why}", "Ollama ne peut pas télécharger {model} : {why}");
    let likely = words!(
        "no such model, or Windows has no way to the Internet",
        "ce modèle n'existe pas, ou Windows n'a pas accès à Internet"
    );
    let next = words!(
        "look it up at https://ollama.com/library, or on Windows: ollama pull {model}",
        "le chercher sur https://ollama.com/library, ou sous Windows : ollama pull {model}"
    );
    Fault::new(FaultId::NoModel, what).advise(likely, next)
}

/// How far it is (Ollama, `docs/api.md`, "Pull a Model").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Progress {
    /// In Ollama's words.
    status: String,
    /// Of the part that is under way, in bytes.
    completed: u64,
    total: u64,
    done: bool,
    error: Option<String>,
}

impl Progress {
    /// One line of the answer. What is none says nothing.
    fn hear(&mut self, line: &[u8]) {
        let Ok(told) = serde_json::from_slice::<Value>(line) else { return };
        if let Some(error) = told["error"].as_str() {
            self.error = Some(clean_line(error));
        }
        if let Some(status) = told["status"].as_str() {
            self.status = clean_line(status);
            self.done = status == "success";
        }
        self.total = told["total"].as_u64().unwrap_or_default();
        self.completed = told["completed"].as_u64().unwrap_or_default();
    }

    fn words(&self, model: &str) -> Words {
        if self.total == 0 {
            let status = &self.status;
            return Words::same(format!("{model}   {status}"));
        }
        let percent = u128::from(self.completed) * 100 / u128::from(self.total);
        let (at, of) = (figures::bytes(self.completed), figures::bytes(self.total));
        Words {
            en: format!("{model}   {percent} %   {} of {}", at.en, of.en),
            fr: format!("{model}   {percent} %   {} sur {}", at.fr, of.fr),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_tells_how_far_it_is() {
        let mut progress = Progress::default();
        progress.hear(br#"{"status":"pulling manifest"}"#);
        assert_eq!(progress.words("a").en, "a   pulling manifest");
        progress.hear(br#"{"status":"pulling 1234","digest":"sha256:1","total":2000000000,"completed":500000000}"#);
        assert!(progress.words("a").en.starts_with("a   25 %   "), "{}", progress.words("a").en);
        assert!(!progress.done);
        progress.hear(b"no json");
        progress.hear(br#"{"status":"success"}"#);
        assert!(progress.done && progress.error.is_none());
    }

    #[test]
    fn an_error_is_told_without_orders_for_the_terminal() {
        let mut progress = Progress::default();
        progress.hear(br#"{"error":"pull model manifest: file does not exist\u001b[2J"}"#);
        assert_eq!(progress.error.as_deref(), Some("pull model manifest: file does not exist\u{fffd}[2J"));
    }
}
