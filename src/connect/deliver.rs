//! Carries writes out: one task for each connector that can write, so that one that hangs delays no other.
//!
//! A write comes here only after its fact is in the journal. It is sent once. A refusal that would come again ends it with
//! its reason; where it certainly did not happen otherwise, it is tried again a few times; where that is not certain it
//! is looked for instead of sent again. What was only accepted is
//! looked up until the system shows that it got through, or for as long as anybody would wait for that.
//!
//! Main types: [`Desk`] takes jobs, a [`Courier`] carries out those of one connector, [`Ended`] comes back.

mod end;
mod open;
#[cfg(test)]
mod tests;

use crate::clock::Clock;
use crate::connect::connector::{Order, WriteError, Writer};
use crate::connect::http::snippet;
use crate::connect::registry::Built;
use crate::domain::id::ConnectorName;
use crate::domain::reading::{ConnectorHealth, Liveness, Reading};
use crate::domain::time::Moment;
use crate::domain::write::{Deed, Outcome, WriteNo};
use futures_util::FutureExt as _;
use open::{Open, Sought};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Jobs of one connector that may wait: `decide` lets no more wait for their end.
pub const QUEUE_MAX: usize = 16;
/// Ends that may wait for the session: each is one short text, and a courier that waits for room loses nothing.
pub const ENDED_MAX: usize = 64;
/// Times a write is sent that certainly did not happen and is not refused for good: a server that restarts is back by then.
const TRIES_MAX: u32 = 3;
/// Wait before the second try; doubled before the third.
const BACK_OFF: Duration = Duration::from_secs(1);
/// Longest Retry-After that is waited for: a page that is a minute late has to be made by phone instead.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// Longest write or look-up whatever the connector says: longer than a minute's wait for a proof and a few requests.
const OPERATION_MAX: Duration = Duration::from_secs(90);
/// Bytes of a reference that are kept: longer than any vendor's id, as long as a later write may name.
const REFERENCE_BYTES_MAX: usize = 256;

/// One write on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Parcel {
    /// Its number.
    pub no: WriteNo,
    /// Idempotency key, the same for every try.
    pub marker: String,
    /// What is to be done.
    pub deed: Deed,
    /// Who asked.
    pub by: String,
    /// When.
    pub asked: Moment,
    /// For an end without a reference: the write whose result is to be ended, found by its marker.
    pub of: Option<Box<Parcel>>,
}

/// What a courier is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Job {
    /// Send it.
    Send(Parcel),
    /// An earlier server may have sent it: look, and never send it.
    Find(Parcel),
    /// It was accepted: look until it is proven.
    Prove {
        /// Which.
        parcel: Parcel,
        /// What is known of it.
        known: Outcome,
    },
}

impl Job {
    const fn no(&self) -> WriteNo {
        match self {
            Self::Send(parcel) | Self::Find(parcel) | Self::Prove { parcel, .. } => parcel.no,
        }
    }
}

/// What came of a write.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Which.
    pub no: WriteNo,
    /// What came of it.
    pub outcome: Outcome,
}

/// Takes jobs for all connectors.
#[derive(Debug, Default)]
pub struct Desk {
    queues: BTreeMap<ConnectorName, mpsc::Sender<Job>>,
}

impl Desk {
    /// A desk, and a courier for each connector that can write. Nothing is sent before [`start`].
    pub fn open(built: &mut [Built]) -> (Self, Vec<Courier>) {
        let mut desk = Self::default();
        let mut couriers = Vec::new();
        for connector in built {
            let Some(writer) = connector.writer.take() else {
                continue;
            };
            let (queue, jobs) = mpsc::channel(QUEUE_MAX);
            desk.queues.insert(connector.name.clone(), queue);
            couriers.push(Courier {
                writer,
                jobs,
                health: connector.source.is_none().then(|| unused(connector)),
                name: connector.name.clone(),
            });
        }
        (desk, couriers)
    }

