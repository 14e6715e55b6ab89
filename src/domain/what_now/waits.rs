//! What goes on by itself: why it waits, until when, and who can end it. And what nobody may overlook before that.

use super::{OPERATOR, Severity, WhatNow};
use crate::domain::board::Board;
use crate::domain::effect::{self, BEFORE_WAIT, Before, seen_words};
use crate::domain::fact::HoldCause;
use crate::domain::readiness::{Next, StepView};
use crate::domain::threshold::Verdict;
use crate::domain::time::{Moment, short_span};

/// Who can end a wait that ends by itself.
const STOPS: &str = "any operator can stop it";

/// Why an effect or an alert holds.
pub(super) fn hold(cause: &HoldCause) -> String {
    match cause {
        HoldCause::Effect { step } => format!("the declared effect of `{step}` is missing"),
        HoldCause::Alert {
            name,
            component: Some(component),
        } => format!("alert `{name}` on {component} was not expected"),
        HoldCause::Alert {
            name,
            component: None,
        } => format!("alert `{name}` must come and has not"),
        HoldCause::Person { .. }
        | HoldCause::Guard { .. }
        | HoldCause::Restart
        | HoldCause::Moved { .. } => String::new(),
    }
}

/// A gate that has not opened. By the wall clock alone: who draws this may sit on another host.
pub(super) fn gated(view: StepView<'_>, board: &Board, now: Moment) -> WhatNow {
    let label = view.plan.to_label();
    let Next::Gate(plan) = view.next() else {
        return WhatNow::new(Severity::Calm, format!("{label} waits for its gate"));
    };
    let gate = board.gate.as_ref().filter(|gate| gate.rule == plan.id);
    let why = match gate.map(|gate| (gate.holding_since, gate.verdict)) {
        Some((Some(since), _)) => {
            let held = short_span(now.wall.since(since.wall));
            format!("`{}` held {held} of {}", plan.id, short_span(plan.hold_for))
        }
        Some((None, Verdict::Unknown(why))) => {
            format!("`{}` is not known: {}", plan.id, why.as_str())
        }
        Some(_) => format!("`{}` is not {}", plan.id, plan.limit),
        None => "no data yet".to_owned(),
    };
    let end = view.now.gate_since.zip(plan.timeout);
    let why = match end {
        Some(_) => why,
        None => format!("{why}; no timeout"),
    };
    WhatNow::new(Severity::Calm, format!("{label} waits for its gate"))
        .by(STOPS, false)
        .because(why)
        .until(end.map(|(since, timeout)| since.wall.plus(timeout)))
}

/// A command has run, and what it is declared to change has not come yet.
pub(super) fn effect(view: StepView<'_>, board: &Board) -> WhatNow {
    let mut waiting = view.plan.expects.iter().filter_map(|expect| {
        let after = expect.after?;
        let now = effect::find(view, expect, &board.effects, true);
        let was = view
            .now
            .effect
            .as_deref()
            .and_then(|e| e.before(&expect.id));
        match now {
            Some(now) if now.is_met => None,
            Some(now) => {
                let seen = match now.read.verdict {
                    Verdict::Unknown(why) => why.as_str().to_owned(),
                    _ => format!("seen {}", seen_words(&now.read, was)),
                };
                Some(format!("`{}` expected {after}: {seen}", expect.id))
            }
            None => Some(format!("`{}` expected {after}: no data yet", expect.id)),
        }
    });
    let first = waiting.next().unwrap_or_default();
    let why = match waiting.count() {
        0 => first,
        more => format!("{first}, and {more} more"),
    };
    let label = view.plan.to_label();
    WhatNow::new(
        Severity::Calm,
        format!("{label} has run and waits for its effect"),
    )
    .by(STOPS, false)
    .because(why)
    .until(effect::deadline(view).map(|end| end.wall))
}

/// The values before a command are not there yet.
pub(super) fn looking(view: StepView<'_>, board: &Board) -> Option<WhatNow> {
    let looking = view.now.effect.as_deref()?.looking?;
    if !view.comes_to_its_command() {
        return None;
    }
    let Before::Unknown(why) = effect::before(view, &board.effects) else {
        return None;
    };
    let what = format!("{} waits for the values before it", view.plan.to_label());
    let line = WhatNow::new(Severity::Calm, what)
        .by(STOPS, false)
        .because(why);
    Some(line.until(Some(looking.wall.plus(BEFORE_WAIT))))
}

/// A destructive part whose declared effects do not let it be proposed.
pub(super) fn not_as_declared(view: StepView<'_>, board: &Board) -> Option<WhatNow> {
    let why = doubt(view, board)?;
    let what = format!(
        "look at {}: it cannot be proposed as it is",
        view.plan.to_label()
    );
    let line = WhatNow::new(Severity::Warn, what).by(OPERATOR, true);
    Some(line.because(why))
}

/// Why the declared effects of a step do not let its command run.
pub(super) fn doubt(view: StepView<'_>, board: &Board) -> Option<String> {
    match effect::before(view, &board.effects) {
        Before::Bad(why) | Before::Unknown(why) => Some(why),
        Before::Undeclared | Before::Good(_) => None,
    }
}
