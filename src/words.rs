//! Sentences for people, in both languages side by side, so that neither can fall behind the other.
//!
//! Identifiers, commands, JSON keys and exit codes are the same in all languages and never stand here.

use std::fmt;

use clap::ValueEnum;
use serde::{Serialize, Serializer};

/// A language that this program speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// English
    #[default]
    En,
    /// Français
    Fr,
}

/// The variables that tell the language, the strongest first (POSIX, "Environment Variables", 8.2; ours before it).
const VARIABLES: [&str; 4] = ["OLLAMA_FORWARD_LANG", "LC_ALL", "LC_MESSAGES", "LANG"];

impl Lang {
    /// The language of an environment: that of the first variable that says anything; English for those that we do not speak.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let word = VARIABLES.iter().find_map(|name| variable(name).filter(|word| !word.is_empty()));
        word.map_or(Self::En, |word| Self::of_locale(&word))
    }

    /// `fr`, `fr_FR.UTF-8`, `fr-CA`: French; all else: English.
    pub fn of_locale(locale: &str) -> Self {
        let language = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("fr") { Self::Fr } else { Self::En }
    }

    /// The tag of BCP 47.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }
}

/// The same sentence in each language. Made by [`words!`](crate::words!).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub en: String,
    /// With plain spaces; [`Words::of`] sets them as French typography has them.
    pub fr: String,
}

/// `words!("{n} models", "{n} modèles")`: both with the same values, which are captured by name.
#[macro_export]
macro_rules! words {
    ($en:literal, $fr:literal $(,)?) => {
        $crate::words::Words { en: format!($en), fr: format!($fr) }
    };
}

impl Words {
    /// What is the same in both: names, addresses, versions, words of other programs.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { fr: text.clone(), en: text }
    }

    /// The sentence in this language, ready to be shown.
    pub fn of(&self, lang: Lang) -> String {
        match lang {
            Lang::En => self.en.clone(),
            Lang::Fr => typeset(&self.fr),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.en.is_empty()
    }
}

/// A no-break space, which keeps French punctuation with its word.
const NO_BREAK: char = '\u{a0}';

/// French typography: the space before `: ; ? ! »` and after `«` does not break (Imprimerie nationale, "Lexique").
fn typeset(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let set = |(at, letter): (usize, &char)| {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let after = letters.get(at + 1).copied();
        let joins = matches!(after, Some(':' | ';' | '?' | '!' | '»')) || before == Some('«');
        if *letter == ' ' && joins { NO_BREAK } else { *letter }
    };
    letters.iter().enumerate().map(set).collect()
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self::same(text)
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        Self::same(text)
    }
}

/// In reports for programs and for developers: English.
impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.en)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

/// Why a value cannot be used, as clap hands it on: it comes back in both languages.
impl std::error::Error for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)], lang: Lang) {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(Lang::of_environment(variable), lang, "{variables:?}");
    }

    #[test]
    fn the_strongest_variable_that_says_anything_decides() {
        check(&[], Lang::En);
        check(&[("LANG", "fr_FR.UTF-8")], Lang::Fr);
        check(&[("LANG", "fr_FR.UTF-8"), ("LC_ALL", "C")], Lang::En);
        check(&[("LANG", "fr_FR.UTF-8"), ("LC_ALL", "")], Lang::Fr);
        check(&[("LANG", "en_US.UTF-8"), ("OLLAMA_FORWARD_LANG", "fr")], Lang::Fr);
        check(&[("LANG", "de_DE.UTF-8")], Lang::En);
    }

    #[test]
    fn locales_are_languages_with_more_behind_them() {
        for locale in ["fr", "FR", "fr_CA", "fr-BE.UTF-8", "fr_FR@euro"] {
            assert_eq!(Lang::of_locale(locale), Lang::Fr, "{locale}");
        }
        for locale in ["frr_DE", "C.UTF-8", "POSIX", ""] {
            assert_eq!(Lang::of_locale(locale), Lang::En, "{locale}");
        }
    }

    #[test]
    fn both_languages_get_the_same_values() {
        let (port, name) = (11434, "ollama");
        let words = words!("port {port} belongs to {name}", "le port {port} appartient à {name}");
        assert_eq!(words.of(Lang::En), "port 11434 belongs to ollama");
        assert_eq!(words.of(Lang::Fr), "le port 11434 appartient à ollama");
    }

    #[test]
    fn french_punctuation_stays_with_its_word() {
        let words =
            Words { en: String::new(), fr: "contexte : « trop petit » ; et alors ? http://localhost:1".into() };
        assert_eq!(
            words.of(Lang::Fr),
            "contexte\u{a0}: «\u{a0}trop petit\u{a0}»\u{a0}; et alors\u{a0}? http://localhost:1"
        );
    }
}
