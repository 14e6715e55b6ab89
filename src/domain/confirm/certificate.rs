//! `warroom-session@v1`: which key signs a session's checkpoints, said by the key of its host in record 0
//! (`TWO_PERSON` 5.5). FROZEN: test `the_statement_is_frozen`.

use crate::domain::doc::{Doc, DocError};
use crate::domain::fact::Genesis;
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use std::fmt;

/// Namespace of its signature: its first line.
pub const NAMESPACE: &str = "warroom-session@v1";

/// What is known of a session's key beside its first sight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certified {
    /// A host key on the list `server_signers` stands for it.
    By(PersonId),
    /// Nothing: the first sight of it is believed.
    No {
        /// Why, on one line.
        why: String,
    },
}

impl Certified {
    /// That nobody can tell, for this reason.
    pub fn no(why: impl Into<String>) -> Self {
        Self::No { why: why.into() }
    }
}

impl fmt::Display for Certified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::By(host) => write!(f, "certified by host key {host} of server_signers"),
            Self::No { why } => write!(f, "not certified, first sight is believed: {why}"),
        }
    }
}

/// What a host key signs when a session begins; absent for a session without a key of its own.
///
/// # Errors
/// [`DocError`] when a value is too long for a statement.
pub fn session_statement(genesis: &Genesis, issued: Timestamp) -> Option<Result<String, DocError>> {
    let doc = Doc::new("warroom-session", 1)
        .with("session", genesis.session.as_str())
        .with("key", genesis.session_key.as_ref()?)
        .with("host", &genesis.host)
        .with("server-uid", genesis.server_uid.to_string())
        .with("mode", genesis.mode.as_str())
        .with("policy", genesis.policy.to_string())
        .with(
            "plan",
            genesis
                .first_plan
                .unwrap_or(genesis.plan_digest)
                .to_string(),
        )
        .with("issued", issued.to_seconds_text());
    // The grammar is ASCII, so nothing is lost here.
    let text = doc.print_statement();
    Some(text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// When a statement was made that is, byte by byte, about this very session; nothing of any other.
pub fn issued_about(genesis: &Genesis, statement: &str) -> Option<Timestamp> {
    let doc = Doc::parse_statement(statement.as_bytes()).ok()?;
    let issued = std::str::from_utf8(doc.get("issued")?).ok()?;
    let issued = Timestamp::parse(issued).ok()?;
    let is_about =
        matches!(session_statement(genesis, issued), Some(Ok(text)) if text == statement);
    is_about.then_some(issued)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::Room;

    #[test]
    fn the_statement_is_frozen() {
        let mut genesis = Genesis::clone(&Room::proposed().state.genesis);
        let issued = Timestamp::parse("2026-11-22T04:10:31Z").expect("valid");
        assert!(session_statement(&genesis, issued).is_none(), "no key yet");
        genesis.session_key = Some("ssh-ed25519 AAAA".to_owned());
        let text = session_statement(&genesis, issued)
            .expect("a key")
            .expect("short");
        let keys: Vec<&str> = text
            .lines()
            .map(|line| line.split(':').next().unwrap_or(""))
            .collect();
        let expected = [
            NAMESPACE,
            "session",
            "key",
            "host",
            "server-uid",
            "mode",
            "policy",
            "plan",
            "issued",
        ];
        assert_eq!(keys, expected);
        assert!(
            text.contains("\nkey: ssh-ed25519 AAAA\nhost: ")
                && text.ends_with("\nissued: 2026-11-22T04:10:31Z\n")
        );
        assert_eq!(issued_about(&genesis, &text), Some(issued));
        genesis.host.push('x');
        assert_eq!(issued_about(&genesis, &text), None, "another host");
        assert_eq!(issued_about(&genesis, "warroom-session@v1\n"), None);
    }

    #[test]
    fn both_cases_are_said() {
        let host = PersonId::new("bastion-1").expect("valid");
        assert_eq!(
            Certified::By(host).to_string(),
            "certified by host key bastion-1 of server_signers"
        );
        assert!(
            Certified::no("no list")
                .to_string()
                .contains("first sight is believed")
        );
    }
}
