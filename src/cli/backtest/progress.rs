//! How far it is, on standard error: one line that is written anew on a terminal, a line for each question elsewhere.

use super::asked::Question;
use crate::domain::backtest::Stretch;
use crate::domain::id::RuleId;
use std::io::{IsTerminal as _, Write as _};

/// Counts points that came against those that will.
pub(super) struct Progress {
    all: u64,
    done: u64,
    each: u64,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn new(questions: &[Question], stretch: Stretch) -> Self {
        let count = u64::try_from(questions.len()).unwrap_or(u64::MAX);
        let each = stretch.points();
        Self {
            all: count.saturating_mul(each),
            done: 0,
            each,
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Some points of a question are there.
    pub(super) fn part(&mut self, id: &RuleId, points: u64) {
        self.done = self.done.saturating_add(points);
        let percent = self.done.saturating_mul(100) / self.all.max(1);
        let mut err = std::io::stderr();
        // Progress that cannot be shown stops nothing.
        if self.is_terminal {
            write!(err, "\r\x1b[K{percent:>3}%  {id}")
                .and_then(|()| err.flush())
                .ok();
        } else if self.done.is_multiple_of(self.each.max(1)) {
            writeln!(err, "{percent:>3}%  {id}").ok();
        }
    }

    /// Takes the line away again.
    pub(super) fn end(&self) {
        if self.is_terminal {
            write!(std::io::stderr(), "\r\x1b[K").ok();
        }
    }
}
