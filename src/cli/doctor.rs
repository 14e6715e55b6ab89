//! `warroom doctor`: proves every configured integration, before a runbook exists.

mod runbook;
mod scope;

use super::Outcome;
use super::args::DoctorArgs;
use super::environment::{Environment, client_runtime};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Guard, Secrets, policy};
use crate::connect::connector::{Check, Connector, Health};
use crate::connect::doctor::{self, Finding};
use crate::domain::id::ConnectorName;
use crate::enforce::client;
use crate::exit::{Code, Failure};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

/// Widest column of what was looked at: longer texts push theirs to the right.
const WHAT_CHARS_MAX: usize = 40;

/// `warroom doctor`.
pub(super) fn doctor(environment: &Environment, args: &DoctorArgs) -> Outcome {
    let config = environment.config(Secrets::Fetch)?;
    let asked = selected(&config, &args.names)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let runtime = client_runtime()?;
    let mut findings = runtime.block_on(doctor::examine(&asked, &clock));
    if args.page {
        let by = environment.env.get("USER").unwrap_or("somebody");
        let paged = runtime.block_on(doctor::page(&asked, &clock, by));
        if paged.is_empty() {
            writeln!(std::io::stderr(), "no configured connector can page").ok();
        }
        join(&mut findings, paged);
    }
    let host = host(environment, &config);
    let asked = args.runbook.as_deref();
    let asked = asked.map(|file| runbook::examine(&config, file, &clock, &runtime));
    let asked = asked.transpose()?.unwrap_or_default();
    if args.json {
        super::say(&format!("{}\n", json(&config, &host, &asked, &findings)))?;
    } else {
        super::say(&text(&config, &host, &asked, &findings))?;
    }
    let worst = findings.iter().map(Finding::worst);
    let others = host.iter().chain(&asked);
    let worst = worst.chain(others.map(|check| check.health));
    let is_well = worst
        .into_iter()
        .all(|h| matches!(h, Health::Good | Health::Warn));
    Ok(if is_well { Code::Done } else { Code::Failure })
}

/// The connectors that were named, or all.
fn selected(config: &Config, names: &[String]) -> Result<Vec<Arc<dyn Connector>>, Failure> {
    let mut asked = Vec::new();
    for name in names {
        let found = config.connectors.iter().find(|c| c.name().as_str() == name);
        let Some(found) = found else {
            let known: Vec<&str> = config
                .connectors
                .iter()
                .map(|c| c.name().as_str())
                .collect();
            let hint = if known.is_empty() {
                "none is configured".to_owned()
            } else {
                format!("configured are {}", known.join(", "))
            };
            let failure = Failure::new(format!("no connector is called `{name}`"));
            return Err(failure.hint(hint).code(Code::Usage));
        };
        asked.push(Arc::clone(found));
    }
    Ok(if names.is_empty() {
        config.connectors.clone()
    } else {
        asked
    })
}

/// Test pages stand with the connector they went through.
fn join(findings: &mut [Finding], paged: Vec<Finding>) {
    for page in paged {
        let same = |finding: &&mut Finding| finding.connector == page.connector;
        if let Some(finding) = findings.iter_mut().find(same) {
            finding.checks.extend(page.checks);
        }
    }
}

/// What this host needs besides the integrations.
fn host(environment: &Environment, config: &Config) -> Vec<Check> {
    let mut checks = vec![writable("journals", &config.server.state_dir)];
    checks.push(writable("sockets", &environment.runtime_dir(config)));
    checks.push(scope::check(&config.server));
    checks.push(match &config.people {
        None => Check::new(
            "people",
            Health::Good,
            "every Unix account is the person of its name",
        ),
        Some(file) => match policy::load(file, Guard::Installed) {
            Ok(files) => {
                let said = format!(
                    "{} people in {}",
                    files.people.iter().count(),
                    file.display()
                );
                Check::new("people", Health::Good, said)
            }
            Err(problems) => Check::new("people", Health::Bad, problems.to_string()),
        },
    });
    checks.push(mode(config));
    checks
}

/// Which mode new sessions have, and why.
fn mode(config: &Config) -> Check {
    let Some(link) = &config.runner else {
        let said = "ADVISORY: no `[runner]`; whoever owns the server's account can run the commands by hand";
        return Check::new("mode", Health::Good, said);
    };
    let bad = |why: String| {
        Check::new("mode", Health::Bad, why)
            .hint("sessions do not start; `docs/enforced.md` says how the runner is set up")
    };
    let asked = client_runtime().map(|runtime| runtime.block_on(client::hello(link)));
    let facts = match asked {
        Ok(Ok(facts)) => facts,
        Ok(Err(error)) => return bad(format!("{error}; {}", error.hint())),
        Err(failure) => return bad(failure.chain()),
    };
    let own = config.people.as_deref();
    let own = own.and_then(|file| policy::load(file, Guard::Installed).ok());
    let own = own.map(|files| files.digests.to_digest());
    match (facts.policy, own) {
        (None, _) => bad(format!(
            "the runner cannot read its policy: {}",
            facts.policy_error
        )),
        (Some(_), None) => bad("an enforced session needs a people file: `[people]`".to_owned()),
        (Some(theirs), Some(ours)) if theirs != ours => bad(format!(
            "the runner decides by policy {theirs}, and this configuration names {ours}"
        )),
        (Some(_), Some(_)) => Check::new(
            "mode",
            Health::Good,
            format!(
                "ENFORCED: {} runs what two people confirmed, and its way back for {} h, as `{}`; a stop reaches its {}; \
                 classes `read` and `change`, checks and verifies run in the account of the session server",
                facts.program, facts.undo_hours, facts.account, facts.reach
            ),
        ),
    }
}

