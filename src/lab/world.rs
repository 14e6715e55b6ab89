//! What all answers are made from: the cluster, its past, its alerts, its incidents and what was written, at one moment.

use super::LabOptions;
use super::alerts::{Alarms, PAGING};
use super::metrics::{History, PAST_MS, SCRAPE_MS};
use super::netbox::Journal;
use super::pagerduty::Pager;
use super::silences::Silences;
use super::sim::Sim;
use crate::clock::Clock;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The cluster and everything that watches it.
pub(super) struct Cluster {
    /// The machines.
    pub(super) sim: Sim,
    /// Their metrics.
    pub(super) history: History,
    /// Alerts on the metrics.
    pub(super) alarms: Alarms,
    /// What keeps alerts quiet.
    pub(super) silences: Silences,
    /// Incidents from the alerts and from pages.
    pub(super) pager: Pager,
    /// What was written into the CMDB.
    pub(super) journal: Journal,
    /// When the newest values were kept.
    kept_ms: i64,
}

impl Cluster {
    /// A cluster that has run for half an hour already, so that charts have a past.
    pub(super) fn new(now_ms: i64, options: &LabOptions) -> Self {
        let begin_ms = now_ms.saturating_sub(PAST_MS);
        let sim = Sim::new(begin_ms, options.seed);
        let mut cluster = Self {
            history: History::new(&sim),
            sim,
            alarms: Alarms::new(),
            silences: Silences::default(),
            pager: Pager::new(now_ms),
            journal: Journal::default(),
            kept_ms: begin_ms,
        };
        cluster.advance(now_ms);
        cluster.sim.set_speed(options.speed);
        cluster
    }

    /// Goes on to `now_ms`, second by second, so that nothing depends on who asks when.
    pub(super) fn advance(&mut self, now_ms: i64) {
        // What is older than the kept past would be thrown away again.
        self.kept_ms = self.kept_ms.max(now_ms.saturating_sub(PAST_MS));
        while self.kept_ms.saturating_add(SCRAPE_MS) <= now_ms {
            self.kept_ms = self.kept_ms.saturating_add(SCRAPE_MS);
            self.sim.step(self.kept_ms);
            self.history.keep(&self.sim);
            self.alarms.evaluate(&self.history, self.kept_ms);
            self.follow();
        }
        self.sim.step(now_ms);
        self.history.refresh(&self.sim);
    }

    /// Lets the pager hear the alert that pages, unless a silence keeps it quiet.
    fn follow(&mut self) {
        let firing = self.alarms.firing(PAGING);
        let is_heard = firing.is_some_and(|alert| {
            let labels = alert.all_labels();
            self.silences.of(&labels, self.kept_ms).is_empty()
        });
        let is_firing = firing.is_some();
        self.pager.follow(is_firing, is_heard, self.kept_ms);
    }
}

/// The cluster as all connections share it.
pub(super) struct World {
    /// What credentials must hold.
    pub(super) token: String,
    /// Where the lab listens.
    pub(super) addr: SocketAddr,
    /// How many simulated seconds pass in one.
    pub(super) speed: f64,
    clock: Arc<dyn Clock>,
    cluster: Mutex<Cluster>,
}

impl World {
    /// Begins now.
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        addr: SocketAddr,
        token: String,
        options: LabOptions,
    ) -> Self {
        let now_ms = clock.now().wall.as_millis();
        Self {
            token,
            addr,
            speed: options.speed,
            clock,
            cluster: Mutex::new(Cluster::new(now_ms, &options)),
        }
    }

    /// Lets `work` see the cluster as it is now. It must not wait for anything.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Cluster, i64) -> T) -> T {
        let now_ms = self.clock.now().wall.as_millis();
        let mut cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        cluster.advance(now_ms);
        work(&mut cluster, now_ms)
    }

    /// Whether a credential is the right one. Takes the same time whatever it holds.
    pub(super) fn is_token(&self, given: &str) -> bool {
        let (given, wanted) = (given.as_bytes(), self.token.as_bytes());
        let differing = given
            .iter()
            .zip(wanted)
            .fold(0, |sum, (a, b)| sum | (a ^ b));
        given.len() == wanted.len() && differing == 0
    }

    /// Address that answers name in their links.
    pub(super) fn base(&self) -> String {
        format!("http://{}", self.addr)
    }
}
