use super::*;
use crate::evidence::fixture::{BEGIN, CONFIRM_BODY, END, halves, listed, pair};
use crate::evidence::make;
use proptest::prelude::*;

const PLAN: &str = include_str!("../../../tests/data/evidence/plan");

fn statement() -> &'static str {
    halves(CONFIRM_BODY).0
}

fn request() -> Request {
    Request::new(statement(), Some(PLAN)).expect("good")
}

/// A plan of one line, and a statement that names it.
fn of_value(value: &str) -> Request {
    let plan = Doc::new("warroom-plan", 1).with("note", value);
    let plan = String::from_utf8(plan.print().expect("printable")).expect("text");
    let digest = Digest::of(plan.as_bytes()).to_string();
    let statement = Doc::new("warroom-confirm", 1).with("plan", digest);
    let statement = statement.print_statement().expect("printable");
    Request::new(std::str::from_utf8(&statement).expect("text"), Some(&plan)).expect("good")
}

#[test]
fn a_request_is_read_back_with_words_to_compare() {
    let printed = request().print();
    assert!(printed.lines().all(|line| line.len() <= LINE_MAX));
    assert!(printed.starts_with("-----BEGIN WARROOM REQUEST-----\nwarroom-confirm@v1\nsession: "));
    let read = Request::parse(&printed).expect("whole");
    assert_eq!(read, request());
    assert_eq!((read.statement(), read.plan()), (statement(), Some(PLAN)));
    assert_eq!(read.namespace(), "warroom-confirm@v1");
    assert_eq!(
        read.words(),
        confirm_words(Digest::of(statement().as_bytes()))
    );
    // Words that came with the text would prove nothing.
    for word in read.words() {
        assert!(!printed.contains(word), "{word}");
    }
    let keys = vec![format!("SHA256:{}", "x".repeat(43)), "SHA256:y".to_owned()];
    let keyed = request().with_keys(keys.clone());
    let read = Request::parse(&keyed.print()).expect("whole");
    assert_eq!((read.keys(), &read), (keys.as_slice(), &keyed));
    assert!(Request::parse(&keyed.print().replace("~SHA256:y\n", "")).is_err());
    let hostile = request().with_keys(vec!["SHA256:\u{1b}[2J".to_owned()]);
    assert!(
        Request::parse(&hostile.print()).is_err(),
        "it would be shown"
    );
    let alone = Request::new(statement(), None).expect("good");
    assert_eq!(Request::parse(&alone.print()), Ok(alone));
}

/// What copying does to a text.
fn damages(text: &str) -> Vec<String> {
    let each = |prefix: &str| {
        let lines = text.lines().map(|line| format!("{prefix}{line}\n"));
        lines.collect::<String>()
    };
    vec![
        text.to_owned(),
        text.trim_end().to_owned(),
        text.replace('\n', "\r\n"),
        text.replace('\n', "\r"),
        text.replace('\n', "   \n"),
        text.replace('\n', "\n\n"),
        each("    "),
        each("\t"),
        each("> "),
        each(">> > "),
        each("| "),
        each("\u{2502} "),
        each("\u{a0}"),
        format!("\u{feff}{text}"),
        format!("bob@laptop:~$ warroom sign\n{text}\nbob@laptop:~$ \n"),
    ]
}

#[test]
fn what_copying_does_is_put_right() {
    for text in damages(&request().print()) {
        assert_eq!(Request::parse(&text), Ok(request()), "{text}");
    }
    let armour = halves(CONFIRM_BODY).1;
    let one_line = {
        let base64 = armour.replace(BEGIN, "").replace(END, "").replace('\n', "");
        format!("{BEGIN}{base64}\n{END}")
    };
    let narrow = armour.replace("AAAA", "AA\nAA");
    for text in damages(armour).into_iter().chain([one_line, narrow]) {
        assert_eq!(parse_answer(&text).as_deref(), Ok(armour), "{text}");
    }
}

