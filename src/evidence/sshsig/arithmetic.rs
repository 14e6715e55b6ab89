//! Whether the numbers of a signature fit: the arithmetic is ring's, what it leaves open is settled here.

use super::SigFault;
use crate::evidence::key::{Key, Material, is_small_order};
use crate::evidence::packet::Packet;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

/// Applies rule 6 of `TWO_PERSON` 5.4: `body` is a signature by `key` over `signed`.
///
/// `seen` holds flags and counter of a security key, which signs them together with what it is asked to sign.
pub(super) fn verify(
    key: &Key,
    body: &[u8],
    seen: Option<(u8, u32)>,
    signed: &[u8],
) -> Result<(), SigFault> {
    match &key.material {
        Material::Ed25519 { point } => ed25519(point, body, signed),
        Material::EcdsaP256 { point } => p256(point, body, signed),
        Material::Rsa { modulus, exponent } => {
            // A shorter one would be the same number with its zero bytes left out: one number, one form.
            if body.len() != modulus.len() {
                return Err(SigFault::Damaged);
            }
            let key = RsaPublicKeyComponents {
                n: modulus,
                e: exponent,
            };
            key.verify(&RSA_PKCS1_2048_8192_SHA512, signed, body)
                .map_err(|_| SigFault::Wrong)
        }
        Material::SkEd25519 { point, application } => {
            ed25519(point, body, &by_security_key(application, seen, signed)?)
        }
        Material::SkEcdsaP256 { point, application } => {
            p256(point, body, &by_security_key(application, seen, signed)?)
        }
    }
}

/// What a security key signs: who it is for, what it saw, how often it has signed, and the text's digest.
///
/// Source: OpenSSH `PROTOCOL.u2f`, "SSH U2F Signatures".
fn by_security_key(
    application: &str,
    seen: Option<(u8, u32)>,
    signed: &[u8],
) -> Result<Vec<u8>, SigFault> {
    let (flags, counter) = seen.ok_or(SigFault::Cut("flags"))?;
    let sha256 = |bytes: &[u8]| ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut out = sha256(application.as_bytes()).as_ref().to_vec();
    out.push(flags);
    out.extend_from_slice(&counter.to_be_bytes());
    out.extend_from_slice(sha256(signed).as_ref());
    Ok(out)
}

fn ed25519(point: &[u8; 32], body: &[u8], signed: &[u8]) -> Result<(), SigFault> {
    let first: &[u8; 32] = body.first_chunk().ok_or(SigFault::Damaged)?;
    if body.len() != 64 {
        return Err(SigFault::Damaged);
    }
    // The key's own point was asked when it was read.
    if is_small_order(first) {
        return Err(SigFault::SmallOrder);
    }
    UnparsedPublicKey::new(&ED25519, point)
        .verify(signed, body)
        .map_err(|_| SigFault::Wrong)
}

fn p256(point: &[u8; 65], body: &[u8], signed: &[u8]) -> Result<(), SigFault> {
    let mut packet = Packet::new(body);
    let mut fixed = [0; 64];
    let (first, second) = fixed.split_at_mut(32);
    for half in [first, second] {
        let number = packet.positive().ok_or(SigFault::Damaged)?;
        let zeros = half
            .len()
            .checked_sub(number.len())
            .ok_or(SigFault::Damaged)?;
        for (to, from) in half.iter_mut().skip(zeros).zip(number) {
            *to = *from;
        }
    }
    if !packet.is_done() {
        return Err(SigFault::LeftOver);
    }
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(signed, &fixed)
        .map_err(|_| SigFault::Wrong)
}
