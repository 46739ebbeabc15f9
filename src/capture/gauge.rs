//! How full a context is, and whether its beginning was cut off without a word. Pure.
//!
//! Ollama leaves out what does not fit, and says nothing of it: the request is answered, with what was left. Two things give
//! it away: what was counted is too little for what was sent, or it is all that fits. How many bytes a token has is learnt
//! for each model, from requests that fitted for sure; within a thread only what was added has to be estimated. Counts
//! are those of whole prompts: Ollama's include what it had cached.
//!
//! ```text
//! row ──► cut? ── of the thread: fell, or cannot have fitted ──┐
//!          │      of the model: too little for its bytes       ├─► Context
//!          │      of the window: all of it                     │
//!          └─ no: learn ── model: bytes a token; thread: base ─┘
//! ```

use std::collections::VecDeque;

use super::record::{Context, CutBy, Level, Row};

/// Of the window: more is near its end.
const NEAR: f64 = 0.85;
/// So close to the window it is full: templates and Ollama keep some tokens for themselves.
const FULL: u64 = 64;
/// An estimate is taken for more than what was counted from here on: languages and code differ by less from their mean.
const TOO_LITTLE: f64 = 1.25;
/// Even at the loosest text that the model was seen with, it has to be too little, or too much for the window.
const TOO_LITTLE_AT_BEST: f64 = 1.1;
/// Where it should have fitted by far, only this is too little: the window may be another one than was told.
const FAR_TOO_LITTLE: f64 = 2.5;
/// Of the window: what is estimated for less would have fitted, even if it was a third more.
const MAY_OVERFLOW: f64 = 0.75;
/// Tokens by which an estimate is wrong anyway: of a template, of a date that changed.
const SLACK: f64 = 64.0;
/// The same for a whole prompt.
const SLACK_OF_ALL: f64 = 512.0;
/// Of what was added to a thread: the estimate may be wrong by so much.
const DOUBT: f64 = 0.35;
/// Of the window: so full, the better guess is that there was more, where the thread's growth says so, too.
const BRIM: f64 = 0.97;
/// A count fell when it is lower by this part; tools that changed explain less.
const FALL: f64 = 0.02;
/// A fall far from the window has to be so deep.
const DEEP_FALL: f64 = 0.25;
/// Real tokenizers have so many bytes a token, in any language, on average over a prompt.
const BYTES_A_TOKEN: std::ops::RangeInclusive<f64> = 1.0..=8.0;
/// Before anything is known of a model.
const USUAL: f64 = 4.0;
/// Of the window: a prompt below fits for sure, and can be learnt from.
const WELL_BELOW: f64 = 0.5;
/// Smaller prompts are mostly template.
const LEAST: u64 = 256;
/// Requests that are remembered of a model. What is older is of another tool set or another time.
const MOST_RATES: usize = 33;
const MOST_MODELS: usize = 64;
const MOST_THREADS: usize = 512;
/// A longer name is no name.
const LONGEST_NAME: usize = 256;

/// What was learnt of models and threads. Fed with each row that is over, in order.
#[derive(Clone, Debug, Default)]
pub struct Gauge {
    models: Recent<Rates>,
    threads: Recent<Base>,
}

/// Bytes a token, the oldest first.
#[derive(Clone, Debug, Default)]
struct Rates(VecDeque<f64>);

/// The last request of a thread that fitted.
#[derive(Clone, Debug)]
struct Base {
    prompt: Prompt,
    model: String,
    /// Counts up with each compaction.
    window_number: Option<u64>,
}

/// What was sent, and what was counted of it.
#[derive(Clone, Copy, Debug)]
struct Prompt {
    bytes: f64,
    thoughts: f64,
    images: u32,
    tokens: f64,
}

