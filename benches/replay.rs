//! Row 13 of the performance budgets: start from a journal of 100 000 records, verified and folded.
//!
//! `cargo bench --bench replay`. Budget of `open_and_fold_100_000`, which is what a session server does at its start:
//! 150 ms. The parts, each on one thread, are there to see which one grew.
//!
//! `program_verifies_three_months` is the whole of `warroom verify` on three maintenances a week for thirteen weeks in
//! one journal: 27 000 records, 1 950 signatures of people and 3 900 checkpoints. Budget: 1.5 s; a run is a wait at a
//! prompt, and nobody should wonder whether it hangs. Memory is in `tests/it/replay.rs`.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot run has nobody to tell but its caller"
)]

mod session;

use divan::Bencher;
use session::{Keys, Session};
use std::process::{Command, Stdio};
use warroom::domain::apply::fold;
use warroom::journal::facts::fact_of;
use warroom::journal::{SessionDir, verify_file};

/// Records of the journal that start is measured with.
const RECORDS: usize = 100_000;
/// Maintenances of three months.
const NIGHTS: usize = 39;

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn open_and_fold_100_000(bencher: Bencher<'_, '_>) {
    let root = tempfile::tempdir().expect("temp dir");
    let path = root.path().join("s");
    let session = Session::long(RECORDS);
    session.leave(&path);
    let head = session.stamped.last().expect("long").seq;
    bencher.bench_local(|| {
        let dir = SessionDir::open(&path).expect("free");
        let (_opened, folded) = warroom::server::fold::open(dir).expect("intact");
        assert_eq!(folded.state.expect("a session").head.0, head);
    });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn verify_100_000(bencher: Bencher<'_, '_>) {
    let root = tempfile::tempdir().expect("temp dir");
    let path = root.path().join("s");
    Session::long(RECORDS).leave(&path);
    let file = path.join("journal");
    bencher.bench_local(|| verify_file(&file).expect("intact"));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn decode_100_000(bencher: Bencher<'_, '_>) {
    let session = Session::long(RECORDS);
    bencher.bench_local(|| {
        for record in &session.records {
            divan::black_box(fact_of(record).expect("known"));
        }
    });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn fold_100_000(bencher: Bencher<'_, '_>) {
    let session = Session::long(RECORDS);
    bencher
        .with_inputs(|| session.stamped.clone())
        .bench_local_values(|stamped| fold(stamped).expect("it can be"));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn program_verifies_three_months(bencher: Bencher<'_, '_>) {
    let root = tempfile::tempdir().expect("temp dir");
    let path = root.path().join("s");
    let keys = Keys::generate();
    keys.leave(root.path());
    Session::signed_nights(NIGHTS, keys).leave(&path);
    bencher.bench_local(|| {
        let status = Command::new(env!("CARGO_BIN_EXE_warroom"))
            .args(["verify", "--people"])
            .arg(root.path().join("people.toml"))
            .arg(&path)
            .env("HOME", root.path())
            .stdout(Stdio::null())
            .status();
        assert!(status.expect("it is built").success());
    });
}
