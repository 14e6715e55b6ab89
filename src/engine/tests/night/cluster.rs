//! The cluster of a night: three databases that are drained, upgraded and brought back, and what they show.

use super::{Dice, Told};
use crate::domain::fact::{ExecKey, Fact, Finding, HoldCause, Outcome, Stamped};
use crate::domain::id::StepId;
use crate::domain::runbook::plan::ExecRole;
use crate::domain::state::{Phase, State};
use crate::domain::time::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

const NODES: usize = 3;
/// What the gate of each node waits for, seconds.
const SOAK_S: u64 = 20;

/// The same steps for each node, one at a time, with two of three always in service.
const ROLLOUT: &str = "\n## Nodes\n\n\
    ```toml phase\nfor_each = [\"db-0\", \"db-1\", \"db-2\"]\npause = \"20s\"\nmax_failed = 1\nfloor = \"up >= 2\"\n```\n\n\
    - [ ] Drain it\n  ```sh run id=drain\n  drain\n  ```\n  ```sh undo\n  undrain\n  ```\n\
    - [ ] Upgrade it\n  ```sh run destructive id=upgrade component={{component}}\n  upgrade\n  ```\n  \
    ```sh verify retry=3\n  answers\n  ```\n  ```sh undo\n  downgrade\n  ```\n\
    - [ ] It keeps up\n  ```toml step\n  id = \"soak\"\n  ```\n  \
    ```promql gate id=lag for=20s timeout=10m\n  lag < 1\n  ```\n\
    - [ ] Bring it back\n  ```sh run id=undrain\n  undrain\n  ```\n  ```sh undo\n  drain\n  ```\n";

/// `drain-1` and `drain.db-1`: what is done, and to which node.
fn deed(step: &str) -> (&str, usize) {
    let (verb, node) = step
        .split_once(".db-")
        .or_else(|| step.split_once('-'))
        .expect("verb-node");
    (verb, node.parse().expect("a number"))
}

#[derive(Debug, Clone, Copy, Default)]
struct Node {
    is_drained: bool,
    is_new: bool,
}

#[derive(Debug)]
pub(super) struct Cluster {
    nodes: [Node; NODES],
    /// The runbook has its steps once and for each node, and people let it go by itself.
    rolls: bool,
    /// The node whose new version is bad; none in most nights.
    bad: Option<usize>,
    /// The metrics are out of reach once, from and for how long after the start, seconds.
    blind: Option<(u64, u64)>,
    start: Option<Moment>,
    /// Since when it shows errors beyond the limit to who can see them.
    bad_since: Option<Moment>,
    /// Since when nothing lags.
    calm_since: Option<Moment>,
    /// The lag after a change lasts until then.
    lags_until: Option<Moment>,
    /// Commands whose server died, and whether they did their work.
    lost: BTreeMap<String, bool>,
}

impl Cluster {
    pub(super) fn new(dice: &mut Dice) -> Self {
        Self {
            nodes: [Node::default(); NODES],
            rolls: dice.once_in(2),
            bad: dice
                .once_in(3)
                .then(|| usize::try_from(dice.roll(3)).unwrap_or(0)),
            blind: dice
                .once_in(2)
                .then(|| (dice.roll(600), 20 + dice.roll(300))),
            start: None,
            bad_since: None,
            calm_since: None,
            lags_until: None,
            lost: BTreeMap::new(),
        }
    }

