//! Guards on a real session server: judged and acted upon with nobody attached, and stopped by one key.

use crate::session_host::{Host, step, wait_until};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use warroom::clock::Clock;
use warroom::connect::connector::Connector;
use warroom::connect::http::HttpSetupError;
use warroom::connect::poll::{Pace, PollError, Source};
use warroom::connect::query::QuerySpec;
use warroom::domain::command::Command;
use warroom::domain::fact::Fact;
use warroom::domain::id::ConnectorName;
use warroom::domain::reading::{QueryAnswer, Reading, Sample, Series};
use warroom::domain::state::{Phase, StepStatus};
use warroom::domain::time::{Moment, Timestamp};

const RUNBOOK: &str = "\
# Watched

```promql guard id=level crit=\"> 2x baseline\" samples=2/3 on_breach=rollback
level
```

## Work

- [ ] First
  ```sh run id=first
  echo first >> done
  ```
  ```sh undo
  echo first >> undone
  ```
- [ ] Second
  ```sh run id=second
  echo second >> done
  ```
  ```sh undo
  echo second >> undone; sleep 1000
  ```
- [ ] Long
  ```sh run id=long
  sleep 1000
  ```
";

/// A metrics system that says what it is told to, in thousandths.
#[derive(Debug)]
struct Meter {
    name: ConnectorName,
    value: Arc<AtomicU64>,
}

impl Connector for Meter {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "meter"
    }

    fn is_metrics(&self) -> bool {
        true
    }

    fn source(
        &self,
        specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(Some(Box::new(Needle {
            name: self.name.clone(),
            value: Arc::clone(&self.value),
            specs: specs.to_vec(),
            asked: 0,
        })))
    }
}

struct Needle {
    name: ConnectorName,
    value: Arc<AtomicU64>,
    specs: Vec<QuerySpec>,
    asked: i64,
}

impl Source for Needle {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "meter"
    }

    fn every(&self) -> Duration {
        Duration::from_millis(50)
    }

    fn pace(&self) -> Pace {
        Pace::Jittered
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn poll(&mut self, now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        // The clock of the test stands still; each sample is a new one all the same.
        self.asked += 1;
        let at = Timestamp::from_millis(now.wall.as_millis() - 1_000 + self.asked % 1_000);
        let value = self.value.load(Ordering::SeqCst) as f64 / 1000.0;
        let answers = self.specs.iter().map(|spec| QueryAnswer {
            rule: spec.rule.clone(),
            result: Ok(vec![Series {
                labels: vec![("instance".to_owned(), "db-1".to_owned())],
                sample: Sample { at, value },
            }]),
            dropped: 0,
            warnings: Vec::new(),
            received: now,
        });
        let answers = answers.collect();
        let source = self.name.clone();
        Box::pin(async move { Ok(vec![Reading::Queries { source, answers }]) })
    }
}

fn watched() -> (Host, Arc<AtomicU64>) {
    let value = Arc::new(AtomicU64::new(1000));
    let mut host = Host::new(RUNBOOK);
    host.connectors = vec![Arc::new(Meter {
        name: ConnectorName::new("main").expect("a name"),
        value: Arc::clone(&value),
    })];
    (host, value)
}

#[tokio::test]
async fn with_nobody_attached_a_guard_goes_back_and_one_key_stops_it() {
    let (host, value) = watched();
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    alice.does(Command::Begin).await;
    alice
        .until("the baseline", |p| !p.state.baselines.is_empty())
        .await;
    for id in ["first", "second"] {
        alice.starts(id).await;
        alice.sees_done(id).await;
    }
    alice.starts("long").await;
    alice
        .until("it to run", |p| {
            p.state.running().is_some_and(|r| r.pid.is_some())
        })
        .await;
    alice.leaves().await;
    wait_until("nobody to be attached", || {
        host.fold().1.terminals.is_empty()
    })
    .await;

    value.store(2_500, Ordering::SeqCst);
    let is_undoing = |id: &str| {
        let state = host.fold().1;
        let view = state.find(&step(id)).expect("a step");
        view.now.status == StepStatus::Undoing && view.now.running.is_some()
    };
    wait_until("the second step to be undone", || is_undoing("second")).await;
    let (records, state) = host.fold();
    assert_eq!(state.phase, Phase::RollingBack);
    assert!(state.terminals.is_empty(), "nobody looked on");
    let acted = state.went_back_by_itself().expect("by itself");
    let values: Vec<f64> = acted.what.quotes.iter().map(|q| q.sample.value).collect();
    assert_eq!(values, [2.5, 2.5]);
    // What ran was stopped, and its end was known before anything was undone.
    let place = |found: fn(&Fact) -> bool| records.iter().position(|r| found(&r.fact));
    let ended =
        place(|f| matches!(f, Fact::ExecOutcome { key, .. } if key.step.as_str() == "long"));
    let undo = place(
        |f| matches!(f, Fact::ExecIntent { key, .. } if key.step.as_str() == "second" && key.block == warroom::domain::fact::ExecKey::UNDO),
    );
    assert!(ended.expect("ended") < undo.expect("undone"));

    // Held while the undo runs, which is let finish or stopped; then nothing follows.
    let mut bob = host.attach("bob").await;
    bob.does(Command::Hold {
        reason: String::new(),
    })
    .await;
    bob.does(Command::Stop {
        step: step("second"),
    })
    .await;
    bob.until("the undo to end", |p| p.state.running().is_none())
        .await;
    bob.notes("looking at it").await;
    let status = |p: &warroom::domain::state::State, id: &str| {
        p.find(&step(id)).expect("a step").now.status.clone()
    };
    assert!(matches!(
        status(&bob.state, "second"),
        StepStatus::UndoFailed { .. }
    ));
    assert!(matches!(
        status(&bob.state, "first"),
        StepStatus::Done { .. }
    ));
    assert!(bob.state.running().is_none());
    running.end().await;
}
