//! A runbook that is edited while its session runs: two people take it over, and nothing that was done is lost.

use crate::session_host::{Host, Person, fold_of, step};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use warroom::clock::Clock;
use warroom::connect::connector::Connector;
use warroom::connect::http::HttpSetupError;
use warroom::connect::poll::{Pace, PollError, Source};
use warroom::connect::query::QuerySpec;
use warroom::domain::amend::adopted_digest;
use warroom::domain::apply::fold;
use warroom::domain::command::Command;
use warroom::domain::fact::{Fact, MotionEvent};
use warroom::domain::id::{ConnectorName, RuleId};
use warroom::domain::motion::{Motion, MotionNo};
use warroom::domain::reading::{QueryAnswer, Reading, Sample, Series};
use warroom::domain::state::StepStatus;
use warroom::domain::threshold::Verdict;
use warroom::domain::time::Moment;
use warroom::wire::amendment::Preview;
use warroom::wire::message::ToServer;

const RUNBOOK: &str = "\
# Copy

## Work

- [ ] Look
  ```sh run id=look
  echo looked >> ran
  ```
- [ ] Copy it
  ```sh run id=copy
  echo wrong >> ran; exit 3
  ```
- [ ] Tell
";

fn mended() -> String {
    let text = RUNBOOK.replace("echo wrong >> ran; exit 3", "echo right >> ran");
    // What is over says something else now, and stays as it ran.
    text.replace("echo looked", "echo looked twice")
}

fn host() -> Host {
    let host = Host::new(RUNBOOK);
    std::fs::copy("/bin/sh", host.path("bin/sh")).expect("a shell");
    host
}

fn motion(preview: &Preview) -> Command {
    Command::Move {
        what: Motion::Amend {
            from: preview.from,
            to: preview.to,
        },
        reason: "the command was wrong".to_owned(),
        signed: None,
    }
}

/// The second to what this person reads on their screen.
fn second(person: &Person) -> Command {
    let open = person.state.motions.open.as_deref();
    let amendment = open.and_then(|open| open.amendment.as_deref());
    Command::Second {
        no: MotionNo(1),
        adopted: amendment.and_then(|read| adopted_digest(&person.state, read)),
        signed: None,
    }
}

impl Person {
    /// Has the server read the runbook, again and again while it says that this was asked a moment ago.
    async fn reads_runbook(&mut self) -> Result<Preview, String> {
        self.preview = None;
        let number = u64::MAX;
        loop {
            self.send(ToServer::ReadRunbook { number }).await;
            self.until("a reply", |p| p.replies.contains_key(&number))
                .await;
            match self.replies.remove(&number).flatten() {
                Some(refusal) if refusal.reason.contains("a moment ago") => {}
                Some(refusal) => return Err(refusal.reason),
                None => return Ok(self.preview.take().expect("it comes before the reply")),
            }
        }
    }
}

async fn to_failed(alice: &mut Person) {
    alice.does(Command::Begin).await;
    alice.starts("look").await;
    alice.sees_done("look").await;
    alice.starts("copy").await;
    alice
        .until("it fails", |p| {
            matches!(p.status("copy"), StepStatus::Failed { .. })
        })
        .await;
}

#[tokio::test]
async fn a_wrong_command_is_mended_in_the_night_and_survives_the_server() {
    let host = host();
    let running = host.start_apart();
    let (mut alice, mut bob) = (host.attach("alice").await, host.attach("bob").await);
    to_failed(&mut alice).await;
    let unchanged = alice.reads_runbook().await.expect("reads");
    assert!(unchanged.is_pinned, "{unchanged:?}");
    std::fs::write(host.path("runbook.md"), mended()).expect("write");
    let preview = alice.reads_runbook().await.expect("reads");
    assert!(preview.against.is_empty() && !preview.is_pinned);
    let words: Vec<String> = preview.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "done already, stays as it ran: step 1.1 `Look`",
            "changed: step 1.2 `Copy it`",
        ]
    );
    alice.does(motion(&preview)).await;
    let refused = alice.is_refused(second(&alice)).await;
    assert!(refused.contains("cannot second it too"), "{refused}");
    bob.until("the motion", |p| p.state.motions.open.is_some())
        .await;
    let open = bob.state.motions.open.as_ref().expect("open");
    let amendment = open.amendment.as_ref().expect("who seconds has the plan");
    assert_eq!(amendment.plan.digest(), preview.to);
    bob.until("the motion", |p| p.state.motions.open.is_some())
        .await;
    bob.does(second(&bob)).await;
    alice
        .until("it is in force", |p| p.state.amendments().count() == 1)
        .await;
    alice.does(Command::Retry { step: step("copy") }).await;
    alice.starts("copy").await;
    alice.sees_done("copy").await;
    let ran = std::fs::read_to_string(host.path("ran")).expect("it ran");
    assert_eq!(ran, "looked\nwrong\nright\n");
    let seen = alice.state.clone();
    running.kill();
    alice.leaves().await;
    bob.leaves().await;

    let running = host.resume().await;
    let alice = host.attach("alice").await;
    assert_eq!(alice.state.genesis, seen.genesis, "the amended plan");
    assert!(alice.status("copy").is_passed());
    running.end().await;
    let report = std::process::Command::new(env!("CARGO_BIN_EXE_warroom"))
        .arg("report")
        .arg(host.journal())
        .output()
        .expect("runs");
    let report = String::from_utf8_lossy(&report.stdout).into_owned();
    let diff = report.split("```diff\n").nth(1).expect("a diff");
    let diff = diff.split("\n```").next().expect("an end");
    for part in ["@@ step `copy`", "echo wrong >> ran", "echo right >> ran"] {
        assert!(diff.contains(part), "no {part:?} in {report}");
    }
    let (records, state) = fold_of(&host.journal());
    assert_eq!(
        fold(records).expect("nothing that cannot have happened"),
        state
    );
}

