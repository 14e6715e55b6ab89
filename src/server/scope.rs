//! The lock scope of a session, on the disk of its host: one file a session says what it does, and all of them are
//! read and written under one lock of the directory. Nothing is looked at while nothing destructive is on the table.
//!
//! Who goes takes the lock, reads what the others say and writes down that this one runs, all in one: of two that
//! press go at once one runs. What cannot be read or written is in the way of everything destructive.

use super::session::Session;
use crate::domain::id::{Seq, SessionId};
use crate::domain::scope::{Claim, Scope};
use crate::domain::time::Timestamp;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// File that is locked while others are read or written.
const LOCK_FILE: &str = "lock";
/// Ends the name of a file that says what a session does.
const CLAIM_END: &str = ".claim";
/// A claim names at most 2,000 components of 200 bytes and little more.
const CLAIM_BYTES_MAX: u64 = 1024 * 1024;
/// Sessions that one host has said something of: far more than run on one; a directory with more is something else.
const CLAIMS_MAX: usize = 1024;
/// Longest wait for the lock: who has it writes one small file. A look takes at most two seconds in all.
const LOCK_MAX: Duration = Duration::from_secs(1);
/// After this a command that ended was part of the world for everything that can still be on the table.
const OVER: Duration = Duration::from_secs(4 * 15 * 60);
/// After this a maintenance that has begun and says nothing is left behind: the longest ones take a few days.
const FORGOTTEN: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Longest wait for the last word of a session that ends.
const LAST_MAX: Duration = Duration::from_secs(2);
/// Between two tries for the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// What a go found of its scope.
pub(crate) type Taken = Result<Vec<Claim>, String>;

/// What the moment of a go came to.
#[derive(Debug)]
pub(crate) struct Took {
    /// What the other sessions of the host say.
    others: Vec<Claim>,
    /// What this session has said in that moment; nothing where another was at something, or nothing was armed.
    said: Option<Word>,
}

/// The place of one session among those of its host.
#[derive(Debug)]
pub(crate) struct Desk {
    dir: PathBuf,
    session: SessionId,
    /// Number of the newest order that was carried out: what comes late is not written over what is newer.
    newest: Mutex<u64>,
    /// What was to be said could not be written.
    is_unsaid: AtomicBool,
}

/// Something to say: in which order, when, and what.
#[derive(Debug, Clone)]
struct Word {
    order: u64,
    at: Timestamp,
    claim: Claim,
}

/// The directory.
struct Place {
    dir: OwnedFd,
    /// Others write here too: they have to be able to read.
    is_shared: bool,
}

