//! Live output: joined into larger pieces, and dropped rather than waited for.

use super::output::count;
use super::{JobKey, Update};
use bytes::BytesMut;
use tokio::sync::mpsc;

/// Largest piece of output in one update: several screens full, and far below any frame limit.
pub const LIVE_CHUNK_BYTES_MAX: usize = 32 * 1024;

/// What has not been sent yet.
pub(super) struct Live {
    key: JobKey,
    updates: mpsc::Sender<Update>,
    spawned: Option<u32>,
    chunk: BytesMut,
    offset: u64,
    dropped: u64,
}

impl Live {
    /// Starts with the news that the process runs.
    pub(super) fn new(key: JobKey, pid: u32, updates: mpsc::Sender<Update>) -> Self {
        Self {
            key,
            updates,
            spawned: Some(pid),
            chunk: BytesMut::new(),
            offset: 0,
            dropped: 0,
        }
    }

    /// Adds output. What was waiting is sent when the two do not fit into one piece; when the receiver has no room,
    /// the older piece goes, since whoever watches wants to see the newest.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(LIVE_CHUNK_BYTES_MAX) {
            if self.chunk.len().saturating_add(part.len()) > LIVE_CHUNK_BYTES_MAX {
                self.send_or_drop();
            }
            self.chunk.extend_from_slice(part);
        }
    }

    fn send_or_drop(&mut self) {
        while !self.chunk.is_empty() {
            let Ok(permit) = self.updates.clone().try_reserve_owned() else {
                self.drop_chunk();
                return;
            };
            if let Some(update) = self.take() {
                permit.send(update);
            }
        }
    }

    fn drop_chunk(&mut self) {
        let length = count(&self.chunk);
        self.chunk.clear();
        self.dropped = self.dropped.saturating_add(length);
        self.offset = self.offset.saturating_add(length);
    }

    fn take(&mut self) -> Option<Update> {
        let key = self.key;
        if let Some(pid) = self.spawned.take() {
            return Some(Update::Spawned { key, pid });
        }
        if self.chunk.is_empty() {
            return None;
        }
        let bytes = self.chunk.split().freeze();
        let offset = self.offset;
        self.offset = offset.saturating_add(count(&bytes));
        Some(Update::Output { key, offset, bytes })
    }

    /// Whether something waits to be sent.
    pub(super) fn is_waiting(&self) -> bool {
        self.spawned.is_some() || !self.chunk.is_empty()
    }

    /// Sends one waiting update as soon as there is room. Nothing is lost when it is not awaited to its end.
    pub(super) async fn send_one(&mut self) {
        if let Ok(permit) = self.updates.clone().reserve_owned().await {
            if let Some(update) = self.take() {
                permit.send(update);
            }
        } else {
            self.spawned = None;
            self.drop_chunk();
        }
    }

    /// Sends everything that waits and says how many bytes never were.
    pub(super) async fn finish(mut self) -> u64 {
        while self.is_waiting() {
            self.send_one().await;
        }
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: JobKey = JobKey(7);

    fn output(update: Option<Update>) -> (u64, usize) {
        match update {
            Some(Update::Output {
                key: KEY,
                offset,
                bytes,
            }) => (offset, bytes.len()),
            other => panic!("not output: {other:?}"),
        }
    }

    #[tokio::test]
    async fn small_pieces_are_joined() {
        let (sender, mut receiver) = mpsc::channel(4);
        let mut live = Live::new(KEY, 1, sender);
        live.push(b"ab");
        live.push(b"cd");
        assert_eq!(live.finish().await, 0);
        assert_eq!(
            receiver.recv().await,
            Some(Update::Spawned { key: KEY, pid: 1 })
        );
        assert_eq!(output(receiver.recv().await), (0, 4));
        assert_eq!(receiver.recv().await, None);
    }

    #[tokio::test]
    async fn a_full_queue_drops_the_older_output_but_never_the_start() {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut live = Live::new(KEY, 1, sender);
        let piece = vec![b'x'; LIVE_CHUNK_BYTES_MAX];
        for _ in 0..4 {
            live.push(&piece);
        }
        assert_eq!(
            receiver.recv().await,
            Some(Update::Spawned { key: KEY, pid: 1 })
        );
        live.send_one().await;
        let length = LIVE_CHUNK_BYTES_MAX as u64;
        assert_eq!(
            output(receiver.recv().await),
            (3 * length, LIVE_CHUNK_BYTES_MAX)
        );
        assert_eq!(live.finish().await, 3 * length);
    }

    #[tokio::test]
    async fn a_receiver_that_is_gone_costs_only_the_live_output() {
        let (sender, receiver) = mpsc::channel(1);
        drop(receiver);
        let mut live = Live::new(KEY, 1, sender);
        live.push(b"abc");
        assert_eq!(live.finish().await, 3);
    }
}
