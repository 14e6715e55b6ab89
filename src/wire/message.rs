//! The messages. THE SERIALIZED FORM IS THE CONTRACT: see [`crate::wire::CONTRACT`].

use super::amendment::Preview;
use super::around::Around;
use super::policy::PolicyView;
use crate::domain::board::{Board, GateProgress, OutputTail, base64_bytes};
use crate::domain::command::{Command, Refusal, Signed};
use crate::domain::confirm::statement::Hello as Challenge;
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, ExecKey, Mode, Stamped, Terms};
use crate::domain::id::{PersonId, Seq, SessionName, TerminalId};
use crate::domain::reading::Reading;
use crate::domain::state::State;
use crate::domain::verdict::EffectNow;
use serde::{Deserialize, Serialize};

/// From a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "to_server", content = "body", rename_all = "kebab-case")]
pub enum ToServer {
    /// First message.
    Hello(Hello),
    /// A wish; answered by [`ToClient::Reply`] with the same number.
    Ask {
        /// Chosen by the client, unique in its connection.
        number: u64,
        /// The wish.
        command: Command,
    },
    /// Records of the journal, `from` and up to `count` of them (at most 500).
    Records {
        /// First one.
        from: Seq,
        /// How many.
        count: u32,
    },
    /// Output of one execution from an offset on; answered by one [`ToClient::Output`].
    Output {
        /// Which execution.
        key: ExecKey,
        /// First byte.
        offset: u64,
    },
    /// The newest record this client has verified before; the session must go on from it. Answered by
    /// [`ToClient::Headers`] with what follows it, or by none when it is not in this journal.
    Seen {
        /// Number of the record.
        seq: Seq,
        /// Its hash.
        hash: Digest,
    },
    /// Headers of records, `from` and up to `count` of them (at most 500), as they stand in the journal.
    Headers {
        /// First one.
        from: Seq,
        /// How many.
        count: u32,
    },
    /// This client has followed the journal up to this record and keeps a checkpoint of it.
    Kept {
        /// Number of the record.
        seq: Seq,
    },
    /// Who is at this terminal. Without a signature it asks what to sign; with one it is answered by a reply, and by a
    /// new policy when it counts.
    SignIn {
        /// Chosen by the client, unique in its connection.
        number: u64,
        /// The `warroom-hello@v1` over the newest challenge.
        signed: Option<Signed>,
    },
    /// Read the session's runbook again and say what has changed. Answered by [`ToClient::Amendment`] before the reply, or by
    /// a refusal.
    ReadRunbook {
        /// Chosen by the client, unique in its connection.
        number: u64,
    },
    /// End the session server; commands that run are stopped. For `kill-session`.
    Shutdown {
        /// Why.
        reason: String,
    },
}

/// Who a client says it is; authority comes from the kernel's peer credentials alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`crate::wire::CONTRACT`] of the client.
    pub contract: u32,
    /// `warroom 0.1.0`.
    pub program: String,
    /// The client will only look.
    pub read_only: bool,
    /// A simulated person; looked at in a demo session only.
    #[serde(default)]
    pub demo_person: Option<PersonId>,
    /// False for `status` and `kill-session`, which are not terminals and are not listed as attached.
    #[serde(default)]
    pub is_terminal: bool,
}

/// From the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "to_client", content = "body", rename_all = "kebab-case")]
pub enum ToClient {
    /// Answer to [`Hello`].
    Welcome(Welcome),
    /// The client is turned away; the connection ends.
    TurnedAway {
        /// [`crate::wire::CONTRACT`] of the server.
        contract: u32,
        /// Why.
        reason: String,
        /// What to do; or empty.
        hint: String,
    },
    /// A part of a serialized [`Snapshot`].
    SnapshotPart {
        /// Place, from 0.
        index: u32,
        /// How many there are.
        total: u32,
        /// Bytes of the JSON text, base 64.
        #[serde(with = "base64_bytes")]
        bytes: Vec<u8>,
    },
    /// Facts, durable already, in order and without a gap after the snapshot's head.
    Facts(Vec<Stamped>),
    /// Readings of connectors.
    Readings(Vec<Reading>),
    /// Progress of the waiting gate; absent when none waits.
    Gate(Option<GateProgress>),
    /// What is read of the declared effects of the step under way.
    Effects(Vec<EffectNow>),
    /// New bytes of a running command, or the answer to [`ToServer::Output`].
    Output(OutputTail),
    /// Answer to [`ToServer::Ask`].
    Reply {
        /// The client's number.
        number: u64,
        /// Accepted, or why not.
        refused: Option<Refusal>,
    },
    /// What to sign to say who is at this terminal.
    Challenge(Challenge),
    /// Answer to a proposal that its proposer has to sign: what would be proposed.
    Draft(Box<Draft>),
    /// What the changed runbook would come to.
    Amendment(Box<Preview>),
    /// The policy, or whom this terminal is taken for, is another than before.
    Policy {
        /// Whom the server takes the terminal for.
        you: Actor,
        /// True when commands of this terminal are refused.
        read_only: bool,
        /// What is asked of them.
        policy: PolicyView,
    },
    /// What lies around the session is another than before.
    Around(Box<Around>),
    /// Answer to [`ToServer::Records`].
    Records(Vec<Stamped>),
    /// A signed statement on the journal so far: at attach, and whenever one is made.
    Checkpoint(SignedCheckpoint),
    /// Answer to [`ToServer::Headers`]: header documents, byte by byte as in the journal.
    Headers {
        /// Number of the first one.
        from: Seq,
        /// The documents, in order.
        headers: Vec<String>,
    },
    /// This client was too slow: messages were dropped and a new snapshot follows.
    Lagged,
    /// The session ends or the connection does.
    Bye {
        /// Why.
        reason: String,
    },
}

/// A `warroom-checkpoint@v1` with the armoured signature of the session's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedCheckpoint {
    /// The document, whole.
    pub document: String,
    /// The SSHSIG over it.
    pub signature: String,
}

/// Who the server takes the client for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// [`crate::wire::CONTRACT`] of the server.
    pub contract: u32,
    /// `warroom 0.1.0`.
    pub program: String,
    /// The session.
    pub name: SessionName,
    /// Mode of the session.
    pub mode: Mode,
    /// This terminal.
    pub terminal: TerminalId,
    /// Whom the server takes the peer for.
    pub you: Actor,
    /// True when commands of this terminal are refused.
    pub read_only: bool,
    /// What is asked of the person.
    #[serde(default)]
    pub policy: PolicyView,
}

/// A proposal before its proposer has signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The client's number of the question.
    pub number: u64,
    /// What would be proposed; the digest in it is that of the plan.
    pub terms: Terms,
    /// The `warroom-plan@v1`, whole.
    pub plan: String,
}

/// Everything a client needs to draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The folded state.
    pub state: State,
    /// The newest readings.
    pub board: Board,
    /// Tails of running and just ended commands, newest last.
    pub outputs: Vec<OutputTail>,
    /// Newest records, oldest first; at most [`RECENT_MAX`].
    pub recent: Vec<Stamped>,
    /// What lies around the session.
    #[serde(default)]
    pub around: Around,
}

/// Records in a snapshot: what the event feed and the first page of the timeline show.
pub const RECENT_MAX: usize = 200;
