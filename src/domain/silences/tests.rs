//! Silences against a simulated alerting system that refuses, loses answers and outlives servers: none is left behind.

mod life;
mod look;

use super::*;
use crate::domain::board::Board;
use crate::domain::command::{Command, SilenceWish};
use crate::domain::fact::{Actor, Fact, HoldCause, Withheld};
use crate::domain::fixture::*;
use crate::domain::id::ConnectorName;
use crate::domain::reading::{
    Alert, AlertRule, AlertRules, AlertState, Component, ConnectorHealth, Liveness, Reading,
    TargetHealth,
};
use crate::domain::runbook::plan::{ExecRole, Plan};
use crate::domain::runbook::silence::{OnWithheld, SilencePlan};
use crate::domain::state::{Phase, StepStatus};
use crate::domain::write::{Ability, Cause, Deed, Outcome, WriteNo};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

fn am() -> ConnectorName {
    ConnectorName::new("am").expect("a name")
}

fn alert(name: &str, labels: &[(&str, &str)]) -> Alert {
    let pair = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
    Alert {
        name: name.to_owned(),
        state: AlertState::Firing,
        severity: String::new(),
        summary: String::new(),
        labels: std::iter::once(("alertname".to_owned(), name.to_owned()))
            .chain(labels.iter().map(pair))
            .collect(),
        since: None,
        silenced_by: Vec::new(),
    }
}

fn health(name: &str, system: &str, liveness: Liveness) -> ConnectorHealth {
    ConnectorHealth {
        connector: ConnectorName::new(name).expect("a name"),
        system: system.to_owned(),
        liveness,
        last_good: None,
        last_error: String::new(),
        failures: 0,
        next_try: None,
        latency: Duration::ZERO,
        can: vec![Ability::Mute],
    }
}

fn component(name: &str, environment: &str) -> Component {
    Component {
        name: name.to_owned(),
        environment: environment.to_owned(),
        ..Component::default()
    }
}

/// What an Alertmanager and a CMDB tell: one alert about db-1, and whatever else is given.
fn board(alerts: Vec<Alert>) -> Board {
    let mut board = Board::default();
    board.absorb(Reading::Health(health(
        "am",
        "alertmanager",
        Liveness::Live,
    )));
    let source = am();
    board.absorb(Reading::Alerts { source, alerts });
    let source = ConnectorName::new("cmdb").expect("a name");
    board.absorb(Reading::Components {
        source,
        components: vec![component("db-1", "prod"), component("web-7", "prod")],
    });
    board
}

fn down() -> Alert {
    alert("InstanceDown", &[("instance", "db-1:9100")])
}

/// The plan of the fixture with a silence of this kind for the whole, for the second phase and for the backup.
fn quiet_plan(silence: &SilencePlan) -> Plan {
    let mut plan = plan();
    plan.components = vec!["db-1".to_owned()];
    plan.silence = Some(silence.clone());
    plan.phases[1].silence = Some(silence.clone());
    plan.steps[1].silence = Some(silence.clone());
    plan
}

fn session_only() -> Plan {
    let mut plan = plan();
    plan.components = vec!["db-1".to_owned()];
    plan.silence = Some(SilencePlan::default());
    plan
}

/// One silence of the simulated system.
#[derive(Debug, Clone)]
struct There {
    of: WriteNo,
    until: Timestamp,
    ended: bool,
}

/// What becomes of a write on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Luck {
    Good,
    Refused,
    /// It happened, and nobody knows.
    Lost,
    /// It did not happen, and nobody knows.
    Vanished,
}

struct Sim {
    room: Room,
    there: Vec<There>,
    /// Writes up to here were taken by a courier.
    taken: usize,
    crashes: usize,
    doubts: usize,
}

impl Sim {
    fn new(plan: Plan, extends: bool) -> Self {
        let mut room = Room::with(plan);
        room.world.outlook.board = board(vec![down()]);
        if extends {
            let can = vec![Ability::Mute, Ability::Extend];
            room.world.writers.insert(am(), can);
        }
        Self {
            room,
            there: Vec::new(),
            taken: 0,
            crashes: 0,
            doubts: 0,
        }
    }

