//! Which lists are asked for, and their pages.

use super::config::PagerDutyConfig;
use crate::domain::time::Timestamp;

/// Entries of one page: the vendor's maximum.
pub(super) const PAGE: usize = 100;

/// Version of the API, asked for in the `Accept` header.
pub(super) const ACCEPT: &str = "application/vnd.pagerduty+json;version=2";

/// One list of the REST API with its filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// Path below the base URL.
    pub(super) path: &'static str,
    /// What a person calls it, for errors.
    pub(super) what: &'static str,
    /// Parameters without those of the page.
    pub(super) query: Vec<(&'static str, String)>,
}

impl Request {
    /// Parameters of the page that starts at `offset`.
    pub(super) fn page(&self, offset: usize) -> Vec<(&'static str, String)> {
        let mut query = self.query.clone();
        query.push(("limit", PAGE.to_string()));
        query.push(("offset", offset.to_string()));
        query
    }
}

/// On-calls from now to the end of the look-ahead.
///
/// Schedules and policies are two requests: given together they would narrow each other down.
pub(super) fn on_calls(config: &PagerDutyConfig, now: Timestamp) -> Vec<Request> {
    let filters = [
        ("schedule_ids[]", &config.schedules),
        ("escalation_policy_ids[]", &config.escalation_policies),
    ];
    let request = |filter: Vec<(&'static str, String)>| {
        let mut query = vec![
            ("since", now.to_seconds_text()),
            ("until", now.plus(config.look_ahead).to_seconds_text()),
            ("include[]", "users".to_owned()),
        ];
        query.extend(filter);
        Request {
            path: "/oncalls",
            what: "on-calls",
            query,
        }
    };
    let mut requests: Vec<Request> = filters
        .into_iter()
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(name, ids)| request(ids.iter().map(|id| (name, id.clone())).collect()))
        .collect();
    if requests.is_empty() {
        requests.push(request(Vec::new()));
    }
    requests
}

/// Open incidents, however old: without `date_range=all` the vendor leaves out what is older than a month.
pub(super) fn incidents(config: &PagerDutyConfig) -> Request {
    let mut query = vec![
        ("statuses[]", "triggered".to_owned()),
        ("statuses[]", "acknowledged".to_owned()),
        ("date_range", "all".to_owned()),
    ];
    let services = config.services.iter();
    query.extend(services.map(|id| ("service_ids[]", id.clone())));
    Request {
        path: "/incidents",
        what: "incidents",
        query,
    }
}

/// All schedules, to find configured ids that do not exist: the on-call list is silently empty for those.
pub(super) fn schedules() -> Request {
    Request {
        path: "/schedules",
        what: "schedules",
        query: Vec::new(),
    }
}
