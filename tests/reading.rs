//! What other programs read of the command line: pages, by `groff` and `man`; completions, by the shells themselves. Each is
//! skipped where its program is not installed.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

#[path = "support/skip.rs"]
mod skip;

const LANGUAGES: [&str; 2] = ["en", "fr"];

#[test]
fn pages_are_set_without_a_warning() {
    let home = Home::new();
    for lang in LANGUAGES {
        let pages = home.pages(lang);
        assert!(pages.len() > 30, "{pages:?}");
        let mut groff = Command::new("groff");
        let Some(output) = run(groff.args(["-man", "-ww", "-Tutf8"]).args(&pages)) else { return };
        assert!(output.status.success(), "{lang}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{lang}");
        let text = plain(&output.stdout);
        let seen = ["ollama-forward-capture-list", "OLLAMA_FORWARD_LISTEN_PORT", "--capture[=DIR]", "--upstream WHERE"];
        let headings = if lang == "fr" { ["CODE DE SORTIE", "VOIR AUSSI"] } else { ["EXIT STATUS", "SEE ALSO"] };
        for word in seen.into_iter().chain(headings) {
            assert!(text.contains(word), "{lang}: {word} is not in:\n{text}");
        }
        // Accents are letters, not bytes.
        assert_eq!(text.contains("échanges"), lang == "fr", "{text}");
        assert!(!text.contains("Ã"), "{lang}:\n{text}");
    }
}

#[test]
fn man_shows_a_page() {
    let home = Home::new();
    for lang in LANGUAGES {
        let pages = home.pages(lang);
        let page = pages.iter().find(|page| page.ends_with("ollama-forward-capture-show.1")).unwrap();
        let mut man = Command::new("man");
        man.args(["--warnings=w", "-l"]).arg(page).env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80").env("PAGER", "cat");
        let Some(output) = run(&mut man) else { return };
        // Containers have a `man` that only says that there are no pages.
        let text = plain(&output.stdout);
        if text.contains("has been minimized") {
            return skip::say_skipped("reading", "man is minimized here");
        }
        assert!(output.status.success() && output.stderr.is_empty(), "{lang}: {output:?}");
        let about = if lang == "fr" { "Tout d'un échange" } else { "All of one exchange" };
        // Quotes and hyphens are as the terminal has them.
        assert!(text.replace('’', "'").contains(about), "{lang}:\n{text}");
    }
}

#[test]
fn apropos_reads_the_line_of_the_name() {
    let home = Home::new();
    for page in home.pages("fr").iter().filter(|page| page.ends_with("ollama-forward-doctor.1")) {
        let Some(output) = run(Command::new("lexgrog").arg(page)) else { return };
        let said = plain(&output.stdout);
        assert!(said.contains("ollama-forward-doctor - Ce qui ne va pas") && said.contains("remédie"), "{said}");
    }
}

#[test]
fn one_page_is_printed_the_same_as_it_is_written() {
    let home = Home::new();
    let pages = home.pages("fr");
    for page in pages {
        let written = fs::read_to_string(&page).unwrap();
        let name = page.file_stem().unwrap().to_string_lossy().into_owned();
        assert_eq!(home.ok(&["--lang", "fr", "man", &name]), written, "{name}");
    }
}

/// What is typed, and something that is offered then, in each shell.
const OFFERED: &[(&[&str], &str)] = &[
    (&["sta"], "status"),
    (&["capture", "exp"], "export"),
    (&["capture", "list", "--ses"], "--session"),
    (&["--log-format", "j"], "json"),
    (&["completions", "fi"], "fish"),
    (&["explain", "E-PORT"], "E-PORT-TAKEN"),
    (&["doctor", "netw"], "network"),
    (&["--lang", "f"], "fr"),
];

#[test]
fn bash_completes() {
    let home = Home::new();
    for lang in LANGUAGES {
        let script = home.script("bash", lang);
        for (typed, offered) in OFFERED {
            let words: Vec<_> =
                std::iter::once(&"ollama-forward").chain(*typed).map(|word| format!("'{word}'")).collect();
            let last = typed.last().unwrap();
            let before = words[words.len() - 2].as_str();
            let code = format!(
                "compopt() {{ :; }}; source '{}'; COMP_WORDS=({}); COMP_CWORD={}; f=$(complete -p ollama-forward) || exit 3\n\
                 f=${{f##*-F }}; ${{f%% *}} ollama-forward '{last}' {before}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
                script.display(),
                words.join(" "),
                typed.len(),
            );
            let mut bash = Command::new("bash");
            let Some(output) = run(bash.args(["--norc", "--noprofile", "-c", &code])) else { return };
            offers(&output, offered, "bash", lang, typed);
        }
        let script = fs::read_to_string(&script).unwrap();
        let offers: String = script.lines().filter(|line| line.trim_start().starts_with("opts=")).collect();
        for hidden in [" keep ", " --sysroot ", " --heartbeat "] {
            assert!(offers.contains(" --listen-port ") && !offers.contains(hidden), "{hidden} is not for people");
        }
    }
}

