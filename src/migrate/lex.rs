//! Cuts shell text into simple commands, as far as recognising needs it: quotes, `$( … )`, comments, continued lines.
//!
//! ```text
//! text  = command ( ( newline | ; | & | | | ( | ) ) command )*
//! word  = letters, "…", '…', \x, $( … ), ` … `       quotes are taken off, substitutions stay as they are
//! ```

use std::iter::Peekable;
use std::str::Chars;

/// The words of each simple command.
pub(super) fn commands(text: &str) -> Vec<Vec<String>> {
    let mut lexer = Lexer { letters: text.chars().peekable(), commands: vec![Vec::new()], word: None, is_whole: true };
    lexer.run();
    lexer.commands.retain(|words| !words.is_empty());
    lexer.commands
}

/// Every quote and substitution that begins here ends here.
pub(super) fn is_whole(text: &str) -> bool {
    let mut lexer = Lexer { letters: text.chars().peekable(), commands: vec![Vec::new()], word: None, is_whole: true };
    lexer.run();
    lexer.is_whole
}

/// How many more `(` than `)` stand outside of words.
pub(super) fn parentheses(text: &str) -> i32 {
    // Substitutions and quotes are parts of words; what is left are separators.
    let mut lexer = Lexer { letters: text.chars().peekable(), commands: vec![Vec::new()], word: None, is_whole: true };
    lexer.run()
}

struct Lexer<'a> {
    letters: Peekable<Chars<'a>>,
    commands: Vec<Vec<String>>,
    word: Option<String>,
    is_whole: bool,
}

impl Lexer<'_> {
    fn run(&mut self) -> i32 {
        let mut open = 0;
        while let Some(letter) = self.letters.next() {
            match letter {
                '#' if self.word.is_none() => while self.letters.next_if(|letter| *letter != '\n').is_some() {},
                ' ' | '\t' | '\r' => self.end_word(),
                // `2>&1` is one word, and so is `>&2`.
                '&' if self.word.as_ref().is_some_and(|word| word.ends_with('>')) => self.push('&'),
                '\n' | ';' | '&' | '|' => self.end_command(),
                '(' | ')' => {
                    open += if letter == '(' { 1 } else { -1 };
                    self.end_command();
                }
                '\\' => match self.letters.next() {
                    Some('\n') | None => {}
                    Some(next) => self.push(next),
                },
                '\'' => self.quoted('\''),
                '"' => self.quoted('"'),
                '`' => self.until('`'),
                '$' => {
                    self.push('$');
                    if self.letters.next_if_eq(&'(').is_some() {
                        self.substitution();
                    }
                }
                letter => self.push(letter),
            }
        }
        self.end_command();
        open
    }

    fn push(&mut self, letter: char) {
        self.word.get_or_insert_default().push(letter);
    }

    fn end_word(&mut self) {
        if let (Some(word), Some(command)) = (self.word.take(), self.commands.last_mut()) {
            command.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.commands.push(Vec::new());
    }

    fn quoted(&mut self, quote: char) {
        self.word.get_or_insert_default();
        while let Some(letter) = self.letters.next() {
            match letter {
                letter if letter == quote => return,
                '\\' if quote == '"' => {
                    if let Some(next) = self.letters.next().filter(|next| *next != '\n') {
                        self.push(next);
                    }
                }
                '$' if quote == '"' => {
                    self.push('$');
                    if self.letters.next_if_eq(&'(').is_some() {
                        self.substitution();
                    }
                }
                letter => self.push(letter),
            }
        }
        self.is_whole = false;
    }

    fn until(&mut self, end: char) {
        self.push(end);
        while let Some(letter) = self.letters.next() {
            self.push(letter);
            if letter == end {
                return;
            }
        }
        self.is_whole = false;
    }

    /// What stands between `$(` and its `)`, kept as it is.
    fn substitution(&mut self) {
        self.push('(');
        let (mut depth, mut quote) = (1, None);
        while let Some(letter) = self.letters.next() {
            self.push(letter);
            match (letter, quote) {
                ('\'' | '"', None) => quote = Some(letter),
                (letter, Some(open)) if letter == open => quote = None,
                ('(', None) => depth += 1,
                (')', None) => depth -= 1,
                (_, Some(_) | None) => {}
            }
            if depth == 0 {
                return;
            }
        }
        self.is_whole = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&[&str]]) {
        assert_eq!(commands(text), expected, "{text}");
    }

    #[test]
    fn text_is_cut_into_commands() {
        check("a b; c &\nd | e", &[&["a", "b"], &["c"], &["d"], &["e"]]);
        check("a >/dev/null 2>&1 &", &[&["a", ">/dev/null", "2>&1"]]);
        check("(a; b) # c\nd#e", &[&["a"], &["b"], &["d#e"]]);
        check("a \\\n  b", &[&["a", "b"]]);
        check("a \"b c\" 'd;e' f\\ g", &[&["a", "b c", "d;e", "f g"]]);
        check("a \"x $(b \"c d\" | e) y\" ''", &[&["a", "x $(b \"c d\" | e) y", ""]]);
        check("a $(b | awk '{print $3}'):1 `c d`", &[&["a", "$(b | awk '{print $3}'):1", "`c d`"]]);
    }

    #[test]
    fn what_is_open_at_the_end_is_noticed() {
        for text in ["a 'b", "a \"b", "a $(b", "a `b", "it's"] {
            assert!(!is_whole(text), "{text}");
        }
        for text in ["a 'b'", "a \"'\"", "a $(b)", "a # it's"] {
            assert!(is_whole(text), "{text}");
        }
        assert_eq!(
            (parentheses("(a"), parentheses("f() {"), parentheses("start) a"), parentheses("$(a)")),
            (1, 0, -1, 0)
        );
    }
}
