//! Percent encoding of one value. Every byte string has exactly one encoding, and every other text is refused.

use super::error::{DocError, Fault};

/// Digits of an encoded byte; lower case is refused on reading.
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// True when the byte at this place stands for itself: printable ASCII without `%`, and no space at an edge.
fn is_plain(byte: u8, at_edge: bool) -> bool {
    match byte {
        b' ' => !at_edge,
        b'%' => false,
        _ => byte.is_ascii_graphic(),
    }
}

/// Encodes a byte string. The empty string gives an empty text, which [`decode`] refuses: values are never empty.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len());
    encode_into(bytes, &mut out);
    // Only ASCII is written, so nothing is lost here.
    String::from_utf8_lossy(&out).into_owned()
}

/// Decodes what [`encode`] writes, and nothing else.
///
/// # Errors
/// [`DocError`] with line 1 and the byte: an empty text, a byte outside the grammar, `%` without two upper-case
/// hexadecimal digits, `%HH` for a byte that has a plain form, a space at an edge. Length is not limited here.
pub fn decode(text: &str) -> Result<Vec<u8>, DocError> {
    if text.is_empty() {
        return Err(DocError::new(1, 1, Fault::Empty));
    }
    decode_bytes(text.as_bytes()).map_err(|(at, f)| DocError::new(1, at.saturating_add(1), f))
}

pub(super) fn encode_into(bytes: &[u8], out: &mut Vec<u8>) {
    let last = bytes.len().saturating_sub(1);
    for (index, byte) in bytes.iter().copied().enumerate() {
        if is_plain(byte, index == 0 || index == last) {
            out.push(byte);
        } else {
            let digit = |nibble: u8| *HEX.get(usize::from(nibble)).unwrap_or(&b'0');
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

/// The decoded value, or the offset (from 0) in the encoded text and what is wrong there.
pub(super) fn decode_bytes(text: &[u8]) -> Result<Vec<u8>, (usize, Fault)> {
    let edges = [text.first(), text.last()];
    if text.iter().all(|b| is_plain(*b, false)) && !edges.contains(&Some(&b' ')) {
        return Ok(text.to_vec());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let at = text.len().saturating_sub(rest.len());
        let first = at == 0;
        if *byte == b'%' {
            let (value, after) = escaped(after).ok_or((at, Fault::Escape))?;
            if is_plain(value, first || after.is_empty()) {
                return Err((at, Fault::Needless));
            }
            out.push(value);
            rest = after;
        } else if is_plain(*byte, first || after.is_empty()) {
            out.push(*byte);
            rest = after;
        } else if *byte == b' ' {
            return Err((at, Fault::EdgeSpace));
        } else {
            return Err((at, Fault::Byte { byte: *byte }));
        }
    }
    Ok(out)
}

fn escaped(rest: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], after) = rest.split_first_chunk::<2>()?;
    Some((nibble(*high)? << 4 | nibble(*low)?, after))
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
