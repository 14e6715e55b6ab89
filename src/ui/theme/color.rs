//! Colours as written in themes, and what is left of them on terminals with fewer.

use ratatui::style::{Color, Modifier, Style};

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// 24 bits.
    True,
    /// The 256-colour palette.
    Ansi256,
    /// The 16 named colours.
    Ansi16,
    /// None; `NO_COLOR`.
    Mono,
}

/// How a role is painted, before it is cut down to what the terminal can show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Paint {
    pub fg: Option<Color>,
    pub bg: Option<Color>,
    pub fg16: Option<Color>,
    pub bg16: Option<Color>,
    pub modifier: Modifier,
}

/// Names of the 16 colours, in the order of their palette index.
const NAMES: [(&str, Color); 16] = [
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("gray", Color::Gray),
    ("darkgray", Color::DarkGray),
    ("lightred", Color::LightRed),
    ("lightgreen", Color::LightGreen),
    ("lightyellow", Color::LightYellow),
    ("lightblue", Color::LightBlue),
    ("lightmagenta", Color::LightMagenta),
    ("lightcyan", Color::LightCyan),
    ("white", Color::White),
];

/// The 16 colours as most terminals show them; used to find the nearest one. Source: xterm's defaults.
const RGB16: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

/// Reads `#rrggbb`, a name of the 16, or `default`; absent for anything else.
pub(super) fn parse(text: &str) -> Option<Color> {
    if text == "default" {
        return Some(Color::Reset);
    }
    if let Some(hex) = text.strip_prefix('#') {
        if hex.len() != 6 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let value = u32::from_str_radix(hex, 16).ok()?;
        let [_, r, g, b] = value.to_be_bytes();
        return Some(Color::Rgb(r, g, b));
    }
    NAMES.iter().find(|(n, _)| *n == text).map(|(_, c)| *c)
}

/// True for `default` and the 16 names.
pub(super) const fn is_named(color: Color) -> bool {
    !matches!(color, Color::Rgb(..) | Color::Indexed(_))
}

/// The style of a paint on a terminal with these colours.
pub(super) fn to_style(paint: &Paint, colors: Colors) -> Style {
    let cut = |full: Option<Color>, named: Option<Color>| match colors {
        Colors::True => full,
        Colors::Ansi256 => full.map(to_256),
        Colors::Ansi16 => named.or_else(|| full.map(to_16)),
        Colors::Mono => None,
    };
    let mut style = Style::new().add_modifier(paint.modifier);
    if let Some(fg) = cut(paint.fg, paint.fg16) {
        style = style.fg(fg);
    }
    if let Some(bg) = cut(paint.bg, paint.bg16) {
        style = style.bg(bg);
    }
    style
}

/// Levels of the 6x6x6 cube. Source: xterm's 256-colour palette.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

fn nearest_level(value: u8) -> (u8, u8) {
    let mut best = (0, 0);
    let mut least = u8::MAX;
    for (place, level) in (0_u8..).zip(CUBE) {
        let distance = value.abs_diff(level);
        if distance < least {
            least = distance;
            best = (place, level);
        }
    }
    best
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    square(a.0, b.0) + square(a.1, b.1) + square(a.2, b.2)
}

fn to_256(color: Color) -> Color {
    let Color::Rgb(r, g, b) = color else {
        return color;
    };
    let ((ri, rl), (gi, gl), (bi, bl)) = (nearest_level(r), nearest_level(g), nearest_level(b));
    // The grey ramp has 24 entries from 8 in steps of 10.
    let mean = (u16::from(r) + u16::from(g) + u16::from(b)) / 3;
    let step = u8::try_from((mean.saturating_sub(3) / 10).min(23)).unwrap_or(23);
    let grey = 8 + 10 * step;
    if distance((r, g, b), (grey, grey, grey)) < distance((r, g, b), (rl, gl, bl)) {
        Color::Indexed(232 + step)
    } else {
        Color::Indexed(16 + 36 * ri + 6 * gi + bi)
    }
}

fn to_16(color: Color) -> Color {
    let Color::Rgb(r, g, b) = color else {
        return color;
    };
    NAMES
        .iter()
        .zip(RGB16)
        .min_by_key(|(_, rgb)| distance((r, g, b), *rgb))
        .map_or(Color::Reset, |((_, named), _)| *named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_in_three_forms() {
        assert_eq!(parse("#ff8000"), Some(Color::Rgb(255, 128, 0)));
        assert_eq!(parse("lightcyan"), Some(Color::LightCyan));
        assert_eq!(parse("default"), Some(Color::Reset));
        for bad in ["#ff80", "#gg0000", "#+12345", "Red", ""] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn rich_colours_fall_to_the_nearest_poorer_one() {
        assert_eq!(to_256(Color::Rgb(255, 0, 0)), Color::Indexed(196));
        assert_eq!(to_256(Color::Rgb(128, 128, 128)), Color::Indexed(244));
        assert_eq!(to_16(Color::Rgb(250, 10, 10)), Color::LightRed);
    }
}
