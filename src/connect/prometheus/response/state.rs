//! Answers about the server's own state: alerts, rules, targets, build.
//!
//! Source: Prometheus HTTP API, "Alerts", "Rules", "Targets", "Build information" (read for 2.42 and 3.x).

use super::{Labels, ResponseError, open, within};
use crate::connect::http::{decode, snippet};
use crate::domain::reading::{Alert, AlertRule, AlertRules, AlertState, TargetHealth};
use crate::domain::time::Timestamp;
use serde::Deserialize;
use std::fmt;

/// Alerts kept: more than that is one outage with many names.
const ALERTS_MAX: usize = 500;
/// Targets kept; `Reading::Targets` promises no more.
const TARGETS_MAX: usize = 500;
/// Alerting rules kept, as `AlertRules` promises: those of a large site, of which a silence concerns a few.
const RULES_MAX: usize = 500;
/// Rules that fail which are named; the rest is counted.
const FAILING_MAX: usize = 10;

/// What fires and what is about to.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerts {
    /// Firing first, then by name and labels; at most 500.
    pub alerts: Vec<Alert>,
    /// How many more there were.
    pub dropped: usize,
    /// Why some may be missing, when the server says so.
    pub partial: Option<String>,
}

#[derive(Deserialize)]
struct AlertList<'a> {
    #[serde(borrow)]
    alerts: Vec<AlertItem<'a>>,
}

#[derive(Deserialize)]
struct AlertItem<'a> {
    #[serde(borrow)]
    labels: Labels<'a>,
    #[serde(borrow, default)]
    annotations: Option<Labels<'a>>,
    state: String,
    #[serde(rename = "activeAt", default)]
    active_at: Option<Timestamp>,
}

/// Pending and firing alerts.
///
/// # Errors
/// [`ResponseError`]. A state other than pending and firing leaves that alert out.
pub fn parse_alerts(body: &[u8]) -> Result<Alerts, ResponseError> {
    let (envelope, data) = open(body)?;
    let list: AlertList<'_> = decode(data).map_err(within("data"))?;
    let mut alerts: Vec<Alert> = list.alerts.into_iter().filter_map(into_alert).collect();
    alerts.sort_by(|a, b| {
        let pending = |alert: &Alert| alert.state == AlertState::Pending;
        (pending(a), &a.name, &a.labels).cmp(&(pending(b), &b.name, &b.labels))
    });
    let dropped = alerts.len().saturating_sub(ALERTS_MAX);
    alerts.truncate(ALERTS_MAX);
    Ok(Alerts {
        alerts,
        dropped,
        partial: envelope.partial_reason(),
    })
}

fn into_alert(item: AlertItem<'_>) -> Option<Alert> {
    let state = match item.state.as_str() {
        "firing" => AlertState::Firing,
        "pending" => AlertState::Pending,
        _ => return None,
    };
    let labels = item.labels.into_owned();
    let notes = item.annotations.map(Labels::into_owned).unwrap_or_default();
    let find = |pairs: &[(String, String)], name: &str| {
        pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    Some(Alert {
        name: find(&labels, "alertname").unwrap_or_default(),
        state,
        severity: find(&labels, "severity").unwrap_or_default(),
        summary: find(&notes, "summary")
            .or_else(|| find(&notes, "description"))
            .unwrap_or_default(),
        labels,
        since: item.active_at,
        silenced_by: Vec::new(),
    })
}

/// How the rules of a server do. An alerting rule that cannot be evaluated is as quiet as one that has nothing to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Alerting rules there are.
    pub alerting: usize,
    /// Recording rules there are.
    pub recording: usize,
    /// The alerting rules themselves.
    pub alerts: AlertRules,
    /// The first rules that cannot be evaluated, with the server's reason.
    pub failing: Vec<(String, String)>,
    /// How many of them there are in all.
    pub failing_total: usize,
    /// Why some may be missing, when the server says so.
    pub partial: Option<String>,
}

impl Rules {
    /// What a person should know of them.
    pub fn trouble(&self) -> Option<String> {
        if let Some((name, why)) = self.failing.first() {
            let total = self.alerting.saturating_add(self.recording);
            let failing = self.failing_total;
            return Some(format!("{failing} of {total} rules fail; `{name}`: {why}"));
        }
        self.partial.clone()
    }
}

#[derive(Deserialize)]
struct RuleGroups<'a> {
    #[serde(borrow)]
    groups: Vec<RuleGroup<'a>>,
}

#[derive(Deserialize)]
struct RuleGroup<'a> {
    #[serde(borrow)]
    rules: Vec<RuleItem<'a>>,
}

#[derive(Deserialize)]
struct RuleItem<'a> {
    name: String,
    #[serde(borrow, default)]
    labels: Option<Labels<'a>>,
    #[serde(rename = "type")]
    kind: RuleKind,
    #[serde(default)]
    health: String,
    #[serde(rename = "lastError", default)]
    last_error: String,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum RuleKind {
    Alerting,
    Recording,
}

/// Counts rules, and finds those that cannot be evaluated.
///
/// # Errors
/// [`ResponseError`].
pub fn parse_rules(body: &[u8]) -> Result<Rules, ResponseError> {
    let (envelope, data) = open(body)?;
    let list: RuleGroups<'_> = decode(data).map_err(within("data"))?;
    let mut rules = Rules {
        partial: envelope.partial_reason(),
        ..Rules::default()
    };
    for rule in list.groups.into_iter().flat_map(|group| group.rules) {
        match rule.kind {
            RuleKind::Alerting => rules.alerting += 1,
            RuleKind::Recording => rules.recording += 1,
        }
        if rule.health == "err" {
            rules.failing_total += 1;
            if rules.failing.len() < FAILING_MAX {
                let short = |text: &str| snippet(text.as_bytes());
                rules
                    .failing
                    .push((short(&rule.name), short(&rule.last_error)));
            }
        }
        if rule.kind == RuleKind::Alerting {
            let labels = rule.labels.map(Labels::into_owned).unwrap_or_default();
            let name = rule.name;
            rules.alerts.rules.push(AlertRule { name, labels });
        }
    }
    rules.alerts = bounded(rules.alerts.rules, rules.partial.as_deref());
    Ok(rules)
}

