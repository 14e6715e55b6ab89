//! One gate over a recorded past, begun every hour.

use super::outcome::{GateOutcome, STARTS_KEPT};
use super::rule::scaled;
use super::stretch::moment;
use crate::domain::reading::QueryAnswer;
use crate::domain::runbook::plan::Gate;
use crate::domain::threshold::Verdict;
use crate::domain::time::{Moment, Timestamp, short_span};
use crate::domain::verdict::{GATE_STALE_AFTER, GateWatch};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How often a gate is begun: people begin a step at any time of a day, and more starts than this say nothing new.
const EVERY: Duration = Duration::from_secs(3600);
/// How long a gate without a timeout is waited for: nobody waits longer than a day.
pub const GATE_PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Feeds one watch for each start that is still waiting, at most 720 at once (the longest timeout, 30 days, in hours).
#[derive(Debug)]
pub struct GateReplay {
    gate: Gate,
    step_number: String,
    step: Duration,
    /// As the gate, with the patience as timeout.
    waiting_gate: Gate,
    patience: Duration,
    next: Option<Timestamp>,
    waiting: VecDeque<Waiting>,
    /// What the condition says at all, without anybody waiting.
    always: GateWatch,
    begun: u64,
    waits: Vec<u64>,
    not_opened: u64,
    not_opened_unknown: u64,
    closed_at: Vec<Timestamp>,
    met: u64,
    unmet: u64,
    unknown_by: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
struct Waiting {
    from: Timestamp,
    watch: GateWatch,
    saw_unknown: bool,
}

impl GateReplay {
    /// Begins with the first answer, and every hour after it. `step_number` is that of the step it stands in.
    pub fn new(gate: &Gate, step_number: &str, step: Duration) -> Self {
        let patience = gate.timeout.unwrap_or(GATE_PATIENCE);
        let waiting_gate = Gate {
            timeout: Some(patience),
            ..gate.clone()
        };
        let untimed = Gate {
            timeout: None,
            ..gate.clone()
        };
        Self {
            gate: gate.clone(),
            step_number: step_number.to_owned(),
            step,
            waiting_gate,
            patience,
            next: None,
            waiting: VecDeque::new(),
            always: GateWatch::new(&untimed, GATE_STALE_AFTER, Moment::default()),
            begun: 0,
            waits: Vec::new(),
            not_opened: 0,
            not_opened_unknown: 0,
            closed_at: Vec::new(),
            met: 0,
            unmet: 0,
            unknown_by: BTreeMap::new(),
        }
    }

    /// Takes the answer of one moment in; answers come in their order.
    pub fn feed(&mut self, answer: &QueryAnswer, now: Moment) {
        self.begin(now.wall);
        match self.always.feed(answer, now).verdict {
            Verdict::Pass | Verdict::Warn => self.met += 1,
            Verdict::Fail => self.unmet += 1,
            Verdict::Unknown(why) => *self.unknown_by.entry(why.as_str()).or_default() += 1,
        }
        let mut still = VecDeque::with_capacity(self.waiting.len());
        while let Some(mut waiting) = self.waiting.pop_front() {
            let report = waiting.watch.feed(answer, now);
            waiting.saw_unknown |= matches!(report.verdict, Verdict::Unknown(_));
            if report.is_open {
                self.waits.push(now.wall.since(waiting.from).as_secs());
            } else if report.is_timed_out {
                self.not_opened += 1;
                self.not_opened_unknown += u64::from(waiting.saw_unknown);
                if self.closed_at.len() < STARTS_KEPT {
                    self.closed_at.push(waiting.from);
                }
            } else {
                still.push_back(waiting);
            }
        }
        self.waiting = still;
    }

    fn begin(&mut self, at: Timestamp) {
        if self.next.is_some_and(|due| at < due) {
            return;
        }
        self.next = Some(self.next.unwrap_or(at).plus(EVERY));
        self.begun += 1;
        self.waiting.push_back(Waiting {
            from: at,
            watch: GateWatch::new(&self.waiting_gate, GATE_STALE_AFTER, moment(at)),
            saw_unknown: false,
        });
    }

    /// The outcome. What still waits is neither open nor not: the past ended too early for it.
    pub fn finish(mut self) -> GateOutcome {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.waits.sort_unstable();
        let seconds = |samples: u64| samples.saturating_mul(self.step.as_secs());
        GateOutcome {
            id: self.gate.id.clone(),
            step: self.step_number,
            expr: self.gate.expr.clone(),
            condition: format!("{} for {}", self.gate.limit, short_span(self.gate.hold_for)),
            patience_seconds: self.patience.as_secs(),
            begun: self.begun,
            opened: count(self.waits.len()),
            not_opened: self.not_opened,
            cut_off: count(self.waiting.len()),
            not_opened_unknown: self.not_opened_unknown,
            wait_median_seconds: self.waits.get(self.waits.len() / 2).copied(),
            wait_longest_seconds: self.waits.last().copied(),
            met_seconds: seconds(self.met),
            unmet_seconds: seconds(self.unmet),
            unknown_seconds: seconds(self.unknown_by.values().sum()),
            unknown_by: scaled(&self.unknown_by, self.step),
            closed_at: self.closed_at,
        }
    }
}
