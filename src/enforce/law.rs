//! The policy as the files of root say it now. Read anew for every ticket: what was revoked a second ago counts.

use crate::config::Problems;
use crate::config::people;
use crate::domain::confirm::people::People;
use crate::domain::confirm::policy::Rules;
use crate::domain::digest::Digest;
use crate::domain::doc::Doc;
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
        let found = people::load(people)?;
        let names = found.iter().map(|p| p.id.clone()).collect();
        let beside = |name: &str| {
            let path = people.with_file_name(name);
            std::fs::read_to_string(path).ok()
        };
        let signers = beside("allowed_signers");
        let revoked = beside("revoked").unwrap_or_default();
        let rules = beside("rules.toml");
        Ok(Self {
            digest: digest(&Digests {
                people: found.digest(),
                signers: signers.as_ref().map(|text| Digest::of(text.as_bytes())),
                server_signers: None,
                rules: rules.as_ref().map(|text| Digest::of(text.as_bytes())),
            }),
            people: found,
            signers: Signers::parse(&signers.unwrap_or_default(), &names).unwrap_or_default(),
            revoked: Revoked::parse(&revoked).unwrap_or_default(),
            rules: Rules::default(),
        })
    }
}

/// Digests of the files.
#[derive(Debug, Clone, Copy)]
pub struct Digests {
    /// People.
    pub people: Digest,
    /// Keys.
    pub signers: Option<Digest>,
    /// Server keys.
    pub server_signers: Option<Digest>,
    /// Rules.
    pub rules: Option<Digest>,
}

/// Digest of the `warroom-policy@v1` document: one digest a file, `none` where there is none.
pub fn digest(files: &Digests) -> Digest {
    let text = |digest: Option<Digest>| digest.map_or_else(|| "none".to_owned(), String::from);
    let doc = Doc::new("warroom-policy", 1)
        .with("people", String::from(files.people))
        .with("signers", text(files.signers))
        .with("server-signers", text(files.server_signers))
        .with("rules", text(files.rules));
    // Four digests under fixed keys always fit; nothing else is ever the digest of no bytes.
    Digest::of(&doc.print().unwrap_or_default())
}
