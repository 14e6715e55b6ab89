//! A client that has greeted: is it let in, and as whom?

use super::clients::Client;
use super::connection::{Joining, describe};
use super::policy::PeopleSource;
use super::session::{Session, Turn};
use super::world::Waiting;
use crate::domain::fact::{Actor, Mode};
use crate::domain::id::PersonId;
use crate::wire::CONTRACT;
use crate::wire::message::{ToClient, Welcome};

/// Simulated people of a demo, in the order in which terminals become them.
const DEMO_PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

impl Session {
    /// Who may attach is judged by the people file as it is now.
    pub(crate) fn on_joining(&mut self, joining: Box<Joining>, turn: &mut Turn) {
        match &self.people {
            PeopleSource::File(_) => self.after_a_look(Waiting::Join(joining), turn),
            PeopleSource::Accounts { .. } | PeopleSource::Demo => self.join(*joining, turn),
        }
    }

    /// Lets a client in, or turns it away. Its terminal is recorded with the facts of this turn, behind the
    /// snapshot that is made here.
    pub(crate) fn join(&mut self, joining: Joining, turn: &mut Turn) {
        let Joining {
            peer,
            hello,
            queue,
            answer,
        } = joining;
        let genesis = &self.engine.state().genesis;
        if !self.policy.may_attach(peer.uid, genesis.server_uid) {
            let refused = ToClient::TurnedAway {
                contract: CONTRACT,
                reason: format!("uid {} is not on this session's list of people", peer.uid),
                hint: "ask the owner of the people file".to_owned(),
            };
            answer.send(Err(refused)).ok();
            return;
        }
        let simulated = hello
            .demo_person
            .clone()
            .or_else(|| self.next_demo_person(hello.is_terminal));
        let actor = self.policy.actor(&peer, simulated.as_ref(), genesis.mode);
        let read_only = hello.read_only || !self.may_act(&actor);
        let (name, mode) = (genesis.name.clone(), genesis.mode);
        let client = Client::new(
            actor.clone(),
            peer.uid,
            (read_only, hello.is_terminal),
            queue,
        );
        let terminal = self.registry.add(client);
        let who = describe(&actor);
        let welcome = ToClient::Welcome(Welcome {
            contract: CONTRACT,
            program: crate::PROGRAM.to_owned(),
            name,
            mode,
            terminal,
            policy: self.policy_view(&actor),
            you: actor,
            read_only,
        });
        self.start_over(terminal, &welcome);
        turn.has_joined = true;
        // The log wakes a thread of its own; it comes behind what the terminal waits for.
        let is_gone = answer.send(Ok(terminal)).is_err();
        tracing::info!(terminal = terminal.0, who, read_only, "attached");
        if is_gone {
            self.registry.remove(terminal);
        }
    }

    /// In a demo each further terminal is another person, so that a newcomer can be two with two terminals.
    fn next_demo_person(&self, is_terminal: bool) -> Option<PersonId> {
        let is_demo = self.engine.state().genesis.mode == Mode::Demo;
        DEMO_PEOPLE
            .iter()
            .filter(|_| is_demo && is_terminal)
            .filter_map(|name| PersonId::new(name).ok())
            .find(|person| !self.registry.has(person))
    }

    /// An observer's connection has no verbs at all; accounts that are nobody may do what needs no person.
    pub(super) fn may_act(&self, actor: &Actor) -> bool {
        actor
            .person()
            .is_none_or(|person| self.world.roster.roles(person).may_act())
    }
}
