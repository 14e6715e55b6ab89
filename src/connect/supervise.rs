//! Starts the poll loops of a session, and says so when one ends by mistake.

use crate::clock::Clock;
use crate::connect::poll::{Context, Source, run};
use crate::connect::registry::Built;
use crate::domain::id::ConnectorName;
use crate::domain::reading::{ConnectorHealth, Liveness, Reading};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// All connectors of a session, each in a task of its own.
pub struct Connectors {
    pokes: BTreeMap<ConnectorName, Arc<Notify>>,
    tasks: TaskTracker,
}

impl Connectors {
    /// Starts all sources. They end when `shutdown` is cancelled or nobody takes `readings`. Needs a tokio runtime.
    pub fn start(
        all: Vec<Built>,
        readings: &mpsc::Sender<Reading>,
        clock: &Arc<dyn Clock>,
        shutdown: &CancellationToken,
    ) -> Self {
        let tasks = TaskTracker::new();
        let mut pokes = BTreeMap::new();
        for Built { source, can, .. } in all {
            let Some(source) = source else { continue };
            let context = Context {
                readings: readings.clone(),
                clock: Arc::clone(clock),
                shutdown: shutdown.clone(),
                poke: Arc::new(Notify::new()),
                can,
            };
            pokes.insert(source.name().clone(), Arc::clone(&context.poke));
            tasks.spawn(watch(source, context));
        }
        tasks.close();
        Self { pokes, tasks }
    }

    /// Names of all connectors.
    pub fn names(&self) -> impl Iterator<Item = &ConnectorName> {
        self.pokes.keys()
    }

    /// Asks one connector to poll now, at most one poll a second; false when there is none of that name.
    pub fn poke(&self, name: &ConnectorName) -> bool {
        self.pokes.get(name).map(|poke| poke.notify_one()).is_some()
    }

    /// Asks all connectors to poll now.
    pub fn poke_all(&self) {
        self.pokes.values().for_each(|poke| poke.notify_one());
    }

    /// Waits until all have ended; within a second of shutdown.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }
}

/// Runs one loop. A source that panics ends alone, and is shown as stale from then on.
async fn watch(source: Box<dyn Source>, context: Context) {
    let health = ConnectorHealth {
        connector: source.name().clone(),
        system: source.system().to_owned(),
        liveness: Liveness::Stale,
        last_good: None,
        last_error: "stopped by an error in this program".to_owned(),
        failures: 1,
        next_try: None,
        latency: Duration::ZERO,
        can: context.can.clone(),
    };
    let (readings, shutdown) = (context.readings.clone(), context.shutdown.clone());
    if tokio::spawn(run(source, context)).await.is_err() {
        tracing::error!(connector = %health.connector, "connector panicked");
        tokio::select! {
            () = shutdown.cancelled() => {}
            // An `Err` means that the session is gone, and nobody needs to know.
            told = readings.send(Reading::Health(health)) => drop(told),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::connect::poll::{Pace, PollError};
    use crate::domain::time::Moment;
    use futures_util::future::BoxFuture;

    struct Fake {
        name: ConnectorName,
        panics: bool,
    }

    impl Source for Fake {
        fn name(&self) -> &ConnectorName {
            &self.name
        }
        fn system(&self) -> &'static str {
            "fake"
        }
        fn every(&self) -> Duration {
            Duration::from_secs(300)
        }
        fn pace(&self) -> Pace {
            Pace::Jittered
        }
        fn deadline(&self) -> Duration {
            Duration::from_secs(1)
        }
        fn poll(&mut self, _now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
            assert!(!self.panics, "as told");
            Box::pin(std::future::ready(Ok(Vec::new())))
        }
    }

    fn fake(name: &str, panics: bool) -> Built {
        let name = ConnectorName::new(name).unwrap();
        Built {
            name: name.clone(),
            source: Some(Box::new(Fake { name, panics })),
            writer: None,
            can: Vec::new(),
            system: "fake",
            notice: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_panics_is_told_and_stops_no_other() {
        let (sender, mut readings) = mpsc::channel(8);
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let shutdown = CancellationToken::new();
        let all = Connectors::start(
            vec![fake("bad", true), fake("good", false)],
            &sender,
            &clock,
            &shutdown,
        );
        let mut seen = Vec::new();
        while seen.len() < 3 {
            match readings.recv().await {
                Some(Reading::Health(health)) => {
                    seen.push((health.connector.to_string(), health.liveness));
                }
                other => panic!("{other:?}"),
            }
            assert!(all.poke(&ConnectorName::new("good").unwrap()));
        }
        assert!(
            seen.contains(&("bad".to_owned(), Liveness::Stale)),
            "{seen:?}"
        );
        assert_eq!(seen.iter().filter(|(name, _)| name == "good").count(), 2);
        assert!(!all.poke(&ConnectorName::new("gone").unwrap()));
        shutdown.cancel();
        all.stopped().await;
    }
}
