//! Two buffers of cells, and what must be sent to get from the one that is shown to the one that is drawn.
//!
//! As the drawing library's own terminal, but for the start: the first frame needs one buffer, since nothing is shown
//! yet, and the second is made for the frame after it. At 200x50 the memory of a buffer alone is a third of what an
//! attach may cost.

use crossterm::queue;
use crossterm::terminal::{Clear, ClearType};
use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::{Buffer, Cell, CellWidth as _};
use ratatui::layout::Rect;
use std::io::{self, Write};

/// What is drawn on.
pub(super) struct Surface<W: Write> {
    backend: CrosstermBackend<W>,
    area: Rect,
    /// The next frame, blank until it is drawn; absent until there is one.
    next: Option<Buffer>,
    /// What the terminal shows; absent while it shows nothing.
    shown: Option<Buffer>,
}

impl<W: Write> Surface<W> {
    /// A surface over an area that shows nothing.
    pub(super) fn new(out: W, area: Rect) -> Self {
        Self {
            backend: CrosstermBackend::new(out),
            area,
            next: Some(Buffer::empty(area)),
            shown: None,
        }
    }

    /// Where it is drawn.
    pub(super) const fn area(&self) -> Rect {
        self.area
    }

    /// Draws on this area from now on, over nothing: the next frame sends every cell that is not blank.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub(super) fn start_over(&mut self, area: Rect) -> io::Result<()> {
        if area != self.area {
            self.area = area;
            self.next = None;
        }
        self.shown = None;
        queue!(self.backend, Clear(ClearType::All))
    }

    /// Writes what changes; [`Self::turn`] must follow.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub(super) fn draw(&mut self, render: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        let area = self.area;
        let next = self.next.get_or_insert_with(|| Buffer::empty(area));
        render(next);
        match &self.shown {
            Some(shown) => self.backend.draw(shown.diff_iter(next))?,
            None => self.backend.draw(over_nothing(next))?,
        }
        Write::flush(&mut self.backend)
    }

    /// What was drawn is shown now, and what was shown is blank for the next frame.
    pub(super) fn turn(&mut self) {
        let Some(drawn) = self.next.take() else {
            return;
        };
        self.next = self.shown.replace(drawn).map(|mut old| {
            old.reset();
            old
        });
    }
}

/// The cells that a blank terminal does not show already.
fn over_nothing(buffer: &Buffer) -> impl Iterator<Item = (u16, u16, &Cell)> {
    // Columns still to come of a wide sign.
    let mut covered = 0_u16;
    buffer
        .area
        .positions()
        .zip(&buffer.content)
        .filter_map(move |(at, cell)| {
            if covered > 0 {
                covered -= 1;
                return None;
            }
            if *cell == Cell::EMPTY {
                return None;
            }
            covered = cell.cell_width().saturating_sub(1);
            Some((at.x, at.y, cell))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::{Color, Style};

    /// Cells as column, row and sign.
    fn signs<'a>(
        cells: impl Iterator<Item = (u16, u16, &'a Cell)>,
    ) -> Vec<(u16, u16, &'a str, Color)> {
        cells
            .map(|(x, y, cell)| (x, y, cell.symbol(), cell.bg))
            .collect()
    }

    fn draw(buffer: &mut Buffer, text: &str) {
        let style = Style::new().fg(Color::Indexed(188));
        buffer.set_string(1, 0, text, style);
        buffer.set_style(Rect::new(0, 1, 12, 1), Style::new().bg(Color::Indexed(235)));
        buffer.set_string(0, 1, "\u{8b66}\u{544a}!", style);
    }

    #[test]
    fn the_first_frame_is_what_differs_from_a_blank_one() {
        let area = Rect::new(0, 0, 12, 3);
        let (mut buffer, blank) = (Buffer::empty(area), Buffer::empty(area));
        draw(&mut buffer, "caf\u{e9} \u{1f6a8} x");
        assert_eq!(
            signs(over_nothing(&buffer)),
            signs(blank.diff_iter(&buffer)),
            "as the drawing library has it"
        );
    }

    #[test]
    fn the_second_frame_is_what_changed() {
        let mut out = Vec::new();
        let mut surface = Surface::new(&mut out, Rect::new(0, 0, 12, 2));
        for text in ["one", "one", "two"] {
            surface
                .draw(|buffer| draw(buffer, text))
                .expect("a vector can be written");
            surface.turn();
            write!(surface.backend, "|").expect("a vector can be written");
        }
        let sent = String::from_utf8(out).expect("text");
        let frames: Vec<&str> = sent.split('|').collect();
        for sign in ["one", "\u{8b66}", "\u{544a}", "!"] {
            assert!(frames[0].contains(sign), "{sign}");
        }
        assert!(!frames[1].contains("one"), "{:?}", frames[1]);
        assert!(
            frames[2].contains("two") && !frames[2].contains('!'),
            "{:?}",
            frames[2]
        );
    }

    #[test]
    fn after_starting_over_every_cell_is_sent_again() {
        let mut out = Vec::new();
        let mut surface = Surface::new(&mut out, Rect::new(0, 0, 12, 2));
        for area in [Rect::new(0, 0, 12, 2), Rect::new(0, 0, 14, 3)] {
            surface.start_over(area).expect("a vector can be written");
            assert_eq!(surface.area(), area);
            surface
                .draw(|buffer| draw(buffer, "one"))
                .expect("a vector can be written");
            surface.turn();
        }
        let sent = String::from_utf8(out).expect("text");
        assert_eq!(sent.matches("\x1b[2J").count(), 2);
        assert_eq!(sent.matches("one").count(), 2);
    }
}
