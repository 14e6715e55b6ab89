//! What ends an open motion by itself.

use crate::domain::fact::{Fact, MotionEnd, MotionEvent, Moved};
use crate::domain::state::State;
use crate::domain::time::Moment;

pub(super) fn close(state: &State, now: Moment) -> Option<Vec<Fact>> {
    let open = state.motions.open.as_deref()?;
    let why = if state.phase.is_final() {
        let what = "the maintenance is over".to_owned();
        MotionEnd::Moot { what }
    } else if open.is_expired(now) {
        MotionEnd::Expired
    } else {
        return None;
    };
    let event = MotionEvent::Ended { why };
    Some(vec![Fact::Motion(Moved { no: open.no, event })])
}
