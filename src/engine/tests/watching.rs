//! Guards that count from a baseline, only report, or go back by themselves; and nobody needs to look on.

use super::random::{Action, Seen, act};
use super::*;
use crate::domain::fact::GuardActed;
use crate::domain::runbook::plan::MetricRule;
use crate::domain::threshold::{Op, RuleLimit, SampleCount, Scale, Unknown};

fn relative(on_breach: OnBreach) -> MetricRule {
    MetricRule {
        crit: Some(RuleLimit {
            op: Op::Gt,
            value: 2.0,
            scale: Scale::Ratio,
        }),
        ..guard(on_breach)
    }
}

fn desk_with(rules: Vec<MetricRule>) -> Desk {
    let mut plan = plan();
    plan.rules = rules;
    Desk::with(plan)
}

fn second(desk: &mut Desk) {
    desk.wait(Duration::from_secs(1));
}

fn baselines(desk: &Desk) -> usize {
    let is_one = |r: &&Stamped| matches!(r.fact, Fact::BaselineTaken(_));
    desk.records.iter().filter(is_one).count()
}

fn acts(desk: &Desk) -> Vec<GuardActed> {
    let acts = desk.records.iter().filter_map(|r| match &r.fact {
        Fact::GuardActed(acted) => Some(acted.clone()),
        _ => None,
    });
    acts.collect()
}

fn restart(desk: &mut Desk) {
    let (program, host) = ("warroom".to_owned(), "bastion".to_owned());
    desk.engine = Engine::new(fold(desk.records.clone()).expect("folds"));
    desk.input(&Input::Restarted { program, host })
        .expect("restarted");
}

#[test]
fn a_baseline_is_taken_at_begin_and_not_again() {
    let mut desk = desk_with(vec![relative(OnBreach::Hold)]);
    for value in [1.0, 90.0, 1.2] {
        desk.read("errors", value);
        second(&mut desk);
    }
    let verdict = |desk: &Desk| desk.state().verdict(&rule("errors"));
    assert_eq!(verdict(&desk), Verdict::Unknown(Unknown::NoBaseline));
    assert_eq!(baselines(&desk), 0, "nothing has begun");
    desk.must("ann", Command::Begin);
    let taken = desk.state().baselines[&rule("errors")].clone();
    assert_eq!((taken.series, taken.answers), (1, 3));
    assert_eq!(taken.medians[0].series, "{i=\"db-1\"}");
    assert_eq!(taken.medians[0].sample.value.to_string(), "1.2");
    assert_eq!(verdict(&desk), Verdict::Pass);
    restart(&mut desk);
    desk.read("errors", 50.0);
    assert_eq!(desk.state().baselines[&rule("errors")], taken);
    assert_eq!(verdict(&desk), Verdict::Fail, "by the old baseline");
    assert_eq!(baselines(&desk), 1);
    desk.check_fold();
}

#[test]
fn a_baseline_that_was_not_there_at_begin_is_taken_until_something_is_changed() {
    for is_changed in [false, true] {
        let mut desk = desk_with(vec![relative(OnBreach::Hold)]);
        desk.must("ann", Command::Begin);
        desk.must("ann", skip("look"));
        if is_changed {
            desk.must("ann", start("backup"));
        }
        desk.read("errors", 1.0);
        let expected = if is_changed {
            Verdict::Unknown(Unknown::NoBaseline)
        } else {
            Verdict::Pass
        };
        assert_eq!(desk.state().verdict(&rule("errors")), expected);
        assert_eq!(baselines(&desk), usize::from(!is_changed));
        desk.check_fold();
    }
}

