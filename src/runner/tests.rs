//! Real processes in real terminals.

use super::*;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

mod reviewed;

/// Far beyond what any of these takes; only a defect gets here.
const PATIENCE: Duration = Duration::from_secs(30);
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

struct Bench {
    directory: TempDir,
    job: Job,
}

/// A job that runs a text with `sh`.
fn bench(text: &str) -> Bench {
    let directory = tempfile::tempdir().unwrap();
    let job = Job {
        key: JobKey(1),
        argv: ["sh", "-euc", text].map(str::to_owned).to_vec(),
        exe: Exe::Named,
        env: BTreeMap::from([("PATH".to_owned(), PATH.to_owned())]),
        cwd: directory.path().to_path_buf(),
        timeout: PATIENCE,
        output_file: directory.path().join("output"),
        values_file: directory.path().join("values"),
        size: TerminalSize {
            cols: 100,
            rows: 30,
        },
        limits: Limits {
            grace: Duration::from_millis(300),
            drain: Duration::from_millis(300),
            ..Limits::default()
        },
    };
    Bench { directory, job }
}

/// This file with the bytes it has now.
fn reviewed(path: &Path) -> Exe {
    Exe::Reviewed {
        path: path.to_owned(),
        digest: digest_file(path).unwrap(),
    }
}

/// An executable file in a directory. Another process writes it: a file that this one has open for writing could not be
/// executed, and a test beside this one may start a process at any time, which has it open for a moment too.
fn tool(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let (source, path) = (directory.join("source"), directory.join(name));
    std::fs::write(&source, bytes).unwrap();
    let mut install = std::process::Command::new("install");
    install.args(["-m", "755"]).args([&source, &path]);
    assert!(install.status().unwrap().success());
    path
}

impl Bench {
    fn start(&self, capacity: usize) -> (Handle, mpsc::Receiver<Update>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (start(self.job.clone(), sender), receiver)
    }

    async fn run(&self) -> End {
        let (_handle, mut receiver) = self.start(64);
        ended(&mut receiver).await
    }

    fn output(&self) -> Vec<u8> {
        std::fs::read(&self.job.output_file).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.output()).unwrap()
    }
}

async fn next(receiver: &mut mpsc::Receiver<Update>) -> Update {
    let update = timeout(PATIENCE, receiver.recv()).await;
    update.expect("an update in time").expect("an update")
}

async fn ended(receiver: &mut mpsc::Receiver<Update>) -> End {
    loop {
        if let Update::Ended { end, .. } = next(receiver).await {
            assert_eq!(timeout(PATIENCE, receiver.recv()).await, Ok(None));
            return end;
        }
    }
}

/// Until the output so far contains a text.
async fn shown(receiver: &mut mpsc::Receiver<Update>, text: &str) {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(text) {
        match next(receiver).await {
            Update::Output { bytes, .. } => seen.extend_from_slice(&bytes),
            Update::Spawned { .. } => {}
            Update::Ended { end, .. } => panic!("ended before `{text}`: {end:?}"),
        }
    }
}

async fn wait_until(what: &str, predicate: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !predicate() {
        assert!(Instant::now() < until, "waited too long: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

fn value<'a>(end: &'a End, name: &str) -> &'a str {
    let found = end.values.iter().find(|(known, _)| known == name);
    &found.unwrap_or_else(|| panic!("no `{name}`: {end:?}")).1
}

/// Whether a process runs; one that waits to be reaped does not.
fn runs(pid: &str) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    let (_, rest) = stat.rsplit_once(')').unwrap();
    !rest.trim_start().starts_with(['Z', 'X'])
}

#[tokio::test]
async fn an_exit_code_is_reported_with_output_and_digest() {
    let bench = bench("echo hello; echo oops >&2; exit 3");
    let end = bench.run().await;
    let expected = End {
        outcome: Outcome::Exited(3),
        output_bytes: 13,
        output_digest: Digest::of(b"hello\r\noops\r\n"),
        left_behind: Some(0),
        ..End::without_output(Outcome::Exited(3))
    };
    assert_eq!(end, expected);
    assert_eq!(bench.text(), "hello\r\noops\r\n");
}