/// The lock, as long as the value lives. A disk is not waited for under it: others would wait too.
struct Held(#[expect(dead_code, reason = "given back when it is dropped")] File);

fn failed(what: &str, path: &Path, why: impl std::fmt::Display) -> String {
    format!("cannot {what} `{}`: {why}", path.display())
}

/// File of what a session says.
fn file_of(session: &SessionId) -> String {
    format!("{}{CLAIM_END}", session.as_str())
}

/// What the sessions of this host say of themselves, read by somebody who is none of them. Makes no directory. Blocks.
///
/// # Errors
/// Why that cannot be told, on one line.
pub fn claims_of(dir: &Path) -> Result<Vec<Claim>, String> {
    if std::fs::symlink_metadata(dir).is_err() {
        // The first session makes it.
        return Ok(Vec::new());
    }
    Desk::new(dir.to_owned(), SessionId::from_parts(0, 0)).others()
}

impl Desk {
    /// A place in `dir`, which is made when it is first needed.
    pub(crate) const fn new(dir: PathBuf, session: SessionId) -> Self {
        Self {
            dir,
            session,
            newest: Mutex::new(0),
            is_unsaid: AtomicBool::new(false),
        }
    }

    /// What the other sessions of the host say. Blocks.
    ///
    /// # Errors
    /// Why that cannot be told, on one line.
    pub(crate) fn others(&self) -> Taken {
        let place = self.place()?;
        let _held = self.hold(&place, FlockOperation::NonBlockingLockShared)?;
        self.read_all(&place)
    }

    /// Says what this session does, unless something newer was said. Blocks.
    ///
    /// # Errors
    /// Why it could not be written, on one line.
    fn put(&self, word: &Word) -> Result<(), String> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if word.order < *newest {
            return Ok(());
        }
        let place = self.place()?;
        self.prepare(&place, &self.behind_own(&place, word.claim.clone()))?;
        let held = self.hold(&place, FlockOperation::NonBlockingLockExclusive)?;
        self.publish(&place)?;
        *newest = word.order;
        self.forget_old(&place, word.at);
        drop(held);
        self.keep(&place)
    }

    /// Reads what the others say and, unless one of them is at something destructive, says in the same moment that this
    /// session is. Blocks.
    ///
    /// # Errors
    /// Why that cannot be told or said, on one line.
    fn take(&self, word: &Word) -> Result<Took, String> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if word.order < *newest {
            return Err("it came too late".to_owned());
        }
        let place = self.place()?;
        self.prepare(&place, &word.claim)?;
        let held = self.hold(&place, FlockOperation::NonBlockingLockExclusive)?;
        let others = self.read_all(&place)?;
        let mut ours = others
            .iter()
            .filter(|other| other.scope.shares(&word.claim.scope));
        let is_free = ours.all(|other| !other.holds());
        // What nobody is told of does not run.
        if !is_free || !word.claim.holds() {
            return Ok(Took { others, said: None });
        }
        self.publish(&place)?;
        *newest = word.order;
        drop(held);
        self.keep(&place)?;
        let said = Some(word.clone());
        Ok(Took { others, said })
    }

    /// Removes what sessions said of things long over. One that cannot be removed is another account's to remove.
    fn forget_old(&self, place: &Place, now: Timestamp) {
        for claim in self.read_all(place).unwrap_or_default() {
            let last = claim.last.as_ref().map(|deed| now.since(deed.since));
            // One whose server died goes on until somebody takes it up; after that long nobody will.
            let goes_on = claim
                .begun
                .is_some_and(|begun| now.since(begun) <= FORGOTTEN);
            if claim.now.is_none() && !goes_on && last.is_none_or(|ago| ago > OVER) {
                let name = file_of(&claim.id);
                rustix::fs::unlinkat(&place.dir, &*name, AtFlags::empty()).ok();
            }
        }
    }

    fn place(&self) -> Result<Place, String> {
        let dir = self.open_dir()?;
        let stat = rustix::fs::fstat(&dir).map_err(|e| failed("inspect", &self.dir, e))?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        if mode.contains(Mode::WOTH) && !mode.contains(Mode::SVTX) {
            return Err(failed("trust", &self.dir, "anybody may write there"));
        }
        let is_shared = mode.contains(Mode::WGRP);
        Ok(Place { dir, is_shared })
    }

    fn hold(&self, place: &Place, operation: FlockOperation) -> Result<Held, String> {
        let path = self.dir.join(LOCK_FILE);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let own = Mode::RUSR | Mode::WUSR;
        let fd = rustix::fs::openat(&place.dir, LOCK_FILE, flags, own)
            .map_err(|e| failed("open", &path, e))?;
        if place.is_shared {
            // The mode of a new file is cut by the umask; for one of somebody else this says no, and nothing is lost.
            rustix::fs::fchmod(&fd, own | Mode::RGRP | Mode::WGRP).ok();
        }
        let tries = LOCK_MAX.as_millis() / LOCK_PAUSE.as_millis();
        for _ in 0..tries {
            match rustix::fs::flock(&fd, operation) {
                Ok(()) => return Ok(Held(File::from(fd))),
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {
                    std::thread::park_timeout(LOCK_PAUSE);
                }
                Err(error) => return Err(failed("lock", &path, error)),
            }
        }
        Err(failed("lock", &path, "another session keeps it locked"))
    }

    fn open_dir(&self) -> Result<OwnedFd, String> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::open(&self.dir, flags, Mode::empty());
        let opened = match open() {
            Err(rustix::io::Errno::NOENT) => {
                use std::os::unix::fs::DirBuilderExt as _;
                let mut builder = std::fs::DirBuilder::new();
                // Another session may make it in the same moment.
                builder.mode(0o700).create(&self.dir).ok();
                open()
            }
            opened => opened,
        };
        opened.map_err(|error| failed("open", &self.dir, error))
    }

    fn read_all(&self, place: &Place) -> Taken {
        let entries = rustix::fs::Dir::read_from(&place.dir);
        let entries = entries.map_err(|e| failed("read", &self.dir, e))?;
        let own = file_of(&self.session);
        let mut claims = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| failed("read", &self.dir, e))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.ends_with(CLAIM_END) || name == own {
                continue;
            }
            if claims.len() >= CLAIMS_MAX {
                return Err(failed(
                    "read",
                    &self.dir,
                    format!("more than {CLAIMS_MAX} claims"),
                ));
            }
            claims.push(self.read(place, &name)?);
        }
        Ok(claims)
    }

    /// A claim behind the one that this session, or an earlier server of it, has published.
    fn behind_own(&self, place: &Place, mut claim: Claim) -> Claim {
        let name = file_of(&self.session);
        let found = rustix::fs::statat(&place.dir, &*name, AtFlags::SYMLINK_NOFOLLOW);
        if found.err() == Some(rustix::io::Errno::NOENT) || !claim.holds() {
            return claim;
        }
        match self.read(place, &name) {
            Ok(before) => claim.behind(&before),
            Err(why) => {
                claim.scope.unknown = Some(why);
                claim
            }
        }
    }

    fn read(&self, place: &Place, name: &str) -> Result<Claim, String> {
        let path = self.dir.join(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = rustix::fs::openat(&place.dir, name, flags, Mode::empty());
        let file = File::from(fd.map_err(|e| failed("read", &path, e))?);
        let mut bytes = Vec::new();
        let read = file.take(CLAIM_BYTES_MAX).read_to_end(&mut bytes);
        read.map_err(|e| failed("read", &path, e))?;
        let claim: Claim =
            serde_json::from_slice(&bytes).map_err(|e| failed("understand", &path, e))?;
        if name != file_of(&claim.id) {
            return Err(failed("trust", &path, "it is named like another session"));
        }
        Ok(claim)
    }

    fn beside(&self) -> String {
        format!("{}.new", self.session.as_str())
    }

    /// Writes beside: a reader, and a host that loses power, has the old claim or the new one.
    fn prepare(&self, place: &Place, claim: &Claim) -> Result<(), String> {
        let path = self.dir.join(self.beside());
        let told = |error: &dyn std::fmt::Display| failed("write", &path, error);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let own = Mode::RUSR | Mode::WUSR;
        let fd =
            rustix::fs::openat(&place.dir, &*self.beside(), flags, own).map_err(|e| told(&e))?;
        if place.is_shared {
            rustix::fs::fchmod(&fd, own | Mode::RGRP).map_err(|e| told(&e))?;
        }
        let bytes = serde_json::to_vec(claim).map_err(|e| told(&e))?;
        let mut file = File::from(fd);
        file.write_all(&bytes).map_err(|e| told(&e))?;
        file.sync_all().map_err(|e| told(&e))
    }

    /// From here on the others read what was written beside.
    fn publish(&self, place: &Place) -> Result<(), String> {
        let (beside, name) = (self.beside(), file_of(&self.session));
        rustix::fs::renameat(&place.dir, &*beside, &place.dir, &*name)
            .map_err(|error| failed("write", &self.dir.join(&name), error))
    }

    /// Waits until the disk has what was published.
    fn keep(&self, place: &Place) -> Result<(), String> {
        rustix::fs::fsync(&place.dir).map_err(|error| failed("write", &self.dir, error))
    }
}

