//! Scopes of downtimes: made from what is to be quiet, and held against what is not well.
//!
//! Source: Datadog API reference, "Downtimes" (v2), `scope`; "Downtimes", "Downtime scope".

use super::config::is_tag_key;
use crate::connect::connector::WriteError;
use crate::domain::write::Matcher;

/// What a downtime is about: the components by their tag; labels where no component is named.
///
/// # Errors
/// [`WriteError`] when that cannot be said in a scope.
pub(super) fn of(
    tag: &str,
    components: &[String],
    matchers: &[Matcher],
) -> Result<String, WriteError> {
    match components {
        [] => {}
        [one] => return Ok(format!("{tag}:{}", value(one)?)),
        many => {
            let values: Result<Vec<_>, _> = many.iter().map(|name| value(name)).collect();
            return Ok(format!("{tag}:({})", values?.join(" OR ")));
        }
    }
    let parts: Result<Vec<_>, _> = matchers.iter().map(condition).collect();
    let parts = parts?;
    if !matchers.iter().any(|matcher| matcher.is_equal) {
        // Nothing, or all but something: that would be most of the organisation.
        return Err(WriteError::refused(
            "a downtime needs a component, or a label that is equal to something",
        ));
    }
    Ok(parts.join(" AND "))
}

fn condition(matcher: &Matcher) -> Result<String, WriteError> {
    if matcher.is_regex {
        return Err(WriteError::refused(format!(
            "Datadog has no regular expressions: `{matcher}`; name components instead"
        )));
    }
    if !is_tag_key(&matcher.label) {
        return Err(WriteError::refused(format!(
            "`{}` is not the key of a tag",
            matcher.label
        )));
    }
    let not = if matcher.is_equal { "" } else { "NOT " };
    Ok(format!("{not}{}:{}", matcher.label, value(&matcher.value)?))
}

/// The value of a tag in quotes, so that no word of it means anything.
fn value(text: &str) -> Result<String, WriteError> {
    let is_odd = |c: char| c.is_control() || matches!(c, '"' | '\\' | '*' | '?');
    if text.is_empty() || text.chars().any(is_odd) {
        return Err(WriteError::refused(format!(
            "{text:?} cannot be the value of a tag"
        )));
    }
    Ok(format!("\"{text}\""))
}

/// Whether a scope covers what has these tags. A scope of other forms than tags joined by `AND` (or, as version 1 writes
/// them, by commas) covers nothing here: what is shown as heard may be quiet, never the other way.
pub(super) fn covers(scope: &str, labels: &[(String, String)]) -> bool {
    let mut rest = scope.trim();
    if rest == "*" {
        return true;
    }
    loop {
        let Some((key, after)) = rest.split_once(':') else {
            return false;
        };
        let Some((values, after)) = values_of(after) else {
            return false;
        };
        let has = |value: &&str| labels.iter().any(|(k, v)| k == key && v == value);
        if !is_tag_key(key) || !values.iter().any(has) {
            return false;
        }
        let after = after.trim_start();
        if after.is_empty() {
            return true;
        }
        let next = after
            .strip_prefix("AND ")
            .or_else(|| after.strip_prefix(','));
        let Some(next) = next else {
            return false;
        };
        rest = next.trim_start();
    }
}

/// The values of one tag, any of which will do, and what follows them.
fn values_of(text: &str) -> Option<(Vec<&str>, &str)> {
    let Some(mut rest) = text.strip_prefix('(') else {
        let (value, rest) = value_of(text)?;
        return Some((vec![value], rest));
    };
    let mut values = Vec::new();
    loop {
        let (value, after) = value_of(rest.trim_start())?;
        values.push(value);
        let after = after.trim_start();
        if let Some(end) = after.strip_prefix(')') {
            return Some((values, end));
        }
        rest = after.strip_prefix("OR ")?;
    }
}

/// One value, in quotes or bare; nothing for one with a wildcard.
fn value_of(text: &str) -> Option<(&str, &str)> {
    let (value, rest) = if let Some(quoted) = text.strip_prefix('"') {
        quoted.split_once('"')?
    } else {
        let is_end = |c: char| c.is_whitespace() || matches!(c, ')' | '(' | ',');
        let end = text.find(is_end).unwrap_or(text.len());
        text.split_at_checked(end)?
    };
    let is_plain = !value.is_empty() && !value.contains(['*', '?', '\\']);
    is_plain.then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(label: &str, value: &str, is_equal: bool, is_regex: bool) -> Matcher {
        Matcher {
            label: label.to_owned(),
            value: value.to_owned(),
            is_regex,
            is_equal,
        }
    }

    #[test]
    fn a_scope_names_components_or_labels_and_never_everything() {
        let scope = |components: &[&str], matchers: &[Matcher]| {
            let components: Vec<_> = components.iter().map(|c| (*c).to_owned()).collect();
            of("host", &components, matchers).map_err(|error| error.what)
        };
        assert_eq!(scope(&["db-1"], &[]).as_deref(), Ok("host:\"db-1\""));
        assert_eq!(
            scope(&["db-1", "db-2"], &[matcher("env", "prod", true, false)]).as_deref(),
            Ok("host:(\"db-1\" OR \"db-2\")")
        );
        let both = [
            matcher("env", "prod", true, false),
            matcher("role", "db or web", false, false),
        ];
        assert_eq!(
            scope(&[], &both).as_deref(),
            Ok("env:\"prod\" AND NOT role:\"db or web\"")
        );
        for (components, matchers) in [
            (vec![], vec![]),
            (vec!["*"], vec![]),
            (vec!["a\" OR host:\"b"], vec![]),
            (vec![""], vec![]),
            (vec![], vec![matcher("env", "prod", false, false)]),
            (vec![], vec![matcher("env", "p.*", true, true)]),
            (vec![], vec![matcher("env OR x", "prod", true, false)]),
        ] {
            assert!(
                scope(&components, &matchers).is_err(),
                "{components:?} {matchers:?}"
            );
        }
    }

    #[test]
    fn a_scope_covers_what_has_all_of_its_tags_and_nothing_when_in_doubt() {
        let labels = [("env", "prod"), ("host", "db-1"), ("role", "db AND web")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()));
        for scope in [
            "*",
            "host:db-1",
            "host:\"db-1\"",
            "host:(\"db-0\" OR \"db-1\")",
            "host:(db-1 OR db-2) AND env:prod",
            "env:prod,host:db-1",
            "role:\"db AND web\" AND host:db-1",
        ] {
            assert!(covers(scope, &labels), "{scope}");
        }
        for scope in [
            "",
            "host:db-2",
            "host:db-1 AND env:dev",
            "host:db-*",
            "host:*",
            "NOT host:db-2",
            "host:db-1 OR env:dev",
            "host:(db-1",
            "host:\"db-1",
            "host",
            "(host:db-1)",
            "host:db-1 AND",
        ] {
            assert!(!covers(scope, &labels), "{scope}");
        }
    }

    #[test]
    fn what_we_make_covers_what_we_meant() {
        let components = ["db-1".to_owned(), "db 2".to_owned()];
        let scope = of("host", &components, &[]).unwrap();
        for name in components {
            assert!(covers(&scope, &[("host".to_owned(), name)]));
        }
        assert!(!covers(&scope, &[("host".to_owned(), "db-3".to_owned())]));
    }
}
