//! The program and its commands, except `capture`.

use super::Page;

pub(super) const PAGES: &[Page] = &[
    RUN,
    CODEX,
    SETUP,
    STATUS,
    DOCTOR,
    BUGREPORT,
    SERVICE,
    INSTALL,
    UNINSTALL,
    START,
    STOP,
    RESTART,
    SERVICE_STATUS,
    LOGS,
    CONFIG,
    INIT,
    SHOW,
    PATH,
    CHECK,
    EXPLAIN,
    COMPLETIONS,
    MAN,
    VERSION,
];

const RUN: Page = Page {
    path: "",
    about: "Atteindre Ollama sous Windows depuis WSL2 : sert localhost:11434, trouve Windows, le suit, et dit pourquoi \
            quand c'est impossible ; avec --translate, permet à Codex d'utiliser des modèles locaux",
    after: "\
Exemples :
  ollama-forward                                trouver Ollama sous Windows, le servir sur localhost:11434
  ollama-forward --translate                    de même, et les outils de Codex marchent avec des modèles locaux
  ollama-forward --upstream demo --translate    essayer avec une doublure, sans Windows ni Ollama
  ollama-forward --upstream 192.168.1.20        relayer vers une machine désignée
  ollama-forward --listen-port 11435            quand le port 11434 est déjà pris
  ollama-forward --translate --capture          observer chaque échange sur http://127.0.0.1:5001
  ollama-forward status                         ce que fait le relais en cours
  ollama-forward doctor                         ce qui ne va pas, et la commande qui y remédie
  ollama-forward explain E-PORT-TAKEN           en savoir plus sur une erreur
  curl http://localhost:11434/api/version       est-ce que cela marche ?

Chaque option est aussi une variable d'environnement (OLLAMA_FORWARD_LISTEN_PORT=11435) et une clé de
~/.config/ollama-forward/config.toml (listen_port = 11435).",
    args: &[
        ("lang", "La langue des messages [par défaut : celle de l'environnement]"),
        (
            "listen",
            "Où les clients se connectent ; à répéter, ou à séparer par des virgules [par défaut : 127.0.0.1:11434]",
        ),
        ("listen_port", "Le port des adresses d'écoute qui n'en nomment pas [par défaut : 11434]"),
        (
            "upstream",
            "Vers où relayer : auto (trouve Windows), HOST[:PORT], http://HOST[:PORT], ou demo [par défaut : auto]",
        ),
        ("connect_timeout", "Durée d'une tentative de connexion à la cible [par défaut : 1.5s]"),
        (
            "wait_for_upstream",
            "Combien de temps un client peut attendre une cible absente, avant qu'on le lui dise [par défaut : 15s]",
        ),
        ("keepalive", "Keepalive TCP vers la cible, en secondes et en sondes [par défaut : 15/5/3]"),
        (
            "user_timeout",
            "Combien de temps la cible peut tarder à acquitter des données, 0 pour la durée du noyau [par défaut : 30s]",
        ),
        ("max_connections", "Connexions simultanées ; au-delà, refus motivé [par défaut : 4096]"),
        (
            "any_host",
            "Avec --translate ou --capture : servir les clients quel que soit le Host qu'ils nomment (des pages d'inconnus pourraient alors atteindre vos modèles)",
        ),
        (
            "drain_timeout",
            "Après Ctrl-C, combien de temps les connexions ouvertes ont pour se terminer [par défaut : 10s]",
        ),
        ("config", "Un autre fichier de configuration que ~/.config/ollama-forward/config.toml"),
        ("quiet", "Seulement les avertissements et les erreurs"),
        ("verbose", "Plus de détails : une ligne par connexion ; deux fois : chaque étape"),
        ("debug", "Comme -v ; avec --translate, en plus, un bloc lisible par échange"),
        ("log_format", "Forme des lignes de journal sur la sortie d'erreur [par défaut : text]"),
        ("color", "Couleurs dans le journal [par défaut : auto]"),
        ("live", "Une ligne sous le journal qui dit où en sont les choses [par défaut : auto]"),
        (
            "translate",
            "Permettre à Codex et aux autres clients de l'API Responses d'utiliser des modèles locaux, en la traduisant vers l'API de chat",
        ),
        ("upstream_api", "L'API de la cible [par défaut : auto]"),
        ("tools", "La forme sous laquelle les outils sont présentés au modèle [par défaut : compact]"),
        ("num_ctx", "Longueur du contexte de chaque requête, en tokens [par défaut : celle du modèle]"),
        ("max_body_size", "Taille au-delà de laquelle une requête est refusée, compressée ou non [par défaut : 32MiB]"),
        (
            "resume_window",
            "Combien de temps une réponse interrompue attend d'être reprise, 0 pour pas du tout [par défaut : 60s]",
        ),
        ("titles", "L'origine des titres des fils de Codex [par défaut : local]"),
        ("subagents", "Le modèle des sous-agents qui demandent un modèle d'OpenAI [par défaut : parent]"),
        (
            "stored_responses",
            "Réponses gardées en mémoire, auxquelles une requête peut se référer, 0 pour aucune [par défaut : 64]",
        ),
        (
            "capture",
            "Garder tous les échanges, ici ou dans le répertoire d'état, et les montrer sur une page de cette machine",
        ),
        (
            "inspect",
            "Où se trouve la page ; seule : montrer ce qui a été gardé auparavant [par défaut : 127.0.0.1:5001 avec --capture]",
        ),
        (
            "capture_max_size",
            "Tous les échanges ensemble ; les sessions les plus anciennes partent d'abord [par défaut : 256MiB]",
        ),
        ("capture_max_age", "Les sessions plus anciennes partent [par défaut : 14d]"),
        ("capture_max_body", "Ce qui est gardé d'un corps ; le reste est seulement compté [par défaut : 16MiB]"),
        ("capture_min_free", "La capture s'interrompt quand le disque a moins de place libre [par défaut : 1GiB]"),
        (
            "capture_raw",
            "Laisser telles quelles les clés et les mots de passe des corps ; ceux des en-têtes sont toujours retirés",
        ),
        (
            "capture_only",
            "Seulement les échanges dont le chemin, le modèle ou le client contient ce texte ; à répéter, ou à séparer par des virgules",
        ),
        ("capture_except", "Aucun échange dont le chemin, le modèle ou le client contient ce texte"),
        (
            "capture_compat",
            "Tenir aussi dans ce répertoire les fichiers de codex_capture : latest.json, history.jsonl…",
        ),
    ],
};