#[tokio::test]
async fn updates_come_in_order_and_add_up() {
    let bench = bench("echo one; echo two");
    let (handle, mut receiver) = bench.start(64);
    assert_eq!(handle.key(), JobKey(1));
    let Update::Spawned {
        key: JobKey(1),
        pid,
    } = next(&mut receiver).await
    else {
        panic!("the start comes first");
    };
    assert!(pid > 1);
    let mut live = Vec::new();
    let end = loop {
        match next(&mut receiver).await {
            Update::Output { key, offset, bytes } => {
                assert_eq!((key, offset), (JobKey(1), live.len() as u64));
                live.extend_from_slice(&bytes);
            }
            Update::Ended { end, .. } => break end,
            Update::Spawned { .. } => panic!("a second start"),
        }
    };
    assert_eq!(live, bench.output());
    assert_eq!(end.live_dropped, 0);
}

#[tokio::test]
async fn a_signal_is_reported() {
    let end = bench("kill -9 $$").run().await;
    assert_eq!(end.outcome, Outcome::Signalled(9));
}

#[tokio::test]
async fn a_timeout_ends_the_whole_group() {
    let mut bench = bench("sleep 1000 & echo pid=$! >$WARROOM_OUTPUT; wait");
    bench.job.timeout = Duration::from_secs(2);
    let end = bench.run().await;
    assert_eq!(end.outcome, Outcome::TimedOut);
    assert_eq!(end.left_behind, Some(0));
    assert!(!runs(value(&end, "pid")));
}

#[tokio::test]
async fn stop_asks_first() {
    let mut bench = bench("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.02; done");
    bench.job.limits.grace = PATIENCE;
    let (handle, mut receiver) = bench.start(64);
    shown(&mut receiver, "ready").await;
    handle.stop();
    handle.stop();
    let end = ended(&mut receiver).await;
    assert_eq!(end.outcome, Outcome::Stopped);
    assert!(bench.text().contains("bye"));
}

#[tokio::test]
async fn stop_then_kills_what_does_not_listen() {
    let bench = bench(
        "trap '' TERM HUP; sleep 1000 & echo pid=$! >$WARROOM_OUTPUT; echo ready; \
         while :; do wait || :; done",
    );
    let (handle, mut receiver) = bench.start(64);
    shown(&mut receiver, "ready").await;
    handle.stop();
    let end = ended(&mut receiver).await;
    assert_eq!(end.outcome, Outcome::Stopped);
    assert!(!runs(value(&end, "pid")));
}

#[tokio::test]
async fn the_grace_holds_for_grandchildren_too() {
    // The shell ends at once; the subshell needs longer than the drain, and less than the grace.
    let mut bench = bench(
        "(trap 'sleep 0.4; echo tidy; exit' TERM; trap '' HUP; echo ready; \
         while :; do sleep 0.02; done) & wait",
    );
    bench.job.limits.grace = PATIENCE;
    bench.job.limits.drain = Duration::ZERO;
    let (handle, mut receiver) = bench.start(64);
    shown(&mut receiver, "ready").await;
    handle.stop();
    let end = ended(&mut receiver).await;
    assert_eq!((end.outcome, end.left_behind), (Outcome::Stopped, Some(0)));
    assert!(bench.text().contains("tidy"));
}

#[tokio::test]
async fn a_group_of_its_own_does_not_escape() {
    let bench = bench("set -m; sleep 1000 & echo pid=$! >$WARROOM_OUTPUT; echo ready; wait");
    let (handle, mut receiver) = bench.start(64);
    shown(&mut receiver, "ready").await;
    handle.stop();
    let end = ended(&mut receiver).await;
    assert_eq!(end.outcome, Outcome::Stopped);
    assert!(!runs(value(&end, "pid")));
}

#[tokio::test]
async fn a_stopped_process_can_be_ended() {
    let bench = bench("echo ready; kill -STOP $$; echo never");
    let (handle, mut receiver) = bench.start(64);
    shown(&mut receiver, "ready").await;
    handle.stop();
    assert_eq!(ended(&mut receiver).await.outcome, Outcome::Stopped);
}

