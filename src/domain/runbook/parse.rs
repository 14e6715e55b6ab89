//! Markdown to [`Runbook`]: one pass over the events of the Markdown parser, every problem kept.

use super::codes;
use super::diagnostic::{Diagnostic, Problems, nul, quoted, too_long};
use super::fence::Head;
use super::limits::{FILE_BYTES_MAX, NESTING_MAX, PHASES_MAX, STEPS_MAX, TITLE_BYTES_MAX};
use super::model::{Phase, Runbook, Step, StepSettings};
use super::source::{Lines, Mapped, take_lines};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use std::ops::Range;

mod roles;

/// Reads a runbook. Never fails: what could not be read is left out and named in the list.
///
/// `file_name` is the title of a file without a first heading. Spans are bytes of `source`.
pub fn parse(source: &str, file_name: &str) -> (Runbook, Vec<Diagnostic>) {
    let mut walker = Walker::new(source);
    if source.len() > FILE_BYTES_MAX {
        walker.problems.push(too_long(source.len()));
    } else {
        if let Some(problem) = nul(source) {
            walker.problems.push(problem);
        }
        let base = body_start(source);
        let options = Options::ENABLE_TASKLISTS | Options::ENABLE_TABLES;
        let body = source.get(base..).unwrap_or_default();
        for (event, range) in Parser::new_ext(body, options).into_offset_iter() {
            let range = range.start.saturating_add(base)..range.end.saturating_add(base);
            walker.event(event, range);
            if walker.has_stopped {
                break;
            }
        }
        walker.finish(base, file_name);
    }
    file_name.clone_into(&mut walker.runbook.file_name);
    (walker.runbook, walker.problems.into_sorted())
}

/// Where the Markdown begins: behind a byte order mark and the YAML front matter that site generators put there.
///
/// A rule `---` at the top may begin ordinary text as well; a box in it must not be lost.
fn body_start(source: &str) -> usize {
    let bom = if source.starts_with('\u{FEFF}') { 3 } else { 0 };
    let mut at = bom;
    let text = source.get(bom..).unwrap_or_default();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        at = at.saturating_add(line.len());
        match (index, line.trim_end()) {
            (0, "---") => {}
            (0, _) => break,
            (_, "---" | "...") if index > 1 => return at,
            (1, first) if !first.contains(':') => break,
            (_, line) if ["[ ]", "[x]", "[X]"].iter().any(|mark| line.contains(mark)) => break,
            _ => {}
        }
    }
    bom
}

/// An open list item.
struct Item {
    range: Range<usize>,
    /// The step this item is.
    step: Option<usize>,
    /// The step around it.
    around: Option<usize>,
}

/// What belongs to the text of the briefing, a phase or a step.
#[derive(Default)]
struct Draft {
    /// From here.
    from: usize,
    /// To here; not known yet while none.
    to: Option<usize>,
    /// Without these.
    holes: Vec<Range<usize>>,
    /// Columns that each line is indented by.
    indent: usize,
}

impl Draft {
    fn take(&self, file: &str, lines: &Lines) -> Mapped {
        let to = self.to.unwrap_or(file.len());
        let region = self.from..to.max(self.from);
        take_lines(file, lines, region, &self.holes, self.indent)
    }
}

struct OpenFence {
    head: Head,
    range: Range<usize>,
    content: Mapped,
}

struct Walker<'a> {
    file: &'a str,
    lines: Lines,
    problems: Problems,
    runbook: Runbook,
    briefing: Draft,
    phases: Vec<Draft>,
    steps: Vec<Draft>,
    items: Vec<Item>,
    quotes: usize,
    heading: Option<(u8, Mapped, Range<usize>)>,
    /// The step whose first line is being read.
    titled: Option<usize>,
    fence: Option<OpenFence>,
    has_title: bool,
    has_maintenance: bool,
    /// Phases and steps that have their settings block.
    set_phases: Vec<usize>,
    set_steps: Vec<usize>,
    gates: usize,
    has_stopped: bool,
}

