//! All integration tests in one program, so that they link once.
//!
//! `cfg(test)` is always true here; it tells clippy that what has no tests of its own is test code too.

#![expect(
    clippy::expect_used,
    clippy::string_slice,
    reason = "a test that cannot go on says so; clippy knows tests by their attribute, not the functions they share"
)]

#[cfg(test)]
mod attach;
#[cfg(test)]
mod bastion;
mod corpora;
mod docs;
#[cfg(test)]
mod e2e;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod live;
mod runbooks;
#[cfg(test)]
mod services;
mod tidy;
#[cfg(test)]
mod tmux;
