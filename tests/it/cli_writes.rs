//! The built program and a pager that takes a page and does not answer: the server is killed with the page on its way,
//! and the next one finds it by its key instead of sending it again.

use crate::cli_session::{Asker, Home, server_of};
use crate::session_host::wait_until;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use warroom::client::link::Introduction;
use warroom::client::query;
use warroom::domain::command::Command as Wish;
use warroom::domain::id::ConnectorName;
use warroom::domain::write::{Deed, Outcome, Urgency, WriteNo};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const RUNBOOK: &str = "# Small\n\n## One\n\n- [ ] Look\n";
/// Longer than any test: the answer to an event never comes.
const NEVER: Duration = Duration::from_secs(3600);

/// What the pager was sent.
#[derive(Default)]
struct Seen {
    /// Keys of the events, and whether the journal had them before.
    events: Vec<(String, bool)>,
}

/// The REST and Events APIs of one account.
#[derive(Clone)]
struct Pager {
    seen: Arc<Mutex<Seen>>,
    journal: PathBuf,
}

impl Pager {
    fn events(&self) -> Vec<(String, bool)> {
        self.seen.lock().expect("not poisoned").events.clone()
    }

    fn take(&self, event: &Value) {
        let key = event["dedup_key"].as_str().expect("a key").to_owned();
        // The key is made of session and number; the fact has what was asked.
        let summary = event["payload"]["summary"].as_str().expect("a summary");
        let journal = std::fs::read(&self.journal).expect("a journal");
        let has = |text: &str| {
            let text = text.as_bytes();
            journal.windows(text.len()).any(|part| part == text)
        };
        let is_recorded = has("write.asked") && has(summary);
        let mut seen = self.seen.lock().expect("not poisoned");
        seen.events.push((key, is_recorded));
    }

    /// The incident that the newest event became, when its key is asked for.
    fn incidents(&self, request: &Request) -> Value {
        let asked = request
            .url
            .query_pairs()
            .find(|(name, _)| name == "incident_key")
            .map(|(_, key)| key.into_owned());
        let is_known = |key: &String| self.events().iter().any(|(known, _)| known == key);
        let incident = json!({
            "id": "Q1LAB", "title": "replica is gone", "status": "triggered", "urgency": "high",
            "created_at": "2026-11-22T03:12:00Z", "html_url": "https://acme.pagerduty.com/incidents/Q1LAB",
        });
        let found: Vec<Value> = asked
            .filter(is_known)
            .map(|_| incident)
            .into_iter()
            .collect();
        json!({"incidents": found, "more": false, "limit": 100, "offset": 0})
    }
}

impl Respond for Pager {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path = request.url.path();
        if path == "/v2/enqueue" {
            self.take(&serde_json::from_slice(&request.body).expect("an event"));
            return ResponseTemplate::new(202).set_delay(NEVER);
        }
        let body = match path {
            "/incidents" => self.incidents(request),
            "/incidents/Q1LAB/log_entries" => json!({
                "log_entries": [{
                    "id": "R1", "type": "notify_log_entry", "created_at": "2026-11-22T03:12:04Z",
                    "user": {"id": "PU1", "type": "user_reference", "summary": "Mira"},
                    "channel": {"type": "auto", "notification": {"type": "push_notification", "status": "success"}},
                }],
                "more": false, "limit": 100, "offset": 0,
            }),
            other => {
                json!({other.trim_start_matches('/'): [], "more": false, "limit": 100, "offset": 0})
            }
        };
        ResponseTemplate::new(200).set_body_json(body)
    }
}

fn configure(home: &Home, base: &str) {
    for name in ["token", "key"] {
        let file = home.path(name);
        std::fs::write(&file, "y_NbAkKc66ryYTWUXYEu").expect("write");
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).expect("chmod");
    }
    let config = std::fs::read_to_string(home.path("config.toml")).expect("there");
    let pager = format!(
        "[connect.pagerduty.pager]\nurl = \"{base}\"\nevents_url = \"{base}\"\ntoken = \"file:{}\"\n\
         routing_key = \"file:{}\"\nfrom = \"mira@example.com\"\nwrites = true\nproof_wait = \"0s\"\n",
        home.path("token").display(),
        home.path("key").display()
    );
    home.write("config.toml", &(config + &pager));
    home.write("small.md", RUNBOOK);
}

fn page() -> Wish {
    Wish::Write {
        connector: ConnectorName::new("pager").expect("a name"),
        deed: Deed::Page {
            summary: "replica is gone".to_owned(),
            details: String::new(),
            component: String::new(),
            urgency: Urgency::High,
        },
    }
}

async fn outcome(home: &Home) -> Option<Outcome> {
    let seen = query::snapshot(&home.target("small"), &Introduction::default()).await;
    let state = seen.expect("seen").snapshot.state;
    state.write(WriteNo(1)).expect("asked").outcome.clone()
}

#[tokio::test]
async fn a_page_on_its_way_when_the_server_is_killed_is_found_and_not_sent_again() {
    let home = Home::new();
    let server = MockServer::start().await;
    let pager = Pager {
        seen: Arc::default(),
        journal: home.journal("small"),
    };
    Mock::given(wiremock::matchers::any())
        .respond_with(pager.clone())
        .mount(&server)
        .await;
    configure(&home, &server.uri());
    let (code, _, err) = home.said(&["run", "-d", "small.md"]);
    assert_eq!(code, 0, "{err}");
    let mut asker = Asker::attach(&home, "small").await;
    assert_eq!(asker.ask(page()).await, None);
    wait_until("the page is sent", || !pager.events().is_empty()).await;
    let sent = pager.events();
    let [(key, true)] = sent.as_slice() else {
        panic!("sent before it was recorded: {sent:?}");
    };
    assert!(key.starts_with("warroom/") && key.ends_with("/1"), "{key}");
    assert_eq!(outcome(&home).await, None, "nobody knows yet");
    let process = server_of(&home, "small").await;
    rustix::process::kill_process(process, rustix::process::Signal::KILL).expect("kills");
    wait_until("it is dead", || home.said(&["status", "small"]).0 == 3).await;
    assert_eq!(home.said(&["run", "-d", "small.md"]).0, 0);
    let status = || home.said(&["status", "--json", "small"]).1;
    wait_until("the page is found", || status().contains("Mira notified")).await;
    let json: Value = serde_json::from_str(&status()).expect("JSON");
    assert_eq!(json["writes"][0]["outcome"]["outcome"], "done", "{json}");
    let text = home.said(&["status", "small"]).1;
    assert!(text.contains("write 1: page by pager: done: "), "{text}");
    assert_eq!(pager.events(), sent, "no second one");
    assert_eq!(home.said(&["kill-session", "small"]).0, 0);
    assert_eq!(home.said(&["verify", "small"]).0, 0);
}
