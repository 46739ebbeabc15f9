//! The words that start Codex, and those that go on with a session.

use super::args::Verb;
use super::gates::{Gates, Profiles};
use super::{PROFILE, Setup};

/// What `codex` is given: ours before its own, as a verb ends where its words begin.
pub fn start(setup: &Setup, silence: &[&str], args: &[String]) -> Vec<String> {
    let silence = silence.iter().map(|pair| (*pair).to_owned());
    let mut words: Vec<String> =
        setup.overrides().into_iter().chain(silence).flat_map(|pair| ["-c".to_owned(), pair]).collect();
    words.extend(["-m".to_owned(), setup.model.clone()]);
    words.extend(args.iter().cloned());
    words
}

/// Goes on with a session, through a forward and with the same instructions. `own`: what was typed for us, which has to be typed again.
pub fn resume(own: &[String], verb: Verb, session: Option<&str>) -> Vec<String> {
    let session = session.unwrap_or("--last");
    let exec: &[&str] = if verb == Verb::Exec { &["exec"] } else { &[] };
    let words = ["ollama-forward", "codex"].into_iter().chain(own.iter().map(String::as_str));
    words.chain(["--"]).chain(exec.iter().copied()).chain(["resume", session]).map(str::to_owned).collect()
}

/// How the installed profile is used: to talk, for a task, and to go on. Behind `exec`, `-p` works in every version; before
/// it, 0.98 does not look at it, and goes to its maker.
pub fn with_profile(gates: &Gates, setup: &Setup) -> [Vec<String>; 3] {
    let window = match gates.profiles {
        Profiles::Tables => setup.window(),
        Profiles::Files => None,
    };
    let of = |before: &[&str], after: &[&str]| -> Vec<String> {
        let window = window.iter().flat_map(|pair| ["-c", pair.as_str()]);
        let words = ["codex"].into_iter().chain(before.iter().copied()).chain(["-p", PROFILE]);
        words.chain(window).chain(after.iter().copied()).map(str::to_owned).collect()
    };
    [of(&[], &[]), of(&["exec"], &["PROMPT"]), of(&["exec"], &["resume", "--last"])]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> Setup {
        Setup { model: "a".into(), base_url: "http://x/v1".into(), context: Some(5), ..Setup::default() }
    }

    #[test]
    fn our_words_come_before_the_verb() {
        let words = start(&setup(), &["analytics.enabled=false"], &["exec".into(), "hi".into()]);
        assert_eq!(words[0..2], ["-c".to_owned(), "model_provider=\"ollama-forward\"".to_owned()]);
        assert_eq!(words[words.len() - 6..], ["-c", "analytics.enabled=false", "-m", "a", "exec", "hi"]);
    }

    #[test]
    fn a_session_goes_on_the_way_it_began() {
        assert_eq!(resume(&[], Verb::Talk, Some("id")).join(" "), "ollama-forward codex -- resume id");
        let own = ["--listen-port=1".to_owned()];
        assert_eq!(
            resume(&own, Verb::Exec, None).join(" "),
            "ollama-forward codex --listen-port=1 -- exec resume --last"
        );
    }

    #[test]
    fn a_profile_that_has_no_window_gets_it_from_the_command() {
        let new = with_profile(&Gates::of(None), &setup()).map(|words| words.join(" "));
        assert_eq!(
            new,
            [
                "codex -p ollama-forward",
                "codex exec -p ollama-forward PROMPT",
                "codex exec -p ollama-forward resume --last"
            ]
        );
        let old = with_profile(&Gates::of(Some((0, 98))), &setup()).map(|words| words.join(" "));
        assert_eq!(old[2], "codex exec -p ollama-forward -c model_context_window=5 resume --last");
    }
}
