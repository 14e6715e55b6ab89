//! The journal as a whole, on real files and on every damaged form of a small one.

mod damage;
mod vectors;

use super::*;
use crate::domain::digest::Digest;
use crate::domain::id::{Seq, SessionId};
use crate::domain::time::Timestamp;
use std::path::Path;
use std::process::{Command, Output};

pub(super) fn session() -> SessionId {
    SessionId::from_parts(1_795_320_631_250, 41)
}

/// The next record of a chain, with a body that looks like records, headers and line ends.
pub(super) fn next(chain: &mut Chain, actor: &str) -> Record {
    let seq = chain.next();
    let body = match seq.0 % 3 {
        0 => Vec::new(),
        1 => format!("WJ1 {seq} 1 1\nbody-len: 7\n\n\0\u{e9}").into_bytes(),
        _ => b"plain text of some length, without a line end".to_vec(),
    };
    seal_next(chain, actor, body)
}

pub(super) fn next_with(chain: &mut Chain, body: Vec<u8>) -> Record {
    seal_next(chain, "alice", body)
}

fn seal_next(chain: &mut Chain, actor: &str, body: Vec<u8>) -> Record {
    let seq = chain.next();
    let stamp = Stamp {
        time: Timestamp::from_millis(1_795_320_631_250)
            .plus(std::time::Duration::from_millis(seq.0)),
        boot: "5f0c6f2e-3a0b-4d1e-9b7a-2f6d8c1e4a90",
        mono_ms: 81_234_567 + seq.0,
    };
    let content = Content {
        kind: "step.proposed".to_owned(),
        actor: actor.to_owned(),
        via: "uid:1001".to_owned(),
        body,
    };
    let record = seal(&session(), seq, chain.prev(), stamp, content).expect("valid");
    chain.accept(&record).expect("next");
    record
}

pub(super) fn records(count: usize) -> Vec<Record> {
    let mut chain = Chain::default();
    (0..count).map(|_| next(&mut chain, "alice")).collect()
}

pub(super) fn encoded(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        codec::encode_into(record, &mut bytes);
    }
    bytes
}

/// All intact records, and what came after them.
pub(super) fn scan(bytes: &[u8]) -> (Vec<Record>, Result<(), ReadError>) {
    let mut reader = Reader::new(bytes);
    let mut found = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(entry)) => found.push(entry.to_record()),
            Ok(None) => return (found, Ok(())),
            Err(error) => return (found, Err(error)),
        }
    }
}

fn open_all(path: &Path) -> Result<(Opened, Vec<Record>), JournalError> {
    let mut found = Vec::new();
    let opened = open(SessionDir::open(path)?, |entry| {
        found.push(entry.to_record());
    })?;
    Ok((opened, found))
}

fn run_script(journal: &Path) -> Output {
    Command::new("sh")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/assets/verify-journal.sh"
        ))
        .arg(journal)
        .output()
        .expect("sh runs")
}

#[test]
fn a_session_is_written_read_singly_verified_and_opened_again() {
    let root = tempfile::tempdir().expect("temp dir");
    let path = root.path().join("s1");
    let all = records(20);
    let (opened, found) = open_all(&path).expect("new journal");
    assert!(opened.is_empty() && found.is_empty() && opened.torn().is_none());
    let writer = Writer::start(opened).expect("started");
    let first = writer.submit(all[..1].to_vec(), Space::Ordinary);
    let rest = writer.submit(all[1..].to_vec(), Space::Reserve);
    assert_eq!(first.wait().expect("durable").hash, all[0].hash());
    let appended = rest.wait().expect("durable");
    assert_eq!(appended.last, Seq(19));
    assert_eq!(appended.hash, all[19].hash());

    // While the writer is there: exact length, single records, verification beside it, no second writer.
    let file = path.join(JOURNAL_FILE);
    assert_eq!(std::fs::read(&file).expect("readable"), encoded(&all));
    let log = writer.log();
    assert_eq!(log.bytes(), appended.bytes);
    for record in &all {
        assert_eq!(&log.read(record.header().seq).expect("there"), record);
    }
    assert!(matches!(
        log.read(Seq(20)),
        Err(ReadError::NoSuchRecord { record: 20 })
    ));
    let report = verify_dir(&path).expect("intact");
    assert_eq!(
        (report.chain, report.bytes),
        (writer.chain(), appended.bytes)
    );
    assert_eq!(report.last_time, Some(all[19].header().time));
    assert!(matches!(
        SessionDir::open(&path),
        Err(JournalError::Locked { .. })
    ));

    drop(writer);
    let (opened, found) = open_all(&path).expect("again");
    assert_eq!(found, all);
    let mut chain = opened.chain().clone();
    let writer = Writer::start(opened).expect("started");
    let record = next(&mut chain, "bob");
    let appended = writer.submit(vec![record.clone()], Space::Ordinary).wait();
    assert_eq!(appended.expect("durable").last, Seq(20));
    assert_eq!(writer.log().read(Seq(20)).expect("there"), record);
}

