//! Who asks, and the questions every verb puts first.

use super::{REASON_BYTES_MAX, Refused};
use crate::domain::command::Command;
use crate::domain::confirm::rule::person_in;
use crate::domain::fact::{Actor, Fact};
use crate::domain::id::{PersonId, StepId};
use crate::domain::readiness::StepView;
use crate::domain::state::{Phase, Proposal, State};
use crate::domain::time::Moment;
use crate::domain::world::{Roles, World};

/// A command with everything it is judged by.
pub(super) struct Ask<'a> {
    pub(super) state: &'a State,
    pub(super) actor: &'a Actor,
    pub(super) verb: &'static str,
    pub(super) now: Moment,
    pub(super) world: &'a World,
    /// Present when the evidence proves a person.
    person: Option<&'a PersonId>,
    roles: Roles,
}

impl<'a> Ask<'a> {
    pub(super) fn new(
        state: &'a State,
        actor: &'a Actor,
        command: &Command,
        now: Moment,
        world: &'a World,
    ) -> Result<Self, Refused> {
        let person = person_in(state.genesis.mode, actor);
        let roles = match (person, actor) {
            (Some(person), _) => world.roster.roles(person),
            // Root and shared accounts may do what needs no person.
            (None, Actor::Account { .. }) => Roles {
                operator: true,
                ..Roles::OBSERVER
            },
            (None, _) => Roles::OBSERVER,
        };
        let ask = Self {
            state,
            actor,
            verb: command.verb(),
            now,
            world,
            person,
            roles,
        };
        if !roles.may_act() {
            return Err(ask.no(
                "you may only look here",
                "ask for a role in the people file",
            ));
        }
        if !state.open {
            return Err(ask.no("the session is closed", "open it again with `warroom run`"));
        }
        Ok(ask)
    }

    /// `cannot start: ...`.
    pub(super) fn no(&self, why: impl AsRef<str>, hint: impl Into<String>) -> Refused {
        Refused::new(format!("cannot {}: {}", self.verb, why.as_ref()), hint)
    }

    /// As [`Ask::no`], naming the step.
    pub(super) fn no_step(
        &self,
        step: StepView<'_>,
        why: impl AsRef<str>,
        hint: impl Into<String>,
    ) -> Refused {
        let label = step.plan.to_label();
        Refused::new(
            format!("cannot {} {label}: {}", self.verb, why.as_ref()),
            hint,
        )
    }

    /// A refusal that the journal keeps.
    pub(super) fn on_record(&self, step: &StepId, mut refused: Refused) -> Refused {
        refused.record = Some(Box::new(Fact::Refused {
            asked: self.verb.to_owned(),
            step: step.clone(),
            reason: refused.refusal.reason.clone(),
        }));
        refused
    }

    pub(super) fn step(&self, step: &StepId) -> Result<StepView<'a>, Refused> {
        self.state.find(step).ok_or_else(|| {
            self.no(
                format!("the plan has no step `{step}`"),
                "the plan is pinned at the start of the session",
            )
        })
    }

    /// The person who asks; root and shared accounts prove nobody's identity.
    pub(super) fn person(&self, step: &StepId) -> Result<&'a PersonId, Refused> {
        self.person.ok_or_else(|| {
            let why = format!("`{}` proves nobody's identity", self.actor);
            self.on_record(
                step,
                self.no(
                    why,
                    "attach from an account that belongs to one person alone",
                ),
            )
        })
    }

    pub(super) fn operator(&self) -> Result<(), Refused> {
        if self.roles.operator {
            return Ok(());
        }
        Err(self.no("it needs the role operator", "an operator can do it"))
    }

    pub(super) fn approver(&self) -> Result<(), Refused> {
        if self.roles.approver {
            return Ok(());
        }
        Err(self.no("it needs the role approver", "an approver can do it"))
    }

    /// The maintenance goes forward or back, and is not over.
    pub(super) fn is_on(&self) -> Result<(), Refused> {
        match self.state.phase {
            Phase::Running | Phase::RollingBack => Ok(()),
            Phase::Briefing => {
                Err(self.no("the maintenance has not begun", "any operator can begin it"))
            }
            Phase::Completed | Phase::RolledBack | Phase::Aborted => {
                Err(self.no("the maintenance is over", ""))
            }
        }
    }

    /// The step is among those worked on now.
    pub(super) fn in_play(&self, step: StepView<'_>) -> Result<(), Refused> {
        self.is_on()?;
        if self.state.is_in_play(step.plan) {
            return Ok(());
        }
        let why = if self.state.phase == Phase::RollingBack {
            "the maintenance is rolling back"
        } else {
            "it belongs to the back-out plan"
        };
        Err(self.no_step(step, why, ""))
    }

    /// Nothing holds what goes forward.
    pub(super) fn not_held(&self, step: StepView<'_>) -> Result<(), Refused> {
        let Some(hold) = self.state.holds.first() else {
            return Ok(());
        };
        let why = format!("the session is held by `{}`", hold.by);
        Err(self.no_step(step, why, "any operator can release it"))
    }

    /// The open proposal, when it is about this step.
    pub(super) fn proposal(&self, step: &StepId) -> Result<&'a Proposal, Refused> {
        let open = self.state.proposal.as_ref();
        open.filter(|p| &p.terms.step == step && p.proposed.is_some())
            .ok_or_else(|| {
                let name = self
                    .state
                    .find(step)
                    .map_or_else(|| format!("`{step}`"), |v| v.plan.to_label());
                self.no(
                    format!("no proposal is open for {name}"),
                    "any operator can propose it when it is its turn",
                )
            })
    }

    /// A reason, trimmed; it must say something.
    pub(super) fn reason(&self, text: &str) -> Result<String, Refused> {
        let text = self.words(text)?;
        if text.is_empty() {
            return Err(self.no("it needs a reason", "say why in a few words"));
        }
        Ok(text)
    }

    /// A reason that may be empty.
    pub(super) fn words(&self, text: &str) -> Result<String, Refused> {
        let text = text.trim();
        if text.len() > REASON_BYTES_MAX {
            let why = format!("the reason is longer than {REASON_BYTES_MAX} bytes");
            return Err(self.no(why, "put the rest into a note"));
        }
        Ok(text.to_owned())
    }
}
