//! Finds Codex, and reads how it is set up. Asks a program and reads files; no key, no token.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{Catalog, Codex, Config, Environment, Profile, Program, read};
use crate::doctor::Fact;
use crate::doctor::program::{Variables, ask, in_path};
use crate::gateway::wsl::{self, SystemText};
use crate::words;
use crate::words::Words;

/// What there is to look at. Tests bring a machine of their own.
pub struct Ask {
    /// Where WSL's files are; `/` outside tests.
    pub root: PathBuf,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// The environment.
    pub variable: Variables,
}

/// The wrapper in JavaScript starts Node first: 0.1 s warm, seconds on a cold disk.
const VERSION_TIME: Duration = Duration::from_secs(3);
/// Files on a disk of Windows, or of a network, may let wait.
const FILE_TIME: Duration = Duration::from_secs(2);
/// A `config.toml` has some kilobytes.
const LARGEST_CONFIG: u64 = 1 << 20;
/// A catalogue holds prompts, too: the one that Codex brings has 0.4 MB.
const LARGEST_CATALOG: u64 = 16 << 20;
/// More profiles than anybody has.
const MOST_PROFILES: usize = 64;

/// Learns all of it, side by side.
pub async fn gather(ask: &Ask) -> Codex {
    let home = codex_home(ask);
    let (program, files) = tokio::join!(program(ask), files(home.clone()));
    let (home_is_missing, config, profiles) = match files {
        Ok(Files { home_is_missing, config, profiles }) => {
            // Only where somebody named it: `~/.codex` is made at the first start.
            (home_is_missing && variable(ask, "CODEX_HOME").is_some(), Fact::Known(config), profiles)
        }
        Err(why) => (false, Fact::Unknown(why), Vec::new()),
    };
    Codex { program, home, home_is_missing, config, profiles, environment: environment(ask) }
}

/// A variable that says something.
fn variable(ask: &Ask, name: &str) -> Option<String> {
    let value = (ask.variable)(name)?.to_string_lossy().trim().to_owned();
    (!value.is_empty()).then_some(value)
}

/// Codex takes an empty `CODEX_HOME` as none (measured with 0.169).
fn codex_home(ask: &Ask) -> Option<PathBuf> {
    let named = variable(ask, "CODEX_HOME").map(PathBuf::from);
    named.or_else(|| Some(ask.home.as_ref()?.join(".codex")))
}

fn environment(ask: &Ask) -> Environment {
    let address = |name| variable(ask, name).map(|value| read::redacted(&value));
    let proxies = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    // Set to nothing, it still counts.
    let no_proxy = ["NO_PROXY", "no_proxy"].into_iter().filter_map(|name| {
        let value = (ask.variable)(name)?;
        Some((name.to_owned(), value.to_string_lossy().into_owned()))
    });
    Environment {
        codex_oss_base_url: address("CODEX_OSS_BASE_URL"),
        codex_oss_port: variable(ask, "CODEX_OSS_PORT"),
        ollama_host: address("OLLAMA_HOST"),
        proxies: proxies.into_iter().filter(|name| variable(ask, name).is_some()).map(str::to_owned).collect(),
        no_proxy: no_proxy.collect(),
    }
}

async fn program(question: &Ask) -> Fact<Option<Program>> {
    let Some(path) = (question.variable)("PATH") else {
        return Fact::Unknown(words!("PATH is not set", "PATH n'est pas définie"));
    };
    let root = question.root.clone();
    let search = spawn_blocking(move || {
        let disks = windows_disks(&root);
        let of_windows = |path: &PathBuf| disks.as_deref().is_some_and(|disks| is_below_a_disk(path, disks));
        in_path(&path, "codex").into_iter().map(|path| (of_windows(&path), path)).collect::<Vec<_>>()
    });
    let Ok(Ok(found)) = timeout(FILE_TIME, search).await else {
        let seconds = FILE_TIME.as_secs();
        return Fact::Unknown(words!(
            "the directories in PATH do not answer within {seconds} s",
            "les répertoires de PATH ne répondent pas en {seconds} s"
        ));
    };
    let behind = found.iter().find(|(of_windows, _)| !of_windows).map(|(_, path)| path.clone());
    Fact::Known(match found.into_iter().next() {
        None => None,
        Some((true, path)) => {
            let version = Fact::Unknown(words!(
                "a program of Windows is not asked",
                "un programme de Windows n'est pas interrogé"
            ));
            Some(Program { path, version, of_windows: true, behind })
        }
        Some((false, path)) => {
            let version = version(&path).await;
            Some(Program { path, version, of_windows: false, behind: None })
        }
    })
}

