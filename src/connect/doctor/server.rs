//! One server, without knowing what it serves: its name, connection and TLS, certificate, clock, latency.

use super::certificate;
use crate::clock::Clock;
use crate::connect::connector::{Check, Health};
use crate::connect::http::{Http, HttpConfig, HttpError};
use std::time::Duration;
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout};

/// Addresses of one name that are shown; the rest is counted.
const ADDRESSES_SHOWN: usize = 3;
/// A server's clock comes in whole seconds; what is nearer than this cannot be told from rounding.
const SKEW_GOOD_MS: u64 = 2_000;
/// Beyond this, windows, silences and samples of the server mean other times than ours.
const SKEW_BAD_MS: u64 = 30_000;
/// An answer that takes longer makes every poll late.
const LATENCY_GOOD: Duration = Duration::from_secs(1);

/// Looks at one server. Everything but the name needs only that it answers, whatever it answers.
pub(super) async fn examine(config: &HttpConfig, clock: &dyn Clock) -> Vec<Check> {
    let http = match Http::new(config) {
        Ok(http) => http,
        Err(error) => {
            let hint = error.hint().unwrap_or_default();
            return vec![Check::new("settings", Health::Bad, error.to_string()).hint(hint)];
        }
    };
    let name = resolve(&http, config.connect_timeout).await;
    let started = Instant::now();
    let sent = clock.now();
    let first = http.reach().await;
    let took = started.elapsed();
    let received = clock.now();
    let (mut checks, reached) = match first {
        Ok(reached) => (vec![tolerant(name)], reached),
        Err(error) => {
            let mut checks = vec![name];
            // Without a name there is nothing to connect to.
            if checks.iter().all(|check| check.health == Health::Good) {
                checks.push(no_connection(&error));
            }
            // Why a certificate is not taken is often seen by looking at it.
            if matches!(error, HttpError::Tls { .. }) {
                let shown = certificate::examine(&http, config, clock.now().wall).await;
                checks.extend((shown.health != Health::Unknown).then_some(shown));
            }
            return checks;
        }
    };
    let said = format!("{} answers", http.host());
    let what = if http.is_tls() { "TLS" } else { "connection" };
    checks.push(Check {
        took,
        ..Check::new(what, Health::Good, said)
    });
    if http.is_tls() {
        checks.push(certificate::examine(&http, config, clock.now().wall).await);
    }
    if !http.is_tls() && !is_loopback(&http) {
        let said = "not encrypted: credentials can be read on the way";
        checks.push(Check::new("TLS", Health::Warn, said).hint("use `https://`"));
    }
    let middle = i64::midpoint(sent.wall.as_millis(), received.wall.as_millis());
    let skew = reached
        .date
        .map(|date| date.as_millis().saturating_sub(middle));
    checks.push(skew_check(skew));
    checks.push(latency(&http).await);
    checks
}

/// False for a check that says there is no connection; a wrong clock or a slow answer is one.
pub(super) fn is_reached(check: &Check) -> bool {
    let is_way = matches!(
        check.what.as_str(),
        "settings" | "name" | "connection" | "TLS"
    );
    !is_way || check.health != Health::Bad
}

async fn resolve(http: &Http, limit: Duration) -> Check {
    let (host, port) = http.endpoint();
    let started = Instant::now();
    let found = timeout(limit, lookup_host((host.as_str(), port))).await;
    let hint = "look at the spelling of `url`, and at the resolver of this host";
    let check = match found {
        Ok(Ok(addresses)) => {
            let mut all: Vec<String> = addresses.map(|a| a.ip().to_string()).collect();
            all.dedup();
            let more = all.len().saturating_sub(ADDRESSES_SHOWN);
            all.truncate(ADDRESSES_SHOWN);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            Check::new(
                "name",
                Health::Good,
                format!("{host} is {}{more}", all.join(", ")),
            )
        }
        Ok(Err(error)) => Check::new(
            "name",
            Health::Bad,
            format!("cannot resolve {host}: {error}"),
        )
        .hint(hint),
        Err(_) => {
            let said = format!("cannot resolve {host} within {} s", limit.as_secs_f32());
            Check::new("name", Health::Bad, said).hint(hint)
        }
    };
    Check {
        took: started.elapsed(),
        ..check
    }
}

/// Where a proxy resolves names, the answer proves what this host's resolver does not know.
fn tolerant(name: Check) -> Check {
    if name.health == Health::Bad {
        return Check {
            health: Health::Warn,
            hint: "a proxy reached it all the same".to_owned(),
            ..name
        };
    }
    name
}

fn no_connection(error: &HttpError) -> Check {
    let what = if matches!(error, HttpError::Tls { .. }) {
        "TLS"
    } else {
        "connection"
    };
    Check::new(what, Health::Bad, error.to_string()).hint(error.hint().unwrap_or_default())
}

/// Server clock minus ours, milliseconds.
fn skew_check(skew: Option<i64>) -> Check {
    let Some(skew) = skew else {
        return Check::new("clock", Health::Warn, "the server does not tell its time");
    };
    let size = skew.unsigned_abs();
    if size <= SKEW_GOOD_MS {
        return Check::new("clock", Health::Good, "within 2 s of ours");
    }
    let way = if skew > 0 { "ahead of" } else { "behind" };
    let said = format!(
        "{:.1} s {way} ours",
        Duration::from_millis(size).as_secs_f32()
    );
    let health = if size > SKEW_BAD_MS {
        Health::Bad
    } else {
        Health::Warn
    };
    Check::new("clock", health, said).hint("look at time synchronisation of both hosts")
}

/// The second request goes over the open connection, as polls do.
async fn latency(http: &Http) -> Check {
    let started = Instant::now();
    let answer = http.reach().await;
    let took = started.elapsed();
    let check = match answer {
        Ok(_) if took <= LATENCY_GOOD => {
            Check::new("latency", Health::Good, format!("{} ms", took.as_millis()))
        }
        Ok(_) => Check::new("latency", Health::Warn, format!("{} ms", took.as_millis()))
            .hint("polls will be late: make `every` longer"),
        Err(error) => Check::new("latency", Health::Warn, error.to_string())
            .hint("the first request was answered, the second was not"),
    };
    Check { took, ..check }
}

fn is_loopback(http: &Http) -> bool {
    let (host, _) = http.endpoint();
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_off() {
        let health = |skew| skew_check(skew).health;
        assert_eq!(health(Some(-1_900)), Health::Good);
        assert_eq!(health(Some(2_100)), Health::Warn);
        assert_eq!(health(Some(-31_000)), Health::Bad);
        assert_eq!(health(None), Health::Warn);
        assert_eq!(skew_check(Some(-2_500)).said, "2.5 s behind ours");
    }
}
