//! What a maintenance was, from its journal alone: for the change ticket, for whoever was not there, for an audit.
//!
//! [`Gathering`] folds facts as the session did and keeps what people ask for afterwards; [`markdown`] prints it. A fact
//! that cannot have happened is left out of every section and named on top.

mod gather;
pub mod markdown;
#[cfg(test)]
mod tests;

pub use gather::Gathering;

use crate::domain::amend::Line;
use crate::domain::digest::Digest;
use crate::domain::fact::{Genesis, Mode, RunbookRef};
use crate::domain::id::{AttemptNo, ConnectorName, PersonId, Seq, SessionId, SessionName, StepId};
use crate::domain::rehearsal;
use crate::domain::runbook::plan::{Risk, Window};
use crate::domain::state::Phase;
use crate::domain::time::Timestamp;
use serde::Serialize;

/// Entries of any one list: ten times what the longest night leaves, so that a report of a journal of years is still
/// one that can be opened. What is beyond is counted in [`Report::left_out`].
const ENTRIES_MAX: usize = 10_000;

/// A maintenance as its journal tells it. The JSON form is this type; keys may be added.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What a reader must know before anything else, one sentence each; never empty in advisory mode.
    pub notices: Vec<String>,
    /// The session as typed.
    pub name: SessionName,
    /// The session for ever.
    pub session: SessionId,
    /// Title of the runbook.
    pub title: String,
    /// Change ticket number.
    pub change: Option<String>,
    /// `ENFORCED`, `ADVISORY`, `ADVISORY uid` where accounts were taken for people, or `DEMO`; with `REHEARSAL`
    /// behind it where it was one.
    pub mode: &'static str,
    /// Program that opened the session.
    pub program: String,
    /// Host the commands ran on, as the session was pinned to it.
    pub host: String,
    /// Account the session server ran in.
    pub server_uid: u32,
    /// Public half of the key that signs the session's checkpoints.
    pub session_key: Option<String>,
    /// What a host key signed for it; absent where the first sight of it is believed.
    pub certificate: Option<Certificate>,
    /// Where the plan came from.
    pub runbook: RunbookRef,
    /// Digest of the pinned plan.
    pub plan: Digest,
    /// When the work was announced for.
    pub window: Option<Window>,
    /// When the session was opened.
    pub opened: Timestamp,
    /// When the maintenance was begun.
    pub begun: Option<Timestamp>,
    /// When it ended; absent while it goes on.
    pub ended: Option<Timestamp>,
    /// Where it stands.
    pub phase: Phase,
    /// Reason given for the rollback or abort, or empty.
    pub end_reason: String,
    /// Newest record: its number and hash. The report is about the journal up to here.
    pub head: (Seq, Digest),
    /// What somebody did alone, or wanted to, oldest first.
    pub alone: Vec<Alone>,
    /// Who did something, in the order of their first record.
    pub people: Vec<Present>,
    /// Every step of the plan, in its order.
    pub steps: Vec<Step>,
    /// Plans that two people put in the place of the one before, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amendments: Vec<Amendment>,
    /// Everything that was put before a second person, oldest first.
    pub offers: Vec<Offer>,
    /// What somebody was refused.
    pub refusals: Vec<Refusal>,
    /// Holds, stops, the way back, servers that came and went: what was out of the ordinary.
    pub happenings: Vec<Happening>,
    /// Silences that lived as long as the work, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub silences: Vec<Quiet>,
    /// What was asked of other systems.
    pub writes: Vec<Written>,
    /// Notes of people.
    pub notes: Vec<Note>,
    /// Entries beyond what one report holds; the journal has them.
    pub left_out: usize,
}

/// That a host key signed for the key of a session. Whether that signature is good is for `warroom verify` to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// When; absent when what was signed is not about this session.
    pub issued: Option<Timestamp>,
}

/// A plan that two people put in the place of the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Amendment {
    /// When it was seconded.
    pub at: Timestamp,
    /// Who moved it.
    pub by: PersonId,
    /// Who seconded it.
    pub second: PersonId,
    /// Why.
    pub reason: String,
    /// Digest of the plan before.
    pub before: Digest,
    /// Digest of the plan since.
    pub plan: Digest,
    /// Digest of the runbook's bytes.
    pub runbook: Digest,
    /// What became another, one line each.
    pub changes: Vec<String>,
    /// Further changes.
    pub more: usize,
    /// Both plans held against each other, as whoever seconded it read them; its beginning where it is long.
    pub diff: Vec<Line>,
    /// Further lines of it.
    pub diff_more: usize,
}

