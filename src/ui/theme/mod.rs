//! What things look like: semantic roles, read from theme files and cut down to what a terminal can show.
//!
//! Views name roles, never colours. A theme colours roles; [`Look`] is a theme resolved for one terminal.

mod built_in;
mod color;
mod file;
mod glyphs;

pub use color::Colors;
pub use file::ThemeError;
pub use glyphs::Glyphs;

use color::{Paint, to_style};
use ratatui::style::{Modifier, Style};

macro_rules! roles {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, mono: $mono:expr;)*) => {
        /// What a piece of the screen means.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Role { $($(#[$doc])* $variant,)* }

        impl Role {
            /// Every role, in the order of [`Role`] itself.
            pub const ALL: &'static [Role] = &[$(Role::$variant,)*];

            /// The name in theme files.
            pub const fn as_str(self) -> &'static str {
                match self { $(Role::$variant => $name,)* }
            }

            /// What stands in for colour on a terminal without any.
            const fn mono(self) -> Modifier {
                match self { $(Role::$variant => $mono,)* }
            }
        }
    };
}

const PLAIN: Modifier = Modifier::empty();
const BOLD: Modifier = Modifier::BOLD;
const LOUD: Modifier = Modifier::BOLD.union(Modifier::REVERSED);
const LINE: Modifier = Modifier::BOLD.union(Modifier::UNDERLINED);

roles! {
    /// Ordinary text.
    Text = "text", mono: PLAIN;
    /// Less important text.
    Dim = "dim", mono: PLAIN;
    /// More important text.
    Strong = "strong", mono: BOLD;
    /// Title of a pane.
    Title = "title", mono: BOLD;
    /// Border of a pane.
    Border = "border", mono: PLAIN;
    /// Border of the pane that has the focus.
    BorderFocus = "border-focus", mono: BOLD;
    /// The selected row.
    Selection = "selection", mono: Modifier::REVERSED;
    /// The two rows on top.
    Header = "header", mono: PLAIN;
    /// Known and good; done.
    Good = "good", mono: PLAIN;
    /// Beyond a warning limit; needs a look.
    Warn = "warn", mono: BOLD;
    /// Beyond a critical limit; failed.
    Bad = "bad", mono: LINE;
    /// Nobody knows: stale, missing, lost.
    Unknown = "unknown", mono: LINE;
    /// Going on now.
    Active = "active", mono: BOLD;
    /// Destroys something.
    Danger = "danger", mono: LOUD;
    /// The mode word when the confirm is a procedure only.
    ModeAdvisory = "mode-advisory", mono: BOLD;
    /// The mode word of a demo.
    ModeDemo = "mode-demo", mono: LOUD;
    /// The line that says what now.
    Now = "now", mono: Modifier::REVERSED;
    /// Somebody waits for this person.
    Banner = "banner", mono: LOUD;
    /// Name of a key.
    Key = "key", mono: BOLD;
    /// Name of a person.
    Person = "person", mono: PLAIN;
    /// Command text.
    Code = "code", mono: PLAIN;
    /// Heading in a document.
    Heading = "heading", mono: LINE;
    /// First series of a chart.
    Chart1 = "chart-1", mono: PLAIN;
    /// Second series of a chart.
    Chart2 = "chart-2", mono: PLAIN;
    /// Third series of a chart.
    Chart3 = "chart-3", mono: PLAIN;
    /// Fourth series of a chart; further ones start over.
    Chart4 = "chart-4", mono: PLAIN;
    /// Warning limit in a chart.
    LimitWarn = "limit-warn", mono: PLAIN;
    /// Critical limit in a chart.
    LimitCrit = "limit-crit", mono: BOLD;
    /// Text that was searched for.
    Search = "search", mono: Modifier::REVERSED;
}

/// Colours for every role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    name: String,
    paints: Vec<Paint>,
}

impl Theme {
    /// Names of the built-in themes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        built_in::FILES.iter().map(|(name, _)| *name)
    }

    /// A built-in theme; absent for any other name.
    pub fn built_in(name: &str) -> Option<Self> {
        let text = built_in::text_of(name)?;
        built_in::read(text).or_else(|| file::parse(name, text).ok())
    }

    /// Reads the text of a theme file; `path` is named in errors.
    ///
    /// # Errors
    /// [`ThemeError`] with line and column for bad TOML, an unknown role, key, colour or base.
    pub fn parse(path: &str, text: &str) -> Result<Self, ThemeError> {
        file::parse(path, text)
    }

    /// The theme's own name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self::built_in("dark").unwrap_or(Self {
            name: "none".to_owned(),
            paints: vec![Paint::default(); Role::ALL.len()],
        })
    }
}

/// A theme resolved for one terminal.
#[derive(Debug, Clone)]
pub struct Look {
    styles: Vec<Style>,
    has_color: bool,
    /// Which characters draw lines, marks and charts.
    pub glyphs: &'static Glyphs,
}

