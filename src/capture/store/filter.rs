//! Which exchanges are kept (`--only`, `--except`). Pure.

/// Words that are looked for in path, client and model of an exchange, in any case of letters.
#[derive(Debug)]
pub(super) struct Filter {
    only: Vec<String>,
    except: Vec<String>,
}

impl Filter {
    pub(super) fn new(only: &[String], except: &[String]) -> Self {
        let lower = |words: &[String]| words.iter().map(|word| word.to_lowercase()).collect();
        Self { only: lower(only), except: lower(except) }
    }

    /// Whether it is kept. None: that depends on what is not known yet.
    pub(super) fn verdict(&self, texts: &[&str], is_all: bool) -> Option<bool> {
        let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
        let any = |words: &[String]| words.iter().any(|word| texts.iter().any(|text| text.contains(word)));
        if any(&self.except) {
            return Some(false);
        }
        let is_wanted = self.only.is_empty() || any(&self.only);
        let is_certain = is_all || (is_wanted && self.except.is_empty());
        is_certain.then_some(is_wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(only: &[&str], except: &[&str], texts: &[&str], is_all: bool, expected: Option<bool>) {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let filter = Filter::new(&owned(only), &owned(except));
        assert_eq!(filter.verdict(texts, is_all), expected, "only {only:?} except {except:?} of {texts:?}");
    }

    #[test]
    fn without_a_filter_all_is_kept() {
        check(&[], &[], &["/v1/responses", "codex"], false, Some(true));
    }

    #[test]
    fn what_is_named_is_kept_or_left_out() {
        check(&["/v1/RESPONSES"], &[], &["/v1/responses"], false, Some(true));
        check(&["qwen"], &[], &["/v1/responses"], false, None);
        check(&["qwen"], &[], &["/v1/responses", "Qwen3:14b"], true, Some(true));
        check(&["qwen"], &[], &["/v1/responses", "llama"], true, Some(false));
        check(&[], &["/api/version"], &["/api/version"], false, Some(false));
        check(&[], &["llama"], &["/v1/responses"], false, None);
        check(&["responses"], &["llama"], &["/v1/responses", "llama"], true, Some(false));
        check(&["responses"], &["llama"], &["/v1/responses", "qwen"], true, Some(true));
    }
}
