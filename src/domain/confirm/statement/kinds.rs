//! Statements beside propose and confirm: no, go, what was found, going alone, and who somebody is.

use super::{Confirm, Kind, about, head_of, text};
use crate::domain::digest::Digest;
use crate::domain::doc::{Doc, DocError};
use crate::domain::fact::Finding;
use crate::domain::id::{Nonce, PersonId, Seq, StepId};
use crate::domain::state::{Broken, Proposal, State};
use crate::domain::time::Timestamp;

/// Finding of a review: nothing was unknown, it was looked at.
const REVIEWED: &str = "reviewed";

/// What a statement needs beside its signer, or why it cannot be made.
type Made = Option<Result<String, DocError>>;

/// Digest of a reason, as statements name it: over its bytes, without an end of line.
fn reason_line(reason: &str) -> String {
    Digest::of(reason.as_bytes()).to_string()
}

/// The `warroom-reject@v1` of a person on the open proposal. Absent while no plan is on the table.
///
/// # Errors
/// [`DocError`] when a value is too long for a statement.
pub fn reject_statement(
    state: &State,
    proposal: &Proposal,
    signer: &PersonId,
    head: (Seq, Digest),
    reason: &str,
) -> Made {
    let about = about(state, proposal, signer, head)?;
    Some(about.print_as(Kind::Reject, &[("reason", &reason_line(reason))]))
}

/// The `warroom-go@v1` of the executor on the armed proposal: it names the confirms it goes by, as the digest over
/// their statements' digests, sorted, each with a line feed behind it. Absent while no plan is on the table.
///
/// # Errors
/// [`DocError`] when a value is too long for a statement.
pub fn go_statement(
    state: &State,
    proposal: &Proposal,
    signer: &PersonId,
    head: (Seq, Digest),
) -> Made {
    let about = about(state, proposal, signer, head)?;
    let alone = proposal.glass.as_ref().and_then(|g| g.countdown.as_ref());
    let mut digests: Vec<String> = proposal
        .confirms
        .iter()
        .map(|confirm| confirm.statement)
        // Who goes alone goes by what they signed themselves.
        .chain(alone.map(|countdown| countdown.statement))
        .map(|digest| format!("{digest}\n"))
        .collect();
    digests.sort();
    let confirms = Digest::of(digests.concat().as_bytes()).to_string();
    Some(about.print_as(Kind::Go, &[("confirms", &confirms)]))
}

/// The `warroom-breakglass@v1` of one person on the open proposal: why nobody else is waited for, and whom the page
/// goes to. Absent while no plan is on the table.
///
/// # Errors
/// [`DocError`] when a value is too long for a statement.
pub fn breakglass_statement(
    state: &State,
    proposal: &Proposal,
    signer: &PersonId,
    head: (Seq, Digest),
    reason: &str,
    page: &str,
) -> Made {
    let about = about(state, proposal, signer, head)?;
    let reason = reason_line(reason);
    Some(about.print_as(Kind::Breakglass, &[("reason", &reason), ("page", page)]))
}

/// The `warroom-resolve@v1` of one of the people who say what became of a step that two people had agreed on. Its head
/// is the record since which its outcome is not known. Absent for a step that never ran after a review.
///
/// # Errors
/// [`DocError`] when a value is too long for a statement.
pub fn resolve_statement(
    state: &State,
    step: &StepId,
    signer: &PersonId,
    finding: Finding,
    reason: &str,
) -> Made {
    let ran = state.find(step)?.now.ran.as_ref()?;
    let about = Confirm {
        session: &state.genesis.session,
        genesis: state.genesis_hash,
        proposed: ran.proposed,
        head: ran.open?,
        terms: &ran.terms,
        signer,
    };
    let reason = reason_line(reason);
    let more = [("finding", finding.as_str()), ("reason", &*reason)];
    Some(about.print_as(Kind::Resolve, &more))
}

