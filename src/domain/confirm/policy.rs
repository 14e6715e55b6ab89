//! What each class of step asks of people: how many, in which roles, by which evidence (`TWO_PERSON` 3.5).
//!
//! [`Rules`] is what a policy file says; [`Rules::rule_for`] is what holds for one class in one deployment. A runbook may
//! raise that ([`ClassRule::raised`]) and never lower it.

mod defaults;

use super::people::Role;
use crate::domain::fact::{Mode, Via};
use crate::domain::git::Demand;
use crate::domain::mutant::{Guard, is_off};
use crate::domain::rehearsal::Wanted;
use crate::domain::runbook::plan::Risk;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// Most confirmers a class or a step can ask for: more people than that are never awake at once.
pub const CONFIRMERS_MAX: u8 = 8;

/// Roles in which somebody can confirm. An observer only looks, and break-glass is the absence of a confirm.
pub const CONFIRMER_ROLES: [Role; 2] = [Role::Operator, Role::Approver];

/// Least evidence that is taken (`TWO_PERSON` 3.2). The order is that of strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grade {
    /// The account, as the kernel tells it.
    #[serde(rename = "uid")]
    Uid,
    /// A one-time code.
    #[serde(rename = "totp")]
    Totp,
    /// A signature.
    #[serde(rename = "sshsig")]
    Sshsig,
    /// A signature by a security key that was touched, or one that was made on another host.
    #[serde(rename = "sshsig+up")]
    Touch,
    /// A signature by a security key that knows its owner: PIN or finger.
    #[serde(rename = "sshsig+uv")]
    Verified,
}

impl Grade {
    /// All grades with their words, the weakest first.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("uid", Self::Uid),
        ("totp", Self::Totp),
        ("sshsig", Self::Sshsig),
        ("sshsig+up", Self::Touch),
        ("sshsig+uv", Self::Verified),
    ];

    /// The word of the rules file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uid => "uid",
            Self::Totp => "totp",
            Self::Sshsig => "sshsig",
            Self::Touch => "sshsig+up",
            Self::Verified => "sshsig+uv",
        }
    }

    /// Strength as in [`Via::strength`].
    pub const fn strength(self) -> u8 {
        match self {
            Self::Uid => 1,
            Self::Totp => 2,
            Self::Sshsig => 3,
            Self::Touch => 4,
            Self::Verified => 5,
        }
    }

    /// Whether some evidence is enough.
    pub fn met_by(self, via: &Via) -> Met {
        let firm = match via {
            Via::Sshsig {
                key,
                touch,
                detached: true,
            } => Via::Sshsig {
                key: key.clone(),
                touch: *touch,
                detached: false,
            }
            .strength(),
            other => other.strength(),
        };
        if firm >= self.strength() || is_off(Guard::Evidence) {
            Met::Yes
        } else if via.strength() >= self.strength() {
            Met::Detached
        } else {
            Met::No
        }
    }
}

/// How evidence compares with a [`Grade`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// It is too weak.
    No,
    /// It is enough only because it was made on another host.
    Detached,
    /// It is enough.
    Yes,
}

/// Who must be there at go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// Nobody but who says go.
    No,
    /// Everybody who counts, except who confirmed on another host.
    UnlessDetached,
    /// Everybody who counts.
    Yes,
}

impl Presence {
    /// The words of the rules file.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("no", Self::No),
        ("unless-detached", Self::UnlessDetached),
        ("yes", Self::Yes),
    ];

    /// The word of the rules file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::UnlessDetached => "unless-detached",
            Self::Yes => "yes",
        }
    }

    /// True when the confirmer behind this evidence has to be there at go.
    pub const fn is_needed_of(self, via: &Via) -> bool {
        match self {
            Self::No => false,
            Self::UnlessDetached => !matches!(via, Via::Sshsig { detached: true, .. }),
            Self::Yes => true,
        }
    }
}

