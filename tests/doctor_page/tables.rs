//! Made-up checks, as real ones could speak. Each judges without looking at the facts.

use std::path::PathBuf;

use ollama_forward::doctor::{Check, Detail, Facts, Fix, Group, Place, Problem, Remedy, Verdict};
use ollama_forward::words;
use ollama_forward::words::Words;

const fn row(
    (id, group): (&'static str, Group),
    title: fn() -> Words,
    needs: &'static [&'static str],
    judge: fn(&Facts) -> Verdict,
) -> Check {
    Check { id, group, title, needs, judge, details: |_| Vec::new() }
}

const fn with(check: &Check, details: fn(&Facts) -> Vec<Detail>) -> Check {
    Check { details, ..*check }
}

fn detail(name: Words, value: impl Into<String>) -> Detail {
    Detail { name, value: Words::same(value) }
}

const MODE: Check = with(
    &row(
        ("mode", Group::System),
        || words!("networking mode", "mode réseau"),
        &[],
        |_| Verdict::Pass(words!("WSL2, nat, as `wslinfo` says", "WSL2, nat, d'après `wslinfo`")),
    ),
    |_| {
        vec![
            detail(words!("kernel", "noyau"), "6.6.87.2-microsoft-standard-WSL2"),
            detail(words!("WSL", "WSL"), "2.6.1"),
        ]
    },
);

const CONFIG: Check = row(
    ("config", Group::System),
    || words!("configuration", "configuration"),
    &[],
    |_| Verdict::Pass(words!("no file, so the defaults hold", "aucun fichier, donc les valeurs par défaut")),
);

const ROUTE: Check = with(
    &row(
        ("route", Group::Network),
        || words!("default route", "route par défaut"),
        &[],
        |_| Verdict::Pass(words!("via 172.24.0.1 on eth0", "par 172.24.0.1 sur eth0")),
    ),
    |_| {
        vec![
            detail(words!("own address", "adresse locale"), "172.24.3.7/20 on eth0"),
            detail(words!("gateway", "passerelle"), "172.24.0.1"),
            detail(
                words!("also tried", "essayées aussi"),
                "192.168.127.254 (wsl-vpnkit), 172.24.0.1 (NAT gateway in the Windows registry), 172.17.0.1 (host.docker.internal)",
            ),
        ]
    },
);

