//! Who reviews: this terminal's person, or who somebody in a shared account says they are; and what they would state.

use super::rule;
use crate::domain::confirm::policy::{Grade, Purpose};
use crate::domain::confirm::rule::person_in;
use crate::domain::confirm::statement::{confirm_statement, unsigned_statement};
use crate::domain::confirm::words::confirm_words;
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Via};
use crate::domain::id::{Nonce, PersonId};
use crate::domain::state::Proposal;
use crate::ui::room::{Link, Room};

/// Who somebody in an account that is nobody's says they are, for one proposal alone. What proves it comes at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Which proposal.
    pub(crate) nonce: Nonce,
    /// Who they say they are.
    pub(crate) person: PersonId,
}

/// This terminal's person, when the mode of the session lets them count.
pub(crate) fn me(room: &Room) -> Option<&PersonId> {
    person_in(room.welcome.mode, &room.welcome.you)
}

/// The open proposal and this terminal's person, when they could confirm it.
pub(crate) fn reviewer(room: &Room) -> Option<(&Proposal, &PersonId)> {
    let me = me(room)?;
    Some((open_for(room, me)?, me))
}

/// The open proposal and who somebody here says they are, when that person could confirm it.
pub(crate) fn claimant<'a>(
    room: &'a Room,
    claim: &'a Claim,
) -> Option<(&'a Proposal, &'a PersonId)> {
    let person = &claim.person;
    let open = open_for(room, person).filter(|open| open.terms.nonce == claim.nonce)?;
    is_nobody(room).then_some((open, person))
}

/// True at a terminal of an account that proves nobody's identity.
pub(crate) const fn is_nobody(room: &Room) -> bool {
    matches!(room.welcome.you, Actor::Account { .. })
}

/// The open proposal, when a person at this terminal could confirm it.
pub(crate) fn open_for<'a>(room: &'a Room, person: &PersonId) -> Option<&'a Proposal> {
    let proposal = room.state.proposal.as_ref()?;
    let free = room.link == Link::Up
        && !room.welcome.read_only
        && *person != proposal.terms.proposer
        && *person != proposal.terms.executor
        && proposal.armed.is_none()
        && proposal.proposed.is_some()
        && !proposal.confirms.iter().any(|c| c.person == *person);
    free.then_some(proposal)
}

/// The three words a person would be shown for the open proposal; the proposer's screen shows them too. `via`: how that
/// person is known at their terminal.
pub(crate) fn words_for(
    room: &Room,
    proposal: &Proposal,
    signer: &PersonId,
    via: &Via,
) -> Option<[&'static str; 3]> {
    statement_of(room, proposal, signer, Some(via)).map(|s| confirm_words(Digest::of(s.as_bytes())))
}

/// The statement names the proposal's own record as the newest one seen: both screens then have the same words. An
/// account that counts by itself states that it is one.
pub(super) fn statement_of(
    room: &Room,
    proposal: &Proposal,
    signer: &PersonId,
    via: Option<&Via>,
) -> Option<String> {
    let head = proposal.proposed?;
    let account = via.filter(|via| is_account_enough(room, proposal, via));
    match account {
        Some(via) => unsigned_statement(&room.state, proposal, signer, via, head)?.ok(),
        None => confirm_statement(&room.state, proposal, signer, head)?.ok(),
    }
}

/// True when the class asks no more of somebody than the account they are known by.
fn is_account_enough(room: &Room, proposal: &Proposal, via: &Via) -> bool {
    let Via::Uid(uid) = via else {
        return false;
    };
    // Who owns the server's account is asked less than others.
    let is_owner = *uid == room.state.genesis.server_uid;
    rule(room, proposal).is_none_or(|rule| rule.needed(Purpose::Confirm, is_owner) == Grade::Uid)
}
