//! Where Codex sends its requests, by its configuration and its variables, and who is there. Pure.
//!
//! ```text
//! codex           model_provider ─┬─ none, openai ─► OpenAI, or openai_base_url
//! codex -p NAME   the same, with  ├─ ollama, lmstudio ─► CODEX_OSS_BASE_URL > CODEX_OSS_PORT > localhost and their own port
//!                 its file on top └─ one of its own ─► [model_providers.ID] base_url
//! codex --oss     oss_provider ───┘
//! ```
//! (Measured, `codex-client` 1.)

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::url::Url;
use super::{Codex, Config, Environment, Provider};
use crate::config::OLLAMA_PORT;
use crate::doctor::network::Target;
use crate::doctor::{Fact, Facts};
use crate::gateway::wsl::Need;
use crate::net::listen::reachable;
use crate::status::Report;

/// LM Studio's port, where Codex looks for the provider `lmstudio`.
const LM_STUDIO_PORT: u16 = 1234;

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aim {
    /// To OpenAI, or to another provider that brings its own address.
    Cloud(String),
    At {
        url: String,
        by: By,
    },
    /// Nowhere: a provider is named that nothing describes, and Codex stops.
    Undescribed(String),
}

/// What says where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// Codex itself.
    BuiltIn,
    /// `CODEX_OSS_BASE_URL`
    OssBaseUrl,
    /// `CODEX_OSS_PORT`
    OssPort,
    /// `[model_providers.ID]`
    Provider(String),
    /// `openai_base_url`
    OpenAiBaseUrl,
}

impl By {
    /// A variable of the environment.
    pub fn is_variable(&self) -> bool {
        match self {
            Self::OssBaseUrl | Self::OssPort => true,
            Self::BuiltIn | Self::Provider(_) | Self::OpenAiBaseUrl => false,
        }
    }
}

/// Where `codex` sends its requests, or `codex -p NAME` with the merged configuration of the profile.
pub fn plain(config: &Config, environment: &Environment) -> Aim {
    let id = config.model_provider.as_deref().unwrap_or("openai");
    match (id, config.provider(id)) {
        ("ollama", _) => built_in(OLLAMA_PORT, environment),
        ("lmstudio", _) => built_in(LM_STUDIO_PORT, environment),
        ("openai", _) => match &config.openai_base_url {
            Some(url) => Aim::At { url: url.clone(), by: By::OpenAiBaseUrl },
            None => Aim::Cloud(id.to_owned()),
        },
        (_, Some(Provider { base_url: Some(url), .. })) => {
            Aim::At { url: url.clone(), by: By::Provider(id.to_owned()) }
        }
        ("amazon-bedrock", _) | (_, Some(_)) => Aim::Cloud(id.to_owned()),
        (_, None) => Aim::Undescribed(id.to_owned()),
    }
}

/// Where `codex --oss` sends its requests.
pub fn oss(config: &Config, environment: &Environment) -> Aim {
    let provider = config.oss_provider.clone().unwrap_or_else(|| "ollama".into());
    plain(&Config { model_provider: Some(provider), ..config.clone() }, environment)
}

/// `CODEX_OSS_BASE_URL` outweighs `CODEX_OSS_PORT`; what is empty, or no port, counts as unset (measured with 0.169).
fn built_in(usual: u16, environment: &Environment) -> Aim {
    if let Some(url) = &environment.codex_oss_base_url {
        return Aim::At { url: url.clone(), by: By::OssBaseUrl };
    }
    let port: Option<u16> = environment.codex_oss_port.as_ref().and_then(|port| port.parse().ok());
    let (port, by) = port.map_or((usual, By::BuiltIn), |port| (port, By::OssPort));
    Aim::At { url: format!("http://localhost:{port}/v1"), by }
}

/// Who is at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot<'a> {
    /// A forward: one that runs, or the one that would be started.
    Forward(Option<&'a Report>),
    /// Ollama on Windows, because localhost is Windows in this mode.
    WindowsItself,
    /// Windows by its address, past any forward.
    PastForward,
    /// This machine, on a port of somebody else.
    OtherPort,
    Elsewhere,
}

pub fn spot<'a>(facts: &'a Facts, url: &Url) -> Spot<'a> {
    let listens = |report: &&Report| listeners(report).any(|listener| url.leads_to(listener));
    if let Some(report) = facts.port.forwards.iter().find(listens) {
        return Spot::Forward(Some(report));
    }
    if localhost_is_windows(facts) && url.is_local() && url.port == windows_port(facts) {
        return Spot::WindowsItself;
    }
    if facts.port.listen.iter().any(|listener| url.leads_to(*listener)) {
        return Spot::Forward(None);
    }
    if url.is_local() {
        return Spot::OtherPort;
    }
    if url.ips().iter().any(|ip| is_windows(facts, *ip)) { Spot::PastForward } else { Spot::Elsewhere }
}

