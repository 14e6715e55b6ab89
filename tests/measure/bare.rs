//! The least a ratatui program can do, to be measured beside `warroom`: a frame, a clock, and `q`.

use crossterm::event::{self, Event, KeyCode};
use ratatui::widgets::{Block, Paragraph};
use std::time::Duration;

fn main() -> std::io::Result<()> {
    let mut terminal = ratatui::init();
    let mut seconds = 0_u64;
    let mut keys = 0_u64;
    let ended = loop {
        let text = format!("{seconds} s, {keys} keys");
        let drawn = terminal.draw(|frame| {
            frame.render_widget(Paragraph::new(text).block(Block::bordered()), frame.area());
        });
        if let Err(error) = drawn {
            break Err(error);
        }
        match event::poll(Duration::from_secs(1)) {
            Ok(false) => seconds += 1,
            Ok(true) => match event::read() {
                Ok(Event::Key(key)) if key.code == KeyCode::Char('q') => break Ok(()),
                Ok(Event::Key(_)) => keys += 1,
                Ok(_) => {}
                Err(error) => break Err(error),
            },
            Err(error) => break Err(error),
        }
    };
    ratatui::restore();
    ended
}
