//! Watches on metrics: answers in, changed verdicts and what follows from them out.

mod rollout;

use crate::domain::board::GateProgress;
use crate::domain::decide::with_stop;
use crate::domain::digest::Digest;
use crate::domain::fact::{ExecKey, Fact, GuardActed, HoldCause, Quote};
use crate::domain::id::RuleId;
use crate::domain::readiness::Next;
use crate::domain::reading::{QueryAnswer, Reading};
use crate::domain::rollout::floor::Seen;
use crate::domain::runbook::plan::{Gate, MetricRule};
use crate::domain::settle::{GateNow, GateView};
use crate::domain::state::{Phase, Stage, State};
use crate::domain::threshold::{OnBreach, OnNoData, SAMPLES_MAX, Unknown, Verdict};
use crate::domain::time::Moment;
use crate::domain::verdict::{self, Collector, GateWatch, RuleWatch, is_untouched, series_name};
use rollout::RolloutWatch;
use std::collections::BTreeMap;
use std::time::Duration;

/// Age beyond which a gate's value is stale: `TWO_PERSON` 4.4 names 30 s for guards, and a gate opens the same doors.
const GATE_STALE_AFTER: Duration = Duration::from_secs(30);

/// All watches of a session.
#[derive(Debug, Default)]
pub(super) struct Watches {
    rules: BTreeMap<RuleId, Watched>,
    gate: Option<Waiting>,
    /// The plan that all of this is about.
    plan: Option<Digest>,
    rollout: RolloutWatch,
    /// What baselines are made of, until they are durable or it is too late for them.
    collectors: BTreeMap<RuleId, Collector>,
    /// Rules whose present breach has had its consequence; a release is not undone by the same breach.
    acted: Acted,
    /// As `acted`, without what is staged only.
    acted_durably: Acted,
}

/// For each rule whether a breach was acted upon; false: only a lack of data was, and a breach still has its own
/// consequence.
type Acted = BTreeMap<RuleId, bool>;

#[derive(Debug)]
struct Watched {
    /// The rule as it is watched: two people can make another of it.
    rule: MetricRule,
    watch: RuleWatch,
    since: Moment,
}

#[derive(Debug)]
struct Waiting {
    /// Which gate of which attempt.
    key: ExecKey,
    rule: RuleId,
    watch: GateWatch,
}

impl Watches {
    /// Takes answers in.
    pub(super) fn feed(&mut self, state: &State, reading: &Reading, now: Moment) {
        let Reading::Queries { answers, .. } = reading else {
            return;
        };
        self.follow(state, now);
        for answer in answers {
            self.rollout.feed(state, answer);
            self.answer(answer, now);
        }
    }

    fn answer(&mut self, answer: &QueryAnswer, now: Moment) {
        if let Some(collector) = self.collectors.get_mut(&answer.rule) {
            collector.feed(answer, now);
        }
        if let Some(watched) = self.rules.get_mut(&answer.rule) {
            watched.watch.feed(answer, now);
        }
        if let Some(waiting) = self.gate.as_mut().filter(|w| w.rule == answer.rule) {
            waiting.watch.feed(answer, now);
        }
    }

    /// Keeps a watch for each rule that counts now, and one for the gate that waits.
    fn follow(&mut self, state: &State, now: Moment) {
        let over = state.phase.is_final();
        let watched: BTreeMap<&RuleId, &MetricRule> = state
            .guards()
            .filter(|_| !over)
            .map(|(rule, _)| (&rule.id, rule))
            .collect();
        self.rules.retain(|id, _| watched.contains_key(id));
        for (id, rule) in watched {
            let baseline = state.baselines.get(id);
            let fresh = || Watched {
                rule: rule.clone(),
                watch: RuleWatch::new(rule),
                since: now,
            };
            let watched = self.rules.entry(id.clone()).or_insert_with(fresh);
            if !is_same(&watched.rule, rule) {
                *watched = fresh();
                // A breach of this one has its own consequence.
                self.acted.remove(id);
                self.acted_durably.remove(id);
            }
            match baseline {
                Some(baseline) if !watched.watch.has_baseline() => {
                    watched.watch.set_baseline(baseline);
                }
                // It was staged, and the journal did not take it.
                None if watched.watch.has_baseline() => watched.watch = RuleWatch::new(rule),
                _ => {}
            }
        }
        if self.plan != Some(state.genesis.plan_digest) {
            // What was asked for an earlier plan may be the answer to another question.
            self.plan = Some(state.genesis.plan_digest);
            self.rollout = RolloutWatch::default();
            self.collectors.clear();
        }
        self.gather(state);
        let waiting = waiting_gate(state);
        let key = waiting.as_ref().map(|(key, _, _)| key);
        if self.gate.as_ref().map(|w| &w.key) == key {
            return;
        }
        self.gate = waiting.map(|(key, gate, since)| Waiting {
            key,
            rule: gate.id.clone(),
            watch: GateWatch::new(gate, GATE_STALE_AFTER, since.unwrap_or(now)),
        });
    }

