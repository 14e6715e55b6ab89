//! Characters for lines, marks and charts, as drawn and as ASCII.

/// One set of characters. Every entry is one cell wide.
#[derive(Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// Horizontal line of a border.
    pub horizontal: &'static str,
    /// Vertical line of a border.
    pub vertical: &'static str,
    /// Corners: top left, top right, bottom left, bottom right.
    pub corners: [&'static str; 4],
    /// Eight heights of a bar, lowest first.
    pub bars: [&'static str; 8],
    /// Stands where a sample is missing.
    pub gap: &'static str,
    /// Cuts a text that does not fit.
    pub more: &'static str,
    /// Marks the continuation of a wrapped line.
    pub wrapped: &'static str,
    /// Marks the selected row.
    pub cursor: &'static str,
    /// Separates parts of a line.
    pub dot: &'static str,
    /// Thumb of a scroll bar.
    pub thumb: &'static str,
    /// Step not started and blocked.
    pub pending: &'static str,
    /// Step that can start now.
    pub ready: &'static str,
    /// Step that goes on.
    pub active: &'static str,
    /// Waiting for somebody or something.
    pub waiting: &'static str,
    /// Done.
    pub done: &'static str,
    /// Done with a warning.
    pub warned: &'static str,
    /// Failed.
    pub failed: &'static str,
    /// Left out.
    pub skipped: &'static str,
    /// Nobody knows.
    pub unknown: &'static str,
    /// Undone.
    pub undone: &'static str,
    /// A limit line in a chart.
    pub limit: &'static str,
    /// A step marker in a chart.
    pub marker: &'static str,
    /// Bullet of a list in a document.
    pub bullet: &'static str,
    /// Draws charts with Braille dots when true, with `*` otherwise.
    pub braille: bool,
}

/// For terminals that show Unicode.
pub(super) static UNICODE: Glyphs = Glyphs {
    horizontal: "─",
    vertical: "│",
    corners: ["╭", "╮", "╰", "╯"],
    bars: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    gap: "·",
    more: "…",
    wrapped: "↪",
    cursor: "▶",
    dot: "·",
    thumb: "┃",
    pending: "○",
    ready: "▷",
    active: "●",
    waiting: "◐",
    done: "✓",
    warned: "!",
    failed: "✗",
    skipped: "↷",
    unknown: "?",
    undone: "↶",
    limit: "╌",
    marker: "┊",
    bullet: "•",
    braille: true,
};

/// For terminals and fonts that do not.
pub(super) static ASCII: Glyphs = Glyphs {
    horizontal: "-",
    vertical: "|",
    corners: ["+", "+", "+", "+"],
    bars: ["_", ".", ":", "-", "=", "+", "#", "@"],
    gap: " ",
    more: "~",
    wrapped: "\\",
    cursor: ">",
    dot: "-",
    thumb: "#",
    pending: ".",
    ready: ">",
    active: "*",
    waiting: "o",
    done: "+",
    warned: "!",
    failed: "X",
    skipped: "/",
    unknown: "?",
    undone: "<",
    limit: "-",
    marker: ":",
    bullet: "*",
    braille: false,
};
