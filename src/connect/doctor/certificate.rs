//! How long the certificate of a server is still good, and whose it is.

use crate::connect::connector::{Check, Health};
use crate::connect::http::{Http, HttpConfig, snippet};
use crate::domain::time::Timestamp;
use std::time::Duration;
use tokio::time::Instant;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

/// Less than this is left: it may run out before the next time anybody looks, and whoever renews it needs some days.
const DAYS_LEFT_MIN: u64 = 21;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// What a check of it is called.
pub(super) const WHAT: &str = "certificate";

/// Looks at the certificate of a server with TLS, trusted or not.
pub(super) async fn examine(http: &Http, config: &HttpConfig, now: Timestamp) -> Check {
    let started = Instant::now();
    let check = match http.certificate(config).await {
        Ok(Some(der)) => judge(&der, now),
        Ok(None) => Check::new(WHAT, Health::Unknown, "the connection does not tell of it"),
        Err(error) => Check::new(WHAT, Health::Unknown, error.to_string()),
    };
    Check {
        took: started.elapsed(),
        ..check
    }
}

/// Judges a certificate by its own words; who signed it is judged by the handshake.
pub(in crate::connect) fn judge(der: &[u8], now: Timestamp) -> Check {
    let Ok(certificate) = Certificate::from_der(der) else {
        let said = "it cannot be read";
        return Check::new(WHAT, Health::Unknown, said).hint("look at it with `openssl x509`");
    };
    let body = &certificate.tbs_certificate;
    let whose = format!("`{}` by `{}`", body.subject, body.issuer);
    let whose = snippet(whose.as_bytes());
    let (Some(from), Some(until)) = (
        time(&body.validity.not_before),
        time(&body.validity.not_after),
    ) else {
        let said = format!("{whose}: its times cannot be read");
        return Check::new(WHAT, Health::Unknown, said);
    };
    let end = until.to_seconds_text();
    if until <= now {
        let ago = days(now.since(until));
        let said = format!("expired {ago} ago, at {end}: {whose}");
        return Check::new(WHAT, Health::Bad, said).hint("the server needs a new one");
    }
    if now < from {
        let said = format!("is not valid before {}: {whose}", from.to_seconds_text());
        let hint = "look at the clocks of this host and of whoever made it";
        return Check::new(WHAT, Health::Bad, said).hint(hint);
    }
    let left = until.since(now);
    let said = format!("{} left, until {end}: {whose}", days(left));
    if left < DAY.saturating_mul(u32::try_from(DAYS_LEFT_MIN).unwrap_or(u32::MAX)) {
        let hint = "have it renewed before it is needed at night";
        return Check::new(WHAT, Health::Warn, said).hint(hint);
    }
    Check::new(WHAT, Health::Good, said)
}

fn time(time: &x509_cert::time::Time) -> Option<Timestamp> {
    let millis = i64::try_from(time.to_unix_duration().as_millis()).ok()?;
    Some(Timestamp::from_millis(millis))
}

/// `1 day`, `36 days`; whole days that have passed.
fn days(span: Duration) -> String {
    match span.as_secs().checked_div(DAY.as_secs()).unwrap_or(0) {
        1 => "1 day".to_owned(),
        count => format!("{count} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    fn seen(pem: &[u8], now: &str) -> Check {
        let der = CertificateDer::from_pem_slice(pem).expect("a certificate");
        judge(&der, Timestamp::parse(now).expect("a time"))
    }

    #[test]
    fn days_left_decide_and_subject_and_issuer_are_named() {
        let server = include_bytes!("../http/testdata/server.pem");
        let whose = "`CN=warroom test server` by `CN=warroom test authority`";
        let check = seen(server, "2119-12-11T00:00:00Z");
        assert_eq!(check.health, Health::Good);
        let said = format!("21 days left, until 2120-01-01T00:00:00Z: {whose}");
        assert_eq!(check.said, said);
        let check = seen(server, "2119-12-11T00:00:01Z");
        assert_eq!(check.health, Health::Warn);
        assert!(check.said.starts_with("20 days left"), "{check:?}");
        assert!(check.hint.contains("renewed"));
        let check = seen(server, "2119-12-30T12:00:00Z");
        assert!(check.said.starts_with("1 day left"), "{check:?}");
        let check = seen(server, "2120-01-01T00:00:00Z");
        assert_eq!(check.health, Health::Bad);
        let said = format!("expired 0 days ago, at 2120-01-01T00:00:00Z: {whose}");
        assert_eq!(check.said, said);
        let check = seen(server, "2019-12-31T00:00:00Z");
        assert_eq!(check.health, Health::Bad);
        assert!(check.said.contains("is not valid before 2020-01-01"));
    }

    #[test]
    fn what_is_no_certificate_is_not_taken_for_a_good_one() {
        let now = Timestamp::from_millis(0);
        for der in [&b""[..], b"\x30\x03\x02\x01\x05", &[0x30, 0x84, 0xff]] {
            assert_eq!(judge(der, now).health, Health::Unknown);
        }
    }
}
