//! What all systems that keep alerts quiet have in common: the marker in the comment, the longest time, and which hosts
//! and services a downtime is for.

use crate::connect::connector::WriteError;
use crate::domain::alert_match::is_host_of;
use crate::domain::time::Timestamp;
use crate::domain::write::Matcher;
use std::time::Duration;

/// Longest time that alerts may be kept quiet from here: what lasts longer than a week is forgotten, and hides what is
/// broken afterwards.
pub(super) const MUTE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Longest comment that is written, characters: a paragraph, and short enough that the marker behind it is never cut
/// off by a system or by ourselves.
const COMMENT_CHARS_MAX: usize = 400;

/// Hosts of one downtime: each is a command of its own in some systems.
const HOSTS_MAX: usize = 100;

/// The comment as one line with the marker behind it: `failover of db-1 [s7f3/2]`.
pub(super) fn marked(comment: &str, marker: &str) -> String {
    let comment: String = comment
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(COMMENT_CHARS_MAX)
        .collect();
    format!("{} [{marker}]", comment.trim())
        .trim_start()
        .to_owned()
}

/// True for a comment that [`marked`] made with this marker.
pub(super) fn is_marked(comment: &str, marker: &str) -> bool {
    comment.contains(&format!("[{marker}]"))
}

/// Refuses an end that has passed, or that is too far away.
pub(super) fn check_until(until: Timestamp, now: Timestamp) -> Result<(), WriteError> {
    if until <= now {
        return Err(WriteError::refused(format!(
            "nothing to keep quiet: it would have ended at {}",
            until.to_seconds_text()
        )));
    }
    if until.since(now) > MUTE_MAX {
        return Err(WriteError::refused(format!(
            "alerts are kept quiet for {} days at most, not until {}",
            MUTE_MAX.as_secs() / (24 * 3600),
            until.to_seconds_text()
        )));
    }
    Ok(())
}

/// What a downtime is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Targets {
    /// Names of components or hosts, in the order of the wish, each once.
    pub(super) hosts: Vec<String>,
    /// Only this service of them; the hosts and all their services when absent.
    pub(super) service: Option<String>,
}

/// Reads a wish as hosts and a service: components are hosts; a label `host` names one where there are no components, a
/// label `service` narrows it to one service. Other labels say what such systems cannot narrow to; without components
/// they would say too little, so they are refused then.
pub(super) fn targets(components: &[String], matchers: &[Matcher]) -> Result<Targets, WriteError> {
    let one = |label: &str| -> Result<Option<String>, WriteError> {
        let mut found = matchers.iter().filter(|matcher| matcher.label == label);
        let first = found.next();
        match (first, found.next()) {
            (None, _) => Ok(None),
            (Some(m), None) if m.is_equal && !m.is_regex && !m.value.is_empty() => {
                Ok(Some(m.value.clone()))
            }
            (Some(matcher), _) => Err(WriteError::refused(format!(
                "a downtime is for one {label} by its exact name, not for {matcher}"
            ))),
        }
    };
    let service = one("service")?;
    let mut hosts: Vec<String> = Vec::new();
    let named: Vec<String> = match components {
        [] => one("host")?.into_iter().collect(),
        _ => components.to_vec(),
    };
    for host in named {
        if !host.trim().is_empty() && !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    if hosts.is_empty() {
        return Err(WriteError::refused(
            "no component and no label `host`: a downtime needs a host",
        ));
    }
    if hosts.len() > HOSTS_MAX {
        return Err(WriteError::refused(format!(
            "a downtime for {} hosts; {HOSTS_MAX} is the most at once",
            hosts.len()
        )));
    }
    Ok(Targets { hosts, service })
}

/// A host of the system that a component can be: its name, and its address or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Host<'a> {
    /// The system's name for it.
    pub(super) name: &'a str,
    /// Its address, or empty.
    pub(super) address: &'a str,
}

