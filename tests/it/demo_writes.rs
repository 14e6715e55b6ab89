//! The demo as a newcomer uses it: pages, mutes and entries go to the lab and come back on screen.

use crate::cli_session::{Asker, Home};
use crate::session_host::PATIENCE;
use std::time::Duration;
use warroom::client::link::Introduction;
use warroom::client::query;
use warroom::domain::command::Command as Wish;
use warroom::domain::id::ConnectorName;
use warroom::domain::reading::SilenceState;
use warroom::domain::time::Timestamp;
use warroom::domain::touched;
use warroom::domain::write::{Deed, Outcome, Urgency, WriteNo};
use warroom::wire::message::Snapshot;

/// A demo session and somebody who writes from it.
struct Demo {
    home: Home,
    asker: Asker,
}

impl Demo {
    async fn snapshot(&self) -> Snapshot {
        let seen = query::snapshot(&self.home.target("demo"), &Introduction::default()).await;
        seen.expect("seen").snapshot
    }

    async fn wait(&self, what: &str, is_so: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let waiting = async {
            loop {
                let snapshot = self.snapshot().await;
                if is_so(&snapshot) {
                    return snapshot;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("waited for: {what}"))
    }

    /// Asks for a deed and waits until the lab has shown that it happened; gives its reference.
    async fn does(&mut self, connector: &str, deed: Deed, no: u32) -> String {
        let connector = ConnectorName::new(connector).expect("a name");
        let what = format!("{deed:?}");
        let wish = Wish::Write { connector, deed };
        assert_eq!(self.asker.ask(wish).await, None, "{what}");
        let outcome = |s: &Snapshot| s.state.write(WriteNo(no))?.outcome.clone();
        let is_over = |s: &Snapshot| outcome(s).is_some_and(|o| o.is_final());
        let snapshot = self.wait(&what, is_over).await;
        match outcome(&snapshot) {
            Some(Outcome::Done { reference, .. }) => reference,
            other => panic!("{what}: {other:?}"),
        }
    }
}

fn page() -> Deed {
    Deed::Page {
        summary: "replica is gone".to_owned(),
        details: String::new(),
        component: "orders-db-2".to_owned(),
        urgency: Urgency::High,
    }
}

/// As the form for it makes it.
fn mute(snapshot: &Snapshot, now: Timestamp) -> Deed {
    let known = &snapshot.board.components;
    let components = touched::names(snapshot.state.plan(), known);
    assert_eq!(components.len(), 6);
    Deed::Mute {
        matchers: touched::matcher("instance", &components, known)
            .into_iter()
            .collect(),
        components,
        until: now.plus(Duration::from_secs(3600)),
        comment: String::new(),
    }
}

#[tokio::test]
async fn what_a_newcomer_writes_in_the_demo_happens_in_the_lab() {
    let home = Home::new();
    let (code, out, err) = home.said(&["demo", "-d"]);
    assert_eq!(code, 0, "{out}{err}");
    let asker = Asker::attach(&home, "demo").await;
    let mut demo = Demo { home, asker };
    let is_told = |s: &Snapshot| !s.board.on_calls.is_empty() && !s.board.components.is_empty();
    let snapshot = demo.wait("the lab is read", is_told).await;
    let incident = demo.does("lab-pager", page(), 1).await;
    let text = demo.home.said(&["status", "demo"]).1;
    assert!(text.contains("notified"), "{text}");
    let shown = |status: &'static str| {
        let id = incident.clone();
        move |s: &Snapshot| {
            let mut all = s.board.incidents.values().flatten();
            all.any(|i| i.id == id && i.title == "replica is gone" && i.status == status)
        }
    };
    demo.wait("the incident is on screen", shown("triggered"))
        .await;
    let reference = incident.clone();
    let taken = Deed::Acknowledge { reference };
    demo.does("lab-pager", taken, 2).await;
    demo.wait("it is acknowledged", shown("acknowledged")).await;
    let note = Deed::Note {
        reference: incident.clone(),
        text: "we look at it".to_owned(),
    };
    demo.does("lab-pager", note, 3).await;
    let now = snapshot.state.head_at.wall;
    for (no, connector) in [(4, "lab-alerts"), (6, "lab-pager")] {
        let reference = demo.does(connector, mute(&snapshot, now), no).await;
        let holds = |s: &Snapshot| {
            let mut all = s.board.silences.values().flatten();
            all.any(|one| one.id == reference && one.state == SilenceState::Active)
        };
        demo.wait("the silence is on screen", holds).await;
        let gone = |s: &Snapshot| !holds(s);
        let unmute = Deed::Unmute {
            reference: reference.clone(),
        };
        demo.does(connector, unmute, no + 1).await;
        demo.wait("it has ended", gone).await;
    }
    let record = Deed::Record {
        component: "orders-db-2".to_owned(),
        text: "upgraded to 16".to_owned(),
    };
    demo.does("lab-cmdb", record, 8).await;
    let staged = Deed::SetStatus {
        component: "orders-api".to_owned(),
        status: "Staged".to_owned(),
    };
    demo.does("lab-cmdb", staged, 9).await;
    let is_staged = |s: &Snapshot| {
        let api = s.board.components.get("orders-api");
        api.is_some_and(|api| api.status == "staged")
    };
    demo.wait("the status is on screen", is_staged).await;
    let resolve = Deed::Resolve {
        reference: incident.clone(),
    };
    demo.does("lab-pager", resolve, 10).await;
    let is_over = |s: &Snapshot| s.board.incidents.values().all(Vec::is_empty);
    demo.wait("no incident is open", is_over).await;
    demo.home.said(&["kill-session", "demo"]);
}