/// How long a confirm screen shows a plan before its words appear (`TWO_PERSON` 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dwell {
    /// For any plan.
    pub base: Duration,
    /// More for each ten lines.
    pub per_ten_lines: Duration,
    /// More for each target after the first.
    pub per_target: Duration,
    /// Never longer than this.
    pub longest: Duration,
}

impl Dwell {
    /// The dwell for a plan of that many lines that touches that many components.
    pub fn of(self, lines: usize, targets: usize) -> Duration {
        let times = |span: Duration, count: usize| {
            span.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
        };
        self.base
            .saturating_add(times(self.per_ten_lines, lines / 10))
            .saturating_add(times(self.per_target, targets.saturating_sub(1)))
            .min(self.longest)
    }

    /// The slower of two, part by part.
    #[must_use]
    pub fn or_slower(self, other: Self) -> Self {
        Self {
            base: self.base.max(other.base),
            per_ten_lines: self.per_ten_lines.max(other.per_ten_lines),
            per_target: self.per_target.max(other.per_target),
            longest: self.longest.max(other.longest),
        }
    }
}

/// What holds for one class of step in one deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassRule {
    /// People other than proposer and executor who must say yes.
    pub confirmers: u8,
    /// Roles in which they may; never empty.
    pub roles: BTreeSet<Role>,
    /// Each of them in another role.
    pub distinct_roles: bool,
    /// Least evidence of each confirmer.
    pub confirmer: Grade,
    /// How many of them may reach [`ClassRule::confirmer`] by a signature made on another host in place of a touch.
    pub detached: u8,
    /// Least evidence of who proposes.
    pub proposer: Grade,
    /// Least evidence of who says go.
    pub go: Grade,
    /// Least evidence, for whatever purpose, of anybody but the owner of the server's account.
    pub others: Grade,
    /// Who must be there at go.
    pub presence: Presence,
    /// The confirmer says from their own view what is about to be touched, before the target is shown.
    pub independent_check: bool,
    /// Time before the words appear.
    pub dwell: Dwell,
    /// An account is taken for a person only because a line of the policy says so: every screen, statement and export
    /// has to tell it.
    pub uid_by_policy: bool,
    /// It has to be carried out in a rehearsal of the same plan before it is proposed.
    // A rule without keeps the bytes it had before there were rehearsals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Wanted>,
}

/// Said wherever [`ClassRule::uid_by_policy`] holds.
pub const UID_BY_POLICY: &str = "accounts count as people here because the policy says `allow_uid`: whoever can become another account is two people";

impl ClassRule {
    /// Evidence needed of somebody for a purpose: the owner of the server's account is not held to
    /// [`ClassRule::others`].
    pub fn needed(&self, purpose: Purpose, is_owner: bool) -> Grade {
        let grade = match purpose {
            Purpose::Propose => self.proposer,
            Purpose::Confirm => self.confirmer,
            Purpose::Go => self.go,
        };
        if is_owner {
            grade
        } else {
            grade.max(self.others)
        }
    }

    /// What is said beside every use of this rule; nothing when there is nothing to say.
    pub fn notice(&self) -> Option<&'static str> {
        self.uid_by_policy.then_some(UID_BY_POLICY)
    }

    /// This rule with what a runbook asks beyond it. What the runbook asks less of stays as it is.
    #[must_use]
    pub fn raised(&self, raise: &Raise) -> Self {
        let confirmers = raise.confirmers.unwrap_or(0).min(CONFIRMERS_MAX);
        let confirmer = raise
            .confirmer
            .map_or(self.confirmer, |g| g.max(self.confirmer));
        let proposer = raise
            .proposer
            .map_or(self.proposer, |g| g.max(self.proposer));
        let go = raise.go.map_or(self.go, |g| g.max(self.go));
        Self {
            confirmers: self.confirmers.max(confirmers),
            distinct_roles: self.distinct_roles || raise.distinct_roles,
            confirmer,
            proposer,
            go,
            presence: raise
                .presence
                .map_or(self.presence, |p| p.max(self.presence)),
            independent_check: self.independent_check || raise.independent_check,
            dwell: raise.dwell.map_or(self.dwell, |d| d.or_slower(self.dwell)),
            uid_by_policy: self.uid_by_policy && [confirmer, proposer, go].contains(&Grade::Uid),
            ..self.clone()
        }
    }
}

