//! What `git` says, understood: pure.

use crate::domain::git::Signature;

/// Characters of a signer's name and key: a line and a half of a terminal.
const BY_CHARS_MAX: usize = 120;

/// True for the line that begins a signature inside a tag.
///
/// Source: `gpg-interface.c` of Git 2.47, the list of markers for each format.
pub(super) fn begins_signature(line: &str) -> bool {
    [
        "-----BEGIN SSH SIGNATURE-----",
        "-----BEGIN PGP SIGNATURE-----",
        "-----BEGIN PGP MESSAGE-----",
        "-----BEGIN SIGNED MESSAGE-----",
    ]
    .contains(&line.trim_end())
}

/// What `verify-commit --raw` or `verify-tag --raw` came to. Good is only what ended well and says so in words we know.
///
/// Source: `ssh-keygen -Y verify` and `check-novalidate` of OpenSSH 9 for SSH; `doc/DETAILS` of `GnuPG`, "status codes",
/// for the others.
pub(super) fn signature(is_success: bool, text: &str) -> Signature {
    let status = |word: &str| {
        let mut lines = text.lines().filter_map(|l| l.strip_prefix("[GNUPG:] "));
        lines.find_map(|line| line.strip_prefix(word).map(str::trim))
    };
    let short = |text: &str| text.trim().chars().take(BY_CHARS_MAX).collect::<String>();
    let ssh = text
        .lines()
        .find_map(|line| line.strip_prefix("Good \"git\" signature for "));
    let pgp = status("GOODSIG ")
        .filter(|_| status("TRUST_FULLY").is_some() || status("TRUST_ULTIMATE").is_some());
    match ssh.or(pgp) {
        Some(by) if is_success => return Signature::Good { by: short(by) },
        _ => {}
    }
    if status("BADSIG ").is_some() || text.contains("incorrect signature") {
        return Signature::Bad {
            why: "it is over other bytes".to_owned(),
        };
    }
    Signature::Unknown {
        why: reason(
            text,
            status("ERRSIG").is_some() || status("NO_PUBKEY").is_some(),
        ),
    }
}

fn reason(text: &str, has_no_key: bool) -> String {
    let has = |words: &str| text.contains(words);
    if has("No principal matched") {
        "its key is not on the list of signers".to_owned()
    } else if has_no_key {
        "its key is not in the keyring".to_owned()
    } else if has("[GNUPG:] GOODSIG") {
        "its key is not trusted in the keyring".to_owned()
    } else if has("cannot run") || has("No such file") {
        "the program that checks it, or its list of signers, is not there".to_owned()
    } else {
        "the check did not say that it is good".to_owned()
    }
}

/// `3<tab>1`, as `rev-list --left-right --count` has it.
pub(super) fn counts(text: &str) -> Option<(u32, u32)> {
    let (left, right) = text.trim().split_once('\t')?;
    Some((left.parse().ok()?, right.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_are_known_and_a_good_end_make_a_good_signature() {
        let kind = |ok, text| match signature(ok, text) {
            Signature::Good { by } => format!("good: {by}"),
            Signature::Bad { .. } => "bad".to_owned(),
            Signature::Unknown { why } => format!("unknown: {why}"),
            Signature::Unsigned => "unsigned".to_owned(),
        };
        let ssh = "Good \"git\" signature for mira@example.org with ED25519 key SHA256:abc\n";
        assert_eq!(
            kind(true, ssh),
            "good: mira@example.org with ED25519 key SHA256:abc"
        );
        assert!(kind(false, ssh).starts_with("unknown"));
        let stranger =
            "Good \"git\" signature with ED25519 key SHA256:abc\nNo principal matched.\n";
        assert_eq!(
            kind(false, stranger),
            "unknown: its key is not on the list of signers"
        );
        assert!(kind(true, stranger).starts_with("unknown"));
        assert_eq!(
            kind(
                false,
                "Signature verification failed: incorrect signature\n"
            ),
            "bad"
        );
        let pgp = "[GNUPG:] GOODSIG AB12 Mira <m@example.org>\n[GNUPG:] TRUST_ULTIMATE 0 pgp\n";
        assert_eq!(kind(true, pgp), "good: AB12 Mira <m@example.org>");
        let marginal = "[GNUPG:] GOODSIG AB12 Mira\n[GNUPG:] TRUST_UNDEFINED 0 pgp\n";
        assert!(kind(true, marginal).contains("not trusted"));
        assert_eq!(kind(false, "[GNUPG:] BADSIG AB12 Mira\n"), "bad");
        assert!(kind(false, "[GNUPG:] NO_PUBKEY AB12\n").contains("keyring"));
        assert!(kind(true, "").starts_with("unknown"));
        // What a name can hold is no word of the program.
        let trick = "[GNUPG:] GOODSIG AB12 x\u{a0}[GNUPG:] TRUST_ULTIMATE\n";
        assert!(kind(true, trick).contains("not trusted"));
    }

    #[test]
    fn counts_are_two_numbers_or_nothing() {
        assert_eq!(counts("3\t1\n"), Some((3, 1)));
        assert_eq!(counts(""), None);
        assert_eq!(counts("3\n"), None);
        assert_eq!(counts("x\t1\n"), None);
    }
}
