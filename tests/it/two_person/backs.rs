//! Back needs one: a no, a stop and the way back start with one key of one person, with the confirmer gone, a system
//! that never answers and a terminal that never reads. What order things have is asserted; how long they take is told.

use super::agent::Agent;
use super::program::{Program, step};
use super::seat::Seat;
use super::stage::{COMPONENT, Layout, STEP, Stage, cannot};
use crate::harness::{wait_for, wait_until};
use crate::services::{ALICE, BOB};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use warroom::domain::command::Command;

fn now() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "compared with what `date` wrote")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).expect("after 1970")
}

/// A step that says when it is told to end, with a way back that says when it begins. Without `wait` it ends at once.
fn book(stage: &Stage, name: &str, wait: bool) -> String {
    let marks = stage.place.join("marks");
    let body = if wait {
        format!(
            "trap 'date +%s%N >\"$marks/{name}-stopped\"; exit 143' TERM\n  \
             echo run >>\"$marks/{name}-runs\"\n  sleep 600 &\n  wait"
        )
    } else {
        format!("echo run >>\"$marks/{name}-runs\"")
    };
    format!(
        "# Work on {name}\n\n```toml maintenance\ncomponents = [\"{COMPONENT}\"]\n\n[environment]\nmarks = \"{}\"\n```\n\n\
         ## Work\n\n- [ ] Touch it once\n  ```sh run destructive id={STEP} component={COMPONENT} timeout=15m\n  {body}\n  ```\n  \
         ```sh undo\n  date +%s%N >\"$marks/{name}-undone\"\n  ```\n- [ ] Look at it\n",
        marks.display()
    )
}

/// When something was written down to have happened.
fn written(stage: &Stage, mark: &str) -> Duration {
    let file = stage.place.join(&format!("marks/{mark}"));
    let nanos = wait_for(mark, || fs::read_to_string(&file).ok()?.trim().parse().ok());
    Duration::from_nanos(nanos)
}

fn tell(what: &str, from: Duration, to: Duration) {
    let ms = to.saturating_sub(from).as_secs_f64() * 1000.0;
    eprintln!("\nMEASURE back with one key, {what}: {ms:.0} ms");
}

/// Sequence numbers of records of a kind.
fn seqs(stage: &Stage, session: &str, kind: &str) -> Vec<u64> {
    let records = stage.records_of(session, kind);
    records.iter().filter_map(|r| r["seq"].as_u64()).collect()
}

/// Alice has said go and bob, who confirmed, is gone; somebody's terminal never reads.
fn alone(stage: &Stage, session: &str, wait: bool) -> (Seat, Program) {
    stage.start_with(session, &book(stage, session, wait));
    let alice = stage.seat(&format!("{session}-alice"), ALICE, None);
    alice.attach(session);
    let stalled = Program::attach(stage, BOB, session);
    alice.begin(stage, session);
    alice.propose(stage, session);
    let mut bob = Program::attach(stage, BOB, session);
    assert_eq!(bob.confirm_with(stage, "bob", "bob", false), None);
    stage.wait_step(session, "armed");
    alice.go();
    wait_until("it to run", || stage.runs(session) == 1);
    bob.dies();
    (alice, stalled)
}

