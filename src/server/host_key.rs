//! The host's own key, from its file, for the certificate of a new session.

use super::policy::Policy;
use crate::domain::fact::Genesis;
use crate::domain::time::Timestamp;
use crate::evidence::host_key::HostKey;
use rustix::fs::{FileType, Mode, OFlags};
use secrecy::zeroize::Zeroizing;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// A key of `ssh-keygen` has 400 bytes; more is no key.
const FILE_BYTES_MAX: u64 = 16 * 1024;

/// Reads the key, when the configuration names one. One that could be used by others certifies nothing.
///
/// # Errors
/// One line that says what is wrong with it.
pub(super) fn open(path: Option<&Path>, policy: &Policy) -> Result<Option<HostKey>, String> {
    let Some(path) = path else { return Ok(None) };
    let key = read(path).map_err(|what| {
        format!(
            "the host key `{}` of `[people]` cannot be used: {what}",
            path.display()
        )
    })?;
    if policy.server_signers.of_blob(key.blob()).is_none() {
        // Not refused: the list may be on its way, and a certificate that nobody can judge yet does no harm.
        let key = key.fingerprint();
        tracing::warn!(
            key,
            "the host key is not in `server_signers`: nobody can judge what it certifies"
        );
    }
    Ok(Some(key))
}

/// Puts the certificate of the session's key into its first record.
///
/// # Errors
/// One line that says what is wrong.
pub(super) fn certify(
    key: Option<&HostKey>,
    genesis: &mut Genesis,
    now: Timestamp,
) -> Result<(), String> {
    if let Some(key) = key {
        let signed = key.certify(genesis, now);
        genesis.certificate =
            signed.map_err(|why| format!("the session's key cannot be certified: {why}"))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<HostKey, String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| error.to_string())?;
    let stat = rustix::fs::fstat(&opened).map_err(|error| error.to_string())?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let is_ours = stat.st_uid == rustix::process::geteuid().as_raw();
    let others = Mode::RWXG | Mode::RWXO;
    if !is_file || !is_ours || Mode::from_raw_mode(stat.st_mode).intersects(others) {
        return Err("it is not a plain file of this account with mode 0600".to_owned());
    }
    let mut text = Zeroizing::new(String::new());
    File::from(opened)
        .take(FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    HostKey::parse(&text).map_err(|fault| fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const FILE: &str = include_str!("../../tests/data/evidence/host_key");

    #[test]
    fn a_key_that_others_could_read_is_none() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("host_key");
        std::fs::write(&path, FILE).expect("written");
        let mode = |mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, mode).expect("its mode");
        };
        mode(0o600);
        assert!(read(&path).is_ok());
        mode(0o640);
        assert!(read(&path).expect_err("open").contains("mode 0600"));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        mode(0o600);
        assert!(read(&link).is_err(), "a link may be anybody's");
        assert!(read(dir.path()).is_err());
    }
}
