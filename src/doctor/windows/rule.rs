//! A rule of the Windows firewall, read from the registry's text, and what it covers. Pure.
//!
//! ```text
//! v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Public|LPort=11434|RA4=172.24.0.0/255.255.240.0|Name=Ollama|
//! ```
//! The grammar is MS-GPFAS, 2.2.2.19; the words are the same in all languages of Windows.

use std::net::Ipv4Addr;

use serde::Serialize;

/// A rule that is in force for incoming TCP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The name by which cmdlets find it: `{GUID}` or a word.
    pub id: String,
    /// What people read.
    pub name: String,
    /// False: it blocks.
    pub allows: bool,
    /// By company policy, not of this machine.
    pub by_policy: bool,
    /// Only for connections that are authenticated (`IPsec`), which ours are not.
    pub authenticated: bool,
    /// The program that it is for; None for any.
    pub program: Option<String>,
    /// `Domain`, `Private`, `Public`; none for all.
    pub profiles: Vec<String>,
    /// Addresses, prefixes, ranges, `LocalSubnet`; none for any.
    pub remote: Vec<String>,
    /// Addresses of Windows; none for any.
    pub local: Vec<String>,
    /// Ports and ranges; none for any.
    pub ports: Vec<String>,
    /// Interfaces that it is bound to; none for any.
    pub interfaces: Vec<Binding>,
}

/// An interface that a rule is bound to: the registry keeps its GUID, which a new adapter of the same name has not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Binding {
    Alias(String),
    /// No adapter has this GUID any more.
    Gone(String),
    /// Windows did not tell which adapters there are.
    Unknown(String),
}

/// A connection that is to come in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming<'a> {
    pub port: u16,
    /// Path or name of the program that listens; None where it is not known.
    pub program: Option<&'a str>,
    pub from: Option<Ipv4Addr>,
    pub to: Option<Ipv4Addr>,
}

/// Why a rule says nothing of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    Program,
    Port,
    Authenticated,
    Profile,
    /// Bound to an adapter that is not WSL's.
    Interface,
    /// Bound to an adapter that is gone.
    Gone,
    Local,
    Remote,
}

/// The profile of WSL's adapter: its network is never identified, and what is not identified is public.
pub(super) const WSL_PROFILE: &str = "Public";
/// WSL's adapter is `vEthernet (WSL)`, or `vEthernet (WSL (Hyper-V firewall))` (WSL, `WslCoreConfig.cpp`).
pub(super) const WSL_ADAPTER: &str = "vEthernet (WSL";

const TCP: &str = "6";
const ANY_PROTOCOL: &str = "256";

impl Rule {
    /// None for rules that are off, for other traffic, for a service or a packaged app, and for text that is no rule.
    pub(super) fn parse(id: &str, by_policy: bool, text: &str) -> Option<Self> {
        let mut fields = text.trim().split('|');
        fields.next()?.strip_prefix('v')?;
        let mut rule = Self { id: id.to_owned(), by_policy, ..Self::default() };
        let (mut action, mut active, mut incoming) = (None, false, false);
        for (key, value) in fields.filter_map(|field| field.split_once('=')) {
            let value = value.trim();
            let mut add = |list: fn(&mut Self) -> &mut Vec<String>| {
                let list = list(&mut rule);
                if !list.iter().any(|known| known.eq_ignore_ascii_case(value)) {
                    list.push(value.to_owned());
                }
            };
            match key {
                "Action" => action = Some(value),
                "Active" => active = value.eq_ignore_ascii_case("TRUE"),
                "Dir" => incoming = value.eq_ignore_ascii_case("In"),
                "Protocol" if value != TCP && value != ANY_PROTOCOL => return None,
                // What depends on the client's own port, or belongs to a service or a packaged app, is not about Ollama.
                "RPort" | "RPort2_10" | "Svc" | "AppPkgId" => return None,
                "Profile" => add(|rule| &mut rule.profiles),
                "LPort" | "LPort2_10" => add(|rule| &mut rule.ports),
                // IPv6 alone stands there as a remote that no IPv4 address is in.
                "RA4" | "RA42" | "RA6" | "RA62" => add(|rule| &mut rule.remote),
                "LA4" | "LA6" => add(|rule| &mut rule.local),
                "IF" => rule.interfaces.push(Binding::of(value)),
                "App" => rule.program = Some(value.to_owned()),
                "Security" | "Security2" | "Security2_9" => rule.authenticated = true,
                "Name" => value.clone_into(&mut rule.name),
                _ => {}
            }
        }
        match action? {
            "Allow" => rule.allows = true,
            "ByPass" => (rule.allows, rule.authenticated) = (true, true),
            "Block" => {}
            _ => return None,
        }
        (active && incoming).then_some(rule)
    }

