//! From what a range query gave to the answers that a session would have had, one a step.

use super::stretch::Stretch;
use crate::domain::id::RuleId;
use crate::domain::reading::{History, QueryAnswer, ReadFailure, Series};
use crate::domain::time::{Moment, Timestamp};

/// What was recorded of one expression in one stretch.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Series with the values they had, sorted by labels.
    pub series: Vec<History>,
    /// Series beyond the limit, which nobody has looked at.
    pub dropped: usize,
}

/// Gives `take` the answer of each moment of `stretch`, in order.
///
/// A series without a value at a moment is not in that answer; a moment without any is an empty answer, and all of them
/// are the failure when there is one. Values between the moments are left out.
pub fn answers(
    rule: &RuleId,
    stretch: Stretch,
    recorded: &Result<Recorded, ReadFailure>,
    mut take: impl FnMut(&QueryAnswer, Moment),
) {
    let (series, dropped) = match recorded {
        Ok(recorded) => (recorded.series.as_slice(), recorded.dropped),
        Err(_) => (&[][..], 0),
    };
    let mut cursors: Vec<Cursor<'_>> = series.iter().map(Cursor::new).collect();
    let mut answer = QueryAnswer {
        rule: rule.clone(),
        result: recorded.as_ref().map(|_| Vec::new()).map_err(Clone::clone),
        dropped,
        warnings: Vec::new(),
        received: Moment::default(),
    };
    let mut present: Vec<usize> = Vec::new();
    for now in stretch.moments() {
        answer.received = now;
        if let Ok(shown) = &mut answer.result {
            fill(shown, &mut present, &mut cursors, now.wall);
        }
        take(&answer, now);
    }
}

/// Where one series is.
struct Cursor<'a> {
    history: &'a History,
    next: usize,
}

impl<'a> Cursor<'a> {
    fn new(history: &'a History) -> Self {
        Self { history, next: 0 }
    }

    /// The value at exactly this moment.
    fn at(&mut self, now: Timestamp) -> Option<crate::domain::reading::Sample> {
        let samples = &self.history.samples;
        while samples.get(self.next).is_some_and(|s| s.at < now) {
            self.next += 1;
        }
        samples.get(self.next).copied().filter(|s| s.at == now)
    }
}

/// Puts the values of a moment in. Labels are copied only when other series than before are there.
fn fill(
    shown: &mut Vec<Series>,
    present: &mut Vec<usize>,
    cursors: &mut [Cursor<'_>],
    now: Timestamp,
) {
    let mut count = 0;
    for (index, cursor) in cursors.iter_mut().enumerate() {
        let Some(sample) = cursor.at(now) else {
            continue;
        };
        let same = present.get(count) == Some(&index);
        if let Some(series) = shown.get_mut(count).filter(|_| same) {
            series.sample = sample;
        } else {
            present.truncate(count);
            shown.truncate(count);
            present.push(index);
            shown.push(Series {
                labels: cursor.history.labels.clone(),
                sample,
            });
        }
        count += 1;
    }
    present.truncate(count);
    shown.truncate(count);
}
