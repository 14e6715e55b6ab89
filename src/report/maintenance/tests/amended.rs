//! What an amendment made another, in the report.

use super::*;
use crate::domain::amend::{Amendment, Mark, adopted_digest};
use crate::domain::fixture::exec;
use crate::domain::motion::Motion;
use crate::domain::runbook::plan::{ExecRole, PlanBlock};
use pulldown_cmark::{CodeBlockKind, Tag};

/// Ann moves that the backup runs this, and Bob seconds it.
fn amend(room: &mut Room, text: &str) {
    let mut plan = room.state.plan().clone();
    plan.steps[1].blocks[0] = PlanBlock::Exec(exec(ExecRole::Run, text));
    let mut runbook = room.state.genesis.runbook.clone();
    runbook.digest = Digest::of(&plan.canonical_json());
    let what = Motion::Amend {
        from: room.state.genesis.plan_digest,
        to: plan.digest(),
    };
    let amendment = Amendment { plan, runbook };
    let adopted = adopted_digest(&room.state, &amendment);
    room.world.amendment = Some(Arc::new(amendment));
    let reason = "the command was wrong".to_owned();
    let signed = None;
    room.must(
        "ann",
        Command::Move {
            what,
            reason,
            signed,
        },
    );
    room.world.amendment = None;
    let no = room.state.motions.newest;
    let signed = None;
    room.must(
        "bob",
        Command::Second {
            no,
            adopted,
            signed,
        },
    );
}

/// Blocks of code in a Markdown text, and its headings.
fn blocks(markdown: &str) -> (Vec<String>, Vec<String>) {
    let (mut blocks, mut headings) = (Vec::new(), Vec::new());
    let mut open = None;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                assert_eq!(&*info, "diff");
                blocks.push(String::new());
                open = Some(true);
            }
            Event::Start(Tag::Heading { .. }) => {
                headings.push(String::new());
                open = Some(false);
            }
            Event::End(TagEnd::CodeBlock | TagEnd::Heading(_)) => open = None,
            Event::Text(text) | Event::Code(text) => match open {
                Some(true) => blocks.last_mut().expect("one").push_str(&text),
                Some(false) => headings.last_mut().expect("one").push_str(&text),
                None => {}
            },
            _ => {}
        }
    }
    (blocks, headings)
}

#[test]
fn each_amendment_shows_both_plans_held_against_each_other() {
    let mut room = Room::new();
    room.must("ann", Command::Begin);
    amend(&mut room, "backup --all");
    amend(&mut room, "backup --most");
    let report = report_of(&room);
    assert_eq!(report.amendments.len(), 2);
    let has = |at: usize, mark: Mark, part: &str| {
        let mut lines = report.amendments[at].diff.iter();
        lines.any(|line| line.mark == mark && line.text.contains(part))
    };
    assert!(has(0, Mark::Section, "step `backup`"));
    assert!(has(0, Mark::New, "backup --all") && !has(0, Mark::New, "backup --most"));
    assert!(has(1, Mark::Gone, "backup --all") && has(1, Mark::New, "backup --most"));
    let (blocks, _) = blocks(&render(&report));
    assert_eq!(blocks.len(), 2);
    assert!(blocks[0].starts_with("@@ step `backup`\n"), "{}", blocks[0]);
    assert!(blocks[0].contains("\n+ ") && blocks[0].contains("\n- "));
}

#[test]
fn no_line_of_a_runbook_ends_the_block_or_reaches_a_terminal_as_it_is() {
    let mut room = Room::new();
    room.must("ann", Command::Begin);
    let hostile = "echo\n```\n````\n~~~\n# Heading\n<script>\n\u{1b}[2J\u{202e}";
    amend(&mut room, hostile);
    let text = render(&report_of(&room));
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    let (blocks, headings) = blocks(&text);
    assert_eq!(blocks.len(), 1, "{text}");
    for part in ["```", "````", "# Heading", "<script>", "<ESC>", "<U+202E>"] {
        assert!(blocks[0].contains(part), "no {part} in {text}");
    }
    assert!(headings.iter().all(|heading| heading != "Heading"));
    assert!(text.contains("\n`````diff\n") && text.contains("\n`````\n"));
}

#[test]
fn a_long_diff_is_cut_and_says_by_how_much() {
    let mut room = Room::new();
    room.must("ann", Command::Begin);
    let long: Vec<String> = (0..3_000).map(|n| format!("echo {n}")).collect();
    amend(&mut room, &long.join("\n"));
    let report = report_of(&room);
    let one = &report.amendments[0];
    assert!(one.diff.len() == 2_000 && one.diff_more > 1_000);
    let said = format!("\n{} further lines are another", one.diff_more);
    assert!(render(&report).contains(&said));
}
