//! End all holds.

use super::ask::Ask;
use super::silence;
use super::{Decision, Refused};
use crate::domain::command::{AlertsSeen, alerts_told};
use crate::domain::fact::{Fact, HoldCause};
use crate::domain::state::Hold;

pub(super) fn decide(ask: &Ask<'_>, reason: &str, seen: Option<AlertsSeen>) -> Decision {
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
    alerts(ask, &reason, seen)?;
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
    let without = silence::without_all(ask, &reason)?;
    let released = Fact::Released { reason };
    Ok(std::iter::once(released).chain(without).collect())
}

/// Whoever ends holds for alerts has seen every one of them, and says why the work goes on.
fn alerts(ask: &Ask<'_>, reason: &str, seen: Option<AlertsSeen>) -> Result<(), Refused> {
    let now = AlertsSeen::of(ask.state);
    if now.holds == 0 {
        return Ok(());
    }
    let hint = match seen {
        Some(seen) if seen == now && !reason.is_empty() => return Ok(()),
        Some(seen) if seen == now => "look at it, then release with a reason",
        Some(_) => "an alert came after the key was pressed: look at it, then release again",
        None => "release where the alerts can be seen: from an attached terminal",
    };
    Err(ask.no(alerts_told(ask.state), hint))
}

/// What somebody has to have looked at before this hold ends.
fn looked_at(hold: &Hold) -> Option<String> {
    match &hold.cause {
        HoldCause::Effect { step } => Some(format!("the declared effect of `{step}` is missing")),
        HoldCause::Alert { .. }
        | HoldCause::Person { .. }
        | HoldCause::Guard { .. }
        | HoldCause::Restart
        | HoldCause::Silence { .. }
        | HoldCause::Moved { .. } => None,
    }
}
