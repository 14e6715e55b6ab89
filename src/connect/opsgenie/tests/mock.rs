//! An account of either dialect. Requests of Opsgenie are held against the vendor's description where it is at hand, and
//! both against the fields that the references name.

use crate::connect::contracts::openapi::Contract;
use crate::connect::opsgenie::Dialect;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub(in crate::connect) const ALERT: &str = "70413a06-38d6-4c85-92b8-5ebc900d42e2-1486037594143";
pub(in crate::connect) const BASE: &str = "/jsm/ops/api/C1";

/// What the account holds.
pub(in crate::connect) struct Account {
    dialect: Dialect,
    contract: Option<Contract>,
    pub(in crate::connect) alerts: Vec<Value>,
    pub(in crate::connect) notes: Vec<Value>,
    pub(in crate::connect) maintenance: Vec<Value>,
    /// Bodies of alerts that were made.
    pub(in crate::connect) made: Vec<Value>,
    /// Why requests were refused.
    pub(in crate::connect) refused: Vec<String>,
    /// Requests are worked off and come to nothing, with these words.
    pub(in crate::connect) fails: Option<&'static str>,
    /// Looks at a request before it is worked off.
    pub(in crate::connect) slow_looks: usize,
    /// There are no timelines.
    pub(in crate::connect) lacks_timelines: bool,
}

/// The server, and what it holds.
pub(in crate::connect) struct OpsMock {
    pub(in crate::connect) server: MockServer,
    account: Arc<Mutex<Account>>,
}

struct Answers(Arc<Mutex<Account>>);

impl OpsMock {
    pub(in crate::connect) async fn start(dialect: Dialect) -> Self {
        let contract = match dialect {
            Dialect::Opsgenie => Contract::open("opsgenie/swagger.json"),
            Dialect::Jsm => None,
        };
        let account = Arc::new(Mutex::new(Account {
            dialect,
            contract,
            alerts: Vec::new(),
            notes: Vec::new(),
            maintenance: Vec::new(),
            made: Vec::new(),
            refused: Vec::new(),
            fails: None,
            slow_looks: 0,
            lacks_timelines: false,
        }));
        let server = MockServer::start().await;
        Mock::given(wiremock::matchers::any())
            .respond_with(Answers(Arc::clone(&account)))
            .mount(&server)
            .await;
        Self { server, account }
    }

    pub(in crate::connect) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap()
    }
}

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut account = self.0.lock().unwrap();
        let answered = account
            .judge(request)
            .and_then(|()| account.answer(request));
        match answered {
            Ok((code, body)) => ResponseTemplate::new(code).set_body_json(body),
            Err(why) => {
                account
                    .refused
                    .push(format!("{} {}: {why}", request.method, request.url));
                ResponseTemplate::new(422)
                    .set_body_json(json!({"message": why, "took": 0.1, "requestId": "r"}))
            }
        }
    }
}

type Answered = Result<(u16, Value), String>;

