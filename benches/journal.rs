//! Rows 12 and 13 of the performance budgets: durable appends, and start from 100 000 records.
//!
//! `cargo bench --bench journal`. The disk measured is that of the temporary directory; set `TMPDIR` for another.
//!
//! Row 12 is printed first: durable appends by turns with what the disk itself needs for a write and `fdatasync`, with
//! ratios and budgets. The floor that counts is that of an append, which the journal is: its length is exact, so that
//! what was torn is a prefix. Beside it stands what bytes cost that are written over zeros, in a file that keeps its length.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench that cannot run has nobody to tell but its caller, and it prints what it measures, the clock's time"
)]

use divan::Bencher;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};
use warroom::domain::id::SessionId;
use warroom::domain::time::Timestamp;
use warroom::journal::{
    Chain, Content, Pending, Record, SessionDir, Space, Stamp, Writer, open, seal, verify_file,
};

/// Records of the journal that start is measured with.
const RECORDS: usize = 100_000;

/// Turns of each kind of write, and writes in a turn: a busy moment of the disk meets all kinds.
const TURNS: usize = 20;
const WRITES: usize = 50;
/// Bytes of a write that is compared with.
const FLOOR_BYTES: usize = 200;

fn main() {
    beside_the_disk();
    divan::main();
}

/// Times of some writes.
struct Times(Vec<Duration>);

impl Times {
    fn take<T>(&mut self, write: impl FnOnce() -> T) {
        let start = Instant::now();
        write();
        self.0.push(start.elapsed());
    }

    /// In microseconds.
    fn centile(&mut self, percent: usize) -> f64 {
        self.0.sort();
        let place = self.0.len() * percent / 100;
        let time = self.0.get(place.min(self.0.len() - 1));
        time.expect("measured").as_secs_f64() * 1e6
    }
}

/// Row 12: what the journal needs for a durable record, by turns with what the disk needs for a durable write.
fn beside_the_disk() {
    let root = tempfile::tempdir().expect("temp dir");
    let new = |name: &str| {
        let path = root.path().join(name);
        let mut options = OpenOptions::new();
        options.create(true).write(true);
        (path, options)
    };
    let (path, mut options) = new("growing");
    options.write(false).append(true);
    let mut growing = options.open(path).expect("made");
    let (path, options) = new("there");
    let there: File = options.open(path).expect("made");
    let whole = vec![0; TURNS * WRITES * FLOOR_BYTES];
    there.write_all_at(&whole, 0).expect("room");
    there.sync_all().expect("a disk");
    let writer = start(&root.path().join("s"));
    let mut chain = Chain::default();
    let [mut ours, mut floor, mut grown] = [const { Vec::new() }; 3].map(Times);
    let bytes = [b'x'; FLOOR_BYTES];
    for turn in 0..TURNS {
        for n in 0..WRITES {
            let at = u64::try_from((turn * WRITES + n) * FLOOR_BYTES).expect("small");
            floor.take(|| {
                there.write_all_at(&bytes, at).expect("room");
                there.sync_data().expect("a disk");
            });
        }
        for _ in 0..WRITES {
            grown.take(|| {
                growing.write_all(&bytes).expect("room");
                growing.sync_data().expect("a disk");
            });
        }
        for _ in 0..WRITES {
            let record = next(&mut chain);
            ours.take(|| {
                let pending = writer.submit(vec![record], Space::Ordinary);
                pending.wait().expect("durable")
            });
        }
    }
    println!(
        "row 12: a durable append, {} of each by turns",
        TURNS * WRITES
    );
    for (what, times) in [
        ("disk, file that grows", &mut grown),
        ("disk, blocks there already", &mut floor),
        ("journal", &mut ours),
    ] {
        let (p50, p99) = (times.centile(50), times.centile(99));
        println!("  {what:27} p50 {p50:8.1} us   p99 {p99:8.1} us");
    }
    for (percent, budget) in [(50, 1.2), (99, 1.5)] {
        let ours = ours.centile(percent);
        let (append, over) = (ours / grown.centile(percent), ours / floor.centile(percent));
        println!(
            "  journal to append, p{percent}: {append:.2} (budget {budget}); to writing over zeros: {over:.2}"
        );
    }
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
