//! Silences are made and ended. The API knows no key of a write, so the marker stands in the comment and is looked for
//! first; what was made is read back.

use super::member::Member;
use super::request::Wanted;
use super::response::FoundSilence;
use crate::connect::connector::{Order, WriteError, Writer};
use crate::connect::http::{HttpError, snippet};
use crate::connect::mute::{check_until, is_marked};
use crate::domain::reading::SilenceState;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::{Deed, Outcome};
use futures_util::future::{BoxFuture, join_all};
use serde::Deserialize;

/// Longest id of a silence: twice a UUID.
const ID_CHARS_MAX: usize = 72;

/// Makes and ends silences on the members of one cluster: the first that answers does it, and gossip tells the others.
#[derive(Debug)]
pub(in crate::connect) struct SilenceWriter {
    members: Vec<Member>,
}

/// What the members know.
struct Known<'a, T> {
    /// What was found, and by whom.
    found: Vec<(&'a Member, T)>,
    /// Members that answered.
    answered: Vec<&'a Member>,
    /// Why the others did not.
    failed: Vec<String>,
    /// One of those may answer when it is asked again.
    is_hopeful: bool,
}

impl<T> Known<'_, T> {
    /// Refuses when nobody answered: nothing was sent then.
    fn check(&self) -> Result<(), WriteError> {
        if !self.answered.is_empty() {
            return Ok(());
        }
        let what = format!("nothing was changed: {}", self.failed.join("; "));
        Err(if self.is_hopeful {
            WriteError::not_yet(what)
        } else {
            WriteError::refused(what)
        })
    }

    /// Refuses to say that something is not there while a member that may have it is silent.
    fn complete(&self) -> Result<(), WriteError> {
        if self.failed.is_empty() {
            return Ok(());
        }
        Err(WriteError::unclear(format!(
            "not found, but not everybody was asked: {}",
            self.failed.join("; ")
        )))
    }
}

impl SilenceWriter {
    /// Takes the members of one cluster.
    pub(in crate::connect) fn new(members: Vec<Member>) -> Self {
        Self { members }
    }

    /// Carries out [`Deed::Mute`], [`Deed::Unmute`] and [`Deed::Extend`].
    pub(in crate::connect) async fn carry_out(
        &self,
        order: &Order<'_>,
        now: Moment,
    ) -> Result<Outcome, WriteError> {
        match order.deed {
            Deed::Mute {
                matchers,
                until,
                comment,
                ..
            } => {
                let span = (now.wall, *until);
                let wanted = Wanted::new(matchers, span, order.by, (comment, order.marker))?;
                self.mute(&wanted, order.marker).await
            }
            Deed::Unmute { reference } => self.unmute(reference).await,
            Deed::Extend { reference, until } => {
                check_until(*until, now.wall)?;
                self.extend(reference, *until).await
            }
            other => Err(WriteError::refused(format!(
                "an Alertmanager cannot {}",
                other.verb()
            ))),
        }
    }

    /// What became of a write.
    pub(in crate::connect) async fn look_for(
        &self,
        order: &Order<'_>,
    ) -> Result<Option<Outcome>, WriteError> {
        match order.deed {
            Deed::Mute { .. } => {
                let known = self.marked(order.marker).await;
                // A silence that still holds says more than one of an earlier try that was ended.
                let mut found = known.found.iter().map(|(_, found)| found);
                let best = found.clone().find(|f| f.is_live()).or_else(|| found.next());
                let Some(best) = best else {
                    known.complete()?;
                    return Ok(None);
                };
                Ok(Some(done(best)))
            }
            Deed::Unmute { reference } => {
                let known = self.one(check_id(reference)?).await;
                if let Some((_, live)) = known.found.iter().find(|(_, f)| f.is_live()) {
                    tracing::debug!(silence = %live.silence.id, "still holds");
                    return Ok(None);
                }
                known.complete()?;
                Ok(known.found.first().map(|(_, found)| ended(found)))
            }
            Deed::Extend { reference, until } => {
                let known = self.one(check_id(reference)?).await;
                if let Some((_, live)) = known.found.iter().find(|(_, f)| f.is_live()) {
                    return Ok(reaches(live, *until).then(|| done(live)));
                }
                known.complete()?;
                Ok(Some(gone(reference, &known)))
            }
            _ => Ok(None),
        }
    }