/// What this session has said of itself, and the order in which it does.
#[derive(Debug)]
pub(crate) struct Said {
    desk: Arc<Desk>,
    order: u64,
    claim: Option<Claim>,
    /// Record up to which it was looked at.
    head: Option<Seq>,
    /// What stands there may not be what is so: a go was tried, or a server came back.
    is_doubtful: bool,
}

impl Said {
    /// Nothing yet; after a restart what an earlier server said is said anew.
    pub(crate) fn new(desk: Desk, is_restart: bool) -> Self {
        Self {
            desk: Arc::new(desk),
            order: 0,
            claim: None,
            head: None,
            is_doubtful: is_restart,
        }
    }

    /// What it touches is not what it was: what stands there is compared again.
    pub(crate) const fn look_again(&mut self) {
        self.head = None;
    }

    /// The place of the session.
    pub(crate) fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk)
    }

    fn word(&mut self, at: Timestamp, claim: Claim) -> Word {
        self.order = self.order.saturating_add(1);
        let order = self.order;
        Word { order, at, claim }
    }
}

/// Work for a thread that may block: say that what is armed runs, unless another is in the way.
#[derive(Debug)]
pub(crate) struct Going {
    desk: Arc<Desk>,
    word: Word,
}

impl Going {
    /// Does it. Blocks.
    pub(crate) fn take(&self) -> Result<Took, String> {
        self.desk.take(&self.word)
    }
}

