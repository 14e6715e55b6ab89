//! Keys of the imagined session and its people, and what they sign.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use warroom::domain::confirm::checkpoint::{Checkpoint, NAMESPACE};
use warroom::domain::confirm::statement::Kind;
use warroom::domain::fact::{Actor, Touch, Via};
use warroom::domain::id::PersonId;
use warroom::domain::state::State;
use warroom::evidence::SessionKey;
use warroom::evidence::key::Key;

/// A key of the session and one for each of its people.
pub(crate) struct Keys {
    pub(crate) session: SessionKey,
    people: BTreeMap<&'static str, SessionKey>,
}

impl Keys {
    /// Fresh ones.
    pub(crate) fn generate() -> Self {
        let fresh = || SessionKey::generate().expect("random bytes").0;
        Self {
            session: fresh(),
            people: [("alice", fresh()), ("bob", fresh())].into(),
        }
    }

    /// Writes `people.toml` into a directory, and `allowed_signers` beside it.
    pub(crate) fn leave(&self, dir: &Path) {
        let (mut people, mut signers) = (String::new(), String::new());
        for (uid, (name, key)) in (1001..).zip(&self.people) {
            let person = format!(
                "[[person]]\nid = \"{name}\"\nuids = [{uid}]\nroles = [\"operator\", \"approver\"]\n\n"
            );
            people.push_str(&person);
            let (propose, confirm) = (Kind::Propose.namespace(), Kind::Confirm.namespace());
            let key = key.to_public_text();
            let line = format!("{name} namespaces=\"{propose},{confirm}\" {key}\n");
            signers.push_str(&line);
        }
        fs::write(dir.join("people.toml"), people).expect("writable");
        fs::write(dir.join("allowed_signers"), signers).expect("writable");
    }

    /// A person who is known by their key.
    pub(crate) fn actor(&self, name: &str) -> Actor {
        Actor::Person {
            id: PersonId::new(name).expect("valid"),
            via: Via::Sshsig {
                key: fingerprint(self.key(name)),
                touch: Touch::None,
                detached: false,
            },
        }
    }

    /// Whose key is whose, by fingerprint.
    pub(crate) fn listed(&self) -> impl Iterator<Item = (String, PersonId)> {
        self.people
            .iter()
            .map(|(name, key)| (fingerprint(key), PersonId::new(name).expect("valid")))
    }

    /// A person's signature over a statement.
    pub(crate) fn sign(&self, name: &str, kind: Kind, statement: &str) -> String {
        let signed = self.key(name).sign(kind.namespace(), statement.as_bytes());
        signed.expect("a key of ours")
    }

    /// The checkpoint of a journal that ends here.
    pub(crate) fn checkpoint(&self, state: &State) -> String {
        let document = Checkpoint {
            session: state.genesis.session.clone(),
            genesis: state.genesis_hash,
            head: state.head,
            // As long as records are on the average; nobody holds it against anything.
            bytes: state.head.0.0 * 700,
            time: state.head_at.wall,
        };
        let document = document.print().expect("printable");
        let signature = self.session.sign(NAMESPACE, document.as_bytes());
        document + &signature.expect("a key of ours")
    }

    fn key(&self, name: &str) -> &SessionKey {
        self.people.get(name).expect("one of them")
    }
}

fn fingerprint(key: &SessionKey) -> String {
    let text = key.to_public_text();
    let (kind, blob) = text.split_once(' ').expect("two words");
    Key::parse(kind, blob).expect("a key").fingerprint()
}
