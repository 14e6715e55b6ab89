//! Names of Unix accounts and groups, from the host's own tables.

use crate::domain::id::PersonId;
use std::path::Path;

/// Largest account table read: a site with more accounts keeps them in a directory service.
const TABLE_MAX: u64 = 4 * 1024 * 1024;

/// Login name of a uid: from `/etc/passwd`, else from `getent`, which also asks directory services.
pub fn name_of_uid(uid: u32) -> Option<String> {
    field_of(&table(Path::new("/etc/passwd"))?, 2, &uid.to_string(), 0)
        .or_else(|| field_of(&getent("passwd", &uid.to_string())?, 2, &uid.to_string(), 0))
}

/// Number of an account given by name or number.
pub fn uid_of(account: &str) -> Option<u32> {
    if let Ok(uid) = account.parse() {
        return Some(uid);
    }
    field_of(&table(Path::new("/etc/passwd"))?, 0, account, 2)
        .or_else(|| field_of(&getent("passwd", account)?, 0, account, 2))
        .and_then(|uid| uid.parse().ok())
}

/// Number of a group given by name or number.
pub fn gid_of(group: &str) -> Option<u32> {
    if let Ok(gid) = group.parse() {
        return Some(gid);
    }
    field_of(&table(Path::new("/etc/group"))?, 0, group, 2)
        .or_else(|| field_of(&getent("group", group)?, 0, group, 2))
        .and_then(|gid| gid.parse().ok())
}

/// The person an account stands for where there is no people file: the one of the account's name.
///
/// Root is nobody (`TWO_PERSON` 3.2), and so is an account whose name is not a person id.
pub fn person_of_account(uid: u32) -> Option<PersonId> {
    if uid == 0 {
        return None;
    }
    PersonId::new(&name_of_uid(uid)?).ok()
}

fn table(path: &Path) -> Option<String> {
    let size = std::fs::metadata(path).ok()?.len();
    if size > TABLE_MAX {
        return None;
    }
    std::fs::read_to_string(path).ok()
}

fn getent(database: &str, key: &str) -> Option<String> {
    let output = std::process::Command::new("getent")
        .args(["--", database, key])
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()
}

/// Field `wanted` of the first `:`-separated line whose field `by` is `key`.
fn field_of(table: &str, by: usize, key: &str, wanted: usize) -> Option<String> {
    table
        .lines()
        .find(|line| line.split(':').nth(by) == Some(key))
        .and_then(|line| line.split(':').nth(wanted))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_a_name_and_is_nobody() {
        assert_eq!(name_of_uid(0).as_deref(), Some("root"));
        assert_eq!(person_of_account(0), None);
        assert_eq!((uid_of("root"), uid_of("1001")), (Some(0), Some(1001)));
        assert_eq!(uid_of("no-such-account-here"), None);
        assert_eq!(gid_of("root"), Some(0));
        assert_eq!(gid_of("12"), Some(12));
        assert_eq!(gid_of("no-such-group-here"), None);
    }

    #[test]
    fn a_field_is_found_by_another() {
        let table = "a:x:1:2\nb:x:3:4\n";
        assert_eq!(field_of(table, 2, "3", 0).as_deref(), Some("b"));
        assert_eq!(field_of(table, 2, "9", 0), None);
    }
}
