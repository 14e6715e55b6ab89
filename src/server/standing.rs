//! What the policy read just now means for this session: roles, rules, keys; and what each client is told of it.

use super::policy::Policy;
use super::session::Session;
use crate::domain::confirm::people::{People, Role};
use crate::domain::fact::{Actor, Mode};
use crate::domain::id::{PersonId, TerminalId};
use crate::domain::runbook::plan::Risk;
use crate::domain::time::Timestamp;
use crate::domain::world::World;
use crate::evidence::key::Listed;
use crate::wire::message::ToClient;
use crate::wire::policy::{ALONE_MAX, KEYS_MAX, KeyView, PolicyView};

/// Every class of step.
const CLASSES: [Risk; 4] = [
    Risk::Read,
    Risk::Change,
    Risk::Destructive,
    Risk::Irreversible,
];

/// Accounts of others that are named to somebody whose account is nobody's: enough to see what such a line looks like.
const ACCOUNTS_SHOWN: usize = 4;

/// True for a key that speaks for its person now.
fn is_good(policy: &Policy, listed: &Listed, now: Timestamp) -> bool {
    let in_time = listed.valid_after.is_none_or(|from| from <= now)
        && listed.valid_before.is_none_or(|until| now <= until);
    in_time && !policy.revoked.has_key(listed.blob()) && !policy.revoked.has_person(&listed.person)
}

/// Brings roles, rules and keys in line with a policy. `owner`: the person of the account this runs in where accounts
/// are people; a people file knows better.
pub(crate) fn apply(world: &mut World, policy: &Policy, owner: Option<&PersonId>, now: Timestamp) {
    let uid = rustix::process::geteuid().as_raw();
    let listed = policy.people().map(|people| people.person_of_uid(uid));
    world.roster = policy.roster();
    world.rules = std::sync::Arc::clone(&policy.rules);
    world.owner = match listed {
        Some(person) => person.map(|person| person.id.clone()),
        None => owner.cloned(),
    };
    let good = policy
        .signers
        .iter()
        .filter(|key| is_good(policy, key, now));
    world.keys = good
        .map(|key| (key.fingerprint(), key.person.clone()))
        .collect();
}

/// The policy as one connection is told of it.
pub(crate) fn view(
    world: &World,
    policy: &Policy,
    mode: Mode,
    you: &Actor,
    now: Timestamp,
) -> PolicyView {
    let is_owned = world.owner.is_some();
    let person = you.person();
    // Who is nobody yet may be anybody on the list: public keys are no secret.
    let mine = |key: &&Listed| person.is_none_or(|id| *id == key.person);
    let keys = policy.signers.iter().filter(mine);
    let keys = keys.filter(|key| is_good(policy, key, now)).take(KEYS_MAX);
    PolicyView {
        no_people: policy.people().is_none() && mode != Mode::Demo,
        breakglass: person.is_some_and(|id| world.roster.roles(id).breakglass),
        alone: world
            .roster
            .people()
            .into_iter()
            .flatten()
            .filter(|(_, roles)| roles.contains(&Role::Breakglass))
            .map(|(id, _)| id.clone())
            .take(ALONE_MAX)
            .collect(),
        observes: person.is_some_and(|id| !world.roster.roles(id).approver),
        classes: CLASSES
            .into_iter()
            .map(|risk| (risk, world.rules.rule_for(risk, mode, is_owned)))
            .collect(),
        is_owner: person.is_some_and(|id| world.is_owner(id)),
        keys: keys
            .map(|key| KeyView {
                person: key.person.clone(),
                blob: key.blob().to_vec(),
                namespaces: key.namespaces.iter().cloned().collect(),
                valid_after: key.valid_after,
                valid_before: key.valid_before,
            })
            .collect(),
        codes: false,
        nobody: match you {
            Actor::Account { uid } => nobody_words(policy.people(), *uid),
            Actor::Person { .. } | Actor::Engine => String::new(),
        },
    }
}

/// Why an account is nobody's, and what would make it somebody's.
fn nobody_words(people: Option<&People>, uid: u32) -> String {
    let Some(people) = people.filter(|_| uid != 0) else {
        return format!("uid {uid} is nobody: whoever may become it would be that person");
    };
    if people.is_shared(uid) {
        return format!("uid {uid} stands in `[shared]` of the people file: it is several people");
    }
    let mut listed: Vec<String> = people
        .iter()
        .flat_map(|person| {
            person
                .uids
                .iter()
                .map(move |uid| format!("{} {uid}", person.id))
        })
        .collect();
    let more = listed.len().saturating_sub(ACCOUNTS_SHOWN);
    listed.truncate(ACCOUNTS_SHOWN);
    if more > 0 {
        listed.push(format!("{more} more"));
    }
    format!(
        "no `uids` line has uid {uid} ({}); `warroom people enroll` prints the line to review and add",
        listed.join(", ")
    )
}

impl Session {
    /// Takes the policy that was read just now, and tells everybody whom it concerns.
    pub(crate) fn take_policy(&mut self) {
        let now = self.clock.now().wall;
        apply(&mut self.world, &self.policy, self.owner.as_ref(), now);
        self.tell_policy();
    }

    /// The policy as this actor is told of it.
    pub(crate) fn policy_view(&self, you: &Actor) -> PolicyView {
        let mode = self.engine.state().genesis.mode;
        let now = self.clock.now().wall;
        let mut view = view(&self.world, &self.policy, mode, you, now);
        view.codes = match (you.person(), self.policy.people()) {
            (Some(id), _) => self.takes_codes_of(id),
            (None, Some(people)) => people.iter().any(|person| self.takes_codes_of(&person.id)),
            (None, None) => false,
        };
        view
    }

    /// Tells every client whose part of the policy is another one now.
    pub(crate) fn tell_policy(&mut self) {
        let terminals: Vec<(TerminalId, Actor, bool)> = self
            .registry
            .terminals()
            .map(|(terminal, client)| (terminal, client.actor.clone(), client.read_only))
            .collect();
        for (terminal, you, read_only) in terminals {
            let policy = self.policy_view(&you);
            if self.registry.is_told(terminal, &policy) {
                continue;
            }
            let message = ToClient::Policy {
                you,
                read_only,
                policy,
            };
            self.registry.send(terminal, &message);
        }
    }
}
