//! `[[freeze]]`: times in which nothing is to be changed.

use super::document::{At, Document, Section};
use crate::domain::freeze::{FREEZE_SCOPE_MAX, FREEZES_MAX, Freeze};
use crate::domain::id::FreezeId;
use crate::domain::selector::{Selector, is_selector};
use std::collections::BTreeSet;

/// Longest reason: it stands in a header and in refusals.
const REASON_CHARS_MAX: usize = 200;

/// Reads all freezes; those with problems are left out, and then the configuration is refused.
pub(super) fn freezes(document: &Document<'_>, sections: Vec<Section<'_, '_>>) -> Vec<Freeze> {
    if let Some(first_beyond) = sections.get(FREEZES_MAX) {
        let what = format!("more than {FREEZES_MAX} freezes");
        document.fault(&first_beyond.at(), what, "leave out those that are over");
    }
    let mut ids = BTreeSet::new();
    sections
        .into_iter()
        .take(FREEZES_MAX)
        .filter_map(|section| freeze(document, section, &mut ids))
        .collect()
}

fn freeze(
    document: &Document<'_>,
    mut section: Section<'_, '_>,
    ids: &mut BTreeSet<FreezeId>,
) -> Option<Freeze> {
    let id = section.required("id", "a short name such as `year-end`");
    let id = id.and_then(|at| freeze_id(document, &at, ids));
    let start = section.moment("start");
    let end = section.moment("end");
    let reason = section.required("reason", "why nothing is to be changed then");
    let components = scope(document, section.texts("components"));
    let except = scope(document, section.texts("except"));
    section.finish();
    if let (Some(start), Some(end)) = (&start, &end)
        && end.value <= start.value
    {
        document.fault(end, "is not after `start`", "");
        return None;
    }
    let reason = reason.filter(|at| {
        let fits = at.value.chars().count() <= REASON_CHARS_MAX;
        if !fits {
            let what = format!("is longer than {REASON_CHARS_MAX} characters");
            document.fault(at, what, "");
        }
        fits
    });
    Some(Freeze {
        id: id?,
        start: start?.value,
        end: end?.value,
        reason: reason?.value.trim().to_owned(),
        components: components?,
        except: except?,
    })
}

fn freeze_id(
    document: &Document<'_>,
    at: &At<String>,
    ids: &mut BTreeSet<FreezeId>,
) -> Option<FreezeId> {
    match FreezeId::new(&at.value) {
        Ok(id) if ids.insert(id.clone()) => Some(id),
        Ok(id) => {
            document.fault(at, format!("another freeze has the id `{id}`"), "");
            None
        }
        Err(error) => {
            document.fault(at, error.to_string(), "");
            None
        }
    }
}

/// Names and selectors; absent when one of them cannot be read.
fn scope(document: &Document<'_>, entries: Vec<At<String>>) -> Option<Vec<String>> {
    let mut is_good = true;
    if let Some(first_beyond) = entries.get(FREEZE_SCOPE_MAX) {
        let what = format!("more than {FREEZE_SCOPE_MAX} entries");
        document.fault(
            first_beyond,
            what,
            "a selector such as `tier=1` names many at once",
        );
        is_good = false;
    }
    for at in &entries {
        let fault = if at.value.trim().is_empty() {
            Some(("must not be empty".to_owned(), String::new()))
        } else if is_selector(&at.value) {
            let parsed = Selector::parse(&at.value);
            parsed.err().map(|error| (error.what.clone(), error.hint))
        } else {
            None
        };
        if let Some((what, hint)) = fault {
            document.fault(at, what, hint);
            is_good = false;
        }
    }
    is_good.then(|| entries.into_iter().map(|at| at.value).collect())
}

#[cfg(test)]
mod tests {
    use crate::config::{Env, Secrets, parse};
    use std::path::Path;

    fn read(text: &str) -> Result<Vec<crate::domain::freeze::Freeze>, String> {
        let env = Env::new([("HOME".to_owned(), "/home/x".to_owned())]);
        parse(Path::new("config.toml"), text, &env, Secrets::Skip)
            .map(|config| config.freezes)
            .map_err(|problems| problems.to_string())
    }

    const GOOD: &str = "[[freeze]]\nid = \"year-end\"\nstart = 2026-12-18T00:00:00Z\n\
                        end = \"2027-01-04T00:00:00+01:00\"\nreason = \"closing\"\n\
                        components = [\"tier=1\", \"db-1\"]\nexcept = [\"lab-1\"]\n";

    #[test]
    fn a_freeze_is_read_with_its_scope() {
        let freezes = read(GOOD).expect("good");
        let [freeze] = freezes.as_slice() else {
            panic!("{freezes:?}");
        };
        assert_eq!(freeze.end.to_seconds_text(), "2027-01-03T23:00:00Z");
        assert_eq!(freeze.components, ["tier=1", "db-1"]);
        assert_eq!(freeze.except, ["lab-1"]);
        assert_eq!(read("").expect("none"), []);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let cases = [
            ("id = \"year-end\"\n", "", "`freeze[0].id`"),
            ("reason = \"closing\"\n", "", "reason"),
            (
                "2026-12-18T00:00:00Z",
                "2028-12-18T00:00:00Z",
                "is not after `start`",
            ),
            ("2026-12-18T00:00:00Z", "2026-12-18", "not a UTC time"),
            ("\"tier=1\"", "\"tier=\"", "components"),
            ("except =", "excempt =", "excempt"),
        ];
        for (from, to, words) in cases {
            let error = read(&GOOD.replace(from, to)).expect_err(to);
            assert!(error.contains(words) || error.contains("freeze"), "{error}");
        }
        let twice = read(&format!("{GOOD}{GOOD}")).expect_err("twice");
        assert!(
            twice.contains("another freeze has the id `year-end`"),
            "{twice}"
        );
    }
}
