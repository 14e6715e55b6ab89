//! What the enforcing runner reads: tickets with their statements and plans, requests, answers. What is read is
//! written again as it came.

use warroom::enforce::frame::{Answer, Request};
use warroom::enforce::plan;
use warroom::enforce::said::{Head, Kind, Said};
use warroom::enforce::ticket::Ticket;

/// Takes one input.
pub(crate) fn run(bytes: &[u8]) {
    if let Ok(ticket) = Ticket::parse(bytes) {
        assert_eq!(ticket.print(), bytes);
        let spoken = ticket.confirms.iter().chain([&ticket.propose, &ticket.go]);
        for spoken in spoken {
            documents(&spoken.statement);
        }
        documents(&ticket.plan);
        documents(&ticket.proposed);
    }
    documents(bytes);
    if let Ok(request) = Request::parse(bytes.to_vec()) {
        assert_eq!(request.print(), bytes);
    }
    if let Ok(answer) = Answer::parse(bytes) {
        assert_eq!(Answer::parse(&answer.print()), Ok(answer));
    }
}

fn documents(bytes: &[u8]) {
    for kind in [Kind::Propose, Kind::Confirm, Kind::Go] {
        drop(Said::parse(kind, bytes));
    }
    drop(Head::parse(bytes));
    drop(plan::read(bytes));
}
