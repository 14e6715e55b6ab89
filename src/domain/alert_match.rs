//! Which alerts touch which components, and whether the runbook said that they would come.
//!
//! Alerting systems and CMDBs have no key in common: an alert has labels, a component has a name and an address. An
//! alert touches a component when the value of one of its labels is that name or address, as alerting systems write
//! them: with a port, or with a domain behind it.

use crate::domain::board::Board;
use crate::domain::fact::AlertKey;
use crate::domain::id::{ConnectorName, StepId};
use crate::domain::readiness::StepView;
use crate::domain::reading::{Alert, AlertState, Component, Liveness};
use crate::domain::runbook::plan::{Plan, PlanStep};
use crate::domain::state::{Phase, State, StepStatus};
use crate::domain::time::{Moment, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;
// An address as a value; `core` knows no sockets.
use core::net::IpAddr;

/// Labels that say what is wrong and how badly, never where.
const LABELS_WITHOUT_PLACE: [&str; 2] = ["alertname", "severity"];

/// Longest label value that is looked at, bytes: a full host name of 253 (RFC 1035, 2.3.4), a colon and a port. Longer
/// ones name no host, and would cost one lookup for each of their dots.
const VALUE_BYTES_MAX: usize = 253 + 6;

/// An alert about a component that the work touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match<'a> {
    /// The alert.
    pub alert: &'a Alert,
    /// Who tells of it.
    pub source: &'a ConnectorName,
    /// Name of the component, as the runbook writes it.
    pub component: String,
    /// The runbook said that it would come.
    pub expected: bool,
    /// Something keeps it quiet.
    pub silenced: bool,
}

/// Alerts about the components named in `touched`: those that nobody expected and that are heard first, firing before
/// pending, then by component and alert. An alert that is about several components comes once for each.
///
/// `expected` holds names of alerts, exactly as the alerting system writes them. A name in `touched` that no CMDB knows
/// is looked for all the same, without an address.
pub fn touched<'a>(
    alerts: &'a BTreeMap<ConnectorName, Vec<Alert>>,
    components: &BTreeMap<String, Component>,
    touched: &[String],
    expected: &[String],
) -> Vec<Match<'a>> {
    let places = places(components, touched);
    let mut found = Vec::new();
    let all = alerts
        .iter()
        .flat_map(|(source, alerts)| alerts.iter().map(move |alert| (source, alert)));
    for (source, alert) in all {
        for component in components_of(&alert.labels, &places) {
            found.push(Match {
                alert,
                source,
                component: component.to_owned(),
                expected: expected.contains(&alert.name),
                silenced: !alert.silenced_by.is_empty(),
            });
        }
    }
    let pending = |m: &Match<'_>| m.alert.state != AlertState::Firing;
    found.sort_by(|a, b| {
        (a.expected, a.silenced, pending(a))
            .cmp(&(b.expected, b.silenced, pending(b)))
            .then_with(|| (&a.component, &a.alert.name).cmp(&(&b.component, &b.alert.name)))
    });
    found
}

/// How long after its step an expected alert may still come: rules wait minutes (`for`), and so do groups of alerts.
pub const ALERT_TAIL: Duration = Duration::from_secs(600);

/// Alerts that fire now, as far as they concern the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertView {
    /// Every alerting system answers; or why nobody knows what fires.
    pub known: Result<(), String>,
    /// Those about touched components, and those the runbook expects anywhere.
    pub firing: Vec<AlertNow>,
}

impl Default for AlertView {
    /// Nobody has said anything, which is not the same as quiet.
    fn default() -> Self {
        Self {
            known: Err("no alerting system has answered".to_owned()),
            firing: Vec::new(),
        }
    }
}

impl AlertView {
    /// Everything answers and nothing fires.
    #[cfg(test)]
    pub(crate) const fn quiet() -> Self {
        Self {
            known: Ok(()),
            firing: Vec::new(),
        }
    }

