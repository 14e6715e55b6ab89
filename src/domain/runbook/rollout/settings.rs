//! The keys of a `toml phase` block that make templates of its steps.

use super::super::codes;
use super::super::diagnostic::{Diagnostic, Problems, quoted};
use super::super::limits::UNITS_MAX;
use super::super::plan::{Side, Strategy};
use super::super::source::{Located, Mapped};
use super::super::tree::Value;
use super::super::value::{choice, connector, number, positive_span, whole};
use crate::domain::id::ConnectorName;
use crate::domain::selector::is_selector;
use std::ops::Range;
use std::time::Duration;

/// All of them, in the order in which messages list them.
pub(in crate::domain::runbook) const KEYS: [&str; 16] = [
    "for_each",
    "strategy",
    "batch",
    "pause",
    "max_failed",
    "floor",
    "canary",
    "soak",
    "compare",
    "compare_by",
    "max_ratio",
    "max_difference",
    "source",
    "blue",
    "green",
    "idle",
];

/// Keys that only a canary has.
const CANARY_KEYS: [&str; 6] = [
    "canary",
    "soak",
    "compare",
    "compare_by",
    "max_ratio",
    "max_difference",
];
/// Keys that only two sides have.
const SIDE_KEYS: [&str; 3] = ["blue", "green", "idle"];
/// Keys that hold work back, or need work that goes forward.
const FORWARD_KEYS: [&str; 4] = ["pause", "max_failed", "floor", "strategy"];

const STRATEGIES: [(&str, Strategy); 3] = [
    ("rolling", Strategy::Rolling),
    ("canary", Strategy::Canary),
    ("blue-green", Strategy::BlueGreen),
];
const SIDES: [(&str, Side); 2] = [("blue", Side::Blue), ("green", Side::Green)];

/// A number of units, or a part of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portion {
    /// So many.
    Count(u32),
    /// So many of a hundred, 1 to 100.
    Percent(u32),
}

impl Portion {
    /// Units of `all`: one at least, and a part of a unit counts as none, since fewer at a time is safer.
    pub const fn of(self, all: usize) -> usize {
        let part = match self {
            Self::Count(count) => count as usize,
            Self::Percent(percent) => all.saturating_mul(percent as usize) / 100,
        };
        if part == 0 { 1 } else { part }
    }
}

/// What the block says, nothing resolved yet.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutSettings {
    /// Names and selectors.
    pub for_each: Vec<Located<String>>,
    /// How the units follow each other.
    pub strategy: Strategy,
    /// Units of one batch; one when absent.
    pub batch: Option<Located<Portion>>,
    /// Wait between batches.
    pub pause: Option<Duration>,
    /// Units that may fail.
    pub max_failed: u32,
    /// What must stay in service, comparison included.
    pub floor: Option<Mapped>,
    /// Units of the canary.
    pub canary: Option<Located<Portion>>,
    /// Wait behind the canary.
    pub soak: Option<Duration>,
    /// What the canary is held against the rest by.
    pub compare: Option<Mapped>,
    /// Label that names a unit.
    pub compare_by: Option<String>,
    /// Limit as a ratio.
    pub max_ratio: Option<f64>,
    /// Limit as a difference.
    pub max_difference: Option<f64>,
    /// Metrics connector.
    pub source: Option<ConnectorName>,
    /// Names and selectors of one side.
    pub blue: Vec<Located<String>>,
    /// Names and selectors of the other side.
    pub green: Vec<Located<String>>,
    /// The side that takes no traffic.
    pub idle: Option<Side>,
    /// Info string of the block.
    pub span: Range<usize>,
    /// Keys that were written, each with its place.
    given: Vec<Located<String>>,
}

impl RolloutSettings {
    pub(in crate::domain::runbook) const fn new(span: Range<usize>) -> Self {
        Self {
            for_each: Vec::new(),
            strategy: Strategy::Rolling,
            batch: None,
            pause: None,
            max_failed: 0,
            floor: None,
            canary: None,
            soak: None,
            compare: None,
            compare_by: None,
            max_ratio: None,
            max_difference: None,
            source: None,
            blue: Vec::new(),
            green: Vec::new(),
            idle: None,
            span,
            given: Vec::new(),
        }
    }

    /// Every name and selector in it.
    pub fn targets(&self) -> impl Iterator<Item = &Located<String>> {
        self.for_each.iter().chain(&self.blue).chain(&self.green)
    }

    /// Takes one entry of the block; `key` is one of [`KEYS`].
    pub(in crate::domain::runbook) fn take(
        &mut self,
        key: &Located<String>,
        value: &Value,
        problems: &mut Problems,
    ) {
        self.given.push(key.clone());
        match key.value.as_str() {
            "for_each" => self.for_each = targets(value, problems),
            "blue" => self.blue = targets(value, problems),
            "green" => self.green = targets(value, problems),
            name => {
                if let Some(text) = value.scalar(problems) {
                    self.take_scalar(name, text, problems);
                }
            }
        }
    }

    fn take_scalar(&mut self, name: &str, text: &Located<String>, problems: &mut Problems) {
        let expression = || Some(Mapped::at(text.value.trim(), text.span.clone()));
        match name {
            "strategy" => self.strategy = choice(text, &STRATEGIES, problems).unwrap_or_default(),
            "batch" => self.batch = portion(text, problems),
            "canary" => self.canary = portion(text, problems),
            "pause" => self.pause = positive_span(text, problems),
            "soak" => self.soak = positive_span(text, problems),
            "max_failed" => {
                let most = u32::try_from(UNITS_MAX).unwrap_or(u32::MAX);
                self.max_failed = whole(text, most, problems).unwrap_or_default();
            }
            "floor" => self.floor = expression(),
            "compare" => self.compare = expression(),
            "compare_by" => self.compare_by = Some(text.value.trim().to_owned()),
            "max_ratio" => self.max_ratio = positive(text, problems),
            "max_difference" => self.max_difference = positive(text, problems),
            "source" => self.source = connector(text, problems),
            _ => self.idle = choice(text, &SIDES, problems),
        }
    }

