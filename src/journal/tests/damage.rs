//! Every way to hurt a small journal that can be listed.

use super::super::*;
use super::{encoded, records, scan};
use crate::domain::digest::Digest;
use proptest::prelude::*;
use std::io::Read;

#[test]
fn every_cut_leaves_the_records_before_it_and_a_torn_tail() {
    let all = records(4);
    let whole = encoded(&all);
    let ends: Vec<usize> = (0..=all.len()).map(|n| encoded(&all[..n]).len()).collect();
    for cut in 0..=whole.len() {
        let (found, end) = scan(&whole[..cut]);
        let kept = ends.iter().filter(|end| **end <= cut).count() - 1;
        assert_eq!(found, all[..kept], "cut at {cut}");
        match end {
            Ok(()) => assert_eq!(cut, ends[kept]),
            Err(ReadError::Torn {
                offset,
                record,
                bytes,
            }) => {
                assert_eq!(record, kept as u64);
                assert_eq!(offset, ends[kept] as u64);
                assert_eq!(offset + bytes, cut as u64);
                assert_ne!(cut, ends[kept]);
            }
            Err(error) => panic!("cut at {cut}: {error}"),
        }
    }
}

/// As above, through the files: what is opened is what was whole, it is left as exactly that, and the next record fits.
#[test]
fn a_journal_cut_anywhere_is_opened_as_its_whole_records() {
    let root = tempfile::tempdir().expect("temp dir");
    let path = root.path().join("s1");
    drop(super::open_all(&path).expect("new journal"));
    let all = records(3);
    let whole = encoded(&all);
    let ends: Vec<usize> = (0..=all.len()).map(|n| encoded(&all[..n]).len()).collect();
    let near = |cut: usize| ends.iter().any(|end| end.abs_diff(cut) <= 2);
    for cut in (0..=whole.len()).filter(|cut| cut % 11 == 0 || near(*cut)) {
        let kept = ends.iter().filter(|end| **end <= cut).count() - 1;
        std::fs::write(path.join(JOURNAL_FILE), &whole[..cut]).expect("written");
        let (opened, found) = super::open_all(&path).expect("recovers");
        assert_eq!(found, all[..kept], "cut at {cut}");
        let torn = opened.torn().map_or(0, |torn| torn.bytes);
        assert_eq!(torn, (cut - ends[kept]) as u64, "cut at {cut}");
        let left = std::fs::read(path.join(JOURNAL_FILE)).expect("readable");
        assert_eq!(left, whole[..ends[kept]], "cut at {cut}");
        let mut chain = opened.chain().clone();
        let next = super::next(&mut chain, "alice");
        assert_eq!(Some(&next), all.get(kept).or(Some(&next)), "cut at {cut}");
    }
}

/// A flip in the newest header can only show in its hash, which is why checkpoints are kept elsewhere.
#[test]
fn every_flipped_bit_is_found_or_changes_the_newest_hash() {
    let all = records(3);
    let whole = encoded(&all);
    let last_start = encoded(&all[..2]).len();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            let (found, end) = scan(&flipped);
            match end {
                Err(ReadError::Damage(damage)) => {
                    assert!(damage.offset <= whole.len() as u64);
                    assert_eq!(damage.record, found.len() as u64);
                    let before = encoded(&all[..found.len()]).len();
                    // What is found before the flip is the truth; a changed header shows one record later.
                    assert!(before >= at || found == all[..found.len()], "{damage}");
                }
                Ok(()) => {
                    assert!(at >= last_start, "byte {at} bit {bit} went unseen");
                    assert_ne!(found[2].hash(), all[2].hash(), "byte {at} bit {bit}");
                }
                Err(error) => panic!("byte {at} bit {bit}: {error}"),
            }
        }
    }
}

