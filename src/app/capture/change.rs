//! `on`, `off`, `mark`, `rm`, `prune`: what the running forwarder is told, or done here when none runs.

use std::io::{IsTerminal, stdin};

use serde_json::json;

use super::Desk;
use super::place::ask;
use super::read::meant;
use super::trouble;
use crate::app::Ended;
use crate::capture::store::Obeyed;
use crate::cli::capture::{Mark, Prune, Remove};
use crate::control::Request;
use crate::doctor::figures;
use crate::fault::Fault;
use crate::words;
use crate::words::Words;

impl Desk<'_> {
    pub(super) fn switch(&self, on: bool) -> Result<Ended, Fault> {
        let answer = ask(self.common.listen_port, &Request::Capture { on })?;
        let place = answer.dir.as_ref().map(|dir| dir.display().to_string()).unwrap_or_default();
        let page = answer.page.as_deref().map(|page| format!("   {page}")).unwrap_or_default();
        let words = if answer.on {
            words!("capture is on: {place}{page}", "capture active : {place}{page}")
        } else {
            words!(
                "capture is off; what was captured stays in {place}",
                "capture arrêtée ; ce qui a été capturé reste dans {place}"
            )
        };
        if let Some(trouble) = &answer.trouble {
            self.hint(&Words::same(trouble.clone()));
        }
        self.done(&words, &json!({ "on": answer.on, "dir": answer.dir, "page": answer.page }))
    }

    pub(super) fn mark(&self, typed: &Mark) -> Result<Ended, Fault> {
        let place = self.place()?;
        let (id, _) = meant(&typed.id, &place.library()?)?;
        // A comment alone leaves the mark as it is; without one, this is what the command is for.
        let marked = match (typed.off, &typed.comment) {
            (true, _) => Some(false),
            (false, None) => Some(true),
            (false, Some(_)) => None,
        };
        place.hand()?.tell(Request::Mark { id, marked, comment: typed.comment.clone() })?;
        let words = match (marked, typed.comment.as_deref()) {
            (Some(true), _) => words!("{id} is marked", "{id} est marqué"),
            (Some(false), _) => words!("{id} is not marked any more", "{id} n'est plus marqué"),
            (None, Some("")) => words!("the comment on {id} is gone", "la note sur {id} est effacée"),
            (None, _) => words!("the comment on {id} is kept", "la note sur {id} est conservée"),
        };
        self.done(&words, &json!({ "id": id, "marked": marked, "comment": typed.comment }))
    }

    pub(super) fn remove(&self, typed: &Remove) -> Result<Ended, Fault> {
        let place = self.place()?;
        let library = place.library()?;
        let (request, what) = match (&typed.session, typed.all) {
            (_, true) => {
                let usage = library.usage();
                let (n, size) = (usage.exchanges, figures::bytes(usage.bytes));
                let Words { en, fr } = size;
                (Request::RemoveAll, words!("all {n} exchanges, {en}", "les {n} échanges, {fr}"))
            }
            (Some(key), false) => {
                let known = library.sessions().into_iter().find(|session| {
                    session.key == *key || session.client_session.as_ref().is_some_and(|client| client == key)
                });
                let Some(session) = known else {
                    let what = words!("there is no session `{key}`", "il n'y a pas de session « {key} »");
                    return Err(trouble::failed(what, "ollama-forward capture list --sessions"));
                };
                let (n, key) = (session.exchanges, session.key);
                let what = words!("session {key} with {n} exchanges", "la session {key} et ses {n} échanges");
                (Request::RemoveSession { key }, what)
            }
            (None, false) => {
                let ids = typed.ids.iter().map(|text| meant(text, &library).map(|(id, _)| id));
                let mut ids = ids.collect::<Result<Vec<_>, _>>()?;
                ids.sort_unstable();
                ids.dedup();
                let list = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                (Request::Remove { ids }, words!("exchange {list}", "l'échange {list}"))
            }
        };
        if !self.consents(typed.yes, &what)? {
            self.hint(&words!("nothing was deleted", "rien n'a été supprimé"));
            return Ok(Ended::Told(1));
        }
        let done = place.hand()?.tell(request)?;
        self.freed(&done)
    }

    /// Deleting cannot be undone: somebody has to have said yes.
    fn consents(&self, yes: bool, what: &Words) -> Result<bool, Fault> {
        if yes {
            return Ok(true);
        }
        let Words { en, fr } = what;
        let without = || {
            trouble::told(
                crate::fault::FaultId::Usage,
                words!("deleting {en} wants a yes", "supprimer {fr} demande un accord"),
                words!("there is no terminal to ask on", "il n'y a pas de terminal où le demander"),
                words!("add -y", "ajouter -y"),
            )
        };
        if !stdin().is_terminal() {
            return Err(without());
        }
        let question = words!("Delete {en}? It cannot be undone. [y/N]", "Supprimer {fr} ? C'est définitif. [o/N]");
        Ok(self.ask(&question)?.is_some_and(|answer| Self::agrees(&answer)))
    }

    pub(super) fn prune(&self, typed: &Prune) -> Result<Ended, Fault> {
        let place = self.place()?;
        let request = Request::Prune {
            size: typed.max_size.map(|size| size as u64),
            age_s: typed.max_age.map(|age| age.as_secs()),
        };
        let done = place.hand()?.tell(request)?;
        self.freed(&done)
    }

    fn freed(&self, done: &Obeyed) -> Result<Ended, Fault> {
        let (n, Words { en, fr }) = (done.exchanges, figures::bytes(done.bytes));
        let words = match n {
            1 => words!("1 exchange deleted, {en} freed", "1 échange supprimé, {fr} libérés"),
            _ => words!("{n} exchanges deleted, {en} freed", "{n} échanges supprimés, {fr} libérés"),
        };
        self.done(&words, &json!({ "exchanges": n, "bytes": done.bytes }))
    }
}
