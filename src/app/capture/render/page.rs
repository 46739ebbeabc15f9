//! One exchange on a page: who, what model, how full, how long, what was said, what came back. Pure.

use std::fmt::Write as _;

use super::items::{answer, conversation_of};
use super::rows::{id, status, time};
use super::{Look, Paper, Sign, count};
use crate::capture::record::{Context, CutBy, Lane, Level, NoteKind, Row, Tokens};
use crate::capture::sentences::told;
use crate::capture::view::{Hint, Note, View};
use crate::doctor::figures;
use crate::doctor::render::sheet::Style;
use crate::words;
use crate::words::{Lang, Words};

/// All of it, as `capture show` prints it.
pub(in crate::app::capture) fn page(view: &View, look: &Look) -> String {
    let mut paper = Paper::new(look);
    head(&mut paper, &view.row);
    gauge(&mut paper, &view.context);
    timing(&mut paper, &view.row);
    if let Some(error) = &view.row.error {
        let id = error.id.as_deref().map(|id| format!("{id}: ")).unwrap_or_default();
        let text =
            format!("{} {}", look.sign(Sign::Bad), look.one_line(&format!("{id}{}", look.say(&told(&error.text)))));
        paper.row(&look.say(&words!("error", "erreur")), &look.ink(Style::Red, &text));
    }
    if view.row.incomplete {
        let words = words!(
            "not all of it was captured, as too much came at once",
            "capture incomplète : trop de données à la fois"
        );
        paper.row("", &sentence(look, Sign::Warning, &words));
    }
    if let Some(comment) = &view.row.comment {
        paper.row(&look.say(&words!("comment", "note")), &look.one_line(comment));
    }
    hints(&mut paper, &view.hints);
    if !view.notes.is_empty() {
        write_notes(&mut paper, &view.notes);
    }
    conversation_of(&mut paper, view);
    answer(&mut paper, view);
    paper.text
}

/// Only what the translation did.
pub(in crate::app::capture) fn notes(view: &View, look: &Look) -> String {
    let mut paper = Paper::new(look);
    if view.notes.is_empty() {
        paper.line(&look.shown(
            &look.say(&words!("Nothing was left out, renamed or mended.", "Rien n'a été omis, renommé ni réparé.")),
        ));
    } else {
        write_notes(&mut paper, &view.notes);
    }
    paper.text
}

fn sentence(look: &Look, sign: Sign, words: &Words) -> String {
    let text = format!("{} {}", look.sign(sign), look.shown(&look.say(words)));
    look.ink(Look::style(sign), &text)
}

fn head(paper: &mut Paper<'_>, row: &Row) {
    let look = paper.look;
    let (sign, word) = status(row);
    let state = look.ink(Look::style(sign), &format!("{} {}", look.sign(sign), look.shown(&look.say(&word))));
    let asked = look.one_line(&format!("{} {}", row.method, row.path));
    let mark = match (row.marked, look.page.ascii) {
        (false, _) => "",
        (true, false) => "   ★",
        (true, true) => "   *",
    };
    paper.row(
        &look.say(&words!("exchange", "échange")),
        &format!("{}   {}   {asked}   {state}{mark}", id(row), look.time(row.begun_ms)),
    );
    let mut client = look.one_line(&row.client);
    for (name, value) in [
        (words!("kind", "nature"), &row.thread.kind),
        (words!("agent", "agent"), &row.thread.agent),
        (words!("session", "session"), &row.thread.session_id),
    ] {
        if let Some(value) = value {
            let _ = write!(client, "   {} {}", look.shown(&look.say(&name)), look.one_line(value));
        }
    }
    paper.row("client", &client);
    let lane = match row.lane {
        Lane::Passed => words!("passed on as it is", "transmis tel quel"),
        Lane::Translated => words!("translated", "traduit"),
        Lane::Local => words!("answered by the bridge itself", "réponse du pont lui-même"),
    };
    let model = if row.model.is_empty() { "–".to_owned() } else { look.one_line(&row.model) };
    paper.row(
        &look.say(&words!("model", "modèle")),
        &format!("{}   {}", look.shown(&model), look.shown(&look.say(&lane))),
    );
    if let Some(original) = row.replay_of {
        paper.row(&look.say(&words!("replay of", "rejoue")), &original.to_string());
    }
}

