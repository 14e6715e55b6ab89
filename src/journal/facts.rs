//! Facts as records and back: the only place that knows how a fact is written.
//!
//! Most bodies are the fact as JSON. What people look at or state is kept as exactly those bytes instead: a plan, a
//! confirm and the terms of a proposal are documents of the one grammar (`TWO_PERSON` 5.2, 5.3, 5.5).

mod kinds;

pub use kinds::kind_of;

use super::fact_json;
use super::reader::Entry;
use super::record::{Content, Header, Record};
use crate::domain::confirm::statement::{ACCOUNT_TITLE, Kind, propose_statement};
use crate::domain::digest::Digest;
use crate::domain::doc::{Doc, DocError, split_armour};
use crate::domain::fact::{Actor, Confirmed, Fact, Signed, Stamped, Terms, Via};
use crate::domain::id::{AttemptNo, PersonId, Seq};
use crate::domain::state::State;
use crate::domain::time::Moment;
use kinds::JSON_KINDS;

/// A record that is not a fact this program knows.
#[derive(Debug, thiserror::Error)]
pub enum FactError {
    /// Another kind than any this program knows: a newer program wrote it.
    #[error("record {seq}: this program does not know the kind `{kind}`")]
    Kind {
        /// Which record.
        seq: u64,
        /// Its kind.
        kind: String,
    },
    /// The body does not fit the kind.
    #[error("record {seq}: the body of `{kind}` cannot be read: {why}")]
    Body {
        /// Which record.
        seq: u64,
        /// Its kind.
        kind: String,
        /// What the decoder said.
        why: String,
    },
    /// The actor or evidence line says something this program does not know.
    #[error("record {seq}: actor `{actor}` by `{via}` is not known")]
    Actor {
        /// Which record.
        seq: u64,
        /// Value of `actor`.
        actor: String,
        /// Value of `via`.
        via: String,
    },
    /// A fact that cannot be written.
    #[error("`{kind}` cannot be written: {why}")]
    Unwritable {
        /// Kind of the fact.
        kind: &'static str,
        /// Why.
        why: String,
    },
}

/// Kinds whose body is a document of the one grammar.
const DOCUMENT_KINDS: [&str; 4] = [
    "step.proposed",
    "step.confirmed",
    "proposal.opened",
    "statement.signed",
];

/// Content of the record of a fact. `state`: the fold up to here; absent for the genesis record alone.
///
/// # Errors
/// [`FactError::Unwritable`].
pub fn content(actor: &Actor, fact: &Fact, state: Option<&State>) -> Result<Content, FactError> {
    let kind = kind_of(fact);
    let unwritable = |why: String| FactError::Unwritable { kind, why };
    let body = match fact {
        Fact::StepProposed { plan } => plan.clone().into_bytes(),
        Fact::StepConfirmed(confirmed) => {
            format!("{}{}", confirmed.statement, confirmed.signature).into_bytes()
        }
        Fact::StatementSigned(signed) => {
            format!("{}{}", signed.statement, signed.signature).into_bytes()
        }
        Fact::ProposalOpened { terms, signature } => {
            let state = state.ok_or_else(|| unwritable("there is no session yet".to_owned()))?;
            let mut text =
                propose_statement(state, terms).map_err(|e| unwritable(e.to_string()))?;
            text.push_str(signature);
            text.into_bytes()
        }
        fact => serde_json::to_vec(fact).map_err(|e| unwritable(e.to_string()))?,
    };
    Ok(Content {
        kind: kind.to_owned(),
        actor: actor.to_actor_text(),
        via: actor.to_via_text(),
        body,
    })
}

/// Reads a record as a fact.
///
/// # Errors
/// [`FactError`], with the number of the record.
pub fn fact_of(record: &Record) -> Result<Stamped, FactError> {
    Place::of(record.header(), record.hash())?.fact(record.body())
}

/// As [`fact_of`] while a journal is being read, without a copy of the record.
///
/// # Errors
/// [`FactError`], with the number of the record.
pub fn fact_in(entry: &Entry<'_>) -> Result<Stamped, FactError> {
    Place::of(&entry.header, entry.hash)?.fact(entry.body)
}

/// What the header of a record says of its fact, free of the reader: the body can be read later, elsewhere.
#[derive(Debug, Clone)]
pub struct Place {
    kind: &'static str,
    seq: Seq,
    hash: Digest,
    at: Moment,
    actor: Actor,
}

impl Place {
    /// Reads the header of a record with this hash.
    ///
    /// # Errors
    /// [`FactError::Kind`] and [`FactError::Actor`].
    pub fn of(header: &Header<'_>, hash: Digest) -> Result<Self, FactError> {
        let seq = header.seq;
        let mut known = JSON_KINDS.iter().chain(&DOCUMENT_KINDS);
        let kind = known
            .find(|kind| **kind == header.kind)
            .ok_or_else(|| FactError::Kind {
                seq: seq.0,
                kind: header.kind.to_string(),
            })?;
        let actor = read_actor(&header.actor, &header.via).ok_or_else(|| FactError::Actor {
            seq: seq.0,
            actor: header.actor.to_string(),
            via: header.via.to_string(),
        })?;
        let at = Moment {
            wall: header.time,
            mono_ms: header.mono_ms,
        };
        Ok(Self {
            kind,
            seq,
            hash,
            at,
            actor,
        })
    }