fn listeners(report: &Report) -> impl Iterator<Item = SocketAddr> {
    report.listen.iter().filter_map(|listen| listen.parse().ok())
}

/// An address that was tried as Windows, or that lies in the network that WSL and Windows share.
fn is_windows(facts: &Facts, ip: IpAddr) -> bool {
    let tried = facts.network.tried.iter().any(|tried| tried.address.ip() == ip);
    let shares = |ip| {
        facts.network.snapshot.known().is_some_and(|snapshot| {
            snapshot.windows_side().any(|(_, address)| address.contains(ip) && address.ip != ip)
        })
    };
    tried || matches!(ip, IpAddr::V4(ip) if shares(ip))
}

/// Where Codex should send: to the forward that translates, to one that runs, to the one that would be started; to Windows
/// itself where localhost is Windows.
pub fn wanted(facts: &Facts) -> Option<SocketAddr> {
    let translating = facts.port.forwards.iter().find(|report| report.translate);
    let running = translating.or(facts.port.forward()).or(facts.port.forwards.first());
    if let Some(listener) = running.and_then(|report| listeners(report).next()) {
        return Some(reachable(listener));
    }
    if localhost_is_windows(facts) {
        return Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), windows_port(facts)));
    }
    facts.port.listen.first().copied().map(reachable)
}

/// Mirrored and the like: a client needs no forward.
fn localhost_is_windows(facts: &Facts) -> bool {
    facts.system.need() == Some(Need::Nothing)
}

fn windows_port(facts: &Facts) -> u16 {
    match facts.network.target {
        Some(Target::Localhost { port } | Target::Auto { port }) => port,
        Some(Target::Named { .. } | Target::Demo) | None => OLLAMA_PORT,
    }
}

/// How Codex is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How<'a> {
    Plain,
    Profile(&'a str),
    Oss,
}

impl How<'_> {
    pub fn command(self) -> Cow<'static, str> {
        match self {
            Self::Plain => "codex".into(),
            Self::Profile(name) => format!("codex -p {name}").into(),
            Self::Oss => "codex --oss".into(),
        }
    }
}

/// A way to start Codex that ends at a forward of ours, or at Ollama on Windows.
#[derive(Clone, Debug)]
pub struct Way<'a> {
    pub how: How<'a>,
    pub config: Cow<'a, Config>,
    /// The model that it asks for where nobody names another. `codex --oss` has its own, whatever the configuration says.
    pub model: Option<String>,
    pub by: By,
    pub url: String,
    pub spot: Spot<'a>,
}

/// What `codex --oss` asks for without `-m`, whatever the configuration says (measured with 0.169).
pub const OSS_MODEL: &str = "gpt-oss:20b";

/// All ways to start Codex that end here, the shortest first.
pub fn ways(facts: &Facts) -> Vec<Way<'_>> {
    let codex = &facts.codex;
    let Some(config) = codex.config.known() else { return Vec::new() };
    let aim = |config: &Config| plain(config, &codex.environment);
    let alone = way(facts, How::Plain, Cow::Borrowed(config), aim(config));
    let profiles = codex.profiles.iter().filter_map(|profile| {
        let merged = profile.config.over(config);
        let aim = aim(&merged);
        way(facts, How::Profile(&profile.name), Cow::Owned(merged), aim)
    });
    let oss = way(facts, How::Oss, Cow::Borrowed(config), oss(config, &codex.environment));
    alone.into_iter().chain(profiles).chain(oss).collect()
}

fn way<'a>(facts: &'a Facts, how: How<'a>, config: Cow<'a, Config>, aim: Aim) -> Option<Way<'a>> {
    let Aim::At { url, by } = aim else { return None };
    let spot = spot(facts, &Url::parse(&url)?);
    let model = match how {
        How::Plain | How::Profile(_) => config.model.clone(),
        How::Oss => Some(OSS_MODEL.to_owned()),
    };
    match spot {
        Spot::Forward(_) | Spot::WindowsItself => Some(Way { how, config, model, by, url, spot }),
        Spot::PastForward | Spot::OtherPort | Spot::Elsewhere => None,
    }
}

impl Way<'_> {
    /// Whether a bridge is in the way; None: no forward runs there.
    pub fn translates(&self) -> Option<bool> {
        match self.spot {
            Spot::Forward(Some(report)) => Some(report.translate),
            Spot::Forward(None) | Spot::WindowsItself | Spot::PastForward | Spot::OtherPort | Spot::Elsewhere => None,
        }
    }

    /// The table of its configuration that describes the provider; None for those that Codex brings.
    pub fn provider(&self) -> Option<&Provider> {
        match &self.by {
            By::Provider(id) => self.config.provider(id),
            By::BuiltIn | By::OssBaseUrl | By::OssPort | By::OpenAiBaseUrl => None,
        }
    }
}

