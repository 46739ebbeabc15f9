use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::clock;
use crate::doctor::windows::Source;
use crate::program::tests::script;

/// Short enough to wait for, long enough for a shell on a busy machine.
const SHORT: Limits = Limits {
    proof: Duration::from_millis(700),
    powershell: Duration::from_millis(1500),
    patience: Duration::from_secs(1),
    cheap: Duration::from_millis(1500),
};
/// For programs that answer: no deadline may be in the way.
const LONG: Limits = Limits {
    proof: Duration::from_secs(20),
    powershell: Duration::from_secs(20),
    patience: Duration::from_secs(20),
    cheap: Duration::from_secs(20),
};

/// A WSL whose Windows programs are shell scripts.
struct Wsl(TempDir);

impl Wsl {
    fn new() -> Self {
        let wsl = Self(tempfile::tempdir().unwrap());
        wsl.file("proc/sys/kernel/osrelease", "6.6.87.2-microsoft-standard-WSL2\n");
        wsl.file("proc/sys/fs/binfmt_misc/WSLInterop", "enabled\ninterpreter /init\n");
        fs::create_dir_all(wsl.path().join("run/WSL")).unwrap();
        fs::create_dir_all(wsl.path().join("mnt/c/Windows/System32")).unwrap();
        wsl
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str, text: &str) {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn program(&self, name: &str, text: &str) {
        script(&self.path().join("mnt/c/Windows/System32").join(name), text);
    }

    fn powershell(&self, script: &str) {
        self.program("WindowsPowerShell/v1.0/powershell.exe", script);
    }

    /// What the fixture of this name says, and what the program then does.
    fn told(name: &str, then: &str) -> String {
        let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/windows").join(name);
        format!("cat '{}'\n{then}", fixture.display())
    }

    /// The cheap tools of a Windows on which `ollama` listens on 127.0.0.1, in French.
    fn cheap_tools(&self) {
        self.program("netstat.exe", &Self::told("netstat_french.txt", ""));
        self.program("tasklist.exe", "printf '\"ollama.exe\",\"9120\",\"Console\",\"1\",\"35 000 Ko\"\\r\\n'");
        self.program("netsh.exe", "printf '\\r\\n  11400   11499\\r\\n  50000   50059     *\\r\\n'");
        self.program(
            "reg.exe",
            "case \"$2\" in
             HKCU*) printf '\\r\\nHKEY_CURRENT_USER\\\\Environment\\r\\n    OLLAMA_HOST    REG_SZ    0.0.0.0\\r\\n'
                    printf '    OLLAMA_API_KEY    REG_SZ    secret\\r\\n' ;;
             *SharedAccess*) printf '    {1}    REG_SZ    v2.31|Action=Block|Active=TRUE|Dir=In|Protocol=6|Name=x|\\r\\n' ;;
             *PortProxy*) printf '    172.24.0.1/11434    REG_SZ    127.0.0.1/11434\\r\\n' ;;
             *) printf 'ERREUR\\r\\n' >&2; exit 1 ;;
             esac",
        );
    }

    fn ask(&self) -> Ask {
        Ask {
            root: self.path().to_owned(),
            port: 11434,
            own_address: Some([172, 24, 3, 7].into()),
            interop: Fact::Known(Interop::Works),
        }
    }

    async fn gather(&self, limits: &Limits) -> Fact<Windows> {
        gather_within(&self.ask(), limits).await
    }

    /// The processes that wrote their numbers into this file are gone, as soon as the kernel comes to it.
    async fn nobody_is_left(&self, file: &str) {
        let text = fs::read_to_string(self.path().join(file)).unwrap();
        let pids: Vec<&str> = text.lines().collect();
        assert!(pids.len() >= 2, "they have not begun: {text:?}");
        let lives = |pid: &&&str| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ") && !stat.contains(") X ")
        };
        for _ in 0..100 {
            if !pids.iter().any(|pid| lives(&pid)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{:?} live", pids.iter().filter(lives).collect::<Vec<_>>());
    }

    /// Hangs with a child, and writes down who hangs.
    fn hangs(&self, file: &str) -> String {
        let file = self.path().join(file);
        format!("echo $$ >>'{0}'\nsleep 60 &\necho $! >>'{0}'\nwait", file.display())
    }
}

#[track_caller]
fn check(told: &Fact<Interop>, expected: &Interop) {
    assert_eq!(told, &Fact::Known(expected.clone()));
}

#[tokio::test]
async fn interop_works_when_a_program_comes_back() {
    let wsl = Wsl::new();
    wsl.program("cmd.exe", "[ \"$*\" = '/c exit 0' ]");
    check(&interop_within(wsl.path(), &LONG).await, &Interop::Works);
}

#[tokio::test]
async fn interop_is_asked_on_the_disk_where_it_is_mounted() {
    let wsl = Wsl::new();
    wsl.file("etc/wsl.conf", "[automount]\nroot = /win\n");
    let told = interop_within(wsl.path(), &LONG).await;
    assert!(matches!(told, Fact::Known(Interop::Broken(why)) if why.ends_with("win/c")));
}