/// `used of window`, a bar, and what is wrong with it.
fn gauge(paper: &mut Paper<'_>, context: &Context) {
    let look = paper.look;
    let label = look.say(&words!("context", "contexte"));
    let mut parts = Vec::new();
    match (context.used, context.window.filter(|window| *window > 0)) {
        (Some(used), Some(window)) => {
            let (u, w) = (count(used), count(window));
            let share = used.saturating_mul(100) / window;
            parts.push(bar(look, share, context.level));
            parts.push(look.say(&words!("{u} of {w} tokens, {share} %", "{u} tokens sur {w}, {share} %")));
        }
        (Some(used), None) => {
            let u = count(used);
            parts.push(look.say(&words!("{u} tokens; how many fit is not known", "{u} tokens ; capacité inconnue")));
        }
        (None, Some(window)) => {
            let w = count(window);
            parts.push(look.say(&words!("{w} tokens fit", "capacité de {w} tokens")));
        }
        (None, None) => return,
    }
    for (words, value) in [
        (words!("model made for", "modèle prévu pour"), context.maximum),
        (words!("client believes", "le client suppose"), context.believed),
    ] {
        if let Some(value) = value {
            parts.push(format!("{} {}", look.say(&words), count(value)));
        }
    }
    paper.row(&label, &look.shown(&parts.join("   ")));
    let warning = match context.level {
        Level::Unknown | Level::Fits => return,
        Level::Near => (
            Sign::Warning,
            words!("nearly full: what comes next may be cut", "presque plein : la suite risque d'être coupée"),
        ),
        Level::Cut => (Sign::Bad, cut_words(context)),
    };
    paper.row("", &sentence(look, warning.0, &warning.1));
    let fix = words!(
        "raise the context: OLLAMA_CONTEXT_LENGTH on Windows, or --num-ctx with --translate",
        "augmenter le contexte : OLLAMA_CONTEXT_LENGTH sous Windows, ou --num-ctx avec --translate"
    );
    paper.row("", &arrow(look, &look.say(&fix)));
}

fn cut_words(context: &Context) -> Words {
    let why = match context.why {
        Some(CutBy::Estimate) => {
            let about = context.estimated.map(count).unwrap_or_default();
            words!("the request is about {about} tokens", "la requête fait environ {about} tokens")
        }
        Some(CutBy::Fell) => {
            words!("the request grew, and what was counted fell", "la requête a grandi et le décompte a baissé")
        }
        Some(CutBy::Full) => words!("all that fits was used", "toute la capacité est utilisée"),
        None => words!("by what was counted", "d'après le décompte"),
    };
    let Words { en, fr } = why;
    words!(
        "Ollama has left out the beginning, and said nothing ({en})",
        "Ollama a coupé le début sans rien dire ({fr})"
    )
}

/// Ten cells.
fn bar(look: &Look, share: u64, level: Level) -> String {
    let full = usize::try_from(share.div_ceil(10).min(10)).unwrap_or(10);
    let (on, off) = if look.page.ascii { ("#", ".") } else { ("█", "░") };
    let style = match level {
        Level::Unknown | Level::Fits => Style::Green,
        Level::Near => Style::Yellow,
        Level::Cut => Style::Red,
    };
    look.ink(style, &format!("{}{}", on.repeat(full), off.repeat(10 - full)))
}

fn arrow(look: &Look, text: &str) -> String {
    format!("{} {}", if look.page.ascii { "->" } else { "→" }, look.shown(text))
}

fn timing(paper: &mut Paper<'_>, row: &Row) {
    let look = paper.look;
    let times = [
        (words!("connected", "connexion"), row.times.connected),
        (words!("head", "en-tête"), row.times.head),
        (words!("first token", "premier token"), row.times.first_token),
        (words!("first text", "premier texte"), row.times.first_text),
        (words!("first call", "premier appel"), row.times.first_tool),
        (words!("end", "fin"), row.times.end),
    ];
    let parts: Vec<String> = times
        .iter()
        .filter(|(_, at)| at.is_some())
        .map(|(name, at)| format!("{} {}", look.shown(&look.say(name)), time(*at, look)))
        .collect();
    if !parts.is_empty() {
        paper.row(&look.say(&words!("times", "temps")), &parts.join("   "));
    }
    let by_ollama = [
        (words!("load", "chargement"), row.times.load),
        (words!("prompt", "lecture"), row.times.prompt),
        (words!("answer", "réponse"), row.times.generation),
    ];
    let parts: Vec<String> = by_ollama
        .iter()
        .filter(|(_, took)| took.is_some())
        .map(|(name, took)| format!("{} {}", look.shown(&look.say(name)), time(*took, look)))
        .collect();
    if !parts.is_empty() {
        paper.row("Ollama", &parts.join("   "));
    }
    let parts = tokens(&row.tokens, look);
    if !parts.is_empty() {
        paper.row(&look.say(&words!("tokens", "tokens")), &look.shown(&parts.join("   ")));
    }
    let (asked, answered) = (look.say(&figures::bytes(row.sent)), look.say(&figures::bytes(row.received)));
    let tools = row.tools;
    let size = words!(
        "{asked} asked, {answered} answered, {tools} tools offered",
        "{asked} de requête, {answered} de réponse, {tools} outils proposés"
    );
    paper.row(&look.say(&words!("size", "taille")), &look.shown(&look.say(&size)));
}

