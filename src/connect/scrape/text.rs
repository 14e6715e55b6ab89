//! Text exposition, read through `prometheus-parse` behind a shield.
//!
//! That crate leaves out without a word what it does not expect (names with `:`, `}` or `,` or `=` in label values,
//! escapes, empty braces), groups histograms in random order, and falls back to the present for time stamps it cannot read.
//! So each line is taken apart and checked here first. What passes is handed over with stand-ins for those characters and
//! with its time stamp written out, and without type lines, so that every sample comes back alone and in order. Only lines of
//! wanted metrics are handed over: the check is many times faster than the crate.
//!
//! Source: Prometheus "Exposition formats", text format 0.0.4; OpenMetrics 1.0.

mod family;
mod group;
mod line;

pub(super) use line::{is_label_name, is_metric_name};

use crate::domain::time::Timestamp;
use family::Families;
use line::{Line, skip_blanks, split_sample};
use std::collections::BTreeSet;

/// Refused lines that are kept to be shown; the rest is counted.
const REFUSED_MAX: usize = 20;
/// Stands for `:` in names, which the crate's names do not have. A letter to it, but never part of a real name.
const COLON: char = '\u{2d0}';
/// Begins a stand-in in label values; the next character says which.
const STAND_IN: char = '\u{e000}';
/// Characters that mean something to the crate, and what stands for them after [`STAND_IN`].
const STAND_INS: [(char, char); 5] = [
    (',', 'c'),
    ('=', 'e'),
    ('}', 'b'),
    ('"', 'q'),
    (STAND_IN, 'x'),
];

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct TextSample {
    /// Metric name, suffixes such as `_bucket` included.
    pub name: String,
    /// Label pairs, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Value.
    pub value: f64,
    /// The line's own time stamp, else the time of arrival.
    pub at: Timestamp,
    /// Whether the line has a time stamp of its own.
    pub is_stamped: bool,
}

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text format 0.0.4 of Prometheus.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Form {
    /// The form that a `Content-Type` names; text where it names neither, as Prometheus reads it.
    pub fn of(content_type: &str) -> Self {
        let name = content_type.split(';').next().unwrap_or_default().trim();
        if name.eq_ignore_ascii_case("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }
}

/// Why a line was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The metric name is missing or has other characters.
    #[error("no metric name")]
    Name,
    /// The braces do not hold `name="value"` pairs.
    #[error("malformed labels")]
    Labels,
    /// A label comes twice, or is `__name__`.
    #[error("a label comes twice or is reserved")]
    LabelTwice,
    /// A backslash before another character than `\`, `"` or `n`.
    #[error("unknown escape in a label value")]
    Escape,
    /// The value is no number.
    #[error("the value is no number")]
    Value,
    /// The time stamp is no whole number of milliseconds (OpenMetrics: no number of seconds).
    #[error("malformed time stamp")]
    Time,
    /// More than value and time stamp.
    #[error("text after the sample")]
    Rest,
    /// The last line has no line feed: the text may be cut in a number.
    #[error("the text ends within a line")]
    Cut,
    /// OpenMetrics without its end: the text is cut.
    #[error("the text ends without `# EOF`")]
    NoEof,
    /// Something follows `# EOF`.
    #[error("text after `# EOF`")]
    AfterEof,
    /// A series comes twice with different values.
    #[error("the series comes twice")]
    Twice,
    /// A type asks for another value: a counter below zero, a state of two.
    #[error("a value that its type does not allow")]
    Impossible,
    /// Buckets that do not grow, or do not fit count and sum.
    #[error("buckets that do not fit each other")]
    Buckets,
    /// `le`, `quantile` or the label of a state is missing or is no such number.
    #[error("the label that its type asks for is missing or wrong")]
    Bound,
    /// `# TYPE` with an unknown type or a malformed name.
    #[error("malformed type line")]
    Type,
    /// A line that begins with `#` and is none of OpenMetrics.
    #[error("malformed metadata")]
    Metadata,
    /// A second type, help or unit of one metric.
    #[error("metadata that comes twice")]
    MetadataTwice,
    /// Type, help or unit after the first sample.
    #[error("metadata after its samples")]
    MetadataLate,
    /// A unit that is not the end of the name, or of a type that has none.
    #[error("a unit that does not fit its metric")]
    Unit,
    /// Samples of one metric or label set do not stand together, or go back in time.
    #[error("out of order")]
    Order,
    /// An exemplar that is malformed or not allowed there.
    #[error("malformed exemplar")]
    Exemplar,
    /// Blanks or empty lines where OpenMetrics has none.
    #[error("blanks that do not belong there")]
    Blanks,
}

impl LineError {
    /// Whether a sample is missing or must not be trusted because of it. The others break a rule of the form, and cost
    /// nothing that was measured.
    pub const fn is_loss(self) -> bool {
        !matches!(
            self,
            Self::Type
                | Self::Metadata
                | Self::MetadataTwice
                | Self::MetadataLate
                | Self::Unit
                | Self::Order
                | Self::Exemplar
                | Self::Blanks
        )
    }
}

/// A line that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Line number, from 1.
    pub line: usize,
    /// Why.
    pub why: LineError,
    /// The metric it is about, where that could be read.
    pub name: Option<String>,
}

