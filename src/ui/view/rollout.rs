//! The matrix of a rollout: units by steps, beside the checklist while a phase with units is worked on.
//!
//! Every state is told by its own sign, and the worst of a unit by a word at the end of its row.

use super::{Cx, run_on};
use crate::domain::readiness::StepView;
use crate::domain::rollout::{UnitView, Wait, floor};
use crate::domain::runbook::plan::{Compare, Floor, Rollout};
use crate::domain::state::StepStatus;
use crate::domain::time::short_span;
use crate::ui::action::Action;
use crate::ui::canvas::{Canvas, Target, line_of};
use crate::ui::keymap::keys_of;
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::widgets::matrix::{Line, Matrix};
use crate::ui::widgets::pane;
use crate::ui::words;
use ratatui::layout::Rect;

/// Rows of the frame, of the names of the columns, and of what else stands above and below the units at most.
const AROUND: u16 = 7;
/// Fewest rows of units: the one that is worked on, and its neighbours.
const UNITS_MIN: u16 = 3;
/// Fewest rows the pane beside it keeps.
const BESIDE_MIN: u16 = 7;

/// Cuts the matrix off the lower end of a place, where a rollout is worked on; nothing where none is, or there is no room.
pub(crate) fn place(cx: &Cx<'_>, area: Rect) -> (Rect, Option<Rect>) {
    let Some((phase, _)) = cx.room.state.current_rollout() else {
        return (area, None);
    };
    let units = cx.room.state.plan().units_of(phase);
    let batches = units.last().map_or(0, |unit| unit.batch.saturating_sub(1));
    let lines = u32::try_from(units.len()).unwrap_or(u32::MAX);
    let lines = u16::try_from(lines.saturating_add(batches)).unwrap_or(u16::MAX);
    let half = (area.height / 2).saturating_add(1);
    let most = half.min(area.height.saturating_sub(BESIDE_MIN));
    let height = lines.max(1).saturating_add(AROUND).min(most);
    if height < UNITS_MIN.saturating_add(AROUND) && height < lines.saturating_add(AROUND) {
        return (area, None);
    }
    let rest = area.height.saturating_sub(height);
    let above = Rect {
        height: rest,
        ..area
    };
    let below = Rect {
        y: area.y.saturating_add(rest),
        height,
        ..area
    };
    (above, Some(below))
}

/// Draws the matrix of the rollout that is worked on.
pub(crate) fn draw(cx: &Cx<'_>, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let state = &cx.room.state;
    let Some((phase, rollout)) = state.current_rollout() else {
        return;
    };
    let units = state.units(phase);
    let style = canvas.of(Role::Border);
    let inner = pane::frame(canvas, area, title(canvas, &units, rollout), style);
    let height = usize::from(inner.height);
    let mut line = 0;
    if let Some(row) = rollout
        .floor
        .as_ref()
        .map(|f| floor_row(cx, canvas, phase, f))
    {
        canvas.row(inner, line, row);
        line = line.saturating_add(1);
    }
    let mut foot = foot(cx, canvas, phase);
    foot.extend(run_on::row(cx, canvas, phase, usize::from(inner.width)));
    let room = height.saturating_sub(line).saturating_sub(foot.len());
    let (matrix, places) = matrix(cx, canvas, &units, model.step);
    for (row, unit) in matrix.window(usize::from(inner.width), room, canvas) {
        canvas.row(inner, line, row);
        let place = unit.and_then(|unit| places.get(unit)).copied();
        if let (Some(step), Some(place)) = (place, line_of(inner, line)) {
            canvas.target(place, Target::Step(step));
        }
        line = line.saturating_add(1);
    }
    for row in foot {
        canvas.row(inner, line, row);
        line = line.saturating_add(1);
    }
}

fn title(canvas: &Canvas<'_>, units: &[UnitView<'_>], rollout: &Rollout) -> Row {
    let dim = canvas.of(Role::Dim);
    let passed = units.iter().filter(|u| u.is_passed() && !u.is_left_out);
    let failed = units.iter().filter(|u| u.has_failed()).count();
    let row = Row::of(" ", dim).fixed(rollout.strategy.as_str(), canvas.of(Role::Title));
    let row = row.text(&format!(" {}/{}", passed.count(), units.len()), dim);
    let row = if failed > 0 {
        let text = format!(", {failed} failed ({} may)", rollout.max_failed);
        row.text(&text, canvas.of(Role::Bad))
    } else {
        row
    };
    row.fixed(" ", dim)
}

