//! Finds what belongs to the old way. Changes nothing, and starts nothing but `crontab -l`.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access};

use super::super::super::doctor::runtime;
use super::Machine;
use crate::gateway::wsl::windows_disks;
use crate::migrate::command::{self, Tool};
use crate::migrate::script::{self, Script};
use crate::migrate::shell::{self, How};
use crate::migrate::system::{self, Line};
use crate::migrate::{Wanted, Why};
use crate::net::owner::{Owner, owners_of};
use crate::program::{Program, on_path};
use crate::words;
use crate::words::Words;

/// One thing that belongs to the old way, and what can be done about it.
#[derive(Debug)]
pub(super) enum Step {
    /// Stop it, and move its file aside.
    Unit { path: PathBuf, line: Line, text: String },
    /// Comment lines out.
    Lines { file: PathBuf, found: shell::Found, text: String },
    /// The same, in the user's crontab.
    Cron { line: Line, text: String },
    /// Move it aside; `replace`: this program takes its place.
    Script { path: PathBuf, script: Script, text: String, replace: bool },
    /// End it, and the scripts that would start it anew.
    Process { pids: Vec<u32>, tool: Tool, command: String },
    /// Somebody else's, or not to be cut out: only told. `script`: one that is for nothing else, though not ours to move.
    ByHand { place: String, text: String, why: Words, cure: Words, script: Option<PathBuf> },
}

impl Step {
    pub(super) fn is_by_hand(&self) -> bool {
        match self {
            Self::ByHand { .. } => true,
            Self::Unit { .. } | Self::Lines { .. } | Self::Cron { .. } | Self::Script { .. } | Self::Process { .. } => {
                false
            }
        }
    }
}

/// All of it, in the order in which it is done: what would start it again, what runs, and the scripts.
pub(super) fn find(machine: &Machine) -> Vec<Step> {
    let scripts = scripts(machine);
    let known = scripts.iter().filter_map(|step| match step {
        Step::Script { path, .. } => Some(path.clone()),
        Step::ByHand { script, .. } => script.clone(),
        Step::Unit { .. } | Step::Lines { .. } | Step::Cron { .. } | Step::Process { .. } => None,
    });
    let wanted = Wanted { port: machine.port, home: machine.home.clone(), scripts: known.collect() };
    let mut steps = units(machine, &wanted);
    steps.extend(startup_files(machine).iter().flat_map(|file| lines(file, &wanted)));
    steps.extend(crontab(&wanted));
    steps.extend(of_the_system(machine, &wanted));
    // A process is known by its script, which has to be there until it has ended.
    steps.extend(processes(machine));
    steps.extend(scripts);
    steps
}

/// A small text, and nothing else.
pub(super) fn text(path: &Path) -> Option<String> {
    String::from_utf8(bytes(path)?).ok()
}

fn bytes(path: &Path) -> Option<Vec<u8>> {
    let meta = fs::metadata(path).ok().filter(|meta| meta.is_file() && meta.len() <= LARGEST)?;
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or_default());
    fs::File::open(path).ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The same as for files that are written (`crate::file`): larger ones are nobody's settings.
const LARGEST: u64 = 1 << 20;

fn line_of(text: &str, number: usize) -> String {
    text.lines().nth(number - 1).unwrap_or_default().trim().to_owned()
}

/// The files that shells read when they start.
pub(super) fn startup_files(machine: &Machine) -> Vec<PathBuf> {
    let names = [
        ".bashrc",
        ".bash_profile",
        ".bash_login",
        ".bash_aliases",
        ".profile",
        ".zshrc",
        ".zprofile",
        ".zshenv",
        ".zlogin",
    ];
    let mut files: Vec<PathBuf> = names.iter().map(|name| machine.home.join(name)).collect();
    let fish = machine.config.join("fish");
    files.push(fish.join("config.fish"));
    files.push(fish.join("functions/ollama-forward.fish"));
    files.extend(listed(&fish.join("conf.d"), "fish"));
    files
}

/// Files of a directory with this ending, by name.
fn listed(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| ending.is_empty() || path.extension().is_some_and(|known| known == ending)).collect();
    files.sort();
    files
}