/// One break-glass: somebody wanted to go without a second person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alone {
    /// The step.
    pub step: StepId,
    /// Number and title of the step.
    pub label: String,
    /// Which attempt.
    pub attempt: AttemptNo,
    /// Who.
    pub who: String,
    /// Why nobody else was waited for.
    pub reason: String,
    /// When it was asked for.
    pub at: Timestamp,
    /// What happened on the way, oldest first.
    pub way: Vec<GlassStep>,
    /// The execution that one person started alone; absent when it did not come to that.
    pub run: Option<String>,
    /// It was run, and nobody else has signed that they looked.
    pub is_review_owed: bool,
    /// Who has.
    pub reviewer: Option<String>,
}

/// Something on the way of one person alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GlassStep {
    /// When.
    pub at: Timestamp,
    /// Who; `warroom` for the session itself.
    pub who: String,
    /// How they are known.
    pub via: String,
    /// `asked`, `paged`, `begun`, `witnessed`, `vetoed`, `armed`, `ended`, `reviewed` as the journal has it; `second`,
    /// `closed`, `ran`, `outcome` for what the proposal came to.
    pub event: &'static str,
    /// What, in words.
    pub what: String,
}

/// Somebody who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Present {
    /// A person, or `uid-0` for an account that is nobody's.
    pub who: String,
    /// How it was known that it was them, every way there was: `uid:1001`, `sshsig:SHA256:...`.
    pub known_by: Vec<String>,
    /// First record of theirs.
    pub from: Timestamp,
    /// Newest record of theirs.
    pub until: Timestamp,
    /// Records of theirs.
    pub records: u64,
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// `2.1`.
    pub number: String,
    /// First line of the item.
    pub title: String,
    /// How much it can break.
    pub risk: Risk,
    /// What became of it, in words.
    pub outcome: String,
    /// Attempts; 0 when it was never started.
    pub attempts: AttemptNo,
    /// Length of the newest attempt, milliseconds; what it waited is in it, its way back is not.
    pub took_ms: Option<u64>,
    /// Of it what it waited for people (a proposal, a confirm, go) or for its gate, milliseconds.
    pub waited_ms: Option<u64>,
    /// Who started or finished it last; or empty.
    pub by: String,
    /// What they wrote to it; or empty.
    pub note: String,
}

/// One proposal and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// The step.
    pub step: StepId,
    /// Number and title of the step.
    pub label: String,
    /// Which attempt.
    pub attempt: AttemptNo,
    /// Who proposed.
    pub proposer: PersonId,
    /// How that is known.
    pub via: String,
    /// They signed the proposal itself.
    pub is_signed: bool,
    /// Who was to say go.
    pub executor: PersonId,
    /// Confirmers it needed.
    pub quorum: u8,
    /// When it was opened.
    pub at: Timestamp,
    /// Digest of the plan people looked at.
    pub plan: Digest,
    /// What confirmers said before the target was shown.
    pub checks: Vec<Check>,
    /// Who confirmed.
    pub confirms: Vec<Confirm>,
    /// Who said go, and when.
    pub go: Option<(String, Timestamp)>,
    /// They signed that go.
    pub is_go_signed: bool,
    /// It was run by one person alone.
    pub is_alone: bool,
    /// What became of it.
    pub end: End,
    /// When.
    pub ended: Option<Timestamp>,
}

/// What became of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum End {
    /// It waits for people.
    Open,
    /// It was started, and its end is not in the journal.
    Running,
    /// It ran.
    Ran {
        /// How it ended, in words.
        outcome: String,
    },
    /// It may have run: nobody knew.
    Unknown {
        /// What people found; absent while nobody has said.
        found: Option<String>,
    },
    /// It ended without running.
    Closed {
        /// Why, in one word: `rejected`, `expired`, `scope` for another session of the lock scope.
        cause: &'static str,
        /// Why, in words.
        why: String,
        /// Who closed it; `warroom` when nobody did.
        by: String,
        /// Who said no signed why.
        is_signed: bool,
        /// When the reason came that followed a no.
        explained: Option<Timestamp>,
    },
}

