//! What someone asks for: the closed list of commands clients send. A command is a wish; a fact is done.

mod seen;

pub use seen::{AlertsSeen, alerts_told};

use crate::domain::digest::Digest;
use crate::domain::fact::Finding;
use crate::domain::id::{AttemptNo, ConnectorName, PersonId, StepId};
use crate::domain::motion::{Motion, MotionNo};
use crate::domain::write::{Deed, Lifetime};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A statement that its signer has put their key to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The document, whole, as the signer built it.
    pub statement: String,
    /// The armoured SSHSIG over it.
    pub signature: String,
    /// It was made off this host and brought in as text.
    #[serde(default)]
    pub detached: bool,
}

/// What proves, beside the connection, that a confirm is its signer's (`TWO_PERSON` 3.2).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "evidence", rename_all = "kebab-case")]
pub enum Evidence {
    /// Nothing but the account of the connection.
    #[default]
    Account,
    /// A signature over the statement.
    Signature {
        /// The armoured SSHSIG.
        armour: String,
        /// It was made off this host and brought in as text.
        #[serde(default)]
        detached: bool,
    },
    /// A one-time code, typed while the proposal was on the screen.
    Code {
        /// As typed; never journaled.
        code: String,
    },
}

impl fmt::Debug for Evidence {
    /// A code is worth something until it is spent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "Account",
            Self::Signature { .. } => "Signature",
            Self::Code { .. } => "Code",
        })
    }
}

/// How the work goes on whose silence is withheld.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "kebab-case")]
pub enum SilenceWish {
    /// It is tried again: what it would mute may be another thing by now.
    Again,
    /// It is tried again for these alerts only.
    Narrow {
        /// Their names; at least one.
        alerts: Vec<String>,
        /// Why; may be empty.
        reason: String,
    },
    /// The work goes on unmuted.
    Without {
        /// Why; must not be empty.
        reason: String,
    },
}

