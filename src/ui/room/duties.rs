//! Who answers for the touched components and what needs them, as a client keeps it: looked up once for each change of CMDB,
//! pager or what is touched, since every component of a CMDB has to be gone through for it.

use super::Room;
use crate::domain::board::Board;
use crate::domain::on_call::{Because, Part, for_touched};
use crate::domain::radius::is_moved_by;
use crate::domain::reading::{Component, OnCall, Reading};
use std::sync::{Arc, Mutex, PoisonError};

/// Components that need a touched one and are shown; the rest is counted.
const DEPENDANTS_SHOWN: usize = 20;

/// Who answers for one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// Its name.
    pub component: String,
    /// The touched one that it needs; absent when it is touched itself.
    pub needs: Option<String>,
    /// A CMDB knows it.
    pub is_in_cmdb: bool,
    /// Who answers, and by which rule.
    pub answering: Vec<(OnCall, Because)>,
}

/// Everybody who is on call, by what they answer for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Duties {
    /// Touched components, and the first that need one of them.
    pub shown: Vec<Duty>,
    /// How many more need one.
    pub over: usize,
    /// Those who answer for none of all these.
    pub others: Vec<OnCall>,
}

/// What was looked up last, and for which components.
#[derive(Debug, Default)]
pub struct Answerers(Mutex<Option<(Vec<String>, Arc<Duties>)>>);

impl Answerers {
    /// Takes note of a reading before it is folded into the board.
    pub(super) fn hear(&mut self, board: &Board, reading: &Reading) {
        let kept = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let is_of_it = matches!(
            reading,
            Reading::Components { .. } | Reading::OnCalls { .. }
        );
        if kept.is_some() && is_of_it && is_moved_by(board, reading) {
            *kept = None;
        }
    }

    /// Who answers now.
    pub(super) fn now(&self, room: &Room, touched: &[String]) -> Arc<Duties> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, duties)) = kept.as_ref().filter(|(of, _)| of == touched) {
            return Arc::clone(duties);
        }
        let duties = Arc::new(look_up(&room.board, touched));
        *kept = Some((touched.to_vec(), Arc::clone(&duties)));
        duties
    }
}

impl Clone for Answerers {
    /// Looked up anew by whom it is cloned for, who may change the board.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Answerers {
    /// It says nothing that the room does not say.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

fn look_up(board: &Board, touched: &[String]) -> Duties {
    let on_calls: Vec<&OnCall> = board.on_calls.values().flatten().collect();
    let components: Vec<&Component> = board.components.values().collect();
    let duties = for_touched(touched, &components, &on_calls);
    let is_named = |on_call: &OnCall| {
        let mut answering = duties.iter().flat_map(|duty| &duty.answering);
        answering.any(|answering| answering.on_call == on_call)
    };
    let others = on_calls.iter().filter(|on_call| !is_named(on_call));
    let others = others.map(|on_call| (*on_call).clone()).collect();
    let (mut shown, mut needing) = (Vec::new(), 0_usize);
    for duty in &duties {
        let needs = match duty.part {
            Part::Touched => None,
            Part::Needs(name) => Some(name.to_owned()),
        };
        needing = needing.saturating_add(usize::from(needs.is_some()));
        if needs.is_some() && needing > DEPENDANTS_SHOWN {
            continue;
        }
        let answering = duty.answering.iter();
        shown.push(Duty {
            component: duty.component.to_owned(),
            needs,
            is_in_cmdb: duty.is_in_cmdb,
            answering: answering
                .map(|one| (one.on_call.clone(), one.because.clone()))
                .collect(),
        });
    }
    Duties {
        shown,
        over: needing.saturating_sub(DEPENDANTS_SHOWN),
        others,
    }
}
