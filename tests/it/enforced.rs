//! A real `warroom-runner` process and the tickets that a session server sends it: honest ones, and those of a server
//! that somebody has taken over (`TWO_PERSON` E13), of which none may run.

#[path = "../../src/enforce/judge/desk.rs"]
pub(crate) mod desk;

use crate::harness::{Place, run as run_command, said, set_mode, wait_for, wait_until};
use ::warroom;
use desk::{Desk, allowed_signers, people_toml, signed, unsigned};
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use warroom::clock::{self, Clock as _, SystemClock};
use warroom::config::accounts;
use warroom::config::runner::RunnerLink;
use warroom::domain::digest::Digest;
use warroom::domain::fact::Via;
use warroom::domain::id::Nonce;
use warroom::enforce::client::{self, Asked};
use warroom::enforce::frame::{Answer, Facts, Request};
use warroom::enforce::name::RunName;
use warroom::enforce::result::Attempted;
use warroom::enforce::said::Kind;
use warroom::enforce::ticket::Ticket;
use warroom::runner::Outcome;

/// A system account that every Linux has: the runner's, where the tests may choose.
const SERVICE: &str = "daemon";

/// What the reviewed command does: it counts its runs and says what it finds around it.
pub(crate) const SCRIPT: &str = "#!/bin/sh
echo run >> \"$COUNTER\"
echo \"zero=$0\"
echo \"args=$1|$2\"
[ -t 1 ] && [ -t 2 ] && echo outputs=terminal
if (: < /dev/tty) 2>/dev/null; then echo controlling=yes; else echo controlling=no; fi
echo \"umask=$(umask)\"
echo \"cwd=$(pwd)\"
echo \"stdin=$(cat)\"
echo \"$(grep NoNewPrivs /proc/self/status | tr -s '\\t' ' ')\"
echo \"leader=db-2\" >> \"$WARROOM_OUTPUT\"
";

/// A runner with its policy, and a place for commands.
pub(crate) struct Rig {
    pub(crate) child: Child,
    pub(crate) link: RunnerLink,
    facts: Facts,
    pub(crate) place: Place,
}

impl Rig {
    /// Starts a runner in an account of its own where this test may, else in its own.
    pub(crate) fn start() -> Self {
        let is_root = rustix::process::geteuid().is_root();
        Self::start_as(is_root.then_some(SERVICE), &[])
    }

    fn start_as(account: Option<&str>, settings: &[String]) -> Self {
        Self::start_over(account, None, settings)
    }

    /// Starts a runner with another people file than its own.
    pub(crate) fn start_over(
        account: Option<&str>,
        people: Option<&Path>,
        settings: &[String],
    ) -> Self {
        let place = Place::new();
        let runner = place.join("bin/warroom-runner");
        fs::copy(env!("CARGO_BIN_EXE_warroom-runner"), &runner).expect("the runner is built");
        set_mode(&runner, 0o755);
        for dir in ["etc", "run", "state", "work"] {
            fs::create_dir(place.join(dir)).expect("mkdir");
        }
        place.write("etc/people.toml", &people_toml());
        place.write("etc/allowed_signers", &allowed_signers());
        let own = rustix::process::geteuid().as_raw();
        if let Some(account) = account {
            let uid = accounts::uid_of(account).expect("the account is there");
            for dir in ["run", "state", "work"] {
                chown(place.join(dir), Some(uid), None).expect("chown");
            }
        }
        let at = place.path().display();
        let own_people = place.join("etc/people.toml");
        let people = people.unwrap_or(&own_people).display();
        let text = format!(
            "servers = [\"{own}\"]\nsocket = \"{at}/run/sock\"\nstate_dir = \"{at}/state\"\n\
             people = \"{people}\"\n{}",
            settings.join("\n")
        );
        place.write("etc/runner.toml", &text);
        let name = account.map_or_else(
            || accounts::name_of_uid(own).expect("a name"),
            str::to_owned,
        );
        let link = RunnerLink {
            socket: place.join("run/sock"),
            account: name,
        };
        let child = spawn(&place, account);
        let facts = wait_for("the runner to answer", || hello(&link));
        Self {
            child,
            link,
            facts,
            place,
        }
    }

    /// A runner that something else has started.
    pub(crate) fn over(link: RunnerLink, facts: Facts, place: Place) -> Self {
        Self {
            child: Command::new("true").spawn().expect("started"),
            link,
            facts,
            place,
        }
    }

