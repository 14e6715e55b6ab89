//! The banner of somebody who goes alone, with the key that stops them; and of a review that is owed.

use super::Cx;
use crate::domain::confirm::breakglass::bad_guards;
use crate::domain::fact::Page;
use crate::domain::state::{Countdown, Glass};
use crate::domain::time::short_span;
use crate::ui::action::Action;
use crate::ui::canvas::Canvas;
use crate::ui::keymap::keys_of;
use crate::ui::text::Row;
use crate::ui::theme::Role;

/// What every view shows while somebody goes alone, or a review is owed; what must be read comes first, the reason is cut.
pub(super) fn banner(cx: &Cx<'_>, canvas: &Canvas<'_>, width: usize) -> Option<Row> {
    let style = canvas.of(Role::Danger);
    let number = |step| {
        let view = cx.room.state.find(step);
        view.map_or_else(|| step.to_string(), |view| view.plan.number.clone())
    };
    let (what, reason) = if let Some(open) = &cx.room.state.proposal
        && let Some(glass) = &open.glass
    {
        let step = number(&open.terms.step);
        let veto = keys_of(Action::Veto);
        let stage = stage(cx, glass, open.armed.is_some());
        let what = format!(
            " BREAK-GLASS {stage} -- {veto} VETOES -- {}{} runs {step} alone: ",
            flaws(cx, glass),
            glass.person
        );
        (what, &glass.reason)
    } else {
        let owed = cx.room.state.review_owed()?;
        let step = number(&owed.ran.terms.step);
        let key = keys_of(Action::ReviewAlone);
        let what = format!(
            " REVIEW OWED -- {key}: anybody but {} signs one -- {step} was run alone: ",
            owed.person
        );
        (what, &owed.reason)
    };
    let row = Row::of("", style).text(&what, style).text(reason, style);
    Some(row.fit(width, canvas.signs()))
}

/// What makes it worse than it has to be.
fn flaws(cx: &Cx<'_>, glass: &Glass) -> String {
    let mut text = String::new();
    if matches!(glass.page, Some(Page::Down { .. })) {
        text.push_str("PAGE NOT SENT -- ");
    }
    if !bad_guards(&cx.room.state).is_empty() {
        text.push_str("GUARDS NOT GOOD -- ");
    }
    text
}

/// How far it is, in a few cells.
fn stage(cx: &Cx<'_>, glass: &Glass, is_armed: bool) -> String {
    match (&glass.page, &glass.countdown) {
        _ if is_armed => "ARMED".to_owned(),
        (_, Some(countdown)) => match left(countdown, cx) {
            0 if glass.is_witnessed() => "0s".to_owned(),
            0 => "waits for a checkpoint to leave".to_owned(),
            left => short_span(std::time::Duration::from_secs(left)),
        },
        (None, None) => "paging".to_owned(),
        (Some(_), None) => "not signed yet".to_owned(),
    }
}

/// Seconds left, by the wall clock alone: this screen may be on another host, whose boot clock says nothing here.
fn left(countdown: &Countdown, cx: &Cx<'_>) -> u64 {
    countdown.until().since(cx.now.wall).as_secs()
}
