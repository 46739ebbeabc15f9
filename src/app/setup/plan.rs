//! The questions of a guided first run, and what their answers come to. Pure: who asks, and who does it, is elsewhere.
//!
//! ```text
//! Translate ─► Port ─► Model ─► Test ─► Codex ─► Capture ─► Service ─► Deeds
//!    each: answered by a flag, or asked, or left out where it means nothing
//! ```
//! Where localhost is Windows already, a forward is wanted only by who wants a translation or a capture: the port and the
//! service are asked about after one of these was.

use crate::bridge::catalog::is_same_model;
use crate::config::Upstream;
use crate::words::Words;

/// What is asked, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Translate,
    Port,
    Model,
    Test,
    Codex,
    Capture,
    Service,
}

impl Question {
    pub(super) const ALL: [Self; 7] =
        [Self::Translate, Self::Port, Self::Model, Self::Test, Self::Codex, Self::Capture, Self::Service];
}

/// An answer, of the kind that its question wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Yes(bool),
    Port(u16),
    Model(Pick),
}

/// A model, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    Named(String),
    /// Setup goes on without one.
    Without,
}

impl Pick {
    pub(super) fn of(name: Option<String>) -> Self {
        name.map_or(Self::Without, Self::Named)
    }

    pub(super) fn name(&self) -> Option<&String> {
        match self {
            Self::Named(name) => Some(name),
            Self::Without => None,
        }
    }
}

/// Our profile for Codex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    Missing,
    /// It is there; its model, where it names one.
    There(Option<String>),
}

/// How Ollama is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Through a forward.
    Forward,
    /// Localhost is Windows: its port there.
    Localhost(u16),
    /// The built-in stand-in, through a forward.
    Demo,
}

/// The keys of a configuration that are asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) upstream: Upstream,
    pub(super) port: u16,
    pub(super) translate: bool,
    pub(super) capture: bool,
}

/// What starts the forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// It is installed already.
    Installed,
    /// The user's own systemd can be reached.
    Systemd,
    /// A line of the login shell's profile, as there is nothing better.
    Profile,
}

/// What is known before anything is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) way: Way,
    /// As the configuration has it now.
    pub(super) now: Values,
    /// Where Ollama is, when all is done.
    pub(super) upstream: Upstream,
    /// Somebody has said whether to translate, in a file.
    pub(super) translate_is_set: bool,
    /// `listen` names a port, which nothing else can change.
    pub(super) port_is_fixed: bool,
    /// What to propose: the port of the configuration, or a free one in its place.
    pub(super) port: u16,
    /// Who holds the port that should have been proposed.
    pub(super) holder: Option<Words>,
    /// Models that answer text.
    pub(super) models: Vec<String>,
    pub(super) best: Option<String>,
    /// Codex can be started here.
    pub(super) has_codex: bool,
    pub(super) profile: Profile,
    pub(super) service: Service,
}

/// What is to be done at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deeds {
    /// The configuration as it is to be. None: no forward is needed, so it is left alone.
    pub(super) config: Option<Values>,
    /// The model that Codex is to get.
    pub(super) codex: Option<String>,
    pub(super) service: bool,
}

/// The answers so far. Flags give some of them before anything is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choices {
    pub(super) translate: Option<bool>,
    pub(super) port: Option<u16>,
    pub(super) model: Option<Pick>,
    pub(super) test: Option<bool>,
    pub(super) codex: Option<bool>,
    pub(super) capture: Option<bool>,
    pub(super) service: Option<bool>,
}

/// The questions, one after another.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    seen: Seen,
    choices: Choices,
}

impl Talk {
    pub(super) fn new(seen: Seen, given: Choices) -> Self {
        Self { seen, choices: given }
    }

    /// What has to be asked now. None: all that means something has an answer.
    pub(super) fn next(&self) -> Option<Question> {
        Question::ALL.into_iter().find(|question| self.applies(*question) && !self.is_answered(*question))
    }

    /// What is recommended; for what is as it should be already, to leave it so.
    pub(super) fn usual(&self, question: Question) -> Answer {
        let seen = &self.seen;
        match question {
            Question::Translate => Answer::Yes(if seen.translate_is_set { seen.now.translate } else { true }),
            Question::Port => Answer::Port(seen.port),
            Question::Model => Answer::Model(Pick::of(seen.best.clone())),
            Question::Test => Answer::Yes(true),
            Question::Codex => Answer::Yes(seen.has_codex && !self.has_profile()),
            Question::Capture => Answer::Yes(seen.now.capture),
            // Nobody wants a stand-in at every start.
            Question::Service => Answer::Yes(seen.service == Service::Systemd && seen.way != Way::Demo),
        }
    }