    pub(crate) fn restart(&mut self) {
        let is_service = self.link.account == SERVICE;
        self.child = spawn(&self.place, is_service.then_some(SERVICE));
        let link = &self.link;
        self.facts = wait_for("the new runner to answer", || hello(link));
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }

    /// A script in the place for commands.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.place.write(&format!("work/{name}"), text);
        set_mode(&path, 0o755);
        path
    }

    /// Names of what was spent.
    pub(crate) fn spent(&self) -> Vec<String> {
        let entries = fs::read_dir(self.place.join("state/spent")).expect("there");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        entries
            .map(|entry| name(entry).to_string_lossy().into_owned())
            .collect()
    }

    pub(crate) fn counter(&self) -> PathBuf {
        self.place.join("work/runs")
    }

    pub(crate) fn runs(&self) -> usize {
        let text = fs::read_to_string(self.counter()).unwrap_or_default();
        text.lines().count()
    }

    /// A proposal to run this script now.
    pub(crate) fn desk(&self, script: &Path) -> Desk {
        let bytes = fs::read(script).expect("the script");
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot id");
        let mut now = SystemClock.now();
        // Statements say whole seconds.
        now.wall = warroom::domain::time::Timestamp::from_millis(
            now.wall.as_millis().div_euclid(1000) * 1000,
        );
        let nonce = clock::nonce().expect("random");
        let policy = self.facts.policy.expect("a policy");
        let mut desk = Desk::new(policy, nonce.clone(), boot.trim(), now);
        let plan = &mut desk.plan;
        plan.runas.clone_from(&self.facts.account);
        plan.host.clone_from(&self.facts.host);
        plan.cwd = self.place.join("work").display().to_string();
        plan.exe = Some((script.display().to_string(), Digest::of(&bytes)));
        plan.argv = vec!["tool".to_owned(), "a b".to_owned(), String::new()];
        for (name, value) in [
            ("COUNTER", self.counter().display().to_string()),
            ("WARROOM_OUTPUT", format!("{}/{nonce}", self.facts.values)),
        ] {
            plan.env.push((name.to_owned(), value));
        }
        desk
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(place: &Place, account: Option<&str>) -> Child {
    let runner = place.join("bin/warroom-runner");
    let config = place.join("etc/runner.toml");
    // Whoever runs the tests may have left descriptors open, and a runner with such does not start.
    let close = "for fd in /proc/self/fd/*; do n=${fd##*/}; if ((n > 2)); then eval \"exec $n>&-\"; fi; done
                 exec \"$@\"";
    let mut command = Command::new("bash");
    command.args(["-c", close, "bash"]);
    if let Some(account) = account {
        command.args(["setpriv", "--reuid", account, "--regid", account]);
        command.arg("--clear-groups");
    }
    command.arg(runner);
    command.arg("--config").arg(config).args(["serve"]);
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(place.join("runner.log"))
        .expect("a log");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the runner starts")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// On a thread of its own: some tests are within a runtime already.
pub(crate) fn hello(link: &RunnerLink) -> Option<Facts> {
    let ask = || runtime().block_on(client::hello(link)).ok();
    std::thread::scope(|scope| scope.spawn(ask).join().expect("joins"))
}

/// What became of a ticket.
#[derive(Debug)]
pub(crate) enum Told {
    Ended {
        result: Box<Attempted>,
        output: String,
    },
    Refused {
        word: String,
        why: String,
    },
    Unknown,
}

pub(crate) fn told(link: &RunnerLink, request: &Request) -> Told {
    runtime().block_on(async {
        let mut asked = Asked::send(link, request).await.expect("sent");
        let mut output = Vec::new();
        loop {
            match asked.next().await.expect("an answer") {
                Answer::Taken(_) | Answer::Spawned { .. } => {}
                Answer::Output { bytes, .. } => output.extend(bytes),
                Answer::Ended(result) => {
                    let output = String::from_utf8_lossy(&output).replace("\r\n", "\n");
                    return Told::Ended { result, output };
                }
                Answer::Refused { word, why, .. } => return Told::Refused { word, why },
                Answer::Unknown => return Told::Unknown,
                other => panic!("{other:?}"),
            }
        }
    })
}

pub(crate) fn run(rig: &Rig, ticket: &Ticket) -> Told {
    told(&rig.link, &Request::Run(ticket.print()))
}

pub(crate) fn word(told: &Told) -> &str {
    match told {
        Told::Refused { word, .. } => word,
        Told::Ended { .. } => "ended",
        Told::Unknown => "unknown",
    }
}

pub(crate) fn ended(told: Told) -> (Box<Attempted>, String) {
    match told {
        Told::Ended { result, output } => (result, output),
        other => panic!("not ended: {other:?}"),
    }
}

/// Sends a ticket and does not wait for what comes of it; gives the process id.
fn begin(rig: &Rig, ticket: &Ticket) -> u32 {
    runtime().block_on(async {
        let request = Request::Run(ticket.print());
        let mut asked = Asked::send(&rig.link, &request).await.expect("sent");
        loop {
            match asked.next().await.expect("an answer") {
                Answer::Spawned { pid } => return pid,
                Answer::Taken(_) | Answer::Output { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    })
}

fn watch(rig: &Rig, nonce: &Nonce) -> Told {
    let run = RunName::forward(nonce.clone());
    told(&rig.link, &Request::Watch { run, offset: 0 })
}

#[test]
fn what_two_people_signed_runs_once_and_exactly_so() {
    let rig = Rig::start();
    let script = rig.script("tool", SCRIPT);
    let mut desk = rig.desk(&script);
    desk.plan.stdin = Digest::of(b"select 1;").to_string();
    let mut ticket = desk.ticket();
    ticket.stdin = b"select 1;".to_vec();
    let (result, output) = ended(run(&rig, &ticket));
    assert_eq!(result.outcome, Outcome::Exited(0), "{output}");
    let cwd = format!("cwd={}", rig.place.join("work").display());
    for line in [
        "args=a b|",
        "outputs=terminal",
        "controlling=no",
        "umask=0077",
        &cwd,
        "stdin=select 1;",
        "NoNewPrivs: 1",
    ] {
        assert!(output.lines().any(|l| l == line), "{line}\n{output}");
    }
    assert!(output.contains("zero=/dev/fd/"), "{output}");
    assert_eq!(result.values, [("leader".to_owned(), "db-2".to_owned())]);
    assert_eq!(
        (result.run.nonce(), result.left_behind),
        (&desk.nonce, Some(0))
    );
    assert_eq!(rig.runs(), 1);
    // A replay, and whoever asks later.
    assert_eq!(word(&run(&rig, &ticket)), "spent");
    let (again, _) = ended(watch(&rig, &desk.nonce));
    assert_eq!(again.outcome, Outcome::Exited(0));
    assert_eq!(rig.runs(), 1);
}

#[test]
fn a_program_inherits_nothing_but_its_three_descriptors_and_its_variables() {
    let rig = Rig::start();
    let program = |path: &str, argv: &[&str]| {
        let mut desk = rig.desk(&fs::canonicalize(path).expect("there"));
        desk.plan.argv = argv.iter().map(|a| (*a).to_owned()).collect();
        ended(run(&rig, &desk.ticket())).1
    };
    let open = program("/bin/ls", &["ls", "/proc/self/fd"]);
    let mut numbers: Vec<&str> = open.split_whitespace().collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["0", "1", "2", "3"], "3 is that of the listing");
    let env = program("/usr/bin/env", &["env"]);
    let mut names: Vec<&str> = env
        .lines()
        .filter_map(|l| Some(l.split_once('=')?.0))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["COUNTER", "PATH", "WARROOM_OUTPUT"]);
}

/// Every ticket a server could make up that has fallen into other hands: it has what went over its wires, and the
/// account of the runner's socket, and no keys of people.
#[test]
fn nothing_that_a_compromised_server_sends_runs() {
    let rig = Rig::start();
    let script = rig.script("tool", SCRIPT);
    let expect = |what: &str, expected: &str, ticket: &Ticket| {
        let told = run(&rig, ticket);
        assert_eq!(word(&told), expected, "{what}: {told:?}");
        if let Told::Refused { why, .. } = told {
            assert!(!why.is_empty());
        }
        assert_eq!(rig.runs(), 0, "{what}");
    };
    let desk = rig.desk(&script);
    let honest = desk.ticket();

    let mut none = desk.clone();
    none.confirmers.clear();
    expect("no confirm", "quorum", &none.ticket());
    let mut own = desk.clone();
    own.confirmers = vec!["ann".to_owned()];
    expect("ann confirms her own", "own", &own.ticket());
    let mut claimed = honest.clone();
    claimed.confirms = vec![unsigned(desk.said(Kind::Confirm, "bob"), Via::Uid(61_002))];
    expect("bob by his account", "quorum", &claimed);
    let mut forged = honest.clone();
    let lines = desk.lines(Kind::Confirm, "bob");
    forged.confirms = vec![signed(Kind::Confirm, &lines, "mallory")];
    expect("a key of nobody", "signature", &forged);
    forged.confirms = vec![signed(Kind::Confirm, &lines, "ann")];
    expect("ann's key under bob's name", "signer", &forged);

    let mut other = desk.clone();
    other.plan.argv.push("--all".to_owned());
    let mut swapped = honest.clone();
    swapped.plan = other.plan_bytes();
    expect("another plan", "chain", &swapped);
    swapped.proposed = other.proposed();
    expect("another plan with its record", "line", &swapped);
    let mut older = rig.desk(&script).ticket();
    older.confirms = honest.confirms.clone();
    expect("a confirm of another proposal", "line", &older);

    let mut late = desk.clone();
    late.now.wall = late.now.wall.minus(Duration::from_secs(901));
    expect("an old proposal", "expired", &late.ticket());
    let mut policy = desk.clone();
    policy.policy = Digest::of(b"another policy");
    expect("another policy", "policy", &policy.ticket());
    let mut steered = desk.clone();
    let preload = ("LD_PRELOAD".to_owned(), "/tmp/x.so".to_owned());
    steered.plan.env.push(preload);
    expect("a steered program", "steering", &steered.ticket());
    let mut elsewhere = desk.clone();
    elsewhere.plan.runas = "root".to_owned();
    expect("another account", "account", &elsewhere.ticket());
    expect_garbage(&rig);

    // The one thing that was right all the time still is.
    let (result, _) = ended(run(&rig, &honest));
    assert_eq!((result.outcome, rig.runs()), (Outcome::Exited(0), 1));
    assert_eq!(word(&run(&rig, &honest)), "spent", "a replay");
    assert_eq!(rig.runs(), 1);
}

fn expect_garbage(rig: &Rig) {
    for bytes in [
        &b"x"[..],
        b"",
        b"warroom-ticket@v1\n",
        b"warroom-stop@v1\nrun 3\nabc\n",
    ] {
        let told = told(&rig.link, &Request::Run(bytes.to_vec()));
        assert!(matches!(word(&told), "ticket" | "request"), "{told:?}");
    }
}

#[test]
fn the_bytes_that_were_reviewed_run_or_nothing_does() {
    let rig = Rig::start();
    let script = rig.script("tool", SCRIPT);
    let ticket = rig.desk(&script).ticket();
    fs::write(&script, SCRIPT.replace("args=", "evil=")).expect("changed after the confirm");
    let (result, _) = ended(run(&rig, &ticket));
    let Outcome::NotStarted(why) = &result.outcome else {
        panic!("{result:?}");
    };
    assert!(why.contains("was reviewed as"), "{why}");
    assert_eq!(rig.runs(), 0);
    // A link in the way to the working directory.
    let script = rig.script("tool2", SCRIPT);
    std::os::unix::fs::symlink("work", rig.place.join("link")).expect("linked");
    let mut desk = rig.desk(&script);
    desk.plan.cwd = rig.place.join("link").display().to_string();
    let (result, _) = ended(run(&rig, &desk.ticket()));
    assert!(matches!(&result.outcome, Outcome::NotStarted(why) if why.contains("directory")));
    assert_eq!(rig.runs(), 0);
}

#[test]
fn what_is_revoked_a_moment_before_counts_no_more() {
    let rig = Rig::start();
    let script = rig.script("tool", SCRIPT);
    let ticket = rig.desk(&script).ticket();
    rig.place.write("etc/revoked", "person bob\n");
    assert_eq!(word(&run(&rig, &ticket)), "revoked");
    rig.place.write("etc/revoked", "garbage\n");
    assert_eq!(
        word(&run(&rig, &ticket)),
        "policy-unread",
        "unknown never passes"
    );
    rig.place.write("etc/revoked", "\n");
    assert_eq!(word(&run(&rig, &ticket)), "ended");
}

/// A command with a child that does not end by itself.
const SLOW: &str = "#!/bin/sh
echo run >> \"$COUNTER\"
sleep 600 &
echo $! > \"$COUNTER.child\"
wait
";

fn child_of(rig: &Rig) -> i32 {
    let path = rig.place.join("work/runs.child");
    wait_for("the child", || {
        fs::read_to_string(&path).ok()?.trim().parse().ok()
    })
}

fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_stop_reaches_grandchildren_and_nothing_else_runs_meanwhile() {
    let rig = Rig::start();
    let slow = rig.script("slow", SLOW);
    let desk = rig.desk(&slow);
    begin(&rig, &desk.ticket());
    let child = child_of(&rig);
    let other = rig.desk(&rig.script("tool", SCRIPT)).ticket();
    assert_eq!(word(&run(&rig, &other)), "busy");
    let stop = client::stop(&rig.link, RunName::forward(desk.nonce.clone()));
    runtime().block_on(stop).expect("asked");
    let (result, _) = ended(watch(&rig, &desk.nonce));
    assert_eq!(
        (result.outcome, result.left_behind),
        (Outcome::Stopped, Some(0))
    );
    assert!(!is_alive(child));
    assert_eq!(word(&run(&rig, &other)), "ended", "its nonce was not spent");
    assert_eq!(rig.runs(), 2);
}

#[test]
fn what_a_command_leaves_behind_is_counted_and_ended() {
    // As root, where a cgroup can be made: it holds what makes itself a session of its own.
    let rig = Rig::start_as(None, &[]);
    let is_cgroup = rig.facts.reach == "cgroup";
    let escape = if is_cgroup { "setsid " } else { "" };
    let text = format!(
        "#!/bin/sh\n{escape}sleep 600 >/dev/null 2>&1 &\necho $! > \"$COUNTER.child\"\nexit 3\n"
    );
    let script = rig.script("leaves", &text);
    let (result, _) = ended(run(&rig, &rig.desk(&script).ticket()));
    assert_eq!(result.outcome, Outcome::Exited(3));
    assert_eq!(result.left_behind, Some(1));
    assert!(!is_alive(child_of(&rig)));
}

#[test]
fn a_command_goes_on_without_its_server_and_its_result_is_adopted() {
    let rig = Rig::start();
    let text = format!(
        "{SLOW}echo late\n",
        SLOW = SLOW.replace(
            "sleep 600",
            "while [ ! -e \"$COUNTER.go\" ]; do sleep 0.05; done"
        )
    );
    let desk = rig.desk(&rig.script("slow", &text));
    // The connection is dropped as soon as it runs: the server is dead.
    begin(&rig, &desk.ticket());
    wait_until("it runs", || rig.runs() == 1);
    rig.place.write("work/runs.go", "");
    let (result, output) = ended(watch(&rig, &desk.nonce));
    assert_eq!(result.outcome, Outcome::Exited(0));
    assert!(output.contains("late"), "{output}");
    assert_eq!(
        Digest::of(output.replace('\n', "\r\n").as_bytes()),
        result.output_digest
    );
    assert_eq!(rig.runs(), 1);
    // A nonce that no ticket came for is spent by asking: it can be said for good that it did not run.
    let never = rig.desk(&rig.script("tool", SCRIPT));
    assert_eq!(word(&watch(&rig, &never.nonce)), "not-taken");
    assert_eq!(word(&run(&rig, &never.ticket())), "spent");
}

#[test]
fn a_runner_that_was_killed_leaves_an_unknown_outcome_and_keeps_the_scope() {
    let mut rig = Rig::start();
    let desk = rig.desk(&rig.script("slow", SLOW));
    begin(&rig, &desk.ticket());
    let child = child_of(&rig);
    rig.kill();
    rig.restart();
    assert_eq!(word(&watch(&rig, &desk.nonce)), "unknown");
    let other = rig.desk(&rig.script("tool", SCRIPT)).ticket();
    if is_alive(child) {
        assert_eq!(word(&run(&rig, &other)), "busy");
    }
    let processes = || rig.place.processes();
    for pid in processes() {
        if pid.as_raw_nonzero().get() != rig.child.id().cast_signed() {
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
        }
    }
    let child = rustix::process::Pid::from_raw(child).expect("a pid");
    rustix::process::kill_process(child, rustix::process::Signal::KILL).ok();
    wait_until("the scope is free", || word(&run(&rig, &other)) != "busy");
    assert_eq!(word(&run(&rig, &desk.ticket())), "spent");
    assert_eq!(rig.runs(), 2, "once each");
}

#[test]
fn a_secret_reaches_the_command_and_never_leaves_it() {
    let rig = Rig::start_as(None, &["[secrets]\nvault = \"env:PATH\"\n".to_owned()]);
    #[expect(
        clippy::disallowed_methods,
        reason = "the secret of this test is what the runner inherits"
    )]
    let secret = std::env::var("PATH").expect("a path");
    let script = rig.script(
        "tool",
        "#!/bin/sh\nprintf 'pass=%s\\n' \"$DB_PASS\"\nprintf '%s' \"$DB_PASS\" | base64 -w0\n\
         printf 'copy=%s\\n' \"$DB_PASS\" >> \"$WARROOM_OUTPUT\"\n",
    );
    let mut desk = rig.desk(&script);
    let reference = ("DB_PASS".to_owned(), "<secret:vault/main>".to_owned());
    desk.plan.env.push(reference);
    let (result, output) = ended(run(&rig, &desk.ticket()));
    assert_eq!(result.outcome, Outcome::Exited(0), "{output}");
    assert_eq!(output, "pass=<redacted:DB_PASS>\n<redacted:DB_PASS>");
    assert_eq!(result.values[0].1, "<redacted:DB_PASS>");
    assert_eq!(result.secrets[0].from, "vault/main");
    for entry in
        fs::read_dir(rig.place.join(&format!("state/attempts/{}", desk.nonce))).expect("kept")
    {
        let bytes = fs::read(entry.expect("an entry").path()).expect("readable");
        assert!(!String::from_utf8_lossy(&bytes).contains(&secret));
    }
    let mut desk = rig.desk(&script);
    let reference = ("DB_PASS".to_owned(), "<secret:other/main>".to_owned());
    desk.plan.env.push(reference);
    let (result, _) = ended(run(&rig, &desk.ticket()));
    assert!(matches!(&result.outcome, Outcome::NotStarted(why) if why.contains("does not have")));
}

#[test]
fn only_the_account_of_a_session_server_is_answered_and_only_the_runner_believed() {
    let rig = Rig::start();
    let mut link = rig.link.clone();
    link.account = "nobody".to_owned();
    let refused = runtime()
        .block_on(client::hello(&link))
        .expect_err("not nobody");
    assert!(refused.to_string().contains("listens at"), "{refused}");
    let text = fs::read_to_string(rig.place.join("etc/runner.toml")).expect("settings");
    let own = format!("servers = [\"{}\"]", rustix::process::geteuid().as_raw());
    let mut rig = rig;
    rig.kill();
    rig.place.write(
        "etc/runner.toml",
        &text.replace(&own, "servers = [\"nobody\"]"),
    );
    let is_service = rig.link.account == SERVICE;
    rig.child = spawn(&rig.place, is_service.then_some(SERVICE));
    let log = rig.place.join("runner.log");
    wait_until("a stranger is hung up on", || {
        assert!(hello(&rig.link).is_none());
        fs::read_to_string(&log).is_ok_and(|log| log.contains("no session server's"))
    });
}

#[test]
fn doctor_says_which_mode_holds_and_why() {
    let rig = Rig::start();
    let at = rig.place.path().display().to_string();
    let doctor = |runner: &str| {
        let text = format!(
            "[server]\nruntime_dir = \"{at}/etc\"\nstate_dir = \"{at}/etc\"\n\
             [people]\nfile = \"{at}/etc/people.toml\"\n{runner}"
        );
        let config = rig.place.write("etc/config.toml", &text);
        let mut command = Command::new(rig.place.program());
        let output = run_command(command.arg("--config").arg(config).arg("doctor"));
        (output.status.success(), said(&output))
    };
    let (is_well, text) = doctor("");
    assert!(is_well && text.contains("ADVISORY"), "{text}");
    let link =
        |account: &str| format!("[runner]\nsocket = \"{at}/run/sock\"\naccount = \"{account}\"\n");
    let (is_well, text) = doctor(&link(&rig.link.account));
    assert!(is_well && text.contains("ENFORCED"), "{text}");
    let (is_well, text) = doctor(&link("nobody"));
    assert!(!is_well && text.contains("listens at"), "{text}");
}