impl<'a> Walker<'a> {
    fn new(file: &'a str) -> Self {
        Self {
            file,
            lines: Lines::new(file),
            problems: Problems::default(),
            runbook: Runbook {
                is_plain: true,
                ..Runbook::default()
            },
            briefing: Draft::default(),
            phases: Vec::new(),
            steps: Vec::new(),
            items: Vec::new(),
            quotes: 0,
            heading: None,
            titled: None,
            fence: None,
            has_title: false,
            has_maintenance: false,
            set_phases: Vec::new(),
            set_steps: Vec::new(),
            gates: 0,
            has_stopped: false,
        }
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(&tag, range),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text, range),
            Event::Code(text) => {
                self.over_indented(&range);
                self.text(&text, range);
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some((_, title, _)) = &mut self.heading {
                    title.push(" ", range, self.file);
                }
                self.end_title_if_read();
            }
            Event::TaskListMarker(ticked) => self.begin_step(ticked, &range),
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::Rule => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Paragraph => self.end_title_if_read(),
            Tag::Heading { level, .. } => {
                self.titled = None;
                // A heading inside an item or a quotation is a part of the text there.
                if self.items.is_empty() && self.quotes == 0 {
                    self.heading = Some((level_number(*level), Mapped::default(), range));
                }
            }
            Tag::BlockQuote(_) => {
                self.titled = None;
                self.quotes = self.quotes.saturating_add(1);
            }
            Tag::Item => {
                self.titled = None;
                let around = self.current_step();
                self.items.push(Item {
                    range,
                    step: None,
                    around,
                });
            }
            Tag::CodeBlock(kind) => {
                self.titled = None;
                match kind {
                    CodeBlockKind::Fenced(_) => self.begin_fence(range),
                    CodeBlockKind::Indented => self.over_indented(&range),
                }
            }
            Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::Link { .. }
            | Tag::Image { .. } => {}
            Tag::List(_)
            | Tag::HtmlBlock
            | Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Table(_)
            | Tag::TableHead
            | Tag::TableRow
            | Tag::TableCell
            | Tag::MetadataBlock(_) => self.titled = None,
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => self.end_heading(),
            TagEnd::Paragraph => self.end_title_if_read(),
            TagEnd::BlockQuote(_) => self.quotes = self.quotes.saturating_sub(1),
            TagEnd::Item => {
                self.titled = None;
                self.items.pop();
            }
            TagEnd::CodeBlock => self.end_fence(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, range: Range<usize>) {
        if let Some(fence) = &mut self.fence {
            fence.content.push(text, range, self.file);
        } else if let Some((_, title, _)) = &mut self.heading {
            title.push(text, range, self.file);
        } else if let Some(index) = self.titled
            && let (Some(step), Some(draft)) =
                (self.runbook.steps.get_mut(index), self.steps.get_mut(index))
        {
            draft.from = self.lines.next_start(range.end.saturating_sub(1));
            step.title.push(text, range, self.file);
        }
    }

    fn end_title_if_read(&mut self) {
        let is_read = self
            .titled
            .and_then(|index| self.runbook.steps.get(index))
            .is_some_and(|step| !step.title.as_str().trim().is_empty());
        if is_read {
            self.titled = None;
        }
    }

    fn current_step(&self) -> Option<usize> {
        self.items.last().and_then(|item| item.step.or(item.around))
    }

    fn current_phase(&self) -> Option<usize> {
        self.runbook.phases.len().checked_sub(1)
    }

    fn stop(&mut self, code: &'static str, span: &Range<usize>, message: String) {
        self.problems.push(
            Diagnostic::error(code, span, message)
                .label("not read from here on")
                .hint("split the runbook into several files"),
        );
        self.has_stopped = true;
    }

    fn end_heading(&mut self) {
        let Some((level, title, span)) = self.heading.take() else {
            return;
        };
        self.limit_title(&title);
        if level == 1 && !self.has_title {
            self.has_title = true;
            self.runbook.title = title.clone();
            if self.runbook.phases.is_empty() {
                self.briefing.holes.push(span);
                return;
            }
        }
        self.begin_phase(level, title, span);
    }

    fn begin_phase(&mut self, level: u8, title: Mapped, span: Range<usize>) {
        if self.runbook.phases.len() >= PHASES_MAX {
            self.stop(
                codes::TOO_MANY_PHASES,
                &span,
                format!("more than {PHASES_MAX} headings"),
            );
            return;
        }
        let before = self.phases.last_mut().unwrap_or(&mut self.briefing);
        before.to.get_or_insert(span.start);
        self.phases.push(Draft {
            from: span.end,
            ..Draft::default()
        });
        self.runbook.phases.push(Phase {
            title,
            level,
            prose: Mapped::default(),
            rollback: None,
            rollout: None,
            line: self.lines.line(span.start),
            span,
        });
    }