#[test]
fn a_baseline_that_the_journal_did_not_take_decides_nothing() {
    let mut desk = desk_with(vec![relative(OnBreach::Hold)]);
    desk.read("errors", 1.0);
    let begin = Input::Ask {
        actor: actor("ann"),
        terminal: TerminalId(99),
        number: 1,
        command: Command::Begin,
    };
    let facts = desk.engine.propose(&begin, desk.now, &desk.world).facts;
    desk.stage(facts);
    desk.settle();
    desk.staged.clear();
    desk.engine.unstage();
    assert!(desk.state().baselines.is_empty());
    second(&mut desk);
    desk.must("ann", Command::Begin);
    assert_eq!(baselines(&desk), 1);
    desk.check_fold();
}

#[test]
fn series_that_go_after_begin_are_unknown_and_nothing_arms() {
    let mut desk = Desk::new();
    desk.must("ann", Command::Begin);
    for name in ["look", "backup", "drain"] {
        desk.must("ann", skip(name));
    }
    desk.must("ann", start("wipe"));
    desk.must("ann", propose("wipe"));
    desk.answer("errors", Ok(Vec::new()));
    desk.confirm("bob").expect("confirmed");
    desk.confirm("cho").expect("confirmed");
    let open = desk.state().proposal.as_ref().expect("open");
    assert!(open.armed.is_none());
}

/// The guard that goes back after two of three samples, while the backup runs.
fn breached(dry_run: bool) -> Desk {
    let rule = MetricRule {
        samples: Some(SampleCount { of: 2, last: 3 }),
        dry_run,
        ..guard(OnBreach::Rollback)
    };
    let mut desk = desk_with(vec![rule]);
    desk.read("errors", 0.1);
    desk.must("ann", Command::Begin);
    desk.must("ann", mark_done("look"));
    desk.must("ann", start("backup"));
    desk.exit(0);
    desk.exit(0);
    for name in ["drain", "wipe", "part-a"] {
        desk.must("ann", skip(name));
    }
    desk.must("ann", start("part-b"));
    for value in [0.8, 0.2, 0.9] {
        second(&mut desk);
        desk.read("errors", value);
    }
    desk
}

#[test]
fn an_automatic_way_back_waits_for_what_runs_and_says_which_samples_decided() {
    let mut desk = breached(false);
    assert_eq!(desk.state().phase, Phase::RollingBack);
    let acted = desk
        .state()
        .went_back_by_itself()
        .expect("recorded")
        .clone();
    let values: Vec<f64> = acted.what.quotes.iter().map(|q| q.sample.value).collect();
    assert_eq!(values, [0.8, 0.9]);
    // The command in flight is stopped as a group, and nothing is undone before its end is known.
    assert!(matches!(
        desk.effects.last(),
        Some(Effect::StopProcess { .. })
    ));
    for _ in 0..30 {
        second(&mut desk);
    }
    assert_eq!(desk.running().expect("still runs").step, id("part-b"));
    desk.end(Outcome::Stopped);
    let undo = desk.running().expect("undo runs");
    assert_eq!((undo.step, undo.block), (id("backup"), ExecKey::UNDO));
    let line = what_now(desk.state(), &Board::default(), desk.now, &actor("bob"));
    assert_eq!(line.what, "BY ITSELF: `undo` of step 1.1 `backup` runs");
    assert!(
        line.why.starts_with("`h` stops it before the next one"),
        "{}",
        line.why
    );
    assert!(line.why.contains("0.8 on {i=\"db-1\"}"), "{}", line.why);
    desk.exit(0);
    let status = &desk.state().find(&id("backup")).expect("there").now.status;
    assert_eq!(status, &StepStatus::Undone);
    desk.check_fold();
}

#[test]
fn one_key_stops_an_automatic_way_back_before_the_next_undo() {
    let mut desk = breached(false);
    desk.must("cho", hold());
    desk.end(Outcome::Stopped);
    for _ in 0..100 {
        second(&mut desk);
        desk.read("errors", 0.9);
    }
    assert_eq!(desk.running(), None, "held");
    assert_eq!(desk.state().phase, Phase::RollingBack);
    let reason = "looked at it".to_owned();
    desk.must("cho", Command::release(reason));
    assert_eq!(desk.running().expect("goes on").block, ExecKey::UNDO);
    desk.check_fold();
}

