//! What is costly to make and stays the same between frames: cleaned output and rendered documents.

use crate::display::{LogColor, LogRow, LogStream, LogStyle, RowEnd};
use crate::domain::digest::Digest;
use crate::domain::fact::{ExecKey, Stamped};
use crate::domain::id::Seq;
use crate::ui::action::View;
use crate::ui::model::Model;
use crate::ui::room::Room;
use crate::ui::text::{Row, log_row};
use crate::ui::theme::{Look, Role};
use crate::ui::unseen;
use crate::ui::view::Cx;
use crate::ui::widgets::markdown::{self, DocRow};
use crate::ui::words;
use ratatui::style::{Color, Modifier, Style};
use std::collections::VecDeque;

/// Rows of output kept: what a tail of `TAIL_MAX` bytes holds when its lines are short.
const OUTPUT_ROWS_MAX: usize = 8_000;

/// Caches, each with the key it was made for.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    output: Output,
    document: Vec<DocRow>,
    document_for: Option<(Digest, usize, Option<usize>)>,
    timeline: Vec<usize>,
    timeline_for: Option<(String, Seq, Seq)>,
    /// Width the document was last drawn at.
    pub(crate) document_width: std::cell::Cell<usize>,
    /// Width output was last drawn at.
    pub(crate) output_width: std::cell::Cell<usize>,
}

#[derive(Debug, Default)]
struct Output {
    key: Option<ExecKey>,
    /// Offset of the first byte that was not taken yet.
    end: u64,
    stream: LogStream,
    /// Rows as the program wrote them.
    written: VecDeque<Row>,
    /// The same, chopped to `width`.
    rows: VecDeque<Row>,
    width: usize,
    /// Chopped rows ever made, the dropped ones too.
    made: u64,
    last: Vec<Row>,
}

/// The execution whose output is shown: the running one of the selected step, else its newest one with output here. A
/// check's output may name a target that is hidden.
pub(crate) fn shown_execution(room: &Room, step: usize) -> Option<ExecKey> {
    if unseen::is_hidden(room, step) {
        return None;
    }
    let now = room.state.view(step)?.now;
    let finished = || {
        let mut keys = now.finished.iter().rev().map(|f| &f.key);
        keys.find(|key| room.output(key).is_some())
    };
    now.running
        .as_ref()
        .map(|r| &r.key)
        .or_else(finished)
        .cloned()
}

impl Cache {
    /// Brings the caches the shown view needs up to date.
    pub(crate) fn refresh(&mut self, cx: &Cx<'_>, model: &Model, look: &Look) {
        match model.view {
            View::WarRoom => {
                let width = self.output_width.get();
                self.output.refresh(cx.room, model, look, width);
            }
            View::Runbook => self.refresh_document(cx.room, look),
            View::Timeline => self.refresh_timeline(cx.room, &model.filter),
            View::Metrics | View::Confirm | View::Map => {}
        }
    }

    /// True unless the shown view was drawn at another width than its rows were made for.
    pub(crate) fn fits(&self, model: &Model) -> bool {
        match model.view {
            View::WarRoom => {
                self.output.rows.is_empty() || self.output.width == self.output_width.get()
            }
            View::Runbook => {
                let width = self.document_width.get();
                width == 0 || self.document_for.is_some_and(|(_, made, _)| made == width)
            }
            View::Timeline | View::Metrics | View::Confirm | View::Map => true,
        }
    }

    fn refresh_timeline(&mut self, room: &Room, filter: &str) {
        let first = room.recent.front().map_or(Seq(0), |r| r.seq);
        let wanted = (filter.to_lowercase(), first, room.state.head.0);
        if self.timeline_for.as_ref() == Some(&wanted) {
            return;
        }
        let records = room.recent.iter().enumerate();
        self.timeline = records
            .filter(|(_, record)| matches(room, record, &wanted.0))
            .map(|(place, _)| place)
            .collect();
        self.timeline_for = Some(wanted);
    }

    /// Places among the kept records of those the filter lets through.
    pub(crate) fn timeline(&self) -> &[usize] {
        &self.timeline
    }

    fn refresh_document(&mut self, room: &Room, look: &Look) {
        let width = self.document_width.get();
        let hidden = unseen::step(room).map(|step| step.index);
        let wanted = (room.state.genesis.plan_digest, width, hidden);
        if width > 0 && self.document_for != Some(wanted) {
            self.document = markdown::document(room.state.plan(), hidden, width, look);
            self.document_for = Some(wanted);
        }
    }

