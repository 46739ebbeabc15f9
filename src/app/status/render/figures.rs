//! Figures of the status, in the typography of their language: French has a no-break space before a unit, and a narrow one
//! between thousands (Imprimerie nationale, "Lexique"). Pure.

use std::time::Duration;

use crate::doctor::figures;
use crate::words::Words;

/// `2 open`: what belongs together stays together.
fn tied(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// Since when: `12 s`, `41 min`, `3 h 12`, `2 d 3 h`.
pub(super) fn time(ms: u64) -> Words {
    let seconds = ms / 1000;
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    let en = match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86400 => format!("{hours} h {minutes:02}"),
        _ => format!("{days} d {hours} h"),
    };
    let fr = if days > 0 { format!("{days} j {hours} h") } else { en.clone() };
    Words { en, fr: tied(&fr) }
}

/// How long an answer took: `340 µs`, `1.8 ms`.
pub(super) fn latency(time: Duration) -> Words {
    let Words { en, fr } = figures::time(time);
    Words { en, fr: tied(&fr) }
}

/// `999 B`, `3.1 MB`.
pub(super) fn size(bytes: u64) -> Words {
    let Words { en, fr } = figures::bytes(bytes);
    Words { en, fr: tied(&fr) }
}

/// `32 768`
pub(super) fn count(number: u64) -> Words {
    let grouped = |space: char| {
        let digits = number.to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3 * space.len_utf8());
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(space);
            }
            text.push(digit);
        }
        text
    };
    Words { en: grouped(' '), fr: grouped('\u{202f}') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(figure: &Words, en: &str, fr: &str) {
        assert_eq!((figure.en.as_str(), figure.fr.as_str()), (en, fr));
    }

    #[test]
    fn times_have_one_unit_or_two() {
        check(&time(0), "0 s", "0\u{a0}s");
        check(&time(59_999), "59 s", "59\u{a0}s");
        check(&time(65_000), "1 min", "1\u{a0}min");
        check(&time(11_520_000), "3 h 12", "3\u{a0}h\u{a0}12");
        check(&time(3_660_000), "1 h 01", "1\u{a0}h\u{a0}01");
        check(&time(183_600_000), "2 d 3 h", "2\u{a0}j\u{a0}3\u{a0}h");
    }

    #[test]
    fn decimals_have_a_point_or_a_comma() {
        check(&latency(Duration::from_micros(1830)), "1.8 ms", "1,8\u{a0}ms");
        check(&latency(Duration::from_micros(340)), "340 µs", "340\u{a0}µs");
        check(&size(3_100_000), "3.1 MB", "3,1\u{a0}Mo");
        check(&size(0), "0 B", "0\u{a0}o");
    }

    #[test]
    fn thousands_are_set_apart() {
        check(&count(7), "7", "7");
        check(&count(999), "999", "999");
        check(&count(32_768), "32 768", "32\u{202f}768");
        check(&count(1_048_576), "1 048 576", "1\u{202f}048\u{202f}576");
    }
}
