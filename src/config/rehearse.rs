//! The environment file of a rehearsal: `[environment]`, `components`, and whose connectors are asked.

use super::document::{At, Document};
use super::env::Env;
use super::problem::Problems;
use super::read;
use crate::domain::digest::Digest;
use crate::domain::runbook::elsewhere::Elsewhere;
use std::path::{Path, PathBuf};

/// An environment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// Digest of its bytes.
    pub digest: Digest,
    /// What is another there.
    pub there: Elsewhere,
    /// Configuration whose connectors and panels are used; the usual ones when absent.
    pub config: Option<PathBuf>,
    /// The usual connectors may write, mute and page; else they are only read. Never with [`Self::config`].
    pub writes: bool,
}

/// Reads an environment file.
///
/// # Errors
/// Everything that is wrong with it, by line.
pub fn load(path: &Path, env: &Env) -> Result<EnvFile, Problems> {
    let (text, _) = read::text(path)?;
    parse(path, &text, env)
}

/// Checks the text of an environment file; `path` is named in problems, and relative paths start beside it.
///
/// # Errors
/// As [`load`].
pub fn parse(path: &Path, text: &str, env: &Env) -> Result<EnvFile, Problems> {
    let document = Document::new(path, text);
    let mut root = document.root();
    let config = root.text("config");
    let config = config.map(|at| document.path(&at.value, env.dir("HOME").as_deref()));
    let writes = root.flag("writes");
    let writes_at = root.place_of("writes");
    if config.is_some() && writes.is_some() {
        let what = "is about the usual connectors, and `config` names others";
        let hint = "take it away: what those of `config` may write is said there";
        document.fault(&writes_at, what, hint);
    }
    let has_components = root.has("components");
    let components = root.texts("components").into_iter().map(|at| at.value);
    let components = has_components.then(|| components.collect());
    let pairs = root.pairs("environment").into_iter();
    let own = |(name, value): (At<String>, At<String>)| (name.value, value.value);
    let environment = pairs.map(own).collect();
    root.finish();
    let there = Elsewhere {
        environment,
        components,
    };
    let digest = Digest::of(text.as_bytes());
    document.into_problems().map_or(
        Ok(EnvFile {
            digest,
            there,
            config,
            writes: writes.unwrap_or(false),
        }),
        Err,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<EnvFile, String> {
        let env = Env::new([("HOME".to_owned(), "/home/ann".to_owned())]);
        parse(Path::new("/srv/staging.toml"), text, &env).map_err(|p| p.to_string())
    }

    #[test]
    fn values_components_and_another_configuration_are_read() {
        let file = read(
            "config = \"staging/config.toml\"\ncomponents = [\"s-db\"]\n[environment]\nDB = \"s\"\n",
        );
        let file = file.expect("reads");
        assert_eq!(
            file.config.as_deref(),
            Some(Path::new("/srv/staging/config.toml"))
        );
        assert_eq!(file.there.components, Some(vec!["s-db".to_owned()]));
        assert_eq!(file.there.environment["DB"], "s");
        let bare = read("").expect("reads");
        assert_eq!((bare.config, bare.there), (None, Elsewhere::default()));
        assert!(!bare.writes, "the usual connectors are only read");
        assert!(read("writes = true\n").expect("reads").writes);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let why = read("cofnig = \"x\"\n[environment]\nDB = 5\n").expect_err("two faults");
        assert!(why.contains("staging.toml:1:1: `cofnig`"), "{why}");
        assert!(why.contains("`environment.DB`"), "{why}");
        let why = read("config = \"s.toml\"\nwrites = true\n").expect_err("says it twice");
        assert!(
            why.contains("staging.toml:2:10: `writes`: is about the usual connectors"),
            "{why}"
        );
    }
}
