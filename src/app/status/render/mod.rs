//! How things look that `status` tells: a block a forwarder, a line for a log, a line below a log. Pure.
//!
//! ```text
//! forward   127.0.0.1:11434 → 172.22.96.1:11434   up 3 h 12   2 open, 418 done
//! upstream  ✓ up for 41 min   Ollama 0.33.0   1.8 ms
//! route     default gateway of eth0 (WSL NAT)   WSL nat
//! model     gpt-oss:20b   context 32 768 loaded of 131 072   ⚠ Codex believes 258 400
//! ```
//! Models and paths are named by others: no line leaves here that could move a cursor.

mod figures;
mod row;
#[cfg(test)]
mod tests;

use self::figures::{count, latency, size, time};
use self::row::{Row, Sign};
use super::scene::{Asked, Forward, Model, Service};
use crate::doctor::render::Look;
use crate::doctor::render::sheet::Style;
use crate::fault::FaultId;
use crate::status::{Capture, Connections, Exchange, Report, State};
use crate::words;
use crate::words::Words;

/// More models than this are counted only: nobody has the memory for them.
const MOST_MODELS: usize = 4;

/// The block of one forwarder, line by line.
pub(in crate::app) fn block(forward: &Forward, service: &Service, look: &Look) -> Vec<String> {
    let report = &forward.report;
    let mut lines = vec![listening(report, look), upstream(forward, look), route(report, look)];
    lines.extend(models(forward, look));
    if report.translate {
        let row = Row::new(look, &words!("bridge", "pont"));
        let row = row.say(&words!("translates /v1/responses", "traduit /v1/responses"));
        lines.push(row.maybe(report.exchange.as_ref().map(last_exchange).as_ref()).end());
    }
    lines.extend(capture(report.capture.as_ref(), look));
    lines.push(unit(service, look));
    if let Some(fault) = &report.error {
        let row = Row::new(look, &words!("error", "erreur"));
        // The message is in English, as the log is; its title is not.
        let title = FaultId::from_text(&fault.id).map(|id| id.title().fr);
        let what = Words { en: fault.message.clone(), fr: title.unwrap_or_else(|| fault.message.clone()) };
        let id = &fault.id;
        let Words { en, fr } = what;
        lines.push(row.styled(Style::Red, &words!("{id}: {en}", "{id} : {fr}")).end());
    }
    if let Some(hint) = super::scene::hint(forward, service) {
        lines.push(Row::new(look, &words!("hint", "conseil")).styled(Style::Bold, &Words::same(hint)).end());
    }
    lines
}

fn place(report: &Report) -> Words {
    let listen = report.listen.join(", ");
    match &report.upstream {
        Some(upstream) => words!("{listen} → {upstream}", "{listen} → {upstream}"),
        None => words!("{listen} → not found yet", "{listen} → pas encore trouvée"),
    }
}

fn listening(report: &Report, look: &Look) -> String {
    let Words { en, fr } = time(report.uptime_ms);
    let row = Row::new(look, &words!("forward", "relais")).say(&place(report));
    let row = row.say(&words!("up {en}", "lancé depuis {fr}")).say(&connections(report.connections));
    let row = row.say(&Words::same(format!("pid {}", report.pid)));
    let (sent, received) = (size(report.bytes.sent), size(report.bytes.received));
    row.say(&Words {
        en: format!("{} sent, {} received", sent.en, received.en),
        fr: format!("{} envoyés, {} reçus", sent.fr, received.fr),
    })
    .end()
}

/// What went wrong is told where something did.
fn connections(counts: Connections) -> Words {
    let Connections { open, total, failed, refused } = counts;
    let [o, d, f, r] = [open, total.saturating_sub(open), failed, refused].map(count);
    let plural = |number: u64| if number > 1 { "s" } else { "" };
    let mut words = Words {
        en: format!("{} open, {} done", o.en, d.en),
        fr: format!("{} ouverte{}, {} terminée{}", o.fr, plural(open), d.fr, plural(total.saturating_sub(open))),
    };
    let mut add = |number: u64, en: String, fr: String| {
        if number > 0 {
            words.en += &en;
            words.fr += &fr;
        }
    };
    add(failed, format!(", {} failed", f.en), format!(", {} en échec", f.fr));
    add(refused, format!(", {} refused", r.en), format!(", {} refusée{}", r.fr, plural(refused)));
    words
}

fn state(report: &Report) -> (Sign, Words) {
    match report.state {
        State::Up => (Sign::Good, words!("up", "joignable")),
        State::Down => (Sign::Bad, words!("down", "injoignable")),
        State::Searching => (Sign::Warning, words!("searching", "recherchée")),
    }
}