/// A page of text exposition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Samples of wanted metrics, sorted by name and labels.
    pub samples: Vec<TextSample>,
    /// Wanted metrics that are gauges by their type line.
    pub gauges: BTreeSet<String>,
    /// The first refused lines.
    pub refused: Vec<Refused>,
    /// How many more were refused.
    pub refused_more: usize,
    /// One of those that were only counted cost a sample, of whatever metric.
    is_more_lost: bool,
}

/// The crate behind the shield gave back something else than it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`prometheus-parse` lost samples")]
pub struct LostSamples;

/// What one line is.
enum Item<'a> {
    Nothing,
    End,
    Comment(&'a str),
    Sample(Line<'a>),
}

/// Reads a page; `wanted` says which metric names are of interest. Lines without a time stamp get `received`.
///
/// # Errors
/// [`LostSamples`] when the shield has a hole; malformed lines are no error but in [`Page::refused`].
pub fn parse(
    text: &str,
    form: Form,
    received: Timestamp,
    wanted: impl Fn(&str) -> bool,
) -> Result<Page, LostSamples> {
    let mut page = Page::default();
    let mut families = Families::new(form);
    let mut handed = Vec::new();
    let mut marks = Vec::new();
    let mut labels = Vec::new();
    let mut ended = false;
    let mut number = 0;
    for line in text.split_inclusive('\n') {
        number += 1;
        if ended {
            page.refuse(number, LineError::AfterEof, None);
            continue;
        }
        match read_line(line, form, &mut labels) {
            Ok((item, is_neat)) => {
                if !is_neat {
                    page.refuse(number, LineError::Blanks, None);
                }
                match item {
                    Item::Nothing => {}
                    Item::End => ended = true,
                    Item::Comment(comment) => families.comment(comment, number, &mut page),
                    Item::Sample(sample) => {
                        families.sample(&sample, &labels, number, &mut page);
                        if wanted(sample.name) {
                            if families.is_gauge(sample.name) && !page.gauges.contains(sample.name)
                            {
                                page.gauges.insert(sample.name.to_owned());
                            }
                            marks.push((number, sample.at.is_some()));
                            handed.push(hand_over(&sample, &labels, form, received));
                        }
                    }
                }
            }
            Err((why, name)) => page.refuse(number, why, name),
        }
    }
    families.end(number, &mut page);
    if form == Form::OpenMetrics && !ended {
        page.refuse(number.max(1), LineError::NoEof, None);
    }
    let samples = read_back(handed, &marks)?;
    page.keep(samples);
    Ok(page)
}

/// Reads one line; says too whether its blanks are where the form has them.
fn read_line<'a>(
    line: &'a str,
    form: Form,
    labels: &mut Vec<(&'a str, &'a str)>,
) -> Result<(Item<'a>, bool), (LineError, Option<&'a str>)> {
    let whole = line.strip_suffix('\n');
    let full = whole.unwrap_or(line);
    let body = skip_blanks(full);
    let is_open = form == Form::OpenMetrics;
    let is_neat = !is_open || (body.len() == full.len() && !body.is_empty());
    let item = if body.is_empty() {
        Item::Nothing
    } else if let Some(comment) = body.strip_prefix('#') {
        if is_open && comment == " EOF" {
            Item::End
        } else {
            Item::Comment(comment)
        }
    } else if whole.is_none() {
        return Err((LineError::Cut, None));
    } else {
        Item::Sample(split_sample(body, form, labels)?)
    };
    Ok((item, is_neat))
}

