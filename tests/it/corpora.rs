//! Runbooks as real teams keep them: every one opens, and its task-list items are its steps.

use std::path::{Path, PathBuf};
use warroom::domain::runbook::{Diagnostic, Severity, decode, parse, resolve};

#[expect(
    clippy::disallowed_methods,
    reason = "the corpora are not part of the repository; only the caller knows where they are"
)]
fn corpora() -> PathBuf {
    std::env::var_os("WARROOM_CORPORA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"),
        PathBuf::from,
    )
}

fn markdown_files(dir: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(dir).expect("a readable folder");
    for entry in entries {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            markdown_files(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "md") {
            found.push(path);
        }
    }
}

/// Counts task-list items line by line, without any Markdown parser: lines that begin with a bullet or a number and
/// a box, outside of fences.
fn count_boxes(text: &str) -> usize {
    let mut count = 0;
    let mut fence: Option<(char, usize)> = None;
    for line in text.lines() {
        let line = line.trim_start_matches([' ', '\t', '>']);
        let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'));
        if let Some(mark) = mark {
            let len = line.chars().take_while(|c| *c == mark).count();
            let rest = line.get(len..).unwrap_or_default();
            match fence {
                None if len >= 3 && !rest.contains('`') => fence = Some((mark, len)),
                Some((open, least)) if open == mark && len >= least && rest.trim().is_empty() => {
                    fence = None;
                }
                _ => {}
            }
        }
        count += usize::from(fence.is_none() && is_box(line));
    }
    count
}

fn is_box(line: &str) -> bool {
    let digits = line.chars().take_while(char::is_ascii_digit).count();
    let rest = line.get(digits..).unwrap_or_default();
    let rest = if digits > 0 {
        rest.strip_prefix(['.', ')'])
    } else {
        rest.strip_prefix(['-', '*', '+'])
    };
    rest.is_some_and(|rest| {
        let text = rest.trim_start_matches([' ', '\t']);
        rest.len() > text.len()
            && ["[ ]", "[x]", "[X]"].iter().any(|mark| {
                text.strip_prefix(mark)
                    .is_some_and(|title| title.is_empty() || title.starts_with([' ', '\t']))
            })
    })
}

#[test]
fn every_runbook_of_the_corpora_opens_with_its_boxes_as_steps() {
    let root = corpora();
    if !root.is_dir() {
        println!(
            "SKIP: no corpora at {}; set WARROOM_CORPORA",
            root.display()
        );
        return;
    }
    let mut files = Vec::new();
    markdown_files(&root.join("runbooks"), &mut files);
    assert!(files.len() >= 100, "only {} files", files.len());
    let (mut with_steps, mut all_steps) = (0, 0);
    for file in &files {
        let bytes = std::fs::read(file).expect("a readable file");
        let text = decode(&bytes).unwrap_or_else(|e| panic!("{}: {e:?}", file.display()));
        let (runbook, mut problems) = parse(text, "runbook.md");
        let (plan, further) = resolve(&runbook);
        problems.extend(further);
        let errors: Vec<&Diagnostic> = problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
        let boxes = count_boxes(text);
        assert_eq!(plan.steps.len(), boxes, "steps of {}", file.display());
        with_steps += usize::from(boxes > 0);
        all_steps += boxes;
    }
    println!(
        "{} runbooks, {with_steps} of them with {all_steps} steps",
        files.len()
    );
    assert!(with_steps >= 3, "only {with_steps} files have steps");
}

#[test]
fn boxes_are_counted_without_a_parser() {
    let text = "- [ ] a\n* [x] b\n10. [X] c\n-[ ] no\n- [] no\n```\n- [ ] no\n```\n> - [ ] d\n- [a](b) no\n";
    assert_eq!(count_boxes(text), 4);
}