fn lines(file: &Path, wanted: &Wanted) -> Vec<Step> {
    let Some(whole) = text(file) else { return Vec::new() };
    let step = |found: shell::Found| {
        let text = line_of(&whole, *found.lines.start());
        match found.how {
            How::Comment | How::Inside => Step::Lines { file: file.to_owned(), found, text },
            How::ByHand => Step::ByHand {
                place: format!("{}:{}", file.display(), found.lines.start()),
                text,
                why: found.why.words(),
                cure: words!(
                    "take it out by hand: it cannot be cut out of what stands around it",
                    "à retirer à la main : cela ne se détache pas de ce qui l'entoure"
                ),
                script: None,
            },
        }
    };
    shell::find(&whole, wanted).into_iter().map(step).collect()
}

/// Scripts on `PATH` and in the user's own directories. Those of the system belong to packages, and those on Windows' disks
/// are many and slow: there, only our own name counts, or nothing.
fn scripts(machine: &Machine) -> Vec<Step> {
    let windows = windows_disks(&machine.root);
    let own = [machine.home.join(".local/bin"), machine.home.join("bin")];
    let (mut directories, mut seen): (Vec<&PathBuf>, Vec<PathBuf>) = (Vec::new(), Vec::new());
    for directory in machine.path.iter().chain(&own) {
        if windows.parent().is_some() && directory.starts_with(&windows) {
            continue;
        }
        // One directory may have two names, as `/bin` has.
        let Ok(real) = fs::canonicalize(directory) else { continue };
        if !seen.contains(&real) {
            directories.push(directory);
            seen.push(real);
        }
    }
    let is_users =
        |path: &Path| path.starts_with(&machine.home) || path.starts_with("/usr/local") || path.starts_with("/opt");
    let mut steps = Vec::new();
    for directory in directories {
        let files = if is_users(directory) { listed(directory, "") } else { vec![directory.join(NAME)] };
        steps.extend(files.iter().filter_map(|path| script_at(path, machine)));
    }
    steps
}

/// The name that the old script had, and that this program has.
pub(super) const NAME: &str = "ollama-forward";
/// Between the name of what was moved aside and the time.
const MARK: &str = ".bak-";

fn script_at(path: &Path, machine: &Machine) -> Option<Step> {
    let name = path.file_name()?.to_string_lossy();
    if name.contains(MARK) {
        return None;
    }
    let meta = fs::metadata(path).ok().filter(|meta| meta.is_file() && meta.len() <= script::LARGEST)?;
    let bytes = bytes(path)?;
    let script = script::recognise(&bytes, machine.port)?;
    let text = line_of(&String::from_utf8_lossy(&bytes), script.line);
    let place = format!("{}:{}", path.display(), script.line);
    let why = Why::Starts(script.tool).words();
    if !script::is_named_for_it(&name) {
        let cure = words!("look at it: it may do more than that", "à regarder : il fait peut-être autre chose aussi");
        return Some(Step::ByHand { place, text, why, cure, script: None });
    }
    let may_move = path.parent().is_some_and(|directory| access(directory, Access::WRITE_OK).is_ok());
    if meta.uid() != machine.uid || !may_move {
        let shown = path.display();
        let cure = Words::same(format!("sudo mv {shown} {shown}.old"));
        return Some(Step::ByHand { place, text, why, cure, script: Some(path.to_owned()) });
    }
    let replace = name == NAME && !is_there_otherwise(machine, path);
    Some(Step::Script { path: path.to_owned(), script, text, replace })
}

/// Whether `PATH` leads to this program once `script` is gone.
fn is_there_otherwise(machine: &Machine, script: &Path) -> bool {
    let same = |path: &Path| match (fs::metadata(path), fs::metadata(&machine.program)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
    };
    machine.path.iter().map(|directory| directory.join(NAME)).any(|path| path != script && same(&path))
}

fn units(machine: &Machine, wanted: &Wanted) -> Vec<Step> {
    let files = listed(&machine.config.join("systemd/user"), "service");
    let step = |path: PathBuf| {
        let whole = text(&path)?;
        let line = system::of_unit(&whole, wanted)?;
        let text = line_of(&whole, line.number);
        Some(Step::Unit { path, line, text })
    };
    files.into_iter().filter_map(step).collect()
}

/// `crontab -l` reads a file.
const CRON_TIME: Duration = Duration::from_secs(5);

/// The user's crontab; None: there is none, or no cron.
pub(super) fn crontab_text() -> Option<String> {
    let program = on_path(&["crontab"])?;
    let ran = runtime().ok()?.block_on(Program::new(&program, &["-l"], CRON_TIME).run());
    ran.ok()?.told()
}

