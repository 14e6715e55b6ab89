//! The window through the whole server: begun in time, too late for what destroys, and extended by two people.

use crate::session_host::{Host, Person, fold_of, person, step};
use crate::session_signed::{Keyed, armour};
use std::time::Duration;
use warroom::clock::Clock as _;
use warroom::domain::command::Command;
use warroom::domain::confirm::statement::{motion_statement, second_statement};
use warroom::domain::fact::{Fact, Mode, MotionEvent};
use warroom::domain::freeze::Freeze;
use warroom::domain::id::FreezeId;
use warroom::domain::motion::{Motion, MotionNo};
use warroom::domain::time::Timestamp;
use warroom::server::history;

/// The clock of a host begins at 08:00.
const RUNBOOK: &str = "\
# Wipe

```toml maintenance
window = { start = \"2027-01-15T08:10:00Z\", end = \"2027-01-15T10:00:00Z\", buffer = \"20m\" }
```

## Work

- [ ] Look
  ```sh run id=look
  echo looked
  ```
- [ ] Wipe it
  ```sh run destructive id=wipe
  echo wiped >> wiped
  ```
";

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

fn extend(until: &str) -> Command {
    Command::Move {
        what: Motion::ExtendWindow {
            until: Timestamp::parse(until).expect("a time"),
        },
        reason: "the copy is slow".to_owned(),
        signed: None,
    }
}

fn second(no: u32) -> Command {
    Command::Second {
        no: MotionNo(no),
        adopted: None,
        signed: None,
    }
}

fn host() -> Host {
    let host = Host::new(RUNBOOK);
    std::fs::copy("/bin/sh", host.path("bin/sh")).expect("a shell");
    host
}

fn end(p: &Person) -> String {
    let window = p.state.window().expect("a window");
    window.end.to_seconds_text()
}

#[tokio::test]
async fn two_people_extend_a_window_and_one_from_two_terminals_does_not() {
    let host = host();
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    let mut bob = host.attach("bob").await;
    let why = alice.is_refused(Command::Begin).await;
    assert!(why.contains("has not begun: it does in 10m00s"), "{why}");
    host.clock.advance(minutes(10));
    alice.does(Command::Begin).await;
    alice.starts("look").await;
    bob.sees_done("look").await;
    alice.starts("wipe").await;
    host.clock.advance(minutes(91));
    let propose = || Command::propose(step("wipe"));
    let why = alice.is_refused(propose()).await;
    assert!(
        why.contains("the point of no return was at 09:40:00"),
        "{why}"
    );

    alice.does(extend("2027-01-15T11:00:00Z")).await;
    let mut again = host.attach("alice").await;
    let why = again.is_refused(second(1)).await;
    assert!(
        why.contains("made the motion and cannot second it too"),
        "{why}"
    );
    let why = bob.is_refused(second(2)).await;
    assert!(why.contains("motion 2 is not open"), "{why}");
    assert_eq!(
        end(&alice),
        "2027-01-15T10:00:00Z",
        "nobody has seconded it"
    );
    bob.does(second(1)).await;
    alice
        .until("carried", |p| p.state.motions.open.is_none())
        .await;
    assert_eq!(end(&alice), "2027-01-15T11:00:00Z");
    alice.does(propose()).await;
    let head = alice.state.head;
    bob.until("the proposal", |p| p.state.head.0 >= head.0)
        .await;
    bob.confirms().await;
    alice
        .until("armed", |p| {
            p.state.proposal.as_ref().is_some_and(|p| p.armed.is_some())
        })
        .await;
    let attempt = alice.state.proposal.as_ref().expect("open").terms.attempt;
    alice.does(Command::go(step("wipe"), attempt)).await;
    bob.sees_done("wipe").await;
    running.end().await;

    // It is in the journal, with both people and the try of one alone; and a server that takes it up knows it.
    let (records, state) = host.fold();
    assert_eq!(
        state.extension().map(|c| c.second.to_string()).as_deref(),
        Some("bob")
    );
    let refused = records.iter().filter(
        |r| matches!(&r.fact, Fact::Motion(m) if matches!(m.event, MotionEvent::Refused { .. })),
    );
    assert_eq!(refused.count(), 1);
    let running = host.resume().await;
    let alice = host.attach("alice").await;
    assert_eq!(end(&alice), "2027-01-15T11:00:00Z");
    running.end().await;
    learned(&host);
}

