//! The one poll loop: interval, jitter, deadline, back-off, Retry-After, poll-now, health, shutdown.
//!
//! Each source has a task and a loop of its own, so one that hangs, errors or waits for room in the queue delays no other.

mod early;

pub use early::Early;
pub(crate) use early::Outbox;

use crate::clock::Clock;
use crate::connect::bound::bound;
use crate::connect::http::{HttpError, RetryAfter, snippet};
use crate::domain::id::ConnectorName;
use crate::domain::reading::{ConnectorHealth, Liveness, Reading};
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::Ability;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// Wait after the first failure: short, since most failures are a restart.
const BACK_OFF_FIRST: Duration = Duration::from_secs(1);
/// Longest wait after failures: an operator who repairs a connection sees it within half a minute without asking.
const BACK_OFF_MAX: Duration = Duration::from_secs(30);
/// Longest Retry-After obeyed: a mistaken header must not silence a connector for a whole maintenance.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);
/// Polls asked for by people start at least this far apart.
const POKE_GAP_MIN: Duration = Duration::from_secs(1);
/// Added to a source's own time limit before the loop gives up on it, so that the source can still say what it has.
const DEADLINE_GRACE: Duration = Duration::from_secs(1);
/// Part of the wait that chance adds or takes, one in this many: enough to spread a dozen sessions over a minute.
const JITTER_PART: u64 = 10;
/// Polls that may be missed before data counts as stale: one late answer is not an outage.
const STALE_POLLS: u32 = 3;
/// A source polled again at once this often in a row is treated as finished, so that its mistake cannot spin.
const FOLLOW_UPS_MAX: u32 = 4;

/// When the polls of a source start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// On full multiples of the interval by the wall clock, on the full second, together with all others: metrics.
    /// One wakeup and one redraw serve them all.
    Aligned,
    /// Spread by chance, so that many sessions do not ask a shared service at once: CMDB and pager.
    Jittered,
}

/// One system that is asked again and again.
pub trait Source: Send {
    /// Name in the configuration.
    fn name(&self) -> &ConnectorName;

    /// Kind of system: `prometheus`, `netbox`, `pagerduty`, `scrape`, `files`.
    fn system(&self) -> &'static str;

    /// Interval of the polls.
    fn every(&self) -> Duration;

    /// How polls are placed in time.
    fn pace(&self) -> Pace;

    /// Longest time a poll may take by the source's own limits.
    fn deadline(&self) -> Duration;

    /// Asks once. `now` is the moment of asking; answers carry the moment of arrival.
    fn poll(&mut self, now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>>;

    /// What is amiss though polls succeed, such as one endpoint of several; shown as the last error of a live source.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// True when the next poll shall start at once: history after the first live values.
    fn wants_follow_up(&self) -> bool {
        false
    }

    /// Given once before the first poll, to a source whose poll brings readings one after another: what is there may be
    /// told before the poll is over, so that a slow part keeps nothing else back. The others need not listen.
    fn tell_early(&mut self, _early: Early) {}
}

/// A poll without a usable answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{what}")]
pub struct PollError {
    /// One line for the operator, without secrets.
    pub what: String,
    /// When the server wants to be asked again.
    pub retry_after: Option<RetryAfter>,
    /// What is to be told all the same: answers that say why they are missing.
    pub readings: Vec<Reading>,
}

impl PollError {
    /// A failure with nothing to tell.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            retry_after: None,
            readings: Vec::new(),
        }
    }

    /// The same failure, with what there is to tell.
    #[must_use]
    pub fn with_readings(mut self, readings: Vec<Reading>) -> Self {
        self.readings = readings;
        self
    }
}

impl From<HttpError> for PollError {
    fn from(error: HttpError) -> Self {
        Self {
            what: error.with_hint(),
            retry_after: error.retry_after(),
            readings: Vec::new(),
        }
    }
}

/// What a poll loop is given.
#[derive(Clone)]
pub struct Context {
    /// Queue of the session. When it is full this loop waits for room, and asks nothing meanwhile.
    pub readings: mpsc::Sender<Reading>,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Ends the loop.
    pub shutdown: CancellationToken,
    /// Poll now; at most one a second, and not before a Retry-After has passed.
    pub poke: Arc<Notify>,
    /// What the connector can write; told with its health.
    pub can: Vec<Ability>,
}

/// Asks `source` until shutdown, or until nobody takes readings any more.
pub async fn run(mut source: Box<dyn Source>, context: Context) {
    let shutdown = context.shutdown.clone();
    // Dropping the loop at whatever it waits for is safe: a poll holds no promise to anybody.
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {}
        () = poll_forever(source.as_mut(), &context) => {}
    }
}

/// What a loop remembers between polls.
struct Progress {
    health: ConnectorHealth,
    stale_after: Duration,
    last_good: Option<Instant>,
    follow_ups: u32,
}

/// When the next poll starts, and from when on a person may ask for it earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    wait: Duration,
    poke_from: Duration,
}

async fn poll_forever(source: &mut dyn Source, context: &Context) {
    let mut progress = Progress::new(source, context.can.clone());
    source.tell_early(Early::new(context.readings.clone()));
    loop {
        let started = Instant::now();
        let limit = source.deadline() + DEADLINE_GRACE;
        let asked = context.clock.now();
        let outcome = timeout(limit, source.poll(asked))
            .await
            .unwrap_or_else(|_| {
                Err(PollError::new(format!(
                    "no answer within {} s",
                    limit.as_secs()
                )))
            });
        let now = context.clock.now();
        let (readings, plan) = progress.take(source, outcome, started.elapsed(), now);
        for mut reading in readings {
            bound(&mut reading);
            if context.readings.send(reading).await.is_err() {
                return;
            }
        }
        progress.health.next_try = Some(now.plus(plan.wait));
        if !progress.tell(context).await || !progress.pause(context, started, plan).await {
            return;
        }
    }
}

