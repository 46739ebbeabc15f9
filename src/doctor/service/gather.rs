//! Finds the service, and asks systemd about it. Starts and stops nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::unit::{self, Start};
use super::{Installed, Program, Service, State, UNIT, vm_idle_timeout};
use crate::config::OLLAMA_PORT;
use crate::doctor::Fact;
use crate::doctor::program::{Variables, ask, in_path, is_executable};
use crate::gateway::wsl::{SystemText, windows_disks};
use crate::migrate::script;
use crate::net::owner::name_in;
use crate::words;
use crate::words::Words;

/// What there is to look at. Tests bring a machine of their own.
pub struct Ask {
    /// Where the system's files are; `/` outside tests.
    pub root: PathBuf,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// The user's number.
    pub uid: u32,
    /// The version of this very program.
    pub own_version: String,
    /// The environment.
    pub variable: Variables,
}

/// systemd answers in milliseconds; a user manager that hangs never does.
const SYSTEMD_TIME: Duration = Duration::from_secs(2);
/// Our own `--version` needs some milliseconds.
const VERSION_TIME: Duration = Duration::from_secs(2);
/// For files, some of which are on a disk of Windows.
const FILE_TIME: Duration = Duration::from_secs(2);
/// For a socket of this machine.
const BUS_TIME: Duration = Duration::from_secs(1);
/// Units and `.wslconfig` have a few lines.
const LARGEST: u64 = 256 << 10;

/// Learns all of it, side by side.
pub async fn gather(ask: &Ask) -> Service {
    let files = blocking({
        let (root, home, uid) = (ask.root.clone(), ask.home.clone(), ask.uid);
        let directories = unit_directories(ask);
        move || Files::read(&root, home.as_deref(), uid, &directories)
    });
    let idle = blocking({
        let root = ask.root.clone();
        move || wslconfig(&root)
    });
    let (files, idle, bus, installed) = tokio::join!(files, idle, user_bus(ask), installed(ask));
    let files = files.unwrap_or_else(|why| Files { unit: Fact::Unknown(why), ..Files::default() });
    let (enabled, active, program) = if let Fact::Known(None) = files.unit {
        let none = || words!("there is no unit", "il n'y a pas d'unité");
        (Fact::Unknown(none()), Fact::Unknown(none()), Fact::Unknown(none()))
    } else {
        tokio::join!(systemd_says(ask, "is-enabled"), systemd_says(ask, "is-active"), unit_program(files.start))
    };
    let user = files.user.or_else(|| text(ask, "USER"));
    Service {
        linger: user.as_deref().map_or_else(
            || Fact::Unknown(words!("the user has no name", "l'utilisateur n'a pas de nom")),
            |user| linger(&ask.root, user),
        ),
        unit: files.unit,
        program,
        enabled,
        active,
        user_bus: bus,
        user,
        vm_idle_timeout: idle.unwrap_or_else(Fact::Unknown),
        installed,
        own_version: ask.own_version.clone(),
    }
}

/// Reads files without holding anybody up.
async fn blocking<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Result<T, Words> {
    timeout(FILE_TIME, spawn_blocking(read)).await.ok().and_then(Result::ok).ok_or_else(|| {
        let seconds = FILE_TIME.as_secs();
        words!("the files do not answer within {seconds} s", "les fichiers ne répondent pas en {seconds} s")
    })
}

fn text(ask: &Ask, name: &str) -> Option<String> {
    let value = (ask.variable)(name)?.into_string().ok()?;
    (!value.is_empty()).then_some(value)
}

/// Where systemd looks for units of users, the strongest first (systemd.unit(5)).
fn unit_directories(ask: &Ask) -> Vec<PathBuf> {
    let below = |variable, usual: &str| {
        let base = text(ask, variable).map(PathBuf::from).or_else(|| Some(ask.home.as_ref()?.join(usual)));
        base.map(|base| base.join("systemd/user"))
    };
    let system = ["etc/systemd/user", "usr/local/lib/systemd/user", "usr/lib/systemd/user", "lib/systemd/user"];
    let [etc, rest @ ..] = system.map(|path| ask.root.join(path));
    let own = [below("XDG_CONFIG_HOME", ".config"), Some(etc), below("XDG_DATA_HOME", ".local/share")];
    own.into_iter().flatten().chain(rest).collect()
}

