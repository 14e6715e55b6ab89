//! Watches of rollouts: what floors say now, and how long the canary has been as good as the rest.

use super::quote;
use crate::domain::id::RuleId;
use crate::domain::reading::QueryAnswer;
use crate::domain::rollout::floor::Seen;
use crate::domain::rollout::{Wait, compare, floor};
use crate::domain::settle::SoakNow;
use crate::domain::state::State;
use crate::domain::time::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// Newest answers for floors and comparisons, and the soak that is waited for.
#[derive(Debug, Default)]
pub(super) struct RolloutWatch {
    answers: BTreeMap<RuleId, QueryAnswer>,
    soak: Option<Soak>,
}

/// One soak: a wait that begins anew is another.
#[derive(Debug)]
struct Soak {
    phase: usize,
    since: Moment,
    /// Since when the canary is as good as it must be, without a break.
    good_since: Option<Moment>,
    /// Newest answer that was judged: only an answer shows something, not the passing of time.
    judged: Option<Moment>,
    is_over: bool,
}

impl RolloutWatch {
    pub(super) fn feed(&mut self, state: &State, answer: &QueryAnswer) {
        let mut asked = state.plan().rollouts().flat_map(|(_, r)| r.queries());
        if asked.any(|query| *query.id == answer.rule) {
            self.answers.insert(answer.rule.clone(), answer.clone());
        }
    }

    /// What each floor says now.
    pub(super) fn floors(&self, state: &State, now: Moment) -> BTreeMap<RuleId, Seen> {
        let floors = state
            .plan()
            .rollouts()
            .filter_map(|(_, r)| r.floor.as_ref());
        floors
            .map(|floor| {
                let value = floor::value(self.answers.get(&floor.id), now);
                (floor.id.clone(), value.map(|found| quote(&found, now)))
            })
            .collect()
    }

    /// How the soak is that is waited for now, where the canary is held against something.
    pub(super) fn soak(&mut self, state: &State, now: Moment) -> Option<SoakNow> {
        let Some((
            phase,
            Wait::Soak {
                since,
                span,
                compare: Some(rule),
            },
        )) = state.waiting_rollout()
        else {
            self.soak = None;
            return None;
        };
        let known = self.soak.take();
        let mut soak = known
            .filter(|soak| soak.phase == phase && soak.since == since)
            .unwrap_or(Soak {
                phase,
                since,
                good_since: None,
                judged: None,
                is_over: false,
            });
        let answer = self.answers.get(&rule.id);
        let units = state.plan().units_of(phase);
        let judged = compare::judge(rule, &units, answer, now);
        if judged.verdict.is_pass() {
            let received = answer.map(|answer| answer.received);
            if received != soak.judged {
                let good = *soak.good_since.get_or_insert(now);
                soak.is_over = Duration::from_millis(now.mono_since(good)) >= span;
            }
            soak.judged = received;
        } else {
            soak.good_since = None;
            soak.is_over = false;
        }
        let now = SoakNow {
            phase,
            is_over: soak.is_over,
            quote: judged.quote.as_ref().map(|found| quote(found, now)),
        };
        self.soak = Some(soak);
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::Command;
    use crate::domain::fixture::{Room, start};
    use crate::domain::reading::{Sample, Series};
    use crate::domain::runbook::{parse, resolve};
    use crate::domain::threshold::Unknown;

    const RUNBOOK: &str = "# T\n\n## Roll\n\n```toml phase\nfor_each = [\"a\", \"b\", \"c\"]\nstrategy = \"canary\"\ncanary = 1\nsoak = \"1m\"\ncompare = \"errors\"\nmax_ratio = 2\nfloor = \"sum(up) >= 1\"\n```\n\n- [ ] Restart\n  ```sh run id=restart\n  true\n  ```\n";

    fn answer(rule: &str, values: &[(&str, f64)], now: Moment) -> QueryAnswer {
        let series = values.iter().map(|(instance, value)| Series {
            labels: vec![("instance".to_owned(), (*instance).to_owned())],
            sample: Sample {
                at: now.wall,
                value: *value,
            },
        });
        QueryAnswer {
            rule: RuleId::new(rule).expect("a name"),
            result: Ok(series.collect()),
            received: now,
            dropped: 0,
            warnings: Vec::new(),
        }
    }

    fn soaking() -> Room {
        let (runbook, _) = parse(RUNBOOK, "x.md");
        let (plan, problems) = resolve(&runbook);
        assert_eq!(problems, []);
        let mut room = Room::with(plan);
        room.must("ann", Command::Begin);
        let mut watch = RolloutWatch::default();
        watch.feed(&room.state, &answer("floor-roll", &[("", 3.0)], room.now));
        room.world.floors = watch.floors(&room.state, room.now);
        room.must("ann", start("restart.a"));
        room.exit(0);
        room
    }

    #[test]
    fn a_soak_is_over_once_the_canary_was_as_good_as_the_rest_all_the_time() {
        let mut room = soaking();
        let mut watch = RolloutWatch::default();
        let good = [("a:9100", 2.0), ("b:9100", 1.0), ("c:9100", 1.0)];
        let bad = [("a:9100", 2.1), ("b:9100", 1.0), ("c:9100", 1.0)];
        let hole = [("a:9100", 2.0), ("b:9100", 1.0)];
        // The state stays as it is: what is asked is what the watch says of it.
        let state = room.state.clone();
        let mut over = Vec::new();
        let rows = [
            &good[..],
            &good,
            &bad,
            &good,
            &hole,
            &good,
            &good,
            &good,
            &good,
        ];
        for values in rows {
            watch.feed(&state, &answer("compare-roll", values, room.now));
            over.push(watch.soak(&state, room.now).expect("it soaks").is_over);
            room.now = room.now.plus(Duration::from_secs(20));
        }
        assert_eq!(
            over,
            [false, false, false, false, false, false, false, false, true]
        );
        // Without a further answer time shows nothing, and what is known grows old.
        room.now = room.now.plus(Duration::from_secs(60));
        assert!(!watch.soak(&state, room.now).expect("it soaks").is_over);
    }

    #[test]
    fn a_floor_that_nobody_has_answered_is_not_known() {
        let room = soaking();
        let watch = RolloutWatch::default();
        let floors = watch.floors(&room.state, room.now);
        let floor = RuleId::new("floor-roll").expect("a name");
        assert_eq!(floors.get(&floor), Some(&Err(Unknown::Never)));
    }
}
