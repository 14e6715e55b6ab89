//! Owns the state of a session: proposes facts, and applies them once they are in the journal.
//!
//! The order is structural: [`Engine::propose`] and [`Engine::settle`] give facts, the caller makes them durable, and
//! [`Engine::commit`] alone changes what others see and says what to do about it. Knows no journal, socket or clock.
//! Main types: [`Input`], [`Proposal`], [`Effect`], [`Engine`].

mod breakglass;
mod expect;
mod input;
mod presence;
mod refusals;
mod restart;
#[cfg(test)]
mod tests;
mod watch;

pub use input::{Effect, ExecUpdate, Input, Proposal, Witness};

use crate::domain::alert_match;
use crate::domain::apply::apply;
use crate::domain::board::GateProgress;
use crate::domain::confirm::plan_doc::{PlanExe, read_exe};
use crate::domain::decide::{self, Decision, Prepared, Refused};
use crate::domain::fact::{Actor, ExecKey, Fact, GlassEvent, Stamped, Terms};
use crate::domain::id::{RuleId, StepId};
use crate::domain::rollout::floor::Seen;
use crate::domain::settle::settle;
use crate::domain::silences;
use crate::domain::state::State;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::verdict::EffectNow;
use crate::domain::world::World;
use crate::domain::write::{Outcome, WriteNo, WriteState};
use expect::Effects;
use refusals::Refusals;
use std::borrow::Cow;
use std::collections::BTreeMap;
use watch::Watches;

/// The state of a session and the watches on its metrics.
#[derive(Debug)]
pub struct Engine {
    /// What the journal holds: what others see.
    committed: State,
    /// The same with staged records on top: what the next decision stands on.
    tentative: State,
    watches: Watches,
    effects: Effects,
    refusals: Refusals,
}

impl Engine {
    /// Takes over a state folded from a journal.
    pub fn new(state: State) -> Self {
        Self {
            tentative: state.clone(),
            committed: state,
            watches: Watches::default(),
            effects: Effects::default(),
            refusals: Refusals::default(),
        }
    }

    /// What the journal holds.
    pub fn state(&self) -> &State {
        &self.committed
    }

    /// What the journal holds, with staged records on top: what the next record follows.
    pub fn tentative(&self) -> &State {
        &self.tentative
    }

    /// How far the waiting gate is.
    pub fn gate_progress(&self) -> Option<GateProgress> {
        self.watches.gate_progress()
    }

    /// What is read of the declared effects of the step under way.
    pub fn effects_now(&self) -> Vec<EffectNow> {
        self.effects.report()
    }

    /// Facts that an input asks for. Nothing is changed but what the watches have seen.
    ///
    /// For what a person asks, [`Engine::settle`] must have come to rest at `now`: a decision never stands on a guard
    /// or a clock that is known to say something else already.
    pub fn propose(&mut self, input: &Input, now: Moment, world: &World) -> Proposal {
        let state = &self.tentative;
        match input {
            Input::Ask {
                actor,
                terminal,
                command,
                ..
            } => {
                if !command.is_veto() && state.terminals.get(terminal).is_some_and(|t| t.read_only)
                {
                    return Proposal::read_only();
                }
                let world = self.effects.in_world(state, now, world);
                let world = with_floors(world, self.watches.floors(state, now));
                let decision = decide::decide(state, actor, command, now, &world);
                let proposal = Proposal::of_command(actor, command, decision);
                self.refusals.spare(proposal, now)
            }
            Input::Proposal {
                actor,
                step,
                prepared,
            } => {
                let world = self.effects.in_world(state, now, world);
                let world = with_floors(world, self.watches.floors(state, now));
                let decision = decide::open_proposal(state, actor, step, prepared, now, &world);
                self.refusals.spare(Proposal::of(actor, decision), now)
            }
            Input::Exec(update) => Proposal::by_engine(exec_facts(state, update)),
            Input::Attached { .. } | Input::SignedIn { .. } | Input::Detached { .. } => {
                presence::facts(state, input)
            }
            Input::Rejected {
                actor,
                refused,
                record,
            } => {
                let decision = Err(Refused {
                    refusal: refused.clone(),
                    record: record.clone(),
                });
                self.refusals.spare(Proposal::of(actor, decision), now)
            }
            Input::Reading(reading) => {
                self.watches.feed(&self.tentative, reading, now);
                self.effects.feed(&self.tentative, reading, now);
                Proposal::default()
            }
            Input::Written { no, outcome } => Proposal::by_engine(written(state, *no, outcome)),
            Input::Notice { text } => Proposal::by_engine(vec![Fact::NoteAdded {
                step: None,
                text: text.clone(),
            }]),
            Input::Paged { .. } | Input::Witnessed { .. } => {
                Proposal::by_engine(breakglass::facts(state, input))
            }
            Input::Tick => Proposal::default(),
            Input::Recovered { bytes, digest } => {
                let (bytes, digest) = (*bytes, *digest);
                Proposal::by_engine(vec![Fact::JournalRecovered { bytes, digest }])
            }
            Input::Restarted { program, host } => {
                Proposal::by_engine(restart::facts(state, program, host))
            }
            Input::Close { reason } => Proposal::by_engine(restart::close(state, reason)),
        }
    }

