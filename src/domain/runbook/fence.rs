//! The info string of a fence: `LANG ROLE [flags] [key=value]`.

use super::codes;
use super::diagnostic::{Diagnostic, Problems, quoted};
use super::model::Language;
use super::role::{ROLES, Role, STEP_KEYS, is_known_language};
use super::source::Located;
use super::suggest::{did_you_mean, nearest};
use std::ops::Range;

/// What an info string says, as far as it concerns a runbook.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Info {
    /// Shown, never executed.
    Ordinary,
    /// A role, but the block cannot be used; the problem is reported already.
    Refused,
    /// A block with a role.
    Role(Head),
}

/// The head of a block with a role.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    pub(super) role: Role,
    /// For commands only.
    pub(super) lang: Option<Language>,
    pub(super) flags: Vec<Located<&'static str>>,
    pub(super) pairs: Vec<(Located<&'static str>, Located<String>)>,
    /// Whole info string in the file.
    pub(super) span: Range<usize>,
}

/// A piece of the info string between white space.
#[derive(Debug, PartialEq)]
enum Word {
    Flag(Located<String>),
    Pair(Located<String>, Located<String>),
}

/// Language, word after it, and where the rest begins.
type FirstWords<'a> = (Located<&'a str>, Option<Located<&'a str>>, usize);

/// Splits `line` (what follows the fence characters) at its first two words.
fn first_words(line: &str, offset: usize) -> Option<FirstWords<'_>> {
    let mut at: usize = 0;
    let mut next = || {
        let rest = line.get(at..)?;
        let skipped = rest.len().saturating_sub(rest.trim_start().len());
        let rest = rest.trim_start();
        let word = rest.split_whitespace().next()?;
        let start = at.saturating_add(skipped);
        at = start.saturating_add(word.len());
        Some(Located::new(
            word,
            offset.saturating_add(start)..offset.saturating_add(at),
        ))
    };
    let lang = next()?;
    let word = next();
    Some((lang, word, at))
}

/// The role word of an info string, right language or not; nothing is reported.
pub(super) fn role_of(line: &str) -> Option<Role> {
    first_words(line, 0)
        .and_then(|(_, word, _)| word)
        .and_then(|word| Role::from_word(word.value))
}

/// Reads an info string that stands at `offset` of the file.
pub(super) fn read(line: &str, offset: usize, problems: &mut Problems) -> Info {
    let line = line.trim_end();
    let Some((lang, word, rest_at)) = first_words(line, offset) else {
        return Info::Ordinary;
    };
    let Some(word) = word else {
        warn_missing_language(&lang, problems);
        return Info::Ordinary;
    };
    let Some(role) = Role::from_word(word.value) else {
        return unknown_word(&lang, &word, problems);
    };
    let span = lang.span.start..offset.saturating_add(line.len());
    let Ok(language) = fitting_language(role, &lang, &word, problems) else {
        return Info::Refused;
    };
    let rest = line.get(rest_at..).unwrap_or_default();
    let words = match split(rest, offset.saturating_add(rest_at)) {
        Ok(words) => words,
        Err(problem) => {
            problems.push(*problem);
            return Info::Refused;
        }
    };
    let mut head = Head {
        role,
        lang: language,
        flags: Vec::new(),
        pairs: Vec::new(),
        span,
    };
    for word in words {
        match word {
            Word::Flag(flag) => head.add_flag(&flag, problems),
            Word::Pair(key, value) => head.add_pair(&key, value, problems),
        }
    }
    Info::Role(head)
}

/// ```` ```run ```` makes `run` the language.
fn warn_missing_language(lang: &Located<&str>, problems: &mut Problems) {
    if let Some(role) = Role::from_word(lang.value) {
        let wanted = role.language().unwrap_or("sh");
        problems.push(
            Diagnostic::warning(
                codes::NOT_A_ROLE,
                &lang.span,
                format!("`{}` stands where the language belongs", lang.value),
            )
            .label("this block is shown, never executed")
            .hint(format!(
                "write the language first: ```{wanted} {}",
                lang.value
            )),
        );
    }
}

fn unknown_word(lang: &Located<&str>, word: &Located<&str>, problems: &mut Problems) -> Info {
    if !is_known_language(lang.value) {
        return Info::Ordinary;
    }
    let fits = |role: Role| match role.language() {
        Some(wanted) => wanted == lang.value,
        None => !matches!(lang.value, "promql" | "toml"),
    };
    let words = ROLES.iter().filter(|row| fits(row.role));
    if let Some(found) = nearest(word.value, words.map(|row| row.word)) {
        problems.push(
            Diagnostic::error(
                codes::ROLE_TYPO,
                &word.span,
                format!("unknown role {}", quoted(word.value)),
            )
            .label("without a role the block would never be executed")
            .hint(format!("did you mean `{found}`?")),
        );
    } else if word.value.bytes().all(|b| b.is_ascii_alphabetic()) {
        problems.push(
            Diagnostic::warning(
                codes::NOT_A_ROLE,
                &word.span,
                format!("{} is not a role", quoted(word.value)),
            )
            .label("this block is shown, never executed")
            .hint("roles are `run`, `check`, `verify`, `undo`; `gate`, `guard`, `expect` for `promql`; `maintenance`, `phase`, `step` for `toml`"),
        );
    }
    Info::Ordinary
}