/// A directory that a session will be made in; it may not exist yet, but then what is above it must take it.
fn writable(what: &str, dir: &Path) -> Check {
    use rustix::fs::{Access, access};
    let existing = dir.ancestors().find(|above| above.exists());
    let shown = dir.display();
    match existing.map(|above| access(above, Access::WRITE_OK | Access::EXEC_OK)) {
        Some(Ok(())) => Check::new(what, Health::Good, shown.to_string()),
        Some(Err(error)) => Check::new(what, Health::Bad, format!("{shown}: {error}"))
            .hint("the account that runs sessions must be able to write there"),
        None => Check::new(
            what,
            Health::Bad,
            format!("{shown}: there is no such place"),
        ),
    }
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Good => "ok",
        Health::Warn => "warn",
        Health::Bad => "BAD",
        Health::Unknown => "unknown",
    }
}

fn text(config: &Config, host: &[Check], asked: &[Check], findings: &[Finding]) -> String {
    let file = config.file.as_ref().map_or_else(
        || "none; all settings are defaults".to_owned(),
        |file| file.display().to_string(),
    );
    let mut out = vec!["this host".to_owned()];
    let mut checks = vec![Check::new("configuration", Health::Good, file)];
    checks.extend_from_slice(host);
    out.extend(lines(&checks));
    for finding in findings {
        let name = one_line(finding.connector.as_str());
        out.push(format!("{name} ({})", finding.system));
        out.extend(lines(&finding.checks));
    }
    if !asked.is_empty() {
        out.push("the runbook's queries, asked once".to_owned());
        out.extend(lines(asked));
    }
    out.push(format!("{}\n", summary(findings)));
    out.join("\n")
}

/// The checks of one system under each other, in columns.
fn lines(checks: &[Check]) -> Vec<String> {
    let widths = checks.iter().map(|check| check.what.chars().count());
    let width = widths.max().unwrap_or(0).min(WHAT_CHARS_MAX);
    checks
        .iter()
        .flat_map(|check| entry(check, width))
        .collect()
}

/// One line for what was seen, and one for what to do about it.
fn entry(check: &Check, width: usize) -> Vec<String> {
    let took = if check.took.is_zero() {
        String::new()
    } else {
        format!("  ({} ms)", check.took.as_millis())
    };
    let (what, said) = (one_line(&check.what), one_line(&check.said));
    let mut lines = vec![format!(
        "  {:7}  {what:width$}  {said}{took}",
        word(check.health)
    )];
    if !check.hint.is_empty() {
        let hint = one_line(&check.hint);
        lines.push(format!("  {:7}  {:width$}  hint: {hint}", "", ""));
    }
    lines
}

fn summary(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "no integration is configured; see config.example.toml".to_owned();
    }
    let count = |health| findings.iter().filter(|f| f.worst() == health).count();
    let parts = [Health::Good, Health::Warn, Health::Unknown, Health::Bad].map(|health| {
        let number = count(health);
        (number > 0).then(|| format!("{number} {}", word(health)))
    });
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let plural = if findings.len() == 1 { "" } else { "s" };
    format!(
        "{} integration{plural}: {}",
        findings.len(),
        parts.join(", ")
    )
}

/// Words of other systems, made safe to print.
fn one_line(text: &str) -> String {
    crate::display::one_line(text)
}

fn json(
    config: &Config,
    host: &[Check],
    asked: &[Check],
    findings: &[Finding],
) -> serde_json::Value {
    let check = |check: &Check| {
        serde_json::json!({
            "what": check.what, "health": word(check.health).to_lowercase(), "said": check.said,
            "hint": check.hint, "took_ms": u64::try_from(check.took.as_millis()).unwrap_or(u64::MAX),
        })
    };
    let connector = |finding: &Finding| {
        let name: &ConnectorName = &finding.connector;
        serde_json::json!({
            "connector": name, "system": finding.system,
            "health": word(finding.worst()).to_lowercase(),
            "checks": finding.checks.iter().map(check).collect::<Vec<_>>(),
        })
    };
    serde_json::json!({
        "configuration": config.file,
        "host": host.iter().map(check).collect::<Vec<_>>(),
        "runbook": asked.iter().map(check).collect::<Vec<_>>(),
        "connectors": findings.iter().map(connector).collect::<Vec<_>>(),
    })
}