#[test]
fn bytes_taken_out_of_the_middle_are_found() {
    let whole = encoded(&records(3));
    for from in 0..whole.len() - 1 {
        for len in [1, 2, 10, 100] {
            let Some(rest) = whole.get(from + len..).filter(|rest| !rest.is_empty()) else {
                continue;
            };
            let cut = [&whole[..from], rest].concat();
            assert!(scan(&cut).1.is_err(), "{len} bytes at {from}");
        }
    }
}

#[test]
fn whole_records_taken_out_swapped_repeated_or_rewritten_are_found() {
    let all = records(4);
    let pick = |order: &[usize]| {
        let picked: Vec<Record> = order.iter().map(|n| all[*n].clone()).collect();
        scan(&encoded(&picked)).1
    };
    for order in [
        &[1, 2, 3][..],
        &[0, 2, 3],
        &[0, 2, 1, 3],
        &[0, 1, 1, 2, 3],
        &[0, 1, 3],
    ] {
        let end = pick(order);
        assert!(
            matches!(end, Err(ReadError::Damage(_))),
            "{order:?}: {end:?}"
        );
    }
    // Record 1 made anew by another actor, correct in itself.
    let mut chain = Chain::default();
    chain.accept(&all[0]).expect("first");
    let forged = super::next(&mut chain, "mallory");
    let forgery = [all[0].clone(), forged, all[2].clone(), all[3].clone()];
    let Err(ReadError::Damage(damage)) = scan(&encoded(&forgery)).1 else {
        panic!("forgery went unseen");
    };
    assert_eq!(damage.record, 2);
    assert!(matches!(damage.flaw, Flaw::Link(LinkError::Prev { .. })));
}

#[test]
fn a_wrong_length_does_not_make_good_records_a_torn_tail() {
    let all = records(4);
    let whole = encoded(&all);
    let start = encoded(&all[..1]).len();
    let line_end = start
        + whole[start..]
            .iter()
            .position(|b| *b == b'\n')
            .expect("there");
    let header_len = all[1].header_bytes().len();
    for line in [
        format!("WJ1 1 {header_len} 4000000"),
        format!("WJ1 1 4000 {}", all[1].body().len()),
        format!("WJ1 1 {} 4000000", header_len + 1),
        format!("WJ1 1 {} 0", whole.len() - line_end),
    ] {
        let bytes = [&whole[..start], line.as_bytes(), &whole[line_end..]].concat();
        let end = scan(&bytes).1;
        assert!(matches!(end, Err(ReadError::Damage(_))), "{line}: {end:?}");
    }
}

#[test]
fn limits_are_kept_when_sealing_and_when_reading() {
    let stamp = Stamp {
        time: crate::domain::time::Timestamp::from_millis(0),
        boot: "b",
        mono_ms: 0,
    };
    let content = |kind: &str, actor: String, body: usize| Content {
        kind: kind.to_owned(),
        actor,
        via: "uid:0".to_owned(),
        body: vec![b'x'; body],
    };
    let try_seal = |stamp, content| {
        let seq = crate::domain::id::Seq(0);
        seal(&super::session(), seq, None, stamp, content)
    };
    let longest = try_seal(stamp, content("a.b", "a".to_owned(), BODY_BYTES_MAX)).expect("fits");
    let bytes = encoded(std::slice::from_ref(&longest));
    assert_eq!(scan(&bytes).0, [longest]);
    assert!(matches!(
        scan(&bytes[..bytes.len() - 9]).1,
        Err(ReadError::Torn { .. })
    ));
    let error = try_seal(stamp, content("a.b", "a".to_owned(), BODY_BYTES_MAX + 1));
    assert!(matches!(error, Err(RecordError::BodyTooLong { .. })));
    let error = try_seal(stamp, content("a.b", "\u{e9}".repeat(700), 0));
    assert!(matches!(error, Err(RecordError::Header { .. })));
    let error = try_seal(stamp, content("A b", "a".to_owned(), 0));
    assert!(matches!(error, Err(RecordError::Header { .. })));
    let error = try_seal(stamp, content("a.b", String::new(), 0));
    assert!(matches!(error, Err(RecordError::Header { .. })));
    let far = Stamp {
        time: crate::domain::time::Timestamp::from_millis(i64::MAX),
        ..stamp
    };
    let error = try_seal(far, content("a.b", "a".to_owned(), 0));
    assert!(matches!(error, Err(RecordError::Changed { .. })));
    for line in [
        "WJ1 0 4097 1\n",
        "WJ1 0 1 4194305\n",
        "WJ1 00 1 1\n",
        "WJ1 0 1 1 1\n",
        "WJ1 0 1\n",
    ] {
        assert!(
            matches!(scan(line.as_bytes()).1, Err(ReadError::Damage(_))),
            "{line}"
        );
    }
}