/// A wish of one person at one terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    /// Begin the maintenance.
    Begin,
    /// Start a ready step: its blocks run in order, up to the part that needs a second person.
    Start {
        /// Which.
        step: StepId,
    },
    /// A manual step is done.
    MarkDone {
        /// Which.
        step: StepId,
        /// Optional note.
        note: String,
    },
    /// Leave a step out.
    Skip {
        /// Which.
        step: StepId,
        /// Why; must not be empty.
        reason: String,
    },
    /// Leave out everything of a unit of a rollout that is not done.
    SkipUnit {
        /// Any step of the unit.
        step: StepId,
        /// Why; must not be empty.
        reason: String,
    },
    /// End what a rollout waits for: a pause, the soak of its canary, or the stop after too many failed units.
    GoOn {
        /// Place of its phase in the plan.
        phase: usize,
        /// What was on the screen: the batch before the wait, or how many units had failed.
        behind: u32,
        /// Why; may be empty for a pause alone.
        reason: String,
    },
    /// Let each next step of a rollout begin by itself, or no longer.
    RunOn {
        /// Place of its phase in the plan.
        phase: usize,
        /// From now on, or no longer: a key pressed to end it never begins it anew.
        on: bool,
    },
    /// Take the switch of a blue-green phase back at once, and nothing else.
    SwitchBack {
        /// The switch.
        step: StepId,
        /// Why; may be empty, as one key asks for it.
        reason: String,
    },
    /// Try a failed or skipped step again.
    Retry {
        /// Which.
        step: StepId,
    },
    /// Stop the running command of a step: its whole process group.
    Stop {
        /// Which.
        step: StepId,
    },
    /// Watch over the running command of a step in place of somebody who dropped out.
    TakeOver {
        /// Which.
        step: StepId,
    },
    /// Write a note.
    Note {
        /// About this step; about the whole when absent.
        step: Option<StepId>,
        /// The note.
        text: String,
    },
    /// Nothing new may start.
    Hold {
        /// Why; may be empty.
        reason: String,
    },
    /// End all holds.
    Release {
        /// Needed when a guard is still not good.
        reason: String,
        /// The holds for alerts that were on the screen; absent where nobody looked, which releases no such hold.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<AlertsSeen>,
    },
    /// Propose the destructive part of a started step.
    Propose {
        /// Which.
        step: StepId,
        /// The `warroom-propose@v1` over the draft the server has sent, where a signature is wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Signed>,
    },
    /// Say, before the target of the open proposal is shown, what is about to be touched.
    Check {
        /// Which step.
        step: StepId,
        /// The attempt that is open.
        attempt: AttemptNo,
        /// The component, as this person finds it in the CMDB and the metrics.
        component: String,
        /// How many others of its group stay in service; absent where the CMDB knows no group.
        remaining: Option<u32>,
        /// How long the person looked, milliseconds.
        dwell_ms: u64,
        /// Who says it, where the account is nobody's: proved with the confirm that follows. Elsewhere absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        claimed: Option<PersonId>,
    },
    /// Confirm the open proposal with the exact statement the person saw.
    Confirm {
        /// The `warroom-confirm@v1` document, whole.
        statement: String,
        /// What proves that it is the signer's.
        #[serde(default)]
        evidence: Evidence,
    },
    /// Say no to the open proposal.
    Reject {
        /// Which step.
        step: StepId,
        /// Why, at most 500 bytes; may be empty, and is then asked for behind the no.
        reason: String,
        /// The `warroom-reject@v1`, when the person signs it. A no counts without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Signed>,
    },
    /// Say why a proposal was rejected, behind the no that has ended it.
    Explain {
        /// Which step.
        step: StepId,
        /// Which attempt was rejected.
        attempt: AttemptNo,
        /// Why, 1 to 500 bytes.
        reason: String,
        /// The `warroom-reject@v1` with this reason, when the person signs it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Signed>,
    },
    /// Go forward alone in an emergency: somebody is paged, then it is signed, then everybody can veto it.
    Breakglass {
        /// Which step.
        step: StepId,
        /// The attempt that was on the screen.
        attempt: AttemptNo,
        /// What burns, and why nobody else can be waited for.
        reason: String,
    },
    /// The signature to a break-glass whose page has ended.
    BreakglassSigned {
        /// Which step.
        step: StepId,
        /// The attempt that was on the screen.
        attempt: AttemptNo,
        /// The `warroom-breakglass@v1`.
        signed: Signed,
        /// A one-time code beside the signature, where that alone is not strong enough.
        #[serde(default)]
        beside: Evidence,
        /// Time step of that code once it is spent. Nobody can say it from outside.
        #[serde(skip)]
        code_step: Option<u64>,
    },
    /// Say no to somebody who goes alone. Everybody who is attached may.
    Veto {
        /// Which step.
        step: StepId,
        /// The attempt that was on the screen.
        attempt: AttemptNo,
    },
    /// A second person has looked at what one did alone.
    Review {
        /// Which step.
        step: StepId,
        /// Which attempt of it.
        attempt: AttemptNo,
        /// What they found; must not be empty.
        note: String,
        /// The `warroom-resolve@v1` with the finding `reviewed`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Signed>,
    },
    /// Take the open proposal back.
    Cancel {
        /// Which step.
        step: StepId,
        /// Why; may be empty.
        reason: String,
    },
    /// Run the armed step.
    Go {
        /// Which.
        step: StepId,
        /// The attempt that was on the screen: a key pressed for one proposal runs no other.
        attempt: AttemptNo,
        /// The `warroom-go@v1`, where a signature is wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Signed>,
    },
    /// Say what happened to an unknown step.
    Resolve {
        /// Which.
        step: StepId,
        /// What was found.
        finding: Finding,
        /// How that is known; must not be empty.
        reason: String,
        /// The `warroom-resolve@v1`, where a signature is wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Signed>,
    },
    /// Make a motion: something that another person has to agree to, and that is no step.
    Move {
        /// What is moved.
        what: Motion,
        /// Why; must not be empty.
        reason: String,
        /// The `warroom-motion@v1`, where a signature is wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Signed>,
    },
    /// Agree to the motion of another person, which is in force then.
    Second {
        /// The one that was on the screen: a key pressed for one motion seconds no other.
        no: MotionNo,
        /// For an amendment the plan that was on the screen: what the session would be pinned to, as it stood then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        adopted: Option<Digest>,
        /// The `warroom-motion@v1`, where a signature is wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Signed>,
    },
    /// Say no to the open motion. Who made it takes it back with the same word.
    RejectMotion {
        /// The one that was on the screen.
        no: MotionNo,
        /// Why; may be empty.
        reason: String,
    },
    /// Go back: stop what runs, undo what was done, last first.
    Rollback {
        /// Why; may be empty, as one key starts it.
        reason: String,
    },
    /// Give up where it stands.
    Abort {
        /// Why; must not be empty.
        reason: String,
    },
    /// Everything is done.
    Complete,
    /// Say how the work goes on whose silence is withheld.
    Silence {
        /// Which.
        lifetime: Lifetime,
        /// How.
        wish: SilenceWish,
    },
    /// Do something in another system.
    Write {
        /// Which connector carries it out.
        connector: ConnectorName,
        /// What.
        deed: Deed,
    },
}

impl Command {
    /// Ends all holds but those for alerts, which nobody has looked at.
    pub const fn release(reason: String) -> Self {
        let seen = None;
        Self::Release { reason, seen }
    }

    /// A proposal by the account of the connection alone.
    pub const fn propose(step: StepId) -> Self {
        Self::Propose { step, signed: None }
    }

    /// A confirm by the account of the connection alone.
    pub const fn confirm(statement: String) -> Self {
        let evidence = Evidence::Account;
        Self::Confirm {
            statement,
            evidence,
        }
    }

