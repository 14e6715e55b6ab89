//! The words after the language of a fence: which role a block has, and which flags and keys go with it.

use super::model::Language;
use super::plan::ExecRole;

/// What a block is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Exec(ExecRole),
    Gate,
    Guard,
    Expect,
    Maintenance,
    Phase,
    Step,
}

/// One row for each role word.
pub(super) struct RoleRow {
    pub(super) word: &'static str,
    pub(super) role: Role,
    pub(super) flags: &'static [&'static str],
    pub(super) keys: &'static [&'static str],
}

const DESTRUCTIVE: &str = "destructive";
const IRREVERSIBLE: &str = "irreversible";

/// Keys that a rule takes in an info string, and in the settings together with `expr`.
pub(super) const RULE_KEYS: [&str; 14] = [
    "id",
    "title",
    "expr",
    "unit",
    "warn",
    "crit",
    "clear",
    "for",
    "samples",
    "on_breach",
    "dry_run",
    "no_data",
    "stale_after",
    "source",
];

/// Keys of a `toml step` block.
pub(super) const STEP_KEYS: [&str; 12] = [
    "id",
    "component",
    "risk",
    DESTRUCTIVE,
    IRREVERSIBLE,
    "quorum",
    "expected",
    "on_executor_lost",
    "expect_alerts",
    "switch",
    "must_fire",
    "roles",
];

pub(super) const ROLES: [RoleRow; 10] = [
    RoleRow {
        word: "run",
        role: Role::Exec(ExecRole::Run),
        flags: &[DESTRUCTIVE, IRREVERSIBLE],
        keys: &["component", "timeout", "id"],
    },
    RoleRow {
        word: "check",
        role: Role::Exec(ExecRole::Check),
        flags: &[],
        keys: &["component", "timeout", "id"],
    },
    RoleRow {
        word: "verify",
        role: Role::Exec(ExecRole::Verify),
        flags: &[],
        keys: &["component", "timeout", "id", "retry"],
    },
    RoleRow {
        word: "undo",
        role: Role::Exec(ExecRole::Undo),
        flags: &[],
        keys: &["timeout"],
    },
    RoleRow {
        word: "gate",
        role: Role::Gate,
        flags: &[],
        keys: &["id", "for", "timeout", "source"],
    },
    RoleRow {
        word: "guard",
        role: Role::Guard,
        flags: &["dry-run"],
        keys: &[
            "id",
            "title",
            "unit",
            "warn",
            "crit",
            "clear",
            "for",
            "samples",
            "on_breach",
            "dry_run",
            "no_data",
            "stale_after",
            "source",
        ],
    },
    RoleRow {
        word: "expect",
        role: Role::Expect,
        flags: &[],
        keys: &["id", "before", "after", "within", "for", "source"],
    },
    RoleRow {
        word: "maintenance",
        role: Role::Maintenance,
        flags: &[],
        keys: &[],
    },
    RoleRow {
        word: "phase",
        role: Role::Phase,
        flags: &[],
        keys: &[],
    },
    RoleRow {
        word: "step",
        role: Role::Step,
        flags: &[],
        keys: &[],
    },
];

impl Role {
    pub(super) fn row(self) -> &'static RoleRow {
        // Every role has a row: the test below counts them. `run` stands in so that nothing can panic.
        ROLES
            .iter()
            .find(|row| row.role == self)
            .unwrap_or(&ROLES[0])
    }

    pub(super) fn as_str(self) -> &'static str {
        self.row().word
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        ROLES
            .iter()
            .find(|row| row.word == word)
            .map(|row| row.role)
    }

    /// The language all blocks of this role have; none for commands.
    pub(super) const fn language(self) -> Option<&'static str> {
        match self {
            Self::Exec(_) => None,
            Self::Gate | Self::Guard | Self::Expect => Some("promql"),
            Self::Maintenance | Self::Phase | Self::Step => Some("toml"),
        }
    }

    /// Whether the block is a part of a step.
    pub(super) const fn needs_step(self) -> bool {
        matches!(self, Self::Exec(_) | Self::Gate | Self::Expect | Self::Step)
    }
}

impl Language {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::Sh, Self::Bash, Self::Python, Self::Python3];

    /// As written after the fence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sh => "sh",
            Self::Bash => "bash",
            Self::Python => "python",
            Self::Python3 => "python3",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lang| lang.as_str() == word)
    }

    /// Whole argument vector of a script.
    ///
    /// The shells stop at the first failing command and at an unset variable: a half-done step must not look done.
    pub fn argv(self, script: &str) -> Vec<String> {
        let head: &[&str] = match self {
            Self::Sh => &["sh", "-euc"],
            Self::Bash => &["bash", "-euo", "pipefail", "-c"],
            Self::Python | Self::Python3 => &["python3", "-c"],
        };
        head.iter()
            .copied()
            .chain(std::iter::once(script))
            .map(str::to_owned)
            .collect()
    }

    /// How a script reads a value of the environment table.
    pub(super) fn reads(self, name: &str) -> String {
        match self {
            Self::Sh | Self::Bash => format!("\"${name}\""),
            Self::Python | Self::Python3 => format!("os.environ[\"{name}\"]"),
        }
    }
}

/// Languages whose second word people would expect to be a role.
pub(super) fn is_known_language(lang: &str) -> bool {
    Language::from_word(lang).is_some()
        || matches!(lang, "shell" | "zsh" | "ksh" | "fish" | "promql" | "toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_finds_its_own_row() {
        for row in &ROLES {
            assert_eq!(row.role.as_str(), row.word);
            assert_eq!(Role::from_word(row.word), Some(row.role));
        }
        let guard = Role::Guard.row().keys;
        for key in RULE_KEYS.iter().filter(|key| **key != "expr") {
            assert!(guard.contains(key), "{key}");
        }
    }

    #[test]
    fn scripts_stop_at_the_first_failure() {
        assert_eq!(Language::Sh.argv("a"), ["sh", "-euc", "a"]);
        assert_eq!(
            Language::Bash.argv("a"),
            ["bash", "-euo", "pipefail", "-c", "a"]
        );
        assert_eq!(Language::Python.argv("a"), ["python3", "-c", "a"]);
    }
}