    /// Gathers for every guard, also of a later phase, as long as nothing has been changed.
    fn gather(&mut self, state: &State) {
        if !is_untouched(state) {
            self.collectors.clear();
            return;
        }
        for rule in state.all_guards() {
            if !state.baselines.contains_key(&rule.id) && !self.collectors.contains_key(&rule.id) {
                self.collectors
                    .insert(rule.id.clone(), Collector::new(rule));
            }
        }
    }

    /// Baselines that can be taken now: at Begin, or as soon after it as there is a good answer.
    fn baselines(&self, state: &State, now: Moment) -> Vec<Fact> {
        if state.phase != Phase::Running {
            return Vec::new();
        }
        let missing = self.collectors.iter();
        let missing = missing.filter(|(rule, _)| !state.baselines.contains_key(*rule));
        missing
            .filter_map(|(_, collector)| collector.take(now))
            .map(Fact::BaselineTaken)
            .collect()
    }

    /// A verdict or a gate may change by time alone.
    pub(super) fn are_watching(&self) -> bool {
        !self.rules.is_empty() || self.gate.is_some()
    }

    /// Changed verdicts, or what a breach leads to.
    pub(super) fn look(&mut self, state: &State, now: Moment) -> Vec<Fact> {
        self.follow(state, now);
        let mut facts = self.baselines(state, now);
        if !facts.is_empty() {
            // What the guards say is judged by them.
            return facts;
        }
        for (id, watched) in &mut self.rules {
            let report = watched.watch.tick(now);
            if report.verdict != state.verdict(id) {
                facts.push(Fact::RuleChanged {
                    rule: id.clone(),
                    verdict: report.verdict,
                    quote: report.quote.as_ref().map(|q| quote(q, now)),
                });
            }
        }
        if facts.is_empty() {
            self.consequence(state, now)
        } else {
            facts
        }
    }

    fn consequence(&self, state: &State, now: Moment) -> Vec<Fact> {
        if state.phase != Phase::Running {
            return Vec::new();
        }
        let mut guards = state.guards();
        let breach = guards.find(|(rule, verdict)| {
            has_consequence(rule, *verdict)
                && !self.has_acted(rule, *verdict)
                && !self.is_young(rule, *verdict, now)
        });
        let Some((rule, verdict)) = breach else {
            return Vec::new();
        };
        let goes_back = verdict == Verdict::Fail && rule.on_breach == OnBreach::Rollback;
        if rule.dry_run {
            return vec![self.act(rule, verdict, now)];
        }
        let cause = HoldCause::Guard {
            rule: rule.id.clone(),
        };
        let held = Fact::Held(cause);
        if goes_back {
            let reason = format!("guard `{}` is beyond its limit", rule.title);
            let act = self.act(rule, verdict, now);
            let back = with_stop(state, Fact::RollbackStarted { reason });
            return [act, held].into_iter().chain(back).collect();
        }
        vec![held]
    }

    /// What a guard does now, with the samples that decided it.
    fn act(&self, rule: &MetricRule, verdict: Verdict, now: Moment) -> Fact {
        let watch = self.rules.get(&rule.id).map(|watched| &watched.watch);
        let is_breach = verdict == Verdict::Fail;
        let deciding = watch.iter().flat_map(|watch| watch.deciding());
        let mut quotes: Vec<Quote> = deciding
            .filter(|_| is_breach)
            .take(usize::from(SAMPLES_MAX))
            .map(|q| quote(q, now))
            .collect();
        if quotes.is_empty() {
            let newest = watch.and_then(|watch| watch.report().quote.as_ref());
            quotes.extend(newest.map(|q| quote(q, now)));
        }
        let did = match verdict {
            Verdict::Fail => rule.on_breach,
            _ => OnBreach::Hold,
        };
        Fact::GuardActed(GuardActed {
            rule: rule.id.clone(),
            did,
            dry_run: rule.dry_run,
            verdict,
            quotes,
        })
    }

