//! Exit codes, and printing of an error with its causes and hint.

use std::error::Error;
use std::io::Write;

/// Exit codes of the program. From 4 on they are states of a maintenance, for `warroom status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Done; for `status`: completed.
    Done = 0,
    /// Something failed.
    Failure = 1,
    /// Wrong usage, configuration or runbook.
    Usage = 2,
    /// No such session, or it does not answer.
    NoSession = 3,
    /// Open, not begun.
    NotBegun = 4,
    /// Going forward.
    Running = 5,
    /// Held: nothing new starts.
    Held = 6,
    /// Waiting for the second person or for go.
    AwaitingSecond = 7,
    /// Going back.
    RollingBack = 8,
    /// Everything that could be undone is undone.
    RolledBack = 9,
    /// Given up.
    Aborted = 10,
    /// The outcome of a command is not known: somebody must look.
    Unknown = 11,
    /// A step failed and waits for a decision.
    StepFailed = 12,
}

impl Code {
    /// All codes with their meaning, for the manual.
    pub const ALL: [(Self, &'static str); 13] = [
        (
            Self::Done,
            "done; for `status`: the maintenance is complete",
        ),
        (Self::Failure, "something failed"),
        (Self::Usage, "wrong usage, configuration or runbook"),
        (Self::NoSession, "no such session, or it does not answer"),
        (Self::NotBegun, "open, not begun"),
        (Self::Running, "going forward"),
        (Self::Held, "held: nothing new starts"),
        (
            Self::AwaitingSecond,
            "waiting for the second person, or for go; for `verify`: a review is owed",
        ),
        (Self::RollingBack, "going back"),
        (Self::RolledBack, "rolled back"),
        (Self::Aborted, "aborted"),
        (
            Self::Unknown,
            "the outcome of a command is not known: somebody must look",
        ),
        (Self::StepFailed, "a step failed and waits for a decision"),
    ];
}

impl From<Code> for std::process::ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// What ends the program other than success.
#[derive(Debug)]
pub struct Failure {
    /// The error; its sources are printed behind it.
    pub error: Box<dyn Error + Send + Sync>,
    /// The next action of a person.
    pub hint: Option<String>,
    /// Exit code.
    pub code: Code,
}

impl Failure {
    /// A failure with [`Code::Failure`].
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            error: error.into(),
            hint: None,
            code: Code::Failure,
        }
    }

    /// With a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// With another exit code.
    #[must_use]
    pub const fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// The error and its causes on one line.
    pub fn chain(&self) -> String {
        let mut line = self.error.to_string();
        let mut cause = self.error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // A layer that already quotes its cause does not say it twice.
            if !line.ends_with(&text) {
                line.push_str(": ");
                line.push_str(&text);
            }
            cause = error.source();
        }
        line
    }

    /// Writes `error: …` with its causes on one line, and `hint: …` on the next. Text from outside is cleaned.
    pub fn print(&self, out: &mut dyn Write) {
        let line = self.chain();
        writeln!(out, "error: {}", crate::display::for_terminal(&line)).ok();
        if let Some(hint) = &self.hint {
            writeln!(out, "hint: {}", crate::display::for_terminal(hint)).ok();
        }
    }
}