#[test]
fn a_stop_and_a_way_back_start_with_one_key_of_one_person() {
    if cannot("two_person::backs::a_stop_and_a_way_back_start_with_one_key") {
        return;
    }
    let stage = Stage::new(Layout::default());
    // Takes connections and never says a word.
    let hung = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = hung.local_addr().expect("bound").port();
    let mut config = OpenOptions::new()
        .append(true)
        .open(stage.config())
        .expect("there");
    write!(
        config,
        "[connect.prometheus.hung]\nurl = \"http://127.0.0.1:{port}\"\nevery = \"1s\"\n"
    )
    .expect("written");

    let (alice, _stalled) = alone(&stage, "stop", true);
    let pressed = now();
    alice.press(&["x"]);
    let stopped = written(&stage, "stop-stopped");
    stage.wait_step("stop", "failed");
    assert!(stopped > pressed);
    tell("stop: key to signal in the process group", pressed, stopped);
    let (asked, ended) = (
        seqs(&stage, "stop", "exec.stop-asked"),
        seqs(&stage, "stop", "exec.outcome"),
    );
    assert!(asked.len() == 1 && asked < ended, "{asked:?} {ended:?}");

    let (alice, _stalled) = alone(&stage, "back", false);
    stage.wait_step("back", "done");
    let pressed = now();
    alice.press(&["R"]);
    let undone = written(&stage, "back-undone");
    stage.wait_step("back", "undone");
    tell("roll back: key to the first undo process", pressed, undone);
    assert!(undone > pressed);
    let started = seqs(&stage, "back", "rollback.started");
    let intents = seqs(&stage, "back", "exec.intent");
    assert_eq!(started.len(), 1);
    assert!(started.first() < intents.last(), "{started:?} {intents:?}");

    // From a command that runs: one key stops it, and its way back follows by itself.
    let (alice, _stalled) = alone(&stage, "both", true);
    let pressed = now();
    alice.press(&["R"]);
    let (stopped, undone) = (
        written(&stage, "both-stopped"),
        written(&stage, "both-undone"),
    );
    assert!(pressed < stopped && stopped < undone);
    tell("roll back of what runs: key to signal", pressed, stopped);
    tell(
        "roll back of what runs: key to undo process",
        pressed,
        undone,
    );
    drop(hung);
}

#[test]
fn a_no_is_one_key_and_its_reason_follows_signed_or_not() {
    if cannot("two_person::backs::a_no_is_one_key") {
        return;
    }
    let stage = Stage::new(Layout {
        rules: "[class.destructive]\ndwell = \"1s\"\ndwell_per_10_lines = \"0s\"\n",
        ..Layout::default()
    });
    let laptop = Agent::with_key(&stage, "laptop", "bob");
    let socket = laptop.socket();
    for (session, agent) in [("signed", Some(&socket)), ("unsigned", None)] {
        stage.start(session);
        let alice = stage.seat(&format!("{session}-alice"), ALICE, None);
        let bob = stage.seat(&format!("{session}-bob"), BOB, agent.map(|path| &**path));
        alice.attach(session);
        bob.attach(session);
        alice.begin(&stage, session);
        alice.propose(&stage, session);
        bob.review();
        bob.wait("which component is about to be touched?");
        // A letter of a name is no answer; the control key is, whatever is being typed.
        bob.insist("d", |screen| screen.contains("ANSWER > d"));
        let pressed = now();
        bob.press(&["C-r"]);
        stage.wait_record(session, "step.closed", "rejected");
        tell("reject: key to record seen from outside", pressed, now());
        stage.wait_step(session, "needs-proposal");
        bob.wait("why? the proposer reads it");
        bob.type_line("the other one first");
        stage.wait_record(session, "step.reject-explained", "the other one first");
        let statements = stage.records_of(session, "statement.signed");
        assert_eq!(
            statements.len(),
            usize::from(agent.is_some()),
            "{statements:?}"
        );
        let order =
            seqs(&stage, session, "step.closed") < seqs(&stage, session, "step.reject-explained");
        assert!(order, "the no came first");
        alice.press(&["1"]);
        alice.wait_said("the last proposal ended: rejected by bob: the other one first");
        let judged = stage.verifies(session).to_string();
        assert_eq!(judged.contains("\"bob\":1"), agent.is_some(), "{judged}");
    }
    let mut bob = Program::attach(&stage, BOB, "signed");
    let late = Command::explain(
        step(),
        warroom::domain::id::AttemptNo(1),
        "once more".to_owned(),
    );
    assert!(bob.ask(late).is_some(), "said once");
}
