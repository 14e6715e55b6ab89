//! Keys of the terminal: one thread that sleeps until there is something to read.
//!
//! The event stream of the terminal library asks for its lock, which its own thread holds, at every turn of the loop,
//! and yields the processor several times before it gives up: half of what an idle second costs, and late on a busy
//! host.

use crossterm::event::{self, Event};
use std::io;
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Events that may wait for the screen; behind them they wait in the terminal.
const EVENTS_MAX: usize = 256;

/// When keys are listened to at the latest: a local session is on the screen long before, and the thread with its
/// memory would be made while the first frame is. What is typed earlier waits in the terminal.
const LATEST: Duration = Duration::from_millis(30);

/// Keys of the terminal.
#[derive(Debug)]
pub(super) struct Keys {
    latest: Instant,
    /// Absent until they are listened to.
    events: Option<mpsc::Receiver<io::Result<Event>>>,
}

impl Keys {
    /// Keys that are listened to with [`Self::listen`], or a moment from now.
    pub(super) fn soon() -> Self {
        Self {
            latest: Instant::now() + LATEST,
            events: None,
        }
    }

    /// Listens from now on, if not already.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub(super) fn listen(&mut self) -> io::Result<()> {
        if self.events.is_none() {
            self.events = Some(read_all()?);
        }
        Ok(())
    }

    /// The next key; nothing comes after an error. May be dropped and asked again at any time.
    pub(super) async fn next(&mut self) -> Option<io::Result<Event>> {
        loop {
            match &mut self.events {
                Some(events) => return events.recv().await,
                None => tokio::time::sleep_until(self.latest).await,
            }
            if let Err(error) = self.listen() {
                return Some(Err(error));
            }
        }
    }
}

/// Reads the terminal until nobody listens.
fn read_all() -> io::Result<mpsc::Receiver<io::Result<Event>>> {
    let (to_screen, events) = mpsc::channel(EVENTS_MAX);
    thread::Builder::new()
        .name("keys".to_owned())
        .spawn(move || {
            loop {
                let event = event::read();
                let is_over = event.is_err();
                // It ends with the process otherwise: a read of a terminal cannot be called off.
                if to_screen.blocking_send(event).is_err() || is_over {
                    return;
                }
            }
        })?;
    Ok(events)
}
