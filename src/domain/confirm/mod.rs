//! The two-person rule: who counts, what exactly is confirmed, and when it may run.
//!
//! Knows nothing of sockets, signatures on the wire or screens. Source: `TWO_PERSON` 3.4, 4 and 5.

pub mod breakglass;
pub mod certificate;
pub mod checkpoint;
pub mod people;
pub mod plan_doc;
pub mod policy;
pub mod quorum;
pub mod rule;
pub mod statement;
pub mod undo_doc;
pub mod words;

use std::time::Duration;

/// Life of a proposal: time for a second person to read a plan of two screens and to ask back.
pub const PROPOSAL_LIFE: Duration = Duration::from_secs(15 * 60);
/// Life of a draft that its proposer is asked to sign: time to find a key and touch it.
pub const DRAFT_LIFE: Duration = Duration::from_secs(120);
/// Life of an armed proposal: what was reviewed is still what is there.
pub const ARMED_LIFE: Duration = Duration::from_secs(5 * 60);
/// Absence that ends an armed proposal: longer than a reconnect, shorter than a walk to the door.
pub const ABSENCE_MAX: Duration = Duration::from_secs(15);
/// Step of the wall clock against the boot clock, in milliseconds, that ends an armed proposal.
pub const CLOCK_STEP_MAX_MS: i64 = 2000;
