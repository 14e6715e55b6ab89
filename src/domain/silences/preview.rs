//! What a silence would mute before it is made: alerts that fire or are pending now, and what is monitored, inside and
//! outside its targets. What cannot be told is said, and never taken for nothing.

use super::rules::{self, Rules};
use super::wanted::{plan_of, targets};
use crate::domain::alert_match;
use crate::domain::board::Board;
use crate::domain::fact::Withheld;
use crate::domain::id::ConnectorName;
use crate::domain::reading::{Alert, AlertState, Liveness};
use crate::domain::runbook::plan::Plan;
use crate::domain::touched;
use crate::domain::write::{Ability, Lifetime, Matcher};
use regex::{Regex, RegexBuilder};
use std::collections::{BTreeMap, BTreeSet};

/// Components of one silence: what a person could have read through, and what a request may name.
const TARGETS_MAX: usize = 64;
/// Alerts by name that one silence may be narrowed to: as many as a runbook may expect.
const ALERTS_MAX: usize = 100;
/// Names that are told of what is outside: enough to see what it is, on one screen.
const NAMES_MAX: usize = 8;
/// Characters of such a name.
const NAME_CHARS_MAX: usize = 120;
/// Bytes of a compiled expression: the names of [`TARGETS_MAX`] components and their addresses.
const REGEX_BYTES_MAX: usize = 1024 * 1024;
/// Systems that mute by labels; all others mute components.
const BY_LABEL: [&str; 2] = ["alertmanager", "grafana"];
/// Systems that can mute and tell of no alerts: what a silence of theirs would mute can never be told.
const WITHOUT_ALERTS: [&str; 3] = ["pagerduty", "opsgenie", "jsm"];
/// Labels that say where an alert comes from, and which environment that is.
const PLACES: [&str; 5] = ["instance", "node", "host", "hostname", "nodename"];
/// Labels that say in which environment an alert came up.
pub(super) const ENVIRONMENTS: [&str; 2] = ["environment", "env"];
/// System whose alerts may still be pending: they are told to others once they fire.
pub(super) const RULES: &str = "prometheus";

/// What one silence would mute, by each connector that is going to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Components that it is for.
    pub targets: Vec<String>,
    /// One for each connector.
    pub each: Vec<Muting>,
}

/// What it would mute at one connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Muting {
    /// Which.
    pub connector: ConnectorName,
    /// Labels that it would be made of; none where components are muted.
    pub matchers: Vec<Matcher>,
    /// Alerts about the targets alone, that it would mute.
    pub inside: Vec<String>,
    /// Alerts and monitored things that it would mute and that are not, or not only, about the targets.
    pub outside: Vec<String>,
    /// How many of [`Self::outside`] are alerts.
    pub alerts_outside: usize,
    /// Names of alerts that it could be narrowed to: they are about the targets, and about nothing else.
    pub narrow: Vec<String>,
    /// Monitored things of the targets whose alerts it would mute.
    pub monitored: usize,
    /// Alerts about the targets that it would not mute.
    pub missed: Vec<String>,
    /// Alerting rules whose alerts it would mute too, once they fire.
    pub rules: Rules,
    /// Why it is not known what it would mute.
    pub unknown: Option<String>,
}

impl Preview {
    /// Why the silence must not be made; nothing when it may.
    pub fn withheld(&self) -> Option<Withheld> {
        let unknown = self.each.iter().find_map(|one| {
            let why = one.unknown.as_ref()?;
            Some(format!("`{}`: {why}", one.connector))
        });
        if let Some(what) = unknown {
            return Some(Withheld::Unknown { what });
        }
        let names: BTreeSet<&String> = self.each.iter().flat_map(|one| &one.outside).collect();
        if names.is_empty() {
            return None;
        }
        Some(Withheld::Outside {
            muted: count(self.muted()),
            outside: count(names.len()),
            names: names.into_iter().take(NAMES_MAX).cloned().collect(),
        })
    }

