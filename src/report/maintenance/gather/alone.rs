//! One person alone: what was asked, who could have said no, what was run, and whether somebody else has looked since.

use super::super::{Alone, GlassStep};
use super::words::glass_words;
use super::{Gathering, push};
use crate::domain::fact::{Breakglass, ExecKey, GlassEvent, Stamped};
use crate::domain::id::StepId;
use crate::domain::state::State;

impl Gathering {
    pub(super) fn glass(&mut self, stamped: &Stamped, fact: &Breakglass) {
        let who = stamped.actor.to_actor_text();
        if let GlassEvent::Asked { reason, .. } = &fact.event {
            let alone = Alone {
                step: fact.step.clone(),
                label: self.label(&fact.step),
                attempt: fact.attempt,
                who: who.clone(),
                reason: reason.clone(),
                at: stamped.at.wall,
                way: Vec::new(),
                run: None,
                is_review_owed: false,
                reviewer: None,
            };
            push(&mut self.alone, &mut self.left_out, alone);
        }
        if let GlassEvent::Reviewed { .. } = &fact.event {
            // Who had gone alone may have asked a second time, and not have gone: the review is of what was run.
            let mut all = self.alone.iter_mut().rev();
            let is_it = |a: &&mut Alone| {
                a.step == fact.step && a.attempt == fact.attempt && a.run.is_some()
            };
            if let Some(alone) = all.find(is_it) {
                alone.is_review_owed = false;
                alone.reviewer = Some(who);
            }
        }
        self.on_the_way(stamped, &fact.step, glass_words(&fact.event));
    }

    /// Something on the way of the newest one of a step.
    pub(super) fn on_the_way(
        &mut self,
        stamped: &Stamped,
        step: &StepId,
        (event, what): (&'static str, String),
    ) {
        let word = GlassStep {
            at: stamped.at.wall,
            who: stamped.actor.to_actor_text(),
            via: stamped.actor.to_via_text(),
            event,
            what,
        };
        let mut all = self.alone.iter_mut().rev();
        if let Some(alone) = all.find(|alone| alone.step == *step) {
            push(&mut alone.way, &mut self.left_out, word);
        }
    }

    /// True when the fold counts this intent as one that a person runs alone.
    pub(super) fn is_run_alone(&self, stamped: &Stamped) -> bool {
        let intent = Some((stamped.seq, stamped.hash));
        let state = self.state.as_ref();
        state.is_some_and(|state| state.broken.iter().any(|b| b.ran.open == intent))
    }

    pub(super) fn run_alone(&mut self, stamped: &Stamped, key: &ExecKey) {
        let mut all = self.alone.iter_mut().rev();
        if let Some(alone) = all.find(|alone| alone.step == key.step) {
            alone.run = Some(key.to_string());
            alone.is_review_owed = true;
        }
        let what = format!("RAN it alone ({key})");
        self.on_the_way(stamped, &key.step, ("ran", what));
    }

    pub(super) fn ended_alone(&mut self, stamped: &Stamped, key: &ExecKey, outcome: &str) {
        let name = key.to_string();
        if self.alone.iter().any(|a| a.run.as_ref() == Some(&name)) {
            let what = format!("it ended: {outcome}");
            self.on_the_way(stamped, &key.step, ("outcome", what));
        }
    }
}

/// What stands on top: each review that is owed, by the fold and not by this report's own lists, which have an end.
pub(super) fn notices(state: &State, alone: &[Alone]) -> Vec<String> {
    let owed = state.broken.iter().filter(|b| b.review.is_none());
    let mut notices: Vec<String> = owed
        .map(|broken| {
            let (person, terms) = (&broken.person, &broken.ran.terms);
            let (step, attempt) = (&terms.step, terms.attempt);
            format!(
                "REVIEW OWED: {person} ran {step} (attempt {attempt}) alone, and nobody else has looked at what was done. \
                 Another person has to, and to sign that (key O)."
            )
        })
        .collect();
    if !state.broken.is_empty() {
        let count = state.broken.len();
        let times = if count == 1 { "once" } else { "more than once" };
        notices.push(format!(
            "BREAK-GLASS: one person went alone {times}; see \"One person alone\" below."
        ));
    } else if !alone.is_empty() {
        notices.push(
            "BREAK-GLASS: it was asked for, and nobody went alone; see \"One person alone\" below."
                .to_owned(),
        );
    }
    notices
}
