//! `warroom verify`: the hash chain of a journal, record by record.

use super::Outcome;
use super::args::VerifyArgs;
use super::environment::{Environment, session_dir, session_name};
use crate::config::Secrets;
use crate::exit::{Code, Failure};
use crate::journal::{self, JOURNAL_FILE, JournalError};
use crate::server::peek;
use std::path::{Path, PathBuf};

/// `warroom verify`.
pub(super) fn verify(environment: &Environment, args: &VerifyArgs) -> Outcome {
    let file = journal_of(environment, &args.session)?;
    let report = journal::verify_file(&file).map_err(|error| failure(error, &file))?;
    // The chain may hold and the facts still not be ours: both must be true.
    let peeked = peek::peek_file(&file).map_err(|error| {
        let hint = error.hint();
        Failure::new(error).hint(hint)
    })?;
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
        });
        super::say(&format!("{value}\n"))?;
        return Ok(Code::Done);
    }
    let mut lines = vec![
        format!("{}: intact", file.display()),
        format!("session  {session} ({state})"),
        format!("records  {records}, {} bytes", report.bytes),
    ];
    if let (Some(first), Some(last)) = (time(report.first_time), time(report.last_time)) {
        lines.push(format!("time     {first} to {last}"));
    }
    lines.push(format!("head     {head}"));
    if report.torn_bytes > 0 {
        lines.push(format!(
            "note     {} bytes of an unfinished record at the end; a running session may be writing it",
            report.torn_bytes
        ));
    }
    super::say(&format!("{}\n", lines.join("\n")))?;
    Ok(Code::Done)
}

/// A session name, a session's directory, or a journal file.
fn journal_of(environment: &Environment, named: &str) -> Result<PathBuf, Failure> {
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

fn failure(error: JournalError, file: &Path) -> Failure {
    let hint = error.hint();
    let is_missing = !file.exists();
    let failure = Failure::new(error);
    if is_missing {
        failure
            .hint(
                "name a session of this account, a session's directory, or a journal file"
                    .to_owned(),
            )
            .code(Code::NoSession)
    } else {
        failure.hint(hint)
    }
}
