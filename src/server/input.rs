//! What reaches the session task: the closed list of things that can wake it.

use super::codes::Tried;
use super::connection::Joining;
use super::render::Rendered;
use super::world::Looked;
use crate::domain::fact::Page;
use crate::domain::id::{AttemptNo, Seq, StepId, TerminalId};
use crate::engine::Witness;
use crate::wire::message::ToServer;

/// Inputs that may wait: more than every attached terminal can press in the time of one slow sync.
pub(crate) const INPUTS_MAX: usize = 1024;

/// From sockets and from tasks that look at the disk for the session.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A client passed the handshake.
    Joining(Box<Joining>),
    /// A client said something.
    Said {
        /// Which.
        terminal: TerminalId,
        /// What.
        message: Box<ToServer>,
    },
    /// The queue of a client that has missed something is empty again.
    Drained {
        /// Which.
        terminal: TerminalId,
    },
    /// A client went.
    Left {
        /// Which.
        terminal: TerminalId,
    },
    /// A destructive command was rendered, for a proposal or for a go.
    Rendered(Box<Rendered>),
    /// The people file and the runbook were read, or were not in time.
    Looked(Box<Looked>),
    /// Something that everybody should know, such as a counter that went back.
    Noticed {
        /// One line.
        text: String,
    },
    /// The host's ledger of break-glasses was asked.
    GlassTried(Box<super::breakglass::Tried>),
    /// The page hook has ended.
    Paged(StepId, AttemptNo, Page),
    /// A checkpoint that covers this record has left the host.
    Witnessed(Seq, Witness),
    /// The runbook was read as `run` reads it.
    RunbookRead(Box<super::amend::RunbookRead>),
    /// A look at the runbook that was not in time has returned.
    RunbookBack(TerminalId, Box<super::amend::Wanted>),
    /// The poll loops have ended that asked what an earlier plan asks; all their answers are in the queue.
    PollsStopped,
    /// A one-time code was checked.
    CodeTried(Box<Tried>),
    /// A read that was not in time has returned.
    DiskBack,
}
