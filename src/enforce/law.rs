//! The policy as the files of root say it now. Read anew for every ticket: what was revoked a second ago counts.

use crate::config::policy::{self, PolicyFiles};
use crate::config::{Guard, Problems};
use crate::domain::confirm::people::People;
use crate::domain::confirm::policy::Rules;
use crate::domain::digest::Digest;
use crate::evidence::revoked::Revoked;
use crate::evidence::signers::Signers;
use std::path::Path;

/// Everything a ticket is judged by.
#[derive(Debug, Clone)]
pub struct Law {
    /// Who is who.
    pub people: People,
    /// Whose key is whose.
    pub signers: Signers,
    /// What counts no more.
    pub revoked: Revoked,
    /// What each class asks of people.
    pub rules: Rules,
    /// Digest of the `warroom-policy@v1` document of these files.
    pub digest: Digest,
}

impl Law {
    /// Reads the policy files and applies every rule to them. Blocks.
    ///
    /// # Errors
    /// Everything that is wrong with them; no ticket is right then.
    pub fn read(people: &Path) -> Result<Self, Problems> {
        policy::load(people, Guard::Installed).map(Self::from)
    }
}

impl From<PolicyFiles> for Law {
    fn from(files: PolicyFiles) -> Self {
        Self {
            digest: files.digests.to_digest(),
            people: files.people,
            signers: files.signers,
            revoked: files.revoked,
            rules: files.rules,
        }
    }
}
