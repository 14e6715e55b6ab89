//! Guards and panels: verdict, value, age, recent past and limits, each told in words too.

use super::{Cx, nothing, top_pane, waiting};
use crate::domain::board::{Metric, Track};
use crate::domain::runbook::plan::MetricRule;
use crate::domain::threshold::{OnNoData, Op, Unknown, Verdict};
use crate::ui::action::Pane;
use crate::ui::canvas::Canvas;
use crate::ui::model::Model;
use crate::ui::room::Link;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::widgets::spark;
use crate::ui::words;
use ratatui::layout::Rect;

/// Cells that further rows of what is waited for are moved in.
const WAITING_INDENT: usize = 2;
/// Rows of one thing that is waited for: a verdict, what is wanted, what was seen. Labels beyond that are in the step.
const WAITING_ROWS_MAX: usize = 3;

/// Draws the thresholds.
pub(crate) fn draw(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let width = usize::from(area.width.saturating_sub(2));
    let height = usize::from(area.height.saturating_sub(2));
    let phase = cx.room.state.current_phase();
    let mut lines: Vec<Line<'_>> = cx
        .room
        .state
        .all_rules()
        .map(|rule| line(cx, canvas, rule, phase))
        .collect();
    let columns = Columns::of(&lines, width, height);
    let bad = bad(canvas, &lines);
    let waiting = waiting::rows(cx, canvas).into_iter();
    // What is waited for is what people look at: the value seen is not cut off at its end.
    let waiting = waiting.flat_map(|row| {
        row.hang(width, WAITING_INDENT)
            .into_iter()
            .take(WAITING_ROWS_MAX)
    });
    let waiting: Vec<Row> = waiting.collect();
    if lines
        .len()
        .saturating_mul(columns.rows())
        .saturating_add(waiting.len())
        > height
    {
        // Not all are seen: what is not good must be among those that are.
        lines.sort_by_key(|line| (line.sign.role != Role::Bad, !line.is_bad));
    }
    let mut rows: Vec<Row> = Vec::new();
    for row in waiting {
        rows.push(row.fit(width, canvas.signs()));
    }
    for one in lines {
        rows.extend(one.rows(canvas, columns));
    }
    if rows.is_empty() {
        rows.push(nothing(canvas, "the runbook declares no guards or panels"));
    }
    top_pane(
        model,
        canvas,
        area,
        Pane::Thresholds,
        explained(canvas, bad.row(sources(cx, canvas)), width),
        &rows,
    );
}

/// Says behind the title which columns these are, where there is room.
fn explained(canvas: &Canvas<'_>, title: Row, width: usize) -> Row {
    let columns = Row::of(" (value, age)", canvas.of(Role::Dim));
    // The frame takes two cells at each end of the title, the spaces around the name two more.
    let taken = "thresholds"
        .len()
        .saturating_add(title.width())
        .saturating_add(columns.width())
        .saturating_add(6);
    if taken > width {
        title
    } else {
        title.row(columns)
    }
}

/// How many are not good, for the title: ` 1 FIRING 2 STALE`.
fn bad(canvas: &Canvas<'_>, lines: &[Line<'_>]) -> Row {
    let mut counts: Vec<(words::Mark, usize)> = Vec::new();
    for line in lines.iter().filter(|l| l.is_bad) {
        match counts.iter_mut().find(|(mark, _)| *mark == line.sign) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => counts.push((line.sign, 1)),
        }
    }
    counts.sort_by_key(|(mark, _)| mark.role != Role::Bad);
    counts.into_iter().fold(Row::new(), |row, (mark, count)| {
        let style = canvas.of(mark.role);
        row.fixed(" ", canvas.of(Role::Dim))
            .text(&format!("{count} "), style)
            .fixed(mark.word, style)
    })
}

