use super::*;
use std::collections::VecDeque;
use std::sync::Mutex;

/// Follows tokio's clock, which tests pause.
struct TokioClock {
    start: Instant,
    wall: i64,
}

impl Clock for TokioClock {
    fn now(&self) -> Moment {
        let ms = u64::try_from(self.start.elapsed().as_millis()).expect("short test");
        let wall = Timestamp::from_millis(self.wall).plus(Duration::from_millis(ms));
        Moment { wall, mono_ms: ms }
    }
}

enum Act {
    Good,
    Bad(Option<u64>),
    Hang,
}

/// Plays its acts, then goes on well; notes when it was asked, in milliseconds since the start.
struct Scripted {
    name: ConnectorName,
    every: Duration,
    pace: Pace,
    acts: VecDeque<Act>,
    asked: Arc<Mutex<Vec<u64>>>,
    follow_up: bool,
}

impl Source for Scripted {
    fn name(&self) -> &ConnectorName {
        &self.name
    }
    fn system(&self) -> &'static str {
        "scripted"
    }
    fn every(&self) -> Duration {
        self.every
    }
    fn pace(&self) -> Pace {
        self.pace
    }
    fn deadline(&self) -> Duration {
        Duration::from_secs(2)
    }
    fn wants_follow_up(&self) -> bool {
        self.follow_up && self.asked.lock().unwrap().len() < 2
    }
    fn poll(&mut self, now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        self.asked.lock().unwrap().push(now.mono_ms);
        let act = self.acts.pop_front().unwrap_or(Act::Good);
        Box::pin(async move {
            match act {
                Act::Good => Ok(Vec::new()),
                Act::Bad(retry) => Err(PollError {
                    retry_after: retry.map(|s| RetryAfter::In(Duration::from_secs(s))),
                    ..PollError::new("refused")
                }),
                Act::Hang => std::future::pending().await,
            }
        })
    }
}

struct Stage {
    asked: Arc<Mutex<Vec<u64>>>,
    readings: mpsc::Receiver<Reading>,
    poke: Arc<Notify>,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// Starts a loop at `wall` milliseconds.
fn start(wall: i64, every: u64, pace: Pace, acts: Vec<Act>, room: usize, follow_up: bool) -> Stage {
    let (sender, readings) = mpsc::channel(room);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let source = Scripted {
        name: ConnectorName::new("main").unwrap(),
        every: Duration::from_millis(every),
        pace,
        acts: acts.into(),
        asked: Arc::clone(&asked),
        follow_up,
    };
    let context = Context {
        readings: sender,
        clock: Arc::new(TokioClock {
            start: Instant::now(),
            wall,
        }),
        shutdown: CancellationToken::new(),
        poke: Arc::new(Notify::new()),
        can: Vec::new(),
    };
    let (poke, shutdown) = (Arc::clone(&context.poke), context.shutdown.clone());
    let task = tokio::spawn(run(Box::new(source), context));
    Stage {
        asked,
        readings,
        poke,
        shutdown,
        task,
    }
}

impl Stage {
    async fn health(&mut self) -> ConnectorHealth {
        match self.readings.recv().await {
            Some(Reading::Health(health)) => health,
            other => panic!("{other:?}"),
        }
    }