    /// The first thing that keeps this rule from being about the connection.
    pub(super) fn miss(&self, incoming: &Incoming<'_>) -> Option<Miss> {
        let may_be_wsl = |binding: &Binding| match binding {
            Binding::Alias(name) => name.starts_with(WSL_ADAPTER),
            Binding::Gone(_) => false,
            Binding::Unknown(_) => true,
        };
        let gone = |binding: &Binding| matches!(binding, Binding::Gone(_));
        let bound = !self.interfaces.is_empty();
        let misses = [
            (!self.is_for_program(incoming.program), Miss::Program),
            (!self.is_for_port(incoming.port), Miss::Port),
            (self.authenticated && self.allows, Miss::Authenticated),
            (!self.is_for_profile(WSL_PROFILE), Miss::Profile),
            (bound && self.interfaces.iter().all(gone), Miss::Gone),
            (bound && !self.interfaces.iter().any(may_be_wsl), Miss::Interface),
            (!covers(&self.local, incoming.to), Miss::Local),
            (!covers(&self.remote, incoming.from), Miss::Remote),
        ];
        misses.into_iter().find_map(|(misses, why)| misses.then_some(why))
    }

    /// Whether its names speak of Ollama: of its program, or of its port and no other.
    pub(super) fn is_about(&self, port: u16) -> bool {
        let program = self.program.as_deref().is_some_and(|program| file_name(program).starts_with("ollama"));
        let named = self.name.to_ascii_lowercase().contains("ollama");
        program || named || self.ports.iter().any(|known| known.parse() == Ok(port))
    }

    fn is_for_program(&self, program: Option<&str>) -> bool {
        let Some(ours) = self.program.as_deref() else { return true };
        let theirs = program.unwrap_or("ollama");
        let whole = |path: &str| path.contains('\\') && !path.contains('%');
        if whole(ours) && whole(theirs) {
            return ours.eq_ignore_ascii_case(theirs);
        }
        file_name(ours) == file_name(theirs)
    }

    fn is_for_port(&self, port: u16) -> bool {
        self.ports.is_empty() || self.ports.iter().any(|known| known == "*" || range_of(known).contains(&port))
    }

    fn is_for_profile(&self, profile: &str) -> bool {
        self.profiles.is_empty() || self.profiles.iter().any(|known| known.eq_ignore_ascii_case(profile))
    }
}

impl Binding {
    /// The registry writes a GUID; other sources write the alias.
    fn of(text: &str) -> Self {
        if text.starts_with('{') { Self::Unknown(text.to_owned()) } else { Self::Alias(text.to_owned()) }
    }

    /// Now that it is known which adapters there are: `(GUID, alias)`.
    pub(super) fn settle(&mut self, adapters: &[(String, String)]) {
        if let Self::Unknown(guid) = self {
            let found = adapters.iter().find(|(known, _)| known.eq_ignore_ascii_case(guid));
            *self = found.map_or_else(|| Self::Gone(guid.clone()), |(_, alias)| Self::Alias(alias.clone()));
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Alias(text) | Self::Gone(text) | Self::Unknown(text) => text,
        }
    }
}

/// The last part of a path, in small letters, without `.exe`.
fn file_name(path: &str) -> String {
    let name = path.rsplit('\\').next().unwrap_or(path).to_ascii_lowercase();
    name.strip_suffix(".exe").unwrap_or(&name).to_owned()
}

/// `11434` or `11000-12000`; nothing for keywords such as `RPC`.
#[expect(clippy::reversed_empty_ranges, reason = "no port is in it")]
fn range_of(text: &str) -> std::ops::RangeInclusive<u16> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) => first..=last,
        (Err(_), _) | (_, Err(_)) => 1..=0,
    }
}

/// Whether an address is among those of a rule. An address that is not known is not held against it.
fn covers(list: &[String], address: Option<Ipv4Addr>) -> bool {
    let Some(address) = address else { return true };
    list.is_empty() || list.iter().any(|known| is_in(known, address))
}

