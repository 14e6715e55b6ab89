//! The header document: printing, strict reading through the common grammar, and a fast reading of the usual form.
//!
//! The fast form takes no detour over a general document. It only ever says "this is that header" or "I do not
//! know"; then the common grammar decides. So it cannot accept what the grammar refuses, which a test checks.

use super::record::Header;
use crate::domain::digest::Digest;
use crate::domain::doc::{Doc, DocError, VALUE_BYTES_MAX, parse_number};
use crate::domain::id::{Seq, SessionId};
use crate::domain::time::Timestamp;
use std::borrow::Cow;

/// Name of the header document.
const NAME: &str = "warroom-event";
/// Version of the header document.
const VERSION: u32 = 1;
/// The header's first line.
pub(super) const TITLE: &[u8] = b"warroom-event@v1\n";
/// All keys, in order.
pub(super) const KEYS: [&str; 11] = [
    "session", "seq", "prev", "time", "boot", "mono-ms", "kind", "actor", "via", "body", "body-len",
];
/// Length of `sha256:` and 64 digits.
const DIGEST_TEXT_BYTES: usize = 71;
/// Length of `YYYY-MM-DDTHH:MM:SS.mmmZ`.
const TIME_TEXT_BYTES: usize = 24;
/// Longest kind: the longest word that a column of a report can show.
const KIND_BYTES_MAX: usize = 64;

/// Writes a header.
///
/// # Errors
/// [`DocError`] when a text is empty or too long.
pub(super) fn print(header: &Header<'_>) -> Result<Vec<u8>, DocError> {
    let prev = header.prev.map_or_else(|| "none".to_owned(), String::from);
    Doc::new(NAME, VERSION)
        .with("session", header.session.as_str())
        .with("seq", header.seq.to_string())
        .with("prev", prev)
        .with("time", header.time.to_string())
        .with("boot", header.boot.as_ref())
        .with("mono-ms", header.mono_ms.to_string())
        .with("kind", header.kind.as_ref())
        .with("actor", header.actor.as_ref())
        .with("via", header.via.as_ref())
        .with("body", String::from(header.body))
        .with("body-len", header.body_len.to_string())
        .print()
}

/// Reads a header. A known session makes it fast; any session of the right shape is accepted.
///
/// # Errors
/// [`DocError`] with line and byte for anything that [`print()`] does not write.
pub(super) fn parse<'a>(
    bytes: &'a [u8],
    session: Option<&'a SessionId>,
) -> Result<Header<'a>, DocError> {
    match session.and_then(|session| parse_usual(bytes, session)) {
        Some(header) => Ok(header),
        None => parse_any(bytes),
    }
}

/// Reads a header through the common grammar.
fn parse_any(bytes: &[u8]) -> Result<Header<'static>, DocError> {
    let doc = Doc::parse(bytes)?;
    doc.expect_title(NAME, VERSION)?;
    let mut fields = doc.fields();
    let session: SessionId = fields.take("session")?.parse()?;
    let seq = Seq(fields.take("seq")?.number()?);
    let prev = fields.take("prev")?.digest_or_none()?;
    let time = fields.take("time")?.millis()?;
    let boot = fields.take("boot")?.text()?.to_owned();
    let mono_ms = fields.take("mono-ms")?.number()?;
    let kind_field = fields.take("kind")?;
    let kind = kind_field.text()?.to_owned();
    if !is_kind(kind.as_bytes()) {
        return Err(
            kind_field.refuse("a kind: a lower-case letter, then up to 63 of a-z 0-9 `.` `_` `-`")
        );
    }
    let actor = fields.take("actor")?.text()?.to_owned();
    let via = fields.take("via")?.text()?.to_owned();
    let body = fields.take("body")?.digest()?;
    let body_len = fields.take("body-len")?.number()?;
    fields.finish()?;
    Ok(Header {
        session: Cow::Owned(session),
        seq,
        prev,
        time,
        boot: Cow::Owned(boot),
        mono_ms,
        kind: Cow::Owned(kind),
        actor: Cow::Owned(actor),
        via: Cow::Owned(via),
        body,
        body_len,
    })
}

/// Reads a header of this session whose texts have no encoded byte; anything else is left to [`parse_any`].
fn parse_usual<'a>(bytes: &'a [u8], session: &'a SessionId) -> Option<Header<'a>> {
    let mut rest = bytes.strip_prefix(TITLE)?;
    let named = session.as_str().as_bytes();
    if value_of(&mut rest, "session", named.len())? != named {
        return None;
    }
    let seq = Seq(parse_number(value(&mut rest, "seq")?)?);
    let prev = match rest.strip_prefix(b"prev: none\n") {
        Some(after) => {
            rest = after;
            None
        }
        None => Some(digest(value_of(&mut rest, "prev", DIGEST_TEXT_BYTES)?)?),
    };
    let time = Timestamp::parse_usual(value_of(&mut rest, "time", TIME_TEXT_BYTES)?)?;
    let boot = plain(value(&mut rest, "boot")?)?;
    let mono_ms = parse_number(value(&mut rest, "mono-ms")?)?;
    let kind = plain(value(&mut rest, "kind")?).filter(|kind| is_kind(kind.as_bytes()))?;
    let actor = plain(value(&mut rest, "actor")?)?;
    let via = plain(value(&mut rest, "via")?)?;
    let body = digest(value_of(&mut rest, "body", DIGEST_TEXT_BYTES)?)?;
    let body_len = parse_number(value(&mut rest, "body-len")?)?;
    rest.is_empty().then_some(Header {
        session: Cow::Borrowed(session),
        seq,
        prev,
        time,
        boot: Cow::Borrowed(boot),
        mono_ms,
        kind: Cow::Borrowed(kind),
        actor: Cow::Borrowed(actor),
        via: Cow::Borrowed(via),
        body,
        body_len,
    })
}

