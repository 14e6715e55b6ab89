//! The runner's own judgement on a ticket. Pure: what was read, the time and the host come in as values.
//!
//! Nothing that the server concluded is taken over. Digests are worked out from the bytes, every line of every
//! statement is compared with the one that follows from the ticket, signatures are checked against the files of root
//! as they are now, and the distinctness rule (`TWO_PERSON` 3.4) is applied to the people behind them.

mod alone;
pub mod back;
mod refusal;
#[cfg(test)]
pub(super) mod tests;

pub use refusal::Refusal;

use super::law::Law;
use super::name::RunName;
use super::plan::{self, Plan};
use super::said::{Head, Kind, Said};
use super::secret;
use super::ticket::{Spoken, Ticket};
use crate::domain::confirm::PROPOSAL_LIFE;
use crate::domain::confirm::people::Role;
use crate::domain::confirm::policy::{ClassRule, Grade, Met, Purpose};
use crate::domain::confirm::quorum::{self, Between, Piece};
use crate::domain::digest::Digest;
use crate::domain::fact::{Mode, Via};
use crate::domain::id::{PersonId, Seq};
use crate::domain::time::Moment;
use crate::evidence::sshsig::{self, SigFault};
use crate::runner::{OUTPUT_VARIABLE, is_steering, is_variable_name};
use std::collections::BTreeSet;
use std::path::{Component, Path};
use std::time::Duration;

/// From the opening of a proposal to its record: a large executable is hashed in between.
const OPENING_MAX: Duration = Duration::from_secs(60);
/// Both programs read the same clock; what is later than this was not issued here.
const AHEAD_MAX: Duration = Duration::from_secs(2);
/// Longest time a command may be given: a day of maintenance.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3600);
/// Written in a plan for an empty standard input.
const EMPTY: &str = "empty";

/// Where and when the ticket is judged.
#[derive(Debug, Clone)]
pub struct Here<'a> {
    /// Both clocks.
    pub now: Moment,
    /// Which boot of the host.
    pub boot: &'a str,
    /// Name of the host.
    pub host: &'a str,
    /// Name of the runner's own account.
    pub account: &'a str,
    /// Directory of the files that commands hand values over in.
    pub values: &'a Path,
    /// Variables that could steer a program and are allowed all the same.
    pub allow_env: &'a BTreeSet<String>,
    /// Whether the server is believed that a signature was made on another host.
    pub believe_detached: bool,
}

/// A ticket that was found right. Made by [`judge`] and [`back::judge`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    name: RunName,
    plan: Plan,
    said: Said,
    confirmers: BTreeSet<PersonId>,
    began_by: Option<String>,
    stdin: Option<Vec<u8>>,
}

impl Passed {
    /// What is spent for it.
    pub const fn name(&self) -> &RunName {
        &self.name
    }

    /// What will run.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What the proposer stated, whose lines everybody else stated too.
    pub const fn said(&self) -> &Said {
        &self.said
    }

    /// The person who went alone, where that is what the ticket rests on: then nobody else counts.
    pub fn alone(&self) -> Option<&PersonId> {
        let executor = &self.said.executor;
        self.confirmers.contains(executor).then_some(executor)
    }

    /// The people who count: who confirmed, or the one who went alone.
    pub const fn confirmers(&self) -> &BTreeSet<PersonId> {
        &self.confirmers
    }

    /// Who began to go back, for a way back: the server's word, which nobody has judged.
    pub fn began_by(&self) -> Option<&str> {
        self.began_by.as_deref()
    }

    /// Bytes for standard input; absent for none.
    pub fn stdin(&self) -> Option<&[u8]> {
        self.stdin.as_deref()
    }
}

/// Judges a ticket.
///
/// # Errors
/// [`Refusal`], by the first thing that is wrong; nothing may run then.
pub fn judge(ticket: &Ticket, law: &Law, here: &Here<'_>) -> Result<Passed, Refusal> {
    let plan = plan::read(&ticket.plan)?;
    let proposal = records(ticket, here)?;
    let said = said(Kind::Propose, &ticket.propose)?;
    let about = About {
        proposal: &proposal,
        law,
        here,
        plan: Digest::of(&ticket.plan),
    };
    about.check_first(&said, &plan)?;
    about.check_time(&said)?;
    let rule = law.rules.rule_for(plan.inputs.risk, Mode::Enforced, false);
    about.check_proposer(&said, &ticket.propose, &rule)?;
    let confirmers = about.confirmers(&said, ticket, &rule)?;
    about.check_go(&said, ticket, &rule)?;
    check_command(&plan, here)?;
    let stdin = stdin(&plan, ticket)?;
    Ok(Passed {
        name: RunName::forward(said.nonce.clone()),
        plan,
        said,
        confirmers,
        began_by: None,
        stdin,
    })
}

