//! `warroom amend`: what a changed runbook comes to in a running session, and the motion to take it over.

use super::Outcome;
use super::args::AmendArgs;
use super::environment::{Environment, client_runtime};
use super::status::{failure, target};
use crate::client::amend::{self, Moved};
use crate::domain::amend::Mark;
use crate::exit::{Code, Failure};
use crate::wire::amendment::Preview;
use std::fmt::Write as _;

/// `warroom amend`.
pub(super) fn amend(environment: &Environment, args: &AmendArgs) -> Outcome {
    let named = args.session.as_deref().or(args.target.as_deref());
    let target = target(environment, named)?;
    let reason = args.reason.as_deref().filter(|_| !args.dry_run);
    let runtime = client_runtime()?;
    let moved = runtime
        .block_on(amend::amend(&target, reason))
        .map_err(failure)?;
    match moved {
        Moved::Unread(refusal) => Err(Failure::new(refusal.reason)
            .hint(Some(refusal.hint))
            .code(Code::Usage)),
        Moved::Seen(preview) => seen(&preview),
        Moved::Made(preview) => {
            super::say(&text(&preview))?;
            super::say(
                "\nthe motion is made: another person reads it and seconds it on the screen, key Y\n",
            )?;
            Ok(Code::AwaitingSecond)
        }
        Moved::Refused(preview, refusal) => {
            super::say(&text(&preview))?;
            Err(Failure::new(refusal.reason)
                .hint(Some(refusal.hint))
                .code(Code::Failure))
        }
    }
}

/// Nothing was moved: because nobody wanted that, or because it would be refused.
fn seen(preview: &Preview) -> Outcome {
    super::say(&text(preview))?;
    if preview.against.is_empty() {
        return Ok(Code::Done);
    }
    Err(
        Failure::new("the changed runbook cannot be taken over as it is")
            .hint("every reason stands above".to_owned())
            .code(Code::Usage),
    )
}

/// What becomes another, what is in the way, and both plans held against each other.
fn text(preview: &Preview) -> String {
    let mut text = String::new();
    if preview.is_pinned {
        text.push_str("the runbook is the one this session is pinned to\n");
    }
    for one in &preview.against {
        writeln!(text, "in the way: {one}").ok();
    }
    for change in &preview.changes {
        writeln!(text, "{change}").ok();
    }
    for line in &preview.lines {
        let gap = if line.mark == Mark::Section { "\n" } else { "" };
        writeln!(text, "{gap}{}{}", line.mark.as_str(), line.text).ok();
    }
    if preview.more > 0 {
        writeln!(
            text,
            "{} more lines; the screen shows all of it once it is moved",
            preview.more
        )
        .ok();
    }
    text
}
