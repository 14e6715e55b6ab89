//! Keys of the terminal: one thread that sleeps until there is something to read.
//!
//! The event stream of the terminal library asks for its lock, which its own thread holds, at every turn of the loop,
//! and yields the processor several times before it gives up: half of what an idle second costs, and late on a busy
//! host.

use crossterm::event::{self, Event};
use std::io;
use std::thread;
use tokio::sync::mpsc;

/// Events that may wait for the screen; behind them they wait in the terminal.
const EVENTS_MAX: usize = 256;

/// Reads the terminal until nobody listens. After an error nothing more comes.
///
/// # Errors
/// When the thread cannot be made.
pub(super) fn listen() -> io::Result<mpsc::Receiver<io::Result<Event>>> {
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
