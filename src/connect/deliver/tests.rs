use super::*;
use crate::clock::ManualClock;
use crate::connect::http::RetryAfter;
use crate::domain::time::Timestamp;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::sync::Mutex;
use tokio::time::Instant;

/// What a scripted system does next.
enum Next {
    Done,
    Accepted,
    Nothing,
    /// Did not happen, and may be tried again.
    Refuses(Option<u64>),
    /// Would be refused again.
    Forbids,
    Breaks,
    Hangs,
    Panics,
}

use Next::*;

#[derive(Default)]
struct Script {
    writes: VecDeque<Next>,
    finds: VecDeque<Next>,
    asked: Vec<(&'static str, String, Instant)>,
}

/// A system that does as told, and hangs once it was told everything.
#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<Script>>);

impl Scripted {
    fn new(writes: Vec<Next>, finds: Vec<Next>) -> Self {
        Self(Arc::new(Mutex::new(Script {
            writes: writes.into(),
            finds: finds.into(),
            asked: Vec::new(),
        })))
    }

    fn asked(&self) -> Vec<&'static str> {
        let script = self.0.lock().unwrap();
        script.asked.iter().map(|(what, _, _)| *what).collect()
    }

    fn waits(&self) -> Vec<u64> {
        let script = self.0.lock().unwrap();
        let at = script.asked.iter().map(|(_, _, at)| *at);
        let all: Vec<Instant> = at.collect();
        all.windows(2).map(|w| (w[1] - w[0]).as_secs()).collect()
    }

    fn next(&self, what: &'static str, order: &Order<'_>) -> Next {
        let mut script = self.0.lock().unwrap();
        let marker = order.marker.to_owned();
        script.asked.push((what, marker, Instant::now()));
        let queue = if what == "write" {
            &mut script.writes
        } else {
            &mut script.finds
        };
        queue.pop_front().unwrap_or(Hangs)
    }
}

async fn answer(next: Next) -> Result<Option<Outcome>, WriteError> {
    let text = str::to_owned;
    match next {
        Done => Ok(Some(Outcome::Done {
            reference: text("Q1"),
            proof: text("read back"),
        })),
        Accepted => Ok(Some(Outcome::Accepted {
            reference: text("Q1"),
            what: text("on its way"),
        })),
        Nothing => Ok(None),
        Refuses(seconds) => Err(WriteError {
            retry_after: seconds.map(|s| RetryAfter::In(Duration::from_secs(s))),
            ..WriteError::not_yet("connection refused")
        }),
        Forbids => Err(WriteError::refused("HTTP 403")),
        Breaks => Err(WriteError::unclear("connection reset")),
        Hangs => std::future::pending().await,
        Panics => panic!("as told"),
    }
}

impl Writer for Scripted {
    fn write<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Outcome, WriteError>> {
        let next = self.next("write", order);
        Box::pin(async { answer(next).await.map(|found| found.expect("an outcome")) })
    }

    fn find<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Option<Outcome>, WriteError>> {
        Box::pin(answer(self.next("find", order)))
    }
}

fn parcel(no: u32) -> Parcel {
    Parcel {
        no: WriteNo(no),
        marker: format!("warroom/s/{no}"),
        deed: Deed::Resolve {
            reference: "Q1".to_owned(),
        },
        by: "alice".to_owned(),
        asked: now(),
        of: None,
    }
}

fn now() -> Moment {
    Moment {
        wall: Timestamp::from_millis(1_700_000_000_000),
        mono_ms: 5,
    }
}

struct Office {
    desk: Desk,
    ended: mpsc::Receiver<Ended>,
    readings: mpsc::Receiver<Reading>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

fn name() -> ConnectorName {
    ConnectorName::new("pager").unwrap()
}

fn office(system: &Scripted) -> Office {
    let mut built = [Built {
        name: name(),
        source: None,
        writer: Some(Box::new(system.clone())),
        can: Vec::new(),
        system: "fake",
        notice: None,
    }];
    let (desk, couriers) = Desk::open(&mut built);
    let (ended_in, ended) = mpsc::channel(ENDED_MAX);
    let (readings_in, readings) = mpsc::channel(64);
    let shutdown = CancellationToken::new();
    let context = Context {
        ended: ended_in,
        readings: readings_in,
        clock: Arc::new(ManualClock::at(now())),
        shutdown: shutdown.clone(),
    };
    Office {
        desk,
        ended,
        readings,
        shutdown,
        tasks: start(couriers, &context),
    }
}

/// What comes of one job, all of it.
async fn outcomes(system: &Scripted, job: Job, count: usize) -> Vec<Outcome> {
    let mut office = office(system);
    assert_eq!(office.desk.take(&name(), job), None);
    let mut all = Vec::new();
    while all.len() < count {
        let ended = office.ended.recv().await.expect("the courier lives");
        assert_eq!(ended.no, WriteNo(1));
        all.push(ended.outcome);
    }
    all
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done { .. } => "done",
        Outcome::Accepted { .. } => "accepted",
        Outcome::Failed { .. } => "failed",
        Outcome::Unknown { .. } => "unknown",
    }
}