    /// Hands a job over; gives its end where nobody can take it.
    pub fn take(&self, connector: &ConnectorName, job: Job) -> Option<Ended> {
        let no = job.no();
        let is_new = matches!(job, Job::Send(_));
        let why = match self.queues.get(connector) {
            None => format!("connector `{connector}` is not configured for writing"),
            Some(queue) => match queue.try_send(job) {
                Ok(()) => return None,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    format!("{QUEUE_MAX} writes wait for `{connector}` already")
                }
                Err(mpsc::error::TrySendError::Closed(_)) => {
                    format!("connector `{connector}` has stopped")
                }
            },
        };
        let outcome = if is_new {
            let what = format!("not sent: {why}");
            Outcome::Failed { what }
        } else {
            let what = format!("nobody could look for it: {why}");
            Outcome::Unknown { what }
        };
        Some(Ended { no, outcome })
    }
}

/// What couriers are given.
#[derive(Clone)]
pub struct Context {
    /// Takes what came of writes.
    pub ended: mpsc::Sender<Ended>,
    /// Takes the health of connectors that are not polled.
    pub readings: mpsc::Sender<Reading>,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Ends all couriers, within a second.
    pub shutdown: CancellationToken,
}

/// Starts couriers, each in a task of its own. Needs a tokio runtime.
pub fn start(couriers: Vec<Courier>, context: &Context) -> TaskTracker {
    let tasks = TaskTracker::new();
    for courier in couriers {
        tasks.spawn(courier.run(context.clone()));
    }
    tasks.close();
    tasks
}

/// Carries out the writes of one connector.
pub struct Courier {
    name: ConnectorName,
    writer: Box<dyn Writer>,
    jobs: mpsc::Receiver<Job>,
    /// Present for a connector that nobody polls: how it does is known from its writes alone.
    health: Option<ConnectorHealth>,
}

/// Nothing is known of a connector that only writes before its first write.
fn unused(connector: &Built) -> ConnectorHealth {
    ConnectorHealth {
        connector: connector.name.clone(),
        system: connector.system.to_owned(),
        liveness: Liveness::Never,
        last_good: None,
        last_error: String::new(),
        failures: 0,
        next_try: None,
        latency: Duration::ZERO,
        can: connector.can.clone(),
    }
}

