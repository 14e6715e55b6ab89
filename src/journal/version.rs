//! Format versions. Each record begins with its own, so a file tells what it is from any record on.

use super::error::Flaw;

/// The one format that is read and written.
pub const FORMAT: &str = "WJ1";

/// First bytes of every record.
pub(super) const MAGIC: &[u8] = b"WJ1 ";

/// Longest version that is read in order to be named in the refusal.
const VERSION_DIGITS_MAX: usize = 6;

/// Checks the first bytes of a record. True: known format. False: too short to tell, but right so far.
///
/// # Errors
/// [`Flaw::Version`] for another format of ours, which some other version of this program may read;
/// [`Flaw::Magic`] for anything else.
pub(super) fn check(bytes: &[u8]) -> Result<bool, Flaw> {
    if bytes.starts_with(MAGIC) {
        return Ok(true);
    }
    if MAGIC.starts_with(bytes) {
        return Ok(false);
    }
    let digits: String = bytes
        .strip_prefix(b"WJ")
        .unwrap_or_default()
        .iter()
        .take(VERSION_DIGITS_MAX)
        .take_while(|b| b.is_ascii_digit())
        .copied()
        .map(char::from)
        .collect();
    // `WJ1` without its space is damage, not a version.
    if digits.is_empty() || digits == "1" {
        Err(Flaw::Magic)
    } else {
        let found = format!("WJ{digits}");
        Err(Flaw::Version { found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_known_format_passes() {
        assert_eq!(check(b"WJ1 0 1 1\n"), Ok(true));
        assert_eq!(check(b"WJ"), Ok(false));
        assert_eq!(check(b""), Ok(false));
        let found = "WJ2".to_owned();
        assert_eq!(check(b"WJ2 0 1 1\n"), Err(Flaw::Version { found }));
        let found = "WJ12".to_owned();
        assert_eq!(check(b"WJ12 0 1 1\n"), Err(Flaw::Version { found }));
        assert_eq!(check(b"WJ1\n"), Err(Flaw::Magic));
        assert_eq!(check(b"\x7fELF"), Err(Flaw::Magic));
    }
}
