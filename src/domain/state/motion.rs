//! Motions of a session: the one that is open, and what was carried.

use super::State;
use crate::domain::amend::{Amendment, Change};
use crate::domain::digest::Digest;
use crate::domain::fact::Via;
use crate::domain::id::{FreezeId, PersonId, Seq};
use crate::domain::motion::{MOTION_LIFE, Motion, MotionNo};
use crate::domain::runbook::plan::Window;
use crate::domain::time::{Moment, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Motions of a session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Motions {
    /// Number of the newest one; 0 before the first.
    pub newest: MotionNo,
    /// The one that waits for a second person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Box<Tabled>>,
    /// Those that were carried, oldest first; at most as many as there are motions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<Carried>,
    /// Words on the last one that ended without being carried, for the screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ended: Option<(MotionNo, String)>,
}

impl Motions {
    /// True before the first motion.
    pub const fn is_none(&self) -> bool {
        self.newest.0 == 0
    }
}

/// A motion that waits for a second person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tabled {
    /// Its number.
    pub no: MotionNo,
    /// What is moved.
    pub what: Motion,
    /// Why.
    pub reason: String,
    /// Who made it.
    pub by: PersonId,
    /// How they are known.
    pub via: Via,
    /// When it was recorded.
    pub made: Moment,
    /// From when on it is open.
    pub issued: Timestamp,
    /// When it ends by itself.
    pub expires: Timestamp,
    /// Sequence and hash of the record: what a second person's statement names.
    pub record: (Seq, Digest),
    /// What an amendment comes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amendment: Option<Arc<Amendment>>,
}

impl Tabled {
    /// True when its time has run out on either clock.
    pub fn is_expired(&self, now: Moment) -> bool {
        now.wall >= self.expires || now.has_passed(self.made, MOTION_LIFE)
    }
}

/// A motion two people agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Its number.
    pub no: MotionNo,
    /// What was moved.
    pub what: Motion,
    /// Why.
    pub reason: String,
    /// Who made it.
    pub by: PersonId,
    /// Who seconded it.
    pub second: PersonId,
    /// When.
    pub at: Timestamp,
    /// What an amendment made another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amended: Option<Box<Amended>>,
}

/// What an amendment made another, as it was when it was carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amended {
    /// Digest of the plan before.
    pub before: Digest,
    /// Digest of the plan since: that of the runbook, with what was done as it ran.
    pub plan: Digest,
    /// Digest of the runbook's bytes.
    pub runbook: Digest,
    /// What became another; at most [`CHANGES_KEPT_MAX`].
    ///
    /// [`CHANGES_KEPT_MAX`]: crate::domain::amend::CHANGES_KEPT_MAX
    pub changes: Vec<Change>,
    /// Further changes.
    #[serde(default)]
    pub more: usize,
}

impl State {
    /// The window as it stands: the announced one, with its end where two people have put it.
    pub fn window(&self) -> Option<Window> {
        let announced = self.plan().window?;
        let end = self.extensions().map(|(until, _)| until).max();
        let end = end.map_or(announced.end, |until| until.max(announced.end));
        Some(Window { end, ..announced })
    }

    /// The carried motion that put the end of the window where it stands; absent while it is the announced one.
    pub fn extension(&self) -> Option<&Carried> {
        let by_end = self.extensions().max_by_key(|(until, _)| *until);
        by_end.map(|(_, carried)| carried)
    }

    /// Amendments that were carried, oldest first.
    pub fn amendments(&self) -> impl Iterator<Item = (&Carried, &Amended)> {
        let carried = self.motions.carried.iter();
        carried.filter_map(|carried| Some((carried, carried.amended.as_deref()?)))
    }

    fn extensions(&self) -> impl Iterator<Item = (Timestamp, &Carried)> {
        self.motions.carried.iter().filter_map(|carried| {
            if let Motion::ExtendWindow { until } = carried.what {
                Some((until, carried))
            } else {
                None
            }
        })
    }

    /// True when two people have agreed to work in spite of this freeze.
    pub fn is_overridden(&self, freeze: &FreezeId) -> bool {
        self.motions.carried.iter().any(|carried| {
            matches!(&carried.what, Motion::OverrideFreeze { freeze: of } if of == freeze)
        })
    }
}
