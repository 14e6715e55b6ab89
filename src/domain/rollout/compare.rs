//! The canary against the rest, by the same query: more is worse, and what is not known is never good.

use super::floor;
use crate::domain::reading::{QueryAnswer, Series};
use crate::domain::runbook::plan::{Against, Compare, Unit};
use crate::domain::threshold::{Unknown, Verdict};
use crate::domain::time::Moment;
use crate::domain::verdict::Quote;

/// What a comparison says now.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Pass: the canary is as good as it must be.
    pub verdict: Verdict,
    /// The worst series of the canary.
    pub quote: Option<Quote>,
    /// Mean of the rest, where the canary is held against it.
    pub rest: Option<f64>,
}

impl Judged {
    const fn unknown(why: Unknown) -> Self {
        Self {
            verdict: Verdict::Unknown(why),
            quote: None,
            rest: None,
        }
    }
}

/// Judges an answer. Every unit of the canary must be in it, and for a ratio or a difference every unit of the rest.
pub fn judge(
    compare: &Compare,
    units: &[&Unit],
    answer: Option<&QueryAnswer>,
    now: Moment,
) -> Judged {
    let Some(answer) = answer else {
        return Judged::unknown(Unknown::Never);
    };
    let series = match floor::known(answer, now) {
        Ok(series) => series,
        Err(why) => return Judged::unknown(why),
    };
    let mut canary: Option<&Series> = None;
    let (mut sum, mut count) = (0.0, 0.0);
    for unit in units {
        let of_unit = series.iter().filter(|one| {
            let value = label(one, &compare.by);
            value.is_some_and(|value| owner(value, units) == Some(unit.component.as_str()))
        });
        let worst = of_unit.reduce(|worst, next| {
            if next.sample.value > worst.sample.value {
                next
            } else {
                worst
            }
        });
        let needs_rest = !matches!(compare.against, Against::Limit(_));
        match worst {
            None if unit.canary || needs_rest => return Judged::unknown(Unknown::Empty),
            None => {}
            Some(worst) if unit.canary => {
                let is_worse = |known: &&Series| known.sample.value >= worst.sample.value;
                canary = canary.filter(is_worse).or(Some(worst));
            }
            Some(worst) => {
                sum += worst.sample.value;
                count += 1.0;
            }
        }
    }
    let Some(worst) = canary else {
        return Judged::unknown(Unknown::Empty);
    };
    let value = worst.sample.value;
    let mean = sum / count;
    // Nothing is said by what is endless, and everything is less than that.
    let needs_mean = !matches!(compare.against, Against::Limit(_)) && count > 0.0;
    if !value.is_finite() || (needs_mean && !mean.is_finite()) {
        return Judged::unknown(Unknown::NotANumber);
    }
    let is_good = match compare.against {
        Against::Ratio(ratio) => value <= mean * ratio,
        Against::Difference(most) => value - mean <= most,
        Against::Limit(limit) => limit.holds(value),
    };
    // Without a rest the mean is no number, and no comparison with it holds.
    Judged {
        verdict: if is_good {
            Verdict::Pass
        } else {
            Verdict::Fail
        },
        quote: Some(Quote {
            labels: worst.labels.clone(),
            sample: worst.sample,
            received: answer.received,
        }),
        rest: mean.is_finite().then_some(mean),
    }
}

fn label<'a>(series: &'a Series, name: &str) -> Option<&'a str> {
    let mut labels = series.labels.iter();
    let (_, value) = labels.find(|(label, _)| label == name)?;
    Some(value)
}

