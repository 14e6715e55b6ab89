//! `{{name}}`: replaced in text for people and in queries, refused in scripts.

use super::codes;
use super::diagnostic::{Diagnostic, Problems, quoted};
use super::model::Language;
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
            if inner.get(name_len..)?.starts_with("}}") && is_variable(name) {
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
    /// Replaces names in a title or a query.
    pub(super) fn fill(&self, text: &Mapped, problems: &mut Problems) -> String {
        self.replace(text, |_| false, problems)
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
        self.replace(text, is_code, problems)
    }

    fn replace(
        &self,
        text: &Mapped,
        may_stay: impl Fn(usize) -> bool,
        problems: &mut Problems,
    ) -> String {
        let mut out = String::with_capacity(text.as_str().len());
        let mut done: usize = 0;
        for (range, name) in references(text.as_str()) {
            if let Some(value) = self.environment.get(name) {
                out.push_str(text.as_str().get(done..range.start).unwrap_or_default());
                out.push_str(&value.value);
                done = range.end;
            } else if !self.is_plain && !may_stay(range.start) {
                self.unknown(name, &text.source_span(range), problems);
            }
        }
        out.push_str(text.as_str().get(done..).unwrap_or_default());
        out
    }

    fn unknown(&self, name: &str, span: &Range<usize>, problems: &mut Problems) {
        if problems.is_full() {
            problems.count_only();
            return;
        }
        problems.push(
            Diagnostic::error(
                codes::UNKNOWN_NAME,
                span,
                format!("{} is not in the environment table", quoted(name)),
            )
            .hint(format!(
                "add it to `[environment]` in the ```toml maintenance block: `{name} = \"...\"`"
            ))
            .hint_opt(did_you_mean(
                name,
                self.environment.keys().map(String::as_str),
            )),
        );
    }

    /// Refuses names in a script: spliced text is how the wrong host gets wiped.
    pub(super) fn refuse(&self, script: &Mapped, lang: Language, problems: &mut Problems) {
        for (range, name) in references(script.as_str()) {
            let is_known = self.environment.contains_key(name);
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
                    lang.reads(name)
                )),
            );
        }
    }
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
