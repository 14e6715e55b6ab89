//! Words and signs for writes to other systems.

use super::{Mark, mark};
use crate::domain::fact::Fact;
use crate::domain::silences::label_of;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::write::{Cause, Deed, Outcome, Write, WriteNo};
use crate::ui::theme::{Glyphs, Role};

/// Where a write stands. That something was accepted is never shown as if it had got through.
pub(crate) const fn stand(outcome: Option<&Outcome>, g: &Glyphs) -> Mark {
    match outcome {
        None => mark(g.active, "asked", Role::Active),
        Some(Outcome::Done { .. }) => mark(g.done, "done", Role::Good),
        Some(Outcome::Accepted { .. }) => mark(g.waiting, "accepted, NOT PROVEN", Role::Warn),
        Some(Outcome::Failed { .. }) => mark(g.failed, "FAILED", Role::Bad),
        Some(Outcome::Unknown { .. }) => mark(g.unknown, "UNKNOWN", Role::Unknown),
    }
}

/// What came of a write, or what is missing.
pub(crate) fn result(outcome: Option<&Outcome>) -> &str {
    match outcome {
        None => "no answer yet",
        Some(Outcome::Done { proof, .. }) => proof,
        Some(
            Outcome::Accepted { what, .. } | Outcome::Failed { what } | Outcome::Unknown { what },
        ) => what,
    }
}

/// What was asked for in a few words. What the program itself mutes is told by what it is for: who is asked to review a
/// step is not told its target before they have said it themselves.
pub(crate) fn wish(state: &State, write: &Write) -> String {
    let lifetime_of = |no: WriteNo| match &state.write(no)?.write.cause {
        Some(Cause::Begins { lifetime, .. }) => Some(lifetime),
        _ => None,
    };
    let lifetime = match &write.cause {
        None => None,
        Some(Cause::Begins { lifetime, .. }) => Some(lifetime),
        Some(Cause::Extends { of } | Cause::Ends { of }) => lifetime_of(*of),
    };
    let Some(lifetime) = lifetime else {
        return deed(&write.deed);
    };
    let (verb, label) = (write.deed.verb(), label_of(state.plan(), lifetime));
    let until = match &write.deed {
        Deed::Mute { until, .. } | Deed::Extend { until, .. } => {
            format!(" until {}", clock(*until))
        }
        _ => String::new(),
    };
    format!("{verb} for {label}{until}")
}

/// A deed in a few words: `page "orders do not drain" about rack-07`.
pub(crate) fn deed(deed: &Deed) -> String {
    let verb = deed.verb();
    match deed {
        Deed::Mute {
            components,
            matchers,
            until,
            comment,
        } => {
            let names = if components.is_empty() {
                let all: Vec<String> = matchers.iter().map(ToString::to_string).collect();
                all.join(" ")
            } else {
                components.join(", ")
            };
            format!("{verb} {names} until {}: {comment}", clock(*until))
        }
        Deed::Page {
            summary, component, ..
        } if component.is_empty() => format!("{verb} \"{summary}\""),
        Deed::Page {
            summary, component, ..
        } => format!("{verb} \"{summary}\" about {component}"),
        Deed::Extend { reference, until } => {
            format!("{verb} {reference} until {}", clock(*until))
        }
        Deed::Unmute { reference } if reference.is_empty() => {
            format!("{verb} whatever is there of it")
        }
        Deed::Unmute { reference }
        | Deed::Acknowledge { reference }
        | Deed::Resolve { reference } => format!("{verb} {reference}"),
        Deed::Note { reference, text } => format!("{verb} under {reference}: {text}"),
        Deed::Annotate { text, tags } if tags.is_empty() => format!("{verb}: {text}"),
        Deed::Annotate { text, tags } => format!("{verb} ({}): {text}", tags.join(", ")),
        Deed::Record { component, text } => format!("{verb} under {component}: {text}"),
        Deed::SetStatus { component, status } => format!("{verb} of {component} to {status}"),
    }
}

fn clock(at: Timestamp) -> String {
    format!("{}Z", at.to_clock_text())
}

/// A fact about a write in one sentence.
pub(super) fn fact(state: &State, fact: &Fact) -> String {
    match fact {
        Fact::WriteAsked { write } => {
            let (no, connector) = (write.no, &write.connector);
            format!("asked `{connector}` to {} (write {no})", wish(state, write))
        }
        Fact::WriteEnded { no, outcome } => {
            let end = match outcome {
                Outcome::Done { .. } => "done",
                Outcome::Accepted { .. } => "accepted, not proven",
                Outcome::Failed { .. } => "failed",
                Outcome::Unknown { .. } => "unknown whether it happened",
            };
            let what = result(Some(outcome));
            format!("{}: {end}: {what}", name(state, *no))
        }
        _ => String::new(),
    }
}

/// `write 3 (page by pager)`
fn name(state: &State, no: WriteNo) -> String {
    match state.write(no) {
        Some(known) => {
            let (verb, connector) = (known.write.deed.verb(), &known.write.connector);
            format!("write {no} ({verb} by `{connector}`)")
        }
        None => format!("write {no}"),
    }
}

/// What such a fact weighs on the eye.
pub(super) const fn role(outcome: &Outcome) -> Role {
    match outcome {
        Outcome::Done { .. } => Role::Good,
        Outcome::Accepted { .. } => Role::Warn,
        Outcome::Failed { .. } => Role::Bad,
        Outcome::Unknown { .. } => Role::Unknown,
    }
}
