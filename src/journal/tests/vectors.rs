//! The published vectors, byte for byte. Source: `TWO_PERSON` 5.6.

use super::super::*;
use crate::domain::digest::Digest;
use crate::domain::id::{Seq, SessionId};
use crate::domain::time::Timestamp;

const PLAN: &str = "\
warroom-plan@v1
step: drain-broker-3
attempt: 1
risk: destructive
title: Drain broker 3 and move its leaders away
target: kafka-3.prod.example.net
blast: 1 of 12 brokers; 214 partitions lose one replica
runas: warroom-exec
host: bastion-1.example.net
cwd: /srv/runbooks/kafka
exe: /usr/local/bin/kafka-drain
exe-sha256: 7b1f0e3c5d9a2b4c6e8f0a1b2c3d4e5f60718293a4b5c6d7e8f9010203040506
argc: 4
argv.0: kafka-drain
argv.1: --broker
argv.2: 3
argv.3: --note=caf%C3%A9
envc: 2
env.0: LANG=C
env.1: PATH=/usr/bin:/bin
stdin: empty
timeout-s: 900
on-executor-lost: continue
guardc: 1
guard.0: under_replicated_partitions <= 0 for 120s (value 0, age 4s)
undo: kafka-drain --broker 3 --restore
";

const EVENT_41: &str = "\
warroom-event@v1
session: 01JD3V3Q8Z6K9T0W4M5N7P2R1S
seq: 41
prev: sha256:6e1e09d3d8271f64131589f677e55cc3a06046724be696f9be06d17794ec1fa7
time: 2026-11-22T04:10:31.250Z
boot: 5f0c6f2e-3a0b-4d1e-9b7a-2f6d8c1e4a90
mono-ms: 81234567
kind: step.proposed
actor: alice
via: uid:1001
body: sha256:0e444f6a0f7d890f0c7e2c549b361518af5ffebb44ba9df357d3b1fdb85bd5bd
body-len: 686
";

const CONFIRM: &str = "\
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
-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgQ68TqISn0w/G2raqxmDpCLkttW
i20TFpmq3ZrEWX5SkAAAASd2Fycm9vbS1jb25maXJtQHYxAAAAAAAAAAZzaGE1MTIAAABT
AAAAC3NzaC1lZDI1NTE5AAAAQI/VoytC3tsRYj74ZKAoD7HvKUqxrAIHVqBToCLXp/Cl1w
84np7Ug5ZMHVcQjh1KkUGvMnxP7hLErk4VIFkSXA4=
-----END SSH SIGNATURE-----
";

const EVENT_42: &str = "\
warroom-event@v1
session: 01JD3V3Q8Z6K9T0W4M5N7P2R1S
seq: 42
prev: sha256:bb249fdb81076716fdf8ef64e2dc2a889064022e8f0268f5ebc2ba8c94484a4b
time: 2026-11-22T04:11:07.031Z
boot: 5f0c6f2e-3a0b-4d1e-9b7a-2f6d8c1e4a90
mono-ms: 81270348
kind: step.confirmed
actor: bob
via: sshsig:SHA256:3i7F2t4poznK84yNXgoKWP+x3QGm7Z/lmf6g2gDFbSE
body: sha256:3201433e8cdc18554e791d7688b0247c6a8a3abb80cc7d264b8440bcf761b11e
body-len: 1094
";

fn vector(
    seq: u64,
    prev: &str,
    (time, mono_ms): (&str, u64),
    [kind, actor, via]: [&str; 3],
    body: &str,
) -> Record {
    let session = SessionId::try_from("01JD3V3Q8Z6K9T0W4M5N7P2R1S".to_owned()).expect("valid");
    let stamp = Stamp {
        time: Timestamp::parse(time).expect("valid"),
        boot: "5f0c6f2e-3a0b-4d1e-9b7a-2f6d8c1e4a90",
        mono_ms,
    };
    let content = Content {
        kind: kind.to_owned(),
        actor: actor.to_owned(),
        via: via.to_owned(),
        body: body.as_bytes().to_vec(),
    };
    let prev = Digest::parse(prev).expect("valid");
    seal(&session, Seq(seq), Some(prev), stamp, content).expect("valid")
}

#[test]
fn the_published_records_are_made_byte_for_byte() {
    let proposed = vector(
        41,
        "sha256:6e1e09d3d8271f64131589f677e55cc3a06046724be696f9be06d17794ec1fa7",
        ("2026-11-22T04:10:31.250Z", 81_234_567),
        ["step.proposed", "alice", "uid:1001"],
        PLAN,
    );
    assert_eq!(PLAN.len(), 686);
    assert_eq!(String::from_utf8_lossy(proposed.header_bytes()), EVENT_41);
    assert_eq!(
        proposed.hash().to_hex(),
        "bb249fdb81076716fdf8ef64e2dc2a889064022e8f0268f5ebc2ba8c94484a4b"
    );
    let confirmed = vector(
        42,
        &proposed.hash().to_string(),
        ("2026-11-22T04:11:07.031Z", 81_270_348),
        [
            "step.confirmed",
            "bob",
            "sshsig:SHA256:3i7F2t4poznK84yNXgoKWP+x3QGm7Z/lmf6g2gDFbSE",
        ],
        CONFIRM,
    );
    assert_eq!(String::from_utf8_lossy(confirmed.header_bytes()), EVENT_42);
    assert_eq!(
        confirmed.hash().to_hex(),
        "0dec92f393a9f7e1a6e42ecdbb41d429f3d276ae9d8a8c9c760298780590fea4"
    );
    let bytes = super::encoded(&[proposed, confirmed]);
    let start = format!(
        "WJ1 41 {} 686\n{EVENT_41}{PLAN}\nWJ1 42 {} 1094\n",
        EVENT_41.len(),
        EVENT_42.len()
    );
    assert!(bytes.starts_with(start.as_bytes()));
    assert!(bytes.ends_with(format!("{EVENT_42}{CONFIRM}\n").as_bytes()));
}
