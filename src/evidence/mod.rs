//! What proves that a person said something: signatures, agents, one-time codes (`TWO_PERSON` 3, 5.4 and 9).
//!
//! Knows nothing of sessions, journals or screens: bytes and keys go in, a person with a strength of evidence comes out.

pub mod agent;
pub mod counters;
pub mod detached;
#[cfg(test)]
mod fixture;
pub mod host_key;
pub mod key;
pub mod make;
mod packet;
pub mod revoked;
pub mod session_key;
pub mod signers;
pub mod sshsig;
pub mod store;
pub mod totp;

pub use session_key::{SessionKey, SessionKeyError};