#[test]
fn fish_completes_and_describes() {
    let home = Home::new();
    for lang in LANGUAGES {
        let script = home.script("fish", lang);
        for (typed, offered) in OFFERED {
            let code = format!("source '{}'; complete -C 'ollama-forward {}'", script.display(), typed.join(" "));
            let mut fish = Command::new("fish");
            fish.env("HOME", home.0.path()).env("XDG_CONFIG_HOME", home.0.path()).env("LC_ALL", "C.UTF-8");
            let Some(output) = run(fish.args(["--no-config", "-c", &code])) else { return };
            let text = offers(&output, offered, "fish", lang, typed);
            if *typed == ["sta"] {
                let about =
                    if lang == "fr" { "Ce que fait le relais en cours" } else { "What the running forwarder is doing" };
                assert!(text.contains(about), "{lang}: {text}");
            }
        }
    }
}

#[test]
fn zsh_loads_completes_and_describes() {
    let home = Home::new();
    for lang in LANGUAGES {
        let script = home.script("zsh", lang);
        let place = home.0.path().join(format!("zsh-{lang}"));
        fs::create_dir(&place).unwrap();
        fs::copy(&script, place.join("_ollama-forward")).unwrap();
        // What the functions offer is handed to `_describe`, which shows it only within the line editor.
        let code = format!(
            "fpath=('{0}' $fpath); autoload -Uz compinit; compinit -D -u; print -r -- \"${{_comps[ollama-forward]}}\"\n\
             source '{0}/_ollama-forward'; _describe() {{ print -rl -- ${{(P)4}} }}; _ollama-forward_commands",
            place.display(),
        );
        let mut zsh = Command::new("zsh");
        zsh.env("HOME", home.0.path()).env("ZDOTDIR", home.0.path()).env("LC_ALL", "C.UTF-8");
        let Some(output) = run(zsh.args(["-f", "-c", &code])) else { return };
        let text = offers(&output, "_ollama-forward", "zsh", lang, &[]);
        let about = if lang == "fr" {
            "status:Ce que fait le relais en cours"
        } else {
            "status:What the running forwarder is doing"
        };
        assert!(text.contains(about), "{lang}: {output:?}");
    }
}

#[track_caller]
fn offers(output: &Output, offered: &str, shell: &str, lang: &str, typed: &[&str]) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = text.lines().any(|line| line.split('\t').next() == Some(offered));
    assert!(found, "{shell}, {lang}: {typed:?} does not offer {offered}: {output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{shell}, {lang}: {typed:?}");
    text
}

/// As typewriters do: letters struck over for bold and underlined ones.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{8}' => {
                out.pop();
            }
            '\u{1b}' => {
                letters.by_ref().find(char::is_ascii_alphabetic);
            }
            '‐' | '−' => out.push('-'),
            '\u{a0}' => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

/// What it says, or a skip where there is no such program.
#[track_caller]
fn run(command: &mut Command) -> Option<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    if let Ok(output) = command.stdin(Stdio::null()).output() {
        return Some(output);
    }
    skip::say_skipped("reading", &format!("{name} is not installed"));
    None
}

/// A user without a past.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn ok(&self, args: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ollama-forward"));
        command.env_clear().env("HOME", self.0.path()).args(args);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn pages(&self, lang: &str) -> Vec<PathBuf> {
        let dir = self.0.path().join(lang).join("man1");
        let written = self.ok(&["--lang", lang, "man", "--all", dir.to_str().unwrap()]);
        let pages: Vec<PathBuf> = written.lines().map(PathBuf::from).collect();
        assert_eq!(pages.len(), fs::read_dir(&dir).unwrap().count());
        pages
    }

    fn script(&self, shell: &str, lang: &str) -> PathBuf {
        let path: &Path = self.0.path();
        let path = path.join(format!("script.{shell}.{lang}"));
        fs::write(&path, self.ok(&["completions", shell, "--lang", lang])).unwrap();
        path
    }
}