    /// Asks all members; what a member knows of is told with it.
    async fn ask<'a, T, F>(&'a self, ask: impl Fn(&'a Member) -> F) -> Known<'a, T>
    where
        F: Future<Output = Result<Vec<T>, HttpError>>,
    {
        let mut known = Known {
            found: Vec::new(),
            answered: Vec::new(),
            failed: Vec::new(),
            is_hopeful: false,
        };
        let answers = join_all(self.members.iter().map(ask)).await;
        for (member, answer) in self.members.iter().zip(answers) {
            match answer {
                Ok(found) => {
                    known.answered.push(member);
                    known.found.extend(found.into_iter().map(|f| (member, f)));
                }
                Err(error) => {
                    let why = format!("{}: {}", member.host(), error.with_hint());
                    known.failed.push(why);
                    known.is_hopeful |= !error.is_permanent();
                }
            }
        }
        known
    }

    async fn marked<'a>(&'a self, marker: &'a str) -> Known<'a, FoundSilence> {
        let ask = |member: &'a Member| async move {
            let all = member.silences().await?.into_iter();
            Ok(all
                .filter(|found| is_marked(&found.silence.comment, marker))
                .collect())
        };
        self.ask(ask).await
    }

    async fn one<'a>(&'a self, id: &'a str) -> Known<'a, FoundSilence> {
        let ask = |member: &'a Member| async move { Ok(Vec::from_iter(member.silence(id).await?)) };
        self.ask(ask).await
    }

    async fn mute(&self, wanted: &Wanted, marker: &str) -> Result<Outcome, WriteError> {
        let known = self.marked(marker).await;
        if let Some((_, found)) = known.found.iter().find(|(_, found)| found.is_live()) {
            return Ok(done(found));
        }
        known.check()?;
        let mut refused = Vec::new();
        for member in known.answered {
            match member.create(wanted).await {
                Ok(id) => return Ok(read_back(member, &id, wanted).await),
                // It never reached this one, so that the next may have it.
                Err(error @ (HttpError::Connect { .. } | HttpError::Tls { .. })) => {
                    refused.push(format!("{}: {}", member.host(), error.with_hint()));
                }
                Err(error) => return Err(write_error(error)),
            }
        }
        Err(WriteError::not_yet(refused.join("; ")))
    }

    /// Moves the end of a silence that holds. One that ends as late already is left as it is, so that a second try does
    /// nothing.
    async fn extend(&self, reference: &str, until: Timestamp) -> Result<Outcome, WriteError> {
        let id = check_id(reference)?;
        let known = self.one(id).await;
        known.check()?;
        let Some((member, live)) = known.found.iter().find(|(_, found)| found.is_live()) else {
            known.complete()?;
            return Ok(gone(reference, &known));
        };
        if reaches(live, until) {
            return Ok(done(live));
        }
        let Some(wanted) = Wanted::moved(live, until) else {
            let what = format!("silence {id} does not say when it began");
            return Err(WriteError::refused(what));
        };
        let new = member.create(&wanted).await.map_err(write_error)?;
        Ok(read_back(member, &new, &wanted).await)
    }

    async fn unmute(&self, reference: &str) -> Result<Outcome, WriteError> {
        let id = check_id(reference)?;
        let known = self.one(id).await;
        known.check()?;
        let Some((member, live)) = known.found.iter().find(|(_, found)| found.is_live()) else {
            known.complete()?;
            return Ok(match known.found.first() {
                Some((_, found)) => ended(found),
                None => Outcome::Failed {
                    what: format!(
                        "no silence `{id}` is known: it was never there, or ended long ago"
                    ),
                },
            });
        };
        member.expire(id).await.map_err(write_error)?;
        Ok(match member.silence(id).await {
            Ok(None) => Outcome::Done {
                reference: id.to_owned(),
                proof: format!("silence {id} is gone"),
            },
            Ok(Some(found)) if !found.is_live() => ended(&found),
            Ok(Some(_)) => Outcome::Accepted {
                reference: id.to_owned(),
                what: format!(
                    "asked to end, and still shown to hold until {}",
                    at(live.silence.until)
                ),
            },
            Err(error) => Outcome::Accepted {
                reference: id.to_owned(),
                what: format!("asked to end; cannot be read back: {}", error.with_hint()),
            },
        })
    }
}

