//! The pager goes from one person to another while a session is on, and while its server is not.

use crate::session_host::{Host, Running, wait_until};
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use warroom::clock::Clock;
use warroom::connect::connector::Connector;
use warroom::connect::http::HttpSetupError;
use warroom::connect::poll::{Pace, PollError, Source};
use warroom::connect::query::QuerySpec;
use warroom::domain::fact::Fact;
use warroom::domain::id::ConnectorName;
use warroom::domain::reading::{OnCall, Reading};
use warroom::domain::time::{Moment, Timestamp};

const RUNBOOK: &str = "# Small\n\n## One\n\n- [ ] Look\n";
/// The hand-over is ten minutes after the start.
const AT: Duration = Duration::from_secs(10 * 60);

/// A rota that says who is on call at the time it is asked.
#[derive(Debug, Clone)]
struct Rota {
    name: ConnectorName,
    hands_over: Timestamp,
    /// Times it was asked.
    asked: Arc<Mutex<usize>>,
}

impl Rota {
    fn on_call(&self, now: Timestamp) -> OnCall {
        let is_over = self.hands_over <= now;
        OnCall {
            rota: "database".to_owned(),
            level: 1,
            person: if is_over { "jon" } else { "mira" }.to_owned(),
            contact: String::new(),
            from: is_over.then_some(self.hands_over),
            until: (!is_over).then_some(self.hands_over),
            next: if is_over { "" } else { "jon" }.to_owned(),
            covers: Vec::new(),
        }
    }
}

impl Connector for Rota {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "rota"
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(Some(Box::new(self.clone())))
    }
}

impl Source for Rota {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "rota"
    }

    fn every(&self) -> Duration {
        Duration::from_millis(20)
    }

    fn pace(&self) -> Pace {
        Pace::Jittered
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn poll(&mut self, now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        *self.asked.lock().expect("not poisoned") += 1;
        let source = self.name.clone();
        let on_calls = vec![self.on_call(now.wall)];
        let told = vec![Reading::OnCalls { source, on_calls }];
        Box::pin(async { Ok(told) })
    }
}

/// What was said of hand-overs, in order.
fn said(host: &Host) -> Vec<String> {
    let (records, _) = host.fold();
    let notes = records.into_iter().filter_map(|record| match record.fact {
        Fact::NoteAdded { text, .. } => Some(text),
        _ => None,
    });
    notes.filter(|text| text.starts_with("pager")).collect()
}

/// Runs a server until its readings have been taken, and ends it.
async fn watch(rota: &Rota, running: Running) {
    let asked = || *rota.asked.lock().expect("not poisoned");
    let before = asked();
    // The session has taken the first reading when the third is asked for.
    wait_until("the rota is read", || asked() > before + 3).await;
    running.end().await;
}

#[tokio::test]
async fn a_hand_over_is_said_once_whatever_number_of_servers_see_it() {
    let mut host = Host::new(RUNBOOK);
    let rota = Rota {
        name: ConnectorName::new("rota").expect("a name"),
        hands_over: host.clock.now().wall.plus(AT),
        asked: Arc::default(),
    };
    host.connectors = vec![Arc::new(rota.clone())];
    watch(&rota, host.start().await).await;
    let ahead = "pager: database: mira hands over to jon at 08:10:00Z";
    assert_eq!(said(&host), [ahead]);
    for _ in 0..2 {
        host.clock.advance(Duration::from_secs(60));
        watch(&rota, host.resume().await).await;
        assert_eq!(said(&host), [ahead], "not again by the next server");
    }
    // It comes while no server runs: the next one says so, once.
    host.clock.advance(AT);
    let come = "pager now: database: nobody known hands over to jon at 08:10:00Z";
    for _ in 0..2 {
        watch(&rota, host.resume().await).await;
        assert_eq!(said(&host), [ahead, come]);
        host.clock.advance(Duration::from_secs(60));
    }
}