/// Reads the two records and checks that they hang together with the plan and belong to this boot of this host.
fn records(ticket: &Ticket, here: &Here<'_>) -> Result<Proposal, Refusal> {
    let read =
        |what, bytes: &[u8]| Head::parse(bytes).map_err(|source| Refusal::Record { what, source });
    let genesis = read("genesis", &ticket.genesis)?;
    let head = read("proposal", &ticket.proposed)?;
    let is_first = genesis.seq == Seq(0) && genesis.prev.is_none();
    if !is_first || genesis.kind != "session.opened" {
        return Err(Refusal::Chain(
            "the first record is not the opening of a session",
        ));
    }
    if head.kind != "step.proposed" || head.seq == Seq(0) || head.prev.is_none() {
        return Err(Refusal::Chain("the second record is not a proposal"));
    }
    if head.session != genesis.session {
        return Err(Refusal::Chain("the records are of two sessions"));
    }
    let length = u64::try_from(ticket.plan.len()).unwrap_or(u64::MAX);
    if head.body != Digest::of(&ticket.plan) || head.body_len != length {
        return Err(Refusal::Chain("the plan is not the body of the proposal"));
    }
    if head.boot != here.boot {
        return Err(Refusal::Boot);
    }
    Ok(Proposal {
        genesis: genesis.hash,
        head,
    })
}

fn said(kind: Kind, spoken: &Spoken) -> Result<Said, Refusal> {
    Said::parse(kind, &spoken.statement).map_err(|source| Refusal::Statement { kind, source })
}

/// The record everybody speaks about.
struct Proposal {
    genesis: Digest,
    head: Head,
}

/// What statements are compared with.
struct About<'a> {
    proposal: &'a Proposal,
    law: &'a Law,
    here: &'a Here<'a>,
    plan: Digest,
}

