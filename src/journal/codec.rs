//! One record on disk: `WJ1 <seq> <header-len> <body-len>\n`, header, body, `\n`.

use super::error::Flaw;
use super::header;
use super::record::{Chain, Header, Record};
use super::version;
use crate::domain::digest::Digest;
use crate::domain::doc::{decode, parse_number};
use crate::domain::id::SessionId;

/// Longest header, 4 KiB: as a statement; names and digests fill less than a quarter.
pub const HEADER_BYTES_MAX: usize = 4 * 1024;
/// Longest body, 4 MiB: the largest report of one step that is kept whole; longer output is cut into records.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest first line: the format, three numbers of at most 20 digits, and what separates them.
pub(super) const FRAME_BYTES_MAX: usize = 68;
/// Longest record.
pub(super) const RECORD_BYTES_MAX: usize = FRAME_BYTES_MAX + HEADER_BYTES_MAX + BODY_BYTES_MAX + 1;

/// The first line of a record. The lengths keep their limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    seq: u64,
    line_len: usize,
    header_len: usize,
    body_len: usize,
}

impl Frame {
    /// Length of the whole record.
    pub(super) const fn record_len(self) -> usize {
        self.body_end().saturating_add(1)
    }

    const fn header_end(self) -> usize {
        self.line_len.saturating_add(self.header_len)
    }

    const fn body_end(self) -> usize {
        self.header_end().saturating_add(self.body_len)
    }
}

/// A flaw, with the byte in the record where its part begins.
pub(super) type Placed<T> = Result<T, (usize, Flaw)>;

/// The parts of one record in a buffer, checked against each other but not against the record before.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) header: Header<'a>,
    pub(super) header_bytes: &'a [u8],
    pub(super) body: &'a [u8],
    pub(super) hash: Digest,
}

impl Parts<'_> {
    pub(super) fn into_record(self) -> Record {
        let (header_bytes, body) = (self.header_bytes.to_vec(), self.body.to_vec());
        Record::from_parts(self.header.into_owned(), header_bytes, body, self.hash)
    }
}

/// Writes a record behind what `out` holds.
pub(super) fn encode_into(record: &Record, out: &mut Vec<u8>) {
    let (header, body) = (record.header_bytes(), record.body());
    let line = format!(
        "{} {} {} {}\n",
        version::FORMAT,
        record.header().seq,
        header.len(),
        body.len()
    );
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(header);
    out.extend_from_slice(body);
    out.push(b'\n');
}

/// Reads the first line of a record; nothing when its end is not there yet.
pub(super) fn read_frame(bytes: &[u8]) -> Result<Option<Frame>, Flaw> {
    if !version::check(bytes)? {
        return Ok(None);
    }
    let Some(end) = bytes.iter().take(FRAME_BYTES_MAX).position(|b| *b == b'\n') else {
        return if bytes.len() < FRAME_BYTES_MAX {
            Ok(None)
        } else {
            Err(Flaw::Frame)
        };
    };
    let line = bytes.get(version::MAGIC.len()..end).unwrap_or_default();
    let mut numbers = line.split(|b| *b == b' ').map(parse_number);
    let mut number = || numbers.next().flatten().ok_or(Flaw::Frame);
    let (seq, header_len, body_len) = (number()?, number()?, number()?);
    if numbers.next().is_some() {
        return Err(Flaw::Frame);
    }
    Ok(Some(Frame {
        seq,
        line_len: end.saturating_add(1),
        header_len: limited(header_len, HEADER_BYTES_MAX)?,
        body_len: limited(body_len, BODY_BYTES_MAX)?,
    }))
}

fn limited(len: u64, limit: usize) -> Result<usize, Flaw> {
    usize::try_from(len)
        .ok()
        .filter(|len| *len <= limit)
        .ok_or(Flaw::Frame)
}

/// Reads the record that begins at the front of `bytes`, which hold at least [`Frame::record_len`] bytes.
pub(super) fn read_record<'a>(
    bytes: &'a [u8],
    frame: Frame,
    session: Option<&'a SessionId>,
) -> Placed<Parts<'a>> {
    let header_bytes = bytes
        .get(frame.line_len..frame.header_end())
        .unwrap_or_default();
    let header = read_header(header_bytes, frame, session)?;
    let body = bytes
        .get(frame.header_end()..frame.body_end())
        .unwrap_or_default();
    if Digest::of(body) != header.body {
        return Err((frame.header_end(), Flaw::Body));
    }
    if bytes.get(frame.body_end()) != Some(&b'\n') {
        return Err((frame.body_end(), Flaw::End));
    }
    Ok(Parts {
        header,
        header_bytes,
        body,
        hash: Digest::of(header_bytes),
    })
}

