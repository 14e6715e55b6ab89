//! What tests over real programs stand on: a place for files, waiting on conditions, and an end to every process.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// Longer than anything takes on a busy machine: a wait that reaches it has failed.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks: short beside what is waited for, and cheap enough for looks that start a process.
const POLL: Duration = Duration::from_millis(50);

/// Waits until `look` finds something, and returns it.
///
/// # Panics
/// When it is not there in time; `what` says what was waited for.
pub(crate) fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    try_wait(look).unwrap_or_else(|| panic!("waited {} s for {what}", DEADLINE.as_secs()))
}

/// Waits until `look` finds something; `None` when it is not there in time.
pub(crate) fn try_wait<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the deadline of a test over real programs is real time"
    )]
    let now = std::time::Instant::now;
    let started = now();
    loop {
        let found = look();
        if found.is_some() || now().duration_since(started) >= DEADLINE {
            return found;
        }
        std::thread::park_timeout(POLL);
    }
}

/// Waits until a condition holds.
///
/// # Panics
/// When it does not hold in time.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}

/// True when runs over real servers cannot be here; says so in a line that `tests/run` counts.
pub(crate) fn is_skipped(test: &str) -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "the switch of whoever runs the tests"
    )]
    let wish = std::env::var_os("WARROOM_E2E").unwrap_or_default();
    let why = if wish == "skip" {
        "WARROOM_E2E=skip"
    } else if !rustix::process::geteuid().is_root() {
        "it needs root, for accounts of its own"
    } else {
        return false;
    };
    // The test runner may have begun a line.
    eprintln!("\nSKIP {test}: {why}");
    true
}

/// Root of the checkout.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command to its end.
///
/// # Panics
/// When it cannot be started.
pub(crate) fn run(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Standard output of a command that succeeds.
///
/// # Panics
/// With all it said, when it does not.
pub(crate) fn stdout_of(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Everything a command said, and how it ended.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A directory that other accounts can reach, with the program in it. Whatever runs from it ends with it.
#[derive(Debug)]
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// Makes the directory and copies the program into `bin` below it.
    pub(crate) fn new() -> Self {
        // Not the checkout, which may be below a home that nobody else can enter; short, for sockets' paths.
        let dir = tempfile::Builder::new()
            .prefix("wr-")
            .tempdir_in("/tmp")
            .expect("a directory below /tmp");
        let place = Self { dir };
        set_mode(place.path(), 0o755);
        fs::create_dir(place.join("bin")).expect("mkdir");
        fs::copy(env!("CARGO_BIN_EXE_warroom"), place.program()).expect("the program is built");
        set_mode(&place.program(), 0o755);
        place
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path below it.
    pub(crate) fn join(&self, below: &str) -> PathBuf {
        self.path().join(below)
    }

    /// The program.
    pub(crate) fn program(&self) -> PathBuf {
        self.join("bin/warroom")
    }

    /// Writes a file below it that everybody can read.
    pub(crate) fn write(&self, below: &str, text: &str) -> PathBuf {
        let path = self.join(below);
        fs::write(&path, text).expect("writable");
        set_mode(&path, 0o644);
        path
    }

    /// Processes that run from here: by their program, their working directory or their arguments.
    pub(crate) fn processes(&self) -> Vec<rustix::process::Pid> {
        let here = self.path().to_string_lossy().into_owned();
        let own = std::process::id().to_string();
        let entries = fs::read_dir("/proc").expect("/proc");
        entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|pid| *pid != own)
            .filter(|pid| runs_from(pid, &here))
            .filter_map(|pid| rustix::process::Pid::from_raw(pid.parse().ok()?))
            .collect()
    }

    fn end_everything(&self) {
        use rustix::process::Signal;
        // PostgreSQL gives its shared memory back on QUIT; it cannot on KILL.
        for signal in [Signal::QUIT, Signal::KILL, Signal::KILL] {
            for _ in 0..20 {
                let left = self.processes();
                if left.is_empty() {
                    return;
                }
                for pid in left {
                    rustix::process::kill_process(pid, signal).ok();
                }
                std::thread::park_timeout(POLL);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.end_everything();
    }
}

fn runs_from(pid: &str, here: &str) -> bool {
    let link = |name: &str| {
        fs::read_link(format!("/proc/{pid}/{name}")).is_ok_and(|path| path.starts_with(here))
    };
    let arguments = || {
        let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(here)
    };
    link("exe") || link("cwd") || arguments()
}

/// Sets the mode of a file.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}