impl Look {
    /// Resolves `theme` for a terminal with these colours; `ascii` keeps lines and marks within ASCII.
    pub fn new(theme: &Theme, colors: Colors, ascii: bool) -> Self {
        let styles = Role::ALL
            .iter()
            .map(|role| match colors {
                Colors::Mono => Style::new().add_modifier(role.mono()),
                _ => theme
                    .paints
                    .get(*role as usize)
                    .map_or_else(Style::new, |paint| to_style(paint, colors)),
            })
            .collect();
        Self {
            styles,
            has_color: colors != Colors::Mono,
            glyphs: if ascii {
                &glyphs::ASCII
            } else {
                &glyphs::UNICODE
            },
        }
    }

    /// True when the terminal shows colours.
    pub const fn has_color(&self) -> bool {
        self.has_color
    }

    /// Signs for cut and wrapped text.
    pub const fn signs(&self) -> crate::display::Glyphs {
        if self.glyphs.braille {
            crate::display::Glyphs::Unicode
        } else {
            crate::display::Glyphs::Ascii
        }
    }

    /// The style of a role.
    pub fn of(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// The style of the `n`-th series of a chart.
    pub fn series(&self, n: usize) -> Style {
        const SERIES: [Role; 4] = [Role::Chart1, Role::Chart2, Role::Chart3, Role::Chart4];
        self.of(SERIES
            .get(n % SERIES.len())
            .copied()
            .unwrap_or(Role::Chart1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Color;

    #[test]
    fn every_built_in_theme_parses_and_names_itself() {
        for name in Theme::names() {
            let text = built_in::text_of(name).expect("listed");
            let theme = file::parse(name, text).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(theme.name(), name);
        }
    }

    #[test]
    fn monochrome_uses_no_colour_at_all() {
        let look = Look::new(&Theme::default(), Colors::Mono, true);
        for role in Role::ALL {
            let style = look.of(*role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }

    /// Relative luminance. Source: WCAG 2.1, "relative luminance".
    fn luminance(color: Color) -> f64 {
        let Color::Rgb(r, g, b) = color else {
            panic!("{color:?} has no value of its own");
        };
        let part = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.039_28 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
    }

    fn contrast(a: Color, b: Color) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_text_is_readable_on_its_ground_and_on_the_selected_row() {
        for name in Theme::names() {
            let theme = Theme::built_in(name).expect("built in");
            let look = Look::new(&theme, Colors::True, false);
            // A theme without a ground of its own is for dark terminals; few are lighter than this.
            let ground = look.of(Role::Text).bg.unwrap_or(Color::Rgb(30, 30, 30));
            let selection = look.of(Role::Selection);
            for role in Role::ALL.iter().filter(|role| **role != Role::Border) {
                let style = look.of(*role);
                let Some(text) = style.fg else { continue };
                let own = contrast(text, style.bg.unwrap_or(ground));
                assert!(own >= 4.5, "{name} {role:?}: {own:.1}");
                let text = selection.fg.unwrap_or(text);
                let selected = contrast(text, selection.bg.expect("a ground"));
                if style.bg.is_none() {
                    assert!(selected >= 4.5, "{name} {role:?} selected: {selected:.1}");
                }
            }
        }
    }

    #[test]
    fn on_sixteen_colours_no_ground_is_without_its_own_text() {
        for name in Theme::names() {
            let theme = Theme::built_in(name).expect("built in");
            let look = Look::new(&theme, Colors::Ansi16, false);
            for role in Role::ALL {
                let style = look.of(*role);
                let ground = style.bg.unwrap_or(Color::Reset);
                let text = style.fg.unwrap_or(Color::Reset);
                assert!(
                    ground == Color::Reset || text != Color::Reset,
                    "{name} {role:?}"
                );
            }
        }
    }

    #[test]
    fn on_sixteen_colours_nothing_is_lost_on_a_ground_that_the_theme_does_not_choose() {
        for name in Theme::names() {
            let theme = Theme::built_in(name).expect("built in");
            let look = Look::new(&theme, Colors::Ansi16, false);
            let ground = |style: Style| style.bg.unwrap_or(Color::Reset);
            let own = ground(look.of(Role::Text));
            for role in Role::ALL {
                let style = look.of(*role);
                let is_open = own == Color::Reset && ground(style) == Color::Reset;
                // A light theme on a dark terminal, or the other way round, and black is on black.
                let is_lost = matches!(style.fg, Some(Color::Black | Color::White));
                assert!(!is_open || !is_lost, "{name} {role:?}");
            }
        }
    }

    #[test]
    fn sixteen_colours_stay_within_the_palette() {
        for name in Theme::names() {
            let theme = Theme::built_in(name).expect("built in");
            let look = Look::new(&theme, Colors::Ansi16, false);
            for role in Role::ALL {
                let style = look.of(*role);
                for color in [style.fg, style.bg].into_iter().flatten() {
                    assert!(
                        !matches!(color, Color::Rgb(..) | Color::Indexed(_)),
                        "{name} {role:?}"
                    );
                }
            }
        }
    }
}