    /// What the newest readings say. `unmatched`: selectors that fit nothing, so that nobody knows what is touched.
    pub fn of(board: &Board, plan: &Plan, names: &[String], unmatched: &[String]) -> Self {
        let expected = expected(plan, plan.steps.iter().map(|step| &step.id));
        let components = &*board.components;
        let mut firing = Vec::new();
        let matches = touched(&board.alerts, components, names, &expected);
        let is_about = |alert: &Alert| matches.iter().any(|m| std::ptr::eq(m.alert, alert));
        for (source, alert) in board
            .alerts
            .iter()
            .flat_map(|(s, all)| all.iter().map(move |a| (s, a)))
        {
            if expected.contains(&alert.name) && !is_about(alert) {
                firing.extend(AlertNow::of(source, alert, String::new()));
            }
        }
        firing.extend(
            matches
                .iter()
                .filter_map(|m| AlertNow::of(m.source, m.alert, m.component.clone())),
        );
        // One alert may fire for several disks of a component: told once, with the worst news of it.
        firing.sort_by(|a, b| {
            (&a.key, a.silenced, std::cmp::Reverse(a.since)).cmp(&(
                &b.key,
                b.silenced,
                std::cmp::Reverse(b.since),
            ))
        });
        firing.dedup_by(|next, kept| next.key == kept.key);
        let known = known(board).and_then(|()| match unmatched.first() {
            Some(selector) => Err(format!("`{selector}` fits no component that is known now")),
            None => Ok(()),
        });
        Self { known, firing }
    }
}

/// Whether every alerting system that has ever answered still does.
///
/// # Errors
/// Which does not, or that none has answered.
pub fn known(board: &Board) -> Result<(), String> {
    if board.alerts.is_empty() {
        return Err("no alerting system has answered".to_owned());
    }
    let is_live = |source: &&ConnectorName| {
        let health = board.health.get(*source);
        health.is_some_and(|health| health.liveness == Liveness::Live)
    };
    match board.alerts.keys().find(|source| !is_live(source)) {
        Some(source) => Err(format!("`{source}` does not answer")),
        None => Ok(()),
    }
}

/// Why nothing destructive is armed: the runbook says something of alerts, and nobody knows which fire.
pub fn doubt<'a>(plan: &Plan, view: &'a AlertView) -> Option<&'a str> {
    let why = view.known.as_ref().err()?;
    watches(plan).then_some(why)
}

/// True for a runbook that says something of alerts: then it matters whether anybody knows which fire.
pub fn watches(plan: &Plan) -> bool {
    let says = |step: &PlanStep| !(step.expect_alerts.is_empty() && step.must_fire.is_empty());
    !plan.alerts.is_silent() || !plan.expect_alerts.is_empty() || plan.steps.iter().any(says)
}

/// An alert that fires now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertNow {
    /// Which; without a component when it is about none that is touched.
    pub key: AlertKey,
    /// Value of its label `severity`, or empty.
    pub severity: String,
    /// Since when, as far as its source knows.
    pub since: Option<Timestamp>,
    /// Something keeps it quiet.
    pub silenced: bool,
}

impl AlertNow {
    fn of(source: &ConnectorName, alert: &Alert, component: String) -> Option<Self> {
        (alert.state == AlertState::Firing).then(|| Self {
            key: AlertKey {
                source: source.clone(),
                name: alert.name.clone(),
                component,
            },
            severity: alert.severity.clone(),
            since: alert.since,
            silenced: !alert.silenced_by.is_empty(),
        })
    }
}

/// Names of alerts that are expected while these steps run: their own, and those of the whole maintenance.
pub fn expected<'a>(plan: &Plan, steps: impl IntoIterator<Item = &'a StepId>) -> Vec<String> {
    let mut names = plan.expect_alerts.clone();
    names.extend(plan.alerts.must_fire.iter().cloned());
    for id in steps {
        let step = plan.steps.iter().find(|step| step.id == *id);
        names.extend(step.into_iter().flat_map(|s| s.expect_alerts.clone()));
        names.extend(step.into_iter().flat_map(|s| s.must_fire.clone()));
    }
    names.sort();
    names.dedup();
    names
}

