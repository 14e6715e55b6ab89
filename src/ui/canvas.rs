//! What a view draws on: cells, the look, and a list of what a click on each place means.

use crate::display::Glyphs as Signs;
use crate::ui::action::{Pane, View};
use crate::ui::text::Row;
use crate::ui::theme::{Look, Role};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

/// What is under the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A pane.
    Pane(Pane),
    /// A step, by its place in the plan.
    Step(usize),
    /// The name of a view.
    View(View),
}

/// Places a click can mean something, later ones on top.
pub(crate) type Targets = Vec<(Rect, Target)>;

/// What is under a cell: the newest, so the smallest, place that holds it.
pub(crate) fn target_at(targets: &Targets, column: u16, row: u16) -> impl Iterator<Item = Target> {
    let at = Position::new(column, row);
    targets
        .iter()
        .rev()
        .filter(move |(area, _)| area.contains(at))
        .map(|(_, target)| *target)
}

/// Cells, look and click targets.
pub(crate) struct Canvas<'a> {
    buf: &'a mut Buffer,
    look: &'a Look,
    targets: &'a mut Targets,
}

impl<'a> Canvas<'a> {
    /// A canvas over a frame's buffer.
    pub(crate) fn new(buf: &'a mut Buffer, look: &'a Look, targets: &'a mut Targets) -> Self {
        Self { buf, look, targets }
    }

    /// The look of this terminal.
    pub(crate) const fn look(&self) -> &'a Look {
        self.look
    }

    /// The style of a role.
    pub(crate) fn of(&self, role: Role) -> Style {
        self.look.of(role)
    }

    /// Signs for cut and wrapped text.
    pub(crate) const fn signs(&self) -> Signs {
        self.look.signs()
    }

    /// Paints `row` into line `line` of `area`, cut with a mark.
    pub(crate) fn row(&mut self, area: Rect, line: usize, row: Row) {
        if let Some(area) = line_of(area, line) {
            row.fit(usize::from(area.width), self.signs())
                .paint(area, self.buf);
        }
    }

    /// Paints `row` over the whole of line `line`, in `style` where the row has none of its own.
    pub(crate) fn bar(&mut self, area: Rect, line: usize, row: Row, style: Style) {
        if let Some(area) = line_of(area, line) {
            self.shade(area, self.of(Role::Text));
            self.buf.set_style(area.intersection(self.buf.area), style);
            let row = row.filled(usize::from(area.width), self.signs());
            row.without_ground(self.of(Role::Text).bg)
                .paint(area, self.buf);
        }
    }

    /// Lays a style over cells that are there.
    pub(crate) fn shade(&mut self, area: Rect, style: Style) {
        self.buf.set_style(area.intersection(self.buf.area), style);
    }

    /// Puts a compiled-in sign of one cell into every cell of an area.
    pub(crate) fn fill(&mut self, area: Rect, sign: &'static str, style: Style) {
        for position in area.intersection(self.buf.area).positions() {
            if let Some(cell) = self.buf.cell_mut(position) {
                cell.set_symbol(sign).set_style(style);
            }
        }
    }

    /// Clears an area to ordinary text.
    pub(crate) fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buf.area);
        let style = self.of(Role::Text);
        for position in area.positions() {
            if let Some(cell) = self.buf.cell_mut(position) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }

    /// Says what a click into `area` means.
    pub(crate) fn target(&mut self, area: Rect, target: Target) {
        self.targets.push((area, target));
    }
}

/// Line `line` of an area; absent when the area has no such line.
pub(crate) fn line_of(area: Rect, line: usize) -> Option<Rect> {
    let line = u16::try_from(line).ok().filter(|l| *l < area.height)?;
    Some(Rect {
        y: area.y.saturating_add(line),
        height: 1,
        ..area
    })
}

/// The area without its first `lines` lines.
pub(crate) fn below(area: Rect, lines: usize) -> Rect {
    let lines = u16::try_from(lines).unwrap_or(u16::MAX).min(area.height);
    Rect {
        y: area.y.saturating_add(lines),
        height: area.height.saturating_sub(lines),
        ..area
    }
}
