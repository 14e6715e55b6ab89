//! The least a ratatui program with a clock can cost, to measure beside `warroom` in the same sitting.
//!
//! `cargo bench --bench bare --no-run` builds it; with `--run` it shows a clock on the alternate screen until `q`,
//! so that a meter can start it. With other arguments, as `cargo bench` gives them, it does nothing.

use crossterm::event::{self, Event, KeyCode};
use ratatui::layout::Alignment;
use ratatui::widgets::Paragraph;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn main() -> std::io::Result<()> {
    if std::env::args().any(|argument| argument == "--run") {
        let mut terminal = ratatui::try_init()?;
        let ended = show(&mut terminal);
        ratatui::try_restore()?;
        return ended;
    }
    Ok(())
}

/// Draws once a full second and after each key.
fn show(terminal: &mut ratatui::DefaultTerminal) -> std::io::Result<()> {
    let mut keys = 0_u64;
    loop {
        let now = wall();
        let seconds = now.as_secs() % 86_400;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let text = format!("{hour:02}:{minute:02}:{second:02} UTC, {keys} keys");
        terminal.draw(|frame| {
            frame.render_widget(
                Paragraph::new(text).alignment(Alignment::Right),
                frame.area(),
            );
        })?;
        let next = Duration::from_millis(1000 - u64::from(wall().subsec_millis()));
        if event::poll(next)? {
            match event::read()? {
                Event::Key(key) if key.code == KeyCode::Char('q') => return Ok(()),
                Event::Key(_) => keys += 1,
                _ => {}
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it stands beside the program and not in it, and has a clock of its own"
)]
fn wall() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