/// The host that a component is: by its exact name, else by name without case, with a domain, or by address.
///
/// # Errors
/// Refused when there is none, or more than one: a downtime for the wrong host hides what is broken there.
pub(super) fn host_of<'a>(component: &str, hosts: &[Host<'a>]) -> Result<&'a str, WriteError> {
    if let Some(host) = hosts.iter().find(|host| host.name == component) {
        return Ok(host.name);
    }
    let is_it = |host: &&Host<'_>| {
        is_host_of(host.name, component)
            || (!host.address.is_empty() && host.address.eq_ignore_ascii_case(component.trim()))
    };
    let found: Vec<&str> = hosts.iter().filter(is_it).map(|host| host.name).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(WriteError::refused(format!(
            "no host is called `{component}`, with or without a domain"
        ))),
        [first, second, ..] => Err(WriteError::refused(format!(
            "`{component}` may be `{first}` or `{second}`: name the host exactly"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(label: &str, value: &str) -> Matcher {
        Matcher {
            label: label.to_owned(),
            value: value.to_owned(),
            is_regex: false,
            is_equal: true,
        }
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_marker_is_found_whole_and_survives_any_comment() {
        let long = format!("{}\n\u{1b}[31m", "why ".repeat(400));
        for comment in ["", "  ", "failover", "a [s1/1] of before", &long] {
            let text = marked(comment, "s1/12");
            assert!(is_marked(&text, "s1/12"), "{text}");
            assert!(!is_marked(&text, "s1/2"), "{text}");
            assert!(!text.contains(char::is_control));
        }
        assert_eq!(marked("failover", "s1/12"), "failover [s1/12]");
        assert_eq!(marked("", "s1/12"), "[s1/12]");
        assert!(!is_marked("x [s1/12]", "s1/1"));
    }

    #[test]
    fn an_end_is_in_the_future_and_not_far() {
        let now = Timestamp::from_millis(1_000_000);
        assert!(check_until(now.plus(Duration::from_secs(1)), now).is_ok());
        assert!(check_until(now.plus(MUTE_MAX), now).is_ok());
        for until in [
            now,
            now.minus(Duration::from_secs(1)),
            now.plus(MUTE_MAX * 2),
        ] {
            let error = check_until(until, now).expect_err("refused");
            assert!(!error.unclear);
        }
    }

    #[test]
    fn components_are_hosts_and_labels_narrow_them() {
        let web = Targets {
            hosts: names(&["web-1"]),
            service: None,
        };
        let labels = [matcher("instance", "web-1:9100")];
        assert_eq!(
            targets(&names(&["web-1", "web-1"]), &labels),
            Ok(web.clone())
        );
        assert_eq!(targets(&[], &[matcher("host", "web-1")]), Ok(web.clone()));
        let http = Targets {
            service: Some("http".to_owned()),
            ..web
        };
        let labels = [matcher("host", "web-1"), matcher("service", "http")];
        assert_eq!(targets(&[], &labels), Ok(http));
    }

    #[test]
    fn what_a_downtime_cannot_say_is_refused() {
        let regex = Matcher {
            is_regex: true,
            ..matcher("service", "http.*")
        };
        let negated = Matcher {
            is_equal: false,
            ..matcher("service", "http")
        };
        let web = names(&["web-1"]);
        let many: Vec<String> = (0..101).map(|n| format!("web-{n}")).collect();
        let cases = [
            targets(&[], &[]),
            targets(&names(&[" "]), &[]),
            targets(&[], &[matcher("alertname", "Down")]),
            targets(&web, &[regex]),
            targets(&web, &[negated]),
            targets(&web, &[matcher("service", "a"), matcher("service", "b")]),
            targets(&many, &[]),
        ];
        for case in cases {
            assert!(!case.expect_err("refused").unclear);
        }
    }

    #[test]
    fn a_component_is_one_host_or_none() {
        let host = |name| Host { name, address: "" };
        let by_address = Host {
            name: "edge",
            address: "10.0.0.7",
        };
        let hosts = [
            host("db-1"),
            host("db-1.example.com"),
            host("WEB-1.example.com"),
            host("app-1.a"),
            host("app-1.b"),
            by_address,
        ];
        assert_eq!(host_of("db-1", &hosts), Ok("db-1"));
        assert_eq!(host_of("web-1", &hosts), Ok("WEB-1.example.com"));
        assert_eq!(host_of("10.0.0.7", &hosts), Ok("edge"));
        for (component, part) in [("app-1", "may be"), ("db", "no host"), ("db-2", "no host")] {
            let error = host_of(component, &hosts).expect_err(component);
            assert!(error.what.contains(part), "{error}");
        }
    }
}
