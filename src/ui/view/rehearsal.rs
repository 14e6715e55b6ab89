//! Rehearsals in the briefing: that this is one, or which ones there were and how they differ.

use super::Cx;
use crate::domain::fact::Genesis;
use crate::domain::rehearsal::{self, Wanted};
use crate::domain::runbook::plan::{PlanStep, Risk};
use crate::domain::time::short_span;
use crate::ui::canvas::Canvas;
use crate::ui::text::Row;
use crate::ui::theme::Role;

/// Rows of the briefing; none where nothing was rehearsed and nothing is asked for.
pub(crate) fn rows(cx: &Cx<'_>, canvas: &Canvas<'_>, width: usize) -> Vec<Row> {
    let genesis = &cx.room.state.genesis;
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let mut rows = Vec::new();
    if let Some(rehearsal) = &genesis.rehearsal {
        let row = Row::of("REHEARSAL of this runbook with ", canvas.of(Role::Warn));
        let row = row.text(&rehearsal.env_file, text);
        rows.extend(
            row.fixed("; not the real thing", canvas.of(Role::Warn))
                .wrap(width),
        );
        return rows;
    }
    for one in &genesis.rehearsed {
        let row = Row::of("rehearsed ", dim).text(&rehearsal::line(one), text);
        rows.extend(row.wrap(width));
        for what in &one.differs {
            rows.extend(Row::of("  differs: ", dim).text(what, text).wrap(width));
        }
    }
    let owed = owed(cx, genesis);
    if let Some((step, why)) = owed.first() {
        let row = Row::of("REHEARSAL REQUIRED ", canvas.of(Role::Bad));
        let row = row
            .text(&step.number, text)
            .fixed(": ", text)
            .text(why, text);
        let more = owed.len().saturating_sub(1);
        let row = if more > 0 {
            row.text(&format!(" ({more} more steps)"), dim)
        } else {
            row
        };
        rows.extend(row.wrap(width));
        let what = "rehearse it (warroom rehearse), then start this session anew";
        rows.extend(Row::of("  ", dim).text(what, text).wrap(width));
    }
    rows
}

/// Steps that will be refused for want of a rehearsal, with the reason.
fn owed<'a>(cx: &Cx<'_>, genesis: &'a Genesis) -> Vec<(&'a PlanStep, String)> {
    let now = cx.now.wall;
    let steps = genesis.plan.steps.iter();
    let forward = steps.filter(|step| {
        let phase = genesis.plan.phases.get(step.phase);
        step.risk.needs_second_person() && !phase.is_some_and(|phase| phase.rollback)
    });
    let why = |step: &'a PlanStep| {
        let wanted = wanted(cx, step.risk)?;
        let why = rehearsal::standing(genesis, &step.id, wanted, now).err()?;
        Some((step, why))
    };
    forward.filter_map(why).collect()
}

fn wanted(cx: &Cx<'_>, risk: Risk) -> Option<Wanted> {
    let mut classes = cx.room.welcome.policy.classes.iter();
    let (_, rule) = classes.find(|(class, _)| *class == risk)?;
    rule.rehearsal
}

/// `rehearsed 1m20s`, for a step that was.
pub(crate) fn took(genesis: &Genesis, step: &PlanStep) -> Option<String> {
    rehearsal::took(genesis, &step.id).map(short_span)
}
