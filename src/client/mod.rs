//! One attached terminal: a link to a session, and a loop that draws what the link brings.
//!
//! Holds focus and scroll only. Every decision is the server's; a client that dies loses nothing.

pub mod amend;
pub mod attach;
pub mod bring;
pub mod frames;
pub mod host_keys;
mod keys;
pub mod link;
pub mod partner;
pub mod query;
mod signing;
mod ssh;
pub mod witness;
