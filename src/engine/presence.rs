//! Who is at which terminal.

use super::input::{Input, Proposal};
use crate::domain::fact::{Actor, Fact};
use crate::domain::id::TerminalId;
use crate::domain::state::State;

/// Facts of somebody who comes, goes, or says with a key who they are; nothing for any other input.
pub(super) fn facts(state: &State, input: &Input) -> Proposal {
    match input {
        Input::Attached {
            actor,
            terminal,
            read_only,
        } => Proposal::of(actor, Ok(vec![attached(*terminal, *read_only)])),
        Input::SignedIn {
            terminal,
            actor,
            signer,
            read_only,
            signed,
        } => {
            let mut facts = vec![(signer.clone(), Fact::StatementSigned(signed.clone()))];
            facts.extend(conflict(*terminal, actor, signer));
            facts.push((actor.clone(), attached(*terminal, *read_only)));
            Proposal {
                facts,
                ..Proposal::default()
            }
        }
        Input::Detached { terminal } => {
            let terminal = *terminal;
            let known = state.terminals.get(&terminal);
            known.map_or_else(Proposal::default, |t| {
                Proposal::of(&t.actor, Ok(vec![Fact::Detached { terminal }]))
            })
        }
        _ => Proposal::default(),
    }
}

const fn attached(terminal: TerminalId, read_only: bool) -> Fact {
    Fact::Attached {
        terminal,
        read_only,
    }
}

/// Two people at one terminal, which everybody may see.
fn conflict(terminal: TerminalId, actor: &Actor, signer: &Actor) -> Option<(Actor, Fact)> {
    let (account, key) = (actor.person()?, signer.person()?);
    let fact = Fact::IdentityConflict {
        terminal,
        account: account.clone(),
        key: key.clone(),
    };
    (account != key).then_some((Actor::Engine, fact))
}