/// `*`, `LocalSubnet`, an address, `address/bits`, `address/mask` or `first-last`. WSL's network is a local subnet of Windows.
fn is_in(text: &str, address: Ipv4Addr) -> bool {
    if text == "*" || text.eq_ignore_ascii_case("Any") || text.eq_ignore_ascii_case("LocalSubnet") {
        return true;
    }
    let parse = |text: &str| text.trim().parse::<Ipv4Addr>().ok().map(u32::from);
    let address = u32::from(address);
    if let Some((network, mask)) = text.split_once('/') {
        let bits = |bits: &str| bits.trim().parse::<u32>().ok().filter(|bits| *bits <= 32);
        let mask = parse(mask).or_else(|| bits(mask).map(|bits| u32::MAX.checked_shl(32 - bits).unwrap_or(0)));
        return parse(network).zip(mask).is_some_and(|(network, mask)| (network ^ address) & mask == 0);
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    parse(first).zip(parse(last)).is_some_and(|(first, last)| (first..=last).contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=11434|RA4=172.24.0.0/255.255.240.0|\
                        Name=Ollama from WSL2 (ollama-forward)|";

    fn parse(text: &str) -> Option<Rule> {
        Rule::parse("{1}", false, text)
    }

    /// A rule that allows, with these fields, and what keeps it from letting us in.
    #[track_caller]
    fn check(fields: &str, miss: Option<Miss>) {
        let rule = parse(&format!("v2.31|Action=Allow|Active=TRUE|Dir=In|{fields}|Name=x|")).unwrap();
        let incoming = Incoming {
            port: 11434,
            program: Some(r"C:\Users\ann\AppData\Local\Programs\Ollama\ollama.exe"),
            from: Some([172, 24, 3, 7].into()),
            to: Some([172, 24, 0, 1].into()),
        };
        assert_eq!(rule.miss(&incoming), miss, "{fields}");
    }

    #[test]
    fn our_own_rule_is_read() {
        let rule = parse(OURS).unwrap();
        assert!(rule.allows && !rule.by_policy && rule.profiles.is_empty() && rule.interfaces.is_empty());
        assert_eq!((rule.ports, rule.remote), (vec!["11434".to_owned()], vec!["172.24.0.0/255.255.240.0".to_owned()]));
        assert_eq!((rule.id.as_str(), rule.name.as_str()), ("{1}", "Ollama from WSL2 (ollama-forward)"));
    }

    #[test]
    fn other_traffic_is_left_out() {
        for text in [
            "",
            "garbage",
            "v2.31|",
            "v2.31|Action=Allow|Active=FALSE|Dir=In|Protocol=6|Name=x|",
            "v2.31|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|Name=x|",
            "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=17|Name=x|",
            "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Svc=iphlpsvc|Name=x|",
            "v2.31|Action=Allow|Active=TRUE|Dir=In|AppPkgId=S-1-15-2-1|Name=x|",
            "v2.31|Action=Wish|Active=TRUE|Dir=In|Name=x|",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn ports_are_numbers_ranges_or_all() {
        for fields in ["Protocol=6", "Protocol=256", "LPort=80|LPort=11434", "LPort2_10=11000-12000", "LPort=*"] {
            check(fields, None);
        }
        for fields in ["LPort=80", "LPort=RPC", "LPort2_10=1-1000", "LPort=114340"] {
            check(fields, Some(Miss::Port));
        }
    }

    #[test]
    fn programs_are_compared_by_path_where_both_have_one() {
        check(r"App=c:\users\ann\appdata\local\programs\ollama\OLLAMA.EXE", None);
        check(r"App=%LOCALAPPDATA%\Programs\Ollama\ollama.exe", None);
        check(r"App=D:\old\ollama.exe", Some(Miss::Program));
        check(r"App=%LOCALAPPDATA%\Programs\Ollama\ollama app.exe", Some(Miss::Program));
    }

    #[test]
    fn addresses_are_subnets_masks_ranges_or_words() {
        for remote in ["172.24.0.0/20", "172.24.0.0/255.255.240.0", "172.24.3.1-172.24.3.9", "LocalSubnet", "*"] {
            check(&format!("RA4={remote}"), None);
        }
        check("RA4=172.20.0.0/20|RA4=172.24.3.7", None);
        for remote in ["172.20.0.0/20", "10.0.0.0/255.0.0.0", "192.168.1.20", "nonsense", "1.2.3.4/99"] {
            check(&format!("RA4={remote}"), Some(Miss::Remote));
        }
        check("RA6=fe80::/64", Some(Miss::Remote));
        check("LA4=172.20.0.1", Some(Miss::Local));
        check("LA4=172.24.0.1", None);
    }

    #[test]
    fn profiles_and_ipsec_count() {
        check("Profile=Public", None);
        check("Profile=Private|Profile=Public", None);
        check("Profile=Private|Profile=Domain", Some(Miss::Profile));
        check("Security=Authenticate", Some(Miss::Authenticated));
    }

    #[test]
    fn interfaces_are_settled_by_their_guid() {
        let bound = |adapters: &[(&str, &str)]| {
            let mut rule = parse(&format!("{OURS}IF={{AB12}}|")).unwrap();
            let adapters: Vec<_> = adapters.iter().map(|(guid, name)| ((*guid).into(), (*name).into())).collect();
            rule.interfaces.iter_mut().for_each(|binding| binding.settle(&adapters));
            let incoming = Incoming { port: 11434, program: None, from: None, to: None };
            rule.miss(&incoming)
        };
        assert_eq!(bound(&[("{ab12}", "vEthernet (WSL (Hyper-V firewall))")]), None);
        assert_eq!(bound(&[("{ab12}", "Ethernet")]), Some(Miss::Interface));
        assert_eq!(bound(&[("{CD34}", "vEthernet (WSL)")]), Some(Miss::Gone));
    }
}
