//! Accepts connections: the kernel says who the peer is, and limits keep one account from taking all places.

use super::connection;
use super::input::Incoming;
use crate::wire::CONTRACT;
use crate::wire::codec;
use crate::wire::message::ToClient;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections at a time, greeted or not (`TWO_PERSON` 8.1).
const CONNECTIONS_MAX: usize = 64;
/// Connections of one account (`TWO_PERSON` 8.1).
const CONNECTIONS_PER_UID_MAX: usize = 8;
/// Connections of the server's own account. It could end the server anyway, so the limit only keeps places for
/// others: `ls`, `status` and every terminal of a session under a shared account count here.
const CONNECTIONS_OWN_MAX: usize = 40;
/// Pause after an error of `accept`, such as no free file descriptor: trying at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Where connections go.
#[derive(Debug, Clone)]
pub(crate) struct Reception {
    /// To the session task.
    pub(crate) inputs: mpsc::Sender<Incoming>,
    /// Tasks of connections.
    pub(crate) tasks: TaskTracker,
    /// Cuts connections off.
    pub(crate) ended: CancellationToken,
    places: Arc<Places>,
}

impl Reception {
    /// A reception with all places free.
    pub(crate) fn new(inputs: mpsc::Sender<Incoming>) -> Self {
        Self {
            inputs,
            tasks: TaskTracker::new(),
            ended: CancellationToken::new(),
            places: Arc::new(Places {
                own: rustix::process::geteuid().as_raw(),
                taken: Mutex::default(),
            }),
        }
    }

    /// Accepts until `shutdown`; each connection gets a task of its own.
    pub(crate) async fn accept_all(self, listener: UnixListener, shutdown: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) => self.take(stream),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn take(&self, stream: UnixStream) {
        let uid = match stream.peer_cred() {
            Ok(credentials) => credentials.uid(),
            Err(error) => {
                tracing::warn!(%error, "a peer without credentials was dropped");
                return;
            }
        };
        match Places::take(&self.places, uid) {
            Ok(place) => {
                let (inputs, ended) = (self.inputs.clone(), self.ended.clone());
                self.tasks
                    .spawn(connection::serve(stream, uid, place, inputs, ended));
            }
            Err(reason) => {
                tracing::warn!(uid, reason, "a connection was turned away");
                turn_away(stream, reason);
            }
        }
    }
}

/// Says why and hangs up, without a task and without waiting: a new socket has room for one short frame.
fn turn_away(stream: UnixStream, reason: String) {
    let message = ToClient::TurnedAway {
        contract: CONTRACT,
        reason,
        hint: "detach a terminal that is not needed, then try again".to_owned(),
    };
    if let (Ok(frame), Ok(mut stream)) = (codec::encode(&message), stream.into_std()) {
        let length = u32::try_from(frame.len()).unwrap_or(0).to_be_bytes();
        stream.write_all(&[&length, frame.as_ref()].concat()).ok();
    }
}

/// Places for connections.
#[derive(Debug)]
struct Places {
    own: u32,
    taken: Mutex<BTreeMap<u32, usize>>,
}

/// A place of one connection; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    uid: u32,
}

impl Places {
    fn take(places: &Arc<Self>, uid: u32) -> Result<Place, String> {
        let mut taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) = (
            taken.values().sum::<usize>(),
            taken.get(&uid).copied().unwrap_or(0),
        );
        let limit = if uid == places.own {
            CONNECTIONS_OWN_MAX
        } else {
            CONNECTIONS_PER_UID_MAX
        };
        if all >= CONNECTIONS_MAX {
            return Err(format!("{CONNECTIONS_MAX} clients are attached already"));
        }
        if own >= limit {
            return Err(format!("{limit} clients of uid {uid} are attached already"));
        }
        taken.insert(uid, own + 1);
        Ok(Place {
            places: Arc::clone(places),
            uid,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self
            .places
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.uid) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.uid)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_cannot_take_the_places_of_others() {
        let places = Arc::new(Places {
            own: 1000,
            taken: Mutex::default(),
        });
        let take = |uid, count| -> Vec<Place> {
            (0..count)
                .map(|_| Places::take(&places, uid).expect("free"))
                .collect()
        };
        let own = take(1000, CONNECTIONS_OWN_MAX);
        let mut others = take(1, CONNECTIONS_PER_UID_MAX);
        let full = Places::take(&places, 1).expect_err("full");
        assert_eq!(full, "8 clients of uid 1 are attached already");
        others.pop();
        others.push(Places::take(&places, 1).expect("free again"));
        others.extend(take(2, CONNECTIONS_PER_UID_MAX));
        others.extend(take(3, CONNECTIONS_PER_UID_MAX));
        let full = Places::take(&places, 4).expect_err("full");
        assert_eq!(full, "64 clients are attached already");
        drop(own);
        assert!(Places::take(&places, 4).is_ok());
    }
}
