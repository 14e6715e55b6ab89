//! Alerting rules that do not fire now, and whose alerts a silence would mute once they do.
//!
//! Of an alert that does not exist only what its rule sets is known: its name and its fixed labels. All others come
//! with the series, so that most rules *may* be muted for the targets; none of this is taken for a reason to withhold but
//! a rule that is muted for certain and is about something else.

use super::preview::{About, ENVIRONMENTS, Fits, Muting, Preview, RULES, Verdict, short};
use crate::domain::board::Board;
use crate::domain::reading::AlertRule;
use crate::domain::write::Matcher;
use std::collections::BTreeSet;

/// Label that every alert has from its rule.
const NAME: &str = "alertname";

/// Rules whose alerts a silence would mute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// About the targets, and muted whenever they fire: every label that the silence asks for is set by the rule.
    pub surely: Vec<String>,
    /// Muted when they fire for a target: which labels their alerts will have is not known before.
    pub perhaps: Vec<String>,
    /// Why there may be others; empty when all rules are known.
    pub unknown: String,
}

impl Rules {
    /// How many there are, in a few words: `14 rules too, once they fire`; nothing where there are none.
    pub fn in_short(&self) -> Option<String> {
        let count = self.surely.len().saturating_add(self.perhaps.len());
        let known = match count {
            0 => None,
            1 => Some("1 rule too, once it fires".to_owned()),
            n => Some(format!("{n} rules too, once they fire")),
        };
        match (known, self.unknown.is_empty()) {
            (known, true) => known,
            (Some(known), false) => Some(format!("{known}, perhaps more")),
            (None, false) => Some("which rules it mutes too is not known".to_owned()),
        }
    }
}

impl Preview {
    /// Rules at all its connectors, each once.
    pub fn rules(&self) -> Rules {
        let mut all = Rules::default();
        for one in &self.each {
            all.surely.extend(one.rules.surely.iter().cloned());
            all.perhaps.extend(one.rules.perhaps.iter().cloned());
            if all.unknown.is_empty() {
                all.unknown.clone_from(&one.rules.unknown);
            }
        }
        for list in [&mut all.surely, &mut all.perhaps] {
            list.sort();
            list.dedup();
        }
        all
    }
}

/// A rule, what its alerts have for certain, and whether they fit.
type Found<'a> = (&'a AlertRule, Vec<(String, String)>, Fit);

/// Whether the alerts of a rule fit, as far as that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Always,
    Perhaps,
    Never,
}

/// Adds the rules that a silence made of labels would mute.
pub(super) fn look(muting: &mut Muting, matchers: &[Matcher], fits: &Fits<'_>, about: &About<'_>) {
    muting.rules.unknown = unknown(about.board);
    let fires: BTreeSet<&str> = muting.inside.iter().map(|name| first_word(name)).collect();
    let rules = about.board.alert_rules.values().flat_map(|k| &k.rules);
    let quiet = rules.filter(|rule| !fires.contains(rule.name.as_str()));
    let found: Vec<Found<'_>> = quiet
        .map(|rule| {
            let labels = fixed(rule);
            let fit = fit(rule, &labels, matchers, fits);
            (rule, labels, fit)
        })
        .filter(|(_, _, fit)| *fit != Fit::Never)
        .collect();
    let labels: Vec<&[(String, String)]> = found.iter().map(|(_, l, _)| l.as_slice()).collect();
    let (mut surely, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
    let mut outside = BTreeSet::new();
    for ((rule, _, fit), verdict) in found.iter().zip(about.judge(&labels)) {
        let name = named(rule);
        match (fit, verdict) {
            (Fit::Always, Verdict::Ours) => surely.insert(name),
            (Fit::Always, _) => outside.insert(short(&format!("{name} (rule, not firing)"))),
            _ => perhaps.insert(name),
        };
    }
    muting.rules.surely = surely.into_iter().collect();
    muting.rules.perhaps = perhaps.into_iter().collect();
    muting.outside.extend(outside);
}

/// Why not every rule is known; empty when all are.
fn unknown(board: &Board) -> String {
    let judges = board.health.values();
    let judges = judges.filter(|health| health.system == RULES);
    let mut silent = judges.filter(|health| !board.alert_rules.contains_key(&health.connector));
    if let Some(health) = silent.next() {
        return format!("`{}` has told of no alerting rules", health.connector);
    }
    let mut partial = board.alert_rules.iter();
    match partial.find(|(_, known)| !known.unknown.is_empty()) {
        Some((source, known)) => format!("`{source}`: {}", known.unknown),
        None if board.alert_rules.is_empty() => {
            "no metrics server tells of alerting rules".to_owned()
        }
        None => String::new(),
    }
}

/// What the alerts of a rule have for certain: its name, and the labels it sets to a text.
fn fixed(rule: &AlertRule) -> Vec<(String, String)> {
    let own = rule.labels.iter();
    let own = own.filter(|(name, value)| name != NAME && !is_template(value));
    let name = (NAME.to_owned(), rule.name.clone());
    std::iter::once(name).chain(own.cloned()).collect()
}

/// A value that is made of the series. Source: Prometheus, "Alerting rules", "Templating".
fn is_template(value: &str) -> bool {
    value.contains("{{")
}

fn fit(
    rule: &AlertRule,
    labels: &[(String, String)],
    matchers: &[Matcher],
    fits: &Fits<'_>,
) -> Fit {
    let mut all = Fit::Always;
    for matcher in matchers {
        let is_fixed = labels.iter().any(|(name, _)| *name == matcher.label);
        if !is_fixed {
            all = Fit::Perhaps;
        } else if !fits.is(matcher, labels) {
            return Fit::Never;
        }
    }
    // A rule without a name is none that a person could look for.
    if rule.name.is_empty() {
        Fit::Never
    } else {
        all
    }
}

/// `InstanceDown env=staging`
fn named(rule: &AlertRule) -> String {
    let mut own = rule.labels.iter();
    let environment =
        own.find(|(name, value)| ENVIRONMENTS.contains(&name.as_str()) && !is_template(value));
    let environment =
        environment.map_or_else(String::new, |(name, value)| format!(" {name}={value}"));
    short(&format!("{}{environment}", rule.name))
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}