#[tokio::test]
async fn what_is_moved_is_what_was_read_and_a_broken_runbook_is_not() {
    let host = host();
    let running = host.start().await;
    let (mut alice, mut bob) = (host.attach("alice").await, host.attach("bob").await);
    to_failed(&mut alice).await;
    std::fs::write(host.path("runbook.md"), mended()).expect("write");
    let preview = alice.reads_runbook().await.expect("reads");
    // Somebody edits it again before it is moved.
    let later = mended().replace("echo right", "echo evil");
    std::fs::write(host.path("runbook.md"), later).expect("write");
    let why = alice.is_refused(motion(&preview)).await;
    assert!(why.contains("another one by now"), "{why}");
    std::fs::write(host.path("runbook.md"), "# Copy\n\n```sh run\nx\n```\n").expect("write");
    let why = alice.reads_runbook().await.expect_err("an error in it");
    assert!(why.contains("cannot be run"), "{why}");
    std::fs::write(host.path("runbook.md"), mended()).expect("write");
    alice.does(motion(&preview)).await;
    // It is tried as it was before the second person comes, and fails again: that changes nothing.
    alice.does(Command::Retry { step: step("copy") }).await;
    alice
        .does(Command::RejectMotion {
            no: MotionNo(1),
            reason: String::new(),
        })
        .await;
    let why = bob.is_refused(second(&bob)).await;
    assert!(why.contains("not open"), "{why}");
    assert_eq!(bob.state.amendments().count(), 0);
    running.end().await;
    let (records, _) = fold_of(&host.journal());
    let carried = records.iter().any(
        |record| matches!(&record.fact, Fact::Motion(moved) if moved.event == MotionEvent::Carried),
    );
    assert!(!carried);
}

/// A metrics system to which `low` is low, and everything else is high.
#[derive(Debug)]
struct Meter(ConnectorName);

struct Needle(ConnectorName, Vec<QuerySpec>);

impl Connector for Meter {
    fn name(&self) -> &ConnectorName {
        &self.0
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
        Ok(Some(Box::new(Needle(self.0.clone(), specs.to_vec()))))
    }
}

impl Source for Needle {
    fn name(&self) -> &ConnectorName {
        &self.0
    }

    fn system(&self) -> &'static str {
        "meter"
    }

    fn every(&self) -> Duration {
        Duration::from_millis(20)
    }

    fn pace(&self) -> Pace {
        Pace::Jittered
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn poll(&mut self, now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        let answers = self.1.iter().map(|spec| QueryAnswer {
            rule: spec.rule.clone(),
            result: Ok(vec![Series {
                labels: Vec::new(),
                sample: Sample {
                    at: now.wall,
                    value: if spec.expr == "low" { 0.1 } else { 0.9 },
                },
            }]),
            dropped: 0,
            warnings: Vec::new(),
            received: now,
        });
        let (source, answers) = (self.0.clone(), answers.collect());
        Box::pin(async move { Ok(vec![Reading::Queries { source, answers }]) })
    }
}

const WATCHED: &str = "\
# Watched

```promql guard id=level crit=\"> 0.5\"
low
```

## Work

- [ ] Look
";

#[tokio::test]
async fn an_answer_to_the_old_question_is_none_to_the_new_one() {
    let mut host = Host::new(WATCHED);
    let name = ConnectorName::new("main").expect("a name");
    host.connectors = vec![Arc::new(Meter(name))];
    let running = host.start().await;
    let (mut alice, mut bob) = (host.attach("alice").await, host.attach("bob").await);
    let level = RuleId::new("level").expect("an id");
    let says = |p: &Person, verdict: Verdict| p.state.verdict(&level) == verdict;
    alice.until("low", |p| says(p, Verdict::Pass)).await;
    std::fs::write(host.path("runbook.md"), WATCHED.replace("low", "high")).expect("write");
    let preview = alice.reads_runbook().await.expect("reads");
    alice.does(motion(&preview)).await;
    bob.until("the motion", |p| p.state.motions.open.is_some())
        .await;
    bob.does(second(&bob)).await;
    alice.until("high", |p| says(p, Verdict::Fail)).await;
    running.end().await;
    let (records, _) = fold_of(&host.journal());
    let since = records.iter().skip_while(|record| {
        !matches!(&record.fact, Fact::Motion(moved) if moved.event == MotionEvent::Carried)
    });
    let passed = since.filter(|record| {
        matches!(&record.fact, Fact::RuleChanged { verdict, .. } if verdict.is_known_good())
    });
    assert_eq!(passed.count(), 0, "it was never good since");
}
