//! `warroom check FILE...`: what is wrong with runbooks, like a compiler says it.

use super::runbook_file::{Loaded, load};
use crate::display::one_line;
use crate::domain::runbook::Severity;
use crate::domain::runbook::rollout::Pending;
use crate::report::diagnostics::{JsonDiagnostic, to_json_text};
use std::io::{self, Write};
use std::path::PathBuf;

/// What a check found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckOutcome {
    /// Files looked at.
    pub files: usize,
    /// Problems that refuse a runbook.
    pub errors: usize,
    /// Problems that do not.
    pub warnings: usize,
}

impl CheckOutcome {
    /// True when every file can be used.
    pub const fn has_passed(&self) -> bool {
        self.errors == 0
    }

    pub(super) fn add(&mut self, loaded: &Loaded) {
        self.files = self.files.saturating_add(1);
        self.errors = self.errors.saturating_add(loaded.count(Severity::Error));
        self.warnings = self
            .warnings
            .saturating_add(loaded.count(Severity::Warning));
    }
}

/// Checks all files and writes every problem to `out`: as text with a summary, or with `json` as one array.
///
/// # Errors
/// Only when `out` cannot be written; a file that cannot be read is a problem of that file.
pub fn check(
    files: &[PathBuf],
    json: bool,
    out: &mut dyn Write,
    colour: bool,
) -> io::Result<CheckOutcome> {
    let mut outcome = CheckOutcome::default();
    let mut all = Vec::new();
    for file in files {
        let loaded = load(file);
        outcome.add(&loaded);
        if json {
            all.extend(loaded.to_json());
            all.extend(loaded.pending.iter().map(|pending| JsonDiagnostic {
                file: loaded.name.clone(),
                line: pending.line,
                column: 1,
                end_line: pending.line,
                end_column: 1,
                severity: "note",
                code: "",
                message: not_checked(pending),
                label: String::new(),
                hint: Some("`warroom plan` asks the CMDB".to_owned()),
            }));
        } else {
            out.write_all(loaded.render(colour).as_bytes())?;
            for pending in &loaded.pending {
                writeln!(out, "{}", template_only(&loaded.name, pending))?;
            }
        }
    }
    if json {
        writeln!(out, "{}", to_json_text(&all)?)?;
    } else {
        writeln!(out, "{}", summary(&outcome))?;
    }
    Ok(outcome)
}

/// Says what was not checked, since only the CMDB knows it.
fn template_only(file: &str, pending: &Pending) -> String {
    format!(
        "{}:{}: {}; `warroom plan` asks the CMDB",
        one_line(file),
        pending.line,
        one_line(&not_checked(pending))
    )
}

fn not_checked(pending: &Pending) -> String {
    format!(
        "phase `{}` is for each of {}: its template was checked, its units were not",
        pending.phase,
        pending.what.join(", ")
    )
}

fn summary(outcome: &CheckOutcome) -> String {
    let files = plural(outcome.files, "file");
    match (outcome.errors, outcome.warnings) {
        (0, 0) => format!("{files} checked, no problems"),
        (errors, warnings) => format!(
            "{files} checked, {}, {}",
            plural(errors, "error"),
            plural(warnings, "warning")
        ),
    }
}

/// `1 file`, `2 files`.
pub(super) fn plural(count: usize, word: &str) -> String {
    if count == 1 {
        format!("1 {word}")
    } else {
        format!("{count} {word}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(files: &[PathBuf], json: bool) -> (CheckOutcome, String) {
        let mut out = Vec::new();
        let outcome = check(files, json, &mut out, false).expect("memory can be written");
        (outcome, String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn files_that_cannot_be_read_are_named_with_a_hint() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let bad = dir.path().join("bad.md");
        std::fs::write(&bad, b"# x\n- [ ] y\xFF\n").expect("written");
        let files = [dir.path().join("none.md"), dir.path().to_owned(), bad];
        let (outcome, text) = run(&files, false);
        assert_eq!((outcome.files, outcome.errors), (3, 3), "{text}");
        for words in [
            "there is no such file",
            "it is a directory",
            "byte offset 11",
            "bad.md:2:8",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert_eq!(text.matches("hint:").count(), 3, "{text}");
        assert!(
            text.ends_with("3 files checked, 3 errors, 0 warnings\n"),
            "{text}"
        );
    }

    #[test]
    fn what_only_the_cmdb_knows_is_said_in_both_forms() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let file = dir.path().join("a.md");
        let text = "# x\n\n## Roll\n\n```toml phase\nfor_each = \"role=web\"\n```\n\n- [ ] Restart {{component}}\n  ```sh run id=restart\n  true\n  ```\n";
        std::fs::write(&file, text).expect("written");
        let said =
            "phase `Roll` is for each of role=web: its template was checked, its units were not";
        let (outcome, text) = run(std::slice::from_ref(&file), false);
        assert!(outcome.has_passed() && text.contains(said), "{text}");
        let (outcome, text) = run(&[file], true);
        let list: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (outcome.errors, outcome.warnings, list.len()),
            (0, 0, 1),
            "{text}"
        );
        assert_eq!(
            (&list[0]["severity"], &list[0]["line"], &list[0]["message"]),
            (&"note".into(), &3.into(), &said.into())
        );
    }

    #[test]
    fn json_is_one_array_over_all_files() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let file = dir.path().join("a.md");
        std::fs::write(&file, "# x\n\n- [ ] y\n  ```sh runn\n  true\n  ```\n").expect("written");
        let (outcome, text) = run(&[file.clone(), file], true);
        assert!(!outcome.has_passed());
        let list: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
        assert_eq!(list.len(), 2);
        assert_eq!(list[0]["line"], 4);
        assert_eq!(list[0]["column"], 9);
        assert_eq!(list[0]["code"], "WR010");
        assert_eq!(list[0]["hint"], "did you mean `run`?");
    }

    #[test]
    fn a_file_longer_than_the_limit_is_refused_after_a_bounded_read() {
        let (outcome, text) = run(&[PathBuf::from("/dev/zero")], false);
        assert_eq!(outcome.errors, 1);
        assert!(text.contains("WR002"), "{text}");
    }
}
