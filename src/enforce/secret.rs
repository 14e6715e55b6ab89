//! Secrets of a command: a plan names them, the runner puts them in at the moment of the start (`TWO_PERSON` 8.4).
//!
//! `env.N: DB_PASS=<secret:provider/path#version>`. Where a provider's secrets come from stands in the runner's own
//! configuration, so a plan chooses among secrets that were meant for commands and can reach no other file or program.

use super::result::SecretUse;
use crate::config::Env;
use crate::config::secret::{SecretError, SecretRef};
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeMap;

/// Most secrets of one command: a result has room to name no more.
const SECRETS_MAX: usize = 64;
/// How a reference begins.
const OPEN: &str = "<secret:";
/// Longest path or version: it is read by people.
const PATH_BYTES_MAX: usize = 200;

/// Where the secrets of a provider come from: `file:`, `command:` or `env:` with `{path}` and `{version}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// The reference as written.
    pub template: String,
}

/// A reference in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The provider.
    pub provider: String,
    /// Which of its secrets.
    pub path: String,
    /// Which version, when the plan says one.
    pub version: Option<String>,
}

/// Why a command does not get its secrets; then it does not run. Never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretFault {
    /// Looks like a reference and is none.
    #[error("variable `{variable}` has a reference to a secret that cannot be read")]
    Form {
        /// The variable.
        variable: String,
    },
    /// Not configured.
    #[error("variable `{variable}` names provider `{provider}`, which the runner does not have")]
    NoProvider {
        /// The variable.
        variable: String,
        /// The provider.
        provider: String,
    },
    /// The plan says a version, and the provider's line has no place for it.
    #[error("provider `{provider}` has no versions, and variable `{variable}` asks for one")]
    NoVersions {
        /// The variable.
        variable: String,
        /// The provider.
        provider: String,
    },
    /// The provider's line needs a version, and the plan says none.
    #[error("provider `{provider}` needs a version, and variable `{variable}` asks for none")]
    NeedsVersion {
        /// The variable.
        variable: String,
        /// The provider.
        provider: String,
    },
    /// The runner's own configuration is wrong.
    #[error("provider `{provider}` is not written as a reference to a secret")]
    Template {
        /// The provider.
        provider: String,
    },
    /// It cannot be had.
    #[error("variable `{variable}`: {source}")]
    Fetch {
        /// The variable.
        variable: String,
        /// Why.
        source: SecretError,
    },
    /// Too many.
    #[error("the plan names more than {SECRETS_MAX} secrets")]
    TooMany,
}

/// A secret that was fetched.
pub struct Fetched {
    /// The variable it goes into.
    pub variable: String,
    /// The secret.
    pub value: SecretString,
    /// What the result says of it.
    pub used: SecretUse,
}

/// A value that begins like a reference to a secret and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not `<secret:provider/path#version>`")]
pub struct NotAReference;

/// Reads a value of the environment: a reference, or none for a plain value.
///
/// # Errors
/// [`NotAReference`].
pub fn reference(value: &str) -> Result<Option<Named>, NotAReference> {
    if !value.contains(OPEN) {
        return Ok(None);
    }
    let named = || {
        let inner = value.strip_prefix(OPEN)?.strip_suffix('>')?;
        let (place, version) = match inner.split_once('#') {
            Some((place, version)) => (place, Some(version)),
            None => (inner, None),
        };
        let (provider, path) = place.split_once('/')?;
        let fits = is_provider(provider) && is_path(path) && version.is_none_or(is_part);
        fits.then(|| Named {
            provider: provider.to_owned(),
            path: path.to_owned(),
            version: version.map(str::to_owned),
        })
    };
    named().map(Some).ok_or(NotAReference)
}

/// Names of providers are those of sections in the configuration.
pub fn is_provider(text: &str) -> bool {
    !text.is_empty() && text.len() <= PATH_BYTES_MAX && {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        text.bytes().all(fits)
    }
}

/// Parts with `/` between; none of them can lead out of a directory or be read as an option.
fn is_path(text: &str) -> bool {
    text.len() <= PATH_BYTES_MAX && text.split('/').all(is_part)
}

fn is_part(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    starts && text.bytes().all(fits)
}

/// Fetches the secrets that an environment names. May wait for commands.
///
/// # Errors
/// [`SecretFault`], by the first that applies.
pub fn fetch(
    env: &[(String, String)],
    providers: &BTreeMap<String, Provider>,
    own: &Env,
) -> Result<Vec<Fetched>, SecretFault> {
    let mut all = Vec::new();
    for (variable, value) in env {
        let variable = variable.clone();
        let named = match reference(value) {
            Ok(None) => continue,
            Ok(Some(named)) => named,
            Err(NotAReference) => return Err(SecretFault::Form { variable }),
        };
        if all.len() >= SECRETS_MAX {
            return Err(SecretFault::TooMany);
        }
        all.push(fetch_one(variable, named, providers, own)?);
    }
    Ok(all)
}

