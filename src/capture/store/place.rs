//! The directory: whether it is one for secrets, and how files in it are made and opened. Nobody else reads what is in it,
//! whatever the umask; no link leads out of it.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::{Doing, StoreError};
use crate::words;
use crate::words::Words;

/// Below the directory: one directory a session.
const SESSIONS: &str = "sessions";
pub(super) const INDEX: &str = "index.jsonl";
/// The index under its next name, before it takes the place of the old one.
pub(super) const INDEX_NEW: &str = "index.jsonl.new";
/// Longer keys are not ours.
const LONGEST_KEY: usize = 64;

/// Windows drives in WSL 2 (`9p`; `drvfs` and `v9fs` elsewhere). Files there have the modes that the mount gives them, and
/// Windows programs read them.
const WINDOWS: [&str; 3] = ["9p", "drvfs", "v9fs"];
/// Owners that cannot be told in a user namespace (`/proc/sys/kernel/overflowuid`).
const NOBODY: u32 = 65534;

pub(super) fn sessions(dir: &Path) -> PathBuf {
    dir.join(SESSIONS)
}

/// The directory of a session. `key` is one that [`is_key`] let through.
pub(super) fn session(dir: &Path, key: &str) -> PathBuf {
    sessions(dir).join(key)
}

/// Whether a word can be the key of a session: then it is safe in a path.
pub(super) fn is_key(word: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase() || byte == b'-';
    !word.is_empty() && word.len() <= LONGEST_KEY && word.bytes().all(is_safe)
}

/// Whether a word is the name of a file of parts.
pub(super) fn is_parts_name(word: &str) -> bool {
    let number = word.strip_prefix("parts").and_then(|rest| rest.strip_suffix(".zst"));
    number.is_some_and(|number| {
        number.is_empty()
            || number.strip_prefix('-').is_some_and(|digits| {
                !digits.is_empty() && digits.len() < 10 && digits.bytes().all(|byte| byte.is_ascii_digit())
            })
    })
}

/// Makes the directory ready to be written in, or says why it cannot be. `mountinfo` is `/proc/self/mountinfo`.
pub(super) fn prepare(dir: &Path, mountinfo: &str) -> Result<PathBuf, StoreError> {
    let unfit = |why: Words| StoreError::Unfit { dir: dir.to_owned(), why };
    match fs::symlink_metadata(dir) {
        Ok(found) if found.is_symlink() => {
            return Err(unfit(words!("it is a symbolic link", "c'est un lien symbolique")));
        }
        Ok(found) if !found.is_dir() => return Err(unfit(words!("it is no directory", "ce n'est pas un répertoire"))),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io(Doing::LookAt, dir, error)),
    }
    // Looked at before anything is made, and again where it really is.
    let real = nearest(dir).map_err(|error| StoreError::io(Doing::LookAt, dir, error))?;
    ancestors(&real).map_err(&unfit)?;
    if let Some(mount) = windows_mount(&real, mountinfo) {
        let mount = mount.display();
        return Err(unfit(words!(
            "{mount} is a Windows drive, where others can read it",
            "{mount} est un disque Windows, où d'autres peuvent le lire"
        )));
    }
    make(dir).map_err(|error| StoreError::io(Doing::Create, dir, error))?;
    let found = fs::symlink_metadata(dir).map_err(|error| StoreError::io(Doing::LookAt, dir, error))?;
    own(dir, &found)?;
    let below = sessions(dir);
    make(&below).map_err(|error| StoreError::io(Doing::Create, &below, error))?;
    dir.canonicalize().map_err(|error| StoreError::io(Doing::LookAt, dir, error))
}

/// The directory itself belongs to us, and to nobody else.
fn own(dir: &Path, found: &Metadata) -> Result<(), StoreError> {
    let unfit = |why: Words| StoreError::Unfit { dir: dir.to_owned(), why };
    if !found.is_dir() {
        return Err(unfit(words!("it is a symbolic link", "c'est un lien symbolique")));
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(unfit(words!("it belongs to another user", "il appartient à un autre utilisateur")));
    }
    let others = found.mode() & 0o077;
    if others == 0 {
        return Ok(());
    }
    // Somebody's home directory, say: taking others' access away would be a surprise.
    let mut entries = fs::read_dir(dir).map_err(|error| StoreError::io(Doing::Read, dir, error))?;
    let is_ours = sessions(dir).is_dir();
    if !is_ours && entries.next().is_some() {
        return Err(unfit(words!(
            "others can read it, and it holds other files",
            "d'autres peuvent le lire, et il contient d'autres fichiers"
        )));
    }
    fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(|error| StoreError::io(Doing::Protect, dir, error))
}

