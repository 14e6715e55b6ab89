//! Facts on their way into the journal, and what is said of those that cannot be recorded.

use super::Session;
use crate::domain::apply::FoldError;
use crate::domain::fact::{Actor, Fact, HoldCause};
use crate::domain::state::Phase;
use crate::domain::time::Moment;
use crate::server::ledger::SealError;

/// Different troubles with records that are said: each is a line of this program, and there are fewer. More says nothing
/// new.
const TROUBLES_MAX: usize = 64;

impl Session {
    /// Puts facts of one cause behind what is staged: all of them, or none.
    pub(super) fn stage(
        &mut self,
        facts: Vec<(Actor, Fact)>,
        now: Moment,
    ) -> Result<(), SealError> {
        self.stage_all(facts, now).map_err(|(error, by_itself)| {
            self.say_trouble(&error, by_itself, now);
            error
        })
    }

    /// As [`Session::stage`], without a word. What could not be staged comes with whether it was the engine's own.
    fn stage_all(
        &mut self,
        facts: Vec<(Actor, Fact)>,
        now: Moment,
    ) -> Result<(), (SealError, bool)> {
        let mark = self.ledger.staged().len();
        for (actor, fact) in facts {
            let by_itself = actor == Actor::Engine;
            let Err(error) = self.stage_one(actor, fact, now) else {
                continue;
            };
            self.ledger.unseal_after(mark);
            self.engine.unstage();
            self.engine.stage(self.ledger.staged());
            self.is_unsettled = true;
            return Err((error, by_itself));
        }
        Ok(())
    }

    fn stage_one(&mut self, actor: Actor, fact: Fact, now: Moment) -> Result<(), SealError> {
        let state = Some(self.engine.tentative());
        let stamped = self.ledger.seal(actor, fact, now, state)?;
        self.engine
            .try_stage(&stamped)
            .map_err(|why| SealError::Impossible {
                kind: self.ledger.newest_kind(),
                why: match why {
                    FoldError::Impossible { why, .. } => why.to_owned(),
                    other => other.to_string(),
                },
            })
    }

    /// Says once that something could not be recorded. What follows by itself and cannot be is a fault of this program:
    /// until a person has looked nothing goes forward, and when it comes again after that, nothing does again.
    fn say_trouble(&mut self, error: &SealError, by_itself: bool, now: Moment) {
        let text = error.to_string();
        let is_new = self.troubles.len() < TROUBLES_MAX && self.troubles.insert(text);
        if is_new {
            tracing::error!(%error, "a fact could not be written as a record");
        }
        if !matches!(error, SealError::Impossible { .. }) {
            return;
        }
        let said = format!("the program came to what cannot be, and left it out: {error}");
        let state = self.engine.tentative();
        let fact = if by_itself && state.phase == Phase::Running {
            let cause = HoldCause::Person { reason: said };
            if state.holds.iter().any(|hold| hold.cause == cause) {
                return;
            }
            Fact::Held(cause)
        } else if is_new {
            Fact::NoteAdded {
                step: None,
                text: said,
            }
        } else {
            return;
        };
        let told = self.stage_all(vec![(Actor::Engine, fact)], now);
        if let Some((error, _)) = told.err().filter(|_| is_new) {
            tracing::error!(%error, "nor could it be said in the journal");
        }
    }
}