fn fetch_one(
    variable: String,
    named: Named,
    providers: &BTreeMap<String, Provider>,
    own: &Env,
) -> Result<Fetched, SecretFault> {
    let provider = named.provider.clone();
    let Some(found) = providers.get(&provider) else {
        return Err(SecretFault::NoProvider { variable, provider });
    };
    let has_place = found.template.contains("{version}");
    match (&named.version, has_place) {
        (Some(_), false) => return Err(SecretFault::NoVersions { variable, provider }),
        (None, true) => return Err(SecretFault::NeedsVersion { variable, provider }),
        _ => {}
    }
    let version = named.version.as_deref().unwrap_or_default();
    let text = found
        .template
        .replace("{path}", &named.path)
        .replace("{version}", version);
    let reference = SecretRef::parse(&text).map_err(|_| SecretFault::Template { provider })?;
    let value = reference
        .resolve(own)
        .map_err(|source| SecretFault::Fetch {
            variable: variable.clone(),
            source,
        })?;
    Ok(Fetched {
        used: SecretUse {
            variable: variable.clone(),
            from: format!("{}/{}", named.provider, named.path),
            version: named.version.unwrap_or_else(|| "none".to_owned()),
        },
        variable,
        value,
    })
}

/// The environment with the secrets in their places, `NAME=value` each.
pub(super) fn filled(env: &[(String, String)], fetched: &[Fetched]) -> Vec<String> {
    env.iter()
        .map(|(name, value)| {
            let secret = fetched.iter().find(|f| f.variable == *name);
            let value = secret.map_or(value.as_str(), |f| f.value.expose_secret());
            format!("{name}={value}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(value: &str) -> Vec<(String, String)> {
        vec![
            ("LANG".to_owned(), "C".to_owned()),
            ("DB_PASS".to_owned(), value.to_owned()),
        ]
    }

    fn providers(template: &str) -> BTreeMap<String, Provider> {
        let template = template.to_owned();
        BTreeMap::from([("vault".to_owned(), Provider { template })])
    }

    #[test]
    fn a_reference_is_read_and_what_only_looks_like_one_is_refused() {
        let named = reference("<secret:vault/db/main#3>").expect("fine");
        let named = named.expect("a reference");
        assert_eq!(
            (named.provider.as_str(), named.path.as_str()),
            ("vault", "db/main")
        );
        assert_eq!(named.version.as_deref(), Some("3"));
        assert_eq!(reference("plain"), Ok(None));
        for text in [
            "<secret:vault>",
            "<secret:vault/>",
            "<secret:vault/../x>",
            "<secret:vault/a//b>",
            "<secret:vault/-x>",
            "<secret:vault/a b>",
            "<secret:vault/a#>",
            "<secret:/a>",
            "x<secret:vault/a>",
            "<secret:vault/a>x",
        ] {
            assert_eq!(reference(text), Err(NotAReference), "{text}");
        }
    }

    #[test]
    fn a_secret_comes_from_the_place_that_the_provider_says() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().expect("a directory");
        let file = place.path().join("main.3");
        std::fs::write(&file, "hunter2\n").expect("write");
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&file, private).expect("chmod");
        let template = format!("file:{}/{{path}}.{{version}}", place.path().display());
        let own = Env::default();
        let found = fetch(&env("<secret:vault/main#3>"), &providers(&template), &own);
        let found = found.expect("there");
        assert_eq!(found[0].used.from, "vault/main");
        assert_eq!(found[0].used.version, "3");
        assert_eq!(
            filled(&env("<secret:vault/main#3>"), &found),
            ["LANG=C", "DB_PASS=hunter2"]
        );
        let fault = |value: &str, providers: &BTreeMap<String, Provider>| {
            fetch(&env(value), providers, &own)
                .err()
                .map(|fault| fault.to_string())
                .expect("refused")
        };
        let all = providers(&template);
        assert!(fault("<secret:vault/main>", &all).contains("needs a version"));
        assert!(fault("<secret:other/main>", &all).contains("does not have"));
        assert!(
            fault("<secret:vault/gone#1>", &all).starts_with("variable `DB_PASS`: cannot read")
        );
        assert!(
            fault("<secret:vault/main#3>", &providers("file:/x/{path}")).contains("no versions")
        );
        assert!(fault("<secret:vault/main>", &providers("{path}")).contains("not written as"));
    }
}
