//! Whether a matcher narrows anything down: a silence that fits every alert would silence the company.
//!
//! Not a regular expression engine: it only looks for a character that every matching value must hold. What it does not
//! understand counts as broad, so a mistake here refuses a silence and never makes a wide one.

use crate::domain::write::Matcher;
use std::iter::Peekable;
use std::str::Chars;

/// Groups inside each other that are followed; nobody writes more by hand.
const DEPTH_MAX: usize = 16;

/// True when only some alerts can have such a label.
pub(super) fn is_narrow(matcher: &Matcher) -> bool {
    let value = matcher.value.trim();
    if !matcher.is_equal || value.is_empty() || matcher.label.trim().is_empty() {
        return false;
    }
    if !matcher.is_regex {
        return true;
    }
    let mut rest = value.chars().peekable();
    // A `)` that closes nothing ends the reading early; the server would refuse it too.
    alternatives(&mut rest, 0) && rest.peek().is_none()
}

/// True when each alternative holds a character that must be there.
fn alternatives(rest: &mut Peekable<Chars<'_>>, depth: usize) -> bool {
    if depth > DEPTH_MAX {
        return false;
    }
    let mut all = true;
    let mut this = false;
    while let Some(&c) = rest.peek() {
        if c == ')' {
            break;
        }
        rest.next();
        if c == '|' {
            all &= this;
            this = false;
            continue;
        }
        let needed = atom(c, rest, depth);
        this |= !may_be_absent(rest) && needed;
    }
    all && this
}

/// True when the atom that begins with `c` holds a character that must be there.
fn atom(c: char, rest: &mut Peekable<Chars<'_>>, depth: usize) -> bool {
    match c {
        '(' => {
            if rest.next_if_eq(&'?').is_some() {
                // `(?:`, `(?i:`, `(?P<name>`: up to what begins the group; `(?i)` is a group of nothing.
                while rest
                    .next_if(|c| c.is_ascii_alphanumeric() || "<_-".contains(*c))
                    .is_some()
                {}
                rest.next_if(|c| matches!(c, ':' | '>'));
            }
            let needed = alternatives(rest, depth.saturating_add(1));
            rest.next_if_eq(&')').is_some() && needed
        }
        '[' => {
            // A class: a `]` right behind the start is a character of it.
            rest.next_if_eq(&'^');
            rest.next_if_eq(&']');
            while let Some(c) = rest.next() {
                match c {
                    ']' => break,
                    '\\' => drop(rest.next()),
                    _ => {}
                }
            }
            false
        }
        // `\.` is a dot, `\d` and `\pL` are classes, `\b` is a place.
        '\\' => match rest.next() {
            Some('p' | 'P') => {
                // `\pL` and `\p{Greek}`: the name of a class is no character that must be there.
                if rest.next() == Some('{') {
                    while rest.next().is_some_and(|c| c != '}') {}
                }
                false
            }
            escaped => escaped.is_some_and(|c| !c.is_ascii_alphanumeric()),
        },
        '.' | '^' | '$' | '*' | '+' | '?' | '{' | '}' => false,
        _ => true,
    }
}

/// Takes the repetitions behind an atom; true when one of them allows for none.
fn may_be_absent(rest: &mut Peekable<Chars<'_>>) -> bool {
    let mut absent = false;
    while let Some(c) = rest.next_if(|c| matches!(c, '*' | '?' | '+' | '{')) {
        match c {
            '*' | '?' => absent = true,
            '{' => {
                let mut least = String::new();
                while let Some(c) = rest.next_if(|c| *c != '}') {
                    least.push(c);
                }
                rest.next();
                let least = least.split(',').next().unwrap_or_default();
                absent |= least.parse::<u32>().is_ok_and(|n| n == 0);
            }
            _ => {}
        }
    }
    absent
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matcher(value: &str, is_regex: bool, is_equal: bool) -> Matcher {
        Matcher {
            label: "instance".to_owned(),
            value: value.to_owned(),
            is_regex,
            is_equal,
        }
    }

    #[test]
    fn exact_values_are_narrow_and_negations_never() {
        assert!(is_narrow(&matcher("db-1", false, true)));
        assert!(
            is_narrow(&matcher(".*", false, true)),
            "an odd value, but one"
        );
        for broad in [
            matcher("", false, true),
            matcher("db-1", false, false),
            matcher("db-1", true, false),
        ] {
            assert!(!is_narrow(&broad), "{broad}");
        }
    }

    #[test]
    fn expressions_are_narrow_when_every_value_must_hold_something() {
        for narrow in [
            "db-1",
            "db-1(:.*)?",
            "db-[0-9]+",
            "(db|web)-1",
            "db|web",
            "(?:db-1|db-2):9100",
            "(?i)db",
            "(?P<x>db).*",
            ".*\\.example\\.com",
            "^db-1$",
            "10\\.0\\.0\\.1",
            "x+",
            "(a|b){2}",
            "[]]db",
            "é.*",
        ] {
            assert!(is_narrow(&matcher(narrow, true, true)), "{narrow}");
        }
        for broad in [
            "",
            ".*",
            ".+",
            ".",
            "^.*$",
            "(.*)",
            "((.+))",
            ".*|db",
            "db|",
            "(db|.*)",
            "(db)?.*",
            "(db)*",
            "d?.*",
            "d{0,1}.*",
            "[a-z]+",
            "[^x]*",
            "\\w+",
            "\\S*",
            "\\pL+",
            "\\p{Greek}+",
            "\\p{",
            "(?i).*",
            "(?:.*)",
            "()",
            "[",
            "(",
            ")",
            "db)",
            "(?i)",
            "\\",
            "(?P<name>.*)",
        ] {
            assert!(!is_narrow(&matcher(broad, true, true)), "{broad}");
        }
    }

    #[test]
    fn nesting_without_end_is_broad() {
        let deep = format!("{}db{}", "(".repeat(100_000), ")".repeat(100_000));
        assert!(!is_narrow(&matcher(&deep, true, true)));
    }

    proptest! {
        /// What anybody types ends the reading, one way or the other.
        #[test]
        fn any_expression_is_survived(value in "[()\\[\\]{}|*+?.\\\\^$a-c0,:<]{0,40}") {
            is_narrow(&matcher(&value, true, true));
        }

        /// Anything or nothing beside it makes every expression broad.
        #[test]
        fn an_alternative_of_anything_is_broad(value in "[a-z.]{0,10}") {
            let broad = format!("{value}|.*");
            prop_assert!(!is_narrow(&matcher(&broad, true, true)));
        }
    }
}
