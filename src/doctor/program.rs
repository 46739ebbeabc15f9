//! Other programs: found where a shell would find them, and asked for a few words (`crate::program` runs them).

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::program::{End, Program};
use crate::words;
use crate::words::Words;

/// How a variable of the environment is looked up, so that tests can bring an environment of their own.
pub type Variables = Box<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// What a program said before it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

/// Why a program said nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// It had not ended at its deadline, and was killed with all that it had started.
    Late(Duration),
    /// It could not be started; in the system's words.
    NotStarted(String),
}

/// Versions and states are a few words; what is said beyond this is not kept.
const MOST: usize = 64 << 10;

/// Whether this is a file that may be executed.
pub fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The programs of this name in `PATH`, the one that a shell would start first. Directories that are not absolute are left out.
pub fn in_path(path: &OsStr, name: &str) -> Vec<PathBuf> {
    let directories = std::env::split_paths(path).filter(|directory| directory.is_absolute());
    let mut found: Vec<PathBuf> = Vec::new();
    for program in directories.map(|directory| directory.join(name)) {
        if !found.contains(&program) && is_executable(&program) {
            found.push(program);
        }
    }
    found
}

/// Asks a program, which has to end within `limit`.
pub async fn ask(
    program: &Path,
    args: &[&str],
    variables: &[(&str, OsString)],
    limit: Duration,
) -> Result<Said, Silence> {
    let program = Program { variables, most: MOST, ..Program::new(program, args, limit) };
    let ran = program.run().await.map_err(|error| Silence::NotStarted(error.to_string()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match ran.end {
        End::Exit(code) => Ok(Said { success: code == Some(0), stdout: text(&ran.output), stderr: text(&ran.errors) }),
        End::Late => Err(Silence::Late(limit)),
    }
}

impl Said {
    /// The first line that says anything; of the errors, where there is no other.
    pub fn line(&self) -> Option<&str> {
        let lines = self.stdout.lines().chain(self.stderr.lines());
        lines.map(str::trim).find(|line| !line.is_empty())
    }

    /// The version that it names, such as `0.169.0` in `codex-cli 0.169.0`.
    pub fn version(&self) -> Option<&str> {
        let words = self.stdout.lines().next()?.split_whitespace();
        words.map(|word| word.trim_start_matches('v')).rfind(|word| word.starts_with(|c: char| c.is_ascii_digit()))
    }
}

impl Silence {
    /// Why, as the reason of a fact that is not known.
    pub fn words(&self, program: &Path) -> Words {
        let program = program.display();
        match self {
            Self::Late(limit) => {
                let seconds = limit.as_secs();
                words!("{program} did not end within {seconds} s", "{program} ne s'est pas terminé en {seconds} s")
            }
            Self::NotStarted(why) => {
                words!("{program} does not start: {why}", "{program} ne démarre pas : {why}")
            }
        }
    }
}

/// As one word of a shell.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=,~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::tests::{is_gone, script};

    async fn say(text: &str, limit: Duration) -> Result<Said, Silence> {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("program");
        script(&program, text);
        ask(&program, &["--version"], &[("GIVEN", "value".into())], limit).await
    }

    /// For programs that end by themselves.
    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_program_is_heard_to_its_end() {
        let said = say("echo \"$1 $GIVEN\"; echo oh >&2; exit 3", LONG).await.unwrap();
        assert_eq!(said, Said { success: false, stdout: "--version value\n".into(), stderr: "oh\n".into() });
        assert_eq!(said.line(), Some("--version value"));
        assert_eq!(say("cat; echo done", LONG).await.unwrap().stdout, "done\n", "there is nothing to read");
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_killed_with_what_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let (program, pid) = (directory.path().join("program"), directory.path().join("pid"));
        script(&program, &format!("sleep 60 & echo $! >'{}'; wait", pid.display()));
        let limit = Duration::from_secs(2);
        assert_eq!(ask(&program, &[], &[], limit).await, Err(Silence::Late(limit)));
        let pid = std::fs::read_to_string(pid).unwrap();
        assert!(is_gone(&pid).await, "process {pid} still runs");
    }

    #[tokio::test]
    async fn a_child_that_keeps_the_pipe_does_not_keep_us() {
        let limit = Duration::from_millis(500);
        assert_eq!(say("sleep 60 & echo 1", limit).await, Err(Silence::Late(limit)));
    }

    #[tokio::test]
    async fn what_cannot_start_says_why() {
        let silence = ask(Path::new("/missing/program"), &[], &[], LONG).await.unwrap_err();
        let words = silence.words(Path::new("/missing/program"));
        assert!(words.en.starts_with("/missing/program does not start: No such file"), "{words}");
    }

    #[test]
    fn versions_are_found_in_what_programs_say() {
        for (stdout, version) in [
            ("codex-cli 0.169.0\n", Some("0.169.0")),
            ("ollama-forward 0.1.0", Some("0.1.0")),
            ("codex 0.80.0-alpha.1 (x)\n", Some("0.80.0-alpha.1")),
            ("v22.1.0", Some("22.1.0")),
            ("usage: codex\n0.1", None),
            ("", None),
        ] {
            let said = Said { success: true, stdout: stdout.into(), stderr: String::new() };
            assert_eq!(said.version(), version, "{stdout}");
        }
    }

    #[test]
    fn programs_are_found_in_the_order_of_the_path() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        script(&at("second/codex"), "");
        script(&at("third/codex"), "");
        std::fs::create_dir_all(at("first/codex")).unwrap();
        std::fs::create_dir_all(at("zeroth")).unwrap();
        std::fs::write(at("zeroth/codex"), "not executable").unwrap();
        let path = std::env::join_paths(
            ["zeroth", "first", "second", "missing", "third", "second"].map(at).iter().chain([&PathBuf::from(".")]),
        );
        assert_eq!(in_path(&path.unwrap(), "codex"), [at("second/codex"), at("third/codex")]);
    }

    #[test]
    fn words_of_a_shell_are_quoted_where_they_must_be() {
        for (text, word) in
            [("/home/me/.codex", "/home/me/.codex"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("*", "'*'"), ("", "''")]
        {
            assert_eq!(quoted(text), word);
        }
    }
}
