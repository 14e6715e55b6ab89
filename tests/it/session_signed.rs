//! Evidence through the whole server: people on one account who are told apart by their keys alone.

use crate::session_host::{Host, Person, Running, person, step};
use ring::signature::Ed25519KeyPair;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;
use warroom::clock::Clock as _;
use warroom::domain::command::{Command, Evidence, Signed};
use warroom::domain::confirm::statement::{
    Kind, confirm_statement, go_statement, hello_statement, propose_statement,
};
use warroom::domain::fact::{Fact, Mode, Via};
use warroom::domain::id::PersonId;
use warroom::domain::state::StepStatus;
use warroom::evidence::make;
use warroom::server::policy::PeopleSource;

const WIPE: &str = "\
# Wipe

## Work

- [ ] Wipe it
  ```sh run destructive id=wipe
  echo wiped >> wiped
  ```
";

const RULES: &str = "[class.destructive]\nconfirmer = \"sshsig\"\nproposer = \"sshsig\"\ngo = \"sshsig\"\n\
                     independent_check = false\n";

fn pair(name: &str) -> Ed25519KeyPair {
    let seed = format!("warroom test key {name}");
    let seed = ring::digest::digest(&ring::digest::SHA256, seed.as_bytes());
    Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).expect("32 bytes")
}

pub(crate) fn armour(name: &str, statement: &str) -> String {
    let namespace = Kind::of(statement).expect("a statement").namespace();
    make::sign(&pair(name), namespace, statement.as_bytes()).expect("signs")
}

pub(crate) fn signed(name: &str, statement: String) -> Signed {
    Signed {
        signature: armour(name, &statement),
        statement,
        detached: false,
    }
}

/// A host whose people are told apart by keys: every account here is the one that runs the test.
pub(crate) struct Keyed {
    pub(crate) host: Host,
}

impl Keyed {
    fn new(rules: &str) -> Self {
        Self::over(WIPE, rules)
    }

    /// People with keys over a runbook.
    pub(crate) fn over(runbook: &str, rules: &str) -> Self {
        let mut host = Host::new(runbook);
        std::fs::copy("/bin/sh", host.path("bin/sh")).expect("a shell");
        host.mode = Mode::Advisory;
        let keyed = Self { host };
        let me = rustix::process::geteuid().as_raw();
        let people: Vec<String> = ["alice", "bob", "carol"]
            .iter()
            .map(|name| {
                format!(
                    "[[person]]\nid = \"{name}\"\nuids = []\nroles = [\"operator\", \"approver\"]\n"
                )
            })
            .collect();
        let shared = if me == 0 {
            String::new()
        } else {
            format!("[shared]\nuids = [{me}]\n")
        };
        keyed.write("people.toml", &format!("{}{shared}", people.concat()));
        keyed.write("rules.toml", rules);
        let keys: Vec<String> = ["alice", "bob", "carol"]
            .iter()
            .map(|name| {
                let key = make::public_key(&pair(name)).expect("a key");
                let base64 = data_encoding::BASE64.encode(key.blob());
                let spaces: Vec<&str> = Kind::ALL.iter().map(|kind| kind.namespace()).collect();
                format!(
                    "{name} namespaces=\"{}\" ssh-ed25519 {base64}\n",
                    spaces.join(",")
                )
            })
            .collect();
        keyed.write("allowed_signers", &keys.concat());
        let Self { mut host } = keyed;
        host.people = PeopleSource::File(host.path("people.toml"));
        Self { host }
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.host.path(name);
        std::fs::write(&path, text).expect("write");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("chmod");
    }

    /// From here on this person has one-time codes.
    pub(crate) fn gives_codes(&self, name: &str, secret: &[u8]) {
        let people = std::fs::read_to_string(self.host.path("people.toml")).expect("there");
        let id = format!("id = \"{name}\"");
        self.write(
            "people.toml",
            &people.replace(&id, &format!("{id}\ntotp = true")),
        );
        let mode = std::fs::Permissions::from_mode;
        let dir = self.host.path("totp.d");
        std::fs::create_dir(&dir).expect("mkdir");
        std::fs::set_permissions(&dir, mode(0o700)).expect("chmod");
        let file = dir.join(name);
        std::fs::write(&file, data_encoding::BASE32_NOPAD.encode(secret) + "\n").expect("write");
        std::fs::set_permissions(&file, mode(0o600)).expect("chmod");
    }

