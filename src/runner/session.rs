//! The processes of one command: all those in the session that its first process leads.

use rustix::process::{Pid, PidfdFlags, Signal};
use std::io;

/// The session of a command. Valid while its first process is not reaped, because only so long is its number not given
/// to another process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session {
    leader: Pid,
}

/// What one process says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Has exited, and waits to be reaped.
    pub(crate) is_dead: bool,
    /// Its process group.
    pub(crate) group: i32,
    session: i32,
}

impl Session {
    /// The session with this leader.
    pub(super) const fn of(leader: Pid) -> Self {
        Self { leader }
    }

    /// Sends a signal to the process group of the command and to every other process of its session, which a shell
    /// with job control puts into groups of their own. Processes that end meanwhile, or that belong to another account,
    /// are passed over: who is still there afterwards is counted, not guessed from here.
    pub(super) fn signal(self, signal: Signal) {
        rustix::process::kill_process_group(self.leader, signal).ok();
        for (pid, stat) in self.others().unwrap_or_default() {
            if stat.group != self.leader.as_raw_nonzero().get() {
                self.signal_one(pid, signal).ok();
            }
        }
    }

    /// How many processes of the session live, its leader apart.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub(super) fn count(self) -> io::Result<u32> {
        Ok(u32::try_from(self.others()?.len()).unwrap_or(u32::MAX))
    }

    fn others(self) -> io::Result<Vec<(Pid, Stat)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|text| text.parse().ok());
            let Some(pid) = number.and_then(Pid::from_raw) else {
                continue;
            };
            let Some(stat) = stat_of(pid) else { continue };
            if pid != self.leader && !stat.is_dead && self.holds(stat) {
                found.push((pid, stat));
            }
        }
        Ok(found)
    }

    fn holds(self, stat: Stat) -> bool {
        stat.session == self.leader.as_raw_nonzero().get()
    }

    /// The pidfd is taken before the second look, so that the signal reaches the process that was looked at, or none.
    fn signal_one(self, pid: Pid, signal: Signal) -> io::Result<()> {
        let process = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
        if stat_of(pid).is_some_and(|stat| self.holds(stat)) {
            rustix::process::pidfd_send_signal(&process, signal)?;
        }
        Ok(())
    }
}

/// What `/proc` says about a process; none when it is gone.
pub(crate) fn stat_of(pid: Pid) -> Option<Stat> {
    let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
    parse_stat(&std::fs::read(path).ok()?)
}

/// Reads `pid (name) state ppid pgrp session ...`, where the name may hold anything, brackets and spaces too.
///
/// Source: proc_pid_stat(5).
fn parse_stat(line: &[u8]) -> Option<Stat> {
    let end = line.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(line.get(end.saturating_add(1)..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let group = fields.nth(1)?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    Some(Stat {
        is_dead: matches!(state, "Z" | "X"),
        group,
        session,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn names_with_brackets_do_not_confuse() {
        let stat = parse_stat(b"12 (a) Z 1 (\xff) S 1 34 56 0 -1 4194560");
        let expected = Stat {
            is_dead: false,
            group: 34,
            session: 56,
        };
        assert_eq!(stat, Some(expected));
        assert!(parse_stat(b"12 (a) Z 1 2 3").unwrap().is_dead);
        for line in [
            &b""[..],
            b"12 (a)",
            b"12 (a) S 1 2",
            b"12 (a) S 1 x 3",
            b"12 a S 1 2 3",
        ] {
            assert_eq!(parse_stat(line), None);
        }
    }

    /// Looks at a session of its own making: that of the test itself may be led by a process outside the PID namespace
    /// and then has no number here.
    #[test]
    fn a_process_is_found_in_the_session_it_leads() {
        let mut child = Command::new("setsid")
            .args(["sleep", "60"])
            .spawn()
            .unwrap();
        let leader = Pid::from_child(&child);
        let session = Session::of(leader);
        while !stat_of(leader).is_some_and(|stat| session.holds(stat)) {
            assert!(child.try_wait().unwrap().is_none());
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