async fn version(path: &Path) -> Fact<String> {
    match ask(path, &["--version"], &[], VERSION_TIME).await {
        Err(silence) => Fact::Unknown(silence.words(path)),
        Ok(said) => {
            if let Some(version) = said.version().filter(|_| said.success) {
                return Fact::Known(version.to_owned());
            }
            let (path, line) = (path.display(), said.line().unwrap_or("-"));
            Fact::Unknown(words!("{path} says: {line}", "{path} dit : {line}"))
        }
    }
}

/// The directory that holds the disks of Windows; None: this is no WSL.
fn windows_disks(root: &Path) -> Option<PathBuf> {
    SystemText::read(root).is_wsl_kernel().then(|| wsl::windows_disks(root))
}

/// `/mnt/c/…`, directly or by a link.
fn is_below_a_disk(path: &Path, disks: &Path) -> bool {
    let is_below = |path: &Path| {
        let below = path.strip_prefix(disks).ok().and_then(|rest| rest.components().next());
        below.is_some_and(|disk| disk.as_os_str().len() == 1)
    };
    is_below(path) || path.canonicalize().is_ok_and(|path| is_below(&path))
}

struct Files {
    home_is_missing: bool,
    config: Config,
    profiles: Vec<Profile>,
}

async fn files(home: Option<PathBuf>) -> Result<Files, Words> {
    let Some(home) = home else { return Err(words!("there is no home", "il n'y a pas de répertoire personnel")) };
    let shown = home.display().to_string();
    let read = spawn_blocking(move || Files {
        home_is_missing: !home.is_dir(),
        config: config(&home, &home.join("config.toml")),
        profiles: profiles(&home),
    });
    timeout(FILE_TIME, read).await.ok().and_then(Result::ok).ok_or_else(|| {
        let seconds = FILE_TIME.as_secs();
        words!("{shown} does not answer within {seconds} s", "{shown} ne répond pas en {seconds} s")
    })
}

/// The tokens that Codex believes it has with a model, by its main file as it is now. Reads files, and may so take a while.
pub fn usable_window(ask: &Ask, model: &str) -> u64 {
    let home = codex_home(ask);
    home.map_or_else(Config::default, |home| config(&home, &home.join("config.toml"))).usable_window(model)
}

/// The profile that `ollama-forward codex --install` writes: `codex -p ollama-forward` reads it.
const OWN_PROFILE: &str = "ollama-forward.config.toml";

/// The same as Codex is most likely started here: by our profile where there is one, else by the main file. None: nobody has
/// ever started Codex. Reads files, and may so take a while.
pub fn likely_window(ask: &Ask, model: &str) -> Option<u64> {
    let home = codex_home(ask).filter(|home| home.is_dir())?;
    let (main, own) = (config(&home, &home.join("config.toml")), home.join(OWN_PROFILE));
    let config = if own.is_file() { config(&home, &own).over(&main) } else { main };
    Some(config.usable_window(model))
}

fn config(home: &Path, path: &Path) -> Config {
    match bounded(path, LARGEST_CONFIG) {
        Ok(None) => Config::default(),
        Ok(Some(text)) => {
            let mut config = read::config(&text);
            config.catalog = config.catalog.map(|named| catalog(&home.join(named.path)));
            Config { path: Some(path.to_owned()), ..config }
        }
        Err(why) => Config { path: Some(path.to_owned()), broken: Some(why), ..Config::default() },
    }
}

/// The same where it stands alone, or beside the main file.
fn catalog(path: &Path) -> Catalog {
    let text = bounded(path, LARGEST_CATALOG).and_then(|text| text.ok_or_else(|| "no such file".to_owned()));
    let (broken, windows) = match text.and_then(|text| read::catalog(&text)) {
        Ok(windows) => (None, windows),
        Err(why) => (Some(why), Vec::new()),
    };
    Catalog { path: path.to_owned(), broken, windows }
}

fn profiles(home: &Path) -> Vec<Profile> {
    let entries = std::fs::read_dir(home).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".config.toml").map(str::to_owned))
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names.truncate(MOST_PROFILES);
    let profile = |name: String| {
        let config = config(home, &home.join(format!("{name}.config.toml")));
        Profile { name, config }
    };
    names.into_iter().map(profile).collect()
}

