//! What happened: the closed list of facts a session is the fold of.
//!
//! THE SERIALIZED FORM IS FROZEN per journal format: a fact is the body of a record. New facts may be added; a
//! program that meets one it does not know opens the session read-only. Guarded by the golden journals in
//! `tests/data/journals`.

mod acted;
mod actor;
mod alert;
mod baseline;
mod breakglass;
mod close;
mod exec;
mod expect;
mod lean;
mod motion;
mod rehearsal;
mod rollout;
mod run_on;
mod silence;
mod word;

pub use acted::GuardActed;
pub use actor::{Actor, Touch, Via};
pub use alert::{AlertEvent, AlertKey};
pub use baseline::{BASELINE_SERIES_MAX, Baseline};
pub use breakglass::{Breakglass, GlassEvent, Page};
pub use close::CloseCause;
pub use exec::{ExecKey, Outcome, OutputRef};
pub use expect::{Effect, EffectEvent, Read, SeriesValue};
pub use motion::{MotionEnd, MotionEvent, Moved};
pub use rehearsal::{Rehearsal, RehearsalEnd, Rehearsed, RehearsedStep, Template};
pub use rollout::{RolloutEvent, RolloutNews};
pub use run_on::Halt;
pub use silence::{Silence, SilenceEvent, Withheld};
pub use word::{COUNTER_NOTICE, Checked, Signed};

use crate::domain::digest::Digest;
use crate::domain::freeze::Freeze;
use crate::domain::git::GitState;
use crate::domain::history::Learned;
use crate::domain::id::{
    AttemptNo, Nonce, PersonId, RuleId, Seq, SessionId, SessionName, StepId, TerminalId,
};
use crate::domain::reading::Sample;
use crate::domain::runbook::plan::{ExecRole, MetricRule, Plan};
use crate::domain::threshold::Verdict;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::{self, Lifetime, Write, WriteNo};
use serde::{Deserialize, Serialize};

/// Which deployment mode holds (`TWO_PERSON` 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Commands run by the runner in an account of its own, which no person has: the confirm is a gate.
    Enforced,
    /// Commands run in an operator's account: the confirm is a procedure plus evidence.
    Advisory,
    /// A demo: identities are simulated.
    Demo,
}

impl Mode {
    /// The word in the status line and in every export.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforced => "ENFORCED",
            Self::Advisory => "ADVISORY",
            Self::Demo => "DEMO",
        }
    }
}

/// Which text the plan was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunbookRef {
    /// Absolute path on the server's host.
    pub path: String,
    /// Digest of the file's bytes.
    pub digest: Digest,
    /// `sha1:` or `sha256:` and the full commit id, or `none` (no repository, or the file differs from it).
    pub commit: String,
    /// What Git said of the file when the session was opened; absent in journals from before it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitState>,
}

/// First record of a journal: everything the session is pinned to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Genesis {
    /// The session for ever.
    pub session: SessionId,
    /// The session as typed.
    pub name: SessionName,
    /// `warroom 0.1.0`.
    pub program: String,
    /// Name of the host the commands run on.
    pub host: String,
    /// Account the commands run in.
    pub server_uid: u32,
    /// Which mode holds.
    pub mode: Mode,
    /// Digest of the `warroom-policy@v1` document in force at the start.
    pub policy: Digest,
    /// Where the plan came from.
    pub runbook: RunbookRef,
    /// Digest of the plan below.
    pub plan_digest: Digest,
    /// The pinned plan.
    pub plan: Plan,
    /// Panels of the configuration, watched beside the plan's own rules.
    #[serde(default)]
    pub panels: Vec<MetricRule>,
    /// Public half of the key that signs this session's checkpoints, `ssh-ed25519 AAAA...`; absent in journals that
    /// are older than checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// The `warroom-session@v1` that a key of this host signed over that key (`confirm::certificate`); absent where the host
    /// has none, and then the first sight of a session's key is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Signed>,
    /// At the start the policy took accounts for people (`allow_uid`): every export says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_uid: bool,
    /// The session is a rehearsal; absent for the real thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Box<Rehearsal>>,
    /// Rehearsals of this runbook that were found at the start, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rehearsed: Vec<Rehearsed>,
    /// Freezes of the configuration that were not over at the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freezes: Vec<Freeze>,
    /// How long the steps took in earlier runs of the same runbook.
    #[serde(default, skip_serializing_if = "Learned::is_none")]
    pub learned: Learned,
    /// Digest of the plan at the start, once two people have put another in its place; no record has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_plan: Option<Digest>,
}

