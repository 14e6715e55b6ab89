//! The server, and the client that said go, are killed behind each record of one attempt: it ends known or UNKNOWN, and
//! ran once at most.

use super::program::{Program, step};
use super::stage::{COMPONENT, Layout, STEP, Stage, cannot};
use crate::bastion::step_state;
use crate::harness::{run, wait_until};
use crate::services::{ALICE, BOB};
use rustix::process::Signal;
use std::sync::atomic::{AtomicBool, Ordering};
use warroom::domain::command::Command;

/// Records of one attempt in their order.
const RECORDS: [&str; 7] = [
    "proposal.opened",
    "step.proposed",
    "step.confirmed",
    "step.armed",
    "exec.intent",
    "exec.spawned",
    "exec.outcome",
];

/// Takes an attempt as far as it gets, by programs of both people.
fn attempt(stage: &Stage, session: &str) {
    let mut alice = Program::attach(stage, ALICE, session);
    alice.ask(Command::Begin);
    alice.ask(Command::Start { step: step() });
    stage.wait_step(session, "needs-proposal");
    alice.ask(Command::propose(step()));
    if Some("awaiting-second") != state(stage, session).as_deref() {
        return;
    }
    let mut bob = Program::attach(stage, BOB, session);
    bob.confirm_with(stage, "bob", "bob", false);
    let Some(attempt) = bob.state.proposal.as_ref().map(|open| open.terms.attempt) else {
        return;
    };
    alice.ask(Command::go(step(), attempt));
    // Whoever said go is gone before anything is known; the step is not.
    alice.dies();
    bob.dies();
}

/// State of the step; `None` while there is no server.
fn state(stage: &Stage, session: &str) -> Option<String> {
    let output = stage.warroom(&["status", "--json", "-t", session]);
    let value = serde_json::from_slice::<serde_json::Value>(&output.stdout).ok()?;
    value["steps"].as_array()?;
    Some(step_state(&value, STEP))
}

/// Kills the server as soon as the journal has a record of this kind.
fn kill_behind(stage: &Stage, session: &str, kind: &str, over: &AtomicBool) {
    let (pid, journal) = (stage.server_pid(session), stage.journal(session));
    let wanted = format!("kind: {kind}\n");
    while !over.load(Ordering::Relaxed) {
        let bytes = std::fs::read(&journal).expect("readable");
        if bytes
            .windows(wanted.len())
            .any(|window| window == wanted.as_bytes())
        {
            rustix::process::kill_process(pid, Signal::KILL).expect("it was alive");
            return;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_server_killed_behind_any_record_of_an_attempt_leaves_it_known_or_unknown() {
    if cannot("two_person::kills::a_server_killed_behind_any_record") {
        return;
    }
    let stage = Stage::new(Layout::default());
    for (number, kind) in RECORDS.into_iter().enumerate() {
        let session = format!("kill-{number}");
        // Each touches something of its own: what is left unknown is in the way of everything that touches the same.
        let own = format!("db-{number}");
        stage.start_with(&session, &stage.book(&session, "").replace(COMPONENT, &own));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let killer = scope.spawn(|| kill_behind(&stage, &session, kind, &over));
            attempt(&stage, &session);
            wait_until("the server to be killed", || killer.is_finished());
            over.store(true, Ordering::Relaxed);
        });
        wait_until("the server to be gone", || {
            state(&stage, &session).is_none()
        });
        // What was killed in the middle of a write holds its directory until the disk has answered.
        wait_until("the session to be taken up again", || {
            let mut again = stage.warroom_in(super::stage::ROOM);
            run(again.args(["run", "-d", "-t", &session]))
                .status
                .success()
        });
        let settled = ["needs-proposal", "unknown", "done", "failed"];
        let mut last = None;
        wait_until("a state that is known, or unknown", || {
            last = state(&stage, &session);
            last.as_deref()
                .is_some_and(|state| settled.contains(&state))
        });
        let (last, runs) = (last.unwrap_or_default(), stage.runs(&session));
        assert!(runs <= 1, "{kind}: it ran {runs} times");
        if number < 4 {
            // The file is read and the server killed in a moment; a later record may have been written in it.
            assert!(
                runs == 0 || last != "needs-proposal",
                "{kind}: {last}, and it ran"
            );
        } else {
            assert_ne!(last, "needs-proposal", "{kind}: an intent was on record");
        }
        // No word of before the restart makes it run.
        let mut alice = Program::attach(&stage, ALICE, &session);
        let attempt = warroom::domain::id::AttemptNo(1);
        assert!(
            alice.ask(Command::go(step(), attempt)).is_some(),
            "{kind}: an old confirm counts no more"
        );
        assert_eq!(
            stage.runs(&session),
            runs,
            "{kind}: nothing runs again by itself"
        );
        stage.verifies(&session);
        let end = stage.warroom(&["kill-session", "-t", &session]);
        drop(end);
    }
}
