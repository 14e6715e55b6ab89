//! Blocks with a role: where they stand and what they belong to.

use super::super::blocks;
use super::super::codes;
use super::super::diagnostic::Diagnostic;
use super::super::expect;
use super::super::fence::{self, Head, Info};
use super::super::limits::{BLOCK_BYTES_MAX, BLOCKS_PER_STEP_MAX, RULES_MAX};
use super::super::model::{Block, Rule};
use super::super::placement;
use super::super::plan::ExecRole;
use super::super::role::Role;
use super::super::settings;
use super::super::source::Mapped;
use super::{OpenFence, Walker};
use std::ops::Range;

impl Walker<'_> {
    /// A fence that Markdown takes for text would silently not be executed.
    pub(super) fn over_indented(&mut self, range: &Range<usize>) {
        let text = self.file.get(range.clone()).unwrap_or_default();
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let info = first.trim_start_matches(['`', '~']);
        let is_fence = first.len().saturating_sub(info.len()) >= 3 && lines.next().is_some();
        if is_fence && fence::role_of(info).is_some() {
            let end = range.start.saturating_add(first.len());
            self.problems.push(
                Diagnostic::error(
                    codes::INDENTED_TOO_FAR,
                    &(range.start..end),
                    "this block is indented too far: Markdown takes it for text",
                )
                .hint(placement::indent_hint(
                    self.file,
                    &self.lines,
                    self.current_step()
                        .and_then(|step| self.runbook.steps.get(step)),
                    info,
                )),
            );
        }
    }

    pub(super) fn begin_fence(&mut self, range: Range<usize>) {
        let line_end = self.lines.next_start(range.start).min(range.end);
        let first = self.file.get(range.start..line_end).unwrap_or_default();
        let info = first.trim_start_matches(['`', '~']);
        let offset = range
            .start
            .saturating_add(first.len().saturating_sub(info.len()));
        let head = match fence::read(info, offset, &mut self.problems) {
            Info::Ordinary => {
                self.warn_unclosed(&range, offset);
                return;
            }
            Info::Refused => {
                self.runbook.is_plain = false;
                self.hole(range);
                return;
            }
            Info::Role(head) => head,
        };
        self.runbook.is_plain = false;
        self.hole(range.clone());
        if range.len() > BLOCK_BYTES_MAX {
            self.problems.push(
                Diagnostic::error(
                    codes::TOO_LONG,
                    &head.span,
                    format!("this block is longer than {BLOCK_BYTES_MAX} bytes"),
                )
                .hint("put it in a script file and call that"),
            );
            return;
        }
        self.fence = Some(OpenFence {
            head,
            range,
            content: Mapped::default(),
        });
    }

    /// Steps below such a fence would silently be text.
    fn warn_unclosed(&mut self, range: &Range<usize>, offset: usize) {
        if !placement::is_closed(self.file.get(range.clone()).unwrap_or_default()) {
            self.problems.push(
                Diagnostic::warning(
                    codes::UNCLOSED,
                    &(range.start..offset),
                    "this fence is never closed",
                )
                .label("everything from here to the end of its item or of the file is code")
                .hint("close it with the same characters at the same indentation"),
            );
        }
    }

    fn hole(&mut self, range: Range<usize>) {
        let owner = match (self.current_step(), self.current_phase()) {
            (Some(step), _) => self.steps.get_mut(step),
            (None, Some(phase)) => self.phases.get_mut(phase),
            (None, None) => Some(&mut self.briefing),
        };
        if let Some(owner) = owner {
            owner.holes.push(range);
        }
    }

    pub(super) fn end_fence(&mut self) {
        let Some(OpenFence {
            head,
            range,
            mut content,
        }) = self.fence.take()
        else {
            return;
        };
        if !placement::is_closed(self.file.get(range.clone()).unwrap_or_default()) {
            self.problems.push(
                Diagnostic::error(
                    codes::UNCLOSED,
                    &head.span,
                    "this block is never closed, or a line of it is indented less than its fence",
                )
                .hint("close it with ``` at the indentation of its opening fence"),
            );
        }
        content.trim_blank_lines();
        let line = self.lines.line(range.start);
        let step = self.current_step();
        match (head.role, step) {
            (role, None) if role.needs_step() => self.outside_step(&head),
            (Role::Exec(role), Some(step)) => self.add_exec(role, &head, content, line, step),
            (Role::Gate, Some(step)) => self.add_gate(&head, content, line, step),
            (Role::Guard, _) => self.add_guard(&head, content, line),
            (Role::Maintenance, _) => self.add_maintenance(&head, &content),
            (Role::Phase, _) => self.add_phase_settings(&head, &content),
            (Role::Step, Some(step)) => self.add_step_settings(&head, &content, step),
            (Role::Expect, Some(step)) => self.add_expect(&head, content, line, step),
            (Role::Exec(_) | Role::Gate | Role::Expect | Role::Step, None) => {}
        }
    }

    fn outside_step(&mut self, head: &Head) {
        let phase = self.current_phase();
        let above = self
            .runbook
            .steps
            .last()
            .filter(|step| Some(step.phase) == phase);
        let info = self.file.get(head.span.clone()).unwrap_or_default();
        let problem = Diagnostic::error(
            codes::OUTSIDE_STEP,
            &head.span,
            format!("a `{}` block outside of any step", head.role.as_str()),
        )
        .label("belongs to no step, so it would never be executed")
        .hint(placement::indent_hint(self.file, &self.lines, above, info));
        self.problems.push(problem);
    }

    fn add_exec(&mut self, role: ExecRole, head: &Head, script: Mapped, line: u32, index: usize) {
        let Some(step) = self.runbook.steps.get_mut(index) else {
            return;
        };
        let has_undo = |block: &Block| matches!(block, Block::Exec(e) if e.role == ExecRole::Undo);
        if role == ExecRole::Undo && step.blocks.iter().any(has_undo) {
            self.problems.push(
                Diagnostic::error(codes::SECOND_BLOCK, &head.span, "a second `undo` block")
                    .hint("a step has one way back: put both into one block"),
            );
            return;
        }
        let fence = blocks::exec(
            role,
            head,
            script,
            line,
            &mut step.settings,
            &mut self.problems,
        );
        self.add_block(index, Block::Exec(fence), &head.span);
    }

    fn add_gate(&mut self, head: &Head, expr: Mapped, line: u32, index: usize) {
        let gate = blocks::gate(head, expr, line, &mut self.problems);
        self.gates = self.gates.saturating_add(1);
        self.limit_rules(&head.span);
        self.add_block(index, Block::Gate(gate), &head.span);
    }

    fn add_expect(&mut self, head: &Head, expr: Mapped, line: u32, index: usize) {
        let fence = expect::fence(head, expr, line, &mut self.problems);
        self.gates = self.gates.saturating_add(1);
        self.limit_rules(&head.span);
        let Some(step) = self.runbook.steps.get_mut(index) else {
            return;
        };
        if step.expects.len() == expect::EXPECTS_MAX {
            let most = expect::EXPECTS_MAX;
            self.problems.push(
                Diagnostic::error(
                    codes::TOO_MANY_ENTRIES,
                    &head.span,
                    format!("more than {most} declared effects in one step"),
                )
                .hint("name those that tell whether it worked"),
            );
        }
        if step.expects.len() <= expect::EXPECTS_MAX {
            step.expects.push(fence);
        }
    }

    fn add_block(&mut self, index: usize, block: Block, span: &Range<usize>) {
        let Some(step) = self.runbook.steps.get_mut(index) else {
            return;
        };
        if step.blocks.len() == BLOCKS_PER_STEP_MAX {
            self.problems.push(
                Diagnostic::error(
                    codes::TOO_MANY_ENTRIES,
                    span,
                    format!("more than {BLOCKS_PER_STEP_MAX} blocks in one step"),
                )
                .hint("make several steps of it"),
            );
        }
        if step.blocks.len() <= BLOCKS_PER_STEP_MAX {
            step.blocks.push(block);
        }
    }

    /// Says it once, at the first rule too many.
    fn limit_rules(&mut self, span: &Range<usize>) -> bool {
        let count = self.gates.saturating_add(self.runbook.rules.len());
        if count == RULES_MAX.saturating_add(1) {
            self.problems.push(Diagnostic::error(
                codes::TOO_MANY_RULES,
                span,
                format!(
                    "more than {RULES_MAX} gates, guards, thresholds, panels and declared effects"
                ),
            ));
        }
        count <= RULES_MAX
    }

    fn add_guard(&mut self, head: &Head, expr: Mapped, line: u32) {
        let mut rule = blocks::guard(head, expr, line, &mut self.problems);
        rule.phase = self.current_phase();
        self.add_rule(rule);
    }

    fn add_rule(&mut self, rule: Rule) {
        let span = rule.span.clone();
        self.runbook.rules.push(rule);
        if !self.limit_rules(&span) {
            self.gates = self.gates.saturating_add(1);
            self.runbook.rules.pop();
        }
    }

    fn add_maintenance(&mut self, head: &Head, content: &Mapped) {
        if !self.runbook.phases.is_empty() {
            self.misplaced(
                head,
                "move it above the first phase: it is about all of them",
            );
        } else if std::mem::replace(&mut self.has_maintenance, true) {
            self.second(head, "join both blocks into one");
        } else {
            let (maintenance, rules) =
                settings::maintenance(content, &self.lines, &mut self.problems);
            self.runbook.maintenance = maintenance;
            for rule in rules {
                self.add_rule(rule);
            }
        }
    }

    fn add_phase_settings(&mut self, head: &Head, content: &Mapped) {
        let Some(index) = self.current_phase() else {
            self.misplaced(head, "move it below the heading of its phase");
            return;
        };
        if self.current_step().is_some() {
            self.misplaced(
                head,
                "move it out of the step, below the heading of its phase, without indentation",
            );
        } else if self.set_phases.last() == Some(&index) {
            self.second(head, "join both blocks into one");
        } else {
            self.set_phases.push(index);
            let (rollback, rollout) = settings::phase(content, &head.span, &mut self.problems);
            if let Some(phase) = self.runbook.phases.get_mut(index) {
                phase.rollback = rollback;
                phase.rollout = rollout.map(Box::new);
            }
        }
    }

    fn add_step_settings(&mut self, head: &Head, content: &Mapped, index: usize) {
        if self.set_steps.contains(&index) {
            self.second(head, "join both blocks into one");
            return;
        }
        self.set_steps.push(index);
        if let Some(step) = self.runbook.steps.get_mut(index) {
            settings::step(content, &mut step.settings, &mut self.problems);
        }
    }

    fn misplaced(&mut self, head: &Head, hint: &str) {
        self.problems.push(
            Diagnostic::error(
                codes::MISPLACED_SETTINGS,
                &head.span,
                format!("a `toml {}` block has no effect here", head.role.as_str()),
            )
            .hint(hint),
        );
    }

    fn second(&mut self, head: &Head, hint: &str) {
        self.problems.push(
            Diagnostic::error(
                codes::SECOND_BLOCK,
                &head.span,
                format!("a second `toml {}` block", head.role.as_str()),
            )
            .hint(hint),
        );
    }
}