impl Codex {
    /// Whether there is a Codex whose configuration can be judged: not one of Windows, which reads another.
    pub fn is_here(&self) -> bool {
        match &self.program {
            Fact::Known(Some(program)) => !program.of_windows,
            Fact::Known(None) => false,
            Fact::Unknown(_) => self.config.known().is_some_and(|config| config.path.is_some()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::codex::{machine, read};

    fn at(url: &str, by: By) -> Aim {
        Aim::At { url: url.into(), by }
    }

    #[track_caller]
    fn aims(config: &str, environment: (Option<&str>, Option<&str>), expected: &Aim) {
        let (url, port) = environment;
        let environment = Environment {
            codex_oss_base_url: url.map(Into::into),
            codex_oss_port: port.map(Into::into),
            ..Environment::default()
        };
        assert_eq!(&plain(&read::config(config), &environment), expected, "{config}");
    }

    #[test]
    fn codex_goes_where_its_provider_is() {
        let none = (None, None);
        aims("", none, &Aim::Cloud("openai".into()));
        aims("model_provider = \"amazon-bedrock\"", none, &Aim::Cloud("amazon-bedrock".into()));
        aims("model_provider = \"x\"", none, &Aim::Undescribed("x".into()));
        aims("openai_base_url = \"http://a/v1\"", none, &at("http://a/v1", By::OpenAiBaseUrl));
        let own = "model_provider = \"x\"\n[model_providers.x]\nname = \"x\"\n";
        aims(own, none, &Aim::Cloud("x".into()));
        let own = format!("{own}base_url = \"http://a/v1\"");
        aims(&own, (Some("http://b/v1"), None), &at("http://a/v1", By::Provider("x".into())));
    }

    #[test]
    fn variables_move_the_providers_that_codex_brings() {
        let ollama = "model_provider = \"ollama\"";
        aims(ollama, (None, None), &at("http://localhost:11434/v1", By::BuiltIn));
        aims("model_provider = \"lmstudio\"", (None, None), &at("http://localhost:1234/v1", By::BuiltIn));
        aims(ollama, (None, Some("1")), &at("http://localhost:1/v1", By::OssPort));
        aims(ollama, (None, Some("many")), &at("http://localhost:11434/v1", By::BuiltIn));
        aims(ollama, (Some("http://b"), Some("1")), &at("http://b", By::OssBaseUrl));
    }

    #[test]
    fn codex_oss_has_a_provider_of_its_own() {
        let config = read::config("model_provider = \"openai\"\noss_provider = \"lmstudio\"");
        assert_eq!(oss(&config, &Environment::default()), at("http://localhost:1234/v1", By::BuiltIn));
        assert_eq!(oss(&Config::default(), &Environment::default()), at("http://localhost:11434/v1", By::BuiltIn));
    }

    #[test]
    fn every_way_to_start_codex_that_ends_here_is_found() {
        let mut facts = machine::healthy();
        let hows = |facts: &Facts| ways(facts).iter().map(|way| way.how.command().into_owned()).collect::<Vec<_>>();
        assert_eq!(hows(&facts), ["codex", "codex --oss"]);
        machine::config(&mut facts, "model = \"gpt-6\"");
        machine::profile(&mut facts, "local", "model_provider = \"ollama\"");
        machine::profile(&mut facts, "work", "model_provider = \"openai\"");
        assert_eq!(hows(&facts), ["codex -p local", "codex --oss"]);
        let ways = ways(&facts);
        let models: Vec<_> = ways.iter().map(|way| way.model.as_deref()).collect();
        assert_eq!(models, [Some("gpt-6"), Some(OSS_MODEL)], "a profile lies over the main file");
        assert_eq!(ways[0].translates(), Some(true));
    }

    #[test]
    fn codex_should_go_to_the_forward_that_translates() {
        let mut facts = machine::healthy();
        let mut second = facts.port.forwards[0].clone();
        second.listen = vec!["[::ffff:127.0.0.1]:11435".into()];
        facts.port.forwards[0].translate = false;
        facts.port.forwards.push(second);
        assert_eq!(wanted(&facts), "127.0.0.1:11435".parse().ok());
        facts.port.forwards.clear();
        assert_eq!(wanted(&facts), "127.0.0.1:11434".parse().ok());
        facts.port.listen.clear();
        assert_eq!(wanted(&facts), None);
    }
}