impl Genesis {
    /// The word in every export: the mode, whether accounts are taken for people in it, and whether it is the real thing.
    pub const fn mode_words(&self) -> &'static str {
        match (self.mode, self.allow_uid, self.rehearsal.is_some()) {
            (Mode::Advisory, true, false) => "ADVISORY uid",
            (Mode::Advisory, true, true) => "ADVISORY uid REHEARSAL",
            (Mode::Advisory, false, true) => "ADVISORY REHEARSAL",
            (Mode::Enforced, _, true) => "ENFORCED REHEARSAL",
            (Mode::Demo, _, true) => "DEMO REHEARSAL",
            (mode, _, false) => mode.as_str(),
        }
    }
}

/// Why the session is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum HoldCause {
    /// Somebody pressed hold.
    Person {
        /// What they said; may be empty.
        reason: String,
    },
    /// A guard went beyond its critical limit, or has no data and says that this holds.
    Guard {
        /// Which one.
        rule: RuleId,
    },
    /// A declared effect of a command has not come, or nobody knows. Ends with a reason only.
    Effect {
        /// Whose.
        step: StepId,
    },
    /// An alert fires that nobody expected, or one that must come has not.
    Alert {
        /// Value of `alertname`.
        name: String,
        /// The touched component; absent for one that has not come.
        component: Option<String>,
    },
    /// The server was restarted while the maintenance ran.
    Restart,
    /// A silence for the work is not made, and the runbook says that this holds.
    Silence {
        /// Which.
        lifetime: Lifetime,
    },
    /// A server on another host took the session up: commands would run there. Ends with a reason only.
    Moved {
        /// Host the session is pinned to.
        from: String,
        /// Host its server runs on.
        to: String,
    },
}

impl HoldCause {
    /// True for a hold on everything that runs, also on the way back and on looking at what was run.
    pub const fn holds_all(&self) -> bool {
        matches!(self, Self::Moved { .. })
    }
}

/// The sample that decided something, quoted into the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// `{instance="db-1"}`, or empty for a series without labels.
    pub series: String,
    /// The value and when it was true.
    pub sample: Sample,
    /// Its age when it was quoted, milliseconds.
    pub age_ms: u64,
}

/// What people found about a step whose outcome nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// It ran to its end.
    Ran,
    /// It did not run.
    DidNotRun,
    /// It ran in part.
    Partial,
}

impl Finding {
    /// The word in statements and on screens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::DidNotRun => "did-not-run",
            Self::Partial => "partial",
        }
    }
}

/// Terms of a proposal: what `warroom-propose@v1` says (`TWO_PERSON` 5.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The step.
    pub step: StepId,
    /// Number of this attempt, 1 first.
    pub attempt: AttemptNo,
    /// Digest of the `warroom-plan@v1` document.
    pub plan: Digest,
    /// Digest of the policy document in force.
    pub policy: Digest,
    /// Digest of the runbook file at the proposal.
    pub runbook: Digest,
    /// Commit of the runbook, or `none`.
    pub commit: String,
    /// Confirmers needed.
    pub quorum: u8,
    /// Who proposed.
    pub proposer: PersonId,
    /// Who will say go.
    pub executor: PersonId,
    /// Used once.
    pub nonce: Nonce,
    /// When the server opened it, whole seconds.
    pub issued: Timestamp,
    /// When it ends by itself, whole seconds.
    pub expires: Timestamp,
}

