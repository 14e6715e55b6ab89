//! Checkpoints of a session held against its journal, for `warroom verify`.

use crate::domain::confirm::checkpoint::{Checkpoint, NAMESPACE};
use crate::domain::digest::Digest;
use crate::domain::doc::{ARMOUR_END, split_armour};
use crate::domain::fact::{Fact, Stamped};
use crate::domain::id::Seq;
use crate::evidence::session_key;
use std::collections::BTreeMap;

/// What checkpoints say of a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// How many were looked at.
    pub(super) count: usize,
    /// Newest record one of them covers.
    pub(super) covered: Option<Seq>,
    /// What is wrong, one line each.
    pub(super) faults: Vec<String>,
}

/// Checkpoints that wait to be held against the records of a journal, read once and in order.
#[derive(Debug, Default)]
pub(super) struct Audit {
    /// By the record they name, with a word on where they come from.
    waiting: BTreeMap<Seq, Vec<(Checkpoint, String, String)>>,
    key: Option<String>,
    genesis: Option<Digest>,
    findings: Findings,
}

impl Audit {
    /// Takes the text of a file of checkpoints; `source` names it in faults.
    pub(super) fn add(&mut self, source: &str, text: &str) {
        for (number, part) in split(text).into_iter().enumerate() {
            let name = format!("checkpoint {} of `{source}`", number.saturating_add(1));
            self.findings.count = self.findings.count.saturating_add(1);
            let parsed = match split_armour(part) {
                (_, "") => Err("it has no signature".to_owned()),
                (document, signature) => Checkpoint::parse(document)
                    .map(|checkpoint| (checkpoint, signature.to_owned()))
                    .map_err(|error| error.to_string()),
            };
            match parsed {
                Ok((checkpoint, signature)) => {
                    let place = checkpoint.head.0;
                    let waiting = self.waiting.entry(place).or_default();
                    waiting.push((checkpoint, signature, name));
                }
                Err(error) => self.findings.faults.push(format!("{name}: {error}")),
            }
        }
    }

    /// Takes the next record.
    pub(super) fn take(&mut self, record: &Stamped) {
        if let Fact::SessionOpened(genesis) = &record.fact {
            self.key.clone_from(&genesis.session_key);
            self.genesis = Some(record.hash);
        }
        for (checkpoint, signature, name) in self.waiting.remove(&record.seq).unwrap_or_default() {
            match self.judge(&checkpoint, &signature, record.hash) {
                Ok(()) => self.findings.covered = Some(record.seq),
                Err(error) => self.findings.faults.push(format!("{name}: {error}")),
            }
        }
    }

    fn judge(&self, checkpoint: &Checkpoint, signature: &str, hash: Digest) -> Result<(), String> {
        let document = checkpoint.print().map_err(|error| error.to_string())?;
        let seq = checkpoint.head.0;
        if Some(checkpoint.genesis) != self.genesis {
            return Err("it is of another session".to_owned());
        }
        let key = self
            .key
            .as_deref()
            .ok_or("the journal names no key for checkpoints")?;
        if !session_key::is_signed(key, NAMESPACE, &document, signature) {
            return Err("it is not signed by the key that the journal names".to_owned());
        }
        if checkpoint.head.1 == hash {
            return Ok(());
        }
        Err(format!(
            "record {seq} of the journal is another one than it names"
        ))
    }

    /// What came of it, after the last record.
    pub(super) fn finish(mut self) -> Findings {
        for (seq, waiting) in self.waiting {
            for (_, _, name) in waiting {
                let fault =
                    format!("{name}: it names record {seq}, and the journal ends before it");
                self.findings.faults.push(fault);
            }
        }
        self.findings
    }
}

/// The parts of a file of checkpoints, each a document with its signature. What stands before the first is a part too.
fn split(text: &str) -> Vec<&str> {
    let end_line = format!("{ARMOUR_END}\n");
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .find(&end_line)
            .map_or(rest.len(), |at| at.saturating_add(end_line.len()));
        let (part, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        parts.push(part);
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::Room;
    use crate::domain::time::Timestamp;
    use crate::evidence::SessionKey;

    /// A journal of one record, its key, and checkpoints of that key on what the caller says.
    fn scene(head: (Seq, Digest)) -> (Stamped, String) {
        let (key, _) = SessionKey::generate().expect("random bytes");
        let room = Room::proposed();
        let mut genesis = (*room.state.genesis).clone();
        genesis.session_key = Some(key.to_public_text());
        let record = Stamped {
            seq: Seq(0),
            hash: Digest::of(b"genesis"),
            at: room.now,
            actor: crate::domain::fact::Actor::Engine,
            fact: Fact::SessionOpened(Box::new(genesis.clone())),
        };
        let document = Checkpoint {
            session: genesis.session,
            genesis: record.hash,
            head,
            bytes: 7,
            time: Timestamp::from_millis(0),
        };
        let document = document.print().expect("printable");
        let signature = key.sign(NAMESPACE, document.as_bytes()).expect("signed");
        (record, format!("{document}{signature}"))
    }

    fn audit(record: &Stamped, text: &str) -> Findings {
        let mut audit = Audit::default();
        audit.add("kept", text);
        audit.take(record);
        audit.finish()
    }

    #[test]
    fn a_checkpoint_covers_the_record_it_names() {
        let (record, text) = scene((Seq(0), Digest::of(b"genesis")));
        let found = audit(&record, &format!("{text}{text}"));
        assert_eq!((found.count, found.covered), (2, Some(Seq(0))));
        assert_eq!(found.faults, Vec::<String>::new());
    }

    #[test]
    fn another_record_a_shorter_journal_and_a_false_signature_are_faults() {
        let fault = |record: &Stamped, text: &str| {
            let faults = audit(record, text).faults;
            assert_eq!(faults.len(), 1, "{faults:?}");
            faults.join("")
        };
        let (record, text) = scene((Seq(0), Digest::of(b"other")));
        assert!(fault(&record, &text).contains("is another one than it names"));
        let (record, text) = scene((Seq(9), Digest::of(b"genesis")));
        assert!(fault(&record, &text).contains("the journal ends before it"));
        let (record, text) = scene((Seq(0), Digest::of(b"genesis")));
        let edited = text.replace("bytes: 7", "bytes: 8");
        assert!(fault(&record, &edited).contains("not signed by the key"));
        assert!(fault(&record, "warroom-checkpoint@v1\n").contains("no signature"));
        assert!(fault(&record, &text.replace("bytes: 7\n", "")).contains("of `kept`"));
    }
}