    fn limit_title(&mut self, title: &Mapped) {
        if title.as_str().len() > TITLE_BYTES_MAX {
            self.problems.push(
                Diagnostic::error(
                    codes::TOO_LONG,
                    &title.span(),
                    format!("this title is longer than {TITLE_BYTES_MAX} bytes"),
                )
                .hint("break the line: what follows the first line is the step's text"),
            );
        }
    }

    fn begin_step(&mut self, ticked: bool, marker: &Range<usize>) {
        let Some(item) = self.items.last() else {
            return;
        };
        let (range, parent) = (item.range.clone(), item.around);
        let line_start = self.lines.start(marker.start);
        let next_line = self.lines.next_start(marker.start);
        let first_line = range.start..next_line.min(range.end).max(range.start);
        if self.runbook.steps.len() >= STEPS_MAX {
            let message = format!("more than {STEPS_MAX} steps");
            self.stop(codes::TOO_MANY_STEPS, marker, message);
            return;
        }
        if self.runbook.phases.is_empty() {
            // Steps before any heading: the phase gets the runbook's title in the end.
            self.begin_phase(1, Mapped::default(), range.start..range.start);
        }
        let depth = parent
            .and_then(|p| self.runbook.steps.get(p))
            .map_or(0, |p| p.depth.saturating_add(1));
        if usize::from(depth) == NESTING_MAX {
            self.problems.push(Diagnostic::error(
                codes::NESTED_TOO_DEEP,
                marker,
                format!("steps are nested more than {NESTING_MAX} levels deep"),
            ));
        }
        if let Some(around) = parent.and_then(|p| self.steps.get_mut(p)) {
            around.holes.push(range.clone());
        } else if let Some(phase) = self.phases.last_mut() {
            phase.to.get_or_insert(line_start);
        }
        let index = self.runbook.steps.len();
        if let Some(item) = self.items.last_mut() {
            item.step = Some(index);
        }
        self.titled = Some(index);
        self.steps.push(Draft {
            from: next_line,
            to: Some(range.end),
            holes: Vec::new(),
            indent: marker.start.saturating_sub(line_start),
        });
        self.runbook.steps.push(Step {
            title: Mapped::default(),
            prose: Mapped::default(),
            phase: self.current_phase().unwrap_or_default(),
            parent,
            depth,
            ticked,
            blocks: Vec::new(),
            expects: Vec::new(),
            settings: StepSettings::default(),
            span: first_line,
            line: self.lines.line(range.start),
        });
    }

    /// Takes the texts out of the file, now that all their borders are known.
    fn finish(&mut self, base: usize, file_name: &str) {
        self.briefing.from = base;
        let (file, lines) = (self.file, &self.lines);
        self.runbook.briefing = self.briefing.take(file, lines);
        for (phase, draft) in self.runbook.phases.iter_mut().zip(&self.phases) {
            phase.prose = draft.take(file, lines);
        }
        for (step, draft) in self.runbook.steps.iter_mut().zip(&self.steps) {
            step.prose = draft.take(file, lines);
        }
        if self.runbook.title.as_str().trim().is_empty() {
            self.runbook.title = Mapped::at(file_name, base..base);
        }
        if let Some(first) = self.runbook.phases.first_mut()
            && first.span.is_empty()
        {
            first.title = Mapped::at(self.runbook.title.as_str(), first.span.clone());
        }
        let titles: Vec<Mapped> = self
            .runbook
            .steps
            .iter()
            .filter(|step| step.title.as_str().len() > TITLE_BYTES_MAX)
            .map(|step| step.title.clone())
            .collect();
        for title in &titles {
            self.limit_title(title);
        }
        if self.runbook.steps.is_empty() {
            self.problems.push(
                Diagnostic::warning(
                    codes::NO_STEPS,
                    &(base..base),
                    format!("{} has no steps", quoted(file_name)),
                )
                .hint("steps are task-list items: `- [ ] drain the node`"),
            );
        }
    }
}

const fn level_number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
