//! Judges the way to Windows, from the card to the address. Whether Ollama answers there is for `reach` to say. Pure.

use std::net::IpAddr;

use super::{Target, Tried, TriedHow, tried};
use crate::doctor::system::checks::restart_wsl;
use crate::doctor::{Check, Detail, Facts, Group, Problem, Remedy, Verdict};
use crate::gateway::select::How;
use crate::gateway::wsl::Need;
use crate::gateway::{NeighbourState, Refusal, Snapshot};
use crate::words;
use crate::words::Words;

pub const CHECKS: &[Check] = &[
    Check::new(
        Group::Network,
        "target",
        || words!("the upstream's name", "le nom de la cible"),
        &["wsl", "mode", "config"],
        target,
    ),
    Check::new(Group::Network, "link", || words!("card to Windows", "carte vers Windows"), &["wsl", "mode"], link)
        .with(cards),
    Check::new(Group::Network, "route", || words!("routes", "routes"), &["link"], route).with(routes),
    Check::new(
        Group::Network,
        "candidates",
        || words!("addresses of Windows", "adresses de Windows"),
        &["link", "route"],
        candidates,
    )
    .with(tried::details),
    Check::new(
        Group::Network,
        "neighbour",
        || words!("Windows on the link", "Windows sur le lien"),
        &["link", "route", "candidates"],
        neighbour,
    )
    .with(neighbours),
    Check::new(
        Group::Network,
        "router",
        || words!("no router in its place", "pas de routeur à sa place"),
        &["wsl", "mode"],
        router,
    ),
    Check::new(Group::Network, "mtu", || words!("packet size", "taille des paquets"), &["link"], mtu),
];

/// Below this IPv6 does not work either (RFC 8200, section 5); VPNs come down to 1 300 or so (`wsl-networking` 3.1).
const SMALLEST_MTU: u32 = 1280;

fn target(facts: &Facts) -> Verdict {
    let network = &facts.network;
    match &network.target {
        None => Verdict::Skip(words!("not asked", "pas demandé")),
        Some(Target::Auto { port }) => Verdict::Pass(words!("Windows, port {port}", "Windows, port {port}")),
        Some(Target::Localhost { port }) => {
            Verdict::Pass(words!("localhost, which is Windows, port {port}", "localhost, qui est Windows, port {port}"))
        }
        Some(Target::Demo) => Verdict::Pass(words!("the built-in demo", "la démo intégrée")),
        Some(Target::Named { name }) => match &network.unresolved {
            None => Verdict::Pass(Words::same(name)),
            Some(why) => {
                let host = name.rsplit_once(':').map_or(name.as_str(), |(host, _)| host);
                Problem::new(words!(
                    "the name `{host}` cannot be resolved: {why}",
                    "le nom `{host}` est introuvable : {why}"
                ))
                .perhaps(words!("a typing error", "une faute de frappe"))
                .perhaps(words!("DNS does not work here", "le DNS ne fonctionne pas ici"))
                .told_apart_by(Remedy::shell(
                    words!("see whether DNS knows any name", "voir si le DNS connaît un nom quelconque"),
                    format!("getent hosts {host}; getent hosts example.org"),
                ))
                .cured_by(Remedy::shell(
                    words!("name the upstream by its address", "indiquer la cible par son adresse"),
                    "ollama-forward --upstream ADDRESS",
                ))
                .fail()
            }
        },
    }
}

/// The way leads over a card of the Hyper-V switch: NAT mode, and Windows is to be found. Else why not.
fn nat(facts: &Facts) -> Result<&Snapshot, Verdict> {
    match (&facts.network.target, facts.system.need()) {
        (Some(Target::Auto { .. }), Some(Need::Forward)) => {
            facts.network.snapshot.get().map_err(|why| Verdict::Skip(why.clone()))
        }
        (Some(Target::Named { .. } | Target::Demo), _) => Err(Verdict::Skip(words!(
            "the upstream is named, so Windows is not looked for",
            "la cible est indiquée : Windows n'est pas recherché"
        ))),
        (Some(Target::Localhost { .. }), _) | (_, Some(Need::Nothing)) => {
            Err(Verdict::Skip(words!("localhost is Windows in this mode", "localhost est Windows dans ce mode")))
        }
        (None | Some(Target::Auto { .. }), _) => {
            Err(Verdict::Skip(words!("only in NAT mode", "seulement en mode NAT")))
        }
    }
}

