//! Markdown as rows: enough of it to read a runbook as it was written.

use crate::domain::runbook::plan::{Plan, PlanBlock, PlanPhase, PlanStep};
use crate::ui::text::{Row, exact, wrapped};
use crate::ui::theme::{Look, Role};
use crate::ui::unseen::LATER;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use ratatui::style::Style;

/// One row of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocRow {
    /// What is drawn.
    pub(crate) row: Row,
    /// Place in the plan of the step the row belongs to.
    pub(crate) step: Option<usize>,
    /// True for the first row of a step's title.
    pub(crate) is_title: bool,
}

/// Rows of a document longer than this are not drawn; the file itself is bounded below it.
const ROWS_MAX: usize = 50_000;

/// The whole runbook as rows of at most `width` cells; of the step at `hidden` the title alone.
pub(crate) fn document(
    plan: &Plan,
    hidden: Option<usize>,
    width: usize,
    look: &Look,
) -> Vec<DocRow> {
    let mut out = Vec::new();
    let mut unowned = |rows: Vec<Row>| {
        out.extend(rows.into_iter().map(|row| DocRow {
            row,
            step: None,
            is_title: false,
        }));
    };
    unowned(
        Row::new()
            .text(&plan.title, look.of(Role::Heading))
            .wrap(width),
    );
    unowned(vec![Row::new()]);
    unowned(render(&plan.briefing, width, look));
    for (place, phase) in plan.phases.iter().enumerate() {
        out.extend(
            phase_rows(phase, width, look)
                .into_iter()
                .map(|row| DocRow {
                    row,
                    step: None,
                    is_title: false,
                }),
        );
        for (index, step) in plan
            .steps
            .iter()
            .enumerate()
            .filter(|(_, s)| s.phase == place)
        {
            let rows = step_rows(step, hidden == Some(index), width, look);
            out.extend(rows.into_iter().enumerate().map(|(line, row)| DocRow {
                row,
                step: Some(index),
                is_title: line == 0,
            }));
        }
    }
    out.truncate(ROWS_MAX);
    out
}

fn phase_rows(phase: &PlanPhase, width: usize, look: &Look) -> Vec<Row> {
    let mut rows = vec![Row::new()];
    let title = format!("{} {}", phase.number, phase.title);
    rows.extend(Row::new().text(&title, look.of(Role::Heading)).wrap(width));
    rows.push(Row::new());
    if !phase.prose.is_empty() {
        rows.extend(render(&phase.prose, width, look));
        rows.push(Row::new());
    }
    rows
}

fn step_rows(step: &PlanStep, is_hidden: bool, width: usize, look: &Look) -> Vec<Row> {
    let (text, dim) = (look.of(Role::Text), look.of(Role::Dim));
    let indent = usize::from(step.depth).saturating_mul(2).min(width / 2);
    let inner = width.saturating_sub(indent);
    let mut title = Row::new()
        .text(&step.number, dim)
        .fixed(" ", dim)
        .text(&step.title, text);
    if step.risk.needs_second_person() {
        title = title
            .fixed(" [", dim)
            .fixed(step.risk.as_str(), look.of(Role::Bad))
            .fixed("]", dim);
    }
    let mut rows = title.wrap(inner);
    let below = inner.saturating_sub(2);
    let body = if is_hidden {
        wrapped(LATER, below, look.of(Role::Now))
    } else {
        body_rows(step, below, look)
    };
    rows.extend(body.into_iter().map(|row| Row::of("  ", text).row(row)));
    rows.into_iter()
        .map(|row| Row::new().filled(indent, look.signs()).row(row))
        .collect()
}

fn body_rows(step: &PlanStep, width: usize, look: &Look) -> Vec<Row> {
    let mut body = render(&step.prose, width, look);
    for block in &step.blocks {
        body.extend(block_rows(block, width, look));
    }
    for expect in &step.expects {
        let text = format!("{}: {}", expect.expr, expect.to_words());
        body.extend(script_rows("expect", Some(&text), width, look));
    }
    if let Some(undo) = &step.undo {
        body.extend(script_rows("undo", undo.argv.last(), width, look));
    }
    body
}

