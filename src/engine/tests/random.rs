//! Random people press random keys: what must hold, holds.

use super::*;
use crate::domain::write::{self, Deed, Urgency};

/// What a run has seen, so that a property over nothing is noticed.
#[derive(Debug, Default)]
pub(super) struct Seen {
    confirmed_runs: usize,
    closed: usize,
    unknown: usize,
    self_confirms: usize,
    undone: usize,
    written: usize,
    slept: usize,
}

/// One random action: which, by whom, on which step.
pub(super) type Action = (u8, u8, u8);

/// Writes of every kind of answer: some are possible, some never.
fn write(which: u8) -> Command {
    let until = Timestamp::from_millis(1_700_000_000_000 + i64::from(which) * 600_000);
    let words = ["", "wake up", "disk is full"][usize::from(which) % 3].to_owned();
    let deed = match which % 4 {
        0 | 1 => Deed::Page {
            summary: words,
            details: String::new(),
            component: String::new(),
            urgency: Urgency::High,
        },
        2 => Deed::Mute {
            components: vec!["db-1".to_owned()],
            matchers: Vec::new(),
            until,
            comment: words,
        },
        _ => Deed::Resolve { reference: words },
    };
    let connector = ["pager", "am", "main", "none"][usize::from(which / 4) % 4];
    let connector = ConnectorName::new(connector).expect("a name");
    Command::Write { connector, deed }
}

/// News of some write, late and twice too.
fn written(desk: &mut Desk, which: u8) {
    let word = || "told".to_owned();
    let outcome = match which % 4 {
        0 => write::Outcome::Done {
            reference: word(),
            proof: word(),
        },
        1 => write::Outcome::Accepted {
            reference: word(),
            what: format!("looked {which} times"),
        },
        2 => write::Outcome::Failed { what: word() },
        _ => write::Outcome::Unknown { what: word() },
    };
    let no = WriteNo(u32::from(which / 4 % 8));
    desk.input(&Input::Written { no, outcome }).expect("taken");
}

const PEOPLE: [&str; 5] = ["ann", "bob", "cho", "root", "shared"];
const STEPS: [&str; 8] = [
    "look", "backup", "drain", "wipe", "parts", "part-a", "part-b", "restore",
];

pub(super) fn act(desk: &mut Desk, (what, who, which): Action, seen: &mut Seen) {
    let who = PEOPLE[usize::from(who) % PEOPLE.len()];
    // Mostly the step that matters, else any.
    let next = current(desk.state()).map(|v| v.plan.id.to_string());
    let name = match next {
        Some(name) if which % 4 != 0 => name,
        _ => STEPS[usize::from(which / 4) % STEPS.len()].to_owned(),
    };
    let name = name.as_str();
    let asked = match what % 40 {
        0 => desk.ask(who, Command::Begin),
        1..=7 => desk.ask(who, start(name)),
        8 | 9 => desk.ask(who, mark_done(name)),
        10 if which < 64 => desk.ask(who, skip(name)),
        11 | 12 => desk.ask(who, retry(name)),
        13 => desk.ask(who, stop(name)),
        14 if which < 64 => desk.ask(who, hold()),
        15 | 16 => desk.ask(who, release()),
        17..=19 => desk.ask(who, propose(name)),
        20..=23 => {
            let open = desk.state().proposal.clone();
            let result = desk.confirm(if who == "root" { "bob" } else { who });
            if open.is_some_and(|p| p.terms.proposer.as_str() == who) {
                assert!(result.is_err(), "the proposer confirmed");
                seen.self_confirms += 1;
            }
            result
        }
        24 if which < 128 => desk.ask(who, reject(name)),
        25 if which < 64 => desk.ask(who, cancel(name)),
        26..=28 => {
            let executor = desk.state().proposal.as_ref();
            let executor = executor.map(|p| p.terms.executor.to_string());
            let who = executor.filter(|_| which > 32);
            desk.ask(
                who.as_deref().unwrap_or(PEOPLE[usize::from(which) % 5]),
                go(name),
            )
        }
        29 => {
            let finding = [Finding::Ran, Finding::DidNotRun][usize::from(which) % 2];
            desk.ask(who, resolve(name, finding))
        }
        30 if which < 8 => desk.ask(who, rollback()),
        31 if which < 2 => desk.ask(who, abort()),
        32 if which < 128 => desk.ask(who, Command::Complete),
        32 | 39 => desk.ask(who, write(which)),
        _ => {
            event(desk, what, which);
            Ok(())
        }
    };
    drop(asked);
}

