//! The few looks program output may have, and the colour sequences that select them.

/// Colour of program output: the closed set a theme maps to its own palette.
///
/// The theme must keep each of them readable on its background, [`LogColor::Black`] included: a program must not be
/// able to hide text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(
    missing_docs,
    reason = "the names are those of the sixteen terminal colours"
)]
pub enum LogColor {
    /// The colour of plain output.
    #[default]
    Default,
    Black,
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
    White,
    BrightBlack,
    BrightRed,
    BrightGreen,
    BrightYellow,
    BrightBlue,
    BrightMagenta,
    BrightCyan,
    BrightWhite,
}

/// The sixteen colours in the order of their terminal numbers.
const PALETTE: [LogColor; 16] = [
    LogColor::Black,
    LogColor::Red,
    LogColor::Green,
    LogColor::Yellow,
    LogColor::Blue,
    LogColor::Magenta,
    LogColor::Cyan,
    LogColor::White,
    LogColor::BrightBlack,
    LogColor::BrightRed,
    LogColor::BrightGreen,
    LogColor::BrightYellow,
    LogColor::BrightBlue,
    LogColor::BrightMagenta,
    LogColor::BrightCyan,
    LogColor::BrightWhite,
];

/// How a span of program output looks.
///
/// There is no background: without one, a foreground equal to it cannot hide text, and reverse has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LogStyle {
    /// Foreground.
    pub color: LogColor,
    /// Bold.
    pub bold: bool,
    /// The span was written by this module (`<ESC>`, `<U+202E>`), not by the program. A program can print the same
    /// characters, so draw these apart from its text.
    pub mark: bool,
}

impl LogStyle {
    /// The looks of a mark, whatever the program had selected.
    pub(super) const MARK: Self = Self {
        color: LogColor::Default,
        bold: false,
        mark: true,
    };

    /// Applies the parameters of one colour sequence (between `ESC [` and `m`).
    ///
    /// Conceal, blink, reverse, underline, backgrounds and unknown numbers change nothing.
    /// Source: ECMA-48 5th edition, 8.3.117 (SGR); ISO 8613-6 for the colon forms of 38.
    pub(super) fn apply(&mut self, parameters: &str) {
        let mut groups = parameters.split(';');
        while let Some(group) = groups.next() {
            if group.contains(':') {
                self.apply_colons(group);
                continue;
            }
            match number(group) {
                Some(38) => {
                    if let Some(color) = extended(&mut groups) {
                        self.color = color;
                    }
                }
                // Same form as 38, so that its numbers are not taken for attributes.
                Some(48 | 58) => {
                    extended(&mut groups);
                }
                Some(code) => self.apply_code(code),
                None => {}
            }
        }
    }

    fn apply_colons(&mut self, group: &str) {
        let mut parts = group.split(':');
        if parts.next() != Some("38") {
            return;
        }
        // `38:2::r:g:b` has an empty colour space that `38;2;r;g;b` lacks.
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        if let Some(color) = extended(&mut parts.into_iter()) {
            self.color = color;
        }
    }

    fn apply_code(&mut self, code: usize) {
        match code {
            0 => *self = Self::default(),
            1 => self.bold = true,
            22 => self.bold = false,
            39 => self.color = LogColor::Default,
            30..=37 => self.color = indexed(code - 30),
            90..=97 => self.color = indexed(code - 90 + 8),
            _ => {}
        }
    }
}

/// An empty parameter counts as zero.
fn number(text: &str) -> Option<usize> {
    if text.is_empty() {
        Some(0)
    } else {
        text.parse().ok()
    }
}

fn extended<'a>(groups: &mut impl Iterator<Item = &'a str>) -> Option<LogColor> {
    let mut next = || groups.next().and_then(number);
    match next()? {
        5 => Some(from_256(next()?)),
        2 => Some(nearest(next()?, next()?, next()?)),
        _ => None,
    }
}

fn indexed(index: usize) -> LogColor {
    PALETTE.get(index).copied().unwrap_or_default()
}

/// The 256-colour table: 16 names, a cube of 6x6x6, 24 greys.
fn from_256(index: usize) -> LogColor {
    match index {
        0..=15 => indexed(index),
        16..=231 => {
            let cube = index - 16;
            let level = |step: usize| step * 51;
            nearest(level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        232..=255 => {
            let grey = 8 + 10 * (index - 232);
            nearest(grey, grey, grey)
        }
        _ => LogColor::Default,
    }
}

/// The named colour closest in hue: a channel counts when it is at least half as strong as the strongest one.
fn nearest(red: usize, green: usize, blue: usize) -> LogColor {
    let peak = red.max(green).max(blue);
    if peak < 64 {
        return LogColor::Black;
    }
    let on = |channel: usize, bit: usize| if channel * 2 >= peak { bit } else { 0 };
    let hue = on(red, 1) | on(green, 2) | on(blue, 4);
    match (hue, peak) {
        // Greys: dark ones are "bright black", as terminals call them.
        (7, 64..=159) => LogColor::BrightBlack,
        (_, 224..) => indexed(hue + 8),
        _ => indexed(hue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parameters: &str, color: LogColor, bold: bool) {
        let mut style = LogStyle::default();
        style.apply(parameters);
        assert_eq!((style.color, style.bold), (color, bold), "{parameters:?}");
    }

    #[test]
    fn colours_map_to_the_closed_palette_and_all_else_changes_nothing() {
        check("1;31", LogColor::Red, true);
        check("1;31;0", LogColor::Default, false);
        check("1;31;", LogColor::Default, false);
        check("1;22;97", LogColor::BrightWhite, false);
        check("32;39", LogColor::Default, false);
        check("38;5;1", LogColor::Red, false);
        check("38;5;196", LogColor::BrightRed, false);
        check("38;5;244", LogColor::BrightBlack, false);
        check("38;2;0;200;0", LogColor::Green, false);
        check("38:2::255:255:0", LogColor::BrightYellow, false);
        check("38:5:4", LogColor::Blue, false);
        check("48;5;1", LogColor::Default, false);
        check("48;2;1;1;1", LogColor::Default, false);
        check("4;5;7;8;9;41;107", LogColor::Default, false);
        check("38;5;999", LogColor::Default, false);
        check("99999999999999999999999", LogColor::Default, false);
        check("38", LogColor::Default, false);
    }
}
