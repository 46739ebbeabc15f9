//! Figures as people read them, in both languages. Pure.

use std::time::Duration;

use crate::words;
use crate::words::Words;

/// `340 µs`, `1.2 ms`, `48 ms`, `3.5 s`, `2 min`, `3 h`, `5 d`
pub fn time(time: Duration) -> Words {
    let us = time.as_micros();
    match us {
        0..1000 => Words::same(format!("{us} µs")),
        1000..10_000 => decimal(us / 100, "ms", "ms"),
        10_000..1_000_000 => Words::same(format!("{} ms", us / 1000)),
        1_000_000..10_000_000 => decimal(us / 100_000, "s", "s"),
        10_000_000..120_000_000 => Words::same(format!("{} s", us / 1_000_000)),
        120_000_000..7_200_000_000 => Words::same(format!("{} min", us / 60_000_000)),
        7_200_000_000..172_800_000_000 => Words::same(format!("{} h", us / 3_600_000_000)),
        _ => {
            let days = us / 86_400_000_000;
            words!("{days} d", "{days} j")
        }
    }
}

pub fn ms(ms: u64) -> Words {
    time(Duration::from_millis(ms))
}

/// `999 B`, `262 kB`, `9.3 GB`; French counts in octets.
pub fn bytes(count: u64) -> Words {
    const UNITS: [(&str, &str); 4] = [("kB", "ko"), ("MB", "Mo"), ("GB", "Go"), ("TB", "To")];
    if count < 1000 {
        let (en, fr) = (format!("{count} B"), format!("{count} o"));
        return Words { en, fr };
    }
    let (mut tenths, mut unit) = (u128::from(count / 100), 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    let (en, fr) = UNITS[unit];
    if tenths >= 1000 {
        let whole = tenths / 10;
        return Words { en: format!("{whole} {en}"), fr: format!("{whole} {fr}") };
    }
    decimal(tenths, en, fr)
}

/// A number of tenths; without them where there are none.
fn decimal(tenths: u128, en: &str, fr: &str) -> Words {
    let (whole, rest) = (tenths / 10, tenths % 10);
    if rest == 0 {
        return Words { en: format!("{whole} {en}"), fr: format!("{whole} {fr}") };
    }
    Words { en: format!("{whole}.{rest} {en}"), fr: format!("{whole},{rest} {fr}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(figure: &Words, en: &str, fr: &str) {
        assert_eq!((figure.en.as_str(), figure.fr.as_str()), (en, fr));
    }

    #[test]
    fn times_have_two_figures_or_more() {
        check(&time(Duration::from_micros(340)), "340 µs", "340 µs");
        check(&time(Duration::from_micros(1290)), "1.2 ms", "1,2 ms");
        check(&ms(48), "48 ms", "48 ms");
        check(&ms(2000), "2 s", "2 s");
        check(&ms(3510), "3.5 s", "3,5 s");
        check(&ms(59_000), "59 s", "59 s");
        check(&ms(300_000), "5 min", "5 min");
        check(&ms(7_199_000), "119 min", "119 min");
        check(&ms(36_000_000), "10 h", "10 h");
        check(&ms(432_000_000), "5 d", "5 j");
    }

    #[test]
    fn sizes_are_octets_in_french() {
        check(&bytes(999), "999 B", "999 o");
        check(&bytes(262_144), "262 kB", "262 ko");
        check(&bytes(9_300_000_000), "9.3 GB", "9,3 Go");
        check(&bytes(13_000_000_000), "13 GB", "13 Go");
        check(&bytes(u64::MAX), "18446744 TB", "18446744 To");
    }
}
