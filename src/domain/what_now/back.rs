//! What now while something runs or is undone.

use super::{Severity, WhatNow};
use crate::domain::state::State;

/// Something goes on; by itself where a guard began the way back, and then with what stops it.
pub(super) fn undoing(state: &State, what: String) -> WhatNow {
    let Some(acted) = state.went_back_by_itself() else {
        return WhatNow::new(Severity::Calm, what);
    };
    let why = format!(
        "`h` stops it before the next one, `x` stops this one; {}",
        acted.what
    );
    WhatNow::new(Severity::Warn, format!("BY ITSELF: {what}")).because(why)
}