fn fitting_language(
    role: Role,
    lang: &Located<&str>,
    word: &Located<&str>,
    problems: &mut Problems,
) -> Result<Option<Language>, ()> {
    if let Some(wanted) = role.language() {
        if lang.value == wanted {
            return Ok(None);
        }
        problems.push(
            Diagnostic::error(
                codes::ROLE_LANGUAGE,
                &lang.span,
                format!(
                    "role `{}` is for `{wanted}`, not for {}",
                    word.value,
                    quoted(lang.value)
                ),
            )
            .hint(format!(
                "write ```{wanted} {}, or leave the role word out of a block that is only shown",
                word.value
            )),
        );
        return Err(());
    }
    Language::from_word(lang.value).map(Some).ok_or_else(|| {
        let hint = match lang.value {
            "shell" | "zsh" | "ksh" | "fish" | "console" => {
                "write `sh` or `bash`: the step must mean the same on every host".to_owned()
            }
            "promql" => "a query holds a step as ```promql gate".to_owned(),
            _ => format!(
                "commands are `sh`, `bash` or `python`; call the interpreter from one of them, or leave `{}` out of a block that is only shown",
                word.value
            ),
        };
        problems.push(
            Diagnostic::error(
                codes::LANGUAGE,
                &lang.span,
                format!("a block in {} cannot be executed", quoted(lang.value)),
            )
            .hint(hint),
        );
    })
}

impl Head {
    fn add_flag(&mut self, flag: &Located<String>, problems: &mut Problems) {
        let row = self.role.row();
        if let Some(known) = row.flags.iter().copied().find(|f| *f == flag.value) {
            if self.flags.iter().any(|given| given.value == known) {
                problems.push(given_twice(&flag.span, known));
            } else {
                self.flags.push(Located::new(known, flag.span.clone()));
            }
            return;
        }
        let problem = if row.keys.contains(&flag.value.as_str()) {
            Diagnostic::error(
                codes::BAD_VALUE,
                &flag.span,
                format!("{} needs a value", quoted(&flag.value)),
            )
            .hint(format!("write `{}=...`", flag.value))
        } else if let Some(other) = ROLES
            .iter()
            .find(|row| row.flags.contains(&flag.value.as_str()))
        {
            let hint = match other.role {
                Role::Guard => "only a guard can be tried out like that",
                _ => "mark the `run` block, or the whole step in a ```toml step block",
            };
            Diagnostic::error(
                codes::MISPLACED_OPTION,
                &flag.span,
                format!(
                    "`{}` is a flag of `{}`, not of `{}`",
                    flag.value, other.word, row.word
                ),
            )
            .hint(hint)
        } else {
            let known = row.flags.iter().chain(row.keys).copied();
            Diagnostic::error(
                codes::UNKNOWN_FLAG,
                &flag.span,
                format!("unknown flag {}", quoted(&flag.value)),
            )
            .hint(known_words(row.word, row.flags, row.keys))
            .hint_opt(did_you_mean(&flag.value, known))
        };
        problems.push(problem);
    }

    fn add_pair(&mut self, key: &Located<String>, value: Located<String>, problems: &mut Problems) {
        let row = self.role.row();
        if let Some(known) = row.keys.iter().copied().find(|k| *k == key.value) {
            if self.pairs.iter().any(|(given, _)| given.value == known) {
                problems.push(given_twice(&key.span, known));
            } else {
                self.pairs
                    .push((Located::new(known, key.span.clone()), value));
            }
            return;
        }
        let problem = if row.flags.contains(&key.value.as_str()) {
            Diagnostic::error(
                codes::BAD_VALUE,
                &key.span,
                format!("`{}` is a flag and takes no value", key.value),
            )
            .hint(format!("write `{}` alone", key.value))
        } else {
            let elsewhere = self.role.needs_step() && STEP_KEYS.contains(&key.value.as_str());
            Diagnostic::error(
                codes::UNKNOWN_KEY,
                &key.span,
                format!("unknown key {} for `{}`", quoted(&key.value), row.word),
            )
            .hint(known_words(row.word, row.flags, row.keys))
            .hint_opt(did_you_mean(&key.value, row.keys.iter().copied()))
            .hint_opt(elsewhere.then(|| {
                format!(
                    "`{}` belongs into a ```toml step block of this step",
                    key.value
                )
            }))
        };
        problems.push(problem);
    }
}

