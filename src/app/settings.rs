//! `ollama-forward config`: a commented file, what holds and why, which files are read, and whether they can be used.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use serde_json::{Value, json};

use super::{Ended, config_paths};
use crate::cli::config::{Config, ConfigCommand};
use crate::cli::variables;
use crate::clock;
use crate::config::held::{BadVariable, Held, Origin, Read, held};
use crate::config::keys::{Usual, VARIABLE_START, template};
use crate::config::lines::{Mistake, entries, mask, mistakes, toml};
use crate::config::{Layer, nearest_of, parse_file};
use crate::fault::{Fault, FaultId};
use crate::file;
use crate::words;
use crate::words::{Lang, Words};

/// What `--json` prints.
const SCHEMA_VERSION: u32 = 1;

/// Does what was typed.
pub(super) fn config(typed: &Config, lang: Lang) -> Result<Ended, Fault> {
    // Where a variable makes no sense, clap has read none of them.
    let named = typed.config.clone().or_else(|| env::var_os("OLLAMA_FORWARD_CONFIG").map(PathBuf::from));
    let files = Files::look(named.as_deref());
    match typed.command {
        ConfigCommand::Init { print: true } => Ok(Ended::Printed(template(env!("CARGO_PKG_VERSION"), lang))),
        ConfigCommand::Init { print: false } => init(&files, lang),
        ConfigCommand::Show { origin, json } => show(&files, typed, origin, json, lang),
        ConfigCommand::Path { json } => Ok(Ended::Printed(paths(&files, json, lang))),
        ConfigCommand::Check { json } => check(&files, typed, json, lang),
    }
}

/// The files that count, the strongest first.
struct Files {
    all: Vec<FileState>,
    /// It is one that was named, which has to be there.
    is_named: bool,
}

struct FileState {
    path: PathBuf,
    /// None: it is not there. Else its text, or why it cannot be read.
    text: Option<Result<String, Words>>,
}

