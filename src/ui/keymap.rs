//! One table of keys. It feeds dispatch, the hint bar, the help, the palette and the key list of the manual.
//!
//! No single unmodified key goes forward through something destructive: `s` runs checks only, `P` asks again by
//! name, go is a control key, and the confirm has a ritual of its own.

use crate::ui::action::{Action, Motion, View};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Part of the help a binding belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Moving about.
    Move,
    /// Views and panes.
    Views,
    /// Forward.
    Forward,
    /// Holding and going back.
    Back,
    /// The second person.
    Second,
    /// This terminal.
    Terminal,
}

impl Group {
    /// In the order of the help.
    pub const ALL: [Self; 6] = [
        Self::Back,
        Self::Forward,
        Self::Second,
        Self::Views,
        Self::Move,
        Self::Terminal,
    ];

    /// The heading in the help.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Move => "Move",
            Self::Views => "Views",
            Self::Forward => "Forward",
            Self::Back => "Hold and back: one key, anyone with a role",
            Self::Second => "Second person",
            Self::Terminal => "This terminal",
        }
    }
}

/// Where a binding works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// In every view but the confirm screen.
    Views,
    /// Everywhere, the confirm screen without open input included.
    Anywhere,
    /// On the confirm screen.
    Confirm,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// `j`, `ctrl-g`, `prefix d`, `g g`.
    pub keys: &'static str,
    /// What it does.
    pub action: Action,
    /// Where it works.
    pub context: Context,
    /// One phrase for help, palette and manual.
    pub what: &'static str,
    /// Part of the help.
    pub group: Group,
    /// Label in the hint bar; empty keeps it out.
    pub hint: &'static str,
}

const fn bind(
    keys: &'static str,
    action: Action,
    group: Group,
    hint: &'static str,
    what: &'static str,
) -> Binding {
    Binding {
        keys,
        action,
        context: Context::Views,
        what,
        group,
        hint,
    }
}

const fn anywhere(mut binding: Binding) -> Binding {
    binding.context = Context::Anywhere;
    binding
}

const fn confirm(mut binding: Binding) -> Binding {
    binding.context = Context::Confirm;
    binding
}

use Action as A;
use Group as G;

