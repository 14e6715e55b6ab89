//! How far one person alone is in an emergency, and what is owed for it afterwards.

use super::State;
use crate::domain::digest::Digest;
use crate::domain::fact::{Page, Via};
use crate::domain::id::{AttemptNo, PersonId, Seq, StepId};
use crate::domain::state::Ran;
use crate::domain::time::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A break-glass on the open proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glass {
    /// Who: the executor of the proposal.
    pub person: PersonId,
    /// Why nobody else is waited for.
    pub reason: String,
    /// When it was asked for.
    pub asked: Moment,
    /// What came of the page; absent while the hook runs.
    pub page: Option<Page>,
    /// Guards that were not known to be good, when that was looked at last.
    pub guards: Vec<String>,
    /// The wait in which everybody can veto it; absent before it was signed.
    pub countdown: Option<Countdown>,
    /// Newest record that a checkpoint outside this host covers, and who has it.
    pub witnessed: Option<(Seq, String)>,
    /// Somebody said no.
    pub vetoed: bool,
}

/// The wait before somebody can go alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Countdown {
    /// Since when, both clocks.
    pub since: Moment,
    /// The record that began it.
    pub seq: Seq,
    /// How long, seconds.
    pub wait_s: u64,
    /// How the signer is known.
    pub via: Via,
    /// Time step of the code that was given beside the signature.
    pub code: Option<u64>,
    /// Digest of what they signed.
    pub statement: Digest,
}

impl Countdown {
    /// How long it is.
    pub const fn wait(&self) -> Duration {
        Duration::from_secs(self.wait_s)
    }

    /// What is left of it, by the clock that is behind: a wait is over when both clocks say so. Nobody shortens it by
    /// setting one.
    pub fn left(&self, now: Moment) -> Duration {
        let boot = Duration::from_millis(now.mono_since(self.since));
        let wall = now.wall.since(self.since.wall);
        self.wait().saturating_sub(boot.min(wall))
    }

    /// When it ends, by the wall clock.
    pub fn until(&self) -> crate::domain::time::Timestamp {
        self.since.wall.plus(self.wait())
    }
}

impl Glass {
    /// True once a checkpoint that covers its beginning is outside this host.
    pub fn is_witnessed(&self) -> bool {
        let begun = self.countdown.as_ref().map(|countdown| countdown.seq);
        let covered = self.witnessed.as_ref().map(|(seq, _)| *seq);
        begun.is_some_and(|begun| covered.is_some_and(|covered| covered >= begun))
    }
}

/// An attempt that one person ran alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Who.
    pub person: PersonId,
    /// Why.
    pub reason: String,
    /// What came of the page.
    pub page: Page,
    /// When it was run.
    pub at: Moment,
    /// What was run. Its `open` is the intent, which a review names as what it is about.
    pub ran: Ran,
    /// What a second person said of it; absent while that is owed.
    pub review: Option<Review>,
}

/// What a second person said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Who.
    pub person: PersonId,
    /// What they found.
    pub note: String,
    /// When.
    pub at: Moment,
}

impl Broken {
    /// True for this attempt of this step.
    pub fn is_of(&self, step: &StepId, attempt: AttemptNo) -> bool {
        &self.ran.terms.step == step && self.ran.terms.attempt == attempt
    }
}

impl State {
    /// The break-glass that is under way, if any.
    pub fn glass(&self) -> Option<&Glass> {
        self.proposal.as_ref()?.glass.as_deref()
    }

    /// The oldest attempt of one person alone that nobody else has reviewed.
    pub fn review_owed(&self) -> Option<&Broken> {
        self.broken.iter().find(|broken| broken.review.is_none())
    }

    /// True when an attempt of this step was run by one person alone.
    pub fn is_broken(&self, step: &StepId) -> bool {
        self.broken.iter().any(|b| &b.ran.terms.step == step)
    }
}
