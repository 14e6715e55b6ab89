//! `warroom radius FILE`: what stands and falls with what a runbook touches, before there is a session.

use super::Outcome;
use super::args::RadiusArgs;
use super::environment::{Environment, client_runtime};
use super::pinned;
use crate::clock::{Clock, SystemClock};
use crate::config::{Env, Secrets};
use crate::connect::connector::Connector;
use crate::display::one_line;
use crate::domain::board::Board;
use crate::domain::radius::{self, Given, Member, Post, Radius, known_by};
use crate::domain::reading::{ConnectorHealth, Liveness, Reading};
use crate::exit::{Code, Failure};
use crate::server::around;
use crate::server::git::{self, Surroundings};
use crate::server::{claims_of, pin};
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// Beyond a source's own deadline: what it needs to say that it was too late.
const GRACE: Duration = Duration::from_secs(1);

/// `warroom radius`.
pub(super) fn radius(environment: &Environment, args: &RadiusArgs) -> Outcome {
    let config = environment.config(Secrets::Fetch)?;
    let checked = pinned::check_in(&args.file, None)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let runtime = client_runtime()?;
    let catalog = if checked.needs_cmdb() {
        Some(runtime.block_on(super::cmdb::read(&config, &clock))?)
    } else {
        None
    };
    let loaded = checked.pin(catalog.as_ref())?;
    let board = runtime.block_on(ask(&config.connectors, &clock));
    let surroundings = Surroundings {
        env: environment.git_env(),
        signers: None,
    };
    let git = git::look(&loaded.path, loaded.digest, &surroundings);
    let mut posts = own_posts(&environment.env, None);
    posts.extend(around::posts(
        &pin::host_name(),
        &config.connectors,
        Some(&git),
    ));
    let others = claims_of(&config.server.scope_dir);
    let radius = radius::of(&Given {
        plan: &loaded.plan,
        board: &board,
        rules: &BTreeMap::new(),
        depth: args.depth.unwrap_or(config.server.radius_depth),
        posts: &posts,
        others: &others,
    });
    if args.json {
        let json = serde_json::to_string_pretty(&radius).map_err(Failure::new)?;
        super::say(&format!("{json}\n"))?;
    } else {
        super::say(&text(&loaded.plan.title, &radius))?;
    }
    Ok(Code::Done)
}

/// What every connector says once, all asked at the same time; those that do not answer are on the board as such.
async fn ask(connectors: &[Arc<dyn Connector>], clock: &Arc<dyn Clock>) -> Board {
    let asked = connectors.iter().map(|connector| async move {
        let failed = |what: String| vec![health(connector.as_ref(), what)];
        let mut source = match connector.source(&[], clock) {
            Ok(Some(source)) => source,
            Ok(None) => return Vec::new(),
            Err(error) => return failed(error.to_string()),
        };
        let limit = source.deadline().saturating_add(GRACE);
        match tokio::time::timeout(limit, source.poll(clock.now())).await {
            Ok(Ok(mut readings)) => {
                readings.push(health(connector.as_ref(), String::new()));
                readings
            }
            Ok(Err(error)) => failed(error.what),
            Err(_) => failed(format!("no answer within {} s", limit.as_secs())),
        }
    });
    let mut board = Board::default();
    for reading in join_all(asked).await.into_iter().flatten() {
        board.absorb(reading);
    }
    board
}

fn health(connector: &dyn Connector, last_error: String) -> Reading {
    let is_good = last_error.is_empty();
    Reading::Health(ConnectorHealth {
        connector: connector.name().clone(),
        system: connector.system().to_owned(),
        liveness: if is_good {
            Liveness::Live
        } else {
            Liveness::Never
        },
        last_good: None,
        failures: u32::from(!is_good),
        last_error,
        next_try: None,
        latency: Duration::ZERO,
        can: connector.abilities(),
    })
}

