//! `warroom verify`: the hash chain of a journal, record by record.

use super::Outcome;
use super::alone::{Alone, Watch};
use super::args::VerifyArgs;
use super::checkpoints::{Audit, Findings, Gathering};
use super::environment::{Environment, session_dir, session_name};
use super::signatures::{Judge, Signed};
use crate::config::policy::{self, PolicyFiles};
use crate::config::{Guard, Secrets};
use crate::domain::confirm::certificate::Certified;
use crate::domain::fact::Fact;
use crate::domain::id::PersonId;
use crate::evidence::host_key;
use crate::exit::{Code, Failure};
use crate::journal::{self, JOURNAL_FILE, JournalError, facts};
use crate::server::checkpoints::CHECKPOINTS_FILE;
use crate::server::peek::{self, PeekError};
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

/// `warroom verify`.
pub(super) fn verify(environment: &Environment, args: &VerifyArgs) -> Outcome {
    let file = journal_of(environment, &args.session)?;
    let report = chain_of(&file)?;
    // The chain may hold and the facts still not be ours: both must be true.
    let (peeked, impossible) = peek::judge_file(&file).map_err(unfolded)?;
    let Examined {
        found,
        signed,
        alone,
        certified,
        mode,
    } = examine(environment, args, &file)?;
    let own = [&found.faults[..], &signed.faults[..], &alone.faults[..]].concat();
    let faults = [impossible.lines(), own].concat();
    let notes = [signed.notes.as_slice(), &alone.notes].concat();
    let head = report
        .chain
        .prev()
        .map_or_else(|| "none".to_owned(), |hash| hash.to_string());
    let session = report
        .chain
        .session()
        .map_or("none", |session| session.as_str());
    let records = report.chain.next().0;
    let state = peeked.map_or("empty", |peeked| peeked.phase);
    let time = |t: Option<crate::domain::time::Timestamp>| t.map(|t| t.to_string());
    if args.json {
        let value = serde_json::json!({
            "journal": file, "intact": true, "session": session, "records": records, "head": head,
            "bytes": report.bytes, "torn_bytes": report.torn_bytes, "state": state,
            "first_time": time(report.first_time), "last_time": time(report.last_time),
            "mode": mode, "session_key": certified.to_string(), "certified_by": certified_by(&certified),
            "checkpoints": found.count, "covered": found.covered,
            "signatures": signed.good, "unjudged": signed.unjudged, "notes": notes,
            "reviews_owed": alone.owed, "impossible": impossible.named, "faults": faults,
        });
        super::say(&format!("{value}\n"))?;
        return judged(faults.len(), alone.owed.len());
    }
    let mut lines = vec![
        format!("{}: intact", file.display()),
        format!("session  {session} ({state})"),
        format!("mode     {mode}"),
        format!("records  {records}, {} bytes", report.bytes),
    ];
    if let (Some(first), Some(last)) = (time(report.first_time), time(report.last_time)) {
        lines.push(format!("time     {first} to {last}"));
    }
    lines.push(format!("head     {head}"));
    lines.push(match found.covered {
        Some(seq) => format!(
            "signed   {} checkpoints, the newest covers record {seq}",
            found.count
        ),
        None => "signed   no checkpoint covers any record".to_owned(),
    });
    lines.push(format!("key      {certified}"));
    if report.torn_bytes > 0 {
        lines.push(format!(
            "note     {} bytes of an unfinished record at the end; a running session may be writing it",
            report.torn_bytes
        ));
    }
    lines.extend(signed_line(&signed));
    lines.extend(notes.iter().map(|note| format!("note     {note}")));
    lines.extend(alone.owed.iter().map(|owed| format!("OWED     {owed}")));
    lines.extend(faults.iter().map(|fault| format!("FAULT    {fault}")));
    super::say(&format!("{}\n", lines.join("\n")))?;
    judged(faults.len(), alone.owed.len())
}

/// What checkpoints and signatures say.
struct Examined {
    found: Findings,
    signed: Signed,
    alone: Alone,
    /// Whether a host key stands for the session's key.
    certified: Certified,
    /// Which mode held, and whether accounts counted as people.
    mode: &'static str,
}

fn certified_by(certified: &Certified) -> Option<&PersonId> {
    match certified {
        Certified::By(host) => Some(host),
        Certified::No { .. } => None,
    }
}

fn examine(environment: &Environment, args: &VerifyArgs, file: &Path) -> Result<Examined, Failure> {
    let mut audit = audit(file, &args.checkpoints)?;
    let policy = policy(environment, args.people.as_deref())?;
    let mut judge = Judge::new(policy.as_ref().map(|p| (&p.signers, &p.revoked)));
    let mut certified = Certified::no("there is no first record");
    let mut mode = "unknown";
    let mut watch = Watch::default();
    super::journal::each(file, |record, _| {
        let seq = record.header().seq;
        let stamped = facts::fact_of(record).map_err(Failure::new)?;
        if let Fact::SessionOpened(genesis) = &stamped.fact {
            mode = genesis.mode_words();
            certified = match &policy {
                Some(policy) => {
                    host_key::certified(genesis, &policy.server_signers, &policy.revoked)
                }
                None => Certified::no("no list of host keys: name the people file with `--people`"),
            };
        }
        audit.take(seq, record.hash());
        watch.take(&stamped);
        judge.take(record);
        Ok(true)
    })?;
    Ok(Examined {
        found: audit.finish(),
        signed: judge.finish(),
        alone: watch.finish(),
        certified,
        mode,
    })
}

