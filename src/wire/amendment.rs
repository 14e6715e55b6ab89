//! What a changed runbook would come to, for somebody who may want to move that.

use crate::domain::amend::{Change, Line, Objection};
use crate::domain::digest::Digest;
use serde::{Deserialize, Serialize};

/// Bytes of changes and lines in one preview: it fits one frame with room for the escapes of JSON. What is moved is shown
/// whole, from the journal.
pub const PREVIEW_BYTES_MAX: usize = 128 * 1024;

/// The runbook as it is on the disk of the session's host, held against what the session is pinned to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The client's number of the question.
    pub number: u64,
    /// Digest of the plan the session is pinned to.
    pub from: Digest,
    /// Digest of the plan the runbook comes to.
    pub to: Digest,
    /// The session is pinned to just this already.
    pub is_pinned: bool,
    /// Why it cannot be taken over; empty when it can.
    pub against: Vec<Objection>,
    /// What would become another.
    pub changes: Vec<Change>,
    /// Both plans held against each other.
    pub lines: Vec<Line>,
    /// Lines and changes that were left out.
    pub more: usize,
}

impl Preview {
    /// The same within [`PREVIEW_BYTES_MAX`]; what is left out is counted.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let mut bytes: usize = 0;
        let mut fits = |text: &str| {
            bytes = bytes.saturating_add(text.len()).saturating_add(40);
            bytes <= PREVIEW_BYTES_MAX
        };
        let all = self.changes.len().saturating_add(self.lines.len());
        let changes = self.changes.iter().take_while(|c| fits(&c.about)).count();
        self.changes.truncate(changes);
        let lines = self.lines.iter().take_while(|l| fits(&l.text)).count();
        self.lines.truncate(lines);
        self.more = all.saturating_sub(changes).saturating_sub(lines);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::amend::Mark;
    use crate::wire::codec;
    use crate::wire::message::ToClient;

    #[test]
    fn a_preview_fits_a_frame_whatever_it_holds() {
        let line = Line {
            mark: Mark::New,
            text: "\u{1}".repeat(1000),
        };
        let preview = Preview {
            number: 1,
            from: Digest::of(b"a"),
            to: Digest::of(b"b"),
            is_pinned: false,
            against: Vec::new(),
            changes: Vec::new(),
            lines: vec![line; 5000],
            more: 0,
        };
        let bounded = preview.bounded();
        assert!(bounded.more > 4000 && bounded.more + bounded.lines.len() == 5000);
        // A control character is written as six.
        assert!(codec::encode(&ToClient::Amendment(Box::new(bounded))).is_ok());
    }
}