fn upstream(forward: &Forward, look: &Look) -> String {
    let report = &forward.report;
    let (sign, Words { en: state, fr: etat }) = state(report);
    let Words { en, fr } = time(report.changed_ms_ago);
    let row = Row::new(look, &words!("upstream", "cible"));
    let row = row.sign(sign, &words!("{state} for {en}", "{etat} depuis {fr}"));
    let row = match &report.ollama {
        Some(version) => row.say(&Words::same(format!("Ollama {version}"))),
        None => row,
    };
    match &forward.asked {
        None => row.end(),
        Some(Asked { latency: Some(took), .. }) => row.say(&latency(*took)).end(),
        Some(Asked { latency: None, .. }) => row.sign(Sign::Warning, &silence()).end(),
    }
}

fn silence() -> Words {
    let seconds = super::scene::ASK_TIME.as_secs();
    words!("no answer within {seconds} s", "pas de réponse en {seconds} s")
}

/// How the forwarder found it. Its words are those of `gateway::select::How`; what they do not have is shown as it is.
fn how(how: &str) -> Words {
    let fr = match how {
        "named" => "désignée par vous".to_owned(),
        "demo" => "démonstration".to_owned(),
        "not found yet" => "pas encore trouvée".to_owned(),
        "not needed" => "inutile".to_owned(),
        "wsl-vpnkit's address of Windows" => "adresse de Windows selon wsl-vpnkit".to_owned(),
        "nameserver of /etc/resolv.conf" => "serveur de noms de /etc/resolv.conf".to_owned(),
        "NAT gateway in the Windows registry" => "passerelle NAT du registre de Windows".to_owned(),
        other => {
            let between = |before, after| other.strip_prefix(before)?.strip_suffix(after);
            let gateway = between("default gateway of ", " (WSL NAT)");
            let gateway = gateway.map(|link| format!("passerelle par défaut de {link} (NAT de WSL)"));
            let first = || between("first address of ", "'s network");
            let first = || first().map(|link| format!("première adresse du réseau de {link}"));
            gateway.or_else(first).unwrap_or_else(|| other.to_owned())
        }
    };
    Words { en: how.to_owned(), fr }
}

fn route(report: &Report, look: &Look) -> String {
    let mode = report.mode.as_ref().map(|mode| Words::same(format!("WSL {mode}")));
    Row::new(look, &Words::same("route")).say(&how(&report.how)).maybe(mode.as_ref()).end()
}

fn models(forward: &Forward, look: &Look) -> Vec<String> {
    let Some(asked) = &forward.asked else { return Vec::new() };
    let label = words!("model", "modèle");
    let row = || Row::new(look, &label);
    match asked.models.as_deref() {
        None => vec![row().sign(Sign::Warning, &silence()).end()],
        Some([]) => vec![row().say(&words!("none loaded", "aucun chargé")).end()],
        Some(models) => {
            let more = models.len().saturating_sub(MOST_MODELS);
            let mut lines: Vec<String> =
                models.iter().take(MOST_MODELS).map(|one| model(one, Row::new(look, &label))).collect();
            if more > 0 {
                let plural = if more == 1 { "" } else { "s" };
                lines.push(row().say(&words!("and {more} more", "et {more} autre{plural}")).end());
            }
            lines
        }
    }
}

fn model(model: &Model, row: Row<'_>) -> String {
    let row = row.say(&Words::same(&model.name));
    let row = match (model.context, model.maximum) {
        (None, _) => row,
        (Some(context), None) => {
            let Words { en, fr } = count(context);
            row.say(&words!("context {en} loaded", "contexte {fr} chargé"))
        }
        (Some(context), Some(maximum)) => {
            let (Words { en, fr }, Words { en: of, fr: sur }) = (count(context), count(maximum));
            row.say(&words!("context {en} loaded of {of}", "contexte {fr} chargé sur {sur}"))
        }
    };
    let Some(believed) = model.too_much() else { return row.end() };
    let Words { en, fr } = count(believed);
    row.sign(Sign::Warning, &words!("Codex believes {en}", "Codex en suppose {fr}")).end()
}

fn last_exchange(exchange: &Exchange) -> Words {
    let Words { en, fr } = time(exchange.ended_ms_ago);
    let Words { en: what, fr: quoi } = speed(exchange);
    words!("last: {what}, {en} ago", "dernier échange : {quoi}, il y a {fr}")
}

/// The model, and how fast it spoke, or that it failed.
fn speed(exchange: &Exchange) -> Words {
    let model = &exchange.model;
    match (exchange.result.as_str(), exchange.tokens_per_s) {
        ("failed", _) => words!("{model} failed", "{model} en échec"),
        (_, None) => Words::same(model),
        (_, Some(rate)) => {
            let Words { en, fr } = count(rate);
            words!("{model} {en} tokens/s", "{model} {fr} tokens/s")
        }
    }
}