/// What a confirmer said from their own view, before the target was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Who.
    pub who: String,
    /// Whom somebody in an account that is nobody's says they are; nothing had proved it yet.
    pub claimed: Option<PersonId>,
    /// When.
    pub at: Timestamp,
    /// The component they expected to be touched.
    pub component: String,
    /// How many others of its group they expected to stay in service.
    pub remaining: Option<u32>,
    /// How long they looked, by their own terminal, milliseconds.
    pub dwell_ms: u64,
    /// It is what was proposed.
    pub matches: bool,
}

impl Check {
    /// Who said it, where they are believed.
    fn said_by(&self) -> &str {
        self.claimed
            .as_ref()
            .map_or(self.who.as_str(), |claimed| claimed.as_str())
    }
}

/// A confirm that was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirm {
    /// Who.
    pub who: PersonId,
    /// The evidence: `uid:1002`, `sshsig+up:SHA256:...`.
    pub evidence: String,
    /// It rests on an account alone (`warroom-confirm-uid@v1`), which proves no second person.
    pub is_account: bool,
    /// The signature is in the journal.
    pub is_signed: bool,
    /// When.
    pub at: Timestamp,
    /// From the proposal to the confirm, by the server's clocks, milliseconds.
    pub after_ms: u64,
    /// From when the target was shown to them (their answer, or the proposal where none was asked), milliseconds.
    pub dwell_ms: u64,
}

/// Something that somebody was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// How they are known.
    pub via: String,
    /// What they asked: `confirm`, `go`, `propose`.
    pub asked: String,
    /// The step.
    pub step: StepId,
    /// Why not.
    pub reason: String,
}

/// Something out of the ordinary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// Who; `warroom` for the session itself.
    pub who: String,
    /// What.
    pub what: String,
}

/// A silence that lived as long as the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quiet {
    /// What it was for: `the maintenance`, ``step 2.1 `drain` ``.
    pub label: String,
    /// Who had it.
    pub connector: ConnectorName,
    /// Components that it muted.
    pub what: String,
    /// Alerts that it was going to mute when it was asked for.
    pub muted: u32,
    /// When it was asked for.
    pub from: Timestamp,
    /// When it ended; absent while that is not known.
    pub until: Option<Timestamp>,
    /// How it stands or ended, in words.
    pub end: String,
}

/// Something that was asked of another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub who: String,
    /// `mute by alertmanager`.
    pub what: String,
    /// What came of it, in words.
    pub outcome: String,
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// The step it is about.
    pub step: Option<StepId>,
    /// What they wrote.
    pub text: String,
}

/// That it was a rehearsal, or what had been rehearsed.
fn rehearsal_notices(genesis: &Genesis) -> Vec<String> {
    let is_one = genesis.rehearsal.as_ref().map(|rehearsal| {
        let file = &rehearsal.env_file;
        format!("REHEARSAL: carried out with the environment file {file}, and not the real thing.")
    });
    let found = genesis.rehearsed.iter().map(|one| {
        let differs = match one.differs.as_slice() {
            [] => "nothing differs".to_owned(),
            differs => format!("differs: {}", differs.join("; ")),
        };
        format!("REHEARSED: {}; {differs}.", rehearsal::line(one))
    });
    is_one.into_iter().chain(found).collect()
}

/// What a reader must know of the mode a session ran in, before any name in its report.
fn mode_notices(mode: Mode, allow_uid: bool) -> Vec<String> {
    let mode = match mode {
        Mode::Enforced => None,
        Mode::Advisory => Some(
            "ADVISORY: commands ran in an operator's own account. The confirms below are a procedure with evidence, not a gate.",
        ),
        Mode::Demo => Some(
            "DEMO: a simulated cluster and simulated people. Nothing below says who anybody is.",
        ),
    };
    let uid = allow_uid.then_some(
        "UID: the policy took accounts for people (`allow_uid`). Whoever could become another account counts as two people.",
    );
    mode.into_iter().chain(uid).map(str::to_owned).collect()
}
