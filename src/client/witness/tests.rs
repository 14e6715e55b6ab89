use super::*;
use crate::domain::id::Seq;
use crate::domain::time::Timestamp;
use crate::evidence::SessionKey;
use crate::ui::fixtures::Story;

/// A journal of headers, and the room of somebody who attached at its third record.
struct Scene {
    headers: Vec<String>,
    key: SessionKey,
    room: Room,
}

fn header(session: &str, seq: usize, prev: &str, kind: &str) -> String {
    let body = Digest::of(kind.as_bytes());
    format!(
        "warroom-event@v1\nsession: {session}\nseq: {seq}\nprev: {prev}\ntime: 2026-11-22T04:11:07.031Z\n\
         boot: b\nmono-ms: 1\nkind: {kind}\nactor: bob\nvia: uid:1001\nbody: {body}\nbody-len: 1\n"
    )
}

fn journal(session: &str, kinds: &[&str]) -> Vec<String> {
    let mut headers: Vec<String> = Vec::new();
    for (seq, kind) in kinds.iter().enumerate() {
        let prev = headers.last().map_or("none".to_owned(), |last| {
            Digest::of(last.as_bytes()).to_string()
        });
        headers.push(header(session, seq, &prev, kind));
    }
    headers
}

impl Scene {
    fn new() -> Self {
        let (key, _) = SessionKey::generate().expect("random bytes");
        let mut room = Story::running("bob").room;
        let mut genesis = (*room.state.genesis).clone();
        genesis.session_key = Some(key.to_public_text());
        let headers = journal(genesis.session.as_str(), &["a", "b", "c", "d", "e", "f"]);
        room.state.genesis = genesis.into();
        room.recent.clear();
        let mut scene = Self { headers, key, room };
        scene.head_is(2);
        scene
    }

    fn head_is(&mut self, seq: usize) {
        self.room.state.head = (Seq(seq as u64), Digest::of(self.headers[seq].as_bytes()));
    }

    fn checkpoint(&self, seq: usize) -> SignedCheckpoint {
        let state = &self.room.state;
        let document = Checkpoint {
            session: state.genesis.session.clone(),
            genesis: state.genesis_hash,
            head: (Seq(seq as u64), Digest::of(self.headers[seq].as_bytes())),
            bytes: 1,
            time: Timestamp::from_millis(1_000),
        };
        let document = document.print().expect("printable");
        let signature = self.key.sign(NAMESPACE, document.as_bytes());
        let signature = signature.expect("signed");
        SignedCheckpoint {
            document,
            signature,
        }
    }
}

fn asked(wanted: impl Into<Option<ToServer>>) -> Option<u64> {
    match wanted.into() {
        Some(ToServer::Headers { from, .. }) => Some(from.0),
        Some(ToServer::Seen { seq, .. }) => Some(seq.0),
        _ => None,
    }
}

fn is_fault(room: &Room) -> bool {
    matches!(room.seen, Seen::Fault(_))
}

#[test]
fn a_checkpoint_is_kept_when_the_chain_leads_to_it_and_holds_the_next_time() {
    let home = tempfile::tempdir().expect("a directory");
    let store = Store::new(home.path().join("seen"));
    let mut scene = Scene::new();
    let mut witness = Witness::new(Some(store.clone()));
    assert_eq!(asked(witness.on_up(&mut scene.room)), None, "first sight");
    assert_eq!(scene.room.seen, Seen::Since(Seq(2)));
    scene.head_is(4);
    let signed = scene.checkpoint(4);
    assert_eq!(
        asked(witness.on_checkpoint(signed, &mut scene.room)),
        Some(3)
    );
    let (headers, room) = (scene.headers.clone(), &mut scene.room);
    assert_eq!(
        asked(witness.on_headers(Seq(3), &headers[3..5], room)),
        None
    );
    assert_eq!(room.seen, Seen::Since(Seq(4)));
    // Another terminal of the same person, later.
    let mut later = Witness::new(Some(store));
    assert_eq!(asked(later.on_up(room)), Some(4));
    assert_eq!(asked(later.on_headers(Seq(5), &headers[5..], room)), None);
    assert_eq!(room.seen, Seen::Since(Seq(5)));
}

#[test]
fn a_journal_that_was_cut_edited_or_swapped_is_a_fault() {
    let kept = || {
        let mut scene = Scene::new();
        let mut witness = Witness::new(None);
        witness.on_up(&mut scene.room);
        (scene, witness)
    };
    // Cut: after a lost connection the record that was seen is gone.
    let (mut scene, mut witness) = kept();
    assert_eq!(asked(witness.on_up(&mut scene.room)), Some(2));
    witness.on_headers(Seq(2), &[], &mut scene.room);
    assert!(is_fault(&scene.room));
    // Edited: a record in the middle has another kind, so the next one does not follow.
    let (mut scene, mut witness) = kept();
    scene.head_is(5);
    assert_eq!(asked(witness.on_up(&mut scene.room)), Some(2));
    let mut headers = scene.headers.clone();
    headers[3] = headers[3].replace("kind: d", "kind: x");
    witness.on_headers(Seq(3), &headers[3..], &mut scene.room);
    assert!(is_fault(&scene.room));
    // Shown one thing and chained another.
    let (mut scene, mut witness) = kept();
    scene.head_is(3);
    let session = scene.room.state.genesis.session.to_string();
    let prev = Digest::of(scene.headers[2].as_bytes()).to_string();
    let other = header(&session, 3, &prev, "z");
    witness.on_up(&mut scene.room);
    witness.on_headers(Seq(3), &[other], &mut scene.room);
    assert!(is_fault(&scene.room));
    // Records kept back.
    let (mut scene, mut witness) = kept();
    scene.head_is(5);
    witness.on_up(&mut scene.room);
    witness.on_headers(Seq(3), &[], &mut scene.room);
    assert!(is_fault(&scene.room));
}

#[test]
fn a_checkpoint_of_another_key_session_or_record_is_a_fault() {
    let mut scene = Scene::new();
    let mut witness = Witness::new(None);
    witness.on_up(&mut scene.room);
    let mut signed = scene.checkpoint(2);
    signed.document = signed.document.replace("bytes: 1", "bytes: 2");
    witness.on_checkpoint(signed, &mut scene.room);
    assert!(is_fault(&scene.room));

    let mut scene = Scene::new();
    let mut witness = Witness::new(None);
    witness.on_up(&mut scene.room);
    scene.headers[2] = scene.headers[2].replace("kind: c", "kind: y");
    let signed = scene.checkpoint(2);
    witness.on_checkpoint(signed, &mut scene.room);
    assert!(is_fault(&scene.room));
}

#[test]
fn a_session_that_comes_back_with_another_key_is_a_fault() {
    let home = tempfile::tempdir().expect("a directory");
    let store = Store::new(home.path().to_owned());
    let mut scene = Scene::new();
    let mut witness = Witness::new(Some(store.clone()));
    witness.on_up(&mut scene.room);
    let signed = scene.checkpoint(2);
    witness.on_checkpoint(signed, &mut scene.room);
    let other = Scene::new();
    scene.room.state.genesis = other.room.state.genesis;
    Witness::new(Some(store)).on_up(&mut scene.room);
    assert!(is_fault(&scene.room));
}