    /// Reads the body.
    ///
    /// # Errors
    /// [`FactError::Body`].
    pub fn fact(self, body: &[u8]) -> Result<Stamped, FactError> {
        let Self {
            kind,
            seq,
            hash,
            at,
            actor,
        } = self;
        let fact = read_body(kind, body).map_err(|why| FactError::Body {
            seq: seq.0,
            kind: kind.to_owned(),
            why,
        })?;
        Ok(Stamped {
            seq,
            hash,
            at,
            actor,
            fact,
        })
    }
}

/// Reads the body of a known kind; or says why not.
fn read_body(kind: &str, body: &[u8]) -> Result<Fact, String> {
    let text = || {
        std::str::from_utf8(body)
            .map(str::to_owned)
            .map_err(|e| e.to_string())
    };
    match kind {
        "step.proposed" => Ok(Fact::StepProposed { plan: text()? }),
        "step.confirmed" => read_confirmed(&text()?).map(Fact::StepConfirmed),
        "proposal.opened" => {
            let text = text()?;
            let (statement, signature) = split_armour(&text);
            let terms = read_terms(statement.as_bytes()).map_err(|e| e.to_string())?;
            let signature = signature.to_owned();
            Ok(Fact::ProposalOpened { terms, signature })
        }
        "statement.signed" => read_signed(&text()?).map(Fact::StatementSigned),
        _ => {
            let fact = fact_json::read(body).map_err(|e| e.to_string())?;
            if matches!(&fact, Fact::SessionOpened(genesis) if genesis.first_plan.is_some()) {
                // It would let a certificate be about another plan than the one of the record.
                return Err("no session was amended before it was opened".to_owned());
            }
            if kind_of(&fact) == kind {
                Ok(fact)
            } else {
                Err(format!("it says `{}`", kind_of(&fact)))
            }
        }
    }
}

fn read_terms(body: &[u8]) -> Result<Terms, DocError> {
    let doc = Doc::parse_statement(body)?;
    doc.expect_title("warroom-propose", 1)?;
    let mut fields = doc.fields();
    fields.take("session")?;
    fields.take("genesis")?.digest()?;
    let policy = fields.take("policy")?.digest()?;
    let runbook = fields.take("runbook")?.digest()?;
    let commit = fields.take("commit")?.text()?.to_owned();
    let step = fields.take("step")?.parse()?;
    let attempt = fields.take("attempt")?;
    let attempt = AttemptNo(
        u32::try_from(attempt.number()?).map_err(|_| attempt.refuse("a smaller number"))?,
    );
    let plan = fields.take("plan")?.digest()?;
    let quorum = fields.take("quorum")?;
    let quorum = u8::try_from(quorum.number()?).map_err(|_| quorum.refuse("at most 255"))?;
    let proposer: PersonId = fields.take("proposer")?.parse()?;
    let executor: PersonId = fields.take("executor")?.parse()?;
    fields.take("signer")?;
    let nonce = fields.take("nonce")?.parse()?;
    let issued = fields.take("issued")?.seconds()?;
    let expires = fields.take("expires")?.seconds()?;
    fields.finish()?;
    Ok(Terms {
        step,
        attempt,
        plan,
        policy,
        runbook,
        commit,
        quorum,
        proposer,
        executor,
        nonce,
        issued,
        expires,
    })
}

fn read_actor(actor: &str, via: &str) -> Option<Actor> {
    if actor == "warroom" && via == "engine" {
        return Some(Actor::Engine);
    }
    let via = Via::parse(via)?;
    if let Some(account) = actor.strip_prefix("uid-") {
        return match via {
            Via::Uid(uid) if account == uid.to_string() => Some(Actor::Account { uid }),
            _ => None,
        };
    }
    let id = PersonId::new(actor).ok()?;
    Some(Actor::Person { id, via })
}

/// A statement of a known kind with its signature.
fn read_signed(text: &str) -> Result<Signed, String> {
    let (statement, signature) = split_armour(text);
    Doc::parse_statement(statement.as_bytes()).map_err(|e| e.to_string())?;
    if Kind::of(statement).is_none() || signature.is_empty() {
        return Err("it is no statement with its signature".to_owned());
    }
    Ok(Signed {
        statement: statement.to_owned(),
        signature: signature.to_owned(),
    })
}

