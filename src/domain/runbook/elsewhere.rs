//! The same runbook in another place: values of its environment taken from somewhere else, for a rehearsal.

use super::model::Runbook;
use super::settings::refused_variable;
use super::suggest::nearest;
use crate::domain::selector::{Selector, is_selector};
use std::collections::BTreeMap;
use std::fmt;

/// What is another there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Values by the names of the runbook's environment.
    pub environment: BTreeMap<String, String>,
    /// Components that are touched there; those of the runbook when absent.
    pub components: Option<Vec<String>>,
}

/// Why a runbook cannot be carried out there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The runbook has no such name.
    Unknown {
        /// The name.
        name: String,
        /// What was perhaps meant.
        near: Option<String>,
    },
    /// A name of the runbook has no value there: its own would be that of the real place.
    Missing(String),
    /// The value cannot be passed to a command.
    Refused {
        /// The name.
        name: String,
        /// Why not.
        why: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A component is a selector that cannot be read.
    Selector {
        /// As written.
        text: String,
        /// Why not.
        why: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, near: None } => {
                write!(f, "the runbook's environment has no `{name}`")
            }
            Self::Unknown {
                name,
                near: Some(near),
            } => write!(
                f,
                "the runbook's environment has no `{name}`; did you mean `{near}`?"
            ),
            Self::Missing(name) => write!(f, "`{name}` has no value in it"),
            Self::Selector { text, why } => write!(f, "component `{text}`: {why}"),
            Self::Refused { name, why, hint } => write!(f, "`{name}` {why}; {hint}"),
        }
    }
}

/// Puts a runbook there: other values and components, no window and no change number, since those were announced and
/// granted for the real place.
///
/// # Errors
/// Every [`Fault`]; nothing that is left out there is taken over, so that nothing reaches the real place by omission.
pub fn place(runbook: &mut Runbook, there: &Elsewhere) -> Result<(), Vec<Fault>> {
    let environment = &mut runbook.maintenance.environment;
    let mut faults = Vec::new();
    for (name, value) in &there.environment {
        if let Some((why, hint)) = refused_variable(name, value) {
            let name = name.clone();
            faults.push(Fault::Refused { name, why, hint });
        } else if let Some(known) = environment.get_mut(name) {
            known.value.clone_from(value);
        } else {
            let near = nearest(name, environment.keys().map(String::as_str));
            faults.push(Fault::Unknown {
                name: name.clone(),
                near: near.map(str::to_owned),
            });
        }
    }
    let missing = environment.keys();
    let missing = missing.filter(|name| !there.environment.contains_key(*name));
    faults.extend(missing.cloned().map(Fault::Missing));
    runbook.maintenance.window = None;
    runbook.maintenance.change = None;
    if let Some(components) = &there.components {
        for text in components.iter().filter(|text| is_selector(text)) {
            if let Err(error) = Selector::parse(text) {
                let (text, why) = (text.clone(), error.to_string());
                faults.push(Fault::Selector { text, why });
            }
        }
        runbook.maintenance.components.clone_from(components);
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::runbook::{parse, resolve};

    const TEXT: &str = "\
# T

```toml maintenance
change = \"CHG1\"
components = [\"orders-db\"]
window = { start = 2026-11-22T02:00:00Z, end = 2026-11-22T04:00:00Z }
[environment]
db = \"orders\"
host = \"h1\"
```

## Work

- [ ] Look at {{db}} on {{host}}
";

    fn placed(values: &[(&str, &str)], components: &[&str]) -> Result<Runbook, Vec<String>> {
        let (mut runbook, _) = parse(TEXT, "t.md");
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let there = Elsewhere {
            environment: values.iter().map(own).collect(),
            components: Some(components.iter().map(|c| (*c).to_owned()).collect()),
        };
        let words = |faults: Vec<Fault>| faults.iter().map(Fault::to_string).collect::<Vec<_>>();
        place(&mut runbook, &there).map_err(words)?;
        Ok(runbook)
    }

    #[test]
    fn nothing_of_the_real_place_is_left_in_the_plan() {
        let runbook = placed(&[("db", "staging"), ("host", "s1")], &["staging-db"]);
        let (plan, _) = resolve(&runbook.expect("placed"));
        assert_eq!(plan.steps[0].title, "Look at staging on s1");
        assert_eq!(plan.components, ["staging-db"]);
        assert_eq!((plan.change, plan.window), (None, None));
    }

    #[test]
    fn every_fault_is_told_and_what_is_left_out_is_one() {
        assert_eq!(
            placed(&[("bd", "staging"), ("host", "s\0")], &["role="]),
            Err(vec![
                "the runbook's environment has no `bd`; did you mean `db`?".to_owned(),
                "`host` holds a NUL byte; no command can receive it; remove it".to_owned(),
                "`db` has no value in it".to_owned(),
                format!(
                    "component `role=`: {}",
                    Selector::parse("role=").expect_err("no value")
                ),
            ])
        );
    }
}
