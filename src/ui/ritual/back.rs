//! What goes back by itself, as the confirm screen tells it: it is agreed to together with the plan.

use super::content::{Line, Mark, exact, heading};
use crate::domain::runbook::plan::{MetricRule, PlanStep};
use crate::domain::state::{Proposal, State};
use crate::domain::time::short_span;

/// Steps whose way back is spelled out; a person reads no more at 03:00, and the runbook has all.
const STEPS_MAX: usize = 12;

/// Which guards go back by themselves, what becomes of what runs, and what would be undone, in that order.
pub(super) fn lines(state: &State, proposal: &Proposal) -> Vec<Line> {
    let guards: Vec<&MetricRule> = state.guards_that_go_back().collect();
    if guards.is_empty() {
        return Vec::new();
    }
    let mut texts: Vec<String> = guards.into_iter().map(when).collect();
    texts.push("what runs then: is stopped as a group, and its end is waited for".to_owned());
    let steps = state.would_undo(&proposal.terms.step);
    if steps.is_empty() {
        texts.push("undone then: nothing has a way back so far".to_owned());
    }
    texts.extend(steps.iter().take(STEPS_MAX).map(|step| undo(step)));
    let more = steps.len().saturating_sub(STEPS_MAX);
    if more > 0 {
        texts.push(format!("undone then: {more} more, as the runbook says"));
    }
    texts.push("to stop it: h before the next one, x the one that runs".to_owned());
    let mut out = vec![heading("-- rolls back by itself when --")];
    out.extend(texts.iter().map(|text| Line {
        mark: Mark::Terms,
        text: exact(text),
    }));
    out
}

fn when(rule: &MetricRule) -> String {
    let limit = rule.crit.map(|limit| limit.to_string()).unwrap_or_default();
    let span = match short_span(rule.hold_for) {
        _ if rule.hold_for.is_zero() => String::new(),
        span => format!(" for {span}"),
    };
    let samples = rule.samples.map(|n| format!(", {n} samples"));
    let samples = samples.unwrap_or_default();
    format!("guard {}: {} {limit}{span}{samples}", rule.id, rule.title)
}

fn undo(step: &PlanStep) -> String {
    let script = step.undo.as_ref().and_then(|undo| undo.argv.last());
    let script = script.map(|script| script.trim()).unwrap_or_default();
    format!("undone then: {} {}: {script}", step.number, step.title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RuleId;
    use crate::domain::runbook::plan::ExecRole;
    use crate::domain::threshold::{OnBreach, SampleCount};
    use crate::ui::fixtures::Story;
    use std::sync::Arc;

    fn texts(change: impl Fn(&mut MetricRule)) -> Vec<String> {
        let mut room = Story::proposed("bob").room;
        let mut genesis = (*room.state.genesis).clone();
        change(&mut genesis.plan.rules[0]);
        for step in &mut genesis.plan.steps {
            let from = step.blocks.iter().find_map(|block| match block {
                crate::domain::runbook::plan::PlanBlock::Exec(exec) => Some(exec.clone()),
                crate::domain::runbook::plan::PlanBlock::Gate(_) => None,
            });
            if let Some(mut undo) = from.filter(|_| step.undo.is_none()) {
                undo.role = ExecRole::Undo;
                undo.argv = vec![
                    "sh".to_owned(),
                    "-euc".to_owned(),
                    "put-it-back\n".to_owned(),
                ];
                step.undo = Some(undo);
            }
        }
        room.state.genesis = Arc::new(genesis);
        let proposal = room.state.proposal.clone().expect("open");
        let rows = lines(&room.state, &proposal);
        rows.iter()
            .map(|row| row.text.as_str().to_owned())
            .collect()
    }

    #[test]
    fn what_goes_back_by_itself_is_read_before_it_is_agreed_to() {
        let texts = texts(|rule| {
            rule.id = RuleId::new("error-ratio").expect("valid");
            rule.on_breach = OnBreach::Rollback;
            rule.samples = Some(SampleCount { of: 2, last: 3 });
        });
        assert_eq!(texts[0], "-- rolls back by itself when --");
        assert!(texts[1].starts_with("guard error-ratio: "), "{texts:?}");
        assert!(texts[1].ends_with("for 10s, 2/3 samples"), "{texts:?}");
        let undone: Vec<&String> = texts
            .iter()
            .filter(|t| t.starts_with("undone then: "))
            .collect();
        // The step in question is undone first, then what was done before it.
        assert!(
            undone[0].ends_with("drainctl restore rack-07"),
            "{undone:?}"
        );
        assert!(
            undone[1..].iter().all(|t| t.ends_with("put-it-back")),
            "{undone:?}"
        );
        assert!(undone.len() > 1, "{undone:?}");
        assert!(
            texts.last().expect("some").starts_with("to stop it: h"),
            "{texts:?}"
        );
    }

    #[test]
    fn where_nothing_goes_back_by_itself_nothing_is_said() {
        assert!(texts(|_| {}).is_empty());
        let dry = texts(|rule| {
            rule.on_breach = OnBreach::Rollback;
            rule.dry_run = true;
        });
        assert!(dry.is_empty(), "{dry:?}");
    }
}
