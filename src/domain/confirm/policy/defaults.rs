//! The table of `TWO_PERSON` 3.5, and below what no line of a file can go.

use super::{ClassRule, Dwell, Grade, Presence};
use crate::domain::confirm::people::Role;
use crate::domain::fact::Mode;
use crate::domain::runbook::plan::Risk;
use std::collections::BTreeSet;
use std::time::Duration;

/// Dwell of any plan (`TWO_PERSON` 6.1, rule 3).
const DWELL: Dwell = Dwell {
    base: Duration::from_secs(5),
    per_ten_lines: Duration::from_secs(1),
    per_target: Duration::from_secs(1),
    longest: Duration::from_secs(30),
};

/// On what the evidence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// The runner checks signatures again; codes and accounts it cannot.
    Enforced,
    /// A server in an account of nobody.
    Advisory,
    /// A server in the account of somebody who could have made up what others said.
    Own,
    /// Advisory, and a line says that accounts are taken for people.
    ByPolicy,
    /// Simulated people.
    Demo,
}

impl Ground {
    pub(super) const fn of(mode: Mode, is_own: bool, allow_uid: bool) -> Self {
        match mode {
            Mode::Demo => Self::Demo,
            Mode::Enforced => Self::Enforced,
            Mode::Advisory if allow_uid => Self::ByPolicy,
            Mode::Advisory if is_own => Self::Own,
            Mode::Advisory => Self::Advisory,
        }
    }
}

/// The rule of a class where no file says anything.
pub(super) fn rule(risk: Risk, ground: Ground) -> ClassRule {
    let usual = ClassRule {
        confirmers: 0,
        roles: BTreeSet::from([Role::Approver]),
        distinct_roles: false,
        confirmer: Grade::Uid,
        detached: 0,
        proposer: Grade::Uid,
        go: Grade::Uid,
        others: others(risk, ground),
        presence: Presence::No,
        independent_check: false,
        dwell: DWELL,
        uid_by_policy: ground == Ground::ByPolicy && risk != Risk::Read,
        rehearsal: None,
    };
    match risk {
        Risk::Read => usual,
        Risk::Change => ClassRule {
            confirmers: 1,
            ..usual
        },
        Risk::Destructive => ClassRule {
            confirmers: 1,
            confirmer: match ground {
                Ground::Enforced | Ground::Own => Grade::Sshsig,
                Ground::Advisory => Grade::Totp,
                Ground::ByPolicy | Ground::Demo => Grade::Uid,
            },
            proposer: proposer_floor(risk, ground),
            presence: Presence::Yes,
            independent_check: true,
            ..usual
        },
        Risk::Irreversible => {
            let (confirmer, both) = match ground {
                Ground::Demo => (Grade::Uid, Grade::Uid),
                _ => (Grade::Touch, Grade::Sshsig),
            };
            ClassRule {
                confirmers: 2,
                roles: BTreeSet::from([Role::Operator, Role::Approver]),
                distinct_roles: true,
                confirmer,
                detached: 1,
                proposer: both,
                go: both,
                presence: Presence::UnlessDetached,
                independent_check: true,
                ..usual
            }
        }
    }
}

/// Evidence of anybody but the server's owner. Looking needs none.
const fn others(risk: Risk, ground: Ground) -> Grade {
    match (risk, ground) {
        (Risk::Change | Risk::Destructive | Risk::Irreversible, Ground::Own) => Grade::Sshsig,
        _ => Grade::Uid,
    }
}

/// Evidence of confirmers that no line can go below.
pub(super) const fn floor(risk: Risk, ground: Ground) -> Grade {
    match (risk, ground) {
        (Risk::Destructive, Ground::Enforced | Ground::Own)
        | (
            Risk::Irreversible,
            Ground::Enforced | Ground::Own | Ground::Advisory | Ground::ByPolicy,
        ) => Grade::Sshsig,
        (Risk::Destructive, Ground::Advisory) => Grade::Totp,
        (Risk::Read | Risk::Change, _)
        | (Risk::Destructive, Ground::ByPolicy)
        | (_, Ground::Demo) => Grade::Uid,
    }
}

/// Evidence of who proposes that no line can go below: the runner itself sees two people's signatures over one plan.
pub(super) const fn proposer_floor(risk: Risk, ground: Ground) -> Grade {
    match (risk, ground) {
        (Risk::Destructive | Risk::Irreversible, Ground::Enforced) => Grade::Sshsig,
        _ => Grade::Uid,
    }
}