    /// Takes an answer. One of another kind than the question's is none, and the question stays.
    pub(super) fn answer(&mut self, question: Question, answer: Answer) {
        let choices = &mut self.choices;
        match (question, answer) {
            (Question::Translate, Answer::Yes(yes)) => choices.translate = Some(yes),
            (Question::Port, Answer::Port(port)) => choices.port = Some(port),
            (Question::Model, Answer::Model(model)) => choices.model = Some(model),
            (Question::Test, Answer::Yes(yes)) => choices.test = Some(yes),
            (Question::Codex, Answer::Yes(yes)) => choices.codex = Some(yes),
            (Question::Capture, Answer::Yes(yes)) => choices.capture = Some(yes),
            (Question::Service, Answer::Yes(yes)) => choices.service = Some(yes),
            (
                Question::Translate
                | Question::Port
                | Question::Model
                | Question::Test
                | Question::Codex
                | Question::Capture
                | Question::Service,
                Answer::Yes(_) | Answer::Port(_) | Answer::Model(_),
            ) => {}
        }
    }

    /// Models that came up meanwhile. That there was none is no answer any more.
    pub(super) fn learn(&mut self, models: Vec<String>, best: Option<String>) {
        self.seen.models = models;
        self.seen.best = best;
        self.choices.model = None;
    }

    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The model that was chosen.
    pub(super) fn model(&self) -> Option<&str> {
        self.choices.model.as_ref().and_then(Pick::name).map(String::as_str)
    }

    pub(super) fn translates(&self) -> bool {
        self.choices.translate == Some(true)
    }

    /// The port that clients will connect to.
    pub(super) fn port(&self) -> u16 {
        match self.choices.port {
            Some(port) if !self.seen.port_is_fixed => port,
            Some(_) | None => self.seen.port,
        }
    }

    /// Whether a forward is wanted at all.
    pub(super) fn forwards(&self) -> bool {
        match self.seen.way {
            Way::Forward | Way::Demo => true,
            Way::Localhost(_) => self.translates() || self.choices.capture == Some(true),
        }
    }

    /// Our profile is there already, with the model that was chosen.
    pub(super) fn has_profile(&self) -> bool {
        match (&self.seen.profile, self.model()) {
            (Profile::Missing, _) => false,
            (Profile::There(Some(there)), Some(chosen)) => is_same_model(there, chosen),
            (Profile::There(None), _) | (Profile::There(_), None) => true,
        }
    }

    /// Where Ollama is, as the configuration has to have it. A forward before a localhost that is Windows has to name it.
    pub(super) fn upstream(&self) -> Upstream {
        match self.seen.way {
            Way::Forward | Way::Demo => self.seen.upstream.clone(),
            Way::Localhost(port) => Upstream::Address((std::net::Ipv4Addr::LOCALHOST, port).into()),
        }
    }

    /// The configuration as it is to be, by the answers so far.
    pub(super) fn values(&self) -> Values {
        Values {
            upstream: self.upstream(),
            port: self.port(),
            translate: self.translates(),
            capture: self.choices.capture == Some(true),
        }
    }

    /// The model is to be asked something, and all that matters for it is known.
    pub(super) fn wants_trial(&self) -> bool {
        let comes_later = match self.next() {
            Some(Question::Translate | Question::Port | Question::Model | Question::Test) => false,
            Some(Question::Codex | Question::Capture | Question::Service) | None => true,
        };
        self.choices.test == Some(true) && self.applies(Question::Test) && comes_later
    }

    /// What the answers come to.
    pub(super) fn deeds(&self) -> Deeds {
        let wanted = self.values();
        let codex = self.choices.codex == Some(true) && self.applies(Question::Codex);
        Deeds {
            config: self.forwards().then_some(wanted),
            codex: self.model().filter(|_| codex).map(str::to_owned),
            service: self.choices.service == Some(true) && self.applies(Question::Service),
        }
    }

    /// Whether a question means something, by what has been answered before it.
    fn applies(&self, question: Question) -> bool {
        match question {
            Question::Translate | Question::Capture => true,
            Question::Port => self.forwards() && !self.seen.port_is_fixed,
            Question::Model => !self.seen.models.is_empty(),
            Question::Test => self.model().is_some(),
            Question::Codex => self.model().is_some() && self.forwards(),
            Question::Service => self.forwards(),
        }
    }

    fn is_answered(&self, question: Question) -> bool {
        let choices = &self.choices;
        match question {
            Question::Translate => choices.translate.is_some(),
            Question::Port => choices.port.is_some(),
            Question::Model => choices.model.is_some(),
            Question::Test => choices.test.is_some(),
            Question::Codex => choices.codex.is_some(),
            Question::Capture => choices.capture.is_some(),
            Question::Service => choices.service.is_some(),
        }
    }
}

#[cfg(test)]
mod tests;
