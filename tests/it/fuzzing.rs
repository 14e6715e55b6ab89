//! Every fuzz target over its seeds and over changed seeds, on any compiler: the same functions that `fuzz/run` gives
//! to libFuzzer for hours. `PROPTEST_CASES` says how many changed seeds; `tests/run --long` has twenty times as many.

use crate::fuzz_targets as targets;
use crate::harness::checkout;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use std::fs;
use std::path::Path;
use warroom::journal::{Reader, Record};

/// Longest input: beyond it a run says little more and takes long.
const INPUT_BYTES_MAX: usize = 64 * 1024;

/// One change of an input, as fuzzers make them.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
    /// The rest of another seed from there on.
    Splice(Index, Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    // Bytes that mean something somewhere, more often than others.
    let telling =
        prop::sample::select(b"\0\n\r\t \"'%,-:=[]`{}|~\x1b\x7f\x80\xc3\xe2\xff".to_vec());
    let byte = prop_oneof![telling, any::<u8>()];
    let bytes = prop::collection::vec(byte.clone(), 1..20);
    prop_oneof![
        (place(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (place(), byte).prop_map(|(at, byte)| Change::Set(at, byte)),
        (place(), bytes).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (place(), 1..200_usize).prop_map(|(at, n)| Change::Remove(at, n)),
        (place(), 1..200_usize).prop_map(|(at, n)| Change::Repeat(at, n)),
        (place(), place(), place()).prop_map(|(at, other, from)| Change::Splice(at, other, from)),
    ]
}

fn changed(input: &mut Vec<u8>, change: &Change, seeds: &[Vec<u8>]) {
    let len = input.len();
    let place = |at: &Index| at.index(len + 1);
    match change {
        Change::Flip(at, bit) if len > 0 => input[at.index(len)] ^= 1 << bit,
        Change::Set(at, byte) if len > 0 => input[at.index(len)] = *byte,
        Change::Flip(..) | Change::Set(..) => {}
        Change::Insert(at, bytes) => {
            let at = place(at);
            input.splice(at..at, bytes.iter().copied());
        }
        Change::Remove(at, n) => {
            let at = place(at);
            input.drain(at..(at + n).min(len));
        }
        Change::Repeat(at, n) => {
            let at = place(at);
            let part = input[at..(at + n).min(len)].to_vec();
            input.splice(at..at, part);
        }
        Change::Splice(at, other, from) => {
            let other = &seeds[other.index(seeds.len())];
            input.truncate(place(at));
            input.extend_from_slice(&other[from.index(other.len() + 1)..]);
        }
    }
}

/// Runs a target over all seeds as they are, and over as many changed ones as properties have cases.
fn check(name: &str, run: fn(&[u8]), seeds: &[Vec<u8>]) {
    assert!(!seeds.is_empty(), "no seeds for {name}");
    for seed in seeds {
        run(seed);
    }
    run(b"");
    let inputs =
        (any::<Index>(), prop::collection::vec(change(), 1..8)).prop_map(|(seed, changes)| {
            let mut input = seeds[seed.index(seeds.len())].clone();
            for change in &changes {
                changed(&mut input, change, seeds);
                input.truncate(INPUT_BYTES_MAX);
            }
            input
        });
    let mut runner = TestRunner::new(Config {
        // What is found becomes a test of its own, not a file of seeds beside the code.
        failure_persistence: None,
        ..Config::default()
    });
    let found = runner.run(&inputs, |input| {
        run(&input);
        Ok(())
    });
    if let Err(error) = found {
        panic!("{name}: {error}");
    }
}

/// Files of a folder, or of folders below it.
fn files(folder: &str) -> Vec<Vec<u8>> {
    fn gather(path: &Path, all: &mut Vec<Vec<u8>>) {
        let mut paths: Vec<_> = fs::read_dir(path)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                gather(&path, all);
            } else {
                all.push(fs::read(&path).expect("readable"));
            }
        }
    }
    let mut all = Vec::new();
    gather(&checkout().join(folder), &mut all);
    all
}

