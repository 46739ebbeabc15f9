//! Against a tokenizer and an upstream of our own: texts of several kinds, each with its bytes a token and some noise, and
//! an upstream that leaves out old messages when they do not fit, as Ollama does.

use super::*;

use crate::capture::record::{Thread, Tokens};

/// Chance, the same each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    /// Around 1, at most so much away from it.
    fn noise(&mut self, most: f64) -> f64 {
        let unit = f64::from(u32::try_from(self.next() >> 40).unwrap()) / f64::from(1 << 24);
        1.0 + most * (2.0 * unit - 1.0)
    }
}

/// Bytes a token: English, French, code, JSON, Chinese.
const KINDS: [f64; 5] = [4.4, 3.9, 3.3, 3.0, 2.8];

#[derive(Clone, Copy, Debug, Default)]
struct Item {
    bytes: u64,
    tokens: u64,
    is_thought: bool,
    is_image: bool,
}

/// One thread of a client, with its upstream.
struct Client {
    dice: Dice,
    model: &'static str,
    thread: String,
    /// Other models have other tokenizers.
    factor: f64,
    window: u64,
    compactions: u64,
    system: Item,
    history: Vec<Item>,
    /// The template keeps only thoughts that come after this.
    turn: usize,
}

impl Client {
    fn new(model: &'static str, thread: &str, factor: f64, window: u64, seed: u64) -> Self {
        let mut client = Self {
            dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            model,
            thread: thread.into(),
            factor,
            window,
            compactions: 0,
            system: Item::default(),
            history: Vec::new(),
            turn: 0,
        };
        client.system = client.text(3, 9_000);
        client
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a test")]
    fn text(&mut self, kind: usize, bytes: u64) -> Item {
        let rate = KINDS[kind] * self.factor * self.dice.noise(0.08);
        Item { bytes, tokens: (bytes as f64 / rate) as u64 + 4, ..Item::default() }
    }

    fn says(&mut self, most: u64) {
        let (kind, bytes) = (usize::try_from(self.dice.below(5)).unwrap(), 40 + self.dice.below(most));
        let item = self.text(kind, bytes);
        self.history.push(item);
    }

    fn thinks(&mut self) {
        let bytes = 100 + self.dice.below(900);
        let item = self.text(0, bytes);
        self.history.push(Item { is_thought: true, ..item });
    }

    /// What reaches the model: all but the thoughts of earlier turns.
    fn rendered(&self) -> Vec<Item> {
        let is_kept = |(place, item): &(usize, &Item)| !item.is_thought || *place >= self.turn;
        self.history.iter().enumerate().filter(is_kept).map(|(_, item)| *item).collect()
    }

    fn need(&self) -> u64 {
        self.system.tokens + self.rendered().iter().map(|item| item.tokens).sum::<u64>()
    }

    /// Tokens that are counted, and whether something was left out.
    fn counted(&self) -> (u64, bool) {
        let need = self.need();
        if need <= self.window {
            return (need, false);
        }
        let (mut left, rendered) = (need, self.rendered());
        for item in &rendered[..rendered.len() - 1] {
            left -= item.tokens;
            if left <= self.window {
                return (left, true);
            }
        }
        (4 + self.window / 2, true)
    }

    /// The next request's row, and whether it was cut.
    fn asks(&mut self, window: Option<u64>) -> (Row, bool) {
        let (input, is_cut) = self.counted();
        let sum = |of: fn(&&Item) -> bool| self.history.iter().filter(of).map(|item| item.bytes).sum::<u64>();
        let images = self.history.iter().filter(|item| item.is_image).count();
        let thread =
            Thread { thread_id: Some(self.thread.clone()), window_number: Some(self.compactions), ..Thread::default() };
        let row = Row {
            model: self.model.into(),
            thread,
            prompt_bytes: self.system.bytes + sum(|item| !item.is_thought && !item.is_image),
            thought_bytes: self.history[self.turn..].iter().filter(|item| item.is_thought).map(|item| item.bytes).sum(),
            images: u32::try_from(images).unwrap(),
            tokens: Tokens { input: Some(input), output: Some(1), ..Tokens::default() },
            context: Context { window, ..Context::default() },
            ..Row::default()
        };
        (row, is_cut)
    }

    /// A step of a conversation with tools: a new turn now and then.
    fn steps(&mut self, most: u64) {
        if self.dice.below(4) == 0 {
            self.turn = self.history.len();
            self.says(600);
        } else {
            self.thinks();
            self.says(200);
            self.says(most);
        }
    }
}

#[test]
fn no_alarm_on_calls_that_fit() {
    for seed in 1..=20 {
        let mut gauge = Gauge::default();
        let mut clients = [
            Client::new("qwen3:14b", "a", 1.0, 32_768, seed),
            Client::new("qwen3:14b", "a/child", 1.0, 32_768, seed + 100),
            Client::new("gpt-oss:20b", "b", 1.1, 131_072, seed + 200),
            Client::new("llama3:8b", "c", 0.8, 16_384, seed + 300),
        ];
        let (mut calls, mut near) = (0, 0);
        while calls < 200 {
            for client in &mut clients {
                client.steps(4_000);
                if client.dice.below(25) == 0 {
                    client.history.push(Item { bytes: 0, tokens: 1_000, is_image: true, ..Item::default() });
                }
                // Just before it is full, it is compacted: Codex does so at 90 %.
                if client.need() * 100 > client.window * 96 {
                    client.history.clear();
                    client.compactions += 1;
                    client.turn = 0;
                    client.says(2_000);
                }
                let window = Some(client.window).filter(|_| seed % 3 != 0);
                let (row, is_cut) = client.asks(window);
                assert!(!is_cut);
                let context = gauge.judge(&row);
                assert_ne!(context.level, Level::Cut, "seed {seed}, call {calls}: {context:?} {row:?}");
                near += u32::from(context.level == Level::Near);
                calls += 1;
            }
        }
        assert!(near > 0 || seed % 3 == 0, "seed {seed}: the windows were never filled");
    }
}

#[test]
fn calls_that_are_cut_are_alarms_from_the_first_one_on() {
    let mut missed = Vec::new();
    for seed in 1..=100 {
        let mut gauge = Gauge::default();
        let window = [8_192, 16_384, 32_768][usize::try_from(seed % 3).unwrap()];
        let mut client = Client::new("qwen3:14b", "a", 1.0, window, seed);
        let mut cuts = 0;
        for _ in 0..1000 {
            client.steps(6_000);
            let (row, is_cut) = client.asks(Some(window));
            let Context { level, why, .. } = gauge.judge(&row);
            // What fills the window to the last hundredths may be taken for cut.
            let is_brimful = row.tokens.input.unwrap() * 100 > window * 97;
            assert!(is_cut || is_brimful || level != Level::Cut, "seed {seed}: {why:?} {row:?}");
            cuts += u32::from(is_cut);
            if is_cut && level != Level::Cut {
                let lost = (client.need() - row.tokens.input.unwrap()) * 100 / client.need();
                missed.push((seed, cuts, lost));
            }
            if cuts == 20 {
                break;
            }
        }
        assert_eq!(cuts, 20, "seed {seed}");
    }
    // Of 2000. Where next to nothing was left out, what is left looks as if it just fitted.
    assert!(
        missed.len() <= 10 && missed.iter().all(|(_, _, lost)| *lost < 10),
        "seed, which call, per cent: {missed:?}"
    );
    let first = missed.iter().filter(|(_, cuts, _)| *cuts == 1).count();
    assert!(first <= 2, "of 100 first cuts: {missed:?}");
}

/// A client whose request grows by more than a tenth of the window.
#[test]
fn a_cut_that_matters_is_always_an_alarm_at_once() {
    for seed in 1..=100 {
        let mut gauge = Gauge::default();
        let window = [8_192, 16_384, 32_768][usize::try_from(seed % 3).unwrap()];
        let mut client = Client::new("qwen3:14b", "a", 1.0, window, seed);
        while client.need() * 10 < window * 9 {
            let (row, _) = client.asks(Some(window));
            gauge.judge(&row);
            client.steps(3_000);
        }
        let output = client.text(usize::try_from(seed % 5).unwrap(), window);
        client.history.push(output);
        let (row, is_cut) = client.asks(Some(window));
        let context = gauge.judge(&row);
        assert!(is_cut && context.level == Level::Cut, "seed {seed}, needs {}: {context:?} {row:?}", client.need());
    }
}

#[test]
fn a_thread_that_begins_too_large_is_an_alarm() {
    let known = [row(8000, 2000, Some(8192)), row(12_000, 3300, Some(8192))];
    check(&known, &row(37_000, 7800, Some(8192)), Level::Cut, Some(CutBy::Estimate));
}

fn row(bytes: u64, input: u64, window: Option<u64>) -> Row {
    Row {
        model: "m".into(),
        prompt_bytes: bytes,
        tokens: Tokens { input: Some(input), ..Tokens::default() },
        context: Context { window, ..Context::default() },
        ..Row::default()
    }
}

fn threaded(bytes: u64, input: u64, window: Option<u64>) -> Row {
    let thread_id = Some("t".to_owned());
    Row { thread: Thread { thread_id, window_number: Some(0), ..Thread::default() }, ..row(bytes, input, window) }
}

#[track_caller]
fn check(before: &[Row], row: &Row, level: Level, why: Option<CutBy>) {
    let mut gauge = Gauge::default();
    for row in before {
        gauge.judge(row);
    }
    let context = gauge.judge(row);
    assert_eq!((context.level, context.why), (level, why), "{context:?}");
}

#[test]
fn without_figures_nothing_is_known() {
    let mut none = row(4000, 1000, Some(8192));
    none.tokens.input = None;
    check(&[], &none, Level::Unknown, None);
    check(&[], &row(4000, 1000, None), Level::Unknown, None);
    check(&[], &row(0, 1000, Some(8192)), Level::Fits, None);
    check(&[], &row(4000, 0, Some(8192)), Level::Unknown, None);
}

#[test]
fn levels_go_by_what_is_used_of_the_window() {
    check(&[], &row(20_000, 5000, Some(8192)), Level::Fits, None);
    check(&[], &row(28_000, 7000, Some(8192)), Level::Near, None);
    let mut long_answer = row(20_000, 5000, Some(8192));
    long_answer.tokens.output = Some(2500);
    check(&[], &long_answer, Level::Near, None);
    long_answer.tokens.output = Some(3500);
    check(&[], &long_answer, Level::Cut, Some(CutBy::Full));
    check(&[], &row(30_000, 8128, Some(8192)), Level::Cut, Some(CutBy::Full));
}

#[test]
fn the_first_turn_of_codex_in_a_small_window_is_an_alarm() {
    // 16 280 tokens were cut to 2 050, by Ollama 0.33 with its default of 4096.
    check(&[], &row(63_000, 2050, Some(4096)), Level::Cut, Some(CutBy::Estimate));
}

#[test]
fn a_count_that_is_too_small_for_the_request_is_an_alarm() {
    let known = [row(8000, 2000, Some(8192)), row(12_000, 3000, Some(8192))];
    check(&known, &row(40_000, 7000, Some(8192)), Level::Cut, Some(CutBy::Estimate));
    check(&known, &row(30_000, 6500, Some(8192)), Level::Fits, None);
    // Without a window, too.
    check(&[row(8000, 2000, None)], &row(40_000, 7000, None), Level::Cut, Some(CutBy::Estimate));
}

#[test]
fn a_count_that_falls_while_the_request_grows_is_an_alarm() {
    check(&[threaded(40_000, 10_000, None)], &threaded(44_000, 9_000, None), Level::Cut, Some(CutBy::Fell));
    check(&[threaded(40_000, 10_000, None)], &threaded(44_000, 9_900, None), Level::Unknown, None);
    check(&[threaded(40_000, 10_000, None)], &threaded(30_000, 8_000, None), Level::Unknown, None);
    check(&[row(40_000, 10_000, None)], &row(44_000, 9_000, None), Level::Unknown, None);
    let mut compacted = threaded(44_000, 9_000, None);
    compacted.thread.window_number = Some(1);
    check(&[threaded(40_000, 10_000, None)], &compacted, Level::Unknown, None);
}

#[test]
fn thoughts_that_are_left_out_are_no_cut() {
    let mut thoughtful = threaded(40_000, 12_000, Some(16_384));
    thoughtful.thought_bytes = 8_000;
    let mut next = threaded(40_400, 10_200, Some(16_384));
    next.thought_bytes = 0;
    check(&[thoughtful], &next, Level::Fits, None);
}

#[test]
fn an_alarm_stays_until_it_fits_again() {
    let mut gauge = Gauge::default();
    let levels: Vec<Level> = [(28_000, 7000), (36_000, 6500), (37_000, 6800), (8000, 2000), (9000, 2250)]
        .map(|(bytes, input)| gauge.judge(&threaded(bytes, input, Some(8192))).level)
        .into();
    assert_eq!(levels, [Level::Near, Level::Cut, Level::Cut, Level::Fits, Level::Fits]);
}

#[test]
fn models_are_learnt_apart() {
    let mut dense = row(6_000, 3_000, Some(65_536));
    dense.model = "dense".into();
    check(&[dense], &row(200_000, 50_000, Some(65_536)), Level::Fits, None);
}

#[test]
fn memory_is_bounded() {
    let mut gauge = Gauge::default();
    for number in 0..2000 {
        let mut row = threaded(8000, 2000, Some(8192));
        row.model = format!("m{}", number % 200);
        row.thread.thread_id = Some(number.to_string());
        gauge.judge(&row);
    }
    for _ in 0..200 {
        gauge.judge(&row(8000, 2000, None));
    }
    assert_eq!((gauge.models.all.len(), gauge.threads.all.len()), (MOST_MODELS, MOST_THREADS));
    assert_eq!(gauge.models.get("m").unwrap().0.len(), MOST_RATES);
    let mut huge = row(8000, 2000, None);
    huge.model = "x".repeat(1 << 20);
    gauge.judge(&huge);
    assert!(gauge.models.get(&huge.model).is_none());
}
