//! `warroom demo` and `warroom lab`: the simulated cluster, and a session on it.

use super::Outcome;
use super::args::{DemoArgs, LabArgs, LabVerb};
use super::attach;
use super::environment::{self, Environment, session_dir};
use super::run;
use crate::client::link::{Introduction, Target};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config, Secrets};
use crate::domain::id::{PersonId, SessionName};
use crate::exit::{Code, Failure};
use crate::lab::{Lab, LabOptions, demo_runbook};
use crate::server::peek;
use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Who the newcomer is in a demo.
const NEWCOMER: &str = "alice";

/// `warroom demo`.
pub(super) fn demo(environment: &Environment, args: &DemoArgs) -> Outcome {
    let config = environment.config(Secrets::Skip)?;
    let name = environment::session_name(&args.target)?;
    run::refuse_if_live(environment, &config, &name)?;
    if !args.detached {
        attach::settings(environment, &config, &args.look)?;
    }
    clear_old(&session_dir(&config, &name))?;
    let mut extra = vec!["--demo".to_owned(), "-t".to_owned(), name.to_string()];
    if args.partner {
        extra.push("--partner".to_owned());
    }
    run::start_server(environment, &config, &extra)?;
    if args.detached {
        writeln!(
            std::io::stdout(),
            "the demo is running; attach with `warroom attach -t {name}`"
        )
        .ok();
        return Ok(Code::Done);
    }
    let target = Target::Local {
        name: name.clone(),
        runtime_dirs: environment.runtime_dirs(&config),
    };
    let demo_person = PersonId::new(NEWCOMER).ok();
    let introduction = Introduction {
        read_only: false,
        demo_person,
        is_terminal: true,
    };
    let ended = attach::terminal(environment, &config, target, introduction, &args.look);
    writeln!(
        std::io::stdout(),
        "the demo goes on until `warroom kill-session -t {name}`; come back with `warroom attach -t {name}`"
    )
    .ok();
    ended
}

/// A demo leaves nothing worth keeping; anything that is not a demo is left alone.
fn clear_old(dir: &Path) -> Result<(), Failure> {
    match peek::peek(dir) {
        Ok(None) => Ok(()),
        Ok(Some(peeked)) if peeked.is_demo => std::fs::remove_dir_all(dir).map_err(Failure::new),
        Ok(Some(_)) | Err(_) => Err(Failure::new(format!(
            "`{}` is not a demo session",
            dir.display()
        ))
        .hint("choose another name: `warroom demo -t NAME`".to_owned())
        .code(Code::Usage)),
    }
}

/// A running lab and what a session on it needs.
pub(super) struct Prepared {
    lab: Lab,
    runbook: PathBuf,
    token_file: PathBuf,
}

impl Prepared {
    /// Starts the lab and writes its runbook and its token into a directory of their own.
    ///
    /// The token goes into a file and not into the environment of steps, because that is part of the plan, which
    /// everybody sees and the journal keeps.
    pub(super) async fn start(
        environment: &Environment,
        name: &SessionName,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let config = environment.config(Secrets::Skip)?;
        let dir = config.server.state_dir.join(format!(".demo-{name}"));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(Failure::new)?;
        let lab = Lab::start(Arc::clone(clock), LabOptions::default())
            .await
            .map_err(Failure::new)?;
        let (runbook, token_file) = (dir.join("runbook.md"), dir.join("token"));
        std::fs::write(&runbook, demo_runbook(clock.now().wall)).map_err(Failure::new)?;
        std::fs::write(&token_file, lab.token()).map_err(Failure::new)?;
        Ok(Self {
            lab,
            runbook,
            token_file,
        })
    }

    /// The runbook's file.
    pub(super) fn runbook(&self) -> &Path {
        &self.runbook
    }

    /// A configuration that points at the lab; directories are those of the person's own configuration.
    pub(super) fn config(&self, environment: &Environment) -> Result<Config, Failure> {
        let own = environment.config(Secrets::Skip)?;
        let env = environment
            .env
            .clone()
            .with("WARROOM_LAB_TOKEN", self.lab.token());
        let mut config = config::parse(
            Path::new("demo"),
            &self.lab.demo_config(),
            &env,
            Secrets::Fetch,
        )
        .map_err(|problems| Failure::new(problems).code(Code::Usage))?;
        config.server = own.server;
        config.file = own.file;
        Ok(config)
    }

    /// What the steps of the demo runbook need to reach the lab.
    pub(super) fn command_env(&self) -> BTreeMap<String, String> {
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("warroom"));
        BTreeMap::from([
            ("WARROOM".to_owned(), program.display().to_string()),
            ("WARROOM_LAB_ADDR".to_owned(), self.lab.addr().to_string()),
            (
                "WARROOM_LAB_TOKEN_FILE".to_owned(),
                self.token_file.display().to_string(),
            ),
        ])
    }

    /// Ends the lab.
    pub(super) async fn stop(self) {
        self.lab.stop().await;
    }
}

/// `warroom lab` and `warroom lab ctl`.
pub(super) fn lab(environment: &Environment, args: LabArgs) -> Outcome {
    let mut out = std::io::stdout();
    match args.verb {
        Some(LabVerb::Ctl { action, node }) => {
            let addr = variable(environment, "WARROOM_LAB_ADDR")?;
            let token = lab_token(environment)?;
            super::lab::ctl_command(&addr, &token, &action, node.as_deref(), &mut out)
        }
        None => {
            let runtime = environment::client_runtime()?;
            runtime.block_on(super::lab::lab_command(
                Arc::new(SystemClock),
                LabOptions::default(),
                &mut out,
            ))
        }
    }
}

/// The lab's token: from a file for steps of a demo, from the environment for people.
fn lab_token(environment: &Environment) -> Result<String, Failure> {
    match environment.env.get("WARROOM_LAB_TOKEN_FILE") {
        Some(file) => std::fs::read_to_string(file)
            .map(|token| token.trim().to_owned())
            .map_err(|error| {
                Failure::new(format!("cannot read the lab's token `{file}`: {error}"))
            }),
        None => variable(environment, "WARROOM_LAB_TOKEN"),
    }
}

fn variable(environment: &Environment, name: &str) -> Result<String, Failure> {
    environment.env.get(name).map(str::to_owned).ok_or_else(|| {
        Failure::new(format!("`{name}` is not set"))
            .hint("`warroom lab` prints what its steps need".to_owned())
            .code(Code::Usage)
    })
}
