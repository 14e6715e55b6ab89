//! The processes of one command: its own cgroup where one can be made, else its process group.
//!
//! A cgroup holds grandchildren too, whatever they do to get away. A process group holds those that do not make
//! themselves a new one; what gets away but keeps the terminal open is counted by the terminal (`follow`).

use super::name::RunName;
use crate::runner::stat_of;
use rustix::process::{Pid, PidfdFlags, Signal};
use std::io;
use std::path::{Path, PathBuf};

/// Longest list of a cgroup's processes that is read: more than any host runs.
const PROCS_BYTES_MAX: u64 = 1024 * 1024;

/// Where cgroups of commands can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroups {
    /// The runner's own cgroup.
    parent: PathBuf,
}

impl Cgroups {
    /// Finds the runner's own cgroup and tries whether it may make others below it.
    ///
    /// # Errors
    /// One line that says why not; commands get a process group then.
    pub fn find() -> Result<Self, String> {
        let mounts = std::fs::read_to_string("/proc/self/mounts").map_err(|e| e.to_string())?;
        let own = std::fs::read_to_string("/proc/self/cgroup").map_err(|e| e.to_string())?;
        let parent = own_directory(&mounts, &own).ok_or("cgroup version 2 is not mounted")?;
        let probe = parent.join(format!("warroom-probe-{}", std::process::id()));
        std::fs::create_dir(&probe)
            .and_then(|()| std::fs::remove_dir(&probe))
            .map_err(|error| format!("`{}` cannot be divided: {error}", parent.display()))?;
        Ok(Self { parent })
    }

    /// Makes the cgroup of one attempt.
    ///
    /// # Errors
    /// What the file system says.
    pub fn make(&self, run: &RunName) -> io::Result<Cgroup> {
        let directory = self.parent.join(format!("warroom-{run}"));
        std::fs::create_dir(&directory)?;
        Ok(Cgroup { directory })
    }
}

/// Directory of the cgroup that the line `0::` names, below the mount of version 2.
///
/// Source: cgroups(7), proc_pid_mounts(5).
fn own_directory(mounts: &str, own: &str) -> Option<PathBuf> {
    let mount = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (_, place, kind) = (fields.next()?, fields.next()?, fields.next()?);
        (kind == "cgroup2").then_some(place)
    })?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(Path::new(mount).join(path))
}

/// The cgroup of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup {
    directory: PathBuf,
}

