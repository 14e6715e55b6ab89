//! `warroom journal export`: records of a journal as JSON lines, or one record with all that an offline check needs.

use super::Outcome;
use super::args::{JournalArgs, JournalVerb};
use super::environment::Environment;
use super::verify::{journal_of, no_record, opened};
use crate::config::Secrets;
use crate::domain::digest::Digest;
use crate::domain::fact::{Fact, Signed, Via};
use crate::domain::id::Seq;
use crate::exit::{Code, Failure};
use crate::journal::{ReadError, Reader, Record, facts};
use crate::server::checkpoints::CHECKPOINTS_FILE;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A signed file of keys or checkpoints: more than any team has.
const SIDE_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// `warroom journal`.
pub(super) fn journal(environment: &Environment, args: &JournalArgs) -> Outcome {
    let JournalVerb::Export(args) = &args.verb;
    let file = journal_of(environment, &args.session)?;
    match (&args.raw, args.seq) {
        (Some(dir), Some(seq)) => {
            let people = environment
                .config(Secrets::Skip)
                .ok()
                .and_then(|config| config.people);
            raw(&file, Seq(seq), dir, people.as_deref())
        }
        (Some(_), None) => Err(Failure::new("`--raw` exports one record")
            .hint("name it: `--seq N`; without `--raw` all are listed".to_owned())
            .code(Code::Usage)),
        (None, seq) => list(&file, seq.map(Seq)),
    }
}

/// Reads records in order and gives each to `take`, until it wants no more.
pub(super) fn each(
    file: &Path,
    mut take: impl FnMut(&Record, Seq) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let mut reader = Reader::new(opened(file)?);
    loop {
        match reader.next_record() {
            Ok(Some(entry)) => {
                let record = entry.to_record();
                let seq = record.header().seq;
                if !take(&record, seq)? {
                    return Ok(());
                }
            }
            Ok(None) | Err(ReadError::Torn { .. }) => return Ok(()),
            Err(error) => {
                let hint = format!(
                    "`warroom verify {}` says how far it is intact",
                    file.display()
                );
                return Err(Failure::new(error).hint(hint));
            }
        }
    }
}

fn list(file: &Path, only: Option<Seq>) -> Outcome {
    let mut found = false;
    each(file, |record, seq| {
        if only.is_some_and(|only| only != seq) {
            return Ok(true);
        }
        found = true;
        let stamped = facts::fact_of(record).map_err(Failure::new)?;
        let header = record.header();
        let mut line = serde_json::json!({
            "seq": seq, "hash": stamped.hash, "time": header.time.to_string(), "kind": header.kind,
            "actor": header.actor, "via": header.via, "fact": stamped.fact,
        });
        let is_account = matches!(Via::parse(&header.via), Some(Via::Uid(_)));
        if header.kind == "step.confirmed" && is_account {
            let note = "an account alone, which proves no second person";
            if let Some(line) = line.as_object_mut() {
                line.insert("evidence".to_owned(), note.into());
            }
        }
        super::say(&format!("{line}\n"))?;
        Ok(only.is_none())
    })?;
    if found {
        return Ok(Code::Done);
    }
    Err(no_such(file, only))
}

fn no_such(file: &Path, seq: Option<Seq>) -> Failure {
    let Some(seq) = seq else {
        return no_record(file);
    };
    Failure::new(format!("`{}` does not have record {seq}", file.display())).hint(format!(
        "`warroom verify {}` says how many it has",
        file.display()
    ))
}

/// What is written for one record.
#[derive(Debug, Default)]
struct Parts {
    event: Option<Record>,
    next: Option<Record>,
    /// Body of the newest `step.proposed` up to the record.
    plan: Option<Vec<u8>>,
    session_key: Option<String>,
    /// What a host key signed over it.
    certificate: Option<Signed>,
}

fn raw(file: &Path, wanted: Seq, dir: &Path, people: Option<&Path>) -> Outcome {
    let mut parts = Parts::default();
    each(file, |record, seq| {
        if seq.0 == 0
            && let Fact::SessionOpened(genesis) = facts::fact_of(record).map_err(Failure::new)?.fact
        {
            parts.session_key.clone_from(&genesis.session_key);
            parts.certificate.clone_from(&genesis.certificate);
        }
        if seq <= wanted && record.header().kind == "step.proposed" {
            parts.plan = Some(record.body().to_vec());
        }
        if seq == wanted {
            parts.event = Some(record.clone());
        } else if parts.event.is_some() {
            parts.next = Some(record.clone());
            return Ok(false);
        }
        Ok(true)
    })?;
    let event = parts.event.ok_or_else(|| no_such(file, Some(wanted)))?;
    std::fs::create_dir_all(dir)
        .map_err(|error| Failure::new(format!("cannot make `{}`: {error}", dir.display())))?;
    let mut written = Vec::new();
    let mut put = |name: &str, bytes: &[u8]| -> Result<(), Failure> {
        write_new(&dir.join(name), bytes)?;
        written.push(name.to_owned());
        Ok(())
    };
    put("event", event.header_bytes())?;
    put("body", event.body())?;
    if let Some(plan) = &parts.plan {
        put("plan", plan)?;
    }
    if let Some(next) = &parts.next {
        put("next-event", next.header_bytes())?;
    }
    if let Some(key) = &parts.session_key {
        let line = format!("session namespaces=\"warroom-checkpoint@v1\" {key}\n");
        put("server_signers", line.as_bytes())?;
    }
    if let Some(signed) = &parts.certificate {
        let text = format!("{}{}", signed.statement, signed.signature);
        put("certificate", text.as_bytes())?;
    }
    for (name, list) in [
        ("allowed_signers", "allowed_signers"),
        ("host_signers", "server_signers"),
    ] {
        let path = people.map(|people| people.with_file_name(list));
        if let Some(bytes) = path.as_deref().and_then(read_side) {
            put(name, &bytes)?;
        }
    }
    if let Some(bytes) = read_side(&file.with_file_name(CHECKPOINTS_FILE)) {
        put("checkpoints", &bytes)?;
    }
    super::say(&format!(
        "{}: record {wanted}, {}\nhash  {}\n{}\n",
        dir.display(),
        event.header().kind,
        Digest::of(event.header_bytes()),
        written.join(" ")
    ))?;
    Ok(Code::Done)
}

fn read_side(path: &Path) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let file = File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(SIDE_FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes)
}

/// Never over something that is there: an export is evidence.
fn write_new(path: &PathBuf, bytes: &[u8]) -> Result<(), Failure> {
    let written = File::options()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| {
        Failure::new(format!("cannot write `{}`: {error}", path.display()))
            .hint("name an empty or a new directory".to_owned())
    })
}
