//! Signatures by the agent on this person's own machine.

use crate::domain::command::Refusal;
use crate::domain::confirm::statement::Kind;
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use crate::evidence::agent::{Agent, AgentFault, Pick, Usable, pick};
use crate::evidence::detached::Request;
use crate::evidence::key::{Key, Listed};
use crate::evidence::sshsig::may_sign;
use crate::ui::proof::Offer;
use crate::wire::policy::KeyView;
use std::collections::BTreeSet;
use std::error::Error as _;
use std::time::Duration;

/// The listed keys of a policy view. What is no key this program knows is left out: it could not sign either.
fn listed(keys: &[KeyView]) -> Vec<Listed> {
    keys.iter()
        .filter_map(|view| {
            Some(Listed {
                person: view.person.clone(),
                namespaces: view.namespaces.iter().cloned().collect(),
                valid_after: view.valid_after,
                valid_before: view.valid_before,
                key: Key::of_blob(&view.blob).ok()?,
                line: 0,
            })
        })
        .collect()
}

/// Who a statement says signs it.
pub(crate) fn signer_of(statement: &str) -> Option<PersonId> {
    let line = statement
        .lines()
        .find_map(|line| line.strip_prefix("signer: "))?;
    PersonId::new(line).ok()
}

/// What another machine needs to sign a statement, as text to copy, with the keys whose signature would count.
pub(crate) fn request(
    statement: &str,
    plan: Option<&str>,
    keys: &[KeyView],
    now: Timestamp,
) -> Option<String> {
    // A statement that names another plan, such as a draft's, goes without.
    let request = Request::new(statement, plan)
        .or_else(|_| Request::new(statement, None))
        .ok()?;
    let signer = signer_of(statement);
    let keys = listed(keys)
        .into_iter()
        .filter(|key| Some(&key.person) == signer.as_ref())
        .filter(|key| may_sign(key, request.namespace(), now).is_ok())
        .map(|key| key.fingerprint())
        .collect();
    Some(request.with_keys(keys).print())
}

fn agent_fault(fault: &AgentFault) -> Refusal {
    let cause = fault.source().map(|cause| format!(": {cause}"));
    Refusal {
        reason: format!("{fault}{}", cause.unwrap_or_default()),
        hint: fault.hint().to_owned(),
    }
}

/// What the agent had to say.
#[derive(Debug)]
pub(crate) enum Answered {
    /// The armoured signature.
    Signature(String),
    /// Several keys can sign: the person says which.
    Which(Vec<Offer>),
}

/// Has a statement signed by a key that is listed for this person. `chosen`: fingerprint of the one that was chosen
/// before, of several that can.
///
/// # Errors
/// In words for the person: why there is no signature, and what to do.
pub(crate) async fn sign(
    agent: Result<Agent, AgentFault>,
    keys: &[KeyView],
    person: &PersonId,
    statement: &str,
    chosen: Option<&str>,
    now: Timestamp,
) -> Result<Answered, Refusal> {
    let namespace = Kind::of(statement).map_or("", Kind::namespace);
    let agent = agent.map_err(|fault| agent_fault(&fault))?;
    let held = agent.held().await.map_err(|fault| agent_fault(&fault))?;
    let listed = listed(keys);
    let picked = pick(&held, &listed, person, namespace, now).map_err(|none| Refusal {
        reason: none.to_string(),
        hint: none.hint().to_owned(),
    })?;
    let entry = match picked {
        Pick::One(one) => one,
        Pick::Several(several) => {
            let before = several
                .iter()
                .find(|usable| chosen == Some(usable.listed.fingerprint().as_str()));
            match before {
                Some(usable) => usable.listed,
                None => return Ok(Answered::Which(several.iter().map(offer).collect())),
            }
        }
    };
    agent
        .sign(&entry.key, namespace, statement.as_bytes())
        .await
        .map(Answered::Signature)
        .map_err(|fault| agent_fault(&fault))
}

fn offer(usable: &Usable<'_>) -> Offer {
    let kind = usable.listed.key.kind();
    Offer {
        kind: kind.name(),
        key: usable.listed.fingerprint(),
        comment: usable.comment.to_owned(),
        is_security_key: kind.is_security_key(),
    }
}

/// There was no signature in time.
pub(crate) fn too_late(span: Duration) -> Refusal {
    Refusal {
        reason: format!("the ssh-agent has not signed within {} s", span.as_secs()),
        hint: String::new(),
    }
}

/// The person whose listed keys the agent holds. Of two people's keys none says who sits here.
///
/// # Errors
/// In words for the person.
pub(crate) async fn whose(
    agent: Result<Agent, AgentFault>,
    keys: &[KeyView],
) -> Result<PersonId, Refusal> {
    let agent = agent.map_err(|fault| agent_fault(&fault))?;
    let held = agent.held().await.map_err(|fault| agent_fault(&fault))?;
    let listed = listed(keys);
    let people: BTreeSet<&PersonId> = held
        .keys
        .iter()
        .filter_map(|held| listed.iter().find(|entry| entry.key == held.key))
        .map(|entry| &entry.person)
        .collect();
    let mut people = people.into_iter();
    match (people.next(), people.next()) {
        (Some(person), None) => Ok(person.clone()),
        (Some(one), Some(other)) => Err(Refusal {
            reason: format!("the ssh-agent holds keys of `{one}` and of `{other}`"),
            hint: "attach with an agent that holds the keys of one person: `--agent PATH`".to_owned(),
        }),
        (None, _) => Err(Refusal {
            reason: "the ssh-agent holds no key that is listed for anybody here".to_owned(),
            hint: "add a listed one with `ssh-add`; `warroom people enroll` prints the line for a new one, to be reviewed and added to the list of signers".to_owned(),
        }),
    }
}
