//! Documents that people sign and records are chained by: what is read prints as exactly the bytes that were read, and
//! whatever prints is read back.

use warroom::domain::confirm::plan_doc::read_head;
use warroom::domain::confirm::statement::head_of;
use warroom::domain::doc::{Doc, decode, encode, is_key};

/// Takes one input.
pub(crate) fn run(bytes: &[u8]) {
    match Doc::parse(bytes) {
        Ok(doc) => {
            assert_eq!(doc.print().expect("it was read"), bytes);
            assert!(
                doc.lines
                    .iter()
                    .all(|(key, value)| is_key(key.as_bytes()) && !value.is_empty())
            );
        }
        Err(error) => drop(error.to_string()),
    }
    if let Ok(doc) = Doc::parse_statement(bytes) {
        assert_eq!(doc.print_statement().expect("it was read"), bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        read_head(text);
        head_of(text);
        if let Ok(plain) = decode(text) {
            assert_eq!(encode(&plain), text);
        }
    }
    let again = decode(&encode(bytes));
    assert_eq!(again.ok().as_deref(), Some(bytes).filter(|b| !b.is_empty()));
    let built = Doc::new("warroom-fuzz", 1).with("value", bytes);
    if let Ok(printed) = built.print() {
        assert_eq!(Doc::parse(&printed).as_ref(), Ok(&built));
    }
}
