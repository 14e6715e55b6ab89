//! What a frame of the war room costs at 200x50, in time and in bytes: `cargo bench --bench ui`.
//!
//! Rows 5 and 9 of the performance budgets: at most 50 bytes for a second in which only the clock moved, and a key is
//! answered within 1.5 ms of which drawing is the largest part. The bytes are printed before the times.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot run has nobody to tell but its caller, and it prints what it measures"
)]

mod session;

use divan::Bencher;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use session::{Session, person};
use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;
use warroom::domain::fact::Mode;
use warroom::domain::id::TerminalId;
use warroom::domain::time::Moment;
use warroom::ui::keymap::Chord;
use warroom::ui::room::Room;
use warroom::ui::theme::{Colors, Theme};
use warroom::ui::{Screen, Settings, Ui};
use warroom::wire::CONTRACT;
use warroom::wire::message::{RECENT_MAX, Snapshot, Welcome};

fn main() {
    let mut view = View::new();
    println!("full redraw at 200x50:          {:>6} bytes", view.full());
    view.draw();
    println!("nothing changed:                {:>6} bytes", view.draw());
    let seconds: Vec<_> = (0..100).map(|_| view.second()).collect();
    let sum: usize = seconds.iter().sum();
    let most = seconds.iter().max().copied().unwrap_or_default();
    println!(
        "one second of the clock:        {:>6} bytes (mean of 100), {most} at most",
        sum / 100
    );
    let polls: Vec<_> = (301..401).map(|n| view.poll(n)).collect();
    let sum: usize = polls.iter().sum();
    println!(
        "one second with twelve answers: {:>6} bytes (mean of 100)",
        sum / 100
    );
    divan::main();
}

/// Counts bytes and throws them away.
#[derive(Clone, Default)]
struct Count(Rc<Cell<usize>>);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A terminal that shows the war room of a maintenance under way.
struct View {
    ui: Ui,
    session: Session,
    screen: Screen,
    now: Moment,
    terminal: Terminal<CrosstermBackend<Count>>,
    count: Count,
}

impl View {
    fn new() -> Self {
        let session = Session::long(1_000).watched();
        let from = session.stamped.len().saturating_sub(RECENT_MAX);
        let welcome = Welcome {
            contract: CONTRACT,
            program: warroom::PROGRAM.to_owned(),
            name: session.state.genesis.name.clone(),
            mode: Mode::Advisory,
            terminal: TerminalId(1),
            you: person("alice"),
            read_only: false,
            policy: warroom::wire::policy::PolicyView::default(),
        };
        let snapshot = Snapshot {
            state: session.state.clone(),
            board: session.board.clone(),
            outputs: Vec::new(),
            recent: session.stamped.iter().skip(from).cloned().collect(),
            around: warroom::wire::around::Around::default(),
        };
        let count = Count::default();
        let options = TerminalOptions {
            viewport: Viewport::Fixed(Rect::new(0, 0, 200, 50)),
        };
        let terminal = Terminal::with_options(CrosstermBackend::new(count.clone()), options)
            .expect("a fixed size needs no terminal");
        let settings = Settings {
            theme: Theme::built_in("dark").expect("built in"),
            colors: Colors::Ansi256,
            ascii: false,
            prefix: Chord::parse("ctrl-b").expect("a key"),
            local_zone: jiff::tz::TimeZone::UTC,
            local_time: false,
            mouse: false,
        };
        let now = session.now;
        let screen = Screen::Room(Box::new(Room::from_snapshot(welcome, snapshot)));
        let ui = Ui::new(settings);
        Self {
            ui,
            session,
            screen,
            now,
            terminal,
            count,
        }
    }

    /// Draws a frame; gives the bytes it sent.
    fn draw(&mut self) -> usize {
        let before = self.count.0.get();
        let Self {
            ui,
            screen,
            now,
            terminal,
            ..
        } = self;
        terminal
            .draw(|frame| ui.draw(screen, *now, frame))
            .expect("counting cannot fail");
        self.count.0.get() - before
    }

    /// Every cell anew.
    fn full(&mut self) -> usize {
        // Forgets what was drawn: the next frame differs from an empty screen.
        self.terminal.swap_buffers();
        self.draw()
    }

    /// A second passes and nothing else happens.
    fn second(&mut self) -> usize {
        self.now = self.now.plus(Duration::from_secs(1));
        self.draw()
    }

    /// A second passes and all guards have a new value.
    fn poll(&mut self, second: u32) -> usize {
        self.now = self.now.plus(Duration::from_secs(1));
        if let Screen::Room(room) = &mut self.screen {
            room.on_readings(vec![self.session.poll(second)]);
        }
        self.draw()
    }
}

#[divan::bench]
fn full_redraw(bencher: Bencher<'_, '_>) {
    let mut view = View::new();
    bencher.bench_local(|| view.full());
}

#[divan::bench]
fn clock_only(bencher: Bencher<'_, '_>) {
    let mut view = View::new();
    view.draw();
    bencher.bench_local(|| view.second());
}

#[divan::bench]
fn twelve_answers(bencher: Bencher<'_, '_>) {
    let mut view = View::new();
    view.draw();
    let mut second = 300;
    bencher.bench_local(|| {
        second += 1;
        view.poll(second)
    });
}