    fn has_acted(&self, rule: &MetricRule, verdict: Verdict) -> bool {
        let acted = self.acted.get(&rule.id);
        acted.is_some_and(|on_breach| *on_breach || verdict != Verdict::Fail)
    }

    /// A watch that has just begun has no data yet; that becomes a lack of data only with time.
    fn is_young(&self, rule: &MetricRule, verdict: Verdict, now: Moment) -> bool {
        let since = self.rules.get(&rule.id).map_or(now, |w| w.since);
        verdict == Verdict::Unknown(Unknown::Never) && !now.has_passed(since, rule.stale_after)
    }

    /// A record is staged; `state` has it.
    pub(super) fn stage(&mut self, state: &State, fact: &Fact) {
        note(&mut self.acted, state, fact);
    }

    /// A record is durable; `state` has it.
    pub(super) fn commit(&mut self, state: &State, fact: &Fact) {
        if let Fact::BaselineTaken(taken) = fact {
            self.collectors.remove(&taken.rule);
        }
        note(&mut self.acted_durably, state, fact);
    }

    /// What was staged is not durable.
    pub(super) fn unstage(&mut self) {
        self.acted = self.acted_durably.clone();
    }

    /// What floors say now.
    pub(super) fn floors(&self, state: &State, now: Moment) -> BTreeMap<RuleId, Seen> {
        self.rollout.floors(state, now)
    }

    /// What the waiting gate and the canary say now.
    pub(super) fn gates(&mut self, state: &State, now: Moment) -> GateView {
        let gate = self.gate.as_mut().map(|waiting| {
            let report = waiting.watch.tick(now);
            GateNow {
                rule: waiting.rule.clone(),
                is_open: report.is_open,
                is_timed_out: report.is_timed_out,
                quote: report.quote.as_ref().map(|q| quote(q, now)),
            }
        });
        let soak = self.rollout.soak(state, now);
        GateView { gate, soak }
    }

    pub(super) fn gate_progress(&self) -> Option<GateProgress> {
        let waiting = self.gate.as_ref()?;
        let report = waiting.watch.report();
        Some(GateProgress {
            rule: waiting.rule.clone(),
            verdict: report.verdict,
            holding_since: report.met_since,
        })
    }
}

/// The same rule, wherever it stands in its document.
fn is_same(watched: &MetricRule, rule: &MetricRule) -> bool {
    let bare = |rule: &MetricRule| MetricRule {
        line: 0,
        phase: None,
        ..rule.clone()
    };
    watched == rule || bare(watched) == bare(rule)
}

/// Remembers which breach has had its consequence.
fn note(acted: &mut Acted, state: &State, fact: &Fact) {
    match fact {
        Fact::Held(HoldCause::Guard { rule })
        | Fact::GuardActed(GuardActed {
            rule,
            dry_run: true,
            ..
        }) => {
            *acted.entry(rule.clone()).or_default() |= state.verdict(rule) == Verdict::Fail;
        }
        Fact::RuleChanged { rule, verdict, .. } if verdict.is_known_good() => {
            acted.remove(rule);
        }
        _ => {}
    }
}

fn has_consequence(rule: &MetricRule, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Pass | Verdict::Warn => false,
        Verdict::Fail => rule.on_breach != OnBreach::Warn,
        Verdict::Unknown(_) => rule.no_data == OnNoData::Hold,
    }
}

fn waiting_gate(state: &State) -> Option<(ExecKey, &Gate, Option<Moment>)> {
    let view = state.under_way()?;
    match (view.now.stage(), view.next()) {
        (Some(Stage::Gated), Next::Gate(gate)) => {
            Some((view.next_key(), gate, view.now.gate_since))
        }
        _ => None,
    }
}

/// The deciding sample as the journal quotes it.
fn quote(quote: &verdict::Quote, now: Moment) -> Quote {
    Quote {
        series: series_name(&quote.labels),
        sample: quote.sample,
        age_ms: u64::try_from(quote.age(now).as_millis()).unwrap_or(u64::MAX),
    }
}