/// The unit a label speaks of: its name, alone or with a domain or a port behind. The longest name that fits, so that
/// `db-1.fra` is not taken for `db-1`.
fn owner<'a>(value: &str, units: &[&'a Unit]) -> Option<&'a str> {
    let names = units.iter().map(|unit| unit.component.as_str());
    let fits = |name: &&str| {
        value
            .strip_prefix(*name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ':']))
    };
    names.filter(fits).max_by_key(|name| name.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RuleId;
    use crate::domain::reading::Sample;
    use crate::domain::threshold::{Limit, Op};
    use crate::domain::time::Timestamp;

    fn moment() -> Moment {
        Moment {
            wall: Timestamp::from_millis(0),
            mono_ms: 0,
        }
    }

    fn judged(against: Against, values: &[(&str, f64)]) -> Verdict {
        let unit = |component: &str, canary| Unit {
            component: component.to_owned(),
            batch: 1,
            canary,
            env: std::collections::BTreeMap::new(),
        };
        let units = [
            unit("web-1", true),
            unit("web-2", false),
            unit("web-10", false),
        ];
        let units: Vec<&Unit> = units.iter().collect();
        let compare = Compare {
            id: RuleId::new("compare").expect("a name"),
            expr: "errors".to_owned(),
            by: "instance".to_owned(),
            against,
            source: None,
        };
        let series = values.iter().map(|(instance, value)| Series {
            labels: vec![("instance".to_owned(), (*instance).to_owned())],
            sample: Sample {
                at: Timestamp::from_millis(0),
                value: *value,
            },
        });
        let answer = QueryAnswer {
            rule: compare.id.clone(),
            result: Ok(series.collect()),
            received: moment(),
            dropped: 0,
            warnings: Vec::new(),
        };
        judge(&compare, &units, Some(&answer), moment()).verdict
    }

    #[test]
    fn what_is_endless_compares_with_nothing() {
        let unknown = Verdict::Unknown(Unknown::NotANumber);
        let endless = f64::INFINITY;
        for (canary, rest) in [(1.0, endless), (endless, 1.0)] {
            let all = [("web-1", canary), ("web-2", rest), ("web-10", 1.0)];
            for against in [Against::Ratio(1.5), Against::Difference(1.0)] {
                assert_eq!(judged(against, &all), unknown, "{canary} {rest}");
            }
        }
    }

    #[test]
    fn the_canary_is_held_against_the_mean_of_the_rest() {
        let rest = [
            ("web-2:9100", 1.0),
            ("web-10.example.org", 3.0),
            ("other", 99.0),
        ];
        let with = |value: f64| [&rest[..], &[("web-1", value)]].concat();
        let pass = Verdict::Pass;
        assert_eq!(judged(Against::Ratio(1.5), &with(3.0)), pass);
        assert_eq!(judged(Against::Ratio(1.5), &with(3.1)), Verdict::Fail);
        assert_eq!(judged(Against::Difference(0.5), &with(2.5)), pass);
        assert_eq!(judged(Against::Difference(0.5), &with(2.6)), Verdict::Fail);
        let limit = Against::Limit(Limit {
            op: Op::Lt,
            value: 5.0,
        });
        assert_eq!(judged(limit, &[("web-1", 4.0)]), pass);
        assert_eq!(
            judged(limit, &[("web-1", 4.0), ("web-1:2", 6.0)]),
            Verdict::Fail
        );
    }

    #[test]
    fn a_unit_without_data_is_unknown() {
        let empty = Verdict::Unknown(Unknown::Empty);
        let ratio = Against::Ratio(2.0);
        assert_eq!(judged(ratio, &[("web-2", 1.0), ("web-10", 1.0)]), empty);
        assert_eq!(judged(ratio, &[("web-1", 1.0), ("web-10", 1.0)]), empty);
        assert_eq!(
            judged(
                ratio,
                &[("web-1", f64::NAN), ("web-2", 1.0), ("web-10", 1.0)]
            ),
            Verdict::Unknown(Unknown::NotANumber)
        );
        // Nothing at all goes wrong anywhere: as good as the rest.
        assert_eq!(
            judged(ratio, &[("web-1", 0.0), ("web-2", 0.0), ("web-10", 0.0)]),
            Verdict::Pass
        );
    }
}
