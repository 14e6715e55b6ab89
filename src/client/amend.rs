//! A changed runbook, asked about and moved without a screen.

use super::link::{self, Introduction, LinkError, Reader, Target, read_snapshot};
use crate::domain::command::{Command, Refusal};
use crate::domain::motion::Motion;
use crate::wire::amendment::Preview;
use crate::wire::message::{ToClient, ToServer};
use std::time::Duration;

/// Longest wait for an answer: a server reads the runbook and asks a CMDB and Git, twice.
const ANSWER_MAX: Duration = Duration::from_secs(120);
/// Number of the question what has changed.
const READ: u64 = 1;
/// Number of the motion.
const MOVE: u64 = 2;

/// What became of it.
#[derive(Debug)]
pub enum Moved {
    /// The runbook could not be read, or there is something wrong with it.
    Unread(Refusal),
    /// This is what has changed; nothing was moved.
    Seen(Box<Preview>),
    /// It is moved, and waits for a second person.
    Made(Box<Preview>),
    /// This is what has changed, and it was not moved.
    Refused(Box<Preview>, Refusal),
}

/// Asks what has changed and, with a reason, moves to take it over.
///
/// # Errors
/// [`LinkError`].
pub async fn amend(target: &Target, reason: Option<&str>) -> Result<Moved, LinkError> {
    let mut connection = link::connect(target, &Introduction::default()).await?;
    read_snapshot(&mut connection.reader).await?;
    let asked = async {
        connection
            .writer
            .send(&ToServer::ReadRunbook { number: READ })
            .await?;
        let mut preview = None;
        loop {
            match connection.reader.next::<ToClient>().await? {
                Some(ToClient::Amendment(found)) => preview = Some(found),
                Some(ToClient::Reply {
                    number: READ,
                    refused,
                }) => {
                    let preview = match (refused, preview.take()) {
                        (Some(refusal), _) => return Ok(Moved::Unread(refusal)),
                        (None, Some(preview)) => preview,
                        (None, None) => return Err(LinkError::Closed),
                    };
                    let is_good = preview.against.is_empty() && !preview.is_pinned;
                    let Some(reason) = reason.filter(|_| is_good) else {
                        return Ok(Moved::Seen(preview));
                    };
                    let command = Command::Move {
                        what: Motion::Amend {
                            from: preview.from,
                            to: preview.to,
                        },
                        reason: reason.to_owned(),
                        signed: None,
                    };
                    let ask = ToServer::Ask {
                        number: MOVE,
                        command,
                    };
                    connection.writer.send(&ask).await?;
                    return Ok(match answer(&mut connection.reader).await? {
                        None => Moved::Made(preview),
                        Some(refusal) => Moved::Refused(preview, refusal),
                    });
                }
                Some(_) => {}
                None => return Err(LinkError::Closed),
            }
        }
    };
    let answered = tokio::time::timeout(ANSWER_MAX, asked).await;
    answered.unwrap_or(Err(LinkError::Silent))
}

/// The answer to the motion; what else is told meanwhile concerns screens.
async fn answer(reader: &mut Reader) -> Result<Option<Refusal>, LinkError> {
    loop {
        match reader.next::<ToClient>().await? {
            Some(ToClient::Reply {
                number: MOVE,
                refused,
            }) => return Ok(refused),
            Some(_) => {}
            None => return Err(LinkError::Closed),
        }
    }
}
