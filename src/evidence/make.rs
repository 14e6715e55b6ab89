//! Makes signatures in the form of `ssh-keygen -Y sign`, byte for byte.

use super::key::{Key, KeyFault};
use super::packet::put_string;
use super::sshsig::{SigFault, Signature, blob_of, to_sign, wrap};
use ring::signature::{Ed25519KeyPair, KeyPair};

/// Armour around what an agent answered.
///
/// `answer` is the agent's signature: the name of an algorithm, then its numbers. It is read back before it is given
/// out, and must fit the message: an agent that used another algorithm or key is found here and not at the server.
///
/// # Errors
/// [`SigFault`] as [`Signature::check`] has it, but for the rules that need a list.
pub fn armour(
    key: &Key,
    namespace: &str,
    message: &[u8],
    answer: &[u8],
) -> Result<String, SigFault> {
    let armour = wrap(&blob_of(key, namespace, answer));
    Signature::parse(&armour)?.check_own(message, namespace)?;
    Ok(armour)
}

/// The public half of a key of our own, such as that of a session's checkpoints.
///
/// # Errors
/// [`KeyFault`]; never for a pair that ring has made.
pub fn public_key(pair: &Ed25519KeyPair) -> Result<Key, KeyFault> {
    let mut blob = Vec::new();
    put_string(&mut blob, b"ssh-ed25519");
    put_string(&mut blob, pair.public_key().as_ref());
    Key::of_blob(&blob)
}

/// Signs with a key of our own, such as that of a session's checkpoints.
///
/// # Errors
/// [`SigFault`]; never for a pair that ring has made.
pub fn sign(pair: &Ed25519KeyPair, namespace: &str, message: &[u8]) -> Result<String, SigFault> {
    let mut answer = Vec::new();
    put_string(&mut answer, b"ssh-ed25519");
    let numbers = pair.sign(&to_sign(namespace, message));
    put_string(&mut answer, numbers.as_ref());
    armour(&public_key(pair)?, namespace, message, &answer)
}