    /// What people have reviewed.
    pub(super) fn runbook(&self) -> String {
        let mut text = "# Upgrade three databases\n\n\
            ```promql guard id=errors title=\"error ratio\" crit=\"> 0.5\" for=10s stale_after=20s on_breach=rollback\n\
            errors\n```\n"
            .to_owned();
        if self.rolls {
            text.push_str(ROLLOUT);
            return text;
        }
        for n in 0..NODES {
            let part = format!(
                "\n## Node db-{n}\n\n\
                - [ ] Drain it\n  ```sh run id=drain-{n}\n  drain db-{n}\n  ```\n  ```sh undo\n  undrain db-{n}\n  ```\n\
                - [ ] Upgrade it\n  ```sh run destructive id=upgrade-{n} component=db-{n}\n  upgrade db-{n}\n  ```\n  \
                ```sh verify retry=3\n  answers db-{n}\n  ```\n  ```sh undo\n  downgrade db-{n}\n  ```\n\
                - [ ] It keeps up\n  ```toml step\n  id = \"soak-{n}\"\n  ```\n  \
                ```promql gate id=lag-{n} for={SOAK_S}s timeout=10m\n  lag < 1\n  ```\n\
                - [ ] Bring it back\n  ```sh run id=undrain-{n}\n  undrain db-{n}\n  ```\n  ```sh undo\n  drain db-{n}\n  ```\n"
            );
            text.push_str(&part);
        }
        text
    }

    /// How long a command takes.
    pub(super) fn takes(dice: &mut Dice) -> Duration {
        Duration::from_secs(1 + dice.roll(40))
    }

    /// A command ends, and has done what it says or nothing at all.
    pub(super) fn end(&mut self, key: &ExecKey, dice: &mut Dice, now: Moment) -> Outcome {
        if dice.once_in(12) {
            return Outcome::Exited { code: 1 };
        }
        let (verb, place) = deed(key.step.as_str());
        let node = self.nodes.get_mut(place).expect("one of three");
        let is_undo = key.block == ExecKey::UNDO;
        // A postcondition only looks.
        let is_run = key.block == 0 || is_undo;
        match (verb, is_run) {
            ("drain", true) => node.is_drained = !is_undo,
            ("undrain", true) => node.is_drained = is_undo,
            ("upgrade", true) => {
                assert!(
                    node.is_drained || is_undo,
                    "a node in service was upgraded: {key}"
                );
                node.is_new = !is_undo;
                let lag = Duration::from_secs(5 + dice.roll(60));
                self.lags_until = Some(now.plus(lag));
            }
            _ => {}
        }
        self.time_passes(now);
        Outcome::Exited { code: 0 }
    }

    /// A command whose server died: it has run to its end or not at all, and the cluster alone can tell.
    pub(super) fn lose(&mut self, key: &ExecKey, dice: &mut Dice, now: Moment) {
        let ran = dice.once_in(2) && self.end(key, dice, now).is_success();
        self.lost.insert(key.to_string(), ran);
    }

    /// What people find who look at the hosts.
    pub(super) fn look(&self, key: &ExecKey) -> Finding {
        match self.lost.get(&key.to_string()) {
            Some(true) => Finding::Ran,
            _ => Finding::DidNotRun,
        }
    }

    /// Lags die down; what is bad shows.
    pub(super) fn time_passes(&mut self, now: Moment) {
        self.start.get_or_insert(now);
        let lags = self
            .lags_until
            .is_some_and(|until| now.mono_ms < until.mono_ms);
        let since = (!lags).then_some(now);
        self.calm_since = since.map(|now| self.calm_since.unwrap_or(now));
        let shows = (self.is_bad() && !self.is_blind(now)).then_some(now);
        self.bad_since = shows.map(|now| self.bad_since.unwrap_or(now));
    }

    fn is_bad(&self) -> bool {
        let bad = self.bad.and_then(|place| self.nodes.get(place));
        bad.is_some_and(|node| node.is_new)
    }

    fn is_blind(&self, now: Moment) -> bool {
        let Some((start, (from, span))) = self.start.zip(self.blind) else {
            return false;
        };
        let second = now.mono_since(start) / 1000;
        (from..from.saturating_add(span)).contains(&second)
    }

    pub(super) fn has_been_bad_for(&self, span: Duration, now: Moment) -> bool {
        self.bad_since
            .is_some_and(|since| Duration::from_millis(now.mono_since(since)) > span)
    }

