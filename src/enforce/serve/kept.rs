//! What the runner has written down of a way forward, for the judgement on its way back.

use crate::domain::time::Timestamp;
use crate::enforce::back::BackTicket;
use crate::enforce::judge::back::{BackRefusal, Kept};
use crate::enforce::name::{RunName, UNDO_TRIES_MAX};
use crate::enforce::result;
use crate::enforce::run;
use crate::enforce::said::{Kind, Said};
use crate::enforce::spend::Spent;
use crate::enforce::ticket::{TICKET_BYTES_MAX, Ticket};
use crate::runner::Outcome;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Looks for the way forward that a ticket wants taken back. Blocks.
///
/// # Errors
/// [`BackRefusal`] when this runner never started it.
pub(super) fn find(spent: &Spent, attempts: &Path, back: &BackTicket) -> Result<Kept, BackRefusal> {
    let ticket = Ticket::parse(&back.forward).map_err(|_| BackRefusal::Other)?;
    let said = Said::parse(Kind::Propose, &ticket.propose.statement);
    let forward = RunName::forward(said.map_err(|_| BackRefusal::Other)?.nonce);
    // A nonce may also be spent by a question; then there is no ticket.
    if !spent.has(&forward) {
        return Err(BackRefusal::NotRun);
    }
    let directory = run::directory(attempts, &forward);
    let (ticket, since) = read(&directory.join(run::TICKET)).map_err(|error| {
        tracing::warn!(run = %forward, %error, "the ticket of a way forward cannot be read");
        BackRefusal::NotRun
    })?;
    Ok(Kept {
        ticket,
        since,
        // What cannot be read is not known; the way back does not hang on it.
        result: result::read(&directory).unwrap_or_default(),
        is_undone: is_undone(attempts, &forward),
    })
}

/// True once a way back of this run has ended with success. Blocks.
fn is_undone(attempts: &Path, run: &RunName) -> bool {
    let forward = run.of_forward();
    (1..=UNDO_TRIES_MAX).any(|try_no| {
        let name = forward.undo(try_no);
        let result = name.map(|name| result::read(&run::directory(attempts, &name)));
        matches!(result, Some(Ok(Some(result))) if result.outcome == Outcome::Exited(0))
    })
}

/// A ticket, and when it was written.
fn read(path: &Path) -> io::Result<(Vec<u8>, Timestamp)> {
    let file = File::open(path)?;
    let since = file.metadata()?.modified()?;
    let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
    let since = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    let limit = u64::try_from(TICKET_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes, Timestamp::from_millis(since)))
}