/// Signs of every unit, batch by batch, and the step that each row leads to.
fn matrix(
    cx: &Cx<'_>,
    canvas: &Canvas<'_>,
    units: &[UnitView<'_>],
    selected: usize,
) -> (Matrix, Vec<usize>) {
    let state = &cx.room.state;
    let glyphs = canvas.look().glyphs;
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let current = super::super::update::current_step(cx.room);
    let mut lines = Vec::new();
    let mut places = Vec::new();
    let mut focus = 0;
    let mut batch = None;
    for (place, unit) in units.iter().enumerate() {
        if batch.is_some_and(|batch| batch != unit.unit.batch)
            || unit.unit.canary && batch.is_none()
        {
            let word = if unit.unit.canary {
                "-- canary".to_owned()
            } else {
                format!("-- batch {}", unit.unit.batch)
            };
            lines.push(Line {
                name: Row::new().text(&word, dim),
                cells: Vec::new(),
                tail: Row::new(),
                unit: None,
            });
        }
        batch = Some(unit.unit.batch);
        let has = |index: usize| unit.steps.iter().any(|step| step.index == index);
        let is_now = current.is_some_and(has);
        let cursor = if is_now { glyphs.cursor } else { " " };
        let style = if is_now {
            canvas.of(Role::Strong)
        } else {
            text
        };
        if has(selected) {
            focus = lines.len();
        }
        let cells = unit.steps.iter().map(|step| {
            let mark = words::step(state, step.index, glyphs);
            (mark.glyph, canvas.of(mark.role))
        });
        lines.push(Line {
            name: Row::of(cursor, canvas.of(Role::Active)).text(&unit.unit.component, style),
            cells: cells.collect(),
            tail: tail(cx, canvas, unit),
            unit: Some(place),
        });
        let open = unit.steps.iter().find(|s| !s.now.status.is_passed());
        let step = open.or(unit.steps.last()).map_or(0, |step| step.index);
        places.push(step);
    }
    let heads = heads(units);
    let matrix = Matrix {
        heads,
        lines,
        focus,
    };
    (matrix, places)
}

/// Names of the steps of a unit, by title where that is the same in all of them; empty names where none is, and nothing where
/// an amendment has given units more steps than others.
fn heads(units: &[UnitView<'_>]) -> Vec<String> {
    let Some(first) = units.first() else {
        return Vec::new();
    };
    let count = first.steps.len();
    if units.iter().any(|unit| unit.steps.len() != count) {
        return Vec::new();
    }
    let place = |at: usize| {
        let same = |of: fn(&StepView<'_>, &str) -> String| {
            let mut names = units.iter().filter_map(|unit| {
                let step = unit.steps.get(at)?;
                Some(of(step, &unit.unit.component))
            });
            let name = names.next().unwrap_or_default();
            names.all(|other| other == name).then_some(name)
        };
        let of_step = same(short).or_else(|| same(bare));
        of_step.unwrap_or_default()
    };
    (0..count).map(place).collect()
}

/// What a step is called without its unit: by its title, or by its id where that is shorter, as those are that people gave.
fn short(step: &StepView<'_>, component: &str) -> String {
    let plain = |word: &&str| word.trim_matches(|c: char| !c.is_alphanumeric()) != component;
    let words: Vec<&str> = step.plan.title.split_whitespace().filter(plain).collect();
    let (title, id) = (words.join(" ").to_lowercase(), bare(step, component));
    if title.is_empty() || (!id.is_empty() && id.len() < title.chars().count()) {
        id
    } else {
        title
    }
}

/// The id of a step without its unit; empty where the unit's name is not in it as it is.
fn bare(step: &StepView<'_>, component: &str) -> String {
    let id = step.plan.id.as_str().strip_suffix(component);
    let id = id.and_then(|id| id.strip_suffix('.'));
    id.unwrap_or_default().to_owned()
}

/// The word for where a unit stands as a whole.
fn tail(cx: &Cx<'_>, canvas: &Canvas<'_>, unit: &UnitView<'_>) -> Row {
    let glyphs = canvas.look().glyphs;
    if unit.is_left_out {
        return Row::of("LEFT OUT", canvas.of(Role::Warn));
    }
    let worst = unit.steps.iter().find(|step| {
        matches!(
            step.now.status,
            StepStatus::Failed { .. }
                | StepStatus::UndoFailed { .. }
                | StepStatus::Unknown
                | StepStatus::Undoing
                | StepStatus::Active { .. }
        )
    });
    if let Some(worst) = worst {
        let mark = words::step(&cx.room.state, worst.index, glyphs);
        return Row::of(mark.word, canvas.of(mark.role));
    }
    if unit.is_passed() {
        Row::of("done", canvas.of(Role::Good))
    } else if unit.is_begun {
        Row::of("begun", canvas.of(Role::Active))
    } else {
        Row::of("waits", canvas.of(Role::Dim))
    }
}

/// `floor ok 6 now, 5 without it, >= 4`: the server judges; this is the same sum from the same readings.
fn floor_row(cx: &Cx<'_>, canvas: &Canvas<'_>, phase: usize, limit: &Floor) -> Row {
    let state = &cx.room.state;
    let row = Row::of("floor ", canvas.of(Role::Dim));
    let begun = super::super::update::current_step(cx.room)
        .and_then(|index| state.view(index))
        .and_then(|view| view.plan.unit.as_ref())
        .and_then(|unit| state.rollout(phase).begun.get(&unit.component))
        .and_then(Option::as_ref)
        .map(|quote| quote.sample.value);
    let sample = match floor::on_board(&cx.room.board, &limit.id, cx.now.wall) {
        Ok(sample) => sample,
        Err(why) => {
            let text = format!("UNKNOWN, {}: no unit begins; {}", why.as_str(), limit.limit);
            return row.text(&text, canvas.of(Role::Unknown));
        }
    };
    let left = floor::left(sample.value, begun);
    let (word, role) = if limit.limit.holds(left) {
        ("ok", Role::Good)
    } else {
        ("TOO FEW", Role::Bad)
    };
    // The verdict first: a narrow pane cuts the end off.
    let sum = format!(" {} now, {left} without it, {}", sample.value, limit.limit);
    row.fixed(word, canvas.of(role))
        .text(&sum, canvas.of(Role::Text))
}

/// What the next unit waits for, until when, and the key that ends it; and the key that takes the switch back.
fn foot(cx: &Cx<'_>, canvas: &Canvas<'_>, phase: usize) -> Vec<Row> {
    let state = &cx.room.state;
    let mut rows = Vec::new();
    let (dim, key) = (canvas.of(Role::Dim), canvas.of(Role::Key));
    if let Some(wait) = state.rollout_wait(phase) {
        let (word, role) = match wait {
            Wait::Pause { .. } => ("pause", Role::Active),
            Wait::Soak { .. } => ("soak", Role::Active),
            Wait::Stopped { .. } => ("STOPPED", Role::Bad),
        };
        let mut row = Row::of(word, canvas.of(role));
        if let Some(end) = wait.ends() {
            let left = short_span(end.wall.since(cx.now.wall));
            let text = format!(" until {}Z ({left})", end.wall.to_clock_text());
            row = row.text(&text, canvas.of(Role::Text));
        } else if let Wait::Stopped { failed, allowed } = wait {
            row = row.text(
                &format!(": {failed} failed, {allowed} may"),
                canvas.of(Role::Text),
            );
        }
        rows.push(
            row.fixed(" ", dim)
                .fixed(keys_of(Action::RolloutOn), key)
                .fixed(" on", dim),
        );
        if let Wait::Soak {
            compare: Some(compare),
            ..
        } = wait
        {
            rows.push(compare_row(cx, canvas, compare));
        }
    }
    rows
}

fn compare_row(cx: &Cx<'_>, canvas: &Canvas<'_>, compare: &Compare) -> Row {
    use crate::domain::runbook::plan::Against;
    let limit = match compare.against {
        Against::Ratio(ratio) => format!("at most {ratio} times the rest"),
        Against::Difference(most) => format!("at most {most} above the rest"),
        Against::Limit(limit) => limit.to_string(),
    };
    let row = Row::of("canary ", canvas.of(Role::Dim)).text(&limit, canvas.of(Role::Text));
    match floor::on_board(&cx.room.board, &compare.id, cx.now.wall) {
        Ok(_) => row,
        Err(why) => row.text(
            &format!(": UNKNOWN, {}", why.as_str()),
            canvas.of(Role::Unknown),
        ),
    }
}
