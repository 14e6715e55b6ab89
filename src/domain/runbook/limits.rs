//! Sizes beyond which a file is refused. Each has an error of its own that names it.

/// Bytes of one runbook: two hundred times the longest one seen in the field, and still parsed in well under a second.
pub const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Steps of one runbook: more than two people can work through in any window.
pub const STEPS_MAX: usize = 2_000;
/// Phases of one runbook; headings without steps count, since long documents have many.
pub const PHASES_MAX: usize = 1_000;
/// Levels of nested steps: deeper ones cannot be drawn in 80 columns.
pub const NESTING_MAX: usize = 8;
/// Bytes of one block with a role: a document that is signed is at most as long (`TWO_PERSON` 5.1).
pub const BLOCK_BYTES_MAX: usize = 64 * 1024;
/// Bytes of the first line of a step or of a heading: longer ones are paragraphs that lost their line breaks.
pub const TITLE_BYTES_MAX: usize = 1_000;
/// Gates, guards, thresholds and panels together: each is a query every few seconds.
pub const RULES_MAX: usize = 200;
/// Blocks with a role in one step.
pub const BLOCKS_PER_STEP_MAX: usize = 64;
/// Entries of the environment table: each is a line of every plan that two people read.
pub const ENVIRONMENT_MAX: usize = 100;
/// Components a runbook may name.
pub const COMPONENTS_MAX: usize = 1_000;
/// Alerts that a runbook, or one of its steps, may expect: more than anybody knows beforehand.
pub const EXPECT_ALERTS_MAX: usize = 100;
/// Severities that a runbook may name: no alerting system has more.
pub const ALERT_SEVERITIES_MAX: usize = 20;
/// Problems that are reported one by one: nobody reads more, and each costs a rendering.
pub const PROBLEMS_MAX: usize = 200;
/// Bytes one value may have in the encoding of what two people sign (`TWO_PERSON` 5.1).
pub const SIGNED_VALUE_BYTES_MAX: usize = 2_048;
/// Confirmers a step may ask for: more people than any room has.
pub const QUORUM_MAX: u8 = 16;
/// Further tries of a `verify`: twenty minutes at one try every two seconds.
pub const RETRY_MAX: u32 = 600;
/// Characters of the name of a lock: it stands in refusals, on one line with a step.
pub const LOCK_CHARS_MAX: usize = 64;
/// Units of one rollout: at one every few minutes a night is over long before, and more is a job for automation.
pub const UNITS_MAX: usize = 200;
/// Bytes of a component's name, or of what a CMDB says of it, that are put into steps: a line, not a text.
pub const UNIT_VALUE_BYTES_MAX: usize = 200;