/// What somebody's evidence is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Opening a proposal.
    Propose,
    /// Confirming one.
    Confirm,
    /// Starting what was confirmed.
    Go,
}

/// What a runbook asks beyond its class; empty asks nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Raise {
    /// At least so many confirmers, up to [`CONFIRMERS_MAX`].
    pub confirmers: Option<u8>,
    /// Each in another role.
    pub distinct_roles: bool,
    /// Stronger evidence of confirmers.
    pub confirmer: Option<Grade>,
    /// Stronger evidence of who proposes.
    pub proposer: Option<Grade>,
    /// Stronger evidence of who says go.
    pub go: Option<Grade>,
    /// More people there at go.
    pub presence: Option<Presence>,
    /// An independent check.
    pub independent_check: bool,
    /// A slower screen.
    pub dwell: Option<Dwell>,
}

/// What one class's lines of a policy file say; what is absent has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassLines {
    /// See [`ClassRule::confirmers`].
    pub confirmers: Option<u8>,
    /// See [`ClassRule::roles`].
    pub roles: Option<BTreeSet<Role>>,
    /// See [`ClassRule::distinct_roles`].
    pub distinct_roles: Option<bool>,
    /// See [`ClassRule::confirmer`].
    pub confirmer: Option<Grade>,
    /// See [`ClassRule::detached`].
    pub detached: Option<u8>,
    /// See [`ClassRule::proposer`].
    pub proposer: Option<Grade>,
    /// See [`ClassRule::go`].
    pub go: Option<Grade>,
    /// See [`ClassRule::presence`].
    pub presence: Option<Presence>,
    /// See [`ClassRule::independent_check`].
    pub independent_check: Option<bool>,
    /// See [`Dwell::base`].
    pub dwell: Option<Duration>,
    /// See [`Dwell::per_ten_lines`].
    pub dwell_per_10_lines: Option<Duration>,
    /// See [`Dwell::per_target`].
    pub dwell_per_target: Option<Duration>,
    /// See [`Dwell::longest`].
    pub dwell_max: Option<Duration>,
    /// What the runbook has to be before a step of this class is begun or proposed.
    pub runbook: Option<Demand>,
    /// See [`ClassRule::rehearsal`].
    pub rehearsal: Option<Wanted>,
}

/// What happens to a break-glass when the page about it could not be sent (`TWO_PERSON` 4.8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageDown {
    /// It does not happen.
    #[default]
    Refuse,
    /// It happens after [`PAGE_DOWN_DELAY`].
    Delay,
}

/// Wait before a break-glass that nobody could be paged about: time to reach somebody in another way.
pub const PAGE_DOWN_DELAY: Duration = Duration::from_secs(10 * 60);

impl PageDown {
    /// The words of the rules file.
    pub const WORDS: [(&'static str, Self); 2] = [("refuse", Self::Refuse), ("delay", Self::Delay)];
}

/// Everything the rules file says. The default is that of a deployment without one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// `[class.read]`
    pub read: ClassLines,
    /// `[class.change]`
    pub change: ClassLines,
    /// `[class.destructive]`
    pub destructive: ClassLines,
    /// `[class.irreversible]`
    pub irreversible: ClassLines,
    /// In advisory mode an account speaks for its person: for teams without keys.
    pub allow_uid: bool,
    /// Program and arguments that page somebody about a break-glass; it must exit 0. Absent: a page is always down.
    pub page_hook: Option<Vec<String>>,
    /// See [`PageDown`].
    pub page_down: PageDown,
    /// Program and arguments that take a checkpoint, on standard input, off the host.
    pub checkpoint_hook: Option<Vec<String>>,
    /// Directory, best on another host or medium, that gets a copy of each checkpoint.
    pub checkpoint_dir: Option<PathBuf>,
    /// What any runbook has to be before its maintenance begins.
    pub runbook: Option<Demand>,
    /// File of those whose SSH signatures count for a runbook, in the form of `ssh-keygen` (`allowed_signers`). Absent:
    /// those the account's own Git knows.
    pub runbook_signers: Option<PathBuf>,
}

impl Rules {
    /// Lines of a class.
    pub const fn lines(&self, risk: Risk) -> &ClassLines {
        match risk {
            Risk::Read => &self.read,
            Risk::Change => &self.change,
            Risk::Destructive => &self.destructive,
            Risk::Irreversible => &self.irreversible,
        }
    }

