//! Sentences that we wrote into exchanges, in French. What is captured is kept in one language, so that it can be searched
//! and exported; where it is shown, what is ours is told in the reader's. What others said stays as they said it. Pure.
//!
//! `{}` stands for what a sentence is about; both languages have it in the same order. The page has the same table
//! (`inspect/page/words.js`).

use crate::words::Words;

/// Each sentence in English, as it is kept, and in French.
pub const SENTENCES: &[(&str, &str)] = &[
    // Why there is no good answer (`capture::understand::errors`)
    ("the client left before the answer was complete", "le client est parti avant la fin de la réponse"),
    ("the answer broke off", "la réponse s'est interrompue"),
    ("refused", "refusé"),
    ("the program ended before the answer did", "le programme s'est terminé avant la réponse"),
    ("the stream ended without its last event", "le flux s'est terminé sans son dernier événement"),
    // The way to the upstream (`gateway`, `forward`)
    ("{} refuses connections", "{} refuse les connexions"),
    ("{} does not answer", "{} ne répond pas"),
    ("{} cannot be reached", "{} est injoignable"),
    ("cannot connect to {}: {}", "impossible de se connecter à {} : {}"),
    ("{} accepts connections and drops them", "{} accepte les connexions et les coupe"),
    ("{} accepts connections and says nothing", "{} accepte les connexions et se tait"),
    ("{} is not Ollama: {}", "{} n'est pas Ollama : {}"),
    ("{} leads back to this forwarder", "{} ramène à ce relais"),
    ("still looking for Ollama on Windows", "Ollama est encore cherché sous Windows"),
    ("the network no longer leads to {}", "le réseau ne mène plus à {}"),
    (
        "no network leads to Windows: there is no usable route or address",
        "aucun réseau ne mène à Windows : ni route ni adresse utilisable",
    ),
    ("{} connections are open, which is the limit", "{} connexions sont ouvertes, c'est la limite"),
    ("localhost reaches Windows by itself now", "localhost mène désormais de lui-même à Windows"),
    ("cannot resolve {}: {}", "impossible de résoudre {} : {}"),
    ("{} is this forwarder itself", "{} est ce relais lui-même"),
    ("the connection to {} broke: {}", "la connexion à {} s'est rompue : {}"),
    ("{} broke off before it answered: {}", "{} a rompu avant de répondre : {}"),
    ("{} reset the connection", "{} a coupé la connexion"),
    ("/api/version was answered with status {}", "/api/version a répondu par le statut {}"),
    // Why nothing can be kept (`capture::store`)
    ("cannot write to {}: {}", "impossible d'écrire dans {} : {}"),
    (
        "the disk has {} MiB left; capture goes on at {} MiB",
        "il reste {} Mio sur le disque ; la capture reprendra à {} Mio",
    ),
    ("{} is written by process {}", "{} est tenu par le processus {}"),
    ("another process writes in this directory", "un autre processus écrit dans ce répertoire"),
    ("there is no exchange {}", "il n'y a pas d'échange {}"),
    ("the writer has ended", "l'écriture est terminée"),
    ("cannot create {}: {}", "impossible de créer {} : {}"),
    ("cannot lock {}: {}", "impossible de verrouiller {} : {}"),
    ("cannot look at {}: {}", "impossible de consulter {} : {}"),
    ("cannot protect {}: {}", "impossible de protéger {} : {}"),
    ("cannot read {}: {}", "impossible de lire {} : {}"),
    ("cannot remove {}: {}", "impossible de supprimer {} : {}"),
    ("cannot rewrite {}: {}", "impossible de réécrire {} : {}"),
    ("cannot tidy {}: {}", "impossible de ranger {} : {}"),
    ("cannot write {}: {}", "impossible d'écrire {} : {}"),
    // Asked again, and resumed (`bridge::exchange`)
    (
        "goes on with the same request, whose client left during the load",
        "reprend la même requête, dont le client était parti pendant le chargement",
    ),
    ("the connection had been closed while it idled", "la connexion inactive avait été fermée"),
    // What a model does not get as it was asked (`translate::request`)
    (
        "asked for {}, which only OpenAI has: its parent's model instead",
        "demandait {}, que seul OpenAI possède : le modèle de son parent à la place",
    ),
    ("`{}` has no equivalent, left out", "« {} » n'a pas d'équivalent, omis"),
    ("not of the expected form, left out", "pas de la forme attendue, omis"),
    ("unknown role `{}`, told as the user's", "rôle « {} » inconnu, transmis comme celui de l'utilisateur"),
    ("thoughts that nothing followed, left out", "des réflexions que rien ne suivait, omises"),
    ("a summary sealed by another server, left out", "un résumé scellé par un autre serveur, omis"),
    ("only a user's message can hold an image, left out", "seul un message d'utilisateur peut porter une image, omise"),
    ("the model cannot see images, left out", "le modèle ne voit pas les images, omise"),
    ("an image that is not in the request, left out", "une image absente de la requête, omise"),
    ("no readable image, left out", "pas d'image lisible, omise"),
    (
        "a file that is not text, or not in the request, left out",
        "un fichier qui n'est pas du texte, ou absent de la requête, omis",
    ),
    ("the model cannot think, left out", "le modèle ne réfléchit pas, omis"),
    ("the model always thinks, asked to think little", "le modèle réfléchit toujours, invité à réfléchir peu"),
    (
        "asked for in words, as its grammar would forbid tool calls",
        "demandé en toutes lettres, car sa grammaire interdirait les appels d'outils",
    ),
    (
        "text.format was asked for in words: its grammar would forbid tool calls",
        "text.format a été demandé en toutes lettres : sa grammaire interdirait les appels d'outils",
    ),
    ("names what the model is not offered, left out", "nomme ce qui n'est pas proposé au modèle, omis"),
    (
        "tools of type `{}` have no equivalent, not offered",
        "les outils de type « {} » n'ont pas d'équivalent, non proposés",
    ),
    ("has no name, not offered", "n'a pas de nom, non proposé"),
    ("declared before, the first one counts", "déjà déclaré, le premier compte"),
    ("offered as `{}`", "proposé sous le nom « {} »"),
    ("has no schema, offered without parameters", "n'a pas de schéma, proposé sans paramètres"),
    (
        "its schema is not that of an object, offered without parameters",
        "son schéma n'est pas celui d'un objet, proposé sans paramètres",
    ),
    ("the branches of its schema were merged", "les branches de son schéma ont été réunies"),
    ("a $ref of its schema cannot be resolved", "un $ref de son schéma ne mène nulle part"),
    ("optional parameters not mentioned: {}", "paramètres facultatifs passés sous silence : {}"),
    // What was done to an answer (`translate::answer`)
    ("repaired {} ({})", "{} réparé ({})"),
    ("recovered {} printed as text ({})", "{} retrouvés, écrits comme du texte ({})"),
    ("recovered a call from the upstream's error", "un appel retrouvé dans l'erreur de la cible"),
    ("{} was printed, too", "{} était aussi écrit en texte"),
    ("left as text (quoted)", "laissé en texte (cité)"),
    ("left as text (text after it)", "laissé en texte (du texte le suit)"),
    ("left as text (unfinished)", "laissé en texte (inachevé)"),
    ("left as text (unreadable)", "laissé en texte (illisible)"),
    ("left as text (unknown name)", "laissé en texte (nom inconnu)"),
    ("left as text (missing argument)", "laissé en texte (argument manquant)"),
    ("left as text (partly shown)", "laissé en texte (déjà montré en partie)"),
    ("passed on {} though there is no tool named `{}`", "{} transmis bien qu'aucun outil ne s'appelle « {} »"),
    (
        "passed on {} though the arguments are not valid JSON; write them as one JSON object",
        "{} transmis bien que ses arguments ne soient pas du JSON valide",
    ),
    (
        "passed on {} though the arguments must be one JSON object",
        "{} transmis bien que ses arguments ne soient pas un objet JSON",
    ),
    (
        "passed on {} though the required argument `{}` is missing",
        "{} transmis bien que l'argument obligatoire « {} » manque",
    ),
    (
        "passed on {} though there is no patch; it must start with `*** Begin Patch` and end with `*** End Patch`",
        "{} transmis bien qu'il ne contienne pas de patch",
    ),
];

