//! Frames: four bytes of length, big-endian, then JSON. Generic over the stream, so tests need no socket.

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use super::FRAME_MAX;

/// What can go wrong between the two ends of a connection.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The stream failed.
    #[error("the connection broke")]
    Io(#[from] std::io::Error),
    /// A frame is longer than [`FRAME_MAX`].
    #[error("a message of {0} bytes is over the limit of {FRAME_MAX}")]
    TooLong(usize),
    /// A frame is not a message of this contract.
    #[error("a message could not be read")]
    Shape(#[source] serde_json::Error),
    /// A message could not be written as JSON.
    #[error("a message could not be written")]
    Encode(#[source] serde_json::Error),
}

/// The codec both ends use.
fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .max_frame_length(FRAME_MAX)
        .new_codec()
}

/// Turns a message into the bytes of one frame, without the length.
///
/// # Errors
/// [`WireError::TooLong`] when it does not fit a frame.
pub fn encode<T: Serialize>(message: &T) -> Result<Bytes, WireError> {
    let bytes = serde_json::to_vec(message).map_err(WireError::Encode)?;
    if bytes.len() > FRAME_MAX {
        return Err(WireError::TooLong(bytes.len()));
    }
    Ok(Bytes::from(bytes))
}

/// As [`encode`], without the limit of a frame: for a snapshot, which is sent in parts.
///
/// # Errors
/// [`WireError::Encode`].
pub fn encode_any_length<T: Serialize>(message: &T) -> Result<Vec<u8>, WireError> {
    serde_json::to_vec(message).map_err(WireError::Encode)
}

/// Reads one frame's bytes as a message.
///
/// # Errors
/// [`WireError::Shape`] with what does not fit, by column.
pub fn decode<T: DeserializeOwned>(frame: &[u8]) -> Result<T, WireError> {
    serde_json::from_slice(frame).map_err(WireError::Shape)
}

/// Receiving half.
#[derive(Debug)]
pub struct Receiver<R>(FramedRead<R, LengthDelimitedCodec>);

impl<R: AsyncRead + Unpin> Receiver<R> {
    /// Takes the reading half of a stream.
    pub fn new(stream: R) -> Self {
        Self(FramedRead::new(stream, codec()))
    }

    /// Next frame; `None` when the other end has closed. Safe to cancel: a partial frame stays buffered.
    ///
    /// # Errors
    /// [`WireError::Io`], also for a length over the limit.
    pub async fn frame(&mut self) -> Result<Option<BytesMut>, WireError> {
        self.0.next().await.transpose().map_err(WireError::from)
    }

    /// Next message.
    ///
    /// # Errors
    /// As [`Self::frame`], and [`WireError::Shape`].
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, WireError> {
        match self.frame().await? {
            Some(frame) => decode(&frame).map(Some),
            None => Ok(None),
        }
    }
}

/// Sending half.
#[derive(Debug)]
pub struct Sender<W>(FramedWrite<W, LengthDelimitedCodec>);

impl<W: AsyncWrite + Unpin> Sender<W> {
    /// Takes the writing half of a stream.
    pub fn new(stream: W) -> Self {
        Self(FramedWrite::new(stream, codec()))
    }

    /// Sends bytes made by [`encode`], and flushes.
    ///
    /// # Errors
    /// [`WireError::Io`].
    pub async fn frame(&mut self, frame: Bytes) -> Result<(), WireError> {
        self.0.send(frame).await.map_err(WireError::from)
    }

    /// Queues bytes made by [`encode`]; [`Self::flush`] sends them.
    ///
    /// # Errors
    /// [`WireError::Io`].
    pub async fn feed(&mut self, frame: Bytes) -> Result<(), WireError> {
        self.0.feed(frame).await.map_err(WireError::from)
    }

    /// Sends what was queued.
    ///
    /// # Errors
    /// [`WireError::Io`].
    pub async fn flush(&mut self) -> Result<(), WireError> {
        SinkExt::<Bytes>::flush(&mut self.0)
            .await
            .map_err(WireError::from)
    }

    /// Sends one message.
    ///
    /// # Errors
    /// As [`encode`] and [`Self::frame`].
    pub async fn send<T: Serialize>(&mut self, message: &T) -> Result<(), WireError> {
        self.frame(encode(message)?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message::{Hello, ToServer};

    fn hello() -> ToServer {
        ToServer::Hello(Hello {
            contract: 1,
            program: "test".to_owned(),
            read_only: false,
            demo_person: None,
            is_terminal: true,
        })
    }

    #[tokio::test]
    async fn a_message_survives_the_stream() {
        let (a, b) = tokio::io::duplex(64);
        let sending = tokio::spawn(async move { Sender::new(a).send(&hello()).await });
        let got: Option<ToServer> = Receiver::new(b).next().await.expect("reads");
        assert_eq!(got, Some(hello()));
        sending.await.expect("joins").expect("sends");
    }

    #[test]
    fn every_list_of_the_contract_can_be_written() {
        use crate::wire::message::ToClient;
        let messages = [
            ToClient::Facts(Vec::new()),
            ToClient::Readings(Vec::new()),
            ToClient::Gate(None),
            ToClient::Records(Vec::new()),
            ToClient::Lagged,
            ToClient::Reply {
                number: 1,
                refused: None,
            },
        ];
        for message in messages {
            let bytes = encode(&message).expect("writes");
            assert_eq!(decode::<ToClient>(&bytes).expect("reads"), message);
        }
    }

    #[tokio::test]
    async fn a_length_over_the_limit_is_refused_before_it_is_allocated() {
        let bytes: &[u8] = &[0xff, 0xff, 0xff, 0xff, b'{'];
        assert!(matches!(
            Receiver::new(bytes).frame().await,
            Err(WireError::Io(_))
        ));
    }

    #[test]
    fn a_message_of_another_shape_says_what_does_not_fit() {
        let error = decode::<ToServer>(br#"{"to_server":"records","body":{"from":1,"number":1}}"#)
            .expect_err("refused");
        let WireError::Shape(why) = error else {
            panic!("{error:?}");
        };
        assert!(why.to_string().contains("`count`"), "{why}");
    }
}
