//! What the blast radius of a large CMDB costs, and a key on the views that show it: `cargo bench --bench radius`.
//!
//! 5 000 components, which is the most that a CMDB is read to, and 20 000 dependencies. Row 9 of the performance budgets: a
//! key is answered within 1.5 ms, so the radius is worked out when something of it changes and never for a frame alone.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot run has nobody to tell but its caller"
)]

mod session;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use divan::Bencher;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use session::{Session, person};
use std::sync::Arc;
use std::time::Duration;
use warroom::domain::fact::Mode;
use warroom::domain::id::{ConnectorName, TerminalId};
use warroom::domain::radius::{Given, of};
use warroom::domain::reading::{Component, OnCall, Reading, TargetHealth};
use warroom::domain::time::Moment;
use warroom::ui::keymap::Chord;
use warroom::ui::room::Room;
use warroom::ui::theme::{Colors, Theme};
use warroom::ui::{Screen, Settings, Ui};
use warroom::wire::CONTRACT;
use warroom::wire::around::Around;
use warroom::wire::message::{Snapshot, Welcome};

/// As many as a CMDB is read to.
const COMPONENTS: usize = 5_000;
/// What each needs.
const NEEDS: usize = 4;
/// Those that do the same: a hundred groups.
const GROUPS: usize = 100;

fn main() {
    divan::main();
}

/// Each needs four that stand before it, so that nearly everything hangs on the first few.
fn components() -> Vec<Component> {
    let component = |n: usize| Component {
        name: format!("host-{n:04}.dc-1.example"),
        role: format!("role-{}", n % GROUPS),
        environment: "prod".to_owned(),
        tier: "tier-2".to_owned(),
        owner: "team-data".to_owned(),
        status: "active".to_owned(),
        address: format!("10.1.{}.{}", n / 250, n % 250),
        depends_on: (1..=NEEDS)
            .map(|k| format!("host-{:04}.dc-1.example", n / (k + 1)))
            .filter(|name| *name != format!("host-{n:04}.dc-1.example"))
            .collect(),
        ..Component::default()
    };
    (0..COMPONENTS).map(component).collect()
}

fn targets(scraped: i64) -> Reading {
    let target = |n: usize| TargetHealth {
        job: "node".to_owned(),
        instance: format!("host-{n:04}.dc-1.example:9100"),
        labels: vec![(
            "instance".to_owned(),
            format!("host-{n:04}.dc-1.example:9100"),
        )],
        is_up: Some(true),
        error: String::new(),
        scraped: Some(warroom::domain::time::Timestamp::from_millis(scraped)),
    };
    Reading::Targets {
        source: ConnectorName::new("prometheus").expect("valid"),
        // As many as are kept of one server.
        targets: (0..500).map(target).collect(),
    }
}

/// Who is on call: a dozen rotas of three levels.
fn on_calls() -> Reading {
    let on_call = |n: usize| OnCall {
        person: format!("Person {n}"),
        rota: format!("team-{}", n / 3),
        level: u8::try_from(n % 3 + 1).unwrap_or(1),
        contact: String::new(),
        from: None,
        until: None,
        next: String::new(),
        covers: vec![format!("team-{}", n / 3), "team-data".to_owned()],
    };
    Reading::OnCalls {
        source: ConnectorName::new("pager").expect("valid"),
        on_calls: (0..36).map(on_call).collect(),
    }
}

/// A terminal on the map of a maintenance that touches what nearly everything needs.
struct View {
    ui: Ui,
    screen: Screen,
    now: Moment,
    cells: Buffer,
    scraped: i64,
}

impl View {
    fn new() -> Self {
        let session = Session::long(100).watched();
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
        let mut state = session.state.clone();
        let genesis = Arc::make_mut(&mut state.genesis);
        genesis.plan.components = vec!["host-0001.dc-1.example".to_owned()];
        genesis.plan.radius_depth = Some(8);
        let snapshot = Snapshot {
            state,
            board: session.board.clone(),
            outputs: Vec::new(),
            recent: session.stamped.clone(),
            around: Around::default(),
        };
        let mut room = Room::from_snapshot(welcome, snapshot);
        let source = ConnectorName::new("netbox").expect("valid");
        room.on_readings(vec![
            Reading::Components {
                source,
                components: components(),
            },
            targets(0),
            on_calls(),
        ]);
        let settings = Settings {
            theme: Theme::built_in("dark").expect("built in"),
            colors: Colors::Ansi256,
            ascii: false,
            prefix: Chord::parse("ctrl-b").expect("a key"),
            local_zone: jiff::tz::TimeZone::UTC,
            local_time: false,
            mouse: false,
        };
        let mut view = Self {
            ui: Ui::new(settings),
            screen: Screen::Room(Box::new(room)),
            now: session.now,
            cells: Buffer::empty(Rect::new(0, 0, 200, 50)),
            scraped: 0,
        };
        view.draw();
        view.key('6');
        view
    }

    fn room(&mut self) -> &mut Room {
        match &mut self.screen {
            Screen::Room(room) => room,
            _ => unreachable!("a room was put there"),
        }
    }

    fn draw(&mut self) {
        self.ui.paint(&self.screen, self.now, &mut self.cells);
    }

    /// A key, and the frame that answers it.
    fn key(&mut self, key: char) {
        let event = Event::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE));
        self.ui.on_event(&self.screen, &event, self.now);
        self.draw();
    }
}

/// The whole of it, once for each change.
#[divan::bench]
fn worked_out(bencher: Bencher<'_, '_>) {
    let mut view = View::new();
    let room = view.room();
    bencher.bench_local(|| {
        of(&Given {
            plan: room.state.plan(),
            board: &room.board,
            rules: &room.state.rules,
            depth: 8,
            posts: &[],
            others: &Ok(Vec::new()),
        })
    });
}

#[divan::bench]
fn key_on_the_map(bencher: Bencher<'_, '_>) {
    let mut view = View::new();
    let mut is_down = false;
    bencher.bench_local(|| {
        is_down = !is_down;
        view.key(if is_down { 'j' } else { 'k' });
    });
}

/// A second of the clock in which the same targets were told again.
#[divan::bench]
fn second_on_the_map(bencher: Bencher<'_, '_>) {
    let mut view = View::new();
    bencher.bench_local(|| {
        view.now = view.now.plus(Duration::from_secs(1));
        view.scraped += 1_000;
        let told = targets(view.scraped);
        view.room().on_readings(vec![told]);
        view.draw();
    });
}

#[divan::bench]
fn key_in_the_war_room(bencher: Bencher<'_, '_>) {
    let mut view = View::new();
    view.key('1');
    let mut is_down = false;
    bencher.bench_local(|| {
        is_down = !is_down;
        view.key(if is_down { 'j' } else { 'k' });
    });
}
