//! Writes to other systems through a real server: journaled before they are sent, found after a crash, never sent twice.

use crate::session_host::{Host, Person, fold_of, wait_until};
use futures_util::future::BoxFuture;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use warroom::clock::Clock;
use warroom::connect::connector::{Connector, Order, WriteError, Writer};
use warroom::connect::http::HttpSetupError;
use warroom::connect::poll::Source;
use warroom::connect::query::QuerySpec;
use warroom::domain::command::Command;
use warroom::domain::fact::Fact;
use warroom::domain::id::ConnectorName;
use warroom::domain::time::{Moment, Timestamp};
use warroom::domain::write::{Ability, Deed, Outcome, Urgency, WriteNo};

const RUNBOOK: &str = "# Small\n\n## One\n\n- [ ] Look\n";

/// What a system does with what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Takes,
    Hangs,
    Lost,
    /// Would refuse it again.
    Forbids,
}

#[derive(Debug)]
struct Seen {
    mood: Mood,
    /// `write MARKER`, `find MARKER`, in order.
    asked: Vec<String>,
    /// Writes that came before their fact was in the journal.
    too_early: Vec<String>,
}

/// A pager that looks into the journal before it takes anything.
#[derive(Debug, Clone)]
struct Strict {
    name: ConnectorName,
    can: Vec<Ability>,
    notice: Option<String>,
    journal: PathBuf,
    seen: Arc<Mutex<Seen>>,
}

impl Strict {
    fn new(host: &Host) -> Self {
        Self {
            name: ConnectorName::new("pager").expect("a name"),
            can: vec![Ability::Page],
            notice: None,
            journal: host.journal(),
            seen: Arc::new(Mutex::new(Seen {
                mood: Mood::Takes,
                asked: Vec::new(),
                too_early: Vec::new(),
            })),
        }
    }

    fn set(&self, mood: Mood) {
        self.seen.lock().expect("not poisoned").mood = mood;
    }

    fn asked(&self) -> Vec<String> {
        let seen = self.seen.lock().expect("not poisoned");
        assert_eq!(seen.too_early, Vec::<String>::new());
        let short = |text: &String| {
            let end = text.rsplit('/').next().unwrap_or_default();
            format!("{} {end}", text.split(' ').next().unwrap_or_default())
        };
        seen.asked.iter().map(short).collect()
    }

    fn take(&self, what: &str, marker: &str) -> Mood {
        let (_, state) = fold_of(&self.journal);
        let session = &state.genesis.session;
        let is_recorded = state
            .writes
            .iter()
            .any(|w| w.write.marker(session) == marker);
        let mut seen = self.seen.lock().expect("not poisoned");
        if !is_recorded {
            seen.too_early.push(marker.to_owned());
        }
        seen.asked.push(format!("{what} {marker}"));
        seen.mood
    }
}

fn done() -> Outcome {
    Outcome::Done {
        reference: "Q1".to_owned(),
        proof: "mira was notified".to_owned(),
    }
}

impl Connector for Strict {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "strict"
    }

    fn abilities(&self) -> Vec<Ability> {
        self.can.clone()
    }

    fn notice(&self, _now: Timestamp) -> Option<String> {
        self.notice.clone()
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(None)
    }

    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        let writer: Box<dyn Writer> = Box::new(self.clone());
        Ok((!self.can.is_empty()).then_some(writer))
    }
}

impl Writer for Strict {
    fn write<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Outcome, WriteError>> {
        let mood = self.take("write", order.marker);
        Box::pin(async move {
            match mood {
                Mood::Takes => Ok(done()),
                Mood::Forbids => Err(WriteError::refused("HTTP 403: the key may only read")),
                Mood::Hangs | Mood::Lost => std::future::pending().await,
            }
        })
    }

    fn find<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Option<Outcome>, WriteError>> {
        let mood = self.take("find", order.marker);
        Box::pin(async move { Ok((mood == Mood::Takes).then(done)) })
    }
}

fn page(connector: &str, summary: &str) -> Command {
    Command::Write {
        connector: ConnectorName::new(connector).expect("a name"),
        deed: Deed::Page {
            summary: summary.to_owned(),
            details: String::new(),
            component: String::new(),
            urgency: Urgency::High,
        },
    }
}

async fn sees(person: &mut Person, no: u32, outcome: Outcome) {
    let is_so = |person: &Person| {
        let write = person.state.write(WriteNo(no));
        write.is_some_and(|write| write.outcome.as_ref() == Some(&outcome))
    };
    person
        .until(&format!("{outcome:?} of write {no}"), is_so)
        .await;
}

