//! Opens policy files so that what is judged is what is read: step by step from the root, never through a link.

use super::access::{Fact, Kind};
use super::problem::Problem;
use super::read;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, fstat, open, openat};
use rustix::io::Errno;
use std::fs::File;
use std::path::{Component, Path, PathBuf};

/// Whether who may write the files is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Yes: files that a session decides by.
    Installed,
    /// No: files that somebody is still writing, in a repository.
    Draft,
}

/// Entries of a directory that are looked at: one for each person there can be.
const ENTRIES_MAX: usize = 1000;

/// The directory of the policy files, held open.
pub(super) struct Holder {
    fd: OwnedFd,
    path: PathBuf,
    facts: Vec<Fact>,
}

/// A file as it was read.
pub(super) struct Found {
    pub(super) text: String,
    pub(super) fact: Fact,
}

/// Why a file of a directory of secrets was not read.
pub(super) enum Unread {
    /// This account may not.
    Forbidden,
    /// Something is wrong with it.
    Wrong(Problem),
}

impl Holder {
    /// Opens a directory and notes who owns what of its path.
    pub(super) fn open(dir: &Path, guard: Guard) -> Result<Self, Problem> {
        let dir = if dir.as_os_str().is_empty() {
            Path::new(".")
        } else {
            dir
        };
        let failed = |error: Errno| {
            let error = std::io::Error::from(error);
            let hint = "the people file and what stands beside it belong there";
            Problem::of_file(dir, format!("cannot be opened: {error}"), hint)
        };
        let path = std::path::absolute(dir)
            .map_err(|error| Problem::of_file(dir, format!("cannot be found: {error}"), ""))?;
        if guard == Guard::Draft {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let fd = openat(CWD, &path, flags, Mode::empty()).map_err(failed)?;
            return Ok(Self {
                fd,
                path: dir.to_owned(),
                facts: Vec::new(),
            });
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut fd = open("/", flags, Mode::empty()).map_err(failed)?;
        let mut facts = vec![fact(&fd, Path::new("/"), Kind::Above).map_err(failed)?];
        let mut so_far = PathBuf::from("/");
        for part in path.components() {
            let name = match part {
                Component::Normal(name) => name,
                Component::ParentDir => "..".as_ref(),
                Component::RootDir | Component::CurDir | Component::Prefix(_) => continue,
            };
            so_far.push(name);
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            fd = openat(&fd, name, flags, Mode::empty()).map_err(failed)?;
            let stat = fstat(&fd).map_err(failed)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {}
                FileType::Symlink => return Err(link(&so_far)),
                _ => {
                    return Err(Problem::of_file(
                        &so_far,
                        "is not a directory".to_owned(),
                        "",
                    ));
                }
            }
            facts.push(fact(&fd, &so_far, Kind::Above).map_err(failed)?);
        }
        if let Some(last) = facts.last_mut() {
            last.kind = Kind::Holder;
        }
        Ok(Self {
            fd,
            path: dir.to_owned(),
            facts,
        })
    }

    /// What is known of the directory and everything above it; nothing of a draft.
    pub(super) fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Path of a file, for problems.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a file; `None` when there is none.
    pub(super) fn read(&self, name: &str) -> Result<Option<Found>, Problem> {
        let path = self.path_of(name);
        let Some(file) = open_file(&self.fd, name, &path)? else {
            return Ok(None);
        };
        let fact = fact(&file, &path, Kind::File).map_err(|error| unreadable(&path, error))?;
        let (text, _) = read::contents(&path, file)?;
        Ok(Some(Found { text, fact }))
    }

    /// Names in a directory below this one, in their order; `None` when there is none.
    pub(super) fn secrets(&self, name: &str) -> Result<Option<Secrets>, Unread> {
        let path = self.path_of(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = match openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::ACCESS) => return Err(Unread::Forbidden),
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(Unread::Wrong(link(&path))),
            Err(error) => return Err(Unread::Wrong(unreadable(&path, error))),
        };
        let failed = |error| Unread::Wrong(unreadable(&path, error));
        let mut names = Vec::new();
        for entry in Dir::read_from(&fd).map_err(failed)?.take(ENTRIES_MAX) {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort();
        Ok(Some(Secrets { fd, path, names }))
    }
}

/// A directory of secrets, held open.
pub(super) struct Secrets {
    fd: OwnedFd,
    path: PathBuf,
    /// What is in it.
    pub(super) names: Vec<String>,
}

impl Secrets {
    /// Path of a file, for problems.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a secret that nobody but its owner may read.
    pub(super) fn read(&self, name: &str) -> Result<String, Unread> {
        let path = self.path_of(name);
        let file = match open_file(&self.fd, name, &path) {
            Ok(Some(file)) => file,
            // It went in between: then there is no such secret.
            Ok(None) => return Err(Unread::Forbidden),
            Err(problem) => return Err(Unread::Wrong(problem)),
        };
        let fact = fact(&file, &path, Kind::File)
            .map_err(|error| Unread::Wrong(unreadable(&path, error)))?;
        if fact.mode & 0o077 != 0 {
            let what = format!("has mode {:04o}: others may read the secret", fact.mode);
            let hint = format!("run `chmod 600 {}`", path.display());
            return Err(Unread::Wrong(Problem::of_file(&path, what, &hint)));
        }
        let (text, _) = read::contents(&path, file).map_err(Unread::Wrong)?;
        Ok(text)
    }
}

fn open_file(dir: &OwnedFd, name: &str, path: &Path) -> Result<Option<File>, Problem> {
    // Opening a pipe nobody writes to would wait for ever.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat(dir, name, flags, Mode::empty()) {
        Ok(fd) => Ok(Some(File::from(fd))),
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::LOOP) => Err(link(path)),
        Err(error) => Err(unreadable(path, error)),
    }
}

fn fact(fd: impl AsFd, path: &Path, kind: Kind) -> Result<Fact, Errno> {
    let stat = fstat(fd)?;
    Ok(Fact {
        path: path.to_owned(),
        kind,
        owner: stat.st_uid,
        mode: stat.st_mode & 0o7777,
    })
}

fn unreadable(path: &Path, error: Errno) -> Problem {
    let error = std::io::Error::from(error);
    Problem::of_file(path, format!("cannot read the file: {error}"), "")
}

fn link(path: &Path) -> Problem {
    let hint = "name the real place: whoever may change the link could put another list there";
    Problem::of_file(path, "is a symbolic link".to_owned(), hint)
}
