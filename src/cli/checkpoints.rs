//! Checkpoints of a session held against its journal, for `warroom verify`.
//!
//! Files are read checkpoint by checkpoint and each signature is judged at once: what is kept until the journal comes
//! to the record is its number and its hash, so that months of checkpoints take little memory.

use crate::domain::confirm::checkpoint::{Checkpoint, NAMESPACE};
use crate::domain::digest::Digest;
use crate::domain::doc::{ARMOUR_END, split_armour};
use crate::domain::id::Seq;
use crate::evidence::session_key;
use std::io::{BufRead, Read as _};
use std::iter::Peekable;
use std::vec::IntoIter;

/// Several times the length of a checkpoint with its signature.
const PART_BYTES_MAX: usize = 8 * 1024;
/// Two years of checkpoints, one a minute, in 48 MiB.
const CLAIMS_MAX: usize = 1_000_000;
/// More than anybody reads; those beyond it are counted.
const FAULTS_MAX: usize = 100;

/// What checkpoints say of a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// How many were looked at.
    pub(super) count: usize,
    /// Newest record one of them covers.
    pub(super) covered: Option<Seq>,
    /// What is wrong, one line each.
    pub(super) faults: Vec<String>,
    /// Faults beyond [`FAULTS_MAX`].
    more: usize,
}

impl Findings {
    fn fault(&mut self, fault: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

/// What a checkpoint with a good signature says, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    seq: Seq,
    /// Place in its file, from 1, and the file's place among those that were read.
    number: u32,
    source: u32,
    hash: Digest,
}

/// Reads files of checkpoints.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// Hash of record 0 and the key it names; absent for a journal without records.
    first: Option<(Digest, Option<String>)>,
    claims: Vec<Claim>,
    sources: Vec<String>,
    findings: Findings,
}

impl Gathering {
    /// `first`: hash of the journal's record 0, and the key it names for checkpoints.
    pub(super) fn of(first: Option<(Digest, Option<String>)>) -> Self {
        Self {
            first,
            ..Self::default()
        }
    }

    /// Reads a file of checkpoints; `source` names it in faults.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read(&mut self, source: &str, mut from: impl BufRead) -> std::io::Result<()> {
        let place = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        self.sources.push(source.to_owned());
        let mut number: u32 = 0;
        while let Some(part) = next_part(&mut from)? {
            number = number.saturating_add(1);
            self.findings.count = self.findings.count.saturating_add(1);
            if self.claims.len() >= CLAIMS_MAX {
                let fault = format!("`{source}`: beyond {CLAIMS_MAX} checkpoints nothing was read");
                self.findings.fault(fault);
                return Ok(());
            }
            match self.judge(&part) {
                Ok((seq, hash)) => self.claims.push(Claim {
                    seq,
                    number,
                    source: place,
                    hash,
                }),
                Err(error) => {
                    let fault = format!("checkpoint {number} of `{source}`: {error}");
                    self.findings.fault(fault);
                }
            }
        }
        Ok(())
    }

    /// The record that a checkpoint names, once it is known to be the session's own word.
    fn judge(&self, part: &[u8]) -> Result<(Seq, Digest), String> {
        let part = std::str::from_utf8(part).map_err(|_| "it is no text")?;
        let (document, signature) = split_armour(part);
        if signature.is_empty() {
            return Err("it has no signature".to_owned());
        }
        let checkpoint = Checkpoint::parse(document).map_err(|error| error.to_string())?;
        let Some((genesis, key)) = &self.first else {
            // No record can be the one it names.
            return Ok(checkpoint.head);
        };
        if checkpoint.genesis != *genesis {
            return Err("it is of another session".to_owned());
        }
        let key = key
            .as_deref()
            .ok_or("the journal names no key for checkpoints")?;
        // What is parsed prints as exactly what was read.
        if session_key::is_signed(key, NAMESPACE, document, signature) {
            return Ok(checkpoint.head);
        }
        Err("it is not signed by the key that the journal names".to_owned())
    }

    /// All of them in the order of the journal.
    pub(super) fn in_order(mut self) -> Audit {
        self.claims.sort_unstable();
        Audit {
            waiting: self.claims.into_iter().peekable(),
            sources: self.sources,
            findings: self.findings,
        }
    }
}

/// Checkpoints that wait to be held against the records of a journal, read once and in order.
#[derive(Debug)]
pub(super) struct Audit {
    waiting: Peekable<IntoIter<Claim>>,
    sources: Vec<String>,
    findings: Findings,
}

impl Audit {
    /// Takes the next record.
    pub(super) fn take(&mut self, seq: Seq, hash: Digest) {
        while let Some(claim) = self.waiting.next_if(|claim| claim.seq <= seq) {
            if (claim.seq, claim.hash) == (seq, hash) {
                self.findings.covered = Some(seq);
                continue;
            }
            let seq = claim.seq;
            let fault = format!("record {seq} of the journal is another one than it names");
            self.fault(claim, &fault);
        }
    }

