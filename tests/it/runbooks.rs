//! Cases from `tests/data/runbooks`: each file has a snapshot of its problems and, without errors, of its plan.
//!
//! A new case is a new file there; `INSTA_UPDATE=always` writes its snapshot.
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use warroom::cli::plan::plan;
use warroom::domain::runbook::source::{Lines, position};
use warroom::domain::runbook::{Diagnostic, Severity, parse, resolve};
use warroom::exit::Failure;
use warroom::report::diagnostics::{Look, Source, render, to_json};

fn cases() -> Vec<(String, PathBuf)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/runbooks");
    let mut cases: Vec<(String, PathBuf)> = std::fs::read_dir(dir)
        .expect("the folder of cases")
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "md"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            (name.into_owned(), path)
        })
        .collect();
    cases.sort();
    cases
}

/// Everything that is wrong with a text, from both steps.
fn problems(text: &str) -> Vec<Diagnostic> {
    let (runbook, mut problems) = parse(text, "case.md");
    problems.extend(resolve(&runbook).1);
    problems.sort_by_key(|problem| problem.span.start);
    problems
}

#[test]
fn each_case_gives_exactly_its_problems_and_plan() {
    for (name, path) in cases() {
        let text = std::fs::read_to_string(&path).expect("a readable case");
        let problems = problems(&text);
        let source = Source {
            name: "case.md",
            text: &text,
        };
        let mut shown = render(source, &problems, Look::Plain);
        if problems.iter().all(|p| p.severity == Severity::Warning) {
            let mut out = Vec::new();
            let nobody = || Err(Failure::new("no case asks a CMDB"));
            plan(
                &path,
                false,
                nobody,
                (&mut out, &mut std::io::sink()),
                false,
            )
            .expect("memory");
            shown.push_str(&String::from_utf8(out).expect("UTF-8"));
        }
        insta::with_settings!({
            snapshot_path => "../data/runbooks/snapshots",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, shown);
        });
    }
}

/// What a problem says and where an editor would show it.
fn places(text: &str) -> Vec<(u32, u32, &'static str, String)> {
    let lines = Lines::new(text);
    problems(text)
        .into_iter()
        .map(|problem| {
            let (line, column) = position(text, &lines, problem.span.start);
            (line, column, problem.code, problem.message)
        })
        .collect()
}

#[test]
fn line_ends_of_another_system_move_no_problem_and_change_no_plan() {
    for (name, path) in cases() {
        let text = std::fs::read_to_string(&path).expect("a readable case");
        let other = text.replace('\n', "\r\n");
        assert_eq!(places(&text), places(&other), "{name}");
        let plan_of = |text: &str| resolve(&parse(text, "case.md").0).0;
        assert_eq!(plan_of(&text), plan_of(&other), "{name}");
    }
}

#[test]
fn a_mistake_in_an_indented_block_is_named_by_its_own_line_and_column() {
    for end in ["\n", "\r\n"] {
        for (indent, marker) in [("  ", "- "), ("   ", "1. "), ("    ", "10. ")] {
            let text = [
                "# t",
                "",
                &format!("{marker}[ ] größer"),
                "",
                &format!("{indent}```toml step"),
                &format!("{indent}id = \"a\""),
                &format!("{indent}  compnent = \"ü\""),
                &format!("{indent}```"),
                "",
            ]
            .join(end);
            let column = u32::try_from(indent.len()).expect("small") + 3;
            let found = places(&text);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!((found[0].0, found[0].1, found[0].2), (7, column, "WR015"));
        }
    }
}

#[test]
fn prose_is_what_is_left_for_people_to_read() {
    let text = "# T\n\nBrief.\n\n```toml maintenance\nchange = \"C1\"\n```\n\nMore.\n\n## P\n\nWhy.\n\n\
                ```toml phase\nrollback = true\n```\n\n\
                1. [ ] *First* line\n   second line\n\n   - a note\n     - deeper\n\n   ```sh run\n   true\n   ```\n   \
                after\n\n   ```text\n   shown\n   ```\n   - [ ] nested\n\n     its own text\n\n   last\n";
    let (runbook, problems) = parse(text, "x.md");
    assert!(problems.is_empty(), "{problems:?}");
    let (plan, _) = resolve(&runbook);
    assert_eq!(plan.briefing, "Brief.\n\n\nMore.");
    assert_eq!(plan.phases[0].prose, "Why.");
    assert!(plan.phases[0].rollback);
    assert_eq!(plan.steps[0].title, "First line");
    assert_eq!(
        plan.steps[0].prose,
        "second line\n\n- a note\n  - deeper\n\nafter\n\n```text\nshown\n```\nlast"
    );
    assert_eq!(plan.steps[1].prose, "its own text");
    assert_eq!(plan.steps[1].parent, Some(0));
}

