//! Components by what they are instead of by name: `role=orders-db,site=fra*`.
//!
//! ```text
//! selector = term *( "," term )          all terms must hold
//! term     = key ( "=" / "!=" ) pattern *( "|" pattern )    any of the patterns
//! key      = name kind role owner tier environment site status tag address, or field.NAME
//! pattern  = text with "*" for any characters, also none
//! ```
//!
//! Upper and lower case differ, as in the CMDB. What a component does not say meets no `=` and every `!=`, so `owner=*`
//! means "has an owner" and `owner!=*` "has none". `tag=` holds when one tag fits, `tag!=` when none does.

use crate::domain::catalog;
use crate::domain::reading::Component;
use std::collections::{BTreeMap, BTreeSet};

/// Keys a term may have, besides `field.NAME`.
pub const KEYS: [&str; 10] = [
    "name",
    "kind",
    "role",
    "owner",
    "tier",
    "environment",
    "site",
    "status",
    "tag",
    "address",
];

/// Begins the key of a field that only some sources have.
const FIELD: &str = "field.";

/// Terms of one selector: each key once, and a few fields; more is a list of names in disguise.
pub const TERMS_MAX: usize = 16;

/// Patterns of one term.
pub const PATTERNS_MAX: usize = 32;

/// Which components are meant, by what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    key: String,
    is_equal: bool,
    patterns: Vec<String>,
}

/// What is wrong with a selector, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {what}")]
pub struct SelectorError {
    /// Character in the selector, from 1.
    pub column: usize,
    /// Byte offset of the same place.
    pub offset: usize,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub hint: String,
}

/// True for texts that are selectors and not names: those with `=`.
pub fn is_selector(text: &str) -> bool {
    text.contains('=')
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// [`SelectorError`] for the first thing that is wrong: an empty term, no operator, an unknown key, an empty pattern,
    /// or more than [`TERMS_MAX`] or [`PATTERNS_MAX`].
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut terms = Vec::new();
        let mut offset = 0_usize;
        for part in text.split(',') {
            let at = |within: usize, what: String, hint: &str| {
                let offset = offset.saturating_add(within);
                let before = text.get(..offset).unwrap_or(text);
                SelectorError {
                    column: before.chars().count().saturating_add(1),
                    offset,
                    what,
                    hint: hint.to_owned(),
                }
            };
            if terms.len() >= TERMS_MAX {
                let what = format!("more than {TERMS_MAX} terms");
                return Err(at(0, what, "name the components instead"));
            }
            terms.push(term(part, &at)?);
            // The comma is one byte.
            offset = offset.saturating_add(part.len()).saturating_add(1);
        }
        Ok(Self { terms })
    }

    /// Whether all terms hold for a component.
    pub fn matches(&self, component: &Component) -> bool {
        self.terms.iter().all(|term| term.matches(component))
    }
}

fn term(
    part: &str,
    at: &impl Fn(usize, String, &str) -> SelectorError,
) -> Result<Term, SelectorError> {
    let lead = part.len().saturating_sub(part.trim_start().len());
    if part.trim().is_empty() {
        let hint = "take the comma away, or write a term such as `site=fra*`";
        return Err(at(0, "there is no term".to_owned(), hint));
    }
    let Some((left, right)) = part.split_once('=') else {
        let what = format!("`{}` has neither `=` nor `!=`", part.trim());
        return Err(at(
            lead,
            what,
            "write `key=pattern`, such as `role=orders-db`",
        ));
    };
    let (key, is_equal) = match left.strip_suffix('!') {
        Some(key) => (key.trim(), false),
        None => (left.trim(), true),
    };
    let is_field = key
        .strip_prefix(FIELD)
        .is_some_and(|name| !name.trim().is_empty());
    if !is_field && !KEYS.contains(&key) {
        let hint = format!("keys are {}, and `field.NAME`", KEYS.join(", "));
        return Err(at(lead, format!("unknown key `{key}`"), &hint));
    }
    let mut patterns = Vec::new();
    let mut within = left.len().saturating_add(1);
    for pattern in right.split('|') {
        if patterns.len() >= PATTERNS_MAX {
            let what = format!("more than {PATTERNS_MAX} patterns");
            return Err(at(within, what, "use `*` for what they have in common"));
        }
        let text = pattern.trim();
        if text.is_empty() {
            let hint = format!("`{key}=*` means that it has one, `{key}!=*` that it has none");
            return Err(at(within, "the pattern is empty".to_owned(), &hint));
        }
        if text.starts_with('=') {
            let hint = "write a single `=`";
            return Err(at(within, "`==` is no operator".to_owned(), hint));
        }
        patterns.push(text.to_owned());
        within = within.saturating_add(pattern.len()).saturating_add(1);
    }
    Ok(Term {
        key: key.to_owned(),
        is_equal,
        patterns,
    })
}