impl Gauge {
    /// The context of an exchange that is over, and learns from it.
    pub fn judge(&mut self, row: &Row) -> Context {
        let mut context = row.context.clone();
        let Some(input) = row.tokens.input.filter(|input| *input > 0) else {
            (context.level, context.why) = (Level::Unknown, None);
            return context;
        };
        let prompt = Prompt::of(row, input);
        let rates = self.models.get(&row.model);
        let median = rates.and_then(Rates::median).filter(|_| prompt.bytes > 0.0);
        let by_thread = self.base(row).and_then(|base| base.judge(&prompt, rates, context.window));
        let by_model = rates.and_then(|rates| rates.judge(&prompt, context.window));
        context.estimated = median.map(|rate| round(prompt.bytes / rate));
        let used = input.saturating_add(row.tokens.output.unwrap_or(0));
        context.why = if prompt.cannot_fit(context.window) {
            context.estimated = context.estimated.or(Some(round(prompt.bytes / BYTES_A_TOKEN.end())));
            Some(CutBy::Estimate)
        } else {
            by_thread.or(by_model).or(is_full(input, used, context.window).then_some(CutBy::Full))
        };
        context.level = level(context.why, used, context.window);
        if context.level != Level::Cut {
            self.learn(row, prompt, context.window);
        }
        context
    }

    /// What this request goes on from, if that is comparable.
    fn base(&self, row: &Row) -> Option<&Base> {
        let base = self.threads.get(row.thread.thread_id.as_deref()?)?;
        let is_same = base.model == row.model && base.window_number == row.thread.window_number;
        is_same.then_some(base)
    }

    fn learn(&mut self, row: &Row, prompt: Prompt, window: Option<u64>) {
        if prompt.bytes <= 0.0 || row.model.len() > LONGEST_NAME {
            return;
        }
        if prompt.is_lesson(window) {
            self.models.entry(&row.model).push(prompt.rate());
        }
        // What may be cut is nothing to go on from.
        let is_sound = window.is_none_or(|window| prompt.tokens <= BRIM * tokens(window));
        let thread = row.thread.thread_id.as_deref().filter(|id| id.len() <= LONGEST_NAME);
        if let Some(id) = thread.filter(|_| is_sound) {
            let (model, window_number) = (row.model.clone(), row.thread.window_number);
            self.threads.set(id, Base { prompt, model, window_number });
        }
    }
}

impl Prompt {
    #[expect(clippy::cast_precision_loss, reason = "estimates are about")]
    fn of(row: &Row, input: u64) -> Self {
        Self {
            bytes: row.prompt_bytes as f64,
            thoughts: row.thought_bytes as f64,
            images: row.images,
            tokens: input as f64,
        }
    }

    /// With all thoughts, so that an estimate for a prompt without them is rather too low.
    fn rate(&self) -> f64 {
        (self.bytes + self.thoughts) / self.tokens
    }

    /// No tokenizer packs it into the window, whatever was counted.
    fn cannot_fit(&self, window: Option<u64>) -> bool {
        window.is_some_and(|window| self.bytes / BYTES_A_TOKEN.end() > tokens(window))
    }

    /// It fitted for sure, and is text.
    fn is_lesson(&self, window: Option<u64>) -> bool {
        let fits = window
            .map(tokens)
            .is_none_or(|window| self.tokens < WELL_BELOW * window && self.bytes / USUAL < MAY_OVERFLOW * window);
        let is_text = self.images == 0 && self.thoughts < 0.3 * self.bytes;
        fits && is_text && self.tokens >= tokens(LEAST) && BYTES_A_TOKEN.contains(&self.rate())
    }
}

impl Rates {
    fn push(&mut self, rate: f64) {
        if self.0.len() == MOST_RATES {
            self.0.pop_front();
        }
        self.0.push_back(rate);
    }

    fn median(&self) -> Option<f64> {
        let mut sorted: Vec<f64> = self.0.iter().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }

    /// Of the loosest text.
    fn most(&self) -> Option<f64> {
        self.0.iter().copied().max_by(f64::total_cmp)
    }

    /// What was counted is too little for what was sent.
    fn judge(&self, prompt: &Prompt, window: Option<u64>) -> Option<CutBy> {
        let estimate = prompt.bytes / self.median()?;
        let at_best = prompt.bytes / self.most()?;
        let may_overflow = window.is_none_or(|window| estimate > MAY_OVERFLOW * tokens(window));
        let factor = if may_overflow { TOO_LITTLE } else { FAR_TOO_LITTLE };
        let is_too_little = estimate > factor * prompt.tokens
            && at_best > TOO_LITTLE_AT_BEST * prompt.tokens
            && estimate - prompt.tokens > SLACK_OF_ALL;
        let overflows = window.is_some_and(|window| at_best > TOO_LITTLE_AT_BEST * tokens(window));
        (is_too_little || overflows).then_some(CutBy::Estimate)
    }
}