/// Takes the line with this key off the front and gives its encoded value.
fn value<'a>(rest: &mut &'a [u8], key: &str) -> Option<&'a [u8]> {
    let after = rest.strip_prefix(key.as_bytes())?.strip_prefix(b": ")?;
    let end = after.iter().position(|b| *b == b'\n')?;
    let (value, after) = after.split_at_checked(end)?;
    *rest = after.strip_prefix(b"\n")?;
    Some(value)
}

/// As [`value`] for a value of known length, which needs no search for its end: two thirds of a header.
fn value_of<'a>(rest: &mut &'a [u8], key: &str, len: usize) -> Option<&'a [u8]> {
    let after = rest.strip_prefix(key.as_bytes())?.strip_prefix(b": ")?;
    let (value, after) = after.split_at_checked(len)?;
    *rest = after.strip_prefix(b"\n")?;
    Some(value)
}

/// A value that is its own encoding.
fn plain(value: &[u8]) -> Option<&str> {
    let edges = [value.first()?, value.last()?];
    let fits = value.len() <= VALUE_BYTES_MAX
        && !edges.contains(&&b' ')
        && value.iter().all(|b| matches!(b, b' '..=b'~') && *b != b'%');
    fits.then(|| std::str::from_utf8(value).ok()).flatten()
}

fn digest(text: &[u8]) -> Option<Digest> {
    let hex = text.strip_prefix(b"sha256:")?;
    let mut bytes = [0; 32];
    if hex.len() != 2 * bytes.len() {
        return None;
    }
    data_encoding::HEXLOWER.decode_mut(hex, &mut bytes).ok()?;
    Some(Digest::from_bytes(bytes))
}

fn is_kind(text: &[u8]) -> bool {
    let allowed =
        |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    text.first().is_some_and(u8::is_ascii_lowercase)
        && text.len() <= KIND_BYTES_MAX
        && text.iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn session() -> SessionId {
        SessionId::from_parts(1_795_320_631_250, 7)
    }

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof!["[!-~]{1,20}", "[ -~]{1,20}", "\\PC{1,6}"]
    }

    prop_compose! {
        fn headers()(
            seq in any::<u64>(), prev in any::<Option<[u8; 32]>>(), ms in 0_i64..253_000_000_000_000,
            boot in texts(), mono_ms in any::<u64>(), kind in "[a-z][a-z0-9._-]{0,20}", actor in texts(),
            via in texts(), body in any::<[u8; 32]>(), body_len in any::<u64>(),
        ) -> Header<'static> {
            Header {
                session: Cow::Owned(session()), seq: Seq(seq), prev: prev.map(Digest::from_bytes),
                time: Timestamp::from_millis(ms), boot: Cow::Owned(boot), mono_ms, kind: Cow::Owned(kind),
                actor: Cow::Owned(actor), via: Cow::Owned(via), body: Digest::from_bytes(body), body_len,
            }
        }
    }

    fn agree(bytes: &[u8]) -> Result<(), TestCaseError> {
        let session = session();
        let any = parse_any(bytes);
        match parse_usual(bytes, &session) {
            Some(header) => prop_assert_eq!(Ok(header), any),
            None => {
                if let Ok(header) = any {
                    let encoded = [&header.boot, &header.actor, &header.via]
                        .iter()
                        .any(|text| plain(text.as_bytes()).is_none());
                    let unusual = *header.session != session || header.time < Timestamp::default();
                    prop_assert!(encoded || unusual, "should be fast: {:?}", header);
                }
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn a_header_is_read_back(header in headers()) {
            let bytes = print(&header).expect("valid");
            let session = session();
            prop_assert_eq!(parse(&bytes, Some(&session)), Ok(header.clone()));
            prop_assert_eq!(parse(&bytes, None), Ok(header));
        }

        #[test]
        fn both_readings_agree_on_damaged_headers(
            header in headers(), at in any::<prop::sample::Index>(), edit in 0..4, byte in any::<u8>(),
        ) {
            let mut bytes = print(&header).expect("valid");
            agree(&bytes)?;
            let at = at.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
            agree(&bytes)?;
        }
    }

    #[test]
    fn every_single_bit_flip_of_a_header_is_judged_alike() {
        let header = Header {
            session: Cow::Owned(session()),
            seq: Seq(10),
            prev: None,
            time: Timestamp::from_millis(1_709_164_800_000),
            boot: Cow::Borrowed("boot"),
            mono_ms: 100,
            kind: Cow::Borrowed("step.proposed"),
            actor: Cow::Borrowed("alice"),
            via: Cow::Borrowed("uid:1001"),
            body: Digest::of(b""),
            body_len: 0,
        };
        let bytes = print(&header).expect("valid");
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                agree(&flipped).expect("both agree");
                assert_ne!(
                    parse_any(&flipped),
                    Ok(header.clone()),
                    "byte {at} bit {bit}"
                );
            }
        }
    }

    #[test]
    fn a_kind_is_a_plain_word() {
        assert!(is_kind(b"step.proposed"));
        assert!(!is_kind(b""));
        assert!(!is_kind(b"Step"));
        assert!(!is_kind(b"a b"));
        assert!(!is_kind(&[b'a'; 65]));
    }
}
