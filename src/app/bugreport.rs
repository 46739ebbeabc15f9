//! `bugreport`: the doctor's facts and a few files in one text, blacked out, on disk, and told what is in it. Nothing is sent.

use std::env;
use std::path::PathBuf;

use super::Ended;
use super::doctor::{Signals, examine, look_of, runtime};
use crate::cli::{Bugreport, Run};
use crate::clock;
use crate::doctor::bugreport::gather::{Places, gather};
use crate::doctor::bugreport::{assemble, review, save::save};
use crate::doctor::table;
use crate::fault::{Fault, FaultId};
use crate::words::Lang;

/// `ollama-forward bugreport`
pub(super) fn bugreport(run: &Run, typed: &Bugreport, lang: Lang) -> Result<Ended, Fault> {
    let Bugreport { output, asked } = typed;
    let look = look_of(lang);
    let all: Vec<_> = table().collect();
    let Some(seen) = examine(run, asked, &all, &look, Signals::Watched)? else { return Ok(Ended::Cut) };
    let root = asked.sysroot.clone().unwrap_or_else(|| PathBuf::from("/"));
    let places = Places::of_environment(root, |name| env::var(name).ok());
    let sources = runtime()?.block_on(gather(&seen.facts, &places, clock::wall()));
    let report = assemble(&seen.facts, &seen.outcomes, &sources, &seen.frame);
    let here = env::current_dir().unwrap_or_else(|_| env::temp_dir());
    let path = save(&report.text(), output.as_deref(), &here, clock::wall())
        .map_err(|why| Fault::new(FaultId::Internal, why))?;
    Ok(Ended::Printed(review(&report, &path, &look)))
}
