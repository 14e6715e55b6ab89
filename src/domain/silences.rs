//! Silences that live exactly as long as the work: which are wanted, which are there, and what they would mute.
//!
//! Nothing is kept beside the writes of the session: what a silence comes to is read from what was asked for it and
//! what came of that, so that a server that takes a journal up knows as much as the one that died.
//! Main types: [`Kept`] is one silence, [`Outlook`] is what they are judged by, [`Preview`] what one would mute.

mod kept;
mod outlook;
mod preview;
mod rules;
#[cfg(test)]
mod tests;
mod wanted;

pub use kept::{Kept, MARGIN, Over, Stand, kept};
pub use outlook::Outlook;
pub use preview::{Muting, Preview, preview};
pub use rules::Rules;
pub use wanted::{has_any, label_of, matter, plan_of, targets, waits, wanted};

use crate::domain::board::Board;
use crate::domain::fact::{Silence, SilenceEvent, Withheld};
use crate::domain::id::ConnectorName;
use crate::domain::runbook::plan::Plan;
use crate::domain::state::{SilenceState, State};
use crate::domain::time::Timestamp;
use crate::domain::write::{Ability, Lifetime};
use std::collections::BTreeMap;
use std::time::Duration;

/// Which connectors can write what, as they themselves tell it.
pub fn writers_of(board: &Board) -> BTreeMap<ConnectorName, Vec<Ability>> {
    let all = board.health.iter();
    all.map(|(name, health)| (name.clone(), health.can.clone()))
        .collect()
}

/// What the silence of the whole would do if the maintenance began now: in words, as an error where it would be withheld.
/// Nothing where the plan has none for the whole.
pub fn outlook_words(state: &State, board: &Board) -> Option<Result<String, String>> {
    let plan = state.plan();
    plan.silence.as_ref()?;
    let found = preview(plan, &Lifetime::Session, &[], board, &writers_of(board));
    let found = match found {
        Ok(found) => found,
        Err(what) => return Some(Err(withheld_words(&Withheld::Unknown { what }))),
    };
    if let Some(because) = found.withheld() {
        return Some(Err(withheld_words(&because)));
    }
    let by: Vec<&str> = found.each.iter().map(|m| m.connector.as_str()).collect();
    let targets = match found.targets.as_slice() {
        [one] => one.clone(),
        all => format!("{} components", all.len()),
    };
    let alerts = match found.muted() {
        1 => "1 alert".to_owned(),
        n => format!("{n} alerts"),
    };
    let by = by.join(", ");
    let rules = found.rules().in_short();
    let rules = rules.map_or_else(String::new, |rules| format!("; {rules}"));
    Some(Ok(format!(
        "begin mutes {alerts} of {targets} by {by}{rules}"
    )))
}

fn withheld_words(because: &Withheld) -> String {
    format!("its silence would be withheld: {because}")
}

/// What a fact about a silence says, in one sentence without who.
pub fn words(plan: &Plan, fact: &Silence) -> String {
    let label = label_of(plan, &fact.lifetime);
    match &fact.event {
        SilenceEvent::Withheld { because } => {
            let because = because.in_short();
            format!("the silence for {label} is withheld: {because}")
        }
        SilenceEvent::Again { alerts, reason } => {
            let only = match alerts.as_slice() {
                [] => String::new(),
                names => format!(", for {} only", names.join(", ")),
            };
            let reason = match reason.as_str() {
                "" => String::new(),
                reason => format!(": {reason}"),
            };
            format!("wants the silence for {label} to be tried again{only}{reason}")
        }
        SilenceEvent::Without { reason } => {
            format!("goes on without the silence for {label}: {reason}")
        }
    }
}

/// What was said of a silence, if anything.
pub fn said<'a>(state: &'a State, lifetime: &Lifetime) -> Option<&'a SilenceState> {
    state.silences.iter().find(|s| s.lifetime == *lifetime)
}

/// Silences that are wanted, withheld, and not gone on without.
pub fn withheld(state: &State) -> impl Iterator<Item = &SilenceState> {
    let wanted = wanted(state);
    let open = state
        .silences
        .iter()
        .filter(|said| said.withheld.is_some() && said.without.is_none());
    open.filter(move |said| wanted.contains(&said.lifetime))
}

/// Silences that may mute something and that nobody wants any more although their end was asked for, for who must end
/// them by hand.
pub fn left_over(state: &State, now: Timestamp) -> Vec<Kept<'_>> {
    let wanted = wanted(state);
    let mut all = kept(state, now);
    all.retain(|one| {
        !one.stand.is_over() && one.ends > 0 && !one.is_ending() && !wanted.contains(one.lifetime)
    });
    all
}

/// Silences that are wanted and run out soon, since their end could not be moved.
pub fn running_out(state: &State, now: Timestamp) -> Vec<Kept<'_>> {
    let wanted = wanted(state);
    let mut all = kept(state, now);
    all.retain(|one| {
        let lease = plan_of(state.plan(), one.lifetime);
        let lease = lease.map_or(Duration::ZERO, |plan| plan.lease);
        let is_late = one.until.since(now) < lease / 4;
        one.stand == Stand::Holds && is_late && wanted.contains(one.lifetime)
    });
    all
}

/// True while silences need to be looked at as time goes by.
pub fn need_time(state: &State, now: Timestamp) -> bool {
    matter(state)
        && (!wanted(state).is_empty() || kept(state, now).iter().any(|k| !k.stand.is_over()))
}
