//! The exact bytes people put their name to (`TWO_PERSON` 5.3): one document for each kind of word a person gives.
//!
//! Every kind has its own first line, which is also the namespace of its signature. `expires` is the last line of all
//! of them, so that a record with the signature behind its statement is cut in two by the same tools for every kind.

mod account;
mod kinds;
mod motion;

pub use account::{ACCOUNT_TITLE, is_expected_by, unsigned_statement};
pub use kinds::{
    Hello, breakglass_statement, go_statement, hello_statement, is_current, reject_statement,
    resolve_statement, review_statement,
};
pub use motion::{motion_issued, motion_statement, second_statement};

use crate::domain::digest::Digest;
use crate::domain::doc::{Doc, DocError};
use crate::domain::fact::Terms;
use crate::domain::id::{PersonId, Seq, SessionId};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::state::{Proposal, State};

/// What a statement is: what its signer wants with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Who somebody is, at one connection.
    Hello,
    /// A proposal.
    Propose,
    /// A confirm.
    Confirm,
    /// A no.
    Reject,
    /// Run it.
    Go,
    /// What was found of an unknown outcome, or of an emergency that is over.
    Resolve,
    /// Going forward alone.
    Breakglass,
    /// Something that is no step and that two people agree on.
    Motion,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Hello,
        Self::Propose,
        Self::Confirm,
        Self::Reject,
        Self::Go,
        Self::Resolve,
        Self::Breakglass,
        Self::Motion,
    ];

    /// Name of the document, without its version.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Hello => "warroom-hello",
            Self::Propose => "warroom-propose",
            Self::Confirm => "warroom-confirm",
            Self::Reject => "warroom-reject",
            Self::Go => "warroom-go",
            Self::Resolve => "warroom-resolve",
            Self::Breakglass => "warroom-breakglass",
            Self::Motion => "warroom-motion",
        }
    }

    /// Namespace of its signature: the first line of the statement.
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::Hello => "warroom-hello@v1",
            Self::Propose => "warroom-propose@v1",
            Self::Confirm => "warroom-confirm@v1",
            Self::Reject => "warroom-reject@v1",
            Self::Go => "warroom-go@v1",
            Self::Resolve => "warroom-resolve@v1",
            Self::Breakglass => "warroom-breakglass@v1",
            Self::Motion => "warroom-motion@v1",
        }
    }

    /// The kind of a statement, by its first line.
    pub fn of(statement: &str) -> Option<Self> {
        let first = statement.lines().next()?;
        Self::ALL.into_iter().find(|kind| kind.namespace() == first)
    }
}

/// What a statement about a proposal says, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm<'a> {
    /// The session.
    pub session: &'a SessionId,
    /// Hash of record 0.
    pub genesis: Digest,
    /// Sequence and hash of `step.proposed`.
    pub proposed: (Seq, Digest),
    /// Newest record the signer had seen.
    pub head: (Seq, Digest),
    /// Terms of the proposal.
    pub terms: &'a Terms,
    /// Who states it.
    pub signer: &'a PersonId,
}

impl Confirm<'_> {
    /// The confirm's bytes, which are ASCII.
    ///
    /// # Errors
    /// [`DocError`] when a value is too long for a statement.
    pub fn print(&self) -> Result<String, DocError> {
        self.print_as(Kind::Confirm, &[])
    }

    /// As [`Confirm::print`] for another kind, with what that says beside.
    ///
    /// # Errors
    /// [`DocError`] when a value is too long for a statement.
    pub fn print_as(&self, kind: Kind, more: &[(&str, &str)]) -> Result<String, DocError> {
        self.print_titled(kind.title(), more)
    }

    fn print_titled(&self, title: &str, more: &[(&str, &str)]) -> Result<String, DocError> {
        let doc = Doc::new(title, 1)
            .with("session", self.session.as_str())
            .with("genesis", self.genesis.to_string())
            .with("policy", self.terms.policy.to_string())
            .with("proposal", place(self.proposed))
            .with("head", place(self.head));
        text(&rest(doc, self.terms, self.signer, more))
    }
}

fn place((seq, hash): (Seq, Digest)) -> String {
    format!("{seq} {hash}")
}

/// The lines that all statements on a proposal share, with those of one kind before what ends all of them.
fn rest(doc: Doc, terms: &Terms, signer: &PersonId, more: &[(&str, &str)]) -> Doc {
    let doc = doc
        .with("runbook", terms.runbook.to_string())
        .with("commit", &terms.commit)
        .with("step", terms.step.as_str())
        .with("attempt", terms.attempt.to_string())
        .with("plan", terms.plan.to_string())
        .with("quorum", terms.quorum.to_string())
        .with("proposer", terms.proposer.as_str())
        .with("executor", terms.executor.as_str())
        .with("signer", signer.as_str());
    more.iter()
        .fold(doc, |doc, (key, value)| doc.with(key, *value))
        .with("nonce", terms.nonce.as_str())
        .with("issued", terms.issued.to_seconds_text())
        .with("expires", terms.expires.to_seconds_text())
}