const CODEX: Page = Page {
    path: "codex",
    about: "Lancer Codex avec un modèle d'Ollama, à travers le relais",
    after: "\
Exemples :
  ollama-forward codex                              choisir un modèle, et lancer Codex avec
  ollama-forward codex --model qwen3:14b            avec celui-ci
  ollama-forward codex -- exec \"fix the tests\"      ce qui suit -- va à Codex
  ollama-forward codex --print                      montrer ce qui serait lancé et écrit
  ollama-forward codex --install                    écrire le profil pour `codex -p ollama-forward`
  ollama-forward codex --restore                    remettre les fichiers de Codex comme ils étaient
  ollama-forward codex --upstream demo --yes -- exec --skip-git-repo-check \"say hello\"
                                                    essayer sans Windows ni Ollama
  ollama-forward codex --alias >>~/.bashrc          désormais, `oc` le lance

Une session se poursuit par `ollama-forward codex -- resume --last` : un simple `codex resume` va chez un service hébergé.

Le code de sortie est celui de Codex.",
    args: &[
        ("model", "Le modèle [par défaut : celui de la dernière fois, ou demandé sur un terminal]"),
        (
            "translate",
            "Faire traduire le relais démarré pour cet appel, quoi que dise la configuration. Un relais déjà lancé reste comme il est",
        ),
        ("capture", "Garder les échanges de cet appel, et dire où les voir"),
        ("instructions", "La part des instructions de Codex que reçoit le modèle [par défaut : full]"),
        (
            "offline",
            "Couper ce que Codex lui-même demande à son éditeur et à GitHub à son démarrage (sur un terminal, il reste la recherche d'une astuce)",
        ),
        ("print", "Montrer ce qui serait lancé et écrit, sans rien faire"),
        ("install", "Écrire le profil et le catalogue de modèles pour `codex -p ollama-forward`, sans rien lancer"),
        ("restore", "Remettre ce que --install a remplacé, octet pour octet"),
        ("yes", "Ne rien demander : prendre ce qui est recommandé"),
        ("listen_port", "Comme pour le relais : son port"),
        ("upstream", "Comme pour le relais, s'il est démarré pour cet appel"),
        ("alias", "Afficher la ligne qui fait d'`oc` le nom court de cette commande, pour la configuration d'un shell"),
        ("args", "Les arguments de Codex, derrière --"),
    ],
};

