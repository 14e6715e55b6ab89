//! Rows 12 and 13 of the performance budgets: durable appends, and start from 100 000 records.
//!
//! `cargo bench --bench journal`. The disk measured is that of the temporary directory; set `TMPDIR` for another.
//! Compare the appends with `limits_sys.py` on the same disk in the same sitting.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot run has nobody to tell but its caller"
)]

use divan::Bencher;
use std::path::Path;
use std::time::Duration;
use warroom::domain::id::SessionId;
use warroom::domain::time::Timestamp;
use warroom::journal::{
    Chain, Content, Pending, Record, SessionDir, Space, Stamp, Writer, open, seal, verify_file,
};

/// Records of the journal that start is measured with.
const RECORDS: usize = 100_000;

fn main() {
    divan::main();
}

/// The next record, with a body of the length of a usual fact.
fn next(chain: &mut Chain) -> Record {
    let seq = chain.next();
    let body = format!(
        r#"{{"reading":{{"rule":"under-replicated-partitions","value":{},"at":"2026-11-22T04:10:31.250Z","series":"kafka-3"}}}}"#,
        seq.0
    );
    let session = SessionId::from_parts(1_795_320_631_250, 7);
    let stamp = Stamp {
        time: Timestamp::from_millis(1_795_320_631_250).plus(Duration::from_millis(seq.0)),
        boot: "5f0c6f2e-3a0b-4d1e-9b7a-2f6d8c1e4a90",
        mono_ms: 81_234_567 + seq.0,
    };
    let content = Content {
        kind: "reading.changed".to_owned(),
        actor: "connector:prometheus".to_owned(),
        via: "server".to_owned(),
        body: body.into_bytes(),
    };
    let record = seal(&session, seq, chain.prev(), stamp, content).expect("valid");
    chain.accept(&record).expect("next");
    record
}

fn start(path: &Path) -> Writer {
    let dir = SessionDir::open(path).expect("free");
    Writer::start(open(dir, |_| ()).expect("intact")).expect("started")
}

#[divan::bench(sample_count = 1000)]
fn append_one_durable(bencher: Bencher<'_, '_>) {
    let root = tempfile::tempdir().expect("temp dir");
    let writer = start(&root.path().join("s"));
    let mut chain = Chain::default();
    bencher
        .with_inputs(move || next(&mut chain))
        .bench_local_values(|record| {
            writer
                .submit(vec![record], Space::Ordinary)
                .wait()
                .expect("durable")
        });
}

#[divan::bench(sample_count = 100)]
fn append_a_hundred_queued(bencher: Bencher<'_, '_>) {
    let root = tempfile::tempdir().expect("temp dir");
    let writer = start(&root.path().join("s"));
    let mut chain = Chain::default();
    bencher
        .with_inputs(move || (0..100).map(|_| next(&mut chain)).collect::<Vec<_>>())
        .bench_local_values(|records| {
            let pending: Vec<Pending> = records
                .into_iter()
                .map(|record| writer.submit(vec![record], Space::Ordinary))
                .collect();
            for pending in pending {
                pending.wait().expect("durable");
            }
        });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn read_and_verify_100_000(bencher: Bencher<'_, '_>) {
    let root = tempfile::tempdir().expect("temp dir");
    let path = root.path().join("s");
    let writer = start(&path);
    let mut chain = Chain::default();
    for _ in 0..RECORDS / 1000 {
        let records = (0..1000).map(|_| next(&mut chain)).collect();
        writer
            .submit(records, Space::Ordinary)
            .wait()
            .expect("durable");
    }
    drop(writer);
    let file = path.join("journal");
    bencher.bench_local(|| {
        let report = verify_file(&file).expect("intact");
        assert_eq!(report.chain, chain);
    });
}

#[divan::bench]
fn seal_one(bencher: Bencher<'_, '_>) {
    let mut chain = Chain::default();
    bencher.bench_local(|| next(&mut chain));
}
