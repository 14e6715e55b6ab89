//! Why a signature is not accepted, and what a person can do about it.

use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use crate::evidence::key::KeyFault;

/// The rule of `TWO_PERSON` 5.4 that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigFault {
    /// Rule 1: longer than any signature.
    #[error("the signature is too long")]
    TooLong,
    /// Rule 1: something stands before it, or nothing is there.
    #[error("the signature does not begin with `-----BEGIN SSH SIGNATURE-----`")]
    NoBegin,
    /// Rule 1: its end is missing.
    #[error("the signature has no line `-----END SSH SIGNATURE-----`")]
    NoEnd,
    /// Rule 1: something follows it.
    #[error("text follows the signature")]
    Behind,
    /// Rule 1: not base 64 with its padding.
    #[error("the signature is not base 64")]
    Base64,
    /// Rule 1: lines cut elsewhere than after 70 characters.
    #[error("the lines of the signature are not as `ssh-keygen` writes them")]
    Lines,
    /// Rule 1: not a signature in this form.
    #[error("the armour holds no SSH signature")]
    Magic,
    /// Rule 1: a version that is not known.
    #[error("the signature has version {found}, only 1 is known")]
    Version {
        /// What it says.
        found: u32,
    },
    /// Rule 1: it ends before a field does.
    #[error("the signature is cut: its {0} is missing")]
    Cut(&'static str),
    /// Rule 1: bytes follow its end, inside the armour.
    #[error("the signature has bytes behind its end")]
    LeftOver,
    /// Rules 3, 4 and 5: a kind of key that is not accepted.
    #[error("the signature is by a key that is not accepted")]
    Key(#[from] KeyFault),
    /// Rule 2: made for something else.
    #[error("the signature is for `{found}`, not for `{wanted}`")]
    Namespace {
        /// What it was made for.
        found: String,
        /// What was asked.
        wanted: String,
    },
    /// Rule 2: a field that must be empty is not.
    #[error("the signature's reserved field is not empty")]
    Reserved,
    /// Rule 3: another hash.
    #[error("the signature uses the hash `{found}`, not `sha512`")]
    Hash {
        /// What it uses.
        found: String,
    },
    /// Rule 3: an algorithm that does not fit the key.
    #[error("the signature is made with `{found}`, not with `{wanted}`")]
    Algorithm {
        /// What it uses.
        found: String,
        /// What the key must use.
        wanted: &'static str,
    },
    /// Rule 4: nobody's key.
    #[error("the key `{key}` is listed for nobody")]
    NotListed {
        /// Its fingerprint.
        key: String,
    },
    /// Rule 4: withdrawn.
    #[error("the key `{key}` of `{person}` is revoked")]
    Revoked {
        /// Whose it was.
        person: PersonId,
        /// Its fingerprint.
        key: String,
    },
    /// Rule 4: may not sign this.
    #[error("the key may not sign in `{namespace}` (list of signers, line {line})")]
    NotAllowed {
        /// What was asked.
        namespace: String,
        /// Where it is listed.
        line: usize,
    },
    /// Rule 4: too early.
    #[error("the key is good from {} on (list of signers, line {line})", from.to_seconds_text())]
    NotYet {
        /// When it begins.
        from: Timestamp,
        /// Where it is listed.
        line: usize,
    },
    /// Rule 4: too late.
    #[error("the key was good until {} (list of signers, line {line})", until.to_seconds_text())]
    Over {
        /// When it ended.
        until: Timestamp,
        /// Where it is listed.
        line: usize,
    },
    /// Rule 5: nobody touched the security key.
    #[error("the security key signed without a touch")]
    NoTouch,
    /// Rule 6: a first half that fits texts nobody signed.
    #[error("the signature holds a weak point: anybody could have made it")]
    SmallOrder,
    /// Rule 6: a number is missing, too long or not in its one form.
    #[error("the signature's numbers are damaged")]
    Damaged,
    /// Rule 6: the numbers do not fit the text.
    #[error("the signature is not over this text by this key")]
    Wrong,
}

impl SigFault {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooLong | Self::NoBegin | Self::NoEnd | Self::Behind => {
                "hand over the signature alone, from its BEGIN line to its END line"
            }
            Self::Base64
            | Self::Lines
            | Self::Magic
            | Self::Cut(_)
            | Self::LeftOver
            | Self::Damaged => {
                "the signature was changed on its way: copy it again, or bring it over as a file"
            }
            Self::Version { .. } | Self::Reserved | Self::Hash { .. } => {
                "sign again with `warroom sign`, or with `ssh-keygen -Y sign` and its defaults"
            }
            Self::Key(fault) => fault.hint(),
            Self::Namespace { .. } => {
                "sign again with `warroom sign`, or give `ssh-keygen -Y sign -n` the first line of the statement"
            }
            Self::Algorithm { .. } => {
                "the agent is too old for RSA with SHA-2: use an Ed25519 key, or OpenSSH's own `ssh-agent`"
            }
            Self::NotListed { .. } => {
                "sign with a key that is listed; `warroom people enroll` prints the line to review and add"
            }
            Self::Revoked { .. } => {
                "use another listed key; if this came as a surprise, ask who revoked it and why"
            }
            Self::NotAllowed { .. } => {
                "use another key, or have the namespace added to that line by whoever keeps the list"
            }
            Self::NotYet { .. } => {
                "use another listed key, or look whether the clock of the server is right"
            }
            Self::Over { .. } => {
                "use another listed key; a new one is listed by `warroom people enroll`"
            }
            Self::NoTouch => {
                "sign again and touch the key; one made with `-O no-touch-required` can only be replaced"
            }
            Self::SmallOrder => "no program makes this by accident: find out where it came from",
            Self::Wrong => {
                "it may belong to an older proposal, or the text was changed: sign what is on the screen now"
            }
        }
    }
}
