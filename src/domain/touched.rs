//! Which components the work touches, and how systems that know labels instead of components are told of them.

use crate::domain::reading::Component;
use crate::domain::runbook::plan::Plan;
use crate::domain::selector;
use crate::domain::write::Matcher;
use std::collections::BTreeMap;

/// Names of all touched components: those of the whole, selectors resolved, then those of single steps; each once.
pub fn names(plan: &Plan, components: &BTreeMap<String, Component>) -> Vec<String> {
    let mut names = selector::resolve(&plan.components, components).names;
    for component in plan.steps.iter().filter_map(|s| s.component.as_ref()) {
        if !names.contains(component) {
            names.push(component.clone());
        }
    }
    names
}

/// Selectors of the whole that fit nothing a CMDB knows now: what they touch is unknown, not nothing.
pub fn unmatched(plan: &Plan, components: &BTreeMap<String, Component>) -> Vec<String> {
    selector::resolve(&plan.components, components).unmatched
}

/// How many others there are of each component's group: the same role in the same environment. Without a role there is
/// no group to count.
pub fn groups(components: &BTreeMap<String, Component>) -> BTreeMap<String, u32> {
    let mut sizes: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let grouped = || components.values().filter(|c| !c.role.is_empty());
    for c in grouped() {
        let size = sizes.entry((&c.role, &c.environment)).or_default();
        *size = size.saturating_add(1);
    }
    grouped()
        .filter_map(|c| {
            let size = sizes.get(&(c.role.as_str(), c.environment.as_str()))?;
            Some((c.name.clone(), size.saturating_sub(1)))
        })
        .collect()
}

/// What fits the value of one label of every one of these components: their names and addresses, as alerting systems
/// write them, with a domain or a port behind. Nothing for no components.
pub fn matcher(
    label: &str,
    names: &[String],
    components: &BTreeMap<String, Component>,
) -> Option<Matcher> {
    let mut parts: Vec<String> = Vec::new();
    for name in names {
        let address = components.get(name).map(|c| c.address.trim());
        // Some CMDBs keep the length of the network behind the address.
        let address = address.map(|a| a.split_once('/').map_or(a, |(host, _)| host));
        for text in [Some(name.trim()), address].into_iter().flatten() {
            let part = escaped(text);
            if !part.is_empty() && !parts.contains(&part) {
                parts.push(part);
            }
        }
    }
    let value = format!("({})(\\..+)?(:[0-9]+)?", parts.join("|"));
    (!parts.is_empty()).then(|| Matcher {
        label: label.to_owned(),
        value,
        is_regex: true,
        is_equal: true,
    })
}

/// A text that stands for itself in a regular expression. Source: RE2 syntax, which Alertmanager uses.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '-' | '_' | ':' | '/' | '@') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::plan;

    #[test]
    fn components_of_the_whole_and_of_steps_are_touched_once() {
        let mut plan = plan();
        plan.components = vec!["role=db".to_owned(), "web-1".to_owned()];
        plan.steps[1].component = Some("db-1".to_owned());
        plan.steps[2].component = Some("san".to_owned());
        let component = |name: &str, role: &str| Component {
            name: name.to_owned(),
            role: role.to_owned(),
            ..Component::default()
        };
        let known = [component("db-1", "db"), component("db-2", "db")];
        let known = known.map(|c| (c.name.clone(), c)).into();
        assert_eq!(names(&plan, &known), ["db-1", "db-2", "web-1", "san"]);
        assert_eq!(unmatched(&plan, &known), Vec::<String>::new());
        // A CMDB that is silent says nothing of what a selector touches; names say it themselves.
        assert_eq!(unmatched(&plan, &BTreeMap::new()), ["role=db"]);
    }

    #[test]
    fn a_group_is_a_role_in_an_environment() {
        let component = |name: &str, role: &str, environment: &str| Component {
            name: name.to_owned(),
            role: role.to_owned(),
            environment: environment.to_owned(),
            ..Component::default()
        };
        let known = [
            component("db-1", "db", "prod"),
            component("db-2", "db", "prod"),
            component("db-3", "db", "staging"),
            component("san", "", "prod"),
        ];
        let known = known.map(|c| (c.name.clone(), c)).into();
        let groups = groups(&known);
        assert_eq!(groups.get("db-1"), Some(&1));
        assert_eq!(groups.get("db-3"), Some(&0));
        assert_eq!(groups.get("san"), None);
    }

    #[test]
    fn a_matcher_fits_names_and_addresses_and_nothing_near_them() {
        let known = Component {
            name: "db.1".to_owned(),
            address: "10.0.0.1/24".to_owned(),
            ..Component::default()
        };
        let known = [("db.1".to_owned(), known)].into();
        let names = ["db.1".to_owned(), "web-1".to_owned()];
        let matcher = matcher("instance", &names, &known).map(|m| m.to_string());
        let expected = r#"instance=~"(db\\.1|10\\.0\\.0\\.1|web-1)(\\..+)?(:[0-9]+)?""#;
        assert_eq!(matcher.as_deref(), Some(expected));
        assert_eq!(super::matcher("instance", &[], &known), None);
    }
}
