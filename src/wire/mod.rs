//! Messages between a session server and its clients: length-framed JSON with a contract number.
//!
//! Knows where sockets are and whether they can be trusted, but opens none, and knows no terminals. A client that
//! speaks another contract is told so and turned away, because a half-understood screen is worse than none.

pub mod amendment;
pub mod around;
pub mod codec;
pub mod message;
pub mod place;
pub mod policy;

/// Number of the contract below. Raised by every change that an older program would misread.
pub const CONTRACT: u32 = 7;

/// Largest frame in bytes (`TWO_PERSON` 8.1); checked before anything is allocated.
pub const FRAME_MAX: usize = 1024 * 1024;

/// Bytes of a snapshot in one frame; base 64 and the JSON around it stay below [`FRAME_MAX`].
pub const SNAPSHOT_PART_MAX: usize = 512 * 1024;

/// Longest snapshot in bytes: a state of the largest runbook fits, and a client is not made to hold more than that.
pub const SNAPSHOT_BYTES_MAX: usize = 12 * 1024 * 1024;
