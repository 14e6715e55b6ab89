//! From pages and the past of counters to the answer of one expression.

use super::expr::Expr;
use super::past::{Count, Growth, Key, Past};
use super::selector::Selector;
use super::{Found, Page};
use crate::connect::http::snippet;
use crate::domain::reading::{ReadFailure, Sample, Series};
use crate::domain::time::{Moment, Timestamp, short_span};
use std::collections::BTreeMap;

/// The metric that says which endpoints answered.
pub(super) const UP: &str = "up";
/// Label of a bucket's upper bound.
const LE: &str = "le";
/// Name of a metric, as a label.
const NAME: &str = "__name__";

/// Series of one answer, with what has to be said of them.
type Answered = Result<(Vec<Series>, Vec<String>), ReadFailure>;

/// A series, and by what its past is found.
struct Matched {
    key: Key,
    sample: Sample,
}

/// Keeps what expressions need of the past.
pub(super) fn remember<'e>(
    past: &mut Past,
    exprs: impl Iterator<Item = &'e Expr>,
    found: &[Found],
    now: Moment,
) {
    let exprs = exprs.filter_map(|expr| Some((expr.selector(), expr.window()?)));
    let ranged: Vec<_> = exprs.collect();
    for (endpoint, one) in found.iter().enumerate() {
        let Ok(page) = &one.page else { continue };
        for (selector, window) in &ranged {
            let samples = page.samples.iter().filter(|s| s.name == selector.name);
            for sample in samples {
                let labels = with_instance(&sample.name, &sample.labels, &one.instance);
                if !selector.matches(&sample.name, &labels) {
                    continue;
                }
                let count = Count {
                    value: sample.value,
                    stamp: sample.is_stamped.then_some(sample.at.as_millis()),
                    seen: one.received,
                };
                past.take_in(&selector.name, (endpoint, labels), count, *window);
            }
        }
    }
    past.forget(now);
}

/// Answers one expression.
pub(super) fn answer(expr: &Expr, found: &[Found], past: &Past, received: Moment) -> Answered {
    match expr {
        Expr::Plain(selector) if selector.name == UP => {
            let up = found.iter().filter_map(|one| up(selector, one, received));
            Ok((up.collect(), Vec::new()))
        }
        Expr::Plain(selector) => {
            let matched = select(selector, found)?;
            let series = matched.into_iter().map(|one| Series {
                labels: one.key.1,
                sample: one.sample,
            });
            Ok((series.collect(), Vec::new()))
        }
        Expr::Rate(selector, window) => {
            let grown = growth(selector, *window, found, past)?;
            let short = grown.iter().map(|(_, g)| g.covered).min();
            let is_whole = grown.iter().all(|(_, g)| g.is_whole);
            let warnings = short.filter(|_| !is_whole).map(|covered| {
                let (covered, window) = (short_span(covered), short_span(*window));
                format!("the rate is that of {covered}: there is no past of {window} yet")
            });
            let series = grown.into_iter().map(|(one, growth)| one.with(growth.rate));
            Ok((series.collect(), warnings.into_iter().collect()))
        }
        Expr::Increase(selector, window) => {
            let grown = growth(selector, *window, found, past)?;
            if let Some((_, growth)) = grown.iter().find(|(_, growth)| !growth.is_whole) {
                let (covered, window) = (short_span(growth.covered), short_span(*window));
                return Err(unknown(format!(
                    "there is a past of {covered} only, and {window} are asked for"
                )));
            }
            let seconds = window.as_secs_f64();
            let series = grown
                .into_iter()
                .map(|(one, growth)| one.with(growth.rate * seconds));
            Ok((series.collect(), Vec::new()))
        }
        Expr::Quantile(quantile, of) => {
            let (buckets, warnings) = answer(of, found, past, received)?;
            Ok((quantiles(*quantile, buckets), warnings))
        }
    }
}

