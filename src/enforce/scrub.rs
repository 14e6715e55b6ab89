//! Takes secrets out of output before a byte of it leaves the runner.
//!
//! Each secret is known in the forms in which programs print it: as it is, in base 64 wherever it begins in the encoded
//! text, percent-encoded and escaped for JSON. What may be the beginning of one is held back until it is decided, so
//! that a border between two reads hides nothing.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use std::fmt;

/// Shortest piece of base 64 that is looked for: shorter ones are found in any text.
const BASE64_CHARS_MIN: usize = 6;
/// A cut-off secret at the very end of output is taken out when this many of its bytes are there.
const CUT_BYTES_MIN: usize = 4;

/// Finds secrets in a stream of bytes. Holds secrets, hence no derived `Debug`.
pub struct Scrubber {
    /// Bytes to look for, and the name that takes their place. Longest first.
    forms: Vec<(Vec<u8>, String)>,
    /// Bytes that some form begins with.
    starts: [bool; 256],
    /// May be the beginning of a form.
    held: Vec<u8>,
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scrubber({} forms)", self.forms.len())
    }
}

/// What stands at a place of the text.
enum Found<'a> {
    /// A form of this length, with its name.
    Form(usize, &'a str),
    /// Too early to say.
    Perhaps,
    /// No secret begins here.
    Nothing,
}

impl Scrubber {
    /// Knows these secrets, each with the name that takes its place.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut forms: Vec<(Vec<u8>, String)> = secrets
            .into_iter()
            .flat_map(|(name, value)| {
                let name = name.to_owned();
                forms_of(value)
                    .into_iter()
                    .map(move |form| (form, name.clone()))
            })
            .filter(|(form, _)| !form.is_empty())
            .collect();
        forms.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        forms.dedup_by(|a, b| a.0 == b.0);
        let mut starts = [false; 256];
        for first in forms.iter().filter_map(|(form, _)| form.first()) {
            if let Some(start) = starts.get_mut(usize::from(*first)) {
                *start = true;
            }
        }
        Self {
            forms,
            starts,
            held: Vec::new(),
        }
    }

    /// Takes some more of the stream and gives what may leave.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.forms.is_empty() {
            return bytes.to_vec();
        }
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        let (clean, rest) = self.clean(&text, false);
        self.held = rest.to_vec();
        clean
    }

    /// The stream is at its end: what was held back, too, with a secret that was cut off in its middle taken out.
    pub fn flush(&mut self) -> Vec<u8> {
        let text = std::mem::take(&mut self.held);
        self.clean(&text, true).0
    }

    /// The text without secrets, for something that is there whole.
    pub fn whole(&self, text: &str) -> String {
        let (clean, _) = self.clean(text.as_bytes(), true);
        String::from_utf8_lossy(&clean).into_owned()
    }

    fn clean<'t>(&self, text: &'t [u8], is_end: bool) -> (Vec<u8>, &'t [u8]) {
        let mut clean = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((first, after)) = rest.split_first() {
            match self.at(rest, is_end) {
                Found::Form(length, name) => {
                    redact(&mut clean, name);
                    rest = rest.get(length..).unwrap_or_default();
                }
                Found::Perhaps if !is_end => return (clean, rest),
                Found::Perhaps if rest.len() >= CUT_BYTES_MIN => {
                    let cut = self.forms.iter().find(|(form, _)| form.starts_with(rest));
                    redact(&mut clean, cut.map_or("SECRET", |(_, name)| name));
                    rest = &[];
                }
                Found::Perhaps | Found::Nothing => {
                    clean.push(*first);
                    rest = after;
                }
            }
        }
        (clean, rest)
    }

    /// The longest form wins, and one that may still come is waited for.
    fn at(&self, rest: &[u8], is_end: bool) -> Found<'_> {
        let first = rest.first().map_or(0, |b| usize::from(*b));
        if !self.starts.get(first).copied().unwrap_or(false) {
            return Found::Nothing;
        }
        let mut may_come = false;
        for (form, name) in &self.forms {
            if rest.starts_with(form) {
                return Found::Form(form.len(), name);
            }
            may_come |= form.starts_with(rest);
            if may_come && !is_end {
                return Found::Perhaps;
            }
        }
        if may_come {
            Found::Perhaps
        } else {
            Found::Nothing
        }
    }
}

fn redact(clean: &mut Vec<u8>, name: &str) {
    clean.extend_from_slice(b"<redacted:");
    clean.extend_from_slice(name.as_bytes());
    clean.push(b'>');
}

/// The forms in which programs print a value.
fn forms_of(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let mut forms = vec![bytes.to_vec()];
    for encoding in [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD] {
        forms.push(encoding.encode(bytes).into_bytes());
    }
    for encoding in [BASE64_NOPAD, BASE64URL_NOPAD] {
        forms.extend((0..3).filter_map(|before| inside(bytes, before, &encoding)));
    }
    for is_lower in [false, true] {
        for plus in [false, true] {
            forms.push(percent(bytes, is_lower, plus));
        }
    }
    if let Ok(json) = serde_json::to_string(value) {
        let inner = json.strip_prefix('"').and_then(|j| j.strip_suffix('"'));
        forms.extend(inner.map(|inner| inner.as_bytes().to_vec()));
        forms.extend(inner.map(|inner| inner.replace('/', "\\/").into_bytes()));
    }
    forms.push(ascii_json(value).into_bytes());
    forms
}

