//! `[server]`, `[people]` and `[ui]`.

use super::document::{At, Document, Section};
use super::env::Env;
use crate::domain::radius::{DEPTH_DEFAULT, DEPTH_MAX};
use std::path::PathBuf;

/// `[server]`: the session server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Directory of the sockets.
    pub runtime_dir: PathBuf,
    /// Directory of the journals.
    pub state_dir: PathBuf,
    /// Directory where the sessions of this host tell each other what they do, so that no two do destructive things
    /// across each other.
    pub scope_dir: PathBuf,
    /// Unix group whose members may attach; absent: the server's own account only.
    pub group: Option<String>,
    /// Steps of dependency that the blast radius follows, where the runbook names no number.
    pub radius_depth: u8,
    /// Output kept of one command, in bytes; older output is cut off.
    pub output_bytes_max: usize,
    /// File that checkpoints are appended to, beside those kept with the session; best on another host's disk.
    pub checkpoint_file: Option<PathBuf>,
    /// Program, with arguments, that gets each checkpoint on its standard input.
    pub checkpoint_command: Option<Vec<String>>,
}

/// `[people]`: who is who, and what is asked of them; at most one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct People {
    /// Path of the people file; rules and keys stand beside it.
    pub file: Option<PathBuf>,
    /// Path of the rules where there is no people file and each Unix account is the person of its name.
    pub rules: Option<PathBuf>,
    /// Private key of this host, which certifies the keys of its sessions.
    pub host_key: Option<PathBuf>,
}

/// `[ui]`: how a client looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ui {
    /// Name of a built-in theme, or path of a theme file (with `/` in it, made absolute or relative to this file).
    pub theme: String,
    /// ASCII borders and marks only.
    pub ascii: bool,
    /// When colours are used.
    pub color: Color,
    /// Time zone shown beside UTC, an IANA name such as `Europe/Berlin`; absent: UTC alone.
    pub local_time: Option<String>,
    /// Key that starts a command of the client, as in tmux.
    pub prefix: PrefixKey,
    /// Whether the mouse is used; the terminal's own selection then needs Shift.
    pub mouse: bool,
}

/// When colours are used. `NO_COLOR` is looked at by `cli`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Color {
    /// When the terminal has them.
    #[default]
    Auto,
    /// Even when the terminal does not say so.
    Always,
    /// Never; state is told by words and marks.
    Never,
}

/// Control and a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefixKey(
    /// The letter, `a` to `z`.
    pub char,
);

/// Step output kept when nothing else is configured: ten thousand lines of 400 characters.
const OUTPUT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Below the directory of sessions, of which none can be named like this.
const SCOPE_DIR: &str = ".scope";

/// Longest name of a group that Linux tools create.
const GROUP_CHARS_MAX: usize = 32;

/// Reads `[server]`; `None` when it cannot be told where sessions are kept.
pub(super) fn server(
    document: &Document<'_>,
    section: Option<Section<'_, '_>>,
    env: &Env,
) -> Option<Server> {
    let runtime = env.dir("XDG_RUNTIME_DIR").map(|dir| dir.join("warroom"));
    let runtime = runtime.unwrap_or_else(|| PathBuf::from("/run/warroom"));
    let home = env.dir("HOME").map(|home| home.join(".local/state"));
    let state = env.dir("XDG_STATE_HOME").or(home);
    let state = state.map(|dir| dir.join("warroom"));
    let Some(mut section) = section else {
        let state = state?;
        return Some(Server {
            runtime_dir: runtime,
            scope_dir: state.join(SCOPE_DIR),
            state_dir: state,
            group: None,
            radius_depth: DEPTH_DEFAULT,
            output_bytes_max: bytes(OUTPUT_BYTES_MAX),
            checkpoint_file: None,
            checkpoint_command: None,
        });
    };
    let runtime_dir = path(document, &mut section, "runtime_dir", env);
    let state_dir = path(document, &mut section, "state_dir", env);
    let scope_dir = path(document, &mut section, "scope_dir", env);
    let group = section.parsed(
        "group",
        "the name of a Unix group, not its number",
        group_name,
    );
    let depth = section.whole("radius_depth", 1..u64::from(DEPTH_MAX).saturating_add(1));
    let output = section.whole("output_bytes_max", 64 * 1024..1024 * 1024 * 1024);
    let checkpoint_file = path(document, &mut section, "checkpoint_file", env);
    let words = section.texts("checkpoint_command").into_iter();
    let command: Vec<String> = words.map(|at| at.value).collect();
    section.finish();
    let state_dir = state_dir.or(state)?;
    Some(Server {
        runtime_dir: runtime_dir.unwrap_or(runtime),
        scope_dir: scope_dir.unwrap_or_else(|| state_dir.join(SCOPE_DIR)),
        state_dir,
        group: group.map(|at| at.value),
        radius_depth: depth
            .and_then(|depth| u8::try_from(depth).ok())
            .unwrap_or(DEPTH_DEFAULT),
        output_bytes_max: bytes(output.unwrap_or(OUTPUT_BYTES_MAX)),
        checkpoint_file,
        checkpoint_command: (!command.is_empty()).then_some(command),
    })
}

