//! Everything is done.

use super::Decision;
use super::ask::Ask;
use crate::domain::fact::Fact;
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
    Ok(vec![Fact::Completed])
}
