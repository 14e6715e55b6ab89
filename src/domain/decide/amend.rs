//! Whether the changed runbook can be taken over: asked when that is moved, and again when it is seconded.

use super::Refused;
use super::ask::Ask;
use crate::domain::amend::{
    Amendment, DIFF_LINES_MAX, Objection, adopt, adopted_digest, diff, is_pinned,
};
use crate::domain::digest::Digest;
use crate::domain::runbook::plan::Risk;
use std::collections::BTreeSet;

/// Objections in one refusal: what fits a status line. `warroom amend --dry-run` prints all of them.
const NAMED_MAX: usize = 3;

pub(super) fn possible(
    ask: &Ask<'_>,
    (from, to): (Digest, Digest),
    amendment: Option<&Amendment>,
) -> Result<(), Refused> {
    let again = "read what has changed, then decide anew";
    if from != ask.state.genesis.plan_digest {
        return Err(ask.no("the session is pinned to another plan by now", again));
    }
    let Some(amendment) = amendment else {
        return Err(ask.no("the runbook was not read", again));
    };
    if to != amendment.plan.digest() {
        return Err(ask.no("the runbook on the disk is another one by now", again));
    }
    let adopted = adopt(ask.state, amendment).map_err(|against| refused(ask, &against))?;
    if is_pinned(ask.state, &adopted, amendment) {
        return Err(ask.no("the runbook is the one this session is pinned to", ""));
    }
    // A diff that is too long ends with a line that says so.
    if diff(ask.state.plan(), &adopted.plan).len() > DIFF_LINES_MAX {
        let why = "more has changed than anybody reads";
        return Err(ask.no(why, "plan what is left anew"));
    }
    let risks: BTreeSet<Risk> = adopted.plan.steps.iter().map(|step| step.risk).collect();
    demanded(ask, risks, amendment)
}

/// Who seconds an amendment has read what the session comes to: since the motion was made, steps may have been done, and stay
/// as they ran.
pub(super) fn was_read(
    ask: &Ask<'_>,
    amendment: &Amendment,
    read: Option<Digest>,
) -> Result<(), Refused> {
    let now = adopted_digest(ask.state, amendment);
    if read.is_some() && read == now {
        return Ok(());
    }
    Err(ask.no(
        "steps went on since you read it",
        "press Y and read it again",
    ))
}

/// A runbook that the policy would bar from all that comes after is not taken over.
fn demanded(ask: &Ask<'_>, risks: BTreeSet<Risk>, amendment: &Amendment) -> Result<(), Refused> {
    let rules = &ask.world.rules;
    let demands = risks.into_iter().flat_map(|risk| rules.demands(risk));
    for demand in demands {
        if let Some(why) = demand.unmet(amendment.runbook.git.as_ref()) {
            let word = demand.as_str();
            return Err(ask.no(
                format!("the policy asks for a runbook that is {word}: {why}"),
                demand.hint(),
            ));
        }
    }
    Ok(())
}

fn refused(ask: &Ask<'_>, against: &[Objection]) -> Refused {
    let mut whys: Vec<&str> = against.iter().map(|one| one.why.as_str()).collect();
    let more = whys.len().saturating_sub(NAMED_MAX);
    whys.truncate(NAMED_MAX);
    let rest = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    let hint = against.first().map_or("", |first| first.hint.as_str());
    ask.no(format!("{}{rest}", whys.join("; ")), hint)
}