/// Sources that do not answer, named in the title.
fn sources(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Row {
    use crate::domain::reading::Liveness;
    let glyphs = canvas.look().glyphs;
    cx.room
        .board
        .health
        .values()
        .filter(|h| h.liveness != Liveness::Live && !h.is_unused())
        .fold(Row::new(), |row, health| {
            let mark = words::liveness(health.liveness, glyphs);
            row.fixed(" ", canvas.of(Role::Dim))
                .text(health.connector.as_str(), canvas.of(mark.role))
                .fixed(" ", canvas.of(mark.role))
                .fixed(mark.word, canvas.of(mark.role))
        })
}

/// What a rule says on this screen: never better than what is known here and now.
pub(crate) fn verdict(cx: &Cx<'_>, rule: &MetricRule) -> Verdict {
    let said = cx.room.state.verdict(&rule.id);
    if cx.room.link != Link::Up {
        return Verdict::Unknown(Unknown::Stale);
    }
    let metric = cx.room.board.metrics.get(&rule.id);
    match (said, metric) {
        (Verdict::Pass | Verdict::Warn, None) => Verdict::Unknown(Unknown::Never),
        (Verdict::Pass | Verdict::Warn, Some(metric)) => local(cx, rule, metric).unwrap_or(said),
        // A panel decides nothing, so the server says nothing of it.
        (Verdict::Unknown(Unknown::Never), Some(metric)) if !rule.is_guard() => {
            local(cx, rule, metric).unwrap_or(Verdict::Pass)
        }
        (said, _) => said,
    }
}

/// Why a value must not be drawn as known.
fn local(cx: &Cx<'_>, rule: &MetricRule, metric: &Metric) -> Option<Verdict> {
    let last = worst(rule, metric).and_then(Track::last);
    match last {
        None if metric.failure.is_some() => Some(Verdict::Unknown(Unknown::Error)),
        None if metric.answered.is_none() => Some(Verdict::Unknown(Unknown::Never)),
        // The server has judged how old that answer is.
        None if rule.no_data == OnNoData::Ok => None,
        None => Some(Verdict::Unknown(Unknown::Empty)),
        Some(sample) if cx.now.wall.since(sample.at) > rule.stale_after => {
            Some(Verdict::Unknown(Unknown::Stale))
        }
        Some(sample) if sample.value.is_nan() => Some(Verdict::Unknown(Unknown::NotANumber)),
        Some(_) => None,
    }
}

/// The series nearest to breaking a limit, or beyond it.
pub(crate) fn worst<'a>(rule: &MetricRule, metric: &'a Metric) -> Option<&'a Track> {
    let low_is_bad = rule
        .worst_limit()
        .is_some_and(|l| matches!(l.op, Op::Lt | Op::Le));
    let value = |track: &Track| track.last().map_or(f64::NAN, |s| s.value);
    // `total_cmp` puts NaN above everything: a NaN among the series is the worst of them.
    metric.tracks.iter().max_by(|a, b| {
        let (a, b) = (value(a), value(b));
        if low_is_bad && !a.is_nan() && !b.is_nan() {
            b.total_cmp(&a)
        } else {
            a.total_cmp(&b)
        }
    })
}

/// `warn >5s crit >10s`; or, `short`, `w>5s c>10s`.
pub(crate) fn limits(canvas: &Canvas<'_>, rule: &MetricRule, short: bool) -> Row {
    let dim = canvas.of(Role::Dim);
    let names = if short {
        ["w", "c"]
    } else {
        ["warn ", "crit "]
    };
    let limits = [(rule.warn, Role::LimitWarn), (rule.crit, Role::LimitCrit)];
    names
        .into_iter()
        .zip(limits)
        .fold(Row::new(), |row, (name, (limit, role))| {
            let Some(limit) = limit else { return row };
            let gap = if row.width() > 0 { " " } else { "" };
            let text = words::limit(limit, &rule.unit);
            row.fixed(gap, dim)
                .fixed(name, dim)
                .text(&text, canvas.of(role))
        })
}

/// Cells of the value and age columns.
const VALUE_CELLS: usize = 9;
const AGE_CELLS: usize = 6;
/// A sparkline narrower than this says nothing; a wider one than the other says no more.
const SPARK_MIN: usize = 8;
const SPARK_MAX: usize = 40;
/// Room for a name that can be told from others.
const NAME_MIN: usize = 12;
/// Cells the second line of a rule is moved in.
const INDENT: usize = 2;

/// What is drawn of one rule.
struct Line<'a> {
    rule: &'a MetricRule,
    track: Option<&'a Track>,
    style: ratatui::style::Style,
    sign: words::Mark,
    /// It is watched, and not known to be good.
    is_bad: bool,
    mark: Row,
    name: Row,
    value: Row,
    age: Row,
    limits: Row,
    short: Row,
}

/// Cells of each column, the same for every rule so that numbers stand below each other.
#[derive(Clone, Copy)]
struct Columns {
    width: usize,
    mark: usize,
    name: usize,
    spark: usize,
    limits: Limits,
}

/// How the limits are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limits {
    /// Beside the value.
    Long,
    /// Beside the value, in few cells.
    Short,
    /// With the sparkline in a second line.
    Below,
    /// Not at all.
    None,
}

impl Columns {
    /// Lines of one rule.
    const fn rows(self) -> usize {
        match self.limits {
            Limits::Below => 2,
            Limits::Long | Limits::Short | Limits::None => 1,
        }
    }

