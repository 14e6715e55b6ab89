//! What the lines of a page say of each other: metadata, order, and what a type asks of its samples.
//!
//! The text form asks for little; OpenMetrics for much, and what breaks its rules is told though most of it can be read.
//!
//! Source: Prometheus "Exposition formats", text format 0.0.4; OpenMetrics 1.0, "Overall Structure", "Metric Types".

use super::group::Group;
use super::line::{Line, is_exemplar, is_metric_name};
use super::{Form, LineError, Page};
use std::collections::{HashMap, HashSet};

/// Type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    #[default]
    Unknown,
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
}

impl Kind {
    fn parse(word: &str, form: Form) -> Option<Self> {
        Some(match word {
            "unknown" => Self::Unknown,
            "untyped" if form == Form::Text => Self::Unknown,
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "gaugehistogram" => Self::GaugeHistogram,
            "summary" => Self::Summary,
            "info" => Self::Info,
            "stateset" => Self::StateSet,
            _ => return None,
        })
    }

    /// What may follow the family's name in names of its samples.
    const fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Unknown | Self::Gauge | Self::StateSet => &[""],
            Self::Counter => &["_total", "_created"],
            Self::Histogram => &["_bucket", "_count", "_sum", "_created"],
            Self::GaugeHistogram => &["_bucket", "_gcount", "_gsum"],
            Self::Summary => &["", "_count", "_sum", "_created"],
            Self::Info => &["_info"],
        }
    }
}

/// What is known of one family.
#[derive(Debug, Default)]
struct Family {
    kind: Kind,
    has_type: bool,
    has_help: bool,
    has_unit: bool,
    /// Line of its first sample.
    sampled: Option<usize>,
}

/// All families of a page so far.
pub(super) struct Families<'a> {
    form: Form,
    known: HashMap<&'a str, Family>,
    /// Sample names that belong to a family, in OpenMetrics; names of samples that came, in text.
    taken: HashSet<String>,
    current: &'a str,
    group: Option<Group>,
    /// Label sets of the current family that are over.
    groups: HashSet<String>,
    /// In text: the name of the last sample, and the label of it that must be a number.
    last: (&'a str, Option<&'static str>),
}

impl<'a> Families<'a> {
    pub(super) fn new(form: Form) -> Self {
        Self {
            form,
            known: HashMap::new(),
            taken: HashSet::new(),
            current: "",
            group: None,
            groups: HashSet::new(),
            last: ("", None),
        }
    }

    /// Whether the metric is known to go up and down.
    pub(super) fn is_gauge(&self, name: &str) -> bool {
        self.known
            .get(name)
            .is_some_and(|family| family.kind == Kind::Gauge)
    }

    /// Takes in a line after its `#`.
    pub(super) fn comment(&mut self, comment: &'a str, line: usize, page: &mut Page) {
        let outcome = match self.form {
            Form::Text => self.text_comment(comment),
            Form::OpenMetrics => self.open_comment(comment, line, page),
        };
        if let Err((why, name)) = outcome {
            page.refuse(line, why, name);
        }
    }

