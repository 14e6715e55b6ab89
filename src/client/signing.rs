//! Signatures by the agent on this person's own machine.

use crate::domain::command::Refusal;
use crate::domain::confirm::statement::Kind;
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use crate::evidence::agent::{Agent, AgentFault, Pick, pick};
use crate::evidence::key::{Key, Listed};
use crate::wire::policy::KeyView;
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

fn agent_fault(fault: &AgentFault) -> Refusal {
    let cause = fault.source().map(|cause| format!(": {cause}"));
    Refusal {
        reason: format!("{fault}{}", cause.unwrap_or_default()),
        hint: fault.hint().to_owned(),
    }
}

/// Has a statement signed by a key that is listed for this person. Of several that could, a security key goes first.
///
/// # Errors
/// In words for the person: why there is no signature, and what to do.
pub(crate) async fn sign(
    agent: Result<Agent, AgentFault>,
    keys: &[KeyView],
    person: &PersonId,
    statement: &str,
    now: Timestamp,
) -> Result<String, Refusal> {
    let namespace = Kind::of(statement).map_or("", Kind::namespace);
    let agent = agent.map_err(|fault| agent_fault(&fault))?;
    let held = agent.held().await.map_err(|fault| agent_fault(&fault))?;
    let listed = listed(keys);
    let picked = pick(&held, &listed, person, namespace, now).map_err(|none| Refusal {
        reason: none.to_string(),
        hint: none.hint().to_owned(),
    })?;
    let key = match &picked {
        Pick::One(one) => Some(*one),
        Pick::Several(several) => several
            .iter()
            .find(|entry| entry.key.kind().is_security_key())
            .or(several.first())
            .copied(),
    };
    let Some(entry) = key else {
        return Err(Refusal {
            reason: "no key can sign this".to_owned(),
            hint: String::new(),
        });
    };
    agent
        .sign(&entry.key, namespace, statement.as_bytes())
        .await
        .map_err(|fault| agent_fault(&fault))
}

/// There was no signature in time.
pub(crate) fn too_late(span: Duration) -> Refusal {
    Refusal {
        reason: format!("the ssh-agent has not signed within {} s", span.as_secs()),
        hint: String::new(),
    }
}

/// The person of the first listed key that the agent holds.
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
    held.keys
        .iter()
        .find_map(|held| listed.iter().find(|entry| entry.key == held.key))
        .map(|entry| entry.person.clone())
        .ok_or_else(|| Refusal {
            reason: "the ssh-agent holds no key that is listed for anybody here".to_owned(),
            hint: "`warroom people enroll` prints the line to review and add".to_owned(),
        })
}
