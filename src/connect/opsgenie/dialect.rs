//! The two dialects of one API, and their requests; made without I/O.
//!
//! Jira Service Management took Opsgenie's API over: same things, other paths, lists called `values` in place of `data`,
//! single things without a wrapper, and people as account ids in place of names.

use crate::connect::http::{Call, path_part};
use crate::domain::time::Timestamp;
use crate::domain::write::Urgency;
use serde_json::{Value, json};
use std::time::Duration;

/// Entries of one page of alerts: the maximum of both.
pub(super) const PAGE: usize = 100;

/// Entries of one page of schedules: the maximum of Jira Service Management. Opsgenie gives all at once.
pub(super) const SCHEDULES_PAGE: usize = 50;

/// Longest texts, in characters. Source: Opsgenie "Alert API", "Create Alert"; the successor's `CreateAlertRequest`.
const MESSAGE_CHARS_MAX: usize = 130;
const DESCRIPTION_CHARS_MAX: usize = 15_000;
const ENTITY_CHARS_MAX: usize = 512;
/// Of a user's or source's name.
const NAME_CHARS_MAX: usize = 100;

/// Days of a timeline beyond those asked for: it begins with the day that holds now, and ends at midnight.
const TIMELINE_DAYS_MORE: u64 = 2;
/// Seconds of a day.
const DAY: u64 = 24 * 3600;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Opsgenie's own API, which ends.
    Opsgenie,
    /// Jira Service Management Operations.
    Jsm,
}

/// Something with a type and an id: a responder, an integration, a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// `team`, `integration`, ...
    pub kind: String,
    /// The vendor's id.
    pub id: String,
}

impl Entity {
    /// Puts both together.
    pub fn new(kind: &str, id: String) -> Self {
        Self {
            kind: kind.to_owned(),
            id,
        }
    }

    /// Reads `team:ID`, `user:ID`, `escalation:ID` or `schedule:ID`.
    pub fn responder(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once(':')?;
        let is_known = matches!(kind, "team" | "user" | "escalation" | "schedule");
        let fits = |c: char| c.is_ascii_graphic();
        (is_known && !id.is_empty() && id.chars().all(fits)).then(|| Self::new(kind, id.to_owned()))
    }
}

/// What a page says.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageText<'a> {
    pub(super) marker: &'a str,
    pub(super) summary: &'a str,
    pub(super) details: &'a str,
    pub(super) component: &'a str,
    pub(super) urgency: Urgency,
    pub(super) by: &'a str,
}

/// What is done to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Acknowledge,
    Close,
}

impl Action {
    /// Part of the path.
    const fn word(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Close => "close",
        }
    }
}

fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

