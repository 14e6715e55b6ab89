//! Every rule has a case in `tests/data/people`; here is what holds for every list that is accepted.

use super::*;
use proptest::prelude::*;

const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];

fn people() -> BTreeSet<PersonId> {
    NAMES
        .iter()
        .map(|name| PersonId::new(name).expect("a name"))
        .collect()
}

/// An SSH string: its length, then its bytes.
fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("short");
    [&length.to_be_bytes()[..], bytes].concat()
}

/// A key as in a `.pub` file: one of four kinds over a few points, so that points meet each other.
fn key(kind: usize, point: u8, is_mirrored: bool) -> String {
    let mut edwards = [point.max(3); 32];
    edwards[31] = if is_mirrored { 0x87 } else { 0x07 };
    let mut nist = [point.max(3); 65];
    nist[0] = 4;
    nist[64] = u8::from(is_mirrored);
    let (name, parts): (&str, Vec<Vec<u8>>) = match kind {
        0 => ("ssh-ed25519", vec![edwards.to_vec()]),
        1 => (
            "sk-ssh-ed25519@openssh.com",
            vec![edwards.to_vec(), b"ssh:".to_vec()],
        ),
        2 => (
            "ecdsa-sha2-nistp256",
            vec![b"nistp256".to_vec(), nist.to_vec()],
        ),
        _ => (
            "sk-ecdsa-sha2-nistp256@openssh.com",
            vec![b"nistp256".to_vec(), nist.to_vec(), b"ssh:x".to_vec()],
        ),
    };
    let mut blob = string(name.as_bytes());
    for part in parts {
        blob.extend(string(&part));
    }
    format!("{name} {}", data_encoding::BASE64.encode(&blob))
}

fn line() -> impl Strategy<Value = String> {
    let who = prop_oneof![
        8 => (0..NAMES.len()).prop_map(|place| NAMES[place].to_owned()),
        1 => prop_oneof![Just("*"), Just("alice,bob"), Just("Alice"), Just("\"bob\""), Just("!eve"), Just("eve")]
            .prop_map(str::to_owned),
    ];
    let options = prop_oneof![
        8 => Just("namespaces=\"warroom-confirm@v1\" "),
        1 => Just("namespaces=\"git,warroom-hello@v1\",valid-before=\"20300101Z\" "),
        1 => prop_oneof![Just(""), Just("namespaces=\"*\" "), Just("cert-authority "), Just("namespaces=\"x ")],
    ];
    (who, options, (0..4_usize, 3..6_u8, any::<bool>())).prop_map(
        |(who, options, (kind, point, mirrored))| {
            format!("{who} {options}{}\n", key(kind, point, mirrored))
        },
    )
}

proptest! {
    /// U5: every list that is accepted maps each key to exactly one person, in whatever form the key comes.
    #[test]
    fn an_accepted_list_gives_each_key_to_one_person(lines in proptest::collection::vec(line(), 0..6)) {
        let text = lines.concat();
        match Signers::parse(&text, &people()) {
            Ok(signers) => {
                prop_assert_eq!(signers.iter().count(), lines.len());
                let mut owners = BTreeMap::new();
                for listed in signers.iter() {
                    prop_assert_eq!(signers.of_blob(listed.blob()), Some(listed));
                    prop_assert!(people().contains(&listed.person));
                    prop_assert!(!listed.namespaces.is_empty());
                    let earlier = owners.insert(listed.key.identity(), listed.person.clone());
                    prop_assert_eq!(earlier, None);
                    prop_assert!(signers.keys_of(&listed.person).any(|key| key == listed));
                }
            }
            Err(faults) => {
                for fault in faults {
                    prop_assert!((1..=lines.len()).contains(&fault.line) && fault.column > 0);
                }
            }
        }
    }

    #[test]
    fn no_text_panics(text in "(alice|bob)? ?(namespaces=|\"|,|ssh-ed25519| |AAAA|é|\t|=|!|\n|#|valid-after|Z){0,20}") {
        drop(Signers::parse(&text, &people()));
        drop(Signers::parse_servers(&text));
    }
}

#[test]
fn options_and_comments_are_read_as_openssh_reads_them() {
    let text = format!(
        "# people\n\nalice valid-after=\"202601020304Z\",namespaces=\"git,warroom-confirm@v1\" {} alice@läptop one\n",
        key(0, 5, false)
    );
    let signers = Signers::parse(&text, &people()).expect("good");
    let listed = signers.iter().next().expect("one");
    assert_eq!((listed.line, listed.person.as_str()), (3, "alice"));
    let after = listed.valid_after.map(|time| time.to_string());
    assert_eq!(after.as_deref(), Some("2026-01-02T03:04:00.000Z"));
    assert_eq!(listed.valid_before, None);
    let names: Vec<&str> = listed.namespaces.iter().map(String::as_str).collect();
    assert_eq!(names, ["git", "warroom-confirm@v1"]);
    assert_eq!(signers.of_blob(b"else"), None);
}

#[test]
fn servers_have_a_list_of_their_own() {
    let good = format!(
        "bastion-1 namespaces=\"warroom-checkpoint@v1\" {}\n",
        key(0, 5, false)
    );
    let signers = Signers::parse_servers(&good).expect("good");
    assert_eq!(
        signers.iter().next().map(|key| key.person.as_str()),
        Some("bastion-1")
    );
    let faults = Signers::parse_servers(&good.replace("checkpoint", "confirm")).expect_err("bad");
    assert_eq!(
        faults[0].what,
        "namespace `warroom-confirm@v1` is for people"
    );
    let faults = Signers::parse(&good.replace("bastion-1", "bob"), &people()).expect_err("bad");
    assert_eq!(
        (faults[0].column, faults[0].what.as_str()),
        (17, "namespace `warroom-checkpoint@v1` is for servers")
    );
}