fn tokens(tokens: &Tokens, look: &Look) -> Vec<String> {
    let mut parts: Vec<String> = [
        (words!("in", "entrée"), tokens.input),
        (words!("of which cached", "dont en cache"), tokens.cached),
        (words!("out", "sortie"), tokens.output),
        (words!("of which thoughts", "dont réflexion"), tokens.reasoning),
    ]
    .iter()
    .filter_map(|(name, value)| value.map(|value| format!("{} {}", look.say(name), count(value))))
    .collect();
    let about = if tokens.exact { "" } else { "≈ " };
    for (name, rate) in
        [(words!("prompt", "lecture"), tokens.prompt_rate), (words!("answer", "réponse"), tokens.decode_rate)]
    {
        if let Some(rate) = rate.filter(|rate| rate.is_finite()) {
            let unit = look.say(&words!("tok/s", "tokens/s"));
            parts.push(format!("{} {about}{} {unit}", look.say(&name), decimal(rate, look)));
        }
    }
    parts
}

/// With one decimal below a hundred, and the language's own point.
fn decimal(value: f64, look: &Look) -> String {
    let text = if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") };
    match look.lang() {
        Lang::En => text,
        Lang::Fr => text.replace('.', ","),
    }
}

fn hints(paper: &mut Paper<'_>, hints: &[Hint]) {
    let look = paper.look;
    for hint in hints {
        let words = match hint.id {
            "cut" | "near" => {
                words!("what fills the context, and what cures it", "ce qui remplit le contexte, et le remède")
            }
            "believed" => words!(
                "the client believes in a larger context than there is",
                "le client suppose un contexte plus grand qu'il ne l'est"
            ),
            "refused" => words!("nothing listens there", "rien n'écoute à cette adresse"),
            "unreachable" => words!("the upstream cannot be reached", "la cible est injoignable"),
            "slow_load" => words!("the model took long to load", "le modèle a mis longtemps à se charger"),
            "slow" => words!("the model writes slower than one reads", "le modèle écrit moins vite qu'on ne lit"),
            "overflow" => words!("the request does not fit the context", "la requête dépasse le contexte"),
            "no_tools" => words!("the model cannot call tools", "le modèle ne sait pas appeler d'outils"),
            "queue" => words!("too many requests wait for Ollama", "trop de requêtes attendent Ollama"),
            "no_model" => words!("Ollama does not have the model", "Ollama n'a pas ce modèle"),
            other => Words::same(other.replace('_', " ")),
        };
        let words = match hint.command.as_deref() {
            Some(command) => {
                let (Words { en, fr }, command) = (words, look.as_it_is(command));
                words!("{en}: {command}", "{fr} : {command}")
            }
            None => words,
        };
        paper.row(&look.say(&words!("next", "ensuite")), &arrow(look, &look.say(&words)));
    }
}

fn write_notes(paper: &mut Paper<'_>, notes: &[Note]) {
    let look = paper.look;
    paper.heading(&look.say(&words!("Translation", "Traduction")), &count(notes.len() as u64));
    for note in notes {
        let kind = match note.kind {
            NoteKind::Dropped => words!("left out", "omis"),
            NoteKind::Renamed => words!("renamed", "renommé"),
            NoteKind::ToldOnly => words!("only told", "dit seulement"),
            NoteKind::Repaired => words!("mended", "réparé"),
            NoteKind::Recovered => words!("recovered", "retrouvé"),
            NoteKind::Model => words!("model", "modèle"),
            NoteKind::Other => words!("other", "autre"),
        };
        let at = note.at.as_deref().map(|at| format!("{at}   ")).unwrap_or_default();
        paper.row(&format!("  {}", look.say(&kind)), &look.one_line(&format!("{at}{}", look.say(&told(&note.text)))));
    }
}