fn crontab(wanted: &Wanted) -> Vec<Step> {
    let Some(whole) = crontab_text() else { return Vec::new() };
    let step = |line: Line| Step::Cron { text: line_of(&whole, line.number), line };
    system::of_crontab(&whole, wanted).into_iter().map(step).collect()
}

/// Files that belong to root: told, with what root can type.
fn of_the_system(machine: &Machine, wanted: &Wanted) -> Vec<Step> {
    let at = |path: &str| machine.root.join(path);
    let mut steps = Vec::new();
    let mut tell = |path: &Path, whole: &str, line: Line, cure: Words| {
        let place = format!("{}:{}", path.display(), line.number);
        let (text, why) = (line_of(whole, line.number), line.why.words());
        steps.push(Step::ByHand { place, text, why, cure, script: None });
    };
    for path in
        listed(&at("etc/systemd/system"), "service").into_iter().chain(listed(&at("etc/systemd/user"), "service"))
    {
        let Some(whole) = text(&path) else { continue };
        if let Some(line) = system::of_unit(&whole, wanted) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            tell(&path, &whole, line, Words::same(format!("sudo systemctl disable --now {name}")));
        }
    }
    let edited = |path: &Path| Words::same(format!("sudoedit {}", path.display()));
    let path = at("etc/wsl.conf");
    if let Some(whole) = text(&path)
        && let Some(line) = system::of_wsl_conf(&whole, wanted)
    {
        tell(&path, &whole, line, edited(&path));
    }
    for path in [at("etc/crontab")].into_iter().chain(listed(&at("etc/cron.d"), "")) {
        let Some(whole) = text(&path) else { continue };
        for line in system::of_crontab(&whole, wanted) {
            tell(&path, &whole, line, edited(&path));
        }
    }
    let shells = [at("etc/profile"), at("etc/bash.bashrc"), at("etc/zsh/zshrc")];
    for path in shells.into_iter().chain(listed(&at("etc/profile.d"), "sh")) {
        let Some(whole) = text(&path) else { continue };
        for found in shell::find(&whole, wanted) {
            tell(&path, &whole, Line { number: *found.lines.start(), why: found.why }, edited(&path));
        }
    }
    steps
}

/// Who holds the port, where that is a forwarder of the old kind.
fn processes(machine: &Machine) -> Vec<Step> {
    let owners = owners_of(machine.port).unwrap_or_default();
    owners.iter().filter_map(|owner| process(owner, machine)).collect()
}

fn process(owner: &Owner, machine: &Machine) -> Option<Step> {
    let process = owner.process.as_ref()?;
    let tool = tool_of(process.pid, machine.port)?;
    if owner.uid != machine.uid {
        let user = owner.user();
        return Some(Step::ByHand {
            place: format!("pid {}", process.pid),
            text: process.command.clone(),
            why: words!("it belongs to user {user}", "il appartient à l'utilisateur {user}"),
            cure: Words::same(format!("sudo kill {}", process.pid)),
            script: None,
        });
    }
    let mut pids = vec![process.pid];
    // A script that starts socat again and again is ended first.
    while let Some(parent) = pids.first().and_then(|pid| parent_of(*pid)).filter(|parent| *parent > 1)
        && pids.len() < 8
        && is_ours(parent, machine.uid)
        && runs_script(parent, machine.port).is_some()
    {
        pids.insert(0, parent);
    }
    Some(Step::Process { pids, tool, command: process.command.clone() })
}

/// Whether a process forwards the port, by its words or by the script that it runs.
pub(super) fn tool_of(pid: u32, port: u16) -> Option<Tool> {
    command::of_process(&words_of(pid), port).or_else(|| runs_script(pid, port))
}

fn runs_script(pid: u32, port: u16) -> Option<Tool> {
    let words = words_of(pid);
    let named = Path::new(command::interpreted(&words)?);
    let path = if named.is_absolute() {
        named.to_owned()
    } else {
        fs::read_link(format!("/proc/{pid}/cwd")).ok()?.join(named)
    };
    Some(script::recognise(&bytes(&path)?, port)?.tool)
}

fn words_of(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

fn is_ours(pid: u32, uid: u32) -> bool {
    fs::metadata(format!("/proc/{pid}")).is_ok_and(|meta| meta.uid() == uid)
}

/// The fourth field of `/proc/PID/stat` (proc(5)); the second one, a name, may hold anything.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
