//! What cures the faults of Windows: commands for PowerShell, with the port, the addresses and the prefix of this very machine.
//! Whatever opens something says what, and how it is taken back.

use super::view::View;
use crate::doctor::windows::Rule;
use crate::doctor::{Place, Remedy};
use crate::words;
use crate::words::Words;

/// The line that stands beside each `0.0.0.0`.
pub(super) fn security() -> Words {
    words!(
        "all networks of Windows: Ollama asks nobody for a password; the firewall rule is what keeps the LAN out",
        "tous les réseaux de Windows : Ollama ne demande de mot de passe à personne ; c'est la règle du pare-feu qui tient le \
         réseau local à l'écart"
    )
}

fn nothing_more() -> Words {
    words!("nothing", "rien")
}

/// Our own rule, by which it is found again.
pub(super) fn rule_name(port: u16) -> String {
    format!("ollama-forward-{port}")
}

fn set_host(value: &str) -> String {
    format!("[Environment]::SetEnvironmentVariable('OLLAMA_HOST',{value},'User'); $env:OLLAMA_HOST={value}")
}

/// Ends whatever runs of Ollama, and starts its app, from where it runs now or from where it is installed for one user.
fn restart(view: &View<'_>) -> String {
    let start = start(view);
    format!("Get-Process 'ollama app','ollama' -EA SilentlyContinue | Stop-Process; {start}")
}

fn start(view: &View<'_>) -> String {
    let processes = view.windows.ollama_processes.known().map_or(&[][..], Vec::as_slice);
    let app = processes.iter().find(|process| process.name.eq_ignore_ascii_case("ollama app"));
    match app.and_then(|app| app.path.as_deref()) {
        Some(path) => format!("Start-Process '{}'", path.replace('\'', "''")),
        None => r#"Start-Process "$env:LOCALAPPDATA\Programs\Ollama\ollama app.exe""#.to_owned(),
    }
}

pub(super) fn start_ollama(view: &View<'_>) -> Remedy {
    Remedy::new(words!("start Ollama on Windows", "démarrer Ollama sous Windows"), Place::PowerShell, [start(view)])
}

pub(super) fn restart_ollama(view: &View<'_>) -> Remedy {
    let what = words!(
        "restart Ollama, which reads its variables only when it starts",
        "redémarrer Ollama, qui ne lit ses variables qu'à son démarrage"
    );
    Remedy::new(what, Place::PowerShell, [restart(view)])
}

pub(super) fn listen_everywhere(view: &View<'_>) -> Remedy {
    let what = words!(
        "let Ollama listen on all addresses of Windows, and restart it",
        "faire écouter Ollama sur toutes les adresses de Windows, et le redémarrer"
    );
    let before = view.windows.variables.known().map_or(&[][..], Vec::as_slice);
    let before = before.iter().find(|variable| variable.name == "OLLAMA_HOST" && !variable.of_machine);
    let before =
        before.map_or_else(|| "$null".to_owned(), |variable| format!("'{}'", variable.value.replace('\'', "''")));
    let now = set_host(&format!("'0.0.0.0:{}'", view.port));
    Remedy::new(what, Place::PowerShell, [now, restart(view)])
        .opens(security())
        .undone_by([set_host(&before), restart(view)])
}

/// Lets WSL in, and nobody else. None where its prefix is not known: then there is nothing to fill in.
pub(super) fn let_wsl_in(view: &View<'_>) -> Option<Remedy> {
    let (prefix, port, name) = (view.prefix()?, view.port, rule_name(view.port));
    let known = view.windows.rules.known().is_some_and(|rules| rules.iter().any(|rule| rule.id == name));
    let add = format!(
        "New-NetFirewallRule -Name {name} -DisplayName 'Ollama from WSL2 (ollama-forward)' -Direction Inbound -Action Allow \
         -Protocol TCP -LocalPort {port} -RemoteAddress {prefix} -Profile Any"
    );
    let remove = format!("Remove-NetFirewallRule -Name {name}");
    // A second rule of one name is refused; the old one has a prefix that WSL has left.
    let commands = if known { vec![remove.clone(), add] } else { vec![add] };
    let what = words!("let only WSL's network in", "ne laisser entrer que le réseau de WSL");
    let opens = words!(
        "TCP port {port} of Windows, to {prefix} and nobody else",
        "le port TCP {port} de Windows, à {prefix} seulement"
    );
    Some(Remedy::new(what, Place::Admin, commands).opens(opens).undone_by([remove]))
}

/// Off, not away: so it can be taken back.
pub(super) fn disable(rules: &[&Rule]) -> Remedy {
    let names: Vec<String> = rules.iter().map(|rule| format!("'{}'", rule.id.replace('\'', "''"))).collect();
    let names = names.join(",");
    let what = words!("switch the block rules off", "désactiver les règles de blocage");
    let opens = words!(
        "nothing by itself: from then on the other rules decide, and without one that allows, the port stays closed",
        "rien en soi : les autres règles décident alors, et sans règle qui autorise, le port reste fermé"
    );
    Remedy::new(what, Place::Admin, [format!("Disable-NetFirewallRule -Name {names}")])
        .opens(opens)
        .undone_by([format!("Enable-NetFirewallRule -Name {names}")])
}