/// What whoever is at this terminal stands on: where they come from, and the host they are on or go through.
pub(super) fn own_posts(env: &Env, through: Option<&str>) -> Vec<Post> {
    let host = pin::host_name();
    let hosts = around::hosts_file();
    let post = |what: &str, typed: Vec<String>| Post {
        what: what.to_owned(),
        hosts: known_by(&hosts, &host, &typed),
    };
    let here = || vec![host.clone()];
    // Address and port of both ends, as sshd(8) says.
    let connection = env.get("SSH_CONNECTION").unwrap_or_default();
    let words: Vec<&str> = connection.split_whitespace().collect();
    let mut posts = match words.as_slice() {
        [from, _, to, _] => vec![
            post("this terminal", vec![(*from).to_owned()]),
            post(
                "your bastion",
                here().into_iter().chain([(*to).to_owned()]).collect(),
            ),
        ],
        _ => vec![post("this terminal", here())],
    };
    if let Some(through) = through {
        let name = through.rsplit_once('@').map_or(through, |(_, host)| host);
        posts.push(post(
            "the bastion you attach through",
            vec![name.to_owned()],
        ));
    }
    posts
}

fn text(title: &str, radius: &Radius) -> String {
    let mut text = format!("{}\n", one_line(title));
    for line in radius.summary() {
        writeln!(text, "{:<9}{}", line.word.as_str(), one_line(&line.text)).ok();
    }
    let mut distance = None;
    for member in &radius.members {
        if distance != Some(member.distance) {
            distance = Some(member.distance);
            match member.distance {
                0 => writeln!(text, "\ntouched").ok(),
                1 => writeln!(text, "\nneeds it").ok(),
                steps => writeln!(text, "\nneeds it in {steps} steps").ok(),
            };
        }
        writeln!(text, "  {}", one_line(&row(member))).ok();
    }
    if let Some(more) = radius.more() {
        writeln!(text, "  {more}").ok();
    }
    if !radius.groups.is_empty() {
        writeln!(text, "\nredundancy").ok();
    }
    for group in &radius.groups {
        writeln!(text, "  {}", one_line(&group.line().text)).ok();
    }
    if !radius.posts.is_empty() {
        writeln!(text, "\nwhat you stand on").ok();
    }
    for post in &radius.posts {
        writeln!(text, "  {}", one_line(&post.line().text)).ok();
    }
    text
}

/// `shop: quiet; tier 1; owner payments; on call Mira (payments); needs orders-db-1`
fn row(member: &Member) -> String {
    let mut row = format!("{}: {}", member.name, member.state_words());
    for (label, value) in [("tier ", &member.tier), ("owner ", &member.owner)] {
        if !value.is_empty() {
            let label = if value.contains(label.trim()) {
                ""
            } else {
                label
            };
            write!(row, "; {label}{value}").ok();
        }
    }
    let people = match member.on_call.as_slice() {
        [] => "nobody known".to_owned(),
        people => people.join(", "),
    };
    write!(row, "; on call {people}").ok();
    if !member.needs.is_empty() {
        write!(row, "; needs {}", member.needs.join(", ")).ok();
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(connection: Option<&str>, through: Option<&str>) -> Vec<(String, String)> {
        let variables = connection.map(|value| ("SSH_CONNECTION".to_owned(), value.to_owned()));
        let posts = own_posts(&Env::new(variables), through).into_iter();
        posts
            .map(|post| (post.what, post.hosts.join(" ")))
            .collect()
    }

    #[test]
    fn who_came_by_ssh_stands_on_where_they_came_from_and_on_this_host() {
        let host = pin::host_name().to_lowercase();
        let posts = told(Some("192.0.2.7 50022 192.0.2.1 22"), None);
        let whats: Vec<&str> = posts.iter().map(|(what, _)| what.as_str()).collect();
        assert_eq!(whats, ["this terminal", "your bastion"]);
        assert_eq!(posts[0].1, "192.0.2.7");
        assert!(
            posts[1].1.starts_with(&host) && posts[1].1.contains("192.0.2.1"),
            "{posts:?}"
        );
        for broken in [None, Some("192.0.2.7"), Some("a b c d e")] {
            let posts = told(broken, None);
            assert_eq!(posts.len(), 1, "{broken:?}");
            assert!(posts[0].1.starts_with(&host), "{posts:?}");
        }
        let through = told(None, Some("mira@Bastion-2.example"));
        assert_eq!(through[1].1, "bastion-2.example");
    }
}