    /// What a poll brings; nothing while the metrics are out of reach.
    pub(super) fn metrics(&self, now: Moment) -> Option<Vec<(String, f64)>> {
        if self.is_blind(now) {
            return None;
        }
        let lag = if self.calm_since.is_some() { 0.1 } else { 9.0 };
        let errors = if self.is_bad() { 0.9 } else { 0.01 };
        if self.rolls {
            let gates = (0..NODES).map(|n| (format!("lag.db-{n}"), lag));
            let up = ("floor-nodes".to_owned(), self.in_service());
            let others = [("errors".to_owned(), errors), up];
            return Some(gates.chain(others).collect());
        }
        let gates = (0..NODES).map(|n| (format!("lag-{n}"), lag));
        Some(gates.chain([("errors".to_owned(), errors)]).collect())
    }

    fn in_service(&self) -> f64 {
        let up = self.nodes.iter().filter(|node| !node.is_drained);
        up.map(|_| 1.0).sum()
    }

    /// What began by itself: somebody has said so, nothing was amiss, and enough stay in service whatever was measured when.
    fn judge_start(&self, before: &State, step: &StepId, told: &mut Told) {
        told.by_itself += 1;
        let (_, run_on) = before.runs_on().expect("somebody has said so");
        assert_eq!(run_on.ends, None, "{step} began by itself after the end");
        assert!(!before.is_held(), "{step} began by itself in a hold");
        let bad = before.bad_guard().map(|(rule, _)| &rule.id);
        assert_eq!(bad, None, "{step} began by itself on a bad guard");
        if deed(step.as_str()).0 == "drain" {
            assert!(self.in_service() >= 3.0, "{step}: {:?}", self.nodes);
        }
    }

    /// One record against the state before it and against what is really so.
    pub(super) fn judge(&self, before: &State, record: &Stamped, told: &mut Told) {
        match &record.fact {
            Fact::StepStarted { step, .. } if record.actor.person().is_none() => {
                self.judge_start(before, step, told);
            }
            Fact::ExecIntent {
                key,
                role: ExecRole::Run,
                nonce,
            } => {
                let destroys = deed(key.step.as_str()).0 == "upgrade";
                assert_eq!(nonce.is_some(), destroys, "{key}");
                if destroys {
                    let open = before.proposal.as_ref().expect("it was proposed");
                    assert!(!open.confirms.is_empty(), "{key}: nobody confirmed it");
                    assert_eq!(
                        record.actor.person(),
                        Some(&open.terms.executor),
                        "{key}: nobody said go"
                    );
                }
                assert_eq!(before.phase, Phase::Running, "{key}");
                assert!(!before.is_held(), "{key} began in a hold");
                if nonce.is_some() {
                    told.destroyed += 1;
                    let bad = before
                        .bad_guard()
                        .map(|(rule, verdict)| (&rule.id, verdict));
                    assert_eq!(bad, None, "{key} destroys while a guard is not known good");
                }
            }
            Fact::GateOpened { step, .. } => {
                told.gates += 1;
                let calm = self
                    .calm_since
                    .map(|since| record.at.mono_since(since) / 1000);
                // From one poll to the next nobody sees.
                let slack = 5;
                assert!(
                    calm.is_some_and(|calm| calm + slack >= SOAK_S),
                    "{step} opened after {calm:?} s of calm"
                );
                assert!(!self.is_blind(record.at), "{step} opened blindly");
            }
            Fact::RollbackStarted { .. } if record.actor.person().is_none() => {
                told.rolled_back_by_itself += 1;
                assert!(self.is_bad(), "it went back for nothing");
                let held = |hold: &crate::domain::state::Hold| {
                    matches!(hold.cause, HoldCause::Guard { .. })
                };
                assert!(before.holds.iter().any(held), "the hold comes first");
            }
            Fact::Completed => {
                let is_whole = |node: &Node| node.is_new && !node.is_drained;
                assert!(
                    self.nodes.iter().all(is_whole),
                    "complete: {:?}",
                    self.nodes
                );
            }
            Fact::RolledBack => {
                let is_old = |node: &Node| !node.is_new && !node.is_drained;
                assert!(self.nodes.iter().all(is_old), "back: {:?}", self.nodes);
            }
            _ => {}
        }
    }
}
