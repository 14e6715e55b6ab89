//! All integration tests in one program, so that they link once.

mod corpora;
mod runbooks;
mod tidy;