    /// Alerts that it would mute, each once.
    pub fn muted(&self) -> usize {
        let inside = self.each.iter().flat_map(|one| &one.inside);
        let outside = self
            .each
            .iter()
            .flat_map(|one| one.outside.iter().take(one.alerts_outside));
        inside.chain(outside).collect::<BTreeSet<_>>().len()
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What a silence would mute now. `narrowed`: alerts that a person has named in place of those of the plan.
///
/// # Errors
/// Why nobody can tell: its components are not known, or no connector can mute.
pub fn preview(
    plan: &Plan,
    lifetime: &Lifetime,
    narrowed: &[String],
    board: &Board,
    writers: &BTreeMap<ConnectorName, Vec<Ability>>,
) -> Result<Preview, String> {
    let silence = plan_of(plan, lifetime).ok_or("the plan has no such silence")?;
    let targets = targets(plan, lifetime, &board.components)?;
    if targets.len() > TARGETS_MAX {
        let number = targets.len();
        return Err(format!(
            "it is for {number} components, {TARGETS_MAX} is the most; name fewer in `[silence] components`"
        ));
    }
    let alerts = if narrowed.is_empty() {
        &silence.alerts
    } else {
        narrowed
    };
    if alerts.len() > ALERTS_MAX {
        return Err(format!("it is for more than {ALERTS_MAX} alerts by name"));
    }
    let connectors = connectors(&silence.by, board, writers)?;
    let about = About::new(&targets, board);
    let each = connectors
        .into_iter()
        .map(|connector| at_connector(connector, (&silence.label, alerts), &about))
        .collect();
    Ok(Preview { targets, each })
}

/// Connectors that are going to mute.
fn connectors(
    by: &[ConnectorName],
    board: &Board,
    writers: &BTreeMap<ConnectorName, Vec<Ability>>,
) -> Result<Vec<ConnectorName>, String> {
    let can = |name: &ConnectorName| {
        let abilities = writers.get(name);
        abilities.is_some_and(|all| all.contains(&Ability::Mute))
    };
    if let Some(unable) = by.iter().find(|name| !can(name)) {
        let why = if writers.contains_key(unable) {
            "can mute nothing: its system may be able to with `writes = true` in `config.toml`"
        } else {
            "is not configured"
        };
        return Err(format!("connector `{unable}` {why}"));
    }
    if !by.is_empty() {
        return Ok(by.to_vec());
    }
    let is_blind = |name: &ConnectorName| {
        let health = board.health.get(name);
        health.is_some_and(|health| WITHOUT_ALERTS.contains(&health.system.as_str()))
    };
    let able = writers.keys().filter(|name| can(name) && !is_blind(name));
    let able: Vec<ConnectorName> = able.cloned().collect();
    if able.is_empty() {
        return Err(
            "no configured connector can mute: set `writes = true` for one in `config.toml`"
                .to_owned(),
        );
    }
    Ok(able)
}

/// What everything is compared with.
pub(super) struct About<'a> {
    targets: &'a [String],
    pub(super) board: &'a Board,
    /// Every component that is known.
    all: Vec<String>,
}

impl<'a> About<'a> {
    fn new(targets: &'a [String], board: &'a Board) -> Self {
        let mut all: Vec<String> = board.components.keys().cloned().collect();
        all.extend(
            targets
                .iter()
                .filter(|t| !board.components.contains_key(*t))
                .cloned(),
        );
        Self {
            targets,
            board,
            all,
        }
    }

    /// For each set of labels, whether it is about the targets and about nothing else.
    pub(super) fn judge(&self, all: &[&[(String, String)]]) -> Vec<Verdict> {
        let known = &self.board.components;
        let ours = alert_match::components_by_labels(all.iter().copied(), known, self.targets);
        // Each label that says where, one by one: each has to be about a target if it is about a component at all.
        let places: Vec<(usize, &[(String, String)])> = all
            .iter()
            .enumerate()
            .flat_map(|(place, labels)| {
                let singles = labels.chunks(1);
                let singles = singles.filter(|one| one.iter().all(is_place));
                singles.map(move |one| (place, one))
            })
            .collect();
        let named =
            alert_match::components_by_labels(places.iter().map(|(_, one)| *one), known, &self.all);
        let others: BTreeSet<usize> = places
            .iter()
            .zip(named)
            .filter(|(_, named)| self.is_other(named))
            .map(|((place, _), _)| *place)
            .collect();
        let verdicts = all.iter().zip(ours).enumerate();
        verdicts
            .map(|(place, (labels, ours))| {
                if ours.is_empty() {
                    Verdict::Elsewhere
                } else if others.contains(&place) || self.is_other_environment(labels, &ours) {
                    Verdict::Also
                } else {
                    Verdict::Ours
                }
            })
            .collect()
    }

    /// Components that one label may name are not, or not only, targets: `db-1.lab.example` is more than `db-1` with a
    /// domain when a component is called so.
    fn is_other(&self, named: &[&str]) -> bool {
        let is_target = |name: &str| self.targets.iter().any(|target| target == name);
        let (ours, others): (Vec<&str>, Vec<&str>) = named.iter().partition(|name| is_target(name));
        let is_more = |other: &&str| {
            let rest = ours.iter().filter_map(|ours| other.strip_prefix(ours));
            rest.into_iter().any(|rest| rest.starts_with('.'))
        };
        !others.is_empty() && (ours.is_empty() || others.iter().any(is_more))
    }

