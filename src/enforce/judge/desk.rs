//! Everything two people and a server write before a command runs, made in tests, so that each piece can be made wrong.
//!
//! Used by the unit tests here and, over a real runner process, by `tests/it/enforced.rs`.

use super::warroom::domain::confirm::plan_doc::{PlanInputs, render};
use super::warroom::domain::digest::Digest;
use super::warroom::domain::doc::Doc;
use super::warroom::domain::fact::{Touch, Via};
use super::warroom::domain::id::{AttemptNo, Nonce, SessionId, StepId};
use super::warroom::domain::runbook::plan::{OnExecutorLost, Risk};
use super::warroom::domain::time::Moment;
use super::warroom::enforce::said::Kind;
use super::warroom::enforce::ticket::{Spoken, Ticket};
use super::warroom::evidence::make;
use ring::signature::Ed25519KeyPair;
use std::fmt::Write as _;

/// People with a key: who proposes, two who confirm, and one who only runs steps.
pub(crate) const PEOPLE: [(&str, u32, &str); 4] = [
    ("ann", 61_001, "\"operator\", \"approver\", \"breakglass\""),
    ("bob", 61_002, "\"approver\""),
    ("cho", 61_003, "\"operator\", \"approver\""),
    ("dan", 61_004, "\"operator\""),
];

/// The people file.
pub(crate) fn people_toml() -> String {
    let mut text = String::new();
    for (name, uid, roles) in PEOPLE {
        let entry = format!(
            "[[person]]\nid = \"{name}\"\nuids = [{uid}]\nroles = [{roles}]\ntotp = true\n"
        );
        text.push_str(&entry);
    }
    text
}

/// The key of a name.
pub(crate) fn pair(name: &str) -> Ed25519KeyPair {
    let seed = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).expect("32 bytes")
}

/// `ssh-ed25519 AAAA...` of a name.
pub(crate) fn public_key(name: &str) -> String {
    let key = make::public_key(&pair(name)).expect("a key");
    format!("ssh-ed25519 {}", data_encoding::BASE64.encode(key.blob()))
}

/// The list of keys.
pub(crate) fn allowed_signers() -> String {
    let namespaces = "warroom-propose@v1,warroom-confirm@v1,warroom-go@v1,warroom-breakglass@v1";
    let mut text = String::new();
    for (name, _, _) in PEOPLE {
        writeln!(
            text,
            "{name} namespaces=\"{namespaces}\" {}",
            public_key(name)
        )
        .expect("text");
    }
    text
}

/// One proposal with all that was said about it.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) plan: PlanInputs,
    pub(crate) session: SessionId,
    pub(crate) policy: Digest,
    pub(crate) nonce: Nonce,
    pub(crate) boot: String,
    pub(crate) now: Moment,
    pub(crate) quorum: u8,
    pub(crate) executor: String,
    pub(crate) confirmers: Vec<String>,
}

impl Desk {
    /// `ann` proposes and executes, `bob` confirms: a command without anything in it yet.
    pub(crate) fn new(policy: Digest, nonce: Nonce, boot: &str, now: Moment) -> Self {
        Self {
            plan: PlanInputs {
                step: StepId::new("drain").expect("valid"),
                attempt: AttemptNo(1),
                risk: Risk::Destructive,
                title: "Drain broker 3".to_owned(),
                target: "kafka-3".to_owned(),
                blast: "1 of 12".to_owned(),
                runas: "warroom-exec".to_owned(),
                host: "bastion-1".to_owned(),
                cwd: "/".to_owned(),
                exe: Some(("/bin/true".to_owned(), Digest::of(b"exe"))),
                argv: vec!["true".to_owned()],
                env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
                stdin: "empty".to_owned(),
                timeout_s: 60,
                on_executor_lost: OnExecutorLost::Continue,
                guards: Vec::new(),
                undo: String::new(),
            },
            session: SessionId::from_parts(1_795_320_631_250, 7),
            policy,
            nonce,
            boot: boot.to_owned(),
            now,
            quorum: 1,
            executor: "ann".to_owned(),
            confirmers: vec!["bob".to_owned()],
        }
    }

    /// The plan's bytes.
    pub(crate) fn plan_bytes(&self) -> Vec<u8> {
        render(&self.plan).expect("a plan").into_bytes()
    }

