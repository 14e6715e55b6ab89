//! What is kept of those who go on where the window says no.

use super::*;
use crate::domain::runbook::plan::Window;

const MINUTE: Duration = Duration::from_secs(60);

/// The drain waits for a proposal, in a window of two hours that ends with 20 minutes to go back.
fn at_proposal() -> Desk {
    let mut plan = plan();
    plan.rules.clear();
    let start_of_window = Timestamp::from_millis(1_700_000_000_000);
    plan.window = Some(Window {
        start: start_of_window,
        end: start_of_window.plus(MINUTE * 120),
        buffer: MINUTE * 20,
    });
    let mut desk = Desk::with(plan);
    desk.must("ann", Command::Begin);
    desk.must("ann", mark_done("look"));
    desk.must("ann", skip("backup"));
    desk.must("ann", start("drain"));
    desk.exit(0);
    for _ in 0..6 {
        desk.read("lag", 0.1);
        desk.wait(Duration::from_secs(1));
    }
    desk
}

fn recorded(desk: &Desk) -> Vec<String> {
    let refused = desk.records.iter().filter_map(|record| match &record.fact {
        Fact::Refused { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    refused.collect()
}

#[test]
fn who_proposes_past_the_point_of_no_return_is_in_the_journal_and_not_with_every_key() {
    let mut desk = at_proposal();
    desk.now = desk.now.plus(MINUTE * 100);
    let before = desk.state().clone();
    for _ in 0..100 {
        let refusal = desk.ask("ann", propose("drain")).expect_err("too late");
        assert!(refusal.reason.contains("point of no return"), "{refusal}");
        desk.now = desk.now.plus(Duration::from_millis(30));
    }
    let all = recorded(&desk);
    assert_eq!(all.len(), 1);
    assert!(all[0].contains("point of no return"), "{all:?}");
    assert_eq!(
        desk.state().steps,
        before.steps,
        "a refusal changes nothing"
    );
    assert!(desk.state().proposal.is_none());
    desk.now = desk.now.plus(Duration::from_secs(10));
    desk.ask("bob", propose("drain")).expect_err("too late");
    desk.ask("ann", propose("drain")).expect_err("too late");
    assert_eq!(
        recorded(&desk).len(),
        3,
        "each of them, and again after a while"
    );
    desk.check_fold();
}

#[test]
fn who_is_only_early_waits_and_leaves_no_trace() {
    let mut desk = at_proposal();
    // The clock was ahead, and is set right.
    desk.now.wall = desk.now.wall.minus(MINUTE * 30);
    for _ in 0..10 {
        let refusal = desk.ask("ann", propose("drain")).expect_err("too early");
        assert!(refusal.reason.contains("has not begun"), "{refusal}");
        desk.now = desk.now.plus(Duration::from_secs(1));
    }
    assert_eq!(recorded(&desk), [] as [&str; 0]);
}
