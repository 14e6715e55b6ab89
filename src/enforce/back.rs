//! The ticket of a way back: what was run, what its people reviewed for going back, and who began to.

use super::parts::{PartsFault, PartsReader, PartsWriter};
use super::ticket::TICKET_BYTES_MAX;
use crate::domain::doc::{DOC_BYTES_MAX, STATEMENT_BYTES_MAX};

/// First line of such a ticket.
const TITLE: &str = "warroom-undo-ticket@v1";

/// One request to run the reviewed way back once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackTicket {
    /// The ticket of the way forward, to the byte.
    pub forward: Vec<u8>,
    /// The `warroom-undo@v1` document whose digest stands in the plan of the way forward.
    pub undo: Vec<u8>,
    /// Which try, from 1.
    pub try_no: u32,
    /// Header of the `rollback.started` record: who began to go back is the session server's word.
    pub began: Vec<u8>,
}

impl BackTicket {
    /// True for bytes that begin like such a ticket.
    pub fn is_one(bytes: &[u8]) -> bool {
        PartsReader::new(bytes, TITLE).is_ok()
    }

    /// The ticket's bytes; [`BackTicket::parse`] gives it back.
    pub fn print(&self) -> Vec<u8> {
        PartsWriter::new(TITLE)
            .with("forward", &self.forward)
            .with("undo", &self.undo)
            .with("try", self.try_no.to_string())
            .with("began", &self.began)
            .finish()
    }

    /// Reads a ticket. Nothing is judged here but form and length.
    ///
    /// # Errors
    /// [`PartsFault`] for anything that [`BackTicket::print`] does not write.
    pub fn parse(bytes: &[u8]) -> Result<Self, PartsFault> {
        let mut parts = PartsReader::new(bytes, TITLE)?;
        let ticket = Self {
            forward: parts.take("forward", TICKET_BYTES_MAX)?.to_vec(),
            undo: parts.take("undo", DOC_BYTES_MAX)?.to_vec(),
            try_no: u32::try_from(parts.number("try")?).map_err(|_| PartsFault::Value {
                name: "try".to_owned(),
                expected: "the number of a try",
            })?,
            began: parts.take("began", STATEMENT_BYTES_MAX)?.to_vec(),
        };
        parts.finish()?;
        Ok(ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_of_a_way_back_is_read_back_and_no_other() {
        let ticket = BackTicket {
            forward: b"warroom-ticket@v1\n".to_vec(),
            undo: b"warroom-undo@v1\n".to_vec(),
            try_no: 2,
            began: b"header\n".to_vec(),
        };
        let bytes = ticket.print();
        assert!(BackTicket::is_one(&bytes) && !BackTicket::is_one(&ticket.forward));
        assert_eq!(BackTicket::parse(&bytes), Ok(ticket));
        for end in 0..bytes.len() {
            assert!(BackTicket::parse(&bytes[..end]).is_err());
        }
    }
}
