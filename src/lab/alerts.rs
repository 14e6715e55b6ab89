//! Alerting rules on the metrics of the cluster, evaluated as Prometheus does: inactive, pending, firing.

use super::catalog::API;
use super::metrics::History;
use super::promql::{self, Element, Expr, Value};

/// An alerting rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// Value of `alertname`.
    pub(super) name: &'static str,
    /// True for as long as it gives elements.
    pub(super) query: &'static str,
    /// How long it must be true, milliseconds.
    pub(super) for_ms: i64,
    /// Value of `severity`.
    pub(super) severity: &'static str,
    /// Value of `instance` where the query itself leaves none.
    pub(super) instance: &'static str,
    /// For people.
    pub(super) summary: &'static str,
}

/// The rule whose alert pages somebody.
pub(super) const PAGING: &str = "OrdersErrorRatioCritical";

/// All rules.
pub(super) const RULES: [Rule; 6] = [
    Rule {
        name: "OrdersErrorRatioHigh",
        query: "sum(orders_requests_per_second{code=\"5xx\"}) / sum(orders_requests_per_second) > 0.02",
        for_ms: 5_000,
        severity: "warning",
        instance: API,
        summary: "More than 2 % of the requests of orders-api fail",
    },
    Rule {
        name: PAGING,
        query: "sum(orders_requests_per_second{code=\"5xx\"}) / sum(orders_requests_per_second) > 0.05",
        for_ms: 15_000,
        severity: "critical",
        instance: API,
        summary: "More than 5 % of the requests of orders-api fail",
    },
    Rule {
        name: "OrdersLatencyHigh",
        query: "orders_request_duration_p99_seconds > 0.3",
        for_ms: 5_000,
        severity: "warning",
        instance: "",
        summary: "Requests of orders-api are slow",
    },
    Rule {
        name: "PostgresDown",
        query: "pg_up == 0",
        for_ms: 3_000,
        severity: "warning",
        instance: "",
        summary: "A node of orders-db takes no connections",
    },
    Rule {
        name: "PostgresReplicationLag",
        query: "pg_replication_lag_seconds > 5",
        for_ms: 2_000,
        severity: "warning",
        instance: "",
        summary: "A replica of orders-db is behind",
    },
    Rule {
        name: "OrdersCapacityLow",
        query: "haproxy_backend_active_servers < 3",
        for_ms: 60_000,
        severity: "warning",
        instance: "",
        summary: "A node of orders-db has taken no traffic for a minute",
    },
];

/// One alert that is pending or firing.
#[derive(Debug, Clone)]
pub(super) struct Active {
    /// Its rule.
    pub(super) rule: Rule,
    /// Labels of the element that made it, without the metric's name.
    pub(super) labels: Vec<(String, String)>,
    /// Value of that element.
    pub(super) value: f64,
    /// Since when the rule has been true, UTC milliseconds.
    pub(super) since_ms: i64,
    /// True long enough.
    pub(super) is_firing: bool,
}

impl Active {
    /// All labels, `alertname` and `severity` included, sorted by name.
    pub(super) fn all_labels(&self) -> Vec<(String, String)> {
        let own = [
            ("alertname".to_owned(), self.rule.name.to_owned()),
            ("severity".to_owned(), self.rule.severity.to_owned()),
        ];
        let mut all: Vec<_> = own.into_iter().chain(self.labels.iter().cloned()).collect();
        let instance = self.rule.instance;
        if !instance.is_empty() && !all.iter().any(|(name, _)| name == "instance") {
            all.push(("instance".to_owned(), instance.to_owned()));
        }
        all.sort();
        all
    }
}

/// Rules and what they say now.
#[derive(Debug)]
pub(super) struct Alarms {
    rules: Vec<(Rule, Expr)>,
    /// Pending and firing alerts, by rule and labels.
    pub(super) active: Vec<Active>,
    /// Last evaluation, UTC milliseconds.
    pub(super) evaluated_ms: i64,
}

impl Alarms {
    /// Nothing is active.
    pub(super) fn new() -> Self {
        // A test proves that every rule can be read.
        let parsed = RULES
            .iter()
            .filter_map(|rule| Some((*rule, promql::parse(rule.query).ok()?)));
        Self {
            rules: parsed.collect(),
            active: Vec::new(),
            evaluated_ms: 0,
        }
    }

    /// Evaluates all rules at `at_ms`.
    pub(super) fn evaluate(&mut self, history: &History, at_ms: i64) {
        self.evaluated_ms = at_ms;
        let before = std::mem::take(&mut self.active);
        for (rule, expr) in &self.rules {
            let value = promql::evaluate(expr, at_ms, &|matchers| history.select(matchers, at_ms));
            let Ok(Value::Vector(elements)) = value else {
                continue;
            };
            self.active.extend(
                elements
                    .into_iter()
                    .map(|element| renew(*rule, element, &before, at_ms)),
            );
        }
    }

    /// The alert of that name, while it fires.
    pub(super) fn firing(&self, name: &str) -> Option<&Active> {
        let mut active = self.active.iter();
        active.find(|active| active.rule.name == name && active.is_firing)
    }
}

fn renew(rule: Rule, element: Element, before: &[Active], at_ms: i64) -> Active {
    let labels = element.labels.into_iter();
    let labels: Vec<_> = labels.filter(|(name, _)| name != "__name__").collect();
    let known = before
        .iter()
        .find(|active| active.rule.name == rule.name && active.labels == labels);
    let since_ms = known.map_or(at_ms, |active| active.since_ms);
    Active {
        rule,
        labels,
        value: element.value,
        since_ms,
        is_firing: at_ms.saturating_sub(since_ms) >= rule.for_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sim::{Sim, action::Action};
    use super::*;

    #[test]
    fn every_rule_can_be_read() {
        assert_eq!(Alarms::new().rules.len(), RULES.len());
    }

    #[test]
    fn an_alert_is_pending_then_fires_then_goes() {
        let mut sim = Sim::new(0, 5);
        let mut history = History::new(&sim);
        let mut alarms = Alarms::new();
        let mut second = 0;
        let mut run = |sim: &mut Sim, alarms: &mut Alarms, seconds: i64| {
            for _ in 0..seconds {
                second += 1;
                sim.step(second * 1000);
                history.keep(sim);
                alarms.evaluate(&history, second * 1000);
            }
        };
        run(&mut sim, &mut alarms, 30);
        assert!(alarms.active.is_empty());
        sim.act(Action::Break, Some("orders-api")).expect("allowed");
        run(&mut sim, &mut alarms, 8);
        let pending = alarms
            .active
            .iter()
            .find(|active| active.rule.name == PAGING);
        assert!(
            pending.is_some_and(|active| !active.is_firing),
            "{:?}",
            alarms.active
        );
        run(&mut sim, &mut alarms, 15);
        assert!(alarms.firing(PAGING).is_some());
        assert!(alarms.firing("OrdersLatencyHigh").is_some());
        sim.act(Action::Heal, Some("orders-api")).expect("allowed");
        run(&mut sim, &mut alarms, 15);
        assert!(alarms.active.is_empty(), "{:?}", alarms.active);
    }
}