fn unknown(what: String) -> ReadFailure {
    ReadFailure {
        what,
        partial: true,
    }
}

impl Matched {
    /// A value of its own, which is another metric than the series it comes from.
    fn with(self, value: f64) -> Series {
        let mut labels = self.key.1;
        labels.retain(|(name, _)| name != NAME);
        Series {
            labels,
            sample: Sample {
                value,
                ..self.sample
            },
        }
    }
}

/// Growth of each counter that a selector matches. A counter that has just appeared has none yet; when all of them have,
/// nothing is known.
fn growth(
    selector: &Selector,
    window: std::time::Duration,
    found: &[Found],
    past: &Past,
) -> Result<Vec<(Matched, Growth)>, ReadFailure> {
    let pages = found.iter().filter_map(|one| one.page.as_ref().ok());
    if pages
        .clone()
        .any(|page: &Page| page.gauges.contains(&selector.name))
    {
        return Err(ReadFailure {
            what: format!("`{}` is a gauge; only counters have a rate", selector.name),
            partial: false,
        });
    }
    let matched = select(selector, found)?;
    if past.is_crowded(&selector.name) {
        let most = super::past::SERIES_MAX;
        return Err(unknown(format!(
            "more than {most} series with a rate; select fewer, or ask a Prometheus"
        )));
    }
    let is_empty = matched.is_empty();
    let grown: Vec<_> = matched
        .into_iter()
        .filter_map(|one| {
            let growth = past.growth(&one.key, window)?;
            Some((one, growth))
        })
        .collect();
    if grown.is_empty() && !is_empty {
        return Err(unknown("a rate needs a second scrape".to_owned()));
    }
    Ok(grown)
}

/// The series that a selector matches on all endpoints; a failure when one of them may be missing.
fn select(selector: &Selector, found: &[Found]) -> Result<Vec<Matched>, ReadFailure> {
    let missing =
        |instance: &str, why: &str| unknown(format!("`{instance}`: {}", snippet(why.as_bytes())));
    let mut series = Vec::new();
    for (endpoint, Found { instance, page, .. }) in found.iter().enumerate() {
        let page = page
            .as_ref()
            .map_err(|failure| missing(instance, &failure.to_string()))?;
        if let Some(refused) = page.refused_of(&selector.name) {
            let why = format!("line {}: {}", refused.line, refused.why);
            return Err(missing(instance, &why));
        }
        series.extend(page.samples.iter().filter_map(|sample| {
            let labels = with_instance(&sample.name, &sample.labels, instance);
            let is_wanted = selector.matches(&sample.name, &labels);
            is_wanted.then_some(Matched {
                key: (endpoint, labels),
                sample: Sample {
                    at: sample.at,
                    value: sample.value,
                },
            })
        }));
    }
    Ok(series)
}

fn up(selector: &Selector, found: &Found, received: Moment) -> Option<Series> {
    let labels = with_instance(UP, &[], &found.instance);
    let value = if found.page.is_ok() { 1.0 } else { 0.0 };
    selector.matches(UP, &labels).then_some(Series {
        labels,
        sample: Sample {
            at: received.wall,
            value,
        },
    })
}

/// Labels with the metric's and the endpoint's name; one that the page set itself is kept as `exported_instance`, as Prometheus does.
fn with_instance(
    metric: &str,
    labels: &[(String, String)],
    instance: &str,
) -> Vec<(String, String)> {
    let mut all: Vec<_> = labels
        .iter()
        .map(|(name, value)| {
            (
                if name == "instance" {
                    "exported_instance".to_owned()
                } else {
                    name.clone()
                },
                value.clone(),
            )
        })
        .collect();
    all.push(("instance".to_owned(), instance.to_owned()));
    all.push((NAME.to_owned(), metric.to_owned()));
    all.sort_unstable();
    all
}

/// When a histogram was true, and bounds and counts of its buckets.
type Histogram = (Timestamp, Vec<(f64, f64)>);