    /// Type lines and second help lines mean something in the text form; all else is a comment.
    fn text_comment(&mut self, comment: &'a str) -> Result<(), (LineError, Option<&'a str>)> {
        let mut words = comment.split([' ', '\t']).filter(|word| !word.is_empty());
        let word = words.next();
        if !comment.starts_with([' ', '\t']) {
            return Ok(());
        }
        match word {
            Some("HELP") => {
                let Some(name) = words.next() else {
                    return Ok(());
                };
                let family = self.known.entry(name).or_default();
                if std::mem::replace(&mut family.has_help, true) {
                    return Err((LineError::MetadataTwice, Some(name)));
                }
            }
            Some("TYPE") => {
                let name = words.next().filter(|name| is_metric_name(name));
                let kind = words.next().and_then(|word| Kind::parse(word, Form::Text));
                let (Some(found), Some(kind), None) = (name, kind, words.next()) else {
                    return Err((LineError::Type, name));
                };
                let family = self.known.entry(found).or_default();
                family.kind = kind;
                if std::mem::replace(&mut family.has_type, true) {
                    return Err((LineError::MetadataTwice, name));
                }
                let mut suffixes = ["", "_bucket", "_sum", "_count"].iter();
                if suffixes.any(|suffix| self.taken.contains(&format!("{found}{suffix}"))) {
                    return Err((LineError::MetadataLate, name));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn open_comment(
        &mut self,
        comment: &'a str,
        line: usize,
        page: &mut Page,
    ) -> Result<(), (LineError, Option<&'a str>)> {
        let mut words = comment.splitn(4, ' ').skip(1);
        let (word, name, text) = (words.next(), words.next(), words.next());
        let name = name.filter(|name| is_metric_name(name));
        let is_known = matches!(word, Some("TYPE" | "HELP" | "UNIT")) && comment.starts_with(' ');
        let (true, Some(found), Some(text)) = (is_known, name, text) else {
            let why = match word {
                Some("TYPE") => LineError::Type,
                _ => LineError::Metadata,
            };
            return Err((why, name));
        };
        let err = |why| (why, name);
        let again = if self.current == found {
            Ok(())
        } else {
            self.begin(found, line, page)
        };
        let family = self.known.entry(found).or_default();
        let seen = match word {
            Some("TYPE") => &mut family.has_type,
            Some("HELP") => &mut family.has_help,
            _ => &mut family.has_unit,
        };
        let is_twice = std::mem::replace(seen, true);
        match word {
            Some("TYPE") => {
                family.kind = Kind::parse(text, self.form).ok_or(err(LineError::Type))?;
            }
            Some("UNIT") if !text.is_empty() && !has_unit(found, text) => {
                return Err(err(LineError::Unit));
            }
            _ => {}
        }
        if is_twice {
            return Err(err(LineError::MetadataTwice));
        }
        if family.sampled.is_some() {
            return Err(err(LineError::MetadataLate));
        }
        if family.has_unit && matches!(family.kind, Kind::Info | Kind::StateSet) {
            return Err(err(LineError::Unit));
        }
        let kind = family.kind;
        again.map_err(err)?;
        if word == Some("TYPE") {
            self.take_names(found, kind).map_err(err)
        } else {
            Ok(())
        }
    }

    /// Begins a family; what belongs to the one before is over.
    fn begin(&mut self, name: &'a str, line: usize, page: &mut Page) -> Result<(), LineError> {
        self.end(line.saturating_sub(1), page);
        self.current = name;
        self.groups.clear();
        if self.known.contains_key(name) || self.taken.contains(name) {
            return Err(LineError::Order);
        }
        self.known.insert(name, Family::default());
        Ok(())
    }

    /// Sample names of a family belong to it alone, and so does its own name.
    fn take_names(&mut self, name: &str, kind: Kind) -> Result<(), LineError> {
        let mut clash = false;
        let own = kind.suffixes().iter().filter(|suffix| !suffix.is_empty());
        for suffix in own {
            clash |= !self.taken.insert(format!("{name}{suffix}"));
        }
        clash |= !self.taken.insert(name.to_owned());
        if clash { Err(LineError::Order) } else { Ok(()) }
    }

    /// Takes in a sample; `labels` are its pairs.
    pub(super) fn sample(
        &mut self,
        sample: &Line<'a>,
        labels: &[(&'a str, &'a str)],
        line: usize,
        page: &mut Page,
    ) {
        let outcome = match self.form {
            Form::Text => self.text_sample(sample, labels),
            Form::OpenMetrics => self.open_sample(sample, labels, line, page),
        };
        if let Err(why) = outcome {
            page.refuse(line, why, Some(sample.name));
        }
    }

    fn text_sample(&mut self, sample: &Line<'a>, labels: &[(&str, &str)]) -> Result<(), LineError> {
        if self.last.0 != sample.name {
            if !self.taken.contains(sample.name) {
                self.taken.insert(sample.name.to_owned());
            }
            let kind_of = |name: &str| self.known.get(name).map(|family| family.kind);
            let bucket_of = sample.name.strip_suffix("_bucket");
            let label = if bucket_of.and_then(kind_of) == Some(Kind::Histogram) {
                Some("le")
            } else if kind_of(sample.name) == Some(Kind::Summary) {
                Some("quantile")
            } else {
                None
            };
            self.last = (sample.name, label);
        }
        let Some(label) = self.last.1 else {
            return Ok(());
        };
        match labels.iter().find(|(name, _)| *name == label) {
            Some((_, value)) if value.parse::<f64>().is_err() => Err(LineError::Bound),
            _ => Ok(()),
        }
    }

    fn open_sample(
        &mut self,
        sample: &Line<'a>,
        labels: &[(&'a str, &'a str)],
        line: usize,
        page: &mut Page,
    ) -> Result<(), LineError> {
        let suffix = self.suffix(sample.name);
        if suffix.is_none() {
            self.begin(sample.name, line, page)?;
            self.take_names(sample.name, Kind::Unknown)?;
        }
        let suffix = suffix.unwrap_or("");
        let Some(family) = self.known.get_mut(self.current) else {
            return Ok(());
        };
        family.sampled.get_or_insert(line);
        let kind = family.kind;
        if !sample.is_tight {
            return Err(LineError::Blanks);
        }
        if let Some(exemplar) = sample.exemplar {
            let may = matches!(
                (kind, suffix),
                (Kind::Counter, "_total") | (Kind::Histogram | Kind::GaugeHistogram, "_bucket")
            );
            if !may || !is_exemplar(exemplar) {
                return Err(LineError::Exemplar);
            }
        }
        let bound = check_labels(kind, suffix, self.current, labels)?;
        check_value(kind, suffix, sample.number)?;
        let key = key_of(kind, self.current, labels);
        let group = match self.group.take() {
            Some(group) if group.key() == key => group,
            over => {
                self.close(over, line, page);
                if self.groups.contains(&key) {
                    return Err(LineError::Order);
                }
                Group::new(key, kind)
            }
        };
        self.group.insert(group).take_in(suffix, sample, bound)
    }

    /// What follows the current family's name in this sample's, when it may.
    fn suffix(&self, name: &'a str) -> Option<&'a str> {
        let suffix = name.strip_prefix(self.current)?;
        let family = self.known.get(self.current)?;
        family.kind.suffixes().contains(&suffix).then_some(suffix)
    }

    fn close(&mut self, group: Option<Group>, line: usize, page: &mut Page) {
        let Some(group) = group else { return };
        if let Err(why) = group.check() {
            let name = format!("{}_bucket", self.current);
            page.refuse(line.saturating_sub(1), why, Some(&name));
        }
        self.groups.insert(group.into_key());
    }

    /// Ends the last family.
    pub(super) fn end(&mut self, line: usize, page: &mut Page) {
        let group = self.group.take();
        self.close(group, line.saturating_add(1), page);
    }
}

fn has_unit(name: &str, unit: &str) -> bool {
    name.strip_suffix(unit)
        .is_some_and(|rest| rest.ends_with('_'))
}

/// The label that tells samples of one point apart.
fn own_label(kind: Kind, family: &str) -> Option<&str> {
    match kind {
        Kind::Histogram | Kind::GaugeHistogram => Some("le"),
        Kind::Summary => Some("quantile"),
        Kind::StateSet => Some(family),
        Kind::Unknown | Kind::Counter | Kind::Gauge | Kind::Info => None,
    }
}

/// Labels of a point as one text, without the one that tells its samples apart.
fn key_of(kind: Kind, family: &str, labels: &[(&str, &str)]) -> String {
    let own = own_label(kind, family);
    let mut key = String::with_capacity(64);
    for (name, value) in labels.iter().filter(|(name, _)| Some(*name) != own) {
        key.extend([name, "=", value, "\n"]);
    }
    key
}

/// Checks the label that a type asks for; gives the bound of a bucket.
fn check_labels(
    kind: Kind,
    suffix: &str,
    family: &str,
    labels: &[(&str, &str)],
) -> Result<f64, LineError> {
    let own = own_label(kind, family);
    let value = labels
        .iter()
        .find(|(name, _)| Some(*name) == own)
        .map(|(_, value)| *value);
    let number = value.and_then(|value| value.parse::<f64>().ok());
    match (kind, suffix) {
        (Kind::Histogram | Kind::GaugeHistogram, "_bucket") => number
            .filter(|bound| !bound.is_nan())
            .ok_or(LineError::Bound),
        (Kind::Summary, "") => number
            .filter(|quantile| (0.0..=1.0).contains(quantile))
            .ok_or(LineError::Bound),
        (Kind::StateSet, _) if value.is_none() => Err(LineError::Bound),
        _ => Ok(0.0),
    }
}

/// Checks what values a type allows.
#[expect(clippy::float_cmp, reason = "one and zero are exact")]
fn check_value(kind: Kind, suffix: &str, value: f64) -> Result<(), LineError> {
    let is_count = !value.is_nan() && value >= 0.0;
    let may = match (kind, suffix) {
        (Kind::Unknown | Kind::Gauge, _) | (_, "_created") => true,
        (Kind::GaugeHistogram, "_gsum") => !value.is_nan(),
        (Kind::Summary, "") => value.is_nan() || value >= 0.0,
        (Kind::Counter | Kind::Histogram | Kind::GaugeHistogram | Kind::Summary, _) => is_count,
        (Kind::Info, _) => value == 1.0,
        (Kind::StateSet, _) => value == 0.0 || value == 1.0,
    };
    if may {
        Ok(())
    } else {
        Err(LineError::Impossible)
    }
}
