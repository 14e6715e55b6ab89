//! One table of keys. It feeds dispatch, the hint bar, the help, the palette and the key list of the manual.
//!
//! No single unmodified key goes forward through something destructive: `s` runs checks only, `P` asks again by
//! name, go is a control key, and the confirm has a ritual of its own.

mod table;

use crate::ui::action::Action;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::borrow::Cow;

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
    /// Other systems.
    Outside,
    /// This terminal.
    Terminal,
}

impl Group {
    /// In the order of the help.
    pub const ALL: [Self; 7] = [
        Self::Back,
        Self::Forward,
        Self::Second,
        Self::Outside,
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
            Self::Outside => "Other systems: pager, alerts, CMDB",
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

/// The table, for the help and the manual. `prefix` stands for the prefix key, `ctrl-b` unless configured.
pub const fn key_table() -> &'static [Binding] {
    table::TABLE
}

/// The keys shown for an action: the first ones that do it.
pub(crate) fn keys_of(action: Action) -> &'static str {
    let binding = table::TABLE.iter().find(|b| b.action == action);
    binding.map_or("", |b| b.keys)
}

/// True for an action whose first keys work on the confirm screen too.
pub(crate) fn is_anywhere(action: Action) -> bool {
    let binding = table::TABLE.iter().find(|b| b.action == action);
    binding.is_some_and(|b| b.context == Context::Anywhere)
}

/// What needs one key of one person on every screen, also beside a plan that is read, and the way to all the rest. What is
/// read there has its own keys for everything else.
const BESIDE_A_PLAN: [Action; 6] = [
    Action::Stop,
    Action::Hold,
    Action::Rollback,
    Action::Cancel,
    Action::TakeOver,
    Action::Palette,
];

/// What stops or goes back, and is never the wrong thing to have pressed.
const WAYS_BACK: [Action; 3] = [Action::Stop, Action::Hold, Action::Rollback];

/// Keys as they are pressed: `prefix` becomes the key it stands for.
pub(crate) fn as_pressed(keys: &'static str, prefix: &str) -> Cow<'static, str> {
    match keys.strip_prefix("prefix ") {
        Some(rest) => Cow::Owned(format!("{prefix} {rest}")),
        None => Cow::Borrowed(keys),
    }
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
#[error("`{0}` is not a key such as `ctrl-b` or `f1`, or is taken")]
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

    /// The key as people write it, for one that [`Keymap::prefix`] accepts.
    fn to_text(self) -> String {
        let control = if self.control { "ctrl-" } else { "" };
        let alt = if self.alt { "alt-" } else { "" };
        match self.code {
            KeyCode::F(number) => format!("{control}{alt}f{number}"),
            KeyCode::Char(' ') => format!("{control}{alt}space"),
            KeyCode::Char(letter) => format!("{control}{alt}{letter}"),
            other => format!("{control}{alt}{}", other.to_string().to_lowercase()),
        }
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
    prefix: String,
}

/// Longest sequence in the table, `prefix d`; a longer one cannot begin.
const SEQUENCE_MAX: usize = 2;

impl Keymap {
    /// Resolves the table with this prefix key.
    pub fn new(prefix: Chord) -> Self {
        let sequences = table::TABLE
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
            prefix: prefix.to_text(),
        }
    }

    /// Reads a prefix key: one with `ctrl` or `alt`, or a function key, that begins nothing else.
    ///
    /// # Errors
    /// [`KeyError`] for another key, or one the table uses.
    pub fn prefix(text: &str) -> Result<Chord, KeyError> {
        let chord = Chord::parse(text)?;
        let plain = !chord.control && !chord.alt && !matches!(chord.code, KeyCode::F(_));
        let taken = table::TABLE
            .iter()
            .filter_map(|b| b.keys.split(' ').next())
            .any(|first| first != "prefix" && Chord::parse(first) == Ok(chord));
        if plain || taken {
            return Err(KeyError(text.to_owned()));
        }
        Ok(chord)
    }

    /// The prefix key, as people write it.
    pub(crate) fn prefix_text(&self) -> &str {
        &self.prefix
    }

    /// True for the one key of an action, whatever was pressed before it.
    pub(crate) fn is_key_of(&self, key: &KeyEvent, action: Action) -> bool {
        let pressed = [Chord::of(key)];
        let mut all = self.sequences.iter();
        all.any(|(chords, binding)| binding.action == action && *chords == pressed)
    }

    /// The action of a key that works beside a plan that is read, whatever was pressed before it.
    pub(crate) fn beside_a_plan(&self, key: &KeyEvent) -> Option<Action> {
        let mut all = BESIDE_A_PLAN.into_iter();
        all.find(|action| self.is_key_of(key, *action))
    }

    /// The action of a key that stops or goes back, whatever was pressed before it.
    pub(crate) fn way_back(&self, key: &KeyEvent) -> Option<Action> {
        let mut all = WAYS_BACK.into_iter();
        all.find(|action| self.is_key_of(key, *action))
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

    /// Forgets the keys of an unfinished sequence.
    pub fn reset(&mut self) {
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::action::View;

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
        assert_eq!(keymap().sequences.len(), table::TABLE.len());
        assert!(
            table::TABLE
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
        for (at, one) in table::TABLE.iter().enumerate() {
            for other in &table::TABLE[at + 1..] {
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
        for binding in table::TABLE
            .iter()
            .filter(|b| matches!(b.action, Action::Go))
        {
            assert!(binding.keys.starts_with("ctrl-"), "{}", binding.keys);
        }
    }

    #[test]
    fn a_prefix_is_no_plain_key_and_no_other_binding() {
        for good in ["ctrl-b", "ctrl-a", "f12", "alt-x"] {
            let chord = Keymap::prefix(good).expect(good);
            assert_eq!(chord.to_text(), good);
        }
        for bad in ["b", "ctrl-g", "esc", "tab", "ctrl-", "prefix"] {
            assert!(Keymap::prefix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sequences_end_or_are_forgotten() {
        let mut keymap = keymap();
        assert_eq!(keymap.on_key(&key("ctrl-b"), false), None);
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
    fn the_confirm_screen_knows_its_own_keys_and_those_that_go_back() {
        let mut keymap = keymap();
        assert_eq!(keymap.on_key(&key("s"), true), None);
        for (name, action) in [
            ("x", Action::Stop),
            ("h", Action::Hold),
            ("R", Action::Rollback),
            ("C", Action::Cancel),
            ("v", Action::TakeOver),
            (":", Action::Palette),
        ] {
            assert_eq!(keymap.on_key(&key(name), true), Some(action), "{name}");
            assert_eq!(keymap.beside_a_plan(&key(name)), Some(action), "{name}");
        }
        assert_eq!(keymap.beside_a_plan(&key("j")), None);
        let war_room = Action::Show(View::WarRoom);
        assert_eq!(keymap.on_key(&key("1"), true), Some(war_room), "as it says");
        assert_eq!(keymap.on_key(&key("r"), true), Some(Action::Reject));
        assert_eq!(keymap.on_key(&key("r"), false), None);
    }
}