#[test]
fn a_torn_tail_is_set_aside_each_time_and_work_goes_on() {
    let root = tempfile::tempdir().expect("temp dir");
    let path = root.path().join("s1");
    let all = records(3);
    let whole = encoded(&all);
    drop(open_all(&path).expect("new journal"));
    let mut aside = Vec::new();
    for cut in [
        whole.len() - 1,
        whole.len() - 60,
        encoded(&all[..2]).len() + 3,
    ] {
        std::fs::write(path.join(JOURNAL_FILE), &whole[..cut]).expect("written");
        let (opened, found) = open_all(&path).expect("recovers");
        assert_eq!(found, all[..2]);
        let tail = &whole[encoded(&all[..2]).len()..cut];
        let expected = TornTail {
            bytes: tail.len() as u64,
            digest: Digest::of(tail),
        };
        assert_eq!(opened.torn(), Some(expected));
        aside.extend_from_slice(tail);
        assert_eq!(
            std::fs::read(path.join(TORN_FILE)).expect("readable"),
            aside
        );
        let writer = Writer::start(opened).expect("started");
        writer
            .submit(all[2..].to_vec(), Space::Ordinary)
            .wait()
            .expect("durable");
        drop(writer);
        assert_eq!(
            std::fs::read(path.join(JOURNAL_FILE)).expect("readable"),
            whole
        );
    }
}

#[test]
fn a_damaged_or_newer_journal_is_refused_and_left_as_it_is() {
    let root = tempfile::tempdir().expect("temp dir");
    let path = root.path().join("s1");
    drop(open_all(&path).expect("new journal"));
    let file = path.join(JOURNAL_FILE);
    let whole = encoded(&records(3));
    let newer = [b"WJ2".as_slice(), &whole[3..]].concat();
    let mut flipped = whole.clone();
    let middle = encoded(&records(1)).len() + 100;
    flipped[middle] ^= 1;
    let zeros = [whole.as_slice(), &[0; 512]].concat();
    for (bytes, words) in [
        (
            newer,
            "damaged at byte 0 (record 0): journal format `WJ2` is not known",
        ),
        (
            flipped,
            "(record 1): `prev` does not name the record before it",
        ),
        (zeros, "(record 3): no record begins here"),
    ] {
        std::fs::write(&file, &bytes).expect("written");
        let error = open_all(&path).expect_err("refused");
        let cause = std::error::Error::source(&error)
            .expect("has a cause")
            .to_string();
        assert!(cause.contains(words), "{cause}");
        assert!(
            error
                .hint()
                .is_some_and(|hint| hint.contains("left as it is"))
        );
        assert_eq!(std::fs::read(&file).expect("readable"), bytes);
        assert!(!path.join(TORN_FILE).exists());
    }
}

#[test]
fn torn_tails_do_not_pile_up_for_ever() {
    let root = tempfile::tempdir().expect("temp dir");
    let path = root.path().join("s1");
    drop(open_all(&path).expect("new journal"));
    std::fs::write(path.join(JOURNAL_FILE), b"WJ1 0 4").expect("written");
    let torn = std::fs::File::create(path.join(TORN_FILE)).expect("made");
    torn.set_len(TORN_BYTES_MAX).expect("sparse");
    assert!(matches!(
        open_all(&path),
        Err(JournalError::TornFull { .. })
    ));
    assert_eq!(
        std::fs::read(path.join(JOURNAL_FILE)).expect("readable"),
        b"WJ1 0 4"
    );
}

#[test]
fn an_auditor_can_verify_with_sha256sum_alone() {
    let root = tempfile::tempdir().expect("temp dir");
    let path = root.path().join("s1");
    let all = records(7);
    let (opened, _) = open_all(&path).expect("new journal");
    let writer = Writer::start(opened).expect("started");
    writer
        .submit(all.clone(), Space::Ordinary)
        .wait()
        .expect("durable");
    drop(writer);
    let file = path.join(JOURNAL_FILE);
    let output = run_script(&file);
    let expected = format!("intact: 7 records, head {}\n", all[6].hash());
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert!(output.status.success());

    let whole = std::fs::read(&file).expect("readable");
    let (one, two) = (encoded(&all[..1]).len(), encoded(&all[..2]).len());
    let changed = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (bytes, record) in [
        (changed(0), 0),
        // The actor of record 0 shows in record 1, a byte of a body at once.
        (changed(one - 100), 1),
        (changed(two - 2), 1),
        ([&whole[..one], &whole[two..]].concat(), 1),
        (whole[..whole.len() - 1].to_vec(), 6),
    ] {
        let damaged = root.path().join("damaged");
        std::fs::write(&damaged, &bytes).expect("written");
        let output = run_script(&damaged);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("(record {record})")), "{said}");
    }
}