/// What the journal of that session says to the next one.
fn learned(host: &Host) {
    let genesis = fold_of(&host.journal()).1.genesis;
    let state_dir = host.session_dir();
    let state_dir = state_dir.parent().expect("a directory");
    let plan = &genesis.plan;
    let learned = history::learn(state_dir, plan, (Mode::Demo, false), &*host.clock);
    assert_eq!((learned.runs, learned.unread), (1, 0));
    let wipe = learned.run(&step("wipe")).expect("measured");
    assert_eq!((wipe.n, wipe.p50_ms), (1, 91 * 60 * 1000));
    let real = history::learn(state_dir, plan, (Mode::Advisory, false), &*host.clock);
    assert!(real.is_none(), "a demo says nothing of real work");
    // A damaged journal is left out, and counted.
    let mut bytes = std::fs::read(host.journal()).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = host.path("damaged");
    std::fs::create_dir(&damaged).expect("mkdir");
    std::fs::write(damaged.join("journal"), bytes).expect("write");
    let learned = history::learn(state_dir, plan, (Mode::Demo, false), &*host.clock);
    assert_eq!((learned.runs, learned.unread), (1, 1));
}

/// Where the policy asks for keys, both words are signed, by two people; anybody else's and the wrong one count nothing.
#[tokio::test]
async fn where_keys_are_asked_for_a_motion_is_signed_by_both() {
    let rules = "[class.destructive]\nconfirmer = \"sshsig\"\nproposer = \"sshsig\"\ngo = \"sshsig\"\nindependent_check = false\n";
    let keyed = Keyed::over(RUNBOOK, rules);
    let running = keyed.host.start().await;
    let mut alice = Box::pin(keyed.attach("alice")).await;
    let mut bob = Box::pin(keyed.attach("bob")).await;
    let command = extend("2027-01-15T11:00:00Z");
    let why = alice.is_refused(command.clone()).await;
    assert!(why.contains("a signature by a listed key"), "{why}");
    let Command::Move { what, reason, .. } = &command else {
        panic!("a motion");
    };
    let now = keyed.host.clock.now().wall;
    let stated = |p: &Person, issued: Timestamp| {
        motion_statement(&p.state, what, reason, &person("alice"), issued).expect("short")
    };
    let make = |text: String| {
        let command = command.clone();
        let armour = armour("alice", &text);
        command.with_signature(&text, armour, false)
    };
    let old = stated(&alice, now.minus(minutes(11)));
    let why = alice.is_refused(make(old)).await;
    assert!(why.contains("not signed in the 10m00s before now"), "{why}");
    let text = stated(&alice, now);
    alice.does(make(text.clone())).await;
    let why = alice.is_refused(make(text)).await;
    assert!(why.contains("not about what is on the table now"), "{why}");
    let open = |p: &Person| p.state.motions.open.clone();
    bob.until("the motion", |p| open(p).is_some()).await;
    let open = open(&bob).expect("just there");
    let by = |name: &str| {
        let text = second_statement(&bob.state, &open, &person(name)).expect("short");
        let armour = armour(name, &text);
        second(1).with_signature(&text, armour, false)
    };
    let (hers, his) = (by("alice"), by("bob"));
    let why = alice.is_refused(hers).await;
    assert!(
        why.contains("made the motion and cannot second it too"),
        "{why}"
    );
    let why = alice.is_refused(his.clone()).await;
    assert!(why.contains("is attached here and `bob` signed"), "{why}");
    bob.does(his).await;
    assert_eq!(end(&bob), "2027-01-15T11:00:00Z");
    running.end().await;
    let (records, _) = keyed.host.fold();
    let signed = records.iter().filter(|r| {
        matches!(&r.fact, Fact::StatementSigned(s) if s.statement.starts_with("warroom-motion@v1\n"))
    });
    assert_eq!(signed.count(), 2);
}

#[tokio::test]
async fn a_motion_ends_by_itself_and_a_freeze_needs_one() {
    let mut host = host();
    let now = host.clock.now().wall;
    host.freezes = vec![Freeze {
        id: FreezeId::new("year-end").expect("an id"),
        start: now,
        end: now.plus(minutes(600)),
        reason: "closing".to_owned(),
        components: Vec::new(),
        except: Vec::new(),
    }];
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    let mut bob = host.attach("bob").await;
    host.clock.advance(minutes(10));
    let why = alice.is_refused(Command::Begin).await;
    assert!(
        why.contains("freeze `year-end` is on until 2027-01-15T18:00:00Z: closing"),
        "{why}"
    );
    let go_on = || Command::Move {
        what: Motion::OverrideFreeze {
            freeze: FreezeId::new("year-end").expect("an id"),
        },
        reason: "the disk fills up".to_owned(),
        signed: None,
    };
    alice.does(go_on()).await;
    host.clock.advance(minutes(11));
    bob.notes("time passes").await;
    bob.until("it ended by itself", |p| {
        p.state.motions.newest == MotionNo(1) && p.state.motions.open.is_none()
    })
    .await;
    alice.does(go_on()).await;
    bob.does(second(2)).await;
    bob.does(Command::Begin).await;
    running.end().await;
}
