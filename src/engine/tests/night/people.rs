//! The three people of a night: they do what the state asks for, mostly, and now and then something else.

use super::super::*;
use super::Dice;
use super::cluster::Cluster;

/// One of them does something.
pub(super) fn act(desk: &mut Desk, cluster: &Cluster, dice: &mut Dice) {
    let state = desk.state();
    if state.phase == Phase::Briefing {
        // Whether the metrics are good enough to begin is theirs to judge; nobody waits for it here.
        drop(desk.ask("ann", Command::Begin));
        return;
    }
    if dice.once_in(60) {
        let by_hand = Command::RunOn {
            phase: 0,
            on: false,
        };
        let odd = [hold(), cancel("upgrade-0"), stop("upgrade-1"), by_hand];
        let pick = usize::try_from(dice.roll(4)).unwrap_or(0);
        drop(desk.ask("cho", odd[pick].clone()));
        return;
    }
    if let Some(unknown) = state.unknown() {
        let step = unknown.plan.id.to_string();
        let lost = unknown.now.finished.last().expect("something ran");
        let finding = cluster.look(&lost.key);
        for who in ["bob", "cho"] {
            drop(desk.ask(who, resolve(&step, finding)));
        }
        return;
    }
    if state.is_held() {
        let reason = "looked at it".to_owned();
        drop(desk.ask("ann", Command::Release { reason }));
        return;
    }
    if state.proposal.is_some() {
        return second(desk, dice);
    }
    forward(desk, dice);
}

/// A proposal is open: the others look, and ann says go.
fn second(desk: &mut Desk, dice: &mut Dice) {
    let open = desk.state().proposal.as_ref().expect("one is open");
    let (step, attempt) = (open.terms.step.to_string(), open.terms.attempt.0);
    let stage = desk.state().find(&id(&step)).and_then(|v| v.now.stage());
    drop(match stage {
        Some(Stage::Armed) => desk.ask("ann", go_for(&step, attempt)),
        _ if dice.once_in(10) => desk.ask("cho", reject(&step)),
        _ => desk.confirm("bob"),
    });
}

fn forward(desk: &mut Desk, dice: &mut Dice) {
    let Some(view) = current(desk.state()) else {
        let reason = "that is all".to_owned();
        if desk.ask("ann", Command::Complete).is_err() {
            drop(desk.ask("ann", Command::Rollback { reason }));
        }
        return;
    };
    let name = view.plan.id.to_string();
    let phase = view.plan.phase;
    let (rolls, goes) = (view.plan.unit.is_some(), desk.state().runs_on().is_some());
    let wish = match &view.now.status {
        // Now and then somebody is quicker than what goes by itself.
        StepStatus::Pending if goes && !dice.once_in(8) => return,
        StepStatus::Pending if rolls && !goes && !dice.once_in(4) => {
            Command::RunOn { phase, on: true }
        }
        StepStatus::Pending => start(&name),
        StepStatus::Active {
            stage: Stage::NeedsProposal,
        } => propose(&name),
        StepStatus::Failed { .. } if dice.once_in(6) => rollback(),
        StepStatus::Failed { .. } | StepStatus::UndoFailed { .. } => retry(&name),
        _ => return,
    };
    drop(desk.ask("ann", wish));
}
