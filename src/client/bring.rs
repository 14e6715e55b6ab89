//! Brings a signature that was made on another machine into a session.

use super::link::{self, Introduction, LinkError, Target, read_snapshot};
use crate::domain::command::{Command, Evidence, Refusal};
use crate::domain::confirm::statement::confirm_statement;
use crate::domain::id::{PersonId, StepId};
use crate::wire::message::{ToClient, ToServer};
use std::time::Duration;

/// Longest wait for the answer: the people file is read first, and the journal written.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brought {
    /// It counts.
    Counted {
        /// The step.
        step: StepId,
        /// Who signed.
        signer: PersonId,
    },
    /// It does not.
    Refused(Refusal),
}

fn refused(reason: &str, hint: &str) -> Brought {
    Brought::Refused(Refusal {
        reason: reason.to_owned(),
        hint: hint.to_owned(),
    })
}

/// Confirms the open proposal with a signature. `signer`: who made it; absent: whoever is attached here.
///
/// # Errors
/// [`LinkError`] when there is no way to the session.
pub async fn confirm(
    target: &Target,
    introduction: &Introduction,
    signer: Option<PersonId>,
    armour: String,
) -> Result<Brought, LinkError> {
    let mut connection = link::connect(target, introduction).await?;
    let snapshot = read_snapshot(&mut connection.reader).await?;
    let state = snapshot.state;
    let Some(signer) = signer.or_else(|| connection.welcome.you.person().cloned()) else {
        return Ok(refused(
            "nobody is known to have signed it",
            "name them with `--signer`",
        ));
    };
    let open = state.proposal.as_ref();
    // The other machine was given the statement that names the proposal's own record as the newest one seen.
    let made = open.and_then(|open| confirm_statement(&state, open, &signer, open.proposed?));
    let (Some(open), Some(Ok(statement))) = (open, made) else {
        return Ok(refused(
            "no proposal is open",
            "it may have ended: have it proposed again",
        ));
    };
    let step = open.terms.step.clone();
    let evidence = Evidence::Signature {
        armour,
        detached: true,
    };
    let command = Command::Confirm {
        statement,
        evidence,
    };
    let ask = ToServer::Ask { number: 1, command };
    connection.writer.send(&ask).await?;
    let answer = async {
        loop {
            match connection.reader.next::<ToClient>().await? {
                Some(ToClient::Reply { refused, .. }) => return Ok(refused),
                Some(_) => {}
                None => return Err(LinkError::Closed),
            }
        }
    };
    let answer = tokio::time::timeout(ANSWER_MAX, answer)
        .await
        .unwrap_or(Err(LinkError::Silent))?;
    Ok(answer.map_or(Brought::Counted { step, signer }, Brought::Refused))
}
