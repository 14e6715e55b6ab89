//! Who asks, and the questions every verb puts first.

use super::{REASON_BYTES_MAX, Refused};
use crate::domain::command::{Command, Signed};
use crate::domain::confirm::policy::{ClassRule, Grade, Purpose};
use crate::domain::confirm::rule::{self, person_in};
use crate::domain::fact::{self, Actor, Fact, Via};
use crate::domain::id::{PersonId, StepId};
use crate::domain::readiness::StepView;
use crate::domain::runbook::plan::Risk;
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
                    "press K to sign in by a key, or attach from an account that belongs to one person alone",
                ),
            )
        })
    }

    /// As [`Ask::person`] for what is about no step; a refusal leaves no record of its own.
    pub(super) fn somebody(&self) -> Result<&'a PersonId, Refused> {
        self.person.ok_or_else(|| {
            let why = format!("`{}` proves nobody's identity", self.actor);
            self.no(
                why,
                "press K to sign in by a key, or attach from an account that belongs to one person alone",
            )
        })
    }

    pub(super) fn operator(&self) -> Result<(), Refused> {
        if self.roles.operator {
            return Ok(());
        }
        Err(self.no("it needs the role operator", "an operator can do it"))
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

    /// The runbook is what the policy demands for steps of these classes. What the session is pinned to decides, and that
    /// the file on the disk is still that.
    pub(super) fn runbook_for(&self, risks: impl IntoIterator<Item = Risk>) -> Result<(), Refused> {
        let rules = &self.world.rules;
        let demands = risks.into_iter().flat_map(|risk| rules.demands(risk));
        let pinned = &self.state.genesis.runbook;
        for demand in demands {
            let moved = || match self.world.runbook {
                None => Some("the file cannot be read now"),
                Some(now) if now != pinned.digest => Some("the file has changed since the start"),
                Some(_) => None,
            };
            let why = demand.unmet(pinned.git.as_ref());
            let Some(why) = why.or_else(|| moved().map(str::to_owned)) else {
                continue;
            };
            let word = demand.as_str();
            return Err(self.no(
                format!("the policy asks for a runbook that is {word}: {why}"),
                demand.hint(),
            ));
        }
        Ok(())
    }

    /// Nothing holds what goes forward.
    pub(super) fn not_held(&self, step: StepView<'_>) -> Result<(), Refused> {
        let Some(hold) = self.state.holds.first() else {
            return Ok(());
        };
        let why = format!("the session is held by `{}`", hold.by);
        Err(self.no_step(step, why, "any operator can release it"))
    }

    /// The record of a signed statement; nothing for one that was not signed. The signature itself was verified before:
    /// that is how the actor is known.
    pub(super) fn signed(
        &self,
        step: &StepId,
        signed: Option<&Signed>,
        is_expected: impl FnOnce(&str) -> bool,
    ) -> Result<Option<Fact>, Refused> {
        let Some(signed) = signed else {
            return Ok(None);
        };
        self.stated(signed, is_expected)
            .map(Some)
            .map_err(|refused| self.on_record(step, refused))
    }

    /// As [`Ask::signed`] for what is about no step.
    pub(super) fn stated(
        &self,
        signed: &Signed,
        is_expected: impl FnOnce(&str) -> bool,
    ) -> Result<Fact, Refused> {
        if !self.is_known_by_signature() || !is_expected(&signed.statement) {
            return Err(self.no(
                "the signed statement is not about what is on the table now",
                "look at it anew, then sign again",
            ));
        }
        Ok(Fact::StatementSigned(fact::Signed {
            statement: signed.statement.clone(),
            signature: signed.signature.clone(),
        }))
    }

    /// Evidence is enough for what it is for. A signature at the greeting says who is there; where a signature is needed
    /// for the word itself, the word has to be signed.
    pub(super) fn proven(
        &self,
        step: StepView<'_>,
        purpose: Purpose,
        is_signed: bool,
    ) -> Result<(), Refused> {
        let Actor::Person { id, via } = self.actor else {
            return Err(self.no_step(step, "nobody is known to have said it", ""));
        };
        let rule = rule::rule_of(self.state, step.plan, self.world);
        self.met(&rule, purpose, (id, via), is_signed)
            .map_err(|grade| self.no_step(step, too_weak(via, grade), how_to_prove(grade)))
    }

    /// Evidence is enough by a rule; else what is needed.
    pub(super) fn met(
        &self,
        rule: &ClassRule,
        purpose: Purpose,
        (id, via): (&PersonId, &Via),
        is_signed: bool,
    ) -> Result<(), Grade> {
        let grade = rule.needed(purpose, self.world.is_owner(id));
        let needs_word = grade >= Grade::Sshsig;
        if rule::proves(rule, purpose, id, via, self.world) && (is_signed || !needs_word) {
            return Ok(());
        }
        Err(grade)
    }

    /// True when a signature says who asks.
    pub(super) const fn is_known_by_signature(&self) -> bool {
        matches!(
            self.actor,
            Actor::Person {
                via: Via::Sshsig { .. },
                ..
            }
        )
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

/// Why some evidence is not enough.
pub(super) fn too_weak(via: &Via, needed: Grade) -> String {
    let has = match via {
        Via::Uid(_) => "an account",
        Via::Demo => "a simulated person",
        Via::Totp { .. } => "a code",
        Via::Sshsig { .. } => "this signature",
    };
    let needs = match needed {
        Grade::Uid => "an account of one's own",
        Grade::Totp => "a one-time code",
        Grade::Sshsig => "a signature by a listed key",
        Grade::Touch => "a signature by a security key that is touched",
        Grade::Verified => "a signature by a security key with a PIN",
    };
    format!("{has} does not prove enough here: it needs {needs}")
}

/// What to do about it.
pub(super) const fn how_to_prove(needed: Grade) -> &'static str {
    match needed {
        Grade::Uid => "attach from an account that belongs to one person alone",
        Grade::Totp => "type the code of your authenticator, or sign with a key listed for you",
        Grade::Sshsig => {
            "load a key listed for you into `ssh-agent`, or sign on another machine with `warroom sign`; a team without keys can say `allow_uid = true` in the rules file"
        }
        Grade::Touch => {
            "use a security key listed for you and touch it, or sign on another machine with `warroom sign`"
        }
        Grade::Verified => "use a security key listed for you that asks for its PIN",
    }
}
