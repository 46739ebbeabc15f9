//! What the bridge may be told (`--translate` and the options that need it). Values only: where they come from is
//! `config`'s business.

use std::time::Duration;

use clap::ValueEnum;

use crate::translate::tools::Mode;

/// How the bridge behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Responses are translated; else everything passes, and HTTP is read for capture only.
    pub translate: bool,
    /// Requests are served whatever name the client calls us by.
    pub any_host: bool,
    pub upstream_api: UpstreamApi,
    pub tools: Mode,
    /// None: the upstream's own. Ollama loads a model anew for each other value, so it is this one for all requests.
    pub num_ctx: Option<u32>,
    /// Of a request, as it comes and unpacked.
    pub max_body_size: usize,
    /// How long an answer that broke off may wait for its upstream. Zero: answers are not resumed.
    pub resume_window: Duration,
    pub titles: Titles,
    pub subagents: Subagents,
    /// How many responses are remembered for `previous_response_id`.
    pub stored_responses: usize,
    /// A readable block for each exchange.
    pub debug: bool,
    /// A sign of life after this much silence.
    pub heartbeat: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            translate: true,
            any_host: false,
            upstream_api: UpstreamApi::default(),
            tools: Mode::default(),
            num_ctx: None,
            // A conversation with a few images in base64 is some megabytes.
            max_body_size: 32 << 20,
            // Ollama for Windows is back within 15 s after a restart; a laptop that wakes up needs longer for its network.
            resume_window: Duration::from_secs(60),
            titles: Titles::default(),
            subagents: Subagents::default(),
            stored_responses: 64,
            debug: false,
            // Codex gives up after 300 s without an event, some clients and proxies after 15 s or 30 s.
            heartbeat: Duration::from_secs(10),
        }
    }
}

/// `--upstream-api`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum UpstreamApi {
    /// Ask the upstream what it is
    #[default]
    Auto,
    /// /api/chat
    Ollama,
    /// /v1/chat/completions: LM Studio, llama-server, vLLM
    Chat,
}

/// `--tools`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ToolForms {
    /// Short, as local models need it
    Compact,
    /// As the client declares them
    Full,
}

impl From<ToolForms> for Mode {
    fn from(forms: ToolForms) -> Self {
        match forms {
            ToolForms::Compact => Self::Compact,
            ToolForms::Full => Self::Full,
        }
    }
}

/// `--titles`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Titles {
    /// Made of the user's words at once
    #[default]
    Local,
    /// Asked of the model, which keeps the user's turn waiting
    Model,
}

/// `--subagents`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Subagents {
    /// The model of the agent that started them
    #[default]
    Parent,
    /// The model that they name, there or not
    AsGiven,
}

/// One layer of what was asked of the bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    pub translate: Option<bool>,
    pub any_host: Option<bool>,
    pub upstream_api: Option<UpstreamApi>,
    pub tools: Option<ToolForms>,
    pub num_ctx: Option<u32>,
    pub max_body_size: Option<usize>,
    pub resume_window: Option<Duration>,
    pub titles: Option<Titles>,
    pub subagents: Option<Subagents>,
    pub stored_responses: Option<usize>,
    pub debug: Option<bool>,
    pub heartbeat: Option<Duration>,
}

/// What does nothing without `translate`, by key.
pub const NEED_TRANSLATE: [&str; 8] =
    ["upstream_api", "tools", "num_ctx", "max_body_size", "resume_window", "titles", "subagents", "stored_responses"];

impl Wishes {
    /// What this layer leaves open is taken from `below`.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            translate: self.translate.or(below.translate),
            any_host: self.any_host.or(below.any_host),
            upstream_api: self.upstream_api.or(below.upstream_api),
            tools: self.tools.or(below.tools),
            num_ctx: self.num_ctx.or(below.num_ctx),
            max_body_size: self.max_body_size.or(below.max_body_size),
            resume_window: self.resume_window.or(below.resume_window),
            titles: self.titles.or(below.titles),
            subagents: self.subagents.or(below.subagents),
            stored_responses: self.stored_responses.or(below.stored_responses),
            heartbeat: self.heartbeat.or(below.heartbeat),
            debug: self.debug.or(below.debug),
        }
    }

    /// Those of a bridge, whether it translates or not.
    pub fn settings(self) -> Settings {
        let usual = Settings::default();
        Settings {
            translate: self.translate == Some(true),
            any_host: self.any_host == Some(true),
            upstream_api: self.upstream_api.unwrap_or(usual.upstream_api),
            tools: self.tools.map_or(usual.tools, Mode::from),
            num_ctx: self.num_ctx,
            max_body_size: self.max_body_size.unwrap_or(usual.max_body_size),
            resume_window: self.resume_window.unwrap_or(usual.resume_window),
            titles: self.titles.unwrap_or(usual.titles),
            subagents: self.subagents.unwrap_or(usual.subagents),
            stored_responses: self.stored_responses.unwrap_or(usual.stored_responses),
            heartbeat: self.heartbeat.unwrap_or(usual.heartbeat),
            debug: self.debug == Some(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_translate_nothing_is_translated() {
        for translate in [None, Some(false)] {
            let wishes = Wishes { translate, num_ctx: Some(8192), ..Wishes::default() };
            assert!(!wishes.settings().translate);
        }
    }

    #[test]
    fn what_nobody_asked_for_is_as_usual() {
        let wishes = Wishes { translate: Some(true), ..Wishes::default() };
        assert_eq!(wishes.settings(), Settings::default());
    }

    #[test]
    fn a_layer_wins_over_the_one_below() {
        let over = Wishes { translate: Some(false), tools: Some(ToolForms::Full), ..Wishes::default() };
        let below = Wishes { translate: Some(true), tools: Some(ToolForms::Compact), num_ctx: Some(1), ..over };
        assert_eq!(over.over(below), Wishes { num_ctx: Some(1), ..over });
    }

    #[test]
    fn what_was_asked_for_is_what_one_gets() {
        let wishes = Wishes {
            translate: Some(true),
            any_host: Some(true),
            upstream_api: Some(UpstreamApi::Chat),
            tools: Some(ToolForms::Full),
            num_ctx: Some(8192),
            max_body_size: Some(1),
            resume_window: Some(Duration::ZERO),
            titles: Some(Titles::Model),
            subagents: Some(Subagents::AsGiven),
            stored_responses: Some(0),
            heartbeat: Some(Duration::from_secs(1)),
            debug: Some(true),
        };
        let settings = Settings {
            translate: true,
            any_host: true,
            upstream_api: UpstreamApi::Chat,
            tools: Mode::Full,
            num_ctx: Some(8192),
            max_body_size: 1,
            resume_window: Duration::ZERO,
            titles: Titles::Model,
            subagents: Subagents::AsGiven,
            stored_responses: 0,
            heartbeat: Duration::from_secs(1),
            debug: true,
        };
        assert_eq!(wishes.settings(), settings);
    }
}