    /// Rows of the document.
    pub(crate) fn document(&self) -> &[DocRow] {
        &self.document
    }

    /// Rows of the shown output, the unfinished last one apart, and how many were ever made.
    pub(crate) fn output(&self) -> (Option<&ExecKey>, &VecDeque<Row>, &[Row], u64) {
        (
            self.output.key.as_ref(),
            &self.output.rows,
            &self.output.last,
            self.output.made,
        )
    }
}

/// Whether a record has all words of a filter, which is in lower case.
fn matches(room: &Room, record: &Stamped, wanted: &str) -> bool {
    if wanted.is_empty() {
        return true;
    }
    let text = format!(
        "{} {}",
        record.actor,
        unseen::fact(room, record, words::Naming::Full)
    )
    .to_lowercase();
    wanted.split_whitespace().all(|word| text.contains(word))
}

impl Output {
    fn refresh(&mut self, room: &Room, model: &Model, look: &Look, width: usize) {
        let wanted = shown_execution(room, model.step);
        let tail = wanted.as_ref().and_then(|k| room.output(k));
        let Some(tail) = tail else {
            *self = Self {
                key: wanted,
                ..Self::default()
            };
            return;
        };
        if self.key != wanted || self.end < tail.offset {
            *self = Self {
                key: wanted,
                end: tail.offset,
                ..Self::default()
            };
        }
        if self.width != width {
            self.width = width;
            self.rows.clear();
            for row in self.written.clone() {
                self.chop(row, look);
            }
        }
        let taken = usize::try_from(self.end.saturating_sub(tail.offset)).unwrap_or(usize::MAX);
        let fresh = tail.bytes.get(taken..).unwrap_or_default();
        self.end = self
            .end
            .saturating_add(u64::try_from(fresh.len()).unwrap_or(0));
        for row in self.stream.push(fresh) {
            self.take(&row, look);
        }
        let last = log_row(&self.stream.current(), |style| log_style(*style, look));
        self.last = if last.width() > 0 {
            self.chopped(last, look)
        } else {
            Vec::new()
        };
    }

    fn take(&mut self, row: &LogRow, look: &Look) {
        // A progress bar writes over its row many times; only what it leaves is kept.
        if row.end == RowEnd::Rewritten {
            return;
        }
        let row = log_row(row, |style| log_style(*style, look));
        if self.written.len() >= OUTPUT_ROWS_MAX {
            self.written.pop_front();
        }
        self.written.push_back(row.clone());
        self.chop(row, look);
    }

    fn chop(&mut self, row: Row, look: &Look) {
        for row in self.chopped(row, look) {
            if self.rows.len() >= OUTPUT_ROWS_MAX {
                self.rows.pop_front();
            }
            self.rows.push_back(row);
            self.made = self.made.saturating_add(1);
        }
    }

    fn chopped(&self, row: Row, look: &Look) -> Vec<Row> {
        // Not drawn yet: the width comes with the first frame.
        if self.width == 0 {
            return vec![row];
        }
        row.chop(
            self.width,
            &Row::of(look.glyphs.wrapped, look.of(Role::Dim)),
        )
    }
}

fn log_style(style: LogStyle, look: &Look) -> Style {
    if style.mark {
        return look.of(Role::Unknown);
    }
    let mut out = look.of(Role::Text);
    // Without colours of our own there are none of the program's either.
    if let (Some(color), true) = (color_of(style.color), look.has_color()) {
        out = out.fg(color);
    }
    if style.bold {
        out.add_modifier(Modifier::BOLD)
    } else {
        out
    }
}

const fn color_of(color: LogColor) -> Option<Color> {
    Some(match color {
        LogColor::Default => return None,
        LogColor::Black | LogColor::BrightBlack => Color::DarkGray,
        LogColor::Red => Color::Red,
        LogColor::Green => Color::Green,
        LogColor::Yellow => Color::Yellow,
        LogColor::Blue => Color::Blue,
        LogColor::Magenta => Color::Magenta,
        LogColor::Cyan => Color::Cyan,
        LogColor::White => Color::Gray,
        LogColor::BrightRed => Color::LightRed,
        LogColor::BrightGreen => Color::LightGreen,
        LogColor::BrightYellow => Color::LightYellow,
        LogColor::BrightBlue => Color::LightBlue,
        LogColor::BrightMagenta => Color::LightMagenta,
        LogColor::BrightCyan => Color::LightCyan,
        LogColor::BrightWhite => Color::White,
    })
}