impl Files {
    fn look(named: Option<&Path>) -> Self {
        let state = |path: PathBuf| {
            let text = match fs::read_to_string(&path) {
                Ok(text) => Some(Ok(text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => Some(Err(file::trouble::trouble(file::trouble::Attempt::Read, &path, &error))),
            };
            FileState { path, text }
        };
        Self { all: config_paths(named).into_iter().map(state).collect(), is_named: named.is_some() }
    }

    /// Those that can be read, with their keys.
    fn read(&self) -> Result<Vec<Read>, Fault> {
        let mut all = Vec::new();
        for FileState { path, text } in &self.all {
            match text {
                None if self.is_named => return Err(Fault::new(FaultId::Config, missing(path))),
                None => {}
                Some(Err(why)) => return Err(Fault::new(FaultId::Config, why.clone())),
                Some(Ok(text)) => {
                    let path = path.display().to_string();
                    if let Some(mistake) = mistakes(text).first() {
                        let Words { en, fr } = told(&path, mistake);
                        return Err(Fault::new(FaultId::Config, Words { en, fr }).advise(
                            words!(
                                "a typing error, or a key of another version",
                                "une faute de frappe, ou une clé d'une autre version"
                            ),
                            "ollama-forward config check",
                        ));
                    }
                    // Without a mistake, its keys are found.
                    all.push((path, entries(text).unwrap_or_default()));
                }
            }
        }
        Ok(all)
    }
}

fn missing(path: &Path) -> Words {
    let path = path.display();
    words!("{path} does not exist", "{path} n'existe pas")
}

/// `FILE:LINE: what`, and what was meant.
fn told(path: &str, mistake: &Mistake) -> Words {
    let Mistake { line, what: Words { en, fr }, meant, .. } = mistake;
    match meant {
        Some(meant) => words!(
            "{path}:{line}: {en}, did you mean `{meant}`?",
            "{path}:{line} : {fr} ; vouliez-vous dire `{meant}` ?"
        ),
        None => words!("{path}:{line}: {en}", "{path}:{line} : {fr}"),
    }
}

fn init(files: &Files, lang: Lang) -> Result<Ended, Fault> {
    let Some(FileState { path, .. }) = files.all.first() else {
        return Err(Fault::new(
            FaultId::Internal,
            words!("there is no place for it", "il n'y a pas d'endroit où le mettre"),
        ));
    };
    let shown = path.display();
    let there = || {
        let what =
            words!("{shown} is there already: it is not replaced", "{shown} existe déjà : il n'est pas remplacé");
        let likely = words!("it was written before", "il a été écrit auparavant");
        Fault::new(FaultId::Config, what)
            .advise(likely, "ollama-forward config init --print   or what holds: ollama-forward config show")
    };
    if path.symlink_metadata().is_ok() {
        return Err(there());
    }
    let target = file::look(path).map_err(|why| Fault::new(FaultId::Internal, why))?;
    if target.old.is_some() {
        return Err(there());
    }
    let text = template(env!("CARGO_PKG_VERSION"), lang);
    target.write(&text, clock::wall()).map_err(|why| Fault::new(FaultId::Internal, why))?;
    Ok(Ended::Printed(format!("{shown}\n")))
}

fn show(files: &Files, typed: &Config, origin: bool, as_json: bool, lang: Lang) -> Result<Ended, Fault> {
    let read = files.read()?;
    let all = held(|name| env::var(name).ok(), &read).map_err(|bad| bad_variables(&bad))?;
    // What we do not know better, clap does.
    if let Some(what) = &typed.environment_error {
        return Err(Fault::new(FaultId::Usage, masked_words(what)));
    }
    Ok(Ended::Printed(if as_json { settings_json(&all, files) } else { settings_toml(&all, origin, lang) }))
}

fn bad_variables(bad: &[BadVariable]) -> Fault {
    let all: Vec<String> = bad.iter().map(|BadVariable { name, why }| format!("{name}: {}", mask(why))).collect();
    let first = bad.first().map_or("", |bad| bad.name.as_str());
    Fault::new(FaultId::Usage, Words::same(all.join("; "))).advise(
        words!("a variable that makes no sense is set", "une variable qui n'a pas de sens est définie"),
        words!("unset {first}", "unset {first}"),
    )
}

/// A file that means what holds. Keys without a value are comments.
fn settings_toml(all: &[Held], with_origin: bool, lang: Lang) -> String {
    let line = |held: &Held| {
        if let Some(value) = &held.value {
            return format!("{} = {}", held.key.name, mask(&toml(value)));
        }
        let Words { en, fr } = match held.key.usual {
            Usual::Open { instead, .. } => instead(),
            Usual::Is(_) | Usual::As(_) => Words::default(),
        };
        let name = held.key.name;
        words!("# {name}: {en}", "# {name} : {fr}").of(lang)
    };
    let lines: Vec<String> = all.iter().map(line).collect();
    // One long line does not push all others aside.
    let width = lines.iter().map(|line| line.chars().count()).filter(|width| *width < 60).max().unwrap_or(0);
    let with_end = |(line, held): (String, &Held)| {
        if !with_origin {
            return line + "\n";
        }
        let room = width.saturating_sub(line.chars().count());
        format!("{line}{:room$}  # {}\n", "", origin_words(&held.origin).of(lang))
    };
    lines.into_iter().zip(all).map(with_end).collect()
}

fn origin_words(origin: &Origin) -> Words {
    match origin {
        Origin::Variable(name) => Words::same(name),
        Origin::File { path, line } => Words::same(format!("{path}:{line}")),
        Origin::Default => words!("default", "par défaut"),
    }
}

fn origin_json(origin: &Origin) -> Value {
    match origin {
        Origin::Variable(name) => json!({"kind": "variable", "variable": name}),
        Origin::File { path, line } => json!({"kind": "file", "file": path, "line": line}),
        Origin::Default => json!({"kind": "default"}),
    }
}

fn settings_json(all: &[Held], files: &Files) -> String {
    let setting = |held: &Held| {
        let overridden: Vec<Value> = held.overridden.iter().map(origin_json).collect();
        let value = held.value.as_ref().map(masked);
        let setting = json!({"value": value, "origin": origin_json(&held.origin), "overridden": overridden});
        (held.key.name.to_owned(), setting)
    };
    let settings: serde_json::Map<String, Value> = all.iter().map(setting).collect();
    json!({"schema_version": SCHEMA_VERSION, "files": files_json(files), "settings": settings}).to_string() + "\n"
}

fn masked(value: &Value) -> Value {
    match value {
        Value::String(text) => mask(text).into(),
        Value::Array(all) => all.iter().map(masked).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.clone(),
    }
}

fn files_json(files: &Files) -> Vec<Value> {
    files
        .all
        .iter()
        .map(|file| json!({"path": file.path.display().to_string(), "exists": file.text.is_some()}))
        .collect()
}

fn paths(files: &Files, as_json: bool, lang: Lang) -> String {
    if as_json {
        return json!({"schema_version": SCHEMA_VERSION, "files": files_json(files)}).to_string() + "\n";
    }
    let width = files.all.iter().map(|file| file.path.display().to_string().chars().count()).max().unwrap_or(0);
    let line = |file: &FileState| {
        let state = match &file.text {
            None => words!("not there", "absent"),
            Some(Ok(_)) => words!("read", "lu"),
            Some(Err(why)) => why.clone(),
        };
        let path = file.path.display().to_string();
        format!("{path:width$}  {}\n", state.of(lang))
    };
    files.all.iter().map(line).collect()
}

/// What `check` found.
#[derive(Default)]
struct Findings {
    /// Path and mistake.
    mistakes: Vec<(String, Mistake)>,
    /// Mistakes that stand in no line.
    others: Vec<Words>,
    /// What is allowed, and perhaps not meant.
    notes: Vec<Words>,
}

fn check(files: &Files, typed: &Config, as_json: bool, lang: Lang) -> Result<Ended, Fault> {
    let findings = findings(files, typed);
    let is_well = findings.mistakes.is_empty() && findings.others.is_empty();
    let text = if as_json { findings_json(&findings, files) } else { findings_text(&findings, files, lang) };
    if is_well {
        return Ok(Ended::Printed(text));
    }
    let written = io::stdout().write_all(text.as_bytes());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Fault::new(FaultId::Internal, format!("cannot write to standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(Ended::Told(FaultId::Config.exit_code())),
    }
}

fn findings(files: &Files, typed: &Config) -> Findings {
    let mut findings = Findings::default();
    let (mut read, mut layer): (Vec<Read>, Layer) = (Vec::new(), Layer::default());
    for FileState { path, text } in &files.all {
        let shown = path.display().to_string();
        match text {
            None if files.is_named => findings.others.push(missing(path)),
            None => {}
            Some(Err(why)) => findings.others.push(why.clone()),
            Some(Ok(text)) => {
                findings.notes.extend(permissions(path));
                findings.mistakes.extend(mistakes(text).into_iter().map(|mistake| (shown.clone(), mistake)));
                layer = layer.over(parse_file(&shown, text).unwrap_or_default());
                read.push((shown, entries(text).unwrap_or_default()));
            }
        }
    }
    match held(|name| env::var(name).ok(), &read) {
        Ok(all) => {
            findings.notes.extend(all.iter().flat_map(overridden));
            if findings.mistakes.is_empty()
                && let Err(fault) = whole(&all, typed.environment_error.as_ref())
            {
                findings.others.push(fault);
            }
        }
        Err(bad) => {
            let told = bad.iter().map(|bad| Words::same(format!("{}: {}", bad.name, mask(&bad.why))));
            findings.others.extend(told);
        }
    }
    findings.notes.extend(unknown_variables());
    findings
}

/// The sentence without passwords.
fn masked_words(what: &Words) -> Words {
    Words { en: mask(&what.en), fr: mask(&what.fr) }
}

/// What only all of it together can show, such as an upstream that is ourselves.
fn whole(all: &[Held], environment_error: Option<&Words>) -> Result<(), Words> {
    if let Some(what) = environment_error {
        return Err(masked_words(what));
    }
    let text: String =
        all.iter().filter_map(|held| Some(format!("{} = {}\n", held.key.name, toml(held.value.as_ref()?)))).collect();
    let layer = parse_file("config", &text).map_err(|fault| fault.what)?;
    layer.finish("/".into()).map(drop).map_err(|fault| fault.what)
}

fn overridden(held: &Held) -> Vec<Words> {
    let (name, winner) = (held.key.name, origin_words(&held.origin).en);
    let note = |weaker: &Origin| {
        let weaker = origin_words(weaker).en;
        words!("{name}: {winner} wins over {weaker}", "{name} : {winner} l'emporte sur {weaker}")
    };
    held.overridden.iter().map(note).collect()
}

/// Whoever can write there decides where prompts go.
fn permissions(path: &Path) -> Option<Words> {
    let meta = fs::metadata(path).ok()?;
    let shown = path.display();
    if ![0, geteuid().as_raw()].contains(&meta.uid()) {
        let uid = meta.uid();
        return Some(words!("{shown} belongs to user {uid}", "{shown} appartient à l'utilisateur {uid}"));
    }
    (meta.mode() & 0o022 != 0).then(|| {
        words!(
            "{shown} can be written by others: chmod go-w {shown}",
            "{shown} peut être modifié par d'autres : chmod go-w {shown}"
        )
    })
}

/// A variable that was mistyped does nothing, and says nothing.
fn unknown_variables() -> Vec<Words> {
    let known = variables();
    let set = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let unknown = set.filter(|name| name.starts_with(VARIABLE_START) && !known.contains(name));
    let note = |name: String| match nearest_of(known.iter().map(String::as_str), &name) {
        Some(meant) => words!(
            "{name} is set, and means nothing; did you mean {meant}?",
            "{name} est définie, et ne signifie rien ; vouliez-vous dire {meant} ?"
        ),
        None => words!("{name} is set, and means nothing", "{name} est définie, et ne signifie rien"),
    };
    let mut notes: Vec<Words> = unknown.map(note).collect();
    notes.sort_by(|a, b| a.en.cmp(&b.en));
    notes
}

fn findings_text(findings: &Findings, files: &Files, lang: Lang) -> String {
    let mut lines: Vec<Words> = findings.mistakes.iter().map(|(path, mistake)| told(path, mistake)).collect();
    lines.extend(findings.others.iter().cloned());
    let count = lines.len();
    if count == 0 {
        let there: Vec<String> =
            files.all.iter().filter(|file| file.text.is_some()).map(|file| file.path.display().to_string()).collect();
        let which = there.join(", ");
        lines.push(if there.is_empty() {
            words!(
                "OK: there is no file, so defaults and variables hold",
                "OK : aucun fichier, donc les défauts et les variables valent"
            )
        } else {
            words!("OK: {which}", "OK : {which}")
        });
    }
    lines.extend(findings.notes.iter().map(|Words { en, fr }| words!("note: {en}", "remarque : {fr}")));
    lines.iter().map(|line| line.of(lang) + "\n").collect()
}

fn findings_json(findings: &Findings, files: &Files) -> String {
    let of_line = |(path, mistake): &(String, Mistake)| {
        json!({
            "file": path, "line": mistake.line, "key": mistake.key, "what": mistake.what.en, "suggestion": mistake.meant,
        })
    };
    let mut all: Vec<Value> = findings.mistakes.iter().map(of_line).collect();
    all.extend(
        findings
            .others
            .iter()
            .map(|what| json!({"file": null, "line": null, "key": null, "what": what.en, "suggestion": null})),
    );
    let notes: Vec<&str> = findings.notes.iter().map(|note| note.en.as_str()).collect();
    let ok = all.is_empty();
    json!({"schema_version": SCHEMA_VERSION, "ok": ok, "files": files_json(files), "mistakes": all, "notes": notes})
        .to_string()
        + "\n"
}
