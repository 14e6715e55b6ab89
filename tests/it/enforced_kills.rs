//! `TWO_PERSON` E5 for the runner: it is killed behind each thing that it makes durable, and the session server behind
//! each record while the runner works. The command's own counter says that it ran once at most.

use crate::enforced::desk::Desk;
use crate::enforced::{Rig, Told, ended, run, told, word};
use crate::enforced_back::back;
use crate::harness::wait_until;
use crate::session_enforced::Enforced;
use crate::session_host::{Person, Running, step};
use rustix::process::Signal;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use warroom::domain::command::Command;
use warroom::domain::confirm::undo_doc::{self, UndoInputs};
use warroom::domain::digest::Digest;
use warroom::domain::state::StepStatus;
use warroom::enforce::client::Asked;
use warroom::enforce::frame::Request;
use warroom::enforce::name::RunName;
use warroom::runner::Outcome;
use warroom::wire::message::ToServer;

/// What the runner makes durable for one run, in its order, and what the command does: below the rig, `RUN` for the
/// name of the run.
const MARKS: [&str; 9] = [
    "state/spent/RUN",
    "state/attempts/RUN",
    "state/attempts/RUN/ticket",
    "state/attempts/RUN/result.tmp",
    "state/attempts/RUN/output",
    "state/values/RUN",
    "state/attempts/RUN/group",
    "work/started",
    "state/attempts/RUN/result",
];

/// Counts its runs, and says that it has begun.
const COUNTS: &str = "#!/bin/sh\necho run >> \"$COUNTER\"\n: > started\necho done\n";

/// Kills the runner as soon as this is there.
fn kill_behind(rig: &Rig, mark: &Path, is_over: &AtomicBool) {
    let runner = rustix::process::Pid::from_child(&rig.child);
    while !is_over.load(Ordering::Relaxed) {
        if mark.symlink_metadata().is_ok() {
            rustix::process::kill_process(runner, Signal::KILL).expect("it was alive");
            return;
        }
        std::hint::spin_loop();
    }
}

/// Sends a request and listens until the connection breaks or it is over.
fn send(rig: &Rig, request: &Request) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        if let Ok(mut asked) = Asked::send(&rig.link, request).await {
            while asked.next().await.is_ok() {}
        }
    });
}

/// One run whose runner is killed behind a mark; what a new runner says of it, and what it does when asked once more.
fn cut(rig: &mut Rig, name: &RunName, ticket: Vec<u8>, mark: &str) {
    let counted = rig.runs();
    let path = rig.place.join(&mark.replace("RUN", &name.to_string()));
    let request = Request::Run(ticket);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (rig, over) = (&*rig, &is_over);
        scope.spawn(move || kill_behind(rig, &path, over));
        send(rig, &request);
        // A mark that was never seen leaves the runner alive.
        over.store(true, Ordering::Relaxed);
    });
    rig.kill();
    rig.restart();
    let watch = Request::Watch {
        run: name.clone(),
        offset: 0,
    };
    let told = told(&rig.link, &watch);
    let runs = || rig.runs() - counted;
    match &told {
        Told::Unknown => assert!(runs() <= 1, "{mark}"),
        Told::Ended { result, .. } => {
            assert_eq!(result.outcome, Outcome::Exited(0), "{mark}");
            assert_eq!(runs(), 1, "{mark}");
        }
        Told::Refused { word, why } => panic!("{mark}: it was spent: {word}: {why}"),
    }
    wait_until("its processes to be gone", || {
        let again = run_again(rig, &request);
        assert_ne!(again, "ended", "{mark}: it ran again");
        again != "busy"
    });
    assert!(runs() <= 1, "{mark}: it ran {} times", runs());
    std::fs::remove_file(rig.place.join("work/started")).ok();
}

fn run_again(rig: &Rig, request: &Request) -> String {
    word(&told(&rig.link, request)).to_owned()
}

#[test]
fn a_runner_killed_behind_anything_it_makes_durable_leaves_one_run_at_most() {
    let mut rig = Rig::start();
    let script = rig.script("tool", COUNTS);
    for mark in MARKS {
        let desk = rig.desk(&script);
        let name = RunName::forward(desk.nonce.clone());
        cut(&mut rig, &name, desk.ticket().print(), mark);
    }
}

#[test]
fn a_runner_killed_on_the_way_back_leaves_one_run_of_each_try_at_most() {
    let mut rig = Rig::start();
    let script = rig.script("tool", COUNTS);
    let undo = rig.script("untool", COUNTS);
    let bytes = undo_doc::render(&UndoInputs {
        exe: undo.display().to_string(),
        exe_digest: Digest::of(COUNTS.as_bytes()),
        argv: vec!["untool".to_owned()],
        timeout_s: 60,
    })
    .expect("short");
    for mark in MARKS {
        let mut desk: Desk = rig.desk(&script);
        desk.plan.undo = undo_doc::line("untool", &bytes);
        ended(run(&rig, &desk.ticket()));
        std::fs::remove_file(rig.place.join("work/started")).expect("it ran");
        let name = RunName::forward(desk.nonce.clone()).undo(1);
        let name = name.expect("within bounds");
        cut(&mut rig, &name, back(&desk, &bytes, 1), mark);
    }
}

/// Cuts the session server off as soon as its journal has a record of this kind.
fn cut_behind(journal: &Path, kind: &str, running: Running) {
    let wanted = format!("kind: {kind}\n");
    loop {
        let bytes = std::fs::read(journal).expect("readable");
        let mut places = bytes.windows(wanted.len());
        if places.any(|window| window == wanted.as_bytes()) {
            return running.kill();
        }
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_cut_off_behind_any_record_while_the_runner_works_leaves_it_known_or_unknown() {
    for kind in ["exec.intent", "exec.spawned", "exec.outcome"] {
        let enforced = Enforced::new();
        let running = enforced.keyed.host.start_apart();
        let (mut alice, _bob) = Box::pin(enforced.armed()).await;
        let journal = enforced.keyed.host.journal();
        let killer = std::thread::spawn(move || cut_behind(&journal, kind, running));
        let attempt = alice.state.proposal.as_ref().expect("open").terms.attempt;
        let command = Command::go(step("wipe"), attempt);
        alice
            .send(ToServer::Ask {
                number: 999,
                command,
            })
            .await;
        tokio::task::spawn_blocking(|| killer.join().expect("cut off"))
            .await
            .expect("joins");
        let resumed = enforced.keyed.host.resume().await;
        let mut carol = enforced.keyed.attach("carol").await;
        let is_settled = |p: &Person| {
            let view = p.state.find(&step("wipe")).expect("a step");
            let status = &view.now.status;
            matches!(
                status,
                StepStatus::Done { .. } | StepStatus::Failed { .. } | StepStatus::Unknown
            )
        };
        carol.until("known, or unknown", is_settled).await;
        let status = carol
            .state
            .find(&step("wipe"))
            .expect("a step")
            .now
            .status
            .clone();
        resumed.end().await;
        let wiped = enforced.wiped();
        // A server that was cut off between its record and the ticket had nothing spent.
        let spent = enforced.rig.spent().len();
        match status {
            StepStatus::Done { .. } => assert_eq!((wiped, spent), (1, 1), "{kind}"),
            StepStatus::Failed { .. } => assert_eq!(wiped, 0, "{kind}: it was never taken"),
            _ => assert!(wiped <= spent, "{kind}"),
        }
        assert!(spent <= 1, "{kind}: one nonce, spent once");
    }
}
