//! One list of steps out of two: the new plan's, with what was begun as it stands.

use super::same::{bare, way_back};
use super::{Change, Objection, What};
use crate::domain::apply::fresh_step;
use crate::domain::id::StepId;
use crate::domain::runbook::plan::{Plan, PlanPhase, PlanStep};
use crate::domain::state::{State, StepState, StepStatus};
use std::collections::{BTreeMap, BTreeSet};

/// How far a step is, as far as that decides what may become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Nobody has begun it.
    Untouched,
    /// It is over: done, left out or undone.
    Over,
    /// An attempt failed, or ended before it was begun again.
    Tried,
    /// Something of it goes on, or nobody knows.
    Busy,
}

fn standing(now: &StepState) -> Standing {
    match now.status {
        StepStatus::Done { .. } | StepStatus::Skipped { .. } | StepStatus::Undone => Standing::Over,
        StepStatus::Pending if *now == fresh_step() => Standing::Untouched,
        StepStatus::Failed { .. } | StepStatus::Pending => Standing::Tried,
        StepStatus::Active { .. }
        | StepStatus::Unknown
        | StepStatus::Undoing
        | StepStatus::UndoFailed { .. } => Standing::Busy,
    }
}

/// Both plans in one.
pub(super) struct Merged {
    pub(super) plan: Plan,
    /// For each step its place before.
    pub(super) steps: Vec<Option<usize>>,
    /// Places of phases in it, by those before.
    pub(super) phases: BTreeMap<usize, usize>,
    /// Places of phases in it, by those in the new plan.
    pub(super) of_new: BTreeMap<usize, usize>,
    pub(super) changed: BTreeSet<StepId>,
    pub(super) changes: Vec<Change>,
}

/// A step on its way into the list.
struct Entry {
    step: PlanStep,
    parent: Option<StepId>,
    before: Option<usize>,
}

pub(super) fn merge(state: &State, new: &Plan, against: &mut Vec<Objection>) -> Merged {
    let old = state.plan();
    let phases = Phases::of(state, new);
    against.extend(rollouts(state, new, &phases));
    let mut merged = Merged {
        plan: Plan {
            phases: phases.all.clone(),
            steps: Vec::new(),
            ..new.clone()
        },
        steps: Vec::new(),
        phases: phases.of_old.clone(),
        of_new: phases.of_new.clone(),
        changed: BTreeSet::new(),
        changes: Vec::new(),
    };
    for rule in &mut merged.plan.rules {
        let place = |phase| phases.of_new.get(&phase).copied().unwrap_or(phase);
        rule.phase = rule.phase.map(place);
    }
    let known: BTreeMap<&StepId, usize> = old.steps.iter().map(|s| &s.id).zip(0..).collect();
    let mut entries = Vec::new();
    for step in &new.steps {
        let before = known.get(&step.id).copied();
        let parent = parent_of(new, step);
        let step = PlanStep {
            phase: phases.of_new.get(&step.phase).copied().unwrap_or_default(),
            ..step.clone()
        };
        let step = match before.and_then(|place| state.view(place)) {
            None => {
                let change = Change::of_step(What::Added, &step);
                merged.changes.push(change);
                step
            }
            Some(view) => {
                let pair = Pair {
                    old,
                    new: &merged.plan,
                    was: view.plan,
                    now: view.now,
                    parent: parent.as_ref(),
                };
                pair.judge(step, &mut merged.changes, &mut merged.changed, against)
            }
        };
        entries.push(Entry {
            step,
            parent,
            before,
        });
    }
    gone(state, &phases, &mut entries, &mut merged, against);
    moved(&entries, &mut merged.changes);
    put_in_order(entries, &mut merged);
    merged
}

fn parent_of(plan: &Plan, step: &PlanStep) -> Option<StepId> {
    let parent = plan.steps.get(step.parent?)?;
    Some(parent.id.clone())
}

/// A step that both plans have.
struct Pair<'a> {
    old: &'a Plan,
    new: &'a Plan,
    was: &'a PlanStep,
    now: &'a StepState,
    parent: Option<&'a StepId>,
}