    fn fault(&mut self, claim: Claim, what: &str) {
        let source = usize::try_from(claim.source).ok();
        let source = source.and_then(|place| self.sources.get(place));
        let source = source.map_or("?", String::as_str);
        let number = claim.number;
        self.findings
            .fault(format!("checkpoint {number} of `{source}`: {what}"));
    }

    /// What came of it, after the last record.
    pub(super) fn finish(mut self) -> Findings {
        while let Some(claim) = self.waiting.next() {
            let seq = claim.seq;
            let fault = format!("it names record {seq}, and the journal ends before it");
            self.fault(claim, &fault);
        }
        if self.findings.more > 0 {
            let more = format!("{} more checkpoints do not fit", self.findings.more);
            self.findings.faults.push(more);
        }
        self.findings
    }
}

/// True for the line that ends a signature.
fn is_end(line: &[u8]) -> bool {
    line.strip_suffix(b"\n") == Some(ARMOUR_END.as_bytes())
}

/// The next part of a file of checkpoints: a document with its signature, or what stands where one should.
fn next_part(from: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut part = Vec::new();
    while part.len() < PART_BYTES_MAX {
        let start = part.len();
        let room = PART_BYTES_MAX.saturating_sub(start) as u64;
        let read = from.by_ref().take(room).read_until(b'\n', &mut part)?;
        if read == 0 || part.get(start..).is_some_and(is_end) {
            break;
        }
    }
    Ok((!part.is_empty()).then_some(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::Room;
    use crate::domain::time::Timestamp;
    use crate::evidence::SessionKey;

    /// The first and only record of a journal: its hash, and the key it names.
    type First = (Digest, Option<String>);

    /// A journal of one record, and a checkpoint of its key on what the caller says.
    fn scene(head: (Seq, Digest)) -> (First, String) {
        let (key, _) = SessionKey::generate().expect("random bytes");
        let genesis = Digest::of(b"genesis");
        let document = Checkpoint {
            session: Room::proposed().state.genesis.session.clone(),
            genesis,
            head,
            bytes: 7,
            time: Timestamp::from_millis(0),
        };
        let document = document.print().expect("printable");
        let signature = key.sign(NAMESPACE, document.as_bytes()).expect("signed");
        let first = (genesis, Some(key.to_public_text()));
        (first, format!("{document}{signature}"))
    }

    fn audit(first: &First, text: &str) -> Findings {
        let mut gathering = Gathering::of(Some(first.clone()));
        gathering.read("kept", text.as_bytes()).expect("bytes");
        let mut audit = gathering.in_order();
        audit.take(Seq(0), first.0);
        audit.finish()
    }

    #[test]
    fn a_checkpoint_covers_the_record_it_names() {
        let (first, text) = scene((Seq(0), Digest::of(b"genesis")));
        let found = audit(&first, &format!("{text}{text}"));
        assert_eq!((found.count, found.covered), (2, Some(Seq(0))));
        assert_eq!(found.faults, Vec::<String>::new());
    }

    #[test]
    fn another_record_a_shorter_journal_and_a_false_signature_are_faults() {
        let fault = |first: &First, text: &str| {
            let faults = audit(first, text).faults;
            assert_eq!(faults.len(), 1, "{faults:?}");
            faults.join("")
        };
        let (first, text) = scene((Seq(0), Digest::of(b"other")));
        assert!(fault(&first, &text).contains("is another one than it names"));
        let (first, text) = scene((Seq(9), Digest::of(b"genesis")));
        assert!(fault(&first, &text).contains("the journal ends before it"));
        let (first, text) = scene((Seq(0), Digest::of(b"genesis")));
        let edited = text.replace("bytes: 7", "bytes: 8");
        assert!(fault(&first, &edited).contains("not signed by the key"));
        assert!(fault(&first, "warroom-checkpoint@v1\n").contains("no signature"));
        assert!(fault(&first, &text.replace("bytes: 7\n", "")).contains("of `kept`"));
        let elsewhere = (Digest::of(b"elsewhere"), first.1);
        assert!(fault(&elsewhere, &text).contains("of another session"));
    }

    #[test]
    fn checkpoints_of_months_are_all_read_and_what_is_no_checkpoint_is_no_end_of_them() {
        let (first, text) = scene((Seq(0), Digest::of(b"genesis")));
        let found = audit(&first, &text.repeat(300));
        assert_eq!((found.count, found.faults.len()), (300, 0));
        // Longer than a checkpoint can be, and a good one behind it.
        let junk = "x".repeat(PART_BYTES_MAX);
        let found = audit(&first, &format!("{junk}{text}"));
        assert_eq!((found.covered, found.faults.len()), (Some(Seq(0)), 1));
    }

    #[test]
    fn faults_beyond_what_anybody_reads_are_counted() {
        let (first, text) = scene((Seq(9), Digest::of(b"genesis")));
        let faults = audit(&first, &text.repeat(FAULTS_MAX + 7)).faults;
        assert_eq!(faults.len(), FAULTS_MAX + 1);
        assert_eq!(
            faults.last().map(String::as_str),
            Some("7 more checkpoints do not fit")
        );
    }
}