fn read_header<'a>(
    bytes: &'a [u8],
    frame: Frame,
    session: Option<&'a SessionId>,
) -> Placed<Header<'a>> {
    let header =
        header::parse(bytes, session).map_err(|error| (frame.line_len, Flaw::Header(error)))?;
    let body_len = u64::try_from(frame.body_len).unwrap_or(u64::MAX);
    if header.seq.0 != frame.seq || header.body_len != body_len {
        return Err((0, Flaw::Disagree));
    }
    Ok(header)
}

/// Checks that the end of a file is a front part of the next record of `chain`, as a crash while writing leaves it.
///
/// All that is there must fit. Otherwise a wrong length in an earlier record would make every record behind it look
/// like one torn tail, and they would be set aside.
pub(super) fn check_torn(tail: &[u8], chain: &Chain) -> Placed<()> {
    let Some(frame) = read_frame(tail).map_err(|flaw| (0, flaw))? else {
        return check_torn_frame(tail, chain).map_err(|flaw| (0, flaw));
    };
    if frame.seq != chain.next().0 {
        return Err((0, Flaw::Frame));
    }
    let rest = tail.get(frame.line_len..).unwrap_or_default();
    let Some((header, body)) = rest.split_at_checked(frame.header_len) else {
        return check_torn_header(rest, frame, chain).map_err(|flaw| (frame.line_len, flaw));
    };
    let header = read_header(header, frame, chain.session())?;
    chain
        .check(&header)
        .map_err(|e| (frame.line_len, Flaw::Link(e)))?;
    // Only the line feed at the end is missing: then the body is all there, and must be the right one.
    if body.len() == frame.body_len && Digest::of(body) != header.body {
        return Err((frame.header_end(), Flaw::Body));
    }
    Ok(())
}

/// A first line without its end: the right number, then digits and spaces in their places.
fn check_torn_frame(tail: &[u8], chain: &Chain) -> Result<(), Flaw> {
    let start = format!("{} {} ", version::FORMAT, chain.next()).into_bytes();
    if start.starts_with(tail) {
        return Ok(());
    }
    let rest = tail.strip_prefix(start.as_slice()).ok_or(Flaw::Frame)?;
    let mut numbers = rest
        .splitn(2, |b| *b == b' ')
        .zip([HEADER_BYTES_MAX, BODY_BYTES_MAX]);
    let fits = |(digits, limit): (&[u8], usize)| {
        digits.is_empty() || parse_number(digits).is_some_and(|n| limited(n, limit).is_ok())
    };
    // Only the last number may be missing: `WJ1 5  7` has none where the header length belongs.
    let whole = !rest.starts_with(b" ");
    (whole && numbers.all(fits))
        .then_some(())
        .ok_or(Flaw::Frame)
}

/// A header without its end: the known lines as they must be, the others of the right form and in their order.
fn check_torn_header(part: &[u8], frame: Frame, chain: &Chain) -> Result<(), Flaw> {
    let mut known = vec![header::TITLE.to_vec()];
    if let Some(session) = chain.session() {
        let prev = chain.prev().map_or_else(|| "none".to_owned(), String::from);
        known.push(format!("session: {session}\n").into_bytes());
        known.push(format!("seq: {}\n", chain.next()).into_bytes());
        known.push(format!("prev: {prev}\n").into_bytes());
    }
    let body_len = format!("body-len: {}\n", frame.body_len).into_bytes();
    let mut keys = [""].iter().chain(&header::KEYS);
    for (index, row) in part.split_inclusive(|b| *b == b'\n').enumerate() {
        let fits = keys.next().is_some_and(|key| match known.get(index) {
            Some(line) => is_front(row, line),
            None if *key == "body-len" => is_front(row, &body_len),
            None => is_front_of_line(row, key),
        });
        if !fits {
            return Err(Flaw::Disagree);
        }
    }
    // The lines are all there, yet the first line of the record promises more.
    if keys.next().is_none() && part.ends_with(b"\n") {
        return Err(Flaw::Disagree);
    }
    Ok(())
}

/// True when a row is this line, or its front part without a line feed.
fn is_front(row: &[u8], line: &[u8]) -> bool {
    line.starts_with(row)
}

fn is_front_of_line(row: &[u8], key: &str) -> bool {
    let start = format!("{key}: ").into_bytes();
    if is_front(row, &start) {
        return true;
    }
    let Some(value) = row.strip_prefix(start.as_slice()) else {
        return false;
    };
    match value.strip_suffix(b"\n") {
        Some(value) => std::str::from_utf8(value).is_ok_and(|text| decode(text).is_ok()),
        None => value.iter().all(|b| matches!(b, b' '..=b'~')),
    }
}
