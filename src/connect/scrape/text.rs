//! Text exposition, read through `prometheus-parse` behind a shield.
//!
//! That crate leaves out without a word what it does not expect (names with `:`, `}` or `,` or `=` in label values,
//! escapes, empty braces), groups histograms in random order, and falls back to the present for time stamps it cannot read.
//! So each line is taken apart and checked here first. What passes is handed over with stand-ins for those characters and
//! with its time stamp written out, and without type lines, so that every sample comes back alone and in order. Only lines of
//! wanted metrics are handed over: the check is many times faster than the crate.
//!
//! Source: Prometheus "Exposition formats", text format 0.0.4; of OpenMetrics 1.0, recognised by its `# EOF`, the time
//! stamps in seconds, the milder escapes, its further types, and exemplars, which are left out.

use crate::domain::time::Timestamp;

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
    /// `# TYPE` with an unknown type or a malformed name.
    #[error("malformed type line")]
    Type,
    /// The last line has no line feed: the text may be cut in a number.
    #[error("the text ends within a line")]
    Cut,
    /// Something follows `# EOF`.
    #[error("text after `# EOF`")]
    AfterEof,
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
    /// False for lines about types, which take no sample with them.
    pub is_sample: bool,
}

/// A page of text exposition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Samples of wanted metrics, sorted by name and labels.
    pub samples: Vec<TextSample>,
    /// The first refused lines.
    pub refused: Vec<Refused>,
    /// How many more were refused.
    pub refused_more: usize,
}

/// The crate behind the shield gave back something else than it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`prometheus-parse` lost samples")]
pub struct LostSamples;

/// Reads a page; `wanted` says which metric names are of interest. Lines without a time stamp get `received`.
///
/// # Errors
/// [`LostSamples`] when the shield has a hole; malformed lines are no error but in [`Page::refused`].
pub fn parse(
    text: &str,
    received: Timestamp,
    wanted: impl Fn(&str) -> bool,
) -> Result<Page, LostSamples> {
    let is_open = is_open_metrics(text);
    let mut page = Page::default();
    let mut handed = Vec::new();
    let mut labels = Vec::new();
    let mut ended = false;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let whole = line.strip_suffix('\n');
        let body = whole.unwrap_or(line).trim_start_matches([' ', '\t']);
        let cut = whole.is_none() && !is_open;
        let outcome = if ended {
            Err((LineError::AfterEof, None))
        } else if body.is_empty() {
            Ok(None)
        } else if let Some(comment) = body.strip_prefix('#') {
            ended = is_open && comment == " EOF";
            check_comment(comment).map(|()| None)
        } else if cut {
            Err((LineError::Cut, None))
        } else {
            split_sample(body, is_open, &mut labels).map(Some)
        };
        match outcome {
            Ok(Some(sample)) if wanted(sample.name) => {
                handed.push(hand_over(&sample, &labels, is_open, received));
            }
            Ok(_) => {}
            Err((why, name)) => page.refuse(Refused {
                line: number,
                why,
                name: name.map(str::to_owned),
                is_sample: why != LineError::Type,
            }),
        }
    }
    let count = handed.len();
    let scrape =
        prometheus_parse::Scrape::parse(handed.into_iter().map(Ok)).map_err(|_| LostSamples)?;
    page.samples = scrape
        .samples
        .iter()
        .map(take_back)
        .collect::<Option<_>>()
        .ok_or(LostSamples)?;
    if page.samples.len() != count {
        return Err(LostSamples);
    }
    page.samples
        .sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
    Ok(page)
}

impl Page {
    fn refuse(&mut self, refused: Refused) {
        if self.refused.len() < REFUSED_MAX {
            self.refused.push(refused);
        } else {
            self.refused_more += 1;
        }
    }

    /// The first refused line that may have been a sample of `name`.
    pub fn refused_of(&self, name: &str) -> Option<&Refused> {
        let of_name = |refused: &&Refused| {
            refused.is_sample && refused.name.as_deref().is_none_or(|other| other == name)
        };
        // Lines that were only counted may be of any name.
        self.refused
            .iter()
            .find(of_name)
            .or_else(|| self.refused.last().filter(|_| self.refused_more > 0))
    }
}

/// OpenMetrics ends with `# EOF`; anything may follow by mistake, which is then refused.
fn is_open_metrics(text: &str) -> bool {
    let tail = text.trim_end_matches('\n');
    tail.rsplit('\n').take(2).any(|line| line == "# EOF")
}

/// True for `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub(super) fn is_metric_name(text: &str) -> bool {
    is_name_start(text, true) && text.bytes().all(|b| is_name_byte(b, true))
}

/// True for `[a-zA-Z_][a-zA-Z0-9_]*`.
pub(super) fn is_label_name(text: &str) -> bool {
    is_name_start(text, false) && text.bytes().all(|b| is_name_byte(b, false))
}

fn is_name_start(text: &str, colon: bool) -> bool {
    text.bytes()
        .next()
        .is_some_and(|b| is_name_byte(b, colon) && !b.is_ascii_digit())
}

const fn is_name_byte(b: u8, colon: bool) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || (colon && b == b':')
}