const SETUP: Page = Page {
    path: "setup",
    about: "Première installation guidée : de zéro à un Codex qui marche",
    after: "\
Exemples :
  ollama-forward setup                  de zéro à un Codex qui marche, avec des questions
  ollama-forward setup --yes            de même, sans question : ce qui est recommandé
  ollama-forward setup --from-socat     remplacer un ancien script socat et ses alias
  ollama-forward setup --from-socat --undo   le remettre en place
  ollama-forward setup </dev/null       montrer seulement le plan

Chaque question a son option et sa variable, comme OLLAMA_FORWARD_SETUP_SERVICE=no.",
    args: &[
        ("model", "Le modèle pour Codex"),
        ("upstream", "Comme pour le relais : où se trouve Ollama"),
        ("listen_port", "Comme pour le relais : le port où les clients se connectent"),
        ("translate", "Si les outils de Codex doivent marcher avec des modèles locaux [par défaut : yes]"),
        ("codex", "Si un profil pour Codex est écrit [par défaut : yes]"),
        ("capture", "Si les échanges sont capturés [par défaut : no]"),
        ("service", "Si le relais démarre avec le système [par défaut : yes, là où c'est possible]"),
        ("test", "Si une première question est posée au modèle, à travers le relais [par défaut : yes]"),
        ("undo", "Avec --from-socat : remettre ce qui a été remplacé, octet pour octet"),
        ("from_socat", "Trouver l'ancien script socat, son processus et ses alias, et les remplacer, après accord"),
        ("yes", "Ne rien demander : faire ce qui est recommandé"),
    ],
};

const STATUS: Page = Page {
    path: "status",
    about: "Ce que fait le relais en cours",
    after: "\
Exemples :
  ollama-forward status                     une ligne par sujet, et un conseil là où il y a quelque chose à faire
  ollama-forward status --watch             de même, encore et encore, avec les dernières lignes du journal ; q y met fin
  ollama-forward status --watch=10s --json  un objet toutes les dix secondes, pour les programmes
  ollama-forward status --watch | tee log   hors d'un terminal : une ligne par changement

Code de sortie 3 : aucun ne tourne.",
    args: &[
        ("json", "Un objet JSON, avec une version de schéma ; avec --watch, un par ligne"),
        ("watch", "Encore et encore, jusqu'à q ou Ctrl-C ; un relais absent est attendu [par défaut : toutes les 2s]"),
        ("listen_port", "Seulement le relais dont la première adresse d'écoute a ce port"),
        ("ascii", "Des signes que tout terminal possède : [ok] [!!] [xx] [--]"),
        ("color", "Couleurs [par défaut : auto]"),
    ],
};

