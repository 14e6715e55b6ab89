//! Signatures of people in a journal, judged by the rules they were accepted by, for `warroom verify`.

use crate::domain::confirm::statement::ACCOUNT_TITLE;
use crate::domain::doc::{Doc, split_armour};
use crate::domain::fact::{Touch, Via};
use crate::domain::id::{PersonId, Seq};
use crate::evidence::revoked::Revoked;
use crate::evidence::signers::Signers;
use crate::evidence::sshsig::{self, Proof};
use crate::journal::Record;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of records whose body ends in a signature. In any other one such text is somebody's text.
const SIGNED_KINDS: [&str; 3] = ["proposal.opened", "step.confirmed", "statement.signed"];

/// What became of the signatures.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Signed {
    /// Signatures that are good, by person.
    pub(super) good: BTreeMap<PersonId, usize>,
    /// Signatures that nobody could judge, because there is no list of keys.
    pub(super) unjudged: usize,
    /// What is wrong, one line each.
    pub(super) faults: Vec<String>,
    /// What somebody should know.
    pub(super) notes: Vec<String>,
}

/// Judges every signature it is shown.
pub(super) struct Judge<'a> {
    keys: Option<(&'a Signers, &'a Revoked)>,
    signed: Signed,
    /// Newest counter of each security key.
    counters: BTreeMap<String, u32>,
    /// Who is said to be known by which key, and the first record that says so: what somebody does at a terminal they
    /// have signed in at is recorded by that key, without a signature of its own.
    claims: BTreeMap<(String, String), Seq>,
    /// Of whom by which key there is a good signature.
    proven: BTreeSet<(String, String)>,
}

impl<'a> Judge<'a> {
    /// `keys`: whose keys are whose, and which count no more.
    pub(super) const fn new(keys: Option<(&'a Signers, &'a Revoked)>) -> Self {
        let signed = Signed {
            good: BTreeMap::new(),
            unjudged: 0,
            faults: Vec::new(),
            notes: Vec::new(),
        };
        Self {
            keys,
            signed,
            counters: BTreeMap::new(),
            claims: BTreeMap::new(),
            proven: BTreeSet::new(),
        }
    }

    /// Takes the next record.
    pub(super) fn take(&mut self, record: &Record) {
        let header = record.header();
        let who = (header.actor.to_string(), header.via.to_string());
        // A refusal may be that of a signature, which is not kept then.
        if header.via.starts_with("sshsig") && header.kind != "step.refused" {
            self.claims.entry(who.clone()).or_insert(header.seq);
        }
        if !SIGNED_KINDS.contains(&&*header.kind) {
            return;
        }
        let text = std::str::from_utf8(record.body()).unwrap_or_default();
        let (statement, armour) = split_armour(text);
        if armour.is_empty() {
            return self.unsigned(record);
        }
        let Some((signers, revoked)) = self.keys else {
            self.signed.unjudged = self.signed.unjudged.saturating_add(1);
            return;
        };
        match judge(record, statement, armour, signers) {
            Ok(proof) => {
                if revoked.has_person(&proof.person) || is_revoked(revoked, signers, &proof) {
                    let (who, key) = (&proof.person, &proof.key);
                    self.signed.notes.push(format!(
                        "record {}: `{who}` or the key {key} has been revoked by now",
                        header.seq
                    ));
                }
                self.count(header.seq, &proof);
                if matches!(
                    Via::parse(&header.via),
                    Some(Via::Sshsig { detached: true, .. })
                ) {
                    self.signed.notes.push(format!(
                        "record {}: that `{}` signed on another machine is the word of the terminal that brought it in",
                        header.seq, proof.person
                    ));
                }
                self.proven.insert(who);
                let good = self.signed.good.entry(proof.person).or_default();
                *good = good.saturating_add(1);
            }
            Err(why) => self.fault(header.seq, &why),
        }
    }

    /// What came of it, after the last record.
    pub(super) fn finish(mut self) -> Signed {
        // Without a list of keys nobody can tell.
        if self.keys.is_some() {
            let (claims, proven) = (
                std::mem::take(&mut self.claims),
                std::mem::take(&mut self.proven),
            );
            for (who, seq) in claims.iter().filter(|(who, _)| !proven.contains(*who)) {
                let (actor, via) = who;
                self.fault(
                    *seq,
                    &format!("`{actor}` is said to be known by {via}, and nowhere signed with it"),
                );
            }
        }
        self.signed
    }

    /// Takes a record that could be signed and is not.
    fn unsigned(&mut self, record: &Record) {
        let header = record.header();
        let claims_signature = header.via.starts_with("sshsig");
        if header.kind == "proposal.opened" {
            return;
        }
        if claims_signature {
            self.fault(
                header.seq,
                "it says that it was signed, and has no signature",
            );
        } else if header.kind == "step.confirmed" && header.via.starts_with("uid:") {
            // Who reads the journal later has to know what the screens said then.
            self.signed.notes.push(format!(
                "record {}: `{}` counted by the account alone ({}): whoever could become it is two people{}",
                header.seq,
                header.actor,
                header.via,
                if record.body().starts_with(ACCOUNT_TITLE.as_bytes()) {
                    ", as the statement says"
                } else {
                    ""
                }
            ));
        }
    }

    fn fault(&mut self, seq: Seq, why: &str) {
        self.signed.faults.push(format!("record {seq}: {why}"));
    }

    /// A counter that goes back hints at a copied key.
    fn count(&mut self, seq: Seq, proof: &Proof) {
        let Some(counter) = proof.counter.filter(|counter| *counter > 0) else {
            return;
        };
        let before = self.counters.insert(proof.key.clone(), counter);
        if before.is_some_and(|before| before >= counter) {
            let key = &proof.key;
            let note = format!("record {seq}: the counter of the security key {key} went back");
            self.signed.notes.push(note);
        }
    }
}

fn is_revoked(revoked: &Revoked, signers: &Signers, proof: &Proof) -> bool {
    signers
        .keys_of(&proof.person)
        .any(|listed| listed.fingerprint() == proof.key && revoked.has_key(listed.blob()))
}

fn judge(
    record: &Record,
    statement: &str,
    armour: &str,
    signers: &Signers,
) -> Result<Proof, String> {
    let header = record.header();
    let doc = Doc::parse_statement(statement.as_bytes()).map_err(|error| error.to_string())?;
    let namespace = format!("{}@v{}", doc.name, doc.version);
    // As it was at the time of the record: a revocation since then does not make what was done undone.
    let then = Revoked::default();
    let message = statement.as_bytes();
    let proof = sshsig::verify(message, &namespace, armour, signers, &then, header.time)
        .map_err(|error| error.to_string())?;
    let says = |key: &str| doc.get(key).unwrap_or_default() == proof.person.as_str().as_bytes();
    if !says("signer") || header.actor != proof.person.as_str() {
        let who = &proof.person;
        return Err(format!(
            "the key is that of `{who}`, and it names somebody else"
        ));
    }
    let told = Via::parse(&header.via);
    let fits = matches!(&told, Some(Via::Sshsig { key, touch, .. }) if *key == proof.key && *touch == proof.touch);
    if fits || !header.via.starts_with("sshsig") {
        return Ok(proof);
    }
    let seen = match proof.touch {
        Touch::None => "no touch",
        Touch::Present => "a touch",
        Touch::Verified => "a verified person",
    };
    Err(format!(
        "it was recorded as `{}`, and the signature shows {seen} of {}",
        header.via, proof.key
    ))
}
