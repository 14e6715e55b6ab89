//! U4: whatever one person brings, and in whatever order, they are one person.

use super::*;
use crate::domain::confirm::policy::{Grade, Rules};
use crate::domain::fact::{Mode, Touch};
use crate::domain::runbook::plan::Risk;
use proptest::prelude::*;

const NAMES: [&str; 6] = ["ann", "bob", "cho", "dan", "eve", "fay"];
const ALL_ROLES: [Role; 4] = [
    Role::Observer,
    Role::Operator,
    Role::Approver,
    Role::Breakglass,
];

fn person(place: usize) -> PersonId {
    PersonId::new(NAMES[place]).expect("a name")
}

/// People by place, with what they bring.
#[derive(Debug, Clone)]
struct Case {
    rule: ClassRule,
    proposer: usize,
    executor: usize,
    owner: Option<usize>,
    roles: Vec<BTreeSet<Role>>,
    pieces: Vec<(usize, Via)>,
}

impl Case {
    fn count(&self, pieces: &[(usize, Via)]) -> Count {
        let ids: Vec<PersonId> = (0..NAMES.len()).map(person).collect();
        let between = Between {
            proposer: &ids[self.proposer],
            executor: &ids[self.executor],
            owner: self.owner.map(|place| &ids[place]),
        };
        let pieces = pieces.iter().map(|(place, via)| Piece {
            person: &ids[*place],
            via,
        });
        count(&self.rule, between, pieces, |id| {
            let place = NAMES.iter().position(|name| *name == id.as_str());
            self.roles[place.expect("one of them")].clone()
        })
    }

    /// The greatest number of people with a role each, by trying every assignment.
    fn most(&self) -> usize {
        let mut may: Vec<(bool, BTreeSet<Role>)> = Vec::new();
        for place in 0..NAMES.len() {
            let grade = self
                .rule
                .needed(Purpose::Confirm, self.owner == Some(place));
            let brought = self.pieces.iter().filter(|(who, _)| *who == place);
            let best = brought
                .map(|(_, via)| grade.met_by(via))
                .fold(Met::No, |best, met| match (best, met) {
                    (Met::Yes, _) | (_, Met::Yes) => Met::Yes,
                    (Met::Detached, _) | (_, Met::Detached) => Met::Detached,
                    (Met::No, Met::No) => Met::No,
                });
            let roles: BTreeSet<Role> = self.roles[place]
                .intersection(&self.rule.roles)
                .copied()
                .collect();
            let counts = place != self.proposer && place != self.executor && best != Met::No;
            if counts && !roles.is_empty() {
                may.push((best == Met::Detached, roles));
            }
        }
        try_all(
            &may,
            &BTreeSet::new(),
            self.rule.detached,
            self.rule.distinct_roles,
        )
    }
}

fn try_all(
    may: &[(bool, BTreeSet<Role>)],
    taken: &BTreeSet<Role>,
    detached: u8,
    distinct: bool,
) -> usize {
    let Some(((is_away, roles), rest)) = may.split_first() else {
        return 0;
    };
    let mut best = try_all(rest, taken, detached, distinct);
    if *is_away && detached == 0 {
        return best;
    }
    let left = detached - u8::from(*is_away);
    for role in roles {
        if distinct && taken.contains(role) {
            continue;
        }
        let mut taken = taken.clone();
        taken.insert(*role);
        best = best.max(1 + try_all(rest, &taken, left, distinct));
    }
    best
}