const DOCTOR: Page = Page {
    path: "doctor",
    about: "Ce qui ne va pas, pourquoi, et la commande qui y remédie",
    after: "\
Exemples :
  ollama-forward doctor                         ce qui ne va pas, et ce qui y remédie
  ollama-forward doctor network codex           seulement ces groupes
  ollama-forward doctor --stream-test           faire parler le modèle chargé, à travers le relais
  ollama-forward doctor --all                   tout ce qui a été constaté
  ollama-forward doctor --json                  la même chose, pour les programmes

Code de sortie 0 : rien n'échoue ; 1 : quelque chose échoue (avec --strict : ou avertit).",
    args: &[
        ("checks", "Seulement ces contrôles, par identifiant ou par groupe (--list les nomme)"),
        ("all", "Chaque contrôle, même omis, avec ses détails"),
        ("summary", "Seulement ce qui ne va pas, une ligne chacun, et le décompte"),
        ("json", "Un objet JSON, avec une version de schéma"),
        ("list", "Les contrôles qui existent, et ce dont ils ont besoin"),
        ("ascii", "Des signes que tout terminal possède : [ok] [!!] [xx] [--]"),
        ("strict", "Code de sortie 1 dès un avertissement"),
        ("network_only", "Seulement le chemin vers Ollama : ni Codex, ni le service"),
        ("fix", "Faire, après accord, ce qui ne demande ni administrateur ni action sous Windows"),
        ("yes", "Avec --fix : ne pas demander"),
        ("color", "Couleurs [par défaut : auto]"),
        ("stream_test", "Faire parler un vrai modèle : celui-ci, ou celui qui est chargé"),
        ("no_windows", "Ne lancer aucun programme sous Windows"),
        ("upstream", "Comme pour le relais : vers où relayer"),
        ("listen_port", "Comme pour le relais : le port où les clients se connectent"),
        ("translate", "Comme pour le relais : essayer aussi la traduction"),
        ("config", "Comme pour le relais : un autre fichier de configuration"),
    ],
};

const BUGREPORT: Page = Page {
    path: "bugreport",
    about: "Un rapport expurgé sur ce système, pour signaler un bogue ; il reste ici, à relire d'abord",
    after: "",
    args: &[
        ("output", "Où l'écrire [par défaut : ollama-forward-bugreport-DATE.txt, ici]"),
        ("stream_test", "Faire parler un vrai modèle : celui-ci, ou celui qui est chargé"),
        ("no_windows", "Ne lancer aucun programme sous Windows"),
        ("upstream", "Comme pour le relais : vers où relayer"),
        ("listen_port", "Comme pour le relais : le port où les clients se connectent"),
        ("translate", "Comme pour le relais : essayer aussi la traduction"),
        ("config", "Comme pour le relais : un autre fichier de configuration"),
    ],
};

const SERVICE: Page = Page {
    path: "service",
    about: "Démarrer avec le système : install, uninstall, start, stop, restart, status, logs",
    after: "\
Exemples :
  ollama-forward service install -- --translate     démarrer maintenant et avec le système, avec ces options
  ollama-forward service status                     tourne-t-il, depuis quand, et qu'a-t-il dit en dernier
  ollama-forward service logs -f                    son journal, au fil de l'eau
  ollama-forward service restart                    en douceur : aucun échange n'est perdu
  ollama-forward service install --print launchd    pour macOS",
    args: &[],
};

const INSTALL: Page = Page {
    path: "service install",
    about: "Écrire l'unité, la démarrer, et vérifier qu'elle répond",
    after: "",
    args: &[
        ("print", "La montrer, sans rien faire"),
        ("by", "Le moyen de la démarrer [par défaut : systemd s'il tourne, sinon une ligne du profil du shell]"),
        ("yes", "Ne rien demander"),
        (
            "no_sandbox",
            "Lui laisser tout ce que vous avez le droit de faire, là où systemd ne peut pas monter son bac à sable",
        ),
        ("options", "Les options du relais, derrière --"),
    ],
};