fn given_twice(span: &Range<usize>, word: &str) -> Diagnostic {
    Diagnostic::error(codes::GIVEN_TWICE, span, format!("`{word}` is given twice"))
        .hint("keep one of them")
}

fn known_words(role: &str, flags: &[&str], keys: &[&str]) -> String {
    let all: Vec<String> = flags
        .iter()
        .map(|flag| format!("`{flag}`"))
        .chain(keys.iter().map(|key| format!("`{key}=`")))
        .collect();
    if all.is_empty() {
        format!("`{role}` takes no options; its settings are in the block")
    } else {
        format!("`{role}` takes {}", all.join(", "))
    }
}

/// Splits options at white space, quotes respected. `warn=> 5` is one option.
fn split(text: &str, offset: usize) -> Result<Vec<Word>, Box<Diagnostic>> {
    let mut cursor = Cursor { text, at: 0 };
    let mut words = Vec::new();
    loop {
        cursor.skip_spaces();
        let start = cursor.at;
        let name = cursor.take_while(|c| !c.is_whitespace() && c != '=');
        let name = Located::new(
            name.to_owned(),
            offset.saturating_add(start)..offset.saturating_add(cursor.at),
        );
        if cursor.peek() != Some('=') {
            if name.value.is_empty() {
                return Ok(words);
            }
            words.push(Word::Flag(name));
            continue;
        }
        cursor.bump();
        let start = cursor.at;
        let value = cursor.value().ok_or_else(|| {
            Box::new(
                Diagnostic::error(
                    codes::INFO_STRING,
                    &(offset.saturating_add(start)..offset.saturating_add(text.len())),
                    "this quote is never closed",
                )
                .hint("close it with `\"` on the same line"),
            )
        })?;
        let span = offset.saturating_add(start)..offset.saturating_add(cursor.at);
        if name.value.is_empty() {
            return Err(Box::new(
                Diagnostic::error(codes::INFO_STRING, &span, "a value without a key")
                    .hint("write `key=value` without a space before the `=`"),
            ));
        }
        words.push(Word::Pair(name, Located::new(value, span)));
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at = self.at.saturating_add(next.len_utf8());
        Some(next)
    }

    fn take_while(&mut self, want: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !want(c)).unwrap_or(rest.len());
        self.at = self.at.saturating_add(end);
        rest.get(..end).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// A value, quoted or bare. None when a quote is never closed.
    fn value(&mut self) -> Option<String> {
        if let Some(quote @ ('"' | '\'')) = self.peek() {
            self.bump();
            let mut out = String::new();
            loop {
                match self.bump()? {
                    c if c == quote => return Some(out),
                    '\\' if quote == '"' => out.push(self.bump()?),
                    c => out.push(c),
                }
            }
        }
        let mut out = self.take_while(|c| !c.is_whitespace()).to_owned();
        let is_comparison =
            !out.is_empty() && out.chars().all(|c| matches!(c, '<' | '>' | '=' | '!'));
        if is_comparison {
            self.skip_spaces();
            out.push_str(self.take_while(|c| !c.is_whitespace()));
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(line: &str) -> Vec<(String, String)> {
        let mut problems = Problems::default();
        match read(line, 0, &mut problems) {
            Info::Role(head) => head
                .pairs
                .into_iter()
                .map(|(key, value)| (key.value.to_owned(), value.value))
                .collect(),
            Info::Ordinary | Info::Refused => Vec::new(),
        }
    }

    #[test]
    fn values_are_bare_quoted_or_a_comparison() {
        let line = r#"promql guard warn=> 5 crit=">= 9" title="a \"b\" c" unit='x y' for=5m"#;
        let expected = [
            ("warn", ">5"),
            ("crit", ">= 9"),
            ("title", "a \"b\" c"),
            ("unit", "x y"),
            ("for", "5m"),
        ];
        let got = pairs(line);
        let got: Vec<(&str, &str)> = got.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn spans_of_options_point_into_the_file() {
        let mut problems = Problems::default();
        let line = "  sh run  timeout=5x bogus";
        let Info::Role(head) = read(line, 100, &mut problems) else {
            panic!("a role is there");
        };
        assert_eq!(head.span, 102..126);
        assert_eq!(
            head.pairs.first().map(|(_, v)| v.span.clone()),
            Some(118..120)
        );
        let list = problems.into_sorted();
        assert_eq!(list.len(), 1);
        assert_eq!(list[0].span, 121..126);
    }

    #[test]
    fn a_fence_without_a_role_is_never_a_block() {
        for line in [
            "",
            "sh",
            "sh title=\"x\"",
            "python linenums",
            "yaml {1,2}",
            "mermaid graph run",
        ] {
            let mut problems = Problems::default();
            assert_eq!(read(line, 0, &mut problems), Info::Ordinary, "{line}");
        }
    }
}