#[tokio::test]
async fn a_background_process_does_not_hold_the_outcome() {
    let bench = bench("trap '' HUP; sleep 1000 & echo pid=$! >$WARROOM_OUTPUT; echo done");
    let end = bench.run().await;
    assert_eq!(
        (&end.outcome, end.left_behind),
        (&Outcome::Exited(0), Some(1))
    );
    assert!(!runs(value(&end, "pid")));
    assert_eq!(bench.text(), "done\r\n");
}

#[tokio::test]
async fn a_background_process_without_the_terminal_is_counted_as_well() {
    let bench = bench("trap '' HUP; sleep 1000 >/dev/null 2>&1 & echo pid=$! >$WARROOM_OUTPUT");
    let end = bench.run().await;
    assert_eq!(
        (&end.outcome, end.left_behind),
        (&Outcome::Exited(0), Some(1))
    );
    assert!(!runs(value(&end, "pid")));
}

#[tokio::test]
async fn output_after_the_exit_is_kept_when_its_writer_ends_in_time() {
    let mut bench = bench("trap '' HUP; (sleep 0.1; echo late) &");
    bench.job.limits.drain = PATIENCE;
    let end = bench.run().await;
    assert_eq!(
        (end.outcome, end.left_behind),
        (Outcome::Exited(0), Some(0))
    );
    assert_eq!(bench.text(), "late\r\n");
}

#[tokio::test]
async fn stop_ends_the_wait_for_processes_left_behind() {
    let mut bench = bench("trap '' HUP; sleep 1000 & echo pid=$! >$WARROOM_OUTPUT; echo done");
    bench.job.limits.drain = Duration::from_secs(1000);
    let (handle, mut receiver) = bench.start(64);
    let Update::Spawned { pid, .. } = next(&mut receiver).await else {
        panic!("the start comes first");
    };
    wait_until("the shell has exited", || !runs(&pid.to_string())).await;
    handle.stop();
    let end = ended(&mut receiver).await;
    // Whichever of exit and request was seen first, the rest is gone and said.
    assert!(
        matches!(end.outcome, Outcome::Exited(0) | Outcome::Stopped),
        "{end:?}"
    );
    assert!(!runs(value(&end, "pid")));
}