/// Who signed how often; nothing where nobody did.
fn signed_line(signed: &Signed) -> Option<String> {
    if signed.unjudged > 0 {
        return Some(format!(
            "people   {} signatures that were not judged: name the people file with `--people`",
            signed.unjudged
        ));
    }
    let who: Vec<String> = signed
        .good
        .iter()
        .map(|(id, n)| format!("{id} {n}"))
        .collect();
    (!who.is_empty()).then(|| format!("people   signatures are good: {}", who.join(", ")))
}

/// A review that is owed is no fault of the journal, and somebody still has to act.
fn judged(count: usize, owed: usize) -> Outcome {
    if count == 0 && owed > 0 {
        return Ok(Code::AwaitingSecond);
    }
    if count == 0 {
        return Ok(Code::Done);
    }
    let what = if count == 1 {
        "thing does"
    } else {
        "things do"
    };
    let hint =
        "the journal was cut, edited or swapped, or it is held against files of another session";
    Err(Failure::new(format!("{count} {what} not fit the journal")).hint(hint.to_owned()))
}

/// The policy files to judge signatures by, when there are any.
fn policy(environment: &Environment, named: Option<&Path>) -> Result<Option<PolicyFiles>, Failure> {
    // Whoever may write them now says nothing about then; what was in force is in the journal by its digest.
    let load = |file: &Path| {
        policy::load(file, Guard::Draft)
            .map_err(|problems| Failure::new(problems).code(Code::Usage))
    };
    match named {
        Some(file) => load(file).map(Some),
        None => match environment.config(Secrets::Skip)?.people {
            Some(file) => load(&file).map(Some),
            None => Ok(None),
        },
    }
}

/// The checkpoints beside a journal and those that were named, in the journal's order.
fn audit(journal: &Path, named: &[PathBuf]) -> Result<Audit, Failure> {
    let mut first = None;
    super::journal::each(journal, |record, _| {
        let stamped = facts::fact_of(record).map_err(Failure::new)?;
        if let Fact::SessionOpened(genesis) = stamped.fact {
            first = Some((stamped.hash, genesis.session_key));
        }
        Ok(false)
    })?;
    let beside = journal.with_file_name(CHECKPOINTS_FILE);
    let is_there = beside.is_file();
    let mut gathering = Gathering::of(first);
    for path in is_there.then_some(&beside).into_iter().chain(named) {
        let cannot = |error: std::io::Error| {
            Failure::new(format!("cannot read `{}`: {error}", path.display()))
        };
        let file = BufReader::new(File::open(path).map_err(cannot)?);
        let source = path.display().to_string();
        gathering.read(&source, file).map_err(cannot)?;
    }
    Ok(gathering.in_order())
}

/// A session name, a session's directory, or a journal file.
pub(super) fn journal_of(environment: &Environment, named: &str) -> Result<PathBuf, Failure> {
    let path = Path::new(named);
    if path.is_dir() {
        return Ok(path.join(JOURNAL_FILE));
    }
    if named.contains('/') || path.is_file() {
        return Ok(path.to_owned());
    }
    let config = environment.config(Secrets::Skip)?;
    Ok(session_dir(&config, &session_name(named)?).join(JOURNAL_FILE))
}

fn unfolded(error: PeekError) -> Failure {
    let hint = error.hint();
    Failure::new(error).hint(hint)
}

/// The chain of a journal, which holds and is not empty.
fn chain_of(file: &Path) -> Result<journal::Report, Failure> {
    drop(opened(file)?);
    let report = journal::verify_file(file).map_err(failure)?;
    if report.chain.next().0 == 0 {
        return Err(no_record(file));
    }
    Ok(report)
}

fn failure(error: JournalError) -> Failure {
    let hint = error.hint();
    Failure::new(error).hint(hint)
}

/// Opens a journal to read it.
///
/// # Errors
/// Says whether it is not there, or somebody else's.
pub(super) fn opened(file: &Path) -> Result<File, Failure> {
    File::open(file).map_err(|error| {
        let shown = file.display();
        match error.kind() {
            ErrorKind::NotFound => Failure::new(format!("there is no journal `{shown}`"))
                .hint(
                    "name a session of this account, a session's directory, or a journal file"
                        .to_owned(),
                )
                .code(Code::NoSession),
            ErrorKind::PermissionDenied => Failure::new(format!(
                "cannot read `{shown}`: permission denied"
            ))
            .hint("it belongs to another account: ask there, or read a copy of it".to_owned()),
            _ => Failure::new(format!("cannot read `{shown}`: {error}")),
        }
    })
}

/// There is nothing to say of a journal without a record: unknown never passes, and one that somebody has emptied is not intact.
pub(super) fn no_record(file: &Path) -> Failure {
    Failure::new(format!("`{}` has no record", file.display())).hint(
        "a start that failed leaves a journal without one; of a session there is always the first"
            .to_owned(),
    )
}