    /// The code that an authenticator with this secret shows now, by the server's clock.
    pub(crate) fn code(&self, secret: &[u8]) -> String {
        let now = self.host.clock.now().wall.as_millis() / 1000;
        code_at(secret, u64::try_from(now).expect("after 1970"))
    }

    /// Attaches a terminal whose person says by a key who they are.
    pub(crate) async fn attach(&self, name: &str) -> Person {
        let mut one = self.host.attach(name).await;
        assert_eq!(one.welcome.you.person(), None, "the account is nobody's");
        assert_eq!(one.sign_in(None).await, None);
        one.until("a challenge", |p| p.challenge.is_some()).await;
        let hello = one.challenge.take().expect("just there");
        let text = hello_statement(&one.state, &hello, &person(name)).expect("short");
        assert_eq!(one.sign_in(Some(signed(name, text))).await, None);
        one.until("its name", |p| {
            p.welcome.you.person() == Some(&person(name))
        })
        .await;
        one
    }

    /// Alice has proposed with her signature; bob looks on.
    async fn proposed(&self) -> (Running, Person, Person) {
        let running = self.host.start().await;
        let mut alice = self.attach("alice").await;
        let mut bob = self.attach("bob").await;
        alice.does(Command::Begin).await;
        alice.starts("wipe").await;
        alice.does(Command::propose(step("wipe"))).await;
        alice.until("a draft", |p| p.draft.is_some()).await;
        let draft = alice.draft.take().expect("just there");
        let text = propose_statement(&alice.state, &draft.terms).expect("short");
        let signed = Some(signed("alice", text));
        let step = step("wipe");
        alice.does(Command::Propose { step, signed }).await;
        alice.until("the proposal", is_proposed).await;
        bob.until("the proposal", is_proposed).await;
        (running, alice, bob)
    }
}

pub(crate) fn is_proposed(p: &Person) -> bool {
    p.state
        .proposal
        .as_ref()
        .is_some_and(|open| open.proposed.is_some())
}

pub(crate) fn is_armed(p: &Person) -> bool {
    p.state.proposal.as_ref().is_some_and(|p| p.armed.is_some())
}

pub(crate) fn confirm_of(p: &Person, signer: &PersonId) -> String {
    let open = p.state.proposal.as_ref().expect("open");
    let head = open.proposed.expect("on the table");
    confirm_statement(&p.state, open, signer, head)
        .expect("on the table")
        .expect("short")
}

pub(crate) fn confirm(statement: String, armour: String, detached: bool) -> Command {
    Command::Confirm {
        statement,
        evidence: Evidence::Signature { armour, detached },
    }
}

#[tokio::test]
async fn people_on_one_account_run_it_by_their_keys() {
    let keyed = Keyed::new(RULES);
    let (running, mut alice, mut bob) = Box::pin(keyed.proposed()).await;
    let statement = confirm_of(&bob, &person("bob"));
    let why = bob.is_refused(Command::confirm(statement.clone())).await;
    assert!(why.contains("proves who gave it"), "{why}");
    let with_armour = armour("bob", &statement);
    bob.does(confirm(statement.clone(), with_armour.clone(), false))
        .await;
    alice.until("armed", is_armed).await;
    let open = alice.state.proposal.clone().expect("open");
    let why = alice
        .is_refused(Command::go(step("wipe"), open.terms.attempt))
        .await;
    assert!(why.contains("a signature by a listed key"), "{why}");
    let go = go_statement(&alice.state, &open, &person("alice"), alice.state.head);
    let go = go.expect("open").expect("short");
    alice
        .does(Command::Go {
            step: step("wipe"),
            attempt: open.terms.attempt,
            signed: Some(signed("alice", go.clone())),
        })
        .await;
    bob.sees_done("wipe").await;
    running.end().await;
    let (records, _) = keyed.host.fold();
    let confirmed = records.iter().find_map(|r| match &r.fact {
        Fact::StepConfirmed(confirmed) => Some((r.actor.clone(), confirmed.clone())),
        _ => None,
    });
    let (actor, confirmed) = confirmed.expect("recorded");
    assert!(actor.to_via_text().starts_with("sshsig:SHA256:"));
    assert_eq!(
        (confirmed.statement, confirmed.signature),
        (statement, with_armour)
    );
    let words: Vec<Kind> = records
        .iter()
        .filter_map(|r| match &r.fact {
            Fact::StatementSigned(signed) => Kind::of(&signed.statement),
            _ => None,
        })
        .collect();
    assert_eq!(words, [Kind::Hello, Kind::Hello, Kind::Go]);
    let opened = records.iter().any(|r| {
        matches!(&r.fact, Fact::ProposalOpened { signature, .. } if signature.starts_with("-----BEGIN"))
    });
    assert!(opened, "the proposal keeps its signature");
}

