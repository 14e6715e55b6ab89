use super::*;
use crate::domain::fixture::id;
use proptest::prelude::*;

const EXPECTED: &str = "\
warroom-plan@v1
step: drain-broker-3
attempt: 1
risk: destructive
title: Drain broker 3 and move its leaders away
target: kafka-3.prod.example.net
blast: 1 of 12 brokers; 214 partitions lose one replica
runas: warroom-exec
host: bastion-1.example.net
cwd: /srv/runbooks/kafka
exe: /usr/local/bin/kafka-drain
exe-sha256: 7b1f0e3c5d9a2b4c6e8f0a1b2c3d4e5f60718293a4b5c6d7e8f9010203040506
argc: 4
argv.0: kafka-drain
argv.1: --broker
argv.2: 3
argv.3: --note=caf%C3%A9
envc: 2
env.0: LANG=C
env.1: PATH=/usr/bin:/bin
stdin: empty
timeout-s: 900
on-executor-lost: continue
guardc: 1
guard.0: under_replicated_partitions <= 0 for 120s (value 0, age 4s)
undo: kafka-drain --broker 3 --restore
";

fn published() -> PlanInputs {
    let text = |t: &str| t.to_owned();
    let hex = "7b1f0e3c5d9a2b4c6e8f0a1b2c3d4e5f60718293a4b5c6d7e8f9010203040506";
    let digest = Digest::parse(&format!("sha256:{hex}")).expect("valid");
    PlanInputs {
        step: id("drain-broker-3"),
        attempt: AttemptNo(1),
        risk: Risk::Destructive,
        title: text("Drain broker 3 and move its leaders away"),
        target: text("kafka-3.prod.example.net"),
        blast: text("1 of 12 brokers; 214 partitions lose one replica"),
        runas: text("warroom-exec"),
        host: text("bastion-1.example.net"),
        cwd: text("/srv/runbooks/kafka"),
        exe: Some((text("/usr/local/bin/kafka-drain"), digest)),
        argv: ["kafka-drain", "--broker", "3", "--note=café"]
            .map(text)
            .to_vec(),
        env: vec![
            (text("PATH"), text("/usr/bin:/bin")),
            (text("LANG"), text("C")),
        ],
        stdin: text("empty"),
        timeout_s: 900,
        on_executor_lost: OnExecutorLost::Continue,
        guards: vec![text(
            "under_replicated_partitions <= 0 for 120s (value 0, age 4s)",
        )],
        undo: text("kafka-drain --broker 3 --restore"),
    }
}

#[test]
fn the_published_plan_byte_for_byte() {
    let plan = render(&published()).expect("renders");
    assert_eq!(plan, EXPECTED);
    assert_eq!(
        Digest::of(plan.as_bytes()).to_string(),
        "sha256:0e444f6a0f7d890f0c7e2c549b361518af5ffebb44ba9df357d3b1fdb85bd5bd"
    );
    let head = read_head(&plan).expect("a plan");
    assert_eq!((head.step.as_str(), head.attempt), ("drain-broker-3", 1));
    assert_eq!(head.argv, published().argv);
}

#[test]
fn an_environment_that_could_mean_two_things_is_refused() {
    let with = |name: &str, value: &str| {
        let mut plan = published();
        plan.env.push((name.to_owned(), value.to_owned()));
        render(&plan)
    };
    assert!(matches!(
        with("LANG", "C"),
        Err(PlanDocError::EnvTwice { .. })
    ));
    assert!(matches!(with("", "x"), Err(PlanDocError::EnvName { .. })));
    assert!(matches!(
        with("A=B", "x"),
        Err(PlanDocError::EnvName { .. })
    ));
    assert!(matches!(with("A", "x\0"), Err(PlanDocError::Nul)));
    assert!(matches!(
        with("A", &"x".repeat(3000)),
        Err(PlanDocError::Doc(_))
    ));
}

#[test]
fn a_last_look_names_what_changed_and_leaves_guards_out() {
    let reviewed = render(&published()).expect("renders");
    let mut now = published();
    now.guards = vec!["value 1, age 2s".to_owned(), "another".to_owned()];
    assert_eq!(difference(&reviewed, &now), Ok(None));
    now.argv[2] = "4".to_owned();
    assert_eq!(difference(&reviewed, &now), Ok(Some("argv.2".to_owned())));
    now = published();
    now.argv.push("-f".to_owned());
    assert_eq!(difference(&reviewed, &now), Ok(Some("argc".to_owned())));
    now = published();
    now.exe = None;
    assert_eq!(difference(&reviewed, &now), Ok(Some("exe".to_owned())));
}

fn word() -> impl Strategy<Value = String> {
    // Few letters, so that different splits of the same text come up often.
    "[ab %\n=]{0,4}"
}

fn inputs() -> impl Strategy<Value = PlanInputs> {
    let lists = (
        proptest::collection::vec(word(), 0..4),
        proptest::collection::btree_map("[AB]{1,2}", word(), 0..3),
        proptest::collection::vec(word(), 0..3),
    );
    (lists, word(), 1_u32..3, any::<bool>()).prop_map(
        |((argv, env, guards), title, number, exe)| {
            let mut plan = published();
            plan.argv = argv;
            plan.env = env.into_iter().collect();
            plan.guards = guards;
            plan.title = title;
            plan.attempt = AttemptNo(number);
            if !exe {
                plan.exe = None;
            }
            plan
        },
    )
}

proptest! {
    /// What people look at says everything: two different plans never print the same bytes.
    #[test]
    fn different_plans_print_different_bytes(a in inputs(), b in inputs()) {
        let (printed_a, printed_b) = (render(&a), render(&b));
        prop_assert_eq!(a == b, printed_a == printed_b);
    }

    /// One text, split at two places: the argument lists differ and so do the bytes.
    #[test]
    fn another_split_is_another_plan(text in "[a-c ]{2,8}", x in 1_usize..7, y in 1_usize..7) {
        let split = |at: usize| {
            let at = at.min(text.len() - 1);
            let mut plan = published();
            let (before, after) = text.split_at(at);
            plan.argv = vec![before.to_owned(), after.to_owned()];
            plan
        };
        let (a, b) = (split(x), split(y));
        prop_assert_eq!(a == b, render(&a) == render(&b));
    }
}