fn block_rows(block: &PlanBlock, width: usize, look: &Look) -> Vec<Row> {
    match block {
        PlanBlock::Exec(exec) => script_rows(exec.role.as_str(), exec.argv.last(), width, look),
        PlanBlock::Gate(gate) => {
            let text = format!("{} {}", gate.expr, gate.limit);
            script_rows("gate", Some(&text), width, look)
        }
    }
}

fn script_rows(role: &'static str, script: Option<&String>, width: usize, look: &Look) -> Vec<Row> {
    /// Cells of the role word before a script.
    const ROLE_CELLS: usize = 7;
    let script = script.map_or("", |s| s.trim_end());
    let room = width.saturating_sub(ROLE_CELLS);
    exact(script, room, look.of(Role::Code), look.signs())
        .into_iter()
        .enumerate()
        .map(|(line, row)| {
            let head = if line == 0 { role } else { "" };
            Row::of(head, look.of(Role::Key))
                .filled(ROLE_CELLS, look.signs())
                .row(row)
        })
        .collect()
}

/// Markdown as rows of at most `width` cells.
pub(crate) fn render(markdown: &str, width: usize, look: &Look) -> Vec<Row> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut writer = Writer {
        look,
        width,
        rows: Vec::new(),
        row: Row::new(),
        indent: 0,
        mark: 0,
        numbers: Vec::new(),
        styles: vec![look.of(Role::Text)],
        code: None,
    };
    for event in Parser::new_ext(markdown, options) {
        writer.on(event);
    }
    writer.end_row();
    while writer.rows.last().is_some_and(|row| row.width() == 0) {
        writer.rows.pop();
    }
    writer.rows
}

struct Writer<'a> {
    look: &'a Look,
    width: usize,
    rows: Vec<Row>,
    row: Row,
    indent: usize,
    /// Cells of the bullet or number that the open row begins with: its further rows begin behind it.
    mark: usize,
    /// Next number of each open list; absent for bullets.
    numbers: Vec<Option<u64>>,
    styles: Vec<Style>,
    /// Text of the open code block.
    code: Option<String>,
}

/// Cells one level of a list is moved in.
const INDENT: usize = 2;

