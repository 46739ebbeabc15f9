//! What cures Ollama, by the machine that it runs on. Commands for Windows are those of `wsl-networking` 2.3.

use std::net::IpAddr;

use crate::doctor::network::{Network, Target, TriedHow};
use crate::doctor::{Facts, Place, Remedy};
use crate::gateway::wsl::Need;
use crate::words;
use crate::words::Words;

/// Where Ollama runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::doctor) enum Machine {
    Windows,
    /// This Linux.
    Here,
    /// Another machine, which the user has named.
    Elsewhere,
}

/// The machine of the address that speaks for the others; where none was tried, that of the target.
pub(in crate::doctor) fn machine(facts: &Facts) -> Machine {
    let network = &facts.network;
    let Some(tried) = network.best() else {
        return match network.target {
            None | Some(Target::Auto { .. } | Target::Localhost { .. }) => Machine::Windows,
            Some(Target::Demo) => Machine::Here,
            Some(Target::Named { .. }) => Machine::Elsewhere,
        };
    };
    match tried.how {
        TriedHow::Candidate(_) | TriedHow::Localhost => Machine::Windows,
        TriedHow::Named => machine_of(facts, tried.address.ip()),
    }
}

fn machine_of(facts: &Facts, ip: IpAddr) -> Machine {
    let ip = ip.to_canonical();
    if ip.is_loopback() {
        let shared = facts.system.need() == Some(Need::Nothing);
        return if shared { Machine::Windows } else { Machine::Here };
    }
    if is_windows_side(&facts.network, ip) { Machine::Windows } else { Machine::Elsewhere }
}

/// Inside the network that WSL and Windows share.
fn is_windows_side(network: &Network, ip: IpAddr) -> bool {
    let IpAddr::V4(ip) = ip else { return false };
    network.snapshot.known().is_some_and(|snapshot| snapshot.windows_side().any(|(_, address)| address.contains(ip)))
}

/// The value of a variable that Ollama on Windows sees: the user's stands above the machine's. None where it is elsewhere.
pub(super) fn variable<'a>(facts: &'a Facts, name: &str) -> Option<&'a str> {
    if machine(facts) != Machine::Windows {
        return None;
    }
    let variables = facts.windows.known()?.variables.known()?;
    let named = |of_machine: bool| {
        variables.iter().find(|one| one.of_machine == of_machine && one.name.eq_ignore_ascii_case(name))
    };
    named(false).or(named(true)).map(|variable| variable.value.as_str())
}

/// Ends the app and its server, and starts the app, which starts the server.
const RESTART: &str = "Get-Process 'ollama app','ollama' -EA SilentlyContinue | Stop-Process; \
                       Start-Process \"$env:LOCALAPPDATA\\Programs\\Ollama\\ollama app.exe\"";

