//! `warroom lab` and `warroom lab ctl`.

use crate::clock::Clock;
use crate::exit::{Code, Failure};
use crate::lab::{Action, Lab, LabError, LabOptions, ctl};
use std::io::Write;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Runs the lab alone until SIGINT or SIGTERM, and writes where it is to `out`: URLs, the token, a configuration.
///
/// # Errors
/// When the lab does not start, or `out` cannot be written.
pub async fn lab_command(
    clock: Arc<dyn Clock>,
    options: LabOptions,
    out: &mut dyn Write,
) -> Result<Code, Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::new)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::new)?;
    let lab = Lab::start(clock, options).await.map_err(failure)?;
    out.write_all(introduction(&lab).as_bytes())
        .and_then(|()| out.flush())
        .map_err(Failure::new)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    lab.stop().await;
    Ok(Code::Done)
}

/// What a person sees: a whole configuration file, with the rest as its comments.
fn introduction(lab: &Lab) -> String {
    let systems = [
        "prometheus",
        "alertmanager",
        "netbox",
        "pagerduty",
        "metrics",
        "lab/v1",
    ];
    let urls: Vec<String> = systems
        .iter()
        .map(|system| format!("#   {}\n", lab.url(system)))
        .collect();
    format!(
        "# The demo lab is running until you stop it (Ctrl-C). It answers at:\n{}#\n# Its steps need:\n\
         #   export WARROOM_LAB_ADDR={}\n#   export WARROOM_LAB_TOKEN={}\n#   warroom lab ctl status\n#\n{}",
        urls.concat(),
        lab.addr(),
        lab.token(),
        lab.demo_config()
    )
}

/// `warroom lab ctl ACTION [COMPONENT]`: asks the lab at `addr` for an action and writes its progress to `out`.
///
/// Blocks; the addresses come from `WARROOM_LAB_ADDR` and `WARROOM_LAB_TOKEN`.
///
/// # Errors
/// When there is no such action, or the lab is not there or says no.
pub fn ctl_command(
    addr: &str,
    token: &str,
    action: &str,
    node: Option<&str>,
    out: &mut dyn Write,
) -> Result<Code, Failure> {
    let Some(action) = Action::from_word(action) else {
        let known = Action::ALL.map(|(word, _)| word).join(", ");
        return Err(Failure::new(format!("there is no action `{action}`"))
            .hint(format!("actions are {known}"))
            .code(Code::Usage));
    };
    let done = ctl(addr, token, action, node, out).map_err(failure)?;
    writeln!(out, "{done}").map_err(Failure::new)?;
    Ok(Code::Done)
}

fn failure(error: LabError) -> Failure {
    let hint = error.hint();
    Failure::new(error).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::config::{self, Config, Env, Secrets};
    use crate::connect::query::QuerySpec;
    use crate::connect::registry;
    use crate::domain::reading::Reading;
    use std::path::Path;

    async fn lab() -> (Lab, Arc<dyn Clock>) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let lab = Lab::start(Arc::clone(&clock), LabOptions::default()).await;
        (lab.expect("starts"), clock)
    }

    fn config_of(lab: &Lab) -> Config {
        let variables = [("HOME", "/nowhere"), ("WARROOM_LAB_TOKEN", lab.token())];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let text = introduction(lab);
        config::parse(
            Path::new("demo.toml"),
            &text,
            &Env::new(variables),
            Secrets::Fetch,
        )
        .unwrap_or_else(|problems| panic!("{problems}"))
    }

    #[tokio::test]
    async fn what_is_printed_is_a_configuration_of_the_program() {
        let (lab, _) = lab().await;
        let config = config_of(&lab);
        assert_eq!((config.connectors.len(), config.panels.len()), (4, 5));
        lab.stop().await;
    }

    #[tokio::test]
    async fn the_connectors_of_the_program_understand_the_lab() {
        let (lab, clock) = lab().await;
        let config = config_of(&lab);
        let specs: Vec<QuerySpec> = config.panels.iter().map(QuerySpec::from).collect();
        let sources = registry::build(&config.connectors, &specs, &clock);
        let mut told = Vec::new();
        let built = sources.unwrap_or_else(|errors| panic!("{errors:?}"));
        for mut source in built.into_iter().filter_map(|built| built.source) {
            // The past comes with the poll after the first.
            for _ in 0..2 {
                let readings = source.poll(clock.now()).await;
                told.extend(readings.unwrap_or_else(|error| panic!("{}: {error}", source.name())));
            }
            assert_eq!(source.trouble(), None, "{}", source.name());
        }
        for reading in told {
            match reading {
                Reading::Queries { answers, .. } => {
                    assert_eq!(answers.len(), 5);
                    for answer in answers {
                        let series = answer.result.as_ref().map_or(0, Vec::len);
                        assert!(series > 0, "{answer:?}");
                    }
                }
                Reading::Ranges { answers, .. } => {
                    for answer in answers {
                        let series = answer.result.unwrap_or_else(|why| panic!("{why:?}"));
                        assert!(series.iter().all(|series| series.samples.len() > 200));
                    }
                }
                Reading::Alerts { alerts, .. } => assert_eq!(alerts, []),
                Reading::Components { components, .. } => {
                    assert_eq!(components.len(), 6);
                    let lb = components
                        .iter()
                        .find(|component| component.name == "orders-lb");
                    assert_eq!(lb.map_or(0, |lb| lb.depends_on.len()), 3);
                }
                Reading::OnCalls { on_calls, .. } => {
                    assert_eq!(on_calls.len(), 2);
                    assert!(on_calls.iter().all(|person| !person.next.is_empty()));
                }
                Reading::Incidents { incidents, .. } => assert_eq!(incidents, []),
                Reading::Info { .. }
                | Reading::Health(_)
                | Reading::Silences { .. }
                | Reading::Targets { .. }
                | Reading::AlertRules { .. } => {}
            }
        }
        lab.stop().await;
    }

    #[test]
    fn an_unknown_action_is_a_usage_error() {
        let mut out = Vec::new();
        let failure = ctl_command("127.0.0.1:1", "t", "explode", None, &mut out);
        let failure = failure.expect_err("no such action");
        assert_eq!(failure.code, Code::Usage);
        assert!(failure.hint.is_some_and(|hint| hint.contains("switchover")));
    }
}
