//! When the work will be done, and which step takes longer than it usually does: by earlier runs of the same runbook, or
//! by what the runbook declares.

use crate::domain::readiness::StepView;
use crate::domain::state::{Phase, State};
use crate::domain::time::{Timestamp, short_span};
use std::fmt;
use std::time::Duration;

/// How long a step usually takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// Half of the runs took no longer.
    pub p50: Duration,
    /// Three of four took no longer: beyond it a step is late.
    pub p75: Duration,
    /// Nineteen of twenty took no longer.
    pub p95: Duration,
    /// How many times it was measured; absent for a declared duration, which stands for all three.
    pub samples: Option<u32>,
}

impl fmt::Display for Usual {
    /// `p50 4m10s p75 6m00s p95 9m02s n=7`, or `5m00s declared`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.samples {
            Some(n) => write!(
                f,
                "p50 {} p75 {} p95 {} n={n}",
                short_span(self.p50),
                short_span(self.p75),
                short_span(self.p95)
            ),
            None => write!(f, "{} declared", short_span(self.p50)),
        }
    }
}

/// How long a step usually takes; absent where nobody knows.
pub fn usual(state: &State, view: StepView<'_>) -> Option<Usual> {
    if let Some(spread) = state.genesis.learned.run(&view.plan.id) {
        return Some(Usual {
            p50: spread.p50(),
            p75: spread.p75(),
            p95: spread.p95(),
            samples: Some(spread.n),
        });
    }
    let declared = view.plan.expected?;
    Some(Usual {
        p50: declared,
        p75: declared,
        p95: declared,
        samples: None,
    })
}

/// How long a step that is under way has taken so far.
pub fn elapsed(view: StepView<'_>, now: Timestamp) -> Option<Duration> {
    let started = view.now.started.filter(|_| view.now.is_active())?;
    Some(now.since(started.wall))
}

/// A step that takes longer than three of four earlier runs did.
#[derive(Debug, Clone, Copy)]
pub struct LateStep<'a> {
    /// Which.
    pub view: StepView<'a>,
    /// How long so far.
    pub elapsed: Duration,
    /// How long usually.
    pub usual: Usual,
}

impl fmt::Display for LateStep<'_> {
    /// ``step 2.1 `drain` takes 12m00s, p75 8m10s n=7``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (label, elapsed) = (self.view.plan.to_label(), short_span(self.elapsed));
        write!(f, "{label} takes {elapsed} already, ")?;
        match self.usual.samples {
            Some(n) => write!(f, "p75 {} n={n}", short_span(self.usual.p75)),
            None => write!(f, "{} declared", short_span(self.usual.p75)),
        }
    }
}

/// The first step under way that is late. One whose sub-steps are worked on is as late as they are, and is not named.
pub fn late_step(state: &State, now: Timestamp) -> Option<LateStep<'_>> {
    let mut views = state.views();
    views.find_map(|view| {
        if state.has_sub_steps(view.index) {
            return None;
        }
        let elapsed = elapsed(view, now)?;
        let usual = usual(state, view).filter(|usual| elapsed > usual.p75)?;
        Some(LateStep {
            view,
            elapsed,
            usual,
        })
    })
}

/// When the work will be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// If every step that is left takes as long as half of the runs.
    pub likely: Timestamp,
    /// If every step that is left takes as long as nineteen of twenty did.
    pub late: Timestamp,
    /// Steps that are left and of which nobody knows anything: they count nothing, and it will be later.
    pub unknown: usize,
}

/// When the work that is left will be done, if it goes on now; absent before it began, on the way back, and afterwards.
pub fn forecast(state: &State, now: Timestamp) -> Option<Forecast> {
    if state.phase != Phase::Running {
        return None;
    }
    let left = state.views().filter(|view| {
        // What a step with sub-steps takes is what they take.
        let is_group = state.has_sub_steps(view.index);
        !view.now.status.is_passed() && !is_group && !state.is_back_out(view.plan)
    });
    let none = Forecast {
        likely: now,
        late: now,
        unknown: 0,
    };
    Some(left.fold(none, |sum, view| {
        let so_far = elapsed(view, now).unwrap_or_default();
        match usual(state, view) {
            Some(usual) => Forecast {
                likely: sum.likely.plus(usual.p50.saturating_sub(so_far)),
                late: sum.late.plus(usual.p95.saturating_sub(so_far)),
                unknown: sum.unknown,
            },
            None => Forecast {
                unknown: sum.unknown.saturating_add(1),
                ..sum
            },
        }
    }))
}
