//! What the two people of a motion state: one that it is made, another that it is seconded.

use super::{Kind, place, text};
use crate::domain::digest::Digest;
use crate::domain::doc::{Doc, DocError};
use crate::domain::id::PersonId;
use crate::domain::motion::{MOTION_LIFE, Motion};
use crate::domain::state::{State, Tabled};
use crate::domain::time::Timestamp;

/// The `warroom-motion@v1` of who makes the next motion of a session.
///
/// Nobody has recorded it yet, so its signer says from when on it is open; [`motion_issued`] reads that back, and whoever
/// takes it compares it with a clock.
///
/// # Errors
/// [`DocError`] when a value is too long for a statement.
pub fn motion_statement(
    state: &State,
    what: &Motion,
    reason: &str,
    signer: &PersonId,
    issued: Timestamp,
) -> Result<String, DocError> {
    let no = state.motions.newest.next();
    let doc = head(state, no.to_string(), "make").with("record", "none");
    text(&rest(doc, (what, reason), (signer, signer), issued))
}

/// The `warroom-motion@v1` of who seconds the open motion.
///
/// # Errors
/// [`DocError`] when a value is too long for a statement.
pub fn second_statement(
    state: &State,
    open: &Tabled,
    signer: &PersonId,
) -> Result<String, DocError> {
    let doc = head(state, open.no.to_string(), "second").with("record", place(open.record));
    let said = (&open.what, &*open.reason);
    text(&rest(doc, said, (&open.by, signer), open.issued))
}

fn head(state: &State, no: String, word: &str) -> Doc {
    Doc::new(Kind::Motion.title(), 1)
        .with("session", state.genesis.session.as_str())
        .with("genesis", state.genesis_hash.to_string())
        .with("motion", no)
        .with("word", word)
}

fn rest(
    doc: Doc,
    (what, reason): (&Motion, &str),
    (mover, signer): (&PersonId, &PersonId),
    issued: Timestamp,
) -> Doc {
    doc.with("what", what.to_line())
        .with("reason", Digest::of(reason.as_bytes()).to_string())
        .with("mover", mover.as_str())
        .with("signer", signer.as_str())
        .with("issued", issued.to_seconds_text())
        .with("expires", issued.plus(MOTION_LIFE).to_seconds_text())
}

/// When a statement says that it was issued. Nothing else of it is ever believed.
pub fn motion_issued(statement: &str) -> Option<Timestamp> {
    let doc = Doc::parse_statement(statement.as_bytes()).ok()?;
    let value = std::str::from_utf8(doc.get("issued")?).ok()?;
    Timestamp::parse(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::{Room, person};

    #[test]
    fn both_words_have_the_same_lines_and_no_other_values_than_they_must() {
        let state = Room::new().state;
        let issued = Timestamp::from_millis(1_700_000_000_000);
        let until = issued.plus(MOTION_LIFE);
        let what = Motion::ExtendWindow { until };
        let made =
            motion_statement(&state, &what, "late", &person("ann"), issued).expect("printable");
        let open = Tabled {
            no: state.motions.newest.next(),
            what,
            reason: "late".to_owned(),
            by: person("ann"),
            via: crate::domain::fact::Via::Uid(1),
            made: state.head_at,
            issued,
            expires: until,
            record: state.head,
            amendment: None,
        };
        let second = second_statement(&state, &open, &person("bob")).expect("printable");
        let lines = made.lines().zip(second.lines());
        let other: Vec<&str> = lines
            .filter(|(a, b)| a != b)
            .filter_map(|(_, line)| line.split(':').next())
            .collect();
        assert_eq!(other, ["word", "record", "signer"]);
        assert!(made.starts_with("warroom-motion@v1\nsession: "));
        assert!(made.contains("\nmotion: 1\nword: make\nrecord: none\n"));
        assert!(made.contains("\nwhat: extend-window 2023-11-14T22:23:20Z\n"));
        assert!(
            made.ends_with("\nexpires: 2023-11-14T22:23:20Z\n"),
            "{made}"
        );
        assert_eq!(motion_issued(&made), Some(issued));
        assert_eq!(Kind::of(&second), Some(Kind::Motion));
    }
}
