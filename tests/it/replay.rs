//! Three months of steps through `warroom verify`: how much memory that takes, and that it does not grow with the
//! journal (`TWO_PERSON` 10.2, E15). How long it takes is measured by `cargo bench --bench replay`.
//!
//! Reckoned as three maintenances a week for thirteen weeks, all of them in one journal, with proposals and confirms
//! signed and a checkpoint at each decision. Journals of sessions are verified one at a time, so the longest one counts,
//! and nobody's is as long as this one.

use crate::harness::said;
use crate::night::{Keys, Session};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// Three a week, thirteen weeks.
const NIGHTS: usize = 39;
/// Of the test's own build, whose code alone is more than half of it; the released program takes less.
const MEMORY_KIB_MAX: u64 = 64 * 1024;
/// What three months may take beyond one night: the hashes of what was signed, 48 bytes for each checkpoint, the nonces
/// that were spent, and what an allocator keeps for later.
const GROWTH_KIB_MAX: u64 = 8 * 1024;
/// Between two looks at the memory: often in the shortest run.
const LOOK: Duration = Duration::from_millis(2);

/// Leaves what so many nights leave in a session's directory, and beside it who its people are; gives the records.
fn leave(dir: &Path, nights: usize) -> usize {
    let keys = Keys::generate();
    keys.leave(dir);
    let session = Session::signed_nights(nights, keys);
    session.leave(&dir.join("s"));
    session.records.len()
}

/// Highest resident memory so far, KiB; absent once the process is gone.
fn peak_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Runs `warroom verify` on what was left; gives what it said and its highest resident memory in KiB.
fn verify(dir: &Path) -> (Output, u64) {
    let child = Command::new(env!("CARGO_BIN_EXE_warroom"))
        .args(["verify", "--json", "--people"])
        .arg(dir.join("people.toml"))
        .arg(dir.join("s"))
        .env("HOME", dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program is built");
    let (ended, end) = sync_channel(1);
    let (pid, mut peak) = (child.id(), 0);
    std::thread::scope(|scope| {
        scope.spawn(move || ended.send(child.wait_with_output()));
        loop {
            peak = peak.max(peak_kib(pid).unwrap_or(0));
            match end.recv_timeout(LOOK) {
                Ok(output) => return (output.expect("it ends"), peak),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("nobody waits for it"),
            }
        }
    })
}

#[test]
fn three_months_of_signed_steps_are_verified_in_little_memory() {
    let peak = |nights: usize| {
        let dir = tempfile::tempdir().expect("a directory");
        let records = leave(dir.path(), nights);
        let bytes = fs::metadata(dir.path().join("s/journal"))
            .expect("a journal")
            .len();
        let (output, peak) = verify(dir.path());
        assert!(output.status.success(), "{}", said(&output));
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(told["records"], records);
        assert_eq!(told["faults"], serde_json::json!([]), "{}", said(&output));
        // Each attempt: a proposal of alice, a confirm of bob.
        let attempts = nights * 25;
        assert_eq!(
            told["signatures"],
            serde_json::json!({"alice": attempts, "bob": attempts})
        );
        let checkpoints = &told["checkpoints"];
        eprintln!(
            "\nMEASURE verify {nights} nights: {records} records, {bytes} bytes, {checkpoints} checkpoints, {peak} KiB"
        );
        peak
    };
    let (night, months) = (peak(1), peak(NIGHTS));
    assert!(months <= MEMORY_KIB_MAX, "{months} KiB");
    assert!(
        months <= night + GROWTH_KIB_MAX,
        "{night} KiB and then {months} KiB"
    );
}
