//! Everything is done.

use super::Decision;
use super::ask::Ask;
use crate::domain::alert_match;
use crate::domain::fact::{AlertEvent, Fact};
use crate::domain::readiness::status_words;
use crate::domain::state::Phase;

pub(super) fn decide(ask: &Ask<'_>) -> Decision {
    ask.operator()?;
    ask.is_on()?;
    if ask.state.phase == Phase::RollingBack {
        let hint = "it ends by itself when everything is undone; abort ends it where it stands";
        return Err(ask.no("the maintenance is rolling back", hint));
    }
    // After the end nothing can be rolled back any more, so a hold holds that too.
    if let Some(hold) = ask.state.holds.first() {
        let why = format!("the session is held by `{}`", hold.by);
        return Err(ask.no(why, "any operator can release it"));
    }
    if let Some(view) = ask.state.first_open() {
        let why = format!(
            "{} {}",
            view.plan.to_label(),
            status_words(&view.now.status)
        );
        return Err(ask.no(why, "do it, or skip it with a reason"));
    }
    let absent = alert_match::never_came(ask.state).into_iter();
    let unknown = ask.world.alerts.known.as_ref().err();
    let absent = absent.map(|(name, must_fire)| {
        Fact::Alert(AlertEvent::Absent {
            name,
            must_fire,
            unknown: unknown.cloned().unwrap_or_default(),
        })
    });
    Ok(absent.chain([Fact::Completed]).collect())
}