/// Quantiles of histograms: one for each set of labels beside `le`.
fn quantiles(quantile: f64, buckets: Vec<Series>) -> Vec<Series> {
    let mut histograms: BTreeMap<Vec<(String, String)>, Histogram> = BTreeMap::new();
    for Series { mut labels, sample } in buckets {
        let bound = labels.iter().find(|(name, _)| name == LE);
        // A bucket without a bound is none.
        let Some(bound) = bound.and_then(|(_, value)| value.parse::<f64>().ok()) else {
            continue;
        };
        labels.retain(|(name, _)| name != LE && name != NAME);
        let (at, counts) = histograms.entry(labels).or_insert((sample.at, Vec::new()));
        *at = (*at).max(sample.at);
        counts.push((bound, sample.value));
    }
    let series = histograms.into_iter().map(|(labels, (at, counts))| Series {
        labels,
        sample: Sample {
            at,
            value: quantile_of(quantile, counts),
        },
    });
    series.collect()
}

/// The value below which that part of what was counted lies, on a straight line within its bucket; not a number when
/// nothing was counted or the bucket of everything is missing.
///
/// Source: Prometheus, "Query functions", `histogram_quantile()`.
fn quantile_of(quantile: f64, mut buckets: Vec<(f64, f64)>) -> f64 {
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Counts that were taken one after another may shrink by a hair.
    let mut most = 0.0_f64;
    for (_, count) in &mut buckets {
        most = most.max(*count);
        *count = most;
    }
    let Some(((bound, total), finite)) = buckets.split_last() else {
        return f64::NAN;
    };
    let Some((highest, _)) = finite
        .last()
        .filter(|_| *bound == f64::INFINITY && *total > 0.0)
    else {
        return f64::NAN;
    };
    let rank = quantile * total;
    let (mut start, mut below) = (None, 0.0);
    for (end, count) in finite {
        if *count >= rank {
            let start = match start {
                Some(start) => start,
                None if *end <= 0.0 => return *end,
                // The lowest bucket is taken to begin at zero.
                None => 0.0,
            };
            let within = count - below;
            let part = if within > 0.0 {
                (rank - below) / within
            } else {
                0.0
            };
            return start + (end - start) * part;
        }
        (start, below) = (Some(*end), *count);
    }
    *highest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_within_their_bucket() {
        let check = |quantile: f64, buckets: &[(f64, f64)], expected: f64| {
            let mut found = buckets.to_vec();
            found.reverse();
            let found = quantile_of(quantile, found);
            let is_same = (found - expected).abs() < 1e-9 || (found.is_nan() && expected.is_nan());
            assert!(is_same, "{quantile} of {buckets:?}: {found}");
        };
        let inf = f64::INFINITY;
        let usual = [(0.1, 50.0), (0.5, 90.0), (1.0, 99.0), (inf, 100.0)];
        check(0.5, &usual, 0.1);
        check(0.25, &usual, 0.05);
        check(0.9, &usual, 0.5);
        check(0.7, &usual, 0.3);
        check(1.0, &usual, 1.0);
        check(0.0, &usual, 0.0);
        check(0.5, &[(-2.0, 10.0), (-1.0, 20.0), (inf, 20.0)], -2.0);
        check(0.75, &[(-2.0, 10.0), (-1.0, 20.0), (inf, 20.0)], -1.5);
        check(0.5, &[(1.0, 0.0), (inf, 0.0)], f64::NAN);
        check(0.5, &[(1.0, 5.0)], f64::NAN);
        check(0.5, &[(inf, 5.0)], f64::NAN);
        check(0.5, &[], f64::NAN);
        check(0.5, &[(1.0, f64::NAN), (inf, f64::NAN)], f64::NAN);
        check(0.5, &[(1.0, 10.0), (2.0, 9.9), (inf, 20.0)], 1.0);
    }
}
