//! Two people and the rule that needs both of them, over real accounts, ssh, agents, terminals and processes
//! (`TWO_PERSON` 10.2). Every test lays out a host of its own.

mod agent;
mod confirms;
mod offline;
mod seat;
mod stage;
