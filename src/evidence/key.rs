//! Public keys that may speak for a person, and whose they are.
//!
//! A key is read strictly: one key has one encoding here, so that two entries of one key cannot hide from each other.

use super::packet::Packet;
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use std::collections::BTreeSet;
use std::fmt;

/// Longest key blob: an RSA key of 8192 bits needs 1 060 bytes, a security key with a long application less.
pub const BLOB_MAX: usize = 2048;
/// Smallest RSA modulus in bits (`TWO_PERSON` 3.3 rule 5).
pub const RSA_BITS_MIN: usize = 3072;
/// Largest RSA modulus in bits: the arithmetic takes no more, and nobody makes larger ones.
pub const RSA_BITS_MAX: usize = 8192;
/// Largest RSA exponent in bytes: 33 bits are what the arithmetic takes; `ssh-keygen` writes 17.
const RSA_EXPONENT_MAX: usize = 4;

/// One entry of the list of signers: a key, whose it is, and what it is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Whose key it is.
    pub person: PersonId,
    /// Namespaces it may sign in; never empty in a list that was accepted, and no patterns.
    pub namespaces: BTreeSet<String>,
    /// Not good for anything signed before this.
    pub valid_after: Option<Timestamp>,
    /// Not good for anything signed after this.
    pub valid_before: Option<Timestamp>,
    /// The key.
    pub key: Key,
    /// Line of the list, from 1.
    pub line: usize,
}

impl Listed {
    /// `SHA256:` and 43 characters of base 64, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint()
    }

    /// The key as it stands in signatures and in the agent's list.
    pub fn blob(&self) -> &[u8] {
        self.key.blob()
    }
}

/// Kinds of keys that are accepted (`TWO_PERSON` 3.3 rule 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Ed25519.
    Ed25519,
    /// ECDSA on NIST P-256.
    EcdsaP256,
    /// RSA of 3072 to 8192 bits; signs with `rsa-sha2-512` alone.
    Rsa,
    /// Ed25519 in a security key.
    SkEd25519,
    /// ECDSA on NIST P-256 in a security key.
    SkEcdsaP256,
}

impl Kind {
    /// All of them, the recommended first.
    pub const ALL: [Self; 5] = [
        Self::SkEd25519,
        Self::SkEcdsaP256,
        Self::Ed25519,
        Self::EcdsaP256,
        Self::Rsa,
    ];

    /// Name of the key type, as the first word of a public key.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::Rsa => "ssh-rsa",
            Self::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            Self::SkEcdsaP256 => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// Name of the one signature algorithm that is accepted of it.
    pub const fn algorithm(self) -> &'static str {
        match self {
            Self::Rsa => "rsa-sha2-512",
            _ => self.name(),
        }
    }

    /// True for a key in hardware that sees whether somebody is there.
    pub const fn is_security_key(self) -> bool {
        matches!(self, Self::SkEd25519 | Self::SkEcdsaP256)
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A public key of an accepted kind.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    blob: Vec<u8>,
    pub(super) material: Material,
}

/// The numbers of a key, for the arithmetic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Material {
    /// The encoded point.
    Ed25519 { point: [u8; 32] },
    /// The uncompressed point: 4, then both coordinates.
    EcdsaP256 { point: [u8; 65] },
    /// Modulus and exponent, most significant byte first, no leading zero.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// As [`Material::Ed25519`], with what the key was made for.
    SkEd25519 {
        point: [u8; 32],
        application: String,
    },
    /// As [`Material::EcdsaP256`], with what the key was made for.
    SkEcdsaP256 {
        point: [u8; 65],
        application: String,
    },
}

/// The number that makes a key this key: equal identities mean that one secret stands behind both.
///
/// The mirrored point of a curve has the negated secret, and any exponent on one modulus is broken by the same factors:
/// hence a coordinate or a modulus alone, and the same for a security key's point on a plain line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(&'static str, Vec<u8>);

/// Why some text or bytes are no key that may speak for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The second word of a public key is not base 64 with its padding.
    #[error("the key is not base 64")]
    Base64,
    /// The word before the key and the name inside it differ.
    #[error("the line says `{outside}`, the key itself says `{inside}`")]
    NameDiffers {
        /// Before the key.
        outside: String,
        /// In the key.
        inside: String,
    },
    /// A certificate stands for an authority, not for a person.
    #[error("`{name}` is a certificate")]
    Certificate {
        /// Its type.
        name: String,
    },
    /// A kind that is not accepted.
    #[error("`{name}` is not an accepted kind of key")]
    Kind {
        /// Its type.
        name: String,
    },
    /// RSA of a length that is not accepted.
    #[error("an RSA key of {bits} bits is not accepted")]
    RsaBits {
        /// Length of the modulus.
        bits: usize,
    },
    /// Not made for SSH: a signature of it could be one for a web site.
    #[error("the security key's application is `{application}`, which does not begin with `ssh:`")]
    Application {
        /// What it was made for.
        application: String,
    },
    /// A point that lets anybody sign.
    #[error("the key is a weak point: anybody could sign for it")]
    SmallOrder,
    /// Cut, too long, with bytes behind its end, or a number in another than its one form.
    #[error("the key is damaged: {what}")]
    Damaged {
        /// What is wrong, and where.
        what: &'static str,
    },
}

