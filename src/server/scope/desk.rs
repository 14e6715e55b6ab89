//! The directory of a lock scope: one small file a session, all of them read and written under one lock.
//!
//! Other accounts write there too. What they leave is read within bounds, as plain files alone, and is refused where it
//! is anything else; what is written is written into a file that did not exist before.

use crate::domain::id::SessionId;
use crate::domain::mutant::{Guard, is_off};
use crate::domain::scope::{Claim, Words};
use crate::domain::time::Timestamp;
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// File that is locked while others are read or written.
const LOCK_FILE: &str = "lock";
/// Ends the name of a file that says what a session does.
const CLAIM_END: &str = ".claim";
/// A claim holds 64 KiB of names at most, each byte of which takes two where it is quoted, and little more.
const CLAIM_BYTES_MAX: u64 = 160 * 1024;
/// Of all claims together: fifty of the longest, or all there can be of a usual length.
const ALL_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Sessions that one host has said something of: far more than run on one; a directory with more is something else.
const CLAIMS_MAX: usize = 1024;
/// Files of any kind: a claim, one that was being written, and the lock.
const ENTRIES_MAX: usize = 2 * CLAIMS_MAX + 16;
/// Longest wait for the lock: who has it writes one small file. A look takes at most two seconds in all.
const LOCK_MAX: Duration = Duration::from_secs(1);
/// Characters of a path that are told, from its end: what is wrong with it has to find room behind it.
const PATH_CHARS_MAX: usize = 120;
/// After this a command that ended was part of the world for everything that can still be on the table.
pub(super) const OVER: Duration = Duration::from_secs(4 * 15 * 60);
/// After this a maintenance that has begun and says nothing is left behind: the longest ones take a few days.
const FORGOTTEN: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Between two tries for the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// What a go found of its scope.
pub(crate) type Taken = Result<Vec<Claim>, String>;

/// What the moment of a go came to.
#[derive(Debug)]
pub(crate) struct Took {
    /// What the other sessions of the host say.
    pub(super) others: Vec<Claim>,
    /// What this session has said in that moment; nothing where another was at something, nothing was armed, or
    /// something newer has been said.
    pub(super) said: Option<Word>,
}

/// Something to say: in which order, when, and what.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) order: u64,
    pub(super) at: Timestamp,
    pub(super) claim: Claim,
}

/// The place of one session among those of its host.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(super) dir: PathBuf,
    pub(super) session: SessionId,
    /// Number of the newest order that was carried out: what comes late is not written over what is newer.
    newest: Mutex<u64>,
    /// Held while the others are read: a disk that does not answer keeps one thread, not one more with each look.
    reading: Mutex<()>,
    telling: Mutex<Telling>,
}

/// What is being said.
#[derive(Debug, Default)]
struct Telling {
    /// What is to be said next: only the newest matters.
    next: Option<Word>,
    /// A thread says it.
    is_busy: bool,
    /// The newest word could not be written.
    is_unsaid: bool,
}

/// The directory.
struct Place {
    dir: OwnedFd,
    /// Others write here too: they have to be able to read.
    is_shared: bool,
}