impl Session {
    /// Takes what the other sessions of the host say: of them, those of the own scope.
    pub(crate) fn take_scope(&mut self, found: Taken) {
        let own = Scope::of(self.engine.state().plan(), &self.world);
        self.nearby.heard.clone_from(&found);
        self.tell_around();
        self.world.scope = found.map(|mut others| {
            others.retain(|other| other.scope.shares(&own));
            others
        });
    }

    /// What has to be said of this session before its armed step may run.
    pub(crate) fn going(&mut self) -> Going {
        let now = self.clock.now().wall;
        let claim = Claim::of(self.engine.tentative(), &self.world).going(now);
        Going {
            desk: self.said.desk(),
            word: self.said.word(now, claim),
        }
    }

    /// Takes what a go found of the scope. Whatever comes of it, what is so then is said again. True when the others have
    /// been told that what is armed runs, in the scope that it has now, and nothing else since.
    #[must_use]
    pub(crate) fn gone(&mut self, scope: Option<Result<Took, String>>) -> bool {
        self.said.is_doubtful = true;
        let Some(scope) = scope else {
            return false;
        };
        let (others, said) = match scope {
            Ok(took) => (Ok(took.others), took.said),
            Err(why) => (Err(why), None),
        };
        self.take_scope(others);
        let own = Scope::of(self.engine.state().plan(), &self.world);
        said.is_some_and(|said| self.said.order == said.order && said.claim.scope == own)
    }

    /// What the other sessions have to be told, where that has changed.
    fn news_of_scope(&mut self) -> Option<Word> {
        let state = self.engine.state();
        let is_doubtful = std::mem::take(&mut self.said.is_doubtful);
        if self.said.head == Some(state.head.0) && !is_doubtful {
            return None;
        }
        self.said.head = Some(state.head.0);
        let claim = Claim::of(state, &self.world);
        let is_said = match &self.said.claim {
            Some(said) => *said == claim,
            None => claim.is_idle(),
        };
        let is_unsaid = self.said.desk.is_unsaid.swap(false, Ordering::Relaxed);
        if is_said && !is_doubtful && !is_unsaid {
            return None;
        }
        self.said.claim = Some(claim.clone());
        Some(self.said.word(self.clock.now().wall, claim))
    }

    /// Tells the other sessions what this one does. Off this task: nothing waits for it.
    pub(crate) fn tell_scope(&mut self) -> Option<JoinHandle<()>> {
        let word = self.news_of_scope()?;
        let desk = self.said.desk();
        Some(tokio::task::spawn_blocking(move || {
            if let Err(error) = desk.put(&word) {
                tracing::error!(%error, "the other sessions of this host cannot be told what this one does");
                desk.is_unsaid.store(true, Ordering::Relaxed);
            }
        }))
    }

    /// As [`Session::tell_scope`] for the last time, and waits for it.
    pub(crate) async fn tell_scope_last(&mut self) {
        if let Some(telling) = self.tell_scope() {
            tokio::time::timeout(LAST_MAX, telling).await.ok();
        }
    }
}

#[cfg(test)]
mod tests;
