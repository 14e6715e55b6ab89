//! `[[panel]]`: metrics that are shown in every session.

use super::document::{At, Document, Section};
use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::runbook::plan::MetricRule;
use crate::domain::threshold::{Limit, OnBreach, OnNoData, Op};
use std::collections::BTreeSet;
use std::time::Duration;

/// Age beyond which a value is stale when the panel does not say: four polls of the slowest usual interval.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(60);

/// Panels of one configuration: each is a query every few seconds.
const PANELS_MAX: usize = 200;

/// Longest text behind a number.
const UNIT_CHARS_MAX: usize = 12;

/// Longest `for` and `stale_after`.
const SPAN_MAX: Duration = Duration::from_secs(24 * 3600);

const DAY_AND_ZERO: std::ops::Range<Duration> = Duration::ZERO..SPAN_MAX;

/// Reads all panels; those with problems are left out.
pub(super) fn panels(
    document: &Document<'_>,
    sections: Vec<Section<'_, '_>>,
    metrics: &[ConnectorName],
) -> Vec<MetricRule> {
    if let Some(first_beyond) = sections.get(PANELS_MAX) {
        let what = format!("more than {PANELS_MAX} panels");
        document.fault(&first_beyond.at(), what, "");
    }
    let mut ids = BTreeSet::new();
    let panels = sections.into_iter().take(PANELS_MAX);
    panels
        .filter_map(|section| panel(document, section, metrics, &mut ids))
        .collect()
}

fn panel(
    document: &Document<'_>,
    mut section: Section<'_, '_>,
    metrics: &[ConnectorName],
    ids: &mut BTreeSet<RuleId>,
) -> Option<MetricRule> {
    let id = rule_id(document, &mut section, ids);
    let title = section.text("title");
    let expr = section.required("expr", "PromQL of the value, without a comparison");
    let unit = section.parsed("unit", "`s`, `bytes`, `ratio`, `percent`, `/s`", unit);
    let warn = limit(document, &mut section, "warn");
    let crit = limit(document, &mut section, "crit");
    let clear = limit(document, &mut section, "clear");
    let hold_for = section.time("for", DAY_AND_ZERO).unwrap_or_default();
    let stale_after = section.time("stale_after", Duration::from_secs(1)..SPAN_MAX);
    let source = source(document, &mut section, metrics);
    section.finish();
    let (warn, crit, clear) = limits(document, warn.as_ref(), crit.as_ref(), clear.as_ref());
    let id = id?;
    Some(MetricRule {
        title: title.map_or_else(|| id.to_string(), |at| at.value),
        id,
        expr: expr?.value.trim().to_owned(),
        unit: unit.map(|at| at.value).unwrap_or_default(),
        warn: warn.map(Into::into),
        crit: crit.map(Into::into),
        clear: clear.map(Into::into),
        hold_for,
        samples: None,
        on_breach: OnBreach::Warn,
        dry_run: false,
        no_data: OnNoData::Unknown,
        stale_after: stale_after.unwrap_or(STALE_AFTER),
        source,
        phase: None,
        line: 0,
    })
}

fn rule_id(
    document: &Document<'_>,
    section: &mut Section<'_, '_>,
    ids: &mut BTreeSet<RuleId>,
) -> Option<RuleId> {
    let at = section.required("id", "a short name, unique among panels")?;
    match RuleId::new(&at.value) {
        Ok(id) if ids.insert(id.clone()) => Some(id),
        Ok(id) => {
            document.fault(&at, format!("another panel has the id `{id}`"), "");
            None
        }
        Err(error) => {
            document.fault(&at, error.to_string(), "");
            None
        }
    }
}

fn unit(text: &str) -> Result<String, String> {
    if text.chars().count() > UNIT_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(format!("is longer than {UNIT_CHARS_MAX} characters"));
    }
    Ok(text.to_owned())
}

