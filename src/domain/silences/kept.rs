//! Where each silence of the program's own stands, read from its writes.

use crate::domain::id::ConnectorName;
use crate::domain::state::State;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::{Cause, Deed, Lifetime, Matcher, Outcome, WriteNo, WriteState};
use std::time::Duration;

/// Time after its end within which a silence may still hold by the clock of the system that has it.
pub const MARGIN: Duration = Duration::from_secs(60);

/// Where a silence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// Asked for; what came of it is not known yet.
    Asked,
    /// It is there.
    Holds,
    /// Nobody knows whether it is there.
    Doubtful,
    /// It is not there.
    Over(Over),
}

impl Stand {
    /// True when it cannot mute anything any more.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Over(_))
    }
}

/// How a silence came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// By us, and that is known.
    Ended,
    /// It never was there.
    NotMade,
    /// Its time has run out.
    RanOut,
    /// Somebody else has ended it.
    Elsewhere,
}

/// One silence of the program's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<'a> {
    /// The write that began it.
    pub no: WriteNo,
    /// How long it lives.
    pub lifetime: &'a Lifetime,
    /// Who has it.
    pub connector: &'a ConnectorName,
    /// Components that it mutes.
    pub components: &'a [String],
    /// Labels that it mutes by.
    pub matchers: &'a [Matcher],
    /// Alerts that it was going to mute when it was asked for.
    pub muted: u32,
    /// When it was asked for.
    pub asked: Moment,
    /// When it ends by itself, as far as that is known.
    pub until: Timestamp,
    /// When it ends by itself at the latest, whatever became of what is not known.
    pub latest: Timestamp,
    /// The system's id of it, or empty.
    pub reference: &'a str,
    /// Where it stands.
    pub stand: Stand,
    /// Nobody knew for a while whether it was there.
    pub was_doubtful: bool,
    /// Times its end was asked for.
    pub ends: u32,
    /// The newest of those: when it was asked for, and whether it is known what came of it.
    pub last_end: Option<(Moment, bool)>,
    /// When the move of its end was asked for last, and whether it is known what came of it.
    pub last_extension: Option<(Moment, bool)>,
    /// What came of it where it was not made.
    pub why: &'a str,
    /// When it came to its end, as far as that is known.
    pub over: Option<Timestamp>,
}

impl Kept<'_> {
    /// What it mutes: components, for systems that take labels too.
    pub fn what(&self) -> String {
        self.components.join(", ")
    }

    /// True while it is not known what came of the newest end.
    pub fn is_ending(&self) -> bool {
        self.last_end.is_some_and(|(_, is_known)| !is_known)
    }

    /// True while it is not known what came of the newest extension.
    pub fn is_extending(&self) -> bool {
        self.last_extension.is_some_and(|(_, is_known)| !is_known)
    }
}

/// Every silence that the program itself has asked for, oldest first.
pub fn kept(state: &State, now: Timestamp) -> Vec<Kept<'_>> {
    let mut all: Vec<Kept<'_>> = Vec::new();
    for write in &state.writes {
        match &write.write.cause {
            Some(Cause::Begins { lifetime, muted }) => all.extend(begun(write, lifetime, *muted)),
            Some(Cause::Extends { of }) => {
                if let Some(one) = all.iter_mut().find(|one| one.no == *of) {
                    extended(one, write);
                }
            }
            Some(Cause::Ends { of }) => {
                if let Some(one) = all.iter_mut().find(|one| one.no == *of) {
                    ended(one, write);
                }
            }
            None => by_hand(&mut all, write),
        }
    }
    for one in &mut all {
        if !one.stand.is_over() && now > one.latest.plus(MARGIN) {
            one.stand = Stand::Over(Over::RanOut);
            one.over = Some(one.latest);
        } else if one.stand == Stand::Holds && now > one.latest {
            // It counts for nothing any more, and is not yet certain to be gone.
            one.stand = Stand::Doubtful;
        }
    }
    all
}

fn begun<'a>(write: &'a WriteState, lifetime: &'a Lifetime, muted: u32) -> Option<Kept<'a>> {
    let Deed::Mute {
        components,
        matchers,
        until,
        ..
    } = &write.write.deed
    else {
        return None;
    };
    let (stand, why) = match &write.outcome {
        None => (Stand::Asked, ""),
        Some(Outcome::Done { .. } | Outcome::Accepted { .. }) => (Stand::Holds, ""),
        Some(Outcome::Failed { what }) => (Stand::Over(Over::NotMade), what.as_str()),
        Some(Outcome::Unknown { what }) => (Stand::Doubtful, what.as_str()),
    };
    Some(Kept {
        no: write.write.no,
        lifetime,
        connector: &write.write.connector,
        components,
        matchers,
        muted,
        asked: write.asked,
        until: *until,
        latest: *until,
        reference: write.outcome.as_ref().map_or("", Outcome::reference),
        stand,
        was_doubtful: stand == Stand::Doubtful,
        ends: 0,
        last_end: None,
        last_extension: None,
        why,
        over: None,
    })
}

fn extended<'a>(one: &mut Kept<'a>, write: &'a WriteState) {
    let Deed::Extend { until, .. } = &write.write.deed else {
        return;
    };
    one.last_extension = Some((write.asked, write.outcome.is_some()));
    match &write.outcome {
        Some(Outcome::Done { reference, .. }) if reference.is_empty() => {
            is_over(one, Over::Elsewhere, write);
        }
        Some(Outcome::Done { reference, .. }) => {
            one.reference = reference;
            one.until = one.until.max(*until);
            one.latest = one.latest.max(*until);
        }
        Some(Outcome::Failed { .. }) => {}
        None | Some(Outcome::Accepted { .. } | Outcome::Unknown { .. }) => {
            one.latest = one.latest.max(*until);
        }
    }
}

fn ended(one: &mut Kept<'_>, write: &WriteState) {
    one.ends = one.ends.saturating_add(1);
    one.last_end = Some((write.asked, write.outcome.is_some()));
    if matches!(write.outcome, Some(Outcome::Done { .. })) {
        is_over(one, Over::Ended, write);
    }
}

fn is_over(one: &mut Kept<'_>, how: Over, write: &WriteState) {
    if !one.stand.is_over() {
        one.stand = Stand::Over(how);
        one.over = write.ended.map(|at| at.wall);
    }
}

/// A person may end what the program has begun; it is not begun again against their will.
fn by_hand(all: &mut [Kept<'_>], write: &WriteState) {
    let Deed::Unmute { reference } = &write.write.deed else {
        return;
    };
    if !matches!(write.outcome, Some(Outcome::Done { .. })) {
        return;
    }
    let connector = &write.write.connector;
    for one in all {
        if one.connector == connector && one.reference == reference {
            is_over(one, Over::Elsewhere, write);
        }
    }
}