impl Cgroup {
    /// The cgroup in this directory, made by an earlier runner.
    pub(super) const fn of(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Removes it once it is empty; one that is not stays, and is seen.
    pub(super) fn remove(&self) {
        if let Err(error) = std::fs::remove_dir(&self.directory) {
            tracing::warn!(%error, cgroup = %self.directory.display(), "the cgroup stays");
        }
    }

    fn members(&self) -> io::Result<Vec<Pid>> {
        use std::io::Read as _;
        let file = std::fs::File::open(self.directory.join("cgroup.procs"))?;
        let mut text = String::new();
        file.take(PROCS_BYTES_MAX).read_to_string(&mut text)?;
        let numbers = text.lines().filter_map(|line| line.parse().ok());
        Ok(numbers.filter_map(Pid::from_raw).collect())
    }

    /// Whether anything lives in it or below it.
    fn is_populated(&self) -> io::Result<bool> {
        match std::fs::read_to_string(self.directory.join("cgroup.events")) {
            Ok(text) => Ok(text.lines().any(|line| line == "populated 1")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How many processes live in it; at least one while anything lives below it.
    pub(super) fn count(&self) -> io::Result<u32> {
        if !self.is_populated()? {
            return Ok(0);
        }
        let members = u32::try_from(self.members()?.len()).unwrap_or(u32::MAX);
        Ok(members.max(1))
    }

    fn signal(&self, signal: Signal) {
        if signal == Signal::KILL && std::fs::write(self.directory.join("cgroup.kill"), "1").is_ok()
        {
            return;
        }
        for pid in self.members().unwrap_or_default() {
            let Ok(process) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else {
                continue;
            };
            // Asked again, so that the signal reaches a member or nobody.
            if self.members().is_ok_and(|now| now.contains(&pid)) {
                rustix::process::pidfd_send_signal(&process, signal).ok();
            }
        }
    }
}

/// Everything that belongs to one command. Valid while its first process is not reaped.
#[derive(Debug, Clone)]
pub(super) struct Group {
    leader: Pid,
    cgroup: Option<Cgroup>,
}

impl Group {
    /// The processes that this one leads.
    pub(super) const fn of(leader: Pid, cgroup: Option<Cgroup>) -> Self {
        Self { leader, cgroup }
    }

    /// Its cgroup.
    pub(super) const fn cgroup(&self) -> Option<&Cgroup> {
        self.cgroup.as_ref()
    }

    /// Sends a signal to all of them.
    pub(super) fn signal(&self, signal: Signal) {
        match &self.cgroup {
            Some(cgroup) => cgroup.signal(signal),
            None => {
                rustix::process::kill_process_group(self.leader, signal).ok();
            }
        }
    }

    /// How many of them live, the first one apart when it has exited.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub(super) fn count(&self) -> io::Result<u32> {
        match &self.cgroup {
            Some(cgroup) => cgroup.count(),
            None => count_group(self.leader),
        }
    }
}

/// Living processes of a process group.
pub(super) fn count_group(group: Pid) -> io::Result<u32> {
    let group = group.as_raw_nonzero().get();
    let mut found = 0_u32;
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|text| text.parse().ok());
        let stat = number.and_then(Pid::from_raw).and_then(stat_of);
        if stat.is_some_and(|stat| stat.group == group && !stat.is_dead) {
            found = found.saturating_add(1);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};

    #[test]
    fn the_own_cgroup_is_found_in_every_layout() {
        let unified = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
        let hybrid = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let own = "4:memory:/x\n0::/system.slice/warroom-runner.service\n";
        let found = |mounts| own_directory(mounts, own);
        let service = "system.slice/warroom-runner.service";
        assert_eq!(
            found(unified),
            Some(Path::new("/sys/fs/cgroup").join(service))
        );
        assert_eq!(
            found(hybrid),
            Some(Path::new("/sys/fs/cgroup/unified").join(service))
        );
        assert_eq!(found("cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n"), None);
        assert_eq!(own_directory(unified, "4:memory:/x\n"), None);
    }

    #[test]
    fn a_process_group_is_counted_and_ended() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 60 & echo ready; wait"])
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("started");
        let mut out = std::io::BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        std::io::BufRead::read_line(&mut out, &mut line).expect("ready");
        let group = Group::of(Pid::from_child(&child), None);
        assert_eq!(group.count().expect("counted"), 2);
        group.signal(Signal::KILL);
        while group.count().expect("counted") > 0 {
            std::thread::yield_now();
        }
        assert!(!child.wait().expect("reaped").success());
    }

    #[test]
    fn a_cgroup_holds_what_makes_itself_a_session_of_its_own() {
        let cgroups = match Cgroups::find() {
            Ok(cgroups) => cgroups,
            Err(why) => {
                eprintln!("\nSKIP enforce::group: {why}");
                return;
            }
        };
        let nonce = crate::clock::nonce().expect("random");
        let cgroup = cgroups.make(&RunName::forward(nonce)).expect("made");
        let join = format!(
            "echo 0 > {}/cgroup.procs; setsid sleep 60 & echo ready; wait",
            cgroup.directory().display()
        );
        let mut child = Command::new("sh")
            .args(["-c", &join])
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("started");
        let mut out = std::io::BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        std::io::BufRead::read_line(&mut out, &mut line).expect("ready");
        let group = Group::of(Pid::from_child(&child), Some(cgroup.clone()));
        assert!(group.count().expect("counted") >= 2);
        group.signal(Signal::KILL);
        while group.count().expect("counted") > 0 {
            std::thread::yield_now();
        }
        child.wait().expect("reaped");
        cgroup.remove();
        assert!(!cgroup.directory().exists());
    }
}
