//! Commands of a step on the clipboard.

use super::Work;
use crate::domain::runbook::plan::PlanBlock;
use crate::ui::Request;
use crate::ui::unseen;

/// Copies the commands of the selected step, unless they are hidden from this person.
pub(super) fn commands(work: &mut Work<'_>) {
    if work
        .room
        .is_some_and(|room| unseen::is_hidden(room, work.model.step))
    {
        return work.say(unseen::LATER);
    }
    let Some(view) = work.step() else { return };
    let commands: Vec<&str> = view
        .plan
        .blocks
        .iter()
        .filter_map(|block| match block {
            PlanBlock::Exec(exec) => exec.argv.last().map(String::as_str),
            PlanBlock::Gate(gate) => Some(gate.expr.as_str()),
        })
        .collect();
    if commands.is_empty() {
        work.say("this step has no commands to copy");
    } else {
        let text = commands.join("\n");
        work.requests.push(Request::Copy(text));
        work.say("copied, if this terminal allows it");
    }
}