/// The table. Where an action has several keys, the first one is the one shown.
const TABLE: &[Binding] = &[
    bind("h", A::Hold, G::Back, "hold", "hold: nothing new starts"),
    bind("x", A::Stop, G::Back, "stop", "stop the running command"),
    bind(
        "H",
        A::Release,
        G::Forward,
        "",
        "end all holds (asks for a reason)",
    ),
    bind(
        "R",
        A::Rollback,
        G::Back,
        "roll back",
        "go back: undo what was done, last first (asks for a reason)",
    ),
    bind(
        "A",
        A::Abort,
        G::Back,
        "",
        "give up where it stands (asks for a reason)",
    ),
    bind("B", A::Begin, G::Forward, "begin", "begin the maintenance"),
    bind(
        "s",
        A::Start,
        G::Forward,
        "start",
        "start the selected step; of a destructive one, its checks",
    ),
    bind(
        "m",
        A::MarkDone,
        G::Forward,
        "mark done",
        "the selected manual step is done (asks for a note)",
    ),
    bind(
        "S",
        A::Skip,
        G::Forward,
        "",
        "leave the selected step out (asks for a reason)",
    ),
    bind("T", A::Retry, G::Forward, "", "try the selected step again"),
    bind(
        "o",
        A::Resolve,
        G::Forward,
        "",
        "say what happened to an unknown step",
    ),
    bind(
        "E",
        A::Complete,
        G::Forward,
        "",
        "everything is done: complete the maintenance",
    ),
    bind("n", A::Note, G::Forward, "note", "write a note"),
    bind(
        "P",
        A::Propose,
        G::Second,
        "propose",
        "propose the destructive part of the selected step",
    ),
    bind(
        "c",
        A::Review,
        G::Second,
        "review",
        "review the open proposal",
    ),
    bind("C", A::Cancel, G::Second, "", "take the open proposal back"),
    anywhere(bind(
        "ctrl-g",
        A::Go,
        G::Second,
        "",
        "go: run the confirmed step",
    )),
    confirm(bind(
        "r",
        A::Reject,
        G::Second,
        "reject",
        "reject the open proposal (asks for a reason)",
    )),
    bind("1", A::Show(View::WarRoom), G::Views, "", "war room"),
    bind(
        "2",
        A::Show(View::Runbook),
        G::Views,
        "",
        "runbook: the whole document",
    ),
    bind(
        "3",
        A::Show(View::Metrics),
        G::Views,
        "",
        "metrics: charts with limits",
    ),
    bind(
        "4",
        A::Show(View::Timeline),
        G::Views,
        "",
        "timeline: every fact",
    ),
    bind(
        "5",
        A::Show(View::Confirm),
        G::Views,
        "",
        "confirm: the open proposal",
    ),
    bind("tab", A::FocusNext, G::Views, "", "focus the next pane"),
    bind(
        "backtab",
        A::FocusPrevious,
        G::Views,
        "",
        "focus the previous pane",
    ),
    bind(
        "z",
        A::Zoom,
        G::Views,
        "",
        "give the focused pane the whole screen, or take it back",
    ),
    bind(
        "enter",
        A::OpenStep,
        G::Views,
        "",
        "show the selected step in full",
    ),
    bind(
        "f",
        A::Follow,
        G::Views,
        "",
        "select the step that matters now and follow it",
    ),
    bind("j", A::Move(Motion::Down), G::Move, "", "down"),
    bind("down", A::Move(Motion::Down), G::Move, "", "down"),
    bind("k", A::Move(Motion::Up), G::Move, "", "up"),
    bind("up", A::Move(Motion::Up), G::Move, "", "up"),
    bind(
        "ctrl-d",
        A::Move(Motion::HalfDown),
        G::Move,
        "",
        "half a pane down",
    ),
    bind(
        "ctrl-u",
        A::Move(Motion::HalfUp),
        G::Move,
        "",
        "half a pane up",
    ),
    bind(
        "pagedown",
        A::Move(Motion::PageDown),
        G::Move,
        "",
        "a pane down",
    ),
    bind(
        "ctrl-f",
        A::Move(Motion::PageDown),
        G::Move,
        "",
        "a pane down",
    ),
    bind(
        "space",
        A::Move(Motion::PageDown),
        G::Move,
        "",
        "a pane down",
    ),
    bind("pageup", A::Move(Motion::PageUp), G::Move, "", "a pane up"),
    bind("b", A::Move(Motion::PageUp), G::Move, "", "a pane up"),
    bind(
        "g g",
        A::Move(Motion::First),
        G::Move,
        "",
        "to the first row",
    ),
    bind(
        "home",
        A::Move(Motion::First),
        G::Move,
        "",
        "to the first row",
    ),
    bind("G", A::Move(Motion::Last), G::Move, "", "to the last row"),
    bind("end", A::Move(Motion::Last), G::Move, "", "to the last row"),
    bind(
        "/",
        A::Search,
        G::Move,
        "",
        "search; on the timeline, filter",
    ),
    bind("N", A::SearchPrevious, G::Move, "", "to the previous match"),
    bind("ctrl-n", A::SearchNext, G::Move, "", "to the next match"),
    confirm(bind("j", A::Move(Motion::Down), G::Move, "", "down")),
    confirm(bind("k", A::Move(Motion::Up), G::Move, "", "up")),
    confirm(bind(
        "space",
        A::Move(Motion::PageDown),
        G::Move,
        "",
        "a page down",
    )),
    confirm(bind("b", A::Move(Motion::PageUp), G::Move, "", "a page up")),
    confirm(bind(
        "g",
        A::Move(Motion::First),
        G::Move,
        "",
        "to the first row",
    )),
    confirm(bind(
        "G",
        A::Move(Motion::Last),
        G::Move,
        "",
        "to the last row",
    )),
    anywhere(bind(
        "esc",
        A::Close,
        G::Terminal,
        "",
        "close what is on top; leave the confirm screen",
    )),
    bind(
        "y",
        A::Copy,
        G::Terminal,
        "",
        "copy the commands of the selected step",
    ),
    bind(
        "t",
        A::LocalTime,
        G::Terminal,
        "",
        "local time beside UTC, or not",
    ),
    bind(
        ":",
        A::Palette,
        G::Terminal,
        "palette",
        "palette: find an action by name",
    ),
    bind("?", A::Help, G::Terminal, "help", "help"),
    anywhere(bind(
        "ctrl-c",
        A::Quit,
        G::Terminal,
        "",
        "leave: asks whether the session goes on",
    )),
    bind(
        "q",
        A::Quit,
        G::Terminal,
        "quit",
        "leave: asks whether the session goes on",
    ),
    anywhere(bind(
        "prefix d",
        A::Detach,
        G::Terminal,
        "detach",
        "detach: the session goes on",
    )),
    anywhere(bind("prefix ?", A::Help, G::Terminal, "", "help")),
    anywhere(bind(
        "prefix &",
        A::KillSession,
        G::Terminal,
        "",
        "end the session (asks for its name)",
    )),
    anywhere(bind(
        "ctrl-l",
        A::Redraw,
        G::Terminal,
        "",
        "draw everything anew",
    )),
];