const fn follower(id: &'static str, group: Group, needs: &'static [&'static str]) -> Check {
    row(
        (id, group),
        || words!("something later", "une suite"),
        needs,
        |_| Verdict::Pass(words!("well, and in good time: 12 ms", "bien, et à temps : 12 ms")),
    )
}

const REACHED: Check = row(
    ("reach", Group::Network),
    || words!("connection to Windows", "connexion à Windows"),
    &["route"],
    |_| {
        Verdict::Pass(words!(
            "172.24.0.1:11434 answers as Ollama after 1 ms",
            "172.24.0.1:11434 répond en tant qu'Ollama au bout de 1 ms"
        ))
    },
);

const CODEX_LESS: Check = row(
    ("codex-version", Group::Codex),
    || words!("Codex' version", "version de Codex"),
    &[],
    |_| Verdict::Skip(words!("Codex is not installed here", "Codex n'est pas installé ici")),
);

const CONTEXT: Check = row(
    ("context", Group::Ollama),
    || words!("context of the loaded model", "contexte du modèle chargé"),
    &["reach"],
    |_| {
        Verdict::Pass(words!(
            "qwen3:14b is loaded with 32 768 tokens, and Codex believes in as many: nothing is cut in silence",
            "qwen3:14b est chargé avec 32 768 jetons, et Codex en suppose autant : rien n'est coupé en silence"
        ))
    },
);

pub(crate) static HEALTHY: &[Check] = &[
    MODE,
    CONFIG,
    ROUTE,
    REACHED,
    follower("listener", Group::Windows, &["reach"]),
    follower("holder", Group::Port, &[]),
    follower("version", Group::Ollama, &["reach"]),
    CONTEXT,
    follower("small-request", Group::Live, &["reach"]),
    CODEX_LESS,
];

const SILENCE: Check = row(
    ("reach", Group::Network),
    || words!("connection to Windows", "connexion à Windows"),
    &["route"],
    |_| silence(),
);

fn silence() -> Verdict {
    Problem::new(words!(
        "Nobody answers at 172.24.0.1:11434: two attempts of 1.5 s met silence.",
        "Personne ne répond à 172.24.0.1:11434 : deux essais de 1,5 s sont restés sans réponse."
    ))
    .because(words!(
        "172.24.0.1 itself is there: it answers on the link (neighbour REACHABLE), so the network between WSL and Windows works",
        "172.24.0.1 est bien là : il répond sur le lien (voisin REACHABLE), donc le réseau entre WSL et Windows marche"
    ))
    .because(words!(
        "Windows was not asked: `powershell.exe` did not answer within 8 s",
        "Windows n'a pas été interrogé : `powershell.exe` n'a pas répondu en 8 s"
    ))
    .perhaps(words!(
        "Ollama is not running on Windows, or listens on its own 127.0.0.1 only; a closed port of Windows is silent",
        "Ollama ne tourne pas sous Windows, ou n'écoute que sur son propre 127.0.0.1 ; un port fermé de Windows se tait"
    ))
    .perhaps(words!("The Windows firewall drops what comes from WSL", "Le pare-feu de Windows rejette ce qui vient de WSL"))
    .told_apart_by(Remedy::new(
        words!(
            "Who listens on the port? No line: the first; `0.0.0.0`: the second",
            "Qui écoute sur le port ? Aucune ligne : la première ; `0.0.0.0` : la seconde"
        ),
        Place::PowerShell,
        ["Get-NetTCPConnection -LocalPort 11434 -State Listen | Select-Object LocalAddress, OwningProcess"],
    ))
    .cured_by(
        Remedy::new(
            words!("Let Ollama listen for WSL, too, and start it again", "Faire écouter Ollama aussi pour WSL, et le relancer"),
            Place::PowerShell,
            [
                "[Environment]::SetEnvironmentVariable('OLLAMA_HOST','0.0.0.0:11434','User'); $env:OLLAMA_HOST='0.0.0.0:11434'",
                "Get-Process 'ollama app','ollama' -EA SilentlyContinue | Stop-Process; Start-Process \"$env:LOCALAPPDATA\\Programs\\Ollama\\ollama app.exe\"",
            ],
        )
        .opens(words!(
            "Ollama to every network that the firewall lets in; Ollama asks nobody for a password",
            "Ollama à tous les réseaux que le pare-feu laisse entrer ; Ollama ne demande de mot de passe à personne"
        ))
        .undone_by(["[Environment]::SetEnvironmentVariable('OLLAMA_HOST',$null,'User')"]),
    )
    .cured_by(
        Remedy::new(
            words!("Let WSL's network through the firewall", "Laisser passer le réseau de WSL par le pare-feu"),
            Place::Admin,
            ["New-NetFirewallRule -Name ollama-forward-11434 -DisplayName 'Ollama from WSL2 (ollama-forward)' -Direction Inbound -Action Allow -Protocol TCP -LocalPort 11434 -RemoteAddress 172.24.0.0/20 -Profile Any"],
        )
        .opens(words!("port 11434 to 172.24.0.0/20, which is WSL", "le port 11434 à 172.24.0.0/20, c'est-à-dire à WSL"))
        .undone_by(["Remove-NetFirewallRule -Name ollama-forward-11434"]),
    )
    .fail()
}

pub(crate) static SILENT: &[Check] = &[
    MODE,
    CONFIG,
    ROUTE,
    SILENCE,
    follower("holder", Group::Port, &[]),
    follower("version", Group::Ollama, &["reach"]),
    CONTEXT,
    follower("small-request", Group::Live, &["reach"]),
    follower("stream", Group::Live, &["small-request"]),
    follower("large-request", Group::Live, &["small-request"]),
    CODEX_LESS,
];

const TAKEN: Check = row(
    ("holder", Group::Port),
    || words!("who has the port", "qui tient le port"),
    &[],
    |_| {
        Problem::new(words!(
            "127.0.0.1:11434 is taken by an Ollama that runs in Linux (process 812, user ollama).",
            "127.0.0.1:11434 est pris par un Ollama qui tourne sous Linux (processus 812, utilisateur ollama)."
        ))
        .because(words!("`ss` sees it listen on 127.0.0.1:11434", "`ss` le voit écouter sur 127.0.0.1:11434"))
        .cured_by(
            Remedy::shell(
                words!("Stop it, now and at every start", "L'arrêter, maintenant et à chaque démarrage"),
                "sudo systemctl disable --now ollama",
            )
            .undone_by(["sudo systemctl enable --now ollama"]),
        )
        .cured_by(Remedy::shell(
            words!("Or let both run, and listen elsewhere", "Ou les laisser tourner tous deux, et écouter ailleurs"),
            "ollama-forward --translate --listen-port 11435",
        ))
        .fail()
    },
);

const BROKEN_CONFIG: Check = row(
    ("config", Group::System),
    || words!("configuration", "configuration"),
    &[],
    |_| {
        let path = PathBuf::from("/home/user/.config/ollama-forward/config.toml");
        Problem::new(words!(
            "/home/user/.config/ollama-forward/config.toml: unknown key `transalte`, did you mean `translate`?",
            "/home/user/.config/ollama-forward/config.toml : clé `transalte` inconnue ; vouliez-vous dire `translate` ?"
        ))
        .cured_by(
            Remedy::new(
                words!("Write it as it was meant", "L'écrire comme il était voulu"),
                Place::File(path.display().to_string()),
                ["translate = true", "num_ctx = 32768"],
            )
            .fixed_by(Fix::WriteConfig { path, text: "translate = true\nnum_ctx = 32768\n".into() }),
        )
        .fail()
    },
);

const PROXY: Check = with(
    &row(
        ("proxy", Group::Codex),
        || words!("proxy variables", "variables de proxy"),
        &[],
        |_| {
            Problem::new(words!(
            "HTTP_PROXY is set without NO_PROXY=localhost: Codex sends what is for this machine to the proxy.",
            "HTTP_PROXY est défini sans NO_PROXY=localhost : Codex envoie au proxy ce qui est destiné à cette machine."
        ))
        .cured_by(Remedy::shell(
            words!("Keep this machine out of it", "En exclure cette machine"),
            "export NO_PROXY=localhost,127.0.0.1,::1",
        ))
        .warn()
        },
    ),
    |_| vec![detail(Words::same("HTTP_PROXY"), "http://proxy.example:3128")],
);

const IDLE: Check = row(
    ("idle", Group::Service),
    || words!("WSL when nobody is there", "WSL quand personne n'est là"),
    &[],
    |_| {
        Problem::new(words!(
            "WSL stops 60 s after its last terminal has closed, and the service with it.",
            "WSL s'arrête 60 s après la fermeture du dernier terminal, et le service avec lui."
        ))
        .cured_by(Remedy::by_hand(words!(
            "Leave one terminal open, or set `vmIdleTimeout=-1` in `.wslconfig` on Windows",
            "Laisser un terminal ouvert, ou régler `vmIdleTimeout=-1` dans `.wslconfig` sous Windows"
        )))
        .warn()
    },
);

pub(crate) static MANY: &[Check] = &[
    MODE,
    BROKEN_CONFIG,
    Check { needs: &["route"], ..REACHED },
    follower("listener", Group::Windows, &["reach"]),
    TAKEN,
    follower("forward", Group::Port, &["holder"]),
    CONTEXT,
    follower("small-request", Group::Live, &["reach", "holder"]),
    PROXY,
    CODEX_LESS,
    IDLE,
];

const fn dark(id: &'static str, group: Group) -> Check {
    row(
        (id, group),
        || words!("something", "quelque chose"),
        &[],
        |_| {
            Verdict::Skip(words!(
                "not known, because /proc is not mounted here and nothing else tells",
                "inconnu, car /proc n'est pas monté ici et rien d'autre ne le dit"
            ))
        },
    )
}

pub(crate) static UNKNOWN: &[Check] =
    &[dark("mode", Group::System), dark("route", Group::Network), dark("a-very-long-identifier", Group::Port)];