fn expect(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

fn asked(request: &Request, name: &str) -> Option<String> {
    let mut pairs = request.url.query_pairs();
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

impl Account {
    /// Whether the vendor would take it at all.
    fn judge(&self, request: &Request) -> Result<(), String> {
        let path = request.url.path();
        let credentials = match self.dialect {
            Dialect::Opsgenie => "GenieKey k3y",
            Dialect::Jsm => "Basic bWlyYUBleGFtcGxlLmNvbTprM3k=",
        };
        let given = request.headers.get("authorization");
        expect(
            given.is_some_and(|given| given == credentials),
            "Authorization",
        )?;
        // Left out of the description at hand.
        let is_beyond = path.ends_with("/timeline") || path.ends_with("/cancel");
        match &self.contract {
            Some(contract) if !is_beyond => contract.check("", request),
            _ => Ok(()),
        }
    }

    fn answer(&mut self, request: &Request) -> Answered {
        let path = request.url.path();
        let (base, root) = match self.dialect {
            Dialect::Opsgenie => ("", "v2"),
            Dialect::Jsm => (BASE, "v1"),
        };
        if self.dialect == Dialect::Jsm && path.starts_with("/rest/api/3/") {
            return site(request);
        }
        let rest = path.strip_prefix(base).ok_or("not below the cloud id")?;
        let parts: Vec<&str> = rest.trim_matches('/').split('/').collect();
        if let ["v1", "maintenance", rest @ ..] = parts.as_slice()
            && self.dialect == Dialect::Opsgenie
        {
            return self.maintenance(request, rest);
        }
        let Some((&first, parts)) = parts.split_first() else {
            return Err("no path".to_owned());
        };
        expect(first == root, "version of the API")?;
        match (request.method.as_str(), parts) {
            ("GET", ["schedules"]) => Ok(self.list(&schedules(self.dialect))),
            ("GET", ["schedules", _, what]) => self.schedule(request, what),
            ("GET", ["teams"]) => Ok((
                200,
                json!({"platformTeams": [{"teamId": "T1", "teamName": "payments"}]}),
            )),
            ("GET", ["alerts"]) => {
                expect(
                    asked(request, "query").as_deref() == Some("status:open"),
                    "query",
                )?;
                let open = self.alerts.iter().filter(|alert| alert["status"] == "open");
                Ok(self.list(&open.cloned().collect::<Vec<_>>()))
            }
            ("POST", ["alerts"]) => self.create(request),
            ("GET", ["alerts", "alias"]) => {
                Ok(self.alert(&asked(request, "alias").ok_or("alias")?))
            }
            ("GET", ["alerts", "requests", "r1"]) => Ok(self.request()),
            ("GET", ["alerts", id]) => {
                let is_alias = asked(request, "identifierType").as_deref() == Some("alias");
                expect(
                    self.dialect == Dialect::Jsm || is_alias != (*id == ALERT),
                    "identifierType",
                )?;
                Ok(self.alert(&id.replace("%2F", "/")))
            }
            ("GET", ["alerts", ALERT, "notes"]) => Ok(self.list(&self.notes)),
            ("POST", ["alerts", ALERT, action]) => self.act(request, action),
            _ => Err("no such operation".to_owned()),
        }
    }

    fn list(&self, entries: &[Value]) -> (u16, Value) {
        match self.dialect {
            Dialect::Opsgenie => (200, json!({"data": entries, "took": 0.1, "requestId": "r"})),
            Dialect::Jsm => (200, json!({"values": entries, "links": {}})),
        }
    }

    fn one(&self, entry: &Value) -> (u16, Value) {
        match self.dialect {
            Dialect::Opsgenie => (200, json!({"data": entry, "took": 0.1, "requestId": "r"})),
            Dialect::Jsm => (200, entry.clone()),
        }
    }

    fn schedule(&self, request: &Request, what: &str) -> Answered {
        let (now, next) = match self.dialect {
            Dialect::Opsgenie => ("onCallRecipients", "nextOnCallRecipients"),
            Dialect::Jsm => ("onCallUsers", "nextOnCallUsers"),
        };
        let is_flat = asked(request, "flat").as_deref() == Some("true");
        match what {
            "on-calls" if is_flat => Ok(self.one(&json!({now: ["mira@example.com"]}))),
            "next-on-calls" if is_flat => Ok(self.one(&json!({next: ["jon@example.com"]}))),
            "timeline" if self.lacks_timelines => {
                Ok((404, json!({"message": "no", "took": 0.1, "requestId": "r"})))
            }
            "timeline" => {
                expect(
                    asked(request, "intervalUnit").as_deref() == Some("days"),
                    "intervalUnit",
                )?;
                Ok(self.one(&timeline(self.dialect)))
            }
            _ => Err("what of the schedule".to_owned()),
        }
    }

    fn create(&mut self, request: &Request) -> Answered {
        let alert: Value = serde_json::from_slice(&request.body).map_err(|e| e.to_string())?;
        let known: &[&str] = match self.dialect {
            Dialect::Opsgenie => &[
                "message",
                "alias",
                "description",
                "responders",
                "entity",
                "source",
                "priority",
                "details",
                "user",
            ],
            Dialect::Jsm => &[
                "message",
                "alias",
                "description",
                "responders",
                "entity",
                "source",
                "priority",
                "extraProperties",
            ],
        };
        let fields = alert.as_object().ok_or("no object")?;
        for name in fields.keys() {
            expect(
                known.contains(&name.as_str()),
                &format!("{name} is not known"),
            )?;
        }
        let length = |name: &str| alert[name].as_str().map_or(0, |text| text.chars().count());
        expect((1..=130).contains(&length("message")), "message")?;
        expect(
            length("description") <= 15_000 && length("alias") <= 512,
            "length",
        )?;
        let is_open = self
            .alerts
            .iter()
            .any(|a| a["alias"] == alert["alias"] && a["status"] == "open");
        if self.fails.is_none() && !is_open {
            self.alerts.push(json!({
                "id": ALERT, "alias": alert["alias"], "message": alert["message"], "status": "open", "acknowledged": false,
                "isSeen": false, "priority": alert["priority"], "createdAt": "2026-11-22T03:00:00.5Z", "source": "warroom", "owner": ""}));
        }
        self.made.push(alert);
        Ok(self.taken())
    }

    /// Everything but a note of the successor is worked off later.
    fn taken(&self) -> (u16, Value) {
        let code = if self.dialect == Dialect::Jsm {
            200
        } else {
            202
        };
        (
            code,
            json!({"result": "Request will be processed", "took": 0.1, "requestId": "r1"}),
        )
    }

    fn request(&mut self) -> (u16, Value) {
        if self.slow_looks > 0 {
            self.slow_looks -= 1;
            return (
                404,
                json!({"message": "Request not found", "took": 0.1, "requestId": "r"}),
            );
        }
        let status = self.fails.unwrap_or("done");
        self.one(&json!({"isSuccess": self.fails.is_none(), "status": status, "alertId": ALERT, "processedAt": "2026-11-22T03:00:01Z"}))
    }

    fn alert(&self, id: &str) -> (u16, Value) {
        let found = self
            .alerts
            .iter()
            .rev()
            .find(|alert| alert["id"] == id || alert["alias"] == id);
        match found {
            Some(alert) => self.one(alert),
            None => (
                404,
                json!({"message": "Alert does not exist", "took": 0.1, "requestId": "r"}),
            ),
        }
    }

    fn act(&mut self, request: &Request, action: &str) -> Answered {
        if action == "notes" {
            let note: Value = serde_json::from_slice(&request.body).map_err(|e| e.to_string())?;
            let fields = note.as_object().ok_or("no object")?.len();
            expect(note["note"].is_string(), "note")?;
            expect(
                self.dialect == Dialect::Opsgenie || fields == 1,
                "more than a note",
            )?;
            self.notes.push(note.clone());
            return Ok(match self.dialect {
                Dialect::Opsgenie => self.taken(),
                Dialect::Jsm => (200, note),
            });
        }
        expect(
            self.dialect == Dialect::Opsgenie || request.body.is_empty(),
            "takes no body",
        )?;
        if self.fails.is_none() {
            let alert = self
                .alerts
                .iter_mut()
                .find(|a| a["id"] == ALERT)
                .ok_or("no alert")?;
            match action {
                "acknowledge" => {
                    (alert["acknowledged"], alert["owner"]) =
                        (json!(true), json!("mira@example.com"));
                }
                "close" => alert["status"] = json!("closed"),
                _ => return Err("no such action".to_owned()),
            }
        }
        Ok(self.taken())
    }

    fn maintenance(&mut self, request: &Request, rest: &[&str]) -> Answered {
        match (request.method.as_str(), rest) {
            ("GET", []) => Ok(self.list(&self.maintenance)),
            ("POST", []) => {
                let mut made: Value =
                    serde_json::from_slice(&request.body).map_err(|e| e.to_string())?;
                (made["id"], made["status"]) = (json!("M1"), json!("active"));
                self.maintenance.push(made);
                Ok((
                    201,
                    json!({"data": {"id": "M1"}, "took": 0.1, "requestId": "r"}),
                ))
            }
            ("POST", ["M1", "cancel"]) => {
                self.maintenance[0]["status"] = json!("cancelled");
                Ok((
                    200,
                    json!({"result": "Cancelled", "took": 0.1, "requestId": "r"}),
                ))
            }
            _ => Err("no such operation".to_owned()),
        }
    }
}

fn schedules(dialect: Dialect) -> Vec<Value> {
    let mut all = vec![
        json!({"id": "S1", "name": "Databases", "enabled": true, "timezone": "UTC"}),
        json!({"id": "S2", "name": "Old", "enabled": false}),
    ];
    match dialect {
        Dialect::Opsgenie => all[0]["ownerTeam"] = json!({"id": "T1", "name": "payments"}),
        Dialect::Jsm => all[0]["teamId"] = json!("T1"),
    }
    all
}

fn timeline(dialect: Dialect) -> Value {
    let (who, key) = match dialect {
        Dialect::Opsgenie => ("recipient", "name"),
        Dialect::Jsm => ("responder", "id"),
    };
    let period = |start: &str, end: &str, person: &str| json!({"startDate": start, "endDate": end, "type": "base", who: {key: person, "type": "user"}});
    json!({"startDate": "2026-11-22T00:00:00Z", "endDate": "2026-11-25T00:00:00Z", "finalTimeline": {"rotations": [
        {"id": "R0", "name": "empty", "order": null, "periods": [{"startDate": "2026-11-22T00:00:00Z", "endDate": "2026-11-25T00:00:00Z", "type": "historical", who: {"type": "noone"}}]},
        {"id": "R1", "name": "primary", "order": 1.0, "periods": [
            period("2026-11-22T00:00:00Z", "2026-11-22T04:00:00Z", "mira@example.com"),
            period("2026-11-22T04:00:00Z", "2026-11-22T08:00:00Z", "mira@example.com"),
            period("2026-11-22T08:00:00Z", "2026-11-25T00:00:00Z", "jon@example.com")]}]}})
}

fn site(request: &Request) -> Answered {
    match request.url.path() {
        "/rest/api/3/myself" => Ok((200, json!({"accountId": "me"}))),
        "/rest/api/3/user/search" => {
            let account = asked(request, "accountId").ok_or("accountId")?;
            let name = account.split('@').next().unwrap_or_default().to_uppercase();
            Ok((200, json!([{"accountId": account, "displayName": name}])))
        }
        _ => Err("no such operation of the site".to_owned()),
    }
}