    fn live(&self) -> usize {
        let now = self.room.now.wall;
        let live = |t: &&There| !t.ended && t.until > now;
        self.there.iter().filter(live).count()
    }

    fn is_live(&self, place: usize) -> bool {
        !self.there[place].ended && self.there[place].until > self.room.now.wall
    }

    fn of(&self, no: WriteNo) -> Option<usize> {
        self.there.iter().position(|t| t.of == no)
    }

    /// Where the silence is that a write is about.
    fn place(&self, no: WriteNo) -> Option<usize> {
        let write = &self.room.state.write(no).expect("asked").write;
        match write.cause.as_ref().expect("our own") {
            Cause::Begins { .. } => self.of(no),
            Cause::Extends { of } | Cause::Ends { of } => self.of(*of),
        }
    }

    /// Lets a write happen in the system.
    fn happen(&mut self, no: WriteNo) {
        let deed = self.room.state.write(no).expect("asked").write.deed.clone();
        let place = self.place(no);
        match deed {
            Deed::Mute { until, .. } if place.is_none() => self.there.push(There {
                of: no,
                until,
                ended: false,
            }),
            Deed::Extend { until, .. } => {
                let place = place.filter(|place| self.is_live(*place));
                if let Some(place) = place {
                    let there = &mut self.there[place];
                    there.until = there.until.max(until);
                }
            }
            Deed::Unmute { .. } => {
                if let Some(place) = place {
                    self.there[place].ended = true;
                }
            }
            _ => {}
        }
    }

    /// What a look at the system says of a write, as its connector would.
    fn look(&self, no: WriteNo) -> Outcome {
        let deed = &self.room.state.write(no).expect("asked").write.deed;
        let done = |reference: String| Outcome::Done {
            reference,
            proof: "seen".to_owned(),
        };
        let unknown = || Outcome::Unknown {
            what: "not found".to_owned(),
        };
        let place = self.place(no);
        let id = |place: usize| format!("id-{}", self.there[place].of);
        match (deed, place) {
            (Deed::Mute { .. }, Some(place)) => done(id(place)),
            (Deed::Extend { .. }, Some(place)) if !self.is_live(place) => done(String::new()),
            (Deed::Extend { until, .. }, Some(place)) if self.there[place].until >= *until => {
                done(id(place))
            }
            (Deed::Unmute { .. }, Some(place)) if !self.is_live(place) => done(id(place)),
            (Deed::Unmute { .. }, None) => done(String::new()),
            _ => unknown(),
        }
    }

    fn tell(&mut self, no: WriteNo, outcome: Outcome) {
        let fact = Fact::WriteEnded { no, outcome };
        self.room.record(&Actor::Engine, fact);
        self.room.settle();
    }

    /// A courier takes the next write, with this luck.
    fn deliver(&mut self, luck: Luck) -> bool {
        let Some(no) = self.room.state.writes.get(self.taken).map(|w| w.write.no) else {
            return false;
        };
        self.taken += 1;
        if matches!(luck, Luck::Good | Luck::Lost) {
            self.happen(no);
        }
        let what = || "as told".to_owned();
        let outcome = match luck {
            Luck::Good => self.look(no),
            Luck::Refused => Outcome::Failed { what: what() },
            Luck::Lost | Luck::Vanished => Outcome::Unknown { what: what() },
        };
        self.doubts += usize::from(matches!(outcome, Outcome::Unknown { .. }));
        self.tell(no, outcome);
        true
    }