fn bytes(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn group_name(text: &str) -> Result<String, String> {
    let starts = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let fits =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.');
    if starts && text.chars().all(fits) && text.len() <= GROUP_CHARS_MAX {
        Ok(text.to_owned())
    } else {
        Err("is not the name of a group".to_owned())
    }
}

/// A path, with `~/` and beside-the-file resolved.
pub(super) fn path(
    document: &Document<'_>,
    section: &mut Section<'_, '_>,
    key: &'static str,
    env: &Env,
) -> Option<PathBuf> {
    let at = section.text(key)?;
    if at.value.is_empty() {
        document.fault(
            &at,
            "must not be empty",
            "leave the key out for the default",
        );
        return None;
    }
    Some(document.path(&at.value, env.dir("HOME").as_deref()))
}

/// Reads `[people]`.
pub(super) fn people(
    document: &Document<'_>,
    section: Option<Section<'_, '_>>,
    env: &Env,
) -> People {
    let Some(mut section) = section else {
        return People::default();
    };
    let home = env.dir("HOME");
    let rules = section.text("rules");
    let file = match &rules {
        Some(rules) => {
            let file = section.text("file");
            if file.is_some() {
                let what = "is for teams without a people file";
                document.fault(
                    rules,
                    what,
                    "rules stand beside the people file, in `rules.toml`",
                );
            }
            file
        }
        None => section.required("file", "for example `/etc/warroom/people.toml`"),
    };
    let host_key = section.text("host_key");
    section.finish();
    let path = |at: At<String>| document.path(&at.value, home.as_deref());
    People {
        file: file.map(&path),
        rules: rules.map(&path),
        host_key: host_key.map(path),
    }
}

/// Reads `[ui]`.
pub(super) fn ui(document: &Document<'_>, section: Option<Section<'_, '_>>, env: &Env) -> Ui {
    let mut ui = Ui {
        theme: "dark".to_owned(),
        ascii: false,
        color: Color::Auto,
        local_time: None,
        prefix: PrefixKey('b'),
        mouse: true,
    };
    let Some(mut section) = section else {
        return ui;
    };
    if let Some(at) = section.text("theme") {
        ui.theme = theme(document, &at, env);
    }
    ui.ascii = section.flag("ascii").unwrap_or(ui.ascii);
    let colors = [
        ("auto", Color::Auto),
        ("always", Color::Always),
        ("never", Color::Never),
    ];
    ui.color = section.word("color", &colors).unwrap_or(ui.color);
    let zone = section.parsed(
        "local_time",
        "an IANA name such as `Europe/Berlin`",
        |name| match jiff::tz::TimeZone::get(name) {
            Ok(_) => Ok(name.to_owned()),
            Err(_) => Err(format!("no time zone is called `{name}`")),
        },
    );
    ui.local_time = zone.map(|at| at.value);
    let prefix = section.parsed(
        "prefix",
        "Control and a letter, such as `ctrl-b`",
        prefix_key,
    );
    ui.prefix = prefix.map_or(ui.prefix, |at| at.value);
    ui.mouse = section.flag("mouse").unwrap_or(ui.mouse);
    section.finish();
    ui
}

fn theme(document: &Document<'_>, at: &At<String>, env: &Env) -> String {
    if at.value.contains('/') {
        let path = document.path(&at.value, env.dir("HOME").as_deref());
        return path.to_string_lossy().into_owned();
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if at.value.is_empty() || !at.value.chars().all(fits) {
        let hint = "a name such as `default`, or a path with `/` in it";
        document.fault(at, format!("`{}` is not a theme", at.value), hint);
    }
    at.value.clone()
}

fn prefix_key(text: &str) -> Result<PrefixKey, String> {
    let letter = text.strip_prefix("ctrl-").and_then(|rest| {
        let mut letters = rest.chars();
        letters.next().filter(|_| letters.next().is_none())
    });
    match letter {
        // The terminal cannot tell these from Tab, Enter, and the keys that stop and restart output.
        Some(letter @ ('i' | 'j' | 'm' | 'q' | 's')) => Err(format!(
            "`ctrl-{letter}` means something else to a terminal"
        )),
        Some(letter) if letter.is_ascii_lowercase() => Ok(PrefixKey(letter)),
        _ => Err(format!("`{text}` is not a prefix key")),
    }
}
