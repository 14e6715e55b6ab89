//! What a demo session is opened with: a configuration that points at the lab, and a runbook for it.

use super::Lab;
use crate::domain::time::Timestamp;
use std::time::Duration;

/// The runbook as it is written, with a window in the past.
const RUNBOOK: &str = include_str!("demo.md");
/// The lines of the window, which a demo begins anew.
const START: &str = "start = 2026-11-22T02:00:00Z";
const END: &str = "end = 2026-11-22T04:00:00Z";
/// How long before now the window of a demo begins.
const BEFORE: Duration = Duration::from_secs(5 * 60);
/// How long after now it ends: nobody's demo runs into its point of no return.
const AFTER: Duration = Duration::from_secs(115 * 60);

/// The demo runbook, with a window that is open at `now`.
pub fn demo_runbook(now: Timestamp) -> String {
    let start = format!("start = {}", now.minus(BEFORE).to_seconds_text());
    let end = format!("end = {}", now.plus(AFTER).to_seconds_text());
    RUNBOOK.replace(START, &start).replace(END, &end)
}

/// A configuration of the program that points at a lab.
pub(super) fn config(lab: &Lab) -> String {
    let (prometheus, alertmanager) = (lab.url("prometheus"), lab.url("alertmanager"));
    let (netbox, pagerduty) = (lab.url("netbox"), lab.url("pagerduty"));
    format!(
        r#"# A session on the demo lab. The token of the lab is in $WARROOM_LAB_TOKEN.

[connect.prometheus.lab]
url = "{prometheus}"
every = "1s"
# The Alertmanager tells of the same alerts, and of what keeps them quiet.
alerts = false

[connect.alertmanager.lab-alerts]
urls = ["{alertmanager}"]
every = "1s"
writes = true

[connect.netbox.lab-cmdb]
url = "{netbox}"
token = "env:WARROOM_LAB_TOKEN"
every = "5s"
writes = true

[connect.pagerduty.lab-pager]
url = "{pagerduty}"
token = "env:WARROOM_LAB_TOKEN"
every = "2s"
events_url = "{pagerduty}"
routing_key = "env:WARROOM_LAB_TOKEN"
from = "ines.duarte@example.com"
writes = true
proof_wait = "5s"
{PANELS}"#
    )
}

/// Panels beside the guards of the demo runbook.
const PANELS: &str = r#"
[[panel]]
id = "requests"
title = "Requests"
expr = "sum(orders_requests_per_second)"
unit = "/s"

[[panel]]
id = "serving-nodes"
title = "Serving nodes"
expr = 'haproxy_backend_active_servers{proxy="orders-db"}'
warn = "< 3"
crit = "< 2"
stale_after = "10s"

[[panel]]
id = "connections"
title = "Connections"
expr = "sum by (server) (haproxy_server_current_sessions)"

[[panel]]
id = "queue"
title = "Worker queue"
expr = "orders_queue_jobs"
warn = 500
crit = 2000

[[panel]]
id = "disk"
title = "Disk used"
expr = "max(node_filesystem_used_ratio)"
unit = "ratio"
warn = 0.85
crit = 0.95
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::runbook::plan::{Plan, PlanBlock, Risk};
    use crate::domain::runbook::{parse, resolve};

    fn plan(text: &str) -> Plan {
        let (runbook, problems) = parse(text, "demo.md");
        assert_eq!(problems, [], "parse");
        let (plan, problems) = resolve(&runbook);
        assert_eq!(problems, [], "resolve");
        plan
    }

    #[test]
    fn the_demo_runbook_has_no_problem_at_all() {
        let plan = plan(RUNBOOK);
        assert_eq!(plan.title, "Rolling upgrade of orders-db to 16");
        assert_eq!(plan.components.len(), 6);
        assert_eq!(plan.rules.len(), 3);
        assert!(plan.phases.iter().any(|phase| phase.rollback));
        let destructive: Vec<_> = plan
            .steps
            .iter()
            .filter(|step| step.risk == Risk::Destructive)
            .collect();
        assert_eq!(destructive.len(), 1);
        assert!(destructive.iter().all(|step| step.undo.is_some()));
        assert!(plan.steps.iter().all(|step| step.expected.is_some()));
        let forward = plan.steps.iter().filter(|step| {
            plan.phases
                .get(step.phase)
                .is_some_and(|phase| !phase.rollback)
        });
        let total: Duration = forward.filter_map(|step| step.expected).sum();
        assert!((180..=480).contains(&total.as_secs()), "{total:?}");
    }

    #[test]
    fn the_window_of_a_demo_is_open_now() {
        let now = Timestamp::parse("2031-03-04T05:06:07Z").expect("a time");
        let window = plan(&demo_runbook(now)).window.expect("a window");
        assert!(window.start < now && now.plus(Duration::from_secs(3600)) < window.end);
    }

    #[test]
    fn every_query_of_the_demo_is_one_the_lab_understands() {
        let plan = plan(RUNBOOK);
        let gates = plan.steps.iter().flat_map(|step| &step.blocks);
        let gates = gates.filter_map(|block| match block {
            PlanBlock::Gate(gate) => Some(gate.expr.clone()),
            PlanBlock::Exec(_) => None,
        });
        let rules = plan.rules.iter().map(|rule| rule.expr.clone());
        let floors = plan.rollouts().flat_map(|(_, rollout)| rollout.queries());
        let floors = floors.map(|query| query.expr.to_owned());
        let mut count = 0;
        for expr in gates.chain(rules).chain(floors) {
            super::super::promql::parse(&expr).unwrap_or_else(|error| panic!("{expr}: {error}"));
            count += 1;
        }
        assert_eq!(count, 10);
    }

    #[test]
    fn every_command_of_the_demo_is_one_the_lab_knows() {
        use super::super::Action;
        use super::super::catalog::COMPONENTS;
        let mut count = 0;
        for line in RUNBOOK.lines() {
            let Some((_, words)) = line.split_once("lab ctl ") else {
                continue;
            };
            let mut words = words.split(' ');
            let action = words.next().expect("a word");
            assert!(Action::from_word(action).is_some(), "{line}");
            let is_name = |word: &&str| word.starts_with("orders-");
            if let Some(node) = words.next().filter(is_name) {
                assert!(COMPONENTS.iter().any(|entry| entry.name == node), "{line}");
            }
            count += 1;
        }
        assert!(count > 20, "{count}");
    }
}
