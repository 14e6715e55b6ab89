//! How the work goes on whose silence is withheld: what a person can choose from.

use super::open;
use crate::domain::command::{Command, SilenceWish};
use crate::domain::silences::{label_of, preview, withheld, writers_of};
use crate::domain::write::Lifetime;
use crate::ui::layers::{Layer, Outcome, Prompt, Purpose};
use crate::ui::room::Room;
use std::collections::BTreeSet;

/// Three answers for each silence that is withheld; the one to narrow it is there when there is something inside to narrow
/// it to.
pub(super) fn items(room: &Room) -> Vec<(String, Outcome)> {
    withheld(&room.state)
        .flat_map(|said| of_one(room, &said.lifetime))
        .collect()
}

fn of_one(room: &Room, lifetime: &Lifetime) -> Vec<(String, Outcome)> {
    let label = label_of(room.state.plan(), lifetime);
    let ask = |wish| {
        let lifetime = lifetime.clone();
        Outcome::Send(Command::Silence { lifetime, wish })
    };
    let mut items = Vec::new();
    let alerts = inside(room, lifetime);
    if !alerts.is_empty() {
        let line = format!("narrow it: mute only {} ({label})", alerts.join(", "));
        let reason = String::new();
        items.push((line, ask(SilenceWish::Narrow { alerts, reason })));
    }
    items.push((format!("try it again ({label})"), ask(SilenceWish::Again)));
    let prompt = Prompt::new(
        Purpose::Without(lifetime.clone()),
        format!("go on without the silence for {label}. why?"),
    );
    let without = open(Layer::Prompt(prompt));
    items.push((format!("go on without it ({label})"), without));
    items
}

/// Names of alerts that are about the targets alone, and about nothing else by the same name.
fn inside(room: &Room, lifetime: &Lifetime) -> Vec<String> {
    let (plan, board) = (room.state.plan(), &room.board);
    let writers = writers_of(board);
    let Ok(found) = preview(plan, lifetime, &[], board, &writers) else {
        return Vec::new();
    };
    let names: BTreeSet<String> = found.each.into_iter().flat_map(|one| one.narrow).collect();
    names.into_iter().collect()
}
