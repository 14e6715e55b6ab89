//! `warroom sign` and `warroom confirm`: a signature made on another machine, and its way into the session.

use super::Outcome;
use super::args::{ConfirmArgs, SignArgs};
use super::environment::{self, Environment, client_runtime};
use crate::client::bring::{self, Brought};
use crate::client::link::{Introduction, Target};
use crate::clock::{Clock, SystemClock};
use crate::config::Secrets;
use crate::display;
use crate::domain::confirm::statement::Kind;
use crate::domain::doc::Doc;
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use crate::evidence::agent::{Agent, AgentFault, HeldKey};
use crate::evidence::detached::{DetachedFault, Request, TEXT_MAX, parse_answer};
use crate::exit::{Code, Failure};
use std::io::{BufRead as _, Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

/// How far the clock of this machine may be off (`TWO_PERSON` 2, T9).
const CLOCK_OFF_MAX: Duration = Duration::from_secs(30);
/// Longest line of words that is read.
const WORDS_MAX: u64 = 256;

/// `warroom sign`.
pub(super) fn sign(environment: &Environment, args: &SignArgs) -> Outcome {
    super::harden::harden();
    let request = Request::parse(&read(&args.file)?).map_err(|fault| detached(&fault))?;
    in_time(request.statement(), SystemClock.now().wall)?;
    show(&request);
    compare(&request, args.words.as_deref())?;
    let variable = environment
        .env
        .get("SSH_AUTH_SOCK")
        .map(std::ffi::OsStr::new);
    let agent = Agent::of_settings(args.agent.as_deref(), variable).map_err(|f| agent_fault(&f))?;
    let runtime = client_runtime()?;
    let armour = runtime.block_on(async {
        let held = agent.held().await.map_err(|fault| agent_fault(&fault))?;
        let key = which(&request, &held.keys, args.key.as_deref())?;
        writeln!(
            std::io::stderr(),
            "asking the ssh-agent: touch the key, or answer its question"
        )
        .ok();
        agent
            .sign(
                &key.key,
                request.namespace(),
                request.statement().as_bytes(),
            )
            .await
            .map_err(|fault| agent_fault(&fault))
    })?;
    // Base 64 and two lines of ours: nothing in it needs cleaning.
    super::say(&armour)?;
    Ok(Code::Done)
}

/// The key that signs: the named one, the only one there is, or the one the person chooses. Where the request says whose
/// signature counts, all others are never offered.
fn which<'a>(
    request: &Request,
    held: &'a [HeldKey],
    named: Option<&str>,
) -> Result<&'a HeldKey, Failure> {
    let is_known = !request.keys().is_empty();
    let counts = |key: &&HeldKey| !is_known || request.keys().contains(&key.key.fingerprint());
    let keys: Vec<&HeldKey> = held.iter().filter(counts).collect();
    if let Some(print) = named {
        return named_key(held, &keys, print);
    }
    match keys.as_slice() {
        [one] => Ok(one),
        [] if held.is_empty() => Err(Failure::new("the ssh-agent shows no keys").hint(
            "add one with `ssh-add`; a locked agent shows none until `ssh-add -X`".to_owned(),
        )),
        [] => Err(Failure::new(format!(
            "none of the keys the ssh-agent holds ({}) counts for this",
            held.len()
        ))
        .hint(format!(
            "the request names {}; add that one with `ssh-add`",
            request.keys().join(", ")
        ))),
        several => choose(several, wants_touch(request)),
    }
}

fn named_key<'a>(
    held: &'a [HeldKey],
    counts: &[&'a HeldKey],
    print: &str,
) -> Result<&'a HeldKey, Failure> {
    let is_it = |key: &&HeldKey| key.key.fingerprint() == print;
    if let Some(key) = counts.iter().copied().find(is_it) {
        return Ok(key);
    }
    let offered = counts
        .iter()
        .map(|key| line_of(key))
        .collect::<Vec<_>>()
        .join(", ");
    let why = match held.iter().find(is_it) {
        Some(_) => {
            format!("a signature by `{print}` would not count: the request does not name it")
        }
        None => format!("the ssh-agent holds no key `{print}`"),
    };
    Err(Failure::new(why).hint(format!("it holds: {offered}")))
}

/// A step of the class that wants a touch by default. A request does not say what the class asks here.
fn wants_touch(request: &Request) -> bool {
    let mut lines = request.plan().unwrap_or_default().lines();
    lines.any(|line| line == "risk: irreversible")
}

