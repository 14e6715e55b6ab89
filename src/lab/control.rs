//! The lab's own API: what the steps of a runbook do to the cluster, `POST /lab/v1/ACTION` with a parameter `node`.
//!
//! Needs `Authorization: Bearer TOKEN`. An accepted action is answered with lines of JSON while it goes on: any number
//! of `{"line": TEXT}`, then one `{"done": TEXT}` or `{"stopped": TEXT}`. A refused one is answered with status 409 and
//! `{"refused": TEXT, "hint": TEXT}`. An action goes on when nobody reads any more.

use super::http::{Ask, Body, Reply};
use super::sim::action::{Action, Progress};
use super::world::World;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// Where the API lives.
pub(super) const PREFIX: &str = "/lab/v1/";
/// Between two lines: fast enough to see a count go down.
const LINE_EVERY: Duration = Duration::from_millis(500);
/// Shortest wait between two lines, however fast the lab runs.
const LINE_EVERY_MIN: Duration = Duration::from_millis(10);
/// Lines of one answer: two minutes, four times the longest action.
const LINES_MAX: u32 = 240;

/// An action that was accepted.
#[derive(Debug, Clone)]
pub(super) struct Started {
    action: Action,
    node: Option<String>,
}

/// Starts what a request asks for.
///
/// # Errors
/// The answer that says why not.
pub(super) fn start(world: &World, ask: &Ask) -> Result<Started, Reply> {
    if !ask
        .credential("Bearer ")
        .is_some_and(|token| world.is_token(token))
    {
        let hint = "the token is in `WARROOM_LAB_TOKEN`";
        return Err(refuse(
            StatusCode::UNAUTHORIZED,
            "the token is missing or wrong",
            hint,
        ));
    }
    if ask.method != Method::POST {
        let what = "only POST is answered here";
        return Err(refuse(StatusCode::METHOD_NOT_ALLOWED, what, ""));
    }
    let wanted = ask.path.strip_prefix(PREFIX).unwrap_or_default();
    let Some(action) = Action::from_word(wanted) else {
        let known = Action::ALL.map(|(word, _)| word).join(", ");
        let (what, hint) = (
            format!("there is no action `{wanted}`"),
            format!("actions are {known}"),
        );
        return Err(refuse(StatusCode::NOT_FOUND, &what, &hint));
    };
    let node = ask
        .param("node")
        .filter(|node| !node.is_empty())
        .map(str::to_owned);
    match world.with(|cluster, _| cluster.sim.act(action, node.as_deref())) {
        Ok(()) => Ok(Started { action, node }),
        Err(refusal) => Err(refuse(
            StatusCode::CONFLICT,
            &refusal.to_string(),
            &refusal.hint(),
        )),
    }
}

fn refuse(status: StatusCode, what: &str, hint: &str) -> Reply {
    Reply::json(status, &json!({"refused": what, "hint": hint}))
}

/// The lines of an action while it goes on.
pub(super) fn progress(world: Arc<World>, started: Started) -> Body {
    let pause = LINE_EVERY.div_f64(world.speed.max(1.0)).max(LINE_EVERY_MIN);
    let lines = stream::unfold(Some((world, started, 0)), move |state| async move {
        let (world, started, sent) = state?;
        if sent > 0 {
            tokio::time::sleep(pause).await;
        }
        let (action, node) = (started.action, started.node.as_deref());
        let progress = world.with(|cluster, _| cluster.sim.progress(action, node));
        let (line, goes_on) = match progress {
            Progress::Going(text) if sent < LINES_MAX => (json!({"line": text}), true),
            Progress::Going(text) => (json!({"stopped": format!("takes too long: {text}")}), false),
            Progress::Done(text) => (json!({"done": text}), false),
            Progress::Stopped(text) => (json!({"stopped": text}), false),
        };
        let next = goes_on.then(|| (world, started, sent.saturating_add(1)));
        Some((Ok::<_, Infallible>(frame(&line)), next))
    });
    StreamBody::new(lines).boxed_unsync()
}

fn frame(line: &Value) -> Frame<Bytes> {
    Frame::data(Bytes::from(format!("{line}\n")))
}