#[test]
fn ids_stay_when_steps_come_and_go_around_them() {
    let ids = |text: &str| -> Vec<String> {
        let (plan, _) = resolve(&parse(text, "x.md").0);
        plan.steps.iter().map(|s| s.id.to_string()).collect()
    };
    let before = ids("## Drain\n- [ ] stop api\n- [ ] wait\n## Work\n- [ ] wait\n");
    assert_eq!(before, ["drain-stop-api", "drain-wait", "work-wait"]);
    let after = ids(
        "## New\n- [ ] x\n## Drain\n- [ ] y\n- [ ] wait\n- [ ] stop api\n## Work\n- [ ] z\n- [ ] wait\n",
    );
    for id in &before {
        assert!(after.contains(id), "{id} is gone: {after:?}");
    }
    assert_eq!(
        ids("## A\n- [ ] b\n- [ ] b\n- [ ] b\n"),
        ["a-b", "a-b-2", "a-b-3"]
    );
}

#[test]
fn every_limit_has_its_own_error() {
    let steps = "- [ ] x\n".repeat(2001);
    let phases = "## p\n".repeat(1001);
    let deep: String = (0..9)
        .flat_map(|n| ["  ".repeat(n), "- [ ] x\n".to_owned()])
        .collect();
    let block = format!("- [ ] x\n  ```sh run\n  {}\n  ```\n", "y".repeat(70_000));
    let rules = "```promql guard crit=5\nx\n```\n".repeat(201);
    let blocks = format!("- [ ] x\n{}", "  ```sh check\n  true\n  ```\n".repeat(65));
    let title = format!("- [ ] {}\n", "x".repeat(1001));
    let script = format!(
        "- [ ] x\n  ```sh run destructive\n  {}\n  ```\n",
        "é".repeat(400)
    );
    let huge = "x".repeat(4 * 1024 * 1024 + 1);
    for (text, code) in [
        (huge, "WR002"),
        ("a\0b".to_owned(), "WR003"),
        (steps, "WR004"),
        (phases, "WR005"),
        (deep, "WR006"),
        (block, "WR007"),
        (title, "WR007"),
        (rules, "WR008"),
        (blocks, "WR009"),
        (script, "WR053"),
    ] {
        let errors: Vec<&str> = problems(&text)
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .map(|problem| problem.code)
            .collect();
        assert_eq!(errors, [code]);
    }
}

#[test]
fn files_made_to_be_slow_are_not() {
    for text in [
        ">".repeat(200_000),
        "- ".repeat(20_000),
        "[".repeat(200_000),
        "`".repeat(200_000),
        "{{".repeat(200_000),
        "# {{x}}\n".repeat(100_000),
        "- [ ] x\n  ```sh runn\n  ```\n".repeat(1_900),
        format!("```toml maintenance\na = {}\n```\n", "[".repeat(60_000)),
        format!("```toml maintenance\n{}\n```\n", "x = 1\n".repeat(10_000)),
        format!(
            "- [ ] x\n  ```promql gate\n  {}\n  ```\n",
            "(".repeat(60_000)
        ),
    ] {
        check_spans(&text);
    }
}

fn check_spans(text: &str) {
    let problems = problems(text);
    for problem in &problems {
        let place = text.get(problem.span.clone());
        assert!(place.is_some(), "{problem:?}");
    }
    let source = Source { name: "x.md", text };
    assert_eq!(to_json(source, &problems).len(), problems.len());
    if text.len() < 10_000 {
        let shown = render(source, &problems, Look::Styled);
        assert_eq!(shown.is_empty(), problems.is_empty());
    }
}

/// Pieces that a runbook is made of, so that random text is often nearly one.
fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "# ",
        "## ",
        "- [ ] ",
        "1. [x] ",
        "* ",
        "> ",
        "  ",
        "    ",
        "\t",
        "\n",
        "\r\n",
        "\n\n",
        "```",
        "~~~",
        "sh run",
        "bash check",
        "toml step",
        "toml maintenance",
        "toml phase",
        "promql gate",
        "promql guard",
        " destructive",
        " timeout=",
        "crit=> 5",
        "id=a",
        "\"",
        "{{a}}",
        "{{",
        "}}",
        "[environment]\n",
        "a = 1\n",
        "x < 5",
        "---\n",
        "|a|b|\n|-|-|\n",
        "<!--",
        "&lt;",
        "ü",
        "\u{FEFF}",
        "\u{0}",
        "日本",
        "Rollback",
    ]);
    prop_oneof![9 => words.prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_or_point_outside(pieces in prop::collection::vec(piece(), 0..60)) {
        check_spans(&pieces.concat());
    }

    #[test]
    fn no_change_of_a_real_runbook_makes_the_parser_panic_or_point_outside(
        case in 0_usize..12,
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, piece()), 1..6),
    ) {
        let cases = cases();
        let (_, path) = &cases[case % cases.len()];
        let mut chars: Vec<char> = std::fs::read_to_string(path).expect("a case").chars().collect();
        for (at, len, new) in cuts {
            let from = at.index(chars.len() + 1);
            let to = (from + len).min(chars.len());
            chars.splice(from..to, new.chars());
        }
        check_spans(&chars.into_iter().collect::<String>());
    }
}