#[test]
fn one_key_stops_the_undo_that_runs_and_nothing_follows_it() {
    let mut desk = breached(false);
    desk.end(Outcome::Stopped);
    let key = desk.running().expect("undo runs");
    desk.must("cho", stop("backup"));
    let stop = Effect::StopProcess { key };
    assert_eq!(desk.effects.last(), Some(&stop));
    desk.end(Outcome::Stopped);
    for _ in 0..100 {
        second(&mut desk);
        desk.read("errors", 0.9);
    }
    assert_eq!(desk.running(), None);
    let status = &desk.state().find(&id("backup")).expect("there").now.status;
    assert!(
        matches!(status, StepStatus::UndoFailed { .. }),
        "{status:?}"
    );
    desk.check_fold();
}

#[test]
fn a_dry_run_says_what_it_would_have_done_once_for_each_breach() {
    let mut desk = breached(true);
    for _ in 0..10 {
        second(&mut desk);
        desk.read("errors", 0.9);
    }
    assert_eq!(desk.state().phase, Phase::Running);
    assert!(!desk.state().is_held());
    assert!(desk.running().is_some(), "nobody stopped it");
    let said = acts(&desk);
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].dry_run, said[0].did), (true, OnBreach::Rollback));
    let words = "DRY RUN: guard `errors` would have rolled back: 0.8 on {i=\"db-1\"}";
    assert!(said[0].to_string().starts_with(words), "{}", said[0]);
    assert!(desk.state().went_back_by_itself().is_none());
    for value in [0.1, 0.1, 0.1, 0.9, 0.9] {
        second(&mut desk);
        desk.read("errors", value);
    }
    assert_eq!(acts(&desk).len(), 2, "the next breach");
    desk.check_fold();
}

#[test]
fn a_dry_run_keeps_no_step_from_arming() {
    let rule = MetricRule {
        dry_run: true,
        ..guard(OnBreach::Hold)
    };
    let mut desk = desk_with(vec![rule]);
    desk.must("ann", Command::Begin);
    desk.read("errors", 0.9);
    assert_eq!(acts(&desk)[0].did, OnBreach::Hold);
    for name in ["look", "backup", "drain"] {
        desk.must("ann", skip(name));
    }
    desk.must("ann", start("wipe"));
    desk.must("ann", propose("wipe"));
    desk.confirm("bob").expect("confirmed");
    desk.confirm("cho").expect("confirmed");
    let open = desk.state().proposal.as_ref().expect("open");
    assert!(open.armed.is_some());
    desk.check_fold();
}

/// Every terminal goes.
fn empty(desk: &mut Desk) {
    let all: Vec<TerminalId> = desk.state().terminals.keys().copied().collect();
    for terminal in all {
        desk.input(&Input::Detached { terminal }).expect("detached");
    }
}

/// The same answers come in; once people watch, once they come and go, once nobody is there. What guards do is the same.
#[test]
fn guards_are_judged_whoever_looks_on() {
    let run = |look_on: fn(&mut Desk, u64)| {
        let mut desk = desk_with(vec![relative(OnBreach::Rollback)]);
        desk.read("errors", 1.0);
        desk.must("ann", Command::Begin);
        desk.must("ann", skip("look"));
        desk.must("ann", start("backup"));
        for (number, value) in (0..).zip([1.0, 1.5, f64::NAN, 1.9, 2.1]) {
            look_on(&mut desk, number);
            second(&mut desk);
            desk.read("errors", value);
        }
        let told = desk.records.iter().filter(|r| {
            let is_watched = matches!(
                r.fact,
                Fact::RuleChanged { .. }
                    | Fact::BaselineTaken(_)
                    | Fact::GuardActed(_)
                    | Fact::Held(_)
                    | Fact::StopAsked { .. }
                    | Fact::RollbackStarted { .. }
            );
            is_watched
        });
        // NaN is not equal to itself, and its text is.
        let told: Vec<String> = told.map(|r| format!("{:?}", (r.at, &r.fact))).collect();
        assert_eq!(desk.state().phase, Phase::RollingBack);
        told
    };
    let watched = run(|_, _| {});
    let alone = run(|desk, _| {
        empty(desk);
        assert!(desk.state().terminals.is_empty());
    });
    let coming_and_going = run(|desk, number| {
        empty(desk);
        desk.attach(200 + number, "bob");
    });
    assert_eq!(watched, alone);
    assert_eq!(watched, coming_and_going);
    assert!(watched.len() > 5, "{watched:?}");
}

