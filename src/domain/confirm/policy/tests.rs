//! The table of `TWO_PERSON` 3.5 line by line, and that a runbook only ever raises it.

use super::*;
use crate::domain::fact::Touch;
use proptest::prelude::*;

const RISKS: [Risk; 4] = [
    Risk::Read,
    Risk::Change,
    Risk::Destructive,
    Risk::Irreversible,
];
const MODES: [Mode; 3] = [Mode::Enforced, Mode::Advisory, Mode::Demo];

fn rule(risk: Risk, mode: Mode, is_own: bool) -> ClassRule {
    Rules::default().rule_for(risk, mode, is_own)
}

fn short(rule: &ClassRule) -> String {
    format!(
        "{} {} {} {} {} {}",
        rule.confirmers,
        rule.confirmer.as_str(),
        rule.proposer.as_str(),
        rule.go.as_str(),
        rule.others.as_str(),
        rule.presence.as_str(),
    )
}

#[test]
fn without_a_file_the_table_holds() {
    let table = [
        (Risk::Read, Mode::Enforced, false, "0 uid uid uid uid no"),
        (Risk::Read, Mode::Advisory, true, "0 uid uid uid uid no"),
        (Risk::Change, Mode::Enforced, false, "1 uid uid uid uid no"),
        (Risk::Change, Mode::Advisory, false, "1 uid uid uid uid no"),
        (
            Risk::Change,
            Mode::Advisory,
            true,
            "1 uid uid uid sshsig no",
        ),
        (
            Risk::Destructive,
            Mode::Enforced,
            false,
            "1 sshsig sshsig uid uid yes",
        ),
        (
            Risk::Destructive,
            Mode::Advisory,
            false,
            "1 totp uid uid uid yes",
        ),
        (
            Risk::Destructive,
            Mode::Advisory,
            true,
            "1 sshsig uid uid sshsig yes",
        ),
        (Risk::Destructive, Mode::Demo, true, "1 uid uid uid uid yes"),
        (
            Risk::Irreversible,
            Mode::Enforced,
            false,
            "2 sshsig+up sshsig sshsig uid unless-detached",
        ),
        (
            Risk::Irreversible,
            Mode::Advisory,
            false,
            "2 sshsig+up sshsig sshsig uid unless-detached",
        ),
        (
            Risk::Irreversible,
            Mode::Advisory,
            true,
            "2 sshsig+up sshsig sshsig sshsig unless-detached",
        ),
        (
            Risk::Irreversible,
            Mode::Demo,
            false,
            "2 uid uid uid uid unless-detached",
        ),
    ];
    for (risk, mode, is_own, expected) in table {
        let rule = rule(risk, mode, is_own);
        assert_eq!(short(&rule), expected, "{risk:?} {mode:?} {is_own}");
        assert_eq!(rule.distinct_roles, risk == Risk::Irreversible);
        assert_eq!(rule.detached, u8::from(risk == Risk::Irreversible));
        assert_eq!(rule.independent_check, risk.needs_second_person());
        assert_eq!(rule.notice(), None);
    }
}

#[test]
fn under_a_persons_own_account_only_a_signature_speaks_for_somebody_else() {
    let rule = rule(Risk::Destructive, Mode::Advisory, true);
    assert_eq!(rule.needed(Purpose::Propose, true), Grade::Uid, "the owner");
    for purpose in [Purpose::Propose, Purpose::Confirm, Purpose::Go] {
        assert_eq!(rule.needed(purpose, false), Grade::Sshsig, "{purpose:?}");
    }
}

#[test]
fn a_line_takes_accounts_for_people_in_advisory_mode_alone_and_everything_says_so() {
    let rules = Rules {
        allow_uid: true,
        ..Rules::default()
    };
    for is_own in [true, false] {
        let rule = rules.rule_for(Risk::Destructive, Mode::Advisory, is_own);
        assert_eq!(short(&rule), "1 uid uid uid uid yes");
        assert_eq!(rule.notice(), Some(UID_BY_POLICY));
    }
    for risk in RISKS {
        let usual = rule(risk, Mode::Enforced, false);
        assert_eq!(rules.rule_for(risk, Mode::Enforced, false), usual);
    }
    let last = rules.rule_for(Risk::Irreversible, Mode::Advisory, true);
    assert_eq!((last.confirmer, last.notice()), (Grade::Touch, None));
    assert_eq!(
        rules.rule_for(Risk::Read, Mode::Advisory, true).notice(),
        None
    );
}

#[test]
fn lines_count_as_written_down_to_what_the_mode_cannot_do_without() {
    let mut rules = Rules::default();
    for risk in RISKS {
        *rules.lines_mut(risk) = ClassLines {
            confirmers: Some(0),
            confirmer: Some(Grade::Uid),
            proposer: Some(Grade::Uid),
            dwell: Some(Duration::from_secs(9)),
            ..ClassLines::default()
        };
    }
    let change = rules.rule_for(Risk::Change, Mode::Advisory, false);
    assert_eq!(
        (change.confirmers, change.dwell.base),
        (0, Duration::from_secs(9))
    );
    let enforced = rules.rule_for(Risk::Destructive, Mode::Enforced, false);
    assert_eq!(short(&enforced), "1 sshsig sshsig uid uid yes");
    let own = rules.rule_for(Risk::Irreversible, Mode::Advisory, true);
    assert_eq!((own.confirmers, own.confirmer), (1, Grade::Sshsig));
}

