//! One question to a session, without a terminal: its state, or its end.

use super::link::{self, Introduction, LinkError, Target, read_snapshot};
use crate::wire::message::{Snapshot, ToClient, ToServer, Welcome};
use crate::wire::place::{self, PlaceError};
use std::time::Duration;

/// Longest wait for a server that was told to end: its running commands have a grace of their own.
const END_MAX: Duration = Duration::from_secs(20);

/// Longest wait for the end of a server that has said goodbye: its connectors have a second each, all at once.
const GONE_MAX: Duration = Duration::from_secs(3);
/// How often the socket is looked for meanwhile.
const GONE_EVERY: Duration = Duration::from_millis(10);

/// A session as it stands now.
#[derive(Debug)]
pub struct Seen {
    /// Who the server takes us for.
    pub welcome: Welcome,
    /// Its state and newest readings.
    pub snapshot: Snapshot,
}

/// Asks for the state.
///
/// # Errors
/// [`LinkError`].
pub async fn snapshot(target: &Target, introduction: &Introduction) -> Result<Seen, LinkError> {
    let mut connection = link::connect(target, introduction).await?;
    let snapshot = read_snapshot(&mut connection.reader).await?;
    Ok(Seen {
        welcome: connection.welcome,
        snapshot,
    })
}

/// Tells the server to end and waits for its goodbye, which is returned.
///
/// # Errors
/// [`LinkError`]; [`LinkError::TurnedAway`] when this account may only look.
pub async fn shut_down(target: &Target) -> Result<String, LinkError> {
    let mut connection = link::connect(target, &Introduction::default()).await?;
    if connection.welcome.read_only {
        let reason = "you may only look at this session".to_owned();
        return Err(LinkError::TurnedAway {
            reason,
            hint: "ask one of its operators".to_owned(),
        });
    }
    read_snapshot(&mut connection.reader).await?;
    let message = ToServer::Shutdown {
        reason: "told to end by `kill-session`".to_owned(),
    };
    connection.writer.send(&message).await?;
    let goodbye = async {
        loop {
            match connection.reader.next::<ToClient>().await {
                Ok(Some(ToClient::Bye { reason })) => return Ok(reason),
                Ok(Some(_)) => {}
                // The server may be gone before its goodbye has left.
                Ok(None) | Err(_) => return Ok("the session server ended".to_owned()),
            }
        }
    };
    let reason = tokio::time::timeout(END_MAX, goodbye)
        .await
        .unwrap_or(Err(LinkError::Silent))?;
    tokio::time::timeout(GONE_MAX, until_gone(target))
        .await
        .ok();
    Ok(reason)
}

/// Waits until the server has taken its socket away, which it does last: who starts another one then finds the
/// session free.
async fn until_gone(target: &Target) {
    let Target::Local { name, runtime_dirs } = target else {
        return;
    };
    let me = rustix::process::geteuid().as_raw();
    while !matches!(
        place::find(name, runtime_dirs, me),
        Err(PlaceError::NotFound { .. })
    ) {
        tokio::time::sleep(GONE_EVERY).await;
    }
}