    fn place(&self, key: &str) -> Option<&Range<usize>> {
        let given = self.given.iter().find(|known| known.value == key);
        given.map(|key| &key.span)
    }

    fn refuse(&self, keys: &[&str], why: &str, hint: &str, problems: &mut Problems) {
        for key in keys {
            if let Some(span) = self.place(key) {
                let what = format!("`{key}` {why}");
                problems.push(Diagnostic::error(codes::ROLLOUT, span, what).hint(hint));
            }
        }
    }

    fn want(&self, keys: &[&str], hint: &str, problems: &mut Problems) {
        let word = self.strategy.as_str();
        for key in keys.iter().filter(|key| self.place(key).is_none()) {
            let what = format!("a phase with the strategy `{word}` needs `{key}`");
            problems.push(Diagnostic::error(codes::ROLLOUT, &self.span, what).hint(hint));
        }
    }

    /// What goes together and what does not.
    pub(in crate::domain::runbook) fn check(&self, is_rollback: bool, problems: &mut Problems) {
        if is_rollback {
            let why = "has no effect on a back-out plan: nothing holds the way back";
            self.refuse(
                &FORWARD_KEYS,
                why,
                "remove it; `for_each` and `batch` may stay",
                problems,
            );
        }
        if self.strategy == Strategy::BlueGreen {
            let hint = "`blue` and `green` name the two sides, and `idle` the one without traffic";
            self.want(&SIDE_KEYS, hint, problems);
            self.refuse(
                &["for_each", "floor"],
                "does not go with two sides",
                hint,
                problems,
            );
        } else {
            let hint = "say what the steps are done to: `for_each = \"role=orders-db\"`, or a list of names";
            self.want(&["for_each"], hint, problems);
            let hint = "write `strategy = \"blue-green\"`";
            self.refuse(
                &SIDE_KEYS,
                "is for the strategy `blue-green`",
                hint,
                problems,
            );
        }
        if self.strategy == Strategy::Canary {
            let hint =
                "`canary = 1` is how many go first, `soak = \"10m\"` how long they are watched";
            self.want(&["canary", "soak"], hint, problems);
        } else {
            let hint = "write `strategy = \"canary\"`";
            self.refuse(&CANARY_KEYS, "is for the strategy `canary`", hint, problems);
        }
        if self.compare.is_none() {
            let keys = ["compare_by", "max_ratio", "max_difference"];
            let hint = "write the query: `compare = \"rate(errors_total[1m])\"`";
            self.refuse(&keys, "needs `compare`", hint, problems);
        }
        if self.max_ratio.is_some() {
            let hint = "keep one of them";
            self.refuse(
                &["max_difference"],
                "and `max_ratio` are two limits",
                hint,
                problems,
            );
        }
    }
}

/// A selector, or a list of names and selectors.
fn targets(value: &Value, problems: &mut Problems) -> Vec<Located<String>> {
    let list = match value {
        Value::Scalar(text) => {
            if is_selector(&text.value) || text.value.contains("{{") {
                return vec![text.clone()];
            }
            let what = format!("{} is no selector", quoted(&text.value));
            problems.push(Diagnostic::error(codes::BAD_VALUE, &text.span, what).hint(
                "write a selector such as `role=orders-db,site=fra*`, or names in a list: `[\"db-1\", \"db-2\"]`",
            ));
            return Vec::new();
        }
        Value::List(..) | Value::Table(..) => value.list(problems),
    };
    if list.is_empty() && matches!(value, Value::List(..)) {
        let what = "an empty list: these steps would be done to nothing";
        problems.push(
            Diagnostic::error(codes::SELECTION, value.span(), what)
                .hint("name components, or write a selector"),
        );
    }
    let texts = list.iter().filter_map(|item| item.scalar(problems));
    texts.cloned().collect()
}

/// `3`, `25%`.
fn portion(text: &Located<String>, problems: &mut Problems) -> Option<Located<Portion>> {
    let written = text.value.trim();
    let number = |digits: &str, most: usize| {
        let found = digits.trim().parse::<u32>().ok();
        found.filter(|n| *n > 0 && usize::try_from(*n).is_ok_and(|n| n <= most))
    };
    let found = match written.strip_suffix('%') {
        Some(digits) => number(digits, 100).map(Portion::Percent),
        None => number(written, UNITS_MAX).map(Portion::Count),
    };
    if found.is_none() {
        let what = format!("{} is no number of units", quoted(written));
        problems.push(
            Diagnostic::error(codes::BAD_VALUE, &text.span, what)
                .hint("write a count such as `2`, or a part such as `\"25%\"`"),
        );
    }
    found.map(|portion| Located::new(portion, text.span.clone()))
}

fn positive(text: &Located<String>, problems: &mut Problems) -> Option<f64> {
    let found = number(&text.value).filter(|value| *value >= 0.0);
    if found.is_none() {
        let what = format!("{} is no number from 0", quoted(&text.value));
        problems.push(
            Diagnostic::error(codes::BAD_VALUE, &text.span, what)
                .hint("write a number: `max_ratio = 1.5`"),
        );
    }
    found
}