impl Writer<'_> {
    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }

    fn push_style(&mut self, role: Role) {
        let style = self.style().patch(self.look.of(role));
        self.styles.push(style);
    }

    fn add(&mut self, text: &str, style: Style) {
        self.row = std::mem::take(&mut self.row).text(text, style);
    }

    fn end_row(&mut self) {
        if self.row.width() == 0 {
            return;
        }
        let row = std::mem::take(&mut self.row);
        let room = self.width.saturating_sub(self.indent);
        let wrapped = row.hang(room.max(1), std::mem::take(&mut self.mark));
        for row in wrapped {
            self.push_indented(row);
        }
    }

    fn push_indented(&mut self, row: Row) {
        let indent = Row::new().filled(self.indent, self.look.signs());
        self.rows.push(indent.row(row));
    }

    fn gap(&mut self) {
        self.end_row();
        if self.rows.last().is_some_and(|row| row.width() > 0) && self.numbers.is_empty() {
            self.rows.push(Row::new());
        }
    }

    fn on(&mut self, event: Event<'_>) {
        let style = self.style();
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some(code) => code.push_str(&text),
                None => self.add(&text, style),
            },
            Event::Code(text) => self.add(&text, self.look.of(Role::Code)),
            Event::SoftBreak => self.add(" ", style),
            Event::HardBreak => self.end_row(),
            Event::Rule => {
                self.gap();
                self.add("---", self.look.of(Role::Dim));
                self.end_row();
            }
            // Shown as written: nothing in a runbook is hidden from its readers, comments neither.
            Event::Html(text) | Event::InlineHtml(text) => {
                self.add(text.trim_end(), self.look.of(Role::Dim));
            }
            Event::TaskListMarker(done) => self.add(if done { "[x] " } else { "[ ] " }, style),
            Event::FootnoteReference(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.add(&text, style);
            }
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { .. } => {
                self.gap();
                self.push_style(Role::Heading);
            }
            Tag::Strong => self.push_style(Role::Strong),
            Tag::Emphasis => self.push_style(Role::Active),
            Tag::Strikethrough => self.push_style(Role::Dim),
            Tag::CodeBlock(_) => {
                self.gap();
                self.code = Some(String::new());
            }
            Tag::List(first) => {
                self.end_row();
                if !self.numbers.is_empty() {
                    self.indent = self.indent.saturating_add(INDENT);
                }
                self.numbers.push(*first);
            }
            Tag::Item => self.start_item(),
            Tag::BlockQuote(_) => {
                self.gap();
                self.indent = self.indent.saturating_add(INDENT);
                self.push_style(Role::Dim);
            }
            _ => {}
        }
    }

    fn start_item(&mut self) {
        self.end_row();
        let style = self.look.of(Role::Dim);
        let bullet = self.look.glyphs.bullet;
        match self.numbers.last_mut() {
            Some(Some(number)) => {
                let text = format!("{number}. ");
                *number = number.saturating_add(1);
                self.add(&text, style);
            }
            _ => {
                self.row = std::mem::take(&mut self.row)
                    .fixed(bullet, style)
                    .fixed(" ", style);
            }
        }
        self.mark = self.row.width();
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Table => self.gap(),
            TagEnd::Heading(_) => {
                self.styles.pop();
                self.gap();
            }
            TagEnd::Strong | TagEnd::Emphasis | TagEnd::Strikethrough => drop(self.styles.pop()),
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::List(_) => {
                self.end_row();
                self.numbers.pop();
                if !self.numbers.is_empty() {
                    self.indent = self.indent.saturating_sub(INDENT);
                }
                self.gap();
            }
            TagEnd::Item | TagEnd::TableHead | TagEnd::TableRow => self.end_row(),
            TagEnd::TableCell => self.add("  ", self.style()),
            TagEnd::BlockQuote(_) => {
                self.end_row();
                self.indent = self.indent.saturating_sub(INDENT);
                self.styles.pop();
                self.gap();
            }
            _ => {}
        }
    }

    fn end_code(&mut self) {
        let code = self.code.take().unwrap_or_default();
        let room = self
            .width
            .saturating_sub(self.indent)
            .saturating_sub(INDENT);
        let rows = exact(
            code.trim_end(),
            room,
            self.look.of(Role::Code),
            self.look.signs(),
        );
        for row in rows {
            self.push_indented(Row::of("  ", Style::new()).row(row));
        }
        self.gap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Colors, Theme};

    #[track_caller]
    fn check(markdown: &str, width: usize, expected: &[&str]) {
        let look = Look::new(&Theme::default(), Colors::Mono, true);
        let rows: Vec<String> = render(markdown, width, &look)
            .iter()
            .map(Row::plain)
            .collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn prose_lists_and_code_are_rows() {
        check("one *two* `three` four", 9, &["one two", "three", "four"]);
        check(
            "- a\n- b\n  - c\n\nend",
            20,
            &["* a", "* b", "  * c", "", "end"],
        );
        check("1. a\n2. b", 20, &["1. a", "2. b"]);
        check("x\n\n```sh\nls -l\n```\n", 20, &["x", "", "  ls -l"]);
        check("", 20, &[]);
    }

    #[test]
    fn what_is_written_in_html_is_shown() {
        check("a <!-- hidden --> b", 40, &["a <!-- hidden --> b"]);
    }
}