    fn of(lines: &[Line<'_>], width: usize, height: usize) -> Self {
        let widest = |of: fn(&Line<'_>) -> usize| lines.iter().map(of).max().unwrap_or(0);
        let mark = widest(|l| l.mark.width()).saturating_add(1);
        let (long, short) = (widest(|l| l.limits.width()), widest(|l| l.short.width()));
        let wanted = widest(|l| l.name.width()).saturating_add(1).max(NAME_MIN);
        let left = width
            .saturating_sub(mark)
            .saturating_sub(VALUE_CELLS + AGE_CELLS);
        // Cells left for the sparkline beside limits of this width; absent when not even they fit.
        let beside = |limits: usize| left.checked_sub(wanted.saturating_add(limits));
        let roomy = |limits: usize| beside(limits).filter(|rest| *rest > SPARK_MIN);
        let (limits, rest) = if let Some(rest) = roomy(long) {
            (Limits::Long, rest)
        } else if height >= lines.len().saturating_mul(2) {
            let rest = width.saturating_sub(INDENT).saturating_sub(long);
            (Limits::Below, rest)
        } else if let Some(rest) = roomy(short) {
            (Limits::Short, rest)
        } else if let Some(rest) = beside(long) {
            (Limits::Long, rest)
        } else if let Some(rest) = beside(short) {
            (Limits::Short, rest)
        } else {
            (Limits::None, 0)
        };
        let cells = rest.saturating_sub(1).min(SPARK_MAX);
        let spark = if cells >= SPARK_MIN { cells } else { 0 };
        let name = match limits {
            Limits::Long | Limits::Short => {
                wanted.saturating_add(rest.saturating_sub(spark.saturating_add(1)))
            }
            Limits::Below | Limits::None => left,
        };
        Self {
            width,
            mark,
            name,
            spark,
            limits,
        }
    }
}

fn line<'a>(
    cx: &Cx<'a>,
    canvas: &Canvas<'_>,
    rule: &'a MetricRule,
    phase: Option<usize>,
) -> Line<'a> {
    let watched = cx.room.state.is_watched_in(rule, phase);
    let verdict = verdict(cx, rule);
    let mark = if watched {
        words::verdict(verdict, canvas.look().glyphs)
    } else {
        words::not_watched(canvas.look().glyphs)
    };
    let style = canvas.of(mark.role);
    let dim = canvas.of(Role::Dim);
    let metric = cx.room.board.metrics.get(&rule.id);
    let track = metric.and_then(|m| worst(rule, m));
    let sample = track.and_then(Track::last);
    let value = sample.map_or_else(|| "-".to_owned(), |s| words::value(s.value, &rule.unit));
    let age = sample.map_or_else(|| "-".to_owned(), |s| cx.age(s.at));
    let others = metric.map_or(0, |m| {
        m.tracks.len().saturating_sub(1).saturating_add(m.more)
    });
    let dry = if rule.dry_run { "(dry) " } else { "" };
    let name = Row::of(dry, dim).text(&rule.title, canvas.of(Role::Text));
    Line {
        rule,
        track,
        style,
        sign: mark,
        is_bad: watched && verdict != Verdict::Pass && !rule.dry_run,
        mark: Row::of(mark.glyph, style)
            .fixed(" ", style)
            .fixed(mark.word, style),
        name: if others > 0 {
            name.text(&format!(" +{others}"), dim)
        } else {
            name
        },
        value: Row::new().text(&value, style),
        age: Row::new().text(&age, dim),
        limits: limits(canvas, rule, false),
        short: limits(canvas, rule, true),
    }
}

impl Line<'_> {
    fn rows(self, canvas: &Canvas<'_>, columns: Columns) -> Vec<Row> {
        let signs = canvas.signs();
        let dim = canvas.of(Role::Dim);
        let spark = match self.track {
            Some(track) if columns.spark > 0 => {
                spark::row(canvas, track, self.rule, columns.spark, self.style).fixed(" ", dim)
            }
            _ if columns.spark > 0 => Row::new().filled(columns.spark.saturating_add(1), signs),
            _ => Row::new(),
        };
        let name = self
            .name
            .fit(columns.name.saturating_sub(1), signs)
            .filled(columns.name, signs);
        let first = self
            .mark
            .filled(columns.mark, signs)
            .row(name)
            .row(self.value.filled(VALUE_CELLS, signs))
            .row(self.age.filled(AGE_CELLS, signs));
        match columns.limits {
            Limits::Long => vec![first.row(spark).row(self.limits)],
            Limits::Short => vec![first.row(spark).row(self.short)],
            Limits::Below => {
                let second = Row::new().filled(INDENT, signs).row(spark).row(self.limits);
                vec![first, second.fit(columns.width, signs)]
            }
            Limits::None => vec![first],
        }
    }
}
