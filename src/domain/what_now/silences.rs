//! Silences that live as long as the work: one that is waited for, withheld, running out, or left over.

use super::{OPERATOR, Severity, WhatNow};
use crate::domain::board::Board;
use crate::domain::readiness::StepView;
use crate::domain::silences::{
    Kept, label_of, left_over as all_left, outlook_words, running_out, said, waits,
};
use crate::domain::state::{Stage, State};
use crate::domain::time::{Timestamp, short_span};
use crate::domain::write::Lifetime;

/// Why the session is held.
pub(super) fn held(state: &State, lifetime: &Lifetime) -> String {
    let label = label_of(state.plan(), lifetime);
    let because = said(state, lifetime).and_then(|said| said.withheld.as_ref());
    match because {
        Some(because) => format!("the silence for {label} is withheld: {because}"),
        None => format!("the silence for {label} is withheld"),
    }
}

/// Before the begin: that the silence would be withheld.
pub(super) fn before(state: &State, board: &Board, mut line: WhatNow) -> WhatNow {
    if let Some(Err(why)) = outlook_words(state, board) {
        line.severity = line.severity.max(Severity::Warn);
        line.why = match line.why.as_str() {
            "" => why,
            known => format!("{known}; {why}"),
        };
    }
    line
}

/// A step whose commands wait for a silence.
pub(super) fn waiting(state: &State, view: StepView<'_>, now: Timestamp) -> Option<WhatNow> {
    let is_between = view.now.stage() == Some(Stage::Between) && view.now.tries == 0;
    let waits = is_between && waits(state, view, now);
    let label = view.plan.to_label();
    waits.then(|| {
        WhatNow::new(Severity::Calm, format!("{label} waits for its silence"))
            .because("it is asked for, and not there yet")
    })
}

/// After the end: what is still muted although its end was asked for.
pub(super) fn left_over(state: &State, now: Timestamp) -> Option<WhatNow> {
    let left = all_left(state, now);
    let first = left.first()?;
    let line = WhatNow::new(Severity::Bad, still(first))
        .by(OPERATOR, true)
        .because(format!("its end was asked for {} times", first.ends));
    Some(line.until(Some(first.latest)))
}

/// What is to be known of silences while the work goes on.
pub(super) fn ahead(state: &State, now: Timestamp) -> Option<String> {
    let left = all_left(state, now);
    if let Some(first) = left.first() {
        return Some(still(first));
    }
    let out = running_out(state, now);
    let first = out.first()?;
    let span = short_span(first.until.since(now));
    let label = label_of(state.plan(), first.lifetime);
    Some(format!(
        "the silence for {label} by `{}` runs out in {span}: its end could not be moved",
        first.connector
    ))
}

fn still(kept: &Kept<'_>) -> String {
    let (what, connector) = (kept.what(), kept.connector);
    let id = match kept.reference {
        "" => format!("a silence of `{connector}`, if it was made,"),
        id => format!("silence {id} of `{connector}`"),
    };
    format!("{id} still mutes {what}: U ends it by hand")
}