/// Starts Ollama.
pub(super) fn start(machine: Machine) -> Remedy {
    match machine {
        Machine::Windows => Remedy::new(
            words!("start Ollama", "démarrer Ollama"),
            Place::PowerShell,
            [r#"Start-Process "$env:LOCALAPPDATA\Programs\Ollama\ollama app.exe""#],
        ),
        Machine::Here => Remedy::shell(words!("start Ollama", "démarrer Ollama"), "ollama serve"),
        Machine::Elsewhere => {
            Remedy::by_hand(words!("start Ollama on that machine", "démarrer Ollama sur cette machine-là"))
        }
    }
}

/// Ends a server that hangs, and starts it again.
pub(super) fn restart(machine: Machine) -> Remedy {
    let what = words!("start Ollama again", "redémarrer Ollama");
    match machine {
        Machine::Windows => Remedy::new(what, Place::PowerShell, [RESTART]),
        Machine::Here => Remedy::shell(what, "sudo systemctl restart ollama"),
        Machine::Elsewhere => {
            Remedy::by_hand(words!("start Ollama again on that machine", "redémarrer Ollama sur cette machine-là"))
        }
    }
}

/// Has Ollama on Windows listen for WSL, too.
pub(super) fn listen_everywhere(port: u16) -> Remedy {
    let what = words!(
        "have Ollama listen beyond 127.0.0.1, and start it again (in its app: Settings, Expose Ollama to the network)",
        "faire écouter Ollama au-delà de 127.0.0.1, et le redémarrer (dans son application : Settings, Expose Ollama \
         to the network)"
    );
    set_variable(what, "OLLAMA_HOST", &format!("0.0.0.0:{port}")).opens(words!(
        "Ollama asks nobody for a password: port {port} is then open to all networks of this PC, and only the \
         Windows firewall keeps others out",
        "Ollama ne demande de mot de passe à personne : le port {port} est alors ouvert à tous les réseaux de ce PC, \
         et seul le pare-feu de Windows tient les autres à l'écart"
    ))
}

/// A variable of the user for Ollama on Windows; Ollama is started again to see it.
pub(super) fn set_variable(what: Words, name: &str, value: &str) -> Remedy {
    let set = format!("[Environment]::SetEnvironmentVariable('{name}','{value}','User'); $env:{name}='{value}'");
    let unset = format!("[Environment]::SetEnvironmentVariable('{name}',$null,'User'); $env:{name}=$null");
    Remedy::new(what, Place::PowerShell, [&set, RESTART]).undone_by([&unset, RESTART])
}

/// Lets the network of WSL in through the Windows firewall, and nobody else.
pub(super) fn let_in(port: u16, prefix: Option<&str>) -> Remedy {
    let Some(prefix) = prefix else {
        return Remedy::by_hand(words!(
            "in the Windows firewall, allow TCP port {port} from the network of WSL, which `ip -4 address show eth0` \
             prints",
            "dans le pare-feu de Windows, autoriser le port TCP {port} depuis le réseau de WSL, que `ip -4 address \
             show eth0` affiche"
        ));
    };
    let rule = format!(
        "New-NetFirewallRule -Name ollama-forward-{port} -DisplayName 'Ollama from WSL2 (ollama-forward)' -Direction Inbound \
         -Action Allow -Protocol TCP -LocalPort {port} -RemoteAddress {prefix} -Profile Any"
    );
    let what = words!(
        "let WSL in through the Windows firewall, and nobody else",
        "laisser entrer WSL par le pare-feu de Windows, et personne d'autre"
    );
    Remedy::new(what, Place::Admin, [rule])
        .opens(words!("port {port} to {prefix}: programs in WSL", "le port {port} à {prefix} : les programmes de WSL"))
        .undone_by([format!("Remove-NetFirewallRule -Name ollama-forward-{port}")])
}

/// Removes the rules that "Cancel" in the firewall's question has left: they outweigh every rule that allows.
pub(super) fn remove_block_rules() -> Remedy {
    let what = words!(
        "remove rules that block Ollama, left by a firewall question that was cancelled",
        "supprimer les règles qui bloquent Ollama, laissées par une question du pare-feu à laquelle on a répondu « \
         Annuler »"
    );
    let command = r"Get-NetFirewallApplicationFilter | Where-Object Program -like '*\ollama.exe' | Get-NetFirewallRule | Where-Object { $_.Action -eq 'Block' } | Remove-NetFirewallRule";
    Remedy::new(what, Place::Admin, [command])
}

/// Takes the way to WSL back from a VPN on Windows.
pub(super) fn outrank_vpn() -> Remedy {
    let what = words!(
        "if a VPN has taken the way to WSL: let the card of WSL come first",
        "si un VPN a pris la route vers WSL : faire passer la carte de WSL en premier"
    );
    let of_wsl = "Get-NetIPInterface -InterfaceAlias 'vEthernet (WSL*' | Set-NetIPInterface";
    Remedy::new(what, Place::Admin, [format!("{of_wsl} -InterfaceMetric 1")])
        .undone_by([format!("{of_wsl} -AutomaticMetric Enabled")])
}

/// Lets localhost of WSL through the Hyper-V firewall, in the modes in which it is Windows.
pub(super) fn open_loopback() -> Remedy {
    let set = "Set-NetFirewallHyperVVMSetting -Name '{40E0AC32-46A5-438A-A0B2-2B479E8F2E90}' -LoopbackEnabled";
    let what = words!(
        "if Ollama does run: let localhost of WSL through the Hyper-V firewall",
        "si Ollama tourne bien : laisser passer le localhost de WSL par le pare-feu Hyper-V"
    );
    Remedy::new(what, Place::Admin, [format!("{set} True")])
}

/// Forgets a forwarding of Windows' own.
pub(super) fn delete_portproxy(listen_address: &str, port: u16) -> Remedy {
    let what = words!("delete the portproxy line of this port", "supprimer la ligne de portproxy de ce port");
    let delete = format!("netsh interface portproxy delete v4tov4 listenaddress={listen_address} listenport={port}");
    Remedy::new(what, Place::Admin, [delete])
}

/// Ends the virtual machine of WSL; it comes back with the next window.
pub(super) fn shut_wsl_down() -> Remedy {
    let what = words!(
        "stop WSL, which ends all that runs in it, and open it again: Windows makes the network card anew",
        "arrêter WSL, ce qui met fin à tout ce qui y tourne, puis le rouvrir : Windows recrée la carte réseau"
    );
    Remedy::new(what, Place::PowerShell, ["wsl --shutdown"])
}

/// Gets a model.
pub(super) fn pull(facts: &Facts, model: &str, why: Words) -> Remedy {
    match machine(facts) {
        Machine::Windows => Remedy::new(why, Place::PowerShell, [format!("ollama pull {model}")]),
        Machine::Here => Remedy::shell(why, format!("ollama pull {model}")),
        Machine::Elsewhere => {
            let address =
                facts.network.best().map_or_else(|| "HOST:11434".to_owned(), |tried| tried.address.to_string());
            Remedy::shell(why, format!("curl http://{address}/api/pull -d '{{\"model\":\"{model}\"}}'"))
        }
    }
}