    /// The server dies with whatever was on its way; some of it has happened. The next one looks.
    fn crash(&mut self, which: u8) {
        let open: Vec<WriteNo> = self.room.state.writes[self.taken..]
            .iter()
            .map(|w| w.write.no)
            .collect();
        for (bit, no) in open.iter().enumerate() {
            if which >> (bit % 8) & 1 == 1 {
                self.happen(*no);
            }
        }
        self.crashes += 1;
        self.room.world.outlook.closing = false;
        let (program, host) = ("warroom".to_owned(), "bastion".to_owned());
        let running = self.room.running();
        self.room
            .record(&Actor::Engine, Fact::SessionResumed { program, host });
        if let Some(key) = running {
            self.room.record(&Actor::Engine, Fact::ExecUnknown { key });
        }
        for (number, name) in ["ann", "bob", "cho"].into_iter().enumerate() {
            let terminal = self.room.state.head.0.0 + number as u64;
            self.room.attach(terminal, name);
        }
        self.taken = self.taken.max(open.len() + self.taken);
        for no in open {
            let outcome = self.look(no);
            self.tell(no, outcome);
        }
    }

    /// The server is told to end, and has time for so many writes.
    fn close(&mut self, writes: u8) {
        self.room.world.outlook.closing = true;
        self.room.settle();
        for _ in 0..writes % 4 {
            self.deliver(Luck::Good);
        }
        let reason = "told to end".to_owned();
        if self.room.state.open {
            self.room
                .record(&Actor::Engine, Fact::SessionClosed { reason });
        }
        self.crash(writes);
    }

    /// Everything works again, and time goes by until nothing more follows.
    fn come_to_rest(&mut self) {
        self.room.world.outlook.board = board(vec![down()]);
        self.room.settle();
        for _ in 0..400 {
            while self.deliver(Luck::Good) {}
            self.room.wait(Duration::from_secs(5));
            let is_quiet = self.taken == self.room.state.writes.len();
            if is_quiet && !need_time(&self.room.state, self.room.now.wall) {
                return;
            }
        }
        panic!(
            "it never comes to rest: {:?}",
            kept(&self.room.state, self.room.now.wall)
        );
    }
}

const PEOPLE: [&str; 2] = ["ann", "bob"];

fn luck(which: u8) -> Luck {
    match which % 8 {
        0 => Luck::Refused,
        1 => Luck::Lost,
        2 => Luck::Vanished,
        _ => Luck::Good,
    }
}

/// What the world does.
fn event(sim: &mut Sim, what: u8, which: u8) {
    match what % 32 {
        16 if which < 48 => sim.crash(which),
        17 if which < 32 => sim.close(which),
        18 | 19 => {
            let minutes = u64::from(which % 32);
            sim.room.wait(Duration::from_secs(60 * minutes));
        }
        20 => {
            let mut next = board(vec![down()]);
            match which % 4 {
                0 => next.absorb(Reading::Health(health(
                    "am",
                    "alertmanager",
                    Liveness::Stale,
                ))),
                1 => {
                    let labels = [("instance", "db-1:9100"), ("node", "web-7")];
                    next = board(vec![alert("Lag", &labels)]);
                }
                _ => {}
            }
            sim.room.world.outlook.board = next;
            sim.room.settle();
        }
        21 => {
            if let Some(there) = sim.there.last_mut().filter(|_| which < 32) {
                // Somebody ends it in the other system.
                there.ended = true;
            }
        }
        _ => {
            sim.deliver(luck(which));
        }
    }
}

