//! The ssh connection of whoever said go is cut while the step runs: it goes on or ends as the plan says, anybody may
//! stop it, and anybody may take over watching it.

use super::agent::Agent;
use super::seat::Seat;
use super::stage::{Layout, Stage, cannot};
use crate::harness::wait_until;
use crate::services::{ALICE, BOB};
use rustix::process::{Pid, Signal};

/// Alice has said go, and her connection is cut; bob is there. `ends`: the step ends with her.
fn cut_off(stage: &Stage, laptop: &Agent, session: &str, ends: bool) -> Seat {
    let title = "- [ ] Touch it once\n";
    let settings = format!("{title}  ```toml step\n  on_executor_lost = \"terminate\"\n  ```\n");
    let text = stage.book(session, "");
    let text = if ends {
        text.replace(title, &settings)
    } else {
        text
    };
    stage.start_with(session, &text);
    stage.hold_command(session, true);
    let alice = stage.seat(&format!("{session}-alice"), ALICE, None);
    let bob = stage.seat(&format!("{session}-bob"), BOB, Some(&laptop.socket()));
    alice.attach(session);
    bob.attach(session);
    alice.begin(stage, session);
    alice.propose(stage, session);
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
    bob.wait_said("alice is gone for");
    bob
}

fn ended_once(stage: &Stage, session: &str) {
    assert_eq!(stage.records_of(session, "exec.outcome").len(), 1);
    assert_eq!(stage.runs(session), 1);
    stage.verifies(session);
}

/// Second of the day on the clock of a screen.
fn clock(screen: &str) -> Option<u32> {
    let row = screen.lines().next()?;
    let text = row.split_whitespace().last()?.strip_suffix('Z')?;
    let parts: Option<Vec<u32>> = text.split(':').map(|part| part.parse().ok()).collect();
    match parts?.as_slice() {
        [hours, minutes, seconds] => Some(hours * 3600 + minutes * 60 + seconds),
        _ => None,
    }
}

/// Waits until more time has passed than anybody's absence is borne.
fn wait_long(bob: &Seat) {
    let from = clock(&bob.wait("RUNNING")).expect("a clock");
    bob.terminal.wait_that("more than 15 s to pass", |screen| {
        let passed = clock(screen).map(|now| (now + 86_400 - from) % 86_400);
        passed.is_some_and(|passed| passed > 17)
    });
}

#[test]
fn a_step_runs_on_when_its_executor_is_cut_off_and_anybody_may_stop_it() {
    if cannot("two_person::cuts::a_step_runs_on_when_its_executor_is_cut_off") {
        return;
    }
    let stage = Stage::new(Layout::default());
    let laptop = Agent::with_key(&stage, "laptop", "bob");
    drop(cut_off(&stage, &laptop, "goes-on", false));
    stage.hold_command("goes-on", false);
    stage.wait_step("goes-on", "done");
    ended_once(&stage, "goes-on");

    let bob = cut_off(&stage, &laptop, "stopped", false);
    bob.press(&["x"]);
    stage.wait_step("stopped", "failed");
    ended_once(&stage, "stopped");
}

#[test]
fn a_step_that_ends_with_its_executor_goes_on_with_whoever_takes_over() {
    if cannot("two_person::cuts::a_step_that_ends_with_its_executor") {
        return;
    }
    let stage = Stage::new(Layout::default());
    let laptop = Agent::with_key(&stage, "laptop", "bob");
    let bob = cut_off(&stage, &laptop, "ends", true);
    bob.wait_said("it is stopped unless somebody takes over");
    stage.wait_step("ends", "failed");
    let stopped = &stage.records_of("ends", "exec.stop-asked")[0];
    assert_eq!(stopped["actor"], "warroom", "{stopped}");
    ended_once(&stage, "ends");

    let bob = cut_off(&stage, &laptop, "kept", true);
    bob.press(&["v"]);
    stage.wait_record("kept", "step.taken-over", "bob");
    wait_long(&bob);
    assert_eq!(stage.records_of("kept", "exec.stop-asked").len(), 0);
    stage.hold_command("kept", false);
    stage.wait_step("kept", "done");
    ended_once(&stage, "kept");
    // Nothing runs any more: there is nothing to take over.
    bob.press(&["v"]);
    bob.wait_said("nothing runs");
}