impl Base {
    fn judge(&self, prompt: &Prompt, rates: Option<&Rates>, window: Option<u64>) -> Option<CutBy> {
        let base = &self.prompt;
        if prompt.bytes < base.bytes || prompt.images < base.images || base.rate() <= 0.0 {
            return None;
        }
        let rate = rates.and_then(Rates::median).unwrap_or(base.rate()).max(base.rate());
        // Templates leave out the thoughts of a turn, when the next one begins.
        let left_out = (base.thoughts - prompt.thoughts).max(0.0) / base.rate();
        let least = base.tokens - left_out;
        let added = (prompt.bytes - base.bytes) / rate;
        let may_overflow = |part: f64, count: f64| window.is_none_or(|window| count > part * tokens(window));
        let fall = (least - prompt.tokens).max(0.0);
        let is_deep = fall > DEEP_FALL * base.tokens;
        if fall > SLACK.max(FALL * base.tokens) && (is_deep || may_overflow(MAY_OVERFLOW, base.tokens + added)) {
            return Some(CutBy::Fell);
        }
        let missing = least + added - prompt.tokens;
        let overflows = window.is_some() && may_overflow(1.0, base.tokens + added * (1.0 + DOUBT));
        let thought = (prompt.thoughts - base.thoughts).max(0.0) / base.rate();
        let is_brimful = window
            .is_some_and(|window| prompt.tokens > BRIM * tokens(window) && least + added + thought > tokens(window));
        (overflows && missing > SLACK.max(DOUBT * added) || is_brimful).then_some(CutBy::Estimate)
    }
}

/// The prompt fills the window, or the answer went past its end, for which the beginning had to go.
fn is_full(input: u64, used: u64, window: Option<u64>) -> bool {
    window.is_some_and(|window| window > 0 && (input.saturating_add(FULL) >= window || used > window))
}

fn level(why: Option<CutBy>, used: u64, window: Option<u64>) -> Level {
    match (why, window.filter(|window| *window > 0)) {
        (Some(_), _) => Level::Cut,
        (None, None) => Level::Unknown,
        (None, Some(window)) if tokens(used) > NEAR * tokens(window) => Level::Near,
        (None, Some(_)) => Level::Fits,
    }
}

#[expect(clippy::cast_precision_loss, reason = "estimates are about")]
fn tokens(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never negative, and casts saturate")]
fn round(count: f64) -> u64 {
    count.round() as u64
}

/// Things by name; those that were used longest ago go first.
#[derive(Clone, Debug)]
struct Recent<T> {
    most: usize,
    /// Used last is last.
    all: VecDeque<(String, T)>,
}

impl Default for Recent<Rates> {
    fn default() -> Self {
        Self { most: MOST_MODELS, all: VecDeque::new() }
    }
}

impl Default for Recent<Base> {
    fn default() -> Self {
        Self { most: MOST_THREADS, all: VecDeque::new() }
    }
}

impl<T> Recent<T> {
    fn get(&self, name: &str) -> Option<&T> {
        self.all.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn take(&mut self, name: &str) -> Option<T> {
        let place = self.all.iter().rposition(|(known, _)| known == name)?;
        self.all.remove(place).map(|(_, value)| value)
    }

    fn set(&mut self, name: &str, value: T) {
        self.take(name);
        if self.all.len() == self.most {
            self.all.pop_front();
        }
        self.all.push_back((name.to_owned(), value));
    }
}

impl<T: Default> Recent<T> {
    fn entry(&mut self, name: &str) -> &mut T {
        let value = self.take(name).unwrap_or_default();
        self.set(name, value);
        &mut self.all.back_mut().expect("it was put there").1
    }
}

#[cfg(test)]
mod tests;
