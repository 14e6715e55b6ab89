//! Keeps repeated refusals from filling the journal: who is refused the same thing again is told so, and the record of
//! a moment ago stands for it.

use super::Proposal;
use crate::domain::fact::{Fact, MotionEvent, Moved};
use crate::domain::time::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// The same refusal of the same account is recorded once in this time: a held-down key repeats thirty times a second,
/// and a person reads no faster than this.
const SPAN: Duration = Duration::from_secs(10);
/// Refusals remembered: every terminal there can be with a few reasons each. Beyond it the oldest is forgotten.
const KEPT_MAX: usize = 256;

/// Account, verb and reason. The step is left out: an account that is nobody may name any.
type Key = (String, String, String);

/// Refusals recorded a moment ago.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<Key, Moment>);

impl Refusals {
    /// Takes the record out of a refusal that repeats one recorded a moment ago.
    pub(super) fn spare(&mut self, mut proposal: Proposal, now: Moment) -> Proposal {
        self.0.retain(|_, since| !now.has_passed(*since, SPAN));
        proposal.facts.retain(|(actor, fact)| {
            let (Fact::Refused { asked, reason, .. }
            | Fact::Motion(Moved {
                event: MotionEvent::Refused { asked, reason },
                ..
            })) = fact
            else {
                return true;
            };
            let who = format!("{} {}", actor.to_actor_text(), actor.to_via_text());
            self.is_new((who, asked.clone(), reason.clone()), now)
        });
        proposal
    }

    /// Forgets everything: what was to be recorded was not.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    fn is_new(&mut self, key: Key, now: Moment) -> bool {
        if self.0.contains_key(&key) {
            return false;
        }
        if self.0.len() >= KEPT_MAX {
            let oldest = self.0.iter().min_by_key(|(_, since)| since.mono_ms);
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                self.0.remove(&key);
            }
        }
        self.0.insert(key, now);
        true
    }
}
