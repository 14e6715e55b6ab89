//! All integration tests in one program, so that they link once.
//!
//! `cfg(test)` is always true here; it tells clippy that what has no tests of its own is test code too.

#[cfg(test)]
mod alerting;
#[cfg(test)]
mod alertmanager;
#[cfg(test)]
mod attach;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod backtest;
#[cfg(test)]
mod bastion;
#[cfg(test)]
mod cli_errors;
#[cfg(test)]
mod cli_session;
#[cfg(test)]
mod cli_writes;
#[cfg(test)]
mod connectors;
#[cfg(test)]
mod corpora;
#[cfg(test)]
mod demo_writes;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod e2e;
#[cfg(test)]
mod e2e_breach;
#[cfg(test)]
mod e2e_rolling;
#[cfg(test)]
mod enforced;
#[cfg(test)]
mod enforced_alone;
#[cfg(test)]
mod enforced_back;
#[cfg(test)]
mod enforced_kills;
#[cfg(test)]
mod evidence;
#[cfg(test)]
#[path = "../../fuzz/targets/mod.rs"]
mod fuzz_targets;
#[cfg(test)]
mod fuzzing;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod golden_silences;
#[cfg(test)]
mod golden_writes;
#[cfg(test)]
mod handovers;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod icinga2;
#[cfg(test)]
mod live;
#[cfg(test)]
mod mail;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod nagios;
#[cfg(test)]
mod nautobot;
// A maintenance as benches tell it; not marked as a test, as it is none there.
#[path = "../../benches/session/mod.rs"]
mod night;
#[cfg(test)]
mod prometheus_family;
#[cfg(test)]
mod radius;
#[cfg(test)]
mod rehearse;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod rollouts;
#[cfg(test)]
mod runbooks;
#[cfg(test)]
mod services;
#[cfg(test)]
mod session;
#[cfg(test)]
mod session_alone;
#[cfg(test)]
mod session_amend;
#[cfg(test)]
mod session_bounds;
#[cfg(test)]
mod session_confirm;
#[cfg(test)]
mod session_enforced;
#[cfg(test)]
mod session_host;
#[cfg(test)]
mod session_scope;
#[cfg(test)]
mod session_signed;
#[cfg(test)]
mod session_window;
#[cfg(test)]
mod session_writes;
#[cfg(test)]
mod sign_elsewhere;
#[cfg(test)]
mod silences;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod tmux;
#[cfg(test)]
mod two_person;
#[cfg(test)]
mod units;
#[cfg(test)]
mod units_booted;
#[cfg(test)]
mod watching;
