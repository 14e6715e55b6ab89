//! What reaches the session task: the closed list of things that can wake it.

use super::connection::Joining;
use crate::domain::id::{PersonId, StepId, TerminalId};
use crate::wire::message::ToServer;

/// Inputs that may wait: more than every attached terminal can press in the time of one slow sync.
pub(crate) const INPUTS_MAX: usize = 1024;

/// From sockets and from helpers of the session task.
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
    /// A client's queue is empty again.
    Drained {
        /// Which.
        terminal: TerminalId,
    },
    /// A client went.
    Left {
        /// Which.
        terminal: TerminalId,
    },
    /// A destructive command was rendered, for a proposal or for a last look before go.
    Rendered(Box<Rendered>),
    /// The session shall end.
    Shutdown {
        /// Why.
        reason: String,
    },
}

/// Why something was rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A person proposes it.
    Propose,
    /// The executor said go: is it still what was reviewed?
    Go,
}

/// A rendered command, with everything that needed the disk.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// For what.
    pub(crate) purpose: Purpose,
    /// Who asked.
    pub(crate) terminal: TerminalId,
    /// Their number for the reply.
    pub(crate) number: u64,
    /// The step.
    pub(crate) step: StepId,
    /// Who will say go.
    pub(crate) executor: PersonId,
    /// The parts that needed the disk, or why there are none.
    pub(crate) result: Result<Looked, String>,
}

/// What was found on disk about a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Looked {
    /// The executable, absolute; `none` for manual work.
    pub(crate) exe: String,
    /// Digest of its bytes, 64 digits; `none` for manual work.
    pub(crate) exe_sha256: String,
    /// Arguments, program first.
    pub(crate) argv: Vec<String>,
    /// Environment, `NAME=value`, sorted by name.
    pub(crate) env: Vec<String>,
    /// Working directory.
    pub(crate) cwd: String,
    /// Account it will run in.
    pub(crate) runas: String,
    /// Time limit in seconds.
    pub(crate) timeout_s: u64,
}
