//! The policy in force: the people file, read anew for every decision that needs it.

use super::accounts;
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Mode, Via};
use crate::domain::id::PersonId;
use std::path::PathBuf;

/// Where people come from.
#[derive(Debug, Clone)]
pub enum PeopleSource {
    /// Each Unix account is the person of that name.
    Accounts,
    /// A people file.
    File(PathBuf),
    /// Simulated people of a demo.
    Demo(Vec<PersonId>),
}
