//! `warroom-checkpoint@v1`: what a session's own key says of the journal up to a record (`TWO_PERSON` 5.5).
//!
//! Whoever keeps one elsewhere can tell later that the journal before it was not cut, edited or swapped.

use crate::domain::digest::Digest;
use crate::domain::doc::{Doc, DocError, parse_number};
use crate::domain::fact::{Breakglass, Fact, GlassEvent, MotionEvent, Moved};
use crate::domain::id::{Seq, SessionId};
use crate::domain::time::Timestamp;

/// Kind of the document.
const NAME: &str = "warroom-checkpoint";
/// Namespace of its signature: the document's first line.
pub const NAMESPACE: &str = "warroom-checkpoint@v1";
const KEYS: [&str; 5] = ["session", "genesis", "head", "bytes", "time"];

/// What a checkpoint says.
///
/// Units: `bytes` is the length of the journal up to and with the record `head`; `time` has whole seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The session.
    pub session: SessionId,
    /// Hash of record 0.
    pub genesis: Digest,
    /// Newest durable record.
    pub head: (Seq, Digest),
    /// Length of the journal.
    pub bytes: u64,
    /// When it was made.
    pub time: Timestamp,
}

impl Checkpoint {
    /// The document.
    ///
    /// # Errors
    /// [`DocError`] when a value does not fit the grammar, which no session of ours has.
    pub fn print(&self) -> Result<String, DocError> {
        let (seq, hash) = self.head;
        let doc = Doc::new(NAME, 1)
            .with("session", self.session.as_str())
            .with("genesis", self.genesis.to_string())
            .with("head", format!("{seq} {hash}"))
            .with("bytes", self.bytes.to_string())
            .with("time", self.time.to_seconds_text());
        let bytes = doc.print_statement()?;
        // The grammar is ASCII, so nothing is lost here.
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Reads a document; the signature is somebody else's matter.
    ///
    /// # Errors
    /// [`CheckpointError`] names what is wrong.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let doc = Doc::parse_statement(text.as_bytes())?;
        doc.expect_title(NAME, 1)?;
        doc.expect_keys(&KEYS)?;
        let value = |key: &'static str| {
            let bytes = doc.get(key).unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|_| CheckpointError::Value { key })
        };
        let bad = |key: &'static str| CheckpointError::Value { key };
        let (seq, hash) = value("head")?.split_once(' ').ok_or_else(|| bad("head"))?;
        let seq = parse_number(seq.as_bytes()).ok_or_else(|| bad("head"))?;
        let parsed = Self {
            session: SessionId::try_from(value("session")?.to_owned())
                .map_err(|_| bad("session"))?,
            genesis: Digest::parse(value("genesis")?).map_err(|_| bad("genesis"))?,
            head: (Seq(seq), Digest::parse(hash).map_err(|_| bad("head"))?),
            bytes: parse_number(value("bytes")?.as_bytes()).ok_or_else(|| bad("bytes"))?,
            time: Timestamp::parse(value("time")?).map_err(|_| bad("time"))?,
        };
        // One text for each checkpoint: a time with fractions would be another one.
        if parsed.print()? == text {
            Ok(parsed)
        } else {
            Err(bad("time"))
        }
    }
}

/// Why a text is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It is outside the grammar, or another document.
    #[error(transparent)]
    Doc(#[from] DocError),
    /// A line has no value of its kind.
    #[error("line `{key}` of the checkpoint has no value of its kind")]
    Value {
        /// Which.
        key: &'static str,
    },
}

/// True for facts after which a checkpoint is made at once; others wait for the next minute.
pub const fn is_due_after(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::SessionOpened(_)
            | Fact::StepArmed { .. }
            // Before anybody can go alone, what they said is out of their hands.
            | Fact::Breakglass(Breakglass {
                event: GlassEvent::Begun { .. } | GlassEvent::Armed | GlassEvent::Reviewed { .. },
                ..
            })
            | Fact::ExecIntent { nonce: Some(_), .. }
            | Fact::ExecOutcome { .. }
            | Fact::ExecUnknown { .. }
            | Fact::StepResolved { .. }
            | Fact::Motion(Moved {
                event: MotionEvent::Carried,
                ..
            })
            | Fact::SessionResumed { .. }
            | Fact::SessionClosed { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str = "\
warroom-checkpoint@v1
session: 01JD3V3Q8Z6K9T0W4M5N7P2R1S
genesis: sha256:aeebad4a796fcc2e15dc4c6061b45ed9b373f26adfc798ca7d2d8cc58182718e
head: 42 sha256:0dec92f393a9f7e1a6e42ecdbb41d429f3d276ae9d8a8c9c760298780590fea4
bytes: 20480
time: 2026-11-22T04:11:07Z
";

    #[test]
    fn the_published_checkpoint_byte_for_byte() {
        let checkpoint = Checkpoint::parse(PUBLISHED).expect("valid");
        assert_eq!(checkpoint.head.0, Seq(42));
        assert_eq!(checkpoint.print().expect("printable"), PUBLISHED);
        assert_eq!(
            Digest::of(PUBLISHED.as_bytes()).to_string(),
            "sha256:0c2c17025a39d874d95400bec74f41e024f1a1c52010b75e3be330506cdcb779"
        );
    }

    #[test]
    fn what_is_not_exactly_a_checkpoint_is_refused() {
        let cases = [
            ("head: 42 ", "head: 042 "),
            ("head: 42 ", "head: "),
            ("bytes: 20480", "bytes: 2x"),
            ("07Z\n", "07.000Z\n"),
            ("bytes: 20480\n", ""),
            ("checkpoint@v1", "checkpoint@v2"),
            ("session: 01", "session: u1"),
        ];
        for (from, to) in cases {
            let text = PUBLISHED.replacen(from, to, 1);
            assert!(Checkpoint::parse(&text).is_err(), "{from:?} -> {to:?}");
        }
        assert!(Checkpoint::parse(&format!("{PUBLISHED}\n")).is_err());
    }
}