/// The path without links, of what there is of it.
fn nearest(dir: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(dir)?;
    for ancestor in absolute.ancestors() {
        match ancestor.canonicalize() {
            Ok(real) => return Ok(real.join(absolute.strip_prefix(ancestor).unwrap_or(Path::new("")))),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(absolute)
}

/// Whoever may write in a directory above can put another one in the place of this one.
fn ancestors(real: &Path) -> Result<(), Words> {
    let us = rustix::process::geteuid().as_raw();
    for ancestor in real.ancestors().skip(1) {
        let Ok(found) = fs::metadata(ancestor) else {
            continue;
        };
        let mode = found.mode();
        let others = if is_private_group(&found) { 0o002 } else { 0o022 };
        if mode & others != 0 && mode & 0o1000 == 0 {
            let place = ancestor.display();
            return Err(words!("others may write in {place}", "d'autres peuvent écrire dans {place}"));
        }
        if ![0, us, NOBODY].contains(&found.uid()) {
            let place = ancestor.display();
            return Err(words!("{place} belongs to another user", "{place} appartient à un autre utilisateur"));
        }
    }
    Ok(())
}

/// Many systems give each user a group of the same number, and let it write (`umask 002`): that is nobody else.
fn is_private_group(found: &Metadata) -> bool {
    found.uid() == found.gid() && found.gid() == rustix::process::getegid().as_raw()
}

/// The mount on which a path is, when that is a Windows drive.
fn windows_mount(path: &Path, mountinfo: &str) -> Option<PathBuf> {
    let mounts = mountinfo.lines().filter_map(mount);
    let (place, kind) =
        mounts.filter(|(place, _)| path.starts_with(place)).max_by_key(|(place, _)| place.as_os_str().len())?;
    // A root is no drive: some sandboxes have theirs on 9p.
    (WINDOWS.contains(&kind) && place != Path::new("/")).then_some(place)
}

/// The mount point and the kind of file system of a line (`man 5 proc_pid_mountinfo`).
fn mount(line: &str) -> Option<(PathBuf, &str)> {
    let (left, right) = line.split_once(" - ")?;
    let place = left.split(' ').nth(4)?;
    Some((PathBuf::from(unescape(place)), right.split(' ').next()?))
}

/// `\040` is a space.
fn unescape(text: &str) -> OsString {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.filter(|_| bytes[at] == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok());
        plain.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 4 } else { 1 };
    }
    OsString::from_vec(plain)
}

/// Makes a directory for us alone, and those above it that are missing.
pub(super) fn make(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(above) = dir.parent().filter(|above| !above.as_os_str().is_empty()) {
        make(above)?;
    }
    DirBuilder::new().mode(0o700).create(dir)?;
    // The umask may have taken more.
    fs::set_permissions(dir, Permissions::from_mode(0o700))
}

fn flags() -> i32 {
    i32::try_from(OFlags::NOFOLLOW.bits()).expect("flags are small")
}

/// A file that is read; not through a link.
pub(super) fn read(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(flags()).open(path)
}

/// A file that is there, to be added to.
pub(super) fn write(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(flags()).open(path)
}

/// A file for us alone, made where it is missing.
pub(super) fn create(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().read(true).write(true).create(true).truncate(false), path)
}

/// A new, empty one.
pub(super) fn create_empty(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().read(true).write(true).create(true).truncate(true), path)
}

/// For what is only added to its end.
pub(super) fn append(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().append(true).create(true), path)
}

