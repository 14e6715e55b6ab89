//! The reviewed plan, read back into what will be executed: `warroom-plan@v1` (`TWO_PERSON` 5.2).

use crate::domain::confirm::plan_doc::{self, PlanInputs};
use crate::domain::digest::Digest;
use crate::domain::doc::{Doc, DocError, Fields};
use crate::domain::id::AttemptNo;
use crate::domain::runbook::plan::{OnExecutorLost, Risk};

/// Most entries of one list: a document has room for no more of them, however short.
const ENTRIES_MAX: u64 = 4096;
/// Written where there is nothing.
const NONE: &str = "none";

/// A plan that cannot be executed from its bytes alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    /// It is not a `warroom-plan@v1` in its fixed order.
    #[error("the plan cannot be read")]
    Doc(#[from] DocError),
    /// It reads, but this program would have written the same command in other bytes.
    #[error("the plan is not written the way this program writes it")]
    Form,
    /// Work that a person does by hand has no process.
    #[error("the plan names no executable: it is work by hand")]
    ByHand,
}

/// A plan with its command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Everything it says.
    pub inputs: PlanInputs,
    /// Path of the executable.
    pub exe: String,
    /// Digest of its bytes.
    pub exe_digest: Digest,
}

/// Reads a plan: its printed form must give the same bytes again.
///
/// # Errors
/// [`PlanFault`].
pub fn read(bytes: &[u8]) -> Result<Plan, PlanFault> {
    let doc = Doc::parse(bytes)?;
    doc.expect_title("warroom-plan", 1)?;
    let mut fields = doc.fields();
    let inputs = inputs(&mut fields)?;
    fields.finish()?;
    let again = plan_doc::render(&inputs).map_err(|_| PlanFault::Form)?;
    if again.as_bytes() != bytes {
        return Err(PlanFault::Form);
    }
    let (exe, exe_digest) = inputs.exe.clone().ok_or(PlanFault::ByHand)?;
    if inputs.argv.is_empty() {
        return Err(PlanFault::ByHand);
    }
    Ok(Plan {
        inputs,
        exe,
        exe_digest,
    })
}

fn inputs(fields: &mut Fields<'_>) -> Result<PlanInputs, DocError> {
    let step = fields.take("step")?.parse()?;
    let attempt_field = fields.take("attempt")?;
    let attempt = u32::try_from(attempt_field.number()?)
        .map_err(|_| attempt_field.refuse("the number of an attempt"))?;
    Ok(PlanInputs {
        step,
        attempt: AttemptNo(attempt),
        risk: word(fields, "risk", "a class of risk", risk_of)?,
        title: text(fields, "title")?,
        target: text(fields, "target")?,
        blast: text(fields, "blast")?,
        runas: text(fields, "runas")?,
        host: text(fields, "host")?,
        cwd: text(fields, "cwd")?,
        exe: exe(fields)?,
        argv: list(fields, "argc", "argv")?,
        env: env(fields)?,
        stdin: text(fields, "stdin")?,
        timeout_s: fields.take("timeout-s")?.number()?,
        on_executor_lost: word(
            fields,
            "on-executor-lost",
            "`continue` or `terminate`",
            lost_of,
        )?,
        guards: list(fields, "guardc", "guard")?,
        undo: text(fields, "undo")?,
    })
}

fn text(fields: &mut Fields<'_>, key: &str) -> Result<String, DocError> {
    fields.take(key)?.text().map(str::to_owned)
}

fn word<T>(
    fields: &mut Fields<'_>,
    key: &str,
    expected: &str,
    of: fn(&str) -> Option<T>,
) -> Result<T, DocError> {
    let field = fields.take(key)?;
    of(field.text()?).ok_or_else(|| field.refuse(expected))
}

fn risk_of(word: &str) -> Option<Risk> {
    [
        Risk::Read,
        Risk::Change,
        Risk::Destructive,
        Risk::Irreversible,
    ]
    .into_iter()
    .find(|risk| risk.as_str() == word)
}

fn lost_of(word: &str) -> Option<OnExecutorLost> {
    [OnExecutorLost::Continue, OnExecutorLost::Terminate]
        .into_iter()
        .find(|lost| lost.as_str() == word)
}

