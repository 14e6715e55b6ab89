//! A rolling restart of three real processes, found in a CMDB, with a floor from what a metrics server counts: it stops
//! at the first one that does not come back, and goes on there.

use crate::cli_session::{Asker, Home};
use crate::session_host::{fold_of, wait_until};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use warroom::client::link::Introduction;
use warroom::client::query;
use warroom::clock::{Clock as _, SystemClock};
use warroom::domain::command::Command as Wish;
use warroom::domain::fact::{Fact, RolloutEvent};
use warroom::domain::id::StepId;
use warroom::domain::state::{State, StepStatus};

const NAMES: [&str; 3] = ["web-1", "web-2", "web-3"];

const RUNBOOK: &str = "\
# Rolling restart

## Restart

```toml phase
for_each = \"role=web\"
floor = 'sum(up{job=\"web\"}) >= 2'
pause = \"1h\"
max_failed = 0
```

- [ ] Stop {{component}} at {{unit.site}}
  ```sh run id=stop
  rm \"$component.run\"; echo \"$unit_site\" > \"$component.site\"
  ```
  ```sh verify retry=20
  test ! -e \"$component.up\"
  ```
- [ ] Start {{component}}
  ```sh run id=start
  test ! -e \"$component.broken\"; touch \"$component.run\"
  ```
  ```sh verify retry=20
  test -e \"$component.up\"
  ```
";

/// Keeps a process alive for each service that is to run, and answers how many there are, as a metrics server does.
struct Services {
    address: SocketAddr,
    up: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Services {
    fn start(dir: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (up, is_over) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (counted, over) = (Arc::clone(&up), Arc::clone(&is_over));
        let keeper = std::thread::spawn(move || keep(&dir, &counted, &over));
        let (counted, over) = (Arc::clone(&up), Arc::clone(&is_over));
        let server = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let counted = Arc::clone(&counted);
                if let Ok(stream) = stream {
                    std::thread::spawn(move || answer(stream, &counted).ok());
                }
            }
        });
        Self {
            address,
            up,
            is_over,
            tasks: vec![keeper, server],
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        TcpStream::connect(self.address).ok();
        for task in self.tasks.drain(..) {
            task.join().ok();
        }
    }
}

/// One real process for each `NAME.run`; `NAME.up` is there while it lives.
fn keep(dir: &std::path::Path, up: &AtomicU64, over: &AtomicBool) {
    let mut running: [Option<Child>; 3] = [None, None, None];
    while !over.load(Ordering::SeqCst) {
        for (name, child) in NAMES.iter().zip(&mut running) {
            let is_wanted = dir.join(format!("{name}.run")).exists();
            let sign = dir.join(format!("{name}.up"));
            if is_wanted && child.is_none() {
                let mut sleep = Command::new("sleep");
                let sleep = sleep.arg("1000").stdin(Stdio::null());
                *child = Some(sleep.spawn().expect("a process"));
                std::fs::write(&sign, "").expect("write");
            } else if !is_wanted && let Some(mut child) = child.take() {
                child.kill().expect("killed");
                child.wait().expect("ended");
                std::fs::remove_file(&sign).expect("there");
            }
        }
        let count = running.iter().flatten().count();
        up.store(u64::try_from(count).expect("three"), Ordering::SeqCst);
        std::thread::park_timeout(Duration::from_millis(20));
    }
    for mut child in running.into_iter().flatten() {
        child.kill().and_then(|()| child.wait()).ok();
    }
}

/// Answers one request as Prometheus would: the number of processes, now.
fn answer(mut stream: TcpStream, up: &AtomicU64) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut head, mut length) = (String::new(), 0_usize);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let now = SystemClock.now().wall.as_millis();
    let seconds = format!("{}.{:03}", now / 1000, now % 1000);
    let count = up.load(Ordering::SeqCst);
    let result = if head.contains("/api/v1/query ") || head.contains("/api/v1/query?") {
        format!(
            "{{\"status\":\"success\",\"data\":{{\"resultType\":\"vector\",\"result\":[{{\"metric\":{{}},\"value\":[{seconds},\"{count}\"]}}]}}}}"
        )
    } else if head.contains("query_range") {
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[]}}".to_owned()
    } else {
        "{\"status\":\"success\",\"data\":{\"version\":\"2.55.0\",\"activeTargets\":[],\"droppedTargets\":[]}}".to_owned()
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{result}",
        result.len()
    )
}