fn source(
    document: &Document<'_>,
    section: &mut Section<'_, '_>,
    metrics: &[ConnectorName],
) -> Option<ConnectorName> {
    let at = section.text("source")?;
    let found = metrics.iter().find(|name| name.as_str() == at.value);
    if found.is_none() {
        let known: Vec<String> = metrics.iter().map(|name| format!("`{name}`")).collect();
        let hint = if known.is_empty() {
            "add `[connect.prometheus.NAME]` or `[connect.scrape.NAME]`".to_owned()
        } else {
            format!("there are: {}", known.join(", "))
        };
        let what = format!("no metrics connector is called `{}`", at.value);
        document.fault(&at, what, hint);
    }
    found.cloned()
}

/// Comparisons, longest first so that `>=` is not read as `>`.
const OPS: [(&str, Op); 6] = [
    (">=", Op::Ge),
    ("<=", Op::Le),
    ("==", Op::Eq),
    ("!=", Op::Ne),
    (">", Op::Gt),
    ("<", Op::Lt),
];

/// A limit as typed: the comparison may be left out.
#[derive(Debug, Clone, Copy)]
struct Typed {
    op: Option<Op>,
    value: f64,
}

fn limit(
    document: &Document<'_>,
    section: &mut Section<'_, '_>,
    key: &'static str,
) -> Option<At<Typed>> {
    let at = section.number_or_text(key)?;
    let text = at.value.trim();
    let (op, rest) = OPS
        .iter()
        .find_map(|(word, op)| Some((Some(*op), text.strip_prefix(word)?)))
        .unwrap_or((None, text));
    let parsed = rest.trim().parse::<f64>();
    if let Some(value) = parsed.ok().filter(|value| value.is_finite()) {
        return Some(at.with(Typed { op, value }));
    }
    document.fault(
        &at,
        format!("`{}` is not a limit", at.value),
        "a number in the metric's base unit, with a comparison if it is not `>`: `\"< 0.01\"`",
    );
    None
}

/// Joins the three: one direction for all, the critical limit beyond the warning one, the clear level before the
/// worst of them.
fn limits(
    document: &Document<'_>,
    warn: Option<&At<Typed>>,
    crit: Option<&At<Typed>>,
    clear: Option<&At<Typed>>,
) -> (Option<Limit>, Option<Limit>, Option<Limit>) {
    let mut typed = [warn, crit, clear].into_iter().flatten();
    let op = typed.find_map(|at| at.value.op).unwrap_or(Op::Gt);
    let limit = |at: &At<Typed>| Limit {
        op: at.value.op.unwrap_or(op),
        value: at.value.value,
    };
    let joined = (warn.map(limit), crit.map(limit), clear.map(limit));
    if let (Some(at), Some(limit), Some(first)) = (crit, joined.1, joined.0) {
        if direction(limit.op) != direction(first.op) {
            let what = format!("`{limit}` and `warn` (`{first}`) point in different directions");
            document.fault(at, what, "");
        } else if rank(limit) < rank(first) {
            let what = format!("`{limit}` is reached before `warn` (`{first}`)");
            document.fault(at, what, "exchange `warn` and `crit`");
        }
    }
    let (Some(at), Some(level)) = (clear, joined.2) else {
        return joined;
    };
    // The clear level belongs to the worst limit, and may be written as what ends a breach or as what keeps it up.
    match joined.1.or(joined.0) {
        None => document.fault(at, "needs `warn` or `crit`", ""),
        Some(worst) if f64::from(direction(worst.op)) * level.value > rank(worst) => {
            let what = format!("`{}` is beyond the limit `{worst}`", level.value);
            let hint = "a breach ends when the value is back at `clear`";
            document.fault(at, what, hint);
        }
        Some(_) => {}
    }
    joined
}

/// 1 where more is worse, -1 where less is, 0 for equality.
const fn direction(op: Op) -> i8 {
    match op {
        Op::Gt | Op::Ge => 1,
        Op::Lt | Op::Le => -1,
        Op::Eq | Op::Ne => 0,
    }
}

/// Larger is worse.
fn rank(limit: Limit) -> f64 {
    f64::from(direction(limit.op)) * limit.value
}
