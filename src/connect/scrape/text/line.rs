//! One sample line, taken apart and checked.

use super::{Form, LineError};
use crate::domain::time::Timestamp;

/// Longest label set of an exemplar, names and values together, in characters. Source: OpenMetrics 1.0, "Exemplars".
const EXEMPLAR_CHARS_MAX: usize = 128;

/// True for `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub(in crate::connect::scrape) fn is_metric_name(text: &str) -> bool {
    is_name_start(text, true) && text.bytes().all(|b| is_name_byte(b, true))
}

/// True for `[a-zA-Z_][a-zA-Z0-9_]*`.
pub(in crate::connect::scrape) fn is_label_name(text: &str) -> bool {
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

pub(super) fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// A checked sample line; its labels are beside it.
#[derive(Debug, PartialEq)]
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    /// The value as a number.
    pub(super) number: f64,
    pub(super) at: Option<Timestamp>,
    /// What follows the sample, from its `#` on.
    pub(super) exemplar: Option<&'a str>,
    /// There is one blank where one is asked for, and none elsewhere.
    pub(super) is_tight: bool,
}

/// Takes a sample line apart. `labels` gets its pairs, values with their escapes.
pub(super) fn split_sample<'a>(
    line: &'a str,
    form: Form,
    labels: &mut Vec<(&'a str, &'a str)>,
) -> Result<Line<'a>, (LineError, Option<&'a str>)> {
    labels.clear();
    let (name, rest) = take_while(line, |b| is_name_byte(b, true));
    if !is_metric_name(name) {
        return Err((LineError::Name, None));
    }
    let err = |why| (why, Some(name));
    let after = skip_blanks(rest);
    let tail = match after.strip_prefix('{') {
        Some(inner) => split_labels(inner, form, labels).map_err(err)?,
        None if after.len() < rest.len() => rest,
        // `a.b 1`: it may be anybody's.
        None => return Err((LineError::Name, None)),
    };
    let (value, rest) = split_word(skip_blanks(tail));
    let number = value.parse().map_err(|_| err(LineError::Value))?;
    let (time, after) = split_word(rest);
    let mut at = None;
    let mut rest = rest;
    if !time.is_empty() && !time.starts_with('#') {
        at = Some(parse_time(time, form).ok_or(err(LineError::Time))?);
        rest = after;
    }
    if !rest.is_empty() && !rest.starts_with('#') {
        return Err(err(LineError::Rest));
    }
    Ok(Line {
        name,
        value,
        number,
        at,
        exemplar: (!rest.is_empty()).then_some(rest),
        is_tight: is_tight(tail),
    })
}

/// Whether what follows name and labels has one blank before each of its parts, and none at its end.
fn is_tight(tail: &str) -> bool {
    let own = tail.split_once(" #").map_or(tail, |(own, _)| own);
    own.strip_prefix(' ')
        .is_some_and(|own| !own.starts_with(' ') && !own.ends_with(' '))
        && !own.contains("  ")
        && !own.contains('\t')
}

/// Whether `text` is an exemplar: `# {label="x"} 0.5`, perhaps with a time stamp.
pub(super) fn is_exemplar(text: &str) -> bool {
    let mut labels = Vec::new();
    let inner = text.strip_prefix("# {");
    let tail = inner.and_then(|inner| split_labels(inner, Form::OpenMetrics, &mut labels).ok());
    let Some(mut words) = tail
        .and_then(|tail| tail.strip_prefix(' '))
        .map(|tail| tail.split(' '))
    else {
        return false;
    };
    let is_number = |word: &str| word.parse::<f64>().is_ok();
    let is_time = |word: &str| parse_time(word, Form::OpenMetrics).is_some();
    let chars = |text: &str| text.chars().count();
    let size: usize = labels.iter().map(|(k, v)| chars(k) + chars(v)).sum();
    words.next().is_some_and(is_number)
        && words.next().is_none_or(is_time)
        && words.next().is_none()
        && size <= EXEMPLAR_CHARS_MAX
}

/// Splits at the next blanks; the rest has none in front.
fn split_word(text: &str) -> (&str, &str) {
    match text.split_once([' ', '\t']) {
        Some((word, rest)) => (word, skip_blanks(rest)),
        None => (text, ""),
    }
}

fn parse_time(text: &str, form: Form) -> Option<Timestamp> {
    let ms = if form == Form::OpenMetrics {
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
    form: Form,
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
        let (value, after) = split_value(after, form)?;
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
fn split_value(text: &str, form: Form) -> Result<(&str, &str), LineError> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                let (value, quoted) = text.split_at_checked(at).ok_or(LineError::Labels)?;
                return Ok((value, quoted.strip_prefix('"').unwrap_or(quoted)));
            }
            b'\\' => match bytes.next() {
                Some((_, b'\\' | b'"' | b'n')) => {}
                Some(_) if form == Form::OpenMetrics => {}
                Some(_) => return Err(LineError::Escape),
                None => return Err(LineError::Labels),
            },
            _ => {}
        }
    }
    Err(LineError::Labels)
}