fn link(facts: &Facts) -> Verdict {
    let snapshot = match nat(facts) {
        Ok(snapshot) => snapshot,
        Err(verdict) => return verdict,
    };
    if let Some((name, address)) = snapshot.windows_side().next() {
        let (ip, prefix) = (address.ip, address.prefix);
        let up = snapshot.links.iter().any(|link| link.index == address.link && link.up);
        if up {
            return Verdict::Pass(words!("{name} is up, {ip}/{prefix}", "{name} est active, {ip}/{prefix}"));
        }
        return Problem::new(words!("{name} ({ip}/{prefix}) is down", "{name} ({ip}/{prefix}) est inactive"))
            .perhaps(words!("somebody has set it down", "quelqu'un l'a désactivée"))
            .perhaps(words!(
                "Windows' side of the switch is gone or asleep",
                "le côté Windows du commutateur a disparu ou est en veille"
            ))
            .cured_by(Remedy::shell(words!("set it up", "la réactiver"), format!("sudo ip link set dev {name} up")))
            .cured_by(restart_wsl())
            .fail();
    }
    let card = snapshot.links.iter().find(|link| link.hyperv || link.name == "eth0");
    let what = match card {
        Some(card) => {
            let name = &card.name;
            words!("{name} has no IPv4 address", "{name} n'a pas d'adresse IPv4")
        }
        None => words!("there is no card that leads to Windows", "aucune carte ne mène à Windows"),
    };
    Problem::new(what).cured_by(restart_wsl()).fail()
}

fn cards(facts: &Facts) -> Vec<Detail> {
    let Some(snapshot) = facts.network.snapshot.known() else { return Vec::new() };
    let card = |link: &crate::gateway::Link| {
        let addresses: Vec<String> = snapshot
            .addresses
            .iter()
            .filter(|address| address.link == link.index)
            .map(|address| format!("{}/{}", address.ip, address.prefix))
            .collect();
        let hyperv = if link.hyperv { ", Hyper-V" } else { "" };
        let addresses = addresses.join(" ");
        let (en, fr) = if link.up { ("up", "active") } else { ("down", "inactive") };
        Detail { name: Words::same(&link.name), value: words!("{en}{hyperv} {addresses}", "{fr}{hyperv} {addresses}") }
    };
    snapshot.links.iter().map(card).collect()
}

fn route(facts: &Facts) -> Verdict {
    let snapshot = match nat(facts) {
        Ok(snapshot) => snapshot,
        Err(verdict) => return verdict,
    };
    let answered = facts.network.answered().is_some();
    let usable: Vec<_> = snapshot.defaults.iter().filter(|route| !route.link_down).collect();
    let name = facts.network.link().unwrap_or("eth0");
    let Some(first) = usable.first() else {
        let problem =
            Problem::new(words!("there is no usable default route", "il n'y a pas de route par défaut utilisable"))
                .perhaps(words!("a VPN or a script has removed it", "un VPN ou un script l'a supprimée"))
                .perhaps(words!(
                    "{name} went down and came back without it",
                    "{name} est tombée puis revenue sans elle"
                ));
        let problem = match snapshot.on_link.first() {
            Some(first) => problem.cured_by(Remedy::shell(
                words!("set it again", "la rétablir"),
                format!("sudo ip route add default via {first} dev {name}"),
            )),
            None => problem,
        };
        let problem = problem.cured_by(restart_wsl());
        return if answered { problem.warn() } else { problem.fail() };
    };
    let via = first.gateway.map_or_else(|| "-".to_owned(), |gateway| gateway.to_string());
    let over = snapshot.link_name(first.link);
    let ours = snapshot.windows_side().any(|(_, address)| address.link == first.link);
    if ours {
        return Verdict::Pass(words!("default via {via} on {over}", "par défaut via {via} sur {over}"));
    }
    let problem = Problem::new(words!(
        "the default route leads over {over} (via {via}), not over WSL's card: a VPN has taken it",
        "la route par défaut passe par {over} (via {via}), non par la carte de WSL : un VPN l'a prise"
    ));
    if answered {
        let at = facts.network.answered().map_or_else(String::new, |tried| tried.address.to_string());
        return Verdict::Pass(words!(
            "default over {over} (a VPN); Windows was found at {at} all the same",
            "par défaut sur {over} (un VPN) ; Windows a tout de même été trouvé à {at}"
        ));
    }
    problem
        .cured_by(Remedy::shell(
            words!("name Windows yourself", "indiquer soi-même l'adresse de Windows"),
            format!(
                "ollama-forward --upstream {}",
                snapshot.on_link.first().map_or_else(|| "ADDRESS".into(), ToString::to_string)
            ),
        ))
        .warn()
}