/// `ssh-ed25519 SHA256:... bob@laptop`, with a word on what a security key wants.
fn line_of(held: &HeldKey) -> String {
    let kind = held.key.kind();
    let touch = if kind.is_security_key() {
        " (wants a touch, maybe a PIN)"
    } else {
        ""
    };
    let comment = display::line(&held.comment);
    let (name, print) = (kind.name(), held.key.fingerprint());
    format!("{name} {print} {}{touch}", comment.as_str())
}

/// Asks at the terminal which key signs.
fn choose<'a>(keys: &[&'a HeldKey], wants_touch: bool) -> Result<&'a HeldKey, Failure> {
    let security = keys.iter().position(|key| key.key.kind().is_security_key());
    let first = security.filter(|_| wants_touch).unwrap_or(0);
    let lines: Vec<String> = keys.iter().map(|key| line_of(key)).collect();
    let mut err = std::io::stderr();
    for (at, line) in lines.iter().enumerate() {
        writeln!(err, "{:>3}  {line}", at.saturating_add(1)).ok();
    }
    let preset = first.saturating_add(1);
    writeln!(
        err,
        "several keys can sign: which number? (enter: {preset})"
    )
    .ok();
    let several = |why: &str| {
        Failure::new(format!("the ssh-agent holds several keys: {why}"))
            .hint(format!("name one with `--key`: {}", lines.join(", ")))
            .code(Code::Usage)
    };
    let typed = ask_terminal().map_err(|_| several("there is no terminal to ask at"))?;
    let number = match typed.trim() {
        "" => Some(preset),
        typed => typed.parse().ok(),
    };
    let at = number.and_then(|number| number.checked_sub(1));
    at.and_then(|at| keys.get(at))
        .copied()
        .ok_or_else(|| several("no key has that number"))
}

/// A statement from the future or the past means that one of two clocks is wrong, or that it is no statement of today.
///
/// A resolve has the times of the proposal that it looks back on (`TWO_PERSON` 5.3). What became of a command is found
/// out when it can be, and an unknown outcome ends by nothing else (4.2): its `expires` is no limit for who signs it now.
fn in_time(statement: &str, now: Timestamp) -> Result<(), Failure> {
    let doc = Doc::parse_statement(statement.as_bytes()).map_err(Failure::new)?;
    let time = |key: &str| {
        let value = doc.get(key).map(<[u8]>::to_vec)?;
        Timestamp::parse(&String::from_utf8(value).ok()?).ok()
    };
    let (Some(issued), Some(expires)) = (time("issued"), time("expires")) else {
        return Err(Failure::new(
            "the statement does not say from when until when it is good",
        ));
    };
    let here = now.to_seconds_text();
    if issued > now.plus(CLOCK_OFF_MAX) {
        let why = format!(
            "it was issued at {}, and this machine has {here}: one of the two clocks is wrong",
            issued.to_seconds_text()
        );
        return Err(Failure::new(why).hint(
            "compare both clocks with a third; nothing is signed until they agree within 30 s"
                .to_owned(),
        ));
    }
    let looks_back = Kind::of(statement) == Some(Kind::Resolve);
    if now > expires.plus(CLOCK_OFF_MAX) && !looks_back {
        let why = format!(
            "it was good until {}, and this machine has {here}",
            expires.to_seconds_text()
        );
        return Err(
            Failure::new(why).hint("have it proposed again, or compare both clocks".to_owned())
        );
    }
    Ok(())
}

/// What is to be read before it is signed: the plan, line by line, then who asks.
fn show(request: &Request) {
    let mut err = std::io::stderr();
    let text = format!(
        "{}\n{}",
        request.plan().unwrap_or("(no plan comes with it)"),
        request.statement()
    );
    writeln!(err, "{}", display::for_terminal(&text)).ok();
}

/// The words of the other screen must be those of this request.
fn compare(request: &Request, given: Option<&str>) -> Result<(), Failure> {
    let words = request.words();
    let typed = if let Some(words) = given {
        words.to_owned()
    } else {
        writeln!(
            std::io::stderr(),
            "words: {}\ncompare them with the other screen, then type them to sign:",
            words.join(" ")
        )
        .ok();
        ask_terminal()?
    };
    if typed.split_ascii_whitespace().eq(words) {
        return Ok(());
    }
    Err(
        Failure::new("these are not the words of this request: nothing was signed")
            .hint("different words mean a different plan: stop, and call the proposer".to_owned()),
    )
}

