//! Keeps credentials out of whatever an answer is turned into.
//!
//! Some servers quote the request in their error. Such a text would go into a health line, the log and the journal, so a
//! credential that comes back is struck out of the body before anybody reads it.

use super::Auth;
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;

/// Shorter secrets are found in innocent text by chance, and striking them out would change values.
const SECRET_BYTES_MIN: usize = 8;

/// The credentials of one connection, in the forms they travel in.
#[derive(Clone)]
pub(super) struct Secrets(Arc<[SecretString]>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

impl Secrets {
    /// All that `auth` sends, and those that go into bodies.
    pub(super) fn of(auth: &Auth, in_bodies: &[SecretString]) -> Self {
        let mut all = in_bodies.to_vec();
        match auth {
            Auth::None => {}
            Auth::Bearer(token) => all.push(token.clone()),
            Auth::Basic { user, password } => {
                let pair = SecretString::from(format!("{user}:{}", password.expose_secret()));
                let coded = data_encoding::BASE64.encode(pair.expose_secret().as_bytes());
                all.extend([password.clone(), SecretString::from(coded)]);
            }
            // Vendors put a keyword before the token: `Token token=...`, `GenieKey ...`.
            Auth::Headers(pairs) => {
                for (_, value) in pairs {
                    let text = value.expose_secret();
                    let last = text.rsplit([' ', '=']).find(|part| !part.is_empty());
                    all.extend(last.map(SecretString::from));
                    all.push(value.clone());
                }
            }
        }
        all.retain(|secret| secret.expose_secret().len() >= SECRET_BYTES_MIN);
        // A whole value before its parts.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.expose_secret().len()));
        Self(all.into())
    }

    /// Overwrites every one of them with `*`, so that lengths and places stay as they are.
    pub(super) fn strike(&self, body: &mut [u8]) {
        for secret in self.0.iter() {
            let secret = secret.expose_secret().as_bytes();
            let mut from = 0;
            while let Some(place) = body.get(from..).and_then(|rest| find(rest, secret)) {
                let start = from.saturating_add(place);
                let end = start.saturating_add(secret.len());
                if let Some(part) = body.get_mut(start..end) {
                    part.fill(b'*');
                }
                from = end;
            }
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(auth: &Auth, body: &str) -> String {
        let mut bytes = body.as_bytes().to_vec();
        Secrets::of(auth, &[]).strike(&mut bytes);
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn every_form_of_a_credential_is_struck_out_wherever_it_stands() {
        let bearer = Auth::Bearer(SecretString::from("abcdefgh-1"));
        assert_eq!(
            struck(&bearer, "abcdefgh-1,x=abcdefgh-1abcdefgh"),
            "**********,x=**********abcdefgh"
        );
        let basic = Auth::Basic {
            user: "mira".to_owned(),
            password: SecretString::from("hunter2hunter2"),
        };
        let coded = data_encoding::BASE64.encode(b"mira:hunter2hunter2");
        let said = struck(&basic, &format!("Basic {coded} hunter2hunter2"));
        assert!(
            !said.contains("hunter2") && !said.contains(&coded),
            "{said}"
        );
        let value = SecretString::from("Token token=abcdefgh-1");
        let vendor = Auth::Headers(vec![("Authorization".to_owned(), value)]);
        assert_eq!(
            struck(&vendor, "key abcdefgh-1 is wrong"),
            "key ********** is wrong"
        );
        assert!(!format!("{:?}", Secrets::of(&vendor, &[])).contains("abcdefgh"));
    }

    #[test]
    fn a_secret_of_a_body_is_struck_out_too() {
        let key = [SecretString::from("routing-key-1")];
        let mut body = b"no such key: routing-key-1".to_vec();
        Secrets::of(&Auth::None, &key).strike(&mut body);
        assert_eq!(body, b"no such key: *************");
    }

    #[test]
    fn short_secrets_and_other_text_are_left_alone() {
        let short = Auth::Bearer(SecretString::from("1"));
        assert_eq!(struck(&short, "{\"value\":11}"), "{\"value\":11}");
        assert_eq!(struck(&Auth::None, "anything"), "anything");
    }
}
