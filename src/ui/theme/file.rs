//! Theme files: TOML in, a checked [`Theme`] out, with every mistake named by line and column.

use super::color::{self, Paint};
use super::{Role, Theme, built_in};
use ratatui::style::Modifier;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;

/// A theme file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}:{column}: {what}")]
pub struct ThemeError {
    what: String,
    path: String,
    line: usize,
    column: usize,
    /// What to write instead; or empty.
    pub hint: String,
}

/// Largest theme file in bytes: ten times the longest built-in one.
const FILE_MAX: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTheme {
    name: String,
    base: Option<Spanned<String>>,
    #[serde(default)]
    roles: BTreeMap<Spanned<String>, RawPaint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the file's own switches, as typed"
)]
struct RawPaint {
    fg: Option<Spanned<String>>,
    bg: Option<Spanned<String>>,
    fg16: Option<Spanned<String>>,
    bg16: Option<Spanned<String>>,
    #[serde(default)]
    bold: bool,
    #[serde(default)]
    underline: bool,
    #[serde(default)]
    reverse: bool,
    #[serde(default)]
    dim: bool,
}

struct Source<'a> {
    path: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn error(&self, what: String, at: &Range<usize>, hint: String) -> ThemeError {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        ThemeError {
            what,
            path: self.path.to_owned(),
            line,
            column,
            hint,
        }
    }

    fn color(
        &self,
        raw: Option<&Spanned<String>>,
        named_only: bool,
    ) -> Result<Option<ratatui::style::Color>, ThemeError> {
        let Some(raw) = raw else { return Ok(None) };
        let hint = if named_only {
            "write one of the 16 names, such as `lightcyan`, or `default`"
        } else {
            "write `#rrggbb`, one of the 16 names such as `lightcyan`, or `default`"
        };
        color::parse(raw.get_ref())
            .filter(|c| !named_only || color::is_named(*c))
            .map(Some)
            .ok_or_else(|| {
                let what = format!("`{}` is not a colour", raw.get_ref().escape_debug());
                self.error(what, &raw.span(), hint.to_owned())
            })
    }

    fn paint(&self, raw: &RawPaint) -> Result<Paint, ThemeError> {
        let mut modifier = Modifier::empty();
        modifier.set(Modifier::BOLD, raw.bold);
        modifier.set(Modifier::UNDERLINED, raw.underline);
        modifier.set(Modifier::REVERSED, raw.reverse);
        modifier.set(Modifier::DIM, raw.dim);
        Ok(Paint {
            fg: self.color(raw.fg.as_ref(), false)?,
            bg: self.color(raw.bg.as_ref(), false)?,
            fg16: self.color(raw.fg16.as_ref(), true)?,
            bg16: self.color(raw.bg16.as_ref(), true)?,
            modifier,
        })
    }
}

/// Reads a theme. A role that is not named comes from `base`, which must be built in; without `base` all must be named.
pub(super) fn parse(path: &str, text: &str) -> Result<Theme, ThemeError> {
    let source = Source { path, text };
    if text.len() > FILE_MAX {
        let what = format!("theme is larger than {FILE_MAX} bytes");
        return Err(source.error(what, &(0..0), String::new()));
    }
    let raw: RawTheme = toml::from_str(text).map_err(|e| {
        let what = e.message().to_owned();
        source.error(what, &e.span().unwrap_or(0..0), String::new())
    })?;
    let mut paints: Vec<Option<Paint>> = match &raw.base {
        None => vec![None; Role::ALL.len()],
        Some(base) => base_paints(&source, base)?,
    };
    for (name, raw_paint) in &raw.roles {
        let place = Role::ALL.iter().position(|r| r.as_str() == name.get_ref());
        let slot = place.and_then(|p| paints.get_mut(p)).ok_or_else(|| {
            let names: Vec<&str> = Role::ALL.iter().map(|r| r.as_str()).collect();
            source.error(
                format!("`{}` is not a role", name.get_ref().escape_debug()),
                &name.span(),
                format!("the roles are {}", names.join(", ")),
            )
        })?;
        *slot = Some(source.paint(raw_paint)?);
    }
    let mut all = Vec::with_capacity(paints.len());
    for (role, paint) in Role::ALL.iter().zip(paints) {
        all.push(paint.ok_or_else(|| {
            source.error(
                format!("role `{}` is missing", role.as_str()),
                &(0..0),
                "name it, or add `base = \"dark\"`".to_owned(),
            )
        })?);
    }
    Ok(Theme {
        name: raw.name,
        paints: all,
    })
}

fn base_paints(
    source: &Source<'_>,
    base: &Spanned<String>,
) -> Result<Vec<Option<Paint>>, ThemeError> {
    let found = built_in::FILES
        .iter()
        .find(|(n, _)| *n == base.get_ref() && *n != source.path);
    let Some((name, text)) = found else {
        let names: Vec<&str> = built_in::FILES.iter().map(|(n, _)| *n).collect();
        return Err(source.error(
            format!(
                "base `{}` is not a built-in theme",
                base.get_ref().escape_debug()
            ),
            &base.span(),
            format!("the built-in themes are {}", names.join(", ")),
        ));
    };
    Ok(parse(name, text)?.paints.into_iter().map(Some).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = parse("mine.toml", text).expect_err("must be refused");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn mistakes_are_named_by_line_and_column() {
        check(
            "name = \"m\"\nbase = \"dark\"\n[roles]\ngoof = { fg = \"red\" }\n",
            "mine.toml:4:1: `goof` is not a role",
        );
        check(
            "name = \"m\"\nbase = \"dark\"\n[roles]\ngood = { fg = \"reddish\" }\n",
            "mine.toml:4:15: `reddish` is not a colour",
        );
        check(
            "name = \"m\"\nbase = \"dark\"\n[roles]\ngood = { fg16 = \"#102030\" }\n",
            "mine.toml:4:17: `#102030` is not a colour",
        );
        check(
            "name = \"m\"\nbase = \"nope\"\n",
            "mine.toml:2:8: base `nope` is not a built-in theme",
        );
        check("name = \"m\"\n", "mine.toml:1:1: role `text` is missing");
    }

    #[test]
    fn a_theme_may_change_one_role_of_another() {
        let text = "name = \"m\"\nbase = \"dark\"\n[roles]\ngood = { fg = \"#010203\" }\n";
        let mine = parse("mine.toml", text).expect("valid");
        let dark = Theme::default();
        let differing = mine
            .paints
            .iter()
            .zip(&dark.paints)
            .filter(|(a, b)| a != b)
            .count();
        assert_eq!(differing, 1);
    }
}