/// Ids go into an address, and come from a person or a journal.
fn check_id(reference: &str) -> Result<&str, WriteError> {
    let is_id = !reference.is_empty()
        && reference.len() <= ID_CHARS_MAX
        && reference
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if is_id {
        Ok(reference)
    } else {
        Err(WriteError::refused(format!(
            "`{}` is not the id of a silence",
            snippet(reference.as_bytes())
        )))
    }
}

/// As for every write; what the server says of a silence that it does not take is told with it.
fn write_error(error: HttpError) -> WriteError {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Body {
        Text(String),
        Object { message: String },
    }
    let said = match &error {
        HttpError::Status {
            code: 400 | 422,
            body,
            ..
        } => serde_json::from_str::<Body>(body).ok(),
        _ => None,
    };
    let mut write = WriteError::from(error);
    if let Some(Body::Text(text) | Body::Object { message: text }) = said {
        write.what = format!("{}: {}", write.what, snippet(text.as_bytes()));
    }
    write
}

async fn read_back(member: &Member, id: &str, wanted: &Wanted) -> Outcome {
    let what = match member.silence(id).await {
        Ok(Some(found)) if !found.is_live() => {
            return Outcome::Failed {
                what: format!("silence {id} was made, and has ended already"),
            };
        }
        Ok(Some(found)) => match difference(&found, wanted) {
            None => return done(&found),
            Some(what) => what,
        },
        Ok(None) => "the server does not know it any more".to_owned(),
        Err(error) => format!("cannot be read back: {}", error.with_hint()),
    };
    Outcome::Accepted {
        reference: id.to_owned(),
        what: format!("made as silence {id} by {}; {what}", member.host()),
    }
}

/// How what is there differs from what was wanted.
fn difference(found: &FoundSilence, wanted: &Wanted) -> Option<String> {
    let mut there = found.matchers.clone();
    let mut asked = wanted.matchers.clone();
    there.sort();
    asked.sort();
    if there != asked {
        return Some(format!("it mutes {}", found.silence.mutes.join(", ")));
    }
    let until = found.silence.until;
    // Some versions keep whole seconds.
    let is_same =
        until.is_some_and(|until| until.as_millis() / 1000 == wanted.until.as_millis() / 1000);
    (!is_same).then(|| format!("it ends at {}", at(until)))
}

/// True when it ends as late as that; some versions keep whole seconds.
fn reaches(found: &FoundSilence, until: Timestamp) -> bool {
    let end = found.silence.until;
    end.is_some_and(|end| end.as_millis() / 1000 >= until.as_millis() / 1000)
}

/// There is no silence any more whose end could be moved.
fn gone(id: &str, known: &Known<'_, FoundSilence>) -> Outcome {
    let proof = match known.found.first() {
        Some((_, found)) => format!("silence {id} ended at {}", at(found.silence.until)),
        None => format!("silence {id} is not known any more"),
    };
    let reference = String::new();
    Outcome::Done { reference, proof }
}

fn at(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "an unknown time".to_owned(), Timestamp::to_seconds_text)
}

fn done(found: &FoundSilence) -> Outcome {
    let silence = &found.silence;
    let state = match silence.state {
        SilenceState::Active => "holds until",
        SilenceState::Pending => "will hold until",
        SilenceState::Expired => "held until",
    };
    Outcome::Done {
        reference: silence.id.clone(),
        proof: format!(
            "read back as silence {}, {state} {}",
            silence.id,
            at(silence.until)
        ),
    }
}

fn ended(found: &FoundSilence) -> Outcome {
    let silence = &found.silence;
    Outcome::Done {
        reference: silence.id.clone(),
        proof: format!(
            "read back: silence {} ended at {}",
            silence.id,
            at(silence.until)
        ),
    }
}

impl Writer for SilenceWriter {
    fn write<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        now: Moment,
    ) -> BoxFuture<'a, Result<Outcome, WriteError>> {
        Box::pin(self.carry_out(order, now))
    }

    fn find<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Option<Outcome>, WriteError>> {
        Box::pin(self.look_for(order))
    }
}
