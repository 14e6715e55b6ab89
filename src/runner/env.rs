//! The environment of a command: what it may hold and what is added to it.

use super::Job;
use std::collections::BTreeMap;

/// Names the file to which a command appends `name=value` lines for later steps.
pub const OUTPUT_VARIABLE: &str = "WARROOM_OUTPUT";

/// What the output is drawn with understands this one; a job may say otherwise.
const TERM: &str = "xterm-256color";

/// Variables that make a loader or an interpreter run other code than the one that was confirmed.
const STEERING: [&str; 4] = ["BASH_ENV", "ENV", "IFS", "SHELLOPTS"];

/// As [`STEERING`], but every variable whose name starts like this.
const STEERING_PREFIXES: [&str; 3] = ["LD_", "PYTHON", "PERL5"];

/// An environment that no command is given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvError {
    /// Not a name that every shell can use. Functions that bash takes from its environment have such names.
    #[error("`{name}` is not a name of an environment variable")]
    Name {
        /// The name as given.
        name: String,
    },
    /// Could make the command run other code than what was confirmed.
    #[error("environment variable `{name}` is refused: it can make a program run other code")]
    Steering {
        /// The variable.
        name: String,
    },
    /// Set by the runner itself.
    #[error("environment variable `{name}` is refused: the runner sets it")]
    Reserved {
        /// The variable.
        name: String,
    },
    /// Its value holds a NUL byte, which ends a value for the operating system.
    #[error("environment variable `{name}` holds a NUL byte")]
    Nul {
        /// The variable.
        name: String,
    },
}

impl EnvError {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Name { .. } => "names are letters, digits and `_`, and start with no digit",
            Self::Steering { .. } => {
                "set it inside the command, where the confirmer sees it, or take it out"
            }
            Self::Reserved { .. } => "take it out of the environment of the runbook",
            Self::Nul { .. } => "take the NUL byte out of the value",
        }
    }
}

/// Whether an environment may be given to a command.
///
/// # Errors
/// [`EnvError`] with the first offending name in alphabetical order.
pub fn check_env(env: &BTreeMap<String, String>) -> Result<(), EnvError> {
    for (name, value) in env {
        let name = name.clone();
        if !is_variable_name(&name) {
            return Err(EnvError::Name { name });
        }
        if is_steering(&name) {
            return Err(EnvError::Steering { name });
        }
        if name == OUTPUT_VARIABLE {
            return Err(EnvError::Reserved { name });
        }
        if value.contains('\0') {
            return Err(EnvError::Nul { name });
        }
    }
    Ok(())
}

/// Whether a text is `[A-Za-z_][A-Za-z0-9_]*`.
pub(crate) fn is_variable_name(text: &str) -> bool {
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether a variable can make a program run other code than the one that was confirmed.
pub(crate) fn is_steering(name: &str) -> bool {
    STEERING.contains(&name) || STEERING_PREFIXES.iter().any(|p| name.starts_with(p))
}

impl Job {
    /// The whole environment that the command gets: that of the job, [`OUTPUT_VARIABLE`], and `TERM`, `COLUMNS` and
    /// `LINES` where the job does not say them. Nothing is inherited, and `PATH` is not made up.
    pub fn environment(&self) -> BTreeMap<String, std::ffi::OsString> {
        let mut all = BTreeMap::from([
            ("TERM".to_owned(), TERM.into()),
            ("COLUMNS".to_owned(), self.size.cols.to_string().into()),
            ("LINES".to_owned(), self.size.rows.to_string().into()),
        ]);
        all.extend(self.env.iter().map(|(n, v)| (n.clone(), v.into())));
        all.insert(OUTPUT_VARIABLE.to_owned(), self.values_file.clone().into());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str) -> Result<(), EnvError> {
        check_env(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn variables_that_steer_programs_are_refused_by_name() {
        for name in [
            "LD_PRELOAD",
            "LD_",
            "BASH_ENV",
            "ENV",
            "PYTHONPATH",
            "PYTHON",
            "PERL5LIB",
            "IFS",
            "SHELLOPTS",
        ] {
            let name = name.to_owned();
            assert_eq!(check(&name, "x"), Err(EnvError::Steering { name }));
        }
    }

    #[test]
    fn similar_names_pass() {
        for name in [
            "LD",
            "ENVIRONMENT",
            "PERL",
            "MY_IFS",
            "PATH",
            "HOME",
            "_",
            "ld_x",
        ] {
            assert_eq!(check(name, "x"), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_are_none_are_refused() {
        for name in ["", "1A", "A B", "A=B", "BASH_FUNC_ls%%", "A-B", "Ä", "A\0"] {
            let name = name.to_owned();
            assert_eq!(check(&name, "x"), Err(EnvError::Name { name }));
        }
    }

    #[test]
    fn the_runners_own_variable_and_nul_bytes_are_refused() {
        let name = OUTPUT_VARIABLE.to_owned();
        assert_eq!(check(&name, "x"), Err(EnvError::Reserved { name }));
        let name = "A".to_owned();
        assert_eq!(check("A", "x\0y"), Err(EnvError::Nul { name }));
    }
}
