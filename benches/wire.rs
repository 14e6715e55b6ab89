//! What an attach costs in words: a snapshot written by the server and read by the client. `cargo bench --bench wire`.
//!
//! Both are part of row 14 (attach: exec to full screen), and the messages of a second are part of row 15.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot run has nobody to tell but its caller"
)]

mod session;

use divan::Bencher;
use divan::counter::BytesCount;
use session::Session;
use warroom::wire::codec::{decode, encode, encode_any_length};
use warroom::wire::message::{RECENT_MAX, Snapshot, ToClient};

fn main() {
    divan::main();
}

/// What a server sends to a terminal that attaches in the middle of a night: twelve charts of five minutes.
fn snapshot() -> Snapshot {
    let session = Session::long(1_000).watched();
    let from = session.stamped.len().saturating_sub(RECENT_MAX);
    Snapshot {
        state: session.state,
        board: session.board,
        outputs: Vec::new(),
        recent: session.stamped.into_iter().skip(from).collect(),
        around: warroom::wire::around::Around::default(),
    }
}

#[divan::bench]
fn encode_snapshot(bencher: Bencher<'_, '_>) {
    let snapshot = snapshot();
    let bytes = encode_any_length(&snapshot).expect("plain data");
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .bench(|| encode_any_length(&snapshot));
}

#[divan::bench]
fn decode_snapshot(bencher: Bencher<'_, '_>) {
    let bytes = encode_any_length(&snapshot()).expect("plain data");
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .bench(|| decode::<Snapshot>(&bytes));
}

/// What twelve charts at one poll a second send to every terminal.
#[divan::bench]
fn encode_readings(bencher: Bencher<'_, '_>) {
    let message = ToClient::Readings(vec![Session::open().poll(7)]);
    bencher.bench(|| encode(&message));
}

#[divan::bench]
fn decode_readings(bencher: Bencher<'_, '_>) {
    let message = ToClient::Readings(vec![Session::open().poll(7)]);
    let bytes = encode(&message).expect("plain data");
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .bench(|| decode::<ToClient>(&bytes));
}