/// The characters of base 64 that depend on the value alone when `before` bytes stand in front of it in its group of
/// three: `user:password` is encoded as one.
fn inside(bytes: &[u8], before: usize, encoding: &data_encoding::Encoding) -> Option<Vec<u8>> {
    let padded = [vec![0; before], bytes.to_vec()].concat();
    let text = encoding.encode(&padded).into_bytes();
    // A character stands for six bits; those that share bits with what is around are left out.
    let skip = before.saturating_mul(8).div_ceil(6);
    let keep = padded.len().saturating_mul(8) / 6;
    let inner = text.get(skip..keep.min(text.len()))?;
    (inner.len() >= BASE64_CHARS_MIN).then(|| inner.to_vec())
}

/// Percent-encoded: everything but letters, digits and `-._~`; a space as `+` in forms.
fn percent(bytes: &[u8], is_lower: bool, plus: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(*byte),
            b' ' if plus => out.push(b'+'),
            _ if is_lower => out.extend_from_slice(format!("%{byte:02x}").as_bytes()),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}

/// Escaped for JSON the way encoders do that keep to ASCII.
fn ascii_json(value: &str) -> String {
    let mut out = String::new();
    for unit in value.encode_utf16() {
        match u8::try_from(unit).map(char::from) {
            Ok('"') => out.push_str("\\\""),
            Ok('\\') => out.push_str("\\\\"),
            Ok(plain @ ' '..='~') => out.push(plain),
            _ => {
                let escaped = format!("\\u{unit:04x}");
                out.push_str(&escaped);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "p@ss \"w/rd\"é";

    fn scrub(text: &[u8], cuts: usize) -> String {
        let mut scrubber = Scrubber::new([("DB_PASS", SECRET)]);
        let mut out = Vec::new();
        for chunk in text.chunks(cuts.max(1)) {
            out.extend(scrubber.push(chunk));
        }
        out.extend(scrubber.flush());
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_form_is_taken_out_wherever_the_reads_are_cut() {
        let user = format!("user:{SECRET}");
        let forms = [
            SECRET.to_owned(),
            BASE64.encode(SECRET.as_bytes()),
            BASE64URL_NOPAD.encode(SECRET.as_bytes()),
            "p%40ss%20%22w%2Frd%22%C3%A9".to_owned(),
            "p%40ss+%22w%2frd%22%c3%a9".to_owned(),
            r#"p@ss \"w/rd\"é"#.to_owned(),
            r#"p@ss \"w\/rd\"é"#.to_owned(),
            r#"p@ss \"w/rd\"\u00e9"#.to_owned(),
        ];
        for form in forms {
            for cuts in 1..form.len() + 3 {
                let text = format!("x{form}y{form}");
                assert_eq!(
                    scrub(text.as_bytes(), cuts),
                    "x<redacted:DB_PASS>y<redacted:DB_PASS>",
                    "{form} in pieces of {cuts}"
                );
            }
        }
        for before in ["", "a", "ab", "user:"] {
            let text = BASE64.encode(format!("{before}{SECRET}").as_bytes());
            let clean = scrub(text.as_bytes(), 5);
            assert!(clean.contains("<redacted:DB_PASS>"), "{before}: {clean}");
            assert!(clean.len() < text.len() + 10, "{clean}");
        }
        assert!(scrub(BASE64.encode(user.as_bytes()).as_bytes(), 7).contains("<redacted:"));
    }

    #[test]
    fn the_longer_of_two_secrets_is_taken_out_whole() {
        let mut scrubber = Scrubber::new([("A", "hunter"), ("B", "hunter22")]);
        let mut out = scrubber.push(b"hunter2");
        out.extend(scrubber.push(b"2 hunter2 hunter"));
        out.extend(scrubber.flush());
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "<redacted:B> <redacted:A>2 <redacted:A>");
    }

    #[test]
    fn a_secret_cut_off_at_the_end_does_not_leave() {
        assert_eq!(scrub(b"pass p@ss \"w", 3), "pass <redacted:DB_PASS>");
        assert_eq!(scrub(b"up", 1), "up");
        let scrubber = Scrubber::new([("DB_PASS", SECRET)]);
        assert!(!format!("{scrubber:?}").contains("p@ss"));
    }

    proptest! {
        #[test]
        fn other_text_is_left_alone_and_cuts_do_not_matter(
            text in "[a-z@ %\"/\\\\]{0,60}", cuts in 1_usize..9,
        ) {
            prop_assume!(!text.contains("p@ss"));
            prop_assert_eq!(scrub(text.as_bytes(), cuts), text);
        }

        #[test]
        fn no_secret_survives(before in "\\PC{0,12}", after in "\\PC{0,12}", cuts in 1_usize..20) {
            let text = format!("{before}{SECRET}{after}");
            prop_assert!(!scrub(text.as_bytes(), cuts).contains(SECRET));
        }
    }
}