/// What files tell of the unit and its user.
#[derive(Default)]
struct Files {
    unit: Fact<Option<PathBuf>>,
    start: Option<Start>,
    user: Option<String>,
}

impl Files {
    fn read(root: &Path, home: Option<&Path>, uid: u32, directories: &[PathBuf]) -> Self {
        let unit =
            directories.iter().map(|directory| directory.join(UNIT)).find(|path| path.symlink_metadata().is_ok());
        let start = unit.as_ref().map(|path| {
            let texts: Vec<_> =
                [path.clone()].into_iter().chain(drop_ins(directories)).filter_map(|path| short(&path)).collect();
            unit::start(&texts, home)
        });
        Self { unit: Fact::Known(unit), start, user: user(root, uid) }
    }
}

/// `UNIT.d/*.conf` in all directories, by name; of equal names, that of the strongest directory counts.
fn drop_ins(directories: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for directory in directories {
        let entries = fs::read_dir(directory.join(format!("{UNIT}.d"))).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            let is_new = !found.iter().any(|known| known.file_name() == path.file_name());
            if is_new && path.extension().is_some_and(|extension| extension == "conf") {
                found.push(path);
            }
        }
    }
    found.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    found
}

/// The text of a plain file that is not large.
fn short(path: &Path) -> Option<String> {
    let meta = path.metadata().ok()?;
    (meta.is_file() && meta.len() <= LARGEST).then(|| fs::read_to_string(path).ok())?
}

fn user(root: &Path, uid: u32) -> Option<String> {
    let passwd = fs::read_to_string(root.join("etc/passwd")).ok()?;
    name_in(&passwd, uid).map(str::to_owned)
}

async fn unit_program(start: Option<Start>) -> Fact<Option<Program>> {
    let path = match start {
        None | Some(Start::Nothing) => return Fact::Known(None),
        Some(Start::Unclear(word)) => {
            return Fact::Unknown(words!(
                "only systemd knows what `{word}` is",
                "seul systemd sait ce qu'est `{word}`"
            ));
        }
        Some(Start::Program(path)) => path,
    };
    let state = if is_executable(&path) {
        State::Runs(version(&path).await)
    } else if path.exists() {
        State::NotExecutable
    } else {
        State::Missing
    };
    Fact::Known(Some(Program { path, state }))
}

async fn version(path: &Path) -> Option<String> {
    let said = ask(path, &["--version"], &[], VERSION_TIME).await.ok()?;
    let ours = said.success && said.stdout.starts_with("ollama-forward ");
    said.version().filter(|_| ours).map(str::to_owned)
}

async fn installed(ask: &Ask) -> Fact<Option<Installed>> {
    let Some(path) = (ask.variable)("PATH") else {
        return Fact::Unknown(words!("PATH is not set", "PATH n'est pas définie"));
    };
    match blocking(move || in_path(&path, "ollama-forward").into_iter().next()).await {
        Err(why) => Fact::Unknown(why),
        Ok(None) => Fact::Known(None),
        Ok(Some(path)) => {
            // To ask an old script for its version would start it.
            if is_old_script(path.clone()).await {
                let hides = std::env::current_exe().ok();
                return Fact::Known(Some(Installed { path, version: None, hides }));
            }
            let version = version(&path).await;
            Fact::Known(Some(Installed { path, version, hides: None }))
        }
    }
}

/// Whether it forwards by itself, as scripts did before this program.
async fn is_old_script(path: PathBuf) -> bool {
    let recognised = blocking(move || {
        let is_small = path.metadata().is_ok_and(|meta| meta.len() <= script::LARGEST);
        is_small && fs::read(&path).is_ok_and(|bytes| script::recognise(&bytes, OLLAMA_PORT).is_some())
    });
    recognised.await.unwrap_or(false)
}

