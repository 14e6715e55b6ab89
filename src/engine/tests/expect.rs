//! Declared effects from readings to facts: what is answered before and after a command, and when.

use super::*;
use crate::domain::confirm::policy::{ClassLines, Grade, Rules};
use crate::domain::confirm::statement::propose_statement;
use crate::domain::fact::{EffectEvent, Touch};
use crate::domain::runbook::plan::{After, Expect};
use crate::domain::threshold::{Limit, Op};

const SECOND: Duration = Duration::from_secs(1);

/// The backup takes two thirds of the traffic of its node, and leaves the peer alone.
fn with_effects() -> Desk {
    with_expects(|_| {})
}

/// The same with what is declared put otherwise.
fn with_expects(put: impl FnOnce(&mut Vec<Expect>)) -> Desk {
    let expect = |name: &str, after, hold_for| Expect {
        id: rule(name),
        expr: name.to_owned(),
        before: Some(Limit {
            op: Op::Gt,
            value: 5.0,
        }),
        after: Some(after),
        within: Duration::from_secs(60),
        hold_for,
        source: None,
        line: 1,
    };
    let falls = After::Times {
        op: Op::Lt,
        factor: 0.2,
    };
    let stays = After::Band {
        low: 0.8,
        high: 2.0,
    };
    let mut plan = plan();
    plan.steps[1].expects = vec![
        expect("traffic", falls, Duration::ZERO),
        expect("peers", stays, SECOND * 10),
    ];
    put(&mut plan.steps[1].expects);
    let mut desk = Desk::with(plan);
    desk.read("errors", 0.1);
    desk.must("ann", Command::Begin);
    desk.must("ann", mark_done("look"));
    desk.must("ann", start("backup"));
    desk
}

fn see(desk: &mut Desk, traffic: f64, peers: f64) {
    desk.read("traffic", traffic);
    desk.read("peers", peers);
}

fn backup(desk: &Desk) -> &StepStatus {
    &desk.state().find(&id("backup")).expect("a step").now.status
}

/// The command of the backup has run on 10 here and 8 there.
fn ran() -> Desk {
    let mut desk = with_effects();
    assert!(desk.running().is_none(), "nothing has been read");
    see(&mut desk, 10.0, 8.0);
    assert!(desk.running().is_some());
    desk.exit(0);
    desk
}

#[test]
fn an_effect_is_seen_in_answers_from_after_the_command_alone() {
    let mut desk = ran();
    let waits = StepStatus::Active {
        stage: Stage::Effect,
    };
    assert_eq!(*backup(&desk), waits);
    // Asked in the moment in which it ended: nobody knows which side of it that is.
    see(&mut desk, 1.0, 8.0);
    assert_eq!(desk.engine.effects_now()[0].met_since, None);
    desk.wait(SECOND);
    for _ in 0..10 {
        see(&mut desk, 1.0, 8.0);
        assert_eq!(*backup(&desk), waits, "the peer must stay for 10 s");
        desk.wait(SECOND);
    }
    see(&mut desk, 1.0, 8.0);
    let verify = StepStatus::Active {
        stage: Stage::Verifying,
    };
    assert_eq!(*backup(&desk), verify);
    desk.check_fold();
}

#[test]
fn what_is_declared_for_before_alone_is_not_waited_for_afterwards() {
    for alone in [[true, true], [false, true]] {
        let mut desk = with_expects(|expects| {
            for (expect, is_alone) in expects.iter_mut().zip(alone) {
                expect.after = expect.after.filter(|_| !is_alone);
            }
        });
        see(&mut desk, 10.0, 8.0);
        desk.exit(0);
        let records = desk.records.len();
        desk.wait(SECOND);
        desk.read("traffic", 1.0);
        desk.wait(SECOND);
        let verify = StepStatus::Active {
            stage: Stage::Verifying,
        };
        assert_eq!(*backup(&desk), verify, "{alone:?}");
        assert!(desk.records.len() < records + 10, "each thing is said once");
        desk.check_fold();
    }
}

