//! The simulated cluster: three database nodes behind a load balancer, an API and a worker.
//!
//! Pure: time comes in through [`Sim::step`], noise from a seed. The numbers are tuned for a demo of a few minutes:
//! everything reacts within one to three seconds and settles in about ten.
//!
//! What moves what: the API's requests become queries; writes go to the primary, reads to all nodes that take
//! traffic; the busiest node makes the latency; what no node can answer becomes errors; a node that is down falls
//! behind and catches up afterwards; errors and latency slow the worker, so its queue grows.

pub(super) mod action;
#[cfg(test)]
mod tests;

use super::catalog::{API, BALANCER, DATABASES, WORKER};
use super::noise::{Drift, Noise};

/// One step of the simulation: fine enough for a count-down that people watch.
const TICK_S: f64 = 0.1;
const TICK_MS: f64 = TICK_S * 1000.0;
/// Longest stretch that is caught up after a silence, in simulated milliseconds; everything has settled long before.
const CATCH_UP_MS: f64 = 60.0 * 60.0 * 1000.0;

/// Requests per second on an average night.
const DEMAND: f64 = 420.0;
/// Queries that read, per request.
const READS: f64 = 1.68;
/// Queries that write, per request.
const WRITES: f64 = 0.72;
/// Client connections for reads, all nodes together.
const READ_CONNECTIONS: f64 = 480.0;
/// Client connections for writes, on the primary.
const WRITE_CONNECTIONS: f64 = 120.0;
/// The primary gets fewer reads than a replica: it has the writes.
const PRIMARY_READ_WEIGHT: f64 = 0.6;
/// Queries per second that one node answers without queueing.
const NODE_CAPACITY: f64 = 900.0;

/// Seconds until a drained node has lost its traffic.
const DRAIN_S: f64 = 5.0;
/// Seconds until a returning node has its whole traffic.
const UNDRAIN_S: f64 = 5.0;
/// Seconds until the load balancer has noticed a dead node.
const HEALTH_CHECK_S: f64 = 1.5;
/// Seconds of an upgrade, the restart included.
pub(super) const UPGRADE_S: f64 = 8.0;
/// Seconds of a restart.
pub(super) const RESTART_S: f64 = 4.0;
/// Seconds of a switchover.
pub(super) const SWITCHOVER_S: f64 = 3.0;
/// Seconds until a fault has its full effect: the critical limit is crossed half way.
const FAULT_S: f64 = 10.0;
/// Seconds until a healed fault is gone.
const HEAL_S: f64 = 4.0;

/// Seconds a node falls behind for each second it is down: it has to replay more than was written.
const LAG_GROWTH: f64 = 1.2;
/// Seconds in which a replica makes up most of its lag.
const CATCH_UP_S: f64 = 2.6;
/// Bytes of write-ahead log for each second.
const WAL_BYTES_PER_S: f64 = 5_000_000.0;

/// Errors that are always there.
const ERRORS_ALWAYS: f64 = 0.0011;
/// Errors a fault causes at its worst.
const ERRORS_FAULT: f64 = 0.16;
/// Share of the writes that fail while the primary changes; the rest is retried in time.
const SWITCHOVER_WRITE_FAILURES: f64 = 0.12;

/// What a database node does for the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Takes the writes.
    Primary,
    /// Follows the primary.
    Replica,
}

impl Role {
    /// As people say it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
        }
    }
}

/// Why a node is down for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Work {
    /// Version to run afterwards; the same one for a restart.
    pub(super) version: u8,
    /// Simulated second at which it is up again.
    pub(super) until_s: f64,
}

/// A database node.
#[derive(Debug, Clone)]
pub(super) struct Db {
    /// Unique name.
    pub(super) name: &'static str,
    /// Primary or replica.
    pub(super) role: Role,
    /// Major version.
    pub(super) version: u8,
    /// Taken out of the load balancer.
    pub(super) drained: bool,
    /// Down for an upgrade or a restart.
    pub(super) work: Option<Work>,
    /// Its part of a full share of the traffic, 0 to 1.
    pub(super) weight: f64,
    /// Client connections.
    pub(super) connections: f64,
    /// Queries per second.
    pub(super) queries: f64,
    /// Seconds behind the primary.
    pub(super) lag_s: f64,
    /// 99th percentile of its queries, seconds.
    pub(super) p99_s: f64,
    /// Part of the disk in use.
    pub(super) disk: f64,
    /// Somebody broke it.
    pub(super) broken: bool,
    /// How far that has gone, 0 to 1.
    pub(super) fault: f64,
    wobble: Drift,
}