    /// A no without a signature.
    pub const fn reject(step: StepId, reason: String) -> Self {
        let signed = None;
        Self::Reject {
            step,
            reason,
            signed,
        }
    }

    /// A go by the connection alone.
    pub const fn go(step: StepId, attempt: AttemptNo) -> Self {
        let signed = None;
        Self::Go {
            step,
            attempt,
            signed,
        }
    }

    /// The same command with a signature over the statement it is about; a command that takes none stays as it is.
    #[must_use]
    pub fn with_signature(mut self, statement: &str, armour: String, detached: bool) -> Self {
        let word = Signed {
            statement: statement.to_owned(),
            signature: armour,
            detached,
        };
        match &mut self {
            Self::Confirm { evidence, .. } => {
                let armour = word.signature;
                *evidence = Evidence::Signature { armour, detached };
            }
            Self::Propose { signed, .. }
            | Self::Reject { signed, .. }
            | Self::Explain { signed, .. }
            | Self::Go { signed, .. }
            | Self::Resolve { signed, .. }
            | Self::Move { signed, .. }
            | Self::Second { signed, .. }
            | Self::Review { signed, .. } => *signed = Some(word),
            Self::BreakglassSigned {
                signed, code_step, ..
            } => {
                *signed = word;
                *code_step = None;
            }
            _ => {}
        }
        self
    }

    /// Why a proposal was rejected, without a signature.
    pub const fn explain(step: StepId, attempt: AttemptNo, reason: String) -> Self {
        let signed = None;
        Self::Explain {
            step,
            attempt,
            reason,
            signed,
        }
    }

    /// A finding without a signature.
    pub const fn resolve(step: StepId, finding: Finding, reason: String) -> Self {
        let signed = None;
        Self::Resolve {
            step,
            finding,
            reason,
            signed,
        }
    }

    /// True when the people and policy files are read anew before it is decided: revocation counts at once.
    pub const fn needs_fresh_policy(&self) -> bool {
        matches!(
            self,
            Self::Begin
                | Self::RunOn { on: true, .. }
                | Self::Propose { .. }
                | Self::Confirm { .. }
                | Self::Go { .. }
                | Self::Resolve { .. }
                | Self::Move { .. }
                | Self::Second { .. }
                | Self::Breakglass { .. }
                | Self::BreakglassSigned { .. }
                | Self::Review { .. }
                | Self::Reject {
                    signed: Some(_),
                    ..
                }
                | Self::Explain {
                    signed: Some(_),
                    ..
                }
        )
    }

    /// True for the one word that everybody who is attached may say, also where they may only look.
    pub const fn is_veto(&self) -> bool {
        matches!(self, Self::Veto { .. })
    }

    /// The verb, as in the palette, in refusals and in the journal.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Start { .. } => "start",
            Self::MarkDone { .. } => "mark done",
            Self::Skip { .. } => "skip",
            Self::SkipUnit { .. } => "leave out the unit of",
            Self::GoOn { .. } => "go on",
            Self::RunOn { on: true, .. } => "run on",
            Self::RunOn { on: false, .. } => "end the run",
            Self::SwitchBack { .. } => "switch back",
            Self::Retry { .. } => "retry",
            Self::Stop { .. } => "stop",
            Self::TakeOver { .. } => "take over",
            Self::Note { .. } => "note",
            Self::Hold { .. } => "hold",
            Self::Release { .. } => "release",
            Self::Propose { .. } => "propose",
            Self::Check { .. } => "check",
            Self::Confirm { .. } => "confirm",
            Self::Reject { .. } => "reject",
            Self::Explain { .. } => "explain",
            Self::Breakglass { .. } | Self::BreakglassSigned { .. } => "break glass",
            Self::Veto { .. } => "veto",
            Self::Review { .. } => "review",
            Self::Cancel { .. } => "cancel",
            Self::Go { .. } => "go",
            Self::Resolve { .. } => "resolve",
            Self::Move { .. } => "move",
            Self::Second { .. } => "second",
            Self::RejectMotion { .. } => "reject the motion",
            Self::Rollback { .. } => "rollback",
            Self::Abort { .. } => "abort",
            Self::Complete => "complete",
            Self::Silence { wish, .. } => match wish {
                SilenceWish::Again => "try the silence again",
                SilenceWish::Narrow { .. } => "narrow the silence",
                SilenceWish::Without { .. } => "go on without the silence",
            },
            Self::Write { deed, .. } => deed.verb(),
        }
    }
}

/// A command that may not be done now: shown calmly to who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why not: ``step 3.2 `drain rack-07` needs a second person; `mira` proposed it and cannot confirm it too``.
    pub reason: String,
    /// Who can do what next; or empty.
    pub hint: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {}", self.reason)
    }
}