fn private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.mode(0o600).custom_flags(flags()).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Makes the names in a directory last.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Bytes that we may still write on a path's disk.
pub(super) fn room(dir: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(dir.as_os_str().as_bytes())?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const MOUNTS: &str = "\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
60 27 0:40 / /mnt/c rw,noatime - 9p C:\\134 rw,dirsync,aname=drvfs;path=C:\\;uid=1000
61 27 0:41 / /mnt/my\\040drive rw - drvfs D: rw
62 60 0:42 / /mnt/c/linux rw - ext4 /dev/vdb rw
broken line";

    fn private_dir() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[track_caller]
    fn check_unfit(dir: &Path, mountinfo: &str, because: &str) {
        match prepare(dir, mountinfo) {
            Err(StoreError::Unfit { why, .. }) => assert!(why.en.contains(because), "{why}"),
            other => panic!("{other:?}"),
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn what_is_missing_is_made_for_us_alone() {
        let home = private_dir();
        let dir = home.path().join("state/captures");
        prepare(&dir, MOUNTS).unwrap();
        for path in [home.path().join("state"), dir.clone(), dir.join("sessions")] {
            assert_eq!(mode(&path), 0o700, "{}", path.display());
        }
        let path = dir.join("file");
        create(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn an_open_directory_of_ours_is_closed_and_one_with_other_files_refused() {
        let home = private_dir();
        let dir = home.path().join("open");
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
        fs::write(dir.join("letter"), "").unwrap();
        check_unfit(&dir, MOUNTS, "other files");
        assert_eq!(mode(&dir), 0o755);
        fs::remove_file(dir.join("letter")).unwrap();
        prepare(&dir, MOUNTS).unwrap();
        assert_eq!(mode(&dir), 0o700);
    }

    #[test]
    fn links_are_refused() {
        let home = private_dir();
        let (dir, link) = (home.path().join("dir"), home.path().join("link"));
        fs::create_dir(&dir).unwrap();
        symlink(&dir, &link).unwrap();
        check_unfit(&link, MOUNTS, "symbolic link");
        symlink(home.path().join("nowhere"), home.path().join("dangling")).unwrap();
        check_unfit(&home.path().join("dangling"), MOUNTS, "symbolic link");
        fs::write(dir.join("file"), "").unwrap();
        symlink(dir.join("file"), dir.join("file2")).unwrap();
        for open in [read, write, create, create_empty, append] {
            assert!(open(&dir.join("file2")).is_err());
        }
    }

    #[test]
    fn a_directory_that_others_can_replace_is_refused() {
        let home = private_dir();
        let shared = home.path().join("shared");
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, Permissions::from_mode(0o777)).unwrap();
        check_unfit(&shared.join("captures"), MOUNTS, "others may write");
        fs::set_permissions(&shared, Permissions::from_mode(0o1777)).unwrap();
        prepare(&shared.join("captures"), MOUNTS).unwrap();
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused() {
        let home = private_dir();
        let dir = home.path().join("theirs");
        fs::create_dir(&dir).unwrap();
        if std::os::unix::fs::chown(&dir, Some(12345), None).is_err() {
            return; // Only root can give a directory away.
        }
        check_unfit(&dir, MOUNTS, "another user");
        check_unfit(&dir.join("captures"), MOUNTS, "another user");
    }

    #[test]
    fn windows_drives_are_found_by_their_mount() {
        let found = |path: &str| windows_mount(Path::new(path), MOUNTS);
        assert_eq!(found("/mnt/c/Users/me"), Some("/mnt/c".into()));
        assert_eq!(found("/mnt/my drive/x"), Some("/mnt/my drive".into()));
        assert_eq!(found("/mnt/c/linux/x"), None);
        assert_eq!(found("/mnt/cold"), None);
        assert_eq!(found("/home/me"), None);
    }

    #[test]
    fn nothing_is_made_on_a_windows_drive() {
        let home = private_dir();
        let real = home.path().canonicalize().unwrap();
        let mounts = format!("{MOUNTS}\n70 27 0:50 / {} rw - 9p C: rw", real.display());
        check_unfit(&real.join("captures"), &mounts, "Windows drive");
        assert!(!real.join("captures").exists());
    }

    #[test]
    fn keys_and_names_never_lead_elsewhere() {
        for key in ["20261128-180844-0a1b2c3d", "a"] {
            assert!(is_key(key), "{key}");
        }
        for key in ["", "..", "a/b", "A", "a.b", "a\0", &"a".repeat(65)] {
            assert!(!is_key(key), "{key}");
        }
        for name in ["parts.zst", "parts-2.zst"] {
            assert!(is_parts_name(name), "{name}");
        }
        for name in ["parts-.zst", "parts-../x.zst", "../parts.zst", "parts", "parts-12345678901.zst"] {
            assert!(!is_parts_name(name), "{name}");
        }
    }
}