impl Db {
    /// False while it is upgraded or restarted.
    pub(super) const fn is_up(&self) -> bool {
        self.work.is_none()
    }

    /// Bytes behind the primary.
    pub(super) fn lag_bytes(&self) -> f64 {
        self.lag_s * WAL_BYTES_PER_S
    }

    fn read_share(&self) -> f64 {
        match self.role {
            Role::Primary => self.weight * PRIMARY_READ_WEIGHT,
            Role::Replica => self.weight,
        }
    }
}

/// The load balancer, the API or the worker.
#[derive(Debug, Clone)]
pub(super) struct Service {
    /// Unique name.
    pub(super) name: &'static str,
    /// Simulated second at which a restart is over.
    pub(super) restart_until_s: Option<f64>,
    /// Somebody broke it.
    pub(super) broken: bool,
    /// How far that has gone, 0 to 1.
    pub(super) fault: f64,
}

impl Service {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            restart_until_s: None,
            broken: false,
            fault: 0.0,
        }
    }

    /// False while it restarts.
    pub(super) const fn is_up(&self) -> bool {
        self.restart_until_s.is_none()
    }
}

/// What the API sees.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traffic {
    /// Requests per second.
    pub(super) requests: f64,
    /// Part of them that fails, 0 to 1.
    pub(super) error_ratio: f64,
    /// 99th percentile, seconds.
    pub(super) p99_s: f64,
    /// Jobs that wait for the worker.
    pub(super) queue: f64,
    /// Jobs per second that the worker finishes.
    pub(super) jobs: f64,
}

/// A change of the primary under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Switchover {
    /// The next primary.
    pub(super) to: &'static str,
    /// Simulated second at which it is done.
    pub(super) until_s: f64,
}

/// The whole cluster.
#[derive(Debug, Clone)]
pub(super) struct Sim {
    now_ms: i64,
    speed: f64,
    carry_ms: f64,
    /// Simulated seconds since the beginning.
    pub(super) elapsed_s: f64,
    /// Database nodes.
    pub(super) dbs: [Db; 3],
    /// Load balancer.
    pub(super) lb: Service,
    /// API.
    pub(super) api: Service,
    /// Worker.
    pub(super) worker: Service,
    /// What the API sees.
    pub(super) traffic: Traffic,
    /// A change of the primary under way.
    pub(super) switchover: Option<Switchover>,
    noise: Noise,
    demand: Drift,
    jitter: Drift,
}

