//! What a process of ours gives up before it does anything (`TWO_PERSON` 8.3).

use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// Whether another process may push keystrokes into a terminal of its user: 0 where the kernel forbids it.
const TIOCSTI: &str = "/proc/sys/dev/tty/legacy_tiocsti";

/// No core file and no look at the memory by other processes of this account: both may hold statements and secrets.
///
/// The umask stays, since commands of steps inherit it; every file of ours is made with a mode of its own. New
/// privileges are not given up either: in advisory mode steps use `sudo`. A refusal by the kernel is logged alone.
pub(super) fn harden() {
    let dumpable = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    // The hard limit stays, so that a step can ask for a core file of what it runs.
    let limit = Rlimit {
        current: Some(0),
        maximum: rustix::process::getrlimit(Resource::Core).maximum,
    };
    let core = rustix::process::setrlimit(Resource::Core, limit);
    if let Err(error) = dumpable.and(core) {
        tracing::warn!(%error, "the process could not be hardened");
    }
}

/// Says in the log when keystrokes are no evidence on this host.
pub(super) fn warn_of_tiocsti() {
    let value = std::fs::read_to_string(TIOCSTI).unwrap_or_default();
    if value.trim() == "1" {
        tracing::warn!(
            "`dev.tty.legacy_tiocsti` is 1: programs can type into terminals of their user"
        );
    }
}
