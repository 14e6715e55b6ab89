//! `{{name}}`: replaced in text for people and in queries, refused in scripts.
//!
//! In a template of a rollout `{{component}}` is the unit, and `{{unit.site}}` what the CMDB says of it.

use super::codes;
use super::diagnostic::{Diagnostic, Problems, quoted};
use super::limits::UNIT_VALUE_BYTES_MAX;
use super::model::Language;
use super::plan::COMPONENT;
use super::rollout::units::{ATTRIBUTES, UnitNames};
use super::settings::is_variable;
use super::source::{Located, Mapped};
use super::suggest::did_you_mean;
use std::collections::BTreeMap;
use std::ops::Range;

/// Words of Go templates, as `kubectl -o go-template` and `docker --format` take them in scripts.
const GO_WORDS: [&str; 4] = ["end", "else", "break", "continue"];

/// The environment table as a source of names.
pub(super) struct Names<'a> {
    pub(super) environment: &'a BTreeMap<String, Located<String>>,
    /// In a checklist that was not written for this program braces are just text.
    pub(super) is_plain: bool,
    /// The unit a template is filled in for.
    pub(super) unit: Option<&'a UnitNames>,
}

/// Begins the name of something that is said of a unit.
const UNIT: &str = "unit.";

/// Characters that end a quoted text of `PromQL`, or a matcher: what a CMDB says must not change what is asked.
const NOT_IN_QUERIES: [char; 6] = ['"', '\'', '`', '\\', '{', '}'];

/// What a name comes to.
enum Meaning<'a> {
    Value(&'a str),
    /// Nothing, and what to say of it.
    Unknown(Diagnostic),
}

/// Whether a text names something that is said of a unit.
pub(super) fn names_an_attribute(text: &str) -> bool {
    references(text).any(|(_, name)| name.starts_with(UNIT))
}

/// Every `{{name}}`, spaces inside the braces allowed; other things in braces are no names.
fn references(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut at: usize = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let open = at.saturating_add(rest.find("{{")?);
            // `{{{a}}` names `a` too.
            let inner_at = open.saturating_add(2);
            let inner = text.get(inner_at..)?;
            at = open.saturating_add(if inner.starts_with('{') { 1 } else { 2 });
            let name_len = inner.find(['{', '}', '\n'])?;
            let name = inner.get(..name_len)?.trim();
            let close = inner_at.saturating_add(name_len);
            let word = name.strip_prefix(UNIT).unwrap_or(name);
            if inner.get(name_len..)?.starts_with("}}") && is_variable(word) {
                at = close.saturating_add(2);
                return Some((open..at, name));
            }
            if inner.get(name_len..)?.starts_with(['}', '\n']) {
                at = close;
            }
        }
    })
}

impl Names<'_> {
    /// Replaces names in a title or a label.
    pub(super) fn fill(&self, text: &Mapped, problems: &mut Problems) -> String {
        self.replace(text, |_| false, |_| true, problems)
    }

    /// Replaces names in a query. What a CMDB says cannot end a quoted text there.
    pub(super) fn fill_query(&self, text: &Mapped, problems: &mut Problems) -> String {
        self.replace(
            text,
            |_| false,
            |value| !value.contains(NOT_IN_QUERIES),
            problems,
        )
    }

    /// Replaces names in Markdown, where braces in code may belong to some other program.
    pub(super) fn fill_markdown(&self, text: &Mapped, problems: &mut Problems) -> String {
        if !text.as_str().contains("{{") {
            return text.as_str().to_owned();
        }
        let code = code_ranges(text.as_str());
        let is_code = |at: usize| {
            let before = code.partition_point(|range| range.start <= at);
            code.get(before.wrapping_sub(1))
                .is_some_and(|range| range.contains(&at))
        };
        self.replace(text, is_code, |_| true, problems)
    }

    fn replace(
        &self,
        text: &Mapped,
        may_stay: impl Fn(usize) -> bool,
        fits: impl Fn(&str) -> bool,
        problems: &mut Problems,
    ) -> String {
        let mut out = String::with_capacity(text.as_str().len());
        let mut done: usize = 0;
        for (range, name) in references(text.as_str()) {
            let span = || text.source_span(range.clone());
            match self.meaning(name, &span) {
                Meaning::Value(value) => {
                    if self.is_of_unit(name) && !fits(value) {
                        problems.push(not_in_query(name, value, &span()));
                    }
                    out.push_str(text.as_str().get(done..range.start).unwrap_or_default());
                    out.push_str(value);
                    done = range.end;
                }
                Meaning::Unknown(_) if self.is_plain || may_stay(range.start) => {}
                Meaning::Unknown(_) if problems.is_full() => problems.count_only(),
                Meaning::Unknown(problem) => problems.push(problem),
            }
        }
        out.push_str(text.as_str().get(done..).unwrap_or_default());
        out
    }

    fn is_of_unit(&self, name: &str) -> bool {
        self.unit.is_some() && (name == COMPONENT || name.starts_with(UNIT))
    }

    fn meaning(&self, name: &str, span: &impl Fn() -> Range<usize>) -> Meaning<'_> {
        let attribute = name.strip_prefix(UNIT);
        match (self.unit, attribute) {
            (Some(unit), None) if name == COMPONENT => Meaning::Value(&unit.component),
            (Some(unit), Some(attribute)) => match unit.attribute(attribute) {
                Ok(value) => Meaning::Value(value),
                Err(why) => Meaning::Unknown(
                    Diagnostic::error(codes::UNIT_VALUE, &span(), why).hint(attribute_hint()),
                ),
            },
            (None, Some(_)) => Meaning::Unknown(
                Diagnostic::error(
                    codes::UNKNOWN_NAME,
                    &span(),
                    format!("{} is known in a phase with `for_each` alone", quoted(name)),
                )
                .hint("add `for_each` to the ```toml phase block, or name what is meant"),
            ),
            (_, None) => match self.environment.get(name) {
                Some(value) => Meaning::Value(&value.value),
                None => Meaning::Unknown(self.unknown(name, &span())),
            },
        }
    }

    fn unknown(&self, name: &str, span: &Range<usize>) -> Diagnostic {
        let problem = Diagnostic::error(
            codes::UNKNOWN_NAME,
            span,
            format!("{} is not in the environment table", quoted(name)),
        );
        if name == COMPONENT {
            return problem
                .hint("it is the unit of a phase with `for_each` in its ```toml phase block");
        }
        problem
            .hint(format!(
                "add it to `[environment]` in the ```toml maintenance block: `{name} = \"...\"`"
            ))
            .hint_opt(did_you_mean(
                name,
                self.environment.keys().map(String::as_str),
            ))
    }

    /// Refuses names in a script: spliced text is how the wrong host gets wiped.
    pub(super) fn refuse(&self, script: &Mapped, lang: Language, problems: &mut Problems) {
        for (range, name) in references(script.as_str()) {
            // Outside of templates a dotted name is some other program's.
            if self.unit.is_none() && name.starts_with(UNIT) {
                continue;
            }
            let is_known = self.environment.contains_key(name) || self.is_of_unit(name);
            if GO_WORDS.contains(&name) && !is_known {
                continue;
            }
            if problems.is_full() {
                problems.count_only();
                continue;
            }
            let more = if is_known {
                ""
            } else {
                ", and add the name to `[environment]`"
            };
            problems.push(
                Diagnostic::error(
                    codes::SPLICED,
                    &script.source_span(range),
                    format!("`{{{{{name}}}}}` in a script is never replaced"),
                )
                .label("text is not spliced into commands")
                .hint(format!(
                    "values are passed in the environment: use {}{more}",
                    lang.reads(&name.replace('.', "_"))
                )),
            );
        }
    }
}