    /// Facts that follow by themselves now. Ask again after they are committed, until there are none.
    pub fn settle(&mut self, now: Moment, world: &World) -> Vec<(Actor, Fact)> {
        let state = &self.tentative;
        if !state.open {
            return Vec::new();
        }
        // Who is about to go begins nothing, no way back either: the next server judges anew.
        let verdicts = if world.outlook.closing {
            Vec::new()
        } else {
            self.watches.look(state, now)
        };
        if !verdicts.is_empty() {
            return verdicts.into_iter().map(|f| (Actor::Engine, f)).collect();
        }
        let world = self.effects.in_world(state, now, world);
        let floors = match state.next_by_itself() {
            Some(_) => self.watches.floors(state, now),
            None => BTreeMap::new(),
        };
        let world = with_floors(world, floors);
        settle(state, now, &world, &self.watches.gates(state, now))
    }

    /// Whether [`Engine::settle`], at rest now, may have something to say later without a further input: then it must be
    /// asked once a second.
    ///
    /// Everything with a time limit is below one of these: values grow old and gates run out while there are watches; a
    /// proposal or a motion expires, and the people of a proposal must stay; a command may outlive its executor; a `verify`
    /// is tried again, and an effect is waited for, while its step is under way; an expected alert may not come; a rollout
    /// pauses, or goes by itself and may be barred by the window; a silence for the work runs out, and its end may have to be asked for again. A clock that steps matters to
    /// these alone.
    pub fn waits_for_time(&self, now: Timestamp) -> bool {
        let state = &self.tentative;
        state.open
            && (self.watches.are_watching()
                || silences::need_time(state, now)
                || state.proposal.is_some()
                || state.motions.open.is_some()
                || state.running().is_some()
                || state.under_way().is_some()
                || alert_match::is_waiting(state)
                || state.runs_on().is_some()
                || state
                    .waiting_rollout()
                    .is_some_and(|(_, wait)| wait.ends().is_some()))
    }

    /// The terms of a proposal that its proposer is to sign, judged on what the engine has seen of declared effects.
    ///
    /// # Errors
    /// Why it cannot be proposed now.
    pub fn draft_terms(
        &mut self,
        actor: &Actor,
        step: &StepId,
        prepared: &Prepared,
        now: Moment,
        world: &World,
    ) -> Result<Terms, Refused> {
        let world = self.effects.in_world(&self.tentative, now, world);
        decide::draft_terms(&self.tentative, actor, step, prepared, now, &world)
    }

    /// Builds the next decisions on records that are on their way to the journal.
    pub fn stage(&mut self, stamped: &[Stamped]) {
        for record in stamped {
            if record.seq > self.tentative.head.0 {
                apply(&mut self.tentative, record);
                self.watches.stage(&self.tentative, &record.fact);
            }
        }
    }

    /// Takes records that are durable now, and says what is to be done about them.
    pub fn commit(&mut self, stamped: &[Stamped]) -> Vec<Effect> {
        self.stage(stamped);
        let mut effects = Vec::new();
        for record in stamped {
            if record.seq <= self.committed.head.0 {
                continue;
            }
            let reviewed = reviewed(&self.committed, &record.fact);
            apply(&mut self.committed, record);
            self.watches.commit(&self.committed, &record.fact);
            effects.extend(self.effects(&record.fact, reviewed, record.at));
        }
        effects
    }

