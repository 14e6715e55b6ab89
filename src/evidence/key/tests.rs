use super::*;
use crate::evidence::packet::put_string;
use proptest::prelude::*;

/// Made by `ssh-keygen` of OpenSSH 9.2; their secret halves were thrown away.
const ED25519: (&str, &str) = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJhrEx2k64ruYcRr+JJUVipAsERqVhXOE5pLoToEoXNF",
    "SHA256:H4OiaQH7FKO/GF8usZzXmK/8klXfbp7AvecWXf3wvtQ",
);
const P256: (&str, &str) = (
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBOw5wYHKfXcHZA3viISAGYrmerdEwt87BIX1dUxHtV3FLY5BkO0vMGQRkGB8QQ34xsxsL7x10Bx5yIlw8VDyr90=",
    "SHA256:yY6cM8cskvH+ufs7KEZlluzwX/yQp+G19U68RwPFBgs",
);
const RSA: (&str, &str) = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQDnJghj/TxL3G08aoqAo+9TTpOFU14joQZrq3/RtREbtZSa/P8fgDraPt14XrwdGvXCnwKGI/D/pfCvZtqSgEac4bS94Crvp75gtDB2XPqvVs079LFGc+c4tB7n+mcQ9PFhSqQgmZYXnOwLi+yaJopIuiX8E3F4UllDUK/Jdphj7RzMhc7Sh/D3Z3ZeyGgwXR8crx69XMlt8Q3dmwNgsRyirDjLQQSBgvjRgGADFfTISAo1Asn+SF6sL3xDQiwZ1HaKtGwAl8YEagwTD8Q4Axc4JfO8Fx7yKascq6S8LVdLZ11Pl2eVImRydPEyVPn1fVIKrKIozv6rCzsrrJQsu7seGwOempSC/SbbNtZYXn5mJHC5NJohz/2Wx3CVcDRN8Mx5r8aw4Gzrzd9WRd0awb3CXAs6etvSj0JHP0zEhyMDnNmr5QyqOdeSJAv0+Wjh9n89BvkmGEyhkbcGDBNBj4tho4MwqT9Xc4VCx93t1mtRHnl5MpZkXJn6T9UXi9aCJYc=",
    "SHA256:uj3c+sXmf2xGlXlkb9ePkVnBm85SYY8QPkQ8hh28Dqc",
);
const P384: &str = "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBA6s1MAoXmTSznE9pWLMVrXn7hKnITu3rRfDn+xYEQ/iTTjXjINzo8cExx/FtkbyK4Q16TjnrUh75SmpaGLIihhzsJhiCxd4J0rOb9hw9+cSVbny6B/c259Y3gx+LvgF/g==";

fn read(line: &str) -> Result<Key, KeyFault> {
    let (name, base64) = line.split_once(' ').expect("two words");
    Key::parse(name, base64)
}

fn strings(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        put_string(&mut out, part);
    }
    out
}

fn ed25519_point() -> Vec<u8> {
    let key = read(ED25519.0).expect("good");
    key.blob()[19..].to_vec()
}

#[test]
fn a_key_reads_prints_and_is_named_as_ssh_keygen_does() {
    for ((line, name), kind) in [
        (ED25519, Kind::Ed25519),
        (P256, Kind::EcdsaP256),
        (RSA, Kind::Rsa),
    ] {
        let key = read(line).expect("good");
        assert_eq!(key.kind(), kind);
        assert_eq!(key.to_string(), line);
        assert_eq!(key.fingerprint(), name);
        assert_eq!(Key::of_blob(key.blob()), Ok(key));
    }
}

#[test]
fn security_keys_are_read_with_what_they_were_made_for() {
    let point = ed25519_point();
    let blob = |application: &[u8]| strings(&[b"sk-ssh-ed25519@openssh.com", &point, application]);
    let key = Key::of_blob(&blob(b"ssh:warroom")).expect("good");
    assert!(key.kind().is_security_key());
    // The same point on a plain line is the same secret.
    assert_eq!(key.identity(), read(ED25519.0).expect("good").identity());
    let fault = Key::of_blob(&blob(b"https://example.net")).expect_err("no SSH key");
    assert_eq!(
        fault.to_string(),
        "the security key's application is `https://example.net`, which does not begin with `ssh:`"
    );

    let p256 = read(P256.0).expect("good");
    let blob = strings(&[
        b"sk-ecdsa-sha2-nistp256@openssh.com",
        b"nistp256",
        &p256.blob()[39..],
        b"ssh:",
    ]);
    let key = Key::of_blob(&blob).expect("good");
    assert_eq!(key.kind(), Kind::SkEcdsaP256);
    assert_eq!(key.identity(), p256.identity());
}

#[test]
fn other_kinds_are_refused_with_a_way_out() {
    let fault = read(P384).expect_err("not accepted");
    assert_eq!(
        fault.to_string(),
        "`ecdsa-sha2-nistp384` is not an accepted kind of key"
    );
    assert!(fault.hint().contains("ssh-keygen -t ed25519"));

    let cert = strings(&[b"ssh-ed25519-cert-v01@openssh.com", b"anything"]);
    assert!(matches!(
        Key::of_blob(&cert),
        Err(KeyFault::Certificate { .. })
    ));

    let mut modulus = vec![0xc1; 256];
    modulus.insert(0, 0);
    let short = strings(&[b"ssh-rsa", &[1, 0, 1], &modulus]);
    assert_eq!(Key::of_blob(&short), Err(KeyFault::RsaBits { bits: 2048 }));
    // One bit below the least.
    let mut modulus = vec![0xc1; 384];
    modulus[0] = 0x7f;
    let short = strings(&[b"ssh-rsa", &[1, 0, 1], &modulus]);
    assert_eq!(Key::of_blob(&short), Err(KeyFault::RsaBits { bits: 3071 }));
}