fn via() -> impl Strategy<Value = Via> {
    let touch = prop_oneof![
        Just(Touch::None),
        Just(Touch::Present),
        Just(Touch::Verified)
    ];
    prop_oneof![
        prop_oneof![Just(0_u32), 1000..1010_u32].prop_map(Via::Uid),
        (0..3_u64).prop_map(|step| Via::Totp { step }),
        ("[a-c]", touch, any::<bool>()).prop_map(|(key, touch, detached)| Via::Sshsig {
            key: format!("SHA256:{key}"),
            touch,
            detached,
        }),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let role_set = proptest::collection::btree_set((0..4_usize).prop_map(|r| ALL_ROLES[r]), 0..4);
    let rule = (
        0..4_u8,
        any::<(bool, bool)>(),
        0..5_usize,
        0..3_u8,
        role_set.clone(),
    )
        .prop_map(
            |(confirmers, (distinct_roles, is_own), confirmer, detached, roles)| ClassRule {
                confirmers,
                distinct_roles,
                confirmer: Grade::WORDS[confirmer].1,
                detached,
                roles,
                ..Rules::default().rule_for(Risk::Destructive, Mode::Advisory, is_own)
            },
        );
    (
        rule,
        (0..6_usize, 0..6_usize, proptest::option::of(0..6_usize)),
        proptest::collection::vec(role_set, 6),
        proptest::collection::vec((0..6_usize, via()), 0..14),
    )
        .prop_map(|(rule, (proposer, executor, owner), roles, pieces)| Case {
            rule,
            proposer,
            executor,
            owner,
            roles,
            pieces,
        })
}

proptest! {
    /// Permuting and duplicating change nothing; what one person brings never makes two.
    #[test]
    fn people_are_counted_and_nothing_else(case in case(), turn in 0..14_usize) {
        let counted = case.count(&case.pieces);
        let mut other = case.pieces.clone();
        if !other.is_empty() {
            let turn = turn % other.len();
            other.rotate_left(turn);
        }
        other.reverse();
        prop_assert_eq!(&case.count(&other), &counted);
        other.extend(case.pieces.clone());
        prop_assert_eq!(&case.count(&other), &counted);
        let brought: BTreeSet<usize> = case.pieces.iter().map(|(who, _)| *who).collect();
        prop_assert!(counted.people.len() <= brought.len());
        prop_assert!(!counted.people.contains(&person(case.proposer)));
        prop_assert!(!counted.people.contains(&person(case.executor)));
        for id in &counted.people {
            prop_assert!(!counted.uncounted.contains_key(id));
        }
        let told = counted.people.len() + counted.uncounted.len();
        prop_assert_eq!(told, brought.len(), "everybody who confirmed is told of");
        let enough = counted.people.len() >= usize::from(case.rule.confirmers);
        prop_assert_eq!(counted.is_enough(), enough);
    }

    /// More evidence of somebody who confirmed already adds that person at most, and never a second one.
    #[test]
    fn one_more_piece_of_one_person_adds_at_most_that_person(case in case(), who in 0..6_usize, via in via()) {
        let before = case.count(&case.pieces).people.len();
        let mut more = case.pieces.clone();
        more.push((who, via.clone()));
        let one = case.count(&more).people.len();
        prop_assert!(one >= before && one <= before + 1);
        // The same in many pieces: split over keys, codes and accounts.
        more.extend(std::iter::repeat_n((who, via), 5));
        prop_assert_eq!(case.count(&more).people.len(), one);
    }

    /// The count is the greatest there is: nobody is turned away because of the order in which roles were given.
    #[test]
    fn roles_are_given_so_that_most_people_count(case in case()) {
        prop_assert_eq!(case.count(&case.pieces).people.len(), case.most());
    }

    /// A role has one person, a person one role, and it is one of theirs.
    #[test]
    fn roles_are_given_one_to_one(
        sets in proptest::collection::vec(
            proptest::collection::btree_set((0..4_usize).prop_map(|r| ALL_ROLES[r]), 0..4), 0..6),
    ) {
        let mut roles = Assignment::default();
        let mut placed = 0;
        for (place, may) in sets.iter().enumerate() {
            placed += usize::from(roles.add(&person(place), may));
        }
        let people: BTreeSet<&PersonId> = roles.roles().values().collect();
        prop_assert_eq!(people.len(), placed);
        prop_assert_eq!(roles.roles().len(), placed);
        for (role, id) in roles.roles() {
            let place = NAMES.iter().position(|name| *name == id.as_str()).expect("one");
            prop_assert!(sets[place].contains(role));
        }
    }
}

#[test]
fn two_approvers_are_one_role_and_an_operator_makes_two() {
    let rule = Rules::default().rule_for(Risk::Irreversible, Mode::Enforced, false);
    let (operator, approver) = (Role::Operator, Role::Approver);
    let only = |roles: &[Role]| roles.iter().copied().collect::<BTreeSet<_>>();
    let touched = Via::Sshsig {
        key: "SHA256:x".to_owned(),
        touch: Touch::Present,
        detached: false,
    };
    let away = Via::Sshsig {
        key: "SHA256:x".to_owned(),
        touch: Touch::None,
        detached: true,
    };
    let mut case = Case {
        rule,
        proposer: 0,
        executor: 0,
        owner: None,
        roles: vec![only(&[approver]); 6],
        pieces: vec![(1, touched.clone()), (2, touched.clone())],
    };
    let count = case.count(&case.pieces);
    assert_eq!((count.people.len(), count.missing), (1, 1));
    assert_eq!(count.uncounted.get(&person(2)), Some(&Uncounted::RoleTaken));
    // Bob confirms as operator then, although approver came first to him.
    case.roles[1] = only(&[operator, approver]);
    assert!(case.count(&case.pieces).is_enough());
    case.pieces = vec![(1, away.clone()), (2, away)];
    let count = case.count(&case.pieces);
    assert_eq!(count.uncounted.get(&person(2)), Some(&Uncounted::Detached));
    case.pieces[1].1 = touched;
    assert!(case.count(&case.pieces).is_enough());
}

#[test]
fn a_step_that_nobody_could_confirm_says_who_is_missing() {
    let rules = Rules::default();
    let ids: Vec<PersonId> = (0..4).map(person).collect();
    let missing = |risk, roles: &[&[Role]]| {
        let people = roles
            .iter()
            .enumerate()
            .map(|(place, has)| (&ids[place], has.iter().copied().collect()));
        let rule = rules.rule_for(risk, Mode::Enforced, false);
        shortage(&rule, &ids[0], &ids[0], people)
    };
    let both: &[Role] = &[Role::Operator, Role::Approver];
    let said = missing(Risk::Destructive, &[both, &[Role::Operator]]);
    assert_eq!(
        said.as_deref(),
        Some(
            "it needs 1 other people with the role approver to confirm, and the people file has 0"
        )
    );
    assert_eq!(missing(Risk::Destructive, &[both, both]), None);
    let approver: &[Role] = &[Role::Approver];
    let said = missing(Risk::Irreversible, &[both, approver, approver]);
    assert!(
        said.is_some_and(|text| text.ends_with("each in another role, and the people file has 1"))
    );
    assert_eq!(
        missing(Risk::Irreversible, &[both, approver, approver, both]),
        None
    );
}