async fn check(
    (writes, finds): (Vec<Next>, Vec<Next>),
    job: Job,
    told: &[&str],
    asked: &[&str],
) -> Scripted {
    let system = Scripted::new(writes, finds);
    let all = outcomes(&system, job, told.len()).await;
    assert_eq!(all.iter().map(word).collect::<Vec<_>>(), told, "{all:?}");
    assert_eq!(system.asked(), asked);
    system
}

#[tokio::test(start_paused = true)]
async fn a_write_that_succeeds_is_sent_once() {
    let job = Job::Send(parcel(1));
    check((vec![Done], vec![]), job, &["done"], &["write"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_certainly_did_not_happen_is_sent_three_times_and_waits_as_asked() {
    let job = || Job::Send(parcel(1));
    let script = (vec![Refuses(None), Refuses(Some(30)), Done], vec![]);
    let system = check(script, job(), &["done"], &["write"; 3]).await;
    assert_eq!(system.waits(), [1, 30]);
    let script = (vec![Refuses(None), Refuses(None), Refuses(None)], vec![]);
    check(script, job(), &["failed"], &["write"; 3]).await;
    let script = (vec![Refuses(Some(3600))], vec![]);
    check(script, job(), &["failed"], &["write"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_ends_at_once_with_its_reason() {
    let job = || Job::Send(parcel(1));
    let system = Scripted::new(vec![Forbids], vec![]);
    let what = "HTTP 403".to_owned();
    let all = outcomes(&system, job(), 1).await;
    assert_eq!(all, [Outcome::Failed { what }]);
    assert_eq!(system.asked(), ["write"]);
    let script = (vec![Refuses(None), Forbids], vec![]);
    check(script, job(), &["failed"], &["write"; 2]).await;
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_asked_is_asked_once() {
    let unclear = (vec![Breaks], vec![Forbids]);
    let job = Job::Send(parcel(1));
    check(unclear, job, &["unknown"], &["write", "find"]).await;
    let restarted = (vec![], vec![Forbids]);
    let job = Job::Find(parcel(1));
    check(restarted, job, &["unknown"], &["find"]).await;
    let system = Scripted::new(vec![Accepted], vec![Forbids]);
    let all = outcomes(&system, Job::Send(parcel(1)), 2).await;
    let reference = "Q1".to_owned();
    let what = "on its way; HTTP 403".to_owned();
    let known = Outcome::Accepted { reference, what };
    assert_eq!(all[1], known);
    // What an earlier server has told is not told again.
    let system = Scripted::new(vec![], vec![Forbids]);
    let mut office = office(&system);
    let parcel = parcel(1);
    office.desk.take(&name(), Job::Prove { parcel, known });
    while system.asked().is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    office.shutdown.cancel();
    assert_eq!(office.ended.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_happened_is_looked_for_and_never_sent_again() {
    let job = || Job::Send(parcel(1));
    let found = (vec![Breaks], vec![Nothing, Done]);
    check(found, job(), &["done"], &["write", "find", "find"]).await;
    let lost = (vec![Hangs], vec![Nothing, Breaks, Nothing]);
    let asked = ["write", "find", "find", "find"];
    check(lost, job(), &["unknown"], &asked).await;
    let panicked = (vec![Panics], vec![Done]);
    check(panicked, job(), &["done"], &["write", "find"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_is_looked_up_until_it_is_proven_or_said_not_to_be() {
    let job = || Job::Send(parcel(1));
    let proven = (vec![Accepted], vec![Nothing, Accepted, Breaks, Done]);
    let asked = ["write", "find", "find", "find", "find"];
    let system = check(proven, job(), &["accepted", "done"], &asked).await;
    assert_eq!(system.waits(), [10, 10, 10, 10]);
    let finds = (0..40).map(|_| Nothing).collect();
    let system = Scripted::new(vec![Accepted], finds);
    let all = outcomes(&system, job(), 2).await;
    let what = "not proven within 5 min; on its way".to_owned();
    let reference = "Q1".to_owned();
    assert_eq!(all[1], Outcome::Accepted { reference, what });
    assert_eq!(
        system.asked().len(),
        31,
        "every ten seconds for five minutes"
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_a_write_is_looked_for_and_never_sent() {
    let job = || Job::Find(parcel(1));
    check((vec![], vec![Done]), job(), &["done"], &["find"]).await;
    check((vec![], vec![Nothing]), job(), &["unknown"], &["find"]).await;
    let slow = (vec![], vec![Refuses(None), Breaks, Accepted, Done]);
    let asked = ["find", "find", "find", "find"];
    let system = check(slow, job(), &["accepted", "done"], &asked).await;
    assert_eq!(system.waits(), [1, 2, 10]);
    let finds = (0..40).map(|_| Breaks).collect();
    check((vec![], finds), job(), &["unknown"], &["find"; 12]).await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_bounded_and_a_missing_connector_is_said() {
    let system = Scripted::new(vec![], vec![]);
    let office = office(&system);
    let take = |connector: &str, job: Job| {
        let connector = ConnectorName::new(connector).unwrap();
        office.desk.take(&connector, job).map(|e| word(&e.outcome))
    };
    let queue_max = u32::try_from(QUEUE_MAX).unwrap();
    for no in 1..=queue_max {
        assert_eq!(take("pager", Job::Send(parcel(no))), None);
    }
    assert_eq!(take("pager", Job::Send(parcel(99))), Some("failed"));
    assert_eq!(take("pager", Job::Find(parcel(99))), Some("unknown"));
    assert_eq!(take("gone", Job::Send(parcel(99))), Some("failed"));
    assert_eq!(take("gone", Job::Find(parcel(99))), Some("unknown"));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_hangs_stops_at_once_and_ends_nothing() {
    let system = Scripted::new(vec![Hangs], vec![]);
    let mut office = office(&system);
    office.desk.take(&name(), Job::Send(parcel(1)));
    while system.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    let before = Instant::now();
    office.shutdown.cancel();
    office.tasks.wait().await;
    assert!(before.elapsed() < Duration::from_secs(1));
    assert_eq!(office.ended.recv().await, None, "it is looked for later");
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_only_writes_is_as_well_as_its_last_write() {
    let system = Scripted::new(vec![Done, Refuses(Some(3600))], vec![]);
    let mut office = office(&system);
    let mut seen = Vec::new();
    for no in 0..3 {
        if no > 0 {
            office.desk.take(&name(), Job::Send(parcel(no)));
        }
        match office.readings.recv().await {
            Some(Reading::Health(health)) => seen.push((health.liveness, health.last_error)),
            other => panic!("{other:?}"),
        }
    }
    let refused = "connection refused".to_owned();
    let expected = [
        (Liveness::Never, String::new()),
        (Liveness::Live, String::new()),
        (Liveness::Stale, refused),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn what_systems_say_is_one_short_line() {
    let tidied = tidy(Outcome::Done {
        reference: "x".repeat(1000),
        proof: format!("two\nlines{}", "y".repeat(1000)),
    });
    let Outcome::Done { reference, proof } = tidied else {
        panic!("of another kind");
    };
    assert_eq!(reference, "");
    assert!(proof.starts_with("two lines") && proof.len() <= 200);
}

/// The end of what only a marker is known of.
fn unnamed(no: u32, of: u32) -> Parcel {
    Parcel {
        deed: Deed::Unmute {
            reference: String::new(),
        },
        of: Some(Box::new(parcel(of))),
        ..parcel(no)
    }
}

#[tokio::test]
async fn what_has_no_reference_is_found_by_its_marker_and_then_ended() {
    for (finds, asked, reference) in [
        (vec![Done], vec!["find", "write"], "Q1"),
        (vec![Nothing], vec!["find"], ""),
    ] {
        let mut system = Scripted::new(vec![Done], finds);
        let parcel = unnamed(2, 1);
        let outcome = end::write(&mut system, &parcel, now()).await;
        let outcome = outcome.expect("an outcome");
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
        assert_eq!(outcome.reference(), reference);
        assert_eq!(system.asked(), asked);
        let script = system.0.lock().unwrap();
        assert_eq!(script.asked[0].1, "warroom/s/1", "the marker of the first");
        assert!(script.asked.iter().skip(1).all(|a| a.1 == "warroom/s/2"));
    }
    // A look that fails changes nothing: it is tried again, and never taken for an end.
    let mut system = Scripted::new(Vec::new(), vec![Breaks]);
    let error = end::write(&mut system, &unnamed(2, 1), now()).await;
    assert!(error.is_err_and(|error| !error.unclear));
    let mut system = Scripted::new(Vec::new(), vec![Nothing]);
    let found = end::find(&mut system, &unnamed(2, 1), now()).await;
    assert!(matches!(found, Ok(Some(Outcome::Done { .. }))), "{found:?}");
}