/// The `warroom-resolve@v1` of a second person who has looked at what one did alone. Its head is the record that the
/// command was run by; its finding is `reviewed`.
///
/// # Errors
/// [`DocError`] when a value is too long for a statement.
pub fn review_statement(state: &State, broken: &Broken, signer: &PersonId, note: &str) -> Made {
    let about = Confirm {
        session: &state.genesis.session,
        genesis: state.genesis_hash,
        proposed: broken.ran.proposed,
        head: broken.ran.open?,
        terms: &broken.ran.terms,
        signer,
    };
    let reason = reason_line(note);
    Some(about.print_as(Kind::Resolve, &[("finding", REVIEWED), ("reason", &reason)]))
}

/// What a server asks a connection to sign when the account alone does not say who is there.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Hello {
    /// Effective uid of the server.
    pub server_uid: u32,
    /// Effective uid of the peer, from the kernel.
    pub peer_uid: u32,
    /// Used once.
    pub nonce: Nonce,
    /// When the server asked, whole seconds.
    pub issued: Timestamp,
    /// When it is too late, whole seconds.
    pub expires: Timestamp,
}

/// The `warroom-hello@v1` of a person at one connection.
///
/// # Errors
/// [`DocError`] when a value is too long for a statement.
pub fn hello_statement(
    state: &State,
    hello: &Hello,
    signer: &PersonId,
) -> Result<String, DocError> {
    let doc = Doc::new(Kind::Hello.title(), 1)
        .with("session", state.genesis.session.as_str())
        .with("genesis", state.genesis_hash.to_string())
        .with("server-uid", hello.server_uid.to_string())
        .with("peer-uid", hello.peer_uid.to_string())
        .with("signer", signer.as_str())
        .with("nonce", hello.nonce.as_str())
        .with("issued", hello.issued.to_seconds_text())
        .with("expires", hello.expires.to_seconds_text());
    text(&doc)
}

/// True when a statement on the open proposal is, byte by byte, what `expected` makes of the head it names, and that
/// head is a record since the proposal.
pub fn is_current(
    proposal: &Proposal,
    statement: &str,
    expected: impl FnOnce((Seq, Digest)) -> Made,
) -> bool {
    let Some(head) = head_of(statement).filter(|head| proposal.heads.contains(head)) else {
        return false;
    };
    matches!(expected(head), Some(Ok(expected)) if expected == statement)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::{Room, id, person};

    #[test]
    fn each_kind_says_what_it_is_and_ends_alike() {
        let room = Room::armed();
        let (state, head) = (&room.state, room.state.head);
        let open = state.proposal.as_ref().expect("armed");
        let bob = person("bob");
        let texts = [
            (
                Kind::Reject,
                "reason",
                reject_statement(state, open, &bob, head, "too late"),
            ),
            (Kind::Go, "confirms", go_statement(state, open, &bob, head)),
            (
                Kind::Breakglass,
                "page",
                breakglass_statement(state, open, &bob, head, "nobody answers the phone", "pager"),
            ),
        ];
        for (kind, key, text) in texts {
            let text = text.expect("open").expect("printable");
            assert_eq!(Kind::of(&text), Some(kind));
            let doc = Doc::parse_statement(text.as_bytes()).expect("a document");
            assert!(doc.get(key).is_some(), "{text}");
            let last = text.lines().last().expect("lines");
            assert!(last.starts_with("expires: "), "{text}");
            assert!(is_current(open, &text, |seen| {
                assert_eq!(seen, head);
                Some(Ok(text.clone()))
            }));
        }
        assert_eq!(
            resolve_statement(state, &id("drain"), &bob, Finding::Ran, "x"),
            None
        );
    }

    #[test]
    fn a_go_names_the_confirms_and_nobody_elses() {
        let room = Room::armed();
        let (state, head) = (&room.state, room.state.head);
        let mut open = state.proposal.clone().expect("armed");
        let go = |open: &Proposal| go_statement(state, open, &person("ann"), head);
        let with_bob = go(&open);
        open.confirms.clear();
        assert_ne!(go(&open), with_bob);
    }
}
