//! What people stated, read line by line, strictly: the runner compares every line with the ticket by itself.

use crate::domain::digest::Digest;
use crate::domain::doc::{Doc, DocError, Fields};
use crate::domain::id::{AttemptNo, Nonce, PersonId, Seq, SessionId, StepId};
use crate::domain::time::Timestamp;

/// Longest commit: `sha256:` and 64 digits.
const COMMIT_BYTES_MAX: usize = 71;

/// Which statement it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `warroom-propose@v1`.
    Propose,
    /// `warroom-confirm@v1`.
    Confirm,
    /// `warroom-go@v1`.
    Go,
    /// `warroom-breakglass@v1`.
    Breakglass,
}

impl Kind {
    /// Name of the document.
    const fn title(self) -> &'static str {
        match self {
            Self::Propose => "warroom-propose",
            Self::Confirm => "warroom-confirm",
            Self::Go => "warroom-go",
            Self::Breakglass => "warroom-breakglass",
        }
    }

    /// Namespace of its signature: its first line.
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::Propose => "warroom-propose@v1",
            Self::Confirm => "warroom-confirm@v1",
            Self::Go => "warroom-go@v1",
            Self::Breakglass => "warroom-breakglass@v1",
        }
    }

    /// What a person would call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Propose => "propose",
            Self::Confirm => "confirm",
            Self::Go => "go",
            Self::Breakglass => "break-glass",
        }
    }
}

/// A statement, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Which statement it is.
    pub kind: Kind,
    /// The session.
    pub session: SessionId,
    /// Hash of record 0.
    pub genesis: Digest,
    /// Digest of the policy document.
    pub policy: Digest,
    /// Sequence and hash of `step.proposed`; a proposer's statement has none.
    pub proposal: Option<(Seq, Digest)>,
    /// Newest record the signer had seen; a proposer's statement has none.
    pub head: Option<(Seq, Digest)>,
    /// Digest of the runbook.
    pub runbook: Digest,
    /// Commit of the runbook, or `none`.
    pub commit: String,
    /// The step.
    pub step: StepId,
    /// Number of the attempt.
    pub attempt: AttemptNo,
    /// Digest of the plan.
    pub plan: Digest,
    /// Confirmers needed.
    pub quorum: u8,
    /// Who proposed.
    pub proposer: PersonId,
    /// Who says go.
    pub executor: PersonId,
    /// Who made this statement.
    pub signer: PersonId,
    /// Used once.
    pub nonce: Nonce,
    /// When the proposal was opened.
    pub issued: Timestamp,
    /// When it ends by itself.
    pub expires: Timestamp,
    /// Digest over the confirms; only a go has one.
    pub confirms: Option<Digest>,
    /// Why nobody else was waited for, and what came of the page; only a break-glass has them.
    pub alone: Option<(Digest, String)>,
}

fn place(fields: &mut Fields<'_>, key: &str) -> Result<(Seq, Digest), DocError> {
    let field = fields.take(key)?;
    let read = || {
        let (seq, hash) = field.text().ok()?.split_once(' ')?;
        let seq = crate::domain::doc::parse_number(seq.as_bytes())?;
        Some((Seq(seq), Digest::parse(hash).ok()?))
    };
    read().ok_or_else(|| field.refuse("a sequence number and the hash of a record"))
}

