//! What is said while a rollout waits, and of a switch that was taken back.

use super::{Severity, WhatNow};
use crate::domain::readiness::{Readiness, StepView};
use crate::domain::rollout::Wait;
use crate::domain::state::{Phase, State, StepStatus};
use crate::domain::time::short_span;

/// What a rollout has to say of the step people look at; nothing where it says nothing of its own.
pub(super) fn line(state: &State, view: StepView<'_>, who: &str) -> Option<WhatNow> {
    match view.now.status {
        StepStatus::Undone if view.plan.switch && state.phase == Phase::Running => {
            let label = view.plan.to_label();
            let what = format!("{label} was taken back: retry it, skip it to stay, or roll back");
            Some(WhatNow::new(Severity::Act, what).by(who, true))
        }
        StepStatus::Pending => match state.readiness(view.index) {
            Readiness::Blocked(_) => waits(state, view, who),
            _ => None,
        },
        _ => None,
    }
}

/// The next unit waits: for what, until when, and who may end it.
fn waits(state: &State, view: StepView<'_>, who: &str) -> Option<WhatNow> {
    let (_, wait) = state.waiting_rollout()?;
    let unit = view.plan.unit.as_ref()?.component.as_str();
    let (severity, what) = match wait {
        Wait::Stopped { .. } => {
            let what = format!(
                "the rollout is stopped before `{unit}`: go on with a reason, or roll back"
            );
            (Severity::Bad, what)
        }
        Wait::Pause { .. } => {
            let what = format!("`{unit}` waits for the end of the pause");
            (Severity::Calm, what)
        }
        Wait::Soak { .. } => {
            let what = format!("`{unit}` waits while the canary soaks");
            (Severity::Calm, what)
        }
    };
    let yours = matches!(wait, Wait::Stopped { .. });
    let line = WhatNow::new(severity, what).by(who, yours);
    let until = wait.ends().map(|end| end.wall);
    Some(line.because(why(&wait)).until(until))
}

/// What the sentence itself does not say of a wait.
fn why(wait: &Wait<'_>) -> String {
    match wait {
        Wait::Pause { batch, span, .. } => format!("{} after batch {batch}", short_span(*span)),
        Wait::Soak {
            span,
            compare: Some(_),
            ..
        } => format!("as good as the rest for {}", short_span(*span)),
        Wait::Soak { span, .. } => format!("for {}", short_span(*span)),
        Wait::Stopped { .. } => wait.words(),
    }
}