/// The lock, as long as the value lives. A disk is not waited for under it: others would wait too.
struct Held(#[expect(dead_code, reason = "given back when it is dropped")] File);

/// On one line, whatever a file is called and whatever it says.
fn failed(what: &str, path: &Path, why: impl std::fmt::Display) -> String {
    let path = path.display().to_string();
    let longer = path.chars().count().saturating_sub(PATH_CHARS_MAX);
    let shown: String = path.chars().skip(longer).collect();
    let cut = if longer > 0 { "..." } else { "" };
    Words::new(&format!("cannot {what} `{cut}{shown}`: {why}")).to_string()
}

/// File of what a session says.
pub(super) fn file_of(session: &SessionId) -> String {
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
    pub(crate) fn new(dir: PathBuf, session: SessionId) -> Self {
        Self {
            dir,
            session,
            newest: Mutex::new(0),
            reading: Mutex::new(()),
            telling: Mutex::default(),
        }
    }

    /// What the other sessions of the host say. Blocks.
    ///
    /// # Errors
    /// Why that cannot be told, on one line.
    pub(crate) fn others(&self) -> Taken {
        let _turn = match self.reading.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(failed(
                    "read",
                    &self.dir,
                    "it has not answered an earlier look",
                ));
            }
        };
        let place = self.place()?;
        let _held = self.hold(&place, FlockOperation::NonBlockingLockShared)?;
        self.read_all(&place)
    }

    fn telling(&self) -> MutexGuard<'_, Telling> {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes down what is to be said next. True when a thread has to be found that calls [`Desk::say_all`].
    #[must_use]
    pub(super) fn next(&self, word: Word) -> bool {
        let mut telling = self.telling();
        telling.next = Some(word);
        !std::mem::replace(&mut telling.is_busy, true)
    }

    /// Says what is to be said until there is nothing left. Blocks.
    pub(super) fn say_all(&self) {
        while let Some(word) = self.next_word() {
            let said = self.put(&word);
            let was_unsaid = std::mem::replace(&mut self.telling().is_unsaid, said.is_err());
            match said {
                // Told once, not at every try.
                Err(error) if !was_unsaid => tracing::error!(
                    %error, "the other sessions of this host cannot be told what this one does; it is tried again"
                ),
                Ok(()) if was_unsaid => {
                    tracing::info!(
                        "the other sessions of this host have been told what this one does"
                    );
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    fn next_word(&self) -> Option<Word> {
        let mut telling = self.telling();
        let next = telling.next.take();
        telling.is_busy = next.is_some();
        next
    }

    /// True while something is being said.
    pub(super) fn is_busy(&self) -> bool {
        self.telling().is_busy
    }

    /// True when nothing is being said, and the newest word could not be.
    pub(super) fn is_unsaid(&self) -> bool {
        let telling = self.telling();
        telling.is_unsaid && !telling.is_busy
    }

    /// Says what this session does, unless something newer was said. Blocks.
    ///
    /// # Errors
    /// Why it could not be written, on one line.
    pub(super) fn put(&self, word: &Word) -> Result<(), String> {
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
    pub(super) fn take(&self, word: &Word) -> Result<Took, String> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        // What nobody is told of does not run, and what comes late is not said over what is newer.
        let is_sayable = word.claim.holds() && word.order >= *newest;
        let place = self.place()?;
        if is_sayable {
            self.prepare(&place, &word.claim)?;
        }
        let held = self.hold(&place, FlockOperation::NonBlockingLockExclusive)?;
        let others = self.read_all(&place)?;
        let mut ours = others
            .iter()
            .filter(|other| other.scope.shares(&word.claim.scope));
        let is_free = ours.all(|other| !other.holds()) || is_off(Guard::Scope);
        if !is_free || !is_sayable {
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
        let is_shared = mode.intersects(Mode::WGRP | Mode::WOTH);
        if is_shared && !mode.contains(Mode::SVTX) {
            let why = "others than its owner write there and its sticky bit is not set, so each can remove what others \
                       say; whoever owns it sets it with `chmod +t`";
            return Err(failed("trust", &self.dir, why));
        }
        Ok(Place { dir, is_shared })
    }

    fn hold(&self, place: &Place, operation: FlockOperation) -> Result<Held, String> {
        let path = self.dir.join(LOCK_FILE);
        self.make_lock(place);
        let how = (OFlags::RDWR | OFlags::NONBLOCK, Mode::empty());
        let file = self.open_plain(place, LOCK_FILE, how, "open")?;
        let tries = LOCK_MAX.as_millis() / LOCK_PAUSE.as_millis();
        for _ in 0..tries {
            match rustix::fs::flock(&file, operation) {
                Ok(()) => return Ok(Held(file)),
                Err(Errno::WOULDBLOCK | Errno::INTR) => {
                    std::thread::park_timeout(LOCK_PAUSE);
                }
                Err(error) => return Err(failed("lock", &path, error)),
            }
        }
        Err(failed("lock", &path, "another session keeps it locked"))
    }

    /// Makes the lock where there is none. Not while it is opened: some kernels let nobody open the file of another account
    /// in a shared directory in a way that could make one (`fs.protected_regular`).
    fn make_lock(&self, place: &Place) {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NONBLOCK;
        let own = Mode::RUSR | Mode::WUSR;
        let made = self.open_plain(place, LOCK_FILE, (flags, own), "make");
        if let Ok(file) = made
            && place.is_shared
        {
            // The mode of a new file is cut by the umask.
            rustix::fs::fchmod(&file, own | Mode::RGRP | Mode::WGRP).ok();
        }
    }

    fn open_dir(&self) -> Result<OwnedFd, String> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::open(&self.dir, flags, Mode::empty());
        let opened = match open() {
            Err(Errno::NOENT) => {
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

    /// Opens a file of the directory that is nothing but a file under one name: no link, no pipe, no device, and nothing
    /// that stands elsewhere too.
    fn open_plain(
        &self,
        place: &Place,
        name: &str,
        (flags, mode): (OFlags, Mode),
        what: &str,
    ) -> Result<File, String> {
        let path = self.dir.join(name);
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&place.dir, name, flags, mode);
        let fd = fd.map_err(|error| failed(what, &path, error))?;
        let stat = rustix::fs::fstat(fd.as_fd()).map_err(|error| failed(what, &path, error))?;
        if FileType::from_raw_mode(stat.st_mode).is_file() && stat.st_nlink <= 1 {
            return Ok(File::from(fd));
        }
        Err(failed(what, &path, "it is no plain file"))
    }

    fn read_all(&self, place: &Place) -> Taken {
        let told = |why: &dyn std::fmt::Display| failed("read", &self.dir, why);
        let entries = rustix::fs::Dir::read_from(&place.dir).map_err(|e| told(&e))?;
        let own = file_of(&self.session);
        let mut claims = Vec::new();
        let mut left = ALL_BYTES_MAX;
        for (index, entry) in entries.enumerate() {
            let entry = entry.map_err(|e| told(&e))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if index >= ENTRIES_MAX {
                return Err(told(&format!("more than {ENTRIES_MAX} files")));
            }
            if !name.ends_with(CLAIM_END) || name == own {
                continue;
            }
            if claims.len() >= CLAIMS_MAX {
                return Err(told(&format!("more than {CLAIMS_MAX} claims")));
            }
            let (claim, bytes) = self.read(place, &name)?;
            left = left
                .checked_sub(bytes)
                .ok_or_else(|| told(&format!("more than {ALL_BYTES_MAX} bytes of claims")))?;
            claims.push(claim);
        }
        Ok(claims)
    }

    /// A claim behind the one that this session, or an earlier server of it, has published.
    fn behind_own(&self, place: &Place, mut claim: Claim) -> Claim {
        let name = file_of(&self.session);
        let found = rustix::fs::statat(&place.dir, &*name, AtFlags::SYMLINK_NOFOLLOW);
        if found.err() == Some(Errno::NOENT) || !claim.holds() {
            return claim;
        }
        match self.read(place, &name) {
            Ok((before, _)) => claim.behind(&before),
            Err(why) => {
                claim.scope.unknown = Some(Words::new(&why));
                claim
            }
        }
    }

    /// A claim, and how many bytes it is long.
    fn read(&self, place: &Place, name: &str) -> Result<(Claim, u64), String> {
        let path = self.dir.join(name);
        let how = (OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty());
        let file = self.open_plain(place, name, how, "read")?;
        let mut bytes = Vec::new();
        let read = file.take(CLAIM_BYTES_MAX + 1).read_to_end(&mut bytes);
        read.map_err(|e| failed("read", &path, e))?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if length > CLAIM_BYTES_MAX {
            let why = format!("it has more than {CLAIM_BYTES_MAX} bytes");
            return Err(failed("read", &path, why));
        }
        let claim: Claim =
            serde_json::from_slice(&bytes).map_err(|e| failed("understand", &path, e))?;
        if !claim.scope.is_bounded() {
            let why = "it names more than a session ever does";
            return Err(failed("understand", &path, why));
        }
        if name != file_of(&claim.id) {
            return Err(failed("trust", &path, "it is named like another session"));
        }
        Ok((claim, length))
    }

    fn beside(&self) -> String {
        format!("{}.new", self.session.as_str())
    }

    /// Writes beside: a reader, and a host that loses power, has the old claim or the new one. The file is always a new
    /// one: whatever stands there, left behind or laid there, is neither written to nor waited for.
    fn prepare(&self, place: &Place, claim: &Claim) -> Result<(), String> {
        let name = self.beside();
        let path = self.dir.join(&name);
        let told = |error: &dyn std::fmt::Display| failed("write", &path, error);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NONBLOCK;
        let own = Mode::RUSR | Mode::WUSR;
        match rustix::fs::unlinkat(&place.dir, &*name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(told(&format!("what stands there is in the way: {error}"))),
        }
        let mut file = self.open_plain(place, &name, (flags, own), "write")?;
        if place.is_shared {
            rustix::fs::fchmod(&file, own | Mode::RGRP).map_err(|e| told(&e))?;
        }
        let bytes = serde_json::to_vec(claim).map_err(|e| told(&e))?;
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