/// Takes off what `keep` says; gives it and the rest. `keep` must refuse every byte that is not ASCII.
fn take_while(text: &str, keep: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|b| !keep(b)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// Checks a line after its `#`. Only type lines mean something here.
fn check_comment(comment: &str) -> Result<(), (LineError, Option<&str>)> {
    let mut words = comment.split([' ', '\t']).filter(|word| !word.is_empty());
    if words.next() != Some("TYPE") || !comment.starts_with([' ', '\t']) {
        return Ok(());
    }
    let name = words.next().filter(|name| is_metric_name(name));
    let known = matches!(
        words.next(),
        Some(
            "counter"
                | "gauge"
                | "histogram"
                | "summary"
                | "untyped"
                | "unknown"
                | "info"
                | "stateset"
                | "gaugehistogram"
        )
    );
    if name.is_some() && known && words.next().is_none() {
        Ok(())
    } else {
        Err((LineError::Type, name))
    }
}

/// A checked sample line; its labels are beside it.
#[derive(Debug, PartialEq)]
struct Line<'a> {
    name: &'a str,
    value: &'a str,
    at: Option<Timestamp>,
}

/// Takes a sample line apart. `labels` gets its pairs, values with their escapes.
fn split_sample<'a>(
    line: &'a str,
    is_open: bool,
    labels: &mut Vec<(&'a str, &'a str)>,
) -> Result<Line<'a>, (LineError, Option<&'a str>)> {
    labels.clear();
    let (name, rest) = take_while(line, |b| is_name_byte(b, true));
    if !is_metric_name(name) {
        return Err((LineError::Name, None));
    }
    let err = |why| (why, Some(name));
    let after = skip_blanks(rest);
    let rest = match after.strip_prefix('{') {
        Some(inner) => split_labels(inner, is_open, labels).map_err(err)?,
        None if after.len() < rest.len() => after,
        // `a.b 1`: it may be anybody's.
        None => return Err((LineError::Name, None)),
    };
    let (value, rest) = split_word(skip_blanks(rest));
    if value.parse::<f64>().is_err() {
        return Err(err(LineError::Value));
    }
    let (time, rest) = split_word(rest);
    if time.is_empty() || time.starts_with('#') {
        // An exemplar: OpenMetrics only, and of no interest.
        return Ok(Line {
            name,
            value,
            at: None,
        });
    }
    let at = parse_time(time, is_open).ok_or(err(LineError::Time))?;
    if !rest.is_empty() && !rest.starts_with('#') {
        return Err(err(LineError::Rest));
    }
    Ok(Line {
        name,
        value,
        at: Some(at),
    })
}

/// Splits at the next blanks; the rest has none in front.
fn split_word(text: &str) -> (&str, &str) {
    match text.split_once([' ', '\t']) {
        Some((word, rest)) => (word, skip_blanks(rest)),
        None => (text, ""),
    }
}

fn parse_time(text: &str, is_open: bool) -> Option<Timestamp> {
    let ms = if is_open {
        let ms = text.parse::<f64>().ok()? * 1000.0;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the range is checked below"
        )]
        ms.is_finite().then_some(ms.round() as i64)?
    } else {
        text.parse().ok()?
    };
    // Year 0 to 9999: outside of it the crate would take the present instead.
    (-62_167_219_200_000..=253_402_300_799_999)
        .contains(&ms)
        .then_some(Timestamp::from_millis(ms))
}

/// Reads pairs up to the closing brace; gives what follows it.
fn split_labels<'a>(
    mut rest: &'a str,
    is_open: bool,
    labels: &mut Vec<(&'a str, &'a str)>,
) -> Result<&'a str, LineError> {
    loop {
        rest = skip_blanks(rest);
        if let Some(after) = rest.strip_prefix('}') {
            return Ok(after);
        }
        let (name, after) = take_while(rest, |b| is_name_byte(b, false));
        let after = skip_blanks(after)
            .strip_prefix('=')
            .ok_or(LineError::Labels)?;
        let after = skip_blanks(after)
            .strip_prefix('"')
            .ok_or(LineError::Labels)?;
        let (value, after) = split_value(after, is_open)?;
        if !is_label_name(name) {
            return Err(LineError::Labels);
        }
        if name == "__name__" || labels.iter().any(|(other, _)| *other == name) {
            return Err(LineError::LabelTwice);
        }
        labels.push((name, value));
        rest = skip_blanks(after);
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None if rest.starts_with('}') => {}
            None => return Err(LineError::Labels),
        }
    }
}

/// Reads up to the closing quote.
fn split_value(text: &str, is_open: bool) -> Result<(&str, &str), LineError> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                let (value, quoted) = text.split_at_checked(at).ok_or(LineError::Labels)?;
                return Ok((value, quoted.strip_prefix('"').unwrap_or(quoted)));
            }
            b'\\' => match bytes.next() {
                Some((_, b'\\' | b'"' | b'n')) => {}
                Some(_) if is_open => {}
                Some(_) => return Err(LineError::Escape),
                None => return Err(LineError::Labels),
            },
            _ => {}
        }
    }
    Err(LineError::Labels)
}

/// Writes a line for the crate.
fn hand_over(
    sample: &Line<'_>,
    labels: &[(&str, &str)],
    is_open: bool,
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
        disguise(value, is_open, &mut line);
        line.push('"');
    }
    line.push_str(if labels.is_empty() { " " } else { "} " });
    line.push_str(sample.value);
    line.push(' ');
    line.push_str(&sample.at.unwrap_or(received).as_millis().to_string());
    line
}

/// Writes a label value without escapes and with stand-ins.
fn disguise(value: &str, is_open: bool, line: &mut String) {
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let c = if c == '\\' {
            match chars.next() {
                Some('n') => '\n',
                Some(plain @ ('\\' | '"')) => plain,
                // OpenMetrics keeps a backslash that escapes nothing.
                Some(other) if is_open => {
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
    })
}

#[cfg(test)]
mod tests;
