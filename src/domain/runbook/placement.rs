//! Where a block with a role may stand, and what to tell an author who put it elsewhere.

use super::model::Step;
use super::source::Lines;

/// Whether a fenced block, given with both fences, ends with a closing fence.
pub(super) fn is_closed(block: &str) -> bool {
    let opening = block.trim_start_matches(['`', '~']);
    let len = block.len().saturating_sub(opening.len());
    let Some(mark) = block.chars().next() else {
        return false;
    };
    let Some((_, below)) = block.split_once('\n') else {
        return false;
    };
    let last = below.lines().next_back().unwrap_or_default();
    let last = last.trim_start_matches([' ', '\t', '>']).trim_end();
    last.len() >= len && last.chars().all(|c| c == mark)
}

/// Shows the indentation that puts a block into `step`, or into a new one.
pub(super) fn indent_hint(file: &str, lines: &Lines, step: Option<&Step>, info: &str) -> String {
    let info = info.trim();
    let head = step.and_then(|step| {
        let line = file.get(lines.start(step.span.start)..step.span.end)?;
        let at = line.find('[')?;
        line.get(..at)
    });
    match (step, head) {
        (Some(step), Some(head)) => {
            let columns = head.chars().count();
            let title: String = step.title.as_str().chars().take(40).collect();
            format!(
                "indent all its lines by {columns} spaces to make it a part of the step above:\n{head}[ ] {title}\n{}```{info}",
                " ".repeat(columns)
            )
        }
        _ => format!(
            "write a step above it and indent all its lines by 2 spaces:\n- [ ] what this does\n  ```{info}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_closing_fence_of_the_same_kind_closes() {
        for (block, closed) in [
            ("```sh run\nx\n```", true),
            ("```sh run\nx\n  ````", true),
            ("~~~sh run\nx\n~~~", true),
            ("> ", false),
            ("```sh run\n> x\n> ```", true),
            ("```sh run\nx\n~~~", false),
            ("````sh run\nx\n```", false),
            ("```sh run", false),
            ("```sh run\n", false),
            ("", false),
        ] {
            assert_eq!(is_closed(block), closed, "{block:?}");
        }
    }
}
