//! Signatures in the form of `ssh-keygen -Y sign`, and the rules for accepting one (`TWO_PERSON` 5.4).
//!
//! The form is that of OpenSSH's `PROTOCOL.sshsig`; signatures of security keys are of its `PROTOCOL.u2f`. Everything is
//! read in one form only: what is accepted prints as exactly the text that came.

mod arithmetic;
mod fault;
#[cfg(test)]
mod tests;

pub use fault::SigFault;

use super::key::{Key, Listed};
use super::packet::{Packet, put_string};
use super::revoked::Revoked;
use super::signers::Signers;
use crate::domain::doc::{ARMOUR_BEGIN, ARMOUR_END};
use crate::domain::fact::Touch;
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;

/// Longest armour: a signature by RSA of 8192 bits has 3 100 characters.
pub const ARMOUR_MAX: usize = 8 * 1024;
/// Characters on a line of an armour, as `ssh-keygen` cuts them.
const ARMOUR_LINE: usize = 70;
/// What every signature and every signed text begins with, so that neither is taken for something else of SSH.
const MAGIC: &[u8] = b"SSHSIG";
/// The only version there is.
const VERSION: u32 = 1;
/// The only hash that is accepted.
const HASH: &str = "sha512";
/// Flag of a security key: a finger was there.
const FLAG_PRESENT: u8 = 0x01;
/// Flag of a security key: a PIN or a known finger was there.
const FLAG_VERIFIED: u8 = 0x04;

/// A signature that was read, not yet judged.
///
/// On purpose neither comparable nor hashable: of a signature by an elliptic curve there are two that fit, so its bytes
/// identify nothing. What identifies a confirm is the statement's digest and the person.
#[derive(Debug, Clone)]
pub struct Signature {
    key: Key,
    namespace: String,
    reserved: Vec<u8>,
    hash: String,
    algorithm: String,
    body: Vec<u8>,
    /// Flags and counter, of security keys.
    seen: Option<(u8, u32)>,
}

/// What an accepted signature proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Whose key it is.
    pub person: PersonId,
    /// Fingerprint of the key, `SHA256:` and 43 characters of base 64.
    pub key: String,
    /// What a security key saw.
    pub touch: Touch,
    /// Signatures a security key has made so far; one that goes back hints at a copied key. Some keys always say 0.
    pub counter: Option<u32>,
}

/// Judges an armour by the lists: all rules of `TWO_PERSON` 5.4, from the key to the person and never the other way.
///
/// `at` is the time of the event. Lists are read by the caller, newly for every decision.
///
/// # Errors
/// The first rule of [`SigFault`] that does not hold.
pub fn verify(
    message: &[u8],
    namespace: &str,
    armour: &str,
    signers: &Signers,
    revoked: &Revoked,
    at: Timestamp,
) -> Result<Proof, SigFault> {
    claim(armour, signers)?.prove(message, namespace, revoked, at)
}

/// A signature and the entry its key is listed by: who would have said it, were it good.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    signature: Signature,
    listed: &'a Listed,
}

/// Looks up whose key an armour names. Nothing is proved yet: this is for those who have to know whom to ask about before
/// they look at the signature itself.
///
/// # Errors
/// [`SigFault`] for what is no signature, and [`SigFault::NotListed`].
pub fn claim<'a>(armour: &str, signers: &'a Signers) -> Result<Claim<'a>, SigFault> {
    let signature = Signature::parse(armour)?;
    let listed = signers.of_blob(signature.blob());
    let listed = listed.ok_or_else(|| SigFault::NotListed {
        key: signature.key.fingerprint(),
    })?;
    Ok(Claim { signature, listed })
}

impl Claim<'_> {
    /// Whose key it names.
    pub const fn person(&self) -> &PersonId {
        &self.listed.person
    }

    /// Judges it: rules 2 to 6 of `TWO_PERSON` 5.4.
    ///
    /// # Errors
    /// The first rule of [`SigFault`] that does not hold.
    pub fn prove(
        &self,
        message: &[u8],
        namespace: &str,
        revoked: &Revoked,
        at: Timestamp,
    ) -> Result<Proof, SigFault> {
        let Self { signature, listed } = self;
        let is_revoked = revoked.has_key(signature.blob()) || revoked.has_person(&listed.person);
        signature.check(message, namespace, listed, is_revoked, at)
    }
}