#[tokio::test]
async fn interop_that_is_switched_off_is_not_tried() {
    let wsl = Wsl::new();
    wsl.program("cmd.exe", &format!("touch '{}'", wsl.path().join("tried").display()));
    wsl.file("etc/wsl.conf", "[interop]\nenabled = False\n");
    check(&interop_within(wsl.path(), &LONG).await, &Interop::SwitchedOff);
    assert!(!wsl.path().join("tried").exists());
}

#[tokio::test]
async fn interop_that_the_kernel_has_forgotten_is_unregistered() {
    let wsl = Wsl::new();
    wsl.program("cmd.exe", "exit 0");
    wsl.file("proc/sys/fs/binfmt_misc/WSLInterop", "disabled\n");
    check(&interop_within(wsl.path(), &LONG).await, &Interop::Unregistered);
    wsl.file("proc/sys/fs/binfmt_misc/WSLInterop-late", "enabled\n");
    check(&interop_within(wsl.path(), &LONG).await, &Interop::Works);
}

#[tokio::test]
async fn a_program_of_windows_without_a_handler_is_told_as_unregistered() {
    let wsl = Wsl::new();
    fs::remove_dir_all(wsl.path().join("proc/sys/fs")).unwrap();
    wsl.program("cmd.exe", "");
    let file = wsl.path().join("mnt/c/Windows/System32/cmd.exe");
    // By another process, for the reason that `program` tells.
    let made = Command::new("sh").args(["-c", "printf 'MZ\\220\\000' >\"$1\"", "sh"]).arg(&file).status().unwrap();
    assert!(made.success());
    check(&interop_within(wsl.path(), &LONG).await, &Interop::Unregistered);
}

#[tokio::test]
async fn interop_that_fails_tells_its_own_words() {
    let wsl = Wsl::new();
    wsl.program("cmd.exe", "echo 'UtilConnectVsock: connect failed 110' >&2; exit 1");
    check(&interop_within(wsl.path(), &LONG).await, &Interop::Broken("UtilConnectVsock: connect failed 110".into()));
    wsl.program("cmd.exe", "exit 3");
    check(&interop_within(wsl.path(), &LONG).await, &Interop::Broken("cmd.exe ended with code 3".into()));
}

#[tokio::test]
async fn interop_that_hangs_is_killed_with_its_children() {
    let wsl = Wsl::new();
    wsl.program("cmd.exe", &wsl.hangs("pids"));
    let begun = clock::now();
    check(&interop_within(wsl.path(), &SHORT).await, &Interop::Hangs);
    assert!(begun.elapsed() < Duration::from_secs(5));
    wsl.nobody_is_left("pids").await;
}

#[tokio::test]
async fn where_there_is_no_windows_nothing_is_known_of_it() {
    let wsl = Wsl::new();
    wsl.file(".dockerenv", "");
    assert!(interop_within(wsl.path(), &SHORT).await.get().unwrap_err().en.contains("container"));
    let linux = tempfile::tempdir().unwrap();
    assert!(interop(linux.path()).await.get().unwrap_err().en.contains("not WSL"));
}

#[tokio::test]
async fn without_interop_windows_is_not_asked() {
    let wsl = Wsl::new();
    wsl.powershell(&Wsl::told("healthy.json", ""));
    for interop in [Interop::SwitchedOff, Interop::Unregistered, Interop::Hangs, Interop::Broken("x".into())] {
        let told = gather(&Ask { interop: Fact::Known(interop), ..wsl.ask() }).await;
        assert!(told.get().unwrap_err().en.contains("`interop`"));
    }
    let why = words!("no Windows", "pas de Windows");
    let told = gather(&Ask { interop: Fact::Unknown(why.clone()), ..wsl.ask() }).await;
    assert_eq!(told, Fact::Unknown(why));
}

#[tokio::test]
async fn powershell_alone_is_enough_when_it_tells_all() {
    let wsl = Wsl::new();
    // Its arguments, and where it was started, as they arrive on Windows.
    let report = wsl.path().join("report");
    let script = format!("{{ pwd; echo \"$*\"; }} >'{}'\n", report.display());
    wsl.powershell(&(script + &Wsl::told("healthy.json", "")));
    assert_eq!(wsl.gather(&LONG).await, Fact::Known(crate::doctor::windows::healthy()));
    let report = fs::read_to_string(report).unwrap();
    let (directory, arguments) = report.split_once('\n').unwrap();
    assert!(directory.ends_with("/mnt/c"), "{directory}");
    assert!(arguments.starts_with("-NoProfile -NonInteractive -OutputFormat Text -EncodedCommand J"), "{arguments}");
}

