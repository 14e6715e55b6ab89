//! Facts about guards: what they measured at the beginning, and what they did by themselves.

use super::{Mark, Why};
use crate::domain::fact::{Actor, BASELINE_SERIES_MAX, Baseline, GuardActed};
use crate::domain::state::{Acted, Phase, State};
use crate::domain::threshold::{OnBreach, SAMPLES_MAX, Verdict};
use crate::domain::verdict::is_untouched;

pub(super) fn baseline(state: &mut State, taken: &Baseline) -> Result<(), Why> {
    if state.phase != Phase::Running || !is_untouched(state) {
        return Err("a baseline is taken at Begin, before anything is changed");
    }
    if state.baselines.contains_key(&taken.rule) {
        return Err("it has a baseline already");
    }
    if !state.all_guards().any(|guard| guard.id == taken.rule) {
        return Err("there is no such guard");
    }
    let kept = taken.medians.len();
    let is_counted = usize::try_from(taken.series).is_ok_and(|series| kept <= series);
    let is_finite = taken.medians.iter().all(|m| m.sample.value.is_finite());
    if kept > BASELINE_SERIES_MAX || !is_counted || !is_finite || taken.answers == 0 {
        return Err("no answer gives such a baseline");
    }
    state.baselines.insert(taken.rule.clone(), taken.clone());
    Ok(())
}

pub(super) fn acted(state: &mut State, acted: &GuardActed, mark: Mark<'_>) -> Result<(), Why> {
    if state.phase != Phase::Running || !matches!(mark.actor, Actor::Engine) {
        return Err("guards act by themselves, and while the maintenance goes forward");
    }
    let guard = state.all_guards().find(|guard| guard.id == acted.rule);
    let guard = guard.ok_or("there is no such guard")?;
    let may = match acted.did {
        OnBreach::Warn => false,
        OnBreach::Hold => !acted.verdict.is_known_good(),
        OnBreach::Rollback => {
            guard.on_breach == OnBreach::Rollback && acted.verdict == Verdict::Fail
        }
    };
    if !may || guard.dry_run != acted.dry_run || acted.quotes.len() > usize::from(SAMPLES_MAX) {
        return Err("the guard does not act like that");
    }
    let (what, at) = (acted.clone(), mark.at);
    state.acted.insert(acted.rule.clone(), Acted { what, at });
    Ok(())
}
