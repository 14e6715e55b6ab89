//! Codes of diagnostics. A code never changes its meaning; a retired one is not used again.

/// The file cannot be read at all.
pub const UNREADABLE: &str = "WR000";
/// The file is not UTF-8.
pub const NOT_UTF8: &str = "WR001";
/// The file is longer than allowed.
pub const FILE_TOO_LONG: &str = "WR002";
/// The file holds a NUL byte.
pub const NUL_BYTE: &str = "WR003";
/// Too many steps.
pub const TOO_MANY_STEPS: &str = "WR004";
/// Too many phases.
pub const TOO_MANY_PHASES: &str = "WR005";
/// Steps are nested too deep.
pub const NESTED_TOO_DEEP: &str = "WR006";
/// A block or a title is too long.
pub const TOO_LONG: &str = "WR007";
/// Too many gates, guards and panels.
pub const TOO_MANY_RULES: &str = "WR008";
/// A table or list of the settings, or a step, has too many entries.
pub const TOO_MANY_ENTRIES: &str = "WR009";
/// The word after the language is nearly a role.
pub const ROLE_TYPO: &str = "WR010";
/// The word after the language is no role: the block is only shown.
pub const NOT_A_ROLE: &str = "WR011";
/// The language of an executable block is not known.
pub const LANGUAGE: &str = "WR012";
/// The role is for another language.
pub const ROLE_LANGUAGE: &str = "WR013";
/// Unknown flag.
pub const UNKNOWN_FLAG: &str = "WR014";
/// Unknown key.
pub const UNKNOWN_KEY: &str = "WR015";
/// The info string cannot be read.
pub const INFO_STRING: &str = "WR016";
/// A key or flag is given twice.
pub const GIVEN_TWICE: &str = "WR017";
/// A value cannot be read.
pub const BAD_VALUE: &str = "WR018";
/// A flag or key that is for another role or place.
pub const MISPLACED_OPTION: &str = "WR019";
/// A block that needs a step stands outside of one.
pub const OUTSIDE_STEP: &str = "WR020";
/// A settings block stands where it has no effect.
pub const MISPLACED_SETTINGS: &str = "WR021";
/// A second block where one is allowed.
pub const SECOND_BLOCK: &str = "WR022";
/// A block without content.
pub const EMPTY_BLOCK: &str = "WR023";
/// A fence with a role that is never closed.
pub const UNCLOSED: &str = "WR024";
/// A fence with a role that Markdown reads as text because it is indented too far.
pub const INDENTED_TOO_FAR: &str = "WR025";
/// TOML syntax.
pub const TOML_SYNTAX: &str = "WR030";
/// The window makes no sense.
pub const WINDOW: &str = "WR031";
/// A name or value of the environment table cannot be used.
pub const ENVIRONMENT: &str = "WR032";
/// Understood, and not evaluated yet.
pub const NOT_YET: &str = "WR033";
/// A `PromQL` expression is empty or unbalanced.
pub const EXPRESSION: &str = "WR040";
/// A guard without a limit.
pub const NO_LIMIT: &str = "WR041";
/// Limits that contradict each other.
pub const LIMIT_ORDER: &str = "WR042";
/// Two rules have one id.
pub const SAME_RULE_ID: &str = "WR043";
/// A comparison inside the expression of a guard.
pub const GUARD_COMPARISON: &str = "WR044";
/// A comparison beside a set operator in the expression of a gate.
pub const GATE_FILTER: &str = "WR045";
/// A `PromQL` expression that no server evaluates: syntax, functions, arguments, types.
pub const EXPRESSION_TYPE: &str = "WR048";
/// A gate without an end.
pub const GATE_NO_TIMEOUT: &str = "WR046";
/// A declared effect without the one command that has it.
pub const EXPECT_OF_NOTHING: &str = "WR047";
/// Two steps have one explicit id.
pub const SAME_STEP_ID: &str = "WR050";
/// Two settings of one step contradict each other.
pub const CONTRADICTION: &str = "WR051";
/// The number of confirmers does not fit the risk.
pub const QUORUM: &str = "WR052";
/// A value of a destructive step is longer than what can be signed.
pub const TOO_LONG_TO_SIGN: &str = "WR053";
/// A step without a title.
pub const NO_TITLE: &str = "WR054";
/// No steps at all.
pub const NO_STEPS: &str = "WR055";
/// A command below a destructive step that is not destructive itself.
pub const SUB_STEP_UNMARKED: &str = "WR056";
/// A `{{name}}` that the environment table does not have.
pub const UNKNOWN_NAME: &str = "WR060";
/// A `{{name}}` in a script.
pub const SPLICED: &str = "WR061";
/// A phase that sounds like the back-out plan and is not marked.
pub const MAYBE_ROLLBACK: &str = "WR070";
/// Settings of a rollout that do not go together, or one that is missing.
pub const ROLLOUT: &str = "WR080";
/// What a rollout is done to: nothing found, something named twice, or a CMDB that does not know.
pub const SELECTION: &str = "WR081";
/// More units, or more steps for them, than a rollout may have.
pub const TOO_MANY_UNITS: &str = "WR082";
/// Something said of a unit that cannot be put where the template wants it.
pub const UNIT_VALUE: &str = "WR083";
/// More problems than are reported.
pub const MORE_PROBLEMS: &str = "WR099";