/// Names of alerts that are expected now: of the whole, of the steps that go on, and of those that ended a little while
/// ago, since alerts come late.
pub fn expected_at(state: &State, now: Timestamp) -> Vec<String> {
    // Nobody says when work by hand begins: it is the one that comes next.
    let by_hand = state.first_open().map(|view| view.index);
    let is_near = |view: &StepView<'_>| {
        let ended = view.now.ended;
        view.now.is_active()
            || (by_hand == Some(view.index) && view.plan.blocks.is_empty())
            || matches!(view.now.status, StepStatus::Undoing | StepStatus::Unknown)
            || ended.is_some_and(|ended| now.since(ended.wall) <= ALERT_TAIL)
    };
    let near = state.views().filter(is_near);
    expected(state.plan(), near.map(|view| &view.plan.id))
}

/// Whether an alert of this name has fired: since `from`, or still then.
pub fn has_fired(state: &State, name: &str, from: Option<Moment>) -> bool {
    let mut alerts = state.alerts.iter().filter(|alert| alert.key.name == name);
    alerts.any(|alert| alert.is_firing || from.is_none_or(|from| alert.at.wall >= from.wall))
}

/// True for a step that was done in this session, and not ticked in the runbook already.
pub fn is_done_here(view: StepView<'_>) -> bool {
    let was_ticked = view.plan.ticked && !view.plan.has_own_work();
    matches!(view.now.status, StepStatus::Done { .. }) && !was_ticked
}

/// Whether some expected alert may still be found not to have come by time alone.
pub fn is_waiting(state: &State) -> bool {
    let is_open = |view: StepView<'_>| {
        let mut names = view.plan.must_fire.iter().chain(&view.plan.expect_alerts);
        is_done_here(view)
            && names.any(|name| {
                !state.alerts_absent.contains(name) && !has_fired(state, name, view.now.started)
            })
    };
    state.phase == Phase::Running && state.views().any(is_open)
}

/// Alerts that the runbook expects and that have not come in the whole maintenance, with whether they must.
pub fn never_came(state: &State) -> Vec<(String, bool)> {
    let plan = state.plan();
    let done = state.views().filter(|view| is_done_here(*view));
    let mut must = plan.alerts.must_fire.clone();
    let mut may = plan.expect_alerts.clone();
    for view in done {
        must.extend(view.plan.must_fire.iter().cloned());
        may.extend(view.plan.expect_alerts.iter().cloned());
    }
    let must = must.into_iter().map(|name| (name, true));
    let mut all: Vec<(String, bool)> = must.chain(may.into_iter().map(|n| (n, false))).collect();
    all.sort_by(|a, b| (&a.0, !a.1).cmp(&(&b.0, !b.1)));
    all.dedup_by(|next, kept| next.0 == kept.0);
    all.retain(|(name, _)| !state.alerts_absent.contains(name) && !has_fired(state, name, None));
    all
}

/// For each set of labels the touched components that it is about, by the same rule as for alerts.
pub fn components_by_labels<'t, 'l>(
    all: impl IntoIterator<Item = &'l [(String, String)]>,
    components: &BTreeMap<String, Component>,
    touched: &'t [String],
) -> Vec<Vec<&'t str>> {
    let places = places(components, touched);
    let all = all.into_iter();
    all.map(|labels| components_of(labels, &places)).collect()
}

/// True when a host as an alerting system calls it is this component: the same name, in any case, or with a port or a
/// domain behind it.
pub fn is_host_of(host: &str, component: &str) -> bool {
    let (host, component) = (host.trim().to_lowercase(), component.trim().to_lowercase());
    let is_short = host.len() <= VALUE_BYTES_MAX && !component.is_empty();
    is_short && forms(&host).contains(&component.as_str())
}

/// What a label value may be, in lower case, and whose it is.
fn places<'t>(
    components: &BTreeMap<String, Component>,
    touched: &'t [String],
) -> BTreeMap<String, Vec<&'t str>> {
    let mut places: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in touched {
        let address = components.get(name).map(|component| {
            // Some CMDBs keep the length of the network behind the address.
            let address = component.address.trim();
            address.split_once('/').map_or(address, |(host, _)| host)
        });
        for key in [Some(name.trim()), address].into_iter().flatten() {
            let owners = places.entry(key.to_lowercase()).or_default();
            if !key.is_empty() && !owners.contains(&name.as_str()) {
                owners.push(name);
            }
        }
    }
    places
}