    /// Forgets staged records: the journal did not take them.
    pub fn unstage(&mut self) {
        self.tentative = self.committed.clone();
        self.watches.unstage();
        self.refusals.forget();
    }

    /// What a durable fact makes necessary, judged on the state that has it.
    fn effects(&self, fact: &Fact, reviewed: Option<PlanExe>, at: Moment) -> Vec<Effect> {
        let effect = match fact {
            Fact::ExecIntent { key, role, .. } if key.has_process() => {
                let running = self.committed.running();
                let (key, role) = (key.clone(), *role);
                running
                    .is_some_and(|r| r.key == key)
                    .then_some(Effect::Spawn {
                        key,
                        role,
                        reviewed,
                    })
            }
            Fact::StopAsked { step } => {
                let view = self.committed.find(step);
                let running = view.and_then(|view| view.now.running.as_ref());
                let key = running.map(|running| running.key.clone());
                key.filter(ExecKey::has_process)
                    .map(|key| Effect::StopProcess { key })
            }
            Fact::WriteAsked { write } => Some(Effect::Write(write.no)),
            Fact::Breakglass(glass) if matches!(glass.event, GlassEvent::Asked { .. }) => {
                Some(Effect::Page {
                    step: glass.step.clone(),
                    attempt: glass.attempt,
                })
            }
            Fact::SessionResumed { .. } => return open_writes(&self.committed, at),
            _ => None,
        };
        effect.into_iter().collect()
    }
}

/// The world as a wish is judged by, with what the floors of rollouts say now.
fn with_floors(world: Cow<'_, World>, floors: BTreeMap<RuleId, Seen>) -> Cow<'_, World> {
    if floors.is_empty() {
        return world;
    }
    let world = world.into_owned();
    Cow::Owned(World { floors, ..world })
}

/// Writes of an earlier server whose end nobody recorded, those that nothing at all is known of first.
fn open_writes(state: &State, now: Moment) -> Vec<Effect> {
    let mut open: Vec<&WriteState> = state.writes.iter().filter(|w| w.is_open(now)).collect();
    open.sort_by_key(|write| write.outcome.is_some());
    let find = |write: &WriteState| Effect::FindWrite(write.write.no);
    open.into_iter().map(find).collect()
}

/// News of a write; what comes late or twice is nothing.
fn written(state: &State, no: WriteNo, outcome: &Outcome) -> Vec<Fact> {
    let is_news = state.write(no).is_some_and(|write| write.takes(outcome));
    let outcome = outcome.clone();
    let fact = is_news.then_some(Fact::WriteEnded { no, outcome });
    fact.into_iter().collect()
}

/// What people have reviewed of a command that is about to run, read from the plan before it is spent.
fn reviewed(before: &State, fact: &Fact) -> Option<PlanExe> {
    let Fact::ExecIntent { nonce: Some(_), .. } = fact else {
        return None;
    };
    read_exe(&before.proposal.as_ref()?.plan)
}

/// News of a command that is in flight; what comes late or twice is nothing.
fn exec_facts(state: &State, update: &ExecUpdate) -> Vec<Fact> {
    let key = update.key();
    if state.running().is_none_or(|r| &r.key != key) {
        return Vec::new();
    }
    let key = key.clone();
    vec![match update {
        ExecUpdate::Spawned { pid, .. } => Fact::ExecSpawned { key, pid: *pid },
        ExecUpdate::Ended {
            outcome, output, ..
        } => Fact::ExecOutcome {
            key,
            outcome: outcome.clone(),
            output: output.clone(),
        },
        ExecUpdate::Lost { .. } => Fact::ExecUnknown { key },
    }]
}

impl Proposal {
    fn of(actor: &Actor, decision: Decision) -> Self {
        let by = |fact| (actor.clone(), fact);
        match decision {
            Ok(facts) => Self {
                facts: facts.into_iter().map(by).collect(),
                ..Self::default()
            },
            Err(refused) => Self {
                facts: refused.record.map(|fact| by(*fact)).into_iter().collect(),
                refusal: Some(refused.refusal),
                prepare: None,
            },
        }
    }
}
