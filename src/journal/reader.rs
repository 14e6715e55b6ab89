//! Reads a whole journal from front to back in bounded pieces and checks everything in it.

use super::codec::{self, Frame, RECORD_BYTES_MAX};
use super::error::{Damage, Flaw, ReadError};
use super::record::{Chain, Header, Record};
use crate::domain::digest::Digest;
use std::io::{self, Read};

/// Longest journal, 2 GiB: years of sessions; a longer one would no longer be read in seconds at start.
pub const JOURNAL_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// How much is read at once. Fits the processor's cache, and its reads are few enough not to be seen in a profile.
const CHUNK_BYTES: usize = 256 * 1024;

/// One record while reading; it borrows from the reader.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The header.
    pub header: Header<'a>,
    /// The header as it is hashed.
    pub header_bytes: &'a [u8],
    /// The body.
    pub body: &'a [u8],
    /// SHA-256 of the header bytes.
    pub hash: Digest,
    /// Byte in the file where the record begins.
    pub offset: u64,
}

impl Entry<'_> {
    /// A record of its own, free of the reader.
    pub fn to_record(&self) -> Record {
        let (header, bytes) = (self.header.clone().into_owned(), self.header_bytes.to_vec());
        Record::from_parts(header, bytes, self.body.to_vec(), self.hash)
    }
}

/// Reads records in order and verifies grammar, lengths, digests, numbers and the chain of hashes.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    /// Holds unread bytes from `start` to `end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Byte in the file of `start`.
    offset: u64,
    chain: Chain,
    offsets: Vec<u64>,
}

impl<R: Read> Reader<R> {
    /// Reads from the first byte of a journal. The input needs no buffer of its own.
    pub fn new(input: R) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            chain: Chain::default(),
            offsets: Vec::new(),
        }
    }

    /// The next record, or nothing at the end. After an error the same error comes again.
    ///
    /// # Errors
    /// [`ReadError::Damage`] with byte and record for anything that is wrong, [`ReadError::Torn`] when the file
    /// ends inside its last record, [`ReadError::Io`], [`ReadError::TooLong`].
    pub fn next_record(&mut self) -> Result<Option<Entry<'_>>, ReadError> {
        let Some(frame) = self.load()? else {
            return Ok(None);
        };
        let offset = self.offset;
        let record = self.chain.next.0;
        let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
        let damage = |(at, flaw): (usize, Flaw)| Damage {
            offset: offset.saturating_add(wide(at)),
            record,
            flaw,
        };
        if self.chain.session.is_none() {
            // Record 0 says which session this is; every later one must say the same.
            let first = codec::read_record(bytes, frame, None).map_err(damage)?;
            self.chain.session = Some(first.header.session.into_owned());
        }
        let session = self.chain.session.as_ref();
        let parts = codec::read_record(bytes, frame, session).map_err(damage)?;
        self.chain
            .check(&parts.header)
            .map_err(|error| damage((0, Flaw::Link(error))))?;
        self.chain.next = self.chain.next.next();
        self.chain.prev = Some(parts.hash);
        self.offsets.push(offset);
        self.start = self.start.saturating_add(frame.record_len());
        self.offset = offset.saturating_add(wide(frame.record_len()));
        Ok(Some(Entry {
            header: parts.header,
            header_bytes: parts.header_bytes,
            body: parts.body,
            hash: parts.hash,
            offset,
        }))
    }

    /// What the next record must follow.
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Byte in the file behind the last record that was read, which is the length of what is intact.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Chain and first byte of every record, for appending and for reading single records.
    pub fn into_parts(self) -> (Chain, Vec<u64>) {
        (self.chain, self.offsets)
    }

    /// Brings one whole record to `start`; nothing at the end of the file.
    fn load(&mut self) -> Result<Option<Frame>, ReadError> {
        loop {
            let window = self.buffer.get(self.start..self.end).unwrap_or_default();
            let frame = codec::read_frame(window).map_err(|flaw| self.damage(0, flaw))?;
            let wanted = frame.map_or(0, Frame::record_len);
            let have = window.len();
            if self.offset.saturating_add(wide(wanted)) > JOURNAL_BYTES_MAX {
                let record = self.chain.next.0;
                return Err(ReadError::TooLong { record });
            }
            if frame.is_some() && have >= wanted {
                return Ok(frame);
            }
            if self.fill(wanted)? {
                continue;
            }
            return if have == 0 {
                Ok(None)
            } else {
                Err(self.judge_tail())
            };
        }
    }

    /// Reads more; false at the end of the file. The buffer grows at most to the longest record and one chunk.
    fn fill(&mut self, wanted: usize) -> Result<bool, ReadError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end = self.end.saturating_sub(self.start);
        self.start = 0;
        let size = wanted
            .min(RECORD_BYTES_MAX)
            .max(self.end)
            .saturating_add(CHUNK_BYTES);
        if self.buffer.len() < size {
            self.buffer.resize(size, 0);
        }
        loop {
            let free = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.input.read(free) {
                Ok(count) => {
                    self.end = self.end.saturating_add(count);
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    let (offset, record) = (self.offset, self.chain.next.0);
                    return Err(ReadError::Io {
                        offset,
                        record,
                        source,
                    });
                }
            }
        }
    }

    /// The file ended inside a record: a torn tail when all that is there fits, damage otherwise.
    fn judge_tail(&self) -> ReadError {
        let tail = self.buffer.get(self.start..self.end).unwrap_or_default();
        match codec::check_torn(tail, &self.chain) {
            Ok(()) => ReadError::Torn {
                offset: self.offset,
                record: self.chain.next.0,
                bytes: wide(tail.len()),
            },
            Err((at, flaw)) => self.damage(at, flaw),
        }
    }

    fn damage(&self, at: usize, flaw: Flaw) -> ReadError {
        ReadError::Damage(Damage {
            offset: self.offset.saturating_add(wide(at)),
            record: self.chain.next.0,
            flaw,
        })
    }
}

const fn wide(len: usize) -> u64 {
    len as u64
}

#[cfg(test)]
mod tests {
    use super::super::tests::{encoded, records};
    use super::*;

    #[test]
    fn a_journal_over_the_limit_is_refused_at_the_record_that_goes_over_it() {
        let bytes = encoded(&records(2));
        let first = wide(encoded(&records(1)).len());
        let mut reader = Reader::new(bytes.as_slice());
        reader.offset = JOURNAL_BYTES_MAX - first;
        assert!(matches!(reader.next_record(), Ok(Some(_))));
        for _ in 0..2 {
            let error = reader.next_record();
            assert!(matches!(error, Err(ReadError::TooLong { record: 1 })));
        }
    }

    #[test]
    fn an_unreadable_disk_is_named_with_its_place() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("medium error"))
            }
        }
        let bytes = encoded(&records(1));
        let mut reader = Reader::new(bytes.as_slice().chain(Broken));
        assert!(matches!(reader.next_record(), Ok(Some(_))));
        let error = reader.next_record().map(|_| ()).expect_err("unreadable");
        let place = format!("cannot read at byte {} (record 1)", bytes.len());
        assert_eq!(error.to_string(), place);
    }
}