impl Signature {
    /// Reads an armour that is nothing else: rule 1, and what every field may hold at all.
    ///
    /// # Errors
    /// [`SigFault`] for text before or behind the armour, lines cut in another way than `ssh-keygen` does, bytes that are
    /// missing or left over, another version, and keys that are not accepted, such as certificates.
    pub fn parse(armour: &str) -> Result<Self, SigFault> {
        if armour.len() > ARMOUR_MAX {
            return Err(SigFault::TooLong);
        }
        let rest = armour
            .strip_prefix(ARMOUR_BEGIN)
            .and_then(|rest| rest.strip_prefix('\n'))
            .ok_or(SigFault::NoBegin)?;
        let (lines, behind) = rest
            .split_once(ARMOUR_END)
            .and_then(|(lines, behind)| Some((lines, behind.strip_prefix('\n')?)))
            .ok_or(SigFault::NoEnd)?;
        if !behind.is_empty() {
            return Err(SigFault::Behind);
        }
        let base64: String = lines.split('\n').collect();
        let blob = data_encoding::BASE64
            .decode(base64.as_bytes())
            .map_err(|_| SigFault::Base64)?;
        if wrap(&blob) != armour {
            return Err(SigFault::Lines);
        }
        Self::of_blob(&blob)
    }

    /// Reads what stands inside an armour.
    fn of_blob(blob: &[u8]) -> Result<Self, SigFault> {
        let cut = SigFault::Cut;
        let mut packet = Packet::new(blob);
        if packet.take(MAGIC.len()) != Some(MAGIC) {
            return Err(SigFault::Magic);
        }
        let version = packet.number().ok_or(cut("version"))?;
        if version != VERSION {
            return Err(SigFault::Version { found: version });
        }
        let key = Key::of_blob(packet.string().ok_or(cut("key"))?)?;
        let namespace = packet.text().ok_or(cut("namespace"))?.to_owned();
        let reserved = packet.string().ok_or(cut("reserved field"))?.to_vec();
        let hash = packet.text().ok_or(cut("hash"))?.to_owned();
        let inner = packet.string().ok_or(cut("signature"))?;
        if !packet.is_done() {
            return Err(SigFault::LeftOver);
        }
        let mut packet = Packet::new(inner);
        let algorithm = packet.text().ok_or(cut("algorithm"))?.to_owned();
        let body = packet.string().ok_or(cut("signature"))?.to_vec();
        let seen = if key.kind().is_security_key() {
            let flags = packet.byte().ok_or(cut("flags"))?;
            Some((flags, packet.number().ok_or(cut("counter"))?))
        } else {
            None
        };
        if !packet.is_done() {
            return Err(SigFault::LeftOver);
        }
        Ok(Self {
            key,
            namespace,
            reserved,
            hash,
            algorithm,
            body,
            seen,
        })
    }

    /// The public key it claims to be by, as it stands in the list of signers.
    pub fn blob(&self) -> &[u8] {
        self.key.blob()
    }

    /// The public key it claims to be by.
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// Applies rules 2 to 6: the signature is for this namespace, by the listed key, which may sign there and is good at
    /// the time of the event, and it fits the message.
    ///
    /// `at` is the time of the event, never that of the check: an old signature stays what it was.
    ///
    /// # Errors
    /// The first rule of [`SigFault`] that does not hold.
    pub fn check(
        &self,
        message: &[u8],
        namespace: &str,
        listed: &Listed,
        is_revoked: bool,
        at: Timestamp,
    ) -> Result<Proof, SigFault> {
        self.expect_fields(namespace)?;
        let key = self.key.fingerprint();
        if listed.key != self.key {
            return Err(SigFault::NotListed { key });
        }
        let person = listed.person.clone();
        if is_revoked {
            return Err(SigFault::Revoked { person, key });
        }
        may_sign(listed, namespace, at)?;
        let touch = self.fits(message)?;
        Ok(Proof {
            person,
            key,
            touch,
            counter: self.seen.map(|(_, counter)| counter),
        })
    }

    /// Rules 2, 3, 5 and 6 without a list: a client asks this of its own agent's answer before it sends it anywhere.
    pub(super) fn check_own(&self, message: &[u8], namespace: &str) -> Result<(), SigFault> {
        self.expect_fields(namespace)?;
        self.fits(message).map(|_| ())
    }