/// Gives its bytes in pieces of the given sizes, as a pipe or a network file system may.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: Vec<usize>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if let Some(1) = self.sizes.last() {
            self.sizes.insert(0, 2);
            self.sizes.pop();
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let size = self.sizes.last().copied().unwrap_or(1).min(out.len());
        self.sizes.rotate_right(1);
        let (now, later) = self.bytes.split_at(size.min(self.bytes.len()));
        out[..now.len()].copy_from_slice(now);
        self.bytes = later;
        Ok(now.len())
    }
}

proptest! {
    #[test]
    fn records_are_read_back_in_pieces_of_any_size(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20),
        actor in "\\PC{1,12}",
        sizes in proptest::collection::vec(1_usize..300, 1..10),
    ) {
        let mut chain = Chain::default();
        let mut all = Vec::new();
        for body in bodies {
            let content = Content { kind: "x".into(), actor: actor.clone(), via: "v".into(), body };
            let stamp = Stamp { time: crate::domain::time::Timestamp::from_millis(5), boot: "b", mono_ms: 6 };
            let record = seal(&super::session(), chain.next(), chain.prev(), stamp, content).expect("valid");
            chain.accept(&record).expect("next");
            all.push(record);
        }
        let bytes = encoded(&all);
        let mut reader = Reader::new(Pieces { bytes: &bytes, sizes });
        let mut found = Vec::new();
        while let Some(entry) = reader.next_record().expect("intact") {
            prop_assert_eq!(entry.hash, Digest::of(entry.header_bytes));
            found.push(entry.to_record());
        }
        prop_assert_eq!(found, all);
        prop_assert_eq!(reader.chain(), &chain);
    }

    /// Bytes put in, taken out or written over anywhere before the last record, which stays whole.
    #[test]
    fn every_edit_before_the_last_record_is_found(
        count in 2_usize..6,
        at in any::<proptest::sample::Index>(),
        gone in 0_usize..400,
        new in proptest::collection::vec(any::<u8>(), 0..200),
        from in any::<proptest::sample::Index>(),
        copied in 0_usize..700,
    ) {
        let all = records(count);
        let whole = encoded(&all);
        let last = encoded(&all[..count - 1]).len();
        let start = at.index(last);
        let end = (start + gone).min(last);
        // What is put in is noise or a piece of the journal itself, which may be whole records.
        let piece = from.index(last);
        let piece = &whole[piece..(piece + copied).min(last)];
        for put in [&new[..], piece] {
            let edited = [&whole[..start], put, &whole[end..]].concat();
            if edited == whole {
                continue;
            }
            let (found, ended) = scan(&edited);
            prop_assert!(matches!(ended, Err(ReadError::Damage(_))), "{start}..{end}: {ended:?}");
            // What was read before the edit showed is the truth, but for a header of which nothing follows yet.
            let sure = found.len().saturating_sub(1);
            prop_assert_eq!(&found[..sure], &all[..sure]);
        }
    }

    #[test]
    fn random_bytes_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        numbers in any::<[u16; 3]>(),
    ) {
        drop(scan(&bytes));
        let line = format!("WJ1 {} {} {}\n", numbers[0] % 2, numbers[1] % 300, numbers[2] % 300);
        drop(scan(&[line.as_bytes(), &bytes].concat()));
    }
}
