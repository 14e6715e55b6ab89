use super::*;
use crate::domain::command::Command;
use crate::domain::reading::Component;
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;

type Told = fn() -> Story;

const STORIES: [Told; 9] = [
    || Story::opened("alice"),
    || Story::running("bob"),
    || Story::firing("bob"),
    || Story::checked("alice"),
    || Story::proposed("alice"),
    || Story::proposed("bob"),
    || Story::armed("alice"),
    || Story::unknown("bob"),
    || Story::rolled_back("alice"),
];

#[test]
fn no_size_panics() {
    let sizes = [
        (1, 1),
        (20, 5),
        (1, 50),
        (200, 1),
        (59, 15),
        (60, 16),
        (80, 24),
        (110, 30),
        (170, 34),
        (400, 120),
    ];
    for story in STORIES {
        for size in sizes {
            let mut seat = Seat::at(story(), size);
            for view in ["2", "3", "4", "5", "6"] {
                seat.keys(&[view]);
                seat.keys(&["esc"]);
            }
            seat.keys(&["1", "z", "?"]);
        }
    }
}

#[derive(Debug, Clone)]
enum Input {
    Key(KeyCode, bool),
    Paste(String),
    Click(u16, u16),
    Wheel(u16, u16, bool),
    Resize(u16, u16),
    Wait(u64),
    Told(usize),
}

fn input() -> impl Strategy<Value = Input> {
    let named = prop::sample::select(vec![
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Backspace,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::PageDown,
        KeyCode::PageUp,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::F(5),
    ]);
    prop_oneof![
        12 => (prop::char::range(' ', '~'), any::<bool>()).prop_map(|(c, control)| Input::Key(KeyCode::Char(c), control && c.is_ascii_lowercase())),
        6 => named.prop_map(|code| Input::Key(code, false)),
        1 => ".{0,20}".prop_map(Input::Paste),
        1 => (0..200_u16, 0..60_u16).prop_map(|(x, y)| Input::Click(x, y)),
        1 => (0..200_u16, 0..60_u16, any::<bool>()).prop_map(|(x, y, up)| Input::Wheel(x, y, up)),
        1 => (1..220_u16, 1..60_u16).prop_map(|(w, h)| Input::Resize(w, h)),
        2 => (0..40_u64).prop_map(Input::Wait),
        1 => (0..STORIES.len()).prop_map(Input::Told),
    ]
}

fn play(seat: &mut Seat, input: Input) -> Vec<Request> {
    let mouse = |kind, column, row| {
        Event::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        })
    };
    match input {
        Input::Key(code, control) => {
            let modifiers = if control {
                KeyModifiers::CONTROL
            } else {
                KeyModifiers::NONE
            };
            seat.event(&Event::Key(KeyEvent::new(code, modifiers)))
        }
        Input::Paste(text) => seat.event(&Event::Paste(text)),
        Input::Click(x, y) => seat.event(&mouse(MouseEventKind::Down(MouseButton::Left), x, y)),
        Input::Wheel(x, y, true) => seat.event(&mouse(MouseEventKind::ScrollUp, x, y)),
        Input::Wheel(x, y, false) => seat.event(&mouse(MouseEventKind::ScrollDown, x, y)),
        Input::Resize(w, h) => {
            seat.terminal.backend_mut().resize(w, h);
            seat.event(&Event::Resize(w, h))
        }
        Input::Wait(seconds) => {
            seat.now = seat.now.plus(Duration::from_secs(seconds));
            Vec::new()
        }
        Input::Told(at) => {
            let story = STORIES[at]();
            seat.screen = Screen::Room(Box::new(story.room));
            Vec::new()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Random hands on the keys: nothing panics, and no three words are ever typed by chance.
    #[test]
    fn random_input_never_panics_and_never_confirms(
        first in 0..STORIES.len(),
        inputs in prop::collection::vec(input(), 1..80),
    ) {
        let mut seat = Seat::at(STORIES[first](), (80, 24));
        for input in inputs {
            let requests = play(&mut seat, input);
            let confirms = requests.iter().any(|r| matches!(r, Request::Ask(Command::Confirm { .. })));
            prop_assert!(!confirms, "confirmed by chance");
            seat.draw();
        }
    }
}

/// Every code point that reaches a cell from text of unknown origin is one a terminal draws as itself.
#[test]
fn hostile_text_reaches_no_cell() {
    let evil = "a\u{202e}b\u{200b}c\u{1b}[31md\u{2066}e\u{feff}f\u{ad}g\u{3164}h\u{e0041}i\u{85}j";
    let mut story = Story::running("bob");
    let genesis = std::sync::Arc::make_mut(&mut story.room.state.genesis);
    genesis.plan.title = evil.to_owned();
    genesis.plan.briefing = evil.to_owned();
    for step in &mut genesis.plan.steps {
        step.title = evil.to_owned();
        step.prose = evil.to_owned();
    }
    for rule in &mut genesis.plan.rules {
        rule.title = evil.to_owned();
        rule.unit = evil.to_owned();
    }
    let mut components: Vec<Component> = story.room.board.components.values().cloned().collect();
    for component in &mut components {
        component.owner = evil.to_owned();
    }
    // Of the same source, so that nobody else says who owns them.
    let sources: Vec<_> = story.room.board.components.sources().cloned().collect();
    for source in sources {
        story.room.board.components.take(source, components.clone());
    }
    let story = story.printed("backup", 1, evil);
    let mut seat = Seat::at(story, (200, 50));
    for view in ["1", "2", "3", "4", "5", "6", "esc"] {
        seat.keys(&[view]);
        for cell in seat.terminal.backend().buffer().content() {
            for c in cell.symbol().chars() {
                let bad = c.is_control()
                    || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{3164}' | '\u{e0000}'..='\u{e0fff}');
                assert!(!bad, "{c:?} in view {view}");
            }
        }
    }
}