/// Whether the bus of the user's own systemd answers.
async fn user_bus(ask: &Ask) -> Fact<bool> {
    let socket = runtime_directory(ask).join("bus");
    if let Ok(connected) = timeout(BUS_TIME, UnixStream::connect(&socket)).await {
        return Fact::Known(connected.is_ok());
    }
    let socket = socket.display();
    Fact::Unknown(words!("{socket} does not answer", "{socket} ne répond pas"))
}

/// `su` and services lose the variable; this is where systemd has it (`pam_systemd`).
fn runtime_directory(ask: &Ask) -> PathBuf {
    text(ask, "XDG_RUNTIME_DIR").map_or_else(|| ask.root.join(format!("run/user/{}", ask.uid)), PathBuf::from)
}

/// One word of `systemctl`, such as `enabled`; it says most of them with an exit code that is not 0.
async fn systemd_says(question: &Ask, verb: &str) -> Fact<String> {
    let program = (question.variable)("PATH").and_then(|path| in_path(&path, "systemctl").into_iter().next());
    let Some(program) = program else {
        return Fact::Unknown(words!("there is no systemctl", "il n'y a pas de systemctl"));
    };
    let runtime = [("XDG_RUNTIME_DIR", runtime_directory(question).into_os_string())];
    match ask(&program, &["--user", verb, UNIT], &runtime, SYSTEMD_TIME).await {
        Err(silence) => Fact::Unknown(silence.words(&program)),
        Ok(said) => {
            let word = said.stdout.trim();
            // Where it cannot ask, it says so in a sentence, and on its standard error.
            if !word.is_empty() && !word.contains(char::is_whitespace) {
                return Fact::Known(word.to_owned());
            }
            let line = said.line().unwrap_or("-");
            Fact::Unknown(words!("systemctl says: {line}", "systemctl dit : {line}"))
        }
    }
}

/// logind keeps an empty file for each user who lingers (systemd, `logind-user.c`).
fn linger(root: &Path, user: &str) -> Fact<bool> {
    let state = root.join("var/lib/systemd");
    if state.is_dir() {
        Fact::Known(state.join("linger").join(user).exists())
    } else {
        Fact::Unknown(words!("systemd has no state here", "systemd n'a pas d'état ici"))
    }
}

