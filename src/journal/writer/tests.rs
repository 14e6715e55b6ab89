//! The writer against a disk that fails in every way it can.

use super::super::error::LinkError;
use super::super::tests::{encoded, next, next_with, records, scan};
use super::*;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard};

/// A disk in memory: what it holds, how much fits, and what fails.
#[derive(Debug, Default)]
struct Disk {
    bytes: Vec<u8>,
    /// Bytes that survive a loss of power.
    durable: Vec<u8>,
    /// Bytes that fit, counted as written or set aside.
    capacity: Option<u64>,
    allocated: u64,
    cannot_allocate: bool,
    /// Most bytes that one write takes.
    write_max: Option<usize>,
    /// Writes, syncs and cuts fail from the n-th on, and for how many.
    failing: Option<(usize, usize)>,
    operations: usize,
    syncs: usize,
}

impl Disk {
    fn operate(&mut self) -> io::Result<()> {
        let now = self.operations;
        self.operations += 1;
        match self.failing {
            Some((from, count)) if (from..from + count).contains(&now) => {
                Err(io::Error::other("medium error"))
            }
            _ => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct FakeDisk(Arc<Mutex<Disk>>);

impl FakeDisk {
    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().expect("not poisoned")
    }
}

impl Write for FakeDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.lock();
        disk.operate()?;
        let len = disk.bytes.len() as u64;
        let room = match disk.capacity {
            Some(capacity) => capacity.max(disk.allocated).saturating_sub(len),
            None => u64::MAX,
        };
        let most = usize::try_from(room)
            .unwrap_or(usize::MAX)
            .min(disk.write_max.unwrap_or(usize::MAX));
        if most == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = &bytes[..bytes.len().min(most)];
        disk.bytes.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Storage for FakeDisk {
    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.lock();
        disk.operate()?;
        disk.syncs += 1;
        disk.durable = disk.bytes.clone();
        Ok(())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let mut disk = self.lock();
        disk.operate()?;
        disk.bytes.truncate(usize::try_from(len).expect("small"));
        disk.allocated = 0;
        Ok(())
    }

    fn allocate(&mut self, _from: u64, to: u64) -> io::Result<()> {
        let mut disk = self.lock();
        if disk.cannot_allocate {
            return Err(io::ErrorKind::Unsupported.into());
        }
        if disk.capacity.is_some_and(|capacity| to > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.allocated = disk.allocated.max(to);
        Ok(())
    }
}

fn appender(disk: &FakeDisk) -> (Appender<FakeDisk>, Shared) {
    let shared = Shared::new(Durable {
        chain: Chain::default(),
        offsets: Vec::new(),
        len: 0,
        reserve: Reserve::Short,
    });
    (Appender::new(disk.clone(), shared.clone()), shared)
}

/// Queues all appends before the appender looks, so that they are one group.
fn append_together(
    appender: &mut Appender<FakeDisk>,
    appends: Vec<(Vec<Record>, Space)>,
) -> Vec<Answer> {
    let (queue, jobs) = sync_channel(QUEUE_MAX);
    let mut pending = Vec::new();
    for (records, space) in appends {
        let (reply, answer) = oneshot::channel();
        queue
            .send(Job {
                records,
                space,
                reply,
            })
            .expect("open");
        pending.push(Pending(answer));
    }
    drop(queue);
    appender.serve(&jobs);
    pending.into_iter().map(Pending::wait).collect()
}

fn append(appender: &mut Appender<FakeDisk>, record: &Record, space: Space) -> Answer {
    append_together(appender, vec![(vec![record.clone()], space)]).remove(0)
}

/// What the disk holds is exactly the records that were said to be durable.
fn holds(disk: &FakeDisk, expected: &[Record]) {
    let disk = disk.lock();
    let (found, end) = scan(&disk.durable);
    assert_eq!(found, expected);
    assert!(end.is_ok());
    assert_eq!(disk.bytes, disk.durable);
}

#[test]
fn a_hundred_queued_appends_cost_one_sync() {
    let disk = FakeDisk::default();
    let (mut appender, shared) = appender(&disk);
    let all = records(100);
    let appends = all
        .iter()
        .map(|r| (vec![r.clone()], Space::Ordinary))
        .collect();
    let answers = append_together(&mut appender, appends);
    for (answer, record) in answers.into_iter().zip(&all) {
        assert_eq!(answer.expect("durable").hash, record.hash());
    }
    assert_eq!(disk.lock().syncs, 1);
    assert_eq!(shared.lock().offsets.len(), 100);
    assert_eq!(shared.lock().chain.prev(), Some(all[99].hash()));
    holds(&disk, &all);
}

#[test]
fn one_refused_append_leaves_its_neighbours_alone() {
    let disk = FakeDisk::default();
    let (mut appender, _) = appender(&disk);
    let all = records(4);
    let appends = vec![
        (vec![all[0].clone()], Space::Ordinary),
        (vec![all[1].clone(), all[3].clone()], Space::Ordinary),
        (Vec::new(), Space::Ordinary),
        (vec![all[1].clone(), all[2].clone()], Space::Ordinary),
        (vec![all[2].clone()], Space::Ordinary),
    ];
    let answers = append_together(&mut appender, appends);
    assert_eq!(answers[0].as_ref().expect("durable").last, Seq(0));
    assert!(matches!(
        answers[1],
        Err(AppendError::Link(LinkError::Seq { .. }))
    ));
    assert!(matches!(answers[2], Err(AppendError::Empty)));
    let last = answers[3].as_ref().expect("durable");
    assert_eq!(
        (last.last, last.bytes),
        (Seq(2), encoded(&all[..3]).len() as u64)
    );
    assert!(matches!(answers[4], Err(AppendError::Link(_))));
    holds(&disk, &all[..3]);
}

#[test]
fn a_full_disk_at_any_byte_loses_nothing_that_was_told() {
    let all = records(4);
    let total = encoded(&all).len() as u64;
    for capacity in 0..=total {
        let disk = FakeDisk::default();
        disk.lock().capacity = Some(capacity);
        // Without the reserve each write runs into the end of the disk.
        disk.lock().cannot_allocate = true;
        let (mut appender, _) = appender(&disk);
        let mut told = Vec::new();
        for record in &all {
            match append(&mut appender, record, Space::Ordinary) {
                Ok(_) => told.push(record.clone()),
                Err(AppendError::DiskFull { source }) => {
                    assert_eq!(source.kind(), io::ErrorKind::StorageFull);
                    break;
                }
                Err(error) => panic!("capacity {capacity}: {error}"),
            }
            holds(&disk, &told);
        }
        holds(&disk, &told);
        disk.lock().capacity = None;
        for record in &all[told.len()..] {
            append(&mut appender, record, Space::Ordinary).expect("space again");
        }
        holds(&disk, &all);
    }
}

#[test]
fn the_reserve_is_kept_for_intents_and_outcomes() {
    let disk = FakeDisk::default();
    disk.lock().capacity = Some(RESERVE_BYTES + 1024 * 1024);
    let (mut appender, shared) = appender(&disk);
    assert_eq!(shared.lock().reserve, Reserve::Held);
    let mut chain = Chain::default();
    let mut kept = vec![next(&mut chain, "alice")];
    append(&mut appender, &kept[0], Space::Ordinary).expect("durable");
    // Fill what is left beside the reserve.
    let refused = loop {
        let mut ahead = chain.clone();
        let record = next(&mut ahead, &"long".repeat(500));
        match append(&mut appender, &record, Space::Ordinary) {
            Ok(_) => kept.push(record),
            Err(error) => break error,
        }
        chain = ahead;
    };
    assert!(matches!(refused, AppendError::DiskFull { .. }));
    assert!(
        refused
            .hint()
            .is_some_and(|hint| hint.contains("free some space"))
    );
    assert_eq!(shared.lock().reserve, Reserve::Short);
    kept.push(next(&mut chain, "alice"));
    let outcome = append(&mut appender, kept.last().expect("one"), Space::Reserve);
    assert_eq!(
        outcome.expect("durable").last,
        kept.last().expect("one").header().seq
    );
    holds(&disk, &kept);
}

#[test]
fn a_disk_without_a_reserve_says_so() {
    let disk = FakeDisk::default();
    disk.lock().capacity = Some(RESERVE_BYTES - 1);
    assert_eq!(appender(&disk).1.lock().reserve, Reserve::Short);
    disk.lock().cannot_allocate = true;
    let (mut appender, shared) = appender(&disk);
    assert_eq!(shared.lock().reserve, Reserve::Unsupported);
    append(&mut appender, &records(1)[0], Space::Ordinary).expect("durable");
}

#[test]
fn short_writes_are_finished() {
    let disk = FakeDisk::default();
    disk.lock().write_max = Some(7);
    let (mut appender, _) = appender(&disk);
    for record in &records(3) {
        append(&mut appender, record, Space::Ordinary).expect("durable");
    }
    holds(&disk, &records(3));
}

/// Operations of one append: a write and a sync; of its undoing: a cut and a sync.
#[test]
fn each_failing_operation_is_undone_or_closes_the_journal() {
    let all = records(3);
    for from in 0..6 {
        for count in 1..5 {
            let disk = FakeDisk::default();
            disk.lock().failing = Some((from, count));
            let (mut appender, _) = appender(&disk);
            let mut told = 0;
            let mut broken = false;
            for _ in 0..8 {
                let Some(record) = all.get(told) else { break };
                match append(&mut appender, record, Space::Ordinary) {
                    Ok(_) => {
                        assert!(!broken, "no append after the journal was closed");
                        told += 1;
                    }
                    Err(AppendError::Broken) => broken = true,
                    Err(AppendError::Io { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            let disk = disk.lock();
            let (found, _) = scan(&disk.durable);
            assert!(found.starts_with(&all[..told]), "what was told is durable");
            if broken {
                assert!(count > 1, "one failure can always be undone");
            } else {
                assert_eq!(disk.durable, encoded(&all));
            }
        }
    }
}

#[test]
fn what_is_too_long_is_refused_before_it_is_written() {
    let disk = FakeDisk::default();
    let (mut appender, _) = appender(&disk);
    let mut chain = Chain::default();
    let many = (0..3)
        .map(|_| next_with(&mut chain, vec![0; APPEND_BYTES_MAX / 3]))
        .collect();
    let answer = append_together(&mut appender, vec![(many, Space::Reserve)]).remove(0);
    assert!(matches!(answer, Err(AppendError::TooLong { .. })));
    holds(&disk, &[]);

    let shared = Shared::new(Durable {
        chain: Chain::default(),
        offsets: Vec::new(),
        len: super::super::JOURNAL_BYTES_MAX - 10,
        reserve: Reserve::Short,
    });
    let mut full = Appender::new(FakeDisk::default(), shared);
    let answer = append(&mut full, &records(1)[0], Space::Reserve);
    assert!(matches!(answer, Err(AppendError::JournalFull)));
}

#[tokio::test]
async fn a_writer_can_be_awaited_and_ends_with_everything_written() {
    let root = tempfile::tempdir().expect("temp dir");
    let path = root.path().join("s1");
    let dir = SessionDir::open(&path).expect("free");
    let writer = Writer::start(super::super::open(dir, |_| ()).expect("new")).expect("started");
    let all = records(50);
    let pending: Vec<Pending> = all
        .iter()
        .map(|record| writer.submit(vec![record.clone()], Space::Ordinary))
        .collect();
    drop(writer);
    for (pending, record) in pending.into_iter().zip(&all) {
        assert_eq!(pending.done().await.expect("durable").hash, record.hash());
    }
    let bytes = std::fs::read(path.join(JOURNAL_FILE)).expect("readable");
    assert_eq!(bytes, encoded(&all));
    SessionDir::open(&path).expect("free again");
}