/// A line from the terminal itself: standard input may hold the request.
fn ask_terminal() -> Result<String, Failure> {
    let tty = std::fs::File::open("/dev/tty").map_err(|error| {
        Failure::new(format!(
            "there is no terminal to type the words in: {error}"
        ))
        .hint("give them with `--words`".to_owned())
        .code(Code::Usage)
    })?;
    let mut line = String::new();
    std::io::BufReader::new(tty.take(WORDS_MAX))
        .read_line(&mut line)
        .map_err(Failure::new)?;
    Ok(line)
}

/// `warroom confirm`.
pub(super) fn confirm(environment: &Environment, args: &ConfirmArgs) -> Outcome {
    let config = environment.config(Secrets::Skip)?;
    let name = environment::target(args.target.as_deref(), environment, &config)?;
    let armour = parse_answer(&read(&args.signature)?).map_err(|fault| detached(&fault))?;
    let signer = args.signer.as_deref().map(PersonId::new).transpose();
    let signer = signer.map_err(|error| Failure::new(error).code(Code::Usage))?;
    let target = Target::Local {
        name,
        runtime_dirs: environment.runtime_dirs(&config),
    };
    let runtime = client_runtime()?;
    let brought = runtime
        .block_on(bring::confirm(
            &target,
            &Introduction::default(),
            signer,
            armour,
        ))
        .map_err(|error| {
            let hint = error.hint();
            Failure::new(error).hint(hint).code(Code::NoSession)
        })?;
    match brought {
        Brought::Counted { step, signer } => {
            super::say(&format!("confirmed: {step} by {signer}\n"))?;
            Ok(Code::Done)
        }
        Brought::Refused(refused) => {
            let hint = Some(refused.hint).filter(|hint| !hint.is_empty());
            Err(Failure::new(refused.reason).hint(hint))
        }
    }
}

/// Text of a file or of standard input, no longer than any request.
fn read(file: &Path) -> Result<String, Failure> {
    let limit = u64::try_from(TEXT_MAX).unwrap_or(u64::MAX);
    let mut text = String::new();
    let done = if file == Path::new("-") {
        std::io::stdin().take(limit).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|open| open.take(limit).read_to_string(&mut text))
    };
    done.map_err(|error| Failure::new(format!("cannot read `{}`: {error}", file.display())))?;
    Ok(text)
}

fn detached(fault: &DetachedFault) -> Failure {
    Failure::new(fault.to_string()).hint(fault.hint().to_owned())
}

fn agent_fault(fault: &AgentFault) -> Failure {
    Failure::new(fault.to_string()).hint(fault.hint().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(title: &str) -> String {
        let doc = Doc::new(title, 1)
            .with("issued", "2026-11-22T04:10:31Z")
            .with("expires", "2026-11-22T04:15:31Z");
        String::from_utf8(doc.print_statement().expect("short")).expect("ASCII")
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("a time")
    }

    #[test]
    fn a_clock_that_is_off_by_more_than_half_a_minute_signs_nothing() {
        let text = statement("warroom-confirm");
        assert!(in_time(&text, at("2026-11-22T04:10:01Z")).is_ok());
        assert!(in_time(&text, at("2026-11-22T04:16:01Z")).is_ok());
        let early = in_time(&text, at("2026-11-22T04:10:00Z")).expect_err("too early");
        assert!(early.chain().contains("one of the two clocks is wrong"));
        let late = in_time(&text, at("2026-11-22T04:16:02Z")).expect_err("too late");
        assert!(
            late.chain()
                .contains("it was good until 2026-11-22T04:15:31Z")
        );
    }

    #[test]
    fn what_looks_back_is_signed_long_after_the_proposal_expired_and_never_before_it_was_issued() {
        let text = statement(Kind::Resolve.title());
        assert!(in_time(&text, at("2026-11-29T04:16:02Z")).is_ok());
        assert!(in_time(&text, at("2026-11-22T04:10:00Z")).is_err());
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Resolve) {
            let late = in_time(&statement(kind.title()), at("2026-11-29T04:16:02Z"));
            assert!(late.is_err(), "{}", kind.title());
        }
    }
}