#[test]
fn dwell_grows_with_the_plan_and_with_what_it_touches_up_to_its_limit() {
    let dwell = rule(Risk::Destructive, Mode::Enforced, false).dwell;
    let of = |lines, targets| dwell.of(lines, targets).as_secs();
    assert_eq!((of(9, 0), of(9, 1), of(10, 1), of(40, 3)), (5, 5, 6, 11));
    assert_eq!((of(500, 1), of(0, usize::MAX)), (30, 30));
}

#[test]
fn a_detached_signature_stands_for_a_touch_and_for_nothing_more() {
    let via = |touch, detached| Via::Sshsig {
        key: "SHA256:x".to_owned(),
        touch,
        detached,
    };
    let cases = [
        (Grade::Sshsig, via(Touch::None, false), Met::Yes),
        (Grade::Sshsig, via(Touch::None, true), Met::Yes),
        (Grade::Touch, via(Touch::None, false), Met::No),
        (Grade::Touch, via(Touch::None, true), Met::Detached),
        (Grade::Touch, via(Touch::Present, true), Met::Yes),
        (Grade::Verified, via(Touch::Present, true), Met::Detached),
        (Grade::Verified, via(Touch::Verified, false), Met::Yes),
        (Grade::Totp, Via::Uid(1001), Met::No),
        (Grade::Uid, Via::Uid(0), Met::No),
        (Grade::Uid, Via::Demo, Met::Yes),
        (Grade::Sshsig, Via::Totp { step: 1 }, Met::No),
    ];
    for (grade, via, met) in cases {
        assert_eq!(grade.met_by(&via), met, "{grade:?} {via:?}");
    }
    let code = Via::Totp { step: 1 };
    assert!(breaks_glass([&via(Touch::Present, false)]));
    assert!(breaks_glass([&via(Touch::None, false), &code]));
    assert!(!breaks_glass([&via(Touch::None, false), &Via::Uid(1)]));
    assert!(!breaks_glass([&code, &code]));
}

fn grade() -> impl Strategy<Value = Grade> {
    (0..Grade::WORDS.len()).prop_map(|place| Grade::WORDS[place].1)
}

fn raise() -> impl Strategy<Value = Raise> {
    let grades = (
        proptest::option::of(grade()),
        proptest::option::of(grade()),
        proptest::option::of(grade()),
    );
    let presence = proptest::option::of((0..3_usize).prop_map(|place| Presence::WORDS[place].1));
    let dwell = proptest::option::of((0..60_u64, 0..60_u64).prop_map(|(base, longest)| Dwell {
        base: Duration::from_secs(base),
        per_ten_lines: Duration::ZERO,
        per_target: Duration::ZERO,
        longest: Duration::from_secs(longest),
    }));
    (
        proptest::option::of(any::<u8>()),
        any::<(bool, bool)>(),
        grades,
        presence,
        dwell,
    )
        .prop_map(
            |(confirmers, (distinct_roles, independent_check), grades, presence, dwell)| Raise {
                confirmers,
                distinct_roles,
                confirmer: grades.0,
                proposer: grades.1,
                go: grades.2,
                presence,
                independent_check,
                dwell,
            },
        )
}

proptest! {
    #[test]
    fn a_runbook_raises_and_never_lowers(
        risk in 0..4_usize, mode in 0..3_usize, is_own: bool, allow_uid: bool, raise in raise(),
    ) {
        let rules = Rules { allow_uid, ..Rules::default() };
        let before = rules.rule_for(RISKS[risk], MODES[mode], is_own);
        let after = before.raised(&raise);
        prop_assert!(after.confirmers >= before.confirmers && after.confirmers <= CONFIRMERS_MAX);
        prop_assert!(after.distinct_roles >= before.distinct_roles);
        prop_assert!(after.confirmer >= before.confirmer);
        prop_assert!(after.proposer >= before.proposer && after.go >= before.go);
        prop_assert!(after.others == before.others && after.roles == before.roles);
        prop_assert!(after.detached <= before.detached);
        prop_assert!(after.presence >= before.presence);
        prop_assert!(after.independent_check >= before.independent_check);
        for (lines, targets) in [(0, 0), (30, 4), (1000, 1000)] {
            prop_assert!(after.dwell.of(lines, targets) >= before.dwell.of(lines, targets));
        }
        // What was asked is there, and asking again changes nothing.
        prop_assert!(raise.confirmer.is_none_or(|asked| after.confirmer >= asked));
        prop_assert_eq!(&after.raised(&raise), &after);
        prop_assert_eq!(&before.raised(&Raise::default()), &before);
    }
}