fn act(sim: &mut Sim, (what, which): (u8, u8)) {
    let who = PEOPLE[usize::from(which) % 2];
    let current = crate::domain::progress::current(&sim.room.state);
    let step = current.map_or_else(|| "backup".to_owned(), |v| v.plan.id.to_string());
    let step = step.as_str();
    let reason = "because".to_owned();
    let asked = match what % 32 {
        0 => sim.room.ask(who, Command::Begin),
        1 | 2 => sim.room.ask(who, mark_done(step)),
        3..=5 => sim.room.ask(who, start(step)),
        6..=8 => {
            if sim.room.running().is_some_and(|key| key.has_process()) {
                sim.room.exit(i32::from(which.is_multiple_of(7)));
            }
            Ok(())
        }
        9 => sim.room.ask(who, retry(step)),
        10 if which < 64 => sim.room.ask(who, skip(step)),
        11 | 12 => sim.room.ask(who, Command::Release { reason }),
        13 => {
            let open = withheld(&sim.room.state).next().map(|s| s.lifetime.clone());
            let wish = match which % 3 {
                0 => SilenceWish::Again,
                1 => SilenceWish::Narrow {
                    alerts: vec!["InstanceDown".to_owned()],
                    reason,
                },
                _ => SilenceWish::Without { reason },
            };
            open.map_or(Ok(()), |lifetime| {
                sim.room.ask(who, Command::Silence { lifetime, wish })
            })
        }
        14 if which < 16 => sim.room.ask(who, rollback()),
        15 if which < 8 => sim.room.ask(who, abort()),
        _ => {
            event(sim, what, which);
            Ok(())
        }
    };
    drop(asked);
    let lease = SilencePlan::default().lease;
    let limit = sim.room.now.wall.plus(lease);
    assert!(sim.there.iter().all(|t| t.ended || t.until <= limit));
}

/// No command goes forward before its silence was there, or somebody has said that it goes on without.
fn check_order(sim: &Sim) {
    let mut state: Option<State> = None;
    for record in &sim.room.records {
        if let (Some(state), Fact::ExecIntent { key, role, .. }) = (&state, &record.fact)
            && *role == ExecRole::Run
        {
            let view = state.find(&key.step).expect("a step");
            assert!(!waits(state, view, record.at.wall), "{record:?}");
        }
        match &mut state {
            None => {
                let Fact::SessionOpened(genesis) = &record.fact else {
                    panic!("no genesis");
                };
                state = Some(State::new((**genesis).clone(), record.hash, record.at));
            }
            Some(state) => crate::domain::apply::apply(state, record),
        }
    }
}

fn run(actions: &[(u8, u8)], extends: bool) -> Sim {
    let mut sim = Sim::new(quiet_plan(&SilencePlan::default()), extends);
    sim.room.ask("ann", Command::Begin).expect("begins");
    for action in actions {
        act(&mut sim, *action);
    }
    check_order(&sim);
    if !sim.room.state.open {
        sim.crash(0);
    }
    // A person may have left it anywhere: giving up is always possible.
    if !sim.room.state.phase.is_final() {
        sim.room.must("ann", abort());
    }
    sim.come_to_rest();
    assert_eq!(sim.live(), 0, "{:?}", sim.there);
    let left = kept(&sim.room.state, sim.room.now.wall);
    assert!(left.iter().all(|one| one.stand.is_over()), "{left:?}");
    sim.room.check_fold();
    sim
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn whatever_happens_no_silence_is_left_behind(
        actions in proptest::collection::vec(any::<(u8, u8)>(), 0..120),
        extends in any::<bool>(),
    ) {
        run(&actions, extends);
    }
}

#[test]
fn the_random_runs_reach_what_they_are_about() {
    // A fixed sequence of numbers: linear congruential, constants of Knuth's MMIX.
    let mut number = 2_026_u64;
    let mut draw = || {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u8::try_from(number >> 56).expect("one byte")
    };
    let (mut made, mut crashes, mut doubts, mut extended, mut withheld) = (0, 0, 0, 0, 0);
    for round in 0..40 {
        let actions: Vec<(u8, u8)> = (0..120).map(|_| (draw(), draw())).collect();
        let sim = run(&actions, round % 2 == 0);
        made += sim.there.len();
        crashes += sim.crashes;
        doubts += sim.doubts;
        let writes = sim.room.state.writes.iter();
        extended += writes
            .filter(|w| matches!(w.write.cause, Some(Cause::Extends { .. })))
            .count();
        withheld += sim.room.state.silences.len();
    }
    let all = [made, crashes, doubts, extended, withheld];
    assert!(all.iter().all(|count| *count > 0), "{all:?}");
}