fn attribute_hint() -> String {
    let names: Vec<String> = ATTRIBUTES
        .iter()
        .map(|name| format!("`{UNIT}{name}`"))
        .collect();
    format!("what may be known is {}", names.join(", "))
}

fn not_in_query(name: &str, value: &str, span: &Range<usize>) -> Diagnostic {
    let what = format!(
        "{} is {}, which cannot stand in a query",
        quoted(name),
        quoted(value)
    );
    Diagnostic::error(codes::UNIT_VALUE, span, what)
        .hint("quotes, backslashes and braces would change what is asked; leave that component out")
}

/// Why a text of a CMDB, or a name in a list, cannot be put into a step; none when it can.
pub(super) fn unfit(value: &str) -> Option<String> {
    if value.trim().is_empty() {
        return Some("is empty".to_owned());
    }
    if value.len() > UNIT_VALUE_BYTES_MAX {
        return Some(format!("is longer than {UNIT_VALUE_BYTES_MAX} bytes"));
    }
    value
        .chars()
        .any(char::is_control)
        .then(|| "holds a line break or another control character".to_owned())
}

/// Fenced blocks and code spans, well enough to know whose braces are whose.
fn code_ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut at: usize = 0;
    let mut fenced_from = None;
    for line in text.split_inclusive('\n') {
        let end = at.saturating_add(line.len());
        let is_fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        match (fenced_from, is_fence) {
            (None, true) => fenced_from = Some(at),
            (Some(from), true) => {
                ranges.push(from..end);
                fenced_from = None;
            }
            (None, false) => {
                let mut ticks = line.match_indices('`').map(|(place, _)| place);
                while let (Some(open), Some(close)) = (ticks.next(), ticks.next()) {
                    ranges.push(at.saturating_add(open)..at.saturating_add(close));
                }
            }
            (Some(_), false) => {}
        }
        at = end;
    }
    if let Some(from) = fenced_from {
        ranges.push(from..text.len());
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        references(text).map(|(_, name)| name).collect()
    }

    #[test]
    fn only_plain_names_in_double_braces_are_references() {
        assert_eq!(names("a {{host}} b {{ db_1 }}"), ["host", "db_1"]);
        assert_eq!(
            names("{{.Name}} {{range .x}} {{ $v }} {{}} {{1a}}"),
            [""; 0]
        );
        assert_eq!(names("{{{a}}} {{ {{b}} {{c\n}} {{d"), ["a", "b"]);
        assert_eq!(names(&"{{".repeat(5000)), [""; 0]);
    }

    #[test]
    fn braces_in_code_may_stay_and_known_names_are_replaced_everywhere() {
        let mut environment = BTreeMap::new();
        environment.insert("host".to_owned(), Located::new("db-1".to_owned(), 0..0));
        let names = Names {
            environment: &environment,
            is_plain: false,
            unit: None,
        };
        let text = Mapped::at(
            "on {{host}}: `{{other}} {{host}}`\n```\n{{x}}\n```\n{{y}}",
            3..9,
        );
        let mut problems = Problems::default();
        assert_eq!(
            names.fill_markdown(&text, &mut problems),
            "on db-1: `{{other}} db-1`\n```\n{{x}}\n```\n{{y}}"
        );
        let list = problems.into_sorted();
        assert_eq!(list.len(), 1, "{list:?}");
        assert!(list[0].message.contains("`y`"));
    }
}
