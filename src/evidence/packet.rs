//! The few value shapes that SSH keys, signatures and agents are written in (RFC 4251, section 5).
//!
//! Every reader is strict: a length that goes past the end is refused before anything is taken, and whoever reads a
//! whole must ask [`Packet::is_done`] at its end.

/// Bytes that are read from the front.
#[derive(Clone, Copy)]
pub(super) struct Packet<'a>(&'a [u8]);

impl<'a> Packet<'a> {
    /// Reads from the first of these bytes.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// True when nothing is left.
    pub(super) const fn is_done(self) -> bool {
        self.0.is_empty()
    }

    /// The next `count` bytes; nothing when fewer are left.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// One byte.
    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// `uint32`: four bytes, most significant first.
    pub(super) fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// `string`: a length and so many bytes of any kind.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let count = usize::try_from(ahead.number()?).ok()?;
        let bytes = ahead.take(count)?;
        *self = ahead;
        Some(bytes)
    }

    /// `string` that holds text.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.string()?).ok()
    }

    /// `mpint` above zero, without the zero byte that keeps a high bit from being a sign.
    ///
    /// Only the shortest form is read, so that one number has one encoding.
    pub(super) fn positive(&mut self) -> Option<&'a [u8]> {
        match self.string()? {
            [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => Some(rest),
            plain @ [1..=0x7f, ..] => Some(plain),
            _ => None,
        }
    }
}

/// Writes a `string`. Callers bound what they pass far below the four bytes of a length.
pub(super) fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_past_the_end_takes_nothing() {
        let mut packet = Packet::new(&[0, 0, 0, 3, b'a', b'b']);
        assert_eq!(packet.string(), None);
        assert_eq!(packet.take(6), Some(&[0, 0, 0, 3, b'a', b'b'][..]));
        assert!(packet.is_done());
        assert_eq!(packet.byte(), None);
        assert_eq!(Packet::new(&[0xff; 4]).string(), None);
    }

    #[test]
    fn what_is_put_is_read() {
        let mut out = Vec::new();
        put_string(&mut out, b"ssh-ed25519");
        put_string(&mut out, b"");
        put_string(&mut out, &[0xff]);
        out.extend_from_slice(&7_u32.to_be_bytes());
        let mut packet = Packet::new(&out);
        assert_eq!(packet.text(), Some("ssh-ed25519"));
        assert_eq!(packet.string(), Some(&[][..]));
        assert_eq!(packet.text(), None);
        assert_eq!(packet.number(), Some(7));
        assert!(packet.is_done());
    }

    #[test]
    fn a_number_has_one_encoding() {
        let read = |body: &[u8]| {
            let mut out = Vec::new();
            put_string(&mut out, body);
            Packet::new(&out).positive().map(<[u8]>::to_vec)
        };
        assert_eq!(read(&[1]), Some(vec![1]));
        assert_eq!(read(&[0, 0x80]), Some(vec![0x80]));
        // Zero, a needless zero byte, and a negative number.
        for body in [&[][..], &[0], &[0, 1], &[0, 0, 0x80], &[0x80]] {
            assert_eq!(read(body), None, "{body:?}");
        }
    }
}