/// Has the crate read what was handed over; `marks` are line number and whether there was a time stamp.
fn read_back(
    handed: Vec<String>,
    marks: &[(usize, bool)],
) -> Result<Vec<(usize, TextSample)>, LostSamples> {
    let scrape =
        prometheus_parse::Scrape::parse(handed.into_iter().map(Ok)).map_err(|_| LostSamples)?;
    if scrape.samples.len() != marks.len() {
        return Err(LostSamples);
    }
    let pairs = scrape.samples.iter().zip(marks);
    let samples = pairs.map(|(sample, (line, is_stamped))| {
        let sample = take_back(sample)?;
        Some((
            *line,
            TextSample {
                is_stamped: *is_stamped,
                ..sample
            },
        ))
    });
    samples.collect::<Option<_>>().ok_or(LostSamples)
}

impl Page {
    fn refuse(&mut self, line: usize, why: LineError, name: Option<&str>) {
        if self.refused.len() < REFUSED_MAX {
            let name = name.map(str::to_owned);
            self.refused.push(Refused { line, why, name });
        } else {
            self.refused_more += 1;
            self.is_more_lost |= why.is_loss();
        }
    }

    /// Keeps the newest sample of each series. One that comes twice at the same time is two answers to one question.
    fn keep(&mut self, mut samples: Vec<(usize, TextSample)>) {
        samples
            .sort_by(|(_, a), (_, b)| (&a.name, &a.labels, a.at).cmp(&(&b.name, &b.labels, b.at)));
        for (line, sample) in samples {
            let last = self.samples.last_mut();
            match last.filter(|last| (&last.name, &last.labels) == (&sample.name, &sample.labels)) {
                Some(last) if last.at == sample.at => {
                    if last.value.to_bits() != sample.value.to_bits() {
                        self.refuse(line, LineError::Twice, Some(&sample.name));
                    }
                }
                Some(last) => *last = sample,
                None => self.samples.push(sample),
            }
        }
    }

    /// The first refused line that may have cost a sample of `name`.
    pub fn refused_of(&self, name: &str) -> Option<&Refused> {
        let of_name = |refused: &&Refused| {
            let is_of = refused.name.as_deref().is_none_or(|other| other == name);
            refused.why.is_loss() && is_of
        };
        // Lines that were only counted may be of any name.
        self.refused
            .iter()
            .find(of_name)
            .or_else(|| self.refused.last().filter(|_| self.is_more_lost))
    }
}

/// Writes a line for the crate.
fn hand_over(
    sample: &Line<'_>,
    labels: &[(&str, &str)],
    form: Form,
    received: Timestamp,
) -> String {
    let mut line = String::with_capacity(128);
    line.extend(
        sample
            .name
            .chars()
            .map(|c| if c == ':' { COLON } else { c }),
    );
    for (n, (name, value)) in labels.iter().enumerate() {
        line.push(if n == 0 { '{' } else { ',' });
        line.push_str(name);
        line.push_str("=\"");
        disguise(value, form, &mut line);
        line.push('"');
    }
    line.push_str(if labels.is_empty() { " " } else { "} " });
    line.push_str(sample.value);
    line.push(' ');
    line.push_str(&sample.at.unwrap_or(received).as_millis().to_string());
    line
}

/// Writes a label value without escapes and with stand-ins.
fn disguise(value: &str, form: Form, line: &mut String) {
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let c = if c == '\\' {
            match chars.next() {
                Some('n') => '\n',
                Some(plain @ ('\\' | '"')) => plain,
                // OpenMetrics keeps a backslash that escapes nothing.
                Some(other) if form == Form::OpenMetrics => {
                    line.push('\\');
                    other
                }
                _ => '\\',
            }
        } else {
            c
        };
        match STAND_INS.iter().find(|(real, _)| *real == c) {
            Some((_, mark)) => line.extend([STAND_IN, *mark]),
            None => line.push(c),
        }
    }
}

/// Takes the real characters back; none when a stand-in is not one of ours.
fn reveal(text: &str) -> Option<String> {
    let mut real = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == STAND_IN {
            let mark = chars.next()?;
            real.push(STAND_INS.iter().find(|(_, known)| *known == mark)?.0);
        } else {
            real.push(c);
        }
    }
    Some(real)
}

fn take_back(sample: &prometheus_parse::Sample) -> Option<TextSample> {
    // Without type lines every sample is untyped.
    let prometheus_parse::Value::Untyped(value) = sample.value else {
        return None;
    };
    let pairs = sample
        .labels
        .iter()
        .map(|(name, value)| Some((name.clone(), reveal(value)?)));
    let mut labels: Vec<_> = pairs.collect::<Option<_>>()?;
    labels.sort_unstable();
    Some(TextSample {
        name: sample.metric.replace(COLON, ":"),
        labels,
        value,
        at: Timestamp::from_millis(sample.timestamp.timestamp_millis()),
        is_stamped: false,
    })
}

#[cfg(test)]
mod tests;
