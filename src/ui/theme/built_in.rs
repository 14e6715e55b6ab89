//! The built-in themes, read without a TOML parser.
//!
//! Reading TOML was a quarter of what a terminal does before its first frame. The files of the program are written one
//! role a line; whatever is not of that form is left to [`super::file`], and a test compares both readings.

use super::color::{self, Paint};
use super::{Role, Theme};
use ratatui::style::{Color, Modifier};

/// The files by name.
pub(super) const FILES: &[(&str, &str)] = &[
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    (
        "high-contrast",
        include_str!("../../../themes/high-contrast.toml"),
    ),
    (
        "colour-blind",
        include_str!("../../../themes/colour-blind.toml"),
    ),
];

/// The text of a built-in theme; absent for any other name.
pub(super) fn text_of(name: &str) -> Option<&'static str> {
    let (_, text) = FILES.iter().find(|(known, _)| *known == name)?;
    Some(text)
}

/// Reads a text of the usual form; absent when anything in it is not.
pub(super) fn read(text: &str) -> Option<Theme> {
    let mut name = None;
    let mut paints = vec![None; Role::ALL.len()];
    let mut in_roles = false;
    for line in text.lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "[roles]" {
            in_roles = true;
            continue;
        }
        let (key, value) = line.split_once('=')?;
        let (key, value) = (key.trim_end(), value.trim_start());
        match key {
            "name" if !in_roles => name = Some(quoted(value)?.to_owned()),
            // A theme that is told by another one comes before its roles.
            "base" if !in_roles => {
                let base = read(text_of(quoted(value)?)?)?;
                paints = base.paints.into_iter().map(Some).collect();
            }
            role if in_roles => {
                let place = Role::ALL.iter().position(|r| r.as_str() == role)?;
                *paints.get_mut(place)? = Some(paint(value)?);
            }
            _ => return None,
        }
    }
    let paints = paints.into_iter().collect::<Option<Vec<Paint>>>()?;
    Some(Theme {
        name: name?,
        paints,
    })
}

/// Reads `{ fg = "#d4d7dd", bold = true }`.
fn paint(text: &str) -> Option<Paint> {
    let inside = text.strip_prefix("{ ")?.strip_suffix(" }")?;
    let mut paint = Paint::default();
    for setting in inside.split(", ") {
        match setting.split_once(" = ")? {
            ("fg", value) => paint.fg = Some(color(value)?),
            ("bg", value) => paint.bg = Some(color(value)?),
            ("fg16", value) => paint.fg16 = Some(color(value)?),
            ("bg16", value) => paint.bg16 = Some(color(value)?),
            ("bold", "true") => paint.modifier |= Modifier::BOLD,
            ("underline", "true") => paint.modifier |= Modifier::UNDERLINED,
            ("reverse", "true") => paint.modifier |= Modifier::REVERSED,
            ("dim", "true") => paint.modifier |= Modifier::DIM,
            _ => return None,
        }
    }
    Some(paint)
}

fn color(value: &str) -> Option<Color> {
    color::parse(quoted(value)?)
}

fn quoted(value: &str) -> Option<&str> {
    let inside = value.strip_prefix('"')?.strip_suffix('"')?;
    (!inside.contains(['"', '\\'])).then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn both_readings_of_a_built_in_theme_agree() {
        for (name, text) in FILES {
            let toml = file::parse(name, text).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(read(text), Some(toml), "{name}");
        }
    }

    #[test]
    fn what_is_written_otherwise_is_left_to_the_other_reading() {
        let base = "name = \"m\"\nbase = \"dark\"\n[roles]\n";
        assert!(read(&format!("{base}good = {{ fg = \"red\" }}\n")).is_some());
        for role in [
            "goof = { fg = \"red\" }",
            "good = { fg = \"reddish\" }",
            "good = { fg = 'red' }",
            "good = { fg = \"red\" } # as blood",
            "good.fg = \"red\"",
        ] {
            assert_eq!(read(&format!("{base}{role}\n")), None, "{role}");
        }
        assert_eq!(read("name = \"m\"\n[roles]\n"), None, "roles are missing");
    }
}