impl Pair<'_> {
    /// The step as it is taken over.
    fn judge(
        &self,
        step: PlanStep,
        changes: &mut Vec<Change>,
        others: &mut BTreeSet<StepId>,
        against: &mut Vec<Objection>,
    ) -> PlanStep {
        let standing = standing(self.now);
        let is_same = bare(self.was) == bare(&step);
        let label = self.was.to_label();
        if standing != Standing::Untouched && !self.stands_where_it_did(&step) {
            let why =
                format!("{label} was begun, and stands below another step or on the way back");
            against.push(Objection::new(why, "leave it below the step it was under"));
        }
        if is_same {
            return step;
        }
        match standing {
            Standing::Over => {
                changes.push(Change::of_step(What::StaysAsItRan, self.was));
                return PlanStep {
                    number: step.number,
                    phase: step.phase,
                    parent: step.parent,
                    depth: step.depth,
                    line: step.line,
                    ..self.was.clone()
                };
            }
            Standing::Busy => {
                let why = format!(
                    "{label} is changed, and it {}",
                    busy_words(&self.now.status)
                );
                against.push(Objection::new(why, busy_hint(&self.now.status)));
            }
            Standing::Tried if self.now.touched => against.extend(has_run(self.was, &step)),
            Standing::Tried | Standing::Untouched => {}
        }
        changes.push(Change::of_step(What::Changed, &step));
        others.insert(step.id.clone());
        step
    }

    fn stands_where_it_did(&self, step: &PlanStep) -> bool {
        let is_back =
            |plan: &Plan, phase: usize| plan.phases.get(phase).is_some_and(|p| p.rollback);
        parent_of(self.old, self.was).as_ref() == self.parent
            && is_back(self.old, self.was.phase) == is_back(self.new, step.phase)
    }
}

/// What of a step may not become another once its command has run.
fn has_run(was: &PlanStep, step: &PlanStep) -> Vec<Objection> {
    let label = was.to_label();
    let mut against = Vec::new();
    if way_back(was) != way_back(step) {
        let why = format!(
            "the way back of {label} is changed, and its command has run: it was reviewed as it is"
        );
        let hint = "leave its `undo`, and put what else is to be done into a new step";
        against.push(Objection::new(why, hint));
    }
    let others = [
        ("component", was.component != step.component),
        ("risk", was.risk != step.risk),
    ];
    let others = others.into_iter().filter(|(_, is_other)| *is_other);
    against.extend(others.map(|(field, _)| {
        let why = format!("the `{field}` of {label} is another, and its command has run");
        let hint = format!("leave its `{field}`, and put what else is to be done into a new step");
        Objection::new(why, hint)
    }));
    against
}

const fn busy_words(status: &StepStatus) -> &'static str {
    match status {
        StepStatus::Unknown => "ended nobody knows how",
        StepStatus::Undoing => "is being undone",
        StepStatus::UndoFailed { .. } => "could not be undone",
        _ => "is under way",
    }
}

const fn busy_hint(status: &StepStatus) -> &'static str {
    match status {
        StepStatus::Unknown => "look, and say what became of it",
        StepStatus::Undoing | StepStatus::UndoFailed { .. } => "bring its way back to an end first",
        _ => "wait until it is done, or stop it",
    }
}