/// The way without any firewall between, for a Windows on which rules cannot be set.
pub(super) fn mirrored() -> Remedy {
    let what = words!(
        "or, on Windows 11 22H2 or newer, use mirrored mode, in which localhost is Windows; then, in PowerShell: wsl \
         --shutdown",
        "ou, à partir de Windows 11 22H2, passer au mode mirrored, où localhost est Windows ; puis, dans PowerShell \
         : wsl --shutdown"
    );
    let file = Place::File(r"%UserProfile%\.wslconfig".to_owned());
    Remedy::new(what, file, ["[wsl2]", "networkingMode=mirrored"]).undone_by(["[wsl2]", "networkingMode=nat"])
}

/// For an Ollama that has to stay on 127.0.0.1.
pub(super) fn add_portproxy(view: &View<'_>) -> Option<Remedy> {
    let (host, port) = (view.host()?, view.port);
    let what = words!(
        "or leave Ollama on 127.0.0.1, and let Windows pass on what reaches WSL's adapter",
        "ou laisser Ollama sur 127.0.0.1, et faire suivre par Windows ce qui arrive à l'adaptateur de WSL"
    );
    let listen = format!("listenaddress={host} listenport={port}");
    let opens = words!(
        "port {port} on {host} only, which WSL's network can reach; the firewall rule is still needed",
        "le port {port} sur {host} seulement, que le réseau de WSL peut atteindre ; la règle du pare-feu reste nécessaire"
    );
    let add = format!("netsh interface portproxy add v4tov4 {listen} connectaddress=127.0.0.1 connectport={port}");
    let delete = format!("netsh interface portproxy delete v4tov4 {listen}");
    Some(Remedy::new(what, Place::Admin, [add]).opens(opens).undone_by([delete]))
}

/// Takes a line of portproxy away.
pub(super) fn delete_portproxy(line: &crate::doctor::windows::PortProxy) -> Remedy {
    let listen = format!("listenaddress={} listenport={}", line.listen_address, line.listen_port);
    let connect = format!("connectaddress={} connectport={}", line.connect_address, line.connect_port);
    Remedy::new(
        words!("take this line of portproxy away", "supprimer cette ligne de portproxy"),
        Place::Admin,
        [format!("netsh interface portproxy delete v4tov4 {listen}")],
    )
    .opens(nothing_more())
    .undone_by([format!("netsh interface portproxy add v4tov4 {listen} {connect}")])
}

pub(super) fn start_ip_helper() -> Remedy {
    Remedy::new(
        words!("start the service that portproxy lives in", "démarrer le service dont dépend portproxy"),
        Place::Admin,
        ["Start-Service iphlpsvc"],
    )
    .opens(words!("what the lines of portproxy say", "ce que disent les lignes de portproxy"))
    .undone_by(["Stop-Service iphlpsvc"])
}

/// Gives the port back to programs, and keeps it for them over the next start.
pub(super) fn free_port(view: &View<'_>) -> Remedy {
    let range = format!("protocol=tcp startport={} numberofports=1", view.port);
    Remedy::new(
        words!(
            "give the port back, and keep it for programs from now on (WSL is cut off for a moment)",
            "rendre le port, et le garder désormais pour les programmes (WSL est coupé un instant)"
        ),
        Place::Admin,
        [
            "net stop winnat".to_owned(),
            format!("netsh interface ipv4 add excludedportrange {range}"),
            "net start winnat".to_owned(),
        ],
    )
    .opens(nothing_more())
    .undone_by([format!("netsh interface ipv4 delete excludedportrange {range}")])
}

pub(super) fn prefer_wsl_route() -> Remedy {
    let interfaces = "Get-NetIPInterface -InterfaceAlias 'vEthernet (WSL*' | Set-NetIPInterface";
    Remedy::new(
        words!("let Windows prefer WSL's adapter", "faire préférer à Windows l'adaptateur de WSL"),
        Place::Admin,
        [format!("{interfaces} -InterfaceMetric 1")],
    )
    .opens(words!(
        "nothing: what is for WSL goes to WSL, and no longer into the VPN",
        "rien : ce qui est pour WSL va à WSL, et non plus dans le VPN"
    ))
    .undone_by([format!("{interfaces} -AutomaticMetric Enabled")])
}

pub(super) fn enable_loopback() -> Remedy {
    let set = "Set-NetFirewallHyperVVMSetting -Name '{40E0AC32-46A5-438A-A0B2-2B479E8F2E90}' -LoopbackEnabled";
    Remedy::new(
        words!("let WSL and Windows share localhost", "laisser WSL et Windows partager localhost"),
        Place::Admin,
        [format!("{set} True")],
    )
    .opens(words!(
        "localhost, between Windows and WSL of this machine",
        "localhost, entre Windows et WSL sur cette machine"
    ))
    .undone_by([format!("{set} False")])
}

/// Rules that allow count again.
pub(super) fn lower_shields(profile: &str) -> Remedy {
    let set = format!("Set-NetFirewallProfile -Profile {profile} -AllowInboundRules");
    Remedy::new(
        words!("let the rules that allow count again", "faire de nouveau compter les règles qui autorisent"),
        Place::Admin,
        [format!("{set} True")],
    )
    .opens(words!(
        "what the rules of this machine already allow, in the profile {profile}",
        "ce que les règles de cette machine autorisent déjà, dans le profil {profile}"
    ))
    .undone_by([format!("{set} False")])
}
