//! End all holds.

use super::Decision;
use super::ask::Ask;
use crate::domain::fact::Fact;

pub(super) fn decide(ask: &Ask<'_>, reason: &str) -> Decision {
    ask.operator()?;
    ask.is_on()?;
    let reason = ask.words(reason)?;
    if !ask.state.is_held() {
        return Err(ask.no("nothing is held", ""));
    }
    if reason.is_empty()
        && let Some((rule, _)) = ask.state.bad_guard()
    {
        let why = format!("guard `{}` is not known to be good", rule.title);
        return Err(ask.no(why, "release with a reason, or wait until it is good"));
    }
    Ok(vec![Fact::Released { reason }])
}
