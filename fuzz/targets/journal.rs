//! Journals: any bytes as a file, and any facts behind a journal that is whole. A record that is read is one that could
//! be written, and no fact brings the fold down.

use std::sync::OnceLock;
use warroom::domain::apply::{apply, fold};
use warroom::domain::id::Seq;
use warroom::domain::state::State;
use warroom::domain::time::Timestamp;
use warroom::journal::facts::{content, fact_of};
use warroom::journal::{Content, Reader, Stamp, seal};

const GOLDEN: &[u8] = include_bytes!("../../tests/data/journals/wj1-first.journal");

/// Takes one input.
pub(crate) fn run(bytes: &[u8]) {
    read(bytes);
    write_and_read(bytes);
}

/// As a file.
fn read(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    loop {
        match reader.next_record() {
            Ok(Some(entry)) => {
                fact_of(&entry.to_record()).ok();
            }
            Ok(None) => break,
            Err(error) => {
                error.to_string();
                break;
            }
        }
    }
    assert!(reader.offset() <= bytes.len() as u64);
}

/// `kind LF actor LF via LF body` as the content of a record behind some place of a journal that makes sense.
fn write_and_read(bytes: &[u8]) {
    let Some((place, rest)) = bytes.split_first() else {
        return;
    };
    let mut parts = rest.splitn(4, |byte| *byte == b'\n');
    let mut text = || Some(std::str::from_utf8(parts.next()?).ok()?.to_owned());
    let (Some(kind), Some(actor), Some(via)) = (text(), text(), text()) else {
        return;
    };
    let body = parts.next().unwrap_or_default().to_vec();
    let states = states();
    let mut state = states[usize::from(*place) % states.len()].clone();
    let content_in = Content {
        kind,
        actor,
        via,
        body,
    };
    let stamp = Stamp {
        time: Timestamp::from_millis(1_795_312_900_000),
        boot: "5f0c6f2e-3a0b-4d1e-9b7a-2f6d8c1e4a90",
        mono_ms: 82_000_000,
    };
    let (seq, prev) = (Seq(state.head.0.0 + 1), Some(state.head.1));
    let Ok(record) = seal(&state.genesis.session, seq, prev, stamp, content_in) else {
        return;
    };
    let Ok(stamped) = fact_of(&record) else {
        return;
    };
    // What can be read is written again as a record that says the same.
    if let Ok(again) = content(&stamped.actor, &stamped.fact, Some(&state)) {
        let record = seal(&state.genesis.session, seq, prev, stamp, again).expect("it was read");
        assert_eq!(fact_of(&record).expect("readable").fact, stamped.fact);
    }
    apply(&mut state, &stamped);
}

/// The state after each record of the golden journal.
fn states() -> &'static [State] {
    static STATES: OnceLock<Vec<State>> = OnceLock::new();
    STATES.get_or_init(|| {
        let mut reader = Reader::new(GOLDEN);
        let mut records = Vec::new();
        while let Some(entry) = reader.next_record().expect("intact") {
            records.push(fact_of(&entry.to_record()).expect("a fact"));
        }
        let mut state = fold(records.iter().take(1).cloned()).expect("genesis");
        let mut states = vec![state.clone()];
        for record in &records[1..] {
            apply(&mut state, record);
            states.push(state.clone());
        }
        states
    })
}
