use super::*;
use crate::domain::digest::Digest;
use crate::domain::id::StepId;
use proptest::prelude::*;

const STATEMENT: &str = "\
warroom-confirm@v1
session: 01JD3V3Q8Z6K9T0W4M5N7P2R1S
genesis: sha256:aeebad4a796fcc2e15dc4c6061b45ed9b373f26adfc798ca7d2d8cc58182718e
policy: sha256:823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812
proposal: 41 sha256:bb249fdb81076716fdf8ef64e2dc2a889064022e8f0268f5ebc2ba8c94484a4b
head: 41 sha256:bb249fdb81076716fdf8ef64e2dc2a889064022e8f0268f5ebc2ba8c94484a4b
runbook: sha256:e95a2edc459c5ba34b244df70403dd6981f11aa1bca8e325206d1cc5bc43180e
commit: sha1:9fceb02d0ae598e95dc970b74767f19372d61af8
step: drain-broker-3
attempt: 1
plan: sha256:0e444f6a0f7d890f0c7e2c549b361518af5ffebb44ba9df357d3b1fdb85bd5bd
quorum: 1
proposer: alice
executor: alice
signer: bob
nonce: 00112233445566778899aabbccddeeff
issued: 2026-11-22T04:10:31Z
expires: 2026-11-22T04:15:31Z
";

fn fails(bytes: &[u8], line: usize, column: usize, fault: &Fault) {
    let error = Doc::parse(bytes).expect_err("must be refused");
    assert_eq!(
        (error.line(), error.column(), error.fault()),
        (line, column, fault),
        "{error}"
    );
}

#[test]
fn the_published_statement_is_read_and_written_byte_for_byte() {
    let doc = Doc::parse_statement(STATEMENT.as_bytes()).expect("published vector");
    assert_eq!(doc.name, "warroom-confirm");
    assert_eq!(doc.version, 1);
    assert_eq!(doc.lines.len(), 17);
    assert_eq!(doc.print_statement().as_deref(), Ok(STATEMENT.as_bytes()));
    assert_eq!(STATEMENT.len(), 780);
    assert_eq!(
        Digest::of(STATEMENT.as_bytes()).to_string(),
        "sha256:91a30b53539d39a7a14547baeeb83211c1c418b7dded22bc64c8826dd304d17d"
    );
}

#[test]
fn every_form_outside_the_grammar_is_refused_with_its_place() {
    fails(b"", 1, 1, &Fault::NoLineEnd);
    fails(b"a@v1", 1, 5, &Fault::NoLineEnd);
    fails(b"\xEF\xBB\xBFa@v1\n", 1, 1, &Fault::Name);
    fails(b"A@v1\n", 1, 1, &Fault::Name);
    fails(b"a\n", 1, 1, &Fault::Name);
    fails(b"a@v01\n", 1, 2, &Fault::Version);
    fails(b"a@v\n", 1, 2, &Fault::Version);
    fails(b"a@v+1\n", 1, 2, &Fault::Version);
    fails(b"a@v4294967296\n", 1, 2, &Fault::Version);
    fails(b"a@v1\r\n", 1, 2, &Fault::Version);
    fails(b"a@v1\n\n", 2, 1, &Fault::NoColon);
    fails(b"a@v1\nk: v", 2, 5, &Fault::NoLineEnd);
    fails(b"a@v1\n# x: y\n", 2, 1, &Fault::Key);
    fails(b"a@v1\nk:v\n", 2, 2, &Fault::NoColon);
    fails(b"a@v1\nk:  v\n", 2, 4, &Fault::EdgeSpace);
    fails(b"a@v1\nk: v \n", 2, 5, &Fault::EdgeSpace);
    fails(b"a@v1\nk: \n", 2, 4, &Fault::Empty);
    fails(b"a@v1\nk: v\r\n", 2, 5, &Fault::Byte { byte: b'\r' });
    fails(b"a@v1\nk: \xC3\xA9\n", 2, 4, &Fault::Byte { byte: 0xC3 });
    fails(b"a@v1\nk: a%c3\n", 2, 5, &Fault::Escape);
    fails(b"a@v1\nk: a%C\n", 2, 5, &Fault::Escape);
    fails(b"a@v1\nk: a%41\n", 2, 5, &Fault::Needless);
    fails(b"a@v1\nk: a%20b\n", 2, 5, &Fault::Needless);
    let twice = Fault::Twice { key: "k".into() };
    fails(b"a@v1\nk: 1\nl: 2\nk: 3\n", 4, 1, &twice);
}

