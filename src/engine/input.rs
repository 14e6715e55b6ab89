//! What goes into the engine and what comes out of it.

use crate::domain::command::{Command, Refusal};
use crate::domain::confirm::plan_doc::PlanExe;
use crate::domain::decide::{Decision, Prepared};
use crate::domain::digest::Digest;
use crate::domain::fact::{self, Actor, ExecKey, Fact, Outcome, OutputRef, Page};
use crate::domain::id::{AttemptNo, PersonId, Seq, StepId, TerminalId};
use crate::domain::reading::Reading;
use crate::domain::runbook::plan::ExecRole;
use crate::domain::write::{self, WriteNo};

/// Something that reached the session.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A person asked for something. For a go, `World::look` must be fresh.
    Ask {
        /// Who.
        actor: Actor,
        /// Where.
        terminal: TerminalId,
        /// The client's number for the reply.
        number: u64,
        /// What.
        command: Command,
    },
    /// The plan of a destructive step was rendered; see [`Proposal::prepare`].
    Proposal {
        /// Who proposes.
        actor: Actor,
        /// Which step.
        step: StepId,
        /// The plan, a fresh nonce and the executor.
        prepared: Prepared,
    },
    /// A connector brought something in.
    Reading(Reading),
    /// News of a command.
    Exec(ExecUpdate),
    /// A terminal attached.
    Attached {
        /// Who.
        actor: Actor,
        /// Which.
        terminal: TerminalId,
        /// It may only look.
        read_only: bool,
    },
    /// Somebody said with a key who is at a terminal.
    SignedIn {
        /// Which.
        terminal: TerminalId,
        /// Whom it is taken for from now on.
        actor: Actor,
        /// Who signed.
        signer: Actor,
        /// It may only look: it was attached so, or account and key name two people.
        read_only: bool,
        /// The statement with its signature.
        signed: fact::Signed,
    },
    /// Something that was said does not count, before it could be decided.
    Rejected {
        /// By whom, as far as the connection says.
        actor: Actor,
        /// What they are told.
        refused: Refusal,
        /// What the journal keeps of it.
        record: Option<Box<Fact>>,
    },
    /// A terminal went.
    Detached {
        /// Which.
        terminal: TerminalId,
    },
    /// News of a write.
    Written {
        /// Which.
        no: WriteNo,
        /// What came of it.
        outcome: write::Outcome,
    },
    /// Something that has to be said at the start, such as that a vendor ends a service.
    Notice {
        /// One line.
        text: String,
    },
    /// The page about somebody who goes alone has ended.
    Paged {
        /// Which step.
        step: StepId,
        /// Which attempt.
        attempt: AttemptNo,
        /// What came of it.
        page: Page,
    },
    /// A checkpoint has left this host.
    Witnessed {
        /// Newest record it covers.
        seq: Seq,
        /// Who has it: a person, or where it went.
        by: Witness,
    },
    /// A second has passed.
    Tick,
    /// A torn last record of the journal was set aside.
    Recovered {
        /// Bytes set aside.
        bytes: u64,
        /// Their digest.
        digest: Digest,
    },
    /// A server took the journal up again.
    Restarted {
        /// `warroom 0.1.0`.
        program: String,
        /// Its host.
        host: String,
    },
    /// The server ends in an orderly way; commands have ended, or are lost with it.
    Close {
        /// Why.
        reason: String,
    },
}

/// Who has a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Witness {
    /// Somebody at a terminal, whose program keeps it.
    Person(PersonId),
    /// A place outside this host.
    Place(String),
}

/// News of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecUpdate {
    /// It runs.
    Spawned {
        /// Which.
        key: ExecKey,
        /// Its process id.
        pid: u32,
    },
    /// It ended.
    Ended {
        /// Which.
        key: ExecKey,
        /// How.
        outcome: Outcome,
        /// What is kept of its output.
        output: OutputRef,
    },
    /// Nobody knows how it ended, or whether it did.
    Lost {
        /// Which.
        key: ExecKey,
    },
}

impl ExecUpdate {
    /// Which execution it is about.
    pub const fn key(&self) -> &ExecKey {
        match self {
            Self::Spawned { key, .. } | Self::Ended { key, .. } | Self::Lost { key } => key,
        }
    }
}

/// What an input leads to once it is durable.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Proposal {
    /// Facts to record, in order, each with its actor. A refusal may have one too.
    pub facts: Vec<(Actor, Fact)>,
    /// Why not.
    pub refusal: Option<Refusal>,
    /// Render the plan of this step and come back with [`Input::Proposal`].
    pub prepare: Option<StepId>,
}

impl Proposal {
    pub(super) fn by_engine(facts: Vec<Fact>) -> Self {
        Self {
            facts: facts.into_iter().map(|f| (Actor::Engine, f)).collect(),
            ..Self::default()
        }
    }

    pub(super) fn read_only() -> Self {
        let refusal = Refusal {
            reason: "this terminal may only look".to_owned(),
            hint: "attach without `-r` to act".to_owned(),
        };
        Self {
            refusal: Some(refusal),
            ..Self::default()
        }
    }

    pub(super) fn of_command(actor: &Actor, command: &Command, decision: Decision) -> Self {
        let mut proposal = Self::of(actor, decision);
        if let (Command::Propose { step, .. }, None) = (command, &proposal.refusal) {
            proposal.prepare = Some(step.clone());
        }
        proposal
    }
}

/// What is to be done about durable facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Start a command; [`crate::domain::state::State::exec_block`] says which.
    Spawn {
        /// Names the execution.
        key: ExecKey,
        /// Which part of the step.
        role: ExecRole,
        /// The file that people have reviewed; absent for what needs no second person.
        reviewed: Option<PlanExe>,
    },
    /// Page somebody: one person wants to go alone. It is done once, and never again by itself.
    Page {
        /// Which step.
        step: StepId,
        /// Which attempt.
        attempt: AttemptNo,
    },
    /// Send a write; [`crate::domain::state::State::write`] says what.
    Write(WriteNo),
    /// Look what became of a write that an earlier server may have sent. It is never sent again by itself.
    FindWrite(WriteNo),
    /// Stop a command's process group.
    StopProcess {
        /// Names the execution.
        key: ExecKey,
    },
}
