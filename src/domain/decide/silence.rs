//! How the work goes on whose silence is withheld: another try, for fewer alerts, or without it.

use super::ask::Ask;
use super::{Decision, Refused};
use crate::domain::command::SilenceWish;
use crate::domain::fact::{Fact, HoldCause, Silence, SilenceEvent};
use crate::domain::silences::{label_of, said, withheld};
use crate::domain::write::Lifetime;

/// Alerts by name that a silence is narrowed to: as many as a runbook may expect.
const ALERTS_MAX: usize = 100;
/// Longest name of an alert.
const NAME_BYTES_MAX: usize = 256;

pub(super) fn decide(ask: &Ask<'_>, lifetime: &Lifetime, wish: &SilenceWish) -> Decision {
    ask.operator()?;
    ask.is_on()?;
    let known = said(ask.state, lifetime);
    if known.is_none_or(|known| known.withheld.is_none()) {
        let label = label_of(ask.state.plan(), lifetime);
        let why = format!("no silence for {label} is withheld");
        return Err(ask.no(
            why,
            "a silence that is there is ended with the work, or by unmute",
        ));
    }
    let event = match wish {
        SilenceWish::Again => SilenceEvent::Again {
            alerts: Vec::new(),
            reason: String::new(),
        },
        SilenceWish::Narrow { alerts, reason } => SilenceEvent::Again {
            alerts: names(ask, alerts)?,
            reason: ask.words(reason)?,
        },
        SilenceWish::Without { reason } => SilenceEvent::Without {
            reason: ask.reason(reason)?,
        },
    };
    let lifetime = lifetime.clone();
    Ok(vec![Fact::Silence(Silence { lifetime, event })])
}

fn names(ask: &Ask<'_>, alerts: &[String]) -> Result<Vec<String>, Refused> {
    let mut names: Vec<String> = Vec::new();
    for name in alerts {
        let name = name.trim();
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            let why = "one of them is no name of an alert";
            return Err(ask.no(why, "write names as the alerting system shows them"));
        }
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    if names.is_empty() || names.len() > ALERTS_MAX {
        let why = format!("it needs 1 to {ALERTS_MAX} names of alerts");
        return Err(ask.no(why, "name the alerts that it is for"));
    }
    Ok(names)
}

/// Releasing the hold of a silence that is withheld means to go on without it, and that has a reason.
pub(super) fn without_all(ask: &Ask<'_>, reason: &str) -> Result<Vec<Fact>, Refused> {
    let holds = |lifetime: &Lifetime| {
        let mut causes = ask.state.holds.iter().map(|hold| &hold.cause);
        causes.any(|cause| matches!(cause, HoldCause::Silence { lifetime: l } if l == lifetime))
    };
    let open: Vec<Lifetime> = withheld(ask.state)
        .filter(|said| holds(&said.lifetime))
        .map(|said| said.lifetime.clone())
        .collect();
    if let (Some(first), true) = (open.first(), reason.is_empty()) {
        let label = label_of(ask.state.plan(), first);
        let why = format!("the silence for {label} is withheld");
        let hint =
            "release with a reason to go on without it, or press M to try it again or to narrow it";
        return Err(ask.no(why, hint));
    }
    let without = open.into_iter().map(|lifetime| {
        let reason = reason.to_owned();
        let event = SilenceEvent::Without { reason };
        Fact::Silence(Silence { lifetime, event })
    });
    Ok(without.collect())
}
