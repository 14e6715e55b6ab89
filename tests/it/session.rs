//! Sessions as people see them: attach, detach, come back; what survives a server.

use crate::session_host::{Host, PATIENCE, person, step};
use std::os::unix::fs::PermissionsExt as _;
use warroom::client::link::Introduction;
use warroom::client::query;
use warroom::domain::command::Command;
use warroom::domain::fact::{Fact, Finding, Mode};
use warroom::domain::id::Seq;
use warroom::domain::state::{Phase, StepStatus};
use warroom::journal::JournalError;
use warroom::server::policy::{PeopleSource, Policy};
use warroom::server::start::StartError;
use warroom::wire::message::ToServer;

const PLAIN: &str = "\
# Plain

## Work

- [ ] Say something
  ```sh run id=say
  echo hello; echo NAME=value >> \"$WARROOM_OUTPUT\"
  ```
- [ ] Use it
  ```sh run id=use
  echo \"got $NAME in $WARROOM_SESSION\"
  ```
- [ ] Wait long
  ```sh run id=wait
  sleep 1000 & echo $! > child; echo $$ > leader; sleep 1000
  ```
";

#[tokio::test]
async fn everybody_attached_sees_the_same_and_it_is_what_the_journal_says() {
    let host = Host::new(PLAIN);
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    let mut bob = host.attach("bob").await;
    alice.does(Command::Begin).await;
    alice.starts("say").await;
    bob.sees_done("say").await;
    alice.notes("half way").await;
    let mut late = host.attach("carol").await;
    late.notes("I have come").await;
    let head = late.state.head;
    for other in [&mut alice, &mut bob] {
        other
            .until("the newest record", |p| p.state.head == head)
            .await;
        assert_eq!(other.state, late.state);
    }
    assert_eq!(host.fold().1, late.state);
    assert!(alice.output().contains("hello"), "{:?}", alice.output());
    running.end().await;
}

#[tokio::test]
async fn values_of_a_step_reach_the_next_one() {
    let host = Host::new(PLAIN);
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    alice.does(Command::Begin).await;
    for id in ["say", "use"] {
        alice.starts(id).await;
        alice.sees_done(id).await;
    }
    alice
        .until("its output", |p| p.output().contains("got value in db"))
        .await;
    running.end().await;
}

#[tokio::test]
async fn output_and_records_can_be_read_back_in_pages() {
    let host = Host::new(PLAIN);
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    alice.does(Command::Begin).await;
    alice.starts("say").await;
    alice.sees_done("say").await;
    let key = alice.state.find(&step("say")).expect("there").now.finished[0]
        .key
        .clone();
    alice.output.clear();
    let asked = ToServer::Output {
        key: key.clone(),
        offset: 2,
    };
    // The first two bytes are those that were not asked for.
    alice.output.insert(key.to_string(), b"..".to_vec());
    alice.send(asked).await;
    alice.until("the output", |p| p.output() == "..llo\n").await;
    for number in 0..20 {
        alice.notes(&format!("note {number}")).await;
    }
    let all = host.fold().0;
    let page = ToServer::Records {
        from: Seq(3),
        count: 7,
    };
    alice.send(page).await;
    alice.until("records", |p| p.records.is_some()).await;
    assert_eq!(alice.records.take(), Some(all[3..10].to_vec()));
    let beyond = ToServer::Records {
        from: Seq(1_000_000),
        count: 7,
    };
    alice.send(beyond).await;
    alice
        .until("an answer", |p| p.records == Some(Vec::new()))
        .await;
    running.end().await;
}

#[tokio::test]
async fn who_detaches_misses_nothing_and_the_session_goes_on() {
    let host = Host::new(PLAIN);
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    let mut bob = host.attach("bob").await;
    alice.does(Command::Begin).await;
    alice.leaves().await;
    bob.until("alice gone", |p| p.state.terminals.len() == 1)
        .await;
    bob.starts("say").await;
    bob.sees_done("say").await;
    let mut alice = host.attach("alice").await;
    assert!(alice.status("say").is_passed());
    assert_eq!(
        alice.snapshot.recent.last().map(|r| r.seq),
        Some(alice.state.head.0)
    );
    alice
        .until("herself", |p| p.state.terminals.len() == 2)
        .await;
    assert!(alice.state.absent_since.is_empty());
    running.end().await;
}