/// What the world does.
fn event(desk: &mut Desk, what: u8, which: u8) {
    match what % 40 {
        33..=35 if desk.running().is_some_and(|k| k.has_process()) => {
            desk.exit(i32::from(which.is_multiple_of(5)));
        }
        36 if which >= 128 => written(desk, which),
        36 => {
            let span = u64::from(which) * u64::from(which) / 256;
            desk.wait(Duration::from_secs(span));
        }
        37 => desk.read("errors", if which < 16 { 0.9 } else { 0.1 }),
        38 if which < 16 => {
            let (program, host) = ("warroom".to_owned(), "bastion".to_owned());
            let state = fold(desk.records.clone()).expect("folds");
            desk.engine = Engine::new(state);
            desk.input(&Input::Restarted { program, host })
                .expect("restarted");
            for (number, name) in ["ann", "bob", "cho"].into_iter().enumerate() {
                desk.attach(number as u64 + u64::from(which) * 4, name);
            }
        }
        38 if which < 64 => {
            let terminals: Vec<TerminalId> = desk.state().terminals.keys().copied().collect();
            if let Some(terminal) = terminals.get(usize::from(which) % 3).copied() {
                desk.input(&Input::Detached { terminal }).expect("detached");
                desk.attach(terminal.0 + 1000, PEOPLE[usize::from(which) % 3]);
            }
        }
        _ => {
            desk.wait(Duration::from_secs(1));
            desk.read("errors", 0.1);
            desk.read("lag", 0.1);
        }
    }
}

/// What the journal of any session must obey.
fn check(desk: &Desk, seen: &mut Seen) {
    let mut terms = None;
    let mut closed = BTreeSet::new();
    let mut intents = BTreeSet::new();
    let mut confirmers = BTreeSet::new();
    for record in &desk.records {
        match &record.fact {
            Fact::ProposalOpened { terms: opened, .. } => {
                confirmers.clear();
                terms = Some(opened.clone());
            }
            Fact::StepConfirmed(confirmed) => {
                let terms = terms.as_ref().expect("something is proposed");
                assert_ne!(confirmed.signer, terms.proposer);
                assert_ne!(confirmed.signer, terms.executor);
                assert_eq!(record.actor.person(), Some(&confirmed.signer));
                confirmers.insert(confirmed.signer.clone());
            }
            Fact::ProposalClosed { .. } => {
                let terms = terms.as_ref().expect("something was proposed");
                closed.insert(terms.nonce.clone());
                seen.closed += 1;
            }
            Fact::ExecIntent {
                key,
                role: ExecRole::Run,
                nonce,
            } => {
                let step = desk.state().find(&key.step).expect("a step of the plan");
                let destroys = step.plan.risk.needs_second_person();
                assert_eq!(destroys, nonce.is_some(), "{key}");
                if let Some(nonce) = nonce {
                    let terms = terms.as_ref().expect("something was proposed");
                    assert_eq!(nonce, &terms.nonce);
                    assert_eq!(key.attempt, terms.attempt);
                    assert!(!closed.contains(nonce), "it ran after it was closed");
                    assert!(intents.insert(nonce.clone()), "it ran twice");
                    assert!(confirmers.len() >= usize::from(terms.quorum));
                    seen.confirmed_runs += 1;
                }
            }
            Fact::ExecUnknown { .. } => seen.unknown += 1,
            Fact::StepUndone { .. } => seen.undone += 1,
            Fact::WriteEnded { .. } => seen.written += 1,
            _ => {}
        }
    }
}

/// Without `guards` there are times when nothing has a time limit.
fn run(actions: &[Action], guards: bool, seen: &mut Seen) {
    let mut plan = plan();
    if !guards {
        plan.rules.clear();
    }
    let mut desk = Desk::with(plan);
    desk.read("errors", 0.1);
    desk.must("ann", Command::Begin);
    for action in actions {
        act(&mut desk, *action, seen);
        let state = desk.state();
        let running = state.steps.iter().filter(|s| s.running.is_some()).count();
        assert!(running <= 1, "{running} commands run");
        let unknown = state.unknown().is_some();
        assert!(!(unknown && state.proposal.is_some()));
        // There is a line for every state, and a command that is to be spawned was intended.
        let line = what_now(state, &Board::default(), desk.now, &actor("ann"));
        assert!(!line.what.is_empty());
    }
    let spawned: Vec<&ExecKey> = desk
        .effects
        .iter()
        .filter_map(|e| match e {
            Effect::Spawn { key, .. } => Some(key),
            Effect::StopProcess { .. }
            | Effect::Page { .. }
            | Effect::Write(_)
            | Effect::FindWrite(_) => None,
        })
        .collect();
    let sent: Vec<WriteNo> = desk
        .effects
        .iter()
        .filter_map(|e| match e {
            Effect::Write(no) => Some(*no),
            _ => None,
        })
        .collect();
    let asked: Vec<WriteNo> = desk.state().writes.iter().map(|w| w.write.no).collect();
    assert_eq!(sent, asked, "each write is sent once, in order");
    let distinct: BTreeSet<&&ExecKey> = spawned.iter().collect();
    assert_eq!(distinct.len(), spawned.len(), "something was spawned twice");
    check(&desk, seen);
    seen.slept += desk.slept;
    desk.check_fold();
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn whatever_people_do_the_rule_holds_and_replay_equals_live(
        actions in proptest::collection::vec(any::<Action>(), 0..160),
        guards in any::<bool>(),
    ) {
        run(&actions, guards, &mut Seen::default());
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
    let mut seen = Seen::default();
    for round in 0..60 {
        let actions: Vec<Action> = (0..400).map(|_| (draw(), draw(), draw())).collect();
        run(&actions, round % 2 == 0, &mut seen);
    }
    let all = [
        seen.confirmed_runs,
        seen.closed,
        seen.unknown,
        seen.self_confirms,
        seen.undone,
        seen.written,
        seen.slept,
    ];
    assert!(all.iter().all(|count| *count > 0), "{seen:?}");
}
