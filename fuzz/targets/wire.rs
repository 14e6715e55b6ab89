//! What comes over a socket: frames of any length, and any text as a message. What is read is written again as what
//! reads the same.

use futures_util::FutureExt as _;
use std::fmt::Debug;
use warroom::domain::apply::apply;
use warroom::wire::codec::{Receiver, WireError, decode, encode_any_length};
use warroom::wire::message::{Snapshot, ToClient, ToServer};

/// Takes one input.
pub(crate) fn run(bytes: &[u8]) {
    frames(bytes);
    same::<ToServer>(bytes);
    same::<ToClient>(bytes);
    if let Some(mut snapshot) = same::<Snapshot>(bytes) {
        // A client folds what it is sent.
        for fact in std::mem::take(&mut snapshot.recent) {
            apply(&mut snapshot.state, &fact);
        }
    }
}

fn frames(bytes: &[u8]) {
    let mut receiver = Receiver::new(bytes);
    // Bytes in memory are always ready.
    while let Some(Ok(Some(frame))) = receiver.frame().now_or_never() {
        assert!(frame.len() <= warroom::wire::FRAME_MAX);
    }
}

fn same<T>(bytes: &[u8]) -> Option<T>
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + Debug,
{
    let message: T = match decode(bytes) {
        Ok(message) => message,
        Err(WireError::Shape(source)) => {
            drop(source.to_string());
            return None;
        }
        Err(_) => return None,
    };
    let once = encode_any_length(&message).expect("it was read");
    let again: T = decode(&once).expect("it was written");
    let twice = encode_any_length(&again).expect("it was read");
    assert_eq!(
        String::from_utf8_lossy(&once),
        String::from_utf8_lossy(&twice)
    );
    Some(message)
}
