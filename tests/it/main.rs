//! All integration tests in one program, so that they link once.

mod attach;
mod bastion;
mod corpora;
mod e2e;
mod harness;
mod live;
mod runbooks;
mod services;
mod tidy;
mod tmux;
