//! The blast radius as a client keeps it: worked out once for each change of what it is made of, since a frame has less time
//! than a large CMDB takes.

use super::Room;
use crate::domain::board::Board;
use crate::domain::fact::Quote;
use crate::domain::id::RuleId;
use crate::domain::radius::{self, Given, Post, Radius, is_moved_by};
use crate::domain::reading::Reading;
use crate::domain::runbook::plan::Plan;
use crate::domain::scope::Claim;
use crate::domain::state::RuleState;
use crate::domain::threshold::Verdict;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The radius that was worked out last, with what it was made of.
#[derive(Debug, Default)]
pub struct Reach(Mutex<Option<Kept>>);

#[derive(Debug, Clone)]
struct Kept {
    radius: Arc<Radius>,
    basis: Basis,
}

/// What a radius is made of, except for the board.
#[derive(Debug, Clone, PartialEq)]
struct Basis {
    components: Vec<String>,
    depth: (Option<u8>, u8),
    rules: BTreeMap<RuleId, (Verdict, Option<Quote>)>,
    posts: Vec<Post>,
    others: Result<Vec<Claim>, String>,
}

impl Basis {
    fn is_of(&self, room: &Room) -> bool {
        let plan = room.state.plan();
        self.depth == (plan.radius_depth, room.around.depth)
            && self.components.iter().eq(named(plan))
            && self.rules.len() == room.state.rules.len()
            && self.rules.iter().zip(&room.state.rules).all(
                |((known, (verdict, quote)), (rule, said))| {
                    (known, verdict, quote) == (rule, &said.verdict, &said.quote)
                },
            )
            && self.posts.iter().eq(posts(room))
            && self.others == room.around.others
    }

    fn new(room: &Room) -> Self {
        let plan = room.state.plan();
        let said = |(rule, said): (&RuleId, &RuleState)| {
            (rule.clone(), (said.verdict, said.quote.clone()))
        };
        Self {
            components: named(plan).cloned().collect(),
            depth: (plan.radius_depth, room.around.depth),
            rules: room.state.rules.iter().map(said).collect(),
            posts: posts(room).cloned().collect(),
            others: room.around.others.clone(),
        }
    }
}

/// What a plan says of what it touches.
fn named(plan: &Plan) -> impl Iterator<Item = &String> {
    let of_steps = plan.steps.iter().filter_map(|step| step.component.as_ref());
    plan.components.iter().chain(of_steps)
}

fn posts(room: &Room) -> impl Iterator<Item = &Post> {
    room.posts.iter().chain(&room.around.posts)
}

impl Reach {
    /// Takes note of a reading before it is folded into the board.
    pub(super) fn hear(&mut self, board: &Board, reading: &Reading) {
        let kept = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if kept.is_some() && is_moved_by(board, reading) {
            *kept = None;
        }
    }

    /// The radius now.
    pub(super) fn now(&self, room: &Room) -> Arc<Radius> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_ref().filter(|kept| kept.basis.is_of(room)) {
            return Arc::clone(&kept.radius);
        }
        let basis = Basis::new(room);
        let radius = Arc::new(radius::of(&Given {
            plan: room.state.plan(),
            board: &room.board,
            rules: &room.state.rules,
            depth: room.around.depth,
            posts: &basis.posts,
            others: &basis.others,
        }));
        *kept = Some(Kept {
            radius: Arc::clone(&radius),
            basis,
        });
        radius
    }
}

impl Clone for Reach {
    /// Worked out anew by whom it is cloned for, who may change what it is made of.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Reach {
    /// It says nothing that the room does not say.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ConnectorName;
    use crate::domain::reading::Component;
    use crate::ui::fixtures::Story;

    fn told(names: &[&str]) -> Reading {
        let component = |name: &&str| Component {
            name: (*name).to_owned(),
            depends_on: vec!["db-orders".to_owned()],
            ..Component::default()
        };
        Reading::Components {
            source: ConnectorName::new("cmdb").expect("valid"),
            components: names.iter().map(component).collect(),
        }
    }

    #[test]
    fn it_is_worked_out_once_for_each_change() {
        let mut room = Story::running("bob").room;
        room.on_readings(vec![told(&["a"])]);
        let first = room.radius();
        assert!(Arc::ptr_eq(&first, &room.radius()), "nothing has changed");
        room.on_readings(vec![told(&["a"])]);
        assert!(
            Arc::ptr_eq(&first, &room.radius()),
            "the same was told again"
        );
        room.on_readings(vec![told(&["a", "b"])]);
        let second = room.radius();
        assert!(!Arc::ptr_eq(&first, &second));
        room.around.depth = 5;
        assert_eq!(room.radius().depth, 5);
        let what = "this terminal".to_owned();
        let hosts = vec!["a".to_owned()];
        room.posts.push(Post { what, hosts });
        assert!(
            room.radius()
                .posts
                .iter()
                .any(|p| p.what == "this terminal")
        );
        room.around.others = Err("the disk is full".to_owned());
        let doubts = room.radius().doubts.join("; ");
        assert!(doubts.contains("the disk is full"), "{doubts}");
        let third = room.radius();
        for said in room.state.rules.values_mut() {
            said.verdict = Verdict::Warn;
        }
        assert!(!Arc::ptr_eq(&third, &room.radius()), "a verdict is another");
    }

    #[test]
    fn who_answers_is_looked_up_once_for_each_change() {
        let mut room = Story::running("bob").room;
        let touched = ["db-orders".to_owned()];
        room.on_readings(vec![told(&["a"])]);
        let first = room.answering(&touched);
        assert!(Arc::ptr_eq(&first, &room.answering(&touched)));
        room.on_readings(vec![told(&["a"])]);
        assert!(Arc::ptr_eq(&first, &room.answering(&touched)));
        assert!(!Arc::ptr_eq(&first, &room.answering(&[])), "of others");
        let many: Vec<String> = (0..30).map(|n| format!("n{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        room.on_readings(vec![told(&many)]);
        let found = room.answering(&touched);
        assert!(found.over >= 10 && found.shown.len() == 21, "{found:?}");
    }
}
