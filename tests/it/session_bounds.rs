//! Peers that do not behave: each is told, none delays the others.

use crate::session_host::{Host, PATIENCE, Person};
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use warroom::domain::command::Command;
use warroom::domain::fact::{Fact, Stamped};
use warroom::domain::id::{PersonId, Seq};
use warroom::wire::CONTRACT;
use warroom::wire::codec::{self, Receiver, Sender};
use warroom::wire::message::{Hello, Snapshot, ToClient, ToServer};

const EMPTY: &str = "\
# Empty

## Work

- [ ] Look
";

fn hello(contract: u32) -> Hello {
    Hello {
        contract,
        program: "test".to_owned(),
        read_only: false,
        demo_person: PersonId::new("dave").ok(),
        is_terminal: true,
    }
}

async fn raw(socket: &Path) -> UnixStream {
    UnixStream::connect(socket).await.expect("connects")
}

/// What the server says to bytes that are not a conversation, up to the end of the connection.
async fn answer_to(socket: &Path, bytes: &[u8]) -> Option<ToClient> {
    let mut stream = raw(socket).await;
    stream.write_all(bytes).await.expect("writes");
    let mut receiver = Receiver::new(stream);
    tokio::time::timeout(PATIENCE, receiver.next::<ToClient>())
        .await
        .expect("an end in time")
        .expect("readable")
}

fn frame(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("short");
    [&length.to_be_bytes(), bytes].concat()
}

/// The others notice nothing.
async fn all_is_well(alice: &mut Person) {
    let noting = alice.notes("all is well");
    tokio::time::timeout(PATIENCE, noting)
        .await
        .expect("quickly");
}

#[tokio::test]
async fn another_contract_is_turned_away_and_told() {
    let host = Host::new(EMPTY);
    let running = host.start().await;
    let hello = codec::encode(&ToServer::Hello(hello(CONTRACT + 1))).expect("fits");
    let answer = answer_to(&host.socket(), &frame(&hello)).await;
    let Some(ToClient::TurnedAway {
        contract,
        reason,
        hint,
    }) = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!(contract, CONTRACT);
    let theirs = CONTRACT + 1;
    assert_eq!(
        reason,
        format!("this session speaks contract {CONTRACT}, your program speaks {theirs}")
    );
    assert!(hint.contains("warroom"), "{hint}");
    running.end().await;
}

#[tokio::test]
async fn what_is_no_greeting_is_turned_away() {
    let host = Host::new(EMPTY);
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    let ask = codec::encode(&ToServer::Ask {
        number: 1,
        command: Command::Begin,
    })
    .expect("fits");
    let oversized = [0x7f, 0xff, 0xff, 0xff, b'{'];
    for bytes in [&frame(&ask)[..], &frame(b"nonsense"), &oversized] {
        let answer = answer_to(&host.socket(), bytes).await;
        assert!(
            matches!(answer, Some(ToClient::TurnedAway { .. })),
            "{answer:?}"
        );
    }
    all_is_well(&mut alice).await;
    running.end().await;
}

#[tokio::test]
async fn a_peer_that_stops_in_the_middle_of_a_frame_delays_nobody() {
    let host = Host::new(EMPTY);
    let running = host.start().await;
    let mut half = raw(&host.socket()).await;
    half.write_all(&[0, 0, 1, 0, b'{']).await.expect("writes");
    let mut alice = host.attach("alice").await;
    all_is_well(&mut alice).await;
    drop(half);
    // One that has greeted and then says half a word.
    let greeting = codec::encode(&ToServer::Hello(hello(CONTRACT))).expect("fits");
    let mut half = raw(&host.socket()).await;
    let said = [&frame(&greeting)[..], &[0, 0, 1, 0, b'{']].concat();
    half.write_all(&said).await.expect("writes");
    alice
        .until("it attached", |p| p.state.terminals.len() == 2)
        .await;
    all_is_well(&mut alice).await;
    let end = tokio::time::timeout(PATIENCE, running.end()).await;
    assert!(end.is_ok(), "neither does it hold up the end");
}