#[tokio::test]
async fn a_read_only_terminal_can_ask_for_nothing() {
    let host = Host::new(PLAIN);
    let running = host.start().await;
    let mut guest = host
        .attach_as(Introduction {
            read_only: true,
            demo_person: Some(person("alice")),
            is_terminal: true,
        })
        .await;
    assert!(guest.welcome.read_only);
    let why = guest.is_refused(Command::Begin).await;
    assert_eq!(why, "`begin` is refused: this terminal may only look");
    let reason = "because".to_owned();
    guest.send(ToServer::Shutdown { reason }).await;
    assert!(guest.ask(Command::Begin).await.is_some(), "still there");
    running.end().await;
}

#[tokio::test]
async fn a_status_client_sees_the_state_and_is_not_listed() {
    let host = Host::new(PLAIN);
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    alice.notes("x").await;
    let seen = query::snapshot(&host.target(), &Introduction::default())
        .await
        .expect("seen");
    assert_eq!(seen.snapshot.state.terminals.len(), 1);
    assert_eq!(seen.snapshot.state, alice.state);
    running.end().await;
}

#[tokio::test]
async fn kill_session_says_goodbye_and_the_session_can_be_taken_up() {
    let host = Host::new(PLAIN);
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    alice.does(Command::Begin).await;
    alice.starts("say").await;
    alice.sees_done("say").await;
    alice.starts("use").await;
    alice.sees_done("use").await;
    alice.starts("wait").await;
    alice
        .until("it runs", |p| {
            p.state.running().is_some_and(|r| r.pid.is_some())
        })
        .await;
    let said = query::shut_down(&host.target()).await.expect("ends");
    assert!(said.contains("kill-session"), "{said}");
    alice.until("goodbye", |p| p.ended.is_some()).await;
    running.end().await;
    let (records, state) = host.fold();
    assert!(matches!(
        records.last().map(|r| &r.fact),
        Some(Fact::SessionClosed { .. })
    ));
    assert!(state.running().is_none());
    assert!(!host.socket().exists());
    let running = host.resume().await;
    let mut alice = host.attach("alice").await;
    alice.notes("again").await;
    assert!(alice.state.is_held(), "a person releases it");
    running.end().await;
}

#[tokio::test]
async fn what_ran_when_the_server_was_cut_off_is_unknown_and_waits_for_people() {
    let host = Host::new(PLAIN);
    let running = host.start_apart();
    let mut alice = host.attach("alice").await;
    alice.does(Command::Begin).await;
    for id in ["say", "use"] {
        alice.starts(id).await;
        alice.sees_done(id).await;
    }
    alice.starts("wait").await;
    alice
        .until("it runs", |p| {
            p.state.running().is_some_and(|r| r.pid.is_some())
        })
        .await;
    let before = alice.state.terminals.keys().copied().collect::<Vec<_>>();
    running.kill();
    alice.leaves().await;
    // The file is not needed any more: the plan is in the journal.
    std::fs::remove_file(host.path("runbook.md")).expect("there");
    let running = host.resume().await;
    let seen = query::snapshot(&host.target(), &Introduction::default())
        .await
        .expect("seen");
    assert!(
        seen.snapshot.state.terminals.is_empty(),
        "nobody of the dead server is listed"
    );
    let mut alice = host.attach("alice").await;
    let mut bob = host.attach("bob").await;
    assert!(!before.contains(&alice.welcome.terminal), "a new number");
    assert_eq!(alice.status("wait"), StepStatus::Unknown);
    let why = alice
        .is_refused(Command::Start { step: step("wait") })
        .await;
    assert!(!why.is_empty());
    for by in [&mut alice, &mut bob] {
        let finding = Finding::DidNotRun;
        let reason = "looked at the host".to_owned();
        let step = step("wait");
        by.does(Command::resolve(step, finding, reason)).await;
        if by.status("wait") != StepStatus::Unknown {
            break;
        }
    }
    bob.until("resolved", |p| p.status("wait") != StepStatus::Unknown)
        .await;
    running.end().await;
}