impl Dialect {
    /// Kind of system, as it is shown.
    pub(super) const fn system(self) -> &'static str {
        match self {
            Self::Opsgenie => "opsgenie",
            Self::Jsm => "jsm",
        }
    }

    const fn root(self) -> &'static str {
        match self {
            Self::Opsgenie => "/v2",
            Self::Jsm => "/v1",
        }
    }

    fn path(self, rest: &str) -> String {
        format!("{}{rest}", self.root())
    }

    fn schedule(self, id: &str, rest: &str) -> String {
        self.path(&format!("/schedules/{}/{rest}", path_part(id)))
    }

    /// `listSchedules`.
    pub(super) fn schedules(self, offset: usize) -> Call {
        let call = Call::get(self.path("/schedules"));
        match self {
            Self::Opsgenie => call,
            Self::Jsm => call
                .query("size", SCHEDULES_PAGE.to_string())
                .query("offset", offset.to_string()),
        }
    }

    /// `getOnCalls`, people alone.
    pub(super) fn on_calls(self, schedule: &str) -> Call {
        Call::get(self.schedule(schedule, "on-calls")).query("flat", "true")
    }

    /// `getNextOnCalls`, people alone.
    pub(super) fn next_on_calls(self, schedule: &str) -> Call {
        Call::get(self.schedule(schedule, "next-on-calls")).query("flat", "true")
    }

    /// `getScheduleTimeline`, `getTimeline`: from the begin of the day to beyond the look-ahead.
    pub(super) fn timeline(self, schedule: &str, now: Timestamp, ahead: Duration) -> Call {
        let days = ahead
            .as_secs()
            .div_ceil(DAY)
            .saturating_add(TIMELINE_DAYS_MORE);
        Call::get(self.schedule(schedule, "timeline"))
            .query("interval", days.to_string())
            .query("intervalUnit", "days")
            .query("date", now.to_seconds_text())
    }

    /// `listAlerts` that are open.
    pub(super) fn alerts(self, offset: usize) -> Call {
        let limit = match self {
            Self::Opsgenie => "limit",
            Self::Jsm => "size",
        };
        Call::get(self.path("/alerts"))
            .query("query", "status:open")
            .query(limit, PAGE.to_string())
            .query("offset", offset.to_string())
            .query("sort", "createdAt")
            .query("order", "desc")
    }

    /// `getAlert`, by its id.
    pub(super) fn alert(self, id: &str) -> Call {
        Call::get(self.path(&format!("/alerts/{}", path_part(id))))
    }

    /// `getAlert` by its alias, `getAlertWithAlias`.
    pub(super) fn alert_of(self, alias: &str) -> Call {
        match self {
            Self::Opsgenie => self.alert(alias).query("identifierType", "alias"),
            Self::Jsm => Call::get(self.path("/alerts/alias")).query("alias", alias),
        }
    }

    /// `getRequestStatus`.
    pub(super) fn request(self, id: &str) -> Call {
        Call::get(self.path(&format!("/alerts/requests/{}", path_part(id))))
    }

    /// `createAlert`. The alias keeps an open alert from being there twice.
    pub(super) fn create(self, page: PageText<'_>, responders: &[Entity]) -> Call {
        let priority = match page.urgency {
            Urgency::High => "P1",
            Urgency::Low => "P5",
        };
        let mut alert = json!({
            "message": cut(page.summary, MESSAGE_CHARS_MAX),
            "alias": page.marker,
            "description": cut(&format!("{}\n\n{}", page.summary, page.details), DESCRIPTION_CHARS_MAX),
            "source": "warroom",
            "priority": priority,
        });
        let details = json!({"paged by": page.by, "marker": page.marker});
        if let Some(fields) = alert.as_object_mut() {
            if !page.component.is_empty() {
                let entity = cut(page.component, ENTITY_CHARS_MAX);
                fields.insert("entity".to_owned(), entity.into());
            }
            if !responders.is_empty() {
                fields.insert("responders".to_owned(), entities(responders));
            }
            match self {
                Self::Opsgenie => {
                    fields.insert("details".to_owned(), details);
                    fields.insert("user".to_owned(), cut(page.by, NAME_CHARS_MAX).into());
                }
                Self::Jsm => {
                    fields.insert("extraProperties".to_owned(), details);
                }
            }
        }
        Call::post(self.path("/alerts"), alert)
    }

    /// `acknowledgeAlert`, `closeAlert`; `ackAlert`, `closeAlert`, which take no body.
    pub(super) fn act(self, id: &str, action: Action, by: &str) -> Call {
        let path = self.path(&format!("/alerts/{}/{}", path_part(id), action.word()));
        match self {
            Self::Opsgenie => Call::post(
                path,
                json!({"user": cut(by, NAME_CHARS_MAX), "source": "warroom"}),
            ),
            Self::Jsm => Call::new(crate::connect::http::Method::Post, path),
        }
    }

    /// `listNotes`, `getAlertNotes`.
    pub(super) fn notes(self, id: &str) -> Call {
        let limit = match self {
            Self::Opsgenie => "limit",
            Self::Jsm => "size",
        };
        Call::get(self.path(&format!("/alerts/{}/notes", path_part(id))))
            .query(limit, PAGE.to_string())
    }

    /// `addNote`, `addAlertNote`.
    pub(super) fn add_note(self, id: &str, text: &str, by: &str) -> Call {
        let path = self.path(&format!("/alerts/{}/notes", path_part(id)));
        let body = match self {
            Self::Opsgenie => {
                json!({"note": text, "user": cut(by, NAME_CHARS_MAX), "source": "warroom"})
            }
            Self::Jsm => json!({"note": text}),
        };
        Call::post(path, body)
    }
}

fn entities(all: &[Entity]) -> Value {
    all.iter()
        .map(|entity| json!({"type": entity.kind, "id": entity.id}))
        .collect()
}

/// `listMaintenance` of Opsgenie: `non-expired`, `all`.
pub(super) fn maintenances(which: &str) -> Call {
    Call::get("/v1/maintenance").query("type", which)
}

/// `createMaintenance` of Opsgenie. Integrations are switched off, policies on.
pub(super) fn open_maintenance(
    rules: &[Entity],
    description: &str,
    (start, end): (Timestamp, Timestamp),
) -> Call {
    let rules: Vec<Value> = rules
        .iter()
        .map(|entity| {
            let state = if entity.kind == "integration" {
                "disabled"
            } else {
                "enabled"
            };
            json!({"state": state, "entity": {"id": entity.id, "type": entity.kind}})
        })
        .collect();
    let body = json!({
        "description": description,
        "time": {
            "type": "schedule",
            "startDate": start.to_seconds_text(),
            "endDate": end.to_seconds_text(),
        },
        "rules": rules,
    });
    Call::post("/v1/maintenance", body)
}

/// Cancels a maintenance of Opsgenie.
pub(super) fn cancel_maintenance(id: &str) -> Call {
    let path = format!("/v1/maintenance/{}/cancel", path_part(id));
    Call::new(crate::connect::http::Method::Post, path)
}

/// People of a Jira site by account id. Source: Jira Cloud platform REST API v3, "Find users".
pub(super) fn user(account: &str) -> Call {
    Call::get("/rest/api/3/user/search").query("accountId", account)
}

/// Teams, by id, of Jira Service Management: `listTeams`.
pub(super) fn teams() -> Call {
    Call::get("/v1/teams")
}