/// The table, for the help and the manual. `prefix` stands for the prefix key, `ctrl-b` unless configured.
pub const fn key_table() -> &'static [Binding] {
    TABLE
}

/// The first key of an action, as shown; absent for one without a key.
pub fn key_of(action: Action) -> Option<&'static str> {
    TABLE.iter().find(|b| b.action == action).map(|b| b.keys)
}

/// One key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chord {
    code: KeyCode,
    control: bool,
    alt: bool,
}

/// A key name that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key such as `ctrl-b`, `f1` or `g`")]
pub struct KeyError(String);

impl Chord {
    /// Reads `ctrl-b`, `alt-x`, `tab`, `f1`, or one character.
    ///
    /// # Errors
    /// [`KeyError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let error = || KeyError(text.escape_debug().take(32).collect());
        let (control, rest) = text
            .strip_prefix("ctrl-")
            .map_or((false, text), |r| (true, r));
        let (alt, rest) = rest
            .strip_prefix("alt-")
            .map_or((false, rest), |r| (true, r));
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(only), None) if only.is_ascii_graphic() => KeyCode::Char(only),
            _ => named_key(rest).ok_or_else(error)?,
        };
        Ok(Self { code, control, alt })
    }

    fn of(key: &KeyEvent) -> Self {
        Self {
            code: key.code,
            control: key.modifiers.contains(KeyModifiers::CONTROL),
            alt: key.modifiers.contains(KeyModifiers::ALT),
        }
    }
}

fn named_key(name: &str) -> Option<KeyCode> {
    Some(match name {
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "space" => KeyCode::Char(' '),
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        other => {
            let number: u8 = other.strip_prefix('f')?.parse().ok()?;
            (1..=12).contains(&number).then_some(KeyCode::F(number))?
        }
    })
}

/// The table, resolved, and the keys of an unfinished sequence.
#[derive(Debug)]
pub struct Keymap {
    sequences: Vec<(Vec<Chord>, &'static Binding)>,
    pending: Vec<Chord>,
}

/// Longest sequence in the table, `prefix d`; a longer one cannot begin.
const SEQUENCE_MAX: usize = 2;

impl Keymap {
    /// Resolves the table with this prefix key.
    pub fn new(prefix: Chord) -> Self {
        let sequences = TABLE
            .iter()
            .filter_map(|binding| {
                let chords: Result<Vec<Chord>, KeyError> = binding
                    .keys
                    .split(' ')
                    .map(|k| {
                        if k == "prefix" {
                            Ok(prefix)
                        } else {
                            Chord::parse(k)
                        }
                    })
                    .collect();
                chords.ok().map(|chords| (chords, binding))
            })
            .collect();
        Self {
            sequences,
            pending: Vec::with_capacity(SEQUENCE_MAX),
        }
    }