#[tokio::test]
async fn stop_ends_the_whole_process_group() {
    let host = Host::new(PLAIN);
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    let mut bob = host.attach("bob").await;
    alice.does(Command::Begin).await;
    for id in ["say", "use"] {
        alice.starts(id).await;
        alice.sees_done(id).await;
    }
    alice.starts("wait").await;
    let (child, leader) = (host.path("child"), host.path("leader"));
    crate::session_host::wait_until("its processes", || {
        std::fs::read_to_string(&leader).is_ok_and(|text| text.ends_with('\n'))
    })
    .await;
    bob.does(Command::Stop { step: step("wait") }).await;
    bob.until("failed", |p| {
        matches!(p.status("wait"), StepStatus::Failed { .. })
    })
    .await;
    for file in [child, leader] {
        let pid = std::fs::read_to_string(file).expect("written");
        let process = std::path::Path::new("/proc").join(pid.trim());
        crate::session_host::wait_until("it is gone", || {
            std::fs::read_to_string(process.join("stat")).map_or(true, |stat| stat.contains(") Z "))
        })
        .await;
    }
    running.end().await;
}

const BACK: &str = "\
# Back

## Work

- [ ] One
  ```sh run id=one
  echo one >> order
  ```
  ```sh undo
  echo undo-one >> order
  ```
- [ ] Two
  ```sh run id=two
  echo two >> order
  ```
  ```sh undo
  echo undo-two >> order
  ```
- [ ] Three
  ```sh run id=three
  echo three >> order
  ```
";

#[tokio::test]
async fn rollback_undoes_the_last_first() {
    let host = Host::new(BACK);
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    alice.does(Command::Begin).await;
    for id in ["one", "two"] {
        alice.starts(id).await;
        alice.sees_done(id).await;
    }
    let reason = "it does not look right".to_owned();
    alice.does(Command::Rollback { reason }).await;
    alice
        .until("rolled back", |p| p.state.phase == Phase::RolledBack)
        .await;
    let order = std::fs::read_to_string(host.path("order")).expect("written");
    assert_eq!(order, "one\ntwo\nundo-two\nundo-one\n");
    running.end().await;
}

const BROKEN: &str = "\
# Broken

## Work

- [ ] Nothing there
  ```sh run id=gone
  true
  ```
";

#[tokio::test]
async fn a_command_that_cannot_be_started_has_its_outcome_at_once() {
    let host = Host::new(BROKEN);
    // Found first in the search path, and not executable as what it is.
    std::fs::write(host.path("bin/sh"), "").expect("write");
    std::fs::set_permissions(host.path("bin/sh"), std::fs::Permissions::from_mode(0o755))
        .expect("chmod");
    std::fs::write(host.path("bin/sh"), b"\x7fELF not a program").expect("write");
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    alice.does(Command::Begin).await;
    alice.starts("gone").await;
    alice
        .until("failed", |p| {
            matches!(p.status("gone"), StepStatus::Failed { .. })
        })
        .await;
    running.end().await;
}

#[tokio::test]
async fn a_torn_tail_is_set_aside_and_told() {
    let host = Host::new(PLAIN);
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    alice.notes("kept").await;
    running.end().await;
    let whole = host.fold().0.len();
    let bytes = std::fs::read(host.journal()).expect("readable");
    let last = bytes
        .windows(4)
        .rposition(|w| w == b"WJ1 ")
        .expect("a record");
    let tail = &bytes[last..bytes.len() - 10];
    std::fs::write(host.journal(), &bytes[..bytes.len() - 10]).expect("writable");
    let running = host.resume().await;
    running.end().await;
    let (records, _) = host.fold();
    let recovered = &records[whole - 1].fact;
    let length = u64::try_from(tail.len()).expect("fits");
    assert!(
        matches!(recovered, Fact::JournalRecovered { bytes, .. } if *bytes == length),
        "{recovered:?}"
    );
    let torn = std::fs::read(host.session_dir().join("journal.torn")).expect("there");
    assert_eq!(torn, tail);
}