impl KeyFault {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Base64 | Self::NameDiffers { .. } | Self::Damaged { .. } => {
                "copy the whole line of the `.pub` file again; `ssh-keygen -l -f FILE` must be able to read it"
            }
            Self::Certificate { .. } => {
                "list the plain public key that the certificate was made for"
            }
            Self::Kind { .. } => {
                "make a key with `ssh-keygen -t ed25519`, or with `-t ed25519-sk` on a security key"
            }
            Self::RsaBits { .. } => {
                "RSA takes 3072 to 8192 bits; better make a key with `ssh-keygen -t ed25519`"
            }
            Self::Application { .. } => {
                "make the key with `ssh-keygen -t ed25519-sk`; with `-O application=` the name must begin with `ssh:`"
            }
            Self::SmallOrder => {
                "no program makes such a key by accident: find out who put it there"
            }
        }
    }
}

impl Key {
    /// Reads the two words of a public key: its type and its base 64.
    ///
    /// # Errors
    /// Each [`KeyFault`].
    pub fn parse(name: &str, base64: &str) -> Result<Self, KeyFault> {
        // Three bytes are four characters.
        if base64.len() > BLOB_MAX / 3 * 4 + 4 {
            return Err(damaged("it is too long"));
        }
        let blob = data_encoding::BASE64
            .decode(base64.as_bytes())
            .map_err(|_| KeyFault::Base64)?;
        let inside = Packet::new(&blob).string().map(shown).unwrap_or_default();
        if inside != name {
            return Err(KeyFault::NameDiffers {
                outside: shown(name.as_bytes()),
                inside,
            });
        }
        Self::of_blob(&blob)
    }

    /// Reads a public key as it stands in signatures and in the agent's list.
    ///
    /// # Errors
    /// Each [`KeyFault`].
    pub fn of_blob(blob: &[u8]) -> Result<Self, KeyFault> {
        if blob.len() > BLOB_MAX {
            return Err(damaged("it is too long"));
        }
        let mut packet = Packet::new(blob);
        let name = packet
            .string()
            .ok_or(damaged("it has no type"))
            .map(shown)?;
        let Some(kind) = Kind::of_name(&name) else {
            return Err(if name.contains("-cert-v0") {
                KeyFault::Certificate { name }
            } else {
                KeyFault::Kind { name }
            });
        };
        let material = match kind {
            Kind::Ed25519 => Material::Ed25519 {
                point: edwards_point(&mut packet)?,
            },
            Kind::EcdsaP256 => Material::EcdsaP256 {
                point: nist_point(&mut packet)?,
            },
            Kind::Rsa => rsa(&mut packet)?,
            Kind::SkEd25519 => Material::SkEd25519 {
                point: edwards_point(&mut packet)?,
                application: application(&mut packet)?,
            },
            Kind::SkEcdsaP256 => Material::SkEcdsaP256 {
                point: nist_point(&mut packet)?,
                application: application(&mut packet)?,
            },
        };
        if !packet.is_done() {
            return Err(damaged("bytes follow its end"));
        }
        Ok(Self {
            blob: blob.to_vec(),
            material,
        })
    }

    /// The key as it stands in signatures and in the agent's list.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self.material {
            Material::Ed25519 { .. } => Kind::Ed25519,
            Material::EcdsaP256 { .. } => Kind::EcdsaP256,
            Material::Rsa { .. } => Kind::Rsa,
            Material::SkEd25519 { .. } => Kind::SkEd25519,
            Material::SkEcdsaP256 { .. } => Kind::SkEcdsaP256,
        }
    }

    /// `SHA256:` and 43 characters of base 64, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.blob)
    }

    /// What must not be on the list twice, whatever the lines look like.
    pub fn identity(&self) -> Identity {
        match &self.material {
            Material::Ed25519 { point } | Material::SkEd25519 { point, .. } => {
                let mut height = *point;
                height[31] &= 0x7f;
                Identity("ed25519", height.to_vec())
            }
            Material::EcdsaP256 { point } | Material::SkEcdsaP256 { point, .. } => {
                Identity("p256", point.get(1..33).unwrap_or_default().to_vec())
            }
            Material::Rsa { modulus, .. } => Identity("rsa", modulus.clone()),
        }
    }
}