    /// The alert says that it came up in another environment than the component of that name stands in.
    fn is_other_environment(&self, labels: &[(String, String)], ours: &[&str]) -> bool {
        let said = labels
            .iter()
            .find(|(name, value)| ENVIRONMENTS.contains(&name.as_str()) && !value.is_empty());
        let Some((_, said)) = said else {
            return false;
        };
        let known = ours
            .iter()
            .filter_map(|name| self.board.components.get(*name));
        let mut known = known.filter(|c| !c.environment.is_empty()).peekable();
        known.peek().is_some() && known.all(|c| !c.environment.eq_ignore_ascii_case(said))
    }
}

fn is_place((name, _): &(String, String)) -> bool {
    PLACES.contains(&name.as_str())
}

/// What a set of labels is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The targets.
    Ours,
    /// A target, and something else by the same or another label.
    Also,
    /// No target.
    Elsewhere,
}

fn at_connector(
    connector: ConnectorName,
    (label, alerts): (&str, &[String]),
    about: &About<'_>,
) -> Muting {
    let mut muting = Muting {
        connector,
        matchers: Vec::new(),
        inside: Vec::new(),
        outside: Vec::new(),
        alerts_outside: 0,
        narrow: Vec::new(),
        monitored: 0,
        missed: Vec::new(),
        rules: Rules::default(),
        unknown: None,
    };
    let board = about.board;
    let system = board.health.get(&muting.connector).map(|h| &h.system);
    let by_label = system.is_some_and(|system| BY_LABEL.contains(&system.as_str()));
    muting.unknown = silent(&muting.connector, board);
    if muting.unknown.is_none() && !by_label && !alerts.is_empty() {
        let what = "it mutes whole components, not single alerts".to_owned();
        muting.unknown = Some(what);
    }
    if by_label {
        let place = touched::matcher(label, about.targets, &board.components);
        muting.matchers = place.into_iter().chain(named(alerts)).collect();
    }
    let matchers = muting.matchers.clone();
    let fits = match Fits::new(&matchers, by_label) {
        Ok(fits) => fits,
        Err(why) => {
            muting.unknown.get_or_insert(why);
            return muting;
        }
    };
    look_at_alerts(&mut muting, &fits, about);
    if by_label {
        rules::look(&mut muting, &matchers, &fits, about);
    }
    // Narrowed to alerts by name, what else such a thing may tell of stays loud.
    if by_label && alerts.is_empty() {
        look_at_monitored(&mut muting, &fits, about);
    }
    muting
}

/// Why what a connector tells is not all there is.
fn silent(connector: &ConnectorName, board: &Board) -> Option<String> {
    let Some(health) = board.health.get(connector) else {
        return Some("it has not answered yet".to_owned());
    };
    match health.liveness {
        Liveness::Never => return Some("it has never answered".to_owned()),
        Liveness::Stale => return Some(format!("it does not answer now: {}", health.last_error)),
        Liveness::Live if !health.last_error.is_empty() => {
            return Some(format!("it tells only a part: {}", health.last_error));
        }
        Liveness::Live => {}
    }
    if health.can.contains(&Ability::MuteUnseen) {
        return Some("its settings filter alerts, and it would mute others too".to_owned());
    }
    let tells = board.alerts.contains_key(connector);
    (!tells).then(|| "it tells of no alerts".to_owned())
}

/// Alerts of these names only.
fn named(alerts: &[String]) -> Option<Matcher> {
    let value = match alerts {
        [] => return None,
        [one] => one.clone(),
        all => {
            let all: Vec<String> = all.iter().map(|name| regex::escape(name)).collect();
            all.join("|")
        }
    };
    Some(Matcher {
        label: "alertname".to_owned(),
        value,
        is_regex: alerts.len() > 1,
        is_equal: true,
    })
}

/// Whether labels fit all matchers; every label does where components are muted.
pub(super) struct Fits<'m> {
    matchers: Vec<(&'m Matcher, Option<Regex>)>,
    by_label: bool,
}

impl<'m> Fits<'m> {
    fn new(matchers: &'m [Matcher], by_label: bool) -> Result<Self, String> {
        let mut all = Vec::with_capacity(matchers.len());
        for matcher in matchers {
            let regex = if matcher.is_regex {
                let anchored = format!("^(?:{})$", matcher.value);
                let built = RegexBuilder::new(&anchored)
                    .size_limit(REGEX_BYTES_MAX)
                    .build();
                Some(built.map_err(|_| "its expression cannot be followed here".to_owned())?)
            } else {
                None
            };
            all.push((matcher, regex));
        }
        Ok(Self {
            matchers: all,
            by_label,
        })
    }