fn components_of<'t>(
    labels: &[(String, String)],
    places: &BTreeMap<String, Vec<&'t str>>,
) -> Vec<&'t str> {
    let mut found: Vec<&str> = Vec::new();
    for (_, value) in labels
        .iter()
        .filter(|(name, _)| !LABELS_WITHOUT_PLACE.contains(&name.as_str()))
    {
        if value.len() > VALUE_BYTES_MAX {
            continue;
        }
        let value = value.trim().to_lowercase();
        for form in forms(&value) {
            found.extend(places.get(form).into_iter().flatten());
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The ways to read a label value: as it is, without its port, and without each domain.
fn forms(value: &str) -> Vec<&str> {
    let host = without_port(value);
    let mut forms = vec![value, host];
    // The first numbers of an address are not the name of a host.
    if host.parse::<IpAddr>().is_err() {
        let dots = host.match_indices('.').map(|(at, _)| at);
        forms.extend(dots.filter_map(|at| host.get(..at)));
    }
    forms.dedup();
    forms
}

/// `db-1:9100` and `[fd00::1]:9100` without their port and brackets.
fn without_port(value: &str) -> &str {
    if let Some(inner) = value.strip_prefix('[') {
        return inner.split_once(']').map_or(value, |(host, _)| host);
    }
    match value.rsplit_once(':') {
        Some((host, port))
            if !port.is_empty()
                && port.bytes().all(|b| b.is_ascii_digit())
                && !host.contains(':') =>
        {
            host
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::{id, plan, step};
    use proptest::prelude::*;

    fn source(name: &str) -> ConnectorName {
        ConnectorName::new(name).unwrap()
    }

    fn alert(name: &str, labels: &[(&str, &str)]) -> Alert {
        let pairs = labels.iter();
        Alert {
            name: name.to_owned(),
            state: AlertState::Firing,
            severity: String::new(),
            summary: String::new(),
            labels: pairs
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            since: None,
            silenced_by: Vec::new(),
        }
    }

    fn components(list: &[(&str, &str)]) -> BTreeMap<String, Component> {
        let component = |(name, address): &(&str, &str)| {
            let component = Component {
                name: (*name).to_owned(),
                address: (*address).to_owned(),
                ..Component::default()
            };
            ((*name).to_owned(), component)
        };
        list.iter().map(component).collect()
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Names of the components of one alert with one label.
    fn touches(label: &str, value: &str, known: &[(&str, &str)]) -> Vec<String> {
        let alerts = [(source("am"), vec![alert("Down", &[(label, value)])])].into();
        let touched_names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let found = touched(&alerts, &components(known), &names(&touched_names), &[]);
        found.into_iter().map(|m| m.component).collect()
    }

    #[test]
    fn names_and_addresses_are_found_as_alerting_systems_write_them() {
        let db = [("db-1", "10.0.0.1/24"), ("db-10", "fd00::10"), ("10", "")];
        let cases: &[(&str, &str, &[&str])] = &[
            ("instance", "db-1", &["db-1"]),
            ("instance", "DB-1:9100", &["db-1"]),
            ("node", "db-1.prod.example.com", &["db-1"]),
            ("pod", "db-1.prod.example.com.:9187", &["db-1"]),
            ("instance", "10.0.0.1:9100", &["db-1"]),
            ("host", "10.0.0.1", &["db-1"]),
            ("instance", "[fd00::10]:9100", &["db-10"]),
            ("instance", "fd00::10", &["db-10"]),
            ("cluster", "db-10", &["db-10"]),
            ("instance", "db-1x", &[]),
            ("instance", "xdb-1", &[]),
            ("instance", "db-1:http", &[]),
            ("instance", "db", &[]),
            ("instance", "10.0.0.17", &[]),
            ("alertname", "db-1", &[]),
            ("severity", "db-1", &[]),
            ("instance", "", &[]),
        ];
        for (label, value, wanted) in cases {
            assert_eq!(&touches(label, value, &db), wanted, "{label}={value}");
        }
    }

    #[test]
    fn a_component_without_address_is_no_part_of_an_empty_label() {
        assert!(touches("instance", "", &[("db-1", "")]).is_empty());
        assert!(touches("instance", ":9100", &[("db-1", "")]).is_empty());
    }

    #[test]
    fn a_component_no_cmdb_knows_is_found_by_its_name() {
        let alerts = [(source("am"), vec![alert("Down", &[("host", "web-1")])])].into();
        let found = touched(&alerts, &BTreeMap::new(), &names(&["web-1"]), &[]);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn an_alert_of_several_components_comes_once_for_each() {
        let one = alert(
            "Lag",
            &[
                ("instance", "db-1:9100"),
                ("host", "db-1"),
                ("peer", "db-2"),
            ],
        );
        let alerts = [(source("am"), vec![one])].into();
        let found = touched(&alerts, &BTreeMap::new(), &names(&["db-2", "db-1"]), &[]);
        let found: Vec<&str> = found.iter().map(|m| m.component.as_str()).collect();
        assert_eq!(found, ["db-1", "db-2"]);
    }

    #[test]
    fn what_nobody_expected_comes_first() {
        let mut quiet = alert("Noise", &[("host", "db-1")]);
        quiet.silenced_by = names(&["4f2a"]);
        let mut pending = alert("Aging", &[("host", "db-1")]);
        pending.state = AlertState::Pending;
        let list = vec![
            alert("Lag", &[("host", "db-1")]),
            quiet,
            pending,
            alert("Full", &[("host", "db-1")]),
        ];
        let alerts = [(source("am"), list)].into();
        let found = touched(
            &alerts,
            &BTreeMap::new(),
            &names(&["db-1"]),
            &names(&["Lag"]),
        );
        let seen: Vec<_> = found
            .iter()
            .map(|m| (m.alert.name.as_str(), m.expected, m.silenced))
            .collect();
        let wanted = [
            ("Full", false, false),
            ("Aging", false, false),
            ("Noise", false, true),
            ("Lag", true, false),
        ];
        assert_eq!(seen, wanted);
    }

    #[test]
    fn steps_and_the_maintenance_say_what_they_expect() {
        let mut plan = plan();
        plan.expect_alerts = names(&["Lag"]);
        let mut drain = step("drain-it", 0, Vec::new());
        drain.expect_alerts = names(&["Down", "Lag"]);
        plan.steps.push(drain);
        assert_eq!(expected(&plan, &[]), names(&["Lag"]));
        assert_eq!(expected(&plan, &[id("drain-it")]), names(&["Down", "Lag"]));
        assert_eq!(expected(&plan, &[id("no-such-step")]), names(&["Lag"]));
    }

    proptest! {
        /// Whatever a component is called: its name, with a port, with a domain, in any case, touches it and it alone.
        #[test]
        fn every_way_to_write_a_name_touches_exactly_its_owner(
            name in "[a-z][a-z0-9-]{0,20}",
            other in "[a-z][a-z0-9-]{0,20}",
            domain in "(\\.[a-z]{1,8}){0,3}",
            port in proptest::option::of(1_u16..),
            upper in any::<bool>(),
        ) {
            prop_assume!(name != other);
            let mut value = format!("{name}{domain}");
            if let Some(port) = port {
                value = format!("{value}:{port}");
            }
            if upper {
                value = value.to_uppercase();
            }
            prop_assert_eq!(touches("instance", &value, &[(&name, ""), (&other, "")]), vec![name]);
        }

        /// Foreign texts never panic, and nothing that is not touched is named.
        #[test]
        fn any_label_is_survived(label in ".{0,12}", value in ".{0,300}", name in ".{0,12}") {
            let found = touches(&label, &value, &[(&name, "10.0.0.1")]);
            prop_assert!(found.iter().all(|found| *found == name));
        }
    }
}
