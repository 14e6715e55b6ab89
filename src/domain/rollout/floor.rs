//! The floor: what must stay in service, counted without the unit that is taken out.
//!
//! A unit takes one away. Before it begins, what is left is the value less one. Once it has begun, nobody can tell from
//! the value alone whether the unit is away already, so what is left is the smaller of the value now and the value it
//! began with less one: right in both cases, and too high by one only when another one came back meanwhile.

use crate::domain::board::{Board, Track};
use crate::domain::fact;
use crate::domain::id::RuleId;
use crate::domain::reading::{QueryAnswer, Sample, Series};
use crate::domain::runbook::plan::Floor;
use crate::domain::threshold::Unknown;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::verdict::{GATE_STALE_AFTER, Quote};
use std::time::Duration;

/// What one unit takes away.
const TAKES: f64 = 1.0;

/// What floors say now, or why that is not known. A value without an answer is not known.
pub type Seen = Result<fact::Quote, Unknown>;

/// What is left when the unit is away.
pub fn left(value: f64, begun_with: Option<f64>) -> f64 {
    begun_with.map_or(value - TAKES, |first| value.min(first - TAKES))
}

/// Why a unit may not be taken out now; nothing when the floor holds without it.
///
/// `begun`: what was in service when the unit began, for one that has.
pub fn obstacle(floor: &Floor, seen: Option<&Seen>, begun: Option<&fact::Quote>) -> Option<String> {
    let value = match seen {
        None => return Some(unknown(floor, Unknown::Never)),
        Some(Err(why)) => return Some(unknown(floor, *why)),
        Some(Ok(quote)) => quote.sample.value,
    };
    let left = left(value, begun.map(|quote| quote.sample.value));
    (!floor.limit.holds(left)).then(|| {
        format!(
            "the floor `{}` must stay {}: it is {value} now and {left} without this unit",
            floor.expr, floor.limit
        )
    })
}

fn unknown(floor: &Floor, why: Unknown) -> String {
    format!(
        "the floor `{}` {} is not known ({})",
        floor.expr,
        floor.limit,
        why.as_str()
    )
}

/// The smallest value of an answer.
///
/// # Errors
/// Why nothing is known: no answer, a partial one, no series, an old value, or one that is no number.
pub fn value(answer: Option<&QueryAnswer>, now: Moment) -> Result<Quote, Unknown> {
    let answer = answer.ok_or(Unknown::Never)?;
    let series = known(answer, now)?;
    let lowest = series.iter().reduce(|lowest, next| {
        if next.sample.value < lowest.sample.value {
            next
        } else {
            lowest
        }
    });
    let lowest = lowest.ok_or(Unknown::Empty)?;
    if !lowest.sample.value.is_finite() {
        return Err(Unknown::NotANumber);
    }
    Ok(Quote {
        labels: lowest.labels.clone(),
        sample: lowest.sample,
        received: answer.received,
    })
}

/// What a board shows of a query last: its smallest value; or why it is not known. For screens: the server judges by the
/// answer itself.
///
/// # Errors
/// Why nothing is known.
pub fn on_board(board: &Board, rule: &RuleId, now: Timestamp) -> Result<Sample, Unknown> {
    let metric = board.metrics.get(rule).ok_or(Unknown::Never)?;
    if metric.failure.is_some() {
        return Err(Unknown::Error);
    }
    let samples = metric.tracks.iter().filter_map(Track::last);
    let lowest = samples.reduce(|a, b| if b.value < a.value { b } else { a });
    let lowest = lowest.ok_or(Unknown::Empty)?;
    if lowest.value.is_nan() {
        return Err(Unknown::NotANumber);
    }
    if now.since(lowest.at) > GATE_STALE_AFTER {
        return Err(Unknown::Stale);
    }
    Ok(lowest)
}