fn commit(fields: &mut Fields<'_>) -> Result<String, DocError> {
    let field = fields.take("commit")?;
    let text = field.text()?;
    let is_hex = |hex: &str, length: usize| {
        hex.len() == length && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let fits = text == "none"
        || text.strip_prefix("sha1:").is_some_and(|h| is_hex(h, 40))
        || text.strip_prefix("sha256:").is_some_and(|h| is_hex(h, 64));
    if fits && text.len() <= COMMIT_BYTES_MAX {
        Ok(text.to_owned())
    } else {
        Err(field.refuse("`none`, or `sha1:` or `sha256:` with the full id of a commit"))
    }
}

impl Said {
    /// Reads a statement of this kind.
    ///
    /// # Errors
    /// [`DocError`] with line and byte, for another kind of statement too.
    pub fn parse(kind: Kind, bytes: &[u8]) -> Result<Self, DocError> {
        let doc = Doc::parse_statement(bytes)?;
        doc.expect_title(kind.title(), 1)?;
        let mut fields = doc.fields();
        let session = fields.take("session")?.parse()?;
        let genesis = fields.take("genesis")?.digest()?;
        let policy = fields.take("policy")?.digest()?;
        let (proposal, head) = match kind {
            Kind::Propose => (None, None),
            Kind::Confirm | Kind::Go | Kind::Breakglass => (
                Some(place(&mut fields, "proposal")?),
                Some(place(&mut fields, "head")?),
            ),
        };
        let runbook = fields.take("runbook")?.digest()?;
        let commit = commit(&mut fields)?;
        let step = fields.take("step")?.parse()?;
        let attempt = small(&mut fields, "attempt", "the number of an attempt")?;
        let plan = fields.take("plan")?.digest()?;
        let quorum = small(&mut fields, "quorum", "a number of people")?;
        let said = Self {
            kind,
            session,
            genesis,
            policy,
            proposal,
            head,
            runbook,
            commit,
            step,
            attempt: AttemptNo(attempt),
            plan,
            quorum,
            proposer: fields.take("proposer")?.parse()?,
            executor: fields.take("executor")?.parse()?,
            signer: fields.take("signer")?.parse()?,
            // The last lines are the same in every kind of statement.
            confirms: match kind {
                Kind::Go => Some(fields.take("confirms")?.digest()?),
                Kind::Propose | Kind::Confirm | Kind::Breakglass => None,
            },
            alone: match kind {
                Kind::Breakglass => {
                    let reason = fields.take("reason")?.digest()?;
                    Some((reason, fields.take("page")?.text()?.to_owned()))
                }
                Kind::Propose | Kind::Confirm | Kind::Go => None,
            },
            nonce: fields.take("nonce")?.parse()?,
            issued: fields.take("issued")?.seconds()?,
            expires: fields.take("expires")?.seconds()?,
        };
        fields.finish()?;
        Ok(said)
    }
}

fn small<T: TryFrom<u64>>(
    fields: &mut Fields<'_>,
    key: &str,
    expected: &str,
) -> Result<T, DocError> {
    let field = fields.take(key)?;
    T::try_from(field.number()?).map_err(|_| field.refuse(expected))
}

/// What the header of a record says that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Digest of the header's bytes: the event hash.
    pub hash: Digest,
    /// The session.
    pub session: SessionId,
    /// Place in the journal.
    pub seq: Seq,
    /// Hash of the record before.
    pub prev: Option<Digest>,
    /// Wall clock.
    pub time: Timestamp,
    /// Which boot of the host.
    pub boot: String,
    /// Milliseconds since that boot.
    pub mono_ms: u64,
    /// Kind of record.
    pub kind: String,
    /// Who did it.
    pub actor: String,
    /// Digest of the body.
    pub body: Digest,
    /// Length of the body.
    pub body_len: u64,
}