/// Steps that the new plan does not have: what is over stays, behind what it stood behind.
fn gone(
    state: &State,
    phases: &Phases,
    entries: &mut Vec<Entry>,
    merged: &mut Merged,
    against: &mut Vec<Objection>,
) {
    let old = state.plan();
    let mut there: BTreeSet<StepId> = entries.iter().map(|e| e.step.id.clone()).collect();
    for (place, (step, now)) in old.steps.iter().zip(&state.steps).enumerate() {
        if there.contains(&step.id) {
            continue;
        }
        let label = step.to_label();
        match standing(now) {
            Standing::Untouched => {
                merged.changes.push(Change::of_step(What::Removed, step));
                merged.changed.insert(step.id.clone());
                continue;
            }
            Standing::Busy => {
                let why = format!("{label} is gone, and it {}", busy_words(&now.status));
                against.push(Objection::new(why, busy_hint(&now.status)));
                continue;
            }
            Standing::Tried => {
                let why = format!("{label} is gone, and it was begun");
                let hint = "skip it first: then it stays, and so does its way back";
                against.push(Objection::new(why, hint));
                continue;
            }
            Standing::Over => {}
        }
        let now_in = phases.of_old.get(&step.phase).copied().unwrap_or_default();
        let is_back = |phase: Option<&PlanPhase>| phase.is_some_and(|phase| phase.rollback);
        if is_back(old.phases.get(step.phase)) != is_back(phases.all.get(now_in)) {
            // Steps of the back-out have no way back: that of this one would be lost.
            let why = format!("{label} is gone, and its phase is on the other way now");
            let hint = "leave that phase forward, or give the other one another heading";
            against.push(Objection::new(why, hint));
            continue;
        }
        merged
            .changes
            .push(Change::of_step(What::StaysBehind, step));
        let title = |entry: &&Entry| entry.before.is_none() && entry.step.title == step.title;
        if let Some(again) = entries.iter().find(title) {
            merged
                .changes
                .push(Change::of_step(What::LooksDone, &again.step));
        }
        let parent = parent_of(old, step).filter(|parent| there.contains(parent));
        let mut kept = step.clone();
        kept.phase = now_in;
        if parent.is_none() {
            kept.depth = 0;
        }
        if entries.iter().any(|e| e.step.number == kept.number) {
            // Two steps of one number are told apart.
            kept.number.push('\'');
        }
        let at = place_for(old, entries, place, &kept);
        there.insert(step.id.clone());
        entries.insert(
            at,
            Entry {
                step: kept,
                parent,
                before: Some(place),
            },
        );
    }
}

/// Behind the nearest step before it that is there, with what is below that; else where its phase begins.
fn place_for(old: &Plan, entries: &[Entry], place: usize, kept: &PlanStep) -> usize {
    let earlier = old.steps.iter().take(place).rev();
    let at = earlier
        .filter_map(|step| entries.iter().position(|entry| entry.step.id == step.id))
        .find(|at| entries.get(*at).is_some_and(|e| e.step.phase == kept.phase));
    let Some(at) = at else {
        let behind = entries.iter().position(|e| e.step.phase >= kept.phase);
        return behind.unwrap_or(entries.len());
    };
    let after = at.saturating_add(1);
    let below = entries.iter().skip(after);
    let below = below.take_while(|e| e.step.phase == kept.phase && e.step.depth > kept.depth);
    after.saturating_add(below.count())
}

/// Names steps that stand behind others which were behind them.
fn moved(entries: &[Entry], changes: &mut Vec<Change>) {
    let mut last = None;
    for entry in entries {
        let Some(before) = entry.before else { continue };
        if last.is_some_and(|last| before < last) {
            changes.push(Change::of_step(What::Moved, &entry.step));
        } else {
            last = Some(before);
        }
    }
}

fn put_in_order(entries: Vec<Entry>, merged: &mut Merged) {
    let places: BTreeMap<StepId, usize> = entries
        .iter()
        .zip(0..)
        .map(|(entry, place)| (entry.step.id.clone(), place))
        .collect();
    for entry in entries {
        let parent = entry.parent.and_then(|parent| places.get(&parent).copied());
        merged.steps.push(entry.before);
        merged.plan.steps.push(PlanStep {
            parent,
            ..entry.step
        });
    }
}

/// Phases of both plans.
struct Phases {
    all: Vec<PlanPhase>,
    of_old: BTreeMap<usize, usize>,
    of_new: BTreeMap<usize, usize>,
}