/// Every series of an answer, when all of them are known now.
///
/// # Errors
/// The first reason why not.
pub fn known(answer: &QueryAnswer, now: Moment) -> Result<&[Series], Unknown> {
    let series = match &answer.result {
        Err(failure) if failure.partial => return Err(Unknown::Partial),
        Err(_) => return Err(Unknown::Error),
        Ok(_) if answer.dropped > 0 => return Err(Unknown::Partial),
        Ok(series) if series.is_empty() => return Err(Unknown::Empty),
        Ok(series) => series,
    };
    let arrived = Duration::from_millis(now.mono_since(answer.received));
    let is_old = |sample: &Sample| {
        now.wall.since(sample.at) > GATE_STALE_AFTER || sample.at.since(now.wall) > GATE_STALE_AFTER
    };
    if arrived > GATE_STALE_AFTER || series.iter().any(|one| is_old(&one.sample)) {
        return Err(Unknown::Stale);
    }
    if series.iter().any(|one| one.sample.value.is_nan()) {
        return Err(Unknown::NotANumber);
    }
    Ok(series)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RuleId;
    use crate::domain::reading::ReadFailure;
    use crate::domain::threshold::{Limit, Op};
    use crate::domain::time::Timestamp;
    use proptest::prelude::*;

    fn at(ms: i64) -> Moment {
        Moment {
            wall: Timestamp::from_millis(ms),
            mono_ms: u64::try_from(ms).expect("positive"),
        }
    }

    fn answer(values: &[f64]) -> QueryAnswer {
        let series = values.iter().enumerate().map(|(place, value)| Series {
            labels: vec![("n".to_owned(), place.to_string())],
            sample: Sample {
                at: Timestamp::from_millis(1000),
                value: *value,
            },
        });
        QueryAnswer {
            rule: rule(),
            result: Ok(series.collect()),
            received: at(1000),
            dropped: 0,
            warnings: Vec::new(),
        }
    }

    fn rule() -> RuleId {
        RuleId::new("floor").expect("a name")
    }

    fn floor(limit: f64) -> Floor {
        Floor {
            id: rule(),
            expr: "up".to_owned(),
            limit: Limit {
                op: Op::Ge,
                value: limit,
            },
            source: None,
        }
    }

    fn quote(value: f64) -> fact::Quote {
        fact::Quote {
            series: String::new(),
            sample: Sample {
                at: Timestamp::from_millis(0),
                value,
            },
            age_ms: 0,
        }
    }

    fn left_out(limit: f64, value: f64, begun: Option<f64>) -> Option<String> {
        let begun = begun.map(quote);
        obstacle(&floor(limit), Some(&Ok(quote(value))), begun.as_ref())
    }

    #[test]
    fn what_is_not_known_closes() {
        assert_eq!(value(None, at(1000)), Err(Unknown::Never));
        assert_eq!(value(Some(&answer(&[])), at(1000)), Err(Unknown::Empty));
        assert_eq!(
            value(Some(&answer(&[1.0, f64::NAN])), at(1000)),
            Err(Unknown::NotANumber)
        );
        assert_eq!(
            value(Some(&answer(&[f64::INFINITY])), at(1000)),
            Err(Unknown::NotANumber)
        );
        assert_eq!(
            value(Some(&answer(&[1.0])), at(40_000)),
            Err(Unknown::Stale)
        );
        let mut cut = answer(&[5.0]);
        cut.dropped = 1;
        assert_eq!(value(Some(&cut), at(1000)), Err(Unknown::Partial));
        cut.result = Err(ReadFailure {
            what: "no".to_owned(),
            partial: false,
        });
        assert_eq!(value(Some(&cut), at(1000)), Err(Unknown::Error));
        let low = value(Some(&answer(&[4.0, 3.0, 9.0])), at(1000)).expect("known");
        assert_eq!((low.sample.value, low.labels[0].1.as_str()), (3.0, "1"));
        assert!(obstacle(&floor(1.0), None, None).is_some_and(|why| why.contains("no data yet")));
        assert!(obstacle(&floor(1.0), Some(&Err(Unknown::Stale)), None).is_some());
    }

    #[test]
    fn the_number_is_shown_where_it_does_not_hold() {
        assert_eq!(left_out(2.0, 3.0, None), None);
        let why = left_out(2.0, 2.0, None).expect("too few");
        assert_eq!(
            why,
            "the floor `up` must stay >= 2: it is 2 now and 1 without this unit"
        );
        // The unit is away already: two are left, and it may go on, or be tried again.
        assert_eq!(left_out(2.0, 2.0, Some(3.0)), None);
        assert_eq!(left_out(2.0, 3.0, Some(3.0)), None);
        assert!(left_out(2.0, 1.0, Some(3.0)).is_some());
    }

    proptest! {
        /// Units go and come back one by one, others fail in between; whenever one is let out, the floor holds after it.
        #[test]
        fn the_floor_is_never_broken_by_a_unit_that_is_let_out(
            all in 1_u32..20,
            limit in 0_u32..20,
            losses in prop::collection::vec(0_u32..3, 0..20),
        ) {
            let limit = f64::from(limit);
            let mut up = f64::from(all);
            for lost in losses {
                up = (up - f64::from(lost)).max(0.0);
                if left_out(limit, up, None).is_none() {
                    prop_assert!(up - 1.0 >= limit);
                    // It is away now; what follows in the unit is still let through.
                    prop_assert_eq!(left_out(limit, up - 1.0, Some(up)), None);
                }
            }
        }
    }
}
