//! The built program as an operator uses it: sessions that outlive their terminal, exit codes, a killed server, a
//! full disk.

use crate::session_host::{PATIENCE, fold_of, wait_until};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use warroom::client::link::{Introduction, Target};
use warroom::client::{link, query};
use warroom::domain::command::Command as Wish;
use warroom::domain::fact::Fact;
use warroom::domain::id::SessionName;
use warroom::domain::state::StepStatus;
use warroom::wire::message::{ToClient, ToServer};

const SLOW: &str = "\
# Slow

## Work

- [ ] Sleep
  ```sh run id=sleep
  echo $$ > pid; sleep 1000
  ```
";

/// A home of its own for the program: state, sockets, configuration.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755))
            .expect("chmod");
        let home = Self(dir);
        let config = format!(
            "[server]\nstate_dir = \"{}\"\nruntime_dir = \"{}\"\n",
            home.path("state").display(),
            home.path("run").display()
        );
        home.write("config.toml", &config);
        home.write("slow.md", SLOW);
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("write");
    }

    pub(crate) fn journal(&self, session: &str) -> PathBuf {
        self.path("state").join(session).join("journal")
    }

    /// The program with an environment of its own.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_warroom"));
        self.dress(&mut command);
        command
    }

    fn dress(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.0.path())
            .env("WARROOM_CONFIG", self.path("config.toml"))
            .current_dir(self.0.path())
            .stdin(Stdio::null());
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().expect("runs")
    }

    /// Runs it and gives the exit code, standard output and standard error, with this directory as `HOME`.
    pub(crate) fn said(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.run(arguments);
        let home = self.0.path().display().to_string();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&home, "HOME");
        let code = output.status.code().expect("an exit code");
        (code, text(&output.stdout), text(&output.stderr))
    }

    pub(crate) fn target(&self, name: &str) -> Target {
        Target::Local {
            name: SessionName::new(name).expect("a name"),
            runtime_dirs: vec![self.path("run")],
        }
    }
}

impl Drop for Home {
    /// Ends what a failed test has left running.
    fn drop(&mut self) {
        for entry in std::fs::read_dir(self.path("run")).into_iter().flatten() {
            let name = entry.expect("an entry").file_name();
            drop(self.run(&["kill-session", "-t", &name.to_string_lossy()]));
        }
    }
}

/// Pid of the server that answers on a session's socket.
pub(crate) async fn server_of(home: &Home, name: &str) -> rustix::process::Pid {
    let socket = home.path("run").join(name).join("sock");
    let stream = tokio::net::UnixStream::connect(socket)
        .await
        .expect("connects");
    let pid = stream.peer_cred().expect("credentials").pid();
    rustix::process::Pid::from_raw(pid.expect("a pid")).expect("a pid")
}

/// A client that asks without drawing anything.
pub(crate) struct Asker {
    connection: link::Connection,
    number: u64,
}

impl Asker {
    pub(crate) async fn attach(home: &Home, name: &str) -> Self {
        let introduction = Introduction {
            is_terminal: true,
            ..Introduction::default()
        };
        let target = home.target(name);
        let mut connection = link::connect(&target, &introduction)
            .await
            .expect("attached");
        link::read_snapshot(&mut connection.reader)
            .await
            .expect("a snapshot");
        Self {
            connection,
            number: 0,
        }
    }

    /// Asks; the reason of the refusal, or nothing.
    pub(crate) async fn ask(&mut self, command: Wish) -> Option<String> {
        self.number += 1;
        let number = self.number;
        let ask = ToServer::Ask { number, command };
        self.connection.writer.send(&ask).await.expect("sends");
        let answer = async {
            loop {
                let message = self.connection.reader.next::<ToClient>().await;
                if let ToClient::Reply { refused, number: n } =
                    message.expect("readable").expect("open")
                    && n == number
                {
                    return refused.map(|refusal| refusal.reason);
                }
            }
        };
        tokio::time::timeout(PATIENCE, answer)
            .await
            .expect("an answer")
    }
}

