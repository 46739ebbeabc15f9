//! Questions on a terminal, a line each. An empty line is the default that stands in the question.
//!
//! Nothing is done while a question is open, so that Ctrl-C leaves nothing half-done.

use std::io::{self, BufRead, IsTerminal, Write, stderr, stdin};

use crate::doctor::render::{Look, to_ascii};
use crate::words;
use crate::words::{Lang, Words};

/// Whoever sits at the terminal. Questions go to standard error: standard output is for results.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    lang: Lang,
    ascii: bool,
}

/// How often an answer that does not fit is asked for again, before the default is taken as the meaning.
const TRIES: usize = 3;

impl Asker {
    /// None: standard input or standard error is no terminal.
    pub(super) fn new(look: &Look) -> Option<Self> {
        (stdin().is_terminal() && stderr().is_terminal()).then_some(Self { lang: look.lang, ascii: look.ascii })
    }

    /// A line of text. None: the input has ended, as with Ctrl-D.
    pub(super) fn text(self, question: &Words, usual: &str) -> io::Result<Option<String>> {
        let hint = if usual.is_empty() { String::new() } else { format!(" [{usual}]") };
        let answer = self.line(&format!("{}{hint}: ", question.of(self.lang)))?;
        Ok(answer.map(|text| if text.is_empty() { usual.to_owned() } else { text }))
    }

    /// Yes or no. None: the input has ended.
    pub(super) fn yes(self, question: &Words, usual: bool) -> io::Result<Option<bool>> {
        let hint = match (self.lang, usual) {
            (Lang::En, true) => "[Y/n]",
            (Lang::En, false) => "[y/N]",
            (Lang::Fr, true) => "[O/n]",
            (Lang::Fr, false) => "[o/N]",
        };
        for _ in 0..TRIES {
            let Some(text) = self.line(&format!("{} {hint} ", question.of(self.lang)))? else { return Ok(None) };
            match meant(&text, usual) {
                Some(yes) => return Ok(Some(yes)),
                None => self.tell(&words!("  y or n, please", "  o ou n, s'il vous plaît"))?,
            }
        }
        Ok(Some(usual))
    }

    /// One of `options`, by its number. None: the input has ended.
    pub(super) fn choose(self, question: &Words, options: &[Words], usual: usize) -> io::Result<Option<usize>> {
        self.tell(question)?;
        for (at, option) in options.iter().enumerate() {
            let (number, option) = (at + 1, option.of(self.lang));
            self.tell(&Words::same(format!("  {number}  {option}")))?;
        }
        for _ in 0..TRIES {
            let Some(text) = self.text(&words!("Number", "Numéro"), &(usual + 1).to_string())? else {
                return Ok(None);
            };
            match text.parse::<usize>() {
                Ok(number) if (1..=options.len()).contains(&number) => return Ok(Some(number - 1)),
                Ok(_) | Err(_) => {
                    let most = options.len();
                    self.tell(&words!("  a number from 1 to {most}", "  un nombre de 1 à {most}"))?;
                }
            }
        }
        Ok(Some(usual))
    }

    /// A sentence on a line of its own.
    pub(super) fn tell(self, words: &Words) -> io::Result<()> {
        writeln!(stderr(), "{}", self.shown(words))
    }

    fn shown(self, words: &Words) -> String {
        let text = words.of(self.lang);
        if self.ascii { to_ascii(&text) } else { text }
    }

    fn line(self, prompt: &str) -> io::Result<Option<String>> {
        let prompt = if self.ascii { to_ascii(prompt) } else { prompt.to_owned() };
        let mut error = stderr();
        error.write_all(prompt.as_bytes())?;
        error.flush()?;
        let mut text = String::new();
        if stdin().lock().read_line(&mut text)? == 0 {
            // The prompt's line is still open.
            error.write_all(b"\n")?;
            return Ok(None);
        }
        Ok(Some(text.trim().to_owned()))
    }
}

/// `y`, `yes`, `o`, `oui`, `n`, `no`, `non`, or nothing.
pub(super) fn meant(text: &str, usual: bool) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "" => Some(usual),
        "y" | "yes" | "o" | "oui" => Some(true),
        "n" | "no" | "non" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_are_understood_in_both_languages() {
        for (text, is) in [("y", true), ("OUI", true), ("o", true), ("n", false), ("Non", false), ("no", false)] {
            assert_eq!(meant(text, !is), Some(is), "{text}");
        }
        assert_eq!((meant("", true), meant("", false), meant("perhaps", true)), (Some(true), Some(false), None));
    }
}