#[test]
fn what_was_changed_is_not_given_out() {
    let printed = request().print();
    let (head, digest) = printed.split_once("\n=").expect("a digest");
    let no_digest = format!("{head}\n{REQUEST_END}\n");
    let two_digests = printed.replace("\n=", &format!("\n={}\n=", digest.split_at(64).0));
    for text in [
        printed.replace("attempt: 1", "attempt: 2"),
        printed.replace("attempt: 1\n", ""),
        printed.replace("attempt: 1", "Attempt: 1"),
        printed
            .replace(" - ", " \u{2013} ")
            .replace("--broker", "\u{2014}broker"),
        no_digest,
        two_digests,
    ] {
        assert_eq!(Request::parse(&text), Err(DetachedFault::Changed));
    }
    let fault = |text: &str| Request::parse(text).expect_err("refused");
    assert!(matches!(fault(""), DetachedFault::NoBegin { .. }));
    assert!(matches!(fault(statement()), DetachedFault::NoBegin { .. }));
    let cut = printed.replace(REQUEST_END, "");
    assert!(matches!(fault(&cut), DetachedFault::NoEnd { .. }));
    let twice = format!("{printed}{printed}");
    assert!(matches!(fault(&twice), DetachedFault::Several { .. }));
    assert_eq!(fault(&"x".repeat(TEXT_MAX + 1)), DetachedFault::TooLong);
}

/// By somebody who makes the digest fit as well.
#[test]
fn a_whole_text_that_is_no_statement_is_refused() {
    let forged = |body: &str| {
        let digest = Digest::of(body.as_bytes()).to_hex();
        let text = format!("{REQUEST_BEGIN}\n{body}={digest}\n{REQUEST_END}\n");
        Request::parse(&text).expect_err("refused")
    };
    assert!(matches!(
        forged("rm -rf: x\n"),
        DetachedFault::NoStatement { .. }
    ));
    assert!(matches!(forged(""), DetachedFault::NoStatement { .. }));
    let other = PLAN.replace("3.prod", "4.prod");
    assert_eq!(
        forged(&format!("{}{other}", statement())),
        DetachedFault::OtherPlan
    );
    let third = format!("{}{PLAN}{PLAN}", statement());
    assert!(matches!(
        forged(&third),
        DetachedFault::NoStatement { .. } | DetachedFault::OtherPlan
    ));
    assert!(forged("rm -rf: x\n").hint().starts_with("do not sign"));
}

#[test]
fn an_answer_is_given_in_the_one_form_or_not_at_all() {
    let armour = halves(CONFIRM_BODY).1;
    let fault = |text: &str| parse_answer(text).expect_err("refused");
    assert!(matches!(
        fault(&statement().replace('\n', " ")),
        DetachedFault::NoBegin { .. }
    ));
    assert!(matches!(
        fault(&format!("{armour}{armour}")),
        DetachedFault::Several { .. }
    ));
    assert!(matches!(
        fault(armour.trim_end_matches(END)),
        DetachedFault::NoEnd { .. }
    ));
    assert_eq!(
        fault(&armour.replace("U1NI", "U1N\u{406}")),
        DetachedFault::Signature(SigFault::Base64)
    );
    let shorter = armour.replace("SXA4=\n", "\n");
    assert!(matches!(fault(&shorter), DetachedFault::Signature(_)));
    // What is read goes through the same rules as any other.
    let answer = parse_answer(&format!("  {}", armour.replace('\n', "\n  "))).expect("read");
    let key = make::public_key(&pair("bob")).expect("good");
    let bob = listed("bob", key, &["warroom-confirm@v1"]);
    let at = crate::domain::time::Timestamp::from_millis(0);
    let signature = Signature::parse(&answer).expect("read");
    let proof = signature.check(
        statement().as_bytes(),
        "warroom-confirm@v1",
        &bob,
        false,
        at,
    );
    assert_eq!(proof.expect("good").person.as_str(), "bob");
}

proptest! {
    #[test]
    fn every_request_survives_every_way_of_copying(
        value in "([ -~]{1,40}|[a-z]{60,200}| {1,90}x){1,4}",
        way in 0..15_usize,
    ) {
        let request = of_value(&value);
        let text = damages(&request.print()).swap_remove(way);
        prop_assert_eq!(Request::parse(&text), Ok(request));
    }

    #[test]
    fn any_text_is_refused_or_prints_as_itself(text in "(-----BEGIN WARROOM REQUEST-----\n)?([a-z+=@:0-9 ]{0,30}\n){0,5}(-----END WARROOM REQUEST-----)?.{0,30}") {
        if let Ok(request) = Request::parse(&text) {
            prop_assert_eq!(Request::parse(&request.print()), Ok(request));
        }
        prop_assert!(parse_answer(&text).is_err());
    }
}