#[test]
fn an_rsa_exponent_is_odd_and_more_than_one() {
    let mut modulus = vec![0xc1; 384];
    modulus.insert(0, 0);
    let with = |e: &[u8]| Key::of_blob(&strings(&[b"ssh-rsa", e, &modulus]));
    assert!(with(&[1, 0, 1]).is_ok());
    assert!(with(&[3]).is_ok());
    for e in [&[1][..], &[2], &[], &[1, 0, 0, 0, 1], &[0, 3]] {
        assert!(matches!(with(e), Err(KeyFault::Damaged { .. })), "{e:?}");
    }
    // Another exponent on the same modulus is no other person.
    assert_eq!(
        with(&[3]).expect("good").identity(),
        with(&[1, 0, 1]).expect("good").identity()
    );
}

#[test]
fn a_key_has_one_encoding() {
    let good = read(ED25519.0).expect("good");
    let mut longer = good.blob().to_vec();
    longer.push(0);
    assert_eq!(Key::of_blob(&longer), Err(damaged("bytes follow its end")));
    // The same modulus with a needless zero byte before it.
    let rsa = read(RSA.0).expect("good");
    let mut packet = Packet::new(rsa.blob());
    let parts = [packet.string(), packet.string(), packet.string()].map(|p| p.expect("there"));
    let padded = [&[0], parts[2]].concat();
    assert!(Key::of_blob(&strings(&[parts[0], parts[1], &padded])).is_err());
    // A compressed point.
    let p256 = read(P256.0).expect("good");
    let compressed = [&[2], &p256.blob()[40..72]].concat();
    assert!(
        Key::of_blob(&strings(&[
            b"ecdsa-sha2-nistp256",
            b"nistp256",
            &compressed
        ]))
        .is_err()
    );
    // A height of the prime plus 3.
    let mut point = [0xff; 32];
    point[0] = 0xf0;
    for last in [0x7f, 0xff] {
        point[31] = last;
        assert_eq!(
            Key::of_blob(&strings(&[b"ssh-ed25519", &point])),
            Err(damaged("its point is not written in the one form"))
        );
    }
}

#[test]
fn the_mirror_of_a_point_is_the_same_identity() {
    let mut point = ed25519_point();
    point[31] ^= 0x80;
    let mirror = Key::of_blob(&strings(&[b"ssh-ed25519", &point])).expect("a point");
    let plain = read(ED25519.0).expect("good");
    assert_ne!(mirror, plain);
    assert_eq!(mirror.identity(), plain.identity());
    assert_ne!(plain.identity(), read(P256.0).expect("good").identity());
}

#[test]
fn words_of_a_line_are_read_strictly() {
    let (name, base64) = ED25519.0.split_once(' ').expect("two words");
    assert_eq!(
        Key::parse("ssh-rsa", base64),
        Err(KeyFault::NameDiffers {
            outside: "ssh-rsa".to_owned(),
            inside: name.to_owned()
        })
    );
    for bad in [
        base64.split_at(1).1,
        &format!("{base64}="),
        &format!("{base64} "),
        &format!("{base64}\n"),
    ] {
        assert_eq!(Key::parse(name, bad), Err(KeyFault::Base64), "{bad:?}");
    }
    assert_eq!(
        Key::parse(name, ""),
        Err(KeyFault::NameDiffers {
            outside: name.to_owned(),
            inside: String::new()
        })
    );
    assert_eq!(
        Key::parse(name, &"A".repeat(1 << 20)),
        Err(damaged("it is too long"))
    );
}

/// The arithmetic takes each of these as a key and lets texts pass that nobody signed: hence the list, and the proof
/// that what is on it belongs there.
#[test]
fn a_weak_point_would_let_anybody_sign_and_is_refused() {
    // The neutral point and nothing: no secret was used for it.
    let mut nothing = [0; 64];
    nothing[0] = 1;
    for height in SMALL_ORDER {
        for side in [0, 0x80] {
            let mut point = height;
            point[31] |= side;
            let forged = (0..400_u32).any(|text| {
                ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &point)
                    .verify(&text.to_be_bytes(), &nothing)
                    .is_ok()
            });
            assert!(forged, "{point:02x?} is no weak point");
            let blob = strings(&[b"ssh-ed25519", &point]);
            assert_eq!(Key::of_blob(&blob), Err(KeyFault::SmallOrder));
            let blob = strings(&[b"sk-ssh-ed25519@openssh.com", &point, b"ssh:"]);
            assert_eq!(Key::of_blob(&blob), Err(KeyFault::SmallOrder));
        }
    }
}

proptest! {
    #[test]
    fn a_key_with_one_changed_bit_is_refused_or_another(at in 0..10_000_usize, bit in 0..8_u8) {
        for (line, _) in [ED25519, P256, RSA] {
            let key = read(line).expect("good");
            let mut blob = key.blob().to_vec();
            let at = at % blob.len();
            blob[at] ^= 1 << bit;
            if let Ok(other) = Key::of_blob(&blob) {
                prop_assert_ne!(other.fingerprint(), key.fingerprint());
                prop_assert_eq!(other.blob(), &blob[..]);
            }
        }
    }

    #[test]
    fn random_bytes_are_refused_without_a_panic(
        kind in 0..Kind::ALL.len(),
        rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        drop(Key::of_blob(&rest));
        let mut blob = strings(&[Kind::ALL[kind].name().as_bytes()]);
        blob.extend_from_slice(&rest);
        if let Err(fault) = Key::of_blob(&blob) {
            prop_assert!(!fault.hint().is_empty() && fault.to_string().len() < 300);
        }
    }
}