fn exe(fields: &mut Fields<'_>) -> Result<Option<(String, Digest)>, DocError> {
    let path = text(fields, "exe")?;
    let field = fields.take("exe-sha256")?;
    let hex = field.text()?;
    if path == NONE && hex == NONE {
        return Ok(None);
    }
    let digest = Digest::parse(&format!("sha256:{hex}"));
    let digest = digest.map_err(|_| field.refuse("64 lower-case hexadecimal digits"))?;
    Ok(Some((path, digest)))
}

fn list(fields: &mut Fields<'_>, count: &str, entry: &str) -> Result<Vec<String>, DocError> {
    let field = fields.take(count)?;
    let length = field.number()?;
    if length > ENTRIES_MAX {
        return Err(field.refuse("the length of a list that fits a plan"));
    }
    (0..length)
        .map(|index| {
            let value = text(fields, &format!("{entry}.{index}"))?;
            Ok(if value == "\0" { String::new() } else { value })
        })
        .collect()
}

fn env(fields: &mut Fields<'_>) -> Result<Vec<(String, String)>, DocError> {
    let field = fields.take("envc")?;
    let length = field.number()?;
    if length > ENTRIES_MAX {
        return Err(field.refuse("the length of a list that fits a plan"));
    }
    (0..length)
        .map(|index| {
            let field = fields.take(&format!("env.{index}"))?;
            let pair = field.text()?.split_once('=');
            let (name, value) = pair.ok_or_else(|| field.refuse("`NAME=value`"))?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(in crate::enforce) const PLAN: &str = "\
warroom-plan@v1
step: drain-broker-3
attempt: 1
risk: destructive
title: Drain broker 3 and move its leaders away
target: kafka-3.prod.example.net
blast: 1 of 12 brokers; 214 partitions lose one replica
runas: warroom-exec
host: bastion-1.example.net
cwd: /srv/runbooks/kafka
exe: /usr/local/bin/kafka-drain
exe-sha256: 7b1f0e3c5d9a2b4c6e8f0a1b2c3d4e5f60718293a4b5c6d7e8f9010203040506
argc: 4
argv.0: kafka-drain
argv.1: --broker
argv.2: 3
argv.3: --note=caf%C3%A9
envc: 2
env.0: LANG=C
env.1: PATH=/usr/bin:/bin
stdin: empty
timeout-s: 900
on-executor-lost: continue
guardc: 1
guard.0: under_replicated_partitions <= 0 for 120s (value 0, age 4s)
undo: kafka-drain --broker 3 --restore
";

    #[test]
    fn the_published_plan_is_read_as_it_was_written() {
        let plan = read(PLAN.as_bytes()).expect("valid");
        assert_eq!(plan.exe, "/usr/local/bin/kafka-drain");
        assert_eq!(plan.inputs.argv[3], "--note=café");
        assert_eq!(plan.inputs.env[1].0, "PATH");
        assert_eq!(plan.inputs.risk, Risk::Destructive);
    }

    #[test]
    fn a_plan_that_differs_in_form_is_refused() {
        for (right, wrong) in [
            (
                "envc: 2\nenv.0: LANG=C\nenv.1: PATH",
                "envc: 2\nenv.0: PATH=x\nenv.1: LANG",
            ),
            ("argc: 4", "argc: 3"),
            ("argc: 4", "argc: 5"),
            ("argc: 4", "argc: 99999999999"),
            ("env.0: LANG=C", "env.0: LANG"),
            ("risk: destructive", "risk: harmless"),
            ("stdin: empty\n", ""),
            ("undo: ", "more: x\nundo: "),
            ("exe-sha256: 7b", "exe-sha256: 7B"),
        ] {
            let text = PLAN.replacen(right, wrong, 1);
            assert_ne!(text, PLAN, "{right}");
            assert!(read(text.as_bytes()).is_err(), "{wrong}");
        }
        let by_hand = PLAN
            .replace("/usr/local/bin/kafka-drain\n", "none\n")
            .replace(
                "7b1f0e3c5d9a2b4c6e8f0a1b2c3d4e5f60718293a4b5c6d7e8f9010203040506",
                "none",
            );
        assert_eq!(read(by_hand.as_bytes()), Err(PlanFault::ByHand));
    }
}
