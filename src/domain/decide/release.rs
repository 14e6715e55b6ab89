//! End all holds.

use super::Decision;
use super::ask::Ask;
use crate::domain::fact::{Fact, HoldCause};
use crate::domain::state::Hold;

pub(super) fn decide(ask: &Ask<'_>, reason: &str) -> Decision {
    ask.operator()?;
    let reason = ask.words(reason)?;
    if !ask.state.is_held() {
        ask.is_on()?;
        return Err(ask.no("nothing is held", ""));
    }
    if let (Some(HoldCause::Moved { from, to }), true) =
        (ask.state.moved().map(|hold| &hold.cause), reason.is_empty())
    {
        let why =
            format!("the session is pinned to host `{from}`, and its commands would run on `{to}`");
        return Err(ask.no(why, "release with a reason when that is right"));
    }
    if reason.is_empty()
        && let Some(what) = ask.state.holds.iter().find_map(looked_at)
    {
        return Err(ask.no(what, "look at it, then release with a reason"));
    }
    if reason.is_empty()
        && let Some((rule, _)) = ask.state.bad_guard()
    {
        let why = format!("guard `{}` is not known to be good", rule.title);
        return Err(ask.no(why, "release with a reason, or wait until it is good"));
    }
    Ok(vec![Fact::Released { reason }])
}

/// What somebody has to have looked at before this hold ends.
fn looked_at(hold: &Hold) -> Option<String> {
    match &hold.cause {
        HoldCause::Effect { step } => Some(format!("the declared effect of `{step}` is missing")),
        HoldCause::Alert {
            name,
            component: Some(component),
        } => Some(format!("alert `{name}` on {component} was not expected")),
        HoldCause::Alert {
            name,
            component: None,
        } => Some(format!("alert `{name}` must come and has not")),
        HoldCause::Person { .. }
        | HoldCause::Guard { .. }
        | HoldCause::Restart
        | HoldCause::Moved { .. } => None,
    }
}