/// What the `.wslconfig` files on Windows' disk say, where they agree: which of its users is ours, Linux does not know.
fn wslconfig(root: &Path) -> Fact<Option<i64>> {
    if !SystemText::read(root).is_wsl_kernel() {
        return Fact::Unknown(words!("this is not WSL", "ce n'est pas WSL"));
    }
    let users = windows_disks(root).join("c/Users");
    let Ok(entries) = users.read_dir() else {
        let users = users.display();
        return Fact::Unknown(words!("{users} cannot be read", "{users} est illisible"));
    };
    let texts = entries.flatten().filter_map(|entry| short(&entry.path().join(".wslconfig")));
    let mut said: Vec<_> = texts.map(|text| vm_idle_timeout(&text)).collect();
    said.dedup();
    match said.as_slice() {
        [] => Fact::Known(None),
        [one] => Fact::Known(*one),
        [..] => Fact::Unknown(words!(
            "the .wslconfig files of several users differ",
            "les fichiers .wslconfig de plusieurs utilisateurs diffèrent"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    use crate::doctor::proof::Machine;
    use crate::program::tests::script;

    impl Machine {
        fn of_service() -> Self {
            let machine = Self::new();
            machine.file("etc/passwd", "root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\n");
            let bin = machine.at("bin");
            machine.with("PATH", bin)
        }

        /// With a unit and a systemd that says these words.
        fn with_unit(unit: &str, enabled: &str, active: &str) -> Self {
            let machine = Self::of_service();
            machine.file("home/.config/systemd/user/ollama-forward.service", unit);
            let systemctl = format!(
                "case \"$*\" in
                 '--user is-enabled ollama-forward.service') {enabled} ;;
                 '--user is-active ollama-forward.service') {active} ;;
                 *) echo wrong ;;
                 esac"
            );
            script(&machine.at("bin/systemctl"), &systemctl);
            machine
        }

        async fn service(&self) -> Service {
            let ask = Ask {
                root: self.at(""),
                home: Some(self.at("home")),
                uid: 1000,
                own_version: "0.1.0".into(),
                variable: self.variables(),
            };
            gather(&ask).await
        }
    }

    #[tokio::test]
    async fn a_machine_without_a_service_has_none() {
        let service = Machine::of_service().service().await;
        assert_eq!((service.unit, service.installed), (Fact::Known(None), Fact::Known(None)));
        assert_eq!(service.enabled.get().unwrap_err().en, "there is no unit");
        assert_eq!((service.user_bus, service.user.as_deref()), (Fact::Known(false), Some("me")));
        assert_eq!(service.linger.get().unwrap_err().en, "systemd has no state here");
        assert_eq!(service.vm_idle_timeout.get().unwrap_err().en, "this is not WSL");
        assert_eq!(service.own_version, "0.1.0");
    }

    #[tokio::test]
    async fn a_service_is_found_with_what_systemd_says() {
        let unit = "[Service]\nExecStart=%h/bin/ollama-forward\n";
        let machine = Machine::with_unit(unit, "echo enabled", "echo inactive; exit 3");
        script(&machine.at("home/bin/ollama-forward"), "echo ollama-forward 0.2.0");
        let service = machine.service().await;
        let path = machine.at("home/.config/systemd/user/ollama-forward.service");
        assert_eq!(service.unit, Fact::Known(Some(path)));
        assert_eq!((service.enabled, service.active), (Fact::Known("enabled".into()), Fact::Known("inactive".into())));
        let program = Program { path: machine.at("home/bin/ollama-forward"), state: State::Runs(Some("0.2.0".into())) };
        assert_eq!(service.program, Fact::Known(Some(program)));
    }

    #[tokio::test]
    async fn a_systemd_that_cannot_answer_is_not_known() {
        let no_bus = "echo 'Failed to connect to bus: No medium found' >&2; exit 1";
        let service = Machine::with_unit("[Service]\nExecStart=x", no_bus, "exec sleep 60").service().await;
        let why = service.enabled.get().unwrap_err();
        assert_eq!(why.en, "systemctl says: Failed to connect to bus: No medium found");
        let why = service.active.get().unwrap_err();
        assert!(why.en.ends_with("systemctl did not end within 2 s"), "{why}");
        assert_eq!(service.program.get().unwrap_err().en, "only systemd knows what `x` is");
    }

    async fn state(make: impl Fn(&Machine)) -> State {
        let machine = Machine::with_unit("[Service]\nExecStart=%h/forward\n", "echo enabled", "echo active");
        make(&machine);
        machine.service().await.program.known().cloned().flatten().unwrap().state
    }

    #[tokio::test]
    async fn the_program_of_the_unit_may_be_gone_or_another() {
        assert_eq!(state(|_| ()).await, State::Missing);
        assert_eq!(state(|machine| machine.file("home/forward", "x")).await, State::NotExecutable);
        assert_eq!(state(|machine| script(&machine.at("home/forward"), "echo socat 1.8.0")).await, State::Runs(None));
    }

    #[tokio::test]
    async fn the_strongest_directory_counts_and_drop_ins_lie_over_it() {
        let machine = Machine::of_service();
        machine.file("usr/lib/systemd/user/ollama-forward.service", "[Service]\nExecStart=/weak\n");
        machine.file("etc/systemd/user/ollama-forward.service", "[Service]\nExecStart=/strong\n");
        machine
            .file("usr/lib/systemd/user/ollama-forward.service.d/a.conf", "[Service]\nExecStart=\nExecStart=/weak-a\n");
        machine
            .file("home/.config/systemd/user/ollama-forward.service.d/a.conf", "[Service]\nExecStart=\nExecStart=/a\n");
        machine.file("home/.config/systemd/user/ollama-forward.service.d/b.txt", "[Service]\nExecStart=/no\n");
        let service = machine.service().await;
        assert_eq!(service.unit, Fact::Known(Some(machine.at("etc/systemd/user/ollama-forward.service"))));
        let program = Program { path: "/a".into(), state: State::Missing };
        assert_eq!(service.program, Fact::Known(Some(program)));
        assert_eq!(service.enabled.get().unwrap_err().en, "there is no systemctl");
    }

    #[tokio::test]
    async fn the_bus_and_the_lingering_are_found_by_their_files() {
        let machine = Machine::of_service();
        fs::create_dir_all(machine.at("run/user/1000")).unwrap();
        let bus = UnixListener::bind(machine.at("run/user/1000/bus")).unwrap();
        machine.file("var/lib/systemd/linger/me", "");
        let service = machine.service().await;
        assert_eq!((service.user_bus, service.linger), (Fact::Known(true), Fact::Known(true)));
        drop(bus);
        fs::remove_file(machine.at("var/lib/systemd/linger/me")).unwrap();
        let service = machine.service().await;
        assert_eq!((service.user_bus, service.linger), (Fact::Known(false), Fact::Known(false)), "nobody serves it");
        let elsewhere = machine.at("runtime");
        fs::create_dir(&elsewhere).unwrap();
        let _bus = UnixListener::bind(elsewhere.join("bus")).unwrap();
        let machine = machine.with("XDG_RUNTIME_DIR", elsewhere);
        assert_eq!(machine.service().await.user_bus, Fact::Known(true));
    }

    #[tokio::test]
    async fn wslconfig_is_read_on_windows_disk_where_its_users_agree() {
        let machine = Machine::of_service();
        machine.file("proc/sys/kernel/osrelease", "6.6.87.2-microsoft-standard-WSL2\n");
        let why = machine.service().await.vm_idle_timeout;
        assert!(why.get().unwrap_err().en.ends_with("mnt/c/Users cannot be read"), "{why:?}");
        machine.file("mnt/c/Users/Public/desktop.ini", "");
        assert_eq!(machine.service().await.vm_idle_timeout, Fact::Known(None));
        machine.file("mnt/c/Users/me/.wslconfig", "[wsl2]\r\nvmIdleTimeout=-1\r\n");
        assert_eq!(machine.service().await.vm_idle_timeout, Fact::Known(Some(-1)));
        machine.file("mnt/c/Users/you/.wslconfig", "[wsl2]\nvmIdleTimeout=-1\n");
        assert_eq!(machine.service().await.vm_idle_timeout, Fact::Known(Some(-1)));
        machine.file("mnt/c/Users/you/.wslconfig", "");
        let why = machine.service().await.vm_idle_timeout;
        assert_eq!(why.get().unwrap_err().en, "the .wslconfig files of several users differ");
    }

    #[tokio::test]
    async fn the_program_in_the_path_tells_its_version() {
        let machine = Machine::of_service();
        let path = machine.at("bin/ollama-forward");
        script(&path, "echo ollama-forward 0.3.0");
        let installed = Installed { path: path.clone(), version: Some("0.3.0".into()), hides: None };
        assert_eq!(machine.service().await.installed, Fact::Known(Some(installed)));
        script(&path, "echo usage >&2; exit 2");
        assert_eq!(
            machine.service().await.installed,
            Fact::Known(Some(Installed { path: path.clone(), version: None, hides: None }))
        );
        script(&path, "touch \"$0.ran\"; exec socat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434");
        let Fact::Known(Some(old)) = machine.service().await.installed else { panic!("it is there") };
        assert_eq!((old.version, old.hides), (None, std::env::current_exe().ok()));
        assert!(!machine.at("bin/ollama-forward.ran").exists(), "a script of the old kind was started");
    }

    #[tokio::test]
    async fn without_anything_nothing_breaks() {
        let ask = Ask {
            root: "/missing".into(),
            home: None,
            uid: 0,
            own_version: String::new(),
            variable: Box::new(|_| None),
        };
        let service = gather(&ask).await;
        assert_eq!((service.unit, service.user), (Fact::Known(None), None));
        assert_eq!(service.linger.get().unwrap_err().en, "the user has no name");
        assert_eq!(service.installed.get().unwrap_err().en, "PATH is not set");
    }
}
