//! Screens as text, at the sizes people have, in the states that matter.

mod amend;
mod breakglass;
mod effects;
mod hostile;
mod keys;
mod map;
mod motion;
mod rehearsals;
mod rollout;
mod screens;
mod silences;
mod unseen;
mod writing;

use super::fixtures::Story;
use super::keymap::Chord;
use super::theme::{Colors, Theme};
use super::{Request, Screen, Settings, Ui};
use crate::domain::time::Moment;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::time::Duration;

fn settings() -> Settings {
    Settings {
        theme: Theme::default(),
        colors: Colors::True,
        ascii: false,
        prefix: Chord::parse("ctrl-b").expect("a key"),
        local_zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(1)),
        local_time: false,
        mouse: true,
    }
}

/// One person at a terminal.
struct Seat {
    ui: Ui,
    screen: Screen,
    now: Moment,
    terminal: Terminal<TestBackend>,
}

impl Seat {
    fn with(story: Story, settings: Settings, size: (u16, u16)) -> Self {
        let backend = TestBackend::new(size.0, size.1);
        let mut seat = Self {
            ui: Ui::new(settings),
            now: story.now,
            screen: Screen::Room(Box::new(story.room)),
            terminal: Terminal::new(backend).expect("a buffer cannot fail"),
        };
        seat.draw();
        seat
    }

    fn at(story: Story, size: (u16, u16)) -> Self {
        Self::with(story, settings(), size)
    }

    /// Draws twice, as a running client does: a view may learn its width from the first frame.
    fn draw(&mut self) -> &TestBackend {
        for _ in 0..2 {
            let (ui, screen, now) = (&mut self.ui, &self.screen, self.now);
            self.terminal
                .draw(|frame| ui.draw(screen, now, frame))
                .expect("a buffer cannot fail");
        }
        self.terminal.backend()
    }

    fn event(&mut self, event: &Event) -> Vec<Request> {
        self.ui.on_event(&self.screen, event, self.now)
    }

    /// Presses keys named as in the key table, drawing after each.
    fn keys(&mut self, names: &[&str]) -> Vec<Request> {
        let mut requests = Vec::new();
        for name in names {
            requests.extend(self.event(&key(name)));
            self.draw();
        }
        requests
    }

    /// Types text, a character at a time.
    fn types(&mut self, text: &str) -> Vec<Request> {
        let mut requests = Vec::new();
        for c in text.chars() {
            requests.extend(self.event(&Event::Key(KeyEvent::new(
                KeyCode::Char(c),
                KeyModifiers::NONE,
            ))));
        }
        self.draw();
        requests
    }

    /// The agent did not sign.
    fn unsigned(&mut self, reason: &str, hint: &str) {
        self.ui.on_unsigned(&self.screen, reason, hint, self.now);
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.draw();
    }

    fn text(&mut self) -> String {
        self.draw().to_string()
    }
}

fn key(name: &str) -> Event {
    let (control, rest) = name
        .strip_prefix("ctrl-")
        .map_or((false, name), |r| (true, r));
    let code = match rest {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "space" => KeyCode::Char(' '),
        "down" => KeyCode::Down,
        "up" => KeyCode::Up,
        "backspace" => KeyCode::Backspace,
        one => KeyCode::Char(one.chars().next().expect("a key")),
    };
    let modifiers = if control {
        KeyModifiers::CONTROL
    } else {
        KeyModifiers::NONE
    };
    Event::Key(KeyEvent::new(code, modifiers))
}