impl Progress {
    fn new(source: &dyn Source, can: Vec<Ability>) -> Self {
        Self {
            health: ConnectorHealth {
                connector: source.name().clone(),
                system: source.system().to_owned(),
                liveness: Liveness::Never,
                last_good: None,
                last_error: String::new(),
                failures: 0,
                next_try: None,
                latency: Duration::ZERO,
                can,
            },
            stale_after: source.every() * STALE_POLLS + source.deadline(),
            last_good: None,
            follow_ups: 0,
        }
    }

    /// Takes in one outcome; gives what is to be told and when to go on.
    fn take(
        &mut self,
        source: &dyn Source,
        outcome: Result<Vec<Reading>, PollError>,
        latency: Duration,
        now: Moment,
    ) -> (Vec<Reading>, Plan) {
        match outcome {
            Ok(readings) => {
                self.health.latency = latency;
                self.health.failures = 0;
                self.health.last_error = one_line(&source.trouble().unwrap_or_default());
                self.health.last_good = Some(now);
                self.health.liveness = Liveness::Live;
                self.last_good = Some(Instant::now());
                (readings, self.next_good(source, latency, now.wall))
            }
            Err(error) => {
                self.health.failures = self.health.failures.saturating_add(1);
                tracing::warn!(connector = %source.name(), failures = self.health.failures, error = %error.what, "poll failed");
                self.health.last_error = one_line(&error.what);
                if self.is_stale() {
                    self.health.liveness = Liveness::Stale;
                }
                let asked = error
                    .retry_after
                    .map(|retry| retry.delay(now.wall).min(RETRY_AFTER_MAX));
                (
                    error.readings,
                    next_failed(self.health.failures, asked, chance()),
                )
            }
        }
    }

    fn next_good(&mut self, source: &dyn Source, latency: Duration, wall: Timestamp) -> Plan {
        if source.wants_follow_up() && self.follow_ups < FOLLOW_UPS_MAX {
            self.follow_ups += 1;
            return Plan {
                wait: Duration::ZERO,
                poke_from: Duration::ZERO,
            };
        }
        self.follow_ups = 0;
        let wait = match source.pace() {
            Pace::Aligned => until_aligned(wall, source.every()),
            Pace::Jittered => jittered(source.every(), chance()).saturating_sub(latency),
        };
        Plan {
            wait,
            poke_from: Duration::ZERO,
        }
    }

    fn is_stale(&self) -> bool {
        self.last_good
            .is_some_and(|good| good.elapsed() >= self.stale_after)
    }

    async fn tell(&self, context: &Context) -> bool {
        context
            .readings
            .send(Reading::Health(self.health.clone()))
            .await
            .is_ok()
    }

    /// Waits for the next poll; tells meanwhile when data becomes stale. False when nobody listens any more.
    async fn pause(&mut self, context: &Context, started: Instant, plan: Plan) -> bool {
        let now = Instant::now();
        let due = now + plan.wait;
        let poke_from = (now + plan.poke_from).max(started + POKE_GAP_MIN);
        loop {
            let stale_at = self
                .last_good
                .filter(|_| self.health.liveness == Liveness::Live)
                .map(|good| good + self.stale_after);
            tokio::select! {
                () = sleep_until(due) => return true,
                () = async { sleep_until(poke_from).await; context.poke.notified().await } => return true,
                () = sleep_until(stale_at.unwrap_or(due)), if stale_at.is_some_and(|at| at < due) => {
                    self.health.liveness = Liveness::Stale;
                    if !self.tell(context).await {
                        return false;
                    }
                }
            }
        }
    }
}

/// Words of foreign systems as one short line.
fn one_line(text: &str) -> String {
    snippet(text.as_bytes())
}

/// Wait after `failures` failures in a row: doubling, capped, spread; a Retry-After is a lower bound for pokes too.
fn next_failed(failures: u32, asked: Option<Duration>, chance: u64) -> Plan {
    let doublings = failures.saturating_sub(1).min(16);
    let grown = BACK_OFF_FIRST
        .saturating_mul(1 << doublings)
        .min(BACK_OFF_MAX);
    let wait = jittered(grown, chance);
    let asked = asked.unwrap_or_default();
    Plan {
        wait: wait.max(asked),
        poke_from: asked,
    }
}

/// Random number for [`jittered`]; without the system's generator everybody gets the middle, which is harmless.
fn chance() -> u64 {
    crate::clock::random().map_or(u64::MAX / 2, u64::from_le_bytes)
}

/// `span`, up to a tenth shorter or longer.
fn jittered(span: Duration, chance: u64) -> Duration {
    let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let part = ms / JITTER_PART;
    Duration::from_millis((ms - part).saturating_add(chance % (2 * part + 1)))
}

/// Wait until the next multiple of `every` by the wall clock; from one second up, on a full second.
fn until_aligned(wall: Timestamp, every: Duration) -> Duration {
    const SECOND: u64 = 1000;
    let now = u64::try_from(wall.as_millis()).unwrap_or(0);
    let every = u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(1);
    let mut next = (now / every).saturating_add(1).saturating_mul(every);
    if every >= SECOND {
        next = next.div_ceil(SECOND).saturating_mul(SECOND);
    }
    Duration::from_millis(next.saturating_sub(now))
}

#[cfg(test)]
mod tests;