const UNINSTALL: Page = Page {
    path: "service uninstall",
    about: "L'arrêter et supprimer l'unité ; la configuration et les captures restent",
    after: "",
    args: &[("yes", "Ne rien demander")],
};

const START: Page = Page { path: "service start", about: "Le démarrer, sauf s'il tourne", after: "", args: &[] };

const STOP: Page = Page {
    path: "service stop",
    about: "L'arrêter quand les connexions ouvertes sont terminées ; il redémarre avec le système",
    after: "",
    args: &[],
};

const RESTART: Page = Page {
    path: "service restart",
    about: "L'arrêter quand les connexions ouvertes sont terminées, puis le redémarrer ; les nouvelles attendent",
    after: "",
    args: &[],
};

const SERVICE_STATUS: Page = Page {
    path: "service status",
    about: "S'il tourne, depuis quand, et ses dernières lignes",
    after: "",
    args: &[("json", "Un objet JSON, avec une version de schéma")],
};

const LOGS: Page = Page {
    path: "service logs",
    about: "Son journal",
    after: "",
    args: &[("follow", "Continuer au fil de l'eau, jusqu'à Ctrl-C"), ("lines", "Autant de lignes [par défaut : 50]")],
};

const CONFIG: Page = Page {
    path: "config",
    about: "La configuration : init, show, path, check",
    after: "\
Exemples :
  ollama-forward config init            écrire un fichier avec toutes les clés, en commentaires
  ollama-forward config show --origin   ce qui vaut en ce moment, et d'après quel fichier, variable ou défaut
  ollama-forward config check           si les fichiers sont utilisables
  ollama-forward config path            quels fichiers sont lus

Code de sortie 0 : les fichiers sont utilisables ; 2 : ils ne le sont pas, ou `init` devrait en remplacer un.",
    args: &[("config", "Comme pour le relais : un autre fichier de configuration")],
};

const INIT: Page = Page {
    path: "config init",
    about: "Écrire un fichier commenté ; un fichier existant n'est jamais remplacé",
    after: "",
    args: &[("print", "Le montrer, sans rien écrire")],
};

const SHOW: Page = Page {
    path: "config show",
    about: "Ce qui vaut : options, fichiers, variables et valeurs par défaut réunis",
    after: "",
    args: &[
        ("origin", "Dire d'où vient chaque valeur : fichier et ligne, variable, ou défaut"),
        ("json", "Un objet JSON, avec une version de schéma"),
    ],
};

const PATH: Page = Page {
    path: "config path",
    about: "Les fichiers qui sont lus, le plus fort d'abord, et s'ils existent",
    after: "",
    args: &[("json", "Un objet JSON, avec une version de schéma")],
};

const CHECK: Page = Page {
    path: "config check",
    about: "Si les fichiers sont utilisables ; sinon, la ligne et la clé",
    after: "",
    args: &[("json", "Un objet JSON, avec une version de schéma")],
};

const EXPLAIN: Page = Page {
    path: "explain",
    about: "En savoir plus sur un identifiant d'erreur, ou la liste de tous",
    after: "",
    args: &[("id", "L'identifiant, avec ou sans E-, comme port-taken")],
};

const COMPLETIONS: Page = Page {
    path: "completions",
    about: "La complétion pour un shell, sur la sortie standard",
    after: "",
    args: &[("shell", "Le shell")],
};

const MAN: Page = Page {
    path: "man",
    about: "Le manuel, pour `man`, sur la sortie standard",
    after: "",
    args: &[
        ("command", "La page d'une commande, comme `capture-list` [par défaut : celle du programme]"),
        ("all", "Écrire toutes les pages dans ce répertoire"),
    ],
};

const VERSION: Page = Page {
    path: "version",
    about: "La version, et ce dont elle est faite",
    after: "",
    args: &[("json", "Un objet JSON, avec une version de schéma"), ("changes", "Ce qui a changé, version par version")],
};