impl About<'_> {
    /// The proposer's statement against the records, the plan and the policy.
    fn check_first(&self, said: &Said, plan: &Plan) -> Result<(), Refusal> {
        let head = &self.proposal.head;
        let differs = |line| {
            let kind = said.kind;
            Err(Refusal::Line { kind, line })
        };
        if said.session != head.session {
            return differs("session");
        }
        if said.genesis != self.proposal.genesis {
            return differs("genesis");
        }
        if said.policy != self.law.digest {
            return Err(Refusal::Policy {
                stated: said.policy,
                found: self.law.digest,
            });
        }
        if said.plan != self.plan {
            return differs("plan");
        }
        if said.step != plan.inputs.step {
            return differs("step");
        }
        if said.attempt != plan.inputs.attempt {
            return differs("attempt");
        }
        if said.signer != said.proposer || head.actor != said.proposer.as_str() {
            return differs("proposer");
        }
        Ok(())
    }

    /// Not yet expired on either clock, and no longer alive than a proposal lives.
    fn check_time(&self, said: &Said) -> Result<(), Refusal> {
        let head = &self.proposal.head;
        let now = self.here.now;
        if said.expires <= said.issued || said.expires > said.issued.plus(PROPOSAL_LIFE) {
            return Err(Refusal::Life);
        }
        let is_opened =
            head.time >= said.issued.minus(AHEAD_MAX) && head.time <= said.issued.plus(OPENING_MAX);
        if !is_opened {
            return Err(Refusal::Life);
        }
        if now.wall.plus(AHEAD_MAX) < said.issued || now.mono_ms < head.mono_ms {
            return Err(Refusal::Early);
        }
        let opened = Moment {
            wall: head.time,
            mono_ms: head.mono_ms,
        };
        if now.wall >= said.expires || now.has_passed(opened, PROPOSAL_LIFE) {
            return Err(Refusal::Expired);
        }
        Ok(())
    }

    /// Every line of a later statement against the proposer's.
    fn check_lines(&self, said: &Said, first: &Said) -> Result<(), Refusal> {
        let head = &self.proposal.head;
        let pairs = [
            ("session", said.session == first.session),
            ("genesis", said.genesis == first.genesis),
            ("policy", said.policy == first.policy),
            ("proposal", said.proposal == Some((head.seq, head.hash))),
            (
                "head",
                said.head.is_some_and(|seen| is_at_or_after(seen, head)),
            ),
            ("runbook", said.runbook == first.runbook),
            ("commit", said.commit == first.commit),
            ("step", said.step == first.step),
            ("attempt", said.attempt == first.attempt),
            ("plan", said.plan == first.plan),
            ("quorum", said.quorum == first.quorum),
            ("proposer", said.proposer == first.proposer),
            ("executor", said.executor == first.executor),
            ("nonce", said.nonce == first.nonce),
            ("issued", said.issued == first.issued),
            ("expires", said.expires == first.expires),
        ];
        match pairs.iter().find(|(_, is_same)| !is_same) {
            Some((line, _)) => Err(Refusal::Line {
                kind: said.kind,
                line,
            }),
            None => Ok(()),
        }
    }

    /// How the signer of a statement is known, by what can be checked here.
    fn evidence(&self, said: &Said, spoken: &Spoken) -> Result<Via, Refusal> {
        let (kind, signer) = (said.kind, &said.signer);
        let law = self.law;
        let unknown = || Refusal::Unknown(signer.clone());
        let person = law.people.person(signer).ok_or_else(unknown)?;
        if law.revoked.has_person(signer) {
            return Err(Refusal::Revoked(signer.clone()));
        }
        if spoken.armour.is_empty() {
            // Not proved here: only its being possible is looked at. `check_proposer` and the count decide for what
            // it is enough, which is never a class beyond `change`.
            let is_possible = match &spoken.via {
                Via::Uid(uid) => person.uids.contains(uid),
                Via::Totp { .. } => person.totp,
                Via::Sshsig { .. } | Via::Demo => false,
            };
            return if is_possible {
                Ok(spoken.via.clone())
            } else {
                Err(Refusal::Unsigned {
                    kind,
                    signer: signer.clone(),
                })
            };
        }
        let refused = |fault: SigFault| Refusal::Signature {
            kind,
            signer: signer.clone(),
            why: fault.to_string(),
        };
        let proof = sshsig::verify(
            &spoken.statement,
            kind.namespace(),
            &spoken.armour,
            &law.signers,
            &law.revoked,
            self.here.now.wall,
        )
        .map_err(refused)?;
        if proof.person != *signer {
            return Err(Refusal::Signer {
                kind,
                stated: signer.clone(),
                found: proof.person,
            });
        }
        let is_said_detached = matches!(&spoken.via, Via::Sshsig { detached: true, .. });
        Ok(Via::Sshsig {
            key: proof.key,
            touch: proof.touch,
            detached: is_said_detached && self.here.believe_detached,
        })
    }

    fn check_role(&self, person: &PersonId, role: Role) -> Result<(), Refusal> {
        let has = self
            .law
            .people
            .person(person)
            .is_some_and(|p| p.has_role(role));
        if has {
            Ok(())
        } else {
            let person = person.clone();
            Err(Refusal::Role { person, role })
        }
    }

    fn check_proposer(
        &self,
        said: &Said,
        spoken: &Spoken,
        rule: &ClassRule,
    ) -> Result<(), Refusal> {
        let via = self.evidence(said, spoken)?;
        self.check_role(&said.proposer, Role::Operator)?;
        enough(said, &via, rule, Purpose::Propose)
    }

    /// The people who count, if they are enough.
    fn confirmers(
        &self,
        first: &Said,
        ticket: &Ticket,
        rule: &ClassRule,
    ) -> Result<BTreeSet<PersonId>, Refusal> {
        if let Some(alone) = self.alone(first, ticket)? {
            return Ok([alone].into());
        }
        let mut found: Vec<(PersonId, Via)> = Vec::new();
        for spoken in &ticket.confirms {
            let confirm = said(Kind::Confirm, spoken)?;
            self.check_lines(&confirm, first)?;
            if confirm.signer == first.proposer || confirm.signer == first.executor {
                return Err(Refusal::Own(confirm.signer));
            }
            let via = self.evidence(&confirm, spoken)?;
            found.push((confirm.signer, via));
        }
        let between = Between {
            proposer: &first.proposer,
            executor: &first.executor,
            owner: None,
        };
        let pieces = found.iter().map(|(person, via)| Piece { person, via });
        let count = quorum::count(rule, between, pieces, |person| {
            let found = self.law.people.person(person);
            found.map(|p| p.roles.clone()).unwrap_or_default()
        });
        let needed = usize::from(first.quorum.max(rule.confirmers));
        if !count.is_enough() || count.people.len() < needed {
            return Err(Refusal::Quorum {
                needed,
                found: count.people.len(),
                uncounted: count.uncounted,
            });
        }
        Ok(count.people)
    }

    fn check_go(&self, first: &Said, ticket: &Ticket, rule: &ClassRule) -> Result<(), Refusal> {
        let go = said(Kind::Go, &ticket.go)?;
        self.check_lines(&go, first)?;
        let differs = |line| Refusal::Line {
            kind: Kind::Go,
            line,
        };
        if go.signer != first.executor {
            return Err(differs("signer"));
        }
        if go.confirms != Some(ticket.confirms_digest()) {
            return Err(differs("confirms"));
        }
        self.check_role(&go.signer, Role::Operator)?;
        if self.law.revoked.has_person(&go.signer) {
            return Err(Refusal::Revoked(go.signer));
        }
        let is_by_connection =
            ticket.go.armour.is_empty() && matches!(ticket.go.via, Via::Sshsig { .. });
        if is_by_connection && rule.go == Grade::Uid {
            // Who signed in at the connection is the server's word, as an account is: where the class asks no more of
            // a go, the two signatures over the plan are what counts.
            return Ok(());
        }
        let via = self.evidence(&go, &ticket.go)?;
        enough(&go, &via, rule, Purpose::Go)
    }
}

