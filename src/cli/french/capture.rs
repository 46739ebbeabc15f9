//! `capture` and its commands.

use super::Page;

const fn page(path: &'static str, about: &'static str, args: &'static [(&'static str, &'static str)]) -> Page {
    Page { path, about, after: "", args }
}

pub(super) const PAGES: &[Page] = &[
    CAPTURE,
    page("capture on", "Commencer à capturer, dans le relais en cours", &[]),
    page("capture off", "Cesser de capturer ; ce qui a été capturé reste", &[]),
    page("capture status", "S'il capture, où, combien il y a d'échanges, et le dernier (comme `capture` seul)", &[]),
    page(
        "capture list",
        "Les échanges, un par ligne, le plus récent en dernier",
        &[
            ("query", "Seulement ceux-ci : des mots, et model: tool: status: session: is:error is:cut…"),
            ("number", "Les N derniers"),
            ("session", "Seulement de cette session"),
            ("probes", "Aussi les requêtes qui ne font que se renseigner (/api/version, /v1/models)"),
            ("sessions", "Les sessions au lieu des échanges, avec leurs clés"),
        ],
    ),
    page(
        "capture show",
        "Tout d'un échange : contexte, durées, conversation, réponse, appels, notes",
        &[
            ("id", "Un identifiant ou une partie, `last`, ou `last~N` pour le N-ième avant lui"),
            ("pane", "L'en-tête et le corps d'un seul côté"),
            ("raw", "Avec --pane : les octets du corps, tels qu'ils sont venus"),
            ("conversation", "Seulement ce qui a été dit"),
            ("headers", "Seulement les en-têtes de tous les côtés"),
            ("timeline", "Seulement les événements, avec leurs instants"),
            ("notes", "Seulement ce que la traduction a fait"),
            ("all", "Tout l'historique, sans texte coupé"),
        ],
    ),
    page(
        "capture tail",
        "Les échanges à mesure qu'ils se terminent, jusqu'à Ctrl-C",
        &[
            ("query", "Seulement ceux-ci, comme pour `list`"),
            ("number", "S'arrêter après N échanges"),
            ("all", "Commencer par ceux qui sont déjà là"),
            ("probes", "Aussi les requêtes qui ne font que se renseigner"),
        ],
    ),
    page(
        "capture diff",
        "En quoi une requête diffère d'une autre, ou de la précédente",
        &[
            ("one", "L'échange qui est examiné"),
            ("other", "Celui auquel il est comparé : un identifiant, ou `previous`"),
        ],
    ),
    page(
        "capture search",
        "Où se trouvent ces mots, dans tout ce qui a été capturé",
        &[("words", "Des mots, qui doivent tous s'y trouver"), ("number", "Au plus N résultats, les plus récents")],
    ),
    page(
        "capture export",
        "Des échanges dans une forme pour d'autres programmes, ou pour lecture",
        &[
            ("which", "Des identifiants, ou une recherche ; tout, à défaut"),
            ("format", "La forme"),
            ("output", "Où l'écrire [par défaut : la sortie standard] ; codex-capture demande un répertoire"),
            ("force", "Écraser ce qui s'y trouve"),
        ],
    ),
    page("capture import", "Les échanges d'un `export --format jsonl` antérieur", &[("file", "Le fichier")]),
    page(
        "capture replay",
        "Renvoyer une requête ; les appels d'outils sont montrés, jamais exécutés",
        &[
            ("id", "L'échange : un identifiant ou une partie, `last`, ou `last~N`"),
            ("model", "Interroger plutôt ce modèle"),
            ("body", "Envoyer plutôt ce corps (`-` : l'entrée standard)"),
            ("edit", "Modifier d'abord le corps dans $VISUAL ou $EDITOR"),
            ("print", "Afficher seulement la commande curl équivalente"),
        ],
    ),
    page(
        "capture mark",
        "Marquer un échange, ou y mettre un commentaire",
        &[
            ("id", "L'échange : un identifiant ou une partie, `last`, ou `last~N`"),
            ("comment", "Un commentaire ; vide, il l'enlève"),
            ("off", "Enlever la marque"),
        ],
    ),
    page(
        "capture rm",
        "Supprimer des échanges, sur le disque aussi",
        &[
            ("ids", "Les échanges : des identifiants ou des parties, `last`, ou `last~N`"),
            ("session", "Toute une session"),
            ("all", "Tout ce qu'il y a"),
            ("yes", "Ne pas demander"),
        ],
    ),
    page(
        "capture prune",
        "Supprimer les sessions les plus anciennes, jusqu'aux limites",
        &[
            (
                "max_size",
                "Ne pas garder plus que cela sur le disque [par défaut : la limite du relais en cours, ou 256MiB]",
            ),
            ("max_age", "Ne garder aucune session plus ancienne [par défaut : la limite du relais en cours, ou 14d]"),
        ],
    ),
    page(
        "capture open",
        "Ouvrir la page dans un navigateur ; sans relais en cours, la servir jusqu'à Ctrl-C",
        &[
            ("id", "L'échange montré d'abord"),
            ("print", "Afficher seulement le lien"),
            ("inspect", "Où la page est servie si aucun relais ne tourne [par défaut : 127.0.0.1:5001]"),
        ],
    ),
    page("capture print-cmds", "Les commandes à taper pour Codex et pour un essai", &[]),
    page(
        "capture start",
        "Démarrer un relais qui capture, en arrière-plan",
        &[
            (
                "mode",
                "Comment viennent les clients : `reverse` (ils nous nomment) ou `forward` (nous sommes leur proxy). Un seul port fait les deux",
            ),
            ("listen_host", "L'adresse où les clients se connectent"),
            ("port", "Le port où les clients se connectent [par défaut : --listen-port, ou 11434]"),
            ("upstream", "Vers où relayer [par défaut : auto, qui trouve Windows]"),
            ("webapp_port", "Le port de la page"),
            ("translate", "Traduire l'API Responses, pour Codex"),
        ],
    ),
    page("capture stop", "Arrêter le relais en cours, après les réponses entamées", &[]),
    page("capture wizard", "Demander ce qu'il faut à `start`, démarrer, et ouvrir la page", &[]),
];

const CAPTURE: Page = Page {
    path: "capture",
    about: "Ce que clients et modèles se disent : capturé, listé, montré, comparé, exporté",
    after: "\
Exemples :
  ollama-forward --translate --capture          capturer, avec la page sur 127.0.0.1:5001
  ollama-forward capture on                     commencer, dans le relais en cours
  ollama-forward capture open                   la page, dans un navigateur
  ollama-forward capture list model:qwen        les échanges avec un modèle
  ollama-forward capture show                   tout du dernier échange
  ollama-forward capture tail                   les échanges à mesure qu'ils se terminent
  ollama-forward capture diff                   ce que la dernière requête a de nouveau
  ollama-forward capture export --format har -o all.har

Un échange est désigné par son identifiant, une partie qu'aucun autre n'a, `last`, ou `last~2`.
Code de sortie 0 : fait ; 1 : échec ; 2 : la ligne de commande ne convient pas ; 3 : aucun relais ne tourne.",
    args: &[
        (
            "dir",
            "Où les échanges sont gardés [par défaut : là où le relais en cours les garde, ou le répertoire d'état]",
        ),
        ("listen_port", "Le relais en cours dont la première adresse d'écoute a ce port"),
        ("json", "JSON, avec une version de schéma ; une ligne par échange quand ils viennent l'un après l'autre"),
        ("color", "Couleurs [par défaut : auto]"),
    ],
};
