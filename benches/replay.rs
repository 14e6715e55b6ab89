//! Row 13 of the performance budgets: start from a journal of 100 000 records, verified and folded.
//!
//! `cargo bench --bench replay`. Budget of `open_and_fold_100_000`, which is what a session server does at its start:
//! 150 ms. The parts, each on one thread, are there to see which one grew.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot run has nobody to tell but its caller"
)]

mod session;

use divan::Bencher;
use session::Session;
use std::path::Path;
use warroom::domain::apply::fold;
use warroom::journal::facts::fact_of;
use warroom::journal::{SessionDir, Space, Writer, open, verify_file};

/// Records of the journal that start is measured with.
const RECORDS: usize = 100_000;

fn main() {
    divan::main();
}

/// Writes the session's records as its server would.
fn write(session: &Session, path: &Path) {
    let dir = SessionDir::open(path).expect("free");
    let writer = Writer::start(open(dir, |_| ()).expect("empty")).expect("started");
    for records in session.records.chunks(500) {
        writer
            .submit(records.to_vec(), Space::Ordinary)
            .wait()
            .expect("durable");
    }
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn open_and_fold_100_000(bencher: Bencher<'_, '_>) {
    let root = tempfile::tempdir().expect("temp dir");
    let path = root.path().join("s");
    let session = Session::long(RECORDS);
    write(&session, &path);
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
    write(&Session::long(RECORDS), &path);
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
