//! UTF-8 from chunks of bytes; what is not UTF-8 comes out byte by byte.

/// Longest start of a code point that can still be completed.
const CARRY_BYTES_MAX: usize = 3;

/// A piece of decoded input, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Valid text, never empty.
    Text(&'a str),
    /// One byte that belongs to no code point: invalid, overlong, a surrogate half or cut off.
    Bad(u8),
}

/// Keeps an unfinished code point between chunks, so that where a chunk ends makes no difference.
#[derive(Debug, Clone, Default)]
pub(super) struct Decoder {
    carry: Vec<u8>,
}

impl Decoder {
    /// Decodes the next chunk.
    pub(super) fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(Piece<'_>)) {
        let mut rest = bytes;
        while !self.carry.is_empty() {
            let Some((first, tail)) = rest.split_first() else {
                return;
            };
            rest = tail;
            self.carry.push(*first);
            let joined = std::mem::take(&mut self.carry);
            self.decode(&joined, sink);
        }
        self.decode(rest, sink);
    }

    /// Ends the stream: a code point that was not completed is bad bytes.
    pub(super) fn finish(&mut self, sink: &mut impl FnMut(Piece<'_>)) {
        for byte in std::mem::take(&mut self.carry) {
            sink(Piece::Bad(byte));
        }
    }

    fn decode(&mut self, bytes: &[u8], sink: &mut impl FnMut(Piece<'_>)) {
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            if !chunk.valid().is_empty() {
                sink(Piece::Text(chunk.valid()));
            }
            if chunks.peek().is_none() && is_unfinished(chunk.invalid()) {
                self.carry.extend_from_slice(chunk.invalid());
                return;
            }
            for byte in chunk.invalid() {
                sink(Piece::Bad(*byte));
            }
        }
    }
}

fn is_unfinished(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.len() <= CARRY_BYTES_MAX
        && std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(chunks: &[&[u8]]) -> String {
        let mut out = Vec::new();
        let mut sink = |piece: Piece<'_>| match piece {
            Piece::Text(text) => out.push(text.to_owned()),
            Piece::Bad(byte) => out.push(format!("[{byte:02X}]")),
        };
        let mut decoder = Decoder::default();
        for chunk in chunks {
            decoder.push(chunk, &mut sink);
        }
        decoder.finish(&mut sink);
        out.concat()
    }

    #[test]
    fn a_code_point_survives_being_cut_at_every_byte() {
        assert_eq!(decoded(&[b"\xF0", b"\x9F", b"\xA6\x80z"]), "\u{1F980}z");
        assert_eq!(decoded(&[b"\xE2", b"a\xE2\x82", b"\xAC"]), "[E2]a\u{20AC}");
    }

    #[test]
    fn overlong_forms_surrogates_and_cut_ends_are_single_bad_bytes() {
        assert_eq!(decoded(&[b"\xC0\xAF"]), "[C0][AF]");
        assert_eq!(decoded(&[b"\xED\xA0\x80"]), "[ED][A0][80]");
        assert_eq!(decoded(&[b"a\xF0\x9F"]), "a[F0][9F]");
        assert_eq!(decoded(&[b"\xF5"]), "[F5]");
    }
}