fn read_confirmed(text: &str) -> Result<Confirmed, String> {
    let (statement, signature) = split_armour(text);
    let doc = Doc::parse_statement(statement.as_bytes()).map_err(|e| e.to_string())?;
    if doc.name == ACCOUNT_TITLE && signature.is_empty() {
        doc.expect_title(ACCOUNT_TITLE, 1)
    } else {
        doc.expect_title("warroom-confirm", 1)
    }
    .map_err(|e| e.to_string())?;
    let name = |key: &str| {
        doc.get(key)
            .and_then(|v| String::from_utf8(v.to_vec()).ok())
            .unwrap_or_default()
    };
    let bad = |e: crate::domain::id::NameError| e.to_string();
    Ok(Confirmed {
        step: name("step").try_into().map_err(bad)?,
        signer: name("signer").try_into().map_err(bad)?,
        statement: statement.to_owned(),
        signature: signature.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{Nonce, SessionId, StepId};
    use crate::domain::time::Timestamp;
    use crate::journal::{Stamp, seal};

    fn person(id: &str) -> Actor {
        Actor::Person {
            id: PersonId::new(id).expect("valid"),
            via: Via::Uid(1001),
        }
    }

    fn through_a_record(actor: &Actor, fact: &Fact) -> Stamped {
        let content = content(actor, fact, None).expect("writable");
        let session = SessionId::from_parts(1, 2);
        let stamp = Stamp {
            time: Timestamp::from_millis(5),
            boot: "b",
            mono_ms: 7,
        };
        let record = seal(&session, Seq(3), Some(Digest::of(b"x")), stamp, content).expect("seals");
        fact_of(&record).expect("reads")
    }

    #[test]
    fn facts_survive_the_way_through_a_record() {
        let step = StepId::new("drain").expect("valid");
        let facts = [
            Fact::Begun,
            Fact::RolledBack,
            Fact::NoteAdded {
                step: Some(step.clone()),
                text: "caf\u{e9}\n".to_owned(),
            },
            Fact::StepProposed {
                plan: "warroom-plan@v1\nstep: drain\n".to_owned(),
            },
            Fact::StepArmed { step },
        ];
        for actor in [person("alice"), Actor::Account { uid: 0 }, Actor::Engine] {
            for fact in &facts {
                let back = through_a_record(&actor, fact);
                assert_eq!((&back.actor, &back.fact), (&actor, fact));
            }
        }
    }

    #[test]
    fn a_plan_is_kept_as_exactly_its_bytes() {
        let plan = "warroom-plan@v1\nstep: x\n";
        let content = content(
            &Actor::Engine,
            &Fact::StepProposed {
                plan: plan.to_owned(),
            },
            None,
        )
        .expect("writable");
        assert_eq!(content.body, plan.as_bytes());
    }

    #[test]
    fn terms_are_read_back_from_the_propose_statement() {
        let terms = Terms {
            step: StepId::new("drain").expect("valid"),
            attempt: AttemptNo(2),
            plan: Digest::of(b"plan"),
            policy: Digest::of(b"policy"),
            runbook: Digest::of(b"runbook"),
            commit: "none".to_owned(),
            quorum: 1,
            proposer: PersonId::new("alice").expect("valid"),
            executor: PersonId::new("alice").expect("valid"),
            nonce: Nonce::from_bytes([7; 16]),
            issued: Timestamp::from_millis(1000),
            expires: Timestamp::from_millis(901_000),
        };
        let doc = Doc::new("warroom-propose", 1)
            .with("session", "01ARYZ6S410000000000000000")
            .with("genesis", Digest::of(b"g").to_string())
            .with("policy", terms.policy.to_string())
            .with("runbook", terms.runbook.to_string())
            .with("commit", &terms.commit)
            .with("step", "drain")
            .with("attempt", "2")
            .with("plan", terms.plan.to_string())
            .with("quorum", "1")
            .with("proposer", "alice")
            .with("executor", "alice")
            .with("signer", "alice")
            .with("nonce", terms.nonce.as_str())
            .with("issued", "1970-01-01T00:00:01Z")
            .with("expires", "1970-01-01T00:15:01Z");
        let bytes = doc.print().expect("prints");
        assert_eq!(read_terms(&bytes).expect("reads"), terms);
        let text = String::from_utf8(bytes).expect("ASCII");
        for other in ["soon", "1970-01-01T01:15:01+01:00"] {
            let text = text.replace("1970-01-01T00:15:01Z", other);
            assert!(read_terms(text.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn an_unknown_kind_and_a_strange_actor_are_refused_by_name() {
        let content = Content {
            kind: "step.teleported".to_owned(),
            actor: "alice".to_owned(),
            via: "demo".to_owned(),
            body: b"{}".to_vec(),
        };
        let stamp = Stamp {
            time: Timestamp::from_millis(5),
            boot: "b",
            mono_ms: 7,
        };
        let record =
            seal(&SessionId::from_parts(1, 2), Seq(0), None, stamp, content).expect("seals");
        assert!(matches!(fact_of(&record), Err(FactError::Kind { .. })));
        assert!(read_body("step.armed", br#"{"fact":"begun"}"#).is_err());
        assert_eq!(read_actor("uid-0", "uid:1"), None);
        assert_eq!(read_actor("alice", "carrier-pigeon"), None);
    }
}