#[tokio::test]
async fn a_signature_of_anybody_else_or_over_anything_else_confirms_nothing() {
    let keyed = Keyed::new(RULES);
    let (running, mut alice, mut bob) = Box::pin(keyed.proposed()).await;
    let statement = confirm_of(&bob, &person("bob"));
    let of_alice = confirm_of(&alice, &person("alice"));
    let mut changed = statement.clone();
    changed = changed.replace("quorum: 1", "quorum: 2");
    let cases = [
        // The proposer with their own key, from their own terminal.
        (
            true,
            of_alice.clone(),
            armour("alice", &of_alice),
            "needs a second person",
        ),
        (
            false,
            changed.clone(),
            armour("bob", &changed),
            "not about what is on the table",
        ),
        (
            false,
            statement.clone(),
            armour("alice", &statement),
            "not about what is on the table",
        ),
        (
            false,
            statement.clone(),
            armour("bob", &of_alice),
            "does not count",
        ),
        (
            false,
            statement.clone(),
            armour("mallory", &statement),
            "listed for nobody",
        ),
        (
            false,
            statement.clone(),
            "nonsense".to_owned(),
            "does not count",
        ),
    ];
    for (is_alice, statement, armour, words) in cases {
        let who = if is_alice { &mut alice } else { &mut bob };
        let why = who.is_refused(confirm(statement, armour, false)).await;
        assert!(why.contains(words), "{why}: wanted {words}");
    }
    // A key of another at this terminal: only what was signed elsewhere is brought in by somebody else.
    let why = alice
        .is_refused(confirm(statement.clone(), armour("bob", &statement), false))
        .await;
    assert!(
        why.contains("`alice` is attached here and `bob` signed"),
        "{why}"
    );
    alice
        .does(confirm(statement.clone(), armour("bob", &statement), true))
        .await;
    alice.until("armed", is_armed).await;
    let via = &alice.state.proposal.as_ref().expect("open").confirms[0].via;
    assert!(matches!(via, Via::Sshsig { detached: true, .. }));
    running.end().await;
    assert!(!keyed.host.path("wiped").exists());
}

#[tokio::test]
async fn a_key_that_is_revoked_ends_what_it_had_armed() {
    let keyed = Keyed::new(RULES);
    let (running, mut alice, mut bob) = Box::pin(keyed.proposed()).await;
    let statement = confirm_of(&bob, &person("bob"));
    let armour_of_bob = armour("bob", &statement);
    bob.does(confirm(statement, armour_of_bob, false)).await;
    alice.until("armed", is_armed).await;
    let key = make::public_key(&pair("bob")).expect("a key");
    keyed.write("revoked", &format!("key {}\n", key.fingerprint()));
    // The next look is a person's question, or five seconds later.
    let open = alice.state.proposal.clone().expect("open");
    let go = go_statement(&alice.state, &open, &person("alice"), alice.state.head);
    let go = signed("alice", go.expect("open").expect("short"));
    let refused = alice
        .ask(Command::Go {
            step: step("wipe"),
            attempt: open.terms.attempt,
            signed: Some(go),
        })
        .await;
    assert!(refused.is_some());
    keyed.host.clock.advance(Duration::from_secs(1));
    alice
        .until("the end of it", |p| p.state.proposal.is_none())
        .await;
    let (_, why) = alice.state.last_closed.clone().expect("closed");
    assert!(why.contains("proved that it was bob"), "{why}");
    assert!(!matches!(alice.status("wipe"), StepStatus::Done { .. }));
    running.end().await;
    assert!(!keyed.host.path("wiped").exists());
}