#[tokio::test]
async fn a_terminal_held_from_outside_the_session_is_said() {
    let bench = bench(
        "setsid sh -c 'echo pid=$$ >>$WARROOM_OUTPUT; exec sleep 1000' & \
         while ! grep -q pid $WARROOM_OUTPUT; do sleep 0.02; done",
    );
    let end = bench.run().await;
    assert_eq!(
        (&end.outcome, end.left_behind),
        (&Outcome::Exited(0), Some(1))
    );
    let pid = value(&end, "pid").parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_hundred_mebibytes_end_at_the_limit() {
    let mut bench = bench("head -c 104857600 /dev/zero");
    bench.job.limits.output_bytes = 1024 * 1024;
    let end = bench.run().await;
    assert_eq!(end.outcome, Outcome::Exited(0));
    assert_eq!(
        (end.output_bytes, end.output_truncated),
        (1_048_576, 103_809_024)
    );
    assert_eq!(end.output_digest, Digest::of(&bench.output()));
    assert_eq!(bench.output().len(), 1_048_576);
}

#[tokio::test]
async fn endless_output_does_not_outlive_the_timeout() {
    let mut bench = bench("exec yes");
    bench.job.timeout = Duration::from_secs(1);
    bench.job.limits.output_bytes = 1000;
    let end = bench.run().await;
    assert_eq!((end.outcome, end.output_bytes), (Outcome::TimedOut, 1000));
}

#[tokio::test]
async fn a_receiver_that_does_not_read_loses_only_live_output() {
    let bench = bench("head -c 1000000 /dev/zero");
    let (_handle, mut receiver) = bench.start(1);
    let length = || std::fs::metadata(&bench.job.output_file).map_or(0, |m| m.len());
    wait_until("the file is complete", || length() == 1_000_000).await;
    let mut live = 0;
    let end = loop {
        match next(&mut receiver).await {
            Update::Output { offset, bytes, .. } => {
                assert!(offset + bytes.len() as u64 <= 1_000_000);
                live += bytes.len() as u64;
            }
            Update::Ended { end, .. } => break end,
            Update::Spawned { .. } => {}
        }
    };
    assert_eq!(end.outcome, Outcome::Exited(0));
    assert!(end.live_dropped > 0);
    assert_eq!(live + end.live_dropped, 1_000_000);
}

#[tokio::test]
async fn a_receiver_that_is_gone_changes_nothing() {
    let bench = bench("echo a; echo done=1 >$WARROOM_OUTPUT");
    let (_, receiver) = bench.start(1);
    drop(receiver);
    let path = &bench.job.values_file;
    wait_until("it ran", || {
        std::fs::read(path).is_ok_and(|text| text == b"done=1\n")
    })
    .await;
    wait_until("the file is complete", || {
        std::fs::read(&bench.job.output_file).is_ok_and(|text| text == b"a\r\n")
    })
    .await;
}

#[tokio::test]
async fn values_are_read_and_bad_lines_named() {
    let bench = bench("printf 'a=1\\nbad\\nb=x y\\n' >>\"$WARROOM_OUTPUT\"");
    let end = bench.run().await;
    let expected = [("a", "1"), ("b", "x y")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(end.values, expected);
    assert_eq!(end.values_error.as_deref(), Some("line 2: no `=`"));
}

#[tokio::test]
async fn a_values_file_that_is_gone_is_said() {
    let end = bench("rm \"$WARROOM_OUTPUT\"").run().await;
    assert!(
        end.values_error
            .unwrap()
            .starts_with("cannot read the values file")
    );
}

#[tokio::test]
async fn the_environment_is_exact() {
    let mut bench = bench("");
    bench.job.exe = reviewed(&resolve_exe("env", PATH).unwrap());
    bench.job.argv = vec!["env".to_owned()];
    let extra = [("GREETING", "good day"), ("TERM", "dumb")];
    bench.job.env = extra.map(|(n, v)| (n.to_owned(), v.to_owned())).into();
    let end = bench.run().await;
    assert_eq!(end.outcome, Outcome::Exited(0));
    let text = bench.text();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let values = format!("WARROOM_OUTPUT={}", bench.job.values_file.display());
    assert_eq!(
        lines,
        [
            "COLUMNS=100",
            "GREETING=good day",
            "LINES=30",
            "TERM=dumb",
            &values
        ]
    );
}

#[tokio::test]
async fn outputs_are_a_terminal_and_input_is_at_its_end() {
    let bench = bench(
        "test -t 1; test -t 2; if test -t 0; then exit 9; fi; test -z \"$(cat)\"; stty size </dev/tty; \
         cut -d ' ' -f 1,5,6 /proc/$$/stat; echo $$",
    );
    let end = bench.run().await;
    let text = bench.text();
    assert_eq!(end.outcome, Outcome::Exited(0), "{text}");
    let words: Vec<&str> = text.split_whitespace().collect();
    let pid = *words.last().unwrap();
    assert_eq!(words, ["30", "100", pid, pid, pid, pid]);
}

#[tokio::test]
async fn outputs_closed_for_a_while_are_not_the_end() {
    let end = bench("exec >/dev/null 2>&1; sleep 0.1; exec >/dev/tty; echo back; exit 4");
    let outcome = end.run().await.outcome;
    assert_eq!(
        (outcome, end.text().as_str()),
        (Outcome::Exited(4), "back\r\n")
    );
}

#[tokio::test]
async fn bytes_that_are_no_text_pass_raw() {
    let bench = bench(r"printf '\377\000\303\050\033[1m\001'");
    let end = bench.run().await;
    assert_eq!(end.outcome, Outcome::Exited(0));
    assert_eq!(bench.output(), b"\xff\0\xc3\x28\x1b[1m\x01");
}

#[tokio::test]
async fn the_name_of_the_program_is_the_first_argument() {
    let mut bench = bench("echo $0");
    bench.job.exe = reviewed(&resolve_exe("sh", PATH).unwrap());
    bench.job.argv = ["other", "-c", "echo $0"].map(str::to_owned).to_vec();
    bench.run().await;
    assert_eq!(bench.text(), "other\r\n");
}

/// What is said about a job that cannot start. Nothing of it may have run.
async fn refused(change: impl FnOnce(&mut Job, &Path)) -> String {
    let mut bench = bench("echo ran");
    change(&mut bench.job, bench.directory.path());
    let end = bench.run().await;
    assert_eq!((end.output_bytes, end.left_behind), (0, Some(0)));
    let length = std::fs::metadata(&bench.job.output_file).map_or(0, |file| file.len());
    assert_eq!(length, 0);
    match end.outcome {
        Outcome::NotStarted(reason) => reason,
        other => panic!("started: {other:?}"),
    }
}

#[tokio::test]
async fn programs_that_cannot_run_are_not_started() {
    let named = |name: &Path| name.display().to_string();
    let reason = refused(|job, at| job.argv[0] = named(&at.join("missing"))).await;
    assert!(reason.ends_with("missing` does not exist"), "{reason}");
    let reason = refused(|job, at| {
        let plain = at.join("plain");
        std::fs::write(&plain, "#!/bin/sh\n").unwrap();
        job.argv[0] = named(&plain);
    })
    .await;
    assert!(reason.ends_with("plain` is not executable"), "{reason}");
    let reason = refused(|job, _| job.argv[0] = "bin/sh".to_owned()).await;
    assert_eq!(reason, "program `bin/sh` is a relative path");
    let reason = refused(|job, _| {
        job.exe = Exe::Reviewed {
            path: "bin/sh".into(),
            digest: Digest::of(b""),
        };
    })
    .await;
    assert_eq!(reason, "`bin/sh` is not an absolute path");
    let reason = refused(|job, _| job.argv.clear()).await;
    assert_eq!(reason, "the command has no arguments, not even a name");
    let reason = refused(|job, _| job.argv.push("a\0b".to_owned())).await;
    assert!(reason.starts_with("cannot start `"), "{reason}");
}

#[tokio::test]
async fn surroundings_that_are_not_right_are_not_started() {
    let reason = refused(|job, at| job.cwd = at.join("missing")).await;
    assert!(
        reason.contains("missing` cannot be used: No such file"),
        "{reason}"
    );
    let reason = refused(|job, _| job.cwd = resolve_exe("sh", PATH).unwrap()).await;
    assert!(
        reason.contains("cannot be used: not a directory"),
        "{reason}"
    );
    let reason = refused(|job, _| {
        job.env.insert("LD_PRELOAD".to_owned(), "x".to_owned());
    })
    .await;
    assert!(reason.contains("`LD_PRELOAD` is refused"), "{reason}");
    let reason = refused(|job, _| job.size.rows = 0).await;
    assert_eq!(reason, "a terminal of 100 columns and 0 rows has no cells");
    let reason = refused(|job, at| job.values_file = at.join("no/values")).await;
    assert!(reason.contains("no/values`: No such file"), "{reason}");
}

#[tokio::test]
async fn files_of_another_run_are_never_overwritten() {
    let bench = bench("echo ran");
    std::fs::write(&bench.job.output_file, "precious").unwrap();
    let Outcome::NotStarted(reason) = bench.run().await.outcome else {
        panic!("started");
    };
    assert!(reason.contains("output`: File exists"), "{reason}");
    assert_eq!(bench.text(), "precious");
}

#[tokio::test]
async fn a_stop_before_the_start_prevents_it() {
    let bench = bench("echo ran");
    let (handle, mut receiver) = bench.start(64);
    // On this runtime of one thread nothing has run before the first wait.
    handle.stop();
    let end = ended(&mut receiver).await;
    assert!(matches!(end.outcome, Outcome::NotStarted(_)), "{end:?}");
    assert!(!bench.job.output_file.exists());
}

#[tokio::test]
async fn many_at_once_keep_apart() {
    let benches: Vec<Bench> = (0..16)
        .map(|n| bench(&format!("echo {n}; exit {n}")))
        .collect();
    let ends = futures_util::future::join_all(benches.iter().map(Bench::run)).await;
    for (n, (bench, end)) in benches.iter().zip(ends).enumerate() {
        assert_eq!(end.outcome, Outcome::Exited(i32::try_from(n).unwrap()));
        assert_eq!(bench.text(), format!("{n}\r\n"));
    }
}