/// A sentence of ours in both languages; all else is the same in both.
pub fn told(text: &str) -> Words {
    // Those that say more come first: `{}` alone would take anything.
    let known = SENTENCES.iter().filter_map(|(english, french)| Some((english, french, holes(english, text)?)));
    let best = known.max_by_key(|(english, ..)| english.len());
    match best {
        Some((_, french, holes)) => Words { en: text.to_owned(), fr: filled(french, &holes) },
        None => Words::same(text),
    }
}

/// What stands in the holes of a sentence. None: the text is not that sentence.
fn holes<'t>(sentence: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut pieces = sentence.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let pieces: Vec<_> = pieces.collect();
    let mut found = Vec::with_capacity(pieces.len());
    for (at, piece) in pieces.iter().enumerate() {
        // The last one reaches to the end.
        let end = if at + 1 == pieces.len() { rest.strip_suffix(piece)?.len() } else { rest.find(piece)? };
        let hole = rest.get(..end).filter(|hole| !hole.is_empty())?;
        found.push(hole);
        rest = rest.get(end + piece.len()..)?;
    }
    rest.is_empty().then_some(found)
}

fn filled(sentence: &str, holes: &[&str]) -> String {
    let mut pieces = sentence.split("{}");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.zip(holes).fold(first, |text, (piece, hole)| text + hole + piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::gateway::identify::{DialFault, Refusal};
    use crate::translate::answer::Note;
    use crate::translate::recover;
    use crate::translate::repair::Broken;
    use crate::translate::request::{Loss, Why};
    use crate::translate::tools;

    #[track_caller]
    fn check(text: &str, french: &str) {
        assert_eq!(told(text), Words { en: text.into(), fr: french.into() });
    }

    #[test]
    fn ours_is_told_in_both_languages() {
        check("the answer broke off", "la réponse s'est interrompue");
        check("172.24.0.1:11434 refuses connections", "172.24.0.1:11434 refuse les connexions");
        check("cannot connect to h:1: permission denied: x", "impossible de se connecter à h:1 : permission denied: x");
        check("offered as `a_b`", "proposé sous le nom « a_b »");
        check("repaired shell (json-encoded, patch)", "shell réparé (json-encoded, patch)");
    }

    #[test]
    fn what_others_said_stays() {
        for text in ["model \"x\" not found, try pulling it first", "", " refuses connections", "the answer broke off!"]
        {
            check(text, text);
        }
    }

    #[test]
    fn both_languages_have_the_same_holes() {
        for (english, french) in SENTENCES {
            let count = |text: &str| text.matches("{}").count();
            assert_eq!(count(english), count(french), "{english}");
            assert_ne!(english, french);
        }
    }

    /// What the bridge writes into an exchange, of each kind.
    #[test]
    fn every_note_has_its_french() {
        let losses = [
            Why::NoEquivalent("x".into()),
            Why::Malformed,
            Why::Role("x".into()),
            Why::ThoughtsAlone,
            Why::Sealed,
            Why::ImageOfRole,
            Why::Blind,
            Why::ImageElsewhere,
            Why::ImageBroken,
            Why::File,
            Why::Thoughtless,
            Why::AlwaysThinks,
            Why::ToldOnly,
            Why::ChoiceOfNothing,
        ];
        let tools = [
            tools::Why::NotOffered("x".into()),
            tools::Why::NoName,
            tools::Why::Duplicate,
            tools::Why::Renamed("x".into()),
            tools::Why::NoSchema,
            tools::Why::NotAnObject,
            tools::Why::UnionMerged,
            tools::Why::ReferenceLost,
            tools::Why::Unmentioned(vec!["a".into(), "b".into()]),
        ];
        let losses = losses.into_iter().chain(tools.into_iter().map(Why::Tool));
        let losses = losses.map(|why| Loss { at: "a".into(), why }.to_string()["a: ".len()..].to_owned());
        let broken = [
            Broken::UnknownTool("x".into()),
            Broken::BadJson,
            Broken::NotAnObject,
            Broken::Missing("x".into()),
            Broken::NoPatch,
        ];
        let left =
            [recover::Why::Quoted, recover::Why::TextAfter, recover::Why::Unfinished, recover::Why::AlreadyShown];
        let notes =
            [Note::FromError, Note::Twice { tool: "x".into() }, Note::Repaired { tool: "x".into(), slips: vec![] }];
        let notes = notes.into_iter().chain(left.into_iter().map(Note::Left));
        let notes = notes.chain(broken.map(|why| Note::Unfit { tool: "x".into(), why })).map(|note| note.to_string());
        let refusals = [
            Refusal::Dial(DialFault::Refused),
            Refusal::Dial(DialFault::Timeout),
            Refusal::Dial(DialFault::Unreachable),
            Refusal::Dial(DialFault::Reset),
            Refusal::Silent,
            Refusal::NotOllama("x".into()),
            Refusal::Loop,
        ];
        let refusals = refusals.map(|refusal| refusal.fault("h:1").what.en);
        // Without slips, what was repaired is an empty hole.
        for text in losses.chain(notes.filter(|note| !note.ends_with("()"))).chain(refusals) {
            let Words { en, fr } = told(&text);
            assert_ne!(en, fr, "without French");
        }
    }

    #[test]
    fn the_page_has_the_same_table() {
        let page = include_str!("../inspect/page/words.js");
        let (_, table) = page.split_once("const SENTENCES = [").unwrap();
        let (table, _) = table.split_once("\n];").unwrap();
        let rows: Vec<[String; 2]> =
            serde_json::from_str(&format!("[{}]", table.trim().trim_end_matches(','))).unwrap();
        let ours: Vec<_> =
            SENTENCES.iter().map(|(english, french)| [(*english).to_owned(), (*french).to_owned()]).collect();
        assert_eq!(rows, ours);
    }
}