fn is_at_or_after((seq, hash): (Seq, Digest), head: &Head) -> bool {
    seq > head.seq || (seq == head.seq && hash == head.hash)
}

fn enough(said: &Said, via: &Via, rule: &ClassRule, purpose: Purpose) -> Result<(), Refusal> {
    let needed = rule.needed(purpose, false);
    if needed.met_by(via) == Met::No {
        return Err(Refusal::Weak {
            kind: said.kind,
            signer: said.signer.clone(),
            needed: needed.as_str(),
            found: via.to_text(),
        });
    }
    Ok(())
}

/// What a plan may ask of this runner.
fn check_command(plan: &Plan, here: &Here<'_>) -> Result<(), Refusal> {
    let inputs = &plan.inputs;
    if inputs.host != here.host {
        let (stated, found) = (inputs.host.clone(), here.host.to_owned());
        return Err(Refusal::Host { stated, found });
    }
    if inputs.runas != here.account {
        let (stated, found) = (inputs.runas.clone(), here.account.to_owned());
        return Err(Refusal::Account { stated, found });
    }
    let time = Duration::from_secs(inputs.timeout_s);
    if time.is_zero() || time > TIMEOUT_MAX {
        return Err(Refusal::Command(
            "`timeout-s` is not between 1 s and a day".to_owned(),
        ));
    }
    for (what, path) in [("exe", &plan.exe), ("cwd", &inputs.cwd)] {
        if !is_plain(Path::new(path)) {
            return Err(Refusal::Command(format!(
                "`{what}` is not an absolute path without `..`: `{path}`"
            )));
        }
    }
    for (name, value) in &inputs.env {
        if !is_variable_name(name) {
            return Err(Refusal::Command(format!(
                "`{name}` is not a name of a variable"
            )));
        }
        if is_steering(name) && !here.allow_env.contains(name) {
            return Err(Refusal::Steering(name.clone()));
        }
        if name == OUTPUT_VARIABLE && !is_directly_in(here.values, Path::new(value)) {
            return Err(Refusal::Command(format!(
                "`{OUTPUT_VARIABLE}` is not directly in `{}`",
                here.values.display()
            )));
        }
        if secret::reference(value).is_err() {
            return Err(Refusal::Command(format!(
                "variable `{name}` has a reference to a secret that cannot be read"
            )));
        }
    }
    Ok(())
}

fn is_plain(path: &Path) -> bool {
    let mut parts = path.components();
    parts.next() == Some(Component::RootDir) && parts.all(|p| matches!(p, Component::Normal(_)))
}

fn is_directly_in(directory: &Path, path: &Path) -> bool {
    is_plain(path) && path.parent() == Some(directory)
}

/// Standard input as the plan names it: nothing, or the blob with this digest.
fn stdin(plan: &Plan, ticket: &Ticket) -> Result<Option<Vec<u8>>, Refusal> {
    if plan.inputs.stdin == EMPTY {
        return if ticket.stdin.is_empty() {
            Ok(None)
        } else {
            Err(Refusal::Stdin)
        };
    }
    match Digest::parse(&plan.inputs.stdin) {
        Ok(digest) if digest == Digest::of(&ticket.stdin) => Ok(Some(ticket.stdin.clone())),
        _ => Err(Refusal::Stdin),
    }
}