/// Whatever the sources of three guards say, and whatever people press: nothing destructive is armed or runs while one of
/// those that count is not known to be good. Gives how often something was armed, and how often one was not good.
fn property(actions: &[Action], answers: &[(u8, u8)]) -> (usize, usize) {
    let named = |name: &str, rule: MetricRule| MetricRule {
        id: super::rule(name),
        ..rule
    };
    let sampled = MetricRule {
        samples: Some(SampleCount { of: 2, last: 3 }),
        ..guard(OnBreach::Warn)
    };
    let mut desk = desk_with(vec![
        guard(OnBreach::Hold),
        named("ratio", relative(OnBreach::Warn)),
        named("sampled", sampled),
    ]);
    for name in ["errors", "ratio", "sampled"] {
        desk.read(name, 0.1);
    }
    desk.must("ann", Command::Begin);
    let mut seen = Seen::default();
    let mut answers = answers.iter().cycle();
    for action in actions {
        act(&mut desk, *action, &mut seen);
        let Some((which, what)) = answers.next() else {
            continue;
        };
        let name = ["errors", "ratio", "sampled"][usize::from(*which) % 3];
        match what {
            0..12 => desk.answer(name, Ok(Vec::new())),
            12..24 => desk.read(name, f64::NAN),
            24..48 => desk.read(name, 0.9),
            _ => desk.read(name, 0.1),
        }
    }
    let (mut armed, mut bad) = (0, 0);
    let mut records = desk.records.iter().cloned();
    let first = records.next().expect("genesis");
    let mut state = fold([first]).expect("opened");
    for record in records {
        let starts = match &record.fact {
            Fact::StepArmed { .. } => true,
            Fact::ExecIntent { nonce, .. } => nonce.is_some(),
            _ => false,
        };
        let is_bad = state.bad_guard().is_some();
        assert!(!(starts && is_bad), "{:?}", record.fact);
        armed += usize::from(starts);
        bad += usize::from(is_bad);
        apply(&mut state, &record);
    }
    // NaN is not equal to itself, and its text is.
    assert_eq!(format!("{state:?}"), format!("{:?}", desk.state()));
    (armed, bad)
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn nothing_destructive_starts_beside_a_guard_that_is_not_known_to_be_good(
        actions in proptest::collection::vec(any::<Action>(), 0..200),
        answers in proptest::collection::vec(any::<(u8, u8)>(), 1..60),
    ) {
        property(&actions, &answers);
    }
}

#[test]
fn the_property_is_about_something() {
    // A fixed sequence of numbers: linear congruential, constants of Knuth's MMIX.
    let mut number = 11_u64;
    let mut draw = || {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u8::try_from(number >> 56).expect("one byte")
    };
    let (mut armed, mut bad) = (0, 0);
    for _ in 0..40 {
        let actions: Vec<Action> = (0..400).map(|_| (draw(), draw(), draw())).collect();
        let answers: Vec<(u8, u8)> = (0..100).map(|_| (draw(), draw())).collect();
        let (some_armed, some_bad) = property(&actions, &answers);
        armed += some_armed;
        bad += some_bad;
    }
    assert!(armed > 0 && bad > 0, "{armed} armed, {bad} bad");
}