/// Each once and no more than are kept, and why there may be more.
fn bounded(mut rules: Vec<AlertRule>, partial: Option<&str>) -> AlertRules {
    rules.sort();
    rules.dedup();
    let dropped = rules.len().saturating_sub(RULES_MAX);
    rules.truncate(RULES_MAX);
    let unknown = match (partial, dropped) {
        (Some(why), _) => why.to_owned(),
        (None, 0) => String::new(),
        (None, _) => format!("{dropped} more are left out"),
    };
    AlertRules { rules, unknown }
}

/// What a server scrapes.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    /// Those that are down first, then those nobody knows of, then by job and instance; at most 500.
    pub targets: Vec<TargetHealth>,
    /// How many more there were.
    pub dropped: usize,
    /// Why some may be missing, when the server says so.
    pub partial: Option<String>,
}

#[derive(Deserialize)]
struct TargetList<'a> {
    #[serde(rename = "activeTargets", borrow)]
    active: Vec<TargetItem<'a>>,
}

#[derive(Deserialize)]
struct TargetItem<'a> {
    #[serde(borrow)]
    labels: Labels<'a>,
    #[serde(rename = "scrapePool", default)]
    pool: String,
    #[serde(rename = "lastError", default)]
    last_error: String,
    #[serde(rename = "lastScrape", default)]
    last_scrape: Option<Timestamp>,
    health: String,
}

/// Active targets with their health.
///
/// # Errors
/// [`ResponseError`]. A health other than `up` and `down` is not known.
pub fn parse_targets(body: &[u8]) -> Result<Targets, ResponseError> {
    let (envelope, data) = open(body)?;
    let list: TargetList<'_> = decode(data).map_err(within("data"))?;
    let mut targets: Vec<_> = list.active.into_iter().map(into_target).collect();
    let rank = |target: &TargetHealth| match target.is_up {
        Some(false) => 0,
        None => 1,
        Some(true) => 2,
    };
    targets.sort_by(|a, b| {
        (rank(a), &a.job, &a.instance, &a.labels).cmp(&(rank(b), &b.job, &b.instance, &b.labels))
    });
    let dropped = targets.len().saturating_sub(TARGETS_MAX);
    targets.truncate(TARGETS_MAX);
    Ok(Targets {
        targets,
        dropped,
        partial: envelope.partial_reason(),
    })
}

fn into_target(item: TargetItem<'_>) -> TargetHealth {
    let labels = item.labels.into_owned();
    let find = |name: &str| labels.iter().find(|(key, _)| key == name);
    let job = find("job").map_or_else(|| item.pool.clone(), |(_, value)| value.clone());
    let instance = find("instance").map(|(_, value)| value.clone());
    TargetHealth {
        job,
        instance: instance.unwrap_or_default(),
        is_up: match item.health.as_str() {
            "up" => Some(true),
            "down" => Some(false),
            _ => None,
        },
        error: snippet(item.last_error.as_bytes()),
        // One that was never scraped has the year 1.
        scraped: item.last_scrape.filter(|at| at.as_millis() > 0),
        labels,
    }
}

/// Which program answers the Prometheus API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Prometheus itself.
    Prometheus,
    /// Thanos Query or Query Frontend.
    Thanos,
    /// Grafana Mimir, or another that names itself so.
    Mimir,
    /// `VictoriaMetrics`.
    VictoriaMetrics,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prometheus => "Prometheus",
            Self::Thanos => "Thanos",
            Self::Mimir => "Mimir",
            Self::VictoriaMetrics => "VictoriaMetrics",
        })
    }
}

/// What a server says of its build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Which program it is, as far as its answer tells.
    pub flavour: Flavour,
    /// `2.42.0`; of `VictoriaMetrics` the version of Prometheus that it claims to be like.
    pub version: String,
}

impl Build {
    /// The version, with the program where it is not Prometheus.
    pub fn text(&self) -> String {
        match self.flavour {
            Flavour::Prometheus => self.version.clone(),
            other => format!("{other} {}", self.version),
        }
    }
}

/// Which program answers, and its version.
///
/// Mimir names itself in `application`. Thanos has the fields of Prometheus and a version below 1. `VictoriaMetrics`
/// claims a version of Prometheus and says nothing of revision and Go.
///
/// # Errors
/// [`ResponseError`].
pub fn parse_build(body: &[u8]) -> Result<Build, ResponseError> {
    #[derive(Deserialize)]
    struct Said {
        version: String,
        #[serde(default)]
        application: String,
        #[serde(default)]
        revision: Option<String>,
        #[serde(rename = "goVersion", default)]
        go_version: Option<String>,
    }
    let (_, data) = open(body)?;
    let said: Said = decode(data).map_err(within("data"))?;
    let flavour = if said.application.contains("Mimir") {
        Flavour::Mimir
    } else if said.application.contains("Victoria")
        || (said.revision.is_none() && said.go_version.is_none())
    {
        Flavour::VictoriaMetrics
    } else if said.version.starts_with("0.") {
        Flavour::Thanos
    } else {
        Flavour::Prometheus
    };
    Ok(Build {
        flavour,
        version: said.version,
    })
}
