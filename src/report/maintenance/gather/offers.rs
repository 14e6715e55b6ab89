//! Proposals: what was put before a second person, and what became of it.

use super::super::{Check, Confirm, ENTRIES_MAX, End, Offer};
use super::words::{cause_word, found_words};
use super::{Gathering, push};
use crate::domain::confirm::statement::{ACCOUNT_TITLE, Kind};
use crate::domain::fact::{
    Actor, Checked, CloseCause, Confirmed, ExecKey, Finding, Outcome, Stamped, Terms, Via,
};
use crate::domain::id::{AttemptNo, StepId};
use crate::domain::time::{Moment, Timestamp};

/// A proposal with what is needed to tell its end.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) offer: Offer,
    opened: Moment,
    /// When each of `offer.checks` was recorded, on both clocks.
    checked: Vec<Moment>,
    nonce: String,
    /// The execution it became.
    run: Option<ExecKey>,
}

impl Gathering {
    pub(super) fn open(&mut self, stamped: &Stamped, terms: &Terms, is_signed: bool) {
        let label = self.label(&terms.step);
        let pending = Pending {
            offer: Offer {
                step: terms.step.clone(),
                label,
                attempt: terms.attempt,
                proposer: terms.proposer.clone(),
                via: stamped.actor.to_via_text(),
                is_signed,
                executor: terms.executor.clone(),
                quorum: terms.quorum,
                at: stamped.at.wall,
                plan: terms.plan,
                checks: Vec::new(),
                confirms: Vec::new(),
                go: None,
                is_go_signed: false,
                is_alone: false,
                end: End::Open,
                ended: None,
            },
            opened: stamped.at,
            checked: Vec::new(),
            nonce: terms.nonce.to_string(),
            run: None,
        };
        push(&mut self.offers, &mut self.left_out, pending);
    }

    pub(super) fn checked(&mut self, stamped: &Stamped, checked: &Checked) {
        let check = Check {
            who: stamped.actor.to_actor_text(),
            claimed: checked.claimed.clone(),
            at: stamped.at.wall,
            component: checked.component.clone(),
            remaining: checked.remaining,
            dwell_ms: checked.dwell_ms,
            matches: checked.matches,
        };
        let is_it = |p: &&mut Pending| is_of(&p.offer, &checked.step, checked.attempt);
        if let Some(pending) = self.offers.iter_mut().rev().find(is_it)
            && pending.offer.checks.len() < ENTRIES_MAX
        {
            pending.offer.checks.push(check);
            pending.checked.push(stamped.at);
        }
    }

    pub(super) fn confirmed(&mut self, stamped: &Stamped, confirmed: &Confirmed) {
        let newest = self.offers.iter_mut().rev();
        let Some(pending) = newest
            .into_iter()
            .find(|p| p.offer.step == confirmed.step && p.offer.end == End::Open)
        else {
            return;
        };
        let signer = confirmed.signer.as_str();
        let mut answers = pending.offer.checks.iter().zip(&pending.checked);
        let shown = answers
            .rfind(|(check, _)| check.matches && check.said_by() == signer)
            .map_or(pending.opened, |(_, at)| *at);
        let confirm = Confirm {
            who: confirmed.signer.clone(),
            evidence: stamped.actor.to_via_text(),
            is_account: is_account(stamped, confirmed),
            is_signed: !confirmed.signature.is_empty(),
            at: stamped.at.wall,
            after_ms: stamped.at.mono_since(pending.opened),
            dwell_ms: stamped.at.mono_since(shown),
        };
        push(&mut pending.offer.confirms, &mut self.left_out, confirm);
    }

    fn end(&mut self, at: Timestamp, end: End, is_it: impl Fn(&Pending) -> bool) {
        if let Some(pending) = self.offers.iter_mut().rev().find(|p| is_it(p)) {
            pending.offer.end = end;
            pending.offer.ended = Some(at);
        }
    }

