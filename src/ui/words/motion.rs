//! Words for what happens to motions.

use crate::domain::fact::{MotionEvent, Moved};

/// What happened, without its time and actor.
pub(super) fn fact(moved: &Moved) -> String {
    let no = moved.no;
    match &moved.event {
        MotionEvent::Made { what, reason, .. } => format!("motion {no}: {what}: {reason}"),
        MotionEvent::Carried => format!("seconded motion {no}: it is in force"),
        MotionEvent::Ended { why } => format!("motion {no} ended: {why}"),
        MotionEvent::Refused { asked, reason } => {
            format!("refused to {asked} motion {no}: {reason}")
        }
    }
}
