//! Ends holds. Every alert that holds or fires unexpectedly stands above the line, and what stood there goes along: the
//! server releases no alert that came later.

use super::Work;
use crate::domain::command::{AlertsSeen, alerts_told};
use crate::ui::layers::Purpose;

pub(super) fn ask(work: &mut Work<'_>) {
    let question = "end all holds: why is it safe to go on?";
    let state = work.room.map(|room| &room.state);
    let seen = state.map(AlertsSeen::of).filter(|seen| seen.holds > 0);
    let told = state.map(alerts_told).filter(|told| !told.is_empty());
    let title = match told {
        Some(told) => format!("{told}. {question}"),
        None => format!("{question} (needed while a guard is not good)"),
    };
    work.prompt(Purpose::Release(seen), title);
}