fn step(id: &str) -> StepId {
    StepId::new(id).expect("an id")
}

async fn state(home: &Home) -> State {
    let seen = query::snapshot(&home.target("roll"), &Introduction::default()).await;
    seen.expect("seen").snapshot.state
}

async fn status(home: &Home, id: &str) -> StepStatus {
    let state = state(home).await;
    state.find(&step(id)).expect("a step").now.status.clone()
}

async fn wait_status(home: &Home, id: &str, wanted: impl Fn(&StepStatus) -> bool) {
    for _ in 0..3000 {
        if wanted(&status(home, id).await) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{id}: {:?}", status(home, id).await);
}

/// Starts a step as soon as it may: the metrics need a poll to see what came back.
async fn start(home: &Home, asker: &mut Asker, id: &str) {
    let mut why = None;
    for _ in 0..1000 {
        why = asker.ask(Wish::Start { step: step(id) }).await;
        match &why {
            None => break,
            Some(why) if why.contains("the floor") => {}
            Some(why) => panic!("{id}: {why}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(why, None, "{id}");
    wait_status(home, id, |status| {
        !matches!(status, StepStatus::Active { .. } | StepStatus::Pending)
    })
    .await;
}

async fn go_on(asker: &mut Asker, behind: u32, reason: &str) -> Option<String> {
    let reason = reason.to_owned();
    asker
        .ask(Wish::GoOn {
            phase: 0,
            behind,
            reason,
        })
        .await
}

fn prepare(services: &Services, home: &Home) {
    use std::fmt::Write as _;
    let config = std::fs::read_to_string(home.path("config.toml")).expect("there");
    home.write(
        "config.toml",
        &format!(
            "{config}\n[connect.prometheus.main]\nurl = \"http://{}\"\nevery = \"1s\"\n\n[connect.cmdb-file.parts]\npath = \"{}\"\n",
            services.address,
            home.path("parts.toml").display()
        ),
    );
    let mut parts = String::from("[[component]]\nname = \"db-1\"\nrole = \"db\"\n");
    for name in NAMES {
        writeln!(
            parts,
            "[[component]]\nname = \"{name}\"\nrole = \"web\"\nsite = \"fra{}\"",
            name.len()
        )
        .expect("memory");
        home.write(&format!("{name}.run"), "");
    }
    home.write("parts.toml", &parts);
    home.write("roll.md", RUNBOOK);
}

/// A session that has begun, with three services up and the second of them broken.
async fn begin(services: &Services, home: &Home) -> Asker {
    prepare(services, home);
    wait_until("three services", || services.up.load(Ordering::SeqCst) == 3).await;
    let (code, out, err) = home.said(&["check", "roll.md"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        out.contains("its template was checked, its units were not"),
        "{out}"
    );
    let (code, out, err) = home.said(&["plan", "roll.md"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("3 of role=web, one after the other, in 3 batches"),
        "{out}"
    );
    assert!(out.contains("(stop.web-3, change, on web-3)"), "{out}");
    home.write("web-2.broken", "");
    let (code, out, err) = home.said(&["run", "-d", "roll.md"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let mut asker = Asker::attach(home, "roll").await;
    assert_eq!(asker.ask(Wish::Begin).await, None);
    asker
}

/// The reason why a step does not start now.
async fn why_not(asker: &mut Asker, id: &str) -> String {
    let why = asker.ask(Wish::Start { step: step(id) }).await;
    why.expect("it is refused")
}

/// Waits until the session has seen that fewer than three are up.
async fn wait_seen(home: &Home) {
    for _ in 0..1000 {
        let seen = query::snapshot(&home.target("roll"), &Introduction::default()).await;
        let board = seen.expect("seen").snapshot.board;
        let mut values = board
            .metrics
            .values()
            .filter_map(|m| m.tracks.first()?.last());
        if values.any(|sample| sample.value < 2.5) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the session sees nothing");
}

#[tokio::test]
async fn a_rolling_restart_keeps_its_floor_stops_at_the_first_failure_and_goes_on_there() {
    let home = Home::new();
    let services = Services::start(home.path("."));
    let mut asker = begin(&services, &home).await;

    start(&home, &mut asker, "stop.web-1").await;
    let site = std::fs::read_to_string(home.path("web-1.site")).expect("said");
    assert_eq!(site, "fra5\n", "what the CMDB says of it");
    start(&home, &mut asker, "start.web-1").await;
    wait_until("it is back", || services.up.load(Ordering::SeqCst) == 3).await;
    // The next batch waits, and a person ends that.
    let why = why_not(&mut asker, "stop.web-2").await;
    assert!(
        why.contains("the pause of 60m00s after batch 1 is not over"),
        "{why}"
    );
    let why = go_on(&mut asker, 2, "").await.expect("refused");
    assert_eq!(why, "cannot go on: it waits for something else by now");
    assert_eq!(go_on(&mut asker, 1, "").await, None);

    start(&home, &mut asker, "stop.web-2").await;
    start(&home, &mut asker, "start.web-2").await;
    wait_status(&home, "start.web-2", |s| {
        matches!(s, StepStatus::Failed { .. })
    })
    .await;
    assert_eq!(services.up.load(Ordering::SeqCst), 2, "the floor");
    let why = why_not(&mut asker, "stop.web-3").await;
    assert!(
        why.contains("has failed"),
        "it stops at the first failure: {why}"
    );

    // It is mended, and goes on where it failed.
    std::fs::remove_file(home.path("web-2.broken")).expect("there");
    let step = step("start.web-2");
    assert_eq!(asker.ask(Wish::Retry { step }).await, None);
    start(&home, &mut asker, "start.web-2").await;
    wait_until("it is back", || services.up.load(Ordering::SeqCst) == 3).await;
    assert_eq!(go_on(&mut asker, 2, "all three answer").await, None);
    one_is_gone(&services, &home, &mut asker).await;
    drop(asker);
    told(&home);
}

/// One of the others falls over before the last unit: nothing may be taken out, and the number is said.
async fn one_is_gone(services: &Services, home: &Home, asker: &mut Asker) {
    std::fs::remove_file(home.path("web-1.run")).expect("there");
    wait_until("it is gone", || services.up.load(Ordering::SeqCst) == 2).await;
    wait_seen(home).await;
    let why = why_not(asker, "stop.web-3").await;
    assert!(
        why.contains("must stay >= 2: it is 2 now and 1 without this unit"),
        "{why}"
    );
    let reason = "web-1 is down, nobody knows why".to_owned();
    let step = step("start.web-3");
    assert_eq!(asker.ask(Wish::SkipUnit { step, reason }).await, None);
    assert_eq!(asker.ask(Wish::Complete).await, None);
}

/// The journal has what was decided by which number, and can have happened; the report tells it.
fn told(home: &Home) {
    let (records, state) = fold_of(&home.journal("roll"));
    let news = records.iter().filter_map(|record| match &record.fact {
        Fact::Rollout(news) => Some(&news.event),
        _ => None,
    });
    let begun: Vec<(&str, u64)> = news
        .filter_map(|event| match event {
            RolloutEvent::UnitBegun { component, floor } => {
                let value = floor.as_ref()?.sample.value;
                Some((component.as_str(), format!("{value}").parse().ok()?))
            }
            _ => None,
        })
        .collect();
    assert_eq!(begun, [("web-1", 3), ("web-2", 3)]);
    let last = state.find(&step("stop.web-3")).expect("a step");
    assert!(matches!(last.now.status, StepStatus::Skipped { .. }));
    assert_eq!(home.said(&["verify", "roll"]).0, 0);
    let (_, report, _) = home.said(&["report", "roll"]);
    for words in [
        "left out the whole unit web-3: web-1 is down",
        "ended the wait after batch 2 early: all three answer",
    ] {
        assert!(report.contains(words), "{words}: {report}");
    }
}

#[tokio::test]
async fn one_word_carries_it_from_unit_to_unit_and_a_failure_ends_it() {
    let home = Home::new();
    let services = Services::start(home.path("."));
    let mut asker = begin(&services, &home).await;
    let is_done = |status: &StepStatus| matches!(status, StepStatus::Done { .. });
    let on = || Wish::RunOn { phase: 0, on: true };

    assert_eq!(asker.ask(on()).await, None);
    wait_status(&home, "start.web-1", is_done).await;
    let (_, out, _) = home.said(&["status", "roll"]);
    assert!(out.contains("Restart: GOES BY ITSELF since "), "{out}");
    assert_eq!(go_on(&mut asker, 1, "").await, None);
    wait_status(&home, "start.web-2", |s| {
        matches!(s, StepStatus::Failed { .. })
    })
    .await;
    assert_eq!(services.up.load(Ordering::SeqCst), 2, "the floor");
    let (_, out, _) = home.said(&["status", "roll"]);
    assert!(out.contains(": start.web-2 failed"), "{out}");
    let why = asker.ask(on()).await.expect("it is refused");
    assert!(why.contains("`Start web-2` failed"), "{why}");

    std::fs::remove_file(home.path("web-2.broken")).expect("there");
    let step = step("start.web-2");
    assert_eq!(asker.ask(Wish::Retry { step }).await, None);
    assert_eq!(asker.ask(on()).await, None);
    wait_status(&home, "start.web-2", is_done).await;
    assert_eq!(go_on(&mut asker, 2, "").await, None);
    wait_status(&home, "start.web-3", is_done).await;
    assert_eq!(services.up.load(Ordering::SeqCst), 3);
    assert_eq!(asker.ask(Wish::Complete).await, None);
    drop(asker);
    assert_eq!(home.said(&["verify", "roll"]).0, 0);
    let (_, report, _) = home.said(&["report", "roll"]);
    for words in [
        "let the rollout go by itself",
        "the rollout no longer goes by itself: ",
        "the rollout no longer goes by itself: the phase is done",
    ] {
        assert!(report.contains(words), "{words}: {report}");
    }
}

#[tokio::test]
async fn a_cmdb_that_is_silent_or_knows_nothing_stops_a_plan_and_a_run() {
    let home = Home::new();
    home.write("roll.md", RUNBOOK);
    let (code, _, err) = home.said(&["plan", "roll.md"]);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("no CMDB is configured") && err.contains("hint:"),
        "{err}"
    );
    let (code, _, err) = home.said(&["run", "-d", "roll.md"]);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("no CMDB is configured") && err.contains("hint:"),
        "{err}"
    );
    let config = std::fs::read_to_string(home.path("config.toml")).expect("there");
    let with = format!(
        "{config}\n[connect.cmdb-file.parts]\npath = \"{}\"\n",
        home.path("parts.toml").display()
    );
    home.write("config.toml", &with);
    let (code, _, err) = home.said(&["plan", "roll.md"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("`parts` does not answer"), "{err}");
    home.write(
        "parts.toml",
        "[[component]]\nname = \"db-1\"\nrole = \"db\"\n",
    );
    let (code, out, err) = home.said(&["plan", "roll.md"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(
        err.contains("`role=web` fits none of the 1 components the CMDB knows"),
        "{err}"
    );
    let (code, _, err) = home.said(&["run", "-d", "roll.md"]);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("line 6: `role=web` fits none of the 1 components"),
        "{err}"
    );
    let list = RUNBOOK
        .replace("\"role=web\"", "[\"web-1\"]")
        .replace(" at {{unit.site}}", "")
        .replace("; echo \"$unit_site\" > \"$component.site\"", "");
    home.write("roll.md", &list);
    home.write("config.toml", &config);
    let (code, out, err) = home.said(&["plan", "roll.md"]);
    assert_eq!(code, 0, "a list needs no CMDB: {out}{err}");
    let unknown = "warning: roll.md: no metrics server is configured, so these stay unknown: floor `floor-restart`: ";
    assert!(err.starts_with(unknown), "and that is all: {err}");
    assert_eq!(err.lines().count(), 2, "with its hint: {err}");
}