#[tokio::test]
async fn what_powershell_lacks_the_cheap_tools_fill_in() {
    let wsl = Wsl::new();
    wsl.powershell(&Wsl::told("constrained.json", ""));
    wsl.cheap_tools();
    let told = wsl.gather(&LONG).await;
    let windows = told.known().unwrap();
    assert_eq!(windows.source, Source::Both);
    assert_eq!(windows.listeners.known().unwrap().len(), 1);
    // PowerShell's own word stays: one rule that allows.
    assert!(windows.rules.known().unwrap()[0].allows);
    assert!(windows.firewall.get().unwrap_err().en.contains("language mode"));
}

#[tokio::test]
async fn without_powershell_the_cheap_tools_tell_what_they_can() {
    let wsl = Wsl::new();
    wsl.cheap_tools();
    let told = wsl.gather(&LONG).await;
    let windows = told.known().unwrap();
    assert_eq!(windows.source, Source::CheapTools);
    let listeners = windows.listeners.known().unwrap();
    let [ollama] = &listeners[..] else { panic!("{listeners:?}") };
    assert_eq!((ollama.address.as_str(), ollama.pid, ollama.program.as_str()), ("127.0.0.1", 9120, "ollama"));
    assert_eq!(windows.ollama_processes.known().unwrap()[0].pid, 9120);
    let variables = windows.variables.known().unwrap();
    assert_eq!((variables.len(), variables[0].value.as_str(), variables[0].of_machine), (1, "0.0.0.0", false));
    assert_eq!(windows.portproxy.known().unwrap()[0].listen_address, "172.24.0.1");
    assert_eq!(windows.excluded.known().unwrap(), &[(11400, 11499)]);
    assert!(!windows.rules.known().unwrap()[0].allows);
    assert!(windows.answers_locally.get().unwrap_err().en.contains("powershell.exe does not start"));
}

#[tokio::test]
async fn a_powershell_that_prints_garbage_is_told_in_its_own_words() {
    let wsl = Wsl::new();
    wsl.powershell("echo 'This program is blocked by group policy.' >&2; exit 1");
    let told = wsl.gather(&LONG).await;
    assert!(told.get().unwrap_err().en.ends_with("blocked by group policy."), "{told:?}");
    wsl.powershell(&Wsl::told("garbage.txt", ""));
    assert!(wsl.gather(&LONG).await.get().unwrap_err().en.contains("nothing readable: #< CLIXML"));
}

#[tokio::test]
async fn a_powershell_that_hangs_is_killed_and_the_cheap_tools_stand_in() {
    let wsl = Wsl::new();
    wsl.powershell(&wsl.hangs("pids"));
    wsl.cheap_tools();
    let begun = clock::now();
    let told = wsl.gather(&SHORT).await;
    assert!(begun.elapsed() < Duration::from_secs(8));
    assert_eq!(told.known().unwrap().source, Source::CheapTools);
    assert!(told.known().unwrap().firewall.get().unwrap_err().en.contains("within 1.5 s"));
    wsl.nobody_is_left("pids").await;
}

#[tokio::test]
async fn what_was_told_before_powershell_hung_is_kept() {
    let wsl = Wsl::new();
    wsl.powershell(&Wsl::told("partial.json", &wsl.hangs("pids")));
    let told = wsl.gather(&SHORT).await;
    let windows = told.known().unwrap();
    assert_eq!(windows.source, Source::PowerShell);
    assert!(windows.listeners.known().is_some());
    assert_eq!(windows.rules.get().unwrap_err().en, "PowerShell did not tell within 1.5 s");
    wsl.nobody_is_left("pids").await;
}

#[tokio::test]
async fn a_windows_whose_programs_all_hang_leaves_nobody_behind() {
    let wsl = Wsl::new();
    wsl.powershell(&wsl.hangs("pids"));
    for name in ["netstat.exe", "tasklist.exe", "reg.exe", "netsh.exe"] {
        wsl.program(name, &wsl.hangs("pids"));
    }
    let begun = clock::now();
    assert!(wsl.gather(&SHORT).await.get().unwrap_err().en.contains("within 1.5 s"));
    assert!(begun.elapsed() < Duration::from_secs(8));
    wsl.nobody_is_left("pids").await;
}

#[tokio::test]
async fn who_stops_waiting_leaves_nobody_behind() {
    let wsl = Wsl::new();
    wsl.powershell(&wsl.hangs("pids"));
    let asked = timeout(Duration::from_millis(600), wsl.gather(&LONG)).await;
    assert!(asked.is_err());
    wsl.nobody_is_left("pids").await;
}

#[test]
fn all_of_it_takes_twelve_seconds_at_most() {
    let slack = Duration::from_millis(500);
    assert!(LIMITS.patience + LIMITS.cheap + slack <= Duration::from_secs(12));
    assert!(LIMITS.powershell + slack <= Duration::from_secs(12));
    // A PowerShell that fails just before the cheap tools would be asked anyway is no later than one that hangs.
    assert!(LIMITS.patience <= LIMITS.powershell);
}
