//! The ticket: everything a runner needs to judge one execution by itself, and nothing that it has to believe.
//!
//! It carries the exact bytes that were shown, chained and signed. What they mean is worked out anew from them
//! (`judge`), so that no field here repeats what another one says.

use super::parts::{PartsFault, PartsReader, PartsWriter};
use crate::domain::digest::Digest;
use crate::domain::doc::{DOC_BYTES_MAX, STATEMENT_BYTES_MAX};
use crate::domain::fact::Via;

/// First line of a ticket.
const TITLE: &str = "warroom-ticket@v1";
/// Longest armoured signature: RSA of 8192 bits takes 3 KiB, everything else a tenth of it.
pub const ARMOUR_BYTES_MAX: usize = 4 * 1024;
/// Longest text of an evidence: `sshsig+uv+detached:` and a fingerprint, with room to spare.
const VIA_BYTES_MAX: usize = 128;
/// Most confirms: every confirmer of the largest quorum that anybody can gather, and some who confirmed besides.
pub const CONFIRMS_MAX: usize = 32;
/// Longest standard input: a file of statements for a database; more is data and belongs on the host.
pub const STDIN_BYTES_MAX: usize = 256 * 1024;
/// Longest ticket, the sum of its parts rounded up: checked before anything is allocated for it.
pub const TICKET_BYTES_MAX: usize = 1024 * 1024;

/// A statement and what proves who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// How the server says the person is known. Believed for nothing that needs a signature.
    pub via: Via,
    /// The statement's bytes, whole.
    pub statement: Vec<u8>,
    /// Armoured SSHSIG over it; empty for evidence that is no signature.
    pub armour: String,
}

/// One request to run one reviewed command once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Header of record 0 of the session's journal: its digest is the session's genesis.
    pub genesis: Vec<u8>,
    /// Header of the `step.proposed` record: its digest is the proposal.
    pub proposed: Vec<u8>,
    /// Body of that record: the `warroom-plan@v1` document.
    pub plan: Vec<u8>,
    /// What the proposer stated.
    pub propose: Spoken,
    /// What the confirmers stated, in the order of the journal.
    pub confirms: Vec<Spoken>,
    /// What the executor stated.
    pub go: Spoken,
    /// Bytes for standard input when the plan names them by their digest; empty otherwise.
    pub stdin: Vec<u8>,
}

fn write(parts: PartsWriter, name: &str, spoken: &Spoken) -> PartsWriter {
    parts
        .with(&format!("{name}.via"), spoken.via.to_text())
        .with(name, &spoken.statement)
        .with(&format!("{name}.signature"), &spoken.armour)
}

fn read(parts: &mut PartsReader<'_>, name: &str) -> Result<Spoken, PartsFault> {
    Ok(Spoken {
        via: parts.parsed(
            &format!("{name}.via"),
            VIA_BYTES_MAX,
            "evidence such as `sshsig:SHA256:...` or `uid:1001`",
            Via::parse,
        )?,
        statement: parts.take(name, STATEMENT_BYTES_MAX)?.to_vec(),
        armour: parts
            .text(&format!("{name}.signature"), ARMOUR_BYTES_MAX)?
            .to_owned(),
    })
}

impl Ticket {
    /// The ticket's bytes; [`Ticket::parse`] gives it back.
    pub fn print(&self) -> Vec<u8> {
        let mut parts = PartsWriter::new(TITLE)
            .with("genesis", &self.genesis)
            .with("proposed", &self.proposed)
            .with("plan", &self.plan);
        parts = write(parts, "propose", &self.propose);
        parts = parts.with("confirmc", self.confirms.len().to_string());
        for confirm in &self.confirms {
            parts = write(parts, "confirm", confirm);
        }
        write(parts, "go", &self.go)
            .with("stdin", &self.stdin)
            .finish()
    }