    fn asked(&self) -> Vec<u64> {
        self.asked.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn metrics_are_asked_at_once_and_then_on_full_seconds() {
    let mut stage = start(12_300, 5000, Pace::Aligned, vec![], 8, false);
    for _ in 0..3 {
        assert_eq!(stage.health().await.liveness, Liveness::Live);
    }
    // 12.3 s, 15 s and 20 s of wall clock.
    assert_eq!(stage.asked(), [0, 2700, 7700]);
}

#[tokio::test(start_paused = true)]
async fn a_follow_up_starts_at_once_and_only_once() {
    let mut stage = start(0, 5000, Pace::Aligned, vec![], 8, true);
    for _ in 0..3 {
        stage.health().await;
    }
    assert_eq!(stage.asked(), [0, 0, 5000]);
}

#[tokio::test(start_paused = true)]
async fn failures_wait_longer_each_time_and_a_good_answer_ends_that() {
    let acts = (0..8).map(|_| Act::Bad(None)).collect();
    let mut stage = start(0, 60_000, Pace::Jittered, acts, 32, false);
    for n in 1..=8 {
        let health = stage.health().await;
        assert_eq!((health.failures, health.liveness), (n, Liveness::Never));
        assert_eq!(health.last_error, "refused");
        assert!(health.next_try.is_some());
    }
    let health = stage.health().await;
    assert_eq!((health.failures, health.liveness), (0, Liveness::Live));
    assert_eq!(health.last_error, "");
    let asked = stage.asked();
    for (n, pair) in asked.windows(2).enumerate() {
        let plain = (1000 << n).min(30_000);
        let gap = pair[1] - pair[0];
        assert!(
            gap >= plain - plain / 10 && gap <= plain + plain / 10 + 2,
            "gap {n}: {gap}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_even_when_somebody_asks_for_now() {
    let mut stage = start(
        0,
        1000,
        Pace::Aligned,
        vec![Act::Bad(Some(120)), Act::Bad(Some(99_999_999))],
        8,
        false,
    );
    stage.health().await;
    stage.poke.notify_one();
    stage.health().await;
    assert_eq!(stage.asked(), [0, 120_000]);
    stage.health().await;
    let wait = stage.asked()[2] - 120_000;
    assert_eq!(Duration::from_millis(wait), RETRY_AFTER_MAX);
}

#[tokio::test(start_paused = true)]
async fn poll_now_cuts_the_wait_but_not_below_a_second() {
    let mut stage = start(0, 300_000, Pace::Jittered, vec![], 8, false);
    stage.health().await;
    for _ in 0..3 {
        stage.poke.notify_one();
        stage.health().await;
    }
    let asked = stage.asked();
    assert_eq!(asked.len(), 4);
    assert!(
        asked
            .windows(2)
            .all(|pair| (1000..1010).contains(&(pair[1] - pair[0]))),
        "{asked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_hung_source_is_given_up_on_and_asked_again() {
    let mut stage = start(0, 1000, Pace::Aligned, vec![Act::Hang], 8, false);
    let health = stage.health().await;
    assert_eq!(health.last_error, "no answer within 3 s");
    assert_eq!(stage.health().await.liveness, Liveness::Live);
}

#[tokio::test(start_paused = true)]
async fn data_becomes_stale_while_waiting_and_live_again_after() {
    let acts = vec![Act::Good, Act::Bad(Some(60))];
    let mut stage = start(0, 1000, Pace::Aligned, acts, 8, false);
    assert_eq!(stage.health().await.liveness, Liveness::Live);
    assert_eq!(stage.health().await.liveness, Liveness::Live);
    let told = stage.health().await;
    assert_eq!((told.liveness, told.failures), (Liveness::Stale, 1));
    assert_eq!(stage.asked().len(), 2, "nobody was asked to find that out");
    assert_eq!(stage.health().await.liveness, Liveness::Live);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_stops_only_its_own_source() {
    let stuck = start(0, 1000, Pace::Aligned, vec![], 1, false);
    let mut other = start(0, 1000, Pace::Aligned, vec![], 1, false);
    for _ in 0..20 {
        other.health().await;
    }
    assert!(stuck.asked().len() <= 3);
    assert!(other.asked().len() >= 20);
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_the_loop_wherever_it_stands() {
    let hung = start(0, 1000, Pace::Aligned, vec![Act::Hang], 8, false);
    let full = start(0, 1000, Pace::Aligned, vec![], 1, false);
    let waiting = start(0, 300_000, Pace::Jittered, vec![], 8, false);
    tokio::time::sleep(Duration::from_millis(2500)).await;
    for stage in [hung, full, waiting] {
        let before = Instant::now();
        stage.shutdown.cancel();
        stage.task.await.expect("ends");
        assert!(before.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn the_loop_ends_when_nobody_takes_readings() {
    let stage = start(0, 1000, Pace::Aligned, vec![], 8, false);
    drop(stage.readings);
    stage.task.await.expect("ends");
}

/// Tells one reading at once, and goes on for a second.
struct Hasty {
    name: ConnectorName,
    early: Option<Early>,
}

impl Hasty {
    fn alerts(&self) -> Reading {
        Reading::Alerts {
            source: self.name.clone(),
            alerts: Vec::new(),
        }
    }
}

impl Source for Hasty {
    fn name(&self) -> &ConnectorName {
        &self.name
    }
    fn system(&self) -> &'static str {
        "hasty"
    }
    fn every(&self) -> Duration {
        Duration::from_secs(60)
    }
    fn pace(&self) -> Pace {
        Pace::Jittered
    }
    fn deadline(&self) -> Duration {
        Duration::from_secs(2)
    }
    fn tell_early(&mut self, early: Early) {
        self.early = Some(early);
    }
    fn poll(&mut self, _now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        Box::pin(async move {
            let early = self.early.as_ref().expect("given before the first poll");
            let mut rest = Vec::new();
            for _ in 0..2 {
                rest.extend(early.tell(self.alerts()).err().map(|reading| *reading));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(rest)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_told_early_arrives_before_the_poll_ends_and_a_full_queue_loses_nothing() {
    let (sender, mut readings) = mpsc::channel(1);
    let context = Context {
        readings: sender,
        clock: Arc::new(TokioClock {
            start: Instant::now(),
            wall: 0,
        }),
        shutdown: CancellationToken::new(),
        poke: Arc::new(Notify::new()),
        can: Vec::new(),
    };
    let shutdown = context.shutdown.clone();
    let source = Hasty {
        name: ConnectorName::new("main").unwrap(),
        early: None,
    };
    let task = tokio::spawn(run(Box::new(source), context));
    let started = Instant::now();
    assert!(matches!(
        readings.recv().await,
        Some(Reading::Alerts { .. })
    ));
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert!(matches!(
        readings.recv().await,
        Some(Reading::Alerts { .. })
    ));
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert!(matches!(readings.recv().await, Some(Reading::Health(_))));
    shutdown.cancel();
    task.await.expect("ends");
}

#[test]
fn alignment_is_on_multiples_and_full_seconds() {
    let check = |wall, every, expected| {
        let wait = until_aligned(Timestamp::from_millis(wall), Duration::from_millis(every));
        assert_eq!(wait, Duration::from_millis(expected), "{wall} {every}");
    };
    check(10_000, 1000, 1000);
    check(10_001, 1000, 999);
    check(10_999, 5000, 4001);
    check(10_100, 2500, 2900);
    check(10_100, 250, 150);
    check(-5, 1000, 1000);
}

#[test]
fn jitter_stays_within_a_tenth() {
    for chance in [0, 1, 77, u64::MAX / 2, u64::MAX] {
        let span = jittered(Duration::from_secs(10), chance);
        assert!((9000..=11_000).contains(&span.as_millis()), "{span:?}");
    }
    assert_eq!(jittered(Duration::ZERO, 9), Duration::ZERO);
}