#[test]
fn a_peer_that_falls_too_is_no_effect() {
    let mut desk = ran();
    for _ in 0..70 {
        desk.wait(SECOND);
        if desk.state().is_held() {
            break;
        }
        see(&mut desk, 1.0, 4.0);
    }
    let StepStatus::Failed { why } = backup(&desk) else {
        panic!("{:?}", backup(&desk));
    };
    assert!(
        why.contains("`peers`") && !why.contains("`traffic`"),
        "{why}"
    );
    assert!(why.contains("seen 4 (before 8) on {i=\"db-1\"}"), "{why}");
    let cause = HoldCause::Effect { step: id("backup") };
    assert_eq!(desk.state().holds[0].cause, cause);
    desk.check_fold();
}

#[test]
fn another_series_than_before_is_unknown_and_never_an_effect() {
    let mut desk = ran();
    let other = |desk: &Desk, value| Series {
        labels: vec![("i".to_owned(), "db-9".to_owned())],
        sample: Sample {
            at: desk.now.wall,
            value,
        },
    };
    for _ in 0..61 {
        desk.wait(SECOND);
        let series = other(&desk, 1.0);
        desk.answer("traffic", Ok(vec![series]));
        desk.read("peers", 8.0);
    }
    let StepStatus::Failed { why } = backup(&desk) else {
        panic!("{:?}", backup(&desk));
    };
    assert!(why.contains("nobody knows `traffic`: partial"), "{why}");
}

#[test]
fn the_wrong_target_is_known_by_its_values() {
    let mut desk = with_effects();
    see(&mut desk, 0.5, 8.0);
    assert!(desk.running().is_none());
    let StepStatus::Failed { why } = backup(&desk) else {
        panic!("{:?}", backup(&desk));
    };
    assert!(why.contains("is this the right target?"), "{why}");
    assert!(!desk.state().is_held());
}

#[test]
fn without_any_answer_the_command_does_not_run_and_the_wait_ends() {
    let mut desk = with_effects();
    assert!(desk.engine.waits_for_time(desk.now.wall));
    for _ in 0..31 {
        desk.wait(SECOND);
    }
    assert!(desk.running().is_none());
    assert!(matches!(backup(&desk), StepStatus::Failed { .. }));
}

#[test]
fn a_new_server_compares_with_the_values_of_the_journal() {
    let mut desk = ran();
    desk.wait(SECOND);
    see(&mut desk, 1.0, 8.0);
    // What the old server has watched is gone; what it has read before the command is a fact.
    desk.engine = Engine::new(desk.state().clone());
    let restarted = Input::Restarted {
        program: "warroom".to_owned(),
        host: "bastion".to_owned(),
    };
    desk.input(&restarted).expect("restarted");
    for _ in 0..12 {
        desk.wait(SECOND);
        see(&mut desk, 1.0, 8.0);
    }
    let met = desk.records.iter().rev().find_map(|r| match &r.fact {
        Fact::Effect(effect) => Some(effect.event.clone()),
        _ => None,
    });
    assert!(matches!(met, Some(EffectEvent::Met { .. })), "{met:?}");
    desk.check_fold();
}

/// A gate that soaks when the server dies soaks anew.
#[test]
fn a_restart_while_a_gate_soaks_starts_the_soak_anew() {
    let mut desk = Desk::new();
    desk.must("ann", Command::Begin);
    desk.must("ann", mark_done("look"));
    desk.must("ann", start("backup"));
    desk.exit(0);
    desk.exit(0);
    desk.must("ann", start("drain"));
    desk.exit(0);
    for _ in 0..4 {
        desk.read("lag", 0.1);
        desk.wait(SECOND);
    }
    desk.engine = Engine::new(desk.state().clone());
    let restarted = Input::Restarted {
        program: "warroom".to_owned(),
        host: "bastion".to_owned(),
    };
    desk.input(&restarted).expect("restarted");
    let reason = "looked at it".to_owned();
    desk.must("ann", Command::release(reason));
    desk.read("errors", 0.1);
    let stage = |desk: &Desk| desk.state().find(&id("drain")).expect("a step").now.stage();
    for _ in 0..5 {
        desk.read("lag", 0.1);
        assert_eq!(stage(&desk), Some(Stage::Gated));
        desk.wait(SECOND);
    }
    desk.read("lag", 0.1);
    assert_eq!(stage(&desk), Some(Stage::NeedsProposal));
}

