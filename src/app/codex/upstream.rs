//! Asks Ollama, through the forward: is it up, which models are there, and have this one loaded.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::desk::Desk;
use super::forward::Forward;
use crate::bridge::catalog::is_same_model;
use crate::clock;
use crate::doctor::http::{Place, Question, Whole, ask};
use crate::doctor::ollama::gather::{Ask, Times, gather, loaded};
use crate::doctor::ollama::{Api, Ollama};
use crate::fault::{Fault, FaultId};
use crate::net::options::SocketPolicy;
use crate::status::{ReportedFault, State};
use crate::words;
use crate::words::Words;

/// RFC 9110, 15.3.1.
pub(super) const OK: u16 = 200;
/// What a forward answers that finds no upstream, or whose upstream went (RFC 9110, 15.6).
const BAD_GATEWAY: u16 = 502;
const UNAVAILABLE: u16 = 503;

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The forward itself waits for an upstream as long as it was told to; its answer needs a moment more.
const GRACE: Duration = Duration::from_secs(5);
/// Lists of models come from memory; a laptop that has just woken takes longer.
const LIST_TIME: Duration = Duration::from_secs(10);
/// `OLLAMA_LOAD_TIMEOUT` is 5 min; the queue before it may hold another load.
const LOAD_TIME: Duration = Duration::from_secs(600);
/// What comes sooner needs no line that it is awaited.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn place(forward: &Forward) -> Place {
    Place::found(forward.address, SocketPolicy::default())
}

/// Returns when the upstream answers, or why it does not.
pub(super) async fn wait(desk: &Desk<'_>, forward: &Forward) -> Result<(), Fault> {
    let limit = desk.config()?.wait_for_upstream;
    let begun = clock::now();
    let mut told = false;
    loop {
        let report = forward.report();
        let since = clock::now().saturating_duration_since(begun);
        match report.map(|report| (report.state, report.error)) {
            Some((State::Up, _)) => break,
            Some((State::Down | State::Searching, error)) if since >= limit => return Err(fault(error, forward)),
            None if since >= limit => return Err(fault(None, forward)),
            Some((State::Down | State::Searching, _)) | None => {}
        }
        if since >= PATIENCE && !told {
            desk.hint(&words!("waits for Ollama …", "attend Ollama …"));
            told = true;
        }
        sleep(LOOK_EVERY).await;
    }
    // A named upstream is up until somebody has asked it.
    let answer = ask(&place(forward), &Question::get("/api/version"), limit + GRACE).await;
    match answer {
        Ok(Whole { status, .. }) if ![BAD_GATEWAY, UNAVAILABLE].contains(&status.as_u16()) => Ok(()),
        Ok(_) => Err(fault(forward.report().and_then(|report| report.error), forward)),
        Err(broke) => {
            let told = forward.report().and_then(|report| report.error);
            let silent = Fault::new(FaultId::UpstreamSilent, broke.words(forward.address));
            Err(told.map_or(silent, |told| fault(Some(told), forward)))
        }
    }
}

/// As the forward tells it, with its id.
fn fault(told: Option<ReportedFault>, forward: &Forward) -> Fault {
    let Some(ReportedFault { id, message, .. }) = told else {
        let address = forward.address;
        let what =
            words!("the forward on {address} has found no Ollama", "le relais sur {address} n'a pas trouvé Ollama");
        return Fault::new(FaultId::NoWindows, what);
    };
    let id = FaultId::from_text(&id).filter(|id| id.exit_code() == FaultId::NoWindows.exit_code());
    let id = id.unwrap_or(FaultId::UpstreamUnreachable);
    // A report has its sentence in English only.
    let address = forward.address;
    Fault::new(id, Words { en: message, fr: format!("{} (par {address})", id.title().fr) })
}

/// All that it tells of itself and its models.
pub(super) async fn learn(forward: &Forward) -> Result<Ollama, Fault> {
    let times = Times { each: LIST_TIME, shows: LIST_TIME };
    let ollama = gather(&Ask { place: place(forward), times }).await;
    match ollama.models.get() {
        Ok(_) => Ok(ollama),
        Err(why) => Err(Fault::new(FaultId::UpstreamNotOllama, why.clone())),
    }
}

/// Has the model loaded, which takes as long as it takes, and returns the context that it has then. Servers that are not
/// Ollama load by themselves, and tell no context.
pub(super) async fn load(
    desk: &Desk<'_>,
    forward: &Forward,
    ollama: &Ollama,
    model: &str,
) -> Result<Option<u64>, Fault> {
    if ollama.api.known() != Some(&Api::Ollama) {
        return Ok(None);
    }
    let question = Question::post("/api/generate", json!({ "model": model }).to_string());
    let place = place(forward);
    let answer = ask(&place, &question, LOAD_TIME);
    let tell = async {
        sleep(PATIENCE).await;
        desk.hint(&words!("loads {model} …", "charge {model} …"));
        std::future::pending::<()>().await;
    };
    let answer = tokio::select! {
        answer = answer => answer,
        () = tell => unreachable!("it waits for ever"),
    };
    match answer {
        Ok(Whole { status, .. }) if status.as_u16() == OK => {}
        Ok(Whole { status, body, .. }) => return Err(not_loaded(model, &reason(&status.to_string(), &body))),
        Err(broke) => return Err(Fault::new(FaultId::UpstreamLost, broke.words(forward.address))),
    }
    let times = Times { each: LIST_TIME, shows: LIST_TIME };
    let now = loaded(&Ask { place, times }).await;
    Ok(now.known().and_then(|all| all.iter().find(|one| is_same_model(&one.name, model))?.context))
}

/// In Ollama's own words, where there are some.
pub(super) fn reason(status: &str, body: &[u8]) -> String {
    let told: Option<Value> = serde_json::from_slice(body).ok();
    let words = told.as_ref().and_then(|told| told["error"].as_str().or_else(|| told["error"]["message"].as_str()));
    words.map_or_else(|| status.to_owned(), crate::doctor::render::clean_line)
}

fn not_loaded(model: &str, why: &str) -> Fault {
    let what = words!("Ollama cannot load {model}: {why}", "Ollama ne peut pas charger {model} : {why}");
    let likely = words!(
        "it does not fit into memory, or its file is damaged",
        "il ne tient pas en mémoire, ou son fichier est abîmé"
    );
    Fault::new(FaultId::NoModel, what).advise(likely, Words::same("ollama-forward codex --model MODEL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ollama_says_is_told() {
        let status = "404 Not Found";
        assert_eq!(reason(status, br#"{"error":"model 'x' not found"}"#), "model 'x' not found");
        assert_eq!(reason(status, br#"{"error":{"message":"no\u001b[31m"}}"#), "no\u{fffd}[31m");
        assert_eq!(reason(status, b"<html>"), "404 Not Found");
    }
}