/// Type and base 64, as on a line of a `.pub` file without its comment.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base64 = data_encoding::BASE64.encode(&self.blob);
        write!(f, "{} {base64}", self.kind().name())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// `SHA256:` and base 64 without padding, of any key blob: also of one that is refused.
pub fn fingerprint(blob: &[u8]) -> String {
    let hashed = ring::digest::digest(&ring::digest::SHA256, blob);
    let base64 = data_encoding::BASE64_NOPAD.encode(hashed.as_ref());
    format!("SHA256:{base64}")
}

/// Heights of the points that have an order of at most 8, and the two that read as such a one in another form.
///
/// Least significant byte first, without the bit of the side. Such a key, or such a first half of a signature, fits
/// texts that nobody signed. The points solve `8 P = 0`; the last two are the heights 0 and 1 plus the field's prime.
const SMALL_ORDER: [[u8; 32]; 7] = [
    height(0x00, 0x00, 0x00),
    height(0x01, 0x00, 0x00),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    height(0xec, 0xff, 0x7f),
    height(0xed, 0xff, 0x7f),
    height(0xee, 0xff, 0x7f),
];

const fn height(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut bytes = [between; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

/// True for a point of small order in any encoding. The arithmetic does not ask this by itself.
pub(super) fn is_small_order(point: &[u8; 32]) -> bool {
    let mut height = *point;
    height[31] &= 0x7f;
    SMALL_ORDER.contains(&height)
}

/// True when the height is below the field's prime, 2^255 - 19: the one encoding of a point.
fn is_canonical(point: &[u8; 32]) -> bool {
    let [first, between @ .., last] = point;
    !(last & 0x7f == 0x7f && between.iter().all(|b| *b == 0xff) && *first >= 0xed)
}

fn edwards_point(packet: &mut Packet<'_>) -> Result<[u8; 32], KeyFault> {
    let point = packet
        .string()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(damaged("an Ed25519 key has 32 bytes"))?;
    if is_small_order(&point) {
        return Err(KeyFault::SmallOrder);
    }
    if !is_canonical(&point) {
        return Err(damaged("its point is not written in the one form"));
    }
    Ok(point)
}

fn nist_point(packet: &mut Packet<'_>) -> Result<[u8; 65], KeyFault> {
    if packet.string() != Some(b"nistp256") {
        return Err(damaged("its curve is not `nistp256`"));
    }
    let point: [u8; 65] = packet
        .string()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(damaged("a P-256 point has 65 bytes"))?;
    if point.first() != Some(&4) {
        return Err(damaged("its point is compressed"));
    }
    Ok(point)
}

fn rsa(packet: &mut Packet<'_>) -> Result<Material, KeyFault> {
    let exponent = packet
        .positive()
        .filter(|e| e.len() <= RSA_EXPONENT_MAX && e.last().is_some_and(|last| last & 1 == 1))
        .filter(|e| *e != [1])
        .ok_or(damaged(
            "its exponent is no odd number from 3 to 4294967295",
        ))?;
    let modulus = packet
        .positive()
        .ok_or(damaged("its modulus is no number in its shortest form"))?;
    let bits = modulus.first().map_or(0, |first| {
        modulus.len() * 8 - usize::try_from(first.leading_zeros()).unwrap_or(0)
    });
    if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        return Err(KeyFault::RsaBits { bits });
    }
    Ok(Material::Rsa {
        modulus: modulus.to_vec(),
        exponent: exponent.to_vec(),
    })
}

fn application(packet: &mut Packet<'_>) -> Result<String, KeyFault> {
    let bytes = packet.string().ok_or(damaged("it has no application"))?;
    match std::str::from_utf8(bytes) {
        Ok(text) if text.starts_with("ssh:") => Ok(text.to_owned()),
        _ => Err(KeyFault::Application {
            application: shown(bytes),
        }),
    }
}

const fn damaged(what: &'static str) -> KeyFault {
    KeyFault::Damaged { what }
}

/// What came from outside, short and visible, for one line of an error.
fn shown(bytes: &[u8]) -> String {
    // The longest name of a type in OpenSSH has 42 characters.
    const SHOWN_MAX: usize = 64;
    bytes
        .iter()
        .take(SHOWN_MAX)
        .map(|b| {
            if b.is_ascii_graphic() {
                char::from(*b)
            } else {
                '?'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