#[tokio::test]
async fn a_slow_client_is_told_and_brought_up_to_date_and_costs_the_others_nothing() {
    let host = Host::new(EMPTY);
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    for _ in 0..50 {
        alice.notes(&"x".repeat(4000)).await;
    }
    let (read, write) = raw(&host.socket()).await.into_split();
    let mut sender = Sender::new(write);
    sender
        .send(&ToServer::Hello(hello(CONTRACT)))
        .await
        .expect("sends");
    // Asks for far more than may wait for it, and reads nothing meanwhile.
    let flood = tokio::spawn(async move {
        for _ in 0..400 {
            let page = ToServer::Records {
                from: Seq(0),
                count: 500,
            };
            sender.send(&page).await.expect("sends");
        }
        let number = 1;
        let text = "from the slow one".to_owned();
        let command = Command::Note { step: None, text };
        sender
            .send(&ToServer::Ask { number, command })
            .await
            .expect("sends");
        sender
    });
    all_is_well(&mut alice).await;
    let sender = flood.await.expect("joins");
    alice
        .until("the slow one's note", |p| p.state.notes >= 52)
        .await;
    let (lagged, state, answered) = read_to_the_end(Receiver::new(read)).await;
    assert!(lagged, "told");
    assert!(answered, "with the answer it was owed");
    assert_eq!(state.state.head.0.0, alice.state.head.0.0);
    drop(sender);
    running.end().await;
}

#[tokio::test]
async fn who_reads_late_still_gets_the_goodbye() {
    let host = Host::new(EMPTY);
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    let (read, write) = raw(&host.socket()).await.into_split();
    let mut sender = Sender::new(write);
    let greeting = ToServer::Hello(hello(CONTRACT));
    sender.send(&greeting).await.expect("sends");
    alice
        .until("it attached", |p| p.state.terminals.len() == 2)
        .await;
    // More than the kernel keeps for somebody who does not read.
    for _ in 0..200 {
        alice.notes(&"x".repeat(4000)).await;
    }
    let ended = tokio::spawn(running.end());
    alice.until("goodbye", |p| p.ended.is_some()).await;
    assert!(!ended.is_finished(), "it waits for the one that is behind");
    let mut receiver = Receiver::new(read);
    let reading = async {
        let mut notes = 0;
        loop {
            match receiver.next::<ToClient>().await {
                Ok(Some(ToClient::Bye { reason })) => return (notes, reason),
                Ok(Some(ToClient::Facts(facts))) => {
                    let is_note = |fact: &&Stamped| matches!(fact.fact, Fact::NoteAdded { .. });
                    notes += facts.iter().filter(is_note).count();
                }
                Ok(Some(_)) => {}
                other => panic!("cut off: {other:?}"),
            }
        }
    };
    let (notes, reason) = tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("in time");
    assert_eq!(notes, 200, "with all that was said before");
    assert!(reason.contains("the session server ended"), "{reason}");
    ended.await.expect("joins");
}

/// Reads until a snapshot has come after `Lagged` and the ask was answered.
async fn read_to_the_end<R: tokio::io::AsyncRead + Unpin>(
    mut receiver: Receiver<R>,
) -> (bool, Snapshot, bool) {
    let (mut lagged, mut answered, mut parts, mut newest) = (false, false, Vec::new(), None);
    let reading = async {
        while !(lagged && answered && newest.is_some()) {
            match receiver
                .next::<ToClient>()
                .await
                .expect("readable")
                .expect("open")
            {
                ToClient::Lagged => {
                    lagged = true;
                    newest = None;
                }
                ToClient::Reply { refused, .. } => {
                    assert_eq!(refused, None);
                    answered = true;
                }
                ToClient::SnapshotPart {
                    index,
                    total,
                    bytes,
                } => {
                    if index == 0 {
                        parts.clear();
                    }
                    parts.extend(bytes);
                    if index + 1 == total {
                        newest = Some(codec::decode::<Snapshot>(&parts).expect("a snapshot"));
                    }
                }
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("in time");
    (lagged, newest.expect("just there"), answered)
}

#[tokio::test]
async fn a_full_house_says_so() {
    let host = Host::new(EMPTY);
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    let mut kept = Vec::new();
    let refused = loop {
        let mut stream = raw(&host.socket()).await;
        let hello = codec::encode(&ToServer::Hello(hello(CONTRACT))).expect("fits");
        stream.write_all(&frame(&hello)).await.ok();
        let mut length = [0; 4];
        stream.read_exact(&mut length).await.expect("an answer");
        let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).expect("small")];
        stream.read_exact(&mut body).await.expect("an answer");
        match codec::decode::<ToClient>(&body).expect("a message") {
            ToClient::TurnedAway { reason, .. } => break reason,
            _ => kept.push(stream),
        }
        assert!(kept.len() < 100, "there is a limit");
    };
    assert!(refused.contains("clients of uid"), "{refused}");
    all_is_well(&mut alice).await;
    kept.clear();
    let bob = host.attach("bob").await;
    bob.leaves().await;
    running.end().await;
}
