//! Two people and the rule that needs both of them, over real accounts, ssh, agents, terminals and processes
//! (`TWO_PERSON` 10.2). Every test lays out a host of its own.

mod agent;
mod agents;
mod alone;
mod backs;
mod breakglass;
mod bytes;
mod changes;
mod confirms;
mod cuts;
mod fakes;
mod guards;
mod histories;
mod kills;
mod measures;
mod offline;
mod program;
mod quorums;
mod scopes;
mod seat;
mod shared;
mod stage;
