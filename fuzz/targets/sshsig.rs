//! Signatures, keys and what people paste: what is read prints as the same text, and nothing made of random bytes passes
//! for a signature.

use warroom::domain::id::PersonId;
use warroom::domain::time::Timestamp;
use warroom::evidence::detached::{Request, parse_answer};
use warroom::evidence::key::{Key, Listed};
use warroom::evidence::sshsig::Signature;
use warroom::evidence::store::Kept as _;
use warroom::evidence::totp::ledger::Ledger;

/// What the seeds are signatures in; another text than they are over.
const NAMESPACE: &str = "warroom-confirm@v1";

/// Takes one input.
pub(crate) fn run(bytes: &[u8]) {
    if let Ok(key) = Key::of_blob(bytes) {
        let text = key.to_string();
        let (name, base64) = text.split_once(' ').expect("two words");
        assert_eq!(Key::parse(name, base64).as_ref(), Ok(&key));
        assert_eq!(key.blob(), bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    judge(text);
    match parse_answer(text) {
        Ok(armour) => judge(&armour),
        Err(fault) => drop((fault.to_string(), fault.hint())),
    }
    if let Ok(request) = Request::parse(text) {
        assert_eq!(Request::parse(&request.print()), Ok(request));
    }
    if let Ok(ledger) = Ledger::parse(text) {
        assert_eq!(ledger.print(), text);
    }
}

fn judge(armour: &str) {
    let signature = match Signature::parse(armour) {
        Ok(signature) => signature,
        Err(fault) => return drop((fault.to_string(), fault.hint())),
    };
    assert_eq!(parse_answer(armour).as_deref(), Ok(armour));
    let listed = Listed {
        person: PersonId::new("bob").expect("valid"),
        namespaces: [NAMESPACE.to_owned()].into(),
        valid_after: None,
        valid_before: None,
        key: signature.key().clone(),
        line: 1,
    };
    let at = Timestamp::from_millis(0);
    let judged = signature.check(b"nobody signed this", NAMESPACE, &listed, false, at);
    assert!(judged.is_err(), "forged: {armour}");
}