impl Head {
    /// Reads the header of a record, `warroom-event@v1`.
    ///
    /// # Errors
    /// [`DocError`] with line and byte.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocError> {
        let doc = Doc::parse_statement(bytes)?;
        doc.expect_title("warroom-event", 1)?;
        let mut fields = doc.fields();
        let session = fields.take("session")?.parse()?;
        let seq = Seq(fields.take("seq")?.number()?);
        let prev = fields.take("prev")?.digest_or_none()?;
        let time = fields.take("time")?.millis()?;
        let boot = fields.take("boot")?.text()?.to_owned();
        let mono_ms = fields.take("mono-ms")?.number()?;
        let kind = fields.take("kind")?.text()?.to_owned();
        let actor = fields.take("actor")?.text()?.to_owned();
        fields.take("via")?;
        let head = Self {
            hash: Digest::of(bytes),
            session,
            seq,
            prev,
            time,
            boot,
            mono_ms,
            kind,
            actor,
            body: fields.take("body")?.digest()?,
            body_len: fields.take("body-len")?.number()?,
        };
        fields.finish()?;
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIRM: &str = "\
warroom-confirm@v1
session: 01JD3V3Q8Z6K9T0W4M5N7P2R1S
genesis: sha256:aeebad4a796fcc2e15dc4c6061b45ed9b373f26adfc798ca7d2d8cc58182718e
policy: sha256:823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812
proposal: 41 sha256:bb249fdb81076716fdf8ef64e2dc2a889064022e8f0268f5ebc2ba8c94484a4b
head: 41 sha256:bb249fdb81076716fdf8ef64e2dc2a889064022e8f0268f5ebc2ba8c94484a4b
runbook: sha256:e95a2edc459c5ba34b244df70403dd6981f11aa1bca8e325206d1cc5bc43180e
commit: sha1:9fceb02d0ae598e95dc970b74767f19372d61af8
step: drain-broker-3
attempt: 1
plan: sha256:0e444f6a0f7d890f0c7e2c549b361518af5ffebb44ba9df357d3b1fdb85bd5bd
quorum: 1
proposer: alice
executor: alice
signer: bob
nonce: 00112233445566778899aabbccddeeff
issued: 2026-11-22T04:10:31Z
expires: 2026-11-22T04:15:31Z
";

    const HEADER: &str = "\
warroom-event@v1
session: 01JD3V3Q8Z6K9T0W4M5N7P2R1S
seq: 41
prev: sha256:6e1e09d3d8271f64131589f677e55cc3a06046724be696f9be06d17794ec1fa7
time: 2026-11-22T04:10:31.250Z
boot: 5f0c6f2e-3a0b-4d1e-9b7a-2f6d8c1e4a90
mono-ms: 81234567
kind: step.proposed
actor: alice
via: uid:1001
body: sha256:0e444f6a0f7d890f0c7e2c549b361518af5ffebb44ba9df357d3b1fdb85bd5bd
body-len: 686
";

    #[test]
    fn the_published_statement_and_header_are_read() {
        let said = Said::parse(Kind::Confirm, CONFIRM.as_bytes()).expect("valid");
        let head = Head::parse(HEADER.as_bytes()).expect("valid");
        assert_eq!(said.proposal, Some((head.seq, head.hash)));
        assert_eq!(said.plan, head.body);
        assert_eq!(said.signer.as_str(), "bob");
        assert!(Said::parse(Kind::Propose, CONFIRM.as_bytes()).is_err());
        assert!(Said::parse(Kind::Go, CONFIRM.as_bytes()).is_err());
    }

    #[test]
    fn a_line_that_is_missing_doubled_or_malformed_is_refused() {
        let lines: Vec<&str> = CONFIRM.split_inclusive('\n').collect();
        for index in 1..lines.len() {
            let mut fewer = lines.clone();
            fewer.remove(index);
            assert!(Said::parse(Kind::Confirm, fewer.concat().as_bytes()).is_err());
            let mut more = lines.clone();
            more.insert(index, lines[index]);
            assert!(Said::parse(Kind::Confirm, more.concat().as_bytes()).is_err());
        }
        for (right, wrong) in [
            ("sha1:9f", "sha1:9F"),
            ("sha1:9f", "9f"),
            ("quorum: 1", "quorum: 256"),
            ("proposal: 41 ", "proposal: 041 "),
            ("04:10:31Z", "04:10:31.000Z"),
            ("signer: bob", "signer: Bob"),
        ] {
            let text = CONFIRM.replacen(right, wrong, 1);
            assert!(
                Said::parse(Kind::Confirm, text.as_bytes()).is_err(),
                "{wrong}"
            );
        }
    }
}