#[test]
fn lengths_are_bounded_when_reading_and_when_writing() {
    let longest = Doc::new("a", 1).with("k", vec![b'x'; VALUE_BYTES_MAX]);
    assert_eq!(
        Doc::parse(&longest.print().expect("fits")),
        Ok(longest.clone())
    );
    let encoded_too_long = Doc::new("a", 1).with("k", vec![0; VALUE_BYTES_MAX / 3 + 1]);
    let error = encoded_too_long.print().expect_err("too long");
    assert_eq!(error.fault(), &Fault::ValueTooLong);
    let mut bytes = longest.print().expect("fits");
    bytes.insert(8, b'x');
    fails(&bytes, 2, 4, &Fault::ValueTooLong);

    let mut many = Doc::new("a", 1);
    for n in 0..33 {
        many = many.with(&format!("k{n}"), vec![b'x'; 2000]);
    }
    let limit = DOC_BYTES_MAX;
    assert_eq!(
        many.print().map_err(|e| e.fault().clone()),
        Err(Fault::TooLong { limit })
    );
    fails(&vec![b'a'; limit + 1], 1, 1, &Fault::TooLong { limit });
    let limit = STATEMENT_BYTES_MAX;
    let error = Doc::parse_statement(&vec![b'a'; limit + 1]).expect_err("too long");
    assert_eq!(error.fault(), &Fault::TooLong { limit });
}

#[test]
fn a_document_that_could_not_be_read_back_is_not_written() {
    let fault = |doc: Doc| doc.print().expect_err("refused").fault().clone();
    assert_eq!(fault(Doc::new("", 1)), Fault::Name);
    assert_eq!(fault(Doc::new("a b", 1)), Fault::Name);
    assert_eq!(fault(Doc::new("a", 1).with("K", "v")), Fault::Key);
    assert_eq!(fault(Doc::new("a", 1).with("k\nl", "v")), Fault::Key);
    assert_eq!(fault(Doc::new("a", 1).with("k", "")), Fault::Empty);
    let twice = Doc::new("a", 1).with("k", "1").with("k", "2");
    assert_eq!(fault(twice), Fault::Twice { key: "k".into() });
}

#[test]
fn keys_come_in_their_order_each_once() {
    let doc = Doc::parse(b"a@v1\nx: 1\ny: 2\n").expect("valid");
    assert_eq!(doc.expect_keys(&["x", "y"]), Ok(()));
    assert_eq!(doc.expect_title("a", 1), Ok(()));
    assert!(doc.expect_title("a", 2).is_err());
    let text = |keys: &[&str]| doc.expect_keys(keys).expect_err("refused").to_string();
    assert_eq!(
        text(&["y", "x"]),
        "line 2, byte 1: expected key `y`, found `x`"
    );
    assert_eq!(text(&["x"]), "line 3, byte 1: unexpected key `y`");
    assert_eq!(
        text(&["x", "y", "z"]),
        "line 4, byte 1: expected key `z`, found the end of the document"
    );
    assert_eq!(doc.get("y"), Some(&b"2"[..]));
}

