//! A document and the signature directly behind it: where one ends and the other begins.

/// First line of an armoured signature (OpenSSH's `PROTOCOL.sshsig`). No line of a document can be this: it has no colon.
pub const ARMOUR_BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
/// Last line of one.
pub const ARMOUR_END: &str = "-----END SSH SIGNATURE-----";

/// Cuts a document from the signature behind it. The second part is empty when there is none; nothing is checked of
/// either.
pub fn split_armour(text: &str) -> (&str, &str) {
    text.find(ARMOUR_BEGIN)
        .and_then(|at| text.split_at_checked(at))
        .unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_begins_at_its_first_line() {
        let armour = format!("{ARMOUR_BEGIN}\nAAAA\n{ARMOUR_END}\n");
        let text = format!("warroom-go@v1\nstep: a\n{armour}");
        assert_eq!(
            split_armour(&text),
            ("warroom-go@v1\nstep: a\n", armour.as_str())
        );
        assert_eq!(split_armour("warroom-go@v1\n"), ("warroom-go@v1\n", ""));
        assert_eq!(split_armour(""), ("", ""));
    }
}
