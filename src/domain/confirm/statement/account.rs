//! What a confirm states that rests on an account alone: the same lines, under a title of its own, and a line that says
//! what that proves. Nothing is signed here, so this is no [`Kind`](super::Kind) and has no namespace; the lines of a
//! confirm that is signed are fixed byte for byte and have no room for it.

use super::{about, confirm_statement, head_of, is_expected};
use crate::domain::digest::Digest;
use crate::domain::doc::DocError;
use crate::domain::fact::Via;
use crate::domain::id::{PersonId, Seq};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::state::{Proposal, State};

/// Name of the document, without its version.
pub const ACCOUNT_TITLE: &str = "warroom-confirm-uid";

/// What somebody states who confirms without a signature, having seen records up to `head`.
///
/// By an account alone it is a `warroom-confirm-uid@v1`, which says that it proves no second person; by anything else,
/// such as a code, it is the `warroom-confirm@v1`. Absent while no plan is on the table.
///
/// # Errors
/// [`DocError`] when a value is too long for a statement.
pub fn unsigned_statement(
    state: &State,
    proposal: &Proposal,
    signer: &PersonId,
    via: &Via,
    head: (Seq, Digest),
) -> Option<Result<String, DocError>> {
    let Via::Uid(uid) = via else {
        return confirm_statement(state, proposal, signer, head);
    };
    let evidence = format!(
        "uid:{uid} alone, which proves no second person: whoever can become this account could have said it"
    );
    let stated = about(state, proposal, signer, head)?;
    Some(stated.print_titled(ACCOUNT_TITLE, &[("evidence", &evidence)]))
}

/// As [`is_expected`], for somebody who is known by `via`: an account alone states that it is one.
pub fn is_expected_by(
    state: &State,
    proposal: &Proposal,
    signer: &PersonId,
    via: &Via,
    statement: &str,
) -> bool {
    if !matches!(via, Via::Uid(_)) || is_off(Guard::Statement) {
        return is_expected(state, proposal, signer, statement);
    }
    let Some(head) = head_of(statement).filter(|head| proposal.heads.contains(head)) else {
        return false;
    };
    matches!(
        unsigned_statement(state, proposal, signer, via, head),
        Some(Ok(expected)) if expected == statement
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::{Room, person};

    #[test]
    fn an_account_alone_says_what_it_proves_and_nothing_else_passes_for_it() {
        let room = Room::proposed();
        let (state, open) = (&room.state, room.state.proposal.as_ref().expect("open"));
        let bob = person("bob");
        let (by_uid, by_code) = (Via::Uid(1002), Via::Totp { step: 7 });
        let of = |via: &Via| {
            unsigned_statement(state, open, &bob, via, state.head)
                .expect("open")
                .expect("short")
        };
        let (account, code) = (of(&by_uid), of(&by_code));
        assert!(account.starts_with("warroom-confirm-uid@v1\nsession: "));
        assert!(
            account.contains(
                "\nsigner: bob\nevidence: uid:1002 alone, which proves no second person: "
            )
        );
        assert!(code.starts_with("warroom-confirm@v1\n") && !code.contains("evidence"));
        // But for the title and that line they are the same.
        let bare: Vec<&str> = account
            .lines()
            .skip(1)
            .filter(|line| !line.starts_with("evidence: "))
            .collect();
        assert_eq!(bare, code.lines().skip(1).collect::<Vec<_>>());
        assert_eq!(head_of(&account), Some(state.head));
        let expected = |via: &Via, text: &str| is_expected_by(state, open, &bob, via, text);
        assert!(expected(&by_uid, &account) && expected(&by_code, &code));
        assert!(!expected(&by_uid, &code) && !expected(&by_code, &account));
        assert!(!expected(&Via::Uid(1003), &account), "another account");
    }
}
