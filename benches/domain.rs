//! What a turn of the session task costs apart from the disk: a decision, what follows, and one record folded in.
//!
//! `cargo bench --bench domain`. A key must be answered well within the 1.5 ms of row 9, so all of these stay far below.

mod session;

use divan::Bencher;
use session::{Session, person, switch};
use warroom::domain::apply::apply;
use warroom::domain::command::Command;
use warroom::domain::decide::decide;
use warroom::domain::id::TerminalId;
use warroom::domain::progress::progress;
use warroom::domain::settle::{GateView, settle};
use warroom::engine::{Engine, Input};

fn main() {
    divan::main();
}

/// The destructive step is proposed; Bob may confirm.
fn proposed() -> Session {
    let mut session = Session::at_switch();
    session.exit(0);
    session.propose();
    session
}

/// The costliest decision: the whole statement is built anew and compared.
#[divan::bench]
fn decide_confirm(bencher: Bencher<'_, '_>) {
    let session = proposed();
    let (who, command) = (person("bob"), session.statement());
    bencher.bench(|| decide(&session.state, &who, &command, session.now, &session.world));
}

#[divan::bench]
fn decide_hold(bencher: Bencher<'_, '_>) {
    let session = proposed();
    let (who, reason) = (person("bob"), String::new());
    let command = Command::Hold { reason };
    bencher.bench(|| decide(&session.state, &who, &command, session.now, &session.world));
}

/// Asked once a second and after each record.
#[divan::bench]
fn settle_at_rest(bencher: Bencher<'_, '_>) {
    let session = proposed();
    let gates = GateView::default();
    bencher.bench(|| settle(&session.state, session.now, &session.world, &gates));
}

/// The newest record of a session with a past, folded in. The clone of the state is not counted.
#[divan::bench]
fn apply_one(bencher: Bencher<'_, '_>) {
    let mut session = proposed();
    let before = session.state.clone();
    let text = "all is well".to_owned();
    let step = Some(switch());
    session.ask("alice", &Command::Note { step, text });
    let Some(last) = session.stamped.last() else {
        return;
    };
    bencher
        .with_inputs(|| before.clone())
        .bench_local_refs(|state| apply(state, last));
}

#[divan::bench]
fn clone_state(bencher: Bencher<'_, '_>) {
    let session = proposed();
    bencher.bench(|| session.state.clone());
}

#[divan::bench]
fn progress_of_a_plan(bencher: Bencher<'_, '_>) {
    let session = proposed();
    bencher.bench(|| progress(&session.state));
}

/// One poll of twelve guards with two series each, through the watches.
#[divan::bench]
fn engine_takes_a_poll(bencher: Bencher<'_, '_>) {
    let session = proposed();
    let mut engine = Engine::new(session.state.clone());
    let mut second = 0;
    bencher.bench_local(|| {
        second += 1;
        let input = Input::Reading(session.poll(second));
        engine.propose(&input, session.now, &session.world);
        engine.settle(session.now, &session.world).len()
    });
}

#[divan::bench]
fn engine_takes_a_key(bencher: Bencher<'_, '_>) {
    let session = proposed();
    let mut engine = Engine::new(session.state.clone());
    let reason = String::new();
    let input = Input::Ask {
        actor: person("bob"),
        terminal: TerminalId(2),
        number: 1,
        command: Command::Hold { reason },
    };
    bencher.bench_local(|| engine.propose(&input, session.now, &session.world));
}