impl Term {
    fn matches(&self, component: &Component) -> bool {
        let fits = |value: &str| {
            !value.is_empty() && self.patterns.iter().any(|pattern| is_like(pattern, value))
        };
        let found = match self.key.as_str() {
            "name" => fits(&component.name),
            "tag" => component.tags.iter().any(|tag| fits(tag)),
            key => match key.strip_prefix(FIELD) {
                Some(field) => component
                    .fields
                    .iter()
                    .any(|(name, value)| name == field && fits(value)),
                None => catalog::texts(component)
                    .iter()
                    .any(|(name, value)| *name == key && fits(value)),
            },
        };
        found == self.is_equal
    }
}

/// Whether a text is what a pattern with `*` describes. Time grows with both lengths multiplied at worst.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        // The earliest place leaves the most for what follows; an empty part is there at once.
        let Some((_, after)) = text.split_once(part) else {
            return false;
        };
        text = after;
    }
    text.ends_with(last)
}

/// What a list of names and selectors means now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Names: those written as such, known or not, and those that selectors found; each once, in the order of the list.
    pub names: Vec<String>,
    /// Selectors that nothing is found for now. What they mean is unknown, not empty.
    pub unmatched: Vec<String>,
}

/// Looks up what a runbook's list of components means, entries with `=` being selectors.
pub fn resolve(entries: &[String], components: &BTreeMap<String, Component>) -> Resolved {
    let mut resolved = Resolved::default();
    let mut seen = BTreeSet::new();
    for entry in entries {
        if !is_selector(entry) {
            if seen.insert(entry) {
                resolved.names.push(entry.clone());
            }
            continue;
        }
        let mut is_matched = false;
        if let Ok(selector) = Selector::parse(entry) {
            for component in components.values().filter(|c| selector.matches(c)) {
                is_matched = true;
                if seen.insert(&component.name) {
                    resolved.names.push(component.name.clone());
                }
            }
        }
        if !is_matched {
            resolved.unmatched.push(entry.clone());
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn component(name: &str, role: &str, site: &str, tags: &[&str]) -> Component {
        Component {
            name: name.to_owned(),
            role: role.to_owned(),
            site: site.to_owned(),
            tags: tags.iter().map(|t| (*t).to_owned()).collect(),
            ..Component::default()
        }
    }

    fn all() -> BTreeMap<String, Component> {
        let mut rack = component("db-3", "orders-db", "ber1", &["env-prod", "tier-1"]);
        rack.fields = vec![("rack".to_owned(), "r7".to_owned())];
        let mut owned = component("db-2", "orders-db", "fra2", &["tier-2"]);
        owned.owner = "payments, cards".to_owned();
        let all = [
            component("db-1", "orders-db", "fra1", &["tier-1"]),
            owned,
            rack,
            component("lb-1", "", "fra1", &[]),
        ];
        all.into_iter().map(|c| (c.name.clone(), c)).collect()
    }

    fn found(selector: &str) -> String {
        let all = all();
        let selector = Selector::parse(selector).expect(selector);
        let names = all.values().filter(|c| selector.matches(c));
        names.map(|c| c.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn selectors_find_what_they_say() {
        let cases = [
            ("role=orders-db,site=fra*", "db-1 db-2"),
            (" role = orders-db , site = fra* ", "db-1 db-2"),
            ("site=fra1|ber*", "db-1 db-3 lb-1"),
            ("site!=fra1|ber*", "db-2"),
            ("name=db-*", "db-1 db-2 db-3"),
            ("name=*1", "db-1 lb-1"),
            ("name=*-*", "db-1 db-2 db-3 lb-1"),
            ("name=d**1", "db-1"),
            ("role=*", "db-1 db-2 db-3"),
            ("role!=*", "lb-1"),
            ("role!=web", "db-1 db-2 db-3 lb-1"),
            ("tag=tier-1", "db-1 db-3"),
            ("tag!=tier-1", "db-2 lb-1"),
            ("tag=tier-1,tag=env-*", "db-3"),
            ("field.rack=r*", "db-3"),
            ("field.rack!=*", "db-1 db-2 lb-1"),
            ("field.cage=*", ""),
            ("owner=payments* cards", "db-2"),
            ("owner=payments, cards", "!"),
            ("Role=x|role", "!"),
            ("role=ORDERS-DB", ""),
        ];
        for (selector, names) in cases {
            if names == "!" {
                Selector::parse(selector).expect_err(selector);
            } else {
                assert_eq!(found(selector), names, "{selector}");
            }
        }
    }

    #[test]
    fn patterns_overlap_nothing() {
        for (pattern, text, is) in [
            ("ab*ba", "aba", false),
            ("ab*ba", "abba", true),
            ("*ab*ab", "ab", false),
            ("*ab*ab", "xabyab", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*", "x", true),
            ("ü*", "über", true),
        ] {
            assert_eq!(is_like(pattern, text), is, "{pattern} {text}");
        }
    }

    #[test]
    fn faults_name_their_column_and_what_to_write() {
        let many = vec!["a=b"; TERMS_MAX + 1].join(",").replace('a', "tag");
        let alternatives = format!("tag={}", vec!["b"; PATTERNS_MAX + 1].join("|"));
        let cases = [
            ("", "column 1: there is no term"),
            ("role=x,", "column 8: there is no term"),
            ("role=x, site", "column 9: `site` has neither"),
            ("rôle=x", "column 1: unknown key `rôle`"),
            ("tag=ü,colour=x", "column 7: unknown key `colour`"),
            ("field.=x", "column 1: unknown key `field.`"),
            ("role=", "column 6: the pattern is empty"),
            ("role=a||b", "column 8: the pattern is empty"),
            ("role==a", "column 6: `==` is no operator"),
            (many.as_str(), "more than 16 terms"),
            (alternatives.as_str(), "more than 32 patterns"),
        ];
        for (text, expected) in cases {
            let error = Selector::parse(text).expect_err(text);
            assert!(error.to_string().contains(expected), "{text}: {error}");
            assert!(!error.hint.is_empty(), "{text}");
        }
    }

    #[test]
    fn names_stay_and_selectors_are_looked_up_or_unknown() {
        let entries = [
            "lb-1",
            "elsewhere",
            "role=orders-db",
            "name=db-2",
            "site=x",
            "tag",
        ];
        let entries: Vec<String> = entries.iter().map(|e| (*e).to_owned()).collect();
        let resolved = resolve(&entries, &all());
        assert_eq!(
            resolved.names,
            ["lb-1", "elsewhere", "db-1", "db-2", "db-3", "tag"]
        );
        assert_eq!(resolved.unmatched, ["site=x"]);
        let nothing_known = resolve(&entries, &BTreeMap::new());
        assert_eq!(nothing_known.names, ["lb-1", "elsewhere", "tag"]);
        assert_eq!(
            nothing_known.unmatched,
            ["role=orders-db", "name=db-2", "site=x"]
        );
    }

    /// As people would define it, without care for time.
    fn is_like_slowly(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => {
                (0..=text.len()).any(|n| is_like_slowly(rest, text.get(n..).unwrap_or_default()))
            }
            Some((c, rest)) => text
                .split_first()
                .is_some_and(|(first, text)| first == c && is_like_slowly(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_at_a_place_in_it(text in ".{0,60}") {
            match Selector::parse(&text) {
                Ok(selector) => { selector.matches(&Component::default()); }
                Err(error) => {
                    prop_assert!(error.column >= 1);
                    prop_assert!(error.column <= text.chars().count() + 1, "{error}");
                    prop_assert!(text.is_char_boundary(error.offset));
                }
            }
            drop(resolve(&[text], &all()));
        }

        #[test]
        fn any_selector_of_the_right_form_is_read(
            key in prop::sample::select(KEYS.to_vec()),
            operator in prop::sample::select(vec!["=", "!="]),
            pattern in "[a-z*-]{1,8}(\\|[a-zäöü*]{1,8}){0,3}",
        ) {
            let text = format!("{key}{operator}{pattern}");
            let selector = Selector::parse(&text).expect("valid");
            for component in all().values() {
                let opposite = if operator == "=" { "!=" } else { "=" };
                let opposite = Selector::parse(&format!("{key}{opposite}{pattern}")).expect("valid");
                prop_assert_ne!(selector.matches(component), opposite.matches(component));
            }
        }

        #[test]
        fn patterns_mean_what_they_say(pattern in "[ab*]{0,8}", text in "[ab]{0,8}") {
            let slow = |text: &str| text.chars().collect::<Vec<char>>();
            prop_assert_eq!(
                is_like(&pattern, &text),
                is_like_slowly(&slow(&pattern), &slow(&text))
            );
        }
    }
}