impl Phases {
    /// A phase is the same by its heading, the first of a name by the first; one that was renamed by the first of its steps.
    fn of(state: &State, new: &Plan) -> Self {
        let old = state.plan();
        let mut of_old = BTreeMap::new();
        for (place, phase) in old.phases.iter().enumerate() {
            let same = |p: &&PlanPhase| p.title == phase.title && p.level == phase.level;
            let nth = old.phases.iter().take(place).filter(same).count();
            let places = (0..).zip(&new.phases);
            let found = places.filter(|(_, p)| same(p)).nth(nth);
            of_old.extend(found.map(|(now, _): (usize, _)| (place, now)));
        }
        for (place, _) in old.phases.iter().enumerate() {
            if of_old.contains_key(&place) {
                continue;
            }
            let mut steps = old.steps.iter().filter(|step| step.phase == place);
            let now = steps.find_map(|step| {
                let found = new.steps.iter().find(|now| now.id == step.id)?;
                Some(found.phase)
            });
            let is_free = |now: &usize| of_old.values().all(|taken| taken != now);
            of_old.extend(now.filter(is_free).map(|now| (place, now)));
        }
        let mut phases = Self {
            all: new.phases.clone(),
            of_old,
            of_new: (0..new.phases.len()).map(|place| (place, place)).collect(),
        };
        phases.keep(state, new);
        phases
    }

    /// Phases that the new plan has lost, and in which something that stays was done.
    fn keep(&mut self, state: &State, new: &Plan) {
        let old = state.plan();
        let names: BTreeSet<&StepId> = new.steps.iter().map(|step| &step.id).collect();
        for (place, phase) in old.phases.iter().enumerate() {
            let mut steps = old.steps.iter().zip(&state.steps);
            let stays = steps.any(|(step, now)| {
                step.phase == place && standing(now) == Standing::Over && !names.contains(&step.id)
            });
            if !stays || self.of_old.contains_key(&place) {
                continue;
            }
            let before = self.of_old.range(..place).next_back();
            let at = before.map_or(0, |(_, now)| now.saturating_add(1));
            let mut kept = phase.clone();
            // Nothing of it is worked on any more.
            kept.silence = None;
            let at = at.min(self.all.len());
            self.all.insert(at, kept);
            for now in self.of_old.values_mut().chain(self.of_new.values_mut()) {
                if *now >= at {
                    *now = now.saturating_add(1);
                }
            }
            self.of_old.insert(place, at);
        }
    }
}

/// A rollout that has begun keeps its terms and its units; what the steps of those do may become another.
fn rollouts(state: &State, new: &Plan, phases: &Phases) -> Vec<Objection> {
    let old = state.plan();
    let mut against = Vec::new();
    for (place, phase) in old.phases.iter().enumerate() {
        let is_known = state.rollouts.get(&place).is_some_and(|rollout| {
            !rollout.begun.is_empty() || !rollout.left_out.is_empty() || rollout.opened > 0
        });
        let mut steps = old.steps.iter().zip(&state.steps);
        let is_begun = is_known
            || steps.any(|(step, now)| step.phase == place && standing(now) != Standing::Untouched);
        let now = phases.of_old.get(&place);
        let in_new = phases
            .of_new
            .iter()
            .find(|(_, merged)| Some(*merged) == now);
        let in_new = in_new.map(|(in_new, _)| *in_new);
        let terms = in_new.and_then(|at| new.phases.get(at)?.rollout.as_ref());
        if !is_begun || (phase.rollout.is_none() && terms.is_none()) {
            continue;
        }
        let units = |plan: &Plan, at: usize| -> Vec<_> {
            let steps = plan.steps.iter().filter(|step| step.phase == at);
            steps
                .map(|s| (s.id.clone(), s.unit.clone(), s.switch))
                .collect()
        };
        let is_same = phase.rollout.as_ref() == terms
            && in_new.is_some_and(|at| units(old, place) == units(new, at));
        if !is_same {
            let why = format!(
                "the rollout `{}` has begun, and its terms, its units or their order are others",
                phase.title
            );
            let hint = "leave them; the commands of its steps may change";
            against.push(Objection::new(why, hint));
        }
    }
    against
}