impl Courier {
    async fn run(mut self, context: Context) {
        let shutdown = context.shutdown.clone();
        // Dropping a write on its way is safe: no end is recorded, so the next server looks for it by its marker.
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = self.work(&context) => {}
        }
    }

    async fn work(&mut self, context: &Context) {
        let mut open = Open::default();
        self.tell_health(context).await;
        loop {
            let due = open.due();
            tokio::select! {
                biased;
                job = self.jobs.recv() => match job {
                    Some(Job::Send(parcel)) => self.send(parcel, &mut open, context).await,
                    Some(Job::Find(parcel)) => open.restarted(parcel),
                    Some(Job::Prove { parcel, known }) => {
                        open.accepted(parcel, &known, context.clock.now());
                    }
                    None => return,
                },
                () = async { if let Some(due) = due { sleep_until(due).await } }, if due.is_some() => {
                    if let Some(sought) = open.take() {
                        self.look(sought, &mut open, context).await;
                    }
                }
            }
        }
    }

    /// Sends a write, again only where it certainly did not happen.
    async fn send(&mut self, parcel: Parcel, open: &mut Open, context: &Context) {
        let mut back_off = BACK_OFF;
        for try_no in 1..=TRIES_MAX {
            let now = context.clock.now();
            let writer = self.writer.as_mut();
            let result = limited(end::write(writer, &parcel, now)).await;
            self.note_health(result.as_ref().err(), context).await;
            let error = match result {
                Ok(outcome) => {
                    let outcome = tidy(outcome);
                    self.tell(parcel.no, outcome.clone(), context).await;
                    return open.accepted(parcel, &outcome, now);
                }
                Err(error) => error,
            };
            let (no, connector) = (parcel.no, &self.name);
            tracing::warn!(%connector, %no, try_no, unclear = error.unclear, error = %error.what, "write failed");
            if error.unclear {
                return open.unclear(parcel, error.what);
            }
            let asked = error.retry_after.map(|retry| retry.delay(now.wall));
            let is_over = error.permanent || try_no == TRIES_MAX;
            if is_over || asked.is_some_and(|span| span > RETRY_AFTER_MAX) {
                let outcome = tidy(Outcome::Failed { what: error.what });
                return self.tell(no, outcome, context).await;
            }
            sleep(asked.unwrap_or(back_off).max(back_off)).await;
            back_off = back_off.saturating_mul(2);
        }
    }

    /// Looks what became of a write.
    async fn look(&mut self, sought: Sought, open: &mut Open, context: &Context) {
        let now = context.clock.now();
        let writer = self.writer.as_mut();
        let found = limited(end::find(writer, sought.parcel(), now)).await;
        if let Err(error) = &found {
            let (no, connector) = (sought.parcel().no, &self.name);
            tracing::warn!(%connector, %no, error = %error.what, "a write could not be looked for");
        }
        let found = found.map(|found| found.map(tidy));
        if let Some((no, outcome)) = open.judge(sought, found, now) {
            self.tell(no, tidy(outcome), context).await;
        }
    }

    /// Tells what came of a write.
    async fn tell(&mut self, no: WriteNo, outcome: Outcome, context: &Context) {
        // Nobody listens any more: the session is gone, and the next server looks for it.
        context.ended.send(Ended { no, outcome }).await.ok();
    }

    async fn note_health(&mut self, error: Option<&WriteError>, context: &Context) {
        let Some(health) = &mut self.health else {
            return;
        };
        match error {
            None => {
                health.liveness = Liveness::Live;
                health.last_good = Some(context.clock.now());
                health.last_error.clear();
                health.failures = 0;
            }
            Some(error) => {
                if health.liveness == Liveness::Live {
                    health.liveness = Liveness::Stale;
                }
                health.last_error = snippet(error.what.as_bytes());
                health.failures = health.failures.saturating_add(1);
            }
        }
        self.tell_health(context).await;
    }

    async fn tell_health(&mut self, context: &Context) {
        if let Some(health) = &self.health {
            let reading = Reading::Health(health.clone());
            context.readings.send(reading).await.ok();
        }
    }
}

fn order(parcel: &Parcel) -> Order<'_> {
    Order {
        marker: &parcel.marker,
        deed: &parcel.deed,
        by: &parcel.by,
    }
}

/// A write or a look-up that ends in time and takes nobody else with it. One that was cut off may have happened.
async fn limited<T>(work: impl Future<Output = Result<T, WriteError>>) -> Result<T, WriteError> {
    match timeout(OPERATION_MAX, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(WriteError::unclear("stopped by an error in this program")),
        Err(_) => {
            let seconds = OPERATION_MAX.as_secs();
            Err(WriteError::unclear(format!("no answer within {seconds} s")))
        }
    }
}

/// Words of foreign systems as one short line each: they go into the journal and onto every screen.
fn tidy(outcome: Outcome) -> Outcome {
    let line = |text: String| snippet(text.as_bytes());
    match outcome {
        Outcome::Done { reference, proof } => Outcome::Done {
            reference: short(reference),
            proof: line(proof),
        },
        Outcome::Accepted { reference, what } => Outcome::Accepted {
            reference: short(reference),
            what: line(what),
        },
        Outcome::Failed { what } => Outcome::Failed { what: line(what) },
        Outcome::Unknown { what } => Outcome::Unknown { what: line(what) },
    }
}

/// A cut id would name something else; none at all says that it is not known.
fn short(reference: String) -> String {
    let fits = reference.len() <= REFERENCE_BYTES_MAX && !reference.chars().any(char::is_control);
    if fits { reference } else { String::new() }
}