fn text(doc: &Doc) -> Result<String, DocError> {
    // The grammar is ASCII, so nothing is lost here.
    Ok(String::from_utf8_lossy(&doc.print_statement()?).into_owned())
}

/// The `warroom-confirm@v1` that this person would state on the open proposal, having seen records up to `head`.
///
/// Absent while no plan is on the table.
///
/// # Errors
/// [`DocError`] when a value is too long for a statement.
pub fn confirm_statement(
    state: &State,
    proposal: &Proposal,
    signer: &PersonId,
    head: (Seq, Digest),
) -> Option<Result<String, DocError>> {
    Some(about(state, proposal, signer, head)?.print())
}

/// What every statement on the open proposal says.
fn about<'a>(
    state: &'a State,
    proposal: &'a Proposal,
    signer: &'a PersonId,
    head: (Seq, Digest),
) -> Option<Confirm<'a>> {
    Some(Confirm {
        session: &state.genesis.session,
        genesis: state.genesis_hash,
        proposed: proposal.proposed?,
        head,
        terms: &proposal.terms,
        signer,
    })
}

/// The `warroom-propose@v1` of a proposal's terms; its signer is the proposer.
///
/// # Errors
/// [`DocError`] when a value is too long for a statement.
pub fn propose_statement(state: &State, terms: &Terms) -> Result<String, DocError> {
    let doc = Doc::new(Kind::Propose.title(), 1)
        .with("session", state.genesis.session.as_str())
        .with("genesis", state.genesis_hash.to_string())
        .with("policy", terms.policy.to_string());
    text(&rest(doc, terms, &terms.proposer, &[]))
}

/// The record a statement says its signer had seen. Nothing else of a statement is ever believed: the expected one
/// is built anew and compared byte by byte.
pub fn head_of(statement: &str) -> Option<(Seq, Digest)> {
    let doc = Doc::parse_statement(statement.as_bytes()).ok()?;
    let value = std::str::from_utf8(doc.get("head")?).ok()?;
    let (seq, hash) = value.split_once(' ')?;
    let seq = crate::domain::doc::parse_number(seq.as_bytes())?;
    Some((Seq(seq), Digest::parse(hash).ok()?))
}

/// True when the statement is, byte by byte, what this person would state now.
pub fn is_expected(state: &State, proposal: &Proposal, signer: &PersonId, statement: &str) -> bool {
    if is_off(Guard::Statement) {
        return statement.contains(&format!("\nsigner: {signer}\n"));
    }
    let Some(head) = head_of(statement) else {
        return false;
    };
    if !proposal.heads.contains(&head) {
        return false;
    }
    matches!(
        confirm_statement(state, proposal, signer, head),
        Some(Ok(expected)) if expected == statement
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::{Room, id, person};
    use crate::domain::id::{AttemptNo, Nonce};
    use crate::domain::time::Timestamp;

    const EXPECTED: &str = "\
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

    fn digest(line: &str) -> Digest {
        let value = EXPECTED
            .lines()
            .find_map(|l| l.strip_prefix(line)?.strip_prefix(": "));
        let value = value.expect("the key is there");
        Digest::parse(value.rsplit(' ').next().unwrap_or(value)).expect("a digest")
    }

    #[test]
    fn the_published_statement_byte_for_byte() {
        let terms = Terms {
            step: id("drain-broker-3"),
            attempt: AttemptNo(1),
            plan: digest("plan"),
            policy: digest("policy"),
            runbook: digest("runbook"),
            commit: "sha1:9fceb02d0ae598e95dc970b74767f19372d61af8".to_owned(),
            quorum: 1,
            proposer: person("alice"),
            executor: person("alice"),
            nonce: Nonce::try_from("00112233445566778899aabbccddeeff".to_owned()).expect("valid"),
            issued: Timestamp::parse("2026-11-22T04:10:31Z").expect("valid"),
            expires: Timestamp::parse("2026-11-22T04:15:31Z").expect("valid"),
        };
        let session = SessionId::try_from("01JD3V3Q8Z6K9T0W4M5N7P2R1S".to_owned()).expect("valid");
        let place = (Seq(41), digest("proposal"));
        let confirm = Confirm {
            session: &session,
            genesis: digest("genesis"),
            proposed: place,
            head: place,
            terms: &terms,
            signer: &person("bob"),
        };
        let text = confirm.print().expect("printable");
        assert_eq!(text, EXPECTED);
        assert_eq!(
            Digest::of(text.as_bytes()).to_string(),
            "sha256:91a30b53539d39a7a14547baeeb83211c1c418b7dded22bc64c8826dd304d17d"
        );
        assert_eq!(head_of(&text), Some(place));
    }

    #[test]
    fn a_proposers_statement_names_neither_proposal_nor_head() {
        let room = Room::proposed();
        let open = room.state.proposal.as_ref().expect("open");
        let text = propose_statement(&room.state, &open.terms).expect("printable");
        assert!(text.starts_with("warroom-propose@v1\nsession: "));
        assert!(!text.contains("\nproposal: ") && !text.contains("\nhead: "));
        assert!(text.contains("\nsigner: ann\n"));
    }
}