    /// Takes one key; gives the action when it ends a sequence that works on this screen.
    pub fn on_key(&mut self, key: &KeyEvent, on_confirm: bool) -> Option<Action> {
        let works = |context: Context| match context {
            Context::Anywhere => true,
            Context::Views => !on_confirm,
            Context::Confirm => on_confirm,
        };
        self.pending.push(Chord::of(key));
        let mut prefix_of_any = false;
        for (chords, binding) in &self.sequences {
            if !works(binding.context) {
                continue;
            }
            if *chords == self.pending {
                self.pending.clear();
                return Some(binding.action);
            }
            prefix_of_any |= chords.starts_with(&self.pending);
        }
        if !prefix_of_any {
            self.pending.clear();
        }
        None
    }

    /// True between the keys of a sequence.
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Forgets the keys of an unfinished sequence.
    pub fn reset(&mut self) {
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> KeyEvent {
        let chord = Chord::parse(text).expect("a key");
        let modifiers = if chord.control {
            KeyModifiers::CONTROL
        } else {
            KeyModifiers::NONE
        };
        KeyEvent::new(chord.code, modifiers)
    }

    fn keymap() -> Keymap {
        Keymap::new(Chord::parse("ctrl-b").expect("a key"))
    }

    #[test]
    fn every_line_of_the_table_is_understood() {
        assert_eq!(keymap().sequences.len(), TABLE.len());
        assert!(
            TABLE
                .iter()
                .all(|b| !b.what.is_empty() && b.keys.split(' ').count() <= SEQUENCE_MAX)
        );
    }

    #[test]
    fn no_key_means_two_things_in_one_place() {
        let places = |c: Context| match c {
            Context::Views => vec![false],
            Context::Confirm => vec![true],
            Context::Anywhere => vec![false, true],
        };
        for (at, one) in TABLE.iter().enumerate() {
            for other in &TABLE[at + 1..] {
                let overlap = places(one.context)
                    .iter()
                    .any(|p| places(other.context).contains(p));
                let same = one.keys == other.keys
                    || one.keys.starts_with(&format!("{} ", other.keys))
                    || other.keys.starts_with(&format!("{} ", one.keys));
                assert!(!(overlap && same), "`{}` and `{}`", one.keys, other.keys);
            }
        }
    }

    #[test]
    fn go_and_confirm_are_on_no_single_plain_key() {
        for binding in TABLE.iter().filter(|b| matches!(b.action, Action::Go)) {
            assert!(binding.keys.starts_with("ctrl-"), "{}", binding.keys);
        }
    }

    #[test]
    fn sequences_end_or_are_forgotten() {
        let mut keymap = keymap();
        assert_eq!(keymap.on_key(&key("ctrl-b"), false), None);
        assert!(keymap.is_pending());
        assert_eq!(keymap.on_key(&key("d"), false), Some(Action::Detach));
        assert_eq!(keymap.on_key(&key("ctrl-b"), false), None);
        assert_eq!(
            keymap.on_key(&key("x"), false),
            None,
            "an unknown sequence does nothing"
        );
        assert_eq!(keymap.on_key(&key("x"), false), Some(Action::Stop));
    }

    #[test]
    fn the_confirm_screen_knows_its_own_keys_only() {
        let mut keymap = keymap();
        assert_eq!(keymap.on_key(&key("x"), true), None);
        assert_eq!(keymap.on_key(&key("r"), true), Some(Action::Reject));
        assert_eq!(keymap.on_key(&key("r"), false), None);
    }
}
