//! What changes in a text, line by line. Pure.

/// One line of what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Same(String),
    Gone(String),
    New(String),
    /// Lines that stay, too far from any change to be shown.
    Skipped,
}

/// Lines around a change that are shown with it.
const CONTEXT: usize = 2;
/// The table of the comparison has a cell for each pair of lines. Files of ours have a few dozen; with more than this, all
/// that lies between the first and the last change is shown as gone and new.
const CELLS: usize = 250_000;

pub fn of(old: &str, new: &str) -> Vec<Change> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let before = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let after = old[before..].iter().rev().zip(new[before..].iter().rev()).take_while(|(a, b)| a == b).count();
    let mut changes: Vec<Change> = old[..before].iter().map(|line| Change::Same((*line).to_owned())).collect();
    changes.extend(between(&old[before..old.len() - after], &new[before..new.len() - after]));
    changes.extend(old[old.len() - after..].iter().map(|line| Change::Same((*line).to_owned())));
    shortened(changes)
}

/// By the longest common subsequence.
fn between(old: &[&str], new: &[&str]) -> Vec<Change> {
    let gone = |line: &&str| Change::Gone((*line).to_owned());
    let fresh = |line: &&str| Change::New((*line).to_owned());
    if old.len().saturating_mul(new.len()) > CELLS {
        return old.iter().map(gone).chain(new.iter().map(fresh)).collect();
    }
    // common[i][j]: the length of the longest one of old[i..] and new[j..].
    let mut common = vec![vec![0u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] =
                if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut changes) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            changes.push(Change::Same(old[i].to_owned()));
            (i, j) = (i + 1, j + 1);
        } else if common[i + 1][j] >= common[i][j + 1] {
            changes.push(gone(&old[i]));
            i += 1;
        } else {
            changes.push(fresh(&new[j]));
            j += 1;
        }
    }
    changes.extend(old[i..].iter().map(gone));
    changes.extend(new[j..].iter().map(fresh));
    changes
}

/// Without the lines that are far from any change.
fn shortened(changes: Vec<Change>) -> Vec<Change> {
    let is_change = |change: &Change| !matches!(change, Change::Same(_));
    let places: Vec<usize> = changes.iter().enumerate().filter(|(_, it)| is_change(it)).map(|(at, _)| at).collect();
    let is_near = |at: usize| places.iter().any(|place| place.abs_diff(at) <= CONTEXT);
    let mut shown = Vec::new();
    for (at, change) in changes.into_iter().enumerate() {
        if is_near(at) {
            shown.push(change);
        } else if shown.last() != Some(&Change::Skipped) {
            shown.push(Change::Skipped);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: &str, new: &str, shown: &str) {
        let lines: Vec<String> = of(old, new)
            .iter()
            .map(|change| match change {
                Change::Same(line) => format!(" {line}"),
                Change::Gone(line) => format!("-{line}"),
                Change::New(line) => format!("+{line}"),
                Change::Skipped => "…".to_owned(),
            })
            .collect();
        assert_eq!(lines.join(" "), shown);
    }

    #[test]
    fn lines_come_and_go() {
        check("", "a\nb\n", "+a +b");
        check("a\nb\n", "", "-a -b");
        check("a\nb\nc\n", "a\nx\nc\n", " a -b +x  c");
        check("a\nb\n", "a\nb\nc\n", " a  b +c");
        check("x\na\ny\nb\nz\n", "a\nb\n", "-x  a -y  b -z");
        check("a\nb\nc\nd\n", "c\nd\na\nb\n", "-a -b  c  d +a +b");
    }

    #[test]
    fn what_stays_far_away_is_skipped() {
        check("1\n2\n3\n4\n5\n6\n7\n", "1\n2\n3\n4\n5\n6\n8\n", "…  5  6 -7 +8");
        check("a\n1\n2\n3\n4\n5\nb\n", "x\n1\n2\n3\n4\n5\ny\n", "-a +x  1  2 …  4  5 -b +y");
        check("a\n", "a\n", "…");
    }

    #[test]
    fn texts_too_long_to_be_compared_are_shown_whole() {
        let text = |word: &str| (0..600).fold(String::new(), |text, number| format!("{text}{word}{number}\n"));
        let changes = of(&text("old"), &text("new"));
        let gone = changes.iter().filter(|change| matches!(change, Change::Gone(_))).count();
        assert_eq!((changes.len(), gone), (1200, 600));
    }
}
