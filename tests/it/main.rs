//! Everything that needs more than one module, or the real world.

mod tidy;
//! All integration tests in one program, so that they link once.

mod corpora;
mod runbooks;