#[tokio::test]
async fn a_page_is_in_the_journal_before_it_is_sent_and_everybody_sees_its_proof() {
    let mut host = Host::new(RUNBOOK);
    let pager = Strict::new(&host);
    let deaf = Strict {
        name: ConnectorName::new("deaf").expect("a name"),
        can: Vec::new(),
        notice: Some("its service ends on 2027-04-05".to_owned()),
        ..pager.clone()
    };
    host.connectors = vec![Arc::new(pager.clone()), Arc::new(deaf)];
    let running = host.start().await;
    let (mut alice, mut bob) = (host.attach("alice").await, host.attach("bob").await);
    alice.does(page("pager", "orders do not drain")).await;
    sees(&mut alice, 1, done()).await;
    sees(&mut bob, 1, done()).await;
    assert_eq!(pager.asked(), ["write 1"]);
    let refused = bob.is_refused(page("deaf", "hello")).await;
    assert!(refused.contains("may only read"), "{refused}");
    let refused = bob.is_refused(page("gone", "hello")).await;
    assert!(refused.contains("no connector `gone`"), "{refused}");
    let late = host.attach("carol").await;
    assert_eq!(late.snapshot.state.writes, bob.state.writes);
    let pagers = &late.snapshot.board.health;
    assert!(
        pagers.values().any(|h| h.can == [Ability::Page]),
        "{pagers:?}"
    );
    running.end().await;
    let (records, state) = host.fold();
    assert_eq!(state.writes, bob.state.writes);
    let notices = records.iter().filter(|r| match &r.fact {
        Fact::NoteAdded { text, .. } => text.contains("strict `deaf`: its service ends"),
        _ => false,
    });
    assert_eq!(notices.count(), 1, "said once");
}

#[tokio::test]
async fn entries_states_and_resolved_incidents_go_where_they_were_asked_for() {
    let mut host = Host::new(RUNBOOK);
    let cmdb = Strict {
        can: vec![Ability::Record, Ability::SetStatus, Ability::Resolve],
        ..Strict::new(&host)
    };
    host.connectors = vec![Arc::new(cmdb.clone())];
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    let mut bob = host.attach("bob").await;
    let write = |deed: Deed| Command::Write {
        connector: cmdb.name.clone(),
        deed,
    };
    let record = |text: &str| Deed::Record {
        component: "db-1".to_owned(),
        text: text.to_owned(),
    };
    let refused = bob.is_refused(write(record("  "))).await;
    assert!(refused.contains("the entry is empty"), "{refused}");
    let status = Deed::SetStatus {
        component: "db-1".to_owned(),
        status: "staged".to_owned(),
    };
    let resolve = Deed::Resolve {
        reference: "Q1".to_owned(),
    };
    let deeds = [record("drained"), status, resolve];
    for (no, deed) in (1..).zip(deeds.clone()) {
        alice.does(write(deed)).await;
        sees(&mut bob, no, done()).await;
    }
    assert_eq!(cmdb.asked(), ["write 1", "write 2", "write 3"]);
    running.end().await;
    let (_, state) = host.fold();
    let told: Vec<Deed> = state.writes.iter().map(|w| w.write.deed.clone()).collect();
    assert_eq!(told, deeds);
    assert!(state.writes.iter().all(|w| w.by == "alice"), "{state:?}");
}

#[tokio::test]
async fn a_refusal_that_would_come_again_is_told_at_once() {
    let mut host = Host::new(RUNBOOK);
    let pager = Strict::new(&host);
    pager.set(Mood::Forbids);
    host.connectors = vec![Arc::new(pager.clone())];
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    alice.does(page("pager", "orders do not drain")).await;
    let what = "HTTP 403: the key may only read".to_owned();
    sees(&mut alice, 1, Outcome::Failed { what }).await;
    assert_eq!(pager.asked(), ["write 1"], "not three times");
    running.end().await;
}

#[tokio::test]
async fn a_server_that_dies_with_a_page_on_its_way_looks_for_it_and_sends_no_second_one() {
    for (mood, expected) in [
        (Mood::Takes, done()),
        (
            Mood::Lost,
            Outcome::Unknown {
                what: "not found after restart; may be tried again by a person".to_owned(),
            },
        ),
    ] {
        let mut host = Host::new(RUNBOOK);
        let pager = Strict::new(&host);
        pager.set(Mood::Hangs);
        host.connectors = vec![Arc::new(pager.clone())];
        let running = host.start_apart();
        let mut alice = host.attach("alice").await;
        alice.does(page("pager", "orders do not drain")).await;
        wait_until("the page is sent", || !pager.asked().is_empty()).await;
        running.kill();
        pager.set(mood);
        let running = host.resume().await;
        let mut bob = host.attach("bob").await;
        sees(&mut bob, 1, expected).await;
        assert_eq!(pager.asked(), ["write 1", "find 1"]);
        // A person may ask again: that is another write.
        pager.set(Mood::Takes);
        bob.does(page("pager", "orders do not drain")).await;
        sees(&mut bob, 2, done()).await;
        assert_eq!(pager.asked(), ["write 1", "find 1", "write 2"]);
        running.end().await;
        let (_, state) = host.fold();
        assert_eq!(state.writes.len(), 2);
    }
}

#[tokio::test]
async fn a_connector_that_is_gone_after_a_restart_leaves_its_write_unknown() {
    let mut host = Host::new(RUNBOOK);
    let pager = Strict::new(&host);
    pager.set(Mood::Hangs);
    host.connectors = vec![Arc::new(pager.clone())];
    let running = host.start_apart();
    let mut alice = host.attach("alice").await;
    alice.does(page("pager", "orders do not drain")).await;
    wait_until("the page is sent", || !pager.asked().is_empty()).await;
    running.kill();
    host.connectors.clear();
    let running = host.resume().await;
    let mut bob = host.attach("bob").await;
    let what = "nobody could look for it: connector `pager` is not configured for writing";
    let what = what.to_owned();
    sees(&mut bob, 1, Outcome::Unknown { what }).await;
    running.end().await;
}