fn note(text: &str) -> Wish {
    let text = text.to_owned();
    Wish::Note { step: None, text }
}

#[tokio::test]
async fn a_session_outlives_its_terminal_and_its_exit_codes_say_where_it_stands() {
    let home = Home::new();
    let (code, out, err) = home.said(&["run", "-d", "slow.md"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let (code, out, _) = home.said(&["status", "slow"]);
    assert_eq!(code, 4, "not begun: {out}");
    let mut asker = Asker::attach(&home, "slow").await;
    assert_eq!(asker.ask(Wish::Begin).await, None);
    assert_eq!(home.said(&["status"]).0, 5, "running");
    let reason = String::new();
    assert_eq!(asker.ask(Wish::Hold { reason }).await, None);
    let (code, out, _) = home.said(&["status", "--json"]);
    assert_eq!(code, 6, "held");
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(json["standing"], "held");
    assert_eq!(json["attached"], 1);
    let (code, out, _) = home.said(&["ls"]);
    assert_eq!(code, 0);
    assert_eq!(out, "slow: held, 0 of 1 steps, 1 attached (ADVISORY)\n");
    let (code, _, err) = home.said(&["run", "-d", "slow.md"]);
    assert_eq!(code, 2);
    assert!(err.contains("is running already"), "{err}");
    let reason = "enough".to_owned();
    assert_eq!(asker.ask(Wish::Abort { reason }).await, None);
    assert_eq!(home.said(&["status"]).0, 10, "aborted");
    let (code, out, _) = home.said(&["kill-session", "slow"]);
    assert_eq!(code, 0);
    assert!(out.contains("told to end by `kill-session`"), "{out}");
    assert_eq!(home.said(&["status", "slow"]).0, 3, "gone");
    // A new maintenance of the same name sets the finished one aside.
    assert_eq!(home.said(&["run", "-d", "slow.md"]).0, 0);
    let dirs = std::fs::read_dir(home.path("state"))
        .expect("there")
        .map(|entry| entry.expect("an entry").file_name())
        // What sessions tell each other is no session.
        .filter(|name| name != ".scope")
        .count();
    assert_eq!(dirs, 2);
}

#[tokio::test]
async fn a_server_killed_at_once_leaves_an_unknown_step_and_nothing_runs_again_by_itself() {
    let home = Home::new();
    assert_eq!(home.said(&["run", "-d", "slow.md"]).0, 0);
    let mut asker = Asker::attach(&home, "slow").await;
    assert_eq!(asker.ask(Wish::Begin).await, None);
    let step = warroom::domain::id::StepId::new("sleep").expect("an id");
    assert_eq!(asker.ask(Wish::Start { step }).await, None);
    wait_until("it runs", || home.path("pid").exists()).await;
    let server = server_of(&home, "slow").await;
    rustix::process::kill_process(server, rustix::process::Signal::KILL).expect("kills");
    wait_until("it is dead", || home.said(&["status", "slow"]).0 == 3).await;
    let (_, _, err) = home.said(&["status", "slow"]);
    assert!(err.contains("`warroom run -t slow` takes it up"), "{err}");
    std::fs::remove_file(home.path("pid")).expect("there");
    let (code, _, err) = home.said(&["run", "-d", "slow.md"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("taking up session slow where its journal ends"),
        "{err}"
    );
    assert_eq!(home.said(&["status", "slow"]).0, 11, "unknown");
    let seen = query::snapshot(&home.target("slow"), &Introduction::default())
        .await
        .expect("seen");
    assert_eq!(seen.snapshot.state.steps[0].status, StepStatus::Unknown);
    assert!(
        seen.snapshot.state.terminals.is_empty(),
        "the dead server's terminals are gone"
    );
    assert_eq!(home.said(&["verify", "slow"]).0, 0);
    assert!(!home.path("pid").exists(), "nothing ran again");
    drop(asker);
}

/// Lets a process write files up to `bytes`, and no further.
fn limit_files(server: rustix::process::Pid, bytes: Option<u64>) {
    let limit = rustix::process::Rlimit {
        current: bytes,
        maximum: None,
    };
    rustix::process::prlimit(Some(server), rustix::process::Resource::Fsize, limit)
        .expect("limits");
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing_and_goes_on_when_there_is_room() {
    let home = Home::new();
    // A write beyond the limit is an error then, not the end of the program.
    let mut shell = Command::new("/bin/sh");
    home.dress(&mut shell);
    let script = "trap '' XFSZ; exec \"$0\" run -d slow.md";
    let started = shell
        .args(["-c", script, env!("CARGO_BIN_EXE_warroom")])
        .output()
        .expect("runs");
    assert!(started.status.success(), "{started:?}");
    let server = server_of(&home, "slow").await;
    let mut asker = Asker::attach(&home, "slow").await;
    assert_eq!(asker.ask(note("before")).await, None);
    let whole = fold_of(&home.journal("slow")).0.len();
    let used: u64 = {
        // The file is longer than its records: blocks are set aside behind them.
        let records = std::fs::read(home.journal("slow")).expect("readable");
        let end = records.iter().rposition(|b| *b != 0).expect("records");
        u64::try_from(end).expect("fits")
    };
    limit_files(server, Some(used + 2));
    for _ in 0..3 {
        let why = asker.ask(note("too much")).await.expect("refused");
        assert_eq!(
            why,
            "nothing was done, because the journal cannot be written: no space left for the journal"
        );
    }
    let (_, out, _) = home.said(&["status", "slow"]);
    assert!(
        out.contains("journal `journal`: STALE: no space left for the journal"),
        "{out}"
    );
    limit_files(server, None);
    assert_eq!(asker.ask(note("after")).await, None);
    let (_, out, _) = home.said(&["status", "slow"]);
    assert!(out.contains("journal `journal`: live"), "{out}");
    assert_eq!(home.said(&["kill-session", "slow"]).0, 0);
    assert_eq!(home.said(&["verify", "slow"]).0, 0);
    let (code, report, _) = home.said(&["report", "slow"]);
    assert_eq!(code, 0);
    assert!(report.contains("the session server ended"), "{report}");
    assert!(report.ends_with("after\n"), "the newest note: {report}");
    let (records, _) = fold_of(&home.journal("slow"));
    let notes: Vec<&str> = records
        .iter()
        .filter_map(|record| match &record.fact {
            Fact::NoteAdded { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(notes, ["before", "after"]);
    assert!(records.len() > whole);
}

#[tokio::test]
async fn a_live_session_of_another_state_directory_is_left_alone() {
    let home = Home::new();
    assert_eq!(home.said(&["run", "-d", "slow.md"]).0, 0);
    let other = home.path("other.toml");
    let config = format!(
        "[server]\nstate_dir = \"{}\"\nruntime_dir = \"{}\"\n",
        home.path("other-state").display(),
        home.path("run").display()
    );
    std::fs::write(&other, config).expect("write");
    std::fs::create_dir(home.path("other-state")).expect("mkdir");
    let other = other.display().to_string();
    let (code, _, err) = home.said(&["--config", &other, "serve", "slow.md"]);
    assert_eq!(code, 1);
    assert!(
        err.contains("another session of this name answers on `HOME/run/slow/sock`"),
        "{err}"
    );
    let left: Vec<_> = std::fs::read_dir(home.path("other-state/slow"))
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    let journal = Path::new(&other).with_file_name("other-state/slow/journal");
    assert_eq!(
        std::fs::metadata(journal).map_or(0, |m| m.len()),
        0,
        "{left:?}"
    );
    assert_eq!(
        home.said(&["status", "slow"]).0,
        4,
        "the first still answers"
    );
}

#[test]
fn a_name_without_a_session_is_not_made_into_one() {
    let home = Home::new();
    std::fs::create_dir(home.path("state")).expect("mkdir");
    let (code, _, err) = home.said(&["serve", "-t", "typo"]);
    assert_eq!(code, 1);
    assert!(
        err.contains("session `typo` has no journal to take up"),
        "{err}"
    );
    assert!(!home.path("state/typo").exists());
}
