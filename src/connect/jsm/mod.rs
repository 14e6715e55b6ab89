//! Jira Service Management Operations as the pager: who is on call now and next, open alerts; pages, notes. It is the
//! successor of Opsgenie, and its API another dialect of the same: [`crate::connect::opsgenie`] speaks both.
//!
//! Operations used below `/jsm/ops/api/{cloudId}`, all with the mail address and an API token as basic credentials:
//! `GET /v1/schedules` (`listSchedules`), `GET /v1/schedules/{id}/on-calls` and `.../next-on-calls` with `flat=true`
//! (`getOnCalls`, `getNextOnCalls`), `GET /v1/schedules/{id}/timeline` (`getTimeline`), `GET /v1/teams` (`listTeams`),
//! `GET /v1/alerts` (`listAlerts`), `GET /v1/alerts/{id}` (`getAlertWithId`), `GET /v1/alerts/alias`
//! (`getAlertWithAlias`), `GET /v1/alerts/requests/{id}` (`getRequestStatus`), `GET /v1/alerts/{id}/notes`
//! (`getAlertNotes`). Written: `POST /v1/alerts` (`createAlert`, with `responders`), `.../acknowledge` (`ackAlert`),
//! `.../close` (`closeAlert`), `.../notes` (`addAlertNote`). On the Jira site, where one is named:
//! `GET /rest/api/3/user/search` with `accountId`, and `GET /rest/api/3/myself`.
//!
//! Source: Atlassian's OpenAPI description "JSM Operations API" (version 1, the reference's REST v2), read in November
//! 2026; Jira Cloud platform REST API v3, "Find users", "Get current user".

mod config;
#[cfg(test)]
mod tests;

pub use config::{KIND, URL};