    /// Header of a record of this session.
    pub(crate) fn header(
        &self,
        seq: u64,
        prev: &str,
        kind: &str,
        actor: &str,
        body: &[u8],
    ) -> Vec<u8> {
        Doc::new("warroom-event", 1)
            .with("session", self.session.as_str())
            .with("seq", seq.to_string())
            .with("prev", prev)
            .with("time", self.now.wall.to_string())
            .with("boot", &self.boot)
            .with("mono-ms", self.now.mono_ms.to_string())
            .with("kind", kind)
            .with("actor", actor)
            .with("via", "uid:61001")
            .with("body", Digest::of(body).to_string())
            .with("body-len", body.len().to_string())
            .print()
            .expect("a header")
    }

    /// Header of record 0.
    pub(crate) fn genesis(&self) -> Vec<u8> {
        self.header(0, "none", "session.opened", "ann", b"genesis")
    }

    /// Header of the proposal.
    pub(crate) fn proposed(&self) -> Vec<u8> {
        let prev = Digest::of(b"before").to_string();
        self.header(41, &prev, "step.proposed", "ann", &self.plan_bytes())
    }

    /// The lines of a statement, to be changed at will.
    pub(crate) fn lines(&self, kind: Kind, signer: &str) -> Vec<(&'static str, String)> {
        let place = format!("41 {}", Digest::of(&self.proposed()));
        let mut lines = vec![
            ("session", self.session.to_string()),
            ("genesis", Digest::of(&self.genesis()).to_string()),
            ("policy", self.policy.to_string()),
        ];
        if kind != Kind::Propose {
            lines.push(("proposal", place.clone()));
            lines.push(("head", place));
        }
        lines.extend([
            ("runbook", Digest::of(b"runbook").to_string()),
            ("commit", "none".to_owned()),
            ("step", self.plan.step.to_string()),
            ("attempt", self.plan.attempt.to_string()),
            ("plan", Digest::of(&self.plan_bytes()).to_string()),
            ("quorum", self.quorum.to_string()),
            ("proposer", "ann".to_owned()),
            ("executor", self.executor.clone()),
            ("signer", signer.to_owned()),
        ]);
        if kind == Kind::Go {
            lines.push(("confirms", self.confirms_digest().to_string()));
        }
        if kind == Kind::Breakglass {
            lines.push((
                "reason",
                Digest::of(b"nobody answers the phone").to_string(),
            ));
            lines.push(("page", "sent".to_owned()));
        }
        let expires = self.now.wall.plus(std::time::Duration::from_secs(900));
        lines.extend([
            ("nonce", self.nonce.to_string()),
            ("issued", self.now.wall.to_seconds_text()),
            ("expires", expires.to_seconds_text()),
        ]);
        lines
    }

    fn confirms_digest(&self) -> Digest {
        let mut digests: Vec<String> = self
            .confirmers
            .iter()
            .map(|name| {
                let statement = statement(Kind::Confirm, &self.lines(Kind::Confirm, name));
                format!("{}\n", Digest::of(&statement))
            })
            .collect();
        digests.sort();
        Digest::of(digests.concat().as_bytes())
    }

    /// A statement as its signer made it.
    pub(crate) fn said(&self, kind: Kind, signer: &str) -> Spoken {
        signed(kind, &self.lines(kind, signer), signer)
    }

    /// The whole ticket.
    pub(crate) fn ticket(&self) -> Ticket {
        let confirms = self.confirmers.iter();
        Ticket {
            genesis: self.genesis(),
            proposed: self.proposed(),
            plan: self.plan_bytes(),
            propose: self.said(Kind::Propose, "ann"),
            confirms: confirms
                .map(|name| self.said(Kind::Confirm, name))
                .collect(),
            go: self.said(Kind::Go, &self.executor),
            stdin: Vec::new(),
        }
    }
}

/// A statement of these lines.
pub(crate) fn statement(kind: Kind, lines: &[(&'static str, String)]) -> Vec<u8> {
    let title = kind.namespace().strip_suffix("@v1").expect("version 1");
    lines
        .iter()
        .fold(Doc::new(title, 1), |doc, (key, value)| doc.with(key, value))
        .print_statement()
        .expect("a statement")
}

/// A statement of these lines, signed by the key of that name.
pub(crate) fn signed(kind: Kind, lines: &[(&'static str, String)], by: &str) -> Spoken {
    let statement = statement(kind, lines);
    let armour = make::sign(&pair(by), kind.namespace(), &statement).expect("signed");
    Spoken {
        via: Via::Sshsig {
            key: "SHA256:x".to_owned(),
            touch: Touch::None,
            detached: false,
        },
        statement,
        armour,
    }
}

/// The same words without a signature.
pub(crate) fn unsigned(mut spoken: Spoken, via: Via) -> Spoken {
    spoken.armour.clear();
    spoken.via = via;
    spoken
}