#[tokio::test]
async fn the_owner_of_the_account_speaks_for_nobody_else_without_keys() {
    let mut host = Host::new(WIPE);
    std::fs::copy("/bin/sh", host.path("bin/sh")).expect("a shell");
    host.mode = Mode::Advisory;
    host.people = PeopleSource::Accounts { rules: None };
    let running = host.start().await;
    let one = host.attach("alice").await;
    let class = one
        .welcome
        .policy
        .rule(warroom::domain::runbook::plan::Risk::Destructive)
        .expect("told");
    assert!(!one.welcome.policy.is_uid_by_policy(), "{class:?}");
    assert!(class.confirmer > warroom::domain::confirm::policy::Grade::Uid);
    running.end().await;
}

#[tokio::test]
async fn a_confirmer_who_expects_something_else_ends_the_proposal_with_the_reason() {
    let runbook = WIPE.replace("id=wipe", "id=wipe component=db-1");
    for (component, is_right) in [("db-2", false), ("db-1", true)] {
        let host = Host::new(&runbook);
        std::fs::copy("/bin/sh", host.path("bin/sh")).expect("a shell");
        let running = host.start().await;
        let mut alice = host.attach("alice").await;
        let mut bob = host.attach("bob").await;
        alice.does(Command::Begin).await;
        alice.starts("wipe").await;
        alice.does(Command::propose(step("wipe"))).await;
        bob.until("the proposal", is_proposed).await;
        let statement = bob.statement();
        let why = bob.is_refused(Command::confirm(statement)).await;
        assert!(why.contains("asks first what you expect"), "{why}");
        bob.does(Command::Check {
            step: step("wipe"),
            attempt: bob.state.proposal.as_ref().expect("open").terms.attempt,
            component: component.to_owned(),
            remaining: None,
            dwell_ms: 9000,
            claimed: None,
        })
        .await;
        if is_right {
            bob.confirms().await;
            alice.until("armed", is_armed).await;
        } else {
            alice
                .until("the end of it", |p| p.state.proposal.is_none())
                .await;
            let (_, why) = alice.state.last_closed.clone().expect("closed");
            assert_eq!(why, "bob expected `db-2`, and it is about `db-1`");
        }
        running.end().await;
    }
}

/// RFC 6238 with SHA-1, six digits, half a minute.
fn code_at(secret: &[u8], seconds: u64) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = ring::hmac::sign(&key, &(seconds / 30).to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[tag.len() - 1] & 0x0f);
    let bytes: [u8; 4] = tag[at..at + 4].try_into().expect("four");
    format!(
        "{:06}",
        (u32::from_be_bytes(bytes) & 0x7fff_ffff) % 1_000_000
    )
}

#[tokio::test]
async fn a_code_confirms_once_and_is_nowhere_in_the_journal() {
    let rules = "[class.destructive]\nconfirmer = \"totp\"\nproposer = \"sshsig\"\nindependent_check = false\n";
    let keyed = Keyed::new(rules);
    let secret = [7_u8; 20];
    keyed.gives_codes("bob", &secret);
    let (running, mut alice, mut bob) = Box::pin(keyed.proposed()).await;
    assert!(bob.welcome.policy.codes, "the screen offers it");
    let statement = confirm_of(&bob, &person("bob"));
    let by_code = |code: &str| Command::Confirm {
        statement: statement.clone(),
        evidence: Evidence::Code {
            code: code.to_owned(),
        },
    };
    let now = u64::try_from(keyed.host.clock.now().wall.as_millis() / 1000).expect("after 1970");
    let code = keyed.code(&secret);
    let wrong = if code == "123456" { "654321" } else { "123456" };
    let why = bob.is_refused(by_code(wrong)).await;
    assert!(why.contains("the code is wrong"), "{why}");
    bob.does(by_code(&code)).await;
    alice.until("armed", is_armed).await;
    let via = &alice.state.proposal.as_ref().expect("open").confirms[0].via;
    assert_eq!(via, &Via::Totp { step: now / 30 });
    running.end().await;
    let journal = std::fs::read(keyed.host.journal()).expect("there");
    let holds = |text: &str| journal.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(!holds(&code) || code == "000000", "never journaled");
}