/// The drain takes traffic off and waits to be proposed, by a signature.
fn to_be_signed() -> Desk {
    let mut plan = plan();
    plan.steps[2].expects = vec![Expect {
        id: rule("traffic"),
        expr: "traffic".to_owned(),
        before: Some(Limit {
            op: Op::Gt,
            value: 5.0,
        }),
        after: None,
        within: Duration::from_secs(60),
        hold_for: Duration::ZERO,
        source: None,
        line: 1,
    }];
    let mut desk = Desk::with(plan);
    desk.read("errors", 0.1);
    desk.must("ann", Command::Begin);
    desk.must("ann", mark_done("look"));
    desk.must("ann", start("backup"));
    desk.exit(0);
    desk.exit(0);
    desk.must("ann", start("drain"));
    desk.exit(0);
    for _ in 0..6 {
        desk.read("lag", 0.1);
        desk.wait(SECOND);
    }
    let usual = rules();
    desk.world.rules = std::sync::Arc::new(Rules {
        destructive: ClassLines {
            proposer: Some(Grade::Sshsig),
            ..usual.destructive.clone()
        },
        ..usual
    });
    desk.world.keys = [("SHA256:ann".to_owned(), person("ann"))].into();
    desk
}

#[test]
fn what_a_proposer_signs_is_drafted_and_opened_on_values_that_are_as_declared() {
    let mut desk = to_be_signed();
    let ann = Actor::Person {
        id: person("ann"),
        via: Via::Sshsig {
            key: "SHA256:ann".to_owned(),
            touch: Touch::None,
            detached: false,
        },
    };
    let mut prepared = Prepared {
        plan: render_plan(desk.state(), &id("drain")),
        nonce: Nonce::from_bytes([9; 16]),
        executor: person("ann"),
        signed: None,
    };
    let draft = |desk: &mut Desk, prepared: &Prepared| {
        let (now, step) = (desk.now, id("drain"));
        let drafted = desk
            .engine
            .draft_terms(&ann, &step, prepared, now, &desk.world);
        drafted.map_err(|refused| refused.refusal.reason)
    };
    let why = draft(&mut desk, &prepared).expect_err("nothing was read");
    assert!(why.contains("`traffic`"), "{why}");
    desk.read("traffic", 1.0);
    let why = draft(&mut desk, &prepared).expect_err("another target");
    assert!(why.contains("is this the right target?"), "{why}");
    desk.read("traffic", 10.0);
    let terms = draft(&mut desk, &prepared).expect("as declared");
    let statement = propose_statement(desk.state(), &terms).expect("printable");
    let plan = format!("\nplan: {}\n", Digest::of(prepared.plan.as_bytes()));
    assert!(statement.starts_with("warroom-propose@v1\n") && statement.contains(&plan));
    let opened = |desk: &mut Desk, prepared: &Prepared| {
        let (actor, step) = (ann.clone(), id("drain"));
        let prepared = prepared.clone();
        let input = Input::Proposal {
            actor,
            step,
            prepared,
        };
        desk.input(&input).map_err(|refusal| refusal.reason)
    };
    let why = opened(&mut desk, &prepared).expect_err("a greeting signs no proposal");
    assert!(why.contains("it needs a signature"), "{why}");
    let signature = "-----BEGIN SSH SIGNATURE-----\n".to_owned();
    prepared.signed = Some(Box::new((terms, signature.clone())));
    // Between draft and signature the target has become another one.
    desk.wait(SECOND);
    desk.read("traffic", 1.0);
    let why = opened(&mut desk, &prepared).expect_err("not as declared any more");
    assert!(why.contains("is this the right target?"), "{why}");
    desk.wait(SECOND);
    desk.read("traffic", 11.0);
    opened(&mut desk, &prepared).expect("as declared again");
    let recorded = desk.records.iter().find_map(|r| match &r.fact {
        Fact::ProposalOpened { terms, signature } => Some((terms, signature)),
        _ => None,
    });
    let (terms, by) = recorded.expect("it is open");
    assert_eq!(
        propose_statement(desk.state(), terms).as_deref(),
        Ok(statement.as_str()),
        "the record is the bytes that were signed"
    );
    assert_eq!(by, &signature);
    desk.check_fold();
}