    /// What a runbook has to be for steps of a class: the demand on all, and that on the class.
    pub fn demands(&self, risk: Risk) -> impl Iterator<Item = Demand> {
        let of_class = self.lines(risk).runbook;
        self.runbook.into_iter().chain(of_class)
    }

    /// Lines of a class, to be filled.
    pub const fn lines_mut(&mut self, risk: Risk) -> &mut ClassLines {
        match risk {
            Risk::Read => &mut self.read,
            Risk::Change => &mut self.change,
            Risk::Destructive => &mut self.destructive,
            Risk::Irreversible => &mut self.irreversible,
        }
    }

    /// What holds for a class of step in a mode, with a server whose account is a person's own or nobody's.
    ///
    /// The lines of the file are taken as they are, except for what the mode cannot do without: what the runner cannot
    /// check again, and what the owner of the server's account could have made up.
    pub fn rule_for(&self, risk: Risk, mode: Mode, server_is_a_persons_account: bool) -> ClassRule {
        let ground = defaults::Ground::of(mode, server_is_a_persons_account, self.allow_uid);
        let lines = self.lines(risk);
        let base = defaults::rule(risk, ground);
        let floor = defaults::floor(risk, ground);
        let grade = |line: Option<Grade>, usual: Grade| line.unwrap_or(usual).max(floor);
        let dwell = Dwell {
            base: lines.dwell.unwrap_or(base.dwell.base),
            per_ten_lines: lines.dwell_per_10_lines.unwrap_or(base.dwell.per_ten_lines),
            per_target: lines.dwell_per_target.unwrap_or(base.dwell.per_target),
            longest: lines.dwell_max.unwrap_or(base.dwell.longest),
        };
        let confirmer = grade(lines.confirmer, base.confirmer);
        let proposer = lines.proposer.unwrap_or(base.proposer);
        let proposer = proposer.max(defaults::proposer_floor(risk, ground));
        let go = lines.go.unwrap_or(base.go);
        let fewest = u8::from(risk.needs_second_person());
        ClassRule {
            confirmers: lines.confirmers.unwrap_or(base.confirmers).max(fewest),
            roles: lines.roles.clone().unwrap_or(base.roles),
            distinct_roles: lines.distinct_roles.unwrap_or(base.distinct_roles),
            confirmer,
            detached: lines.detached.unwrap_or(base.detached),
            proposer,
            go,
            others: base.others,
            presence: lines.presence.unwrap_or(base.presence),
            independent_check: lines.independent_check.unwrap_or(base.independent_check),
            dwell,
            uid_by_policy: base.uid_by_policy && [confirmer, proposer, go].contains(&Grade::Uid),
            rehearsal: lines.rehearsal,
        }
    }
}

/// Characters of a reason for a break-glass, at least: a sentence, not a word.
pub const BREAKGLASS_REASON_MIN: usize = 20;

/// True when these pieces of evidence of one person are enough for a break-glass (`TWO_PERSON` 4.8): a signature that
/// somebody's finger or another host stands behind, or a signature and a code.
pub fn breaks_glass<'a>(evidence: impl IntoIterator<Item = &'a Via>) -> bool {
    let (mut has_signature, mut has_code) = (false, false);
    for via in evidence {
        if Grade::Touch.met_by(via) != Met::No {
            return true;
        }
        has_signature |= matches!(via, Via::Sshsig { .. });
        has_code |= matches!(via, Via::Totp { .. });
    }
    has_signature && has_code
}

#[cfg(test)]
mod tests;
