//! How a terminal wants it: command line over configuration over what the environment says of the terminal.

use super::args::{ColorsArg, LookArgs};
use super::environment::Environment;
use crate::config::{Color, Config, Env};
use crate::exit::{Code, Failure};
use crate::ui::Settings;
use crate::ui::keymap::Keymap;
use crate::ui::theme::{Colors, Theme};
use std::io::Read as _;

/// Largest theme file: a few hundred roles with comments stay far below.
const THEME_BYTES_MAX: u64 = 64 * 1024;

/// Resolves the settings of the screen.
///
/// # Errors
/// When the theme, the prefix key or the time zone is not what it should be.
pub(super) fn settings(
    environment: &Environment,
    config: &Config,
    look: &LookArgs,
) -> Result<Settings, Failure> {
    let name = look.theme.as_deref().unwrap_or(&config.ui.theme);
    let colors = colors(look.colors, config.ui.color, &environment.env);
    let prefix = Keymap::prefix(&format!("ctrl-{}", config.ui.prefix.0))
        .map_err(|error| Failure::new(error).code(Code::Usage))?;
    let local_zone = match &config.ui.local_time {
        Some(zone) => {
            jiff::tz::TimeZone::get(zone).map_err(|error| Failure::new(error).code(Code::Usage))?
        }
        None => jiff::tz::TimeZone::UTC,
    };
    Ok(Settings {
        theme: theme(name)?,
        colors,
        ascii: look.ascii || config.ui.ascii || !speaks_utf8(&environment.env),
        prefix,
        local_zone,
        local_time: look.local,
        mouse: config.ui.mouse,
    })
}

fn theme(name: &str) -> Result<Theme, Failure> {
    if let Some(theme) = Theme::built_in(name) {
        return Ok(theme);
    }
    if !name.contains('/') && !std::path::Path::new(name).exists() {
        let names: Vec<&str> = Theme::names().collect();
        return Err(Failure::new(format!("there is no theme `{name}`"))
            .hint(format!(
                "built in: {}; a file of your own is named by its path",
                names.join(", ")
            ))
            .code(Code::Usage));
    }
    let failed = |error: std::io::Error| {
        Failure::new(format!("cannot read theme `{name}`: {error}"))
            .hint("a theme is a TOML file; see `themes/dark.toml`".to_owned())
            .code(Code::Usage)
    };
    let mut text = String::new();
    std::fs::File::open(name)
        .and_then(|file| file.take(THEME_BYTES_MAX).read_to_string(&mut text))
        .map_err(failed)?;
    Theme::parse(name, &text).map_err(|error| {
        let hint = error.hint.clone();
        let failure = Failure::new(error).code(Code::Usage);
        if hint.is_empty() {
            failure
        } else {
            failure.hint(hint)
        }
    })
}

/// What the terminal can show. Source: no-color.org for `NO_COLOR`; `COLORTERM` as terminals set it.
fn colors(asked: Option<ColorsArg>, configured: Color, env: &Env) -> Colors {
    match asked {
        Some(ColorsArg::True) => return Colors::True,
        Some(ColorsArg::C256) => return Colors::Ansi256,
        Some(ColorsArg::C16) => return Colors::Ansi16,
        Some(ColorsArg::Mono) => return Colors::Mono,
        Some(ColorsArg::Auto) | None => {}
    }
    let is_off = env.get("NO_COLOR").is_some_and(|v| !v.is_empty()) && configured != Color::Always;
    if is_off || configured == Color::Never {
        return Colors::Mono;
    }
    let term = env.get("TERM").unwrap_or_default();
    match env.get("COLORTERM") {
        Some("truecolor" | "24bit") => Colors::True,
        _ if term.contains("256color") => Colors::Ansi256,
        _ if term.is_empty() || term == "dumb" || term.starts_with("vt") => Colors::Mono,
        _ => Colors::Ansi16,
    }
}

/// Whether the locale says UTF-8. Source: POSIX, order of `LC_ALL`, `LC_CTYPE`, `LANG`.
fn speaks_utf8(env: &Env) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| env.get(name).filter(|v| !v.is_empty()));
    set.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