    /// Rules 2 and 3.
    fn expect_fields(&self, namespace: &str) -> Result<(), SigFault> {
        if self.namespace != namespace {
            return Err(SigFault::Namespace {
                found: visible(&self.namespace),
                wanted: namespace.to_owned(),
            });
        }
        if !self.reserved.is_empty() {
            return Err(SigFault::Reserved);
        }
        if self.hash != HASH {
            let found = visible(&self.hash);
            return Err(SigFault::Hash { found });
        }
        let wanted = self.key.kind().algorithm();
        if self.algorithm != wanted {
            let found = visible(&self.algorithm);
            return Err(SigFault::Algorithm { found, wanted });
        }
        Ok(())
    }

    /// Rules 5 and 6: somebody was there, and the numbers fit.
    fn fits(&self, message: &[u8]) -> Result<Touch, SigFault> {
        let touch = match self.seen {
            None => Touch::None,
            Some((flags, _)) if flags & FLAG_PRESENT == 0 => return Err(SigFault::NoTouch),
            Some((flags, _)) if flags & FLAG_VERIFIED == 0 => Touch::Present,
            Some(_) => Touch::Verified,
        };
        let signed = to_sign(&self.namespace, message);
        arithmetic::verify(&self.key, &self.body, self.seen, &signed)?;
        Ok(touch)
    }
}

/// Rule 4 without revocation: the key may sign in this namespace, and it is good at that time.
///
/// # Errors
/// [`SigFault::NotAllowed`], [`SigFault::NotYet`] or [`SigFault::Over`].
pub fn may_sign(listed: &Listed, namespace: &str, at: Timestamp) -> Result<(), SigFault> {
    let line = listed.line;
    if !listed.namespaces.contains(namespace) {
        let namespace = namespace.to_owned();
        return Err(SigFault::NotAllowed { namespace, line });
    }
    // Both ends are within, as `ssh-keygen` has it: the check offline must not see more or less.
    match (listed.valid_after, listed.valid_before) {
        (Some(from), _) if at < from => Err(SigFault::NotYet { from, line }),
        (_, Some(until)) if at > until => Err(SigFault::Over { until, line }),
        _ => Ok(()),
    }
}

/// The bytes a key signs for a message: never the message itself, so that a signature for something else of SSH cannot
/// be had this way. An agent is asked to sign these.
pub fn to_sign(namespace: &str, message: &[u8]) -> Vec<u8> {
    let digest = ring::digest::digest(&ring::digest::SHA512, message);
    let mut out = MAGIC.to_vec();
    put_string(&mut out, namespace.as_bytes());
    put_string(&mut out, b"");
    put_string(&mut out, HASH.as_bytes());
    put_string(&mut out, digest.as_ref());
    out
}

/// What stands inside an armour, from a key and the signature as the agent gives it.
pub(super) fn blob_of(key: &Key, namespace: &str, signature: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&VERSION.to_be_bytes());
    put_string(&mut out, key.blob());
    put_string(&mut out, namespace.as_bytes());
    put_string(&mut out, b"");
    put_string(&mut out, HASH.as_bytes());
    put_string(&mut out, signature);
    out
}

/// The armour, line by line as `ssh-keygen` writes it.
pub(super) fn wrap(blob: &[u8]) -> String {
    let base64 = data_encoding::BASE64.encode(blob);
    let mut out = String::with_capacity(base64.len() + base64.len() / ARMOUR_LINE + 64);
    out.push_str(ARMOUR_BEGIN);
    out.push('\n');
    for (index, letter) in base64.chars().enumerate() {
        if index > 0 && index % ARMOUR_LINE == 0 {
            out.push('\n');
        }
        out.push(letter);
    }
    out.push('\n');
    out.push_str(ARMOUR_END);
    out.push('\n');
    out
}

/// What came from outside, short and visible, for one line of an error.
fn visible(text: &str) -> String {
    // The longest namespace of ours has 22 characters.
    const VISIBLE_MAX: usize = 64;
    text.chars()
        .take(VISIBLE_MAX)
        .map(|c| if c.is_ascii_graphic() { c } else { '?' })
        .collect()
}