    /// Enough people confirmed.
    pub(super) fn armed(&mut self, stamped: &Stamped, step: &StepId, was_alone: bool) {
        if was_alone {
            let what = "a second person came in time: nobody goes alone".to_owned();
            self.on_the_way(stamped, step, ("second", what));
        }
    }

    pub(super) fn closed(
        &mut self,
        stamped: &Stamped,
        (step, attempt): (&StepId, AttemptNo),
        why: &CloseCause,
        was_alone: bool,
    ) {
        if was_alone {
            let what = format!("the proposal was closed: {why}");
            self.on_the_way(stamped, step, ("closed", what));
        }
        let end = End::Closed {
            cause: cause_word(why),
            why: why.to_string(),
            by: stamped.actor.to_actor_text(),
            is_signed: self.stated == Some(Kind::Reject),
            explained: None,
        };
        self.end(stamped.at.wall, end, |p| is_of(&p.offer, step, attempt));
    }

    /// The reason of a no, which came behind it.
    pub(super) fn explained(
        &mut self,
        stamped: &Stamped,
        (step, attempt): (&StepId, AttemptNo),
        reason: &str,
    ) {
        let has_signature = self.stated == Some(Kind::Reject);
        let mut offers = self.offers.iter_mut().rev();
        let Some(pending) = offers.find(|p| is_of(&p.offer, step, attempt)) else {
            return;
        };
        if let End::Closed {
            why,
            is_signed,
            explained,
            ..
        } = &mut pending.offer.end
        {
            *why = CloseCause::Rejected {
                reason: reason.to_owned(),
            }
            .to_string();
            *is_signed = has_signature;
            *explained = Some(stamped.at.wall);
        }
    }

    /// What was confirmed, or is done alone, is about to be run.
    pub(super) fn gone(&mut self, stamped: &Stamped, key: &ExecKey, nonce: &str) {
        let who = stamped.actor.to_actor_text();
        let is_signed = self.stated == Some(Kind::Go);
        let is_alone = self.is_run_alone(stamped);
        if is_alone {
            self.run_alone(stamped, key);
        }
        if let Some(pending) = self.offers.iter_mut().rev().find(|p| p.nonce == nonce) {
            pending.run = Some(key.clone());
            pending.offer.go = Some((who, stamped.at.wall));
            pending.offer.is_go_signed = is_signed;
            pending.offer.is_alone = is_alone;
            pending.offer.end = End::Running;
        }
    }

    pub(super) fn ran(&mut self, stamped: &Stamped, key: &ExecKey, outcome: &Outcome) {
        let outcome = outcome.to_string();
        self.ended_alone(stamped, key, &outcome);
        self.end(stamped.at.wall, End::Ran { outcome }, |p| {
            p.run.as_ref() == Some(key)
        });
    }

    pub(super) fn lost(&mut self, stamped: &Stamped, key: &ExecKey) {
        self.ended_alone(stamped, key, "UNKNOWN, nobody has said how");
        let end = End::Unknown { found: None };
        self.end(stamped.at.wall, end, |p| p.run.as_ref() == Some(key));
    }

    pub(super) fn resolved(&mut self, stamped: &Stamped, step: &StepId, finding: Finding) {
        let found = Some(found_words(finding).to_owned());
        self.end(stamped.at.wall, End::Unknown { found }, |p| {
            p.offer.step == *step && matches!(p.offer.end, End::Unknown { found: None })
        });
    }
}

/// Nothing but the account says who it was: its statement says so itself, or is from before there was one for it.
fn is_account(stamped: &Stamped, confirmed: &Confirmed) -> bool {
    let by_account = matches!(
        &stamped.actor,
        Actor::Person {
            via: Via::Uid(_),
            ..
        }
    );
    by_account || confirmed.statement.starts_with(ACCOUNT_TITLE)
}

fn is_of(offer: &Offer, step: &StepId, attempt: AttemptNo) -> bool {
    offer.step == *step && offer.attempt == attempt
}
