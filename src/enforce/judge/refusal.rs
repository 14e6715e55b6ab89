//! Why a ticket is refused.

use crate::domain::confirm::people::Role;
use crate::domain::confirm::quorum::Uncounted;
use crate::domain::digest::Digest;
use crate::domain::doc::DocError;
use crate::domain::id::PersonId;
use crate::enforce::plan::PlanFault;
use crate::enforce::said::Kind;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Why a ticket is refused. Nothing has run then, and its nonce is as good as before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The plan cannot be executed from its bytes.
    #[error(transparent)]
    Plan(#[from] PlanFault),
    /// A header of the journal cannot be read.
    #[error("the header of the {what} record cannot be read: {source}")]
    Record {
        /// Which.
        what: &'static str,
        /// Why.
        source: DocError,
    },
    /// Records and plan do not belong together.
    #[error("{0}")]
    Chain(&'static str),
    /// The proposal is from before the host was started.
    #[error("the proposal was made before this host was started")]
    Boot,
    /// A statement cannot be read.
    #[error("the {} statement cannot be read: {source}", .kind.word())]
    Statement {
        /// Which.
        kind: Kind,
        /// Why.
        source: DocError,
    },
    /// A line says something else than what follows from the ticket.
    #[error("line `{line}` of the {} statement does not fit the ticket", .kind.word())]
    Line {
        /// Which statement.
        kind: Kind,
        /// Which line.
        line: &'static str,
    },
    /// Other policy files than the ones that are there now.
    #[error("the statements are for policy {stated}, and the files here make {found}")]
    Policy {
        /// What the statement says.
        stated: Digest,
        /// What the files are now.
        found: Digest,
    },
    /// The times of the statements cannot be those of a proposal.
    #[error("`issued` and `expires` do not fit each other or the record of the proposal")]
    Life,
    /// The proposal lies in the future.
    #[error("the proposal was issued later than now: a clock was set back")]
    Early,
    /// Its time is up on one of the clocks.
    #[error("the proposal has expired")]
    Expired,
    /// Not in the people file.
    #[error("nobody here is called `{0}`")]
    Unknown(PersonId),
    /// In the list of the revoked.
    #[error("`{0}` is revoked")]
    Revoked(PersonId),
    /// No signature where only one could prove who it is.
    #[error("the {} of `{signer}` has no signature, and nothing else that could be theirs", .kind.word())]
    Unsigned {
        /// Which statement.
        kind: Kind,
        /// Whose.
        signer: PersonId,
    },
    /// The signature does not hold.
    #[error("the signature of `{signer}` under the {} does not hold: {why}", .kind.word())]
    Signature {
        /// Under which statement.
        kind: Kind,
        /// Whose it should be.
        signer: PersonId,
        /// Why.
        why: String,
    },
    /// Somebody else's key.
    #[error("the {} names `{stated}` and is signed by a key of `{found}`", .kind.word())]
    Signer {
        /// Which statement.
        kind: Kind,
        /// Who it names.
        stated: PersonId,
        /// Whose key it is.
        found: PersonId,
    },
    /// The evidence is too weak for this class.
    #[error("the {} of `{signer}` needs `{needed}` here and has `{found}`", .kind.word())]
    Weak {
        /// Which statement.
        kind: Kind,
        /// Whose.
        signer: PersonId,
        /// The least that counts.
        needed: &'static str,
        /// What there is.
        found: String,
    },
    /// The person may not do that.
    #[error("`{person}` has no role `{}`", .role.as_str())]
    Role {
        /// Who.
        person: PersonId,
        /// Which role is missing.
        role: Role,
    },
    /// A confirm by who proposed or runs it.
    #[error("`{0}` proposed or runs this, and confirmed it too")]
    Own(PersonId),
    /// Too few people.
    #[error("{needed} people have to confirm this, and {found} count{}", uncounted_text(.uncounted))]
    Quorum {
        /// How many are needed.
        needed: usize,
        /// How many count.
        found: usize,
        /// Who confirmed and does not count.
        uncounted: BTreeMap<PersonId, Uncounted>,
    },
    /// One person alone, and not as a break-glass has to be.
    #[error("break-glass: {0}")]
    Alone(&'static str),
    /// Another host.
    #[error("the plan is for host `{stated}`, and this is `{found}`")]
    Host {
        /// What the plan says.
        stated: String,
        /// Where this is.
        found: String,
    },
    /// Another account.
    #[error("the plan is for account `{stated}`, and this is `{found}`")]
    Account {
        /// What the plan says.
        stated: String,
        /// The account of the runner.
        found: String,
    },
    /// A variable that makes programs run other code.
    #[error("environment variable `{0}` is refused: it can make a program run other code")]
    Steering(String),
    /// Something else in the plan that this runner does not do.
    #[error("{0}")]
    Command(String),
    /// Not the blob that the plan names.
    #[error("standard input is not what the plan names")]
    Stdin,
}

fn uncounted_text(uncounted: &BTreeMap<PersonId, Uncounted>) -> String {
    let mut text = String::new();
    for (person, why) in uncounted {
        let why = match why {
            Uncounted::Own => "proposed or runs it",
            Uncounted::Role => "has no role for it",
            Uncounted::Weak => "has too weak evidence",
            Uncounted::Detached => "signed on another host, and enough others did",
            Uncounted::RoleTaken => "has only roles that others stand for",
        };
        // Writing into a text cannot fail.
        write!(text, "; `{person}` {why}").ok();
    }
    text
}

impl Refusal {
    /// Stable word for programs and tests.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Plan(_) => "plan",
            Self::Record { .. } => "record",
            Self::Chain(_) => "chain",
            Self::Boot => "boot",
            Self::Statement { .. } => "statement",
            Self::Line { .. } => "line",
            Self::Policy { .. } => "policy",
            Self::Life => "life",
            Self::Early => "early",
            Self::Expired => "expired",
            Self::Unknown(_) => "unknown-person",
            Self::Revoked(_) => "revoked",
            Self::Unsigned { .. } => "unsigned",
            Self::Signature { .. } => "signature",
            Self::Signer { .. } => "signer",
            Self::Weak { .. } => "weak",
            Self::Role { .. } => "role",
            Self::Own(_) => "own",
            Self::Quorum { .. } => "quorum",
            Self::Alone(_) => "alone",
            Self::Host { .. } => "host",
            Self::Account { .. } => "account",
            Self::Steering(_) => "steering",
            Self::Command(_) => "command",
            Self::Stdin => "stdin",
        }
    }

    /// What a person can do; empty when there is nothing but to find out who sent it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Policy { .. } | Self::Boot | Self::Expired => "propose it again",
            Self::Alone(_) => "have another person confirm it",
            Self::Early => "set the clock of this host",
            Self::Quorum { .. } | Self::Weak { .. } => "have others confirm it, with their keys",
            Self::Unknown(_) | Self::Role { .. } => "root adds people and roles to the people file",
            Self::Account { .. } | Self::Host { .. } => {
                "propose it again with the session server that belongs to this runner"
            }
            Self::Steering(_) => {
                "set it inside the command, where people see it, or name it in `allow_env` of the runner"
            }
            _ => "",
        }
    }
}