/// The text of a file; None where there is none. Whatever is no plain file could let us wait for ever.
fn bounded(path: &Path, most: u64) -> Result<Option<String>, String> {
    let words = |error: &io::Error| error.to_string();
    match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(words(&error)),
        Ok(meta) if !meta.is_file() => return Err("it is no plain file".to_owned()),
        Ok(meta) if meta.len() > most => return Err(format!("it is larger than {} MiB", most >> 20)),
        Ok(_) => {}
    }
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| words(&error))?;
    file.take(most).read_to_end(&mut text).map_err(|error| words(&error))?;
    String::from_utf8(text).map(Some).map_err(|_| "it is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use crate::doctor::proof::Machine;
    use crate::program::tests::script;

    impl Machine {
        fn of_codex() -> Self {
            let machine = Self::new();
            let path = std::env::join_paths([machine.at("mnt/c/npm"), machine.at("bin")]).unwrap();
            fs::create_dir_all(machine.at("home/.codex")).unwrap();
            machine.with("PATH", path)
        }

        async fn codex(&self) -> Codex {
            gather(&Ask { root: self.at(""), home: Some(self.at("home")), variable: self.variables() }).await
        }
    }

    fn program_of(codex: &Codex) -> Program {
        codex.program.known().cloned().flatten().unwrap()
    }

    #[tokio::test]
    async fn a_machine_without_codex_has_none() {
        let machine = Machine::of_codex();
        let codex = machine.codex().await;
        assert_eq!(codex.program, Fact::Known(None));
        assert_eq!(codex.config, Fact::Known(Config::default()));
        assert_eq!(codex.home, Some(machine.at("home/.codex")));
        assert_eq!((codex.home_is_missing, codex.profiles), (false, vec![]));
        assert_eq!(codex.environment, Environment::default());
    }

    #[tokio::test]
    async fn the_first_codex_tells_its_version() {
        let machine = Machine::of_codex();
        script(&machine.at("bin/codex"), "echo codex-cli 0.169.0");
        let program = program_of(&machine.codex().await);
        assert_eq!(program.path, machine.at("bin/codex"));
        assert_eq!((program.version, program.of_windows), (Fact::Known("0.169.0".into()), false));
    }

    #[tokio::test]
    async fn a_codex_that_does_not_start_says_why() {
        let machine = Machine::of_codex();
        script(&machine.at("bin/codex"), "echo \"env: 'node': No such file or directory\" >&2; exit 127");
        let program = program_of(&machine.codex().await);
        let why = program.version.get().unwrap_err();
        assert!(why.en.ends_with("bin/codex says: env: 'node': No such file or directory"), "{why}");
    }

    #[tokio::test]
    async fn a_program_of_windows_is_known_and_not_started() {
        let machine = Machine::of_codex();
        script(&machine.at("mnt/c/npm/codex"), "echo ran >\"$0.ran\"; echo codex-cli 0.169.0");
        script(&machine.at("bin/codex"), "echo codex-cli 0.169.0");
        // Elsewhere, /mnt/c is a directory like others.
        assert!(!program_of(&machine.codex().await).of_windows);
        fs::remove_file(machine.at("mnt/c/npm/codex.ran")).unwrap();
        machine.file("proc/sys/kernel/osrelease", "6.6.87.2-microsoft-standard-WSL2\n");
        let program = program_of(&machine.codex().await);
        assert!(program.of_windows);
        assert_eq!(program.behind, Some(machine.at("bin/codex")));
        assert!(!machine.at("mnt/c/npm/codex.ran").exists());
        machine.file("etc/wsl.conf", "[automount]\nroot = /win/\n");
        assert!(!program_of(&machine.codex().await).of_windows);
    }

    #[tokio::test]
    async fn a_link_to_windows_is_of_windows() {
        let machine = Machine::of_codex().with("PATH", "");
        script(&machine.at("mnt/c/tools/codex"), "echo codex-cli 0.169.0");
        machine.file("proc/sys/kernel/osrelease", "6.6.87.2-microsoft-standard-WSL2\n");
        fs::create_dir_all(machine.at("bin")).unwrap();
        std::os::unix::fs::symlink(machine.at("mnt/c/tools/codex"), machine.at("bin/codex")).unwrap();
        let bin = machine.at("bin").display().to_string();
        assert!(program_of(&machine.with("PATH", &bin).codex().await).of_windows);
    }

    #[tokio::test]
    async fn files_are_read_with_what_belongs_to_them() {
        let machine = Machine::of_codex();
        machine.file("home/.codex/config.toml", "model = \"a\"\nmodel_catalog_json = \"models.json\"\n");
        machine.file("home/.codex/models.json", r#"{"models":[{"slug":"a","context_window":4096}]}"#);
        machine.file("home/.codex/work.config.toml", "model = \"b\"\n");
        machine.file("home/.codex/broken.config.toml", "model = \n");
        machine.file("home/.codex/.config.toml", "");
        let codex = machine.codex().await;
        let config = codex.config.known().unwrap();
        assert_eq!(config.path, Some(machine.at("home/.codex/config.toml")));
        assert_eq!(config.catalog.as_ref().unwrap().window("a"), Some(4096));
        let names: Vec<_> = codex.profiles.iter().map(|profile| profile.name.as_str()).collect();
        assert_eq!(names, ["broken", "work"]);
        assert!(codex.profiles[0].config.broken.as_ref().unwrap().starts_with("line 1: "));
        assert_eq!(codex.profiles[1].config.model.as_deref(), Some("b"));
    }

    #[test]
    fn our_profile_says_what_codex_believes_where_there_is_one() {
        let machine = Machine::new();
        let believes = || {
            let ask = Ask { root: machine.at(""), home: Some(machine.at("home")), variable: machine.variables() };
            likely_window(&ask, "a")
        };
        assert_eq!(believes(), None, "there is no Codex");
        machine.file("home/.codex/config.toml", "model = \"a\"\nmodel_context_window = 100000\n");
        assert_eq!(believes(), Some(95_000));
        machine.file("home/.codex/ollama-forward.config.toml", "model = \"a\"\nmodel_context_window = 32768\n");
        assert_eq!(believes(), Some(31_129));
    }

    #[track_caller]
    fn broken(codex: &Codex, says: &str) {
        let why = codex.config.known().unwrap().broken.as_ref().unwrap();
        assert!(why.contains(says), "{why}");
    }

    #[tokio::test]
    async fn files_that_cannot_be_read_are_facts() {
        let machine = Machine::of_codex();
        fs::create_dir(machine.at("home/.codex/config.toml")).unwrap();
        broken(&machine.codex().await, "no plain file");
        fs::remove_dir(machine.at("home/.codex/config.toml")).unwrap();
        fs::write(machine.at("home/.codex/config.toml"), [0xff, 0xfe]).unwrap();
        broken(&machine.codex().await, "not UTF-8");
        machine.file("home/.codex/config.toml", &"#".repeat((1 << 20) + 1));
        broken(&machine.codex().await, "larger than 1 MiB");
        machine.file("home/.codex/config.toml", "model_catalog_json = \"/missing/models.json\"");
        let codex = machine.codex().await;
        let catalog = codex.config.known().unwrap().catalog.as_ref().unwrap();
        assert_eq!(catalog.broken.as_deref(), Some("no such file"));
    }

    #[tokio::test]
    async fn codex_home_outweighs_the_home() {
        let machine = Machine::of_codex();
        machine.file("other/config.toml", "model = \"there\"\n");
        let other = machine.at("other").display().to_string();
        let machine = machine.with("CODEX_HOME", &other);
        assert_eq!(machine.codex().await.config.known().unwrap().model.as_deref(), Some("there"));
        let codex = machine.with("CODEX_HOME", "/missing").codex().await;
        assert!(codex.home_is_missing);
        assert_eq!(codex.config, Fact::Known(Config::default()));
        assert!(!Machine::of_codex().with("CODEX_HOME", "").codex().await.home_is_missing);
    }

    #[tokio::test]
    async fn variables_are_facts_without_what_is_secret() {
        let machine = Machine::of_codex()
            .with("CODEX_OSS_BASE_URL", "http://me:secret@pc:11434/v1?key=secret")
            .with("CODEX_OSS_PORT", "")
            .with("OLLAMA_HOST", " 0.0.0.0 ")
            .with("HTTP_PROXY", "http://me:secret@proxy:3128")
            .with("all_proxy", "")
            .with("NO_PROXY", "")
            .with("no_proxy", "localhost")
            .with("OPENAI_API_KEY", "secret");
        let environment = machine.codex().await.environment;
        let expected = Environment {
            codex_oss_base_url: Some("http://pc:11434/v1".into()),
            codex_oss_port: None,
            ollama_host: Some("0.0.0.0".into()),
            proxies: vec!["HTTP_PROXY".into()],
            no_proxy: vec![("NO_PROXY".into(), String::new()), ("no_proxy".into(), "localhost".into())],
        };
        assert_eq!(environment, expected);
    }

    #[tokio::test]
    async fn without_anything_nothing_is_known_and_nothing_breaks() {
        let ask = Ask { root: "/missing".into(), home: None, variable: Box::new(|_| None) };
        let codex = gather(&ask).await;
        assert_eq!(codex.program.get().unwrap_err().en, "PATH is not set");
        assert_eq!(codex.config.get().unwrap_err().en, "there is no home");
        assert_eq!(codex.home, None);
    }
}