    /// Reads a ticket. Nothing is judged here but form and length.
    ///
    /// # Errors
    /// [`PartsFault`] for anything that [`Ticket::print`] does not write.
    pub fn parse(bytes: &[u8]) -> Result<Self, PartsFault> {
        if bytes.len() > TICKET_BYTES_MAX {
            return Err(PartsFault::TooLong {
                name: "ticket".to_owned(),
                bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                limit: TICKET_BYTES_MAX,
            });
        }
        let mut parts = PartsReader::new(bytes, TITLE)?;
        let genesis = parts.take("genesis", STATEMENT_BYTES_MAX)?.to_vec();
        let proposed = parts.take("proposed", STATEMENT_BYTES_MAX)?.to_vec();
        let plan = parts.take("plan", DOC_BYTES_MAX)?.to_vec();
        let propose = read(&mut parts, "propose")?;
        let count = parts.count("confirm", CONFIRMS_MAX)?;
        let confirms = (0..count)
            .map(|_| read(&mut parts, "confirm"))
            .collect::<Result<_, _>>()?;
        let ticket = Self {
            genesis,
            proposed,
            plan,
            propose,
            confirms,
            go: read(&mut parts, "go")?,
            stdin: parts.take("stdin", STDIN_BYTES_MAX)?.to_vec(),
        };
        parts.finish()?;
        Ok(ticket)
    }

    /// Digest that `warroom-go@v1` names as `confirms`: over the sorted digests of the confirm statements, each as
    /// its text and a line feed.
    pub fn confirms_digest(&self) -> Digest {
        let mut digests: Vec<String> = self
            .confirms
            .iter()
            .map(|confirm| format!("{}\n", Digest::of(&confirm.statement)))
            .collect();
        digests.sort();
        Digest::of(digests.concat().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spoken() -> impl Strategy<Value = Spoken> {
        let via = prop_oneof![
            any::<u32>().prop_map(Via::Uid),
            any::<u64>().prop_map(|step| Via::Totp { step }),
        ];
        let statement = proptest::collection::vec(any::<u8>(), 0..200);
        (via, statement, "[ -~\n]{0,200}").prop_map(|(via, statement, armour)| Spoken {
            via,
            statement,
            armour,
        })
    }

    prop_compose! {
        fn tickets()(
            genesis in proptest::collection::vec(any::<u8>(), 0..100),
            plan in proptest::collection::vec(any::<u8>(), 0..300),
            propose in spoken(),
            confirms in proptest::collection::vec(spoken(), 0..4),
            go in spoken(),
            stdin in proptest::collection::vec(any::<u8>(), 0..100),
        ) -> Ticket {
            Ticket { proposed: plan.clone(), genesis, plan, propose, confirms, go, stdin }
        }
    }

    proptest! {
        #[test]
        fn a_ticket_is_read_back(ticket in tickets()) {
            let bytes = ticket.print();
            prop_assert_eq!(Ticket::parse(&bytes), Ok(ticket));
        }

        #[test]
        fn what_is_read_prints_as_it_came(
            ticket in tickets(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut bytes = ticket.print();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(read) = Ticket::parse(&bytes) {
                prop_assert_eq!(read.print(), bytes);
            }
        }

        #[test]
        fn random_bytes_are_no_ticket(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Ticket::parse(&bytes).is_err());
        }
    }

    #[test]
    fn the_seed_of_the_fuzzer_is_a_ticket() {
        let seed = include_bytes!("../../fuzz/seeds/ticket/ticket");
        let ticket = Ticket::parse(seed).expect("a ticket");
        assert_eq!(ticket.confirms.len(), 1);
        assert_eq!(ticket.print(), seed);
    }

    #[test]
    fn too_many_confirms_and_too_long_a_statement_are_refused() {
        let one = Spoken {
            via: Via::Uid(1001),
            statement: vec![b'x'; STATEMENT_BYTES_MAX],
            armour: String::new(),
        };
        let mut ticket = Ticket {
            genesis: Vec::new(),
            proposed: Vec::new(),
            plan: Vec::new(),
            propose: one.clone(),
            confirms: vec![one.clone(); CONFIRMS_MAX],
            go: one.clone(),
            stdin: Vec::new(),
        };
        assert_eq!(Ticket::parse(&ticket.print()), Ok(ticket.clone()));
        ticket.confirms.push(one);
        assert!(Ticket::parse(&ticket.print()).is_err());
        ticket.confirms.clear();
        ticket.go.statement.push(b'x');
        assert!(Ticket::parse(&ticket.print()).is_err());
    }
}