/// A confirm that was accepted, with the exact statement bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// The step.
    pub step: StepId,
    /// Who confirmed.
    pub signer: PersonId,
    /// The `warroom-confirm@v1` document, whole.
    pub statement: String,
    /// The armoured SSHSIG over it; empty for evidence that is no signature. In a record it follows the statement.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signature: String,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
pub enum Fact {
    /// Genesis.
    SessionOpened(Box<Genesis>),
    /// A server took the session up again after it had ended or died.
    SessionResumed {
        /// Program that did.
        program: String,
        /// Host it runs on.
        host: String,
    },
    /// A torn last record was set aside.
    JournalRecovered {
        /// Bytes set aside.
        bytes: u64,
        /// Their digest.
        digest: Digest,
    },
    /// A terminal attached.
    Attached {
        /// Which.
        terminal: TerminalId,
        /// True when it may only look.
        read_only: bool,
    },
    /// Account and key at one terminal name two people: it may look and not act.
    IdentityConflict {
        /// Which.
        terminal: TerminalId,
        /// Whom the account names.
        account: PersonId,
        /// Whom the key names.
        key: PersonId,
    },
    /// A terminal went.
    Detached {
        /// Which.
        terminal: TerminalId,
    },
    /// The maintenance began.
    Begun,
    /// Nothing new starts from here on.
    Held(HoldCause),
    /// All holds ended.
    Released {
        /// What was said; needed when a guard is still not good.
        reason: String,
    },
    /// A rule says something else than before.
    RuleChanged {
        /// Which.
        rule: RuleId,
        /// What it says now.
        verdict: Verdict,
        /// The sample that decided.
        quote: Option<Quote>,
    },
    /// What a rule measured before anything was changed.
    BaselineTaken(Baseline),
    /// A guard went back by itself, or would have acted.
    GuardActed(GuardActed),
    /// A person started a step, or a rollout that goes by itself came to it.
    StepStarted {
        /// Which.
        step: StepId,
        /// Which attempt.
        attempt: AttemptNo,
    },
    /// A command is about to be spawned; spawned only after this is durable.
    ExecIntent {
        /// Which execution.
        key: ExecKey,
        /// Which part of the step.
        role: ExecRole,
        /// The spent nonce, for a confirmed one.
        nonce: Option<Nonce>,
    },
    /// The command runs.
    ExecSpawned {
        /// Which execution.
        key: ExecKey,
        /// Process (and process group) id.
        pid: u32,
    },
    /// The command ended.
    ExecOutcome {
        /// Which execution.
        key: ExecKey,
        /// How.
        outcome: Outcome,
        /// What is kept of its output.
        output: OutputRef,
    },
    /// Somebody asked for the running command of a step to be stopped.
    StopAsked {
        /// The step.
        step: StepId,
    },
    /// Somebody watches over the running command of a step in place of who dropped out.
    TakenOver {
        /// The step.
        step: StepId,
    },
    /// The server died while the command may have been running: nobody knows how it ended.
    ExecUnknown {
        /// Which execution.
        key: ExecKey,
    },
    /// A person said what they found about an unknown step; counted until enough people agree.
    ResolveVoted {
        /// The step.
        step: StepId,
        /// What they found.
        finding: Finding,
        /// How they know.
        reason: String,
    },
    /// Enough people agree on an unknown step.
    StepResolved {
        /// The step.
        step: StepId,
        /// What they found.
        finding: Finding,
    },
    /// A gate opened.
    GateOpened {
        /// The step.
        step: StepId,
        /// Place in `PlanStep::blocks`.
        block: u16,
        /// The sample that decided.
        quote: Option<Quote>,
    },
    /// A gate did not open in time.
    GateTimedOut {
        /// The step.
        step: StepId,
        /// Place in `PlanStep::blocks`.
        block: u16,
    },
    /// Something about the declared effects of a step.
    Effect(Effect),
    /// Something about an alert on what the work touches.
    Alert(AlertEvent),
    /// All blocks of a step with sub-steps are done; the sub-steps follow.
    StepDescended {
        /// The step.
        step: StepId,
    },
    /// A step is done.
    StepDone {
        /// Which.
        step: StepId,
        /// A warning to keep in mind, or empty.
        warning: String,
        /// The note of a person who did it by hand, or empty.
        note: String,
    },
    /// A step failed.
    StepFailed {
        /// Which.
        step: StepId,
        /// Why.
        why: String,
    },
    /// A person left a step out.
    StepSkipped {
        /// Which.
        step: StepId,
        /// Why; never empty.
        reason: String,
    },
    /// A person wants another attempt.
    StepRetried {
        /// Which.
        step: StepId,
    },
    /// The way back of a step is done.
    StepUndone {
        /// Which.
        step: StepId,
    },
    /// The way back of a step failed.
    UndoFailed {
        /// Which.
        step: StepId,
        /// Why.
        why: String,
    },
    /// A proposal is being opened; the plan follows in the next record.
    ProposalOpened {
        /// What is proposed.
        terms: Terms,
        /// The armoured SSHSIG of the proposer; empty for evidence that is no signature.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        signature: String,
    },
    /// A person signed what the next record is about: a no, a go, a finding, or who they are.
    StatementSigned(Signed),
    /// The plan people will look at: `warroom-plan@v1`, whole.
    StepProposed {
        /// The document.
        plan: String,
    },
    /// A person confirmed.
    StepConfirmed(Confirmed),
    /// Enough people confirmed and the guards are good.
    StepArmed {
        /// Which.
        step: StepId,
    },
    /// A confirmer said, before the target was shown, what is about to be touched.
    StepChecked(Checked),
    /// Something on the way of one person alone in an emergency.
    Breakglass(Breakglass),
    /// Something on the way of a motion, which two people agree on.
    Motion(Moved),
    /// Something that happened to a rollout.
    Rollout(RolloutNews),
    /// The proposal ended without running.
    ProposalClosed {
        /// Which step.
        step: StepId,
        /// Which attempt.
        attempt: AttemptNo,
        /// Why.
        why: CloseCause,
    },
    /// Who had rejected a proposal with one key said why.
    RejectExplained {
        /// Which step.
        step: StepId,
        /// Which attempt.
        attempt: AttemptNo,
        /// Why, 1 to 500 bytes.
        reason: String,
    },
    /// Somebody was refused something that matters for the two-person rule.
    Refused {
        /// What they asked: `confirm`, `go`, `propose`.
        asked: String,
        /// The step.
        step: StepId,
        /// Why not.
        reason: String,
    },
    /// A note.
    NoteAdded {
        /// About this step; about the whole when absent.
        step: Option<StepId>,
        /// The note.
        text: String,
    },
    /// Somebody asked for something to be done in another system; sent only after this is durable.
    WriteAsked {
        /// What, and by which connector.
        write: Write,
    },
    /// What came of it. One that was only accepted may have another after it.
    WriteEnded {
        /// Which.
        no: WriteNo,
        /// What came of it.
        outcome: write::Outcome,
    },
    /// Something was said of a silence that lives as long as the work.
    Silence(Silence),
    /// Going back began.
    RollbackStarted {
        /// Why.
        reason: String,
    },
    /// Everything that could be undone is undone.
    RolledBack,
    /// The maintenance was given up where it stands.
    Aborted {
        /// Why.
        reason: String,
    },
    /// The maintenance is complete.
    Completed,
    /// The server ended in an orderly way.
    SessionClosed {
        /// Why.
        reason: String,
    },
}

/// A fact with its place in the journal. This is what state is folded from and what clients receive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// Place in the journal.
    pub seq: Seq,
    /// Digest of the record's header: the event hash.
    pub hash: Digest,
    /// When it was recorded, both clocks.
    pub at: Moment,
    /// Who.
    pub actor: Actor,
    /// What.
    pub fact: Fact,
}
