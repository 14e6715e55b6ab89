//! Accepts connections: the kernel says who the peer is, and limits keep one account from taking all places.

use super::connection::{self, Peer};
use super::input::Incoming;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Pause after an error of `accept`, such as no free file descriptor: trying at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Accepts until `shutdown`; each connection gets a task of its own.
pub(crate) async fn accept_all(
    listener: UnixListener,
    inputs: mpsc::Sender<Incoming>,
    shutdown: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => take(stream, &inputs),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn take(stream: UnixStream, inputs: &mpsc::Sender<Incoming>) {
    match stream.peer_cred() {
        Ok(credentials) => {
            let peer = Peer {
                uid: credentials.uid(),
            };
            tokio::spawn(connection::serve(stream, peer, inputs.clone()));
        }
        Err(error) => tracing::warn!(%error, "a peer without credentials was dropped"),
    }
}