#[test]
fn values_are_read_as_the_type_their_key_asks_for() {
    let bytes = b"a@v1\nn: 7\nz: 007\nt: 2026-11-22T04:10:31Z\nm: 2026-11-22T04:10:31.250Z\nnone: none\ns: drain\nb: %FF\n";
    let doc = Doc::parse(bytes).expect("valid");
    let mut fields = doc.fields();
    assert_eq!(fields.take("n").and_then(Field::number), Ok(7));
    let zeros = fields.take("z").expect("there");
    assert_eq!(
        zeros.number().expect_err("refused").to_string(),
        "line 3, byte 4: value of `z` is not a decimal number without leading zeros"
    );
    let seconds = fields.take("t").expect("there");
    assert_eq!(
        seconds
            .seconds()
            .map(crate::domain::time::Timestamp::as_millis),
        Ok(1_795_320_631_000)
    );
    assert!(seconds.millis().is_err());
    let millis = fields.take("m").expect("there");
    assert_eq!(
        millis
            .millis()
            .map(crate::domain::time::Timestamp::as_millis),
        Ok(1_795_320_631_250)
    );
    assert!(millis.seconds().is_err());
    let none = fields.take("none").expect("there");
    assert_eq!(none.digest_or_none(), Ok(None));
    assert!(none.digest().is_err());
    let step = fields.take("s").expect("there");
    assert_eq!(
        step.parse::<StepId>().map(|s| s.to_string()).as_deref(),
        Ok("drain")
    );
    assert!(fields.take("b").expect("there").text().is_err());
    assert_eq!(fields.finish(), Ok(()));
}

#[test]
fn invisible_things_become_visible() {
    assert_eq!(encode(b" "), "%20");
    assert_eq!(encode(b"   "), "%20 %20");
    assert_eq!(encode("café\u{202e}%".as_bytes()), "caf%C3%A9%E2%80%AE%25");
    assert_eq!(encode(b"a\nstep: other"), "a%0Astep: other");
    assert!(decode("").is_err());
    assert!(decode("%20a%20b").is_err());
}

fn docs() -> impl Strategy<Value = Doc> {
    let value = prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..40),
        "[ %a\u{e9}\n]{1,12}".prop_map(String::into_bytes),
    ];
    let lines = proptest::collection::btree_map("[a-z][a-z0-9.-]{0,8}", value, 0..8);
    ("[a-z][a-z0-9.-]{0,12}", any::<u32>(), lines).prop_map(|(name, version, lines)| Doc {
        name,
        version,
        lines: lines.into_iter().rev().collect(),
    })
}

/// Nearly valid text finds more than random bytes do.
fn near_documents() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "[a-b]@v[0-2]{0,2}\n([ab:]{1,3}[: ]{1,2}[ a%0-9A-Fa-f\n]{0,6}\n){0,4}"
            .prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(doc in docs()) {
        let bytes = doc.print().expect("within the grammar");
        prop_assert_eq!(Doc::parse(&bytes), Ok(doc));
    }

    #[test]
    fn what_is_accepted_is_printed_as_it_was(bytes in near_documents()) {
        if let Ok(doc) = Doc::parse(&bytes) {
            prop_assert_eq!(doc.print(), Ok(bytes));
        }
    }

    #[test]
    fn values_have_one_encoding(bytes in proptest::collection::vec(any::<u8>(), 1..60)) {
        let text = encode(&bytes);
        prop_assert!(text.bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
        prop_assert_eq!(decode(&text), Ok(bytes));
    }

    #[test]
    fn accepted_encodings_are_the_printed_ones(text in "[ %0-9A-Fa-c]{1,9}") {
        if let Ok(bytes) = decode(&text) {
            prop_assert_eq!(encode(&bytes), text);
        }
    }
}

#[test]
fn a_flipped_bit_is_refused_or_changes_the_digest() {
    let digest = Digest::of(STATEMENT.as_bytes());
    let original = Doc::parse(STATEMENT.as_bytes()).expect("valid");
    for byte in 0..STATEMENT.len() {
        for bit in 0..8 {
            let mut flipped = STATEMENT.as_bytes().to_vec();
            flipped[byte] ^= 1 << bit;
            if let Ok(doc) = Doc::parse_statement(&flipped) {
                assert_ne!(doc, original, "byte {byte} bit {bit}");
                assert_eq!(doc.print().as_deref(), Ok(flipped.as_slice()));
            }
            assert_ne!(Digest::of(&flipped), digest);
        }
    }
}