fn routes(facts: &Facts) -> Vec<Detail> {
    let Some(snapshot) = facts.network.snapshot.known() else { return Vec::new() };
    let route = |route: &crate::gateway::DefaultRoute| {
        let via = route.gateway.map_or_else(|| "-".to_owned(), |gateway| gateway.to_string());
        let (metric, down) = (route.metric, if route.link_down { ", linkdown" } else { "" });
        Detail {
            name: Words::same(snapshot.link_name(route.link)),
            value: words!("default via {via}, metric {metric}{down}", "par défaut via {via}, métrique {metric}{down}"),
        }
    };
    snapshot.defaults.iter().map(route).collect()
}

fn candidates(facts: &Facts) -> Verdict {
    if let Err(verdict) = nat(facts) {
        return verdict;
    }
    let network = &facts.network;
    if let Some(Tried { address, how, .. }) = network.answered() {
        let Words { en, fr } = how.words();
        return Verdict::Pass(words!("{address}: {en}", "{address} : {fr}"));
    }
    let Some(Tried { address, how, .. }) = network.tried.first() else {
        return Problem::new(words!("no address of Windows is known", "aucune adresse de Windows n'est connue"))
            .because(words!(
                "neither the routes, nor resolv.conf, nor the registry tell one",
                "ni les routes, ni resolv.conf, ni le registre n'en donnent"
            ))
            .cured_by(Remedy::new(
                words!(
                    "ask Windows for its address on WSL's adapter",
                    "demander à Windows son adresse sur l'adaptateur de WSL"
                ),
                crate::doctor::Place::PowerShell,
                ["Get-NetIPAddress -AddressFamily IPv4 -InterfaceAlias 'vEthernet (WSL*'"],
            ))
            .cured_by(Remedy::shell(words!("then name it", "puis l'indiquer"), "ollama-forward --upstream ADDRESS"))
            .fail();
    };
    let (count, Words { en, fr }) = (network.tried.len(), how.words());
    Verdict::Pass(words!(
        "{count} tried, the likeliest {address} ({en})",
        "adresses essayées : {count}, la plus probable {address} ({fr})"
    ))
}

fn neighbour(facts: &Facts) -> Verdict {
    if let Err(verdict) = nat(facts) {
        return verdict;
    }
    let network = &facts.network;
    let Some(Tried { address, .. }) = network.best() else {
        return Verdict::Skip(words!("no address to look for", "aucune adresse à chercher"));
    };
    let IpAddr::V4(ip) = address.ip() else {
        return Verdict::Skip(words!("{address} is no IPv4 address", "{address} n'est pas une adresse IPv4"));
    };
    if network.answered().is_some() {
        return Verdict::Pass(words!("{ip} answers", "{ip} répond"));
    }
    let link = network.link().unwrap_or("eth0");
    match (network.neighbours.get(), network.neighbour(ip)) {
        (Err(why), _) => Verdict::Skip(why.clone()),
        (Ok(_), None) => Verdict::Skip(words!(
            "the kernel has not asked for {ip} on {link}",
            "le noyau n'a pas cherché {ip} sur {link}"
        )),
        (Ok(_), Some(NeighbourState::There)) => Verdict::Pass(words!(
            "{ip} is there on {link}: the host answers ARP",
            "{ip} est bien là sur {link} : l'hôte répond à ARP"
        )),
        (Ok(_), Some(NeighbourState::Gone)) => Problem::new(words!(
            "nobody on {link} says that {ip} is his: Windows' end of the WSL network is gone",
            "personne sur {link} ne répond pour {ip} : le côté Windows du réseau WSL a disparu"
        ))
        .because(words!("ARP for {ip} on {link} failed", "ARP pour {ip} sur {link} a échoué"))
        .perhaps(words!(
            "Windows has lost or re-made the adapter `vEthernet (WSL…)`, as after sleep, hibernation or an update",
            "Windows a perdu ou recréé l'adaptateur `vEthernet (WSL…)`, comme après une veille, une veille prolongée \
             ou une mise à jour"
        ))
        .perhaps(words!(
            "the gateway was changed by hand or by a VPN",
            "la passerelle a été changée à la main ou par un VPN"
        ))
        .told_apart_by(Remedy::new(
            words!("see which address Windows has there", "voir quelle adresse Windows y a"),
            crate::doctor::Place::PowerShell,
            ["Get-NetIPAddress -AddressFamily IPv4 -InterfaceAlias 'vEthernet (WSL*'"],
        ))
        .cured_by(Remedy::shell(
            words!("if it is another one, name it", "si c'en est une autre, l'indiquer"),
            "ollama-forward --upstream ADDRESS",
        ))
        .cured_by(restart_wsl())
        .fail(),
    }
}

