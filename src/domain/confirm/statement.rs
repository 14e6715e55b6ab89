//! The exact bytes people put their name to: `warroom-confirm@v1` and `warroom-propose@v1` (`TWO_PERSON` 5.3).

use crate::domain::digest::Digest;
use crate::domain::doc::{Doc, DocError};
use crate::domain::fact::Terms;
use crate::domain::id::{PersonId, Seq, SessionId};
use crate::domain::state::{Proposal, State};

/// Kind of document a confirmer states.
const CONFIRM: &str = "warroom-confirm";
/// Kind of document a proposer states.
const PROPOSE: &str = "warroom-propose";

/// What a `warroom-confirm@v1` says, line by line.
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
    /// Who confirms.
    pub signer: &'a PersonId,
}

impl Confirm<'_> {
    /// The document's bytes, which are ASCII.
    ///
    /// # Errors
    /// [`DocError`] when a value is too long for a statement.
    pub fn print(&self) -> Result<String, DocError> {
        let doc = Doc::new(CONFIRM, 1)
            .with("session", self.session.as_str())
            .with("genesis", self.genesis.to_string())
            .with("policy", self.terms.policy.to_string())
            .with("proposal", place(self.proposed))
            .with("head", place(self.head));
        text(&rest(doc, self.terms, self.signer))
    }
}

fn place((seq, hash): (Seq, Digest)) -> String {
    format!("{seq} {hash}")
}

/// The lines that all statements on a proposal share.
fn rest(doc: Doc, terms: &Terms, signer: &PersonId) -> Doc {
    doc.with("runbook", terms.runbook.to_string())
        .with("commit", &terms.commit)
        .with("step", terms.step.as_str())
        .with("attempt", terms.attempt.to_string())
        .with("plan", terms.plan.to_string())
        .with("quorum", terms.quorum.to_string())
        .with("proposer", terms.proposer.as_str())
        .with("executor", terms.executor.as_str())
        .with("signer", signer.as_str())
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
    let proposed = proposal.proposed?;
    let confirm = Confirm {
        session: &state.genesis.session,
        genesis: state.genesis_hash,
        proposed,
        head,
        terms: &proposal.terms,
        signer,
    };
    Some(confirm.print())
}

/// The `warroom-propose@v1` of a proposal's terms; its signer is the proposer.
///
/// # Errors
/// [`DocError`] when a value is too long for a statement.
pub fn propose_statement(state: &State, terms: &Terms) -> Result<String, DocError> {
    let doc = Doc::new(PROPOSE, 1)
        .with("session", state.genesis.session.as_str())
        .with("genesis", state.genesis_hash.to_string())
        .with("policy", terms.policy.to_string());
    text(&rest(doc, terms, &terms.proposer))
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