#[tokio::test]
async fn a_damaged_journal_is_refused_with_byte_and_record_and_left_alone() {
    let host = Host::new(PLAIN);
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    alice.notes("first").await;
    alice.notes("second").await;
    running.end().await;
    let mut bytes = std::fs::read(host.journal()).expect("readable");
    let at = bytes.windows(5).position(|w| w == b"first").expect("there");
    bytes[at] = b'F';
    std::fs::write(host.journal(), &bytes).expect("writable");
    let error = host.try_resume().await.err().expect("refused");
    let StartError::Journal(JournalError::Read { source, .. }) = &error else {
        panic!("{error:?}");
    };
    let text = source.to_string();
    assert!(text.contains("byte") && text.contains("record"), "{text}");
    assert!(error.hint().is_some());
    assert_eq!(std::fs::read(host.journal()).expect("readable"), bytes);
    assert!(!host.socket().exists());
}

#[tokio::test]
async fn a_second_server_on_the_same_session_is_refused() {
    let host = Host::new(PLAIN);
    let running = host.start().await;
    let error = host.try_resume().await.err().expect("refused");
    assert!(
        matches!(error, StartError::Journal(JournalError::Locked { .. })),
        "{error:?}"
    );
    let mut alice = host.attach("alice").await;
    alice.notes("the first is still there").await;
    running.end().await;
}

#[tokio::test]
async fn a_client_finds_its_way_back_to_a_restarted_server() {
    let host = Host::new(PLAIN);
    let running = host.start_apart();
    let mut first = host
        .attach_as(Introduction {
            is_terminal: true,
            ..Introduction::default()
        })
        .await;
    let mut second = host
        .attach_as(Introduction {
            is_terminal: true,
            ..Introduction::default()
        })
        .await;
    assert_eq!(second.welcome.you.person(), Some(&person("bob")));
    running.kill();
    first.until("lost", |p| p.lost > 0).await;
    second.until("lost", |p| p.lost > 0).await;
    let why = second.is_refused(Command::Begin).await;
    assert!(
        why.contains("no connection") || why.contains("broke"),
        "{why}"
    );
    let running = host.resume().await;
    second.until("back", |p| p.ups > 1).await;
    assert_eq!(
        second.welcome.you.person(),
        Some(&person("bob")),
        "still the same person"
    );
    assert_eq!(
        second.state.phase,
        Phase::Briefing,
        "what was asked in between was not sent late"
    );
    running.end().await;
}

#[tokio::test]
async fn in_earnest_the_kernel_says_who_somebody_is() {
    let mut host = Host::new(PLAIN);
    host.mode = Mode::Advisory;
    let people = host.path("people.toml");
    let me = rustix::process::geteuid().as_raw();
    let write = |text: &str| {
        std::fs::write(&people, text).expect("write");
        std::fs::set_permissions(&people, std::fs::Permissions::from_mode(0o644)).expect("chmod");
    };
    let other = me + 1;
    write(&format!(
        "[[person]]\nid = \"other\"\nuids = [{other}]\nroles = [\"operator\"]\n"
    ));
    host.people = PeopleSource::File(people.clone());
    let running = host.start().await;
    let mut guest = host.attach("alice").await;
    assert_eq!(
        guest.welcome.you.person(),
        None,
        "a claim counts for nothing"
    );
    // A list that cannot be read confirms nothing, and stops nothing else.
    std::fs::write(&people, "nonsense").expect("write");
    let statement = String::new();
    let why = guest.is_refused(Command::confirm(statement)).await;
    assert!(
        why.starts_with("`confirm` needs the people file: "),
        "{why}"
    );
    assert!(why.contains("people.toml"), "{why}");
    guest.notes("still here").await;
    guest.leaves().await;
    if me != 0 {
        // A list that belongs to somebody on it is no list.
        write(&format!(
            "[[person]]\nid = \"me\"\nuids = [{me}]\nroles = [\"observer\"]\n"
        ));
        let read = Policy::read(&host.people).expect_err("refused");
        assert!(read.contains("may not write the list"), "{read}");
    }
    tokio::time::timeout(PATIENCE, running.end())
        .await
        .expect("ends");
}