fn neighbours(facts: &Facts) -> Vec<Detail> {
    let known = facts.network.neighbours.known().map_or(&[][..], Vec::as_slice);
    let one = |neighbour: &crate::gateway::Neighbour| Detail {
        name: Words::same(neighbour.ip.to_string()),
        value: match neighbour.state {
            NeighbourState::There => words!("there", "présent"),
            NeighbourState::Gone => words!("no answer", "sans réponse"),
        },
    };
    known.iter().map(one).collect()
}

/// Prompts must not go to a router that stands where Windows was thought to be.
fn router(facts: &Facts) -> Verdict {
    let network = &facts.network;
    let foreign = network.tried.iter().find_map(|tried| match &tried.answer {
        Err(Refusal::NotOllama(said)) => Some((tried, said)),
        Ok(_) | Err(Refusal::Dial(_) | Refusal::Reset | Refusal::Silent | Refusal::Loop) => None,
    });
    let is_gateway = |ip: IpAddr| {
        let defaults = network.snapshot.known().map_or(&[][..], |snapshot| &snapshot.defaults);
        defaults.iter().any(|route| route.gateway.map(IpAddr::V4) == Some(ip))
    };
    match foreign {
        Some((tried, said)) if tried.how == TriedHow::Named && is_gateway(tried.address.ip()) => {
            let address = tried.address;
            Problem::new(words!(
                "the named upstream {address} is this system's router, and not Ollama: {said}",
                "la cible indiquée, {address}, est le routeur de ce système, et non Ollama : {said}"
            ))
            .because(words!(
                "what is named gets traffic as it is, so prompts would go to the router",
                "une cible indiquée reçoit le trafic tel quel : les prompts iraient au routeur"
            ))
            .cured_by(Remedy::shell(
                words!("let Windows be found", "laisser chercher Windows"),
                "ollama-forward --upstream auto",
            ))
            .fail()
        }
        Some((tried, said)) => {
            let address = tried.address;
            match tried.how {
                TriedHow::Candidate(
                    How::DefaultGateway { .. }
                    | How::Vpnkit
                    | How::FirstHost { .. }
                    | How::Nameserver
                    | How::Registry
                    | How::HostDockerInternal,
                ) => Verdict::Pass(words!(
                    "{address} answers, but is not Ollama ({said}): it gets no prompt",
                    "{address} répond, mais n'est pas Ollama ({said}) : il ne reçoit aucun prompt"
                )),
                TriedHow::Named | TriedHow::Localhost => Verdict::Pass(words!(
                    "{address} is no router of this system",
                    "{address} n'est pas un routeur de ce système"
                )),
            }
        }
        None => Verdict::Pass(words!(
            "only what answers as Ollama gets traffic",
            "seul ce qui répond comme Ollama reçoit du trafic"
        )),
    }
}

fn mtu(facts: &Facts) -> Verdict {
    if let Err(verdict) = nat(facts) {
        return verdict;
    }
    let link = facts.network.link().unwrap_or("eth0");
    match facts.network.mtu.get() {
        Err(why) => Verdict::Skip(why.clone()),
        Ok(mtu) if *mtu < SMALLEST_MTU => Problem::new(words!(
            "{link} takes packets of {mtu} bytes only; below {SMALLEST_MTU} some networks lose them",
            "{link} n'accepte que des paquets de {mtu} octets ; sous {SMALLEST_MTU}, certains réseaux les perdent"
        ))
        .cured_by(Remedy::shell(
            words!("a size that VPNs carry, too", "une taille que les VPN acceptent aussi"),
            format!("sudo ip link set dev {link} mtu 1400"),
        ))
        .warn(),
        Ok(mtu) => Verdict::Pass(words!("{mtu} bytes on {link}", "{mtu} octets sur {link}")),
    }
}

#[cfg(test)]
mod tests;