impl Sim {
    /// A healthy cluster at `now_ms` (UTC milliseconds), settled already.
    pub(super) fn new(now_ms: i64, seed: u64) -> Self {
        let db = |name: &'static str, role: Role| Db {
            name,
            role,
            version: 15,
            drained: false,
            work: None,
            weight: 1.0,
            connections: 0.0,
            queries: 0.0,
            lag_s: 0.0,
            p99_s: 0.05,
            disk: 0.61,
            broken: false,
            fault: 0.0,
            wobble: Drift::default(),
        };
        let [first, second, third] = DATABASES;
        let mut sim = Self {
            now_ms,
            speed: 1.0,
            carry_ms: 0.0,
            elapsed_s: 0.0,
            dbs: [
                db(first, Role::Primary),
                db(second, Role::Replica),
                db(third, Role::Replica),
            ],
            lb: Service::new(BALANCER),
            api: Service::new(API),
            worker: Service::new(WORKER),
            traffic: Traffic::default(),
            switchover: None,
            noise: Noise::new(seed),
            demand: Drift::default(),
            jitter: Drift::default(),
        };
        for _ in 0..100 {
            sim.tick();
        }
        sim
    }

    /// How many simulated seconds pass in one real second from now on.
    pub(super) const fn set_speed(&mut self, speed: f64) {
        self.speed = speed;
    }

    /// Time up to which it was simulated, UTC milliseconds.
    pub(super) const fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Goes on to `to_ms` (UTC milliseconds). A time before the last one changes nothing.
    pub(super) fn step(&mut self, to_ms: i64) {
        if to_ms <= self.now_ms {
            return;
        }
        let span = u32::try_from(to_ms.saturating_sub(self.now_ms)).map_or(CATCH_UP_MS, f64::from);
        self.now_ms = to_ms;
        self.carry_ms = (self.carry_ms + span * self.speed).min(CATCH_UP_MS);
        while self.carry_ms >= TICK_MS {
            self.carry_ms -= TICK_MS;
            self.tick();
        }
    }

    /// The database node of that name.
    pub(super) fn db(&self, name: &str) -> Option<&Db> {
        self.dbs.iter().find(|db| db.name == name)
    }

    fn db_mut(&mut self, name: &str) -> Option<&mut Db> {
        self.dbs.iter_mut().find(|db| db.name == name)
    }

    /// The service of that name.
    pub(super) fn service(&self, name: &str) -> Option<&Service> {
        [&self.lb, &self.api, &self.worker]
            .into_iter()
            .find(|service| service.name == name)
    }

    fn service_mut(&mut self, name: &str) -> Option<&mut Service> {
        [&mut self.lb, &mut self.api, &mut self.worker]
            .into_iter()
            .find(|service| service.name == name)
    }

    /// Database nodes that take traffic.
    pub(super) fn serving(&self) -> usize {
        let serves = |db: &&Db| db.is_up() && !db.drained;
        self.dbs.iter().filter(serves).count()
    }

    fn tick(&mut self) {
        self.elapsed_s += TICK_S;
        self.finish_work();
        self.move_weights_and_faults();
        self.move_demand();
        self.spread_queries();
        self.settle_traffic();
        self.replicate();
        self.work_off_queue();
    }

    fn finish_work(&mut self) {
        let now = self.elapsed_s;
        for db in &mut self.dbs {
            if let Some(work) = db.work.filter(|work| work.until_s <= now) {
                // The files of both versions stay until the next clean-up.
                let grown = if work.version == db.version {
                    0.0
                } else {
                    0.03
                };
                db.disk = (db.disk + grown).min(0.95);
                db.version = work.version;
                db.work = None;
            }
        }
        for service in [&mut self.lb, &mut self.api, &mut self.worker] {
            service.restart_until_s = service.restart_until_s.filter(|until| *until > now);
        }
        if let Some(done) = self.switchover.filter(|switch| switch.until_s <= now) {
            self.switchover = None;
            for db in &mut self.dbs {
                let role = if db.name == done.to {
                    Role::Primary
                } else {
                    Role::Replica
                };
                // Replicas lose a moment while they look for the new primary.
                db.lag_s = if role == Role::Primary {
                    0.0
                } else {
                    db.lag_s + 1.5
                };
                db.role = role;
            }
        }
    }

    fn move_weights_and_faults(&mut self) {
        for db in &mut self.dbs {
            let change = if !db.is_up() {
                -TICK_S / HEALTH_CHECK_S
            } else if db.drained {
                -TICK_S / DRAIN_S
            } else {
                TICK_S / UNDRAIN_S
            };
            db.weight = (db.weight + change).clamp(0.0, 1.0);
            db.fault = move_fault(db.fault, db.broken);
            db.wobble.step(TICK_S, 4.0, &mut self.noise);
        }
        for service in [&mut self.lb, &mut self.api, &mut self.worker] {
            service.fault = move_fault(service.fault, service.broken);
        }
    }

    fn move_demand(&mut self) {
        let slow = (self.elapsed_s / 240.0).sin() * 32.0;
        let quick = (self.elapsed_s / 31.0).sin() * 9.0;
        let wander = self.demand.step(TICK_S, 8.0, &mut self.noise) * 7.0;
        self.traffic.requests = DEMAND + slow + quick + wander;
        self.jitter.step(TICK_S, 1.5, &mut self.noise);
    }

    /// Reads go to whoever takes traffic, writes to the primary; the sum is always what the API asked for.
    fn spread_queries(&mut self) {
        let requests = self.traffic.requests;
        let busy = requests / DEMAND;
        let shares: f64 = self.dbs.iter().map(Db::read_share).sum();
        for db in &mut self.dbs {
            let share = if shares > 0.0 {
                db.read_share() / shares
            } else {
                0.0
            };
            let is_primary = f64::from(u8::from(db.role == Role::Primary));
            db.queries = requests * (READS * share + WRITES * is_primary);
            let wanted = busy * (READ_CONNECTIONS * share + WRITE_CONNECTIONS * is_primary);
            db.connections = if db.is_up() { wanted.round() } else { 0.0 };
            let load = db.queries / NODE_CAPACITY;
            let wait = 0.03 + 0.25 * load * load + 1.2 * (load - 0.8).max(0.0) + 0.9 * db.fault;
            let target = wait * (1.0 + 0.05 * db.wobble.value());
            db.p99_s += (target - db.p99_s) * TICK_S;
        }
    }

    fn settle_traffic(&mut self) {
        let fault = self.fault();
        let busiest = self
            .dbs
            .iter()
            .filter(|db| db.weight > 0.0 || db.role == Role::Primary);
        let slowest = busiest.clone().map(|db| db.p99_s).fold(0.0, f64::max);
        let overload = busiest
            .map(|db| db.queries / NODE_CAPACITY - 1.0)
            .fold(0.0, f64::max);
        let errors = ERRORS_ALWAYS * (1.0 + 0.3 * self.jitter.value())
            + ERRORS_FAULT * fault
            + 0.2 * overload
            + self.unanswered();
        let p99 = (0.05 + slowest + 1.4 * fault) * (1.0 + 0.03 * self.jitter.value());
        let traffic = &mut self.traffic;
        traffic.error_ratio += (errors.min(1.0) - traffic.error_ratio) * TICK_S;
        traffic.p99_s += (p99 - traffic.p99_s) * TICK_S;
    }

    /// The worst fault that requests meet; a broken node without traffic hurts nobody.
    fn fault(&self) -> f64 {
        let nodes = self.dbs.iter().map(|db| db.fault * db.weight);
        nodes.fold(self.api.fault.max(self.lb.fault), f64::max)
    }

    /// Part of the requests whose queries nobody answers.
    fn unanswered(&self) -> f64 {
        if !self.lb.is_up() {
            return 0.9;
        }
        let shares: f64 = self.dbs.iter().map(Db::read_share).sum();
        let dead = self.dbs.iter().filter(|db| !db.is_up());
        let lost: f64 = dead.clone().map(Db::read_share).sum();
        let reads = if shares > 0.0 { lost / shares } else { 1.0 };
        let writes = if dead.into_iter().any(|db| db.role == Role::Primary) {
            1.0
        } else if self.switchover.is_some() {
            SWITCHOVER_WRITE_FAILURES
        } else {
            0.0
        };
        // Half of the failed reads find another node when they are tried again.
        0.35 * reads + 0.3 * writes
    }

    fn replicate(&mut self) {
        for db in &mut self.dbs {
            db.disk = (db.disk + 2e-7 * TICK_S).min(0.95);
            if db.role == Role::Primary {
                db.lag_s = 0.0;
            } else if !db.is_up() {
                db.lag_s += LAG_GROWTH * TICK_S;
            } else {
                let usual = (0.09 + 0.03 * db.wobble.value()).max(0.01) + 20.0 * db.fault;
                db.lag_s += (usual - db.lag_s) * TICK_S / CATCH_UP_S;
            }
        }
    }

    fn work_off_queue(&mut self) {
        let traffic = &mut self.traffic;
        let arriving = traffic.requests / 7.0;
        let hindered = 3.0 * traffic.error_ratio + 0.8 * (traffic.p99_s - 0.3).max(0.0);
        let able = if self.worker.is_up() {
            85.0 * (1.0 - hindered.min(0.9)) * (1.0 - self.worker.fault)
        } else {
            0.0
        };
        let usual = 24.0 + 8.0 * self.demand.value().abs();
        let waiting = traffic.queue + arriving * TICK_S;
        traffic.jobs = able.min(((waiting - usual) / TICK_S).max(0.0));
        traffic.queue = (waiting - traffic.jobs * TICK_S).max(0.0);
    }
}

fn move_fault(fault: f64, broken: bool) -> f64 {
    let change = if broken {
        TICK_S / FAULT_S
    } else {
        -TICK_S / HEAL_S
    };
    (fault + change).clamp(0.0, 1.0)
}
