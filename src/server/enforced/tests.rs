//! Tickets that are put together from a journal.

use super::*;
use crate::domain::fact::{Actor, Confirmed, Signed, Touch};
use crate::domain::fixture::Room;
use crate::domain::id::PersonId;
use crate::domain::runbook::plan::ExecRole;
use crate::domain::time::Timestamp;
use crate::journal::{Chain, Content, SessionDir, Space, Stamp, Writer, open, seal};

/// A journal of what people said about one proposal.
struct Book {
    ran: Ran,
    session: SessionId,
    chain: Chain,
    records: Vec<Record>,
}

impl Book {
    /// Opened and proposed.
    fn new() -> Self {
        let room = Room::proposed();
        let proposal = room.state.proposal.as_ref().expect("open");
        let mut book = Self {
            ran: Ran {
                terms: proposal.terms.clone(),
                proposed: (Seq(2), Digest::of(b"x")),
                open: None,
                glass: None,
            },
            session: room.state.genesis.session.clone(),
            chain: Chain::default(),
            records: Vec::new(),
        };
        for kind in ["session.opened", "proposal.opened", "step.proposed"] {
            book.put("ann", "SHA256:ann", kind, b"body".to_vec());
        }
        book.ran.proposed.1 = book.records[2].hash();
        book
    }

    fn put(&mut self, who: &str, key: &str, kind: &str, body: Vec<u8>) {
        let actor = Actor::Person {
            id: PersonId::new(who).expect("valid"),
            via: Via::Sshsig {
                key: key.to_owned(),
                touch: Touch::None,
                detached: false,
            },
        };
        let content = Content {
            kind: kind.to_owned(),
            actor: actor.to_actor_text(),
            via: actor.to_via_text(),
            body,
        };
        let stamp = Stamp {
            time: Timestamp::from_millis(1_700_000_000_000),
            boot: "boot",
            mono_ms: 1,
        };
        let (seq, prev) = (self.chain.next(), self.chain.prev());
        let record = seal(&self.session, seq, prev, stamp, content).expect("sealed");
        self.chain.accept(&record).expect("next");
        self.records.push(record);
    }

    fn say(&mut self, who: &str, key: &str, fact: &Fact) {
        let actor = Actor::Engine;
        let content = facts::content(&actor, fact, None).expect("content");
        self.put(who, key, &content.kind, content.body);
    }

    fn confirm(&mut self, who: &str, key: &str, statement: &str) {
        let confirmed = Fact::StepConfirmed(Confirmed {
            step: self.ran.terms.step.clone(),
            signer: PersonId::new(who).expect("valid"),
            statement: statement.to_owned(),
            signature: "-----BEGIN SSH SIGNATURE-----\n".to_owned(),
        });
        self.say(who, key, &confirmed);
    }

    /// The ticket of the go that comes last.
    fn ticket(mut self) -> Ticket {
        let key = ExecKey {
            step: self.ran.terms.step.clone(),
            attempt: self.ran.terms.attempt,
            block: 0,
            try_no: 1,
        };
        let nonce = Some(self.ran.terms.nonce.clone());
        let role = ExecRole::Run;
        self.say("ann", "SHA256:ann", &Fact::ExecIntent { key, role, nonce });
        let errand = Errand {
            genesis: self.records[0].hash(),
            name: RunName::forward(self.ran.terms.nonce.clone()),
            last: self.records.last().expect("some").header().seq,
            session: self.session,
            ran: self.ran,
            back: None,
        };
        let place = tempfile::tempdir().expect("a directory");
        let dir = SessionDir::open(&place.path().join("session")).expect("made");
        let writer = Writer::start(open(dir, |_| {}).expect("opened")).expect("started");
        let written = writer.submit(self.records, Space::Ordinary).wait();
        written.expect("durable");
        errand.forward(&writer.log()).expect("a ticket")
    }
}

fn said(ticket: &Ticket) -> Vec<&str> {
    let texts = ticket.confirms.iter();
    texts
        .map(|spoken| std::str::from_utf8(&spoken.statement).expect("text"))
        .collect()
}

#[test]
fn a_ticket_carries_the_newest_confirm_of_each_person() {
    let mut book = Book::new();
    book.confirm(
        "bob",
        "SHA256:lost",
        "bob, by a key that was revoked then\n",
    );
    book.confirm("cho", "SHA256:cho", "cho\n");
    book.confirm("bob", "SHA256:new", "bob, by another\n");
    let ticket = book.ticket();
    // As the session counts them, so that a signed go names the same.
    assert_eq!(said(&ticket), ["cho\n", "bob, by another\n"]);
    let via = ticket.confirms.get(1).map(|spoken| spoken.via.to_text());
    assert_eq!(via.as_deref(), Some("sshsig:SHA256:new"));
}

#[test]
fn who_goes_alone_stands_beside_who_confirmed() {
    let mut book = Book::new();
    let statement = "warroom-breakglass@v1\n".to_owned();
    book.ran.glass = Some(Digest::of(statement.as_bytes()));
    book.confirm("bob", "SHA256:bob", "bob\n");
    let signature = "-----BEGIN SSH SIGNATURE-----\n".to_owned();
    let alone = Fact::StatementSigned(Signed {
        statement,
        signature,
    });
    book.say("ann", "SHA256:ann", &alone);
    assert_eq!(said(&book.ticket()), ["bob\n", "warroom-breakglass@v1\n"]);
}