fn capture(capture: Option<&Capture>, look: &Look) -> Vec<String> {
    let row = Row::new(look, &Words::same("capture"));
    let Some(Capture { on, page, sessions, bytes, limit, missed, trouble, .. }) = capture else {
        return vec![row.sign(Sign::Off, &words!("off", "inactive")).end()];
    };
    let row = match (on, trouble) {
        (true, Some(_)) => row.sign(Sign::Warning, &words!("pauses", "en pause")),
        (true, None) => row.sign(Sign::Good, &words!("on", "active")),
        (false, _) => row.sign(Sign::Off, &words!("off", "inactive")),
    };
    let plural = if *sessions == 1 { "" } else { "s" };
    let (Words { en, fr }, used, most) = (count(*sessions), size(*bytes), size(*limit));
    let row = row.say(&words!("{en} session{plural}", "{fr} session{plural}"));
    let row = row.say(&Words { en: format!("{} of {}", used.en, most.en), fr: format!("{} sur {}", used.fr, most.fr) });
    let row = if *missed > 0 {
        let (Words { en, fr }, plural) = (count(*missed), if *missed == 1 { "" } else { "s" });
        row.sign(Sign::Warning, &words!("{en} missed", "{fr} manquée{plural}"))
    } else {
        row
    };
    let mut lines = vec![row.maybe(page.as_ref().map(Words::same).as_ref()).end()];
    if let Some(trouble) = trouble {
        let row = Row::new(look, &words!("why", "pourquoi"));
        lines.push(row.styled(Style::Yellow, &Words::same(trouble)).end());
    }
    lines
}

fn unit(service: &Service, look: &Look) -> String {
    let row = Row::new(look, &Words::same("service"));
    let row = match (service.installed, service.active.as_deref()) {
        (false, _) => row.sign(Sign::Off, &words!("not installed", "non installé")),
        (true, Some("active")) => row.sign(Sign::Good, &words!("active", "actif")),
        (true, Some("failed")) => row.sign(Sign::Bad, &words!("failed", "en échec")),
        (true, Some("inactive")) => row.sign(Sign::Off, &words!("installed, not active", "installé, inactif")),
        (true, Some(other)) => {
            row.sign(Sign::Warning, &words!("installed, systemd says: {other}", "installé, systemd dit : {other}"))
        }
        (true, None) => {
            row.sign(Sign::Warning, &words!("installed, systemd does not answer", "installé, systemd ne répond pas"))
        }
    };
    row.end()
}

/// A forwarder that does not run, and is waited for.
pub(in crate::app) fn absent(since_ms: u64, look: &Look) -> Vec<String> {
    let Words { en, fr } = time(since_ms);
    let row = Row::new(look, &words!("forward", "relais"));
    let row = row.sign(Sign::Bad, &words!("none runs", "aucun ne tourne"));
    vec![row.say(&words!("waiting for one for {en}", "attendu depuis {fr}")).end()]
}

/// A line of the log, and no wider than the terminal.
pub(in crate::app) fn log_line(line: &str, look: &Look) -> String {
    // `2026-11-28T21:40:03.123+01:00  INFO …`: who looks on knows the day.
    let time = line.get(11..19).filter(|_| line.as_bytes().get(10) == Some(&b'T'));
    let shown = time
        .zip(line.split_once(' '))
        .map_or_else(|| line.to_owned(), |(time, (_, rest))| format!("{time} {}", rest.trim_start()));
    Row::bare(look).styled(Style::Dim, &Words::same(shown)).end()
}

/// One forwarder in one line, as it stands below its log.
pub(in crate::app) fn live(report: &Report, stops: bool, look: &Look) -> String {
    let (sign, words) = if stops { (Sign::Warning, words!("stopping", "arrêt en cours")) } else { state(report) };
    // A character in the last column makes some terminals wrap.
    let look = Look { width: look.width.saturating_sub(1), ..*look };
    summary(Row::bare(&look).sign(sign, &words), report)
}

/// One forwarder in one line, for a log: all that may change and is worth a line.
pub(in crate::app) fn change(report: &Report, look: &Look) -> String {
    let (sign, words) = state(report);
    summary(Row::bare(look).sign(sign, &words), report)
}

/// The same for a forwarder that has gone.
pub(in crate::app) fn gone(look: &Look) -> String {
    Row::bare(look).sign(Sign::Bad, &words!("no forwarder runs", "aucun relais ne tourne")).end()
}

fn summary(row: Row<'_>, report: &Report) -> String {
    let row = row.say(&place(report)).say(&connections(report.connections));
    let row = row.maybe(report.exchange.as_ref().map(speed).as_ref());
    let Some(capture) = report.capture.as_ref().filter(|capture| capture.on) else { return row.end() };
    if capture.trouble.is_some() {
        return row.sign(Sign::Warning, &words!("capture pauses", "capture en pause")).end();
    }
    let (Words { en, fr }, plural) = (count(capture.exchanges), if capture.exchanges == 1 { "" } else { "s" });
    row.say(&words!("capture on, {en} exchange{plural}", "capture active, {fr} échange{plural}")).end()
}