    pub(super) fn are(&self, labels: &[(String, String)], but: Option<&str>) -> bool {
        let of = self.matchers.iter();
        let mut of = of.filter(|(matcher, _)| Some(matcher.label.as_str()) != but);
        of.all(|(matcher, regex)| is_met(matcher, regex.as_ref(), labels))
    }

    /// Whether labels fit one of the matchers.
    pub(super) fn is(&self, matcher: &Matcher, labels: &[(String, String)]) -> bool {
        let mut all = self.matchers.iter();
        let found = all.find(|(one, _)| *one == matcher);
        found.is_some_and(|(one, regex)| is_met(one, regex.as_ref(), labels))
    }
}

fn is_met(matcher: &Matcher, regex: Option<&Regex>, labels: &[(String, String)]) -> bool {
    let found = labels.iter().find(|(name, _)| *name == matcher.label);
    // An absent label is an empty one.
    let value = found.map_or("", |(_, value)| value.as_str());
    let is_it = regex.map_or_else(|| matcher.value == value, |r| r.is_match(value));
    is_it == matcher.is_equal
}

fn look_at_alerts(muting: &mut Muting, fits: &Fits<'_>, about: &About<'_>) {
    let board = about.board;
    let own = board.alerts.get(&muting.connector).into_iter().flatten();
    // What is pending is only known to who judges the rules, and comes here once it fires.
    let pending = board.alerts.iter().filter(|(name, _)| {
        let system = board.health.get(*name).map(|h| h.system.as_str());
        fits.by_label && **name != muting.connector && system == Some(RULES)
    });
    let pending = pending.flat_map(|(_, alerts)| alerts);
    let pending = pending.filter(|alert| alert.state == AlertState::Pending);
    let all: Vec<&Alert> = own.chain(pending).collect();
    let labels: Vec<&[(String, String)]> = all.iter().map(|a| a.labels.as_slice()).collect();
    let (mut ours, mut others) = (BTreeSet::new(), BTreeSet::new());
    for (alert, verdict) in all.iter().zip(about.judge(&labels)) {
        let is_muted = if fits.by_label {
            fits.are(&alert.labels, None)
        } else {
            verdict != Verdict::Elsewhere
        };
        match (is_muted, verdict) {
            (true, Verdict::Ours) => {
                muting.inside.push(name_of(alert));
                ours.insert(alert.name.clone());
            }
            (true, _) => {
                muting.outside.push(name_of(alert));
                others.insert(alert.name.clone());
            }
            (false, Verdict::Ours) => muting.missed.push(name_of(alert)),
            (false, _) => {}
        }
    }
    for list in [&mut muting.inside, &mut muting.outside, &mut muting.missed] {
        list.sort();
        list.dedup();
    }
    muting.alerts_outside = muting.outside.len();
    let narrow = ours.difference(&others).filter(|name| !name.is_empty());
    muting.narrow = narrow.take(ALERTS_MAX).cloned().collect();
}

/// Whatever fires for a monitored thing has its labels.
fn look_at_monitored(muting: &mut Muting, fits: &Fits<'_>, about: &About<'_>) {
    let targets = about.board.targets.values().flatten();
    let muted: Vec<_> = targets
        .filter(|target| fits.are(&target.labels, Some("alertname")))
        .collect();
    let labels: Vec<&[(String, String)]> = muted.iter().map(|t| t.labels.as_slice()).collect();
    let mut outside = BTreeSet::new();
    for (target, verdict) in muted.iter().zip(about.judge(&labels)) {
        if verdict == Verdict::Ours {
            muting.monitored = muting.monitored.saturating_add(1);
        } else {
            let name = format!("all of job {} at {}", target.job, target.instance);
            outside.insert(short(&name));
        }
    }
    muting.outside.extend(outside);
}

/// `InstanceDown instance=db-1:9100 (firing)`
fn name_of(alert: &Alert) -> String {
    let place = alert.labels.iter().find(|label| is_place(label));
    let place = place.map_or_else(String::new, |(name, value)| format!(" {name}={value}"));
    let environment = alert
        .labels
        .iter()
        .find(|(name, _)| ENVIRONMENTS.contains(&name.as_str()));
    let environment =
        environment.map_or_else(String::new, |(name, value)| format!(" {name}={value}"));
    let state = match alert.state {
        AlertState::Pending => "pending",
        AlertState::Firing => "firing",
    };
    short(&format!("{}{place}{environment} ({state})", alert.name))
}

pub(super) fn short(text: &str) -> String {
    text.chars().take(NAME_CHARS_MAX).collect()
}
