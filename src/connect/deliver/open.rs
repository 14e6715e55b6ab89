//! Writes whose end is looked for.

use super::Parcel;
use crate::connect::connector::WriteError;
use crate::domain::time::Moment;
use crate::domain::write::{Outcome, PROOF_SPAN, WriteNo};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Writes of one connector that are looked for at a time: those that may wait, and the pages of the last minutes.
const OPEN_MAX: usize = 64;
/// Between two look-ups of something that was accepted: a pager tells of a page within seconds.
const PROOF_EVERY: Duration = Duration::from_secs(10);
/// Look-ups of a write that was sent and not answered: it may show up a moment later.
const UNCLEAR_LOOKS_MAX: u32 = 3;
/// Between those.
const UNCLEAR_EVERY: Duration = Duration::from_secs(3);
/// Look-ups after a restart that are not answered: five minutes with the waits below.
const RESTART_LOOKS_MAX: u32 = 12;
/// Wait after the first look-up that was not answered; doubled after each further one.
const BACK_OFF_FIRST: Duration = Duration::from_secs(1);
/// Longest such wait.
const BACK_OFF_MAX: Duration = Duration::from_secs(30);

/// Why a write is looked for.
#[derive(Debug)]
enum Why {
    /// An earlier server may have sent it.
    Restart,
    /// It was sent and not answered.
    Unclear(String),
    /// It was accepted.
    Proof {
        reference: String,
        what: String,
        until: Instant,
    },
}

/// A write that is looked for.
#[derive(Debug)]
pub(super) struct Sought {
    parcel: Parcel,
    why: Why,
    looks: u32,
    due: Instant,
}

impl Sought {
    pub(super) const fn parcel(&self) -> &Parcel {
        &self.parcel
    }
}

/// All that are looked for, in no order.
#[derive(Debug, Default)]
pub(super) struct Open(VecDeque<Sought>);

impl Open {
    /// An earlier server may have sent it.
    pub(super) fn restarted(&mut self, parcel: Parcel) {
        self.add(parcel, Why::Restart, Duration::ZERO);
    }

    /// It was sent and not answered.
    pub(super) fn unclear(&mut self, parcel: Parcel, error: String) {
        self.add(parcel, Why::Unclear(error), Duration::ZERO);
    }

    /// When it was merely accepted, it is looked up from now on for as long as it may still take to be proven.
    pub(super) fn accepted(&mut self, parcel: Parcel, known: &Outcome, now: Moment) {
        let Outcome::Accepted { reference, what } = known.clone() else {
            return;
        };
        let passed = now.wall.since(parcel.asked.wall);
        // The end of the time was told already.
        let Some(left) = PROOF_SPAN
            .checked_sub(passed)
            .filter(|left| !left.is_zero())
        else {
            return;
        };
        let until = Instant::now() + left;
        let why = Why::Proof {
            reference,
            what,
            until,
        };
        self.add(parcel, why, PROOF_EVERY.min(left));
    }

    fn add(&mut self, parcel: Parcel, why: Why, wait: Duration) {
        if self.0.len() >= OPEN_MAX {
            // The oldest page stays what it is: accepted, not proven.
            let page = |sought: &Sought| matches!(sought.why, Why::Proof { .. });
            let oldest = self.0.iter().position(page).unwrap_or(0);
            self.0.remove(oldest);
        }
        self.0.push_back(Sought {
            parcel,
            why,
            looks: 0,
            due: Instant::now() + wait,
        });
    }

    /// When the next one is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.iter().map(|sought| sought.due).min()
    }

    /// The one that is due next.
    pub(super) fn take(&mut self) -> Option<Sought> {
        let due = self.due()?;
        let place = self.0.iter().position(|sought| sought.due == due)?;
        self.0.remove(place)
    }

    fn again(&mut self, mut sought: Sought, wait: Duration) {
        sought.due = Instant::now() + wait;
        self.0.push_back(sought);
    }

    /// Takes what a look-up found: the end of the write, or it is looked for again.
    pub(super) fn judge(
        &mut self,
        mut sought: Sought,
        found: Result<Option<Outcome>, WriteError>,
        now: Moment,
    ) -> Option<(WriteNo, Outcome)> {
        sought.looks = sought.looks.saturating_add(1);
        let no = sought.parcel.no;
        // Whoever cannot be asked now cannot be asked later either.
        let is_over = matches!(&found, Err(error) if error.permanent);
        match (found, &mut sought.why) {
            (Ok(Some(outcome @ (Outcome::Done { .. } | Outcome::Failed { .. }))), _) => {
                Some((no, outcome))
            }
            (
                Ok(Some(Outcome::Accepted { reference, .. })),
                Why::Proof {
                    reference: known, ..
                },
            ) => {
                if !reference.is_empty() {
                    *known = reference;
                }
                self.not_proven(sought)
            }
            (Ok(Some(outcome @ Outcome::Accepted { .. })), _) => {
                self.accepted(sought.parcel, &outcome, now);
                Some((no, outcome))
            }
            (Ok(None), Why::Restart) => {
                let what = "not found after restart; may be tried again by a person".to_owned();
                Some((no, Outcome::Unknown { what }))
            }
            (Ok(Some(outcome)), Why::Restart) => Some((no, outcome)),
            (
                Err(error),
                Why::Proof {
                    reference, what, ..
                },
            ) if is_over => {
                // Told by an earlier server already.
                if what.ends_with(&error.what) {
                    return None;
                }
                let (reference, what) = (reference.clone(), format!("{what}; {error}"));
                Some((no, Outcome::Accepted { reference, what }))
            }
            (_, Why::Proof { .. }) => self.not_proven(sought),
            (Err(error), Why::Restart) => {
                if is_over || sought.looks >= RESTART_LOOKS_MAX {
                    let what = format!("could not be looked for after restart: {error}");
                    return Some((no, Outcome::Unknown { what }));
                }
                let doublings = sought.looks.saturating_sub(1).min(16);
                let wait = BACK_OFF_FIRST
                    .saturating_mul(1 << doublings)
                    .min(BACK_OFF_MAX);
                self.again(sought, wait);
                None
            }
            (found, Why::Unclear(error)) => {
                if is_over || sought.looks >= UNCLEAR_LOOKS_MAX {
                    let looked = match found {
                        Ok(_) => "looked for and not found".to_owned(),
                        Err(error) => format!("could not be looked for: {error}"),
                    };
                    let what = format!("{looked}; sent and not answered: {error}");
                    return Some((no, Outcome::Unknown { what }));
                }
                self.again(sought, UNCLEAR_EVERY);
                None
            }
        }
    }

    /// Looks again; once the time is over, that it is not proven is its end.
    fn not_proven(&mut self, sought: Sought) -> Option<(WriteNo, Outcome)> {
        let Why::Proof {
            reference,
            what,
            until,
        } = &sought.why
        else {
            return None;
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let minutes = PROOF_SPAN.as_secs() / 60;
            let what = format!("not proven within {minutes} min; {what}");
            let reference = reference.clone();
            return Some((sought.parcel.no, Outcome::Accepted { reference, what }));
        }
        self.again(sought, PROOF_EVERY.min(left));
        None
    }
}
