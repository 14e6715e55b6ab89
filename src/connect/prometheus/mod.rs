//! Prometheus and servers with its HTTP API: newest values of all queries together, past values once, alerts, rules,
//! targets, version.
//!
//! Knows nothing of limits or verdicts, and keeps no past: that is the session's.
//! [`PrometheusConfig`] says where, [`Prometheus`] is the [`Source`] for the poll loop.

mod beside;
mod config;
mod past;
mod probe;
mod queries;
mod request;
mod response;
mod wire;

pub use config::{
    EVERY, EVERY_MIN, HISTORY, KIND, PrometheusConfig, QUERIES_IN_FLIGHT, SERIES_MAX,
};
pub use response::{
    Alerts, Build, Flavour, Matrix, ResponseError, Rules, Targets, Vector, parse_alerts,
    parse_build, parse_matrix, parse_recorded, parse_rules, parse_targets, parse_vector,
};

use crate::clock::Clock;
use crate::connect::http::HttpSetupError;
use crate::connect::poll::{Early, Outbox, Pace, PollError, Source};
use crate::connect::query::{Ask, QuerySpec, asks_of};
use crate::domain::id::ConnectorName;
use crate::domain::reading::Reading;
use crate::domain::time::Moment;
use beside::{Part, Standing, Told};
use futures_util::future::{BoxFuture, join_all};
use queries::Outcomes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use wire::{Failure, Wire};

/// Alerts and the like may take this much longer than the queries of the same poll, so that a guard is judged within a
/// second even where they hang.
const BESIDE_GRACE: Duration = Duration::from_secs(1);

/// One Prometheus.
pub struct Prometheus {
    config: PrometheusConfig,
    wire: Wire,
    clock: Arc<dyn Clock>,
    asks: Vec<Ask>,
    beside: Vec<Standing>,
    history: Past,
    trouble: Option<String>,
    early: Option<Early>,
}

/// Whether past values have been asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    /// Not before the first live values are there.
    Later,
    Due,
    Done,
}

impl Prometheus {
    /// Prepares the connection; opens none. `specs` are the queries of this connector alone.
    ///
    /// # Errors
    /// [`HttpSetupError`] when the URL, the credentials or the certificates cannot be used.
    pub fn new(
        config: PrometheusConfig,
        specs: &[QuerySpec],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        let asks = asks_of(specs);
        let parts = [
            (Part::Alerts, config.alerts),
            (Part::Rules, config.rules),
            (Part::Targets, config.targets),
            (Part::Info, true),
        ];
        let wanted = parts.into_iter().filter(|(_, wanted)| *wanted);
        Ok(Self {
            wire: Wire::new(&config)?,
            history: if config.history.is_zero() || asks.is_empty() {
                Past::Done
            } else {
                Past::Later
            },
            beside: wanted.map(|(part, _)| Standing::new(part)).collect(),
            config,
            clock,
            asks,
            trouble: None,
            early: None,
        })
    }

    async fn poll_once(&mut self, now: Moment) -> Result<Vec<Reading>, PollError> {
        let deadline = Instant::now() + self.wire.timeout();
        if self.history == Past::Due {
            self.history = Past::Done;
            return Ok(vec![self.ranges(now.wall, deadline).await]);
        }
        let without_queries = self.asks.is_empty();
        let due: Vec<bool> = self
            .beside
            .iter_mut()
            // Without queries the version is the only sign of life.
            .map(|one| one.is_due(now) || (without_queries && one.part() == Part::Info))
            .collect();
        let outbox = Outbox::new(self.early.clone());
        let (outcomes, parts) = self.exchange(&due, &outbox, deadline).await;
        let mut readings = outbox.rest();
        for (standing, outcome) in self.beside.iter_mut().zip(parts) {
            let reading = outcome.and_then(|outcome| standing.take(outcome, now));
            readings.extend(reading);
        }
        let found = self.beside.iter().filter_map(Standing::trouble);
        let troubles: Vec<String> = outcomes
            .trouble()
            .into_iter()
            .chain(found.map(str::to_owned))
            .collect();
        if let Some(failure) = outcomes.lost() {
            return Err(PollError {
                what: failure.to_string(),
                retry_after: outcomes.retry_after(),
                readings,
            });
        }
        let version = self.beside.iter().find(|one| one.part() == Part::Info);
        if without_queries && !version.is_some_and(|one| one.is_good_at(now)) {
            return Err(PollError::new(troubles.join("; ")).with_readings(readings));
        }
        self.trouble = (!troubles.is_empty()).then(|| troubles.join("; "));
        if self.history == Past::Later {
            self.history = Past::Due;
        }
        Ok(readings)
    }

    /// Asks everything side by side. What a guard needs is not kept back by what else hangs.
    async fn exchange(
        &self,
        due: &[bool],
        outbox: &Outbox,
        deadline: Instant,
    ) -> (Outcomes, Vec<Option<Result<Told, Failure>>>) {
        let (done, enough) = (Notify::new(), CancellationToken::new());
        let queries = async {
            let outcomes = self.instants(outbox, deadline).await;
            done.notify_one();
            outcomes
        };
        let parts = join_all(self.beside.iter().zip(due).map(|(standing, due)| {
            let asking = self.ask_beside(standing.part(), &enough, outbox, deadline);
            async move { if *due { Some(asking.await) } else { None } }
        }));
        let beside = async {
            tokio::pin!(parts);
            if !self.asks.is_empty() {
                tokio::select! {
                    parts = &mut parts => return parts,
                    () = async { done.notified().await; sleep(BESIDE_GRACE).await } => enough.cancel(),
                }
            }
            parts.await
        };
        tokio::join!(queries, beside)
    }

    async fn ask_beside(
        &self,
        part: Part,
        enough: &CancellationToken,
        outbox: &Outbox,
        deadline: Instant,
    ) -> Result<Told, Failure> {
        let clock = self.clock.as_ref();
        let mut told = tokio::select! {
            biased;
            told = beside::ask(&self.wire, clock, &self.config.name, part, deadline) => told?,
            () = enough.cancelled() => return Err(Failure::Late(BESIDE_GRACE)),
        };
        // Told now, where that can be, and else with the rest.
        told.reading = told.reading.and_then(|reading| outbox.tell(reading));
        Ok(told)
    }
}

impl Source for Prometheus {
    fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    fn system(&self) -> &'static str {
        "prometheus"
    }

    fn every(&self) -> Duration {
        self.config.every.max(EVERY_MIN)
    }

    fn pace(&self) -> Pace {
        Pace::Aligned
    }

    fn deadline(&self) -> Duration {
        self.wire.timeout()
    }

    fn poll(&mut self, now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        Box::pin(self.poll_once(now))
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }

    fn wants_follow_up(&self) -> bool {
        self.history == Past::Due
    }

    fn tell_early(&mut self, early: Early) {
        self.early = Some(early);
    }
}

#[cfg(test)]
mod tests;
