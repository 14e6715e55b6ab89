//! Write a note.

use super::ask::Ask;
use super::{Decision, NOTE_BYTES_MAX};
use crate::domain::fact::Fact;
use crate::domain::id::StepId;

pub(super) fn decide(ask: &Ask<'_>, step: Option<&StepId>, text: &str) -> Decision {
    if let Some(step) = step {
        ask.step(step)?;
    }
    let text = text.trim();
    if text.is_empty() || text.len() > NOTE_BYTES_MAX {
        let why = format!("a note has 1 to {NOTE_BYTES_MAX} bytes");
        return Err(ask.no(why, ""));
    }
    Ok(vec![Fact::NoteAdded {
        step: step.cloned(),
        text: text.to_owned(),
    }])
}