fn golden() -> Vec<u8> {
    fs::read(checkout().join("tests/data/journals/wj1-first.journal")).expect("there")
}

fn records() -> Vec<Record> {
    let bytes = golden();
    let mut reader = Reader::new(&*bytes);
    let next = || {
        reader
            .next_record()
            .expect("intact")
            .map(|entry| entry.to_record())
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn runbooks() {
    let mut seeds = files("tests/data/runbooks");
    seeds.extend(files("tests/data/e2e"));
    check("runbook", targets::runbook::run, &seeds);
}

#[test]
fn journals() {
    let one = |record: &Record| {
        let header = record.header();
        let place = u8::try_from(header.seq.0 % 256).expect("small");
        let head = format!("{}\n{}\n{}\n", header.kind, header.actor, header.via);
        [&[place], head.as_bytes(), record.body()].concat()
    };
    let mut seeds: Vec<Vec<u8>> = records().iter().map(one).collect();
    seeds.push(golden());
    check("journal", targets::journal::run, &seeds);
}

#[test]
fn documents() {
    let both = |record: &Record| [record.header_bytes().to_vec(), record.body().to_vec()];
    let seeds: Vec<Vec<u8>> = records().iter().flat_map(both).collect();
    check("doc", targets::doc::run, &seeds);
}

#[test]
fn wire_frames() {
    let mut seeds = files("fuzz/seeds/wire");
    let read = |path: &str| fs::read_to_string(checkout().join(path)).expect("there");
    let state = read("tests/data/journals/wj1-first.json");
    let board = read("fuzz/seeds/board.json");
    let snapshot = format!(r#"{{"state":{state},"board":{board},"outputs":[],"recent":[]}}"#);
    seeds.push(snapshot.into_bytes());
    check("wire", targets::wire::run, &seeds);
}

#[test]
fn signatures() {
    let mut seeds = files("tests/data/evidence");
    let armour = |body: &Vec<u8>| {
        let text = String::from_utf8_lossy(body);
        let at = text.find("-----BEGIN SSH SIGNATURE")?;
        Some(text.get(at..)?.as_bytes().to_vec())
    };
    let armours: Vec<Vec<u8>> = seeds.iter().filter_map(armour).collect();
    seeds.extend(armours);
    check("sshsig", targets::sshsig::run, &seeds);
}

#[test]
fn policy_files() {
    let folders = fs::read_dir(checkout().join("tests/data/people")).expect("a folder");
    let mut folders: Vec<_> = folders
        .map(|entry| entry.expect("an entry").path())
        .collect();
    folders.sort();
    let part = |folder: &Path, name| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let names = ["people.toml", "allowed_signers", "rules.toml", "revoked"];
    let seeds: Vec<Vec<u8>> = folders
        .iter()
        .map(|folder| {
            names
                .map(|name| part(folder, name))
                .join("\n%%\n")
                .into_bytes()
        })
        .collect();
    check("people", targets::people::run, &seeds);
}

#[test]
fn text_from_outside() {
    check(
        "display",
        targets::display::run,
        &files("fuzz/seeds/display"),
    );
}

#[test]
fn pages_of_metrics() {
    check("scrape", targets::scrape::run, &files("fuzz/seeds/scrape"));
}

#[test]
fn tickets() {
    check("ticket", targets::ticket::run, &files("fuzz/seeds/ticket"));
}

/// A target that nobody runs here would be one for nobody.
#[test]
fn no_target_is_left_out() {
    let own = fs::read_to_string(checkout().join("tests/it/fuzzing.rs")).expect("there");
    for entry in fs::read_dir(checkout().join("fuzz/fuzz_targets")).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_string_lossy();
        let name = name.trim_end_matches(".rs");
        assert!(own.contains(&format!("targets::{name}::run")), "{name}");
    }
}
