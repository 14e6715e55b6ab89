//! A go on its way to the engine: what would run is looked at again, and the other sessions of the host are told, for
//! what is armed and for nothing else, and for one go at a time.

use super::render::Purpose;
use super::session::{Session, Turn};
use crate::domain::command::{Command, Refusal};
use crate::domain::fact::Actor;
use crate::domain::id::TerminalId;
use crate::domain::world::Look;

impl Session {
    /// Somebody says go.
    pub(crate) fn go(
        &mut self,
        (terminal, number): (TerminalId, u64),
        connection: &Actor,
        command: Command,
        turn: &mut Turn,
    ) {
        if self.said.is_going() {
            return turn.refuse(terminal, number, under_way());
        }
        // What armed it may have come just before.
        self.catch_up();
        let (step, purpose) = match &command {
            Command::Go {
                step,
                attempt,
                signed,
            } if self.is_theirs(connection, &command) => {
                (step.clone(), Purpose::Go(*attempt, signed.clone()))
            }
            _ => {
                // Refused by what is known already; were it not, it would be for want of a look.
                self.world.look = Look::NotLooked;
                return self.ask_as_speaker((terminal, number), connection, command, turn);
            }
        };
        self.render(terminal, number, &step, purpose, turn);
    }

    /// True when this is armed, and whoever says go is who was named for it.
    fn is_theirs(&self, connection: &Actor, command: &Command) -> bool {
        let Command::Go { step, attempt, .. } = command else {
            return false;
        };
        let actor = self.speaker(connection, command).ok();
        let person = actor.as_ref().and_then(Actor::person);
        let open = self.engine.tentative().proposal.as_ref();
        open.is_some_and(|open| {
            let terms = &open.terms;
            let is_it = terms.step == *step && terms.attempt == *attempt && open.armed.is_some();
            is_it && person == Some(&terms.executor)
        })
    }
}

fn under_way() -> Refusal {
    Refusal {
        reason: "go was pressed already, and what would run is being looked at".to_owned(),
        hint: "what comes of it is shown in a moment".to_owned(),
    }
}
