//! The ssh connection of whoever said go is cut while the step runs.

use super::agent::Agent;
use super::stage::{Layout, Stage, cannot};
use crate::harness::wait_until;
use crate::services::{ALICE, BOB};
use rustix::process::{Pid, Signal};

#[test]
fn a_step_runs_on_when_its_executor_is_cut_off_and_anybody_may_stop_it() {
    if cannot("two_person::cuts::a_step_runs_on_when_its_executor_is_cut_off") {
        return;
    }
    let stage = Stage::new(Layout::default());
    let laptop = Agent::with_key(&stage, "laptop", "bob");
    for (session, is_stopped) in [("goes-on", false), ("stopped", true)] {
        stage.start(session);
        stage.hold_command(session, true);
        let alice = stage.seat(&format!("{session}-alice"), ALICE, None);
        let bob = stage.seat(&format!("{session}-bob"), BOB, Some(&laptop.socket()));
        alice.attach(session);
        bob.attach(session);
        alice.begin(&stage, session);
        alice.propose(&stage, session);
        bob.confirm();
        stage.wait_step(session, "armed");
        alice.go();
        wait_until("it to run", || stage.runs(session) == 1);
        // Not closed: killed, as a cable is pulled out.
        let ssh = alice.terminal.ask("#{pane_pid}");
        let ssh = ssh.parse().ok().and_then(Pid::from_raw).expect("a pid");
        rustix::process::kill_process(ssh, Signal::KILL).expect("it was alive");
        wait_until("alice to be gone", || {
            stage.status(session)["attached"] == 1
        });
        bob.press(&["1"]);
        bob.wait("checklist");
        if is_stopped {
            bob.press(&["x"]);
            bob.terminal.wait_that("the question or the end", |screen| {
                if screen.contains("stop") && screen.contains('y') {
                    bob.press(&["y"]);
                }
                !stage.records_of(session, "exec.outcome").is_empty()
            });
            stage.wait_step(session, "failed");
        } else {
            stage.hold_command(session, false);
            stage.wait_step(session, "done");
        }
        assert_eq!(stage.records_of(session, "exec.outcome").len(), 1);
        assert_eq!(stage.runs(session), 1);
        stage.verifies(session);
    }
}
