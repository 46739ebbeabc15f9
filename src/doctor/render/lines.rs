//! Columns: how wide a text is, where it may be broken, and what of it a terminal must not obey. Pure.

/// Columns that a text takes. Accented letters, signs and no-break spaces take one; marks that join the letter before
/// them take none, and letters of East Asian scripts two (UAX #11, wide; the blocks that a user's name may come from).
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(letter: char) -> usize {
    match letter {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// What a terminal would act on instead of showing it: control characters, and marks that turn the writing direction.
fn is_order(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// A sentence in one line. It may carry what other programs have said: whatever could move the cursor, change colours or
/// hide a part of it is shown as `�`.
pub fn clean(text: &str) -> String {
    clean_line(&text.split(is_plain_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

/// The same for a line that keeps its spaces, such as a command.
pub fn clean_line(text: &str) -> String {
    text.chars().map(|letter| if is_order(letter) && letter != '\t' { '\u{fffd}' } else { letter }).collect()
}

/// Where a line may be broken; a no-break space is not among them.
fn is_plain_space(letter: char) -> bool {
    matches!(letter, ' ' | '\n' | '\r' | '\t')
}

/// Breaks at spaces: `first` columns in the first line, `rest` in those below. A word that is wider has a line of its own
/// and is never broken: it is an address, a path, a command.
pub(super) fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in words(text) {
        let room = if lines.is_empty() { first } else { rest };
        let is_full = !line.is_empty() && width(&line) + 1 + width(&word) > room;
        // Below what stands before the sentence there may be more room.
        let is_better_below = line.is_empty() && lines.is_empty() && width(&word) > first && rest > first;
        if is_full || is_better_below {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// What stands behind a number and belongs to it.
const UNITS: [&str; 14] = ["s", "ms", "µs", "min", "h", "B", "kB", "MB", "GB", "o", "ko", "Mo", "Go", "%"];

/// The pieces between which a line may be broken: words, but `32 768` and `1.5 s` are one.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(is_plain_space).filter(|word| !word.is_empty()) {
        let bare = word.trim_end_matches(|letter: char| letter.is_ascii_punctuation() && letter != '%');
        let is_thousand = bare.len() == 3 && bare.bytes().all(|byte| byte.is_ascii_digit());
        match words.last_mut().filter(|before| before.ends_with(|letter: char| letter.is_ascii_digit())) {
            Some(before) if is_thousand || UNITS.contains(&bare) => {
                before.push(' ');
                before.push_str(word);
            }
            Some(_) | None => words.push(word.to_owned()),
        }
    }
    words
}

/// The beginning of a line that is too wide, with a sign that there was more.
pub(crate) fn cut(text: &str, room: usize, more: &str) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let (mut kept, mut used) = (String::new(), width(more));
    for letter in text.chars() {
        used += columns(letter);
        if used > room {
            break;
        }
        kept.push(letter);
    }
    kept.truncate(kept.trim_end().len());
    kept + more
}

/// The sentence without what a terminal without UTF-8 cannot show. Paths stay, and so do letters that have no ASCII
/// spelling: a name is better unreadable than wrong.
pub(crate) fn to_ascii(text: &str) -> String {
    // The spaces inside of guillemets belong to them.
    let text = text.replace("«\u{a0}", "\"").replace("\u{a0}»", "\"").replace(['\u{a0}', '\u{202f}'], " ");
    text.split(' ').map(|word| if is_path(word) { word.to_owned() } else { fold(word) }).collect::<Vec<_>>().join(" ")
}

/// Of Linux, or of Windows.
fn is_path(word: &str) -> bool {
    let word = word.trim_start_matches(['"', '`', '(', '\'']);
    word.starts_with(['/', '~', '\\']) || word.get(1..3) == Some(":\\")
}

fn fold(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for letter in word.chars() {
        match spelling(letter) {
            Some(spelling) => folded.push_str(spelling),
            None => folded.push(letter),
        }
    }
    folded
}

fn spelling(letter: char) -> Option<&'static str> {
    Some(match letter {
        'à' | 'â' | 'ä' => "a",
        'ç' => "c",
        'é' | 'è' | 'ê' | 'ë' => "e",
        'î' | 'ï' => "i",
        'ô' | 'ö' => "o",
        'ù' | 'û' | 'ü' | 'µ' => "u",
        'ÿ' => "y",
        'œ' => "oe",
        'æ' => "ae",
        'À' | 'Â' => "A",
        'Ç' => "C",
        'É' | 'È' | 'Ê' => "E",
        'Î' => "I",
        'Ô' => "O",
        'Ù' | 'Û' => "U",
        'Œ' => "OE",
        '’' | '‘' => "'",
        '“' | '”' | '«' | '»' => "\"",
        '–' | '—' | '−' => "-",
        '…' => "...",
        '→' => "->",
        '←' => "<-",
        '·' | '•' => "|",
        '×' => "x",
        '≈' => "~",
        '≤' => "<=",
        '≥' => ">=",
        '\u{fffd}' => "?",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_broken_at_spaces_and_only_there() {
        assert_eq!(wrap("one two three", 7, 5), ["one two", "three"]);
        assert_eq!(wrap("one two three", 6, 9), ["one", "two three"]);
        assert_eq!(wrap("  spaces\n and\tlines  ", 80, 80), ["spaces and lines"]);
        assert_eq!(
            wrap("see http://172.24.0.1:11434/api/version now", 10, 10),
            ["see", "http://172.24.0.1:11434/api/version", "now"]
        );
        assert_eq!(wrap("", 5, 5), [""]);
    }

    #[test]
    fn a_no_break_space_does_not_break() {
        assert_eq!(wrap("cause\u{a0}: là", 6, 6), ["cause\u{a0}:", "là"]);
    }

    #[test]
    fn a_number_keeps_its_thousands_and_its_unit() {
        assert_eq!(wrap("takes 32 768 tokens", 10, 10), ["takes", "32 768", "tokens"]);
        assert_eq!(wrap("within 1.5 s, or not", 9, 9), ["within", "1.5 s, or", "not"]);
        assert_eq!(wrap("of 1 model", 4, 5), ["of 1", "model"]);
    }

    #[test]
    fn a_word_that_does_not_fit_behind_a_sign_stands_below() {
        assert_eq!(wrap("/a/long/path: no", 10, 14), ["", "/a/long/path:", "no"]);
        assert_eq!(wrap("/a/long/path: no", 10, 10), ["/a/long/path:", "no"]);
    }

    #[test]
    fn width_is_what_a_terminal_shows() {
        for (text, columns) in [("abc", 3), ("éà…✓○⚠", 6), ("e\u{301}", 1), ("日本", 4), ("a\u{a0}b", 3)] {
            assert_eq!(width(text), columns, "{text}");
        }
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("Windows, Ollama", 15, "…"), "Windows, Ollama");
        assert_eq!(cut("Windows, Ollama", 10, "…"), "Windows,…");
        assert_eq!(cut("Windows, Ollama", 11, "..."), "Windows,...");
        assert_eq!(cut("日本語", 4, "…"), "日…");
    }

    #[test]
    fn a_terminal_is_given_no_orders() {
        assert_eq!(clean("red \u{1b}[31mtext\u{7} and\nmore\u{202e}"), "red \u{fffd}[31mtext\u{fffd} and more\u{fffd}");
        assert_eq!(clean_line("  a\tb\r"), "  a\tb\u{fffd}");
    }

    #[test]
    fn sentences_have_an_ascii_spelling_and_names_stay() {
        assert_eq!(
            to_ascii("à la cible\u{a0}: «\u{a0}trop près\u{a0}» → œuvre… 340\u{a0}µs 日本"),
            "a la cible : \"trop pres\" -> oeuvre... 340 us 日本"
        );
    }
}
